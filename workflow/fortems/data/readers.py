"""Read an export, known by its content: CSV, Excel, SPSS or Parquet. What cannot be read is refused by name."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from fortems.data.delimited import read_delimited
from fortems.data.spss import read_spss
from fortems.data.table import Encoder, Table, as_text, build, encode
from fortems.errors import DataError, Problem, nearest

FORMATS = "CSV, TSV, Excel (.xlsx), SPSS (.sav) or Parquet"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Formats that people have and that another program turns into one of ours.
FOREIGN = {
    ".xls": "an old Excel workbook",
    ".ods": "an OpenDocument spreadsheet",
    ".por": "a portable SPSS file",
    ".dta": "a Stata file",
    ".sas7bdat": "a SAS file",
    ".rds": "an R file",
    ".rdata": "an R file",
    ".json": "a JSON file",
    ".html": "a web page",
    ".pdf": "a PDF",
    ".numbers": "a Numbers spreadsheet",
}
# Kinds of Parquet columns that hold more than one value in a cell.
NESTED = ("array", "list", "map", "struct", "union", "variant")
PIECE = 50_000  # rows
BY_CONTENT = {".xlsx": "Excel workbook", ".xlsm": "Excel workbook", ".sav": "SPSS file", ".zsav": "SPSS file"}
BY_CONTENT |= {".parquet": "Parquet file", ".pq": "Parquet file"}


def read_table(path: str | os.PathLike[str], sheet: str | None = None) -> Table:
    """Read an export.

    Parameters
    ----------
    path : path
        The file.
    sheet : str, optional
        For Excel: the sheet; the first one that is not empty by default.

    Raises
    ------
    DataError
        Whatever the reason why the file gives no table: missing, a folder, not readable, empty, a foreign,
        corrupt or password-protected file, two columns of the same name, no rows.
    """
    start = _first_bytes(Path(path))
    file, suffix = Path(path).name, Path(path).suffix.lower()
    if start.startswith(b"PK"):
        return _read_excel(path, sheet)
    if start.startswith(OLE):
        raise DataError(_ole_problem(Path(path)))
    if start.startswith((b"$FL2", b"$FL3")):
        return read_spss(path)
    if start.startswith(b"PAR1"):
        return _read_parquet(path)
    if suffix in BY_CONTENT:
        what = f"is named like an {BY_CONTENT[suffix]}, and its content is not one, or corrupt"
        raise DataError(Problem(file, what, FORMATS, "Export it again"))
    if suffix in FOREIGN or start.lstrip()[:1] in (b"<", b"{") or start.startswith(b"%PDF"):
        found = FOREIGN.get(suffix, "not a table of separated values")
        raise DataError(Problem(file, f"is {found}", FORMATS, "Save or export it as one of these"))
    return read_delimited(path)


def _first_bytes(path: Path) -> bytes:
    where = path.name or str(path)
    if path.is_dir():
        raise DataError(Problem(where, "is a folder, not a file", FORMATS))
    try:
        with open(path, "rb") as stream:
            start = stream.read(64)
    except FileNotFoundError:
        near = nearest(path.name, (p.name for p in path.parent.glob("*"))) if path.parent.is_dir() else None
        hint = f"Did you mean {near}?" if near else ""
        raise DataError(Problem(where, "there is no such file", FORMATS, hint)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(Problem(where, f"cannot be read ({reason})", "a file that you may read")) from None
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        rest = path.stat().st_size > len(start)
        if not start or not rest:
            raise DataError(Problem(where, "is empty", "a row of column names and one row per client"))
    return start


def _ole_problem(path: Path) -> Problem:
    """An OLE container is an encrypted workbook or one of before 2007."""
    if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        hint = "Open it in Excel, remove the password (File, Info, Protect Workbook) and save it"
        return Problem(path.name, "is protected by a password", FORMATS, hint)
    return Problem(path.name, "is an old Excel workbook (.xls)", FORMATS, "Save it in Excel as .xlsx")


def _read_excel(path: str | os.PathLike[str], sheet: str | None) -> Table:
    file = Path(path).name
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
            broken = archive.testzip()
            formulas = any(
                b"<f>" in (xml := archive.read(name)) or b"<f " in xml
                for name in inside
                if name.startswith("xl/worksheets/") and name.endswith(".xml")
            )
    except Exception:  # a damaged archive fails in more ways than zipfile has names for
        raise DataError(_corrupt(file, "Excel workbook")) from None
    if broken:
        raise DataError(_corrupt(file, "Excel workbook"))
    if "xl/workbook.xml" not in inside:
        raise DataError(Problem(file, "is an archive and no Excel workbook", FORMATS, "Unpack it first"))
    try:
        names = _sheet_names(path)
        read, cells = _sheet_cells(path, sheet, names)
        missing = _uncomputed(path, sheet, names) if formulas else []
    except DataError:
        raise
    except Exception:  # openpyxl has no error of its own for a damaged workbook
        raise DataError(_corrupt(file, "Excel workbook")) from None
    if missing:
        raise DataError(
            [
                Problem(
                    f"{file}, row {row}",
                    "holds a formula without its value",
                    "values",
                    "Open the workbook in Excel and save it once",
                    row=str(row),
                )
                for row in missing
            ]
        )
    rows = [(number, row) for number, row in enumerate(cells, start=1) if any(as_text(c) for c in row)]
    if not rows:
        raise DataError(Problem(file, "is empty", "a row of column names and one row per client"))
    width = max(len(row) for _, row in rows)
    names_row, body = rows[0][1], rows[1:]
    header = [*names_row, *[None] * (width - len(names_row))]
    unnamed = [p for p in range(width) if not as_text(header[p])]
    filled = [p for p in range(width) if p not in unnamed]
    columns = [encode([row[p] if p < len(row) else None for _, row in body]) for p in filled]
    numbers = np.array([number for number, _ in body], dtype=np.int64)
    others = tuple(name for name in names if name != read) if sheet is None else ()
    try:
        table = build(file, "Excel", [header[p] for p in filled], columns, numbers)
    except DataError as error:
        hint = f"If the clients are on another sheet ({', '.join(others)}), name it in data.sheet"
        told = [Problem(f"{file}, sheet {read!r}", p.what, p.allowed, hint) for p in error.problems]
        raise DataError(told if others else error.problems) from None
    return dataclasses.replace(table, other_sheets=others)


def _sheet_names(path: str | os.PathLike[str]) -> list[str]:
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        return [sheet.title for sheet in book.worksheets]
    finally:
        book.close()


def _sheet_cells(
    path: str | os.PathLike[str], sheet: str | None, names: list[str], values: bool = True
) -> tuple[str, list[tuple[Any, ...]]]:
    """Return name and rows of the named sheet, or of the first that is not empty."""
    import openpyxl

    if sheet is not None and sheet not in names:
        near = nearest(sheet, names)
        hint = f"Did you mean {near}?" if near else ""
        raise DataError(Problem(Path(path).name, f"has no sheet {sheet!r}", ", ".join(names), hint))
    book = openpyxl.load_workbook(path, read_only=True, data_only=values)
    try:
        for name in [sheet] if sheet is not None else names:
            page = book[name]
            page.reset_dimensions()
            rows = list(page.iter_rows(values_only=True))
            if any(as_text(cell) for row in rows for cell in row):
                return name, rows
        return "", []
    finally:
        book.close()


def _uncomputed(path: str | os.PathLike[str], sheet: str | None, names: list[str]) -> list[int]:
    """Return the rows that hold formulas which no program has computed: their values would read as missing."""
    _, computed = _sheet_cells(path, sheet, names)
    _, written = _sheet_cells(path, sheet, names, values=False)
    found = []
    for number, row in enumerate(written, start=1):
        values = computed[number - 1] if number <= len(computed) else ()
        for place, cell in enumerate(row):
            formula = isinstance(cell, str) and cell.startswith("=")
            if formula and (place >= len(values) or values[place] is None):
                found.append(number)
                break
    return found


def _read_parquet(path: str | os.PathLike[str]) -> Table:
    # By DuckDB: with pyarrow installed pandas imports it, and keeps texts in it, in every step of a run.
    import duckdb

    file = Path(path).name
    settings: dict[str, Any] = {"threads": 1, "temp_directory": ""}  # nothing of it goes to a disk
    try:
        with duckdb.connect(config=settings) as base:
            base.execute("set timezone = 'UTC'")
            schema = base.execute("select name, num_children from parquet_schema(?)", [str(path)]).fetchall()
            rows = base.execute("from read_parquet(?, hive_partitioning = false)", [str(path)])
            named = list(zip(_top(schema), (column[1].id for column in rows.description), strict=True))
            nested = [name for name, kind in named if kind in NESTED]
            encoders = {
                place: Encoder()
                for place, (name, _) in enumerate(named)
                if name not in nested and not name.startswith("__index_level_")
            }
            count = 0
            while piece := rows.fetchmany(PIECE):
                count += len(piece)
                cells = list(zip(*piece, strict=True))
                for place, encoder in encoders.items():
                    encoder.add(cells[place])
    except (duckdb.OutOfMemoryException, MemoryError):  # a damaged file may ask for any amount
        what = "needs more memory than there is, or is a corrupt Parquet file"
        hint = "Close other programs or export only the columns that the study needs"
        raise DataError(Problem(file, what, FORMATS, hint)) from None
    except Exception:  # DuckDB raises errors of many kinds for a damaged file
        raise DataError(_corrupt(file, "Parquet file")) from None
    if nested:
        raise DataError(
            [
                Problem(file, f"the column {n!r} holds lists or records", "one value per cell", column=n)
                for n in nested
            ]
        )
    names = [named[place][0] for place in encoders]
    columns = [encoder.categorical() for encoder in encoders.values()]
    return build(file, "Parquet", names, columns, np.arange(1, count + 1))


def _top(schema: list[tuple[str, int | None]]) -> list[str]:
    """Names of the columns themselves, from the depth-first list of a Parquet file's schema below its root.

    DuckDB's own names for them tell apart what the file gives one name.
    """
    names = []
    inside = 0
    for name, children in schema[1:]:
        if inside:
            inside -= 1
        else:
            names.append(name)
        inside += children or 0
    return names


def _corrupt(file: str, kind: str) -> Problem:
    return Problem(file, f"is a corrupt or unreadable {kind}", FORMATS, "Export it again")
