"""Mediation corrected for unreliability: error variances fixed from reliabilities.

With σ²_total the variance of a score and rel its reliability in total scores, its error variance is
θ = (1 − rel) σ²_total. Errors belong to clients, so they are taken off the within covariances (or, for the single
level, off the total ones): Σ* = Σ − diag(θ). A model of three variables is saturated, so its maximum-likelihood
estimates with single indicators of fixed error variance are the regressions in Σ*. Where θ reaches the variance
that it is taken from, or Σ* is not definite, the estimate is withheld.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import ndtri

from fortems.stats.arrays import Array


@dataclass(frozen=True)
class Reliability:
    """Reliability of a score in total scores, with its interval (95 % by default)."""

    estimate: float
    low: float
    high: float

    def draws(self, size: int, rng: np.random.Generator, confidence: float = 0.95) -> Array:
        """Return draws whose ln(1 − rel) is normal with the interval's width (Bonett, 2002)."""
        low, high = np.log1p(-self.low), np.log1p(-self.high)
        se = (low - high) / (2 * ndtri(0.5 + confidence / 2))
        return 1.0 - np.exp(np.log1p(-self.estimate) + se * rng.standard_normal(size))


def corrected_effects(covariances: Array, totals: Array, reliabilities: Array) -> Array:
    """Return a, b, direct, indirect and total effect without measurement error.

    Parameters
    ----------
    covariances : ndarray (..., 3, 3)
        Of predictor, mediator, outcome at the level in question.
    totals : ndarray (..., 3)
        Total variances.
    reliabilities : ndarray (..., 3)

    Returns
    -------
    ndarray (..., 10)
        Five numbers in raw units, the same five in SDs of the true scores; NaN where θ reaches a variance or Σ* is not
        definite.
    """
    theta = (1.0 - reliabilities) * totals
    sigma = np.array(
        np.broadcast_to(covariances, (*np.broadcast_shapes(covariances.shape[:-2], theta.shape[:-1]), 3, 3))
    )
    diagonal = np.arange(3)
    sigma[..., diagonal, diagonal] -= theta
    with np.errstate(invalid="ignore"):
        ok = np.linalg.eigvalsh(np.where(np.isfinite(sigma), sigma, -1.0))[..., 0] > 0
    sigma = np.where(ok[..., None, None], sigma, np.nan)
    a = sigma[..., 0, 1] / sigma[..., 0, 0]
    determinant = sigma[..., 0, 0] * sigma[..., 1, 1] - sigma[..., 0, 1] ** 2
    b = (sigma[..., 0, 0] * sigma[..., 1, 2] - sigma[..., 0, 1] * sigma[..., 0, 2]) / determinant
    c = (sigma[..., 1, 1] * sigma[..., 0, 2] - sigma[..., 0, 1] * sigma[..., 1, 2]) / determinant
    sd = np.sqrt(sigma[..., diagonal, diagonal])
    raw = np.stack([a, b, c, a * b, a * b + c], axis=-1)
    starts, ends = [0, 1, 0, 0, 0], [1, 2, 2, 2, 2]
    return np.concatenate([raw, raw * sd[..., starts] / sd[..., ends]], axis=-1)


def over_reliability(
    covariance: Array, totals: Array, reliabilities: list[Reliability]
) -> tuple[Array, Array]:
    """Return lowest and highest value (10,) of each number over all corners of the reliabilities' intervals.

    NaN for a number that is withheld at any corner: its range has no end there.
    """
    corners = np.array(list(product(*((rel.low, rel.high) for rel in reliabilities))))
    found = corrected_effects(covariance, totals, corners)
    return found.min(axis=0), found.max(axis=0)
