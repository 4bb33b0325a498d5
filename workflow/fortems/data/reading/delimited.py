"""Text files of separated values: encoding, separator and rows, found from the content."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from fortems.data.reading.table import Encoder, Table, build
from fortems.errors import DataError, Problem

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab"}
OTHERS = {"|": "a vertical bar", ":": "a colon", "~": "a tilde", "^": "a caret"}
ALLOWED = "columns separated by comma, semicolon or tab"
WIDE = ("utf-16", "utf-32")
SAMPLE = 200
CHUNK = 20_000
LONGEST_LINE = 1_000_000
MOST_COLUMNS = 50_000
MOST_RAGGED = 10_000
csv.field_size_limit(1 << 20)


def read_delimited(path: str | os.PathLike[str]) -> Table:
    """Read a CSV or TSV file.

    The encoding is UTF-8 (with or without byte-order mark), UTF-16 or UTF-32 with its mark, or else Windows-1252, of
    which Latin-1's letters are a part. Rows are read once, in pieces, by the standard library's parser, which
    says where each record stands; pandas' parser fills short rows silently.

    Raises
    ------
    DataError
        No text, no known separator, every row whose number of cells differs from the header's, unbalanced
        quotes.
    """
    file = Path(path).name
    encoding = _encoding(path, file)
    with open(path, encoding=encoding, newline="") as stream:
        skipped = _start(stream, file)
        sample = "".join(_short_lines(stream, file))
    separator = _separator(sample, file, skipped)
    with open(path, encoding=encoding, newline="") as stream:
        for _ in range(skipped):
            stream.readline()
        try:
            return _read_rows(stream, separator, file, skipped)
        except csv.Error as error:
            raise DataError(
                Problem(file, f"cannot be read as rows of cells ({error})", ALLOWED, "Look for a stray quote")
            ) from None


def _encoding(path: str | os.PathLike[str], file: str) -> str:
    """Return the encoding; refuse what is no text."""
    with open(path, "rb") as stream:
        start = stream.read(4096)
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            candidates = ["utf-32"]
        elif start.startswith(codecs.BOM_UTF8):
            candidates = ["utf-8-sig"]
        elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            candidates = ["utf-16"]
        elif wide := _wide(start):
            hint = f'Save it as UTF-8 (in R: fileEncoding = "UTF-8"); it looks like {wide} without its mark'
            raise DataError(Problem(file, "is text in two bytes a character without a mark", "UTF-8", hint))
        elif any(byte < 9 or 13 < byte < 27 for byte in start):
            raise DataError(
                Problem(file, "is not text, nor any format known here", "CSV, TSV, Excel, SPSS, Parquet")
            )
        else:
            candidates = ["utf-8", "cp1252", "latin-1"]
        for candidate in candidates:
            stream.seek(0)
            decoder = codecs.getincrementaldecoder(candidate)()
            try:
                for piece in iter(lambda: stream.read(1 << 20), b""):
                    if b"\0" in piece and candidates[0] not in WIDE:
                        raise DataError(_nul(path, file))
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return candidate
    raise DataError(
        Problem(file, f"has a {candidates[0]} mark and is not {candidates[0]}", "UTF-8 or Latin-1")
    )


def _wide(start: bytes) -> str:
    """Name the UTF-16 in which a text without a mark is written: every other byte of Latin letters is 0; or nothing."""
    even, odd = start[0::2], start[1::2]
    if len(start) < 8 or not start.count(0):
        return ""
    if odd.count(0) > 0.8 * len(odd) and even.count(0) < 0.1 * len(even):
        return "UTF-16 (little-endian)"
    if even.count(0) > 0.8 * len(even) and odd.count(0) < 0.1 * len(odd):
        return "UTF-16 (big-endian)"
    return ""


def _nul(path: str | os.PathLike[str], file: str) -> Problem:
    """A NUL byte is no text: the file is damaged from there on, mostly by a copy that broke off."""
    line = 1
    with open(path, "rb") as stream:
        for piece in iter(lambda: stream.read(1 << 20), b""):
            place = piece.find(b"\0")
            line += piece.count(b"\n", 0, place if place >= 0 else None)
            if place >= 0:
                break
    what = "holds NUL bytes, which are no text: the file is damaged"
    return Problem(f"{file}, line {line}", what, "text", "Export or copy it again", row=str(line))


def _short_lines(stream: TextIO, file: str) -> Iterator[str]:
    """Yield the first lines; refuse one of a length that no row has."""
    for number in range(1, SAMPLE + 1):
        line = stream.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            what = f"has a line of more than {LONGEST_LINE:,} characters among its first {number}"
            raise DataError(Problem(file, what, ALLOWED, "Export it again, with a line per client"))
        if not line:
            return
        yield line


def _start(stream: TextIO, file: str) -> int:
    """Skip blank lines above the header and Excel's ``sep=`` line; return how many lines were skipped."""
    skipped = 0
    while True:
        place = stream.tell()
        line = next(_short_lines(stream, file), "")
        if not line or (line.strip() and not line.strip().strip('"').lower().startswith("sep=")):
            stream.seek(place)
            return skipped
        skipped += 1


def _separator(sample: str, file: str, skipped: int) -> str:
    """Return the separator under which the header has most cells and the sampled rows agree with it."""
    best, best_rank = "", (False, 1)
    for separator in SEPARATORS:
        try:
            rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=separator) if row]
        except csv.Error:
            continue
        if not rows:
            continue
        # The last sampled row may be cut within quotes.
        body = rows[1:-1] or rows[1:]
        agree = all(len(row) == len(rows[0]) for row in body)
        rank = (agree and len(rows[0]) > 1, len(rows[0]))
        if rank > best_rank:
            best, best_rank = separator, rank
    # Another separator, where one fits header and rows, would only be a mark within their texts.
    if row := _names_row(sample, best if best_rank[0] or _fits(sample, best) else best + "".join(SEPARATORS)):
        raise DataError(_title(file, skipped + 1, skipped + row))
    if best:
        return best
    header = sample.strip().splitlines()[0] if sample.strip() else ""
    if not header:
        raise DataError(Problem(file, "is empty", "a row of column names and one row per client"))
    if problem := _spaces(sample, file):
        raise DataError(problem)
    if header.startswith('"') and header.count('"') == 2 and any(mark in header for mark in SEPARATORS):
        what = "each row is one text in quotes, so that its separators do not count"
        raise DataError(Problem(file, what, ALLOWED, "Put the cells in quotes, and not the rows"))
    other = next((words for mark, words in OTHERS.items() if mark in header), "")
    what = "no separator was found between its columns" + (
        f"; it looks separated by {other}" if other else ""
    )
    raise DataError(Problem(file, what, ALLOWED, "Export it again with one of these"))


def _filled(sample: str, separator: str) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """Return the rows that are not blank, with their numbers, and how many cells each fills, empty ones at its end left out."""
    try:
        rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=separator))
    except csv.Error:
        return [], []
    filled = [(number, row) for number, row in enumerate(rows, start=1) if any(map(str.strip, row))]
    filled = filled[:-1] if len(filled) > 3 else filled  # the last one may be cut within quotes
    return filled, [
        max(place for place, cell in enumerate(row, start=1) if cell.strip()) for _, row in filled
    ]


def _fits(sample: str, separator: str) -> bool:
    """Whether no row fills more cells than the header, and some fill more than one; separators at a row's end are common."""
    widths = _filled(sample, separator)[1] if separator else []
    return bool(widths) and 1 < max(widths[1:], default=0) <= widths[0]


def _names_row(sample: str, separators: str) -> int:
    """Return the row from which on all rows have as many cells, where a few shorter ones (a title) stand above; or 0."""
    for separator in separators:
        filled, widths = _filled(sample, separator)
        if not filled:
            continue
        start = next((place for place, width in enumerate(widths) if 2 * width > max(widths)), 0)
        below = [row for _, row in filled[start:]]
        if start and len(below) > 1 and all(len(row) == len(below[0]) for row in below):
            return filled[start][0]
    return 0


def _title(file: str, first: int, names: int) -> Problem:
    what = f"holds no column names; these seem to stand in row {names}"
    hint = "Remove what stands above the names, such as a title"
    return Problem(f"{file}, row {first}", what, "the names in the first row", hint)


def title_problem(file: str, rows: Sequence[tuple[int, Sequence[str]]]) -> Problem | None:
    """Say that a title stands above the column names of a sheet, and where these are; None where none does.

    Parameters
    ----------
    file : str
        With the sheet, for the message.
    rows : sequence of (number, texts)
        The rows that are not blank.
    """
    head = rows[:SAMPLE]
    widths = [max(place for place, text in enumerate(row, start=1) if text) for _, row in head]
    most = max(widths)
    start = next(place for place, width in enumerate(widths) if 2 * width > most)
    whole = all(head[start][1][:most]) and most > 1
    return _title(file, head[0][0], head[start][0]) if start and whole and len(rows) > start + 1 else None


def _records(stream: TextIO, separator: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (spreadsheet row, cells) of each record that is not blank."""
    for number, cells in enumerate(csv.reader(stream, delimiter=separator, strict=True), start=skipped + 1):
        if any(cell.strip() for cell in cells):
            yield number, cells


def _read_rows(stream: TextIO, separator: str, file: str, skipped: int) -> Table:
    records = _records(stream, separator, skipped)
    _, header = next(records, (0, []))
    if not header:
        raise DataError(Problem(file, "is empty", "a row of column names and one row per client"))
    while len(header) > 1 and not header[-1].strip():
        header.pop()
    width = len(header)
    if width > MOST_COLUMNS:
        raise DataError(Problem(file, f"has {width:,} columns", f"at most {MOST_COLUMNS:,}"))
    encoders = [Encoder() for _ in header]
    numbers: list[np.ndarray] = []
    problems: list[Problem] = []
    ragged: set[int] = set()
    while chunk := list(itertools.islice(records, CHUNK)):
        kept = []
        for number, cells in chunk:
            if len(cells) == width or (len(cells) > width and not any(c.strip() for c in cells[width:])):
                kept.append((number, cells))
                continue
            ragged.add(len(cells))
            if len(problems) < MOST_RAGGED:
                problems.append(_ragged(file, number, len(cells), width, separator))
        if problems:
            continue
        numbers.append(np.array([number for number, _ in kept], dtype=np.int64))
        for encoder, column in zip(encoders, zip(*(cells for _, cells in kept), strict=False), strict=False):
            encoder.add(column)
    if ragged == {width + 1} and not numbers and not kept:
        raise DataError(_row_names(file, width, separator))
    if problems:
        raise DataError(problems)
    rows = np.concatenate(numbers) if numbers else np.empty(0, dtype=np.int64)
    kind = f"CSV ({SEPARATORS[separator]})"
    return build(file, kind, header, [e.categorical() for e in encoders], rows, separator=separator)


def _spaces(sample: str, file: str) -> Problem | None:
    """Columns separated by spaces, as R's write.table does by itself; None where they are not."""
    try:
        rows = [row for row in csv.reader(io.StringIO(sample, newline=""), delimiter=" ") if row]
        runs = csv.reader(map(_one_space, sample.splitlines()), delimiter=" ")
        if len({len(row) for row in rows}) > 1:
            rows = [row for row in runs if row]
    except csv.Error:
        return None
    names, widths = len(rows[0]), {len(row) for row in rows[1:-1] or rows[1:]}
    if names < 2 or len(widths) != 1 or not widths <= {names, names + 1}:
        return None
    if widths == {names + 1}:
        return _row_names(file, names, "\t")
    hint = f"Save it as CSV; {_in_r(chr(9))[0].lower()}{_in_r(chr(9))[1:]}"
    return Problem(file, "its columns are separated by spaces", ALLOWED, hint)


def _one_space(line: str) -> str:
    """A line of columns of fixed width, with one space between them."""
    return " ".join(line.split())


def _row_names(file: str, width: int, separator: str) -> Problem:
    """Every row has one cell more than there are names: R writes row names so, without a name for them."""
    what = f"the header is one name short: {width} names above {width + 1} cells in each row, as R writes row names"
    return Problem(file, what, "a name for each column", _in_r(separator))


def _in_r(separator: str) -> str:
    written = "\\t" if separator == "\t" else separator
    return f'Write it in R with write.table(data, file, sep = "{written}", row.names = FALSE)'


def _ragged(file: str, number: int, cells: int, width: int, separator: str) -> Problem:
    hint = "Put text that holds the separator in quotes"
    if cells == 1:
        hint = "A note above or below the clients does not belong into the table"
    elif separator == ",":
        hint += "; numbers with decimal commas need another separator or quotes"
    return Problem(
        f"{file}, row {number}",
        f"has {cells} cell{'' if cells == 1 else 's'}, the header has {width}",
        f"{width} cells in each row",
        hint,
        row=str(number),
    )
