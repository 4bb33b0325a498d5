"""Files with several rows a client: which row counts, and what is carried to it from the client's others."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.findings import Finding, listed
from fortems.data.identity import identities
from fortems.data.naming import in_file
from fortems.data.numbers import DATE, looks_numeric, normal
from fortems.data.reading.table import Table, as_text, plain_text
from fortems.data.settings import spellings
from fortems.errors import did_you_mean

ENDS = ("first", "last")


@dataclass(frozen=True)
class Occasion:
    """``data.occasion``.

    Attributes
    ----------
    column : str
        The file's column that tells the occasions of a client apart, or empty: the order of the rows.
    values : tuple
        Those that count, as YAML gives them; empty for any.
    end : str
        ``first`` or ``last`` of those that count, by the column or, without one, in the order of the file; or empty.
    carry : tuple of (name, values)
        A column and the occasions that it is taken from (none for any), or an occasion and the columns that are taken
        from it. What is carried fills what the row that counts lacks.
    """

    column: str = ""
    values: tuple[Any, ...] = ()
    end: str = ""
    carry: tuple[tuple[Any, tuple[Any, ...]], ...] = ()

    @classmethod
    def from_config(cls, given: Any) -> Occasion | None:
        """Read ``data.occasion``: ``first``, ``last`` or a map; None where it is not given."""
        if not given:
            return None
        if isinstance(given, str):
            return cls(end=given)
        column = given.get("column")
        end = next((end for end in ENDS if given.get(end)), "")
        if end and isinstance(given[end], str) and not column:
            column = given[end]
        return cls(
            plain_text(str(column or "")), _several(given.get("is")), end, _carried(given.get("carry"))
        )

    def described(self) -> str:
        """Say in words which row counts."""
        which = f"{self.column} is {' or '.join(map(as_text, self.values))}" if self.values else ""
        by = f" by {self.column}" if self.column and not self.values else ""
        return f"{which}{', ' if which and self.end else ''}{self.end and f'the {self.end} row{by}'}"


@dataclass(frozen=True)
class Chosen:
    """The rows that count.

    Attributes
    ----------
    table : Table
    set_aside : int
        Rows of other occasions.
    without : tuple of str
        Clients of whom no row counts.
    carried : dict of str to int
        Column → how many clients it was carried for.
    problems, oddities : list of Finding
    elsewhere : frozenset of str
        Columns without a value in the rows that count, and with some in the others.
    """

    table: Table
    set_aside: int = 0
    without: tuple[str, ...] = ()
    carried: Mapping[str, int] = field(default_factory=dict)
    problems: list[Finding] = field(default_factory=list)
    oddities: list[Finding] = field(default_factory=list)
    elsewhere: frozenset[str] = frozenset()


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _carried(given: Any) -> tuple[tuple[Any, tuple[Any, ...]], ...]:
    """Read ``carry``: columns; a map of an occasion to columns, or of a column to occasions; ``from`` and ``columns``."""
    if isinstance(given, Mapping):
        if set(given) == {"from", "columns"}:
            return tuple((name, _several(given["from"])) for name in _several(given["columns"]))
        return tuple((name, _several(values)) for name, values in given.items())
    return tuple((name, ()) for name in _several(given))


def choose(table: Table, occasion: Occasion, columns: Mapping[str, str]) -> Chosen:
    """Keep the row of each client that counts.

    Parameters
    ----------
    table : Table
    occasion : Occasion
    columns : mapping
        Canonical name → the file's column; what ``column`` and ``carry`` name may be either.

    Returns
    -------
    Chosen
        With the rows in the order of the file. Several rows of a client may be left, which the check refuses.
    """
    known = {name: column for name, column in columns.items() if column in table.columns}

    def of(name: str) -> str:
        return in_file(table, known.get(name, name))

    client = of("client")
    carry = _columns_carried(occasion.carry, of, table)
    asked = [name for name in (occasion.column, *carry) if name and of(name) not in table.columns]
    problems = [_absent(table, name) for name in asked]
    occasion = _ending(occasion, table, of)
    if (occasion.values or any(carry.values())) and not occasion.column:
        what = "data.occasion names values and no column that has them"
        problems.append(Finding(what, hint="Name it in data.occasion.column"))
    if client not in table.columns or problems:
        return Chosen(table, problems=problems)
    texts = [str(text) for text in table.columns[client].categories]
    forms = identities(texts).forms
    who = _codes(np.array([forms[text] for text in texts] or [""], dtype=object), table.columns[client].codes)
    counts = np.ones(len(table.rows), dtype=bool)
    if occasion.values:
        counts, absent = _is(table, of(occasion.column), occasion.values)
        problems += absent
    oddities: list[Finding] = []
    if occasion.end:
        by = of(occasion.column) if occasion.column else ""
        order, unordered = _order(table, by, counts)
        problems += unordered
        among, counts = counts, counts & _outermost(who, order, counts, occasion.end)
        oddities += [] if unordered else _ties(who, order, among, counts, by, occasion.end)
    kept = np.flatnonzero(counts)
    filled, carried = table, {}
    for name, sources in carry.items():
        usable = np.ones(len(table.rows), dtype=bool)
        if sources:
            usable, absent = _is(table, of(occasion.column), sources)
            problems += [f for f in absent if f.what not in {told.what for told in problems}]
        oddities += _disagreeing(filled, of(name), who, kept, usable)
        filled, carried[name] = _carry(filled, of(name), who, kept, usable)
    there = set(who[kept].tolist())
    gone = [code for code in dict.fromkeys(who.tolist()) if code not in there and code >= 0]
    names = list(dict.fromkeys(forms[text] for text in texts))
    without = tuple(names[code] for code in gone)
    left = filled.taken(kept)
    blank = {name for name, column in left.columns.items() if (column.codes < 0).all()}
    elsewhere = frozenset(name for name in blank if (table.columns[name].codes >= 0).any())
    return Chosen(left, int((~counts).sum()), without, carried, problems, oddities, elsewhere)


def _columns_carried(
    carry: Sequence[tuple[Any, tuple[Any, ...]]], of: Callable[[str], str], table: Table
) -> dict[str, tuple[Any, ...]]:
    """Return column → occasions that it is taken from; an entry that is no column of the file is an occasion."""
    found: dict[str, tuple[Any, ...]] = {}
    for left, right in carry:
        name = as_text(left)
        if not right or of(name) in table.columns:
            found[name] = (*found.get(name, ()), *right)
            continue
        for column in map(as_text, right):
            found[column] = (*found.get(column, ()), left)
    return found


def _ending(occasion: Occasion, table: Table, of: Callable[[str], str]) -> Occasion:
    """``is: first`` asks for the first row, unless a row has that word."""
    word = occasion.values[0] if len(occasion.values) == 1 else None
    column = table.columns.get(of(occasion.column))
    if word in ENDS and (column is None or word not in list(column.categories)):
        return replace(occasion, values=(), end=str(word))
    return occasion


def _codes(forms: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the client of each row as a number; of its own, and negative, where the row names none."""
    numbers = {form: number for number, form in enumerate(dict.fromkeys(forms.tolist()))}
    own = np.array([numbers[form] for form in forms.tolist()], dtype=np.int64)
    return np.where(codes >= 0, own[codes], -1 - np.arange(len(codes)))


def _absent(table: Table, name: str) -> Finding:
    what = f"there is no column {name!r}, which data.occasion names"
    return Finding(what, name, allowed=listed(table.columns), hint=did_you_mean(name, table.columns))


def _is(table: Table, column: str, values: Sequence[Any]) -> tuple[np.ndarray, list[Finding]]:
    """Return which rows have one of these values, and a problem for each value that none has."""
    texts = [str(text) for text in table.columns[column].categories]
    asked = {value: {normal(text).casefold() for text in spellings(value)} for value in values}
    every = set().union(*asked.values())
    hits = [normal(text).casefold() in every for text in texts]
    there = {normal(text).casefold() for text in texts}
    problems = []
    for value, forms in asked.items():
        if not forms & there:
            found = f"The values are {listed(texts)}. {did_you_mean(as_text(value), texts)}".rstrip()
            what = f"data.occasion names {as_text(value)!r}, which no row has"
            problems.append(Finding(what, column, hint="Write it as the file does", found=found))
    return np.append(np.array(hits, dtype=bool), False)[table.columns[column].codes], problems


def _order(table: Table, column: str, among: np.ndarray) -> tuple[np.ndarray, list[Finding]]:
    """Return what the rows are ordered by: numbers, dates, or their place in the file.

    Where all rows that may count have the same text, as those of one event do, the file's order is what is left.
    """
    places = np.arange(len(table.rows), dtype=float)
    there = np.unique(np.asarray(table.columns[column].codes)[among]) if column else np.zeros(1)
    if (there < 0).all():
        what = "has no value in any row that may count, and data.occasion asks for the first or last by it"
        return places, [Finding(what, column, hint="Name another column, or none for the order of the file")]
    if len(there) == 1:
        return places, []
    texts = [str(text) for text in table.columns[column].categories]
    if all(map(looks_numeric, texts)):
        keys = [float(normal(text).replace(",", ".")) for text in texts]
    else:
        dates = [_date(text) for text in texts]
        if None in dates:
            what = "cannot be put in order, and data.occasion asks for the first or last by it"
            hint = "Say which value counts: data.occasion.is"
            if all(DATE.fullmatch(text) for text, date in zip(texts, dates, strict=True) if date is None):
                hint = "Write its dates as year-month-day: 01-02-2024 is of January or of February"
            allowed = "numbers, or dates such as 2024-05-31"
            return places, [Finding(what, column, allowed=allowed, hint=hint)]
        keys = [date.timestamp() for date in dates if date is not None]
    return np.append(np.array(keys, dtype=float), np.nan)[table.columns[column].codes], []


def _date(text: str) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or datetime.UTC)


def _outermost(who: np.ndarray, order: np.ndarray, among: np.ndarray, end: str) -> np.ndarray:
    """Return which rows are the first or last of their client among some; of equals in order the first or last in the file."""
    best: dict[int, int] = {}
    for place in np.flatnonzero(among & ~np.isnan(order)):
        client = int(who[place])
        held = best.get(client)
        if held is None or (order[place] < order[held] if end == "first" else order[place] >= order[held]):
            best[client] = int(place)
    found = np.zeros(len(who), dtype=bool)
    found[list(best.values())] = True
    return found


def _ties(
    who: np.ndarray, order: np.ndarray, among: np.ndarray, counts: np.ndarray, column: str, end: str
) -> list[Finding]:
    """Clients with several rows at the first or last place, of which the order of the file takes one."""
    best = dict(zip(who[counts].tolist(), order[counts].tolist(), strict=True))
    tied = [place for place in np.flatnonzero(among & ~counts) if best.get(int(who[place])) == order[place]]
    clients = len({int(who[place]) for place in tied})
    if not clients:
        return []
    what = f"{clients} client{'s have' if clients > 1 else ' has'} several {end} rows by it; of these the {end} in the file counts"
    return [Finding(what, column, hint="Right, where the file is in order", kind="tie")]


def _disagreeing(
    table: Table, column: str, who: np.ndarray, kept: np.ndarray, usable: np.ndarray
) -> list[Finding]:
    """Clients whose other rows have several values of a column that is carried, of which the first is taken."""
    codes = np.asarray(table.columns[column].codes)
    blank = {int(who[place]) for place in kept if codes[place] < 0}
    values: dict[int, set[int]] = {}
    for place in np.flatnonzero((codes >= 0) & usable):
        if int(who[place]) in blank:
            values.setdefault(int(who[place]), set()).add(int(codes[place]))
    several = sum(len(found) > 1 for found in values.values())
    if not several:
        return []
    what = f"{several} client{'s have' if several > 1 else ' has'} several values of it to carry; the first in the file is taken"
    return [Finding(what, column, hint="Say which occasion it is of, in data.occasion.carry", kind="carried")]


def _carry(
    table: Table, column: str, who: np.ndarray, kept: np.ndarray, usable: np.ndarray
) -> tuple[Table, int]:
    """Fill a column's blanks in the kept rows with the first value of the client's other rows."""
    codes = np.asarray(table.columns[column].codes).copy()
    first: dict[int, int] = {}
    for place in np.flatnonzero((codes >= 0) & usable):
        first.setdefault(int(who[place]), int(codes[place]))
    blank = [place for place in kept if codes[place] < 0 and int(who[place]) in first]
    codes[blank] = [first[int(who[place])] for place in blank]
    categories = table.columns[column].categories
    filled = pd.Categorical.from_codes(codes, categories=categories)
    return replace(table, columns={**table.columns, column: filled}), len(blank)


def fill_down(table: Table, columns: Sequence[str]) -> Table:
    """Fill the blanks of columns with the value above them, as merged cells mean it."""
    filled = dict(table.columns)
    for name in columns:
        codes = np.asarray(filled[name].codes)
        last = np.maximum.accumulate(np.where(codes >= 0, np.arange(len(codes)), -1))
        below = np.where(last >= 0, codes[np.maximum(last, 0)], -1)
        filled[name] = pd.Categorical.from_codes(below, categories=filled[name].categories)
    return replace(table, columns=filled)
