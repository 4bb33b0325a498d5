"""Whether a column or a run of numbers is that of the clients or therapists, as it is or transformed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fortems.tidy import number

FEWEST = 8  # a shorter column of numbers may agree by chance
SIZES = "therapists' numbers of clients"
MOST = 2 / 3  # share of clients from which a column is theirs
IN_ORDER = 20  # so many values in the clients' order do not fall into the order of another column by chance
STRIDES = 24  # a column of a table written as text: each so many-th number
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
DIGITS = 10  # of a number as results print it: a text no longer than that is the number


class Columns:
    """Columns that must not be found, prepared once for all files.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Name → values in the order of the file.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.names = list(columns)
        sizes = columns.get(SIZES, np.empty(0))
        self.sizes = np.sort(sizes) if len(sizes) >= 4 and len(np.unique(sizes)) >= 3 else np.empty(0)
        by_length: dict[int, list[int]] = {}
        for place, (name, own) in enumerate(columns.items()):
            if name != SIZES:
                by_length.setdefault(len(own), []).append(place)
        self.groups = [
            _Group(places, [columns[self.names[p]] for p in places]) for places in by_length.values()
        ]
        self.runs = _Runs(columns)

    def same(self, cells: Sequence[str]) -> str:
        """Return whose values a column of cells holds, or an empty text."""
        n = len(cells)
        groups = [g for g in self.groups if n >= FEWEST and MOST * g.length <= n <= g.length]
        if n < 4 or not (groups or n == len(self.sizes)):
            return ""
        values = numbers(cells)
        if len(values) < 4 or np.ptp(values) == 0:
            return ""
        decimals = _digits(cells)
        hits = [place for group in groups for place in group.same(values, decimals)]
        if n == len(self.sizes) and np.array_equal(np.sort(values), self.sizes):
            hits.append(self.names.index(SIZES))
        return _label(self.names[min(hits)]) if hits else ""

    def running(self, sequence: np.ndarray) -> Iterator[str]:
        """Yield whose columns stand in a text, one number after the other or with as many between each time.

        Parameters
        ----------
        sequence : ndarray
            ``printed``.
        """
        for place in self.runs.within(sequence):
            yield _label(self.names[place])


@dataclass(frozen=True)
class _Group:
    """Columns of one length, so that another is held against all of them at once.

    Attributes
    ----------
    places : list of int
    columns : list of ndarray
    """

    places: list[int]
    columns: list[np.ndarray]

    @property
    def length(self) -> int:
        """How many values each column has."""
        return len(self.columns[0])

    @cached_property
    def own(self) -> np.ndarray:
        """The columns as rows."""
        return np.array(self.columns, dtype=float)

    @cached_property
    def order(self) -> np.ndarray:
        """Which clients come first in each column's order."""
        return np.argsort(self.own, axis=1, kind="stable")

    @cached_property
    def ties(self) -> np.ndarray:
        """Where in a column's order the next client has the same value."""
        return np.diff(np.take_along_axis(self.own, self.order, axis=1), axis=1) == 0

    @cached_property
    def in_order(self) -> np.ndarray:
        """Each column sorted."""
        return np.sort(self.own, axis=1)

    def standard(self, ddof: int) -> np.ndarray:
        """Each column standardized."""
        return (self.own - self.own.mean(axis=1, keepdims=True)) / self.own.std(
            axis=1, ddof=ddof, keepdims=True
        )

    @cached_property
    def standard_in_order(self) -> list[np.ndarray]:
        """Each column standardized and sorted, with divisor n and n - 1."""
        return [np.sort(self.standard(ddof), axis=1) for ddof in (0, 1)]

    def same(self, values: np.ndarray, decimals: int) -> list[int]:
        """Return the places of columns whose values these are."""
        # A column of few values agrees with others by chance unless its order does too.
        coarse = len(np.unique(values)) < FEWEST
        if len(values) == self.length:
            hits = self._move_with(values) | self._same_shape(values, decimals, coarse)
        elif coarse:
            return []
        else:
            hits = self._hold(np.sort(values), decimals)
        return [self.places[place] for place in np.flatnonzero(hits)]

    def _move_with(self, values: np.ndarray) -> np.ndarray:
        """Whether values rise or fall with each column, client by client: ranks, logarithms, tens of years."""
        if len(values) < IN_ORDER or len(np.unique(values)) < 3 or _sorted(values):
            return np.zeros(len(self.places), dtype=bool)
        steps = np.diff(values[self.order], axis=1)
        one_way = (steps >= 0).all(axis=1) | (steps <= 0).all(axis=1)
        return one_way & ~(self.ties & (steps != 0)).any(axis=1)

    def _same_shape(self, values: np.ndarray, decimals: int, coarse: bool) -> np.ndarray:
        """Whether values are each column in other units, in any order unless they are few."""
        close, theirs = _tolerance(values, decimals), (values - values.mean()) / values.std()
        ours = self.standard(0) if coarse else self.standard_in_order[0]
        turned = -ours if coarse else -ours[:, ::-1]
        theirs = theirs if coarse else np.sort(theirs)
        return _all_close(theirs, ours, close) | _all_close(theirs, turned, close)

    def _hold(self, values: np.ndarray, decimals: int) -> np.ndarray:
        """Whether sorted values are some of each column's, as they are or standardized."""
        close = 0.51 * 10.0**-decimals
        plain = _contained(values, self.in_order, close if decimals else min(close, 1e-9))
        hits = plain & (decimals == 0 or np.ptp(values) > 4 * close * self.length)
        if decimals >= 2:
            for ours in self.standard_in_order:
                hits |= ~plain & _contained(values, ours, max(close, 1e-6))
        return hits


class _Runs:
    """Columns in lists of numbers: two thirds of one, each value as often as it has it at most.

    Parameters
    ----------
    columns : mapping of str to ndarray
    """

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.own: list[tuple[np.ndarray, np.ndarray]] = []  # distinct values, and how many clients have each
        self.length: list[int] = []
        self.enough: list[int] = []
        self.place: list[int] = []
        for place, (name, values) in enumerate(columns.items()):
            distinct, counts = np.unique(
                [float(number(value)) for value in values.tolist()], return_counts=True
            )
            length = len(values) if name == SIZES else int(np.ceil(MOST * len(values)))
            enough = 3 if name == SIZES else FEWEST
            if length >= 4 and len(distinct) >= enough:
                self.own.append((distinct, counts))
                self.length.append(length)
                self.enough.append(enough)
                self.place.append(place)
        # Each value has a bit for each column that has it: so many columns are looked for at once.
        self.values = np.unique(np.concatenate([distinct for distinct, _ in self.own] or [np.empty(0)]))
        self.bits = np.zeros((-(-len(self.own) // 64), len(self.values)), dtype=np.uint64)
        for column, (distinct, _) in enumerate(self.own):
            self.bits[column // 64, np.searchsorted(self.values, distinct)] |= np.uint64(1 << column % 64)

    def within(self, sequence: np.ndarray) -> list[int]:
        """Return the places of columns of which enough stands in a sequence."""
        if not self.own or len(sequence) < min(self.length):
            return []
        sequence = np.where(np.isfinite(sequence), sequence, 0.0)
        at = np.minimum(np.searchsorted(self.values, sequence), len(self.values) - 1)
        known = self.values[at] == sequence
        found: set[int] = set()
        for word, bits in enumerate(self.bits):
            columns = range(64 * word, min(64 * word + 64, len(self.own)))
            for column, stride, starts in _covered(
                np.where(known, bits[at], np.uint64(0)), self.length, columns
            ):
                if column not in found:
                    length = self.length[column]
                    values = _pieces(sequence, starts, stride, length)
                    if _holds_run(values, *self.own[column], length, self.enough[column]):
                        found.add(column)
        return [self.place[column] for column in sorted(found)]


def _covered(
    bits: np.ndarray, lengths: Sequence[int], columns: range
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield columns, strides and where runs of each so many-th number, long enough, have only the column's values.

    Parameters
    ----------
    bits : ndarray of uint64
        For each number the columns, from the first of ``columns``, that have it.
    lengths : sequence of int
        How long the run of each column must be.
    columns : range
    """
    by_length: dict[int, list[int]] = {}
    for column in columns:
        by_length.setdefault(lengths[column], []).append(column)
    shortest = min(by_length)
    for stride in range(1, STRIDES + 1):
        if (shortest - 1) * stride >= len(bits):
            return
        # What all of 1, 2, 4, ... numbers in a row have in common; two such runs that overlap make one of any length.
        runs = [bits]
        for length, wanted in sorted(by_length.items()):
            while 2 ** len(runs) <= length:
                half = 2 ** (len(runs) - 1) * stride
                runs.append(runs[-1][:-half] & runs[-1][half:] if half < len(runs[-1]) else runs[-1][:0])
            run = runs[length.bit_length() - 1]
            gap = (length - 2 ** (length.bit_length() - 1)) * stride
            if gap >= len(run):
                break
            both = run[: len(run) - gap] & run[gap:]
            common = int(np.bitwise_or.reduce(both))
            for column in wanted:
                if common >> (column - columns[0]) & 1:
                    yield column, stride, np.flatnonzero(both & np.uint64(1 << column - columns[0]))


def _pieces(values: np.ndarray, starts: np.ndarray, stride: int, length: int) -> np.ndarray:
    """Return the runs of each so many-th number that begin somewhere, those that overlap as one, a gap behind each."""
    offset, row = starts % stride, starts // stride
    order = np.lexsort((row, offset))
    offset, row = offset[order], row[order]
    last = np.append((np.diff(row) != 1) | (np.diff(offset) != 0), True)
    first = np.append(True, last[:-1])
    many = row[last] - row[first] + length + 1  # the gap included
    step = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    place = np.repeat(row[first] * stride + offset[first], many) + step * stride
    gap = step == np.repeat(many - 1, many)
    return np.where(gap, np.nan, values[np.where(gap, 0, place)])


def _holds_run(
    values: np.ndarray, distinct: np.ndarray, counts: np.ndarray, length: int, enough: int
) -> bool:
    """Return whether a run of values is part of a column: each no more often, and enough different ones."""
    n = len(values)
    if n < length:
        return False
    at = np.minimum(np.searchsorted(distinct, values), len(distinct) - 1)
    known = distinct[at] == values
    places = np.arange(n)
    # The values by what they are, and within that by where they stand.
    order = np.argsort(at, kind="stable")
    order = order[known[order]]
    which, rank = at[order], np.arange(len(order))
    first = np.searchsorted(which, which)
    # A run that ends here may not reach back to the value that would be one too many, nor to one of another column.
    barred = np.where(known, -1, places)
    before = rank - counts[which]
    far = before >= first
    barred[order[far]] = order[before[far]]
    start = places - length + 1
    fits = (start >= 0) & (start > np.maximum.accumulate(barred))
    if not fits.any():
        return False
    # In how many runs a value is the first of its kind: those that begin behind the one before it.
    previous = np.full(n, -1)
    again = rank > first
    previous[order[again]] = order[rank[again] - 1]
    since = np.maximum(previous + 1, places - length + 1)
    many = np.zeros(n + 1, dtype=int)
    np.add.at(many, np.maximum(since, 0), 1)
    np.add.at(many, places + 1, -1)
    different = np.cumsum(many)[:n]
    return bool((different[start[fits]] >= enough).any())


def printed(cells: Sequence[str]) -> np.ndarray:
    """Return numbers (``NUMBER``) as results print them: with ten digits, so that the same number is equal."""
    return np.array(
        [float(cell) if len(cell) <= DIGITS else float(number(float(cell))) for cell in cells], dtype=float
    )


def numbers(cells: Sequence[str]) -> np.ndarray:
    """Return cells as numbers, a decimal comma included; empty where one is none."""
    found = []
    for cell in cells:
        plain = cell.strip().replace("\N{MINUS SIGN}", "-")
        if re.fullmatch(r"-?[0-9]+,[0-9]+", plain):
            plain = plain.replace(",", ".")
        if not NUMBER.fullmatch(plain):
            return np.empty(0)
        found.append(float(plain))
    return np.array(found, dtype=float)


def _label(name: str) -> str:
    return name if name.startswith("therapists'") else f"clients' {name}"


def _digits(cells: Sequence[str]) -> int:
    """The most decimals of a column's numbers."""
    return max(
        (len(re.split("[.,]", f"{cell.strip()}.")[1].partition("e")[0]) for cell in cells),
        default=0,
    )


def _sorted(values: np.ndarray) -> bool:
    """Return whether values are in an order of their own, which that of the clients may happen to be."""
    steps = np.diff(values)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _tolerance(values: np.ndarray, decimals: int) -> float:
    """How far standardized values may be apart if they were rounded to so many decimals."""
    return float(min(max(1e-6, 2 * 10.0**-decimals / values.std()), 0.02)) if decimals else 1e-6


def _all_close(theirs: np.ndarray, ours: np.ndarray, close: float) -> np.ndarray:
    """Return for each row of ours whether all its values are near theirs."""
    return (np.abs(theirs - ours) <= close + 1e-5 * np.abs(ours)).all(axis=1)


def _contained(some: np.ndarray, rows: np.ndarray, close: float) -> np.ndarray:
    """Return for each sorted row whether it has each of some sorted values, each of its own used once at most."""
    hits = (rows[:, 0] <= some[0] + close) & (rows[:, -1] >= some[-1] - close)
    for row in np.flatnonzero(hits):
        # The first of the row that is near enough and not yet used: one behind that of the value before at least.
        nearest = np.searchsorted(rows[row], some - close)
        step = np.arange(len(some))
        used = np.maximum.accumulate(nearest - step) + step
        hits[row] = used[-1] < rows.shape[1] and bool((rows[row][used] <= some + close).all())
    return hits
