"""Paths without each therapist in turn, in many simulated studies at once: what the primary intervals rest on.

Leaving a therapist out takes that therapist's share off a study's sufficient statistics, so the J refits of S studies are
one batch of S·J fits at either estimand.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from twolevel import batch

from fortems.stats.arrays import Array, Ints
from fortems.stats.jackknife import jackknife_variance


@dataclass(frozen=True)
class Robust:
    """Cluster-jackknife variances of the paths of S studies with P predictors, and their degrees of freedom.

    Attributes
    ----------
    var_a, var_direct : ndarray (S, P)
    var_b : ndarray (S,)
        About the full estimates, factor (J − 1)/J; NaN where a refit has no maximum.
    df : float
        J − 1.
    """

    var_a: Array
    var_b: Array
    var_direct: Array
    df: float

    @classmethod
    def of(cls, full: tuple[Array, Array, Array], left_out: tuple[Array, Array, Array]) -> Robust:
        """Take a, b, direct of the studies, (S, P), (S,), (S, P), and without each therapist, (S, J, P), (S, J), (S, J, P)."""
        (a, b, direct), (a_out, b_out, direct_out) = full, left_out
        return cls(
            jackknife_variance(a, a_out, axis=1),
            jackknife_variance(b, b_out, axis=1),
            jackknife_variance(direct, direct_out, axis=1),
            b_out.shape[1] - 1.0,
        )


def single_left_out(products: Array, x: list[int], m: int, y: int) -> tuple[Array, Array, Array]:
    """Least-squares a, b, direct without each therapist.

    Parameters
    ----------
    products : ndarray (S, J, K, K)
        Each therapist's cross-products, the first column being ones.
    x, m, y : list of int, int, int
        Places of predictors, mediator, outcome in them.

    Returns
    -------
    a, b, direct : ndarray (S, J, P), (S, J), (S, J, P)
        In the products' units; NaN where the rest has no unique solution.
    """
    rest = products.sum(axis=1, keepdims=True) - products
    a = _solved(rest, [0, *x], m)[..., 1:]
    both = _solved(rest, [0, m, *x], y)
    return a, both[..., 1], both[..., 2:]


def _solved(products: Array, right: list[int], left: int) -> Array:
    matrices = products[..., right, :][..., right]
    found = np.full(matrices.shape[:-1], np.nan)
    with np.errstate(invalid="ignore"):
        usable = np.asarray(np.isfinite(matrices).all(axis=(-2, -1)))
        usable &= np.abs(np.linalg.det(np.where(usable[..., None, None], matrices, 0.0))) > 0
    solved = np.linalg.solve(matrices[usable], products[usable][:, right, left][..., None])[..., 0]
    found[usable] = solved
    return found


def within_left_out(products: Array, unit: Array, sizes: Ints, fitted: batch.BatchFit) -> Array:
    """Within regressions of a two-level fit, without each therapist.

    Parameters
    ----------
    products : ndarray (S, J, 1 + p, 1 + p)
        Each therapist's cross-products of ones and the model's variables, these in units of ``unit``.
    unit : ndarray (S, p)
    sizes : ndarray (J,)
        Clients of each therapist.
    fitted : BatchFit
        Of the S studies: where the search starts.

    Returns
    -------
    ndarray (S, J, p, p)
        Raw units; NaN where there is no maximum.
    """
    studies, therapists, _, _ = products.shape
    moments = _moments(products, unit, sizes)
    start = _repeat(fitted, therapists)
    found = batch.fit(fitted.model, moments, start=start, vcov=False)
    coef = np.where(found.converged[:, None, None], found.coef, np.nan)
    return coef.reshape(studies, therapists, *coef.shape[1:])


def _moments(products: Array, unit: Array, sizes: Ints) -> batch.BatchMoments:
    """Sufficient statistics of every study without every therapist, study by study: (S·J) replicates."""
    studies, therapists, columns, _ = products.shape
    p = columns - 1
    n = sizes.astype(float)
    means = products[:, :, 0, 1:] / n[:, None]
    outer = means[..., :, None] * means[..., None, :]
    inside = products[:, :, 1:, 1:] - n[:, None, None] * outer
    distinct, group = np.unique(sizes, return_inverse=True)
    member = (group == np.arange(len(distinct))[:, None]).astype(float)  # (K, J)
    own = member.T  # (J, K)
    count = np.broadcast_to(member.sum(axis=1) - own, (studies, therapists, len(distinct)))
    sums = np.einsum("kj,sjp->skp", member, means)[:, None] - own[None, :, :, None] * means[:, :, None]
    cross = np.einsum("kj,sjpq->skpq", member, outer)[:, None]
    cross = cross - own[None, :, :, None, None] * outer[:, :, None]
    within = inside.sum(axis=1, keepdims=True) - inside
    rows = studies * therapists
    scale = np.repeat(unit, therapists, axis=0)
    return batch.BatchMoments(
        distinct,
        count.reshape(rows, -1).copy(),
        sums.reshape(rows, -1, p),
        cross.reshape(rows, -1, p, p),
        within.reshape(rows, p, p),
        np.zeros_like(scale),
        scale,
    )


def _repeat(fitted: batch.BatchFit, times: int) -> batch.BatchFit:
    arrays: dict[str, Any] = {f.name: getattr(fitted, f.name) for f in fields(fitted) if f.name != "model"}
    repeated: dict[str, Any] = {k: np.repeat(v, times, axis=0) for k, v in arrays.items() if v is not None}
    return replace(fitted, **repeated)
