"""Compiled dense linear algebra for matrices of 3 x 3 to 20 x 20, where a LAPACK call costs more than the work itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from .compiled import compiled

# Of functions without a signature, which are compiled into their callers.
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


@njit(**OPTIONS)
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


@njit(**OPTIONS)
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


@njit(**OPTIONS)
def cholesky_inverse(a, out, n):
    """Inverse from the factor of `cholesky` (which is destroyed) into out; returns the log-determinant."""
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


@compiled("b1(f8[:,::1], f8[:,::1])")
def root_definite(matrix, lower):
    """Lower Cholesky factor of a symmetric matrix into `lower`, zeros above; False if it is not positive definite."""
    size = matrix.shape[0]
    lower[:, :] = 0.0
    for j in range(size):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        # A pivot lost to rounding is a singular matrix, not a small variance.
        if not pivot > 1e-13 * abs(matrix[j, j]):
            return False
        root = np.sqrt(pivot)
        lower[j, j] = root
        for i in range(j + 1, size):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / root
    return True


@compiled("f8(f8[:,::1], f8[:,::1])")
def invert_definite(matrix, inverse):
    """Invert a symmetric positive definite matrix into `inverse`; return log|matrix| or NaN if not definite."""
    size = matrix.shape[0]
    lower = np.empty((size, size))
    if not root_definite(matrix, lower):
        return np.nan
    return cholesky_inverse(lower, inverse, size)


@compiled("f8(f8[:,::1], i8[::1], i8[::1], f8[:,::1])")
def invert_block(matrix, at, places, out):
    """Invert the definite block of a matrix at `at` into `out`, zeros but at `places`; return its log-determinant or NaN."""
    size = at.shape[0]
    block, inverse = np.empty((size, size)), np.empty((size, size))
    for i in range(size):
        for j in range(size):
            block[i, j] = matrix[at[i], at[j]]
    logdet = invert_definite(block, inverse)
    out[:, :] = 0.0
    for i in range(size):
        for j in range(size):
            out[places[i], places[j]] = inverse[i, j]
    return logdet


@compiled("void(f8[:,::1], f8[:,::1])")
def invert_lower(lower, inverse):
    """Inverse of a lower triangular matrix without zeros on its diagonal."""
    size = lower.shape[0]
    inverse[:, :] = 0.0
    for j in range(size):
        inverse[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, size):
            value = 0.0
            for k in range(j, i):
                value -= lower[i, k] * inverse[k, j]
            inverse[i, j] = value / lower[i, i]


@compiled(["b1(f8[:,::1], f8[:,::1])", "b1(c16[:,::1], c16[:,::1])"])
def invert_general(matrix, inverse):
    """Invert a square matrix, real or complex, by Gauss-Jordan with partial pivoting; False if singular."""
    size = matrix.shape[0]
    work = matrix.copy()
    for i in range(size):
        for j in range(size):
            inverse[i, j] = 1.0 if i == j else 0.0
    for column in range(size):
        best = column
        for i in range(column + 1, size):
            if abs(work[i, column]) > abs(work[best, column]):
                best = i
        if not abs(work[best, column]) > 1e-14:
            return False
        if best != column:
            for j in range(size):
                work[column, j], work[best, j] = work[best, j], work[column, j]
                inverse[column, j], inverse[best, j] = inverse[best, j], inverse[column, j]
        pivot = work[column, column]
        for j in range(size):
            work[column, j] /= pivot
            inverse[column, j] /= pivot
        for i in range(size):
            factor = work[i, column]
            if i != column and factor != 0.0:
                for j in range(size):
                    work[i, j] -= factor * work[column, j]
                    inverse[i, j] -= factor * inverse[column, j]
    return True


@compiled("void(f8[:,::1], f8[:,::1], f8[:,::1])")
def multiply(left, right, out):
    """out = left right."""
    for i in range(left.shape[0]):
        for j in range(right.shape[1]):
            out[i, j] = 0.0
        for k in range(left.shape[1]):
            value = left[i, k]
            if value != 0.0:
                for j in range(right.shape[1]):
                    out[i, j] += value * right[k, j]


@compiled("void(f8[:,::1], f8[:,::1], f8[:,::1])")
def multiply_left_transposed(left, right, out):
    """out = left' right."""
    for i in range(left.shape[1]):
        for j in range(right.shape[1]):
            out[i, j] = 0.0
    for k in range(left.shape[0]):
        for i in range(left.shape[1]):
            value = left[k, i]
            if value != 0.0:
                for j in range(right.shape[1]):
                    out[i, j] += value * right[k, j]


@compiled("void(f8[:,::1], f8[:,::1], f8[:,::1])")
def multiply_right_transposed(left, right, out):
    """out = left right'."""
    for i in range(left.shape[0]):
        for j in range(right.shape[0]):
            value = 0.0
            for k in range(left.shape[1]):
                value += left[i, k] * right[j, k]
            out[i, j] = value
