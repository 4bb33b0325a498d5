"""Read whatever may leave a run, down to what is packed or encoded in it, as texts and as sequences of numbers.

What cannot be looked into is refused: links, special files, pickles, and kinds of files that are not known.
Glyphs that are drawn (PDF, PNG) are read as far as they are text; each figure has its data beside it as CSV.
"""

from __future__ import annotations

import csv
import html
import io
import json
import re
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote

from fortems.data.privacy.decoding import (
    Allowance,
    TooLargeError,
    UnreadableError,
    decoded,
    decompressed,
    encoded,
    pdf_parts,
    png_parts,
    without_encoded,
)
from fortems.data.privacy.sameness import NUMBER

DEEPEST = 5  # archives in archives
MOST_CELLS = 10_000_000  # of a table; a workbook's two cells can lie 17 thousand million apart
#: From the head of a word alone: a long one without a value would be tried from each of its letters.
ATTRIBUTE = re.compile(r"""(?<![\w:.-])([\w:.-]++)\s*+=\s*+["']\s*+(-?[0-9.]+(?:e-?[0-9]+)?)\s*+["']""")
MARKUP = (".html", ".htm", ".svg", ".xml", ".rels", ".xhtml")
PICKLES = (".pkl", ".pickle", ".joblib", ".npy", ".npz", ".rds", ".rdata", ".pt", ".h5", ".hdf5")
TABULAR = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SEPARATORS = (",", ";", "\t", "|")
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"


@dataclass(frozen=True)
class Part:
    """What was read of a file, or of what is packed in it.

    Attributes
    ----------
    text : str
        All words, normalised (``normalised``).
    tables : tuple of tuple
        Tables as named columns of cells: ``((name, cells), ...)``.
    rows : tuple of tuple of str
        Rows of tables.
    sequences : tuple of tuple of str
        Numbers that stand in a list, or all of the text in order.
    """

    text: str
    tables: tuple[tuple[tuple[str, tuple[str, ...]], ...], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    sequences: tuple[tuple[str, ...], ...] = ()


def normalised(text: str) -> str:
    """Return a text case-folded, in one form of each letter, without invisible signs, blanks as single spaces."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKC", text)
    for sign in INVISIBLE:
        plain = plain.replace(sign, "")
    return " ".join(plain.casefold().split())


def read(path: Path) -> tuple[list[Part], str]:
    """Return what can be read of a file, and how: ``text``, ``unpacked``, ``partly`` or ``by its data``.

    Raises
    ------
    UnreadableError
        For a link, a special file, a pickle, a kind that is not known, or a file that is too large.
    """
    if path.is_symlink():
        raise UnreadableError("is a link")
    if not path.is_file():
        raise UnreadableError("is no regular file")
    allowance = Allowance()
    allowance.spend(path.stat().st_size)
    content = path.read_bytes()
    how = "text"
    if content.startswith(b"PK"):
        how = "unpacked"
    elif content.startswith(b"%PDF"):
        how = "partly"
    elif content.startswith(b"\x89PNG"):
        how = "by its data"
    return list(_opened(path.name, content, 0, allowance)), how


def _opened(name: str, content: bytes, depth: int, allowance: Allowance) -> Iterator[Part]:
    suffix = PurePath(name).suffix.casefold()
    if suffix in PICKLES or content[:1] == b"\x80":
        raise UnreadableError("is a pickle or a store of another program")
    if depth > DEEPEST:
        raise UnreadableError("is packed too deep")
    zipped = zipfile.is_zipfile(
        io.BytesIO(content)
    )  # the list of an archive stands at its end, whatever comes before
    if zipped:
        yield from _zipped(content, depth, allowance)
    if zipped and content.startswith(b"PK"):
        return
    if unpacked := decompressed(content, allowance):
        yield from _opened(PurePath(name).stem, unpacked, depth + 1, allowance)
    elif content[257:262] == b"ustar":
        yield from _tarred(content, depth, allowance)
    elif content.startswith(b"%PDF"):
        text, attached = pdf_parts(content, allowance)
        yield from _texts("", text, depth, allowance)
        for file in attached:
            yield from _opened("", file, depth + 1, allowance)
    elif content.startswith(b"\x89PNG"):
        text, behind = png_parts(content, allowance)
        yield from _texts("", text, depth, allowance)
        if behind and not zipped:
            yield from _opened("", behind, depth + 1, allowance)
    elif content.startswith((b"wOFF", b"wOF2", b"\x00\x01\x00\x00", b"OTTO", b"\xff\xd8\xff", b"GIF8")):
        # Fonts and pictures of a document: no place for rows, and their bytes are looked at for words.
        yield from _texts(
            "", " ".join(re.findall(r"[\x20-\x7e]{6,}", content.decode("latin-1"))), depth, allowance
        )
    else:
        yield from _texts(suffix, decoded(content), depth, allowance)


def _zipped(content: bytes, depth: int, allowance: Allowance) -> Iterator[Part]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            allowance.spend(sum(member.file_size for member in archive.infolist()))
            names = [member for member in archive.namelist() if not member.endswith("/")]
            yield Part(normalised(" ".join([*names, archive.comment.decode("latin-1")])))
            if "xl/workbook.xml" in names:
                yield from _workbook(content)
            for member in names:
                yield from _opened(PurePath(member).name, archive.read(member), depth + 1, allowance)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error) as error:
        raise UnreadableError("is an archive that cannot be read") from error


def _tarred(content: bytes, depth: int, allowance: Allowance) -> Iterator[Part]:
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive.getmembers():
                yield Part(normalised(f"{member.name} {member.linkname}"))
                file = archive.extractfile(member) if member.isfile() else None
                if file is not None:
                    allowance.spend(member.size)  # of a sparse one more than the archive has
                    yield from _opened(PurePath(member.name).name, file.read(), depth + 1, allowance)
    except (tarfile.TarError, OSError) as error:
        raise UnreadableError("is an archive that cannot be read") from error


def _workbook(content: bytes) -> Iterator[Part]:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    for sheet in book.worksheets:
        rows = sheet.iter_rows(values_only=True)
        yield _tabled(
            [["" if v is None else str(v) for v in row] for row in rows if any(v is not None for v in row)]
        )


def _tabled(cells: list[list[str]]) -> Part:
    """A table whose first row is its header."""
    if not cells:
        return Part("")
    width = max(len(row) for row in cells)
    if width * len(cells) > MOST_CELLS:
        raise TooLargeError
    filled = [[*row, *[""] * (width - len(row))] for row in cells]
    columns = tuple((filled[0][i], tuple(row[i] for row in filled[1:])) for i in range(width))
    text = normalised("\n".join(" ".join(row) for row in filled))
    return Part(text, (columns,), tuple(tuple(row) for row in filled))


def _texts(suffix: str, text: str, depth: int, allowance: Allowance) -> Iterator[Part]:
    """The parts of a text: its words, its numbers, its tables and lists, and what is encoded in it."""
    if suffix in TABULAR:
        first = text.lstrip().partition("\n")[0]
        for separator in (mark for mark in SEPARATORS if mark == TABULAR[suffix] or mark in first):
            with suppress(csv.Error):
                cells = list(csv.reader(io.StringIO(text), delimiter=separator))
                yield _tabled([row for row in cells if row])
    yield from _of_json(suffix, text)
    plain, bare = text, without_encoded(text)
    if suffix in MARKUP or text.lstrip()[:1] == "<":
        yield from _attributes(bare)
        # Markup splits words and lines: they are looked for with nothing and with a blank between.
        block = re.sub(r"</(?:w:p|p|td|th|tr|li|h[1-6]|div)>", " ", bare)
        joined, apart = re.sub(r"<[^>]+>", "", block), re.sub(r"<[^>]+>", " ", bare)
        plain = html.unescape("\n".join((bare, joined, apart)))
        numbers: Sequence[str] = NUMBER.findall(html.unescape(apart))
        yield Part("", sequences=(tuple(numbers),))
    if "%" in plain and (meant := unquote(plain)) != plain:
        plain += "\n" + meant
    if "\\u" in plain:
        plain += "\n" + re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), plain)
    if "\\x" in plain:
        plain += "\n" + re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), plain)
    unbroken = re.sub(r"(\w)[-\u2010]\s*\n\s*(\w)", r"\1\2", plain)
    yield Part(normalised(plain), sequences=(tuple(NUMBER.findall(bare)),))
    if unbroken != plain:
        yield Part(normalised(unbroken))
    if re.search(r"[0-9],[0-9]", bare):  # a decimal comma
        yield Part("", sequences=(tuple(NUMBER.findall(re.sub(r"(?<=[0-9]),(?=[0-9])", ".", bare))),))
    if depth <= DEEPEST:
        for inner in encoded(text):
            yield from _opened_quietly(inner, depth + 1, allowance)


def _of_json(suffix: str, text: str) -> Iterator[Part]:
    """Lists and maps: of a file, of each line of one, or of the scripts of a page."""
    inside = (
        re.findall(r"<script\b[^>]*json[^>]*>(.*?)</script>", text, re.DOTALL) if "<script" in text else []
    )
    lines = text.splitlines()
    if suffix == ".json":
        inside.append(text)
    elif len(lines) > 1 and all(line[:1] in "[{" for line in lines[:3]):
        inside.append("[" + ",".join(line for line in lines if line.strip()) + "]")
    for each in inside:
        with suppress(ValueError, RecursionError):
            yield from _listed(json.loads(each))


def _attributes(text: str) -> Iterator[Part]:
    """Numbers of the same attribute, and the coordinates of drawn lines: where marks stand in a drawing."""
    found: dict[str, list[str]] = {}
    for name, value in ATTRIBUTE.findall(text):
        found.setdefault(name, []).append(value)
    for path in re.findall(r"""\b(?:d|points)\s*=\s*["']([^"']*)["']""", text):
        numbers = NUMBER.findall(path)
        found.setdefault("x of lines", []).extend(numbers[0::2])
        found.setdefault("y of lines", []).extend(numbers[1::2])
    for moves in re.findall(r"translate\(([^)]*)\)", text):
        for axis, value in zip("xy", NUMBER.findall(moves), strict=False):
            found.setdefault(f"{axis} of moves", []).append(value)
    yield Part("", (tuple((name, tuple(values)) for name, values in found.items()),))


def _listed(value: Any) -> Iterator[Part]:
    """Lists and maps of a JSON value as columns, rows and words."""
    words: list[str] = []
    columns: list[tuple[str, tuple[str, ...]]] = []
    rows: list[tuple[str, ...]] = []

    def walk(item: Any, name: str) -> None:
        if isinstance(item, dict):
            words.extend(str(key) for key in item)
            inner = [v for v in item.values() if not isinstance(v, (dict, list))]
            rows.append(tuple(_cell(v) for v in inner))
            columns.append((name, tuple(_cell(v) for v in inner)))
            columns.append((name, tuple(str(key) for key in item)))
            for key, each in item.items():
                walk(each, str(key))
        elif isinstance(item, list):
            flat = [v for v in item if not isinstance(v, (dict, list))]
            if flat:
                columns.append((name, tuple(_cell(v) for v in flat)))
                rows.append(tuple(_cell(v) for v in flat))
            lists = [v for v in item if isinstance(v, list)]
            if lists:
                width = max(len(v) for v in lists)
                for i in range(width):
                    cells = tuple(
                        _cell(v[i]) for v in lists if i < len(v) and not isinstance(v[i], (dict, list))
                    )
                    columns.append((name, cells))
            maps = [v for v in item if isinstance(v, dict)]
            for key in dict.fromkeys(key for v in maps for key in v):
                cells = tuple(
                    _cell(v[key]) for v in maps if key in v and not isinstance(v[key], (dict, list))
                )
                columns.append((str(key), cells))
            for each in item:
                walk(each, name)
        elif isinstance(item, str):
            words.append(item)

    walk(value, "")
    yield Part(normalised("\n".join(words)), (tuple(columns),), tuple(rows))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _opened_quietly(content: bytes, depth: int, allowance: Allowance) -> Iterator[Part]:
    """What encoded bytes hold, nothing where they hold nothing that can be read."""
    try:
        yield from list(_opened("", content, depth, allowance))
    except TooLargeError:
        raise  # it could be read and was not
    except UnreadableError:
        return
