"""Moments of subscales and of the totals that follow from them, and the correlation matrix nearest to an impossible one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fortems.study.definition import study

if TYPE_CHECKING:
    from fortems.simulate.stated import Scenario
    from fortems.study.instruments import Instrument

SMALLEST = 1e-4  # eigenvalue of a correlation matrix that is offered
PROJECTIONS = 200


@dataclass(frozen=True)
class Population:
    """True moments of the scores of a scenario, at both levels.

    Attributes
    ----------
    variables : tuple of str, length V
        Subscales and totals, in the order of the scores table.
    mean : ndarray, shape (V,)
        Sum-score units.
    within, between : ndarray, shape (V, V)
        Σ_W and Σ_B: covariances of the clients' and of the therapists' parts.
    """

    variables: tuple[str, ...]
    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Σ_T = Σ_W + Σ_B."""
        return self.within + self.between

    @property
    def sd(self) -> np.ndarray:
        """Standard deviations over all clients."""
        return np.sqrt(np.diag(self.total))

    @property
    def icc(self) -> np.ndarray:
        """Share of each variance that lies between therapists."""
        return np.diag(self.between) / np.diag(self.total)

    def correlation(self, level: str = "total") -> np.ndarray:
        """Return the correlations of a level: ``total``, ``within`` or ``between`` (NaN where no variance)."""
        return as_correlation(getattr(self, level))


def as_correlation(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance matrix as correlations, NaN in the rows without variance."""
    variance = np.diag(covariance)
    scale = np.where(variance > 0, 1 / np.sqrt(np.where(variance > 0, variance, 1)), np.nan)
    return covariance * np.outer(scale, scale)


def stated_population(scenario: Scenario, instruments: Mapping[str, Instrument]) -> Population:
    """Return the moments that a scenario states, with those of the totals that follow from them."""
    scales = scenario.scales.values()
    sd = np.array([scale.sd for scale in scales])
    root = sd * np.sqrt([scale.icc for scale in scales])
    total = np.outer(sd, sd) * scenario.correlations
    between = np.outer(root, root) * scenario.between_correlations
    mean = np.array([scale.mean for scale in scales])
    return with_totals(scenario.variables, mean, total - between, between, instruments)


def with_totals(
    variables: tuple[str, ...],
    mean: np.ndarray,
    within: np.ndarray,
    between: np.ndarray,
    instruments: Mapping[str, Instrument],
) -> Population:
    """Add the instruments' totals to the moments of subscales: a total is the sum of its parts."""
    names, summing = total_weights(variables, instruments)
    return Population(names, summing @ mean, summing @ within @ summing.T, summing @ between @ summing.T)


def total_weights(
    variables: tuple[str, ...], instruments: Mapping[str, Instrument]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names with totals in the order of the scores table, and the 0/1 matrix that sums to them.

    Returns
    -------
    tuple of str, length W
        Subscales and totals.
    ndarray, shape (W, V)
        Each row sums the subscales that make the score.
    """
    parts = {name: [name] for name in variables}
    for instrument in instruments.values():
        if instrument.total is not None:
            parts[instrument.total] = list(instrument.subscales)
    names = [name for name in study().scales if name in parts]
    names += [name for name in parts if name not in names]
    weights = np.array([[float(variable in parts[name]) for variable in variables] for name in names])
    return tuple(names), weights


def nearest_correlation(matrix: np.ndarray) -> np.ndarray:
    """Return the nearest correlation matrix (Frobenius norm) with eigenvalues of about ``SMALLEST`` or more.

    Alternating projections with Dykstra's correction (Higham, 2002, IMA J. Numer. Anal. 22, algorithm 3.3).
    """
    current, correction = np.array(matrix, dtype=float), np.zeros_like(matrix, dtype=float)
    for _ in range(PROJECTIONS):
        shifted = current - correction
        values, vectors = np.linalg.eigh(shifted)
        projected = (vectors * np.maximum(values, SMALLEST)) @ vectors.T
        correction = projected - shifted
        current = projected.copy()
        np.fill_diagonal(current, 1.0)
    return current
