"""Full-information two-level normal likelihood for incomplete data, with analytic gradient.

Notation as in likelihood.py. Clients of a cluster that miss the same variables form a cell: pattern r,
n clients, mean ybar (observed entries). S_r is the inverse of the observed block of S_W, padded with zeros;
SSP_r pools the cells' cross-products about their own means. With o the cluster's observed
between-only variables, K = V_yo V_oo^-1 and C = V_yy - K V_oy (covariance of u_j given z_j),

  A = sum_cells n S_r = R R',  e = ybar - mu_y - K (z_o - mu_o),  t = sum_cells n S_r e,  G = I + R' C R

over the variables seen in the cluster, where A is definite, give each cluster's share without ever inverting C, so a
singular C is no special case, and an enormous one none either: with the cluster's mean h = A^-1 t and u = R^-1 t

  -2 log L_j = sum_cells (n log|S_W,rr| + n (e - h)' S_r (e - h)) + log|G| + u' G^-1 u
               + log|V_oo| + (z - mu)' V_oo^-1 (z - mu) + constant,

sums of squares, of which none is taken from another. At = R G^-1 R' = (A^-1 + C)^-1, Q = R'^-1 (I - G^-1) R^-1 = C - C At C.

Derivatives: U = [[At, -At K], [., V_oo^-1 + K' At K]] and rho = [rt; V_oo^-1 (z - mu) - K' rt], rt = R G^-1 u, are
the cluster's inverse covariance and residuals summed over its clients; d/dV_B = U - rho rho',
d/dmu = -2 rho, and with the residual left after the predicted u_j, w = e - Q t,
d/dS_W = sum_r S_r [N_r S_r^-1 - SSP_r - sum_cells n (Q + w w')] S_r.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import (
    cholesky_inverse,
    invert_block,
    invert_definite,
    invert_lower,
    multiply,
    multiply_left_transposed,
    multiply_right_transposed,
    root_definite,
)

# Patterns (R, p), their clients and pooled SSP; cells: first of each cluster (J + 1), pattern, count, mean; z, seen.
PATTERN_STATISTICS = (
    "b1[:,::1], f8[::1], f8[:,:,::1], i8[::1], i8[::1], f8[::1], f8[:,::1], f8[:,::1], b1[:,::1]"
)


@compiled("f8(f8[:,::1], f8[:,::1], f8[::1], " + PATTERN_STATISTICS + ", f8[:,::1], f8[:,::1], f8[::1])")
def missing_gradient(
    sw, vb, mu, patterns, pattern_n, pattern_ssp, first, cell_pattern, cell_n, cell_mean, z, z_seen,
    gw, gb, gmu,
):  # fmt: skip
    """-2 log L without its constant (inf outside the domain); fills the derivatives gw, gb, gmu."""
    p, t = sw.shape[0], vb.shape[0]
    n_patterns, n_clusters = patterns.shape[0], first.shape[0] - 1
    value = 0.0
    gw[:, :] = 0.0
    gb[:, :] = 0.0
    gmu[:] = 0.0
    inverse = np.zeros((n_patterns, p, p))
    for s in range(n_patterns):
        seen = np.flatnonzero(patterns[s])
        logdet = invert_block(sw, seen, seen, inverse[s])
        if np.isnan(logdet):
            return np.inf
        value += pattern_n[s] * logdet
        for i in range(p):
            for j in range(p):
                value += inverse[s, i, j] * pattern_ssp[s, i, j]
    spread = pattern_ssp.copy()  # SSP_r + sum of n (Q + w w'), cell by cell

    a, c, k_matrix = np.empty((p, p)), np.empty((p, p)), np.empty((p, max(t - p, 1)))
    shift, t_vector, rt, predicted = np.empty(p), np.empty(p), np.empty(p), np.empty(p)
    centre, u_vector = np.empty(p), np.empty(p)
    at, q_matrix = np.empty((p, p)), np.empty((p, p))
    rho, u = np.empty(t), np.empty((t, t))
    for cluster in range(n_clusters):
        # u_j given the cluster's own between-only variables
        zo = np.flatnonzero(z_seen[cluster])
        qo = zo.shape[0]
        c[:, :] = vb[:p, :p]
        shift[:] = mu[:p]
        zz, zz_inverse, zr = np.empty((qo, qo)), np.empty((qo, qo)), np.zeros(qo)
        if qo > 0:
            for i in range(qo):
                for j in range(qo):
                    zz[i, j] = vb[p + zo[i], p + zo[j]]
            logdet = invert_definite(zz, zz_inverse)
            if np.isnan(logdet):
                return np.inf
            value += logdet
            for i in range(qo):
                for j in range(qo):
                    zr[i] += zz_inverse[i, j] * (z[cluster, zo[j]] - mu[p + zo[j]])
            for i in range(qo):
                value += zr[i] * (z[cluster, zo[i]] - mu[p + zo[i]])
            for g in range(p):
                for i in range(qo):
                    k_matrix[g, i] = 0.0
                    for j in range(qo):
                        k_matrix[g, i] += vb[g, p + zo[j]] * zz_inverse[j, i]
                    shift[g] += vb[g, p + zo[i]] * zr[i]
            for g in range(p):
                for h in range(p):
                    for i in range(qo):
                        c[g, h] -= k_matrix[g, i] * vb[p + zo[i], h]

        a[:, :] = 0.0
        t_vector[:] = 0.0
        for cell in range(first[cluster], first[cluster + 1]):
            s, n = cell_pattern[cell], cell_n[cell]
            for g in range(p):
                if not patterns[s, g]:
                    continue
                se = 0.0
                for h in range(p):
                    if patterns[s, h]:
                        a[g, h] += n * inverse[s, g, h]
                        se += inverse[s, g, h] * (cell_mean[cell, h] - shift[h])
                t_vector[g] += n * se
        ever = np.empty(p, dtype=np.int64)
        po = 0
        for g in range(p):
            if a[g, g] > 0.0:
                ever[po] = g
                po += 1
        ao, co, work = np.empty((po, po)), np.empty((po, po)), np.empty((po, po))
        root, root_inverse = np.empty((po, po)), np.empty((po, po))
        m, m_inverse = np.empty((po, po)), np.empty((po, po))
        for i in range(po):
            for j in range(po):
                ao[i, j] = a[ever[i], ever[j]]
                co[i, j] = c[ever[i], ever[j]]
        if not root_definite(ao, root):
            return np.inf
        invert_lower(root, root_inverse)
        multiply(co, root, work)
        multiply_left_transposed(root, work, m)
        for i in range(po):
            for j in range(i):
                m[i, j] = m[j, i] = 0.5 * (m[i, j] + m[j, i])
            m[i, i] += 1.0
        if not root_definite(m, work):
            return np.inf
        value += cholesky_inverse(work, m_inverse, po)
        at[:, :] = 0.0
        q_matrix[:, :] = 0.0
        rt[:] = 0.0
        centre[:] = 0.0
        predicted[:] = 0.0
        multiply(root, m_inverse, work)
        multiply_right_transposed(work, root, m)
        for i in range(po):
            for j in range(po):
                at[ever[i], ever[j]] = m[i, j]
        for i in range(po):  # u, then G^-1 u
            u_vector[i] = 0.0
            for j in range(i + 1):
                u_vector[i] += root_inverse[i, j] * t_vector[ever[j]]
        for i in range(po):
            for j in range(po):
                rt[ever[i]] += work[i, j] * u_vector[j]
                value += u_vector[i] * m_inverse[i, j] * u_vector[j]
            for j in range(i, po):
                centre[ever[i]] += root_inverse[j, i] * u_vector[j]
        for i in range(po):
            for j in range(po):
                m_inverse[i, j] = (1.0 if i == j else 0.0) - m_inverse[i, j]
        multiply(m_inverse, root_inverse, work)
        multiply_left_transposed(root_inverse, work, m)
        for i in range(po):
            for j in range(po):
                q_matrix[ever[i], ever[j]] = m[i, j]
                predicted[ever[i]] += m[i, j] * t_vector[ever[j]]
        for cell in range(first[cluster], first[cluster + 1]):
            s, n = cell_pattern[cell], cell_n[cell]
            for g in range(p):
                if patterns[s, g]:
                    for h in range(p):
                        if patterns[s, h]:
                            eh = cell_mean[cell, h] - shift[h] - centre[h]
                            value += n * (cell_mean[cell, g] - shift[g] - centre[g]) * inverse[s, g, h] * eh

        # derivatives
        rho[:p] = rt
        rho[p:] = 0.0
        u[:, :] = 0.0
        u[:p, :p] = at
        for i in range(qo):
            rho[p + zo[i]] = zr[i]
            for g in range(p):
                rho[p + zo[i]] -= k_matrix[g, i] * rt[g]
                for h in range(p):
                    u[g, p + zo[i]] -= at[g, h] * k_matrix[h, i]
        for i in range(qo):
            for j in range(qo):
                u[p + zo[i], p + zo[j]] = zz_inverse[i, j]
                for g in range(p):
                    u[p + zo[i], p + zo[j]] -= k_matrix[g, i] * u[g, p + zo[j]]
            for g in range(p):
                u[p + zo[i], g] = u[g, p + zo[i]]
        for g in range(t):
            gmu[g] -= 2.0 * rho[g]
            for h in range(t):
                gb[g, h] += u[g, h] - rho[g] * rho[h]
        for cell in range(first[cluster], first[cluster + 1]):
            s, n = cell_pattern[cell], cell_n[cell]
            for g in range(p):
                wg = cell_mean[cell, g] - shift[g] - predicted[g]
                for h in range(p):
                    wh = cell_mean[cell, h] - shift[h] - predicted[h]
                    spread[s, g, h] += n * (q_matrix[g, h] + wg * wh)
    for s in range(n_patterns):
        multiply(inverse[s], spread[s], q_matrix)
        multiply(q_matrix, inverse[s], at)
        for g in range(p):
            for h in range(p):
                gw[g, h] += pattern_n[s] * inverse[s, g, h] - at[g, h]
    return value
