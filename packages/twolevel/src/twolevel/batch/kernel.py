"""Compiled likelihood of recursive observed two-level path models: value, gradient, Hessian from sufficient statistics.

Notation. ``p`` variables in recursive order, some of which vary between clusters (``members``); distinct cluster sizes
``n_k`` with ``c_k`` clusters (a sum of weights, not necessarily an integer), sum of cluster means ``s_k`` (p) and of their
cross-products ``C_k`` (p, p); pooled within cross-products ``S`` with ``N - J`` degrees of freedom (``J = sum c_k``).
All variables are centred and in units of their total SD.

    W = A D A',  A = (I - B)^-1,  B strictly lower triangular, D = diag(exp(log d))      within covariance matrix
    T = L L'     on the variables that vary between, zero elsewhere                      between covariance matrix
    V_k = W + n_k T,   M_k = n_k sum_j (ybar_j - mu)(ybar_j - mu)'

    2 N f = (N - J) log|W| + tr(W^-1 S) + sum_k [c_k log|V_k| + tr(V_k^-1 M_k)]

is -2 log-likelihood without its constants (McDonald & Goldstein, 1989; Muthén, 1994): the first two terms are those of
a further "size" n = 0 with c = N - J and M = S, and are treated as such throughout. ``mu`` is profiled out by
generalized least squares at every point.

Derivatives. With P = V^-1, Q = P M P, R = Q - c P / 2, the gradient with respect to V is G = (c P - Q) / 2 and the
second derivative in directions X, Y is [tr(P X R Y) + tr(R X P Y)] / 2, a matrix K over the p(p+1)/2 distinct elements of
a symmetric matrix. The sums of G, n G, K, n K, n² K over sizes do not depend on how W and T are parameterized; the chain
rule to (B, log d, L) is applied once per point, not per size.

Everything runs on one thread without fastmath, so results do not depend on the machine's load or number of cores.
Functions here have neither signature nor cache: they are compiled into `twolevel.batch.newton.fit_replicates`, which has both.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..linalg import OPTIONS, cholesky, cholesky_inverse, cholesky_solve


class Data(NamedTuple):
    """Sufficient statistics of one replicate, and the model."""

    sizes: Any  # (K,) int
    count: Any  # (K,) c_k
    sums: Any  # (K, p) s_k
    cross: Any  # (K, p, p) C_k
    within: Any  # (p, p) S
    df: Any  # N - J
    total: Any  # N
    members: Any  # (b,) positions of the variables that vary between clusters
    entries: Any  # (m, 2) int: positions (i, j) of B_ij, (k, k) of log d_k, then (row, column) of L
    n_coef: Any  # free elements of B
    n_within: Any  # n_coef + p


class Work(NamedTuple):
    """Arrays that are filled and read along the way; sizes of squares are (p, p) unless said otherwise."""

    mu: Any  # (p,)
    inverse: Any  # A
    w: Any  # W
    precision: Any  # (K + 1, p, p) P_k, last that of W
    mean_factor: Any  # Cholesky factor of sum_k n_k c_k P_k
    gradient_w: Any  # of f with respect to W
    gradient_t: Any  # of f with respect to T
    second: Any  # (3, e, e) second derivatives WW, WT, TT over the e = p(p+1)/2 elements i >= j, row by row
    mixed: Any  # (2, e, p) second derivatives of W and T with mu
    jacobian: Any  # (m, e) elements of W or T with respect to parameters
    g: Any  # (m,) gradient
    h: Any  # (m, m) Hessian, lower triangle
    a: Any
    b: Any
    c: Any
    wide: Any  # (max(m, e), max(m, e))


@njit(**OPTIONS)
def workspace(p, k_sizes, parameters):
    """Empty arrays for p variables, so many cluster sizes and parameters."""
    elements = p * (p + 1) // 2
    wide = max(parameters, elements)
    return Work(
        np.empty(p),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((k_sizes + 1, p, p)),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((3, elements, elements)),
        np.empty((2, elements, p)),
        np.empty((parameters, elements)),
        np.empty(parameters),
        np.empty((parameters, parameters)),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((p, p)),
        np.empty((wide, wide)),
    )


@njit(**OPTIONS)
def within_matrices(coef, logd, inverse, w, precision):
    """A = (I - B)^-1, W = A D A' and W^-1 = (I - B)' D^-1 (I - B)."""
    p = coef.shape[0]
    for i in range(p):
        for j in range(i + 1, p):
            inverse[i, j] = 0.0
        inverse[i, i] = 1.0
        for j in range(i):
            s = 0.0
            for k in range(j, i):
                s += coef[i, k] * inverse[k, j]
            inverse[i, j] = s
    for i in range(p):
        for j in range(i + 1):
            s = 0.0
            for k in range(j + 1):
                s += inverse[i, k] * math.exp(logd[k]) * inverse[j, k]
            w[i, j] = s
            w[j, i] = s
            s = 0.0
            for k in range(i, p):
                left = 1.0 if k == i else -coef[k, i]
                right = 1.0 if k == j else -coef[k, j]
                s += left * right * math.exp(-logd[k])
            precision[i, j] = s
            precision[j, i] = s


@njit(**OPTIONS)
def objective(data, coef, logd, t, work):
    """f; leaves mu, A, W, the precision matrices and the factor of mu's information in `work`.

    Returns inf where a matrix is not positive definite.
    """
    sizes, count, sums, cross, within = data.sizes, data.count, data.sums, data.cross, data.within
    mu, w, precision, mean_factor = work.mu, work.w, work.precision, work.mean_factor
    v, rhs = work.a, work.b[0]
    p = coef.shape[0]
    k_sizes = sizes.shape[0]
    pooled = precision[k_sizes]
    within_matrices(coef, logd, work.inverse, w, pooled)
    value = 0.0
    for i in range(p):
        rhs[i] = 0.0
        for j in range(p):
            mean_factor[i, j] = 0.0
    for k in range(k_sizes):
        if count[k] == 0.0:
            continue
        n = float(sizes[k])
        for i in range(p):
            for j in range(i + 1):
                v[i, j] = w[i, j] + n * t[i, j]
        if not cholesky(v, p):
            return math.inf
        pk = precision[k]
        value += count[k] * cholesky_inverse(v, pk, p)
        nc = n * count[k]
        trace = 0.0
        for i in range(p):
            r = 0.0
            for j in range(p):
                r += pk[i, j] * sums[k, j]
            rhs[i] += n * r
            trace += pk[i, i] * cross[k, i, i]
            for j in range(i):
                trace += 2.0 * pk[i, j] * cross[k, i, j]
                mean_factor[i, j] += nc * pk[i, j]
            mean_factor[i, i] += nc * pk[i, i]
        value += n * trace
    if not cholesky(mean_factor, p):
        return math.inf
    for i in range(p):
        mu[i] = rhs[i]
    cholesky_solve(mean_factor, mu, p)
    # sum_k tr(P M) = sum_k n tr(P C) - mu' rhs, as mu solves the normal equations
    for i in range(p):
        value -= mu[i] * rhs[i]
        value += data.df * logd[i]
        value += pooled[i, i] * within[i, i]
        for j in range(i):
            value += 2.0 * pooled[i, j] * within[i, j]
    value *= 0.5 / data.total
    if not value < math.inf:  # also catches nan
        return math.inf
    return value


@njit(**OPTIONS)
def matrix_derivatives(data, work):
    """Derivatives with respect to W, T and mu at the point of the last `objective`: sums over sizes."""
    sizes, count, sums, cross, total = data.sizes, data.count, data.sums, data.cross, data.total
    mu, precision, second, mixed = work.mu, work.precision, work.second, work.mixed
    gradient_w, gradient_t = work.gradient_w, work.gradient_t
    m, r, left, score = work.a, work.b, work.c, work.wide[0]
    p = mu.shape[0]
    k_sizes = sizes.shape[0]
    elements = p * (p + 1) // 2
    for i in range(p):
        for j in range(i + 1):
            gradient_w[i, j] = 0.0
            gradient_t[i, j] = 0.0
    for a in range(elements):
        for b in range(a + 1):
            second[0, a, b] = 0.0
            second[1, a, b] = 0.0
            second[2, a, b] = 0.0
        for i in range(p):
            mixed[0, a, i] = 0.0
            mixed[1, a, i] = 0.0
    for k in range(k_sizes + 1):
        pooled = k == k_sizes
        n = 0.0 if pooled else float(sizes[k])
        weight = data.df if pooled else count[k]
        if weight == 0.0:
            continue
        for i in range(p):
            for j in range(i + 1):
                if pooled:
                    x = data.within[i, j]
                else:
                    x = cross[k, i, j] - sums[k, i] * mu[j] - mu[i] * sums[k, j] + weight * mu[i] * mu[j]
                    x *= n
                m[i, j] = x
                m[j, i] = x
        pk = precision[k]
        for i in range(p):
            for j in range(p):
                x = 0.0
                for o in range(p):
                    x += pk[i, o] * m[o, j]
                left[i, j] = x
        for i in range(p):
            for j in range(i + 1):
                x = 0.0
                for o in range(p):
                    x += left[i, o] * pk[o, j]
                g = 0.5 * (weight * pk[i, j] - x) / total
                y = (x - 0.5 * weight * pk[i, j]) / total
                r[i, j] = y
                r[j, i] = y
                gradient_w[i, j] += g
                gradient_t[i, j] += n * g
        a = 0
        for i in range(p):
            for j in range(i + 1):
                once = 0.5 if i == j else 1.0  # E_ij = e_i e_j' + e_j e_i', on the diagonal e_i e_i'
                b = 0
                for u in range(i + 1):
                    p_iu, p_ju = once * pk[i, u], once * pk[j, u]
                    r_iu, r_ju = once * r[i, u], once * r[j, u]
                    for o in range(j + 1 if u == i else u + 1):
                        x = p_iu * r[j, o] + r[i, o] * p_ju + r_iu * pk[j, o] + pk[i, o] * r_ju
                        if u == o:
                            x *= 0.5
                        second[0, a, b] += x
                        second[1, a, b] += n * x
                        second[2, a, b] += n * n * x
                        b += 1
                a += 1
        if pooled:
            continue
        for i in range(p):  # n P (s - c mu), per client
            x = 0.0
            for o in range(p):
                x += pk[i, o] * (sums[k, o] - weight * mu[o])
            score[i] = x * n / total
        a = 0
        for i in range(p):
            for j in range(i + 1):
                once = 0.5 if i == j else 1.0
                for o in range(p):
                    x = once * (score[i] * pk[j, o] + score[j] * pk[i, o])
                    mixed[0, a, o] += x
                    mixed[1, a, o] += n * x
                a += 1
    for a in range(elements):
        for b in range(a):
            second[0, b, a] = second[0, a, b]
            second[1, b, a] = second[1, a, b]
            second[2, b, a] = second[2, a, b]
    for i in range(p):
        for j in range(i):
            gradient_w[j, i] = gradient_w[i, j]
            gradient_t[j, i] = gradient_t[i, j]


@njit(**OPTIONS)
def chain_rule(data, logd, factor, n_par, work):
    """Gradient `work.g` and Hessian `work.h` of f in the first `n_par` parameters of `data.entries`, mu profiled out."""
    entries, n_coef, n_within = data.entries, data.n_coef, data.n_within
    inverse, w, gradient_w, gradient_t = work.inverse, work.w, work.gradient_w, work.gradient_t
    second, mixed, mean_factor = work.second, work.mixed, work.mean_factor
    jacobian, g, h = work.jacobian, work.g, work.h
    ga, u, aga, scratch = work.a, work.b, work.c, work.wide
    p = inverse.shape[0]
    elements = p * (p + 1) // 2
    for i in range(p):  # G A, then u = W G A and aga = A' G A
        for j in range(p):
            x = 0.0
            for o in range(j, p):
                x += gradient_w[i, o] * inverse[o, j]
            ga[i, j] = x
    for i in range(p):
        for j in range(p):
            x = 0.0
            for o in range(p):
                x += w[i, o] * ga[o, j]
            u[i, j] = x
            x = 0.0
            for o in range(i, p):
                x += inverse[o, i] * ga[o, j]
            aga[i, j] = x
    for a in range(n_par):  # first derivatives
        i = entries[a, 0]
        j = entries[a, 1]
        e = 0
        if a < n_coef:  # dW = a_i w_j' + w_j a_i', columns of A and W
            g[a] = 2.0 * u[j, i]
            for k in range(p):
                for o in range(k + 1):
                    jacobian[a, e] = inverse[k, i] * w[o, j] + w[k, j] * inverse[o, i]
                    e += 1
        elif a < n_within:  # dW = d_i a_i a_i'
            d = math.exp(logd[i])
            g[a] = d * aga[i, i]
            for k in range(p):
                for o in range(k + 1):
                    jacobian[a, e] = d * inverse[k, i] * inverse[o, i]
                    e += 1
        else:  # dT = e_i l_j' + l_j e_i'
            for e in range(elements):
                jacobian[a, e] = 0.0
            x = 0.0
            for k in range(p):
                x += gradient_t[i, k] * factor[k, j]
                e = i * (i + 1) // 2 + k if k <= i else k * (k + 1) // 2 + i
                jacobian[a, e] = factor[k, j] if k != i else 2.0 * factor[i, j]
            g[a] = 2.0 * x
    product = scratch[0]
    for a in range(n_par):  # J K J'
        for block in range(2):  # of this row: columns of the within parameters, columns of L
            if block == 1 and a < n_within:
                continue
            which = (1 if a >= n_within else 0) + block
            first = n_within if block == 1 else 0
            last = min(a + 1, n_within) if block == 0 else a + 1
            for e in range(elements):
                product[e] = 0.0
            for f in range(elements):
                x = jacobian[a, f]
                if x != 0.0:
                    for e in range(elements):
                        product[e] += x * second[which, f, e]
            for b in range(first, last):
                x = 0.0
                for e in range(elements):
                    x += product[e] * jacobian[b, e]
                h[a, b] = x
    for a in range(n_within):  # curvature of W in (B, log d)
        i = entries[a, 0]
        j = entries[a, 1]
        for b in range(a + 1):
            k = entries[b, 0]
            o = entries[b, 1]
            if a < n_coef:
                x = u[j, k] * inverse[o, i] + u[o, i] * inverse[j, k] + aga[k, i] * w[j, o]
                h[a, b] += 2.0 * x
            elif b < n_coef:
                h[a, b] += 2.0 * math.exp(logd[i]) * inverse[o, i] * aga[k, i]
            elif a == b:
                h[a, a] += math.exp(logd[i]) * aga[i, i]
    for a in range(n_within, n_par):  # curvature of T in L
        for b in range(n_within, a + 1):
            if entries[a, 1] == entries[b, 1]:
                h[a, b] += 2.0 * gradient_t[entries[a, 0], entries[b, 0]]
    for a in range(n_par):  # mu profiled out
        which = 0 if a < n_within else 1
        for o in range(p):
            x = 0.0
            for e in range(elements):
                x += jacobian[a, e] * mixed[which, e, o]
            for k in range(o):
                x -= mean_factor[o, k] * scratch[a, k]
            scratch[a, o] = x / mean_factor[o, o]
    for a in range(n_par):
        for b in range(a + 1):
            x = 0.0
            for o in range(p):
                x += scratch[a, o] * scratch[b, o]
            h[a, b] -= data.total * x
