"""Cluster bootstrap as weights, leave-one-cluster-out, and intervals from resampled values.

Whole clusters are resampled: a replicate is a vector that says how often each cluster counts, so that sufficient
statistics of all replicates are one matrix product (`twolevel.batch.weighted_moments`). The interval functions take
plain arrays, from whichever engine.

With few clusters these intervals cover less than they say (about .92 to .93 for 95 % at 23 clusters).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import TwoLevelError
from . import BatchFit, PathModel, fit, weighted_moments

Floats = NDArray[np.float64]


def bootstrap_weights(clusters: int, replicates: int, rng: np.random.Generator) -> Floats:
    """How often each cluster is drawn: `clusters` draws with replacement per replicate.

    Returns
    -------
    (replicates, clusters) array whose rows sum to `clusters`; columns are clusters in sorted order of their labels.
    """
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=replicates).astype(float)


def leave_one_out_weights(clusters: int) -> Floats:
    """(clusters, clusters) array: row j leaves out cluster j."""
    return 1.0 - np.eye(clusters)


@dataclass(frozen=True)
class Interval:
    """A confidence interval from resampled values; bounds are scalars or arrays of the shape of the estimate.

    Attributes
    ----------
    low, high : bounds, NaN where there are not enough usable replicates.
    confidence : nominal coverage.
    usable : number of finite replicates.
    failed : number of replicates that were not finite, left out.
    """

    low: Floats
    high: Floats
    confidence: float
    usable: NDArray[np.int64]
    failed: NDArray[np.int64]


def _replicates(replicates: ArrayLike, confidence: float) -> Floats:
    values = np.asarray(replicates, dtype=float)
    if values.ndim == 0 or len(values) == 0:
        raise TwoLevelError("replicates must be an array with one entry or more along its first axis")
    if not 0 < confidence < 1:
        raise TwoLevelError(f"confidence must lie between 0 and 1, not {confidence}")
    return values


def _quantiles(values: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Quantiles along the first axis at probabilities of the shape of the rest; NaN values are left out."""
    shape = values.shape[1:]
    columns = values.reshape(len(values), -1)
    at = np.broadcast_to(low, shape).ravel(), np.broadcast_to(high, shape).ravel()
    out = np.full((2, columns.shape[1]), np.nan)
    for k in range(columns.shape[1]):
        usable = columns[np.isfinite(columns[:, k]), k]
        if len(usable) > 1 and np.isfinite(at[0][k]) and np.isfinite(at[1][k]):
            out[:, k] = np.quantile(usable, [at[0][k], at[1][k]])
    return out[0].reshape(shape)[()], out[1].reshape(shape)[()]


def percentile_interval(replicates: ArrayLike, confidence: float = 0.95) -> Interval:
    """Percentile interval.

    Parameters
    ----------
    replicates : (R, ...) resampled values; those not finite are failures, left out and counted.
    confidence : nominal coverage.
    """
    values = _replicates(replicates, confidence)
    finite = np.isfinite(values)
    alpha = (1 - confidence) / 2
    low, high = _quantiles(values, np.array(alpha), np.array(1 - alpha))
    return Interval(low, high, confidence, finite.sum(axis=0), (~finite).sum(axis=0))


def bca_interval(
    estimate: ArrayLike, replicates: ArrayLike, jackknife: ArrayLike, confidence: float = 0.95
) -> Interval:
    """Bias-corrected and accelerated interval (Efron, 1987).

    Parameters
    ----------
    estimate : (...) value in the sample.
    replicates : (R, ...) resampled values; those not finite are failures, left out and counted.
    jackknife : (J, ...) values with one cluster left out; the acceleration is a = sum d^3 / (6 (sum d^2)^1.5), d their
        mean minus each. One that is not finite makes the interval NaN: the acceleration would miss that cluster.
    confidence : nominal coverage.

    Notes
    -----
    The bias correction z0 counts replicates below the estimate, ties by half. Where all replicates lie on one side of
    the estimate z0 is infinite and the interval NaN.
    """
    from scipy.special import ndtr, ndtri

    values = _replicates(replicates, confidence)
    estimate = np.asarray(estimate, dtype=float)
    left_out = np.asarray(jackknife, dtype=float)
    if values.shape[1:] != estimate.shape or left_out.shape[1:] != estimate.shape:
        raise TwoLevelError(
            f"replicates {values.shape} and jackknife {left_out.shape} must be (R, ...) and (J, ...) of an estimate "
            f"of shape {estimate.shape}"
        )
    finite = np.isfinite(values)
    usable = finite.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = ((finite & (values < estimate)).sum(axis=0) + 0.5 * (values == estimate).sum(axis=0)) / usable
        z0 = ndtri(share)
        d = left_out.mean(axis=0) - left_out
        squares = (d**2).sum(axis=0)
        acceleration = np.where(squares > 0, (d**3).sum(axis=0) / (6 * squares**1.5), 0.0)
        acceleration = np.where(np.isfinite(squares), acceleration, np.nan)
        alpha = (1 - confidence) / 2
        bounds = []
        for z in ndtri(np.array([alpha, 1 - alpha])):
            shifted = z0 + z
            bounds.append(ndtr(z0 + shifted / (1 - acceleration * shifted)))
        usable_bounds = np.isfinite(z0) & np.isfinite(acceleration)
        bounds = [np.where(usable_bounds, b, np.nan) for b in bounds]
    low, high = _quantiles(values, *bounds)
    return Interval(low, high, confidence, usable, (~finite).sum(axis=0))


@dataclass(frozen=True)
class ClusterBootstrap:
    """A path model in the sample, in R bootstrap replicates and with each of J clusters left out.

    Attributes
    ----------
    sample : fit of the sample, one replicate, with standard errors.
    replicates, jackknife : fits of R and J replicates, without standard errors.
    """

    sample: BatchFit
    replicates: BatchFit
    jackknife: BatchFit

    @property
    def failed(self) -> int:
        """Bootstrap replicates without a maximum, those at the iteration cap included."""
        return self.replicates.failed

    @property
    def capped(self) -> int:
        """Bootstrap replicates stopped by the cap on iterations."""
        return self.replicates.capped

    def values(self, function: Callable[[BatchFit], Floats]) -> tuple[Floats, Floats, Floats]:
        """A function of the fits, e.g. ``lambda f: f.path("m", "x") * f.path("y", "m")``.

        Returns
        -------
        (...), (R, ...), (J, ...) : in the sample, per replicate, per cluster left out.
        """
        return function(self.sample)[0], function(self.replicates), function(self.jackknife)

    def percentile(self, function: Callable[[BatchFit], Floats], confidence: float = 0.95) -> Interval:
        """Percentile interval of a function of the fits."""
        return percentile_interval(function(self.replicates), confidence)

    def bca(self, function: Callable[[BatchFit], Floats], confidence: float = 0.95) -> Interval:
        """BCa interval of a function of the fits."""
        return bca_interval(*self.values(function), confidence)


def cluster_bootstrap(
    model: PathModel,
    data: Floats,
    cluster: NDArray,
    replicates: int,
    rng: np.random.Generator,
    tolerance: float = 1e-5,
    max_iterations: int = 200,
) -> ClusterBootstrap:
    """Fit a path model to the sample, to bootstrap replicates of its clusters and with each cluster left out.

    Parameters
    ----------
    data : (N, p) complete data, columns in the order of `model.variables`.
    cluster : (N,) cluster of each client.
    replicates : number R of bootstrap replicates.
    rng : all randomness comes from it.
    tolerance, max_iterations : see `twolevel.batch.fit`; the sample is fitted to a tolerance of 1e-9.
    """
    clusters = len(np.unique(cluster))
    sample = fit(model, weighted_moments(data, cluster), tolerance=min(tolerance, 1e-9))
    start = sample if sample.converged[0] else None

    def resampled(weights: Floats) -> BatchFit:
        moments = weighted_moments(data, cluster, weights)
        return fit(model, moments, start, vcov=False, tolerance=tolerance, max_iterations=max_iterations)

    return ClusterBootstrap(
        sample=sample,
        replicates=resampled(bootstrap_weights(clusters, replicates, rng)),
        jackknife=resampled(leave_one_out_weights(clusters)),
    )
