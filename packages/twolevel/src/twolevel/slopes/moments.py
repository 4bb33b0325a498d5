"""What the likelihood of random slopes needs of the data: cross-products of each cluster's rows.

With f_i = (1, covariates given, predictors of slopes as observed) the modelled variables of a row are
y_i = C_j f_i + e_i, where C_j holds the cluster's intercepts and slopes. All that a cluster tells of C_j and of the
residuals' covariance is F = sum f f', G = sum y f', H = sum y y' over its rows, for each pattern of missing values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data.clusters import ClusterData, cells
from ..data.moments import MissingMoments
from ..errors import MissingValuesError, OneClusterError, UnsupportedError
from ..likelihood.layout import Layout


@dataclass(frozen=True)
class SlopeMoments(MissingMoments):
    """The rows' moments without regard to slopes (for starting values, units and checks), and their cross-products.

    Attributes
    ----------
    own_patterns : ndarray (R, p) of bool
        Missing patterns of the modelled variables of level 1.
    own_first : ndarray (J + 1,)
        First cell of each cluster.
    own_cell, own_n : ndarray (cells,)
        Pattern and rows of each cell.
    f, g, h : ndarray (cells, d, d), (cells, p, d), (cells, p, p)
        The cross-products F, G, H.
    between : ndarray (J, nw + nz)
        Each cluster's given covariates of level 2, then its modelled between-only variables.
    nz : int
        How many of those are modelled.
    quadrature : tuple of int
        The slopes that are integrated by quadrature (positions in `Random.slopes`).
    """

    own_patterns: np.ndarray
    own_first: np.ndarray
    own_cell: np.ndarray
    own_n: np.ndarray
    f: np.ndarray
    g: np.ndarray
    h: np.ndarray
    between: np.ndarray
    nz: int
    quadrature: tuple[int, ...]

    @cached_property
    def constant(self) -> float:
        """The part of -2 log L that no parameter touches."""
        observed = self.own_patterns.sum(axis=1)[self.own_cell] @ self.own_n + self.nz * self.n_clusters
        return float(observed) * np.log(2 * np.pi)

    def weighted(self, weights: np.ndarray) -> SlopeMoments:
        """The moments with cluster j repeated `weights[j]` times (whole numbers)."""
        clusters = np.repeat(np.arange(len(weights)), np.asarray(weights, dtype=np.int64))
        count = np.diff(self.own_first)[clusters]
        start = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
        cells = np.repeat(self.own_first[clusters] - start[:-1], count) + np.arange(start[-1])
        plain = super().weighted(weights)
        return SlopeMoments(
            **{name: getattr(plain, name) for name in MissingMoments.__dataclass_fields__},
            own_patterns=self.own_patterns,
            own_first=start,
            own_cell=self.own_cell[cells],
            own_n=self.own_n[cells],
            f=self.f[cells],
            g=self.g[cells],
            h=self.h[cells],
            between=self.between[clusters],
            nz=self.nz,
            quadrature=self.quadrature,
        )


def modelled(layout: Layout) -> tuple[list[str], list[str]]:
    """The variables of level 1 and those of level 2 only that have a distribution, in the layout's order."""
    given = layout.random
    return [n for n in layout.y if n not in given.x], [n for n in layout.z if n not in given.w]


def regressors(layout: Layout, quadrature: Sequence[int]) -> list[str]:
    """The variables of f after the constant: covariates given, then predictors of the other slopes as observed."""
    slopes = [s for k, s in enumerate(layout.random.slopes) if k not in quadrature]
    return list(dict.fromkeys([*layout.random.x, *(s.predictor for s in slopes)]))


def slope_moments(data: ClusterData, layout: Layout, missing: str) -> SlopeMoments:
    """Sum up the rows that count.

    Parameters
    ----------
    missing : {"listwise", "ml"}
        Rows complete in all variables, or rows that hold all covariates given and some modelled variable. A cluster
        without its given covariates of level 2 or its modelled between-only variables is left out.

    Raises
    ------
    DataProblemError
    """
    key = ("slopes", layout.y, layout.z, layout.random, missing)
    if key not in data._kept:
        data._kept[key] = _moments(data, layout, missing)
    return data._kept[key]  # type: ignore[return-value]


def _moments(data: ClusterData, layout: Layout, missing: str) -> SlopeMoments:
    y, z, random = layout.y, layout.z, layout.random
    own_y, own_z = modelled(layout)
    values = data.columns([*y, *z])
    seen = ~np.isnan(values)
    is_y = np.array([n in own_y for n in y])
    covered = seen[:, : len(y)][:, ~is_y].all(axis=1)
    has_z = np.ones(len(values), dtype=bool)
    for k in range(len(y), len(y) + len(z)):  # known of the cluster if known of any of its rows
        own = np.bincount(data.codes, seen[:, k], len(data.labels)) > 0
        has_z &= own[data.codes] if missing == "ml" else seen[:, k]
    kept = covered & has_z
    kept &= (
        seen[:, : len(y)][:, is_y].all(axis=1)
        if missing == "listwise"
        else seen[:, : len(y)][:, is_y].any(axis=1)
    )
    if not kept.any():
        raise MissingValuesError(
            f"no row has all of {', '.join([*random.given, *([] if missing == 'ml' else own_y)])}; use "
            "missing='ml' or fewer variables"
        )
    codes = np.unique(data.codes[kept], return_inverse=True)[1]
    if codes.max() < 1:
        raise OneClusterError("all rows used belong to one cluster; a two-level model needs at least 2")
    plain = cells(values[kept][:, : len(y)], _filled(values, data.codes, len(y))[kept], codes, y, z)
    rows = values[kept][:, : len(y)]
    quadrature = tuple(
        k
        for k, slope in enumerate(random.slopes)
        if slope.kind == "within" or np.isnan(rows[:, y.index(slope.predictor)]).any()
    )
    if len(quadrature) > 3:
        raise UnsupportedError(
            f"{len(quadrature)} random slopes would be integrated by quadrature; up to 3 are: let some act on the "
            'observed predictor, rv("s", "observed")*x, or fix some across clusters'
        )
    names = regressors(layout, quadrature)
    target = rows[:, [y.index(n) for n in own_y]]
    f = np.column_stack([np.ones(len(rows)), *(rows[:, y.index(n)] for n in names)])
    known = ~np.isnan(target)
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    ids, cell = np.unique(codes * len(patterns) + which.reshape(-1), return_inverse=True)
    cluster, pattern = np.divmod(ids, len(patterns))
    filled = np.where(known, target, 0.0)

    def summed(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        out = np.empty((len(ids), left.shape[1], right.shape[1]))
        for i in range(left.shape[1]):
            for j in range(right.shape[1]):
                out[:, i, j] = np.bincount(cell, left[:, i] * right[:, j], len(ids))
        return out

    clusters = int(codes.max()) + 1
    order = [*(z.index(n) for n in random.w), *(z.index(n) for n in own_z)]
    return SlopeMoments(
        **{name: getattr(plain, name) for name in MissingMoments.__dataclass_fields__},
        own_patterns=np.ascontiguousarray(patterns),
        own_first=np.searchsorted(cluster, np.arange(clusters + 1)).astype(np.int64),
        own_cell=pattern.astype(np.int64),
        own_n=np.bincount(cell, minlength=len(ids)).astype(float),
        f=summed(f, f),
        g=summed(filled, f),
        h=summed(filled, filled),
        between=np.ascontiguousarray(plain.z[:, order]),
        nz=len(own_z),
        quadrature=quadrature,
    )


def _filled(values: np.ndarray, codes: np.ndarray, start: int) -> np.ndarray:
    """Between-only variables with each row's missing value taken from another row of its cluster."""
    out = values[:, start:].copy()
    for k in range(out.shape[1]):
        rows = ~np.isnan(out[:, k])
        known = np.full(int(codes.max()) + 1, np.nan)
        known[codes[rows]] = out[rows, k]
        out[~rows, k] = known[codes[~rows]]
    return out
