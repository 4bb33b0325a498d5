"""Draw studies as cross-products and judge them by their correlations, compiled.

Model
-----
p variables with total variances 1 and correlation matrix R, client i of therapist j: ``y_ij = u_j + e_ij`` with
``u_j ~ N(0, icc R)``, ``e_ij ~ N(0, (1 - icc) R)``: between and within correlations are equal. N clients, J therapists
of sizes n_j.

A study without client rows
---------------------------
All that Pearson and least-squares tests look at is the matrix of cross-products about the grand mean,

    T = Σ_ij (y_ij - ȳ)(y_ij - ȳ)' = W + B,   W = Σ_ij (y_ij - ȳ_j)(...)',   B = Σ_j n_j (ȳ_j - ȳ)(...)'.

ȳ_j ~ N(0, v_j R), v_j = icc + (1 - icc) / n_j, is independent of W ~ (1 - icc) Wishart(N - J, R). Take together the m_s
therapists of one size s and call their mean g_s; then

    B = Σ_s s v_s Wishart(m_s - 1, R) + Σ_s m_s s (g_s - ȳ)(...)',   g_s ~ N(0, v_s / m_s R),   ȳ = Σ_s m_s s g_s / N.

So T is a sum of Wishart parts and a few outer products. With R = LL' it is L Z L' where Z is the same sum for the identity.
A Wishart(d, I) is AA' with A lower trapezoidal, A_ii² ~ χ²(d - i), i = 0, 1, ..., the rest N(0, 1) (Bartlett, 1933; for
d < p Srivastava, 2003). Row i of A, and of the outer products, does not depend on later rows: the variables can be
drawn one after the other, and a study that has failed is left unfinished.

Tests
-----
Two-sided t tests of correlations and of least-squares paths are bounds on |r| and on |partial r|: with
t = r √(df / (1 - r²)), p < alpha says |r| > t_c / √(df + t_c²), df = N - 2 for a correlation and for a, N - 3 for b and c'.

The product of two independent normal (or t) variates A ~ (a, s_a), B ~ (b, s_b) is negative with probability
F(-z_a) F(z_b) + F(z_a) F(-z_b), z = estimate / s: its central 1 - alpha interval leaves out 0 exactly if that lies
outside [alpha/2, 1 - alpha/2], no draw needed. With one-sided P = F(-|z_a|), Q = F(-|z_b|) it is P + Q - 2PQ < alpha/2.
"""

from __future__ import annotations

import math

import numpy as np
from twolevel.compiled import compiled

SIMPLE, SIMPLE_NOT, PARTIAL, PARTIAL_NOT, FULL, INDIRECT, INDIRECT_NOT = range(7)
STOPPED, NOT_DEFINITE = -1, -2

F1, F2, F3 = "float64[::1]", "float64[:,::1]", "float64[:,:,::1]"
I1, I2 = "int64[::1]", "int64[:,::1]"
#: combos, needs, stat (kind, x, m, y, sign), limits (crit N-2, crit N-3, low, high, alpha), stat_needs, tables, product
EVENT = f"{F2}, {I1}, {I2}, {F2}, {I1}, {F2}, boolean"


@compiled(f"boolean({F2}, int64, {F2})")
def cholesky(matrix, p, out):  # type: ignore[no-untyped-def]
    """Lower root of the leading p rows and columns into ``out``; False where they are not positive definite."""
    for i in range(p):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= out[i, k] * out[j, k]
            if i == j:
                if total <= 1e-10:
                    return False
                out[i, i] = math.sqrt(total)
            else:
                out[i, j] = total / out[j, j]
    return True


@compiled(f"float64(float64, {F1})")
def one_sided(r, table):  # type: ignore[no-untyped-def]
    """One-sided p of |r| by linear interpolation in a table over equally spaced |r| from 0 to 1."""
    place = min(abs(r), 1.0) * (len(table) - 1)
    i = min(int(place), len(table) - 2)
    return table[i] + (place - i) * (table[i + 1] - table[i])


@compiled(f"boolean({F2}, {I1}, {F1}, {F2}, boolean)")
def holds(cov, stat, limits, tables, product):  # type: ignore[no-untyped-def]
    """Whether a statement holds in a study with these covariances of all columns."""
    kind, x, m, y, sign = stat[0], stat[1], stat[2], stat[3], stat[4]
    r_xy = cov[x, y] / math.sqrt(cov[x, x] * cov[y, y])
    if kind in (SIMPLE, SIMPLE_NOT):
        if kind == SIMPLE and (abs(r_xy) <= limits[0] or r_xy * sign < 0):
            return False
        if kind == SIMPLE_NOT and abs(r_xy) > limits[0] and r_xy * sign >= 0:
            return False
        return limits[2] <= abs(r_xy) < limits[3]
    r_xm = cov[x, m] / math.sqrt(cov[x, x] * cov[m, m])
    r_my = cov[m, y] / math.sqrt(cov[m, m] * cov[y, y])
    if kind in (PARTIAL, PARTIAL_NOT):  # of x with y given m
        r = (r_xy - r_xm * r_my) / math.sqrt((1 - r_xm * r_xm) * (1 - r_my * r_my))
        significant = abs(r) > limits[1] and r * sign >= 0
        return significant if kind == PARTIAL else not significant
    b = (r_my - r_xm * r_xy) / math.sqrt((1 - r_xm * r_xm) * (1 - r_xy * r_xy))
    if product:
        p, q = one_sided(r_xm, tables[0]), one_sided(b, tables[1])
        indirect = p + q - 2 * p * q < limits[4] / 2
    else:
        indirect = abs(r_xm) > limits[0] and abs(b) > limits[1]
    indirect = indirect and r_xm * b * sign >= 0
    if kind == INDIRECT:
        return indirect
    if kind == INDIRECT_NOT:
        return not indirect
    if not indirect:
        return False
    direct = (r_xy - r_xm * r_my) / math.sqrt((1 - r_xm * r_xm) * (1 - r_my * r_my))
    return abs(direct) <= limits[1]


@compiled(f"void({F2}, {F2}, {I1}, int64, {F2})")
def columns(products, combos, needs, k, cov):  # type: ignore[no-untyped-def]
    """Fill in the covariances of the columns that row k completes with all that are complete."""
    p = combos.shape[1]
    for c in range(len(needs)):
        if needs[c] != k + 1:
            continue
        for d in range(len(needs)):
            if needs[d] > k + 1:
                continue
            total = 0.0
            for i in range(min(needs[c], p)):
                for j in range(min(needs[d], p)):
                    total += combos[c, i] * products[i, j] * combos[d, j]
            cov[c, d] = total
            cov[d, c] = total


@compiled(f"int64({F2}, int64, {EVENT}, {F2}, int64, {I1})")
def judge_row(products, k, combos, needs, stat, limits, stat_needs, tables, product, cov, failed, masks):  # type: ignore[no-untyped-def]
    """Judge the statements that row k completes: bits of all that fail so far, ``STOPPED`` where no mask covers them."""
    columns(products, combos, needs, k, cov)
    for s in range(len(stat_needs)):
        if stat_needs[s] == k + 1 and not holds(cov, stat[s], limits[s], tables, product):
            failed |= 1 << s
            covered = False
            for mask in masks:
                if failed & ~mask == 0:
                    covered = True
            if not covered:
                return STOPPED
    return failed


@compiled(f"void(npy_rng, int64, int64, {F1}, {F1}, {F1}, float64, int64, {F3}, {F3}, {F2}, {F2})")
def identity_row(rng, i, df_within, size, many, deviation, icc, clients, within, groups, means, z):  # type: ignore[no-untyped-def]
    """Draw row i of the cross-products Z of independent variables, given the rows before it.

    ``within`` (1, p, p) and ``groups`` (G, p, p) hold the trapezoids A, ``means`` (G, p) the sizes' means.
    """
    for j in range(i):
        within[0, i, j] = rng.standard_normal()
    within[0, i, i] = math.sqrt(rng.chisquare(df_within - i)) if df_within > i else 0.0
    centre = 0.0
    for g in range(len(size)):
        d = int(many[g]) - 1
        for j in range(min(i, d)):
            groups[g, i, j] = rng.standard_normal()
        if i < d:
            groups[g, i, i] = math.sqrt(rng.chisquare(d - i))
        means[g, i] = deviation[g] / math.sqrt(many[g]) * rng.standard_normal()
        centre += many[g] * size[g] * means[g, i]
    centre /= clients
    for g in range(len(size)):
        means[g, i] -= centre
    for j in range(i + 1):
        total = 0.0
        for k in range(j + 1):
            total += within[0, i, k] * within[0, j, k]
        total *= 1 - icc
        for g in range(len(size)):
            part = 0.0
            for k in range(min(j + 1, int(many[g]) - 1)):
                part += groups[g, i, k] * groups[g, j, k]
            total += size[g] * deviation[g] * deviation[g] * part
            total += many[g] * size[g] * means[g, i] * means[g, j]
        z[i, j] = total
        z[j, i] = total


@compiled(f"void({F2}, {F2}, {F2})")
def transformed(matrix, basis, out):  # type: ignore[no-untyped-def]
    """Lower triangle of basis @ matrix @ basis'."""
    p = len(basis)
    for i in range(p):
        for j in range(i + 1):
            total = 0.0
            for k in range(p):
                if basis[i, k] != 0.0:
                    for m in range(p):
                        total += basis[i, k] * matrix[k, m] * basis[j, m]
            out[i, j] = total


@compiled(f"void({F2}, {F2}, int64, {F2}, {F2})")
def product_row(root, z, i, half, products):  # type: ignore[no-untyped-def]
    """Row i of T = L Z L', of which ``half`` holds L Z."""
    for m in range(i + 1):
        total = 0.0
        for k in range(i + 1):
            total += root[i, k] * z[k, m]
        half[i, m] = total
    for j in range(i + 1):
        total = 0.0
        for m in range(j + 1):
            total += half[i, m] * root[j, m]
        products[i, j] = total
        products[j, i] = total


@compiled(f"void(npy_rng, {F3}, {F1}, {F2}, {F1}, {F1}, {EVENT}, {I1}, {I1}, {F2})")
def studies(
    rng,
    correlations,
    icc,
    basis,
    size,
    many,
    combos,
    needs,
    stat,
    limits,
    stat_needs,
    tables,
    product,
    masks,
    failed,
    kept,
):  # type: ignore[no-untyped-def]
    """Draw one study from each population and judge it.

    Parameters
    ----------
    rng : Generator
    correlations : ndarray (D, p, p)
        Of the base variables.
    icc : ndarray (D,)
    basis : ndarray (p, p)
        The variables as they are drawn, row by row, in terms of the base variables.
    size, many : ndarray (G,)
        Distinct cluster sizes, and how many clusters have each.
    combos, needs, stat, limits, stat_needs, tables, product
        The event, ``fortems.design.pattern.event``.
    masks : ndarray of int
        Sets of statements, as bits, that may fail together; a study in which others fail is left unfinished.
    failed : ndarray (D,), written
        Bits of the statements that fail; ``STOPPED`` for unfinished studies, ``NOT_DEFINITE`` where R is not.
    kept : ndarray (D, p (p + 1) / 2), written
        Lower triangle of T in the basis, of finished studies.
    """
    p, sizes = len(basis), len(size)
    clients, clusters = 0, 0
    for g in range(sizes):
        clients += int(size[g] * many[g])
        clusters += int(many[g])
    sigma, root, check = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    within, groups, means = np.zeros((1, p, p)), np.zeros((sizes, p, p)), np.zeros((sizes, p))
    z, products, half = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    cov = np.zeros((len(needs), len(needs)))
    deviation = np.zeros(sizes)
    for d in range(len(icc)):
        if not cholesky(correlations[d], p, check):
            failed[d] = NOT_DEFINITE
            continue
        transformed(correlations[d], basis, sigma)
        if not cholesky(sigma, p, root):
            failed[d] = NOT_DEFINITE
            continue
        for g in range(sizes):
            deviation[g] = math.sqrt(icc[d] + (1 - icc[d]) / size[g])
        bits = 0
        for i in range(p):
            identity_row(
                rng, i, clients - clusters, size, many, deviation, icc[d], clients, within, groups, means, z
            )
            product_row(root, z, i, half, products)
            bits = judge_row(
                products, i, combos, needs, stat, limits, stat_needs, tables, product, cov, bits, masks
            )
            if bits == STOPPED:
                break
        failed[d] = bits
        if bits == STOPPED:
            continue
        place = 0
        for i in range(p):
            for j in range(i + 1):
                kept[d, place] = products[i, j]
                place += 1


@compiled(f"void(npy_rng, float64, {F1}, {F1}, {F3})")
def identity_studies(rng, icc, size, many, z):  # type: ignore[no-untyped-def]
    """Draw cross-products Z (S, p, p) of independent variables, to be used for many populations."""
    p, sizes = z.shape[1], len(size)
    clients, clusters = 0, 0
    for g in range(sizes):
        clients += int(size[g] * many[g])
        clusters += int(many[g])
    within, groups, means = np.zeros((1, p, p)), np.zeros((sizes, p, p)), np.zeros((sizes, p))
    deviation = np.sqrt(icc + (1 - icc) / size)
    for s in range(len(z)):
        for i in range(p):
            identity_row(
                rng, i, clients - clusters, size, many, deviation, icc, clients, within, groups, means, z[s]
            )


@compiled(f"int64({F2}, {F2}, {F3}, {EVENT})")
def count(correlations, basis, z, combos, needs, stat, limits, stat_needs, tables, product):  # type: ignore[no-untyped-def]
    """Number of the studies L Z L' of one population in which every statement holds; -1 where R is not definite."""
    p = len(basis)
    root, products, half = np.zeros((p, p)), np.zeros((p, p)), np.zeros((p, p))
    sigma = np.zeros((p, p))
    transformed(correlations, basis, sigma)
    if not cholesky(correlations, p, products) or not cholesky(sigma, p, root):
        return -1
    cov = np.zeros((len(needs), len(needs)))
    none = np.zeros(1, np.int64)
    found = 0
    for s in range(len(z)):
        bits = 0
        for i in range(p):
            product_row(root, z[s], i, half, products)
            bits = judge_row(
                products, i, combos, needs, stat, limits, stat_needs, tables, product, cov, bits, none
            )
            if bits == STOPPED:
                break
        if bits == 0:
            found += 1
    return found


@compiled(f"void({F3}, {I2}, {F2}, {F2}, boolean, {I1})")
def judge_all(covariances, stat, limits, tables, product, failed):  # type: ignore[no-untyped-def]
    """Bits (D,) of the statements that fail in studies with these covariances (D, C, C) of all columns."""
    for d in range(len(covariances)):
        failed[d] = 0
        for s in range(len(stat)):
            if not holds(covariances[d], stat[s], limits[s], tables, product):
                failed[d] |= 1 << s
