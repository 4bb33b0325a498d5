"""What a check says of a printed cell, and the refusal that lists the impossible ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from fortems.errors import ConfigError, Problem

POSSIBLE, IMPOSSIBLE, UNINFORMATIVE = "possible", "impossible", "uninformative"
NOT_ACCEPTABLE = ("range", "definite", "size")  # nothing can be computed from these


@dataclass(frozen=True)
class MatrixFinding:
    """What one check says of one cell.

    Attributes
    ----------
    name : str
        Check and cell, such as ``stars:Y~X``; an ``accept:`` entry uses it.
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


def findings_frame(findings: list[MatrixFinding], accept: frozenset[str]) -> pd.DataFrame:
    """Return the findings as a table, with ``accepted`` for those that the user keeps as printed."""
    columns = [*MatrixFinding.__dataclass_fields__, "accepted"]
    return pd.DataFrame([asdict(f) | {"accepted": f.name in accept} for f in findings], columns=columns)


def refuse_impossible(findings: list[MatrixFinding], accept: frozenset[str], path: str) -> None:
    """Raise ConfigError that lists the impossible cells which the user has not accepted as printed."""
    named = {found.name for found in findings}
    problems = [
        Problem(f"{path}: accept", f"{name!r} is not a finding", ", ".join(sorted(named)))
        for name in sorted(accept - named)
    ]
    for found in findings:
        kept = found.name in accept and found.check not in NOT_ACCEPTABLE
        if found.verdict == IMPOSSIBLE and not kept:
            remedy = found.remedy
            if found.check not in NOT_ACCEPTABLE:
                remedy += f"; if the article does print it, add {found.name!r} to `accept`"
            problems.append(Problem(f"{path}: {found.cell}", found.found, found.allowed, remedy))
    if problems:
        raise ConfigError(problems)


def finding(
    check: str, cell: str, bad: bool, found: str, allowed: str = "", remedy: str = ""
) -> MatrixFinding:
    """Make a finding; what is allowed and the remedy are kept only where they are needed."""
    verdict = IMPOSSIBLE if bad else POSSIBLE
    return MatrixFinding(
        f"{check}:{cell}", check, cell, verdict, found, allowed if bad else "", remedy if bad else ""
    )


def cell_name(pair: tuple[str, str]) -> str:
    """Name the cell of a pair of variables."""
    return f"{pair[0]}~{pair[1]}"
