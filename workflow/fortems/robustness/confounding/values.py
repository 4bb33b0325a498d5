"""Robustness values: how strongly an unmeasured confounder must be related to both ends of a path to overturn it.

For the slope of y on d given x, with t its classical t value and ν its degrees of freedom, Cohen's f = |t| / √ν is
|r| / √(1 − r²) of the partial correlation r of y and d. A confounder z that explains R²_d of the rest of d and R²_y of the rest of
y (given d) shifts the slope by (Cinelli & Hazlett, 2020)

    |bias| = √( R²_y R²_d / (1 − R²_d) ) · SD(y | d, x) / SD(d | x),

so that in units of SD(y | d, x) / SD(d | x) a shift of f is needed to bring it to 0. The robustness value RV is the common
R²_d = R²_y at which that happens, RV = ½ (√(f⁴ + 4 f²) − f²). With α the t test is to lose its significance:
f is less by f* = t*(α, ν − 1) / √(ν − 1).

Three variants, and only the third knows of therapists:

- ``rv`` and ``rv_alpha``: classical, from the partial R² at the level; ν = N − J − k within, N − 1 − k at the single level, k slopes.
- ``rv_alpha_robust``: the cluster-robust variant. The report's own interval has the half width t*(α, J − 1) · SE with the
  cluster-jackknife SE; f* is that half width in the units above, taken as unchanged by the confounder.
- for c' against equivalence the shift that is needed is | |c'| − δ |: the confounder that makes |c'| reach the bound.

A benchmark is a measured variable z_j taken into the model; a confounder k times as strong explains at most (formal bounds,
Cinelli & Hazlett, 2020, theorem 5.1; R² of z_j partial, k = 1 here)

    R²_d ≤ k R²_dj / (1 − R²_dj),    R²_y ≤ [ (√k + ρ) / √(1 − ρ²) ]² R²_yj / (1 − R²_yj),   ρ² = k R⁴_dj / ((1 − k R²_dj)(1 − R²_dj)).

References
----------
Cinelli, C., & Hazlett, C. (2020). Making sense of sensitivity: Extending omitted variable bias. Journal of the Royal
Statistical Society B, 82(1), 39-67.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from fortems.robustness.covariances import Level, M, X, Y, levels_of, slopes
from fortems.stats.arrays import Array
from fortems.stats.jackknife import jackknife_variance
from fortems.study.definition import study

#: Path → place of its origin, of its end, and of what is held constant besides the covariates.
PATHS: dict[str, tuple[int, int, tuple[int, ...]]] = {
    "a": (X, M, ()),
    "b": (M, Y, (X,)),
    "direct": (X, Y, (M,)),
}
VALUE, BENCHMARK = "value", "benchmark"
ZERO, BOUND = "zero", "equivalence bound"

COLUMNS = (
    *("model", "level", "predictor", "mediator", "outcome", "effect", "kind", "target", "benchmark"),
    *("estimate", "t", "df", "partial_r2", "rv", "alpha", "rv_alpha", "rv_alpha_robust"),
    *("r2_origin", "r2_end", "bound_origin", "bound_end"),
    *("adjusted", "adjusted_se", "adjusted_low", "adjusted_high", "includes_zero", "note"),
    *("n_clients", "n_therapists"),
)


def robustness_value(f: float, f_critical: float = 0.0) -> float:
    """Return the robustness value for Cohen's f of a slope.

    Parameters
    ----------
    f : float
        Cohen's partial f that a confounder has to take away: |t| / √df for the slope as a whole.
    f_critical : float
        What may be left of it: |t*(α/2, df − 1)| / √(df − 1) for significance at α; 0 for the point estimate.

    Returns
    -------
    float
        In [0, 1]; 0 where f does not exceed ``f_critical`` as it is.
    """
    rest = f - f_critical
    if np.isnan(rest):
        return np.nan
    if rest <= 0:
        return 0.0
    if f_critical > 0 and f > 1 / f_critical:  # even R²_y = 1 is not needed: the constraint does not bind
        return (f**2 - f_critical**2) / (1 + f**2)
    return 0.5 * (np.sqrt(rest**4 + 4 * rest**2) - rest**2)


def critical_f(df: float, alpha: float = 0.05) -> float:
    """Return f* = |t*(α/2, df − 1)| / √(df − 1)."""
    return float(stdtrit(df - 1, 1 - alpha / 2) / np.sqrt(df - 1)) if df > 1 else np.nan


def robustness_values(t: float, df: float, alpha: float = 0.05) -> tuple[float, float]:
    """Return the robustness values of a slope from its classical t: for the estimate, and for significance at α."""
    f = abs(t) / np.sqrt(df)
    return robustness_value(f), robustness_value(f, critical_f(df, alpha))


def bias(r2_origin: float, r2_end: float, se: float, df: float) -> float:
    """Return the size of the shift of a slope by a confounder of that strength.

    Parameters
    ----------
    r2_origin, r2_end : float
        Shares of the rest of the path's origin, and of its end given the origin, that the confounder explains.
    se, df : float
        Classical standard error of the slope, and its degrees of freedom.
    """
    return float(np.sqrt(r2_end * r2_origin / (1 - r2_origin)) * se * np.sqrt(df))


def adjusted_se(r2_origin: float, r2_end: float, se: float, df: float) -> float:
    """Return the classical standard error of the slope with that confounder in the model."""
    return float(se * np.sqrt((1 - r2_end) / (1 - r2_origin) * df / (df - 1)))


def bounds(r2_origin: float, r2_end: float, times: float = 1.0) -> tuple[float, float]:
    """Return what a confounder at most explains that is ``times`` as strong as a measured variable.

    Parameters
    ----------
    r2_origin, r2_end : float
        Partial R² of the measured variable with the path's origin, and with its end given the origin.
    times : float

    Returns
    -------
    (float, float)
        Bounds of R² with origin and end, the latter at most 1; NaN where the variable is too strong for such a bound.
    """
    if times * r2_origin >= 1 - r2_origin:
        return np.nan, np.nan
    origin = times * r2_origin / (1 - r2_origin)
    shared = times * r2_origin**2 / ((1 - times * r2_origin) * (1 - r2_origin))
    if shared >= 1:
        return np.nan, np.nan
    end = ((np.sqrt(times) + np.sqrt(shared)) / np.sqrt(1 - shared)) ** 2 * r2_end / (1 - r2_end)
    return origin, min(end, 1.0)


def variance_given(sigma: Array, of: int, rest: list[int]) -> float:
    """Return the variance of a variable given others, from a covariance matrix (p, p)."""
    if not rest:
        return float(sigma[of, of])
    return float(
        sigma[of, of] - sigma[of, rest] @ np.linalg.solve(sigma[np.ix_(rest, rest)], sigma[rest, of])
    )


def partial_r2(sigma: Array, of: int, added: list[int], rest: list[int]) -> float:
    """Return the share of a variable's variance given ``rest`` that the ``added`` variables explain."""
    return 1.0 - variance_given(sigma, of, [*added, *rest]) / variance_given(sigma, of, rest)


def classical(core: Array, effect: str, df: float) -> tuple[float, float, float]:
    """Return estimate, classical standard error and partial R² of a path from a (3, 3) matrix, its df given."""
    origin, end, rest = PATHS[effect]
    estimate = dict(zip(("a", "b", "direct"), (float(s[0]) for s in slopes(core[None])), strict=True))[effect]
    spread = variance_given(core, end, [origin, *rest]) / variance_given(core, origin, list(rest))
    return estimate, float(np.sqrt(spread / df)), partial_r2(core, end, [origin], list(rest))


def df_of(level: Level, effect: str) -> float:
    """Return the degrees of freedom of a path: clients less means and slopes of its equation."""
    return level.df - level.n_covariates - (1 if effect == "a" else 2)


def value_rows(level: Level, confidence: float, bound: float) -> list[dict[str, Any]]:
    """Return the robustness values of a, b and c' of a model at a level.

    Parameters
    ----------
    level : Level
    confidence : float
        1 − α.
    bound : float
        Of the equivalence test, in SDs within therapists.
    """
    alpha = 1.0 - confidence
    full, left_out = slopes(level.core[None]), slopes(level.core_left_out)
    found = []
    for i, effect in enumerate(PATHS):
        df = df_of(level, effect)
        if df <= 1:
            continue
        estimate, se, r2 = classical(level.core, effect, df)
        f, unit = abs(estimate) / se / np.sqrt(df), se * np.sqrt(df)
        robust_se = float(np.sqrt(jackknife_variance(full[i], left_out[i][:, None])[0]))
        clusters = len(level.left_out)
        half = float(stdtrit(clusters - 1, 1 - alpha / 2)) * robust_se if clusters > 2 else np.nan
        base = level.names() | {"effect": effect, "kind": VALUE, "benchmark": "", "estimate": estimate}
        base |= {"t": estimate / se, "df": df, "partial_r2": r2, "alpha": alpha, "note": ""} | level.sizes()
        found.append(
            base
            | {
                "target": ZERO,
                "rv": robustness_value(f),
                "rv_alpha": robustness_value(f, critical_f(df, alpha)),
                "rv_alpha_robust": robustness_value(f, half / unit),
            }
        )
        if effect == "direct" and level.unit == level.unit:
            needed = abs(abs(estimate) - bound / level.unit)
            beyond = abs(estimate) * level.unit >= bound
            note = "beyond the bound as it is: the confounder that brings it back" if beyond else ""
            found.append(base | {"target": BOUND, "rv": robustness_value(needed / unit), "note": note})
    return found


def benchmarks_of(level: Level, scores: pd.DataFrame) -> list[str]:
    """Return the measured variables that stand for a confounder: other aspects, the rival mediator, the background.

    A part of one of the model's variables, or a total of it, is no confounder and is left out.
    """
    ours, taken = study(), {*level.columns, *level.model.covariates}
    related = {part for total, its in ours.totals.items() if total in taken for part in its}
    related |= {total for total, its in ours.totals.items() if taken & set(its)}
    asked = (*ours.aspects, *((ours.rival,) if ours.rival else ()), *ours.background)
    return [name for name in dict.fromkeys(asked) if name in scores and name not in taken | related]


def with_benchmark(
    level: Level, name: str, scores: pd.DataFrame, common: pd.DataFrame | None = None
) -> list[Level]:
    """Return a model's levels with a benchmark as its last covariate; empty where the data do not carry it."""
    model = replace(level.model, covariates=(*level.model.covariates, name))
    return levels_of(model, scores, refit=False, common=common)


def benchmark_rows(
    level: Level, confidence: float, with_benchmarks: Mapping[str, Sequence[Level]]
) -> list[dict[str, Any]]:
    """Return what confounders as strong as measured variables would do to a, b and c' of a model at a level.

    Parameters
    ----------
    level : Level
    confidence : float
    with_benchmarks : mapping
        Benchmark → the model's levels with it (``with_benchmark``).
    """
    found: list[dict[str, Any]] = []
    for name, levels in with_benchmarks.items():
        base = level.names() | {"kind": BENCHMARK, "target": ZERO, "benchmark": name}
        own = next((one for one in levels if one.level == level.level), None)
        for effect in PATHS:
            row = base | {"effect": effect}
            if own is None or own.n_covariates == level.n_covariates:
                row |= {"note": "the data do not carry the model with it"}
            else:
                row |= _benchmark(own, effect, level.n_covariates, confidence) | own.sizes()
            found.append(row)
    return found


def _benchmark(own: Level, effect: str, before: int, confidence: float) -> dict[str, Any]:
    """One path with the benchmark's columns as covariates; ``before`` columns were covariates without it."""
    origin, end, rest = PATHS[effect]
    shift = own.n_covariates
    # The model's covariates keep their order, and the benchmark's columns follow them.
    added = list(range(before, shift))
    others = [*range(before), *(shift + place for place in rest)]
    r2_origin = partial_r2(own.sigma, shift + origin, added, others)
    r2_end = partial_r2(own.sigma, shift + end, added, [shift + origin, *others])
    df = df_of(own, effect)
    found: dict[str, Any] = {"df": df, "r2_origin": r2_origin, "r2_end": r2_end}
    if df <= 1:
        return found | {"note": "too few clients"}
    estimate, se, r2 = classical(own.core, effect, df)
    found |= {"estimate": estimate, "t": estimate / se, "partial_r2": r2}
    bound_origin, bound_end = bounds(r2_origin, r2_end)
    if np.isnan(bound_origin) or bound_end >= 1:
        return found | {"note": "so strong that a confounder as strong could explain anything"}
    adjusted = np.sign(estimate) * (abs(estimate) - bias(bound_origin, bound_end, se, df))
    spread = adjusted_se(bound_origin, bound_end, se, df)
    half = spread * float(stdtrit(df - 1, 0.5 + confidence / 2))
    return found | {
        "bound_origin": bound_origin,
        "bound_end": bound_end,
        "adjusted": adjusted,
        "adjusted_se": spread,
        "adjusted_low": adjusted - half,
        "adjusted_high": adjusted + half,
        "includes_zero": bool(abs(adjusted) <= half),
    }
