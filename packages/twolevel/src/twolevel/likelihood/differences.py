"""Differences of the gradient with missing values, compiled: the Hessian that the optimizer steps by.

With missing values there is no analytic Hessian. One made of differences costs as many gradients as there are
parameters, and half the time of a gradient called from Python is not spent on it.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from .fiml import PATTERN_STATISTICS, missing_gradient
from .ram import level_forward, pull_gradient, scatter

LEVEL = "f8[:,::1], f8[:,::1], f8[::1], i8[:,::1]"  # A, S, means, links


@compiled(f"b1(f8[::1], f8[::1], f8[::1], i8[:,::1], {LEVEL}, {LEVEL}, {PATTERN_STATISTICS}, f8[:,::1])")
def forward_differences(
    theta, gradient, steps, places,
    within_a, within_s, within_mean, within_link, between_a, between_s, between_mean, between_link,
    patterns, pattern_n, pattern_ssp, first, cell_pattern, cell_n, cell_mean, z, z_seen,
    rows,
):  # fmt: skip
    """Fill a row a parameter: the gradient's change per unit, one step ahead, or behind where ahead is outside.

    Parameters
    ----------
    theta, gradient, steps : ndarray (k,)
        The point, the gradient of -log L there, and how far to step in each parameter.
    places, ``within_...``, ``between_...``
        The model's layout (ram.py).
    patterns ... z_seen
        The moments (fiml.py).
    rows : ndarray (k, k)
        Filled.

    Returns
    -------
    bool
        False where neither side of a parameter is inside the domain.
    """
    k, p, t = theta.shape[0], patterns.shape[1], patterns.shape[1] + z.shape[1]
    moved, there = theta.copy(), np.empty(k)
    sw, vb, mu, padding = np.empty((p, p)), np.empty((t, t)), np.empty(t), np.empty(t)
    gw, gb, gmu = np.empty((p, p)), np.empty((t, t)), np.empty(t)
    for row in range(k):
        inside = False
        for sign in (1.0, -1.0):
            # A path from a variable of next to no variance may be so large that the usual step is lost in its digits.
            moved[row] = theta[row] + sign * max(steps[row], 1e-7 * abs(theta[row]))
            sw[:, :] = 0.0
            vb[:, :] = 0.0
            padding[:] = 0.0
            ok, b, sigma, nu = level_forward(moved, places, 0, within_a, within_s, within_mean)
            if not ok:
                continue
            scatter(sigma, nu, within_link, sw, padding)
            ok, b2, sigma2, nu2 = level_forward(moved, places, 1, between_a, between_s, between_mean)
            if not ok:
                continue
            scatter(sigma2, nu2, between_link, vb, padding)
            mu[:] = padding
            value = missing_gradient(
                sw, vb, mu, patterns, pattern_n, pattern_ssp, first, cell_pattern, cell_n, cell_mean, z, z_seen,
                gw, gb, gmu,
            )  # fmt: skip
            if not np.isfinite(value):
                continue
            there[:] = 0.0
            pull_gradient(places, 0, within_link, b, sigma, nu, gw, gmu, there)
            pull_gradient(places, 1, between_link, b2, sigma2, nu2, gb, gmu, there)
            for j in range(k):
                rows[row, j] = (0.5 * there[j] - gradient[j]) / (moved[row] - theta[row])
            inside = True
            break
        moved[row] = theta[row]
        if not inside:
            return False
    return True
