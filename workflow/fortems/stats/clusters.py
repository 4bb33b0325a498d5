"""Values of clients in clusters: codes, deviations, and whether anything varies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fortems.stats.arrays import Array, Ints

#: A sum of squares within clusters below this share of the total one is what rounding leaves of 0.
WITHIN_SHARE = 1e-12
#: The same as a share of the sum of the squared values: what subtracting a mean leaves.
ROUNDING = 1e-28


def centre(values: Array, cluster: np.ndarray) -> Array:
    """Subtract each cluster's mean from values (N,)."""
    size = np.bincount(cluster)
    return values - (np.bincount(cluster, weights=values) / size)[cluster]


def varies(y: Array) -> bool:
    """Whether values (N,) without missing ones differ by more than rounding does."""
    return len(y) > 1 and varies_within(y, np.zeros(len(y), dtype=np.int64))


def varies_within(y: Array, cluster: np.ndarray) -> bool:
    """Whether values (N,) without missing ones differ within any cluster by more than rounding does."""
    if not len(y) or np.ptp(y) == 0:
        return False
    y = y / np.abs(y).max()
    inside, whole = centre(y, cluster), y - y.mean()
    return bool(inside @ inside > WITHIN_SHARE * (whole @ whole) + ROUNDING * (y @ y))


def cluster_codes(labels: object) -> Ints:
    """Number clusters 0, 1, ... in the order in which they first appear."""
    return np.asarray(pd.factorize(pd.Series(labels))[0], dtype=np.int64)


def batch_weights(clusters: int, resamples: int, rng: np.random.Generator) -> Array:
    """Return how often each cluster counts in each resample (B, J): clusters drawn with replacement."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples).astype(float)


def one_hot(cluster: Ints) -> Array:
    """Membership (N, J) of clients in clusters as ones and zeros."""
    cluster = np.asarray(cluster)
    return np.asarray(cluster[:, None] == np.arange(cluster.max() + 1), float)
