"""Can the printed numbers be right? Each cell of a published table against what is possible."""

from __future__ import annotations

import warnings

import numpy as np

from fortems.published.findings import IMPOSSIBLE, MatrixFinding, cell_name, finding
from fortems.published.marks import mark_checks
from fortems.published.matrix import PublishedMatrix
from fortems.published.scores import scale_checks, sum_checks, totals_with_parts

SAME = 1e-12


def check_matrix(matrix: PublishedMatrix) -> list[MatrixFinding]:
    """Run every check on every cell.

    Parameters
    ----------
    matrix : PublishedMatrix
        As typed from the article.

    Returns
    -------
    list of MatrixFinding
        In the table's order, possible ones included.
    """
    findings = _size(matrix) + _range(matrix)
    if not any(found.verdict == IMPOSSIBLE for found in findings):
        findings += _definite(matrix)
    return findings + mark_checks(matrix) + scale_checks(matrix) + sum_checks(matrix) + _signs(matrix)


def _size(matrix: PublishedMatrix) -> list[MatrixFinding]:
    least = len(matrix.names) + 2
    remedy = "Look up the sample size"
    found = [finding("size", "n", matrix.n < least, f"n = {matrix.n}", f"at least {least}", remedy)]
    if matrix.clusters is not None:
        too_many = matrix.clusters > matrix.n
        text = f"{matrix.clusters} clusters of {matrix.n} clients"
        found.append(finding("size", "clusters", too_many, text, f"at most {matrix.n}", "Exchanged with n?"))
    return found


def _range(matrix: PublishedMatrix) -> list[MatrixFinding]:
    look = "A decimal point or a digit lost in typing?"
    found = [
        finding("range", cell_name(cell), not abs(r.value) <= 1, f"r = {r.value:g}", "−1 to 1", look)
        for cell, r in matrix.cells.items()
    ]
    found += [
        finding("range", f"sd {name}", not sd.value > 0, f"SD = {sd.value:g}", "above 0", look)
        for name, sd in matrix.sds.items()
    ]
    # What an analysis of variance estimates can lie below 0, never below −1.
    return found + [
        finding(
            "range", f"icc {name}", not -1 <= icc.value < 1, f"ICC = {icc.value:g}", "−1 to below 1", look
        )
        for name, icc in matrix.iccs.items()
    ]


def _definite(matrix: PublishedMatrix) -> list[MatrixFinding]:
    """Is the matrix of what is not a sum of other variables positive definite?"""
    names = [name for name in matrix.names if name not in totals_with_parts(matrix)]
    keep = [matrix.names.index(name) for name in names]
    correlations = matrix.correlations()[np.ix_(keep, keep)]
    smallest = float(np.linalg.eigvalsh(correlations)[0])
    text = f"the smallest eigenvalue of the matrix is {smallest:.3g}"
    if smallest > SAME:
        return [finding("definite", "correlations", False, text)]
    from statsmodels.stats.correlation_tools import corr_nearest
    from statsmodels.tools.sm_exceptions import IterationLimitWarning

    with warnings.catch_warnings():  # a remedy to two decimals needs no tight end
        warnings.simplefilter("ignore", IterationLimitWarning)
        nearby = corr_nearest(correlations, threshold=1e-4, n_fact=200)
    change = np.abs(nearby - correlations)
    inside = [(a, b) for a, b in matrix.cells if a in names and b in names]
    worst = sorted(inside, key=lambda c: -change[names.index(c[0]), names.index(c[1])])
    cells = ", ".join(
        f"{cell_name((a, b))} {nearby[names.index(a), names.index(b)]:.3f} instead of "
        f"{matrix.cells[a, b].value:g}"
        for a, b in worst[:3]
    )
    remedy = f"The nearest possible matrix has {cells}; look at these cells first"
    return [finding("definite", "correlations", True, text, "a positive definite matrix", remedy)]


def _signs(matrix: PublishedMatrix) -> list[MatrixFinding]:
    found = []
    for pair, word in matrix.text.items():
        cell = matrix.cells.get(pair)
        if cell is None:
            continue
        signed = cell.value if word == "positive" else -cell.value
        text = f"r = {cell.value:g} where the text says {word}"
        bad, remedy = signed + cell.half_width < 0, "A minus sign lost in typing?"
        found.append(finding("sign", cell_name(pair), bad, text, word, remedy))
    return found
