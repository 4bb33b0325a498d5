"""Compiled building blocks: one level's RAM matrices and their derivatives.

Each level is a RAM model (McArdle & McDonald, 1984, Br. J. Math. Stat. Psychol. 37, 234-251): with
B = (I - A)^-1 the covariance of all variables of the level is sigma = B S B', their mean nu = B alpha;
observed variables are rows of it.
`Links` tie a level's own variables to the rows of the moments (S_W, V_B, mu) of likelihood.py. Gradients go backwards through B, Hessians are directional derivatives
of the gradient (forward over reverse), so no second-derivative array is ever stored.

`places` lists where each free parameter stands: rows (parameter, level 0 or 1, matrix, i, j), sorted by
parameter; an equality constraint is a parameter with several rows. No fastmath and no threads: the same
bytes on every run.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import invert_general, multiply, multiply_left_transposed, multiply_right_transposed

MATRIX_A, MATRIX_S, MATRIX_MEAN = 0, 1, 2


@compiled("Tuple((b1, f8[:,::1], f8[:,::1], f8[::1]))(f8[::1], i8[:,::1], i8, f8[:,::1], f8[:,::1], f8[::1])")
def level_forward(theta, places, level, base_a, base_s, base_mean):
    """(I - A invertible, B, sigma, nu) of one level at `theta`."""
    size = base_a.shape[0]
    work, s, mean = np.empty((size, size)), base_s.copy(), base_mean.copy()
    b, sigma, nu = np.empty((size, size)), np.empty((size, size)), np.zeros(size)
    for i in range(size):
        for j in range(size):
            work[i, j] = -base_a[i, j]
        work[i, i] += 1.0
    for row in range(places.shape[0]):
        if places[row, 1] == level:
            value = theta[places[row, 0]]
            i, j = places[row, 3], places[row, 4]
            if places[row, 2] == MATRIX_A:
                work[i, j] = (1.0 if i == j else 0.0) - value
            elif places[row, 2] == MATRIX_S:
                s[i, j] = value
                s[j, i] = value
            else:
                mean[i] = value
    invertible = invert_general(work, b)
    if invertible:
        multiply(b, s, work)
        multiply_right_transposed(work, b, sigma)
        for i in range(size):
            for j in range(size):
                nu[i] += b[i, j] * mean[j]
    return invertible, b, sigma, nu


@compiled("void(i8[:,::1], i8, f8[:,::1], f8[:,::1], f8[::1], f8[:,:,::1], f8[:,:,::1], f8[:,::1])")
def level_tangents(places, level, b, sigma, nu, db, dsigma, dnu):
    """Fill the derivatives of B, sigma, nu with respect to every parameter (first axis)."""
    size = b.shape[0]
    db[:, :, :] = 0.0
    dsigma[:, :, :] = 0.0
    dnu[:, :] = 0.0
    for row in range(places.shape[0]):
        if places[row, 1] != level:
            continue
        k, i, j = places[row, 0], places[row, 3], places[row, 4]
        if places[row, 2] == MATRIX_A:
            for g in range(size):
                for h in range(size):
                    db[k, g, h] += b[g, i] * b[j, h]
                    dsigma[k, g, h] += b[g, i] * sigma[j, h] + b[h, i] * sigma[j, g]
                dnu[k, g] += b[g, i] * nu[j]
        elif places[row, 2] == MATRIX_S:
            for g in range(size):
                for h in range(size):
                    dsigma[k, g, h] += b[g, i] * b[h, j]
                    if i != j:
                        dsigma[k, g, h] += b[g, j] * b[h, i]
        else:
            for g in range(size):
                dnu[k, g] += b[g, i]


@compiled("void(f8[:,::1], f8[::1], i8[:,::1], f8[:,::1], f8[::1])")
def gather(moment, moment_mean, link, out, out_mean):
    """Moment-space derivative -> the level's own variables; link rows are (own index, moment index)."""
    out[:, :] = 0.0
    out_mean[:] = 0.0
    for g in range(link.shape[0]):
        out_mean[link[g, 0]] = moment_mean[link[g, 1]]
        for h in range(link.shape[0]):
            out[link[g, 0], link[h, 0]] = moment[link[g, 1], link[h, 1]]


@compiled("void(f8[:,::1], f8[::1], i8[:,::1], f8[:,::1], f8[::1])")
def scatter(sigma, nu, link, out, out_mean):
    """Add the level's observed covariances and means to moment space."""
    for g in range(link.shape[0]):
        out_mean[link[g, 1]] += nu[link[g, 0]]
        for h in range(link.shape[0]):
            out[link[g, 1], link[h, 1]] += sigma[link[g, 0], link[h, 0]]


@compiled("void(f8[:,:,::1], f8[:,::1], i8[:,::1], f8[:,:,::1], f8[:,::1])")
def scatter_all(dsigma, dnu, link, out, out_mean):
    """`scatter` for every parameter (first axis)."""
    for k in range(dnu.shape[0]):
        scatter(dsigma[k], dnu[k], link, out[k], out_mean[k])


@compiled("void(i8[:,::1], i8, i8[:,::1], f8[:,::1], f8[:,::1], f8[::1], f8[:,::1], f8[::1], f8[::1])")
def pull_gradient(places, level, link, b, sigma, nu, moment, moment_mean, gradient):
    """Add the level's share of the gradient, given the derivatives in moment space.

    With G, g the derivatives with respect to sigma and nu: T = B'GB is that for S, and for A it is
    2 B'G sigma + (B'g) nu', for the means B'g.
    """
    size = b.shape[0]
    g, gn = np.empty((size, size)), np.empty(size)
    bg, t, q, h = np.empty((size, size)), np.empty((size, size)), np.empty((size, size)), np.zeros(size)
    gather(moment, moment_mean, link, g, gn)
    multiply_left_transposed(b, g, bg)
    multiply(bg, b, t)
    multiply(bg, sigma, q)
    for i in range(size):
        for j in range(size):
            h[i] += b[j, i] * gn[j]
    for row in range(places.shape[0]):
        if places[row, 1] != level:
            continue
        k, i, j = places[row, 0], places[row, 3], places[row, 4]
        if places[row, 2] == MATRIX_A:
            gradient[k] += 2.0 * q[i, j] + h[i] * nu[j]
        elif places[row, 2] == MATRIX_S:
            gradient[k] += t[i, j] if i == j else 2.0 * t[i, j]
        else:
            gradient[k] += h[i]


@compiled(
    "void(i8[:,::1], i8, i8[:,::1], f8[:,::1], f8[:,::1], f8[::1], f8[:,::1], f8[::1],"
    " f8[:,:,::1], f8[:,:,::1], f8[:,::1], f8[:,:,::1], f8[:,::1], f8[:,::1])"
)
def pull_hessian(
    places, level, link, b, sigma, nu, moment, moment_mean, db, dsigma, dnu, dmoment, dmoment_mean, hessian
):
    """Add the level's share of the Hessian: the derivative of `pull_gradient` along each parameter."""
    size = b.shape[0]
    g, gn = np.empty((size, size)), np.empty(size)
    dg, dgn = np.empty((size, size)), np.empty(size)
    bg, h = np.empty((size, size)), np.zeros(size)
    t, q, dh = np.empty((size, size)), np.empty((size, size)), np.empty(size)
    left, work = np.empty((size, size)), np.empty((size, size))
    gather(moment, moment_mean, link, g, gn)
    multiply_left_transposed(b, g, bg)
    for i in range(size):
        for j in range(size):
            h[i] += b[j, i] * gn[j]
    for k in range(hessian.shape[0]):
        gather(dmoment[k], dmoment_mean[k], link, dg, dgn)
        multiply_left_transposed(db[k], g, left)  # dB' G + B' dG
        multiply_left_transposed(b, dg, work)
        for i in range(size):
            for j in range(size):
                left[i, j] += work[i, j]
        multiply(left, b, t)
        multiply(bg, db[k], work)
        for i in range(size):
            for j in range(size):
                t[i, j] += work[i, j]
        multiply(left, sigma, q)
        multiply(bg, dsigma[k], work)
        for i in range(size):
            dh[i] = 0.0
            for j in range(size):
                q[i, j] += work[i, j]
                dh[i] += db[k, j, i] * gn[j] + b[j, i] * dgn[j]
        for row in range(places.shape[0]):
            if places[row, 1] != level:
                continue
            m, i, j = places[row, 0], places[row, 3], places[row, 4]
            if places[row, 2] == MATRIX_A:
                hessian[k, m] += 2.0 * q[i, j] + dh[i] * nu[j] + h[i] * dnu[k, j]
            elif places[row, 2] == MATRIX_S:
                hessian[k, m] += t[i, j] if i == j else 2.0 * t[i, j]
            else:
                hessian[k, m] += dh[i]
