"""Rows that are no client's: units or questions below the names, totals and notes at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fortems.data.findings import Finding
from fortems.data.mapping import Mapped
from fortems.study.definition import IDENTIFIERS

FEW = 0.1  # share of rows up to which a problem is one of single rows, not of its column
MOST = 3  # such rows at each end
FEWEST = 3  # problems of a row with a client's name from which it looks like none


def one_problem_each(problems: Sequence[Finding], mapped: Mapped) -> list[Finding]:
    """Tell a row at the top or the end of which most is wrong once, with what it seems to be, in place of cell by cell.

    Parameters
    ----------
    problems : sequence of Finding
    mapped : Mapped
        The rows that the places of the problems count.
    """
    rows = len(mapped.frame)
    told, found = _names_again(problems)
    for end, places in (("first", range(rows)), ("last", range(rows - 1, -1, -1))):
        for place in places[:MOST]:
            here = [f for f in told if place in f.places and len(f.places) <= max(MOST + 1, FEW * rows)]
            if rows <= 2 * MOST or not _no_client(here, place, mapped):
                break
            told = [rest for f in told if (rest := _without(f, place) if _among(f, here) else f) is not None]
            found.append(_stray(place, end, len(here)))
    return [*found, *told]


def _names_again(problems: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """Rows that repeat the column names, as files put one below the other do: one problem; and all others."""
    again: Counter[int] = Counter()
    for f in problems:
        values = zip(f.places.tolist(), f.values, strict=False)
        again.update(place for place, value in values if value.casefold() == f.column.casefold())
    places = sorted(place for place, cells in again.items() if cells >= FEWEST)
    told = list(problems)
    for place in places:
        told = [rest for f in told if (rest := _without(f, place)) is not None]
    if not places:
        return told, []
    hint = "Keep the names in the first row alone; files put one below the other have them again"
    what = "a row holds the names of the columns again"
    return told, [Finding(what, places=np.array(places), allowed="the names in the first row", hint=hint)]


def _among(finding: Finding, findings: Sequence[Finding]) -> bool:
    return any(finding is other for other in findings)


def _no_client(here: Sequence[Finding], place: int, mapped: Mapped) -> bool:
    """Whether a row names no client and has more wrong, or most of its numbers are wrong."""
    numbers = [n for n in mapped.frame if n not in (*IDENTIFIERS, *mapped.categories)]
    gone = [name for name in IDENTIFIERS if name in mapped.frame and mapped.frame[name].isna().iloc[place]]
    if "client" in gone:
        return len(here) > 1
    return len(here) >= FEWEST and (bool(gone) or 2 * len(here) > len(numbers))


def _without(finding: Finding, place: int) -> Finding | None:
    """The finding without a row; None where it is of that row alone."""
    keep = np.flatnonzero(np.asarray(finding.places) != place)
    if not len(finding.places):
        return finding
    if not len(keep):
        return None
    values = [finding.values[n] for n in keep.tolist()] if len(finding.values) else finding.values
    return replace(finding, places=finding.places[keep], values=values)


def _stray(place: int, end: str, problems: int) -> Finding:
    where = {"first": "top", "last": "end"}[end]
    seems = {
        "first": "units or questions below the names",
        "last": "a total, a mean or a note below the clients",
    }
    what = f"a row at the {where} seems to be no client's: {problems} of its cells do not fit their columns"
    return Finding(
        what,
        places=np.array([place]),
        allowed="one client in each row below the names",
        hint=f"If it holds {seems[end]}, keep it out of the table; else mend its cells",
    )


def bare_rows(mapped: Mapped) -> list[Finding]:
    """Rows with a name and nothing else, which count as received: a client without data, or a note."""
    rest = [name for name in mapped.frame if name != "client"]
    if "client" not in mapped.frame or not rest:
        return []
    bare = int((mapped.frame[rest].isna().all(axis=1) & mapped.frame["client"].notna()).sum())
    if not bare:
        return []
    rows = f"{bare} rows have" if bare > 1 else "1 row has"
    what = f"{rows} a text under client and nothing else, and count{'' if bare > 1 else 's'} as received"
    hint = "Right for clients without data; a note below the clients belongs on another sheet"
    return [Finding(what, mapped.naming.sources["client"], hint=hint, kind="bare row")]
