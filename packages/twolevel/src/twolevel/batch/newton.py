"""Newton search of `twolevel.batch.kernel`'s likelihood under T positive semi-definite, replicate by replicate.

Bounds. T is positive semi-definite by construction. L is lower triangular in the order of a pivoted Cholesky
factorization, renewed at every step; with its leading r x r block regular this is a chart without redundant
directions of the matrices of rank <= r, in which a stationary point with L's trailing columns at zero is a
Karush-Kuhn-Tucker point exactly if the gradient Z with respect to T is positive semi-definite. Columns that run to
zero are dropped ("active face" of rank r) and Z is checked at the end; a negative eigenvalue puts a column back.

A step solves (H + lambda I) step = -g, with lambda raised until H + lambda I is positive definite and the likelihood
rises, and lowered again after. A replicate has converged where
- the largest element of the gradient per client is within tolerance,
- Z >= -tolerance, or following its negative direction gains no log-likelihood beyond rounding (1e-11),
- H on the face is positive definite, and
- one more Newton step would gain next to nothing: 1e-7 of log-likelihood at the default tolerance, i.e. estimates within
  5e-4 standard errors.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..compiled import compiled
from ..linalg import OPTIONS, cholesky, cholesky_solve
from .face import add_entries, grow, nonnegative, pivoted_factor, product
from .kernel import Data, chain_rule, matrix_derivatives, objective, workspace

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

MIN_LOG_D = -18.0  # residual variance of 1.5e-8 of the total variance: singular for our purposes
RANK_TOLERANCE = 1e-6  # pivots of T below this, in units of total variance, are candidates for the boundary
MAX_RETURNS = 10  # times that a replicate may leave a face again

SIGNATURE = (
    "void(int64[::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, :, ::1], float64[:, :, ::1], float64[::1],"
    "boolean[:, ::1], int64[::1], float64[:, :, ::1], float64[:, ::1], float64[:, :, ::1], int64, float64, float64,"
    "int64, boolean, float64[::1], float64[:, :, ::1], float64[:, ::1], float64[:, :, ::1], float64[:, :, ::1],"
    "float64[:, ::1], int64[::1], int64[::1], int64[::1], float64[::1], float64[:, :, ::1], int64[::1])"
)


@njit(**OPTIONS)
def moment_start(within, free, df, logd, coef):
    """Recursive regressions on the pooled within cross-products; log residual variance of -inf where there is none."""
    p = within.shape[0]
    normal = np.empty((p, p))
    beta = np.empty(p)
    regressors = np.empty(p, np.int64)
    for i in range(p):
        m = 0
        for j in range(i):
            coef[i, j] = 0.0
            if free[i, j]:
                regressors[m] = j
                m += 1
        for a in range(m):
            beta[a] = within[regressors[a], i]
            for b in range(m):
                normal[a, b] = within[regressors[a], regressors[b]]
        rest = within[i, i]
        if m > 0 and cholesky(normal, m):
            cholesky_solve(normal, beta, m)
            for a in range(m):
                coef[i, regressors[a]] = beta[a]
                rest -= beta[a] * within[regressors[a], i]
        logd[i] = math.log(rest / df) if rest > 0.0 else -math.inf


@njit(**OPTIONS)
def search(data, coef, logd, t, work, factor_h, tolerance, max_iterations):
    """Climb from (coef, logd, t), which are moved; leaves the factor of the Hessian in `factor_h` where converged.

    Returns status, f, rank, iterations, projected gradient, number of parameters on the face.
    """
    members, entries, n_coef, n_within = data.members, data.entries, data.n_coef, data.n_within
    g, h, gradient_t = work.g, work.h, work.gradient_t
    p = coef.shape[0]
    n_between = members.shape[0]
    new_coef, new_logd, new_t = coef.copy(), logd.copy(), t.copy()
    factor = np.zeros((p, p))
    order = np.empty(p, np.int64)
    pivots = np.empty(p)
    step = np.empty(g.shape[0])
    rank = n_between
    lam = 0.0
    returns = 0
    drop_below = RANK_TOLERANCE
    pg = math.inf
    n_par = n_within
    moved = True
    value = objective(data, coef, logd, t, work)
    if value == math.inf:
        return DEGENERATE, value, rank, 0, pg, n_par
    for iteration in range(1, max_iterations + 1):
        if moved:
            pivoted_factor(t, members, factor, order, pivots)
            keep = rank
            while keep > 0 and pivots[keep - 1] < drop_below:
                keep -= 1
            if keep < rank:  # columns of L that run to zero: on to the face
                rank = keep
                product(factor, members, rank, t)
                value = objective(data, coef, logd, t, work)
            matrix_derivatives(data, work)
            n_par = add_entries(members, order, rank, entries, n_within)
            chain_rule(data, logd, factor, n_par, work)
            pg = 0.0
            for a in range(n_par):
                pg = max(pg, abs(g[a]))
            if pg <= tolerance:
                bounded = nonnegative(gradient_t, members, tolerance, work.a)
                if not bounded and rank < n_between:  # the likelihood rises off the face: put a column back
                    new_value = grow(data, coef, logd, t, work, value)
                    returns += 1
                    if data.total * (value - new_value) > 1e-11:
                        if returns > MAX_RETURNS:
                            return NOT_A_MAXIMUM, new_value, rank, iteration, pg, n_par
                        value = new_value
                        rank = n_between
                        drop_below = 1e-10
                        continue
                    product(factor, members, rank, t)  # no rise beyond rounding: stay
                    value = objective(data, coef, logd, t, work)
                    bounded = True
                if bounded:
                    for a in range(n_par):
                        step[a] = -g[a]
                        for b in range(a + 1):
                            factor_h[a, b] = h[a, b]
                    if cholesky(factor_h, n_par):
                        cholesky_solve(factor_h, step, n_par)
                        gain = 0.0  # of log-likelihood, in one more Newton step
                        for a in range(n_par):
                            gain -= 0.5 * data.total * g[a] * step[a]
                        if gain <= 1e3 * tolerance * tolerance:
                            return CONVERGED, value, rank, iteration, pg, n_par
                    elif rank > 0 and pivots[rank - 1] < 1e-4 and drop_below < 1e-4:
                        drop_below = 1e-4
                        continue
                if pg < 1e-4 * tolerance:
                    return NOT_A_MAXIMUM, value, rank, iteration, pg, n_par
        while True:
            for a in range(n_par):
                for b in range(a + 1):
                    factor_h[a, b] = h[a, b]
                factor_h[a, a] += lam
                step[a] = -g[a]
            if cholesky(factor_h, n_par):
                break
            lam = max(4.0 * lam, 0.003)
        cholesky_solve(factor_h, step, n_par)
        longest = 0.0
        slope = 0.0
        for a in range(n_par):
            longest = max(longest, abs(step[a]))
        shrink = 1.0 / longest if longest > 1.0 else 1.0
        for a in range(n_par):
            step[a] *= shrink
            slope += g[a] * step[a]
        for i in range(p):
            new_logd[i] = logd[i] + step[n_coef + i]
        for a in range(n_coef):
            new_coef[entries[a, 0], entries[a, 1]] = coef[entries[a, 0], entries[a, 1]] + step[a]
        for a in range(n_within, n_par):
            factor[entries[a, 0], entries[a, 1]] += step[a]
        product(factor, members, rank, new_t)
        new_value = objective(data, new_coef, new_logd, new_t, work)
        moved = new_value <= value + 1e-4 * slope + 1e-13
        if moved:
            value = new_value
            lam = lam * 0.1 if lam > 1e-5 else 0.0
            for i in range(p):
                logd[i] = new_logd[i]
                if logd[i] < MIN_LOG_D:
                    return DEGENERATE, value, rank, iteration, pg, n_par
                for j in range(p):
                    coef[i, j] = new_coef[i, j]
                    t[i, j] = new_t[i, j]
        else:
            for a in range(n_within, n_par):
                factor[entries[a, 0], entries[a, 1]] -= step[a]
            lam = max(8.0 * lam, 0.01)
            if lam > 1e8:
                return NOT_A_MAXIMUM, value, rank, iteration, pg, n_par
    return ITERATION_CAP, value, rank, max_iterations, pg, n_par


@compiled(SIGNATURE, **OPTIONS)
def fit_replicates(
    sizes, count, sums, cross, within, df, free, members, start_coef, start_logd, start_t, n_start, floor, tolerance,
    max_iterations, want_vcov, out_value, out_coef, out_logd, out_w, out_t, out_mu, out_rank, out_status,
    out_iterations, out_gradient, out_vcov, out_se,
):  # fmt: skip
    """Fit every replicate, from the given start (one, one per replicate, or none) and else from moments."""
    replicates, k_sizes = count.shape
    p = within.shape[1]
    n_between = members.shape[0]
    parameters = p * (p + 1) // 2 + n_between * (n_between + 1) // 2
    work = workspace(p, k_sizes, parameters)
    factor_h = np.empty((parameters, parameters))
    column = np.empty(parameters)
    entries = np.empty((parameters, 2), np.int64)
    coef, logd, t = np.zeros((p, p)), np.empty(p), np.zeros((p, p))
    n_coef = 0
    for i in range(p):
        for j in range(i):
            if free[i, j]:
                entries[n_coef, 0] = i
                entries[n_coef, 1] = j
                n_coef += 1
    for i in range(p):
        entries[n_coef + i, 0] = i
        entries[n_coef + i, 1] = i
    for rep in range(replicates):
        clusters = 0.0
        for k in range(k_sizes):
            clusters += count[rep, k]
        data = Data(
            sizes, count[rep], sums[rep], cross[rep], within[rep], df[rep], df[rep] + clusters,
            members, entries, n_coef, n_coef + p,
        )  # fmt: skip
        status, value, rank, iterations, pg, n_par = DEGENERATE, math.inf, n_between, 0, math.inf, 0
        for attempt in range(2):
            if (attempt == 0 and n_start == 0) or not (df[rep] > 0.0 and clusters > 1.0):
                continue
            at = rep if n_start > 1 else 0
            if attempt == 1:
                moment_start(within[rep], free, df[rep], logd, coef)
            for i in range(p):
                if attempt == 0:
                    logd[i] = start_logd[at, i]
                for j in range(p):
                    t[i, j] = start_t[at, i, j] if attempt == 0 else 0.0
                    if attempt == 0:
                        coef[i, j] = start_coef[at, i, j]
            usable = True
            for i in range(p):
                usable = usable and logd[i] > MIN_LOG_D
            if not usable:
                continue
            for i in members:
                t[i, i] += floor if attempt == 0 else 0.1
            status, value, rank, used, pg, n_par = search(
                data, coef, logd, t, work, factor_h, tolerance, max_iterations
            )
            iterations += used
            if status == CONVERGED:
                break
        out_value[rep] = value
        out_rank[rep] = rank
        out_status[rep] = status
        out_iterations[rep] = iterations
        out_gradient[rep] = pg
        out_se[rep] = SE_NONE
        for i in range(p):
            out_logd[rep, i] = logd[i]
            out_mu[rep, i] = work.mu[i]
            for j in range(p):
                out_coef[rep, i, j] = coef[i, j]
                out_t[rep, i, j] = t[i, j]
                out_w[rep, i, j] = work.w[i, j]
        if not want_vcov:
            continue
        if status != CONVERGED:
            out_se[rep] = SE_NOT_DEFINITE
            for a in range(n_coef):
                for b in range(n_coef):
                    out_vcov[rep, a, b] = math.nan
            continue
        out_se[rep] = SE_INTERIOR if rank == n_between else SE_FACE
        for a in range(n_coef):
            for b in range(n_par):
                column[b] = 1.0 if a == b else 0.0
            cholesky_solve(factor_h, column, n_par)
            for b in range(n_coef):
                out_vcov[rep, a, b] = column[b] / data.total
