"""Trust-region Newton minimisation with exact Hessians, for smooth functions that may have saddle points.

The subproblem is solved exactly by an eigendecomposition (Conn, Gould & Toint, 2000, Trust-Region Methods,
section 7.3), which also leaves saddle points: needed for factored covariance matrices, where every rank-deficient
factor is stationary in some directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..compiled import compiled

Function = Callable[[np.ndarray, int], tuple[float, np.ndarray | None, np.ndarray | None]]


@dataclass(frozen=True)
class Minimum:
    """Where the search ended.

    Attributes
    ----------
    x, value, gradient, hessian
        In the caller's coordinates.
    decrement : float
        Half the squared Newton decrement: the decrease that the local quadratic still promises.
    curvature : float
        Smallest eigenvalue of the Hessian in whitened coordinates.
    stationary : bool
        Decrement within tolerance and no direction of negative curvature.
    iterations : int
    """

    x: np.ndarray
    value: float
    gradient: np.ndarray
    hessian: np.ndarray
    decrement: float
    curvature: float
    stationary: bool
    iterations: int


def minimise(
    function: Function,
    x: np.ndarray,
    units: np.ndarray,
    *,
    tolerance: float = 1e-12,
    iterations: int = 200,
    lower: float = -np.inf,
) -> Minimum | None:
    """Minimise `function(x, order) -> (value, gradient, hessian)`; inf marks points outside the domain.

    Parameters
    ----------
    x : ndarray (k,)
        Start, inside the domain.
    units : ndarray (k,)
        Natural size of each coordinate.
    tolerance : float
        On the decrease still promised, in units of the function.
    iterations : int
        Cap; a search that reaches it is not stationary.
    lower : float
        Give up below this value: the function is unbounded.

    Returns
    -------
    Minimum or None
        None if the start is outside the domain.
    """
    value, gradient, hessian = function(x, 2)
    if gradient is None or hessian is None:
        return None
    whitening = _whitening(hessian, units)
    radius = np.sqrt(len(x))
    count = 0
    while True:
        g = whitening.T @ gradient
        values, vectors = np.linalg.eigh(whitening.T @ hessian @ whitening)
        along = vectors.T @ g
        top = max(abs(values[0]), abs(values[-1]), 1e-300)
        decrement = float(0.5 * np.sum(along**2 / np.maximum(np.abs(values), 1e-8 * top)))
        curvature = float(values[0] / top)
        noise = 1e-13 * max(abs(value), 1.0)
        flat = decrement <= tolerance
        if flat and curvature > -1e-7:
            x, value, gradient, hessian, decrement = _polish(
                function, x, value, gradient, hessian, whitening, decrement
            )
            return Minimum(x, value, gradient, hessian, decrement, curvature, True, count)
        if count >= iterations or value < lower or radius < 1e-10:
            stationary = decrement <= 1e-7 and curvature > -1e-6
            return Minimum(x, value, gradient, hessian, decrement, curvature, stationary, count)
        count += 1
        step = _step(along, values, radius, top)
        promised = -float(along @ step + 0.5 * step @ (values * step))
        trial = x + whitening @ (vectors @ step)
        new_value, new_gradient, _ = function(trial, 1)
        if new_gradient is None:
            radius = 0.25 * min(radius, float(np.linalg.norm(step)))
            continue
        ratio = (value - new_value) / promised if promised > 0 else -1.0
        if promised < 100 * noise and abs(new_value - value) <= 100 * noise:
            # The values agree to rounding: judge by the gradient.
            ratio = 1.0 if np.linalg.norm(whitening.T @ new_gradient) < np.linalg.norm(g) else -1.0
        length = float(np.linalg.norm(step))
        if ratio < 0.25:
            # The minimum of the parabola through both values and the slope, or thereabouts.
            radius = max(0.1, min(0.5, 0.5 / (1.0 - ratio))) * length
        elif ratio > 0.75 and length > 0.8 * radius:
            radius *= 2.5
        if ratio > 1e-4:
            new_hessian = function(trial, 2)[2]  # with missing values it costs as much as many gradients
            if new_hessian is None:
                radius = 0.25 * min(radius, length)
                continue
            x, value, gradient, hessian = trial, new_value, new_gradient, new_hessian


def _whitening(hessian: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Coordinates in which the Hessian at the start has eigenvalues of size one."""
    scaled = hessian * np.outer(units, units)
    values, vectors = np.linalg.eigh(scaled)
    size = np.maximum(np.abs(values), 1e-4 * np.abs(values).max() + 1e-300)
    return units[:, None] * vectors / np.sqrt(size)


@compiled("f8[::1](f8[::1], f8[::1], f8, f8)")
def _step(along, values, radius, top):
    """Minimise along's + s' diag(values) s / 2 over |s| <= radius (coordinates of the eigenvectors)."""
    floor = 1e-9 * top
    if values[0] > -floor:
        step = -along / np.maximum(values, floor)
        if np.sqrt(np.sum(step**2)) <= radius:
            return step
    low = max(0.0, -values[0]) + floor
    step = -along / (values + low)
    length = np.sqrt(np.sum(step**2))
    if length <= radius:
        # Hard case: the gradient has nothing along the most negative direction; add it up to the radius.
        sign = -1.0 if along[0] > 0 else 1.0
        step[0] += sign * np.sqrt(max(radius**2 - length**2, 0.0))
        return step
    shift = low
    for _ in range(100):  # Newton on 1 / radius - 1 / |s(shift)|, which is nearly linear and concave
        derivative = -np.sum(along**2 / (values + shift) ** 3) / length
        steep = radius * derivative
        if not steep < 0.0:  # beyond what numbers can hold: the direction alone
            return step * (radius / length)
        shift = max(low, shift - (length - radius) * length / steep)
        step = -along / (values + shift)
        length = np.sqrt(np.sum(step**2))
        if abs(length - radius) <= 1e-3 * radius:
            break
    return step


def _polish(
    function: Function,
    x: np.ndarray,
    value: float,
    gradient: np.ndarray,
    hessian: np.ndarray,
    whitening: np.ndarray,
    decrement: float,
) -> tuple[np.ndarray, float, np.ndarray, np.ndarray, float]:
    """One more Newton step, kept if it makes the gradient smaller: full precision where curvature allows."""
    h = whitening.T @ hessian @ whitening
    values, vectors = np.linalg.eigh(h)
    g = whitening.T @ gradient
    keep = values > 1e-6 * values[-1]
    step = vectors[:, keep] @ (-(vectors[:, keep].T @ g) / values[keep])
    trial = x + whitening @ step
    new_value, new_gradient, new_hessian = function(trial, 2)
    if new_gradient is None or new_hessian is None:
        return x, value, gradient, hessian, decrement
    new_g = whitening.T @ new_gradient
    if np.linalg.norm(new_g) < np.linalg.norm(g):
        return trial, new_value, new_gradient, new_hessian, decrement * float(new_g @ new_g / (g @ g))
    return x, value, gradient, hessian, decrement
