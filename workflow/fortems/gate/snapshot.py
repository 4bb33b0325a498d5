"""What the gate looks at, and the comparisons that its checks share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from fortems.run.config import PROTECTED
from fortems.run.receipts import Receipt

CLOSE = 1e-7  # results carry ten significant digits


@dataclass(frozen=True)
class Snapshot:
    """What the gate looks at.

    Attributes
    ----------
    paths : mapping of str to str
        Name within the run's folder → path, for every result that the run makes before the gate.
    tables : mapping of str to DataFrame
        Name → content of those that are CSV, as computed.
    released : mapping of str to DataFrame
        Of own data: name → what may be told of it.
    min_cell : int
        Of own data: least number of clients that may be told of; 0 else.
    receipts : mapping of str to Receipt
        Path → receipt of the step that wrote it.
    models : mapping
        Name → model, as configured.
    engines : sequence of str
        As configured.
    claims : mapping
        Name → claim, as configured.
    """

    paths: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    receipts: dict[str, Receipt]
    models: Mapping[str, Any]
    engines: Sequence[str]
    claims: Mapping[str, Any] = field(default_factory=dict)
    released: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    min_cell: int = 0

    @property
    def common(self) -> pd.DataFrame:
        """The clients whom tables and models use."""
        return self.tables.get(f"{PROTECTED}/common.csv", self.tables["data/scores.csv"])

    @property
    def analysed(self) -> pd.DataFrame:
        """The clients whom full information uses."""
        return self.tables.get(f"{PROTECTED}/analysed.csv", self.tables["data/scores.csv"])

    def has(self, *names: str) -> bool:
        """Return whether the run makes all of these."""
        return all(name in self.tables for name in names)


def each_row(table: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table, cells as attributes."""
    yield from table.itertuples()


def equal(theirs: float, ours: float, close: float = CLOSE) -> bool:
    """Return whether two numbers are equal but for rounding: a share of the larger, below one an amount."""
    return bool(abs(theirs - ours) <= close * max(1.0, abs(ours)))


def is_number(value: object) -> bool:
    """Return whether a cell holds a finite number."""
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))


def is_text(value: object) -> bool:
    """Return whether a cell holds a text that is not empty."""
    return isinstance(value, str) and value != ""
