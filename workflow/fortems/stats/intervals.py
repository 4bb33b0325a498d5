"""Intervals of slopes and of an indirect effect a·b: t, Monte Carlo (t-scaled draws), percentile and BCa.

Notation
--------
a, b : slopes predictor → mediator and mediator → outcome, with standard errors s_a, s_b and degrees of
freedom ν_a, ν_b. The indirect effect is a·b.

Monte Carlo (MacKinnon, Lockwood & Williams, 2004; Preacher & Selig, 2012) draws (a*, b*) around the estimates
and takes quantiles of a*·b*. Here the draws are t-scaled: a* = a + s_a z_a / √(χ²_a/ν_a), and likewise b*. In
the two normal regressions m ~ x, y ~ m + x the residual variances are independent of each other (the second
one's distribution given (x, m) does not involve m), so (â − a)/s_a and (b̂ − b)/s_b are independent t variates
with ν_a and ν_b degrees of freedom. Each path therefore keeps its own divisor and its own df; a single
multivariate t with the smaller df would tie the two scales together. A covariance of the estimates enters
through correlated normal numerators, which leaves both margins exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from fortems.stats.arrays import Array
from fortems.stats.normal import factor
from fortems.stats.student import t_quantile, two_sided_p

TIE = 1e-9  # in SDs: values this close are equal but for the last digits, which differ between processors


@dataclass(frozen=True)
class Interval:
    """Interval of one effect in each of S studies.

    Attributes
    ----------
    se, low, high, p : ndarray (S,)
        Standard error (SD of the draws or replicates where the method resamples), limits, and two-sided p.
    """

    se: Array
    low: Array
    high: Array
    p: Array

    def row(self, i: int = 0) -> dict[str, float]:
        """Return those of a study as columns of a result: ``se, ci_low, ci_high, p``."""
        parts = {"se": self.se, "ci_low": self.low, "ci_high": self.high, "p": self.p}
        return {name: float(part[i]) for name, part in parts.items()}


def two_sided(below: ArrayLike, above: ArrayLike, total: ArrayLike) -> Array:
    """Return the two-sided p of resampled values, never 0.

    ``p = 2 (1 + min(#{≤ 0}, #{≥ 0})) / (total + 1)``, at most 1 (Davison & Hinkley, 1997, ch. 4).

    Parameters
    ----------
    below, above, total : array_like (S,)
        Numbers of values ≤ 0 and ≥ 0, and of all values.
    """
    smaller = np.minimum(np.asarray(below, float), np.asarray(above, float))
    return np.minimum(1.0, 2.0 * (1.0 + smaller) / (np.asarray(total, float) + 1.0))


def t_draws(estimate: Array, vcov: Array, df: ArrayLike, draws: int, rng: np.random.Generator) -> Array:
    """Draw k slopes of one study around their estimates, each with its own t scale.

    Parameters
    ----------
    estimate : ndarray (k,)
    vcov : ndarray (k, k)
        Covariance of the estimates.
    df : float or ndarray (k,)
        Degrees of freedom of each slope; infinite for normal draws.
    draws : int
    rng : Generator

    Returns
    -------
    ndarray (draws, k)
    """
    estimate = np.asarray(estimate, float)
    k = len(estimate)
    sd = np.sqrt(np.clip(np.diag(vcov), 0.0, None))
    unit = np.where(sd > 0, sd, 1.0)
    # A triangular root: of eigenvectors the signs, and for equal values the directions, are the processor's choice.
    normal = (rng.standard_normal((draws, k)) @ factor(vcov / np.outer(unit, unit)).T) * unit
    return estimate + normal / divisor(np.broadcast_to(np.asarray(df, float), (k,)), (draws, k), rng)


def sides(values: Array, landmark: float, sd: ArrayLike) -> tuple[Array, Array]:
    """Count the values below a landmark and those at it along the last axis; NaN counts as neither.

    Parameters
    ----------
    values : ndarray (..., R)
    landmark : float
    sd : array_like (...)
        Standard deviation of the values: those within ``TIE`` of it are at the landmark.
    """
    distance, close = values - landmark, TIE * np.asarray(sd, float)[..., None]
    with np.errstate(invalid="ignore"):
        return (distance < -close).sum(-1), (np.abs(distance) <= close).sum(-1)


def divisor(df: Array, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return √(χ²_ν/ν) draws; 1 where ν is infinite."""
    finite = np.isfinite(df)
    safe = np.where(finite, df, 1.0)
    chi2 = 2.0 * rng.standard_gamma(np.broadcast_to(safe / 2.0, shape))
    return np.where(finite, np.sqrt(chi2 / safe), 1.0)


def summary(values: Array, confidence: float) -> tuple[Array, Array, Array, Array]:
    """Return SD, lower and upper percentile limits and two-sided p along the last axis; NaN is left out.

    Parameters
    ----------
    values : ndarray (..., R)
        Draws or replicates of an effect.
    confidence : float
    """
    alpha = (1.0 - confidence) / 2.0
    if np.isnan(values).any():
        low, high = np.nanquantile(values, [alpha, 1.0 - alpha], axis=-1)
        sd = np.nanstd(values, axis=-1, ddof=1)
    else:
        low, high = np.quantile(values, [alpha, 1.0 - alpha], axis=-1)
        sd = values.std(axis=-1, ddof=1)
    total = np.sum(~np.isnan(values), axis=-1)
    below, at = sides(values, 0.0, sd)
    return sd, low, high, two_sided(below + at, total - below, total)


def t_interval(estimate: ArrayLike, se: ArrayLike, df: ArrayLike, confidence: float = 0.95) -> Interval:
    """Return the t interval of a slope, estimate ± t(ν) se, and its two-sided p; normal if ν is infinite."""
    estimate, se, df = np.broadcast_arrays(
        np.atleast_1d(np.asarray(estimate, float)),
        np.atleast_1d(np.asarray(se, float)),
        np.atleast_1d(np.asarray(df, float)),
    )
    quantile = t_quantile(1.0 - (1.0 - confidence) / 2.0, df)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = two_sided_p(estimate / se, df)
    missing = np.isnan(df) | np.isnan(se)
    quantile, p = np.where(missing, np.nan, quantile), np.where(missing, np.nan, p)
    return Interval(se.copy(), estimate - quantile * se, estimate + quantile * se, p)


def percentile_interval(replicates: Array, confidence: float = 0.95) -> Interval:
    """Return the percentile interval from bootstrap replicates (..., R); failed replicates are NaN."""
    return Interval(*(np.atleast_1d(part) for part in summary(np.asarray(replicates, float), confidence)))


def bca_interval(estimate: float, replicates: Array, jackknife: Array, confidence: float = 0.95) -> Interval:
    """Return the bias-corrected and accelerated interval of one effect (Efron, 1987).

    Parameters
    ----------
    estimate : float
        In the full sample.
    replicates : ndarray (R,)
        Cluster-bootstrap replicates; NaN for failed ones.
    jackknife : ndarray (J,)
        Leave-one-therapist-out estimates θ_j: the acceleration is Σd³ / (6 (Σd²)^{3/2}), d_j = mean(θ) − θ_j.
    confidence : float

    Returns
    -------
    Interval
        z₀ counts ties half. p is the level at which the BCa limit touches 0, at least 2/(R + 1).
    """
    values = np.sort(replicates[~np.isnan(replicates)])
    total = len(values)
    if total < 2 or np.isnan(jackknife).all():
        return Interval(*np.full((4, 1), np.nan))
    sd = values.std(ddof=1)
    below, at = sides(values, estimate, sd)
    proportion = (below + 0.5 * at) / total
    z0 = ndtri(np.clip(proportion, 0.5 / total, 1 - 0.5 / total))
    deviation = np.nanmean(jackknife) - jackknife[~np.isnan(jackknife)]
    deviation = deviation / max(
        np.abs(deviation).max(), 1e-300
    )  # its unit does not matter, its cubes may vanish
    spread = np.sum(deviation**2)
    acceleration = np.sum(deviation**3) / (6.0 * spread**1.5) if spread > 0 else 0.0
    tail = (1.0 - confidence) / 2.0
    shifted = z0 + ndtri(np.array([tail, 1.0 - tail]))
    low, high = np.quantile(values, ndtr(z0 + shifted / (1.0 - acceleration * shifted)))
    below, at = sides(values, 0.0, sd)
    at_zero = (below + 0.5 * at + 0.5) / (total + 1.0)
    inverse = ndtri(at_zero) - z0
    level = ndtr(inverse / (1.0 + acceleration * inverse) - z0)
    p = np.clip(2.0 * min(level, 1.0 - level), 2.0 / (total + 1.0), 1.0)
    return Interval(*(np.atleast_1d(v) for v in (sd, low, high, p)))
