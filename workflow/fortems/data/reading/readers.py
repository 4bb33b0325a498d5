"""Read an export, known by its content: text, a workbook, SPSS, Stata or Parquet, each packed by gzip or not.

What cannot be read is refused by name, with the way to one of these.
"""

from __future__ import annotations

import dataclasses
import gzip
import os
import tempfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fortems.data.reading.apart import apart
from fortems.data.reading.delimited import read_delimited
from fortems.data.reading.limits import MOST_UNPACKED, archive_problem, file_problem
from fortems.data.reading.spss import read_spss
from fortems.data.reading.table import Encoder, Table, build
from fortems.data.reading.workbooks import read_workbook
from fortems.errors import DataError, Problem, did_you_mean

FORMATS = "CSV, TSV, Excel (.xlsx, .xls), OpenDocument (.ods), SPSS (.sav), Stata (.dta) or Parquet"
GZIP = b"\x1f\x8b"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# Formats that people have, and how their programs turn them into one of ours.
FROM_R = 'In R: write.csv(data, "export.csv", row.names = FALSE)'
FROM_SAS = 'In SAS: proc export data=data outfile="export.csv" dbms=csv; run;'
FOREIGN = {
    ".por": ("a portable SPSS file", "In SPSS: File, Save As, SPSS Statistics (*.sav)"),
    ".sps": ("SPSS syntax", "Name the data file that it works on"),
    ".spv": ("SPSS output", "Name the data file that it comes from"),
    ".sas7bdat": ("a SAS file", FROM_SAS),
    ".xpt": ("a SAS transport file", FROM_SAS),
    ".rds": ("an R file", FROM_R),
    ".rdata": ("an R file", FROM_R),
    ".rda": ("an R file", FROM_R),
    ".omv": ("a jamovi file", "In jamovi: the menu, Export, CSV"),
    ".jasp": ("a JASP file", "In JASP: the menu, Export Data, CSV"),
    ".mat": ("a Matlab file", "In Matlab: writetable(data, 'export.csv')"),
    ".json": ("a JSON file", "Export it as CSV"),
    ".html": ("a web page", "Open it in Excel or LibreOffice and save it as .xlsx or CSV"),
    ".pdf": ("a PDF", "Export the data as CSV from the program that made it"),
    ".docx": ("a Word document", "Save its table as CSV"),
    ".numbers": ("a Numbers spreadsheet", "In Numbers: File, Export To, CSV"),
}
# Kinds of Parquet columns that hold more than one value in a cell.
NESTED = ("array", "list", "map", "struct", "union", "variant")
PIECE = 50_000  # rows
MOST_ROWS = 5_000_000  # a few bytes of Parquet can stand for any number of equal rows
MEMORY = "1GB"  # of DuckDB, which takes a piece at a time
OLD_STATA = (105, 108, 110, 111, 112, 113, 114, 115)  # first byte of files of before Stata 13
BY_CONTENT = {".xlsx": "Excel workbook", ".xlsm": "Excel workbook", ".sav": "SPSS file", ".zsav": "SPSS file"}
BY_CONTENT |= {
    ".parquet": "Parquet file",
    ".pq": "Parquet file",
    ".dta": "Stata file",
    ".ods": "OpenDocument sheet",
}


def read_table(path: str | os.PathLike[str], sheet: str | Sequence[str] | None = None) -> Table:
    """Read an export.

    Parameters
    ----------
    path : path
        The file.
    sheet : str or sequence of str, optional
        For a workbook: the sheet, or several with the same columns; the first one that is not empty by default.

    Raises
    ------
    DataError
        Whatever the reason why the file gives no table: missing, a folder, not readable, empty, a foreign,
        corrupt or password-protected file, two columns of the same name, no rows.
    """
    start = _first_bytes(Path(path))
    file, suffix = Path(path).name, Path(path).suffix.lower()
    if suffix in FOREIGN:
        raise DataError(_foreign(file, *FOREIGN[suffix]))
    if start.startswith(GZIP):
        return _read_packed(Path(path), sheet)
    sheets = [sheet] if isinstance(sheet, str) else list(sheet or ())
    if start.startswith(OLE):
        return _read_old(path, sheets)
    if start.startswith(b"PK"):
        return _read_archive(path, sheets)
    if start.startswith((b"$FL2", b"$FL3")):
        return read_spss(path)
    if start.startswith(b"<stata_dta>") or (suffix == ".dta" and start[0] in OLD_STATA):
        return read_spss(path, "Stata")
    if start.startswith(b"PAR1"):
        return _read_parquet(path)
    if suffix in BY_CONTENT:
        what = f"is named like an {BY_CONTENT[suffix]}, and its content is not one, or corrupt"
        raise DataError(Problem(file, what, FORMATS, "Export it again"))
    if start.startswith((b"RDX", b"RDA", b"X\n", b"A\n")):
        raise DataError(_foreign(file, *FOREIGN[".rds"]))
    marks = {b"<": ".html", b"{": ".json", b"%": ".pdf" if start.startswith(b"%PDF") else ""}
    if inside := marks.get(start.lstrip()[:1]):
        what, hint = FOREIGN[inside]
        raise DataError(_foreign(file, f"not a table of separated values: it holds {what}", hint))
    return read_delimited(path)


def _foreign(file: str, what: str, hint: str) -> Problem:
    return Problem(file, f"is {what}", FORMATS, hint)


def _read_packed(path: Path, sheet: str | Sequence[str] | None) -> Table:
    """Read what gzip packed, unpacked in a folder of its own that goes with it."""
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder, path.stem if path.suffix.lower() == ".gz" else path.name)
        try:
            with gzip.open(path) as packed, open(inner, "wb") as plain:
                written = 0
                while piece := packed.read(1 << 20):
                    written += len(piece)
                    if written > MOST_UNPACKED:
                        what = f"unpacks to more than {MOST_UNPACKED / 1e6:,.0f} million bytes"
                        raise DataError(Problem(path.name, what, FORMATS, "Export only what the study needs"))
                    plain.write(piece)
        except (OSError, EOFError, zlib.error):
            raise DataError(_corrupt(path.name, "gzip file")) from None
        try:
            return dataclasses.replace(read_table(inner, sheet), file=path.name)
        except DataError as error:
            told = [
                dataclasses.replace(p, where=p.where.replace(inner.name, path.name, 1))
                for p in error.problems
            ]
            raise DataError(told) from None


def _read_old(path: str | os.PathLike[str], sheets: Sequence[str]) -> Table:
    """An OLE container is an encrypted workbook or one of before 2007."""
    file = Path(path).name
    if "EncryptedPackage".encode("utf-16-le") in Path(path).read_bytes():
        hint = "Open it in Excel, remove the password (File, Info, Protect Workbook) and save it"
        raise DataError(Problem(file, "is protected by a password", FORMATS, hint))
    return _workbook_apart(path, sheets, "Excel")


def _read_archive(path: str | os.PathLike[str], sheets: Sequence[str]) -> Table:
    """A zip archive is a workbook of Excel's or OpenDocument's, or another program's file."""
    file = Path(path).name
    try:
        problem = archive_problem(path)
    except Exception:  # a damaged archive fails in more ways than zipfile has names for
        raise DataError(_corrupt(file, "Excel workbook")) from None
    if problem:
        raise DataError(problem)
    try:
        with zipfile.ZipFile(path) as archive:
            inside = archive.namelist()
            broken = archive.testzip()
            kind = archive.read("mimetype").decode("latin-1") if "mimetype" in inside else ""
    except Exception:  # a damaged archive fails in more ways than zipfile has names for
        raise DataError(_corrupt(file, "Excel workbook")) from None
    if broken:
        raise DataError(_corrupt(file, "Excel workbook"))
    if "xl/workbook.xml" in inside:
        return _workbook_apart(path, sheets, "Excel")
    if kind.startswith("application/vnd.oasis.opendocument.spreadsheet"):
        return _workbook_apart(path, sheets, "OpenDocument")
    if Path(path).suffix.lower() == ".ods":
        raise DataError(_corrupt(file, "OpenDocument sheet"))
    if "xl/workbook.bin" in inside:
        raise DataError(_foreign(file, "a binary Excel workbook (.xlsb)", "Save it in Excel as .xlsx"))
    if kind.startswith("application/vnd.oasis.opendocument") or "word/document.xml" in inside:
        raise DataError(_foreign(file, "a text document", "Save its table as CSV"))
    if any(name.endswith((".csv", ".sav", ".xlsx", ".tsv")) for name in inside):
        raise DataError(_foreign(file, f"an archive with {', '.join(inside[:3])}", "Unpack it first"))
    raise DataError(_foreign(file, "an archive and no workbook", "Unpack it first"))


def _workbook_apart(path: str | os.PathLike[str], sheets: Sequence[str], kind: str) -> Table:
    return apart(read_workbook, path, sheets, kind, FORMATS, kind=f"{kind} workbook", allowed=FORMATS)


def _first_bytes(path: Path) -> bytes:
    where = path.name or str(path)
    if os.path.isdir(path):
        raise DataError(Problem(where, "is a folder, not a file", FORMATS))
    try:
        if problem := file_problem(path, FORMATS):
            raise DataError(problem)
        with open(path, "rb") as stream:
            start = stream.read(64)
    except FileNotFoundError:
        there = [p.name for p in path.parent.glob("*")] if os.path.isdir(path.parent) else []
        hint = did_you_mean(path.name, there)
        raise DataError(Problem(where, "there is no such file", FORMATS, hint)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(Problem(where, f"cannot be read ({reason})", "a file that you may read")) from None
    if not start.strip(b"\xef\xbb\xbf \t\r\n"):
        rest = path.stat().st_size > len(start)
        if not start or not rest:
            raise DataError(Problem(where, "is empty", "a row of column names and one row per client"))
    return start


def _read_parquet(path: str | os.PathLike[str]) -> Table:
    # By DuckDB: with pyarrow installed pandas imports it, and keeps texts in it, in every step of a run.
    import duckdb

    file = Path(path).name
    settings: dict[str, Any] = {
        "threads": 1,
        "temp_directory": "",
        "memory_limit": MEMORY,
    }  # nothing of it goes to a disk
    try:
        with duckdb.connect(config=settings) as base:
            base.execute("set timezone = 'UTC'")
            schema = base.execute("select name, num_children from parquet_schema(?)", [str(path)]).fetchall()
            told = base.execute("select sum(num_rows) from parquet_file_metadata(?)", [str(path)]).fetchone()
            if (announced := told[0] or 0 if told else 0) > MOST_ROWS:
                raise DataError(Problem(file, f"has {announced:,} rows", f"at most {MOST_ROWS:,}"))
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
    except DataError:
        raise
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
