"""From a data frame to clusters: which rows count, which values of theirs, by cluster."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from ..errors import (
    DuplicateColumnError,
    MissingValuesError,
    NonFiniteError,
    NonNumericError,
    OneClusterError,
    UnknownVariableError,
    nearest,
)
from .checks import check_between_only, check_missing_variation, check_scale, check_variation
from .moments import Clusters, CompleteMoments, MissingMoments
from .variation import check_missing, magnitudes


class ClusterData:
    """A data frame prepared for fitting several models: clusters coded once, statistics kept.

    Parameters
    ----------
    data : DataFrame
        One row per client.
    cluster : str
        Column that names each client's cluster (any hashable values, none missing).

    Raises
    ------
    UnknownVariableError, DuplicateColumnError, NonFiniteError, OneClusterError
    """

    def __init__(self, data: pd.DataFrame, cluster: str) -> None:
        if cluster not in data.columns:
            raise UnknownVariableError(
                f"cluster column {cluster!r} is not in the data{nearest(cluster, data.columns)}"
            )
        _one_column(data, cluster)
        codes, labels = pd.factorize(data[cluster], use_na_sentinel=True)
        if (codes < 0).any():
            raise NonFiniteError(
                f"cluster column {cluster!r} is missing in {(codes < 0).sum()} row(s); "
                "drop those rows or give each its own cluster"
            )
        if len(labels) < 2:
            raise OneClusterError(
                f"cluster column {cluster!r} holds {len(labels)} cluster(s); a two-level model needs at least 2 "
                "(and more than that to be of use): fit a single-level model instead"
            )
        self.frame = data
        self.cluster = cluster
        self.codes = np.asarray(codes, dtype=np.int64)
        self.labels = np.asarray(labels)
        self._kept: dict[tuple[object, ...], object] = {}

    def __getstate__(self) -> dict[str, object]:
        """What a pickle holds: the data; their statistics are made again."""
        return {
            "frame": self.frame,
            "cluster": self.cluster,
            "codes": self.codes,
            "labels": self.labels,
            "_kept": {},
        }

    def columns(self, names: Sequence[str]) -> np.ndarray:
        """The named columns as floats, (N, len(names)), missing as NaN; refuses what is not a number."""
        out = np.empty((len(self.frame), len(names)))
        for k, name in enumerate(names):
            if name not in self.frame.columns:
                raise UnknownVariableError(
                    f"variable {name!r} of the model is not a column of the data{nearest(name, self.frame.columns)}"
                )
            _one_column(self.frame, name)
            column = self.frame[name]
            if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_complex_dtype(column):
                raise NonNumericError(
                    f"variable {name!r} holds {column.dtype}, not numbers; recode it (a category becomes indicator columns)"
                )
            out[:, k] = column.to_numpy(dtype=float, na_value=np.nan)
            if np.isinf(out[:, k]).any():
                raise NonFiniteError(
                    f"variable {name!r} holds {np.isinf(out[:, k]).sum()} infinite value(s); set them missing or drop them"
                )
        return out

    def clusters(self, y: Sequence[str], z: Sequence[str]) -> Clusters:
        """Per-cluster statistics of the rows complete on all of `y` and `z` (listwise deletion)."""
        key = ("clusters", tuple(y), tuple(z))
        if key not in self._kept:
            values = self.columns([*y, *z])
            self._kept[key] = _clusters(values, self.codes, self.labels, tuple(y), tuple(z))
        return self._kept[key]  # type: ignore[return-value]

    def complete(self, y: Sequence[str], z: Sequence[str]) -> CompleteMoments:
        """Sufficient statistics of the complete rows."""
        key = ("complete", tuple(y), tuple(z))
        if key not in self._kept:
            self._kept[key] = self.clusters(y, z).moments()
        return self._kept[key]  # type: ignore[return-value]

    def missing(self, y: Sequence[str], z: Sequence[str]) -> MissingMoments:
        """Cells of all rows that hold at least one value of `y`; values of `z` from any row of their cluster."""
        key = ("missing", tuple(y), tuple(z))
        if key not in self._kept:
            values = self.columns([*y, *z])
            self._kept[key] = cells(values[:, : len(y)], values[:, len(y) :], self.codes, tuple(y), tuple(z))
        return self._kept[key]  # type: ignore[return-value]

    @cached_property
    def n_rows(self) -> int:
        return len(self.frame)


def _one_column(frame: pd.DataFrame, name: str) -> None:
    if frame.columns.is_unique:
        return
    count = int((frame.columns == name).sum())
    if count > 1:
        raise DuplicateColumnError(
            f"{count} columns of the data are called {name!r}; rename or drop all but one"
        )


def _clusters(
    values: np.ndarray, codes: np.ndarray, labels: np.ndarray, y: tuple[str, ...], z: tuple[str, ...]
) -> Clusters:
    p, t = len(y), len(y) + len(z)
    complete = ~np.isnan(values).any(axis=1)
    if not complete.all():
        values, codes = values[complete], codes[complete]
    if len(values) == 0:
        raise MissingValuesError(
            f"no row is complete on {', '.join((*y, *z))}; use missing='ml' or fewer variables"
        )
    used, codes = np.unique(codes, return_inverse=True)
    if len(used) < 2:
        raise OneClusterError("all complete rows belong to one cluster; a two-level model needs at least 2")
    check_scale(values, (*y, *z))
    sizes = np.bincount(codes)
    means = np.empty((len(used), t))
    for k in range(t):
        # Centred first: a large common offset must not eat the digits of the differences.
        offset = values[:, k].mean()
        means[:, k] = offset + np.bincount(codes, values[:, k] - offset) / sizes
    deviation = values - means[codes]
    check_between_only(deviation[:, p:], values[:, p:], z)
    ssp = np.empty((len(used), p, p))
    for g in range(p):
        for h in range(g + 1):
            ssp[:, g, h] = ssp[:, h, g] = np.bincount(codes, deviation[:, g] * deviation[:, h])
    found = Clusters(labels[used], sizes, means, ssp, p, len(z))
    check_variation(sizes, means, ssp, values, y, z)
    return found


def cells(
    y_values: np.ndarray, z_values: np.ndarray, codes: np.ndarray, y: tuple[str, ...], z: tuple[str, ...]
) -> MissingMoments:
    """Cells of cluster x missing pattern of rows (N, p), (N, q) with cluster codes 0, 1, ..."""
    seen = ~np.isnan(y_values)
    for name, column in zip((*y, *z), np.hstack([y_values, z_values]).T, strict=True):
        if np.isnan(column).all():
            raise MissingValuesError(f"variable {name!r} is missing in every row; leave it out of the model")
    check_scale(np.hstack([y_values, z_values]), (*y, *z))
    # A row without clients' values still tells its cluster's own; a cluster may have such rows only.
    keep = seen.any(axis=1)
    used, all_codes = np.unique(codes, return_inverse=True)
    told = np.bincount(all_codes, keep | ~np.isnan(z_values).all(axis=1) if len(z) else keep) > 0
    used, codes = used[told], (np.cumsum(told) - 1)[all_codes]
    if len(used) < 2:
        raise OneClusterError(
            "all rows with values belong to one cluster; a two-level model needs at least 2"
        )
    cluster_z = _cluster_values(z_values, codes, len(used), z)
    y_values, codes, seen = y_values[keep], codes[keep], seen[keep]
    patterns, which = np.unique(seen, axis=0, return_inverse=True)
    which = which.reshape(-1)
    cell_ids, cell = np.unique(codes * len(patterns) + which, return_inverse=True)
    cell_cluster, cell_pattern = np.divmod(cell_ids, len(patterns))
    cell_n = np.bincount(cell).astype(float)
    filled = np.where(seen, y_values, 0.0)
    p = len(y)
    cell_mean = np.stack([np.bincount(cell, filled[:, k]) for k in range(p)], axis=1) / cell_n[:, None]
    deviation = np.where(seen, y_values - cell_mean[cell], 0.0)
    cell_ssp = np.empty((len(cell_ids), p, p))
    for g in range(p):
        for h in range(g + 1):
            cell_ssp[:, g, h] = cell_ssp[:, h, g] = np.bincount(cell, deviation[:, g] * deviation[:, h])
    ssp = np.zeros((len(patterns), p, p))
    np.add.at(ssp, cell_pattern, cell_ssp)
    z_seen = ~np.isnan(cluster_z)
    first = np.searchsorted(cell_cluster, np.arange(len(used) + 1))
    check_missing_variation(y_values, codes, y)
    found = MissingMoments(
        np.ascontiguousarray(patterns),
        np.bincount(which).astype(float),
        ssp,
        first.astype(np.int64),
        cell_pattern.astype(np.int64),
        cell_n,
        np.ascontiguousarray(cell_mean),
        cell_ssp,
        np.where(z_seen, cluster_z, 0.0),
        z_seen,
    )
    check_missing(found, magnitudes(found), len(used), y, z)
    return found


def _cluster_values(z_values: np.ndarray, codes: np.ndarray, clusters: int, z: tuple[str, ...]) -> np.ndarray:
    """The one value of each between-only variable that a cluster's rows agree on; NaN where none has it."""
    found = np.full((clusters, len(z)), np.nan)
    for k in range(len(z)):
        rows = ~np.isnan(z_values[:, k])
        sums = np.bincount(codes[rows], z_values[rows, k], clusters)
        count = np.bincount(codes[rows], minlength=clusters)
        with np.errstate(invalid="ignore"):
            found[:, k] = sums / count
        column = z_values[rows, k : k + 1]
        check_between_only(column - found[codes[rows], k : k + 1], column, z[k : k + 1])
    return found
