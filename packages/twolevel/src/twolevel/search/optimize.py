"""From starting values to a maximum with three verdicts: converged, admissible, at the boundary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Literal

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from ..errors import ModelError
from ..likelihood.objective import Objective
from ..likelihood.ram import MATRIX_MEAN
from ..model.model import Model
from ..slopes.choose import objective_for
from .bounds import ZERO, Face, Transform, face
from .compiled_search import search
from .feasible import check_fixed, moved_inside, replaced, start_inside
from .slopes import further_starts, usual_start
from .starts import beside, moment_estimates, starting_values
from .trustregion import Function, Minimum, minimise

Bounds = Literal["psd", "none"]

# Decrease in -log L that the local quadratic may still promise at a converged point.
STATIONARY = 1e-9
# Slack of the multipliers (-log L per unit of total variance).
MULTIPLIER = 1e-4
# Eigenvalues per unit of total variance that a search which ends nowhere may have been creeping to zero with.
CREEPING = 0.02
# Above this the information is definite by a Hessian of one-sided differences too.
CLEAR = 1e-3
# Coordinates of the factored problem from which on a search is first tried without factors.
LARGE = 25
# Parameters of the saturated model up to which its maximum is worth finding to know where a search may stop.
CEILING = 120
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


def estimate(
    model: Model,
    moments: CompleteMoments | MissingMoments,
    bounds: Bounds = "psd",
    starts: Sequence[np.ndarray] = (),
    thorough: bool = True,
) -> Solution:
    """Maximise the likelihood.

    Parameters
    ----------
    bounds : {"psd", "none"}
    starts : sequence of ndarray (k,)
        Starts tried before the built-in ones (e.g. a neighbouring solution).
    thorough : bool
        Try further starts where the likelihood may have several maxima (latent variables, structured levels at
        the boundary) or the first start fails. The highest maximum found is returned.

    Raises
    ------
    ModelError
        Fixed values leave no covariance matrix (positive semi-)definite.
    """
    objective = objective_for(model.layout, moments)
    transform = Transform(model.layout, objective.scales, bounds == "psd")
    near_start = starts[0] if starts and not thorough else None
    if near_start is not None and np.isfinite(objective(near_start)[0]):
        # A refit of what has been fitted: the usual start is made if the neighbouring solution leads nowhere.
        lower = objective(near_start)[0] - 50.0 * (moments.n_clients + 10.0)
        found = _attempt(objective, transform, near_start, lower, precise=False)
        if found is not None and found.converged:
            return found
    estimates = moment_estimates(moments)
    usual = usual_start(model, moments, estimates)
    if transform.factored:
        check_fixed(model, transform, usual)
    value, note = objective(usual)[0], ""
    if not np.isfinite(value):
        usual = start_inside(model, objective, transform, beside(model, moments, estimates, usual))
        value, note = objective(usual)[0], replaced(model)
    near = [] if starts or bounds == "none" else _coarse(objective, transform, usual)
    # A likelihood this much higher than the moment estimates' is running off to infinity.
    lower = value - 50.0 * (moments.n_clients + 10.0)
    best: Solution | None = None
    further = further_starts(model, moments, estimates)
    if bounds == "none":
        inside = _inside(model, moments, starts)
        # Quadrature is slow, and without bounds seldom finds its way alone.
        near, further = ([*inside], iter(())) if objective.coarse else (near, chain(inside, further))
    latent = any(len(level.names) > level.n_observed for level in model.layout.levels)
    attempt = _quickly if transform.factored and latent and transform.size > LARGE else _attempt
    for start in chain([*starts, *near, usual], further):
        best = _higher(best, attempt(objective, transform, start, lower))
        if best is not None and best.converged:
            break
    if best is None:
        raise ModelError("no start beside which the likelihood has derivatives; give starting values")
    slow = bool(getattr(moments, "quadrature", ()))  # one search takes seconds
    if thorough and bounds == "psd" and not slow and _several_maxima(model):
        best = _search(model, objective, transform, best, estimates, lower)
    return best if not note else replace(best, message="; ".join(filter(None, (best.message, note))))


def _inside(
    model: Model, moments: CompleteMoments | MissingMoments, starts: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """The bounded maximum where it lies inside the bounds: it is then one of the unbounded likelihood too."""
    try:
        found = estimate(model, moments, "psd", starts, thorough=False)
    except ModelError:
        return
    if found.converged and not found.boundary:
        yield found.theta


def _coarse(objective: Objective, transform: Transform, start: np.ndarray) -> list[np.ndarray]:
    """Near the maximum, where the likelihood has a quicker approximation (quadrature of random slopes)."""
    quick = objective.coarse
    if quick is None or not np.isfinite(quick(start)[0]):
        return []
    found = minimise(_in_phi(quick, transform), transform.phi(start), transform.units, tolerance=1e-7)
    return [] if found is None else [transform.theta(found.x)]


def _search(
    model: Model,
    objective: Objective,
    transform: Transform,
    best: Solution,
    estimates: tuple[np.ndarray, np.ndarray, np.ndarray],
    lower: float,
) -> Solution:
    """Look for a higher maximum, unless the saturated one is reached already."""
    moments = objective.moments
    if transform.size > LARGE and best.converged and not best.boundary:
        return best  # inside the bounds a second valley is rare, and a large model's search is long
    ceiling = np.inf
    saturated = None if model.random or model.saturated.layout.n_parameters > CEILING else model.saturated
    if saturated and (saturated.layout.y, saturated.layout.z) == (model.layout.y, model.layout.z):
        top = estimate(saturated, moments, thorough=False)
        implied = Objective(saturated.layout, moments).implied(top.theta)
        if top.converged and implied is not None:
            ceiling = top.loglik - 1e-7
            if best.loglik < ceiling:
                # Near a boundary the moment estimates may lie in the wrong valley; this one seldom does.
                # Nor may what is left of a predictor's between variance: its path there can be large.
                for ridge in (1e-3, 1e-9):
                    start = starting_values(
                        model, moments, estimates=(implied.sw, implied.vb, implied.mu), ridge=ridge
                    )
                    best = _higher(best, _attempt(objective, transform, start, lower)) or best
    usual = usual_start(model, moments, estimates)
    boundary = best.boundary
    drawn = (
        _random(transform, usual, 12 if transform.size <= 40 else 4) if boundary and not model.random else ()
    )
    more = chain(islice(further_starts(model, moments, estimates), 3), drawn)
    for start in more:
        if best.converged and best.loglik >= ceiling:
            break
        best = _higher(best, _attempt(objective, transform, start, lower)) or best
    return best


def _random(transform: Transform, usual: np.ndarray, number: int) -> Iterator[np.ndarray]:
    """Reproducible random starts: all but means and intercepts drawn afresh."""
    rng = np.random.default_rng(0)
    means = np.zeros(len(usual), dtype=bool)
    means[transform.layout.places[transform.layout.places[:, 2] == MATRIX_MEAN, 0]] = True
    for _ in range(number):
        drawn = transform.theta(0.7 * transform.units * rng.standard_normal(transform.size))
        yield np.where(means, usual, drawn)


def _several_maxima(model: Model) -> bool:
    latent = any(len(level.names) > level.n_observed for level in model.layout.levels)
    structured = bool((model.layout.places[model.layout.places[:, 2] == 0, 1] == 1).any())
    return latent or structured or bool(model.equal) or bool(model.equations)


def _higher(old: Solution | None, new: Solution | None) -> Solution | None:
    if old is None or new is None:
        return old or new
    if new.converged != old.converged:
        return new if new.converged else old
    return new if new.loglik > old.loglik + 1e-10 * abs(old.loglik) else old


def _quickly(objective: Objective, transform: Transform, start: np.ndarray, lower: float) -> Solution | None:
    """`_attempt` in the parameters themselves first: fewer than the factors', and enough for a maximum inside."""
    plain = Transform(transform.layout, transform.scales, False)
    if np.isfinite(objective(start)[0]):
        found = _minimised(objective, plain, start, lower, iterations=60)
        if found is not None and found.stationary:
            theta = plain.theta(found.x)
            if min_eigenvalue(transform, theta) > 1e-6:
                solution = verdict(objective, transform, replace(found, x=transform.phi(theta)), lower)
                if solution.converged:
                    return solution
    return _attempt(objective, transform, start, lower)


def _attempt(
    objective: Objective, transform: Transform, start: np.ndarray, lower: float, precise: bool = True
) -> Solution | None:
    if not np.isfinite(objective(start)[0]):
        return None
    found = _minimised(objective, transform, start, lower)
    if found is None:
        return None
    solution = verdict(objective, transform, found, lower, precise)
    if transform.factored and not solution.converged:
        # Along a bent valley a variance may creep to zero: with zero held the search is quick.
        face = _onto_face(transform, found.x, CREEPING)
        if (face != found.x).any():
            solution = _higher(solution, _on_face(objective, transform, face, lower)) or solution
    if transform.factored and not solution.admissible:
        constrained = _with_barrier(objective, transform, start, lower)
        return solution if constrained is None else constrained
    return solution


def _on_face(objective: Objective, transform: Transform, phi: np.ndarray, lower: float) -> Solution | None:
    """The maximum on the face on which the factors `phi` lie; whether it is one off the face too is the verdict's to say."""
    start = transform.theta(phi)
    if not np.isfinite(objective(start)[0]):
        return None
    held = transform.on_face(start)
    found = _minimised(objective, held, start, lower)
    if found is None:
        return None
    return verdict(objective, transform, replace(found, x=transform.phi(held.theta(found.x))), lower)


def _minimised(
    objective: Objective, transform: Transform, start: np.ndarray, lower: float, iterations: int = 200
) -> Minimum | None:
    """`minimise`, compiled where the data are complete."""
    data, layout = objective.moments, objective.layout
    if not isinstance(data, CompleteMoments) or transform.basis is not None:
        return minimise(
            _in_phi(objective, transform),
            transform.phi(start),
            transform.units,
            lower=lower,
            iterations=iterations,
        )
    parts = [part for level in layout.levels for part in (level.a, level.s, level.mean, level.link)]
    inside, *found = search(
        transform.phi(start), transform.units, 1e-12, iterations, lower, layout.places, *parts, data.sizes, data.counts,
        data.means, data.cross, data.within, data.within_df, data.constant, transform.triples, transform.plain,
        transform.plain_index, layout.n_parameters,
    )  # fmt: skip
    return Minimum(*found) if inside else None


def _in_phi(objective: Objective, transform: Transform) -> Function:
    def function(phi: np.ndarray, order: int) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        value, gradient, hessian = objective(transform.theta(phi), order)
        if gradient is None:
            return value, None, None
        return value, *transform.pull(phi, gradient, hessian)

    return function


def verdict(
    objective: Objective, transform: Transform, found: Minimum, lower: float, precise: bool = True
) -> Solution:
    """Judge an end point: stationary, optimal over the admissible set, identified.

    Not `precise`, the Hessian of incomplete data is the rough one where it leaves no doubt.
    """
    theta = _snap(objective, transform, found)
    value, gradient, hessian = objective(theta, 3 if precise else 2)
    if gradient is None or hessian is None:
        theta = transform.theta(found.x)
        value, gradient, hessian = objective(theta, 3)
    if gradient is None or hessian is None:
        k = len(theta)
        nowhere = Face((), np.eye(k), np.zeros((k, k)), np.inf, None)
        message = "no maximum: beside a singular covariance matrix"
        return Solution(
            theta, -value, np.full(k, np.nan), np.full((k, k), np.nan), False, False, False, nowhere, False, message,
            found.iterations, transform,
        )  # fmt: skip
    here = face(transform, theta, gradient)
    smallest = min_eigenvalue(transform, theta)
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
    definite = smallest_information > DEFINITE[kind]
    not_saddle = smallest_information > -1e-7
    boundary = bool(here.ranks) and transform.factored
    admissible = smallest > -1e-7
    stationary = found.stationary and found.decrement <= max(STATIONARY, 1e-13 * abs(value))
    if not stationary and (precise or kind == "complete"):
        # Factors of next to no variance leave the search noise to go by; the face's own parameters do not.
        stationary = _promised(information, tangent.T @ gradient) <= STATIONARY
    converged = stationary and optimal and not_saddle and (admissible or not transform.factored)
    if not transform.factored:
        boundary = admissible and smallest < 1e-7
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
    snapped = transform.theta(_onto_face(transform, found.x, ZERO))
    value = objective(snapped)[0]
    return snapped if value <= found.value + 1e-9 * max(1.0, abs(found.value) * 1e-3) else theta


def _onto_face(transform: Transform, phi: np.ndarray, zero: float) -> np.ndarray:
    """The factors without what makes eigenvalues below `zero`, per unit of total variance."""
    phi = phi.copy()
    for block, index in transform.factors:
        scale = transform.scales[block.level][block.members]
        if len(scale) == 1:
            phi[index] *= phi[index] ** 2 >= zero * scale**2
            continue
        left, values, right = np.linalg.svd(phi[index] / scale[:, None])
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
            function_at(weight), phi, transform.units, lower=lower, tolerance=1e-3 * weight + 1e-12
        )
        if found is None:
            return None
        phi = found.x
    assert found is not None
    solution = verdict(objective, transform, found, lower)
    note = "covariance block with fixed or shared entries: log-determinant barrier"
    return replace(solution, message="; ".join(filter(None, (solution.message, note))))
