"""Whether two fits may be compared by their likelihoods."""

from __future__ import annotations

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from ..errors import NotNestedError
from ..fitted import Fitted
from ..likelihood.objective import total_sd

# Statistics of the same rows differ by rounding, in SDs of their variables; the order of rows and variables is free.
SAME = 1e-7
ROUNDING = 1e-12


def check_nested(full: Fitted, restricted: Fitted) -> int:
    """The difference in parameters.

    Raises
    ------
    NotNestedError
        Different variables, rows, values or bounds, or not fewer parameters.
    """
    ours, theirs = full.model.layout, restricted.model.layout
    if (set(theirs.y), set(theirs.z)) != (set(ours.y), set(ours.z)):
        raise NotNestedError(
            "the two models do not have the same variables at the same levels: their likelihoods do not compare"
        )
    counts = [(fit.n_clients, fit.n_clusters, fit.missing) for fit in (full, restricted)]
    if counts[0] != counts[1]:
        raise NotNestedError("the two models were fitted to different rows")
    if full.data is not restricted.data and not _same(full, restricted):
        raise NotNestedError(
            "the two models were fitted to different data: not the same values in the same clusters; fit both to one "
            "data frame"
        )
    if restricted.bounds != full.bounds:
        raise NotNestedError(f"bounds differ: {restricted.bounds!r} and {full.bounds!r}")
    df = full.n_parameters - restricted.n_parameters
    if df <= 0:
        raise NotNestedError(
            f"the restricted model has {restricted.n_parameters} parameters, not fewer than {full.n_parameters}"
        )
    return df


def _same(full: Fitted, restricted: Fitted) -> bool:
    """Whether the sufficient statistics agree, whatever the order of rows, clusters and variables."""
    names = full.model.observed
    order = np.array([restricted.model.observed.index(name) for name in names])
    center, sd = _means(full.moments), total_sd(full.moments)
    slack = SAME + ROUNDING * np.abs(center) / sd
    one = _statistics(full.moments, np.arange(len(names)), center, sd)
    other = _statistics(restricted.moments, order, center, sd)
    return all(
        a.shape == b.shape and bool((np.abs(a - b) <= slack * np.maximum(np.abs(a), 1.0)).all())
        for a, b in zip(one, other, strict=True)
    )


def _means(moments: CompleteMoments | MissingMoments) -> np.ndarray:
    if isinstance(moments, CompleteMoments):
        found: np.ndarray = moments.counts @ moments.means / moments.n_clusters
        return found
    n = moments.patterns[moments.cell_pattern] * moments.cell_n[:, None]
    y = (n * moments.cell_mean).sum(axis=0) / n.sum(axis=0)
    return np.concatenate([y, moments.z.sum(axis=0) / moments.z_seen.sum(axis=0)])


def _statistics(
    moments: CompleteMoments | MissingMoments, order: np.ndarray, center: np.ndarray, sd: np.ndarray
) -> list[np.ndarray]:
    """Sufficient statistics, variables in `order` along the last axis, in SDs about `center`."""
    p, pairs = moments.p, np.ix_(order, order)
    if isinstance(moments, CompleteMoments):
        within = np.zeros((len(order), len(order)))
        within[:p, :p] = moments.within
        sizes = np.repeat(
            np.column_stack([moments.sizes, moments.counts]).ravel()[:, None], len(order), axis=1
        )
        cross = moments.cross[:, order][:, :, order] / np.outer(sd, sd)
        return [sizes, (moments.means[:, order] - center) / sd, cross, within[pairs] / np.outer(sd, sd)]
    clusters = np.repeat(np.arange(len(moments.first) - 1), np.diff(moments.first))
    seen = moments.patterns[moments.cell_pattern]
    y, z = order[:p], order[p:] - p
    n = (seen * moments.cell_n[:, None])[:, y]
    deviation = np.where(seen[:, y], (moments.cell_mean[:, y] - center[:p]) / sd[:p], 0.0)
    # Per cluster: how many values, their sum; then the products within cells and between the clusters' sums.
    values = [np.zeros((len(moments.first) - 1, len(order))) for _ in range(2)]
    np.add.at(values[0][:, :p], clusters, n)
    np.add.at(values[1][:, :p], clusters, n * deviation)
    values[0][:, p:] = moments.z_seen[:, z]
    values[1][:, p:] = np.where(moments.z_seen[:, z], (moments.z[:, z] - center[p:]) / sd[p:], 0.0)
    products = np.zeros((len(order), len(order)))
    products[:p, :p] = moments.pattern_ssp.sum(axis=0)[np.ix_(y, y)] / np.outer(sd[:p], sd[:p])
    products[:p, :p] += (n * deviation).T @ deviation
    count, total = values
    return [
        count.T @ count,
        total.T @ total,
        count.T @ total,
        products,
        np.stack([count.sum(axis=0), total.sum(axis=0)]),
    ]
