"""Can the printed numbers be right? Each cell of a published table against what is possible.

Sources: GRIM, Brown & Heathers (2017, doi 10.1177/1948550616673876); GRIMMER, Anaya (2016) with the parity
condition of Allard (2018); the largest SD on a bounded scale, Bhatia & Davis (2000); the t test of a
correlation, t = r sqrt((n − 2) / (1 − r²)).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from fortems.errors import ConfigError, Problem
from fortems.published.matrix import Printed, PublishedMatrix, Scale

if TYPE_CHECKING:
    import pandas as pd

POSSIBLE, IMPOSSIBLE, UNINFORMATIVE = "possible", "impossible", "uninformative"
NOT_ACCEPTABLE = ("range", "definite", "size")  # nothing can be computed from these
SAME = 1e-12


@dataclass(frozen=True)
class Finding:
    """What one check says of one cell.

    Attributes
    ----------
    name : str
        Check and cell, such as ``stars:meaning~bond``; an ``accept:`` entry uses it.
    check, cell : str
        Its two parts.
    verdict : str
        ``possible``, ``impossible`` or ``uninformative`` (the check cannot tell).
    found, allowed, remedy : str
        What is printed, what would be possible, what to look at.
    """

    name: str
    check: str
    cell: str
    verdict: str
    found: str
    allowed: str = ""
    remedy: str = ""


def check_matrix(matrix: PublishedMatrix) -> list[Finding]:
    """Run every check on every cell.

    Parameters
    ----------
    matrix : PublishedMatrix
        As typed from the article.

    Returns
    -------
    list of Finding
        In the table's order, possible ones included.
    """
    findings = _size(matrix) + _range(matrix)
    if not any(finding.verdict == IMPOSSIBLE for finding in findings):
        findings += _definite(matrix)
    tests = _p_values(matrix) + _stars(matrix)
    return findings + tests + _wrong_n(matrix, tests) + _scales(matrix) + _signs(matrix)


def findings_frame(findings: list[Finding], accept: frozenset[str]) -> pd.DataFrame:
    """Return the findings as a table, with ``accepted`` for those that the user keeps as printed."""
    import pandas as pd

    columns = [*Finding.__dataclass_fields__, "accepted"]
    return pd.DataFrame([asdict(f) | {"accepted": f.name in accept} for f in findings], columns=columns)


def refuse_impossible(findings: list[Finding], accept: frozenset[str], path: str) -> None:
    """Raise ConfigError that lists the impossible cells which the user has not accepted as printed."""
    named = {finding.name for finding in findings}
    problems = [
        Problem(f"{path}: accept", f"{name!r} is not a finding", ", ".join(sorted(named)))
        for name in sorted(accept - named)
    ]
    for finding in findings:
        kept = finding.name in accept and finding.check not in NOT_ACCEPTABLE
        if finding.verdict == IMPOSSIBLE and not kept:
            remedy = finding.remedy
            if finding.check not in NOT_ACCEPTABLE:
                remedy += f"; if the article does print it, add {finding.name!r} to `accept`"
            problems.append(Problem(f"{path}: {finding.cell}", finding.found, finding.allowed, remedy))
    if problems:
        raise ConfigError(problems)


def _finding(check: str, cell: str, bad: bool, found: str, allowed: str = "", remedy: str = "") -> Finding:
    verdict = IMPOSSIBLE if bad else POSSIBLE
    return Finding(
        f"{check}:{cell}", check, cell, verdict, found, allowed if bad else "", remedy if bad else ""
    )


def _size(matrix: PublishedMatrix) -> list[Finding]:
    least = len(matrix.names) + 2
    found = [
        _finding(
            "size", "n", matrix.n < least, f"n = {matrix.n}", f"at least {least}", "Look up the sample size"
        )
    ]
    if matrix.clusters is not None:
        too_many = matrix.clusters > matrix.n
        text = f"{matrix.clusters} clusters of {matrix.n} clients"
        found.append(_finding("size", "clusters", too_many, text, f"at most {matrix.n}", "Exchanged with n?"))
    return found


def _range(matrix: PublishedMatrix) -> list[Finding]:
    look = "A decimal point or a digit lost in typing?"
    found = [
        _finding("range", _name(cell), not abs(r.value) <= 1, f"r = {r.value:g}", "−1 to 1", look)
        for cell, r in matrix.cells.items()
    ]
    return found + [
        _finding("range", f"sd {name}", not sd.value > 0, f"SD = {sd.value:g}", "above 0", look)
        for name, sd in matrix.sds.items()
    ]


def _definite(matrix: PublishedMatrix) -> list[Finding]:
    correlations = matrix.correlations()
    smallest = float(np.linalg.eigvalsh(correlations)[0])
    text = f"the smallest eigenvalue of the matrix is {smallest:.3g}"
    if smallest > SAME:
        return [_finding("definite", "correlations", False, text)]
    from statsmodels.stats.correlation_tools import corr_nearest

    nearby = corr_nearest(correlations, threshold=1e-4, n_fact=1000)
    change = np.abs(nearby - correlations)
    worst = sorted(matrix.cells, key=lambda c: -change[matrix.names.index(c[0]), matrix.names.index(c[1])])
    cells = ", ".join(
        f"{_name((a, b))} {nearby[matrix.names.index(a), matrix.names.index(b)]:.3f} instead of "
        f"{matrix.cells[a, b].value:g}"
        for a, b in worst[:3]
    )
    remedy = f"The nearest possible matrix has {cells}; look at these cells first"
    return [_finding("definite", "correlations", True, text, "a positive definite matrix", remedy)]


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


def _p_values(matrix: PublishedMatrix) -> list[Finding]:
    found = []
    for pair, printed_p in matrix.p.items():
        cell = matrix.cells.get(pair)
        if cell is None or not abs(cell.value) <= 1:
            continue
        low, high = _p_range(cell, matrix.n)
        relation, p = printed_p
        found.append(
            _finding(
                "p",
                _name(pair),
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


def _stars(matrix: PublishedMatrix) -> list[Finding]:
    if not matrix.starred or not any(cell.stars for cell in matrix.cells.values()):
        return []
    found = []
    for pair, cell in matrix.cells.items():
        if not abs(cell.value) <= 1:
            continue
        low, high = _p_range(cell, matrix.n)
        at_least, below = _star_bounds(cell.stars, matrix.stars)
        unknown = bool(cell.stars) and cell.stars not in matrix.stars
        found.append(
            _finding(
                "stars",
                _name(pair),
                unknown or not _stars_fit(cell, matrix.stars, matrix.n),
                f"r = {cell.value:g} with {cell.stars or 'no star'} at n = {matrix.n}, p {low:.3g} to {high:.3g}",
                f"a mark in {', '.join(matrix.stars)}" if unknown else f"p from {at_least:g} to {below:g}",
                "Look at r, its stars and n; a one-sided or cluster-adjusted test would explain it",
            )
        )
    return found


def _wrong_n(matrix: PublishedMatrix, tests: list[Finding]) -> list[Finding]:
    """When several marks contradict n, name the sizes at which all of them fit."""
    contradictions = sum(finding.verdict == IMPOSSIBLE for finding in tests)
    if contradictions < 2:
        return [_finding("n", "n", False, f"n = {matrix.n} fits the printed tests")] if tests else []
    marked = matrix.starred and any(cell.stars for cell in matrix.cells.values())
    fitting = [
        n
        for n in range(4, 2001)
        if all(_p_fits(p, matrix.cells[pair], n) for pair, p in matrix.p.items() if pair in matrix.cells)
        and (not marked or all(_stars_fit(cell, matrix.stars, n) for cell in matrix.cells.values()))
    ]
    text = f"n = {matrix.n} contradicts {contradictions} printed tests"
    if not fitting:
        return [_finding("n", "n", False, f"{text}, and no other n fits them all")]
    return [
        _finding("n", "n", True, text, f"n from {fitting[0]} to {fitting[-1]}", "Look up n for this table")
    ]


def _scales(matrix: PublishedMatrix) -> list[Finding]:
    found = []
    for name in matrix.names:
        scale, mean, sd = matrix.scales.get(name), matrix.means.get(name), matrix.sds.get(name)
        if scale is None or mean is None:
            continue
        found.append(_mean_in_range(name, mean, scale))
        if found[-1].verdict == IMPOSSIBLE:
            continue
        grim, sums = _grim(name, mean, scale, matrix)
        found.append(grim)
        if sd is not None:
            found.append(_largest_sd(name, mean, sd, scale, matrix.n))
            found.append(_grimmer(name, sums, sd, scale, matrix))
    return found


def _mean_in_range(name: str, mean: Printed, scale: Scale) -> Finding:
    bad = not scale.low - mean.half_width <= mean.value <= scale.high + mean.half_width
    allowed = f"{scale.low:g} to {scale.high:g}"
    remedy = "Sum or mean of the items? Declare `scale` if the article scores otherwise"
    return _finding("mean", f"mean {name}", bad, f"M = {mean.value:g}", allowed, remedy)


def _largest_sd(name: str, mean: Printed, sd: Printed, scale: Scale, n: int) -> Finding:
    """SD² ≤ (mean − low)(high − mean) n / (n − 1), at the mean within rounding that allows most."""
    middle = (scale.low + scale.high) / 2
    best = min(max(middle, mean.value - mean.half_width), mean.value + mean.half_width)
    limit = math.sqrt(max((best - scale.low) * (scale.high - best), 0) * n / (n - 1))
    bad = sd.value - sd.half_width > limit
    text = f"SD = {sd.value:g} at M = {mean.value:g} on a scale of {scale.low:g} to {scale.high:g}"
    return _finding(
        "sd", f"sd {name}", bad, text, f"at most {limit:.4g}", "Look at SD, mean and the scale's range"
    )


def _grain(scale: Scale) -> int:
    return scale.items if scale.divided else 1


def _grim(name: str, mean: Printed, scale: Scale, matrix: PublishedMatrix) -> tuple[Finding, list[int]]:
    """Is there a whole-number sum of all scores whose mean rounds to the printed one?"""
    cell = f"mean {name}"
    grain = matrix.n * _grain(scale)
    if not scale.whole or name in matrix.prorated or grain >= 10**mean.decimals:
        why = (
            "single scores need not be whole"
            if grain < 10**mean.decimals
            else "every mean is possible at this n"
        )
        return Finding(f"grim:{cell}", "grim", cell, UNINFORMATIVE, f"M = {mean.value:g}: {why}"), []
    low = math.ceil((mean.value - mean.half_width) * grain - 1e-9)
    high = math.floor((mean.value + mean.half_width) * grain + 1e-9)
    around = round(mean.value * grain)
    near = " or ".join(f"{k / grain:.{mean.decimals}f}" for k in sorted({around, around + 1, around - 1}))
    text = f"M = {mean.value:g} is {'no' if low > high else 'a'} mean of {matrix.n} whole scores"
    remedy = "Look at the mean and n; scores with replaced missing items are declared by `prorated: true`"
    return _finding("grim", cell, low > high, text, near, remedy), list(range(low, high + 1))


def _grimmer(name: str, sums: list[int], sd: Printed, scale: Scale, matrix: PublishedMatrix) -> Finding:
    """Is there a whole-number sum of squares, of the sum's parity, whose SD rounds to the printed one?"""
    cell = f"sd {name}"
    n, grain = matrix.n, _grain(scale)
    low, high = max(sd.value - sd.half_width, 0) * grain, (sd.value + sd.half_width) * grain
    if not sums or (n - 1) * (high**2 - low**2) >= 2:
        return Finding(f"grimmer:{cell}", "grimmer", cell, UNINFORMATIVE, f"SD = {sd.value:g}: cannot tell")
    possible = any(
        (square - total) % 2 == 0
        for total in sums
        for square in range(
            math.ceil((n - 1) * low**2 + total**2 / n - 1e-9),
            math.floor((n - 1) * high**2 + total**2 / n + 1e-9) + 1,
        )
    )
    text = f"SD = {sd.value:g} is {'an' if possible else 'no'} SD of {n} whole scores with that mean"
    return _finding("grimmer", cell, not possible, text, "", "Look at SD, mean and n")


def _signs(matrix: PublishedMatrix) -> list[Finding]:
    found = []
    for pair, word in matrix.text.items():
        cell = matrix.cells.get(pair)
        if cell is None:
            continue
        signed = cell.value if word == "positive" else -cell.value
        text = f"r = {cell.value:g} where the text says {word}"
        found.append(
            _finding(
                "sign", _name(pair), signed + cell.half_width < 0, text, word, "A minus sign lost in typing?"
            )
        )
    return found


def _name(pair: tuple[str, str]) -> str:
    return f"{pair[0]}~{pair[1]}"
