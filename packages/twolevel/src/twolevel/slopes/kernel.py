"""Likelihood of clusters with random slopes, compiled, with its derivatives backwards through every step.

Notation
--------
Of one cluster, given the values b of the slopes that are integrated by quadrature (none in the closed form):
y_i = C f_i + e_i, e_i ~ N(0, Sigma), C = C0 + sum_q eta_q c_q e_col(q)', eta ~ N(m, V): intercepts and other slopes.
With B = (I - A - sum_k b_k E_k)^-1 of level 1 (E_k a one where slope k stands), Sigma = (B Psi B')[obs],
C0 = [B alpha, B_x, 0], c_q = B[:, outcome] for a slope, e_a + sum_k b_k B[:, outcome(k)] for the intercept of a (the
sum over quadrature slopes that act on a as observed).
This is a linear mixed model with S = Sigma^-1 and, summed over the cluster's cells,
  l_q = c_q' S (G - C1 F)_col(q),  Q_qr = c_q' S c_r F_col(q)col(r),  C1 = C at eta = m,
  -2 log L = n log|Sigma| + tr S (H - G C1' - C1 G' + C1 F C1') - l' V (I + Q V)^-1 l + log|I + Q V|.
With Q = K K' and M = I + K' V K: U = (I + Q V)^-1 Q = K M^-1 K', rho = l - U V l; V may be singular.

Derivatives (of -2 log L; with P = V - V U V, C2 = C at eta = m + V rho, D = S (G - C2 F)):
  m: -2 rho;  V: U - rho rho';  C0: -2 D;
  c_q: -2 [(m + V rho)_q D_col(q) - sum_r P_qr S c_r F_col(r)col(q)];
  Sigma: n S - S (H - G C2' - C2 G' + C2 F C2' + sum_qr P_qr F_col(q)col(r) c_q c_r') S.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import (
    invert_block,
    invert_definite,
    invert_general,
    multiply,
    multiply_left_transposed,
    multiply_right_transposed,
)


@compiled("b1(f8[:,::1], f8[:,::1])")
def semidefinite_root(matrix, root):
    """Lower K with K K' = matrix (zero pivots give zero columns); False if clearly indefinite."""
    size = matrix.shape[0]
    root[:, :] = 0.0
    for j in range(size):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= root[j, k] * root[j, k]
        if pivot <= 1e-13 * abs(matrix[j, j]):
            if pivot < -1e-8 * abs(matrix[j, j]):
                return False
            continue
        root[j, j] = np.sqrt(pivot)
        for i in range(j + 1, size):
            value = matrix[i, j]
            for k in range(j):
                value -= root[i, k] * root[j, k]
            root[i, j] = value / root[j, j]
    return True


@compiled("void(f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1])")
def left_over(c, f, g, h, residual, spread):
    """Sums of a cell with C f_i taken off: residual = G - C F, spread = H - G C' - C G' + C F C'."""
    multiply(c, f, residual)
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            residual[i, j] = g[i, j] - residual[i, j]
    for i in range(c.shape[0]):
        for j in range(c.shape[0]):
            total = h[i, j]
            for k in range(c.shape[1]):
                total -= c[i, k] * g[j, k] + residual[i, k] * c[j, k]
            spread[i, j] = total


@compiled(
    "f8(f8[:,::1], f8[:,:,::1], f8[::1], i8[::1], i8[::1], i8[::1], i8[::1], i8[::1],"
    " f8[::1], i8[:,::1], i8[::1], f8[::1], f8[:,::1],"
    " i8[::1], f8[::1], f8[:,:,::1], f8[:,:,::1], f8[:,:,::1], i8, i8,"
    " f8, f8[:,::1], f8[:,::1], f8[::1], f8[::1], f8[:,::1], f8[::1])"
)
def cluster_value(
    b, inverse, logdets, obs, x_at, c_index, c_kind, c_col,
    values, spots, observed_kind, m, v,
    cell_pattern, cell_n, f, g, h, start, stop,
    limit, g_sigma, g_b, g_intercept, g_m, g_v, g_values,
):  # fmt: skip
    """-2 log L of one cluster without its constant (inf outside the domain); adds the derivatives up to a limit.

    Parameters
    ----------
    b : ndarray (m1, m1)
        B of level 1 with the quadrature slopes' values in it.
    inverse, logdets : ndarray (R, p, p), (R,)
        Inverse of each pattern's block of Sigma, padded with zeros, and log-determinant.
    obs, x_at : ndarray of int
        Places of the modelled variables and of the covariates given among level 1's variables.
    c_index, c_kind, c_col : ndarray (q,) of int
        Of each eta: modelled variable (kind 0, an intercept) or outcome's place (kind 1, a slope); its column of f.
    values : ndarray (r + p,)
        The quadrature slopes' values, then B alpha of the modelled variables.
    spots : ndarray (r, 2) of int
        (outcome, predictor) place of each quadrature slope.
    observed_kind : ndarray (r,) of int
        The modelled variable whose intercept the slope acts on too, or -1.
    m, v : ndarray (q,), (q, q)
    start, stop : int
        The cluster's cells.
    limit : float
        Largest value of which the derivatives are wanted: of none if -inf, of every one if inf.
    g_sigma, g_b : ndarray (p, p), (m1, m1)
        Derivatives with respect to Sigma, and to B through C0 and c.
    g_intercept : ndarray (p,)
        With respect to B alpha: the first column of C0.
    g_m, g_v, g_values : ndarray (q,), (q, q), (r,)
    """
    p, d, q = obs.shape[0], f.shape[1], m.shape[0]
    r = spots.shape[0]
    c0, c = np.zeros((p, d)), np.zeros((q, p))
    for i in range(p):
        c0[i, 0] = values[r + i]
        for k in range(x_at.shape[0]):
            c0[i, 1 + k] = b[obs[i], x_at[k]]
    for k in range(q):
        if c_kind[k] == 0:
            c[k, c_index[k]] = 1.0
            for s in range(r):
                if observed_kind[s] == c_index[k]:
                    for i in range(p):
                        c[k, i] += values[s] * b[obs[i], spots[s, 0]]
        else:
            for i in range(p):
                c[k, i] = b[obs[i], c_index[k]]
    for k in range(q):
        for i in range(p):
            c0[i, c_col[k]] += m[k] * c[k, i]
    value = 0.0
    ell, quad = np.zeros(q), np.zeros((q, q))
    residual, spread, sc = np.empty((p, d)), np.empty((p, p)), np.empty((q, p))
    for cell in range(start, stop):
        s_inverse, n = inverse[cell_pattern[cell]], cell_n[cell]
        value += n * logdets[cell_pattern[cell]]
        left_over(c0, f[cell], g[cell], h[cell], residual, spread)
        for i in range(p):
            for j in range(p):
                value += s_inverse[i, j] * spread[i, j]
        multiply(c, s_inverse, sc)
        for k in range(q):
            for i in range(p):
                ell[k] += sc[k, i] * residual[i, c_col[k]]
        for k in range(q):
            for j in range(k + 1):
                total = 0.0
                for i in range(p):
                    total += sc[k, i] * c[j, i]
                total *= f[cell, c_col[k], c_col[j]]
                quad[k, j] += total
                if j != k:
                    quad[j, k] += total
    root, work, middle = np.empty((q, q)), np.empty((q, q)), np.empty((q, q))
    if not semidefinite_root(quad, root):
        return np.inf
    multiply(v, root, work)
    multiply_left_transposed(root, work, middle)
    for k in range(q):
        for j in range(k):
            middle[k, j] = middle[j, k] = 0.5 * (middle[k, j] + middle[j, k])
        middle[k, k] += 1.0
    middle_inverse = np.empty((q, q))
    logdet = invert_definite(middle, middle_inverse)
    if np.isnan(logdet):
        return np.inf
    value += logdet
    u, rho, eta = np.empty((q, q)), np.empty(q), np.empty(q)
    multiply(root, middle_inverse, work)
    for k in range(q):
        for j in range(q):
            total = 0.0
            for i in range(q):
                total += work[k, i] * root[j, i]
            u[k, j] = total
    vl = np.zeros(q)
    for k in range(q):
        for j in range(q):
            vl[k] += v[k, j] * ell[j]
    for k in range(q):
        rho[k] = ell[k]
        for j in range(q):
            rho[k] -= u[k, j] * vl[j]
    for k in range(q):
        eta[k] = 0.0
        for j in range(q):
            eta[k] += v[k, j] * rho[j]
    for k in range(q):
        value -= ell[k] * eta[k]
    if not value <= limit:
        return value

    posterior = np.empty((q, q))
    multiply(v, u, work)
    multiply(work, v, posterior)
    for k in range(q):
        for j in range(q):
            posterior[k, j] = v[k, j] - posterior[k, j]
        g_m[k] += -2.0 * rho[k]
        for j in range(q):
            g_v[k, j] += u[k, j] - rho[k] * rho[j]
    for k in range(q):
        for i in range(p):
            c0[i, c_col[k]] += eta[k] * c[k, i]
    g_c0, g_c, dmat = np.zeros((p, d)), np.zeros((q, p)), np.empty((p, d))
    left = np.empty((p, p))
    for cell in range(start, stop):
        s_inverse, n = inverse[cell_pattern[cell]], cell_n[cell]
        left_over(c0, f[cell], g[cell], h[cell], residual, spread)
        multiply(s_inverse, residual, dmat)
        for i in range(p):
            for j in range(p):
                for k in range(q):
                    for o in range(q):
                        spread[i, j] += posterior[k, o] * f[cell, c_col[k], c_col[o]] * c[k, i] * c[o, j]
        multiply(s_inverse, spread, left)
        multiply(left, s_inverse, spread)
        for i in range(p):
            for j in range(p):
                g_sigma[i, j] += n * s_inverse[i, j] - spread[i, j]
            for j in range(d):
                g_c0[i, j] -= 2.0 * dmat[i, j]
        multiply(c, s_inverse, sc)
        for k in range(q):
            for i in range(p):
                g_c[k, i] -= 2.0 * (m[k] + eta[k]) * dmat[i, c_col[k]]
                for o in range(q):
                    g_c[k, i] += 2.0 * posterior[k, o] * sc[o, i] * f[cell, c_col[o], c_col[k]]
    for i in range(p):
        g_intercept[i] += g_c0[i, 0]
        for k in range(x_at.shape[0]):
            g_b[obs[i], x_at[k]] += g_c0[i, 1 + k]
    for k in range(q):
        if c_kind[k] == 0:
            for s in range(r):
                if observed_kind[s] == c_index[k]:
                    for i in range(p):
                        g_b[obs[i], spots[s, 0]] += values[s] * g_c[k, i]
                        g_values[s] += g_c[k, i] * b[obs[i], spots[s, 0]]
        else:
            for i in range(p):
                g_b[obs[i], c_index[k]] += g_c[k, i]
    return value


@compiled(
    "b1(f8[:,::1], f8[:,::1], f8[::1], i8[::1], f8[::1], i8[:,::1], b1[:,::1], i8[::1],"
    " f8[:,::1], f8[:,::1], f8[:,:,::1], f8[::1], f8[::1])"
)
def level_one(a, psi, alpha, obs, values, spots, patterns, wanted, b, sigma, inverse, logdets, combined):
    """Fill B, B Psi B', the wanted patterns' inverses and log-determinants, and (values, B alpha) at the slopes' values."""
    size, p = a.shape[0], obs.shape[0]
    work = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            work[i, j] = (1.0 if i == j else 0.0) - a[i, j]
    for k in range(spots.shape[0]):
        work[spots[k, 0], spots[k, 1]] -= values[k]
        combined[k] = values[k]
    if not invert_general(work, b):
        return False
    multiply(b, psi, work)
    multiply_right_transposed(work, b, sigma)
    for i in range(p):
        total = 0.0
        for k in range(size):
            total += b[obs[i], k] * alpha[k]
        combined[spots.shape[0] + i] = total
    for s in wanted:
        seen = np.flatnonzero(patterns[s])
        logdets[s] = invert_block(sigma, obs[seen], seen, inverse[s])
        if np.isnan(logdets[s]):
            return False
    return True


@compiled(
    "void(f8[:,::1], f8[:,::1], f8[:,::1], f8[::1], i8[::1], f8[:,::1], f8[:,::1], f8[::1], f8, i8[:,::1],"
    " f8[:,::1], f8[:,::1], f8[::1], f8[::1])"
)
def level_one_pull(
    b, sigma, psi, alpha, obs, g_sigma, g_b, g_intercept, weight, spots, adjoint_a, adjoint_s, adjoint_alpha, g_values
):  # fmt: skip
    """Add `weight` times the derivatives with respect to A, Psi and alpha; those of the slopes' values unweighted."""
    size, p = b.shape[0], obs.shape[0]
    padded, work, own = np.zeros((size, size)), np.empty((size, size)), np.empty((size, size))
    for i in range(p):
        for j in range(p):
            padded[obs[i], obs[j]] = 0.5 * (g_sigma[i, j] + g_sigma[j, i])
    multiply_left_transposed(b, padded, work)  # B' G
    multiply(work, b, own)
    for i in range(size):
        for j in range(size):
            adjoint_s[i, j] += weight * own[i, j]
    multiply(work, sigma, own)
    through = g_b.copy()
    for i in range(p):
        for j in range(size):
            through[obs[i], j] += g_intercept[i] * alpha[j]
            adjoint_alpha[j] += weight * g_intercept[i] * b[obs[i], j]
    multiply_left_transposed(b, through, work)
    for i in range(size):
        for j in range(size):
            total = 2.0 * own[i, j]
            for k in range(size):
                total += work[i, k] * b[j, k]
            padded[i, j] = total
    for i in range(size):
        for j in range(size):
            adjoint_a[i, j] += weight * padded[i, j]
    for k in range(spots.shape[0]):
        g_values[k] += padded[spots[k, 0], spots[k, 1]]
