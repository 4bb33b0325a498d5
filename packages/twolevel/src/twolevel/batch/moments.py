"""Sufficient statistics of many replicates of two-level data, for `twolevel.batch`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import DataProblemError, NonFiniteError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BatchMoments:
    """Sufficient statistics of R replicates, of variables minus `center` in units of `scale`.

    Attributes
    ----------
    sizes : (K,) distinct cluster sizes, ascending.
    count : (R, K) number of clusters of each size (a sum of weights).
    sums : (R, K, p) sum of cluster means.
    cross : (R, K, p, p) sum of outer products of cluster means.
    within : (R, p, p) pooled within-cluster sums of squares and products.
    center, scale : (R, p) what was subtracted, then divided by: mean and SD over all clients of the sample
        (unweighted), or of each study.
    """

    sizes: NDArray[np.int64]
    count: Floats
    sums: Floats
    cross: Floats
    within: Floats
    center: Floats
    scale: Floats

    @property
    def n_replicates(self) -> int:
        return len(self.count)

    @property
    def n_clusters(self) -> Floats:
        """(R,) clusters, each as often as it was drawn."""
        return self.count.sum(axis=1)

    @property
    def n_clients(self) -> Floats:
        """(R,) clients, each as often as it was drawn."""
        return self.count @ self.sizes

    def take(self, rows: NDArray | slice) -> BatchMoments:
        """Some of the replicates."""
        names = ("count", "sums", "cross", "within", "center", "scale")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def select(self, columns: Sequence[int]) -> BatchMoments:
        """The same replicates for some of the variables, or for the variables in another order."""
        at = list(columns)
        pairs = np.ix_(at, at)
        return replace(
            self,
            sums=np.ascontiguousarray(self.sums[..., at]),
            cross=np.ascontiguousarray(self.cross[..., pairs[0], pairs[1]]),
            within=np.ascontiguousarray(self.within[..., pairs[0], pairs[1]]),
            center=self.center[:, at],
            scale=self.scale[:, at],
        )


def _clusters(cluster: NDArray) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Order that sorts clients by cluster, first row of each cluster in it, cluster sizes."""
    cluster = np.asarray(cluster)
    if cluster.ndim != 1 or len(cluster) == 0:
        raise DataProblemError("cluster must be a one-dimensional array with one entry per client")
    missing = int(pd.isna(cluster).sum())
    if missing:  # np.unique would make them one cluster
        raise NonFiniteError(
            f"cluster is missing in {missing} row(s); drop those rows or give each its own cluster"
        )
    _, codes = np.unique(cluster, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    n = np.bincount(codes)
    return order, np.concatenate([[0], np.cumsum(n)[:-1]]), n


def _standardize(data: Floats) -> tuple[Floats, Floats, Floats]:
    """Centred and scaled data (S, N, p), centres and scales (S, p); constant variables keep scale 1."""
    if not np.isfinite(data).all():
        raise NonFiniteError(
            "data hold missing or infinite values: drop incomplete rows first, or use twolevel.fit"
        )
    center = data.mean(axis=1)
    scaled = data - center[:, None, :]
    scale = np.sqrt(np.einsum("snp,snp->sp", scaled, scaled) / data.shape[1])
    scale[~(scale > 1e-12 * np.maximum(1.0, np.abs(center)))] = 1.0
    scaled /= scale[:, None, :]
    return scaled, center, scale


def study_moments(data: Floats, cluster: NDArray) -> BatchMoments:
    """Sufficient statistics of many studies with the same cluster structure.

    Parameters
    ----------
    data : (S, N, p) complete data of S studies; (N, p) is taken as one study.
    cluster : (N,) cluster of each client, any labels.

    Raises
    ------
    NonFiniteError, DataProblemError
    """
    data = np.asarray(data, dtype=float)
    data = data[None] if data.ndim == 2 else data
    if data.ndim != 3 or data.shape[1] != len(cluster):
        raise DataProblemError(f"data must be (S, N, p) with N = {len(cluster)} clients, not {data.shape}")
    order, first, n = _clusters(cluster)
    scaled, center, scale = _standardize(data)
    means = np.add.reduceat(scaled[:, order], first, axis=1) / n[None, :, None]
    between = np.einsum("sjp,sjq,j->spq", means, means, n.astype(float))
    within = np.einsum("snp,snq->spq", scaled, scaled) - between
    sizes, group = np.unique(n, return_inverse=True)
    shape = (len(data), len(sizes))
    p = data.shape[2]
    count = np.broadcast_to(np.bincount(group).astype(float), shape).copy()
    sums, cross = np.empty((*shape, p)), np.empty((*shape, p, p))
    for k in range(len(sizes)):
        part = means[:, group == k]
        sums[:, k] = part.sum(axis=1)
        cross[:, k] = np.einsum("sjp,sjq->spq", part, part)
    return BatchMoments(sizes, count, sums, cross, within, center, scale)


def weighted_moments(data: Floats, cluster: NDArray, weights: Floats | None = None) -> BatchMoments:
    """Sufficient statistics of one sample with its clusters reweighted: cluster bootstrap, leave-one-cluster-out.

    Parameters
    ----------
    data : (N, p) complete data.
    cluster : (N,) cluster of each client, any labels.
    weights : (R, J) how often each cluster counts in each replicate, clusters in sorted order of their labels
        (`np.unique`); None: once each, R = 1.

    Raises
    ------
    NonFiniteError, DataProblemError
    """
    data = np.asarray(data, dtype=float)
    if data.ndim != 2 or len(data) != len(cluster):
        raise DataProblemError(f"data must be (N, p) with N = {len(cluster)} clients, not {data.shape}")
    order, first, n = _clusters(cluster)
    weights = np.ones((1, len(n))) if weights is None else np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[1] != len(n):
        raise DataProblemError(f"weights must be (R, J) with J = {len(n)} clusters, not {weights.shape}")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise DataProblemError("weights must be finite and not negative")
    scaled, center, scale = _standardize(data[None])
    scaled = scaled[0][order]
    p = data.shape[1]
    rows, columns = np.tril_indices(p)
    means = np.add.reduceat(scaled, first, axis=0) / n[:, None]
    products = means[:, rows] * means[:, columns]
    deviations = scaled - np.repeat(means, n, axis=0)
    within = np.add.reduceat(deviations[:, rows] * deviations[:, columns], first, axis=0)
    sizes, group = np.unique(n, return_inverse=True)
    replicates = len(weights)
    count = np.empty((replicates, len(sizes)))
    sums = np.empty((replicates, len(sizes), p))
    cross = np.empty((replicates, len(sizes), p, p))
    for k in range(len(sizes)):  # one matrix product per size
        at = group == k
        features = np.column_stack([np.ones(at.sum()), means[at], products[at]])
        part = weights[:, at] @ features
        count[:, k] = part[:, 0]
        sums[:, k] = part[:, 1 : p + 1]
        cross[:, k, rows, columns] = part[:, p + 1 :]
        cross[:, k, columns, rows] = part[:, p + 1 :]
    ssp = np.empty((replicates, p, p))
    ssp[:, rows, columns] = weights @ within
    ssp[:, columns, rows] = ssp[:, rows, columns]
    shape = (replicates, p)
    return BatchMoments(
        sizes, count, sums, cross, ssp, np.broadcast_to(center, shape), np.broadcast_to(scale, shape)
    )
