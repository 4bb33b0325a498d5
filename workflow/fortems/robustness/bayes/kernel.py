"""Compiled posterior density of the two-level model and the adaptive random walk that samples it.

Parameters of p variables in units of their total SD, in this order: log SDs within (p); SDs between (p), of either sign, of
which the size counts (so that the walk crosses 0, where the likelihood is often highest, instead of crowding before
it); Fisher's z of the canonical partial correlations within, then between (p(p − 1)/2 each; Lewandowski, Kurowicka & Joe, 2009),
row by row of the lower triangle. The means have a flat prior and are integrated out: the profile likelihood of the engine's
moments times |Σ_k n_k c_k V_k⁻¹|^(−1/2).

Priors: half-t with ``nu`` degrees of freedom on SDs; LKJ(η) on both correlation matrices; where ``icc_b`` is positive
a Beta(icc_a, icc_b) on every variable's ICC in place of the half-t on its SD between.

References
----------
Haario, H., Saksman, E., & Tamminen, J. (2001). An adaptive Metropolis algorithm. Bernoulli, 7(2), 223-242.
Lewandowski, D., Kurowicka, D., & Joe, H. (2009). Generating random correlation matrices based on vines and extended onion
method. Journal of Multivariate Analysis, 100(9), 1989-2001.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from twolevel.batch.kernel import Data, objective, workspace
from twolevel.compiled import compiled
from twolevel.linalg import OPTIONS

TARGET = 0.234  # share of accepted steps of an efficient random walk in many dimensions
LOWEST_LOG_SD, HIGHEST_LOG_SD = -12.0, 5.0


@njit(**OPTIONS)
def correlation_factor(theta, start, p, eta, out):
    """Lower Cholesky factor of a correlation matrix from z; returns the log density of z under LKJ(eta).

    A partial correlation r given k others has density ∝ (1 − r²)^(η − 1 + (p − 1 − (k + 1)) / 2), dr/dz = 1 − r².
    """
    density = 0.0
    place = start
    for i in range(p):
        left = 1.0
        for j in range(i):
            r = math.tanh(theta[place])
            place += 1
            rest = 1.0 - r * r
            if rest < 1e-14:
                rest = 1e-14
            density += (eta + 0.5 * (p - 2 - j)) * math.log(rest)
            out[i, j] = r * math.sqrt(left)
            left *= rest
        out[i, i] = math.sqrt(left)
        for j in range(i + 1, p):
            out[i, j] = 0.0
    return density


@njit(**OPTIONS)
def half_t(value, scale, nu):
    """Log density of a half-t at a size, without its constant."""
    return -0.5 * (nu + 1.0) * math.log(1.0 + (value / scale) ** 2 / nu)


@njit(**OPTIONS)
def log_prior(theta, p, within_scale, between_scale, nu, eta, icc_a, icc_b, low, high):
    """Log prior density of the parameters, without its constant; fills both correlation factors."""
    pairs = p * (p - 1) // 2
    density = correlation_factor(theta, 2 * p, p, eta, low)
    density += correlation_factor(theta, 2 * p + pairs, p, eta, high)
    for i in range(p):
        if not LOWEST_LOG_SD < theta[i] < HIGHEST_LOG_SD:
            return -math.inf
        within = math.exp(theta[i])
        density += half_t(within, within_scale, nu) + theta[i]
        size = abs(theta[p + i])
        if icc_b > 0.0:
            total = size * size + within * within
            icc = size * size / total
            if not icc > 0.0:
                return -math.inf
            density += (icc_a - 1.0) * math.log(icc) + (icc_b - 1.0) * math.log(1.0 - icc)
            density += math.log(2.0 * size) + 2.0 * theta[i] - 2.0 * math.log(total)
        else:
            density += half_t(size, between_scale, nu)
    return density


@njit(**OPTIONS)
def log_likelihood(theta, data, low, high, coef, logd, t, work):
    """Log likelihood with the means integrated out, from the factors that ``log_prior`` left."""
    p = coef.shape[0]
    # W = C C' with C = diag(sd) low; the engine wants W = (I − B)⁻¹ D (I − B)⁻ᵀ
    for i in range(p):
        logd[i] = 2.0 * (theta[i] + math.log(low[i, i]))
    inverse = work.a
    for i in range(p):  # the inverse of C scaled to a unit diagonal, I − B
        for j in range(i + 1):
            inverse[i, j] = 1.0 if i == j else 0.0
        for j in range(i):
            s = 0.0
            for k in range(j, i):
                unit = math.exp(theta[i] - theta[k]) * low[i, k] / low[k, k]
                s += unit * inverse[k, j]
            inverse[i, j] = -s
    for i in range(p):
        for j in range(p):
            coef[i, j] = -inverse[i, j] if j < i else 0.0
    for i in range(p):
        for j in range(i + 1):
            s = 0.0
            for k in range(j + 1):
                s += high[i, k] * high[j, k]
            s *= abs(theta[p + i]) * abs(theta[p + j])
            t[i, j] = s
            t[j, i] = s
    value = objective(data, coef, logd, t, work)
    if not value < math.inf:
        return -math.inf
    value *= -data.total
    for i in range(p):
        value -= math.log(work.mean_factor[i, i])
    return value


@njit(**OPTIONS)
def make_data(sizes, count, sums, cross, within, df, members, entries):
    """The engine's sufficient statistics of one study."""
    clusters = 0.0
    for k in range(count.shape[0]):
        clusters += count[k]
    return Data(sizes, count, sums, cross, within, df, df + clusters, members, entries, 0, 0)


@njit(**OPTIONS)
def refactor(mean, second, n, scale, factor):
    """Cholesky factor of the scaled covariance of the draws so far; False where it is not definite."""
    d = mean.shape[0]
    for i in range(d):
        for j in range(i + 1):
            s = scale * scale * (second[i, j] / n - mean[i] * mean[j])
            if i == j:
                s += 1e-10
            for k in range(j):
                s -= factor[i, k] * factor[j, k]
            if i == j:
                if not s > 0.0:
                    return False
                factor[i, i] = math.sqrt(s)
            else:
                factor[i, j] = s / factor[j, j]
    return True


@compiled(
    "f8(f8[::1], i8[::1], f8[::1], f8[:,::1], f8[:,:,::1], f8[:,::1], f8, f8[::1], f8[:,::1], f8[::1], i8, i8, f8[:,::1])",
    **OPTIONS,
)
def sample(start, sizes, count, sums, cross, within, df, prior, normal, uniform, warmup, thin, out):
    """Random walk from ``start``: ``warmup`` adapting steps, then every ``thin``-th of the others into ``out`` (n, d).

    ``prior``: scale within, scale between, nu, eta, icc_a, icc_b. ``normal`` (steps, d) and ``uniform`` (steps,) are the random
    numbers of all steps, drawn outside so that they come from the run's own streams. In the warm-up the proposal's covariance is
    that of the draws so far (Haario, Saksman & Tamminen, 2001) and its scale is steered to the accepted share TARGET; both
    then stay. Returns the share of accepted steps after it.
    """
    d = start.shape[0]
    p = within.shape[0]
    work = workspace(p, sizes.shape[0], p * (p + 1))
    entries = np.zeros((p * (p + 1), 2), np.int64)
    data = make_data(sizes, count, sums, cross, within, df, np.arange(p), entries)
    low, high = np.zeros((p, p)), np.zeros((p, p))
    coef, logd, t = np.zeros((p, p)), np.empty(p), np.zeros((p, p))
    theta, proposed = start.copy(), np.empty(d)
    mean, second, new_factor = np.zeros(d), np.zeros((d, d)), np.zeros((d, d))
    factor = np.zeros((d, d))
    for i in range(d):
        factor[i, i] = 0.1
    log_scale = 0.0
    seen = 0
    value = log_prior(theta, p, prior[0], prior[1], prior[2], prior[3], prior[4], prior[5], low, high)
    value += log_likelihood(theta, data, low, high, coef, logd, t, work)
    steps, accepted, kept = uniform.shape[0], 0, 0
    for step in range(steps):
        scale = math.exp(log_scale)
        for i in range(d):
            s = 0.0
            for k in range(i + 1):
                s += factor[i, k] * normal[step, k]
            proposed[i] = theta[i] + scale * s
        new = log_prior(proposed, p, prior[0], prior[1], prior[2], prior[3], prior[4], prior[5], low, high)
        if new > -math.inf:
            new += log_likelihood(proposed, data, low, high, coef, logd, t, work)
        ratio = math.exp(min(0.0, new - value)) if new > -math.inf else 0.0
        taken = uniform[step] < ratio
        if taken:
            value = new
            for i in range(d):
                theta[i] = proposed[i]
        if step < warmup:
            log_scale += (ratio - TARGET) / (step + 1.0) ** 0.6
            if step >= warmup // 10:
                seen += 1
                for i in range(d):
                    mean[i] += (theta[i] - mean[i]) / seen
                    for j in range(i + 1):
                        second[i, j] += theta[i] * theta[j]
                if (
                    seen > 20 * d
                    and step % 50 == 0
                    and refactor(mean, second, seen, 2.38 / math.sqrt(d), new_factor)
                ):
                    if seen < 20 * d + 51:
                        log_scale = 0.0
                    for i in range(d):
                        for j in range(i + 1):
                            factor[i, j] = new_factor[i, j]
            continue
        if taken:
            accepted += 1
        if (step - warmup + 1) % thin == 0 and kept < out.shape[0]:
            for i in range(d):
                out[kept, i] = theta[i]
            kept += 1
    return accepted / max(1, steps - warmup)
