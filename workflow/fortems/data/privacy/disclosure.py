"""Look through everything that may leave a run on private data for clients, therapists and their rows.

Four searches: identifiers as words; identifiers as a column; whole columns of scores or of therapists' means, also
standardized; and runs of neighbouring cells of one client. What is drawn as glyphs (PDF, PNG) is looked at where it
can be read; each such figure has its data beside it as CSV, which is searched in full.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fortems.data.privacy.confidential import FEWEST, Secrets
from fortems.errors import Problem, ProblemsError

PRIVATE = "data"  # the folder of a run that never leaves the machine
WORD = re.compile(r"[\w.\-]+")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
INLINE = re.compile(r"data:[\w/+.\-]+;base64,[A-Za-z0-9+/=\s]+")
TEXTS = {
    ".csv",
    ".tsv",
    ".svg",
    ".html",
    ".json",
    ".yaml",
    ".yml",
    ".txt",
    ".md",
    ".typ",
    ".bib",
    ".css",
    ".log",
}
NEIGHBOURS = {"scores": 5, "items": 12}  # cells in a row that belong to one client and no other table
WHOLE = 0.8  # share of clients from which a column is theirs


class DisclosureError(ProblemsError):
    """Results that would tell of single clients or therapists."""

    headline = "The results would disclose clients or therapists"


def look_through(results: str | os.PathLike[str], secret: Secrets) -> dict[str, Any]:
    """Search a run and return ``disclosure.json``.

    Raises
    ------
    DisclosureError
        With every file that names or shows a client or therapist.
    """
    read, problems = scan(results, secret)
    if problems:
        raise DisclosureError(problems)
    return report("passed", secret, read)


def scan(results: str | os.PathLike[str], secret: Secrets) -> tuple[dict[str, str], list[Problem]]:
    """Search all files of a run outside ``data/``.

    Returns
    -------
    read : dict of str to str
        File → how it was read: ``text``, ``unpacked``, ``partly`` or ``by its data`` (a picture).
    problems : list of Problem
        What was found, without saying whom it names.
    """
    read: dict[str, str] = {}
    problems: list[Problem] = []
    grams: dict[str, dict[tuple[str, ...], set[str]]] = {kind: {} for kind in secret.rows}
    for path in _leaving(Path(results)):
        name = path.relative_to(results).as_posix()
        text, read[name] = readable(path)
        problems += [
            Problem(name, what, "no client, therapist or client's row") for what in _words(text, secret)
        ]
        if path.suffix in (".csv", ".tsv"):
            problems += [Problem(name, what, "groups of clients only") for what in _columns(path, secret)]
        numbers = NUMBER.findall(text)
        for kind, length in NEIGHBOURS.items():
            for gram in _grams(numbers, length) if kind in grams else ():
                grams[kind].setdefault(gram, set()).add(name)
    for kind, rows in secret.rows.items():
        files: dict[str, int] = {}
        for cells in rows:
            for found in {f for gram in _grams(cells, NEIGHBOURS[kind]) for f in grams[kind].get(gram, ())}:
                files[found] = files.get(found, 0) + 1
        for found, count in files.items():
            what = f"holds neighbouring cells of data/{kind}.csv of {count} client{'s' if count > 1 else ''}"
            problems.append(Problem(found, what, "no client's row"))
    return read, problems


def _leaving(results: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(results):
        if Path(folder) == results:
            folders[:] = [name for name in folders if name != PRIVATE]
        folders.sort()
        for name in sorted(names):
            if name != "disclosure.json":
                yield Path(folder, name)


def readable(path: Path) -> tuple[str, str]:
    """Return what can be read of a file, and how."""
    content = path.read_bytes()
    if path.suffix in TEXTS:
        return INLINE.sub(" ", content.decode("utf-8", errors="replace")), "text"
    if content.startswith(b"PK"):
        with zipfile.ZipFile(path) as archive:
            parts = [archive.read(n) for n in archive.namelist() if n.endswith((".xml", ".rels"))]
        # Word splits text into runs: words are looked for with and without the tags between them.
        xml = b"\n".join(parts).decode("utf-8", errors="replace")
        return xml + "\n" + re.sub(r"</w:p>", "\n", xml).replace("<", " <") + re.sub(
            r"<[^>]+>", "", xml
        ), "unpacked"
    if content.startswith(b"%PDF"):
        return _pdf_text(content), "partly"
    if content.startswith(b"\x89PNG"):
        texts = re.findall(rb"(?:tEXt|iTXt)([^\x89]{0,4000})", content)
        return "\n".join(t.decode("latin-1") for t in texts), "by its data"
    return content.decode("latin-1"), "partly"


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


def _words(text: str, secret: Secrets) -> list[str]:
    """Identifiers, free texts and places in a text."""
    found = []
    words = set()
    for word in set(WORD.findall(text)):
        bare = word.strip(".-_")
        words |= {bare, *re.split(r"[._\-]", bare)}
    hits = secret.words & words
    hits |= {w for w in secret.words if not WORD.fullmatch(w) and w in text}
    if hits:
        found.append(f"names {len(hits)} client{'s' if len(hits) > 1 else ''} or therapists")
    if any(free in text for free in secret.texts):
        found.append("quotes a free text of the export")
    if any(place in text for place in secret.places):
        found.append("tells where the export is kept")
    return found


def _columns(path: Path, secret: Secrets) -> list[str]:
    """Columns of a table that are identifiers, or clients' or therapists' values."""
    import pandas as pd

    try:
        table = pd.read_csv(
            path, sep="\t" if path.suffix == ".tsv" else ",", dtype="str", keep_default_na=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        return []
    found = []
    for name in table.columns:
        values = table[name][table[name] != ""]
        distinct = set(values)
        inside = bool(distinct) and distinct <= secret.identifiers
        # Letters A to D may grade something else; half of the therapists or more do not.
        words = len(distinct) >= secret.several and not all(NUMBER.fullmatch(v) for v in distinct)
        if inside and (words or str(name) in secret.names):
            found.append(f"the column {name!r} holds identifiers")
        numbers = pd.to_numeric(values, errors="coerce").dropna().to_numpy(dtype=float)
        if whose := _same_column(np.sort(numbers), secret.columns):
            found.append(f"the column {name!r} holds {whose} one by one")
    return found


def _same_column(values: np.ndarray, columns: dict[str, np.ndarray]) -> str:
    """Return whose values a sorted column holds, as they are or standardized, or an empty text."""
    if len(values) < FEWEST or np.ptp(values) == 0:
        return ""
    standardized = _standard(values)
    for name, own in columns.items():
        label = name if name.startswith("therapists'") else f"clients' {name}"
        if len(own) == len(values):
            for other in (_standard(own), np.sort(-_standard(own))):
                if np.allclose(standardized, other, atol=1e-6):
                    return label
        elif WHOLE * len(own) <= len(values) <= len(own) and _contained(values, own):
            return label
    return ""


def _standard(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / values.std()


def _contained(some: np.ndarray, all_: np.ndarray) -> bool:
    """Return whether sorted values are among others, each as often at most; coarse columns agree by chance."""
    values, counts = np.unique(some, return_counts=True)
    others, other_counts = np.unique(all_, return_counts=True)
    if len(values) < FEWEST:
        return False
    place = np.searchsorted(others, values)
    if (place == len(others)).any() or not np.array_equal(others[place], values):
        return False
    return bool((counts <= other_counts[place]).all())


def _grams(cells: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Runs of neighbouring cells without a gap, if they differ enough not to be a grid or a row of zeros."""
    for start in range(len(cells) - length + 1):
        gram = tuple(cells[start : start + length])
        if "" not in gram and len(set(gram)) >= min(length, 4) and not _even(gram):
            yield gram


def _even(gram: Sequence[str]) -> bool:
    """Return whether numbers are evenly spaced, as the ticks of an axis are."""
    return bool(np.ptp(np.diff([float(cell) for cell in gram])) == 0)


def report(status: str, secret: Secrets | None = None, read: dict[str, str] | None = None) -> dict[str, Any]:
    """Return ``disclosure.json``: how the run was looked through.

    Parameters
    ----------
    status : str
        ``passed``, or ``simulated`` where there is nobody to disclose.
    secret : Secrets, optional
    read : dict, optional
        File → how it was read.
    """
    if secret is None:
        return {"status": status, "files": {}}
    return {
        "status": status,
        "files": read or {},
        "searched": {
            "identifiers": len(secret.identifiers),
            "as_words": len(secret.words),
            "as_columns_only": len(secret.identifiers) - len(secret.words),
            "free_texts": len(secret.texts),
            "columns": len(secret.columns),
        },
    }
