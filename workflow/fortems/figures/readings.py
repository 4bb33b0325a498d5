"""Sentences about figures whose numbers know the cell of the figure's CSV that they were taken from.

A reading is written with ``cite`` where a number stands and closed by ``unmarked``, which takes the marks out again and
keeps them beside the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fortems.presentation import numbers

#: Column of the figures' index that holds a reading's numbers.
CITED = "cited"
#: Rule of a number that is the configuration's.
SETTING = "setting"
#: Characters that no text holds (private use): before and behind a mark, behind the number.
_OPEN, _MIDDLE, _CLOSE = "\ue000", "\ue001", "\ue002"
_MARK = re.compile(f"{_OPEN}([^{_MIDDLE}]*){_MIDDLE}([^{_CLOSE}]*){_CLOSE}")


@dataclass(frozen=True)
class Cited:
    """A number within a reading.

    Attributes
    ----------
    start : int
        Where it begins in the text.
    text : str
        As printed.
    lines : str
        Rows of the figure's CSV from 0, joined by commas.
    column, rule, style : str
        As in the report's ledger: ``cell``, ``size``, ``rows``, ``min``, ``max``; a name in ``numbers.STYLES``.
    """

    start: int
    text: str
    lines: str
    column: str
    rule: str
    style: str


class Reading(str):
    """A sentence with the numbers in it."""

    cited: tuple[Cited, ...] = ()


def value_of(frame: pd.DataFrame, lines: Iterable[Hashable], column: str, rule: str) -> Any:
    """Return a cell, its size, or a value of several cells: ``rows``, ``min``, ``max``."""
    found: list[Any] = list(frame.loc[list(lines), column])
    if rule == "cell":
        return found[0]
    if rule == "size":
        return abs(found[0])
    if rule == "rows":
        return len([value for value in found if not numbers.is_absent(value)])
    return {"min": min, "max": max}[rule](found)


def cite(
    frame: pd.DataFrame, lines: Hashable | Iterable[Hashable], column: str, style: str, rule: str = "cell"
) -> str:
    """Write a number of the figure's data with a mark of its cell.

    Parameters
    ----------
    frame : DataFrame
        The figure's data or some of its rows, under the index that they were read with.
    lines : int or iterable of int
        Of the index.
    column, style, rule : str
        As in ``Cited``.
    """
    rows = list(lines) if isinstance(lines, Iterable) and not isinstance(lines, str) else [lines]
    text = numbers.write(value_of(frame, rows, column, rule), style)
    where = "|".join([",".join(str(row) for row in rows), column, rule, style])
    return f"{_OPEN}{where}{_MIDDLE}{text}{_CLOSE}"


def setting(key: str, text: str, style: str) -> str:
    """Write a value of the run's configuration, which is no cell of the data."""
    return f"{_OPEN}|{key}|{SETTING}|{style}{_MIDDLE}{text}{_CLOSE}"


def count(frame: pd.DataFrame, column: str) -> str:
    """Write how many rows of the data have this column filled; 0 has no cell and is written plainly."""
    return cite(frame, list(frame.index), column, "n", "rows") if len(frame) else "none"


def unmarked(text: str) -> Reading:
    """Take the marks out of a text and keep them beside it."""
    plain, cited, end = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[end : match.start()]
        lines, column, rule, style = match[1].split("|")
        cited.append(Cited(len(plain), match[2], lines, column, rule, style))
        plain += match[2]
        end = match.end()
    made = Reading(plain + text[end:])
    made.cited = tuple(cited)
    return made


def plain(text: str) -> str:
    """Return a text without marks."""
    return str(unmarked(text))


def written(reading: str) -> str | None:
    """Return the numbers of a reading as a cell of the index holds them; None where it has none."""
    cited = getattr(reading, "cited", ())
    return (
        json.dumps([list(vars(number).values()) for number in cited], ensure_ascii=False) if cited else None
    )


def read(cell: object) -> tuple[Cited, ...]:
    """Return what ``written`` wrote."""
    return () if numbers.is_absent(cell) else tuple(Cited(*entry) for entry in json.loads(str(cell)))
