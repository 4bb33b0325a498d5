"""Sheets of a workbook (Excel, old and new, and OpenDocument): which one is read, where its names stand, what is merged."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.reading.delimited import title_problem
from fortems.data.reading.hidden import hidden_rows
from fortems.data.reading.table import BLANKS, Table, as_text, build, encode
from fortems.errors import DataError, Problem, did_you_mean

EMPTY = "a row of column names and one row per client"
ALIKE = 0.5  # share of column names from which another sheet looks like more of the same clients


@dataclasses.dataclass(frozen=True)
class Page:
    """A sheet.

    Attributes
    ----------
    name : str
    cells : list of list
        Its rows from the first on, blank ones included.
    merged : list of ((row, column), (row, column))
        First and last cell of each merged range, counted from 0.
    """

    name: str
    cells: list[list[Any]]
    merged: list[tuple[tuple[int, int], tuple[int, int]]]

    def filled(self) -> list[tuple[int, list[Any]]]:
        """Return the rows that are not blank, with their numbers counted from 1."""
        rows = enumerate(self.cells, start=1)
        return [(number, row) for number, row in rows if any(as_text(cell) for cell in row)]

    def names(self) -> list[str]:
        """Return the texts of the first row that is not blank."""
        filled = self.filled()
        return [text for cell in filled[0][1] if (text := as_text(cell))] if filled else []


def read_workbook(path: str | os.PathLike[str], sheets: Sequence[str], kind: str, formats: str) -> Table:
    """Read a workbook.

    Parameters
    ----------
    path : path
    sheets : sequence of str
        Those to read, one below the other; empty for the first that is not empty.
    kind : str
        ``Excel`` or ``OpenDocument``, for messages.
    formats : str
        What could have been read, for messages.

    Raises
    ------
    DataError
        Damaged or protected, no such sheet, formulas without values, a title above the names, a second sheet with
        clients of which nothing is said, sheets with different columns.
    """
    file = Path(path).name
    try:
        pages = _pages(path)
    except DataError:
        raise
    except Exception as error:  # each library has errors of its own for a damaged workbook
        if "password" in type(error).__name__.lower():
            hint = "Open it, remove the password and save it"
            raise DataError(Problem(file, "is protected by a password", formats, hint)) from None
        what = f"is a corrupt or unreadable {kind} workbook"
        raise DataError(Problem(file, what, formats, "Export it again")) from None
    names = [page.name for page in pages]
    for sheet in sheets:
        if sheet not in names:
            hint = did_you_mean(sheet, names)
            raise DataError(Problem(file, f"has no sheet {sheet!r}", ", ".join(names), hint))
    there = [page for page in pages if page.filled()]
    if not there:
        raise DataError(Problem(file, "is empty", EMPTY))
    by_name = {page.name: page for page in pages}
    chosen = [by_name[sheet] for sheet in sheets] if sheets else there[:1]
    others = [] if sheets else there[1:]
    _refuse_more_clients(file, chosen[0], others)
    errors: dict[str, int] = {}
    if Path(path).suffix.lower() != ".xls" and kind == "Excel":
        _refuse_uncomputed(path, file, chosen)
        errors = _errors(path, chosen)
    tables = [_table(file, kind, page, others, len(pages) > 1) for page in chosen]
    table = tables[0] if len(tables) == 1 else _stacked(file, chosen, tables)
    left = {page.name: max(len(page.filled()) - 1, 0) for page in others}
    names_there = {page.name: page.names() for page in others}
    unread = {**table.unread, **errors}
    hidden = sum(
        len(hidden_rows(path, page.name) & set(t.rows.tolist()))
        for page, t in zip(chosen, tables, strict=True)
    )
    return dataclasses.replace(
        table, other_sheets=left, other_names=names_there, unread=unread, hidden_rows=hidden
    )


def _pages(path: str | os.PathLike[str]) -> list[Page]:
    import python_calamine

    book = python_calamine.load_workbook(os.fspath(path))
    pages = []
    try:
        for sheet in book.sheets_metadata:
            if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            page = book.get_sheet_by_name(sheet.name)
            cells = page.to_python(skip_empty_area=False)
            pages.append(Page(sheet.name, cells, list(page.merged_cell_ranges or [])))
    finally:
        book.close()
    return pages


def _refuse_more_clients(file: str, read: Page, others: Sequence[Page]) -> None:
    """Sheets with the same columns as the first hold more clients, or an older copy: whoever asks must say which."""
    own = set(read.names())
    alike = [
        p for p in others if len(own & set(p.names())) >= ALIKE * max(len(own), 1) and len(p.filled()) > 1
    ]
    if not alike:
        return
    counts = ", ".join(f"{page.name!r} ({len(page.filled()) - 1} rows)" for page in [read, *alike])
    names = ", ".join(page.name for page in [read, *alike])
    what = f"has {len(alike) + 1} sheets with the same columns: {counts}"
    hint = f"Say which count in data.sheet: one of them, or all as a list, [{names}]"
    raise DataError(Problem(file, what, "one sheet, or data.sheet", hint))


def _table(file: str, kind: str, page: Page, others: Sequence[Page], several: bool) -> Table:
    """The table of one sheet."""
    rows = page.filled()
    where = f"{file}, sheet {page.name!r}" if several else file
    if not rows:
        raise DataError(Problem(where, "is empty", EMPTY))
    texts = [(number, [as_text(cell) for cell in row]) for number, row in rows]
    if problem := title_problem(where, texts):
        raise DataError(problem)
    names_row, body = rows[0][1], rows[1:]
    width = max(len(row) for _, row in rows)
    header = [*names_row, *[None] * (width - len(names_row))]
    filled = [
        place
        for place in range(width)
        if as_text(header[place]) or any(place < len(row) and as_text(row[place]) for _, row in body)
    ]
    columns = [encode([row[place] if place < len(row) else None for _, row in body]) for place in filled]
    numbers = np.array([number for number, _ in body], dtype=np.int64)
    try:
        table = build(where, kind, [header[place] for place in filled], columns, numbers)
    except DataError as error:
        names = ", ".join(other.name for other in others)
        hint = f"If the clients are on another sheet ({names}), name it in data.sheet"
        told = [Problem(where, p.what, p.allowed, hint) for p in error.problems]
        raise DataError(told if others else error.problems) from None
    merged = {as_text(header[place]): cells for place, cells in _merged(page, rows[0][0]) if place in filled}
    return dataclasses.replace(table, file=file, merged=merged)


def _merged(page: Page, header: int) -> list[tuple[int, str]]:
    """Columns with cells below the names that are merged with others and so have no value, each with the first such range."""
    found: dict[int, str] = {}
    for (top, left), (bottom, right) in sorted(page.merged):
        value = page.cells[top][left] if top < len(page.cells) and left < len(page.cells[top]) else None
        cells = f"{_letters(left)}{top + 1}:{_letters(right)}{bottom + 1}"
        for column in range(left, right + 1):
            covered = range(max(header, top + (column == left)), bottom + 1)
            if covered and as_text(value):
                found.setdefault(column, cells)
    return sorted(found.items())


def _letters(column: int) -> str:
    """Return a column as a spreadsheet names it: A, B … Z, AA …"""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def _stacked(file: str, pages: Sequence[Page], tables: Sequence[Table]) -> Table:
    """Put the tables of several sheets one below the other; they must have the same columns."""
    first = list(tables[0].columns)
    tables = [tables[0], *(_as_spelled(table, first) for table in tables[1:])]
    problems = []
    for page, table in zip(pages[1:], tables[1:], strict=True):
        gone = [name for name in first if name not in table.columns]
        new = [name for name in table.columns if name not in first]
        for names, what in ((gone, "lacks"), (new, "also has")):
            if names:
                told = (
                    f"{what} the columns {', '.join(map(repr, names[:10]))}{' …' if len(names) > 10 else ''}"
                )
                hint = "Give the sheets the same columns"
                where = f"{file}, sheet {page.name!r}"
                problems.append(Problem(where, told, f"the columns of {pages[0].name!r}", hint))
    if problems:
        raise DataError(problems)
    columns: dict[str, pd.Categorical] = {
        name: encode(np.concatenate([np.asarray(table.columns[name], dtype=object) for table in tables]))
        for name in first
    }
    rows = [f"{row} of sheet {page.name}" for page, t in zip(pages, tables, strict=True) for row in t.rows]
    merged = {name: cells for table in tables for name, cells in table.merged.items()}
    return dataclasses.replace(tables[0], columns=columns, rows=np.array(rows, dtype=object), merged=merged)


def _as_spelled(table: Table, names: Sequence[str]) -> Table:
    """Return a table with its columns spelled as in another, where they differ in case alone."""
    spelled: dict[str, str | None] = {}
    for name in names:
        spelled[name.casefold()] = None if name.casefold() in spelled else name
    new = {name: spelled.get(name.casefold()) or name for name in table.columns}
    if len(set(new.values())) < len(new):
        return table
    columns = {new[name]: column for name, column in table.columns.items()}
    return dataclasses.replace(table, columns=columns, merged={new[n]: c for n, c in table.merged.items()})


def _sheets_hold(path: str | os.PathLike[str], *marks: bytes) -> bool:
    """Whether any sheet of an Excel workbook holds one of these marks, before it is read cell by cell."""
    with zipfile.ZipFile(path) as archive:
        sheets = [n for n in archive.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
        return any(mark in xml for xml in map(archive.read, sheets) for mark in marks)


def _refuse_uncomputed(path: str | os.PathLike[str], file: str, pages: Sequence[Page]) -> None:
    """Refuse formulas that no program has computed: their values would read as missing."""
    if not _sheets_hold(path, b"<f>", b"<f "):
        return
    problems = [
        Problem(
            f"{file}, row {row}",
            "holds a formula without its value",
            "values",
            "Open the workbook in Excel and save it once",
            row=str(row),
        )
        for page in pages
        for row in _uncomputed(path, page)
    ]
    if problems:
        raise DataError(problems)


def _errors(path: str | os.PathLike[str], pages: Sequence[Page]) -> dict[str, int]:
    """Count the cells with errors of Excel's, which read as missing; #N/A and #NULL! mean that."""
    if not _sheets_hold(path, b't="e"'):
        return {}
    import openpyxl

    found: dict[str, int] = {}
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        for page in pages:
            book[page.name].reset_dimensions()
            for row in book[page.name].iter_rows():
                for cell in row:
                    if cell.data_type == "e" and str(cell.value) not in BLANKS:
                        key = f"the error {cell.value}"
                        found[key] = found.get(key, 0) + 1
    finally:
        book.close()
    return found


def _uncomputed(path: str | os.PathLike[str], page: Page) -> list[int]:
    """Return the rows that hold formulas without a value."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    try:
        sheet = book[page.name]
        sheet.reset_dimensions()
        found = []
        for number, row in enumerate(sheet.iter_rows(values_only=True)):
            values = page.cells[number] if number < len(page.cells) else []
            for place, cell in enumerate(row):
                formula = isinstance(cell, str) and cell.startswith("=")
                if formula and (place >= len(values) or not as_text(values[place])):
                    found.append(number + 1)
                    break
        return found
    finally:
        book.close()
