"""Residual correlation of mediator and outcome: what the indirect effect is if the two share an unmeasured cause.

With everything given the covariates, m = a x + e₂ and y = c' x + b m + e₃, corr(e₂, e₃) = ρ (ρ = 0 is what a mediation model
assumes and no cross-section can test). Let s_m and s_y be the residual SDs of mediator and of outcome given the predictor
and r their partial correlation. At a fixed ρ the model is saturated, so its maximum-likelihood estimate reproduces the
same covariance matrix, and (Imai, Keele & Yamamoto, 2010, theorem 4)

    b(ρ) = s_y / s_m · [ r − ρ √((1 − r²) / (1 − ρ²)) ],     a(ρ) = a,     c'(ρ) = c − a b(ρ).

The indirect effect is 0 where ρ = r. Its interval is the report's own: a and b(ρ) as independent t variates with their
cluster-jackknife variances at that ρ; it reaches zero before the sign is lost.

References
----------
Imai, K., Keele, L., & Yamamoto, T. (2010). Identification, inference and sensitivity analysis for causal mediation
effects. Statistical Science, 25(1), 51-71.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fortems.robustness.covariances import Indirect, Level, M, X, Y, indirect_of, indirect_p
from fortems.stats.arrays import Array

#: Correlations at which the curve is computed.
GRID = np.round(np.linspace(-0.95, 0.95, 39), 2)
#: kind of a row: a point of the curve, where the sign is lost, where the interval reaches zero.
CURVE, SIGN, INTERVAL = "curve", "sign", "interval"
ALREADY = "the interval includes zero without a confounder"

COLUMNS = (
    *("model", "level", "predictor", "mediator", "outcome", "kind", "rho"),
    *("a", "b", "direct", "indirect", "ci_low", "ci_high", "p", "note", "n_clients", "n_therapists"),
)


def residuals(sigma: Array) -> tuple[Array, Array, Array]:
    """Return residual SDs of mediator and outcome given the predictor, and their correlation, each (R,).

    Parameters
    ----------
    sigma : ndarray (R, 3, 3)
        Covariance matrices of predictor, mediator and outcome.
    """
    xx = sigma[:, X, X]
    var_m = sigma[:, M, M] - sigma[:, X, M] ** 2 / xx
    var_y = sigma[:, Y, Y] - sigma[:, X, Y] ** 2 / xx
    both = sigma[:, M, Y] - sigma[:, X, M] * sigma[:, X, Y] / xx
    return np.sqrt(var_m), np.sqrt(var_y), both / np.sqrt(var_m * var_y)


def paths_at(sigma: Array, rho: Array) -> tuple[Array, Array, Array]:
    """Return a, b and c' (R, K) of covariance matrices (R, 3, 3) at residual correlations (K,)."""
    s_m, s_y, r = (part[:, None] for part in residuals(sigma))
    b = s_y / s_m * (r - rho * np.sqrt((1 - r**2) / (1 - rho**2)))
    a = np.broadcast_to((sigma[:, X, M] / sigma[:, X, X])[:, None], b.shape)
    total = (sigma[:, X, Y] / sigma[:, X, X])[:, None]
    return a, b, total - a * b


def at(level: Level, rho: Array, confidence: float) -> Indirect:
    """Return the indirect effect at residual correlations (K,), with the report's own interval."""
    full = tuple(part[0] for part in paths_at(level.core[None], rho))
    return indirect_of(full, paths_at(level.core_left_out, rho), confidence)  # type: ignore[arg-type]


def sign_lost(level: Level) -> float:
    """Return the residual correlation at which the indirect effect is 0: r of mediator and outcome given the predictor."""
    return float(residuals(level.core[None])[2][0])


def interval_reaches_zero(level: Level, confidence: float) -> tuple[float, str]:
    """Return the residual correlation nearest to 0 at which the report's own interval includes 0, and a remark.

    0 where it does so without a confounder; NaN where there is no interval.
    """
    from scipy.optimize import brentq

    core, rest = level.core[None], level.core_left_out
    alpha = 1.0 - confidence

    def excess(rho: float) -> float:
        a, b, _ = paths_at(core, np.array([rho]))
        a_out, b_out, _ = paths_at(rest, np.array([rho]))
        return indirect_p(a[0], b[0], a_out, b_out) - alpha

    here, end = excess(0.0), sign_lost(level)
    if np.isnan(here):
        return np.nan, "no interval: not fitted without each therapist"
    if here >= 0:
        return 0.0, ALREADY
    # p need not rise all the way: the nearest crossing on a fine grid, then its root.
    grid = np.linspace(0.0, end, 201)
    above = np.flatnonzero(np.array([excess(rho) for rho in grid[1:]]) >= 0)
    first = int(above[0]) + 1 if len(above) else len(grid) - 1
    return float(brentq(excess, grid[first - 1], grid[first], xtol=1e-12)), ""


def rows(level: Level, confidence: float) -> list[dict[str, Any]]:
    """Return the rows of ``robustness/confounding.csv`` of a model at a level."""
    limit, note = interval_reaches_zero(level, confidence)
    points = [(CURVE, rho, "") for rho in GRID] + [(SIGN, sign_lost(level), ""), (INTERVAL, limit, note)]
    found = at(level, np.array([rho for _, rho, _ in points]), confidence)
    return [
        level.names() | {"kind": kind, "rho": float(rho), "note": remark} | found.row(i) | level.sizes()
        for i, (kind, rho, remark) in enumerate(points)
    ]
