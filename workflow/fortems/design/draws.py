"""The t-scaled Monte Carlo interval of a·b for hundreds of thousands of studies.

The definition is that of a run's own (``fortems.stats.intervals.t_draws``): quantiles of A·B with
A = a + s_a T_a, B = b + s_b T_b, T_a and T_b being t variates with ν_a and ν_b degrees of freedom. A run's own
interval takes 20,000 pseudo-random points; here all studies share the 1,597 points of a Fibonacci lattice in the
unit square, put through the quantiles of t. That is as close to the limit of many draws as the run's own (a test
compares the two), at a fraction of the cost and without noise.

A correlation ρ of the estimates enters as T_b ← ρ T_a + √(1 − ρ²) T_b: exact for ρ = 0 (separate regressions) and
for normal draws; in between (two-level likelihood: ν about 70, ρ near 0) it differs from correlated normal
numerators over separate divisors by less than the run's own Monte Carlo error.

The quantiles of t are tabulated over 1/ν, in which they are smooth, and interpolated by a cubic for each study's ν.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from fortems.stats.arrays import Array, Ints

POINTS, GENERATOR = 1597, 987  # successive Fibonacci numbers
GRID = 129  # table rows over 1/ν from 0 to 1
BLOCK = 64  # studies held at once: (BLOCK, POINTS) arrays stay in the processor's cache


@cache
def _table() -> tuple[Array, Ints]:
    """Quantiles of t at (i + 1/2) / POINTS over the grid of 1/ν, (GRID, POINTS), and the lattice's second order."""
    from scipy.special import ndtri, stdtrit

    u = (np.arange(POINTS) + 0.5) / POINTS
    inverse = np.linspace(0, 1, GRID)[1:, None]
    table = np.vstack([ndtri(u)[None], stdtrit(1 / inverse, u)])
    return table, (np.arange(POINTS) * GENERATOR) % POINTS


def _quantiles(table: Array, df: Array) -> Array:
    """Interpolate the table at each study's df by the cubic through the four nearest rows: (S or 1, POINTS)."""
    place = np.clip(1 / df, 0, 1) * (GRID - 1)
    first = np.clip(place.astype(int) - 1, 0, GRID - 4)
    t = place - first
    weights = np.stack(
        [
            -(t - 1) * (t - 2) * (t - 3) / 6,
            t * (t - 2) * (t - 3) / 2,
            -t * (t - 1) * (t - 3) / 2,
            t * (t - 1) * (t - 2) / 6,
        ]
    )
    if len(df) and np.all(df == df[0]):  # within therapists all studies of a design share their df
        return (weights[:, 0] @ table[first[0] : first[0] + 4])[None]
    result = weights[0][:, None] * table[first]
    for k in (1, 2, 3):
        result += weights[k][:, None] * table[first + k]
    return result


def product_interval(
    a: Array,
    b: Array,
    var_a: Array,
    var_b: Array,
    cov_ab: Array,
    df_a: Array,
    df_b: Array,
    confidence: float = 0.95,
) -> tuple[Array, Array, Array]:
    """Limits and two-sided p (S,) of the t-scaled Monte Carlo interval of a·b.

    Parameters
    ----------
    a, b : ndarray (S,)
        Slopes.
    var_a, var_b, cov_ab : ndarray (S,)
        Their sampling variances and covariance.
    df_a, df_b : ndarray (S,)
        Degrees of freedom, at least 1; infinite for normal draws.
    confidence : float

    Returns
    -------
    low, high, p : ndarray (S,)
        NaN where an input is NaN, a variance is negative or a df is not positive.
    """
    columns = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, var_a, var_b, cov_ab, df_a, df_b)))
    usable = np.logical_and.reduce([~np.isnan(column) for column in columns])
    usable &= (columns[2] >= 0) & (columns[3] >= 0) & (columns[5] > 0) & (columns[6] > 0)
    rows = np.flatnonzero(usable)
    result = np.full((3, len(columns[0])), np.nan)
    for start in range(0, len(rows), BLOCK):
        chosen = rows[start : start + BLOCK]
        a, b, var_a, var_b, cov_ab, df_a, df_b = (column[chosen] for column in columns)
        result[:, chosen] = _block(a, b, var_a, var_b, cov_ab, df_a, df_b, confidence)
    return result[0], result[1], result[2]


def _block(
    a: Array, b: Array, var_a: Array, var_b: Array, cov_ab: Array, df_a: Array, df_b: Array, confidence: float
) -> Array:
    table, order = _table()
    s_a, s_b = np.sqrt(var_a), np.sqrt(var_b)
    scale = s_a * s_b
    rho = np.clip(np.divide(cov_ab, scale, out=np.zeros_like(scale), where=scale > 0), -1, 1)
    t_a, t_b = _quantiles(table, df_a), _quantiles(table, df_b)[:, order]
    product = a[:, None] + s_a[:, None] * t_a
    other = b[:, None] + (s_b * np.sqrt(1 - rho**2))[:, None] * t_b
    if rho.any():
        other += (s_b * rho)[:, None] * t_a
    product *= other
    below = (product <= 0).sum(axis=1)
    p = np.minimum(1.0, 2 * (1 + np.minimum(below, POINTS - below)) / (POINTS + 1))
    # The points stand for the middles of equal shares: quantile q lies at position q * POINTS - 1/2.
    tail = max((1 - confidence) / 2 * POINTS - 0.5, 0.0)
    left, part = int(tail), tail - int(tail)
    right = POINTS - 1 - left
    product.partition((left, left + 1, right - 1, right), axis=1)
    low = product[:, left] + part * (product[:, left + 1] - product[:, left])
    high = product[:, right] - part * (product[:, right] - product[:, right - 1])
    return np.stack([low, high, p])
