"""Printed p-values and stars against r and n: t = r sqrt((n − 2) / (1 − r²)), two-sided."""

from __future__ import annotations

import numpy as np

from fortems.published.findings import IMPOSSIBLE, MatrixFinding, cell_name, finding
from fortems.published.matrix import Printed, PublishedMatrix

SAME = 1e-12


def mark_checks(matrix: PublishedMatrix) -> list[MatrixFinding]:
    """Check every printed p and star, and n when several contradict it."""
    tests = _p_values(matrix) + _stars(matrix)
    return tests + _wrong_n(matrix, tests)


def p_of_r(r: np.ndarray | float, n: int) -> np.ndarray:
    """Return the two-sided p of a correlation with n − 2 degrees of freedom."""
    from scipy.special import stdtr

    r = np.clip(np.abs(np.asarray(r, float)), 0, 1 - 1e-15)
    return 2 * stdtr(n - 2, -r * np.sqrt((n - 2) / (1 - r**2)))


def _p_range(cell: Printed, n: int) -> tuple[float, float]:
    """Smallest and largest p over the correlations that round to the printed one."""
    size = abs(cell.value)
    high, low = p_of_r(np.array([max(size - cell.half_width, 0), min(size + cell.half_width, 1)]), n)
    return float(low), float(high)


def _p_fits(printed_p: tuple[str, Printed], cell: Printed, n: int) -> bool:
    relation, p = printed_p
    low, high = _p_range(cell, n)
    if relation == "<":
        return low < p.value
    return low <= p.value + p.half_width + SAME and high >= p.value - p.half_width - SAME


def _p_values(matrix: PublishedMatrix) -> list[MatrixFinding]:
    found = []
    for pair, printed_p in matrix.p.items():
        cell = matrix.cells.get(pair)
        if cell is None or not abs(cell.value) <= 1:
            continue
        low, high = _p_range(cell, matrix.n)
        relation, p = printed_p
        found.append(
            finding(
                "p",
                cell_name(pair),
                not _p_fits(printed_p, cell, matrix.n),
                f"r = {cell.value:g} with p {relation} {p.value:g} at n = {matrix.n}",
                f"p between {low:.3g} and {high:.3g}",
                "Look at r, p and n; a one-sided or cluster-adjusted test would explain it",
            )
        )
    return found


def _star_bounds(stars: str, levels: dict[str, float]) -> tuple[float, float]:
    """Levels between which p must lie: (must not be below, must be below)."""
    ladder = sorted({1.0, *levels.values()}, reverse=True)
    upper = levels.get(stars, 1.0)
    lower = [level for level in ladder if level < upper]
    return (lower[0] if lower else 0.0), upper


def _stars_fit(cell: Printed, levels: dict[str, float], n: int) -> bool:
    at_least, below = _star_bounds(cell.stars, levels)
    low, high = _p_range(cell, n)
    return (low < below or below == 1.0) and high >= at_least


def _stars(matrix: PublishedMatrix) -> list[MatrixFinding]:
    if not matrix.starred or not any(cell.stars for cell in matrix.cells.values()):
        return []
    remedy = "Look at r, its stars and n; a one-sided or cluster-adjusted test would explain it"
    if shorter := _shorter_ladder(matrix):
        last = [mark for mark in matrix.stars if mark not in shorter]
        typed = ", ".join(f'"{mark}": {level:g}' for mark, level in shorter.items())
        remedy = (
            f"All cells fit where the article knows no {' or '.join(last)}: then write stars: {{{typed}}}"
        )
    found = []
    for pair, cell in matrix.cells.items():
        if not abs(cell.value) <= 1:
            continue
        low, high = _p_range(cell, matrix.n)
        at_least, below = _star_bounds(cell.stars, matrix.stars)
        unknown = bool(cell.stars) and cell.stars not in matrix.stars
        found.append(
            finding(
                "stars",
                cell_name(pair),
                unknown or not _stars_fit(cell, matrix.stars, matrix.n),
                f"r = {cell.value:g} with {cell.stars or 'no star'} at n = {matrix.n}, p {low:.3g} to {high:.3g}",
                f"a mark in {', '.join(matrix.stars)}" if unknown else f"p from {at_least:g} to {below:g}",
                remedy,
            )
        )
    return found


def _shorter_ladder(matrix: PublishedMatrix) -> dict[str, float]:
    """Return the marks down to the last one that is used, where every cell fits them and not the whole ladder.

    SPSS and many articles know * and ** only: there ** is all below .01.
    """
    used = [matrix.stars[cell.stars] for cell in matrix.cells.values() if cell.stars in matrix.stars]
    kept = {mark: level for mark, level in matrix.stars.items() if used and level >= min(used)}
    cells = [cell for cell in matrix.cells.values() if abs(cell.value) <= 1]
    if len(kept) == len(matrix.stars) or not all(not c.stars or c.stars in kept for c in cells):
        return {}
    fits = [all(_stars_fit(cell, ladder, matrix.n) for cell in cells) for ladder in (kept, matrix.stars)]
    return kept if fits == [True, False] else {}


def _wrong_n(matrix: PublishedMatrix, tests: list[MatrixFinding]) -> list[MatrixFinding]:
    """When several marks contradict n, name the sizes at which all of them fit."""
    contradictions = sum(test.verdict == IMPOSSIBLE for test in tests)
    of_stars = all(test.check == "stars" for test in tests if test.verdict == IMPOSSIBLE)
    if contradictions >= 2 and of_stars and matrix.starred and _shorter_ladder(matrix):
        return [finding("n", "n", False, f"n = {matrix.n} fits the printed tests with fewer marks")]
    if contradictions < 2:
        return [finding("n", "n", False, f"n = {matrix.n} fits the printed tests")] if tests else []
    marked = matrix.starred and any(cell.stars for cell in matrix.cells.values())
    fitting = [
        n
        for n in range(4, 2001)
        if all(_p_fits(p, matrix.cells[pair], n) for pair, p in matrix.p.items() if pair in matrix.cells)
        and (not marked or all(_stars_fit(cell, matrix.stars, n) for cell in matrix.cells.values()))
    ]
    text = f"n = {matrix.n} contradicts {contradictions} printed tests"
    if not fitting:
        return [finding("n", "n", False, f"{text}, and no other n fits them all")]
    return [
        finding("n", "n", True, text, f"n from {fitting[0]} to {fitting[-1]}", "Look up n for this table")
    ]
