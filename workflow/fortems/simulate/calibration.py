"""Find the latent parameters whose scored scales have a scenario's moments: root-finding, one number at a time.

With the items of a subscale sharing their categories the system is triangular. The mean and the sum of item
variances, which SD and alpha fix, give location and spread; the rest of the variance gives the loadings; each
ICC then gives the factor's share between therapists, and each covariance, total and between, one latent
covariance. Every step is one increasing function of one unknown (``latent``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from fortems.errors import ConfigError, Problem
from fortems.simulate.checks import definiteness
from fortems.simulate.latent import (
    LARGEST_LOADING,
    TERMS,
    LatentScale,
    covariance,
    fit_categories,
    solve,
)
from fortems.simulate.moments import Population, as_correlation, with_totals
from fortems.simulate.stated import Scale, Scenario
from fortems.study.instruments import Instrument, load_instruments


@dataclass(frozen=True)
class LatentModel:
    """The measurement model of all items and the factors behind them.

    Attributes
    ----------
    scales : dict of str to LatentScale
        In the order of the scenario's matrices.
    factor_total : ndarray, shape (V, V)
        Correlations of the subscales' factors, all clients.
    factor_between : ndarray, shape (V, V)
        Covariances of the therapists' parts of the factors.
    """

    scales: dict[str, LatentScale]
    factor_total: np.ndarray
    factor_between: np.ndarray

    @property
    def factor_within(self) -> np.ndarray:
        """Covariances of the clients' parts of the factors, shape (V, V)."""
        return self.factor_total - self.factor_between

    def population(self, instruments: Mapping[str, Instrument]) -> Population:
        """Return the moments of the scored scales, totals included, by the covariance series."""
        scales = list(self.scales.values())
        size = range(len(scales))
        total = np.array(
            [[covariance(scales[i], scales[j], self.factor_total[i, j]) for j in size] for i in size]
        )
        np.fill_diagonal(total, [scale.variance for scale in scales])
        between = np.array(
            [[covariance(scales[i], scales[j], self.factor_between[i, j]) for j in size] for i in size]
        )
        mean = np.array([len(scale.loadings) * scale.categories.mean for scale in scales])
        return with_totals(tuple(self.scales), mean, total - between, between, instruments)


def solve_latent(scenario: Scenario, instruments: Mapping[str, Instrument] | None = None) -> LatentModel:
    """Solve a scenario for its latent parameters.

    Parameters
    ----------
    scenario : Scenario
        The stated moments.
    instruments : mapping, optional
        The instruments to make items of; the study's own by default.

    Returns
    -------
    LatentModel

    Raises
    ------
    ConfigError
        For each moment that no ordinal items of this kind can have, with the nearest reachable value, and
        for latent matrices that are not positive semi-definite.
    """
    instruments = load_instruments() if instruments is None else instruments
    problems: list[Problem] = []
    where = f"scenario {scenario.name}"
    scales = {}
    for name, stated in scenario.scales.items():
        instrument = next(i for i in instruments.values() if name in i.subscales)
        found = _solve_scale(stated, len(instrument.subscales[name]), instrument, f"{where}: scales.{name}")
        if isinstance(found, Problem):
            problems.append(found)
        else:
            scales[name] = found
    if problems:
        raise ConfigError(problems)
    factor_total, factor_between = _solve_factors(scenario, scales, where)
    return LatentModel(scales, factor_total, factor_between)


def _solve_scale(stated: Scale, n_items: int, instrument: Instrument, where: str) -> LatentScale | Problem:
    """Solve one subscale, or say which reliability, or else which SD, comes nearest."""
    found = _items(stated, n_items, instrument)
    if found is not None:
        return found

    def reached(trial: Scale) -> bool:
        return _items(trial, n_items, instrument) is not None

    what = f"out of reach for {n_items} items answered {instrument.low} to {instrument.high}"
    alpha = _nearest(
        lambda x: reached(replace(stated, reliability=x)), stated.reliability, np.linspace(0.01, 0.99, 50)
    )
    if alpha is not None:
        hint = f"The nearest reachable value is {alpha:.4f}"
        return Problem(
            f"{where}.reliability", f"{stated.reliability:g}, with this mean and SD, is {what}", hint=hint
        )
    most = np.sqrt((stated.mean - stated.low) * (stated.high - stated.mean))
    sd = _nearest(lambda x: reached(replace(stated, sd=x)), stated.sd, np.linspace(0.01, 0.99, 50) * most)
    hint = "" if sd is None else f"The nearest reachable value is {sd:.4f}"
    return Problem(f"{where}.sd", f"{stated.sd:g}, with this mean and reliability, is {what}", hint=hint)


def _items(stated: Scale, n_items: int, instrument: Instrument) -> LatentScale | None:
    """Categories from mean and item variance, loadings from what is left of the scale's variance."""
    item_variance = stated.sd**2 * (1 - stated.reliability * (n_items - 1) / n_items) / n_items
    categories = fit_categories(instrument.low, instrument.high, stated.mean / n_items, item_variance)
    if isinstance(categories, float):
        return None
    coefficients = categories.coefficients(TERMS)
    relative = np.array(stated.loadings) if stated.loadings else np.ones(n_items)

    def scale_of(largest: float) -> LatentScale:
        return LatentScale(categories, largest * relative / relative.max(), coefficients)

    largest, reachable = solve(lambda x: scale_of(x).variance, stated.sd**2, 0.0, LARGEST_LOADING)
    return scale_of(largest) if reachable is None else None


def _nearest(works: Callable[[float], bool], wanted: float, trials: np.ndarray) -> float | None:
    """Find the value nearest to ``wanted`` that works: the nearest trial, then bisection towards ``wanted``."""
    for trial in sorted(trials, key=lambda x: abs(x - wanted)):
        if works(trial):
            inside, outside = float(trial), wanted
            for _ in range(14):
                middle = (inside + outside) / 2
                inside, outside = (middle, outside) if works(middle) else (inside, middle)
            return inside
    return None


def _solve_factors(
    scenario: Scenario, scales: dict[str, LatentScale], where: str
) -> tuple[np.ndarray, np.ndarray]:
    """Latent covariances of the factors, all clients and between therapists."""
    problems: list[Problem] = []
    names = list(scales)
    size = len(names)
    total, between = np.eye(size), np.zeros((size, size))
    sd = np.sqrt([scale.variance for scale in scales.values()])
    between_sd = sd * np.sqrt([scenario.scales[name].icc for name in names])

    def factor_covariance(
        i: int, j: int, stated: float, unit: float, low: float, high: float, key: str
    ) -> float:
        """Solve for the factors' covariance that gives two scores the covariance stated x unit."""
        first, second = scales[names[i]], scales[names[j]]
        root, reachable = solve(lambda x: covariance(first, second, x) / unit, stated, low, high)
        if reachable is not None:
            hint = f"The nearest reachable value is {reachable:.4g}"
            problems.append(
                Problem(f"{where}: {key}", f"{stated:g} is out of reach for these items", hint=hint)
            )
        return root

    for i, name in enumerate(names):
        icc = scenario.scales[name].icc
        between[i, i] = factor_covariance(i, i, icc, sd[i] ** 2, 0.0, 1.0, f"scales.{name}.icc")
    for i, j in combinations(range(size), 2):
        pair = f"{names[i]}.{names[j]}"
        stated = scenario.correlations[i, j]
        total[i, j] = total[j, i] = factor_covariance(
            i, j, stated, sd[i] * sd[j], -1.0, 1.0, f"correlations.{pair}"
        )
        unit, limit = between_sd[i] * between_sd[j], np.sqrt(between[i, i] * between[j, j])
        if unit > 0:
            stated, key = scenario.between_correlations[i, j], f"between_correlations.{pair}"
            between[i, j] = between[j, i] = factor_covariance(i, j, stated, unit, -limit, limit, key)
    for level, matrix in (("total", total), ("between", between), ("within", total - between)):
        some = np.flatnonzero(np.diag(matrix) > 0)
        correlation = as_correlation(matrix[np.ix_(some, some)])
        place = f"{where}: correlations of the factors behind the items, {level}"
        problems += definiteness(correlation, [names[k] for k in some], place, strict=False)
    if problems:
        raise ConfigError(problems)
    return total, between
