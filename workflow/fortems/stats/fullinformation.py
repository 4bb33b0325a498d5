"""Full-information maximum likelihood of a normal distribution from incomplete rows, over many reweightings at once.

Rows with the same variables observed share a pattern; of a pattern with observed variables O a cluster contributes its
number of rows, the sum and the cross-products of y_O. Weighted sums of these are all that the likelihood needs, so that
leaving out a cluster is a weight of 0.

Expectation-maximization (Dempster, Laird & Rubin, 1977; Little & Rubin, 2019, section 11.2): given μ and Σ, the missing
part of a row has mean μ_M + β (y_O − μ_O) and covariance Σ_MM − β Σ_OM with β = Σ_MO Σ_OO⁻¹; the maximization step takes
mean and covariance of the completed rows, and for a restricted model its closed form applied to these.

References
----------
Dempster, A. P., Laird, N. M., & Rubin, D. B. (1977). Maximum likelihood from incomplete data via the EM algorithm. Journal
of the Royal Statistical Society B, 39(1), 1-38.
Little, R. J. A., & Rubin, D. B. (2019). Statistical analysis with missing data (3rd ed.). Wiley.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fortems.stats.arrays import Array, Ints

STEPS = 20_000
CLOSE = 1e-10  # largest change of a mean or covariance in a step, variables in units of their SD


@dataclass(frozen=True)
class Pattern:
    """Rows in which the same variables are observed, summed by cluster.

    Attributes
    ----------
    observed, missing : ndarray of int
        Places of the variables.
    count : ndarray (J,)
    total : ndarray (J, q)
        Sums of the observed variables.
    cross : ndarray (J, q, q)
        Their cross-products.
    """

    observed: Ints
    missing: Ints
    count: Array
    total: Array
    cross: Array


@dataclass(frozen=True)
class Normal:
    """Maximum of the likelihood in R reweighted samples.

    Attributes
    ----------
    mean, covariance : ndarray (R, p), (R, p, p)
        Divisor n; NaN where the steps did not settle or Σ is not definite.
    loglik : ndarray (R,)
    """

    mean: Array
    covariance: Array
    loglik: Array


def patterns(values: Array, cluster: Ints) -> list[Pattern]:
    """Sum rows (n, p) with missing values as NaN by pattern and cluster (0 … J − 1); rows of nothing are left out."""
    known = ~np.isnan(values)
    clusters = int(cluster.max()) + 1
    found = []
    for row in np.unique(known, axis=0):
        observed, missing = np.flatnonzero(row), np.flatnonzero(~row)
        if not len(observed):
            continue
        mine = (known == row).all(axis=1)
        part, where = values[mine][:, observed], cluster[mine]
        total = np.zeros((clusters, len(observed)))
        cross = np.zeros((clusters, len(observed), len(observed)))
        np.add.at(total, where, part)
        np.add.at(cross, where, part[:, :, None] * part[:, None, :])
        count = np.bincount(where, minlength=clusters).astype(float)
        found.append(Pattern(observed, missing, count, total, cross))
    return found


def fit(
    values: Array,
    cluster: Ints,
    weights: Array | None = None,
    restrict: Callable[[Array], Array] | None = None,
) -> Normal:
    """Maximize the likelihood of rows whose missing values are missing at random.

    Parameters
    ----------
    values : ndarray (n, p)
        Missing values are NaN; every variable varies.
    cluster : ndarray (n,)
        0 … J − 1.
    weights : ndarray (R, J), optional
        How often each cluster counts; once each by default, R = 1.
    restrict : callable, optional
        Takes a covariance matrix (p, p) of completed rows and returns that of the restricted model which is likeliest
        for it; means are free. None leaves Σ unrestricted.

    Returns
    -------
    Normal
    """
    centre, unit = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    parts = patterns((values - centre) / unit, cluster)
    clusters, p = len(parts[0].count), values.shape[1]
    weights = np.ones((1, clusters)) if weights is None else np.asarray(weights, float)
    summed = [
        (
            part,
            weights @ part.count,
            weights @ part.total,
            np.einsum("rj,jkl->rkl", weights, part.cross),
        )
        for part in parts
    ]
    n = np.sum([count for _, count, _, _ in summed], axis=0)
    mean, covariance = np.zeros((len(weights), p)), np.tile(np.eye(p), (len(weights), 1, 1))
    settled = False
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(STEPS):
            first, second = _expected(summed, mean, covariance)
            new_mean = first / n[:, None]
            new = second / n[:, None, None] - new_mean[:, :, None] * new_mean[:, None, :]
            if restrict is not None:
                new = np.stack([restrict(one) for one in new])
            change = max(np.nanmax(np.abs(new_mean - mean)), np.nanmax(np.abs(new - covariance)))
            mean, covariance = new_mean, new
            settled = bool(change < CLOSE)
            if settled:
                break
    definite = np.asarray(np.isfinite(covariance).all(axis=(1, 2)) & settled)
    definite[definite] = np.linalg.eigvalsh(covariance[definite])[:, 0] > 0
    mean, covariance = mean.copy(), covariance.copy()
    mean[~definite], covariance[~definite] = np.nan, np.nan
    loglik = np.full(len(weights), np.nan)
    jacobian = sum(count * np.log(unit[part.observed]).sum() for part, count, _, _ in summed)
    loglik[definite] = (_loglik(summed, mean, covariance) - jacobian)[definite]
    return Normal(mean * unit + centre, covariance * np.outer(unit, unit), loglik)


Summed = list[tuple[Pattern, Array, Array, Array]]


def _expected(summed: Summed, mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Expected sums (R, p) and cross-products (R, p, p) of the completed rows."""
    first, second = np.zeros_like(mean), np.zeros_like(covariance)
    for part, count, total, cross in summed:
        o, m = part.observed, part.missing
        first[:, o] += total
        second[:, o[:, None], o] += cross
        if not len(m):
            continue
        between = covariance[:, m[:, None], o]
        slope = np.swapaxes(np.linalg.solve(covariance[:, o[:, None], o], np.swapaxes(between, 1, 2)), 1, 2)
        constant = mean[:, m] - np.einsum("rmo,ro->rm", slope, mean[:, o])
        filled = np.einsum("rmo,ro->rm", slope, total)  # its sum, without the constant
        first[:, m] += count[:, None] * constant + filled
        mixed = constant[:, :, None] * total[:, None, :] + slope @ cross
        second[:, m[:, None], o] += mixed
        second[:, o[:, None], m] += np.swapaxes(mixed, 1, 2)
        rest = covariance[:, m[:, None], m] - slope @ np.swapaxes(between, 1, 2)
        both = constant[:, :, None] * filled[:, None, :]
        squares = count[:, None, None] * (rest + constant[:, :, None] * constant[:, None, :])
        squares = squares + both + np.swapaxes(both, 1, 2) + slope @ cross @ np.swapaxes(slope, 1, 2)
        second[:, m[:, None], m] += squares
    return first, second


def _loglik(summed: Summed, mean: Array, covariance: Array) -> Array:
    value = np.zeros(len(mean))
    for part, count, total, cross in summed:
        o = part.observed
        sigma, mu = covariance[:, o[:, None], o], mean[:, o]
        mixed = mu[:, :, None] * total[:, None, :]
        spread = cross - mixed - np.swapaxes(mixed, 1, 2)
        spread = spread + count[:, None, None] * mu[:, :, None] * mu[:, None, :]
        usable = np.asarray(np.isfinite(sigma).all(axis=(1, 2)))
        safe = np.where(usable[:, None, None], sigma, np.eye(len(o)))
        trace = np.einsum("rkl,rlk->r", np.linalg.inv(safe), np.where(usable[:, None, None], spread, 0.0))
        value -= 0.5 * (count * (len(o) * np.log(2 * np.pi) + np.linalg.slogdet(safe)[1]) + trace)
    return value


def regressions(covariance: Array, right: list[int], left: int) -> Array:
    """Return slopes (R, k) of a variable on others from covariance matrices (R, p, p); NaN from NaN."""
    found = np.full((len(covariance), len(right)), np.nan)
    usable = np.asarray(np.isfinite(covariance).all(axis=(1, 2)))
    index = np.array(right)
    matrices = covariance[usable][:, index[:, None], index]
    found[usable] = np.linalg.solve(matrices, covariance[usable][:, index, left][..., None])[..., 0]
    return found
