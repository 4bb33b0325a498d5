"""Sufficient statistics: what the likelihood needs of the data, once the clients have been passed over.

Complete data become statistics per distinct cluster size (`CompleteMoments`), incomplete data cells of
cluster x missing pattern (`MissingMoments`). Variables come in two kinds: y, measured on clients (both levels
or within only), and z, measured on clusters (between only).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class CompleteMoments:
    """Sufficient statistics of complete data (see likelihood.py for the symbols).

    Attributes
    ----------
    sizes, counts : ndarray (S,)
        Distinct cluster sizes n and the (weighted) number of clusters c_n of each.
    means : ndarray (S, t)
        Mean of b_j = (cluster means of y, z) over the clusters of each size.
    cross : ndarray (S, t, t)
        Cross-product of b_j about that mean.
    within : ndarray (p, p)
        Pooled cross-product of clients about their cluster's means.
    within_df : float
        Clients minus clusters.
    p, q : int
        Numbers of y and z variables; t = p + q.
    """

    sizes: np.ndarray
    counts: np.ndarray
    means: np.ndarray
    cross: np.ndarray
    within: np.ndarray
    within_df: float
    p: int
    q: int

    @property
    def n_clusters(self) -> float:
        return float(self.counts.sum())

    @property
    def n_clients(self) -> float:
        return float(self.counts @ self.sizes)

    @cached_property
    def constant(self) -> float:
        """The part of -2 log L that no parameter touches."""
        return (self.n_clients * self.p + self.n_clusters * self.q) * np.log(2 * np.pi)


@dataclass(frozen=True)
class MissingMoments:
    """Cells of cluster x missing pattern (see fiml.py for the symbols); a cluster with values of `z` only has none."""

    patterns: np.ndarray
    pattern_n: np.ndarray
    pattern_ssp: np.ndarray
    first: np.ndarray
    cell_pattern: np.ndarray
    cell_n: np.ndarray
    cell_mean: np.ndarray
    cell_ssp: np.ndarray
    z: np.ndarray
    z_seen: np.ndarray

    def weighted(self, weights: np.ndarray) -> MissingMoments:
        """The moments with cluster j repeated `weights[j]` times (whole numbers)."""
        clusters = np.repeat(np.arange(len(weights)), np.asarray(weights, dtype=np.int64))
        count = np.diff(self.first)[clusters]
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        cells = np.repeat(self.first[clusters] - start[:-1], count) + np.arange(start[-1])
        pattern = self.cell_pattern[cells]
        size = len(self.patterns)
        ssp = np.zeros_like(self.pattern_ssp)
        np.add.at(ssp, pattern, self.cell_ssp[cells])
        return MissingMoments(
            self.patterns,
            np.bincount(pattern, self.cell_n[cells], size).astype(float),  # counts if there are no cells
            ssp,
            start,
            pattern,
            self.cell_n[cells],
            self.cell_mean[cells],
            self.cell_ssp[cells],
            self.z[clusters],
            self.z_seen[clusters],
        )

    @property
    def p(self) -> int:
        return self.patterns.shape[1]

    @property
    def q(self) -> int:
        return self.z.shape[1]

    @property
    def n_clusters(self) -> float:
        return float(len(self.first) - 1)

    @property
    def n_clients(self) -> float:
        return float(self.pattern_n.sum())

    @cached_property
    def constant(self) -> float:
        observed = self.patterns.sum(axis=1) @ self.pattern_n + self.z_seen.sum()
        return float(observed) * np.log(2 * np.pi)


@dataclass(frozen=True)
class Clusters:
    """Per-cluster statistics of complete rows, from which any weighting of clusters follows.

    Attributes
    ----------
    labels : ndarray (J,)
        The clusters' names, in order of first appearance.
    sizes : ndarray (J,)
        Clients per cluster.
    means : ndarray (J, t)
        b_j: means of y, then z.
    ssp : ndarray (J, p, p)
        Cross-products of the clients about their cluster's mean.
    p, q : int
    """

    labels: np.ndarray
    sizes: np.ndarray
    means: np.ndarray
    ssp: np.ndarray
    p: int
    q: int

    def moments(self, weights: np.ndarray | None = None) -> CompleteMoments:
        """Sufficient statistics with cluster j counted `weights[j]` times (default once)."""
        w = np.ones(len(self.sizes)) if weights is None else np.asarray(weights, dtype=float)
        keep = w > 0
        sizes, group = np.unique(self.sizes[keep], return_inverse=True)
        w, b = w[keep], self.means[keep]
        t = b.shape[1]
        counts = np.bincount(group, w)
        means = np.empty((len(sizes), t))
        for k in range(t):
            means[:, k] = np.bincount(group, w * b[:, k]) / counts
        deviation = b - means[group]
        cross = np.empty((len(sizes), t, t))
        for g in range(t):
            for h in range(g + 1):
                cross[:, g, h] = cross[:, h, g] = np.bincount(group, w * deviation[:, g] * deviation[:, h])
        within = np.ascontiguousarray(np.tensordot(w, self.ssp[keep], axes=1))
        return CompleteMoments(
            sizes.astype(float),
            counts,
            means,
            cross,
            within,
            float(w @ (self.sizes[keep] - 1.0)),
            self.p,
            self.q,
        )
