"""Student's t with degrees of freedom that may be fractional or infinite (then it is the normal)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from fortems.stats.arrays import Array


def t_cdf(t: ArrayLike, df: ArrayLike) -> Array:
    """Return the distribution function of t variates; normal where df are infinite."""
    return _by_kind(t, df, stdtr, ndtr)


def t_quantile(probability: ArrayLike, df: ArrayLike) -> Array:
    """Return the quantiles of t variates; normal where df are infinite."""
    return _by_kind(probability, df, stdtrit, ndtri)


def two_sided_p(t: ArrayLike, df: ArrayLike) -> Array:
    """Return the two-sided p of t."""
    return 2 * t_cdf(-np.abs(np.asarray(t, float)), df)


def _by_kind(value: ArrayLike, df: ArrayLike, of_t: np.ufunc, of_normal: np.ufunc) -> Array:
    value, df = np.broadcast_arrays(np.asarray(value, float), np.asarray(df, float))
    infinite = np.isinf(df)
    if not infinite.any():
        return np.asarray(of_t(df, value))
    if infinite.all():
        return np.asarray(of_normal(value))
    return np.where(infinite, of_normal(value), of_t(np.where(infinite, 1.0, df), value))
