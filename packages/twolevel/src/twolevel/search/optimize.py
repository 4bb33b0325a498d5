"""From starting values to the highest maximum found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Literal

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from ..errors import ModelError
from ..likelihood.objective import Objective
from ..likelihood.ram import MATRIX_MEAN
from ..model.model import Model
from ..slopes.choose import objective_for
from .attempt import attempt, higher, in_phi, quickly
from .bounds import Transform
from .feasible import check_fixed, replaced, start_inside
from .slopes import further_starts, usual_start
from .starts import beside, moment_estimates, starting_values
from .trustregion import minimise
from .verdict import Solution

Bounds = Literal["psd", "none"]

# Coordinates of the factored problem from which on a search is first tried without factors.
LARGE = 25
# Parameters of the saturated model up to which its maximum is worth finding to know where a search may stop.
CEILING = 120

# Why a search by quadrature has ended without a maximum.
ENDED = (
    "random slopes are integrated out here, and so many steps of that without a maximum mean that the data hardly "
    "determine the model: simplify level 2, hold a slope fixed across clusters, or use complete rows"
)


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
    there = np.inf if near_start is None else objective(near_start)[0]
    if near_start is not None and np.isfinite(there):
        # A refit of what has been fitted: the usual start is made if the neighbouring solution leads nowhere.
        lower = there - 50.0 * (moments.n_clients + 10.0)
        found = attempt(objective, transform, near_start, lower, precise=False)
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
    climb = quickly if transform.factored and latent and transform.size > LARGE else attempt
    for start in chain([*starts, *near, usual], further):
        best = higher(best, climb(objective, transform, start, lower))
        if best is not None and (best.converged or objective.spent):
            break
    if best is not None and not best.converged and objective.spent:
        best = replace(best, message="; ".join(filter(None, (best.message, ENDED))))
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
    found = minimise(
        in_phi(quick, transform),
        transform.phi(start),
        transform.units,
        tolerance=1e-7,
        iterations=objective.allowed(200),
    )
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
                    best = higher(best, attempt(objective, transform, start, lower)) or best
    usual = usual_start(model, moments, estimates)
    boundary = best.boundary
    drawn = (
        _random(transform, usual, 12 if transform.size <= 40 else 4) if boundary and not model.random else ()
    )
    more = chain(islice(further_starts(model, moments, estimates), 3), drawn)
    for start in more:
        if best.converged and best.loglik >= ceiling:
            break
        best = higher(best, attempt(objective, transform, start, lower)) or best
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
