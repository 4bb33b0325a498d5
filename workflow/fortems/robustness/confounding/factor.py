"""One common factor of all that the client rates: how large it may be before the indirect effect is gone.

Predictor, mediator and outcome are one person's ratings. Let each share a factor with loading λ s_i in SD units, the same
size λ for all and the signs s declared: halo (a contented client rates high what more of is better and low what more of is worse: +, +, − for
alliance, meaning and distress) and acquiescence (+, +, +: agreeing with whatever is asked). What is left without it,

    Σ* = Σ − λ² (s ∘ d)(s ∘ d)',     d the SDs,

gives the paths. With correlations r: a vanishes where λ² s_x s_m = r(x, m); b vanishes where (r_my − λ² s_m s_y)(1 − λ²) =
(r_xm − λ² s_x s_m)(r_xy − λ² s_x s_y); and Σ* is no covariance matrix any more beyond λ² = 1 / (s' R⁻¹ s). Whichever
of these comes first says whether such a factor can explain the effect away at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fortems.robustness.covariances import Indirect, Level, M, X, Y, indirect_of, indirect_p, slopes
from fortems.stats.arrays import Array
from fortems.study.definition import study

ACQUIESCENCE = (1.0, 1.0, 1.0)
#: kind of a row: a point of the curve; where the interval reaches zero, a or b vanishes, no matrix remains.
CURVE, INTERVAL, A, B, INADMISSIBLE = "curve", "interval", "a vanishes", "b vanishes", "inadmissible"
STEPS = 20

COLUMNS = (
    *(
        "model",
        "level",
        "predictor",
        "mediator",
        "outcome",
        "pattern",
        "kind",
        "first",
        "loading",
        "variance_share",
    ),
    *("a", "b", "direct", "indirect", "ci_low", "ci_high", "p", "note", "n_clients", "n_therapists"),
)


def patterns(predictor: str, mediator: str, outcome: str) -> dict[str, tuple[float, float, float]]:
    """Return the signs of the loadings of predictor, mediator and outcome, by pattern; of the same signs one pattern.

    Parameters
    ----------
    predictor, mediator, outcome : str
        Variables, whose directions the study says.
    """
    halo = (1.0, float(study().expected(predictor, mediator)), float(study().expected(predictor, outcome)))
    return {"halo": halo} if halo == ACQUIESCENCE else {"halo": halo, "acquiescence": ACQUIESCENCE}


def without(sigma: Array, shares: Array, signs: tuple[float, float, float]) -> Array:
    """Return covariance matrices (R, K, 3, 3) without a factor that explains shares (K,) of each variable.

    Parameters
    ----------
    sigma : ndarray (R, 3, 3)
    shares : ndarray (K,)
        λ².
    signs : tuple of float
    """
    loading = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2)) * np.array(signs)
    outer = loading[:, :, None] * loading[:, None, :]
    return np.asarray(sigma[:, None] - shares[:, None, None] * outer[:, None])


def correlations(sigma: Array) -> Array:
    """Return the correlation matrix of a covariance matrix (3, 3)."""
    sd = np.sqrt(np.diag(sigma))
    return np.asarray(sigma / np.outer(sd, sd))


def inadmissible_from(sigma: Array, signs: tuple[float, float, float]) -> float:
    """Return the share λ² beyond which no covariance matrix remains: 1 / (s' R⁻¹ s)."""
    s = np.array(signs)
    return float(1.0 / (s @ np.linalg.solve(correlations(sigma), s)))


def a_vanishes(sigma: Array, signs: tuple[float, float, float]) -> float:
    """Return the share λ² at which a is 0, λ² s_x s_m = r(x, m); NaN where the signs never let it."""
    share = correlations(sigma)[X, M] * signs[X] * signs[M]
    return float(share) if 0 <= share < 1 else np.nan


def b_vanishes(sigma: Array, signs: tuple[float, float, float]) -> float:
    """Return the smallest share λ² in [0, 1) at which b is 0; NaN where there is none."""
    r = correlations(sigma)
    xm, xy, my = signs[X] * signs[M], signs[X] * signs[Y], signs[M] * signs[Y]
    # (r_my − my v)(1 − v) − (r_xm − xm v)(r_xy − xy v) in v; xm · xy = my, so that the squares cancel
    slope = -r[M, Y] - my + r[X, M] * xy + r[X, Y] * xm
    start = r[M, Y] - r[X, M] * r[X, Y]
    share = -start / slope if slope else np.nan
    return float(share) if 0 <= share < 1 else np.nan


def at(level: Level, shares: Array, signs: tuple[float, float, float], confidence: float) -> Indirect:
    """Return the indirect effect without factors of these shares (K,), with the report's own interval."""

    def of(sigma: Array) -> tuple[Array, Array, Array]:
        rest = without(sigma, shares, signs)
        rows, points = rest.shape[:2]
        a, b, direct = slopes(rest.reshape(-1, 3, 3))
        return tuple(part.reshape(rows, points) for part in (a, b, direct))  # type: ignore[return-value]

    full = tuple(part[0] for part in of(level.core[None]))
    return indirect_of(full, of(level.core_left_out), confidence)  # type: ignore[arg-type]


def interval_reaches_zero(
    level: Level, signs: tuple[float, float, float], last: float, confidence: float
) -> float:
    """Return the smallest share λ² up to ``last`` at which the interval includes 0; NaN where it never does."""
    from scipy.optimize import brentq

    alpha = 1.0 - confidence

    def excess(share: float) -> float:
        found = [
            slopes(without(s, np.array([share]), signs)[:, 0])
            for s in (level.core[None], level.core_left_out)
        ]
        (a, b, _), (a_out, b_out, _) = found
        return indirect_p(a, b, a_out[:, None], b_out[:, None]) - alpha

    here = excess(0.0)
    if np.isnan(here) or here >= 0:
        return np.nan if np.isnan(here) else 0.0
    # short of the end, where b has no finite value
    grid = np.linspace(0.0, 0.999 * last, 101)
    above = np.flatnonzero(np.array([excess(share) for share in grid[1:]]) >= 0)
    if not len(above):
        return np.nan
    return float(brentq(excess, grid[above[0]], grid[above[0] + 1], xtol=1e-12))


def rows(level: Level, confidence: float) -> list[dict[str, Any]]:
    """Return the rows of ``robustness/common_factor.csv`` of a model at a level.

    ``first`` marks what comes first as the factor grows: that the effect vanishes, or that no covariance matrix remains
    (then no factor of this kind explains the effect away).
    """
    found = []
    for pattern, signs in patterns(*level.model.chain).items():
        core = level.core
        last = inadmissible_from(core, signs)
        vanish = {A: a_vanishes(core, signs), B: b_vanishes(core, signs)}
        ends = {**vanish, INADMISSIBLE: last}
        first = min((kind for kind, share in ends.items() if share == share), key=lambda kind: ends[kind])
        points = [(CURVE, share) for share in np.linspace(0.0, 0.99 * last, STEPS + 1)]
        points += [(INTERVAL, interval_reaches_zero(level, signs, last, confidence)), *ends.items()]
        usable = np.array([share if share < last else np.nan for _, share in points])
        effects = at(level, usable, signs, confidence)
        for i, (kind, share) in enumerate(points):
            row = level.names() | {"pattern": pattern, "kind": kind, "variance_share": float(share)}
            row |= {"loading": float(np.sqrt(share)), "first": kind == first}
            found.append(row | effects.row(i) | {"note": _note(kind, share, last)} | level.sizes())
    return found


def _note(kind: str, share: float, last: float) -> str:
    if np.isnan(share):
        return {
            A: "never: with these signs the factor strengthens a",
            B: "never: with these signs the factor strengthens b",
            INTERVAL: "never before no covariance matrix remains",
        }.get(kind, "")
    if kind == INTERVAL and share == 0:
        return "the interval includes zero without a common factor"
    return "only after no covariance matrix remains" if kind in (A, B) and share >= last else ""
