"""Compiled maximum likelihood of recursive observed two-level path models, one replicate after another.

Notation. ``p`` variables in recursive order, ``b`` of which vary between clusters; ``K`` distinct cluster sizes ``n_k``
with ``c_k`` clusters (a weight, not nec. an integer), sum of cluster means ``s_k`` (p) and of their cross-products
``C_k`` (p, p); pooled within cross-products ``S`` with ``N - J`` degrees of freedom (``J = sum c_k``). All variables
are centred and in units of their total SD.

    W = A D A',  A = (I - B)^-1,  B strictly lower triangular, D = diag(exp(log d))      within covariance matrix
    T = L L'     on the variables that vary between, zero elsewhere                      between covariance matrix
    V_k = W + n_k T,   M_k = n_k sum_j (ybar_j - mu)(ybar_j - mu)'

    2 N f = (N - J) log|W| + tr(W^-1 S) + sum_k [c_k log|V_k| + tr(V_k^-1 M_k)]

is -2 log-likelihood without its constants (McDonald & Goldstein, 1989; Muthen, 1994): the first two terms are those of
a further "size" n = 0 with c = N - J and M = S, and are treated as such throughout. ``mu`` is profiled out by
generalized least squares at every point.

Derivatives. With P = V^-1, Q = P M P, R = Q - c P / 2, the gradient with respect to V is G = (c P - Q) / 2 and the
second derivative in directions X, Y is tr(P X R Y) + tr(R X P Y), a matrix K over the p(p+1)/2 distinct elements of a
symmetric matrix. The sums of G, n G, K, n K, n^2 K over sizes do not depend on how W and T are parameterized; the chain
rule to (B, log d, L) is applied once per point, not per size.

Bounds. T is positive semi-definite by construction. L is lower triangular in the order of a pivoted Cholesky
factorization, renewed at every step; with its leading r x r block regular this is a chart without redundant
directions of the matrices of rank <= r, in which a stationary point with L's trailing columns at zero is a
Karush-Kuhn-Tucker point exactly if the gradient Z with respect to T is positive semi-definite. Columns that run to
zero are dropped ("active face" of rank r) and Z is checked at the end; a negative eigenvalue puts a column back.

Everything runs on one thread without fastmath, so results do not depend on the machine's load or number of cores.
Hand-written Cholesky: matrices here are 3 x 3 to 20 x 20, where a LAPACK call costs more than the factorization.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# verdicts of one replicate
CONVERGED = 0
ITERATION_CAP = 1  # stopped by the cap on iterations
NOT_A_MAXIMUM = 2  # stationary, but the Hessian on the active face is not definite
DEGENERATE = 3  # no start possible, or the within covariance matrix ran to singularity

# where standard errors come from
SE_NONE = 0
SE_INTERIOR = 1  # observed information, maximum inside the bounds
SE_FACE = 2  # observed information on the active face
SE_NOT_DEFINITE = 3

_MIN_LOG_D = -18.0  # residual variance of 1.5e-8 of the total variance: singular for our purposes
_RANK_TOLERANCE = 1e-6  # pivots of T below this, in units of total variance, are candidates for the boundary

_options = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit("boolean(float64[:, ::1], int64)", **_options)
def cholesky(a, n):
    """Lower Cholesky factor in place (upper part untouched); False if not positive definite."""
    for j in range(n):
        s = a[j, j]
        for k in range(j):
            s -= a[j, k] * a[j, k]
        if not s > 1e-14:
            return False
        root = math.sqrt(s)
        a[j, j] = root
        for i in range(j + 1, n):
            t = a[i, j]
            for k in range(j):
                t -= a[i, k] * a[j, k]
            a[i, j] = t / root
    return True


@njit("void(float64[:, ::1], float64[::1], int64)", **_options)
def cholesky_solve(a, x, n):
    """Solve with the factor of `cholesky`; x is overwritten."""
    for i in range(n):
        s = x[i]
        for k in range(i):
            s -= a[i, k] * x[k]
        x[i] = s / a[i, i]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, n):
            s -= a[k, i] * x[k]
        x[i] = s / a[i, i]


@njit("float64(float64[:, ::1], float64[:, ::1], int64)", **_options)
def cholesky_inverse(a, out, n):
    """Inverse from the factor of `cholesky` (destroyed) into out; returns the log-determinant."""
    logdet = 0.0
    for j in range(n):  # invert the factor in place
        logdet += math.log(a[j, j])
        a[j, j] = 1.0 / a[j, j]
        for i in range(j + 1, n):
            s = 0.0
            for k in range(j, i):
                s -= a[i, k] * a[k, j]
            a[i, j] = s / a[i, i]
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(i, n):
                s += a[k, i] * a[k, j]
            out[i, j] = s
            out[j, i] = s
    return 2.0 * logdet


@njit("void(float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1])", **_options)
def within_matrix(coef, logd, inverse, w):
    """A = (I - B)^-1 and W = A D A'."""
    p = coef.shape[0]
    for i in range(p):
        for j in range(p):
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


@njit(
    "float64(float64[:, ::1], float64[::1], float64[:, ::1], int64[::1], float64[::1], float64[:, ::1],"
    "float64[:, :, ::1], float64[:, ::1], float64, float64, float64[::1], float64[:, ::1], float64[:, ::1],"
    "float64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[::1])",
    **_options,
)
def objective(coef, logd, t, sizes, count, s, c, ssp, df, total, mu, inverse, w, precision, v, h_mu, rhs):
    """f at (coef, logd, t); leaves mu, A, W, the precision matrices (last: W's) and the factor of mu's information.

    Returns inf where a matrix is not positive definite.
    """
    p = coef.shape[0]
    k_sizes = sizes.shape[0]
    within_matrix(coef, logd, inverse, w)
    value = 0.0
    for i in range(p):
        rhs[i] = 0.0
        for j in range(p):
            h_mu[i, j] = 0.0
    for k in range(k_sizes):
        if count[k] == 0.0:
            continue
        n = float(sizes[k])
        for i in range(p):
            for j in range(i + 1):
                v[i, j] = w[i, j] + n * t[i, j]
        if not cholesky(v, p):
            return math.inf
        value += count[k] * cholesky_inverse(v, precision[k], p)
        nc = n * count[k]
        for i in range(p):
            r = 0.0
            for j in range(p):
                r += precision[k, i, j] * s[k, j]
            rhs[i] += n * r
            for j in range(i + 1):
                h_mu[i, j] += nc * precision[k, i, j]
    if not cholesky(h_mu, p):
        return math.inf
    for i in range(p):
        mu[i] = rhs[i]
    cholesky_solve(h_mu, mu, p)
    # sum_k tr(P M) = sum_k n tr(P C) - mu' rhs, as mu solves the normal equations
    for k in range(k_sizes):
        if count[k] == 0.0:
            continue
        trace = 0.0
        for i in range(p):
            trace += precision[k, i, i] * c[k, i, i]
            for j in range(i):
                trace += 2.0 * precision[k, i, j] * c[k, i, j]
        value += sizes[k] * trace
    for i in range(p):
        value -= mu[i] * rhs[i]
    # W^-1 = (I - B)' D^-1 (I - B)
    last = precision[k_sizes]
    for i in range(p):
        value += df * logd[i]
        for j in range(i + 1):
            total_ij = 0.0
            for k in range(i, p):
                left = 1.0 if k == i else -coef[k, i]
                right = 1.0 if k == j else -coef[k, j]
                total_ij += left * right * math.exp(-logd[k])
            last[i, j] = total_ij
            last[j, i] = total_ij
    for i in range(p):
        value += last[i, i] * ssp[i, i]
        for j in range(i):
            value += 2.0 * last[i, j] * ssp[i, j]
    value *= 0.5 / total
    if not value < math.inf:  # also catches nan
        return math.inf
    return value


@njit(
    "void(int64[::1], float64[::1], float64[:, ::1], float64[:, :, ::1], float64[:, ::1], float64, float64,"
    "float64[::1], float64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, :, ::1],"
    "float64[:, :, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])",
    **_options,
)
def matrix_derivatives(
    sizes, count, s, c, ssp, df, total, mu, precision, g_w, g_t, kk, h_mean, m, q, r, work
):
    """Gradients with respect to W and T, second derivatives, and mixed ones with mu, over all sizes.

    kk[0], kk[1], kk[2]: second derivatives WW, WT, TT over the distinct elements (i >= j, row by row); h_mean[0],
    h_mean[1]: mixed derivatives of W and T with mu. All per client.
    """
    p = mu.shape[0]
    k_sizes = sizes.shape[0]
    n_elements = p * (p + 1) // 2
    for i in range(p):
        for j in range(p):
            g_w[i, j] = 0.0
            g_t[i, j] = 0.0
    for a in range(n_elements):
        for b in range(a + 1):
            kk[0, a, b] = 0.0
        for b in range(n_elements):
            kk[1, a, b] = 0.0
            kk[2, a, b] = 0.0
        for i in range(p):
            h_mean[0, a, i] = 0.0
            h_mean[1, a, i] = 0.0
    for k in range(k_sizes + 1):
        pooled = k == k_sizes
        if pooled:
            n = 0.0
            weight = df
            for i in range(p):
                for j in range(i + 1):
                    m[i, j] = ssp[i, j]
        else:
            weight = count[k]
            if weight == 0.0:
                continue
            n = float(sizes[k])
            for i in range(p):
                for j in range(i + 1):
                    m[i, j] = n * (c[k, i, j] - s[k, i] * mu[j] - mu[i] * s[k, j] + weight * mu[i] * mu[j])
        for i in range(p):
            for j in range(i):
                m[j, i] = m[i, j]
        pk = precision[k]
        for i in range(p):  # work = P M, q = P M P
            for j in range(p):
                x = 0.0
                for l in range(p):
                    x += pk[i, l] * m[l, j]
                work[i, j] = x
        for i in range(p):
            for j in range(i + 1):
                x = 0.0
                for l in range(p):
                    x += work[i, l] * pk[l, j]
                g = 0.5 * (weight * pk[i, j] - x) / total
                y = (x - 0.5 * weight * pk[i, j]) / total
                r[i, j] = y
                r[j, i] = y
                g_w[i, j] += g
                g_t[i, j] += n * g
        if not pooled:
            for i in range(p):  # q[0] = P (s - c mu), n / N times
                x = 0.0
                for l in range(p):
                    x += pk[i, l] * (s[k, l] - weight * mu[l])
                q[0, i] = x * n / total
        a = 0
        for i in range(p):
            for j in range(i + 1):
                m_a = 0.5 if i == j else 1.0
                b = 0
                for u in range(i + 1):
                    p_iu = m_a * pk[i, u]
                    p_ju = m_a * pk[j, u]
                    r_iu = m_a * r[i, u]
                    r_ju = m_a * r[j, u]
                    stop = j + 1 if u == i else u + 1
                    for w in range(stop):
                        x = p_iu * r[j, w] + r[i, w] * p_ju + r_iu * pk[j, w] + pk[i, w] * r_ju
                        if u == w:
                            x *= 0.5
                        kk[0, a, b] += x
                        if not pooled:
                            kk[1, a, b] += n * x
                            kk[2, a, b] += n * n * x
                        b += 1
                if not pooled:
                    for l in range(p):
                        x = m_a * (q[0, i] * pk[j, l] + q[0, j] * pk[i, l])
                        h_mean[0, a, l] += x
                        h_mean[1, a, l] += n * x
                a += 1
    for a in range(n_elements):
        for b in range(a):
            kk[0, b, a] = kk[0, a, b]
            kk[1, b, a] = kk[1, a, b]
            kk[2, b, a] = kk[2, a, b]
    for i in range(p):
        for j in range(i):
            g_w[j, i] = g_w[i, j]
            g_t[j, i] = g_t[i, j]


@njit("int64(float64[:, ::1], int64[::1], float64[:, ::1], int64[::1], float64[::1])", **_options)
def pivoted_factor(t, members, factor, order, pivots):
    """Pivoted Cholesky factor of T over its members: columns in order of pivots, rows are variables."""
    size = members.shape[0]
    p = t.shape[0]
    for a in range(size):
        order[a] = members[a]
        for i in range(p):
            factor[i, a] = 0.0
    for col in range(size):
        best = -1.0
        at = col
        for a in range(col, size):
            i = order[a]
            rest = t[i, i]
            for k in range(col):
                rest -= factor[i, k] * factor[i, k]
            if rest > best:
                best = rest
                at = a
        i = order[at]
        order[at] = order[col]
        order[col] = i
        if not best > 0.0:
            for a in range(col, size):
                pivots[a] = 0.0
            return col
        pivots[col] = best
        root = math.sqrt(best)
        factor[i, col] = root
        for a in range(col + 1, size):
            j = order[a]
            x = t[j, i]
            for k in range(col):
                x -= factor[j, k] * factor[i, k]
            factor[j, col] = x / root
    return size


@njit("void(float64[:, ::1], int64[::1], int64, float64[:, ::1])", **_options)
def product(factor, members, rank, t):
    """T = L L' with the first `rank` columns of L."""
    for a in members:
        for b in members:
            x = 0.0
            for k in range(rank):
                x += factor[a, k] * factor[b, k]
            t[a, b] = x


@njit(
    "void(float64[:, ::1], int64[:, ::1], float64[::1], float64[::1], float64[:, ::1])",
    **_options,
)
def moment_start(ssp, free, logd, scratch, coef):
    """Recursive regressions on the pooled within cross-products; logd gets log residual sums of squares."""
    p = ssp.shape[0]
    normal = np.empty((p, p))
    parents = np.empty(p, np.int64)
    for i in range(p):
        m = 0
        for j in range(i):
            coef[i, j] = 0.0
            if free[i, j]:
                parents[m] = j
                m += 1
        rest = ssp[i, i]
        if m:
            for a in range(m):
                scratch[a] = ssp[parents[a], i]
                for b in range(m):
                    normal[a, b] = ssp[parents[a], parents[b]]
            if cholesky(normal, m):
                cholesky_solve(normal, scratch, m)
                for a in range(m):
                    coef[i, parents[a]] = scratch[a]
                    rest -= scratch[a] * ssp[parents[a], i]
        logd[i] = math.log(rest) if rest > 0.0 else -math.inf


@njit(
    "void(float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], int64[:, ::1], int64,"
    "int64, int64, float64, float64[:, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1],"
    "float64[:, ::1], float64[::1], float64[:, ::1], float64[:, ::1], float64[:, ::1], float64[:, ::1])",
    **_options,
)
def chain_rule(
    inverse,
    logd,
    w,
    factor,
    h_mu,
    entries,
    n_coef,
    n_within,
    n_par,
    total,
    g_w,
    g_t,
    kk,
    h_mean,
    jac,
    g,
    h,
    u,
    aga,
    work,
):
    """Gradient g and Hessian h of f with respect to (free B, log d, entries of L).

    `entries` holds (i, j) of B_ij for the first n_coef parameters, (k, k) of log d_k, then (row, column) of L.
    """
    p = inverse.shape[0]
    n_elements = p * (p + 1) // 2
    # u = W G A, aga = A' G A
    for i in range(p):
        for j in range(p):
            x = 0.0
            for l in range(j, p):
                x += g_w[i, l] * inverse[l, j]
            work[i, j] = x
    for i in range(p):
        for j in range(p):
            x = 0.0
            for l in range(p):
                x += w[i, l] * work[l, j]
            u[i, j] = x
            x = 0.0
            for l in range(i, p):
                x += inverse[l, i] * work[l, j]
            aga[i, j] = x
    for a in range(n_par):
        i = entries[a, 0]
        j = entries[a, 1]
        e = 0
        if a < n_coef:
            g[a] = 2.0 * u[j, i]
            for k in range(p):
                for l in range(k + 1):
                    jac[a, e] = inverse[k, i] * w[l, j] + w[k, j] * inverse[l, i]
                    e += 1
        elif a < n_within:
            d = math.exp(logd[i])
            g[a] = d * aga[i, i]
            for k in range(p):
                for l in range(k + 1):
                    jac[a, e] = d * inverse[k, i] * inverse[l, i]
                    e += 1
        else:
            x = 0.0
            for k in range(p):
                x += g_t[i, k] * factor[k, j]
            g[a] = 2.0 * x
            for e in range(n_elements):
                jac[a, e] = 0.0
            for k in range(p):
                e = i * (i + 1) // 2 + k if k <= i else k * (k + 1) // 2 + i
                jac[a, e] += factor[k, j] if k != i else 2.0 * factor[i, j]
    # h = J K J'
    for a in range(n_par):
        within = a < n_within
        for which in range(2):
            if within:
                source = kk[which]
                first = 0 if which == 0 else n_within
                last = min(a + 1, n_within) if which == 0 else n_par
            else:
                if which == 0:
                    continue
                source = kk[2]
                first = n_within
                last = a + 1
            for e in range(n_elements):
                work[0, e] = 0.0
            for f in range(n_elements):
                x = jac[a, f]
                if x != 0.0:
                    for e in range(n_elements):
                        work[0, e] += x * source[f, e]
            for b in range(first, last):
                x = 0.0
                for e in range(n_elements):
                    x += work[0, e] * jac[b, e]
                if b <= a:
                    h[a, b] = x
                else:
                    h[b, a] = x
    # curvature of W in (B, log d)
    for a in range(n_within):
        i = entries[a, 0]
        j = entries[a, 1]
        for b in range(a + 1):
            k = entries[b, 0]
            l = entries[b, 1]
            if a < n_coef:
                x = u[j, k] * inverse[l, i] + u[l, i] * inverse[j, k] + aga[k, i] * w[j, l]
                h[a, b] += 2.0 * x
            elif b < n_coef:
                h[a, b] += 2.0 * math.exp(logd[i]) * inverse[l, i] * aga[k, i]
            elif a == b:
                h[a, a] += math.exp(logd[i]) * aga[i, i]
    # curvature of T in L
    for a in range(n_within, n_par):
        for b in range(n_within, a + 1):
            if entries[a, 1] == entries[b, 1]:
                h[a, b] += 2.0 * g_t[entries[a, 0], entries[b, 0]]
    # mu profiled out
    for a in range(n_par):
        which = 0 if a < n_within else 1
        for l in range(p):
            x = 0.0
            for e in range(n_elements):
                x += jac[a, e] * h_mean[which, e, l]
            for k in range(l):
                x -= h_mu[l, k] * work[a, k]
            work[a, l] = x / h_mu[l, l]
    for a in range(n_par):
        for b in range(a + 1):
            x = 0.0
            for l in range(p):
                x += work[a, l] * work[b, l]
            h[a, b] -= total * x


@njit("boolean(float64[:, ::1], int64[::1], float64, float64[:, ::1])", **_options)
def nonnegative(z, members, tolerance, work):
    """Whether Z + tolerance I is positive definite on the variables that vary between clusters."""
    size = members.shape[0]
    for a in range(size):
        for b in range(a + 1):
            work[a, b] = z[members[a], members[b]]
        work[a, a] += tolerance
    return cholesky(work, size)


@njit(
    "void(int64[::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, :, ::1], float64[:, :, ::1], float64[::1],"
    "int64[:, ::1], int64[::1], float64[:, :, ::1], float64[:, ::1], float64[:, :, ::1], int64, float64, float64,"
    "int64, boolean, float64[::1], float64[:, :, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1],"
    "float64[:, ::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[:, :, ::1], int64[::1])",
    **_options,
)
def fit_replicates(
    sizes,
    count,
    sums,
    cross,
    ssp,
    df,
    free,
    members,
    start_coef,
    start_logd,
    start_t,
    n_start,
    floor,
    tolerance,
    max_iterations,
    want_vcov,
    out_value,
    out_coef,
    out_logd,
    out_w,
    out_t,
    out_mu,
    out_rank,
    out_status,
    out_iterations,
    out_gradient,
    out_vcov,
    out_se,
):
    """Fit every replicate; see `twolevel.batch.fit` for what comes out. Starts: none, one, or one per replicate."""
    replicates, k_sizes = count.shape
    p = ssp.shape[1]
    n_between = members.shape[0]
    n_elements = p * (p + 1) // 2
    max_par = n_elements + n_between * (n_between + 1) // 2
    wide = max(max_par, n_elements)

    coef = np.zeros((p, p))
    logd = np.empty(p)
    t = np.zeros((p, p))
    new_coef = np.zeros((p, p))
    new_logd = np.empty(p)
    new_t = np.zeros((p, p))
    mu = np.empty(p)
    inverse = np.empty((p, p))
    w = np.empty((p, p))
    precision = np.empty((k_sizes + 1, p, p))
    v = np.empty((p, p))
    h_mu = np.empty((p, p))
    rhs = np.empty(p)
    g_w = np.empty((p, p))
    g_t = np.empty((p, p))
    kk = np.empty((3, n_elements, n_elements))
    h_mean = np.empty((2, n_elements, p))
    m = np.empty((p, p))
    q = np.empty((p, p))
    rr = np.empty((p, p))
    u = np.empty((p, p))
    aga = np.empty((p, p))
    work = np.empty((wide, wide))
    jac = np.empty((max_par, n_elements))
    g = np.empty(max_par)
    h = np.empty((max_par, max_par))
    damped = np.empty((max_par, max_par))
    step = np.empty(max_par)
    factor = np.zeros((p, p))
    order = np.empty(p, np.int64)
    pivots = np.empty(p)
    entries = np.empty((max_par, 2), np.int64)

    n_coef = 0
    for i in range(p):
        for j in range(i):
            if free[i, j]:
                entries[n_coef, 0] = i
                entries[n_coef, 1] = j
                n_coef += 1
    n_within = n_coef + p
    for i in range(p):
        entries[n_coef + i, 0] = i
        entries[n_coef + i, 1] = i

    for rep in range(replicates):
        cnt = count[rep]
        s = sums[rep]
        c = cross[rep]
        within = ssp[rep]
        n_df = df[rep]
        total = n_df
        clusters = 0.0
        distinct = 0
        for k in range(k_sizes):
            total += cnt[k]
            clusters += cnt[k]
            if cnt[k] > 0.0:
                distinct += 1
        status = DEGENERATE
        iterations = 0
        pg = math.inf
        value = math.inf
        rank = n_between
        usable = n_df > 0.0 and clusters > 1.0
        for attempt in range(2):
            if not usable or (attempt == 0 and n_start == 0):
                continue
            # ---- start
            if attempt == 0:
                at = rep if n_start > 1 else 0
                for i in range(p):
                    logd[i] = start_logd[at, i]
                    for j in range(p):
                        coef[i, j] = start_coef[at, i, j]
                        t[i, j] = start_t[at, i, j]
                for i in members:
                    t[i, i] += floor
            else:
                moment_start(within, free, logd, rhs, coef)
                for i in range(p):
                    logd[i] -= math.log(n_df)
                    for j in range(p):
                        t[i, j] = 0.0
                for i in members:
                    t[i, i] = 0.1
            status = DEGENERATE
            value = math.inf
            singular = False
            for i in range(p):
                if not logd[i] > _MIN_LOG_D:
                    singular = True
            if not singular:
                value = objective(
                    coef,
                    logd,
                    t,
                    sizes,
                    cnt,
                    s,
                    c,
                    within,
                    n_df,
                    total,
                    mu,
                    inverse,
                    w,
                    precision,
                    v,
                    h_mu,
                    rhs,
                )
            if value == math.inf:
                continue
            rank = n_between
            lam = 0.0
            kicks = 0
            snap_below = _RANK_TOLERANCE
            status = ITERATION_CAP
            fresh = True
            n_par = 0
            for _iteration in range(max_iterations):
                iterations += 1
                if fresh:
                    pivoted_factor(t, members, factor, order, pivots)
                    # ---- columns of L that run to zero are dropped: the active face
                    keep = rank
                    while keep > 0 and pivots[keep - 1] < snap_below:
                        keep -= 1
                    if keep < rank:
                        rank = keep
                        product(factor, members, rank, new_t)
                        f_new = objective(
                            coef, logd, new_t, sizes, cnt, s, c, within, n_df, total,
                            mu, inverse, w, precision, v, h_mu, rhs,
                        )  # fmt: skip
                        for a in members:
                            for b in members:
                                t[a, b] = new_t[a, b]
                        value = f_new
                        continue
                    matrix_derivatives(
                        sizes, cnt, s, c, within, n_df, total, mu, precision, g_w, g_t,
                        kk, h_mean, m, q, rr, work,
                    )  # fmt: skip
                    n_par = n_within
                    for b in range(rank):
                        for a in range(b, n_between):
                            entries[n_par, 0] = order[a]
                            entries[n_par, 1] = b
                            n_par += 1
                    chain_rule(
                        inverse, logd, w, factor, h_mu, entries, n_coef, n_within, n_par, total,
                        g_w, g_t, kk, h_mean, jac, g, h, u, aga, work,
                    )  # fmt: skip
                    pg = 0.0
                    for a in range(n_par):
                        pg = max(pg, abs(g[a]))
                    if pg <= tolerance:
                        if not nonnegative(g_t, members, tolerance, v):
                            # the likelihood rises if T grows in this direction: put a column back
                            kicks += 1
                            if kicks > 10:
                                status = NOT_A_MAXIMUM
                                break
                            z = np.empty((n_between, n_between))
                            for a in range(n_between):
                                for b in range(n_between):
                                    z[a, b] = g_t[members[a], members[b]]
                            values, vectors = np.linalg.eigh(z)
                            for a in range(n_between):
                                for b in range(n_between):
                                    t[members[a], members[b]] += 0.01 * vectors[a, 0] * vectors[b, 0]
                            rank = n_between
                            snap_below = 1e-10
                            value = objective(
                                coef, logd, t, sizes, cnt, s, c, within, n_df, total,
                                mu, inverse, w, precision, v, h_mu, rhs,
                            )  # fmt: skip
                            continue
                        for a in range(n_par):
                            for b in range(a + 1):
                                damped[a, b] = h[a, b]
                        if cholesky(damped, n_par):
                            status = CONVERGED
                            break
                        if rank > 0 and pivots[rank - 1] < 1e-4 and snap_below < 1e-4:
                            snap_below = 1e-4
                            continue
                        status = NOT_A_MAXIMUM
                        break
                # ---- damped Newton step
                while True:
                    for a in range(n_par):
                        for b in range(a + 1):
                            damped[a, b] = h[a, b]
                        damped[a, a] += lam
                        step[a] = -g[a]
                    if cholesky(damped, n_par):
                        break
                    lam = max(4.0 * lam, 0.003)
                cholesky_solve(damped, step, n_par)
                longest = 0.0
                slope = 0.0
                for a in range(n_par):
                    longest = max(longest, abs(step[a]))
                shrink = min(1.0, 1.0 / longest) if longest > 0.0 else 1.0
                for a in range(n_par):
                    step[a] *= shrink
                    slope += g[a] * step[a]
                for i in range(p):
                    new_logd[i] = logd[i] + step[n_coef + i]
                    for j in range(i):
                        new_coef[i, j] = coef[i, j]
                for a in range(n_coef):
                    new_coef[entries[a, 0], entries[a, 1]] += step[a]
                for a in range(n_within, n_par):
                    factor[entries[a, 0], entries[a, 1]] += step[a]
                product(factor, members, rank, new_t)
                f_new = objective(
                    new_coef, new_logd, new_t, sizes, cnt, s, c, within, n_df, total,
                    mu, inverse, w, precision, v, h_mu, rhs,
                )  # fmt: skip
                if f_new <= value + 1e-4 * slope + 1e-13:
                    value = f_new
                    for i in range(p):
                        logd[i] = new_logd[i]
                        for j in range(p):
                            coef[i, j] = new_coef[i, j]
                            t[i, j] = new_t[i, j]
                        if logd[i] < _MIN_LOG_D:
                            singular = True
                    if singular:
                        status = DEGENERATE
                        break
                    lam = lam * 0.1 if lam > 1e-5 else 0.0
                    fresh = True
                else:
                    for a in range(n_within, n_par):
                        factor[entries[a, 0], entries[a, 1]] -= step[a]
                    lam = max(8.0 * lam, 0.01)
                    fresh = False
                    if lam > 1e8:
                        status = NOT_A_MAXIMUM
                        break
            if status == CONVERGED:
                break
        # ---- result
        out_value[rep] = value
        out_rank[rep] = rank
        out_status[rep] = status
        out_iterations[rep] = iterations
        out_gradient[rep] = pg
        out_se[rep] = SE_NONE
        for i in range(p):
            out_logd[rep, i] = logd[i]
            out_mu[rep, i] = mu[i]
            for j in range(p):
                out_coef[rep, i, j] = coef[i, j]
                out_w[rep, i, j] = w[i, j]
                out_t[rep, i, j] = t[i, j]
        if want_vcov:
            if status == CONVERGED:  # `damped` holds the factor of the Hessian on the face
                out_se[rep] = SE_INTERIOR if rank == n_between else SE_FACE
                for a in range(n_coef):
                    for b in range(n_par):
                        step[b] = 1.0 if a == b else 0.0
                    cholesky_solve(damped, step, n_par)
                    for b in range(n_coef):
                        out_vcov[rep, a, b] = step[b] / total
            else:
                out_se[rep] = SE_NOT_DEFINITE
                for a in range(n_coef):
                    for b in range(n_coef):
                        out_vcov[rep, a, b] = math.nan
