"""What is wrong or odd in an export: kept in groups, listed in full for a file, told in short on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from fortems.errors import DataError, Problem

MOST_ROWS = 100_000  # of the problems file: a wrong file of a million rows must not fill the disk
MOST_GROUPS = 25  # on the terminal
MOST_PLACES = 5  # per group on the terminal


@dataclass(frozen=True)
class Finding:
    """One kind of problem or oddity in one column.

    Attributes
    ----------
    what : str
        What is wrong, without the value, in words that hold for each place.
    column : str
        The file's column, or empty.
    family : str
        What groups columns on the terminal (an instrument's name); the column by default.
    places : ndarray of int
        Positions of the rows in the table; empty when the finding is of the whole file.
    values : sequence of str
        The value at each place; empty where it says nothing.
    allowed, hint : str
        As in ``Problem``.
    kind : str
        For warnings: one word for the kind.
    found : str
        A sentence on values that stand in the file, for the terminal and the problems file; no log has it.
    """

    what: str
    column: str = ""
    family: str = ""
    places: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    values: Sequence[str] = ()
    allowed: str = ""
    hint: str = ""
    kind: str = ""
    found: str = ""

    @property
    def remedy(self) -> str:
        """What is there and what to do, with the values that no log has."""
        return f"{self.found} {self.hint}".strip()


def listed(names: Iterable[str], most: int = 20) -> str:
    """Return names for a message, the first of them where they are many."""
    shown = list(names)
    return ", ".join(shown[:most]) + (", …" if len(shown) > most else "")


class ExportError(DataError):
    """An export that cannot be used.

    Attributes
    ----------
    problems : list of Problem
        Every problem, in the order of the file, at most ``MOST_ROWS``.
    summary : str
        The same in groups, for the terminal: names rows, clients and values.
    anonymous : str
        The same without rows, clients and values, for logs.
    """

    def __init__(
        self, findings: Sequence[Finding], file: str, rows: np.ndarray, clients: Sequence[str] | np.ndarray
    ):
        self.problems = expand(findings, file, rows, clients)
        self.summary = _headline(self.headline, findings, file, rows, clients, named=True)
        self.anonymous = _headline(self.headline, findings, file, rows, clients, named=False)
        Exception.__init__(self, self.summary)


def expand(
    findings: Iterable[Finding], file: str, rows: np.ndarray, clients: Sequence[str] | np.ndarray
) -> list[Problem]:
    """List the problems one by one, those of the whole file first, then by row.

    Parameters
    ----------
    findings : iterable of Finding
    file : str
        Base name of the export.
    rows : ndarray of int
        Row number of each place.
    clients : sequence of str
        Client of each place; may be empty when the file has no such column.
    """
    findings = list(findings)
    general = [
        Problem(file, f.what, f.allowed, f.remedy, column=f.column) for f in findings if not len(f.places)
    ]
    local = [
        (int(place), order, number)
        for order, f in enumerate(findings)
        for number, place in enumerate(f.places[:MOST_ROWS])
    ]
    local.sort()
    room = max(MOST_ROWS - len(general), 0)
    total = sum(len(f.places) for f in findings)
    problems = general[:MOST_ROWS]
    for place, order, number in local[:room]:
        f = findings[order]
        row = str(rows[place])
        client = str(clients[place]) if len(clients) else ""
        value = str(f.values[number]) if len(f.values) else ""
        cell = f"column {f.column}" + (f" ({value!r})" if value else "") if f.column else ""
        where = ", ".join(part for part in (file, f"row {row}", cell) if part)
        problems.append(Problem(where, f.what, f.allowed, f.remedy, row, client, f.column, value))
    if total > room:
        problems.append(Problem(file, f"and {total - room} more problems of the same kinds"))
    return problems


def _headline(
    headline: str,
    findings: Sequence[Finding],
    file: str,
    rows: np.ndarray,
    clients: Sequence[str] | np.ndarray,
    named: bool,
) -> str:
    count = sum(max(len(f.places), 1) for f in findings)
    groups = _grouped(findings)
    lines = [f"{headline}: {count} problem{'s' if count > 1 else ''} in {file}."]
    lines += [f"  - {_group_text(group, rows, clients, named)}" for group in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        lines.append(f"  ... and {len(groups) - MOST_GROUPS} more kinds of problem.")
    return "\n".join(lines)


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings that differ in their column only, together."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for f in findings:
        alone = "" if len(f.places) or f.family else f.column
        groups.setdefault((f.family or f.column, f.what, f.allowed, f.hint, alone), []).append(f)
    return list(groups.values())


def _group_text(
    group: list[Finding], rows: np.ndarray, clients: Sequence[str] | np.ndarray, named: bool
) -> str:
    first = group[0]
    columns = list(dict.fromkeys(f.column for f in group if f.column))
    if len(columns) > 3:
        subject = f"{columns[0]} … {columns[-1]} ({len(columns)} columns)"
    else:
        subject = ", ".join(columns)
    count = sum(len(f.places) for f in group)
    text = f"{subject}: {first.what}" if subject else first.what
    if count > 1:
        text += f", {count} times"
    if count and named:
        text += f" ({_places_text(group, rows, clients)})"
    return str(Problem(text, "", first.allowed, first.remedy if named else first.hint)).replace(": .", ".", 1)


def _places_text(group: list[Finding], rows: np.ndarray, clients: Sequence[str] | np.ndarray) -> str:
    several = len({f.column for f in group}) > 1
    shown = []
    for f in group:
        for number, place in enumerate(f.places[:MOST_PLACES]):
            parts = [f"row {rows[place]}"]
            if len(clients) and clients[place]:
                parts.append(f"client {clients[place]}")
            if several:
                parts.append(f.column)
            value = str(f.values[number]) if len(f.values) else ""
            told = f": {value!r}" if value and not (len(clients) and value == clients[place]) else ""
            shown.append((int(place), ", ".join(parts) + told))
    shown.sort(key=lambda pair: pair[0])
    count = sum(len(f.places) for f in group)
    text = "; ".join(words for _, words in shown[:MOST_PLACES])
    return text + ("; …" if count > MOST_PLACES else "")
