"""What an end point is: converged, admissible, at the boundary, identified; the verdicts' conditions and their slacks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.moments import MissingMoments
from ..likelihood.objective import Objective
from .bounds import ZERO, Face, Transform, face
from .trustregion import Minimum

# Decrease in -log L that the local quadratic may still promise at a converged point.
STATIONARY = 1e-9
# One so large that no closer look at the curvature would call the point converged.
HOPELESS = 1e-4
# Slack of the multipliers (-log L per unit of total variance).
MULTIPLIER = 1e-4
# Above this the information is definite by a Hessian of one-sided differences too.
CLEAR = 1e-3
# Smallest eigenvalue of the information, scaled to unit diagonal, that counts as definite.
DEFINITE = {"complete": 1e-10, "missing": 1e-7}


@dataclass(frozen=True)
class Solution:
    """The end point of an estimation.

    Attributes
    ----------
    theta : ndarray (k,)
    loglik : float
    gradient, hessian : ndarray
        Of -log L at theta.
    converged : bool
        A maximum of the likelihood over the admissible set (bounds psd) or a regular local one (none).
    admissible : bool
        Every covariance matrix of the model is positive semi-definite.
    boundary : bool
        Some are singular.
    face : Face
    definite : bool
        The information is definite along the face: all parameters are identified.
    message : str
        Why not converged, or what to know of the point.
    iterations : int
    transform : Transform
        The parameterization that was used.
    """

    theta: np.ndarray
    loglik: float
    gradient: np.ndarray
    hessian: np.ndarray
    converged: bool
    admissible: bool
    boundary: bool
    face: Face
    definite: bool
    message: str
    iterations: int
    transform: Transform


def verdict(
    objective: Objective, transform: Transform, found: Minimum, lower: float, precise: bool = True
) -> Solution:
    """Judge an end point: stationary, optimal over the admissible set, identified.

    Not `precise`, the Hessian of incomplete data is the rough one where it leaves no doubt.
    """
    theta = _snap(objective, transform, found)
    # An integrated likelihood's precise Hessian takes seconds: not where the search ended nowhere.
    nowhere_near = objective.coarse is not None and not found.stationary and found.decrement > HOPELESS
    value, gradient, hessian = objective(theta, 3 if precise and not nowhere_near else 2)
    if gradient is None or hessian is None:
        theta = transform.theta(found.x)
        value, gradient, hessian = objective(theta, 3)
    if gradient is None or hessian is None:
        k = len(theta)
        nowhere = Face((), np.eye(k), np.zeros((k, k)), np.inf, None, np.nan)
        message = "no maximum: beside a singular covariance matrix"
        return Solution(
            theta, -value, np.full(k, np.nan), np.full((k, k), np.nan), False, False, False, nowhere, False, message,
            found.iterations, transform,
        )  # fmt: skip
    here = face(transform, theta, gradient)
    message = ""
    if transform.factored:
        tangent, curvature = here.tangent, here.curvature
        optimal = here.multiplier >= -MULTIPLIER
    else:
        tangent, curvature = transform.tangent, np.zeros_like(hessian)
        optimal = True
    information = tangent.T @ (hessian + curvature) @ tangent
    smallest_information = _scaled_eigenvalue(information)
    kind = "missing" if isinstance(objective.moments, MissingMoments) else "complete"
    if not precise and kind == "missing" and (smallest_information < CLEAR or not found.stationary):
        return verdict(objective, transform, found, lower)
    definite = bool(smallest_information > DEFINITE[kind])
    not_saddle = smallest_information > -1e-7
    boundary = bool(here.ranks) and transform.factored
    admissible = bool(here.smallest > -1e-7)
    stationary = found.stationary and found.decrement <= max(STATIONARY, 1e-13 * abs(value))
    if not stationary and (precise or kind == "complete"):
        # Factors of next to no variance leave the search noise to go by; the face's own parameters do not.
        stationary = _promised(information, tangent.T @ gradient) <= STATIONARY
    converged = bool(stationary and optimal and not_saddle and (admissible or not transform.factored))
    if not transform.factored:
        boundary = bool(admissible and here.smallest < 1e-7)
    if value < lower:
        message = "no maximum: the likelihood grows without bound"
        converged = False
    elif not converged:
        reason = (
            "negative curvature"
            if stationary and optimal
            else f"gradient not zero after {found.iterations} iterations"
        )
        message = f"no maximum: {reason}"
    elif not definite and not boundary:
        message = (
            f"no maximum: not identified ({', '.join(flat_parameters(objective, information, tangent))})"
        )
        converged = False
    elif not definite:
        names = ", ".join(flat_parameters(objective, information, tangent))
        message = f"not identified at the boundary: {names}"
    return Solution(
        theta, -value, gradient, hessian, converged, admissible, boundary, here, definite, message,
        found.iterations, transform,
    )  # fmt: skip


def _snap(objective: Objective, transform: Transform, found: Minimum) -> np.ndarray:
    """Set eigenvalues that are zero but for the last digits to zero, if the likelihood agrees."""
    theta = transform.theta(found.x)
    if not transform.factored:
        return theta
    phi = onto_face(transform, found.x, ZERO)
    if (phi == found.x).all():
        return theta
    snapped = transform.theta(phi)
    value = objective(snapped)[0]
    return snapped if value <= found.value + 1e-9 * max(1.0, abs(found.value) * 1e-3) else theta


def onto_face(transform: Transform, phi: np.ndarray, zero: float) -> np.ndarray:
    """The factors without what makes eigenvalues below `zero`, per unit of total variance."""
    phi = phi.copy()
    for block, index in transform.factors:
        scale = transform.scales[block.level][block.members]
        if len(scale) == 1:
            phi[index] *= phi[index] ** 2 >= zero * scale**2
            continue
        left, values, right = np.linalg.svd(phi[index] / scale[:, None])
        if values[-1] ** 2 < zero:
            values = np.where(values**2 < zero, 0.0, values)
            phi[index] = scale[:, None] * (left * values) @ right
    return phi


def min_eigenvalue(transform: Transform, theta: np.ndarray) -> float:
    """Smallest eigenvalue of the blocks of S, per unit of total variance."""
    smallest = np.inf
    for block in transform.blocks:
        scale = transform.scales[block.level][block.members]
        scaled = block.matrix(theta) / np.outer(scale, scale)
        smallest = min(smallest, scaled[0, 0] if len(scale) == 1 else np.linalg.eigvalsh(scaled)[0])
    return float(smallest)


def _promised(information: np.ndarray, gradient: np.ndarray) -> float:
    """Half the Newton decrement: what the quadratic at a point still promises; flat directions count as hardly bent."""
    if information.size == 0:
        return 0.0
    size = np.sqrt(np.maximum(np.abs(np.diag(information)), 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    along = vectors.T @ (gradient / size)
    return float(0.5 * np.sum(along**2 / np.maximum(np.abs(values), 1e-8)))


def _scaled_eigenvalue(information: np.ndarray) -> float:
    """Smallest eigenvalue after scaling to unit diagonal (a correlation matrix of information)."""
    if information.size == 0:
        return np.inf
    diagonal = np.diag(information)
    size = np.where(
        np.abs(diagonal) > 1e-12 * np.abs(diagonal).max(), np.abs(diagonal), np.abs(diagonal).max() + 1e-300
    )
    return float(np.linalg.eigvalsh(information / np.sqrt(np.outer(size, size)))[0])


def flat_parameters(objective: Objective, information: np.ndarray, tangent: np.ndarray) -> list[str]:
    """Names of the parameters along which the likelihood is flat."""
    _, involved = flat_directions(information, tangent, objective)
    return [name for name, moved in zip(objective.layout.names, involved, strict=True) if moved]


def flat_directions(
    information: np.ndarray, tangent: np.ndarray, objective: Objective
) -> tuple[np.ndarray, np.ndarray]:
    """(null directions in tangent coordinates, which parameters they move)."""
    kind = "missing" if isinstance(objective.moments, MissingMoments) else "complete"
    diagonal = np.abs(np.diag(information))
    size = np.sqrt(np.where(diagonal > 1e-12 * diagonal.max(), diagonal, diagonal.max() + 1e-300))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    null = vectors[:, values <= 10 * DEFINITE[kind]] / size[:, None]
    null = null / np.maximum(np.linalg.norm(null, axis=0), 1e-300)
    moved = np.abs(tangent @ null) / np.linalg.norm(tangent, axis=1)[:, None].clip(min=1e-300)
    return null, (moved > 1e-4).any(axis=1)
