"""Whether sufficient statistics carry two levels: what `checks` asks of rows, asked of moments.

For replicates, whose clusters are weighted and whose rows are never seen again, and for incomplete data, of which each
set of variables has rows of its own. A variance is zero where it is lost to the rounding of the variable's values, a
covariance matrix singular where a pivot is, per unit of its variable's variance: units do not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from ..errors import (
    CollinearVariablesError,
    ConstantVariableError,
    MissingValuesError,
    NoReplicationError,
    OneClusterError,
)
from .checks import check_collinear
from .moments import Clusters, CompleteMoments, MissingMoments

# A variance below this share of the largest squared value is rounding; within clusters, below this share of the total.
ROUNDING = 1e-20
WITHIN_SHARE = 1e-16

# From positions of variables to (their cross-product, its degrees of freedom) in the rows that hold all of them.
Joint = Callable[[list[int]], tuple[np.ndarray, float]]


def magnitudes(data: Clusters | MissingMoments) -> np.ndarray:
    """A bound on each variable's absolute values, y then z: what its rounding is a share of, (t,)."""
    from .moments import Clusters

    if isinstance(data, Clusters):
        found = np.abs(data.means).max(axis=0)
        found[: data.p] += np.sqrt(np.einsum("jii->ji", data.ssp).max(axis=0))
        return found
    y = np.abs(data.cell_mean).max(axis=0) + np.sqrt(np.einsum("cii->ci", data.cell_ssp).max(axis=0))
    return np.concatenate([y, np.abs(data.z).max(axis=0, initial=0.0)])


def check_complete(
    moments: CompleteMoments, magnitude: np.ndarray, distinct: int, y: tuple[str, ...], z: tuple[str, ...]
) -> None:
    """Refuse weighted complete data that `checks.check_variation` would refuse as rows.

    Parameters
    ----------
    magnitude : ndarray (t,)
        See `magnitudes`; of the whole sample.
    distinct : int
        Clusters of positive weight.

    Raises
    ------
    DataProblemError
        One of its subclasses.
    """
    p, n = moments.p, moments.n_clients
    _several(distinct, z)
    if moments.within_df < p:
        raise NoReplicationError(
            f"{moments.within_df:.0f} degrees of freedom within clusters for {p} variables"
        )
    grand = moments.counts @ moments.means / moments.n_clusters
    deviation = moments.means - grand
    plain = moments.cross.sum(axis=0) + np.einsum("s,si,sj->ij", moments.counts, deviation, deviation)
    by_size = np.einsum("s,sii->i", moments.sizes, moments.cross)
    by_size += (moments.counts * moments.sizes) @ deviation**2
    within = np.diag(moments.within)
    _varies(within + by_size[:p], within, magnitude[:p] ** 2 * n, y)
    _varies(np.diag(plain)[p:], None, magnitude[p:] ** 2 * moments.n_clusters, z)
    check_collinear(moments.within, y, "within clusters")
    if z:
        check_collinear(plain[p:, p:], z, "between clusters")


def check_missing(
    moments: MissingMoments, magnitude: np.ndarray, distinct: int, y: tuple[str, ...], z: tuple[str, ...]
) -> None:
    """`check_complete` for incomplete data: each variable in the rows that hold it, each set in those that hold all."""
    p, q = moments.p, moments.q
    _several(distinct, z)
    n = moments.pattern_n @ moments.patterns
    n_z = moments.z_seen.sum(axis=0).astype(float)
    for name, count in zip((*y, *z), (*n, *n_z), strict=True):
        if not count:
            raise MissingValuesError(f"variable {name!r} is missing in every row; leave it out of the model")
    cluster = np.repeat(np.arange(len(moments.first) - 1), np.diff(moments.first))
    one = [_joint_within(moments, cluster, [k]) for k in range(p)]
    for name, (_, df) in zip(y, one, strict=True):
        if df < 1:
            raise NoReplicationError(
                f"no cluster has two clients with a value of {name!r}: its levels cannot be told apart"
            )
    within = np.array([ssp[0, 0] for ssp, _ in one])
    seen = moments.patterns[moments.cell_pattern] * moments.cell_n[:, None]
    mean = (seen * moments.cell_mean).sum(axis=0) / n
    total = np.einsum("sii->i", moments.pattern_ssp) + (seen * (moments.cell_mean - mean) ** 2).sum(axis=0)
    _varies(total, within, magnitude[:p] ** 2 * n, y)
    between = [_joint_between(moments, [k])[0][0, 0] for k in range(q)]
    _varies(np.array(between), None, magnitude[p:] ** 2 * n_z, z)
    _check_jointly(lambda at: _joint_within(moments, cluster, at), y, "within clusters")
    _check_jointly(lambda at: _joint_between(moments, at), z, "between clusters")


def _several(distinct: int, z: tuple[str, ...]) -> None:
    if distinct < 2:
        raise OneClusterError("all rows belong to one cluster; a two-level model needs at least 2")
    if z and distinct <= len(z):
        raise CollinearVariablesError(
            f"{len(z)} between-only variables need more than {len(z)} clusters, not {distinct}"
        )


def _varies(
    total: np.ndarray, within: np.ndarray | None, squares: np.ndarray, names: tuple[str, ...]
) -> None:
    for k, name in enumerate(names):
        if total[k] <= ROUNDING * squares[k]:
            raise ConstantVariableError(
                f"variable {name!r} is constant in the rows used; leave it out of the model"
            )
        if within is not None and within[k] <= max(WITHIN_SHARE * total[k], ROUNDING * squares[k]):
            raise ConstantVariableError(
                f"variable {name!r} does not vary within clusters; name it at level 2 only"
            )


def _joint_within(moments: MissingMoments, cluster: np.ndarray, at: list[int]) -> tuple[np.ndarray, float]:
    cells = np.asarray(moments.patterns[:, at].all(axis=1))[moments.cell_pattern]
    group, n = np.unique(cluster[cells], return_inverse=True)[1], moments.cell_n[cells]
    mean = moments.cell_mean[cells][:, at]
    size = np.bincount(group, n)
    centre = np.stack([np.bincount(group, n * column) / size for column in mean.T], axis=1)
    deviation = mean - centre[group]
    ssp = moments.cell_ssp[cells][:, at][:, :, at].sum(axis=0) + (n[:, None] * deviation).T @ deviation
    return ssp, float(n.sum() - len(size))


def _joint_between(moments: MissingMoments, at: list[int]) -> tuple[np.ndarray, float]:
    values = moments.z[moments.z_seen[:, at].all(axis=1)][:, at]
    if not len(values):
        return np.zeros((len(at), len(at))), -1.0
    deviation = values - values.mean(axis=0)
    return deviation.T @ deviation, len(values) - 1.0


def _check_jointly(joint: Joint, names: tuple[str, ...], where: str) -> None:
    """Refuse variables that are an exact linear combination of each other in all rows that hold them.

    Pairs, then ever larger sets; a set that has fewer rows than variables says nothing.
    """

    def refused(at: list[int]) -> list[int]:
        """Positions of the variables that are collinear among those at `at`, or none."""
        cross, df = joint(at)
        if df < len(at) or (np.diag(cross) <= 0).any():
            return []
        size = np.sqrt(np.diag(cross))
        values, vectors = np.linalg.eigh(cross / np.outer(size, size))
        return (
            [k for k, v in zip(at, vectors[:, 0], strict=True) if abs(v) > 1e-4] if values[0] < 1e-8 else []
        )

    def check(at: list[int]) -> None:
        cross, df = joint(at)
        if df >= len(at) and (np.diag(cross) > 0).all():
            check_collinear(cross, tuple(names[k] for k in at), where)

    for pair in combinations(range(len(names)), 2):
        check(list(pair))
    done: list[int] = []
    for k in range(len(names)):
        suspects = refused([*done, k]) if len(done) > 1 else []
        if suspects:  # judged by all rows that hold these, which may be more
            check(suspects)
        else:
            done.append(k)
