"""The face of the positive semi-definite matrices on which T lies: L L' of rank r, and the way off it.

L is lower triangular in the order of a pivoted Cholesky factorization. Z is the gradient of f with respect to T.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ..linalg import OPTIONS, cholesky
from .kernel import objective


@njit(**OPTIONS)
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


@njit(**OPTIONS)
def product(factor, members, rank, t):
    """T = L L' with the first `rank` columns of L."""
    for a in members:
        for b in members:
            x = 0.0
            for k in range(rank):
                x += factor[a, k] * factor[b, k]
            t[a, b] = x


@njit(**OPTIONS)
def nonnegative(z, members, tolerance, work):
    """Whether Z + tolerance I is positive definite on the variables that vary between clusters."""
    size = members.shape[0]
    for a in range(size):
        for b in range(a + 1):
            work[a, b] = z[members[a], members[b]]
        work[a, a] += tolerance
    return cholesky(work, size)


@njit(**OPTIONS)
def most_negative(z, members):
    """Unit eigenvector of Z's smallest eigenvalue, on the variables that vary between clusters."""
    size = members.shape[0]
    part = np.empty((size, size))
    for a in range(size):
        for b in range(size):
            part[a, b] = z[members[a], members[b]]
    return np.ascontiguousarray(np.linalg.eigh(part)[1][:, 0])


@njit(**OPTIONS)
def grow(data, coef, logd, t, work, value):
    """Add to T the multiple of v v' that lowers f, v the eigenvector of Z's negative eigenvalue; returns the new f."""
    members, gradient_t, second = data.members, work.gradient_t, work.second
    size = members.shape[0]
    v = most_negative(gradient_t, members)
    slope = 0.0
    curvature = 0.0
    for a in range(size):
        for b in range(size):
            slope += v[a] * v[b] * gradient_t[members[a], members[b]]
    for a in range(size):
        for b in range(a + 1):
            row = members[a] * (members[a] + 1) // 2 + members[b]
            for c in range(size):
                for d in range(c + 1):
                    column = members[c] * (members[c] + 1) // 2 + members[d]
                    curvature += v[a] * v[b] * v[c] * v[d] * second[2, row, column]
    length = min(-slope / curvature, 0.05) if curvature > 0.0 else 0.01
    previous = 0.0
    for _ in range(30):
        for a in range(size):
            for b in range(size):
                t[members[a], members[b]] += (length - previous) * v[a] * v[b]
        new = objective(data, coef, logd, t, work)
        if new < value:
            break
        previous = length
        length *= 0.25
    return new


@njit(**OPTIONS)
def add_entries(members, order, rank, entries, n_within):
    """List the elements of L's first `rank` columns after the within parameters; returns the number of all."""
    n_par = n_within
    for b in range(rank):
        for a in range(b, members.shape[0]):
            entries[n_par, 0] = order[a]
            entries[n_par, 1] = b
            n_par += 1
    return n_par
