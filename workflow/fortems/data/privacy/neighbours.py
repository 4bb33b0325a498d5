"""Whether lists and rows of numbers hold cells of one client: neighbouring ones, standardized ones, or nearly all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fortems.data.privacy.confidential import Secrets
from fortems.data.privacy.sameness import NUMBER, printed

NEIGHBOURS = {"scores": 5, "items": 12}  # cells in a row that belong to one client and no other table
MATCHING = 8  # cells of a row that are one client's, in any order
LARGEST = 6  # a standardized value
DIFFERENT = 4  # cells among neighbours: fewer may be a grid or a row of zeros


class Neighbours:
    """Cells of the clients, prepared once for all files.

    Parameters
    ----------
    secret : Secrets
    """

    def __init__(self, secret: Secrets):
        self.plain = {
            kind: _Grams(
                NEIGHBOURS[kind],
                (
                    (gram, client)
                    for client, cells in enumerate(rows)
                    for gram in _grams(cells, NEIGHBOURS[kind])
                ),
            )
            for kind, rows in secret.rows.items()
        }
        length, n = NEIGHBOURS["scores"], max(len(secret.standardized) // 2, 1)
        self.standard = _Grams(
            length,
            (
                (gram, place % n)
                for place, row in enumerate(secret.standardized)
                for gram in _windows(_hundredths(row), length)
            ),
        )
        own = [set(printed([cell for cell in cells if cell]).tolist()) for cells in secret.rows["scores"]]
        self.own_cells = np.array([len(cells) for cells in own], dtype=int)
        self.holders: dict[float, list[int]] = {}  # number → clients who have it among their scores
        for client, cells in enumerate(own):
            for cell in cells:
                self.holders.setdefault(cell, []).append(client)
        self.held = np.array(sorted(self.holders), dtype=float)
        self.clients: dict[str, set[int]] = {}

    def note(
        self, rows: Sequence[Sequence[str]], sequences: Sequence[tuple[Sequence[str], np.ndarray]]
    ) -> None:
        """Note clients whose cells stand in rows of a table or in lists of numbers.

        Parameters
        ----------
        rows : sequence of sequences of str
        sequences : sequence of tuple
            Numbers as they stand, and ``printed``.
        """
        numbers = [[cell for cell in row if NUMBER.fullmatch(cell)] for row in rows]
        each: list[tuple[Sequence[str], np.ndarray]] = [(cells, printed(cells)) for cells in numbers]
        self._whole([values for _, values in each])
        each += sequences
        if not each:
            return
        values = _apart([values for _, values in each])
        for kind, grams in self.plain.items():
            self._add(f"{kind}.csv", grams.within(values))
        # Standardized values have decimals.
        decimal = [values for cells, values in each if sum("." in c for c in cells) >= NEIGHBOURS["scores"]]
        if decimal:
            found = self.standard.within(_hundredths(_apart(decimal)))
            self._add("scores.csv, standardized,", found)

    def told(self) -> Iterator[str]:
        """Yield how many clients' rows were found since this was last asked."""
        for kind, clients in sorted(self.clients.items()):
            count = f"{len(clients)} client{'s' if len(clients) > 1 else ''}"
            yield f"holds neighbouring cells of data/{kind} of {count}"
        self.clients = {}

    def _add(self, kind: str, clients: set[int]) -> None:
        if clients:
            self.clients.setdefault(kind, set()).update(clients)

    def _whole(self, rows: Sequence[np.ndarray]) -> None:
        """Note clients whose cells stand in a row in any order."""
        rows = [row for row in rows if MATCHING <= len(row) <= 3 * MATCHING]
        if not rows or not len(self.held):
            return
        held = np.isin(np.concatenate(rows), self.held)
        many = np.add.reduceat(held, np.cumsum([0, *(len(row) for row in rows[:-1])]), dtype=int)
        for place in np.flatnonzero(many >= MATCHING).tolist():
            if _even(rows[place]):
                continue
            shared = np.zeros(len(self.own_cells), dtype=int)
            for cell in set(rows[place].tolist()) & self.holders.keys():
                shared[self.holders[cell]] += 1
            hits = np.flatnonzero(shared >= np.maximum(MATCHING, self.own_cells - 1))
            self._add("scores.csv", set(hits.tolist()))


class _Grams:
    """Runs of so many numbers, each of a client.

    Parameters
    ----------
    length : int
    grams : iterable of tuple
        The numbers and the client.
    """

    def __init__(self, length: int, grams: Iterator[tuple[tuple[float, ...], int]]):
        self.length = length
        self.client = dict(grams)
        self.values = np.unique([value for gram in self.client for value in gram])
        own = np.array(list(self.client), dtype=float).reshape(-1, length)
        self.marks = np.unique(self._marks(np.searchsorted(self.values, own).T))

    def within(self, values: np.ndarray) -> set[int]:
        """Return the clients of whom a run stands in a list of numbers."""
        n = len(values) - self.length + 1
        if n < 1 or not len(self.values):
            return set()
        at = np.minimum(np.searchsorted(self.values, values), len(self.values) - 1)
        unknown = np.cumsum(np.concatenate([[0], self.values[at] != values]))
        start = np.flatnonzero(unknown[self.length :] == unknown[: -self.length])
        if not len(start):
            return set()
        marks = self._marks(at[start + step] for step in range(self.length))
        runs = (tuple(values[s : s + self.length].tolist()) for s in start[np.isin(marks, self.marks)])
        return {self.client[run] for run in runs if run in self.client}

    def _marks(self, places: Iterable[np.ndarray]) -> np.ndarray:
        """One whole number for each run, equal for equal runs, and hardly ever for others."""
        marks: np.ndarray = np.zeros(1, dtype=np.uint64)
        for column in places:
            marks = marks * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.uint64) + np.uint64(1)
        return marks


def _apart(lists: Sequence[np.ndarray]) -> np.ndarray:
    """Lists of numbers as one, with a gap behind each."""
    return np.concatenate([part for values in lists for part in (values, [np.nan])])


def _hundredths(values: np.ndarray) -> np.ndarray:
    """Numbers of standardized size in hundredths, a gap for others."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) < LARGEST, np.rint(values * 100), np.nan)


def _windows(values: np.ndarray, length: int) -> Iterator[tuple[float, ...]]:
    """Runs of neighbouring numbers without a gap, if they differ enough."""
    for start in range(len(values) - length + 1):
        gram = tuple(values[start : start + length].tolist())
        if len(set(gram)) >= min(length, DIFFERENT) and not np.isnan(gram).any():
            yield gram


def _grams(cells: Sequence[str], length: int) -> Iterator[tuple[float, ...]]:
    """Runs of neighbouring cells without a gap, if they are neither nearly all the same nor a grid."""
    values = printed([cell or "nan" for cell in cells])
    for gram in _windows(values, length):
        if not _even(gram):
            yield gram


def _even(values: Sequence[float] | np.ndarray) -> bool:
    """Return whether numbers are evenly spaced, as the ticks of an axis are."""
    with np.errstate(invalid="ignore"):
        return bool(np.ptp(np.diff(values)) == 0)
