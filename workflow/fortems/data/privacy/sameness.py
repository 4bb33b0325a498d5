"""Whether a column or a run of numbers is that of the clients or therapists, as it is or transformed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

FEWEST = 8  # a shorter column of numbers may agree by chance
SIZES = "therapists' numbers of clients"
MOST = 2 / 3  # share of clients from which a column is theirs
IN_ORDER = 20  # so many values in the clients' order do not fall into the order of another column by chance
STRIDES = 24  # a column of a table written as text: each so many-th number
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")


class Columns:
    """Columns that must not be found, prepared once for all files.

    Parameters
    ----------
    columns : mapping of str to ndarray
        Name → values in the order of the file.
    """

    def __init__(self, columns: Mapping[str, np.ndarray]):
        self.columns = dict(columns)
        self.sorted = {name: np.sort(values) for name, values in self.columns.items()}
        self.distinct = {name: len(np.unique(values)) for name, values in self.columns.items()}

    def same(self, cells: Sequence[str]) -> str:
        """Return whose values a column of cells holds, or an empty text."""
        values = numbers(cells)
        if len(values) < 4 or np.ptp(values) == 0:
            return ""
        decimals = _digits(cells)
        for name, own in self.columns.items():
            if self._is(values, own, self.sorted[name], decimals, exact=name == SIZES):
                return _label(name)
        return ""

    def _is(
        self, values: np.ndarray, own: np.ndarray, in_order: np.ndarray, decimals: int, exact: bool
    ) -> bool:
        if exact and len(own) >= 4:  # therapists' sizes: small whole numbers, in any order
            if len(values) == len(own) and len(np.unique(own)) >= 3:
                return bool(np.array_equal(np.sort(values), in_order))
            return False
        if not MOST * len(own) <= len(values) <= len(own) or len(values) < FEWEST:
            return False
        # A column of few values agrees with others by chance unless its order does too.
        coarse = len(np.unique(values)) < FEWEST
        if len(values) == len(own):
            if _moves_with(values, own):
                return True
            close = _tolerance(values, decimals)
            theirs, ours = _standard(values), _standard(own)
            if coarse:
                return bool(np.allclose(theirs, ours, atol=close) or np.allclose(theirs, -ours, atol=close))
            theirs, ours = np.sort(theirs), np.sort(ours)
            return bool(
                np.allclose(theirs, ours, atol=close) or np.allclose(theirs, np.sort(-ours), atol=close)
            )
        if coarse:
            return False
        close = 0.51 * 10.0**-decimals
        if _contained(np.sort(values), in_order, min(close, 1e-9) if not decimals else close):
            return decimals == 0 or np.ptp(values) > 4 * close * len(own)
        return any(
            _contained(np.sort(values), np.sort((own - own.mean()) / own.std(ddof=ddof)), max(close, 1e-6))
            for ddof in (0, 1)
            if decimals >= 2
        )

    def running(self, sequence: Sequence[str]) -> Iterator[str]:
        """Yield whose columns stand in a text, one number after the other or with as many between each time."""
        found = np.array([float(cell) for cell in sequence if NUMBER.fullmatch(cell)], dtype=float)
        if len(found) < 4:
            return
        found = np.where(np.isfinite(found), found, 0.0)
        for name, own in self.columns.items():
            length = len(own) if name == SIZES else int(np.ceil(MOST * len(own)))
            enough = 3 if name == SIZES else FEWEST
            if length < 4 or len(found) < length or self.distinct[name] < enough:
                continue
            inside = np.isin(found, own)
            if any(
                len(set(window.tolist())) >= enough and _contained(np.sort(window), self.sorted[name], 0.0)
                for stride in range(1, STRIDES + 1)
                for window in _windows(found, inside, length, stride)
            ):
                yield _label(name)


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


def _moves_with(values: np.ndarray, own: np.ndarray) -> bool:
    """Return whether values rise or fall with others, client by client: ranks, logarithms, tens of years."""
    if len(values) < IN_ORDER or len(np.unique(values)) < 3 or _sorted(values):
        return False
    order = np.argsort(own, kind="stable")
    steps, ties = np.diff(values[order]), np.diff(own[order]) == 0
    return not steps[ties].any() and bool((steps >= 0).all() or (steps <= 0).all())


def _sorted(values: np.ndarray) -> bool:
    """Return whether values are in an order of their own, which that of the clients may happen to be."""
    steps = np.diff(values)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _tolerance(values: np.ndarray, decimals: int) -> float:
    """How far standardized values may be apart if they were rounded to so many decimals."""
    return float(min(max(1e-6, 2 * 10.0**-decimals / values.std()), 0.02)) if decimals else 1e-6


def _windows(found: np.ndarray, inside: np.ndarray, length: int, stride: int) -> Iterator[np.ndarray]:
    """Yield the runs of each so many-th number, of a length, that are all inside."""
    rows = -(-len(inside) // stride)
    if rows < length or inside.sum() < length:
        return
    grid = np.zeros((rows + 1) * stride, dtype=int)  # a row of zeros, from which sums begin
    grid[stride : stride + len(inside)] = inside
    total = np.cumsum(grid.reshape(rows + 1, stride), axis=0)
    for start, offset in np.argwhere(total[length:] - total[:-length] == length).tolist():
        yield found[offset::stride][start : start + length]


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def _contained(some: np.ndarray, all_: np.ndarray, close: float) -> bool:
    """Return whether each of some sorted values is among others, each of those used once at most."""
    place = 0
    for value in some:
        while place < len(all_) and all_[place] < value - close:
            place += 1
        if place == len(all_) or all_[place] > value + close:
            return False
        place += 1
    return True
