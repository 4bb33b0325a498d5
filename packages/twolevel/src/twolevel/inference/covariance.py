"""Covariance matrices of estimates, the delta method, Monte Carlo intervals, likelihood-ratio tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..data.moments import Clusters, CompleteMoments, MissingMoments
from ..likelihood.complete import complete_gradient
from ..likelihood.objective import Objective
from ..search.verdict import Solution, flat_directions

StandardErrors = Literal["information", "expected", "robust"]


@dataclass(frozen=True)
class Covariance:
    """Covariance matrix of the free parameters.

    Attributes
    ----------
    matrix : ndarray (k, k)
        NaN where a parameter has no standard error.
    method : str
        How it was found, in words.
    message : str
        Why something is NaN, or empty.
    """

    matrix: np.ndarray
    method: str
    message: str


def covariance(
    objective: Objective,
    solution: Solution,
    se: StandardErrors = "information",
    scores: np.ndarray | None = None,
) -> Covariance:
    """Covariance matrix of the estimates.

    Inside the admissible set: the inverse of the observed (or expected) information, or the sandwich of it
    with the clusters' scores, times J / (J - 1). At the boundary the same along the face of constant rank (see
    bounds.py). Parameters along which the likelihood is flat, and variances that the
    bounds hold at zero, get NaN; nothing is ever pseudo-inverted.

    Parameters
    ----------
    se : {"information", "expected", "robust"}
    scores : ndarray (J, k), optional
        The clusters' gradients of log L; needed for "robust".
    """
    k = len(solution.theta)
    transform = solution.transform
    empty = np.full((k, k), np.nan)
    if not solution.converged:
        return Covariance(empty, "none", "no standard errors without a maximum")
    on_face = solution.boundary and transform.factored
    tangent = solution.face.tangent if on_face else transform.tangent
    curvature = solution.face.curvature if on_face else np.zeros((k, k))
    if se == "expected":
        # Along a curved face too: the expected gradient, by which the curvature is weighted, is zero.
        information = tangent.T @ expected_information(objective, solution.theta) @ tangent
    else:
        information = tangent.T @ (solution.hessian + curvature) @ tangent
    method = {
        "information": "observed information",
        "expected": "expected information",
        "robust": "cluster-robust",
    }[se]
    if on_face:
        method += ", active face"
    message = ""
    lost = np.zeros(k, dtype=bool)
    if not solution.definite or np.linalg.eigvalsh(_unit_diagonal(information))[0] < 1e-12:
        # Hold as many coordinates as there are flat directions; what no flat direction moves is unaffected.
        null, lost = flat_directions(information, tangent, objective)
        held = _pivots(null)
        keep = np.setdiff1d(np.arange(information.shape[0]), held)
        tangent, information = tangent[:, keep], information[np.ix_(keep, keep)]
        message = "no standard error where the likelihood is flat"
    if information.size and np.linalg.eigvalsh(_unit_diagonal(information))[0] <= 0:
        return Covariance(empty, "none", "no standard errors: the information is not definite")
    inverse = _inverse(information)
    if se == "robust":
        if scores is None:
            raise AssertionError("cluster-robust standard errors need the clusters' scores")
        j = len(scores)
        meat = tangent.T @ (scores.T @ scores) @ tangent * (j / (j - 1))
        inverse = inverse @ meat @ inverse
    matrix = tangent @ inverse @ tangent.T
    # A variance held at zero by the bounds does not move along the face: it has no standard error either.
    lost |= (
        np.linalg.norm(solution.face.tangent if on_face else tangent, axis=1) < 1e-8 * transform.theta_units
    )
    matrix[lost, :] = np.nan
    matrix[:, lost] = np.nan
    return Covariance(0.5 * (matrix + matrix.T), method, message)


def _unit_diagonal(matrix: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
    return matrix / np.outer(size, size)


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse of a definite matrix, scaled to unit diagonal first."""
    size = np.sqrt(np.diag(matrix))
    return np.linalg.inv(matrix / np.outer(size, size)) / np.outer(size, size)


def _pivots(null: np.ndarray) -> list[int]:
    """Coordinates to hold so that no combination of the columns of `null` is left (Gaussian elimination)."""
    work, held = null.copy(), []
    for column in range(work.shape[1]):
        row = int(np.argmax(np.abs(work[:, column])))
        held.append(row)
        for other in range(column + 1, work.shape[1]):
            work[:, other] -= work[:, column] * work[row, other] / work[row, column]
    return held


def expected_information(objective: Objective, theta: np.ndarray) -> np.ndarray:
    """Expected information of complete data at `theta`, (k, k).

    Sum over the independent normal parts of tr(V^-1 dV V^-1 dV') / 2 + dmu' V^-1 dmu
    (Magnus & Neudecker, 2019, Matrix Differential Calculus, section 15.5).
    """
    data = objective.moments
    if not isinstance(data, CompleteMoments):
        raise ValueError("expected information is for complete data; use se='information' with missing='ml'")
    implied = objective.implied(theta)
    assert implied is not None
    jacobian = objective.jacobian(implied)
    p = data.p
    x = np.einsum("ij,kjl->kil", np.linalg.inv(implied.sw), jacobian.sw)
    out = 0.5 * data.within_df * np.einsum("kij,lji->kl", x, x)
    for n, c in zip(data.sizes, data.counts, strict=True):
        v, dv = implied.vb.copy(), jacobian.vb.copy()
        v[:p, :p] += implied.sw / n
        dv[:, :p, :p] += jacobian.sw / n
        inverse = np.linalg.inv(v)
        x = np.einsum("ij,kjl->kil", inverse, dv)
        out += c * (0.5 * np.einsum("kij,lji->kl", x, x) + jacobian.mu @ inverse @ jacobian.mu.T)
    return out


def cluster_scores(
    objective: Objective, theta: np.ndarray, clusters: Clusters | MissingMoments
) -> np.ndarray:
    """Each cluster's gradient of log L at `theta`, (J, k); they sum to the whole gradient."""
    if isinstance(clusters, MissingMoments):
        parts = [
            clusters.weighted(np.arange(int(clusters.n_clusters)) == j)
            for j in range(int(clusters.n_clusters))
        ]
        rows = []
        for part in parts:
            own = type(objective)(objective.layout, part)
            own.__dict__["scales"] = objective.scales  # one cluster may have no spread of its own
            rows.append(own(theta, 1)[1])
        return -np.array(rows)
    implied = objective.implied(theta)
    assert implied is not None
    p, t = objective.p, objective.t
    gw, gb, gmu = np.empty((p, p)), np.empty((t, t)), np.empty(t)
    wi, wp, r = np.empty((p, p)), np.empty((p, p)), np.empty((1, t))
    vi, vp = np.empty((1, t, t)), np.empty((1, t, t))
    one, zero = np.ones(1), np.zeros((1, t, t))
    rows = []
    for n, mean, ssp in zip(clusters.sizes, clusters.means, clusters.ssp, strict=True):
        complete_gradient(
            implied.sw, implied.vb, implied.mu, one * n, one, mean[None, :].copy(), zero, np.ascontiguousarray(ssp),
            float(n - 1), gw, gb, gmu, wi, wp, vi, vp, r,
        )  # fmt: skip
        rows.append(objective.pull(implied, gw, gb, gmu))
    return -np.array(rows)


def delta_method(
    function: Callable[[np.ndarray], float], theta: np.ndarray, matrix: np.ndarray, units: np.ndarray
) -> tuple[float, float, np.ndarray]:
    """(value, standard error, gradient) of a smooth function of the parameters, by central differences."""
    gradient = np.zeros(len(theta))
    for k, h in enumerate(np.maximum(1e-5 * units, 1e-9 * np.abs(theta))):
        ahead, behind = theta.copy(), theta.copy()
        ahead[k] += h
        behind[k] -= h
        gradient[k] = (function(ahead) - function(behind)) / (ahead[k] - behind[k])
    # What the function does not move with may lack a standard error; how small that is depends on the function's unit.
    moved = np.abs(gradient * units)
    used = moved > 1e-12 * moved.max(initial=0.0)
    block = matrix[np.ix_(used, used)]
    variance = gradient[used] @ block @ gradient[used]
    if -1e-12 * (np.abs(gradient[used]) @ np.abs(block) @ np.abs(gradient[used])) <= variance < 0:
        variance = 0.0  # an equation holds it, but for rounding
    return float(function(theta)), float(np.sqrt(variance)) if variance >= 0 else np.nan, gradient


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    Attributes
    ----------
    estimate, se, low, high : float
    level : float
    method : str
    draws : int
        Random draws behind it; 0 where there are none.
    message : str
        Why a bound is NaN or at the edge of the domain, or empty.
    """

    estimate: float
    se: float
    low: float
    high: float
    level: float
    method: str
    draws: int = 0
    message: str = ""


def monte_carlo(
    function: Callable[[Mapping[str, Any]], Any],
    names: tuple[str, ...],
    values: Mapping[str, float],
    matrix: np.ndarray,
    *,
    draws: int,
    rng: np.random.Generator,
    df: float | None,
    level: float,
) -> Interval:
    """Percentile interval of `function` over draws of the parameters (Preacher & Selig, 2012).

    Parameters
    ----------
    function : callable
        From a mapping name -> array (draws,) to an array (draws,).
    names : tuple of str
        Parameters of `matrix`, in its order.
    values : mapping
        Estimates of all parameters and labels.
    df : float or None
        Draws from the multivariate t with `df` degrees of freedom around the estimates; None: normal.
    """
    theta = np.array([values[name] for name in names])
    # Of unit variance first: which eigenvalues are zero must not depend on the units of the variables.
    size = np.sqrt(np.diag(matrix))
    size = np.where(size > 0, size, 1.0)
    eigenvalues, vectors = np.linalg.eigh(matrix / np.outer(size, size))
    # On a face the covariance matrix is singular: a square root, not a Cholesky factor; the symmetric one, since the
    # signs of eigenvectors are the processor's choice.
    eigenvalues = np.where(eigenvalues > 1e-14 * eigenvalues.max(), eigenvalues, 0.0)
    normal = rng.standard_normal((draws, len(names))) @ ((vectors * np.sqrt(eigenvalues)) @ vectors.T) * size
    if df is not None:
        normal /= np.sqrt(rng.chisquare(df, draws) / df)[:, None]
    sample: dict[str, Any] = dict(values)
    sample.update({name: theta[k] + normal[:, k] for k, name in enumerate(names)})
    found = np.broadcast_to(np.asarray(function(sample), dtype=float), (draws,))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    estimate = float(function(values))
    method = "Monte Carlo, normal" if df is None else f"Monte Carlo, t({df:g})"
    return Interval(estimate, float(found.std(ddof=1)), float(low), float(high), level, method, draws)


@dataclass(frozen=True)
class LikelihoodRatio:
    """A likelihood-ratio test between nested models of the same variables.

    Attributes
    ----------
    statistic, df, p : float
    """

    statistic: float
    df: int
    p: float


def chi2_sf(statistic: float, df: int) -> float:
    """Upper tail of chi-squared; NaN at df 0."""
    from scipy.special import gammaincc

    return float(gammaincc(0.5 * df, 0.5 * max(statistic, 0.0))) if df > 0 else np.nan
