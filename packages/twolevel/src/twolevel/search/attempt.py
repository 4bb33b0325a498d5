"""One search from one start: in the parameters or their factors, on a face, or behind a barrier."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data.moments import CompleteMoments
from ..likelihood.objective import Objective
from .bounds import Transform
from .compiled_search import search
from .feasible import moved_inside
from .trustregion import Function, Minimum, minimise
from .verdict import Solution, min_eigenvalue, onto_face, verdict

# Eigenvalues per unit of total variance that a search which ends nowhere may have been creeping to zero with.
CREEPING = 0.02


def higher(old: Solution | None, new: Solution | None) -> Solution | None:
    """The better of two ends: one that converged, then the higher; the old one where they agree."""
    if old is None or new is None:
        return old or new
    if new.converged != old.converged:
        return new if new.converged else old
    return new if new.loglik > old.loglik + 1e-10 * abs(old.loglik) else old


def quickly(objective: Objective, transform: Transform, start: np.ndarray, lower: float) -> Solution | None:
    """`attempt` in the parameters themselves first: fewer than the factors', and enough for a maximum inside."""
    plain = Transform(transform.layout, transform.scales, False)
    found = minimised(objective, plain, start, lower, iterations=60)
    if found is not None and found.stationary:
        theta = plain.theta(found.x)
        if min_eigenvalue(transform, theta) > 1e-6:
            solution = verdict(objective, transform, replace(found, x=transform.phi(theta)), lower)
            if solution.converged:
                return solution
    return attempt(objective, transform, start, lower)


def attempt(
    objective: Objective, transform: Transform, start: np.ndarray, lower: float, precise: bool = True
) -> Solution | None:
    """Search from a start and judge the end; None where the likelihood does not exist at the start.

    Parameters
    ----------
    lower : float
        -log L below which the likelihood counts as running off to infinity.
    precise : bool
        See `verdict`.
    """
    found = minimised(objective, transform, start, lower)
    if found is None:
        return None
    solution = verdict(objective, transform, found, lower, precise)
    # Where a search takes seconds, not on a face of a point that the barrier will leave behind.
    leave = objective.spent or (objective.coarse is not None and not solution.admissible)
    if transform.factored and not solution.converged and not leave:
        # Along a bent valley a variance may creep to zero: with zero held the search is quick.
        face = onto_face(transform, found.x, CREEPING)
        if (face != found.x).any():
            solution = higher(solution, _on_face(objective, transform, face, lower)) or solution
    if transform.factored and not solution.admissible:
        constrained = _with_barrier(objective, transform, start, lower)
        return solution if constrained is None else constrained
    return solution


def _on_face(objective: Objective, transform: Transform, phi: np.ndarray, lower: float) -> Solution | None:
    """The maximum on the face on which the factors `phi` lie; whether it is one off the face too is the verdict's to say."""
    start = transform.theta(phi)
    held = transform.on_face(start)
    found = minimised(objective, held, start, lower)
    if found is None:
        return None
    return verdict(objective, transform, replace(found, x=transform.phi(held.theta(found.x))), lower)


def minimised(
    objective: Objective, transform: Transform, start: np.ndarray, lower: float, iterations: int = 200
) -> Minimum | None:
    """`minimise`, compiled where the data are complete."""
    data, layout = objective.moments, objective.layout
    if not isinstance(data, CompleteMoments) or transform.basis is not None:
        return minimise(
            in_phi(objective, transform),
            transform.phi(start),
            transform.units,
            lower=lower,
            iterations=objective.allowed(iterations),
        )
    parts = [part for level in layout.levels for part in (level.a, level.s, level.mean, level.link)]
    inside, *found = search(
        transform.phi(start), transform.units, 1e-12, iterations, lower, layout.places, *parts, data.sizes, data.counts,
        data.means, data.cross, data.within, data.within_df, data.constant, transform.triples, transform.plain,
        transform.plain_index, layout.n_parameters,
    )  # fmt: skip
    return Minimum(*found) if inside else None


def in_phi(objective: Objective, transform: Transform) -> Function:
    """The objective as a function of a transform's coordinates."""

    def function(phi: np.ndarray, order: int) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        value, gradient, hessian = objective(transform.theta(phi), order)
        if gradient is None:
            return value, None, None
        return value, *transform.pull(phi, gradient, hessian)

    return function


def _with_barrier(
    objective: Objective, transform: Transform, start: np.ndarray, lower: float
) -> Solution | None:
    """Blocks with fixed or shared entries: a log-determinant barrier, lowered to the boundary."""
    constrained = [b for b in transform.blocks if not b.factored]
    k = objective.layout.n_parameters
    directions = [b.directions(k) for b in constrained]

    def function_at(weight: float) -> Function:
        def function(phi: np.ndarray, order: int) -> tuple[float, np.ndarray | None, np.ndarray | None]:
            theta = transform.theta(phi)
            value, gradient, hessian = objective(theta, order)
            if not np.isfinite(value):
                return np.inf, None, None
            for block, d in zip(constrained, directions, strict=True):
                scale = transform.scales[block.level][block.members]
                matrix = block.matrix(theta)
                values = np.linalg.eigvalsh(matrix / np.outer(scale, scale))
                if values[0] <= 0:
                    return np.inf, None, None
                value -= weight * float(np.log(values).sum())
                if gradient is not None:
                    inverse = np.linalg.inv(matrix)
                    x = np.einsum("ij,kjl->kil", inverse, d)
                    gradient = gradient - weight * np.einsum("kii->k", x)
                    if hessian is not None:
                        hessian = hessian + weight * np.einsum("kij,lji->kl", x, x)
            if gradient is None:
                return value, None, None
            return value, *transform.pull(phi, gradient, hessian)

        return function

    inside = moved_inside(transform, start, constrained)
    if inside is None:
        return None
    phi, found = transform.phi(inside), None
    for weight in 10.0 ** -np.arange(0.0, 10.0):
        found = minimise(
            function_at(weight),
            phi,
            transform.units,
            lower=lower,
            tolerance=1e-3 * weight + 1e-12,
            iterations=objective.allowed(200),
        )
        if found is None:
            return None
        phi = found.x
    assert found is not None
    solution = verdict(objective, transform, found, lower)
    note = "covariance block with fixed or shared entries: log-determinant barrier"
    return replace(solution, message="; ".join(filter(None, (solution.message, note))))
