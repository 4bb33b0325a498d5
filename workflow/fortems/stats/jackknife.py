"""Leave-one-cluster-out (delete-a-group) jackknife variances about the full estimate.

With θ̂ from all J clusters and θ_(j) from all but cluster j

    V = (J − 1) / J · Σ_j (θ_(j) − θ̂)²,

tested by t with J − 1 degrees of freedom (Tukey, 1958; Efron & Stein, 1981; for cluster-robust regression
CV3J of MacKinnon, Nielsen & Webb, 2023). About the full estimate, not about the mean of the θ_(j): the sum is then larger
by the squared bias, which errs on the safe side with few unequal clusters.

References
----------
Efron, B., & Stein, C. (1981). The jackknife estimate of variance. Annals of Statistics, 9(3), 586-596.
MacKinnon, J. G., Nielsen, M. Ø., & Webb, M. D. (2023). Fast and reliable jackknife and bootstrap methods for
cluster-robust inference. Journal of Applied Econometrics, 38(5), 671-694.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fortems.stats.arrays import Array
from fortems.stats.intervals import Interval, t_interval

TINY = 1e-12  # share of a sum of squares that is rounding
FEWEST = 3  # clusters; with two each estimate rests on one cluster alone


def jackknife_variance(estimate: ArrayLike, left_out: ArrayLike, axis: int = 0) -> Array:
    """Return the cluster-jackknife variance about the full estimate.

    Parameters
    ----------
    estimate : array_like (...)
        From all clusters.
    left_out : array_like (..., J, ...)
        Without each cluster in turn; ``estimate`` with the clusters' axis put in.
    axis : int
        That axis.

    Returns
    -------
    ndarray (...)
        NaN where one of the J estimates is missing (what one cluster alone identifies has no such variance), and with
        fewer than three clusters.
    """
    values = np.moveaxis(np.asarray(left_out, float), axis, 0)
    clusters = len(values)
    deviation = values - np.asarray(estimate, float)
    if clusters < FEWEST:
        return np.full(deviation.shape[1:], np.nan)
    return np.asarray((clusters - 1) / clusters * (deviation**2).sum(axis=0))


def left_out_interval(estimate: float, left_out: Array, confidence: float) -> Interval:
    """Return the t interval of an effect from its own leave-one-cluster-out values (J,), J − 1 df."""
    se = np.sqrt(jackknife_variance(estimate, left_out))
    return t_interval(estimate, se, len(left_out) - 1.0, confidence)


def jackknife_correlation(products: Array, x: int, y: int, confidence: float = 0.95) -> dict[str, Array]:
    """Test correlations with clustering in mind: cluster jackknife of Fisher's z, t with J − 1 df.

    The test is symmetric in the two variables, and the interval, tanh(z ± t·se), lies within ±1.

    Parameters
    ----------
    products : ndarray (S, J, K, K)
        Each cluster's cross-products in S studies, the first column being ones.
    x, y : int
        Places of the two variables.
    confidence : float

    Returns
    -------
    dict of ndarray (S,)
        ``r, se`` (of z), ``df, t, p, low, high``; NaN where a correlation does not exist, or not without one cluster.
    """
    from scipy.special import stdtr, stdtrit

    whole = products.sum(axis=1)
    r, left_out = _correlation(whole, x, y), _correlation(whole[:, None] - products, x, y)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.arctanh(r)
        se = np.sqrt(jackknife_variance(z, _finite(np.arctanh(left_out)), axis=1))
        df = np.full(len(r), products.shape[1] - 1.0)
        t = np.where(se > 0, z / se, np.nan)
        half = stdtrit(df, 0.5 + confidence / 2) * np.where(se > 0, se, np.nan)
    p = 2 * stdtr(df, -np.abs(t))
    return {"r": r, "se": se, "df": df, "t": t, "p": p, "low": np.tanh(z - half), "high": np.tanh(z + half)}


def _correlation(products: Array, x: int, y: int) -> Array:
    n, sums = products[..., 0, 0], products[..., 0, :]

    def covariance(i: int, j: int) -> Array:
        return np.asarray(products[..., i, j] - sums[..., i] * sums[..., j] / n)

    with np.errstate(divide="ignore", invalid="ignore"):
        own_x, own_y = covariance(x, x), covariance(y, y)
        floor_x, floor_y = TINY * products[..., x, x], TINY * products[..., y, y]
        r = covariance(x, y) / np.sqrt(own_x * own_y)
    varies = (own_x > floor_x) & (own_y > floor_y)
    return np.where(varies, np.clip(r, -1.0, 1.0), np.nan)


def _finite(values: Array) -> Array:
    return np.where(np.isfinite(values), values, np.nan)
