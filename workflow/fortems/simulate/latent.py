"""Ordinal items from latent normals: their moments as functions of location, spread and latent correlation.

An item is ``x = clip(round(mu + sigma z), low, high)`` with ``z ~ N(0, 1)``, which puts its thresholds at
``t_h = (h - 1/2 - mu) / sigma``, h = low + 1 ... high.

Two such items whose latent normals correlate rho have the covariance

    cov(x, x') = sum_{k >= 1} rho^k c_k c'_k,    c_k = sum_h phi(t_h) He_{k-1}(t_h) / sqrt(k!)

(Mehler's expansion of the bivariate normal density: the tetrachoric series, Pearson, 1900; He_k are the
probabilists' Hermite polynomials). It equals the sum over pairs of thresholds of
Phi_2(t_h, t'_h'; rho) - Phi(t_h) Phi(t'_h') and costs one product of powers, so the covariances of whole scales are
polynomials in one latent correlation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

#: Terms of the expansion. With loadings up to ``LARGEST_LOADING`` what is left out is below 1e-7 of an item's variance.
TERMS = 300
LARGEST_LOADING = 0.98

#: Bounds of an item's spread: from nearly all answers in two neighbouring categories to nearly all at the ends.
SPREADS = (0.05, 200.0)


@dataclass(frozen=True)
class Categories:
    """How a latent normal becomes an answer.

    Attributes
    ----------
    low, high : int
        Lowest and highest answer.
    location, spread : float
        mu and sigma of ``clip(round(mu + sigma z), low, high)``.
    """

    low: int
    high: int
    location: float
    spread: float

    @property
    def thresholds(self) -> np.ndarray:
        """Latent values at which the answer steps up, shape (high - low,)."""
        steps = np.arange(self.low + 1, self.high + 1)
        return (steps - 0.5 - self.location) / self.spread

    @property
    def mean(self) -> float:
        """Expected answer."""
        return self.low + float(ndtr(-self.thresholds).sum())

    @property
    def variance(self) -> float:
        """Variance of the answer."""
        above = ndtr(-self.thresholds)
        # E[(x - low)^2] = sum over steps s of (2s - 1) P(x >= low + s)
        square = float(((2 * np.arange(1, len(above) + 1) - 1) * above).sum())
        return square - float(above.sum()) ** 2

    def coefficients(self, terms: int = TERMS) -> np.ndarray:
        """Return c_1 ... c_terms of the expansion above, shape (terms,).

        By the normalized recursion h_k = (t h_{k-1} - sqrt(k-1) h_{k-2}) / sqrt(k), h_k = He_k / sqrt(k!).
        """
        root = np.sqrt(np.arange(terms + 1)).tolist()
        result = [0.0] * terms
        # Plain floats: an item has a handful of thresholds, too few for arrays to pay.
        for t in self.thresholds.tolist():
            # phi(t) h_k(t) is bounded, h_k(t) alone is not: carry the product.
            previous, current = 0.0, math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
            for k in range(1, terms + 1):
                result[k - 1] += current / root[k]
                previous, current = current, (t * current - root[k - 1] * previous) / root[k]
        return np.array(result)


@cache  # scenarios share what they are not named for
def fit_categories(low: int, high: int, mean: float, variance: float) -> Categories | float:
    """Find location and spread that give an answer its mean and variance.

    Parameters
    ----------
    low, high : int
        Lowest and highest answer.
    mean, variance : float
        Targets; the mean lies between ``low`` and ``high``.

    Returns
    -------
    Categories or float
        The solution, or the nearest reachable variance where items of this kind cannot have this one.
    """

    def located(spread: float) -> Categories:
        def off(location: float) -> float:
            return Categories(low, high, location, spread).mean - mean

        reach = 1 + 9 * spread
        return Categories(low, high, brentq(off, low - reach, high + reach, xtol=1e-13, rtol=1e-14), spread)

    least, most = (located(spread).variance for spread in SPREADS)
    if not least <= variance <= most:
        return least if variance < least else most
    spread = np.exp(
        brentq(
            lambda log: located(float(np.exp(log))).variance - variance,
            *np.log(SPREADS),
            xtol=1e-13,
            rtol=1e-14,
        )
    )
    return located(float(spread))


@dataclass(frozen=True)
class LatentScale:
    """A subscale whose items share their categories and load on one factor.

    Attributes
    ----------
    categories : Categories
        Of every item, in the direction of the scale.
    loadings : ndarray, shape (n_items,)
        Correlations of the items' latent normals with the factor.
    coefficients : ndarray, shape (TERMS,)
        Of the categories.
    """

    categories: Categories
    loadings: np.ndarray
    coefficients: np.ndarray

    @cached_property
    def series(self) -> np.ndarray:
        """A_k = c_k sum_i lambda_i^k, so that cov(scale, scale') = sum_k rho^k A_k A'_k, shape (TERMS,)."""
        powers = self.loadings[:, None] ** np.arange(1, len(self.coefficients) + 1)
        return self.coefficients * powers.sum(axis=0)

    def item_covariance(self, factor_variance: float = 1.0) -> float:
        """Sum over items of the covariance of an item with itself in another draw of its unique part.

        With ``factor_variance`` 1 the same client asked twice; with the therapists' share of the factor two
        clients of one therapist.
        """
        k = np.arange(1, len(self.coefficients) + 1)
        powers = (factor_variance * self.loadings[:, None] ** 2) ** k
        return float((powers * self.coefficients**2).sum())

    @property
    def item_variances(self) -> float:
        """Sum of the variances of the items."""
        return len(self.loadings) * self.categories.variance

    @cached_property
    def variance(self) -> float:
        """Variance of the sum score."""
        return covariance(self, self, 1.0) - self.item_covariance() + self.item_variances

    @property
    def alpha(self) -> float:
        """Cronbach's alpha of the scored items, all clients; NaN for one item."""
        return alpha(len(self.loadings), self.item_variances, self.variance)


def alpha(n_items: int, item_variances: float, total_variance: float) -> float:
    """Cronbach's alpha from the sum of the item variances and the variance of their sum."""
    if n_items < 2 or total_variance <= 0:
        return float("nan")
    return n_items / (n_items - 1) * (1 - item_variances / total_variance)


def covariance(first: LatentScale, second: LatentScale, factor_correlation: float) -> float:
    """Covariance of two sum scores whose factors covary so (with another unique part in each item)."""
    k = np.arange(1, len(first.coefficients) + 1)
    return float((factor_correlation**k * first.series * second.series).sum())


def solve(
    function: Callable[[float], float], target: float, low: float, high: float
) -> tuple[float, float | None]:
    """Find where an increasing function meets its target.

    Returns
    -------
    float
        The argument; the nearer bound where the target cannot be met.
    float or None
        The nearest reachable value where the target cannot be met.
    """
    ends = function(low), function(high)
    slack = 1e-9 * max(1.0, abs(target))
    if target <= ends[0] or target >= ends[1]:
        nearer = 0 if target <= ends[0] else 1
        reached = abs(ends[nearer] - target) <= slack
        return (low, high)[nearer], None if reached else ends[nearer]
    return brentq(lambda x: function(x) - target, low, high, xtol=1e-14, rtol=1e-14), None
