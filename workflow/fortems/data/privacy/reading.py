"""Read whatever may leave a run, down to what is packed or encoded in it, as texts and as sequences of numbers.

What cannot be looked into is refused: links, special files, pickles, and kinds of files that are not known.
Glyphs that are drawn (PDF, PNG) are read as far as they are text; each figure has its data beside it as CSV.
"""

from __future__ import annotations

import base64
import binascii
import bz2
import csv
import gzip
import html
import io
import json
import lzma
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

DEEPEST = 5  # archives in archives
LARGEST = 500_000_000  # bytes unpacked
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
ENCODED = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:[\r\n]+[A-Za-z0-9+/_-]+)*={0,2}")
ATTRIBUTE = re.compile(r"""([\w:.-]+)\s*=\s*["']\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*["']""")
MARKUP = (".html", ".htm", ".svg", ".xml", ".rels", ".xhtml")
PICKLES = (".pkl", ".pickle", ".joblib", ".npy", ".npz", ".rds", ".rdata", ".pt", ".h5", ".hdf5")
TABULAR = {".csv": ",", ".tsv": "\t"}
_INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff"))


class UnreadableError(Exception):
    """A file that cannot be looked into; the message says why."""


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
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE).casefold()
    return " ".join(plain.split())


def read(path: Path) -> tuple[list[Part], str]:
    """Return what can be read of a file, and how: ``text``, ``unpacked``, ``partly`` or ``by its data``.

    Raises
    ------
    UnreadableError
        For a link, a special file, a pickle, or a kind that is not known.
    """
    if path.is_symlink():
        raise UnreadableError("is a link")
    if not path.is_file():
        raise UnreadableError("is no regular file")
    content = path.read_bytes()
    how = "text"
    if content.startswith(b"PK"):
        how = "unpacked"
    elif content.startswith(b"%PDF"):
        how = "partly"
    elif content.startswith(b"\x89PNG"):
        how = "by its data"
    return list(_opened(path.name, content, 0)), how


def _opened(name: str, content: bytes, depth: int) -> Iterator[Part]:
    suffix = PurePath(name).suffix.casefold()
    if suffix in PICKLES or content[:1] == b"\x80":
        raise UnreadableError("is a pickle or a store of another program")
    if depth > DEEPEST:
        raise UnreadableError("is packed too deep")
    if content.startswith(b"PK") and zipfile.is_zipfile(io.BytesIO(content)):
        yield from _zipped(content, depth)
    elif unpacked := _decompressed(content):
        yield from _opened(PurePath(name).stem, unpacked, depth + 1)
    elif content[257:262] == b"ustar":
        yield from _tarred(content, depth)
    elif content.startswith(b"%PDF"):
        yield from _texts(".txt", _pdf_text(content), depth)
    elif content.startswith(b"\x89PNG"):
        yield from _texts(".txt", _png_text(content), depth)
    elif content.startswith((b"wOFF", b"wOF2", b"\x00\x01\x00\x00", b"OTTO", b"\xff\xd8\xff", b"GIF8")):
        # Fonts and pictures of a document: no place for rows, and their bytes are looked at for words.
        yield from _texts(".txt", " ".join(re.findall(r"[\x20-\x7e]{6,}", content.decode("latin-1"))), depth)
    else:
        yield from _texts(suffix, decoded(content), depth)


def decoded(content: bytes) -> str:
    """Return bytes as text.

    Raises
    ------
    UnreadableError
        When they are none.
    """
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if b"\0" not in content:
        for encoding in ("utf-8", "cp1252"):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            odd = sum(not (c.isprintable() or c.isspace()) for c in text)
            if odd <= len(text) // 100:
                return text
    raise UnreadableError("is of a kind that cannot be looked into")


def _decompressed(content: bytes) -> bytes:
    for mark, opened in ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ", lzma.open)):
        if content.startswith(mark):
            try:
                with opened(io.BytesIO(content)) as file:  # type: ignore[operator]
                    found = bytes(file.read(LARGEST + 1))
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise UnreadableError("is packed and damaged") from error
            if len(found) > LARGEST:
                raise UnreadableError("is too large unpacked")
            return found
    return b""


def _zipped(content: bytes, depth: int) -> Iterator[Part]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > LARGEST:
                raise UnreadableError("is too large unpacked")
            names = [member for member in archive.namelist() if not member.endswith("/")]
            yield Part(normalised(" ".join([*names, archive.comment.decode("latin-1")])))
            if "xl/workbook.xml" in names:
                yield from _workbook(content)
            for member in names:
                yield from _opened(PurePath(member).name, archive.read(member), depth + 1)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error) as error:
        raise UnreadableError("is an archive that cannot be read") from error


def _tarred(content: bytes, depth: int) -> Iterator[Part]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive.getmembers():
            yield Part(normalised(f"{member.name} {member.linkname}"))
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                yield from _opened(PurePath(member.name).name, file.read(LARGEST), depth + 1)


def _workbook(content: bytes) -> Iterator[Part]:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    for sheet in book.worksheets:
        cells = [["" if v is None else str(v) for v in row] for row in sheet.iter_rows(values_only=True)]
        yield _tabled(cells)


def _tabled(cells: list[list[str]]) -> Part:
    """A table whose first row is its header."""
    if not cells:
        return Part("")
    width = max(len(row) for row in cells)
    filled = [[*row, *[""] * (width - len(row))] for row in cells]
    columns = tuple((filled[0][i], tuple(row[i] for row in filled[1:])) for i in range(width))
    text = normalised("\n".join(" ".join(row) for row in filled))
    return Part(text, (columns,), tuple(tuple(row) for row in filled))


def _texts(suffix: str, text: str, depth: int) -> Iterator[Part]:
    """The parts of a text: its words, its numbers, its tables and lists, and what is encoded in it."""
    if suffix in TABULAR:
        cells = list(csv.reader(io.StringIO(text), delimiter=TABULAR[suffix]))
        yield _tabled([row for row in cells if row])
    if suffix == ".json":
        with suppress(ValueError, RecursionError):
            yield from _listed(json.loads(text))
    plain, bare = text, _without_encoded(text)
    if suffix in MARKUP or text.lstrip()[:1] == "<":
        yield from _attributes(bare)
        # Markup splits words and lines: they are looked for with nothing and with a blank between.
        block = re.sub(r"</(?:w:p|p|td|th|tr|li|h[1-6]|div)>", " ", bare)
        joined, apart = re.sub(r"<[^>]+>", "", block), re.sub(r"<[^>]+>", " ", bare)
        plain = html.unescape("\n".join((bare, joined, apart)))
        numbers: Sequence[str] = NUMBER.findall(html.unescape(apart))
        yield Part("", sequences=(tuple(numbers),))
    if "%" in plain:
        plain += "\n" + unquote(plain)
    if "\\u" in plain:
        plain += "\n" + re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), plain)
    unbroken = re.sub(r"(\w)[-\u2010]\s*\n\s*(\w)", r"\1\2", plain)
    yield Part(normalised(plain), sequences=(tuple(NUMBER.findall(bare)),))
    if unbroken != plain:
        yield Part(normalised(unbroken))
    if depth <= DEEPEST:
        for inner in _encoded(text):
            yield from _opened_quietly(inner, depth + 1)


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


def _without_encoded(text: str) -> str:
    """A text without embedded files, whose letters would be taken for words and numbers."""
    return re.sub(r"data:[\w/+.\-]+;base64,[A-Za-z0-9+/=\s]+", " ", text)


def _encoded(text: str) -> Iterator[bytes]:
    """What base64 and hexadecimal digits in a text stand for."""
    for found in ENCODED.findall(text):
        plain = "".join(found.split()).replace("-", "+").replace("_", "/")
        if len(plain) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", plain):
            yield binascii.unhexlify(plain)
        else:
            bare = plain.rstrip("=")
            try:
                yield base64.b64decode(bare + "=" * (-len(bare) % 4))
            except (binascii.Error, ValueError):
                continue


def _opened_quietly(content: bytes, depth: int) -> Iterator[Part]:
    """What encoded bytes hold, nothing where they hold nothing that can be read."""
    try:
        yield from list(_opened("", content, depth))
    except UnreadableError:
        return


def _pdf_text(content: bytes) -> str:
    """Uncompressed parts and inflated streams; text set with embedded fonts is glyph numbers and stays unread."""
    parts = [re.sub(rb"stream\r?\n.*?endstream", b" ", content, flags=re.DOTALL)]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, flags=re.DOTALL):
        try:
            plain = zlib.decompressobj().decompress(stream)
        except zlib.error:
            continue
        parts += re.findall(rb"\(((?:[^()\\]|\\.)*)\)", plain)
    return "\n".join(part.decode("latin-1") for part in parts)


def _png_text(content: bytes) -> str:
    """Text chunks, and what stands behind the picture's end."""
    texts = re.findall(rb"(?:tEXt|iTXt)([^\x89]{0,4000})", content)
    texts.append(content.partition(b"IEND\xaeB`\x82")[2])
    for packed in re.findall(rb"zTXt[^\0]{1,79}\0\0(.{0,20000})", content, flags=re.DOTALL):
        try:
            texts.append(zlib.decompressobj().decompress(packed, 1_000_000))
        except zlib.error:
            continue
    return "\n".join(t.decode("utf-8", errors="replace") for t in texts)
