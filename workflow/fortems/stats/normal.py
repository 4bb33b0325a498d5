"""Two-level multivariate normal scores: the plain population that the design stage's power and coverage rest on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def draw_normal(
    rng: np.random.Generator,
    studies: int,
    within: np.ndarray,
    between: np.ndarray,
    cluster_sizes: Sequence[int],
    order: Sequence[int] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw studies of scores ``y_ij = u_j + e_ij``, ``u ~ N(0, Sigma_B)``, ``e ~ N(0, Sigma_W)``.

    Parameters
    ----------
    rng : Generator
    studies : int
        Number of studies, S.
    within, between : ndarray, shape (V, V)
        Sigma_W and Sigma_B, positive semi-definite.
    cluster_sizes : sequence of int
        Clients of each therapist; they sum to N.
    order : sequence of int, optional
        The order in which the variables are drawn, each given those before it; that of the matrices by default.
        It leaves the distribution as it is.

    Returns
    -------
    ndarray, shape (S, N, V)
        Scores, clients of a therapist side by side.
    ndarray of int, shape (N,)
        Therapist of each client, from 0.
    """
    within, between = np.asarray(within, dtype=float), np.asarray(between, dtype=float)
    cluster = cluster_index(cluster_sizes)
    size = len(within)
    scores = rng.standard_normal((studies, len(cluster), size)) @ factor(within, order).T
    if between.any():
        therapists = rng.standard_normal((studies, len(cluster_sizes), size)) @ factor(between, order).T
        scores += therapists[:, cluster]
    return scores, cluster


def cluster_index(cluster_sizes: Sequence[int]) -> np.ndarray:
    """Return the therapist of each client, from 0, shape (N,)."""
    return np.repeat(np.arange(len(cluster_sizes)), cluster_sizes)


def factor(covariance: np.ndarray, order: Sequence[int] | None = None) -> np.ndarray:
    """Return L with L Lᵀ = covariance, triangular in the given order, for semi-definite matrices as well.

    Parameters
    ----------
    covariance : ndarray, shape (V, V)
        Positive semi-definite.
    order : sequence of int, optional
        Row k of L in this order draws on the first k normals only: each variable given those before it.
    """
    place = np.arange(len(covariance)) if order is None else np.asarray(order, dtype=int)
    left = np.array(covariance, dtype=float)[np.ix_(place, place)]
    lower = np.zeros_like(left)
    floor = 1e-12 * max(float(np.diag(left).max(initial=0.0)), 1e-300)
    for k in range(len(left)):
        if left[k, k] > floor:  # otherwise the variable is determined by those before it
            lower[k:, k] = left[k:, k] / np.sqrt(left[k, k])
            left[k:, k:] -= np.outer(lower[k:, k], lower[k:, k])
    result = np.zeros_like(lower)
    result[place] = lower
    return result
