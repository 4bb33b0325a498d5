"""Level 2 of a model with random slopes: what the clusters' likelihood needs of it, and how that moves.

The random variables of a cluster are ordered: slopes that are integrated by quadrature (b), then intercepts and other
slopes (eta); z are modelled between-only variables, w given covariates. Conditional on z and w,
  b = m_b + L t,  eta = m_eta + T t + rest,  t ~ N(0, I),  rest ~ N(0, V),  (m_b, m_eta) = M0 + M1 (w, z),
with L the lower Cholesky factor of b's covariance. All this is small: its derivatives are complex steps
(Squire & Trapp, 1998, SIAM Rev. 40, 110-112), exact to rounding.
"""

from __future__ import annotations

import numpy as np

from ..compiled import compiled
from ..linalg import invert_general


def flat_size(r: int, q: int, nw: int, nz: int) -> int:
    """Length of the vector that `level_two` returns."""
    return (r + q) * (1 + nw + nz) + r * r + q * r + q * q + nz * (1 + nw + nz) + 1


@compiled("b1(c16[:,::1], f8[::1], c16[:,::1])")
def lower_factor(matrix, floor, out):
    """Lower L with L L' = matrix in complex numbers (no conjugates); pivots are raised to `floor` where below it."""
    size = matrix.shape[0]
    out[:, :] = 0.0
    for j in range(size):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= out[j, k] * out[j, k]
        if pivot.real < floor[j]:
            if pivot.real < -1e3 * floor[j]:
                return False
            pivot = complex(floor[j], pivot.imag)
        out[j, j] = np.sqrt(pivot)
        for i in range(j + 1, size):
            value = matrix[i, j]
            for k in range(j):
                value -= out[i, k] * out[j, k]
            out[i, j] = value / out[j, j]
    return True


@compiled(
    "b1(c16[::1], i8[:,::1], f8[:,::1], f8[:,::1], f8[::1], i8[::1], i8[::1], i8[::1], i8, f8[::1], c16[::1])"
)
def level_two(theta, places, base_a, base_s, base_mean, drawn, z_at, w_at, r, floor, out):
    """Fill the flat vector (M0, M1, L, T, V, and of z: mean, slopes on w, inverse covariance, log-determinant).

    Parameters
    ----------
    theta : ndarray (k,) of complex
    drawn : ndarray (r + q,) of int
        Places of b and eta among level 2's variables.
    z_at, w_at : ndarray of int
        Places of z and w.
    floor : ndarray (r,)
        Least pivots of L L'.

    Returns
    -------
    bool
        False outside the domain.
    """
    size, n, nz, nw = base_a.shape[0], drawn.shape[0], z_at.shape[0], w_at.shape[0]
    q = n - r
    work, s, mean = (
        np.empty((size, size), np.complex128),
        base_s.astype(np.complex128),
        base_mean.astype(np.complex128),
    )
    b = np.empty((size, size), np.complex128)
    for i in range(size):
        for j in range(size):
            work[i, j] = (1.0 if i == j else 0.0) - base_a[i, j]
    for row in range(places.shape[0]):
        if places[row, 1] == 1:
            value = theta[places[row, 0]]
            i, j = places[row, 3], places[row, 4]
            if places[row, 2] == 0:
                work[i, j] = (1.0 if i == j else 0.0) - value
            elif places[row, 2] == 1:
                s[i, j] = value
                s[j, i] = value
            else:
                mean[i] = value
    if not invert_general(work, b):
        return False
    sigma, nu = np.zeros((size, size), np.complex128), np.zeros(size, np.complex128)
    for i in range(size):
        for j in range(size):
            total = 0.0j
            for k in range(size):
                total += b[i, k] * s[k, j]
            work[i, j] = total
            nu[i] += b[i, j] * mean[j]
    for i in range(size):
        for j in range(size):
            for k in range(size):
                sigma[i, j] += work[i, k] * b[j, k]
    zz, zz_inverse = np.empty((nz, nz), np.complex128), np.empty((nz, nz), np.complex128)
    logdet = 0.0j
    for i in range(nz):
        for j in range(nz):
            zz[i, j] = sigma[z_at[i], z_at[j]]
    if nz > 0:
        factor = np.empty((nz, nz), np.complex128)
        none = np.zeros(nz)
        if not lower_factor(zz, none, factor):
            return False
        for i in range(nz):
            if not factor[i, i].real > 0.0:
                return False
            logdet += 2.0 * np.log(factor[i, i])
        if not invert_general(zz, zz_inverse):
            return False
    slope = np.zeros((n, nz), np.complex128)
    for i in range(n):
        for j in range(nz):
            for k in range(nz):
                slope[i, j] += sigma[drawn[i], z_at[k]] * zz_inverse[k, j]
    v = np.empty((n, n), np.complex128)
    for i in range(n):
        for j in range(n):
            v[i, j] = sigma[drawn[i], drawn[j]]
            for k in range(nz):
                v[i, j] -= slope[i, k] * sigma[z_at[k], drawn[j]]
    at = 0
    for i in range(n):  # M0
        out[at] = nu[drawn[i]]
        for k in range(nz):
            out[at] -= slope[i, k] * nu[z_at[k]]
        at += 1
    for i in range(n):  # M1
        for c in range(nw):
            out[at] = b[drawn[i], w_at[c]]
            for k in range(nz):
                out[at] -= slope[i, k] * b[z_at[k], w_at[c]]
            at += 1
        for k in range(nz):
            out[at] = slope[i, k]
            at += 1
    top, lower = np.empty((r, r), np.complex128), np.empty((r, r), np.complex128)
    for i in range(r):
        for j in range(r):
            top[i, j] = v[i, j]
    if r > 0 and not lower_factor(top, floor, lower):
        return False
    for i in range(r):
        for j in range(r):
            out[at] = lower[i, j]
            at += 1
    t = np.empty((q, r), np.complex128)
    for i in range(q):  # T L' = covariance of eta and b
        for j in range(r):
            value = v[r + i, j]
            for k in range(j):
                value -= t[i, k] * lower[j, k]
            t[i, j] = value / lower[j, j]
            out[at] = t[i, j]
            at += 1
    for i in range(q):
        for j in range(q):
            out[at] = v[r + i, r + j]
            for k in range(r):
                out[at] -= t[i, k] * t[j, k]
            at += 1
    for i in range(nz):
        out[at] = nu[z_at[i]]
        at += 1
    for i in range(nz):
        for c in range(nw):
            out[at] = b[z_at[i], w_at[c]]
            at += 1
    for i in range(nz):
        for j in range(nz):
            out[at] = zz_inverse[i, j]
            at += 1
    out[at] = logdet
    return True


@compiled(
    "b1(f8[::1], i8[:,::1], f8[:,::1], f8[:,::1], f8[::1], i8[::1], i8[::1], i8[::1], i8, f8[::1], f8[:,::1])"
)
def level_two_jacobian(theta, places, base_a, base_s, base_mean, drawn, z_at, w_at, r, floor, out):
    """Fill the derivative of the flat vector with respect to each parameter, a row each."""
    moved = theta.astype(np.complex128)
    found = np.zeros(out.shape[1], np.complex128)
    touched = np.zeros(theta.shape[0], np.bool_)
    for row in range(places.shape[0]):
        if places[row, 1] == 1:
            touched[places[row, 0]] = True
    out[:, :] = 0.0
    for k in range(theta.shape[0]):
        if touched[k]:
            moved[k] = complex(theta[k], 1e-30)
            if not level_two(moved, places, base_a, base_s, base_mean, drawn, z_at, w_at, r, floor, found):
                return False
            moved[k] = complex(theta[k], 0.0)
            for i in range(out.shape[1]):
                out[k, i] = found[i].imag / 1e-30
    return True
