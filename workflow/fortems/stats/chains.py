"""The product of several independent t variates, for an effect along a chain of paths: distribution, quantiles, p.

Notation
--------
A_k = a_k + s_k T_k, k = 1 … K, independent t variates with ν_k degrees of freedom; two of them are ``fortems.stats.products``.
Given X = the variate with the largest ratio |a / s|, the event X R ≤ q of the product with the rest R is R ≤ q / X for X > 0
and R ≥ q / X for X < 0, so that with G the distribution function of the rest

    H(q) = E[ 1{X > 0} G(q / X) + 1{X < 0} (1 − G(q / X)) ],

an integral by the rule of ``products`` on either side of X = 0. The sign needs none: with π_k = P(A_k < 0) the product is
negative with probability (1 − Π (1 − 2 π_k)) / 2, and two-sided p = 2 min(P(< 0), P(> 0)), which is below α exactly where the
interval of confidence 1 − α leaves out 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from fortems.stats.arrays import Array
from fortems.stats.intervals import Interval
from fortems.stats.products import FINE, product_cdf, tanh_sinh
from fortems.stats.student import t_cdf, t_quantile

WIDEST = 60  # doublings of the bracket of a quantile
NEAR_ZERO = 1e-300


def chain_cdf(
    q: ArrayLike, estimate: ArrayLike, variance: ArrayLike, df: ArrayLike, step: float = FINE
) -> Array:
    """Return P(Π A_k ≤ q) (S,).

    Parameters
    ----------
    q : array_like (S,)
    estimate, variance, df : array_like (K,)
        Of each path, K ≥ 2.
    step : float
        Of the quadrature.
    """
    points = np.atleast_1d(np.asarray(q, float))
    a, v, nu = (np.asarray(part, float) for part in (estimate, variance, df))
    if len(a) == 2:
        return product_cdf(points, a[0], a[1], v[0], v[1], nu[0], nu[1], step)
    ratio = a / np.sqrt(v)
    first = int(np.argmax(np.abs(ratio)))
    rest = np.arange(len(a)) != first
    u, own = np.array([ratio[first]]), np.array([nu[first]])
    share, weight = tanh_sinh(step)
    above, below = t_cdf(u, own), t_cdf(-u, own)
    positive = np.maximum(u - t_quantile(share * above, own), NEAR_ZERO)
    negative = np.minimum(u + t_quantile(share * below, own), -NEAR_ZERO)
    x = np.concatenate([positive, negative]) * np.sqrt(v[first])
    with np.errstate(over="ignore"):  # beyond all bounds its probability is 0 or 1
        turned = points[:, None] / x
        found = chain_cdf(turned.ravel(), a[rest], v[rest], nu[rest], step).reshape(turned.shape)
    found = np.where(x > 0, found, 1.0 - found)
    return np.asarray(found @ np.concatenate([above * weight, below * weight]))


def chain_interval(
    estimate: ArrayLike, variance: ArrayLike, df: ArrayLike, confidence: float = 0.95
) -> Interval:
    """Return SD, interval and p of a product of independent t variates.

    Parameters
    ----------
    estimate, variance, df : array_like (K,)
        Of each path, K ≥ 2; the work grows a hundredfold with each beyond three.
    confidence : float

    Returns
    -------
    Interval
        Arrays of length 1; NaN where an input is missing or a variance or df is not positive.
    """
    a, v, nu = (np.asarray(part, float) for part in (estimate, variance, df))
    if not (np.isfinite(a).all() and (v > 0).all() and np.isfinite(v).all() and (nu > 0).all()):
        return Interval(*np.full((4, 1), np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        inflated = np.where(np.isinf(nu), v, np.where(nu > 2, v * nu / (nu - 2), np.inf))
    sd = np.sqrt(np.prod(a**2 + inflated) - np.prod(a**2)) if np.isfinite(inflated).all() else np.inf
    spread = sd if np.isfinite(sd) else np.sqrt(np.prod(a**2 + v) - np.prod(a**2))
    centre = float(np.prod(a))

    def excess(q: float, probability: float) -> float:
        return float(chain_cdf(q, a, v, nu)[0]) - probability

    def quantile(probability: float) -> float:
        low = high = centre
        for power in range(WIDEST):
            low, high = centre - spread * 2.0**power, centre + spread * 2.0**power
            if excess(low, probability) < 0 < excess(high, probability):
                break
        return float(brentq(excess, low, high, args=(probability,), xtol=1e-10 * spread, rtol=1e-12))

    tail = (1.0 - confidence) / 2.0
    signs = np.prod(1.0 - 2.0 * t_cdf(-a / np.sqrt(v), nu))
    p = min(1.0, 1.0 - abs(float(signs)))
    values = (sd, quantile(tail), quantile(1.0 - tail), p)
    return Interval(*(np.array([value], dtype=float) for value in values))
