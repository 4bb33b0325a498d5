"""The likelihood of all clusters, compiled: closed form, or adaptive Gauss-Hermite quadrature over some slopes.

Quadrature in t ~ N(0, I), from which the slopes are made (between.py). Of each cluster the mode of the integrand and its
curvature there are found by Newton steps; t = mode + R x, R R' the inverse curvature, x the nodes of a product rule
(Naylor & Smith, 1982, Appl. Stat. 31, 214-225; Pinheiro & Bates, 1995, J. Comput. Graph. Stat. 4, 12-35). Derivatives are
those of the sum with its nodes held.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import invert_definite
from .kernel import cluster_value, level_one, level_one_pull, semidefinite_root

# Nodes of the log of whose share in a cluster's integral this is taken off at least have no say in the derivatives.
NEGLIGIBLE = 35.0
# Log of a node's share of the integrand at its mode above which that is no mode.
HIGHER = 30.0

_WITHIN = "f8[:,::1], f8[:,::1], f8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[:,::1], i8[::1]"
_CELLS = "b1[:,::1], i8[::1], i8[::1], f8[::1], f8[:,:,::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1]"


@compiled(f"f8(f8[::1], f8[::1], f8[:,::1], f8[::1], f8[:,::1], f8[:,::1], {_WITHIN}, {_CELLS}, i8)")
def log_integrand(
    t, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots, observed_kind,
    patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
):  # fmt: skip
    """log of one cluster's density at t, times exp(-t't / 2), without constants; -inf outside the domain."""
    r, q, p, size = t.shape[0], m_eta.shape[0], obs.shape[0], a.shape[0]
    values, m = np.empty(r), np.empty(q)
    square = 0.0
    for k in range(r):
        values[k] = m_b[k]
        square += t[k] * t[k]
        for j in range(k + 1):
            values[k] += lower[k, j] * t[j]
    for k in range(q):
        m[k] = m_eta[k]
        for j in range(r):
            m[k] += turn[k, j] * t[j]
    b, sigma = np.empty((size, size)), np.empty((size, size))
    inverse, logdets = np.empty((patterns.shape[0], p, p)), np.empty(patterns.shape[0])
    combined = np.empty(r + p)
    own = cell_pattern[first[cluster] : first[cluster + 1]]  # a cluster of few rows has few of the patterns
    if not level_one(a, psi, alpha, obs, values, spots, patterns, own, b, sigma, inverse, logdets, combined):
        return -np.inf
    one, two, three = np.empty((p, p)), np.empty((size, size)), np.empty(p)
    value = cluster_value(
        b, inverse, logdets, obs, x_at, c_index, c_kind, c_col, combined, spots, observed_kind, m, v,
        cell_pattern, cell_n, f, g, h, first[cluster], first[cluster + 1], -np.inf, one, two, three, m, v, values,
    )  # fmt: skip
    return -0.5 * value - 0.5 * square


@compiled(
    f"b1(f8[::1], f8[:,::1], f8[::1], f8[:,::1], f8[::1], f8[:,::1], f8[:,::1], {_WITHIN}, {_CELLS}, i8)"
)
def place_nodes(
    mode, spread, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots, observed_kind,
    patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
):  # fmt: skip
    """Fill the integrand's mode and a root of its inverse curvature; False outside the domain."""
    r = mode.shape[0]
    mode[:] = 0.0
    step_size = 1e-2
    gradient, curvature = np.empty(r), np.empty((r, r))
    work, inverse, trial = np.empty((r, r)), np.empty((r, r)), np.empty(r)
    here = log_integrand(
        mode, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots, observed_kind,
        patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
    )  # fmt: skip
    if not np.isfinite(here):
        return False
    for _ in range(25):
        ahead, behind = np.empty(r), np.empty(r)
        for k in range(r):
            for side in range(2):
                trial[:] = mode
                trial[k] += step_size if side == 0 else -step_size
                found = log_integrand(
                    trial, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots,
                    observed_kind, patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
                )  # fmt: skip
                if side == 0:
                    ahead[k] = found
                else:
                    behind[k] = found
            gradient[k] = (ahead[k] - behind[k]) / (2 * step_size)
            curvature[k, k] = -(ahead[k] - 2 * here + behind[k]) / step_size**2
        for k in range(r):
            for j in range(k):
                trial[:] = mode
                trial[k] += step_size
                trial[j] += step_size
                found = log_integrand(
                    trial, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots,
                    observed_kind, patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
                )  # fmt: skip
                cross = -(found - ahead[k] - ahead[j] + here) / step_size**2
                curvature[k, j] = cross
                curvature[j, k] = cross
        added = 0.0
        while True:
            work[:, :] = curvature
            for k in range(r):
                work[k, k] += added
            if not np.isnan(invert_definite(work, inverse)):
                enough = True
                for k in range(r):
                    enough = enough and inverse[k, k] < 4.0  # the prior's own curvature is 1
                if enough:
                    break
            added = max(2.0 * added, 0.25)
            if added > 1e12:
                return False
        length, share = 0.0, 1.0
        step = np.zeros(r)
        for k in range(r):
            for j in range(r):
                step[k] += inverse[k, j] * gradient[j]
        for k in range(r):
            length += step[k] * gradient[k]
        if length < 1e-6:
            break
        moved = False
        for _ in range(12):
            for k in range(r):
                trial[k] = mode[k] + share * step[k]
            found = log_integrand(
                trial, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots,
                observed_kind, patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
            )  # fmt: skip
            if found > here:
                mode[:] = trial
                here = found
                moved = True
                break
            share *= 0.4
        if not moved:
            break
        widest = 0.0
        for k in range(r):
            widest = max(widest, inverse[k, k])
        step_size = min(1e-2, 0.02 * np.sqrt(widest) + 1e-4)
    return semidefinite_root(inverse, spread)


@compiled(
    f"f8({_WITHIN}, {_CELLS}, i8, f8[::1], f8[:,::1], f8[::1], b1, f8[::1], f8[:,::1], f8[:,::1], f8[::1])"
)
def all_clusters(
    a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots, observed_kind,
    patterns, first, cell_pattern, cell_n, f, g, h, between, nz, flat, nodes, log_weights, derive,
    g_flat, adjoint_a, adjoint_s, adjoint_alpha,
):  # fmt: skip
    """-2 log L without its constant (inf outside the domain); adds the derivatives if asked.

    Parameters
    ----------
    flat : ndarray
        Level 2's quantities (between.py).
    nodes, log_weights : ndarray (K, r), (K,)
        Product rule for the standard normal: nodes x, and log weight + x'x / 2.
    g_flat, adjoint_a, adjoint_s, adjoint_alpha
        Derivatives with respect to `flat`, and to A, Psi and alpha of level 1.
    """
    clusters, p, size = first.shape[0] - 1, obs.shape[0], a.shape[0]
    r, q, width = spots.shape[0], c_col.shape[0], between.shape[1]
    n, nw = r + q, width - nz
    start_m1, start_l = n, n * (1 + width)
    start_t = start_l + r * r
    start_v = start_t + q * r
    start_z = start_v + q * q
    start_zw = start_z + nz
    start_zi = start_zw + nz * nw
    start_zl = start_zi + nz * nz
    lower, turn, v = np.empty((r, r)), np.empty((q, r)), np.empty((q, q))
    for i in range(r):
        for j in range(r):
            lower[i, j] = flat[start_l + i * r + j]
    for i in range(q):
        for j in range(r):
            turn[i, j] = flat[start_t + i * r + j]
        for j in range(q):
            v[i, j] = flat[start_v + i * q + j]
    b, sigma = np.empty((size, size)), np.empty((size, size))
    inverse, logdets = np.empty((patterns.shape[0], p, p)), np.empty(patterns.shape[0])
    combined, values, none = np.empty(r + p), np.empty(r), np.empty(0)
    g_sigma, g_b, g_intercept = np.zeros((p, p)), np.zeros((size, size)), np.zeros(p)
    g_m, g_v, g_values = np.zeros(q), np.zeros((q, q)), np.zeros(r)
    total = 0.0
    every = np.arange(patterns.shape[0])
    if r == 0 and not level_one(
        a, psi, alpha, obs, none, spots, patterns, every, b, sigma, inverse, logdets, combined
    ):
        return np.inf
    limit = np.inf if derive else -np.inf
    m_b, m_eta, m, t = np.empty(r), np.empty(q), np.empty(q), np.empty(r)
    own_flat, own_a, own_s, own_alpha = (
        np.empty(start_z),
        np.empty((size, size)),
        np.empty((size, size)),
        np.empty(size),
    )
    d = np.empty(nz)
    for cluster in range(clusters):
        for i in range(nz):
            d[i] = between[cluster, nw + i] - flat[start_z + i]
            for c in range(nw):
                d[i] -= flat[start_zw + i * nw + c] * between[cluster, c]
        for i in range(nz):
            own = 0.0
            for j in range(nz):
                own += flat[start_zi + i * nz + j] * d[j]
                if derive:
                    g_flat[start_zi + i * nz + j] += d[i] * d[j]
            total += own * d[i]
            if derive:
                g_flat[start_z + i] -= 2.0 * own
                for c in range(nw):
                    g_flat[start_zw + i * nw + c] -= 2.0 * own * between[cluster, c]
        if nz > 0:
            total += flat[start_zl]
            if derive:
                g_flat[start_zl] += 1.0
        for i in range(n):
            value = flat[i]
            for c in range(width):
                value += flat[start_m1 + i * width + c] * between[cluster, c]
            if i < r:
                m_b[i] = value
            else:
                m_eta[i - r] = value
        g_m[:] = 0.0
        if r == 0:
            value = cluster_value(
                b, inverse, logdets, obs, x_at, c_index, c_kind, c_col, combined, spots, observed_kind, m_eta,
                v, cell_pattern, cell_n, f, g, h, first[cluster], first[cluster + 1], limit,
                g_sigma, g_b, g_intercept, g_m, g_v, g_values,
            )  # fmt: skip
            if not np.isfinite(value):
                return np.inf
            total += value
            if derive:
                for i in range(q):
                    g_flat[i] += g_m[i]
                    for c in range(width):
                        g_flat[start_m1 + i * width + c] += g_m[i] * between[cluster, c]
            continue
        mode, spread = np.empty(r), np.empty((r, r))
        if not place_nodes(
            mode, spread, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots,
            observed_kind, patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
        ):  # fmt: skip
            return np.inf
        size_log = 0.0
        for k in range(r):
            size_log += np.log(spread[k, k])
        # The integrand at its mode: what the sum is counted in, and what a node's share is judged by.
        top = size_log + log_integrand(
            mode, m_b, lower, m_eta, turn, v, a, psi, alpha, obs, x_at, c_index, c_kind, c_col, spots,
            observed_kind, patterns, first, cell_pattern, cell_n, f, g, h, between, cluster,
        )  # fmt: skip
        own_cells = cell_pattern[first[cluster] : first[cluster + 1]]
        summed = 0.0
        own_flat[:] = 0.0
        own_a[:, :] = 0.0
        own_s[:, :] = 0.0
        own_alpha[:] = 0.0
        for k in range(nodes.shape[0]):
            square = 0.0
            for i in range(r):
                t[i] = mode[i]
                for j in range(i + 1):
                    t[i] += spread[i, j] * nodes[k, j]
                square += t[i] * t[i]
            for i in range(r):
                values[i] = m_b[i]
                for j in range(i + 1):
                    values[i] += lower[i, j] * t[j]
            for i in range(q):
                m[i] = m_eta[i]
                for j in range(r):
                    m[i] += turn[i, j] * t[j]
            if not level_one(
                a, psi, alpha, obs, values, spots, patterns, own_cells, b, sigma, inverse, logdets, combined
            ):
                continue
            g_sigma[:, :] = 0.0
            g_b[:, :] = 0.0
            g_intercept[:] = 0.0
            g_m[:] = 0.0
            g_v[:, :] = 0.0
            g_values[:] = 0.0
            level = log_weights[k] + size_log - 0.5 * square - top
            up_to = 2.0 * (level + NEGLIGIBLE) if derive else -np.inf
            value = cluster_value(
                b, inverse, logdets, obs, x_at, c_index, c_kind, c_col, combined, spots, observed_kind, m, v,
                cell_pattern, cell_n, f, g, h, first[cluster], first[cluster + 1], up_to,
                g_sigma, g_b, g_intercept, g_m, g_v, g_values,
            )  # fmt: skip
            if level - 0.5 * value > HIGHER:  # not the mode then: count in this node from here on
                rise = level - 0.5 * value
                down = np.exp(-rise)
                own_flat *= down
                own_a *= down
                own_s *= down
                own_alpha *= down
                summed *= down
                top += rise
                level -= rise
            weight = np.exp(level - 0.5 * value)
            summed += weight
            if not value <= up_to:
                continue
            level_one_pull(
                b, sigma, psi, alpha, obs, g_sigma, g_b, g_intercept, weight, spots,
                own_a, own_s, own_alpha, g_values,
            )  # fmt: skip
            for i in range(n):
                own = weight * (g_values[i] if i < r else g_m[i - r])
                own_flat[i] += own
                for c in range(width):
                    own_flat[start_m1 + i * width + c] += own * between[cluster, c]
                for j in range(r):
                    if i < r:
                        own_flat[start_l + i * r + j] += own * t[j]
                    else:
                        own_flat[start_t + (i - r) * r + j] += own * t[j]
            for i in range(q):
                for j in range(q):
                    own_flat[start_v + i * q + j] += weight * g_v[i, j]
        if not (np.isfinite(top) and 0.0 < summed < np.inf):
            return np.inf
        total -= 2.0 * (top + np.log(summed))
        if derive:
            for i in range(start_z):
                g_flat[i] += own_flat[i] / summed
            for i in range(size):
                adjoint_alpha[i] += own_alpha[i] / summed
                for j in range(size):
                    adjoint_a[i, j] += own_a[i, j] / summed
                    adjoint_s[i, j] += own_s[i, j] / summed
    if derive and r == 0:
        for i in range(q):
            for j in range(q):
                g_flat[start_v + i * q + j] += g_v[i, j]
        level_one_pull(
            b, sigma, psi, alpha, obs, g_sigma, g_b, g_intercept, 1.0, spots,
            adjoint_a, adjoint_s, adjoint_alpha, g_values,
        )  # fmt: skip
    return total
