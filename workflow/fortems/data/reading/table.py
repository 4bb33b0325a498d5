"""A file as read: columns of distinct texts, whatever program wrote it."""

from __future__ import annotations

import datetime
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from fortems.errors import DataError, Problem

#: Texts that mean "no answer" in every export, besides blanks.
BLANKS = frozenset({"", "NA", "N/A", "n/a", "<NA>", "NaN", "nan", "NULL", "null", "#N/A", "#NULL!", "."})
SURVEY_MARK = '{"ImportId"'
#: Characters without width that programs leave in texts: they tell two names apart that nobody can.
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"))


@dataclass(frozen=True)
class Table:
    """What a reader returns.

    Attributes
    ----------
    file : str
        Base name of the file, for messages.
    kind : str
        What it was read as, such as ``CSV (semicolon)``.
    columns : dict of str to Categorical
        Name → distinct texts and their codes; a blank is missing (code −1). Checks and translations work on
        the distinct texts, so that a million rows cost little more than a hundred.
    rows : ndarray of int, or of str
        Row number of each record as a spreadsheet shows it (the header is row 1); for files without such
        rows (SPSS, Parquet) counted from 1. From several sheets: the number with its sheet.
    labels : dict of str to dict
        SPSS value labels: column → text of the code → label.
    separator : str
        ``,``, ``;``, tab, or empty where the file has none.
    other_sheets : dict of str to int
        Of a workbook of which no sheet was asked for: those with cells that were not read, and how many rows below
        their first they have.
    other_names : dict of str to list of str
        Of these sheets: the texts of their first row.
    merged : dict of str to str
        Of a workbook: column → its first merged cells, such as ``B22:B25``.
    unread : dict of str to int
        What of the file was passed over and how many cells or rows it has, in words for a warning.
    hidden_rows : int
        Of a workbook: how many of the rows read its sheets do not show.
    """

    file: str
    kind: str
    columns: dict[str, pd.Categorical]
    rows: np.ndarray
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    separator: str = ""
    other_sheets: dict[str, int] = field(default_factory=dict)
    other_names: dict[str, list[str]] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    hidden_rows: int = 0

    def emptied(self) -> Table:
        """Return the table without its cells: a large file need not be held twice."""
        columns = {name: column[:0] for name, column in self.columns.items()}
        return replace(self, columns=columns)

    def taken(self, places: np.ndarray) -> Table:
        """Return the table with these rows only, in this order."""
        columns = {name: column[places] for name, column in self.columns.items()}
        return replace(self, columns=columns, rows=self.rows[places])


def plain_text(text: str) -> str:
    """Return a text in the one form in which names, identifiers and words are compared.

    Unicode's composed form (NFC), each run of spaces, no-break spaces and line breaks as one space, none at the
    ends, nothing invisible; ="007" is 007, as exports write it for Excel to leave its zeros.
    """
    if text.startswith('="') and text.endswith('"') and '"' not in text[2:-1]:
        text = text[2:-1]
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(unicodedata.normalize("NFC", text).translate(INVISIBLE).split())


def as_text(value: Any) -> str:
    """Return a cell's text: whole numbers without a decimal point, dates in ISO form, text stripped."""
    if value is None:
        return ""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return ""
        return str(int(number)) if abs(number) < 1e15 and number.is_integer() else str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, bytes):
        return plain_text(value.decode("utf-8", errors="replace"))
    return plain_text(str(value))


class Encoder:
    """Collects a column piece by piece and keeps each distinct text once."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._pieces: list[np.ndarray] = []

    def add(self, values: Sequence[Any] | np.ndarray) -> None:
        """Append a piece of the column."""
        array = np.empty(len(values), dtype=object)
        array[:] = values
        codes, distinct = pd.factorize(array, use_na_sentinel=True)
        own = np.empty(len(distinct) + 1, dtype=np.int64)
        own[-1] = -1
        for position, value in enumerate(distinct):
            text = as_text(value)
            own[position] = -1 if text in BLANKS else self._codes.setdefault(text, len(self._codes))
        piece = own[codes]
        self._pieces.append(piece.astype(np.min_scalar_type(-len(self._codes) - 1)))

    def categorical(self) -> pd.Categorical:
        """Return the column."""
        codes = np.concatenate(self._pieces) if self._pieces else np.empty(0, dtype=np.int8)
        self._pieces = []
        categories = pd.Index(list(self._codes), dtype=object)
        return pd.Categorical.from_codes(codes, categories=categories, validate=False)


def encode(values: Sequence[Any] | np.ndarray) -> pd.Categorical:
    """Return a whole column as distinct texts and codes."""
    encoder = Encoder()
    encoder.add(values)
    return encoder.categorical()


def build(
    file: str,
    kind: str,
    names: Sequence[Any],
    columns: Iterable[pd.Categorical],
    rows: np.ndarray,
    labels: Mapping[str, dict[str, str]] | None = None,
    separator: str = "",
) -> Table:
    """Put a table together, or say why its header or its rows cannot be used.

    Raises
    ------
    DataError
        Two columns of the same name, no named column, no row below the header.
    """
    header = [as_text(name) for name in names]
    columns = list(columns)
    named = {name: column for name, column in zip(header, columns, strict=True) if name}
    unnamed = [c for n, c in zip(header, columns, strict=True) if not n and len(c.categories)]
    if header and not header[0] and len(columns[0].categories) == len(rows):
        unnamed = unnamed[1:]  # row names, as R and pandas write them
    problems = []
    for name in dict.fromkeys(header):
        places = [str(place + 1) for place, other in enumerate(header) if other == name]
        if name and len(places) > 1:
            what = f"{len(places)} columns have the name {name!r} (columns {', '.join(places)})"
            problems.append(
                Problem(file, what, "each name once", "Rename or remove all but one", column=name)
            )
    if not named:
        problems.append(Problem(file, "the first row names no column", "a row of column names"))
    elif not len(rows):
        problems.append(Problem(file, "has column names and no rows below them", "one row per client"))
    if problems:
        raise DataError(problems)
    table = Table(file, kind, named, rows, dict(labels or {}), separator)
    if unnamed:
        count = f"{len(unnamed)} column{'s' if len(unnamed) > 1 else ''} without a name"
        table = replace(table, unread={count: sum(int((c.codes >= 0).sum()) for c in unnamed)})
    return _without_survey_rows(table)


def _without_survey_rows(table: Table) -> Table:
    """Leave out the two rows that Qualtrics puts below the names: question texts and import identifiers.

    Every column has an identifier there; a single cell that looks like one is somebody's answer.
    """
    for below in range(min(2, len(table.rows))):
        texts = [as_text(column[below]) for column in table.columns.values()]
        told = [text for text in texts if text]
        if told and all(text.startswith(SURVEY_MARK) for text in told):
            kept = np.arange(len(table.rows)) > below
            if not kept.any():
                raise DataError(
                    Problem(table.file, "has column names and no rows below them", "one row per client")
                )
            columns = {
                name: column[kept].remove_unused_categories() for name, column in table.columns.items()
            }
            return replace(table, columns=columns, rows=table.rows[kept])
    return table
