"""Look through everything that may leave a run on private data for clients, therapists and their rows.

Searches, in whatever was read of each file (fortems.data.privacy.reading) and in its name: identifiers and texts of
few clients as words, whatever their case and line breaks; identifiers as a column; columns of scores, therapists'
means and sizes, whole or two thirds of them, as they are or standardized, in tables, lists, drawings and running
text; and runs of neighbouring cells of one client, as they are or standardized.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.data.privacy.confidential import SHINGLE, Secrets, words_in
from fortems.data.privacy.decoding import UnreadableError
from fortems.data.privacy.reading import Part, normalised, read
from fortems.data.privacy.sameness import NUMBER, Columns
from fortems.data.privacy.subtraction import recoverable
from fortems.errors import Problem, ProblemsError
from fortems.tidy import number

if TYPE_CHECKING:
    import pandas as pd

    from fortems.data.privacy.limits import Limits

PRIVATE = "data"  # the folder of a run that never leaves the machine
NEIGHBOURS = {"scores": 5, "items": 12}  # cells in a row that belong to one client and no other table
MATCHING = 8  # cells of a row that are one client's, in any order
TOKEN = re.compile(r"[\w.\-@+]+")
LONG, SEVERAL = 8, 5  # characters of one word, and shorter words, that stand in a reversed text by no chance


class DisclosureError(ProblemsError):
    """Results that would tell of single clients or therapists."""

    headline = "The results would disclose clients or therapists"


def look_through(
    results: str | os.PathLike[str], secret: Secrets, limits: Limits | None = None
) -> dict[str, Any]:
    """Search a run, try to work out few clients from its tables, and return ``disclosure.json``.

    Parameters
    ----------
    results : path
        The run's folder.
    secret : Secrets
    limits : Limits, optional
        Of how many clients something may be told; without, no subtraction is tried.

    Raises
    ------
    DisclosureError
        With every file that names or shows a client or therapist.
    """
    read, problems = scan(results, secret)
    if limits is not None:
        problems += [Problem(str(results), what, ALLOWED) for what in recoverable(_tables(results), limits)]
    if problems:
        raise DisclosureError(problems)
    return report("passed", secret, read)


def _tables(results: str | os.PathLike[str]) -> dict[str, pd.DataFrame]:
    """Every table that may leave."""
    from fortems.tidy import read_csv

    paths = [path for path in _leaving(Path(results)) if path.suffix == ".csv" and path.stat().st_size]
    return {path.relative_to(results).as_posix(): read_csv(path) for path in paths}


def scan(results: str | os.PathLike[str], secret: Secrets) -> tuple[dict[str, str], list[Problem]]:
    """Search all files of a run outside ``data/``.

    Returns
    -------
    read : dict of str to str
        File → how it was read: ``text``, ``unpacked``, ``partly`` or ``by its data`` (a picture).
    problems : list of Problem
        What was found, without saying whom it names.
    """
    how: dict[str, str] = {}
    problems: list[Problem] = []
    search = _Search(secret)
    for path in _leaving(Path(results)):
        name = path.relative_to(results).as_posix()
        found = dict.fromkeys(search.words(normalised(name)))
        if path.is_dir() and not path.is_symlink():  # an empty one, which has a name and no more
            problems += [Problem(name, what, ALLOWED) for what in found]
            continue
        try:
            parts, how[name] = read(path)
            for part in parts:
                found.update(dict.fromkeys(search.part(part)))
            found.update(dict.fromkeys(search.rows_told()))
        except UnreadableError as reason:
            found[f"{reason}, and cannot be looked through"] = None
        problems += [Problem(name, what, ALLOWED) for what in found]
    return how, problems


ALLOWED = "results of groups of clients, in files that can be looked through"


def _leaving(results: Path) -> Iterator[Path]:
    """Everything outside ``data/``; links to folders are given as they are, not followed."""
    for folder, folders, names in os.walk(results):
        if Path(folder) == results:
            folders[:] = [name for name in folders if name != PRIVATE or Path(folder, name).is_symlink()]
        links = [name for name in folders if Path(folder, name).is_symlink()]
        folders[:] = sorted(set(folders) - set(links))
        for name in sorted([*names, *links]):
            if name != "disclosure.json":
                yield Path(folder, name)
        if Path(folder) != results and not (folders or names or links):
            yield Path(folder)


class _Search:
    """What is looked for, prepared once for all files.

    Parameters
    ----------
    secret : Secrets
    """

    def __init__(self, secret: Secrets):
        self.secret = secret
        self.told = {normalised(word) for word in secret.words}
        self.shingles = secret.shingles
        self.columns = Columns(secret.columns)
        self.neighbours = {
            kind: {
                gram: client for client, cells in enumerate(rows) for gram in _grams(cells, NEIGHBOURS[kind])
            }
            for kind, rows in secret.rows.items()
        }
        length = NEIGHBOURS["scores"]
        n = max(len(secret.standardized) // 2, 1)
        self.standard = {
            gram: place % n
            for place, row in enumerate(secret.standardized)
            for gram in _rounded_grams(row, length)
        }
        own = [{cell for cell in cells if cell} for cells in secret.rows["scores"]]
        self.own_cells = np.array([len(cells) for cells in own], dtype=int)
        self.holders: dict[str, list[int]] = {}  # number → clients who have it among their scores
        for client, cells in enumerate(own):
            for cell in cells:
                self.holders.setdefault(cell, []).append(client)
        self.clients: dict[str, set[int]] = {}

    def part(self, part: Part) -> Iterator[str]:
        """Yield what is found in a part of a file."""
        yield from self.words(part.text)
        yield from self.words(part.text[::-1], self._told_backwards)
        for table in part.tables:
            for name, cells in table:
                yield from self._column(name, cells)
        for row in part.rows:
            self._whole_row(row)
            self._cells([cell for cell in row if NUMBER.fullmatch(cell)])
        for sequence in part.sequences:
            self._cells(sequence)
            for whose in self.columns.running(sequence):
                yield f"holds {whose} one by one"

    def rows_told(self) -> Iterator[str]:
        """Yield how many clients' rows were found since this was last asked."""
        for kind, clients in self.clients.items():
            count = f"{len(clients)} client{'s' if len(clients) > 1 else ''}"
            yield f"holds neighbouring cells of data/{kind} of {count}"
        self.clients = {}

    def _told_backwards(self, hits: set[str]) -> bool:
        """Whether words found in a reversed text are there by no chance: a file's codes turned round give short ones."""
        return any(len(word) >= LONG for word in hits) or len(hits) >= max(SEVERAL, len(self.told) / 20)

    def words(self, text: str, told: Callable[[set[str]], bool] = bool) -> Iterator[str]:
        """Yield identifiers, texts of few clients and places in a normalised text.

        Parameters
        ----------
        text : str
            Normalised.
        told : callable
            Whether these words of the export are told by standing there.
        """
        secret = self.secret
        tokens = set()
        for token in set(TOKEN.findall(text)):
            bare = token.strip(".-_@+")
            tokens |= {bare, *re.split(r"[._\-@+]", bare), bare.partition("@")[0]}
        hits = self.told & tokens
        # What TOKEN does not take as one word, such as an identifier with a slash.
        hits |= {w for w in self.told if not TOKEN.fullmatch(w) and w in text}
        if told(hits):
            yield f"names {len(hits)} client{'s' if len(hits) > 1 else ''} or therapists, or words of few clients"
        words = words_in(text)
        flat = f" {' '.join(words)} "
        if any(f" {' '.join(words_in(phrase))} " in flat for phrase in secret.texts) or (
            self.shingles
            and any(tuple(words[i : i + SHINGLE]) in self.shingles for i in range(len(words) - SHINGLE + 1))
        ):
            yield "quotes a free text of the export"
        if any(place in text for place in secret.places):
            yield "tells where the export is kept"

    def _column(self, name: str, cells: Sequence[str]) -> Iterator[str]:
        """Yield what a named column of cells is, if it is one of identifiers or of values one by one."""
        secret, values = self.secret, [cell for cell in cells if cell != ""]
        if (whose := secret.categories.get(tuple(normalised(cell) for cell in cells))) is not None:
            yield f"the column {name!r} holds clients' {whose} one by one"
        distinct = set(values)
        inside = bool(distinct) and distinct <= secret.identifiers
        # Letters A to D may grade something else; half of the therapists or more do not.
        words = len(distinct) >= secret.several and not all(NUMBER.fullmatch(v) for v in distinct)
        if inside and (words or name in secret.names):
            yield f"the column {name!r} holds identifiers"
        if whose := self.columns.same(values):
            yield f"the column {name!r} holds {whose} one by one"

    def _cells(self, sequence: Sequence[str]) -> None:
        """Note clients whose neighbouring cells stand in a sequence."""
        plain = [_plain(cell) for cell in sequence]
        for kind, grams in self.neighbours.items():
            # Those of clients have no gap and are not evenly spaced: what is among them is neither.
            for gram in zip(*(plain[k:] for k in range(NEIGHBOURS[kind])), strict=False):
                if gram in grams:
                    self.clients.setdefault(f"{kind}.csv", set()).add(grams[gram])
        if sum("." in cell for cell in sequence) < NEIGHBOURS["scores"]:
            return
        values = np.array([float(cell) for cell in plain])
        for rounded in _rounded_grams(values, NEIGHBOURS["scores"]):
            if rounded in self.standard:
                self.clients.setdefault("scores.csv, standardized,", set()).add(self.standard[rounded])

    def _whole_row(self, row: Sequence[str]) -> None:
        """Note a client whose cells stand in a row in any order."""
        numbers = [_plain(cell) for cell in row if NUMBER.fullmatch(cell)]
        if not MATCHING <= len(numbers) <= 3 * MATCHING or _even(numbers):
            return
        shared = np.zeros(len(self.own_cells), dtype=int)
        for number_ in set(numbers) & self.holders.keys():
            shared[self.holders[number_]] += 1
        for client in np.flatnonzero(shared >= np.maximum(MATCHING, self.own_cells - 1)).tolist():
            self.clients.setdefault("scores.csv", set()).add(client)


def _plain(cell: str) -> str:
    """A number's text as results write it."""
    return number(float(cell))


def _rounded_grams(values: np.ndarray, length: int) -> Iterator[tuple[float, ...]]:
    """Runs of neighbouring numbers to two decimals, of standardized size and none whole."""
    for start in range(len(values) - length + 1):
        window = values[start : start + length]
        if np.isfinite(window).all() and (np.abs(window) < 6).all():
            gram = tuple(np.round(window, 2).tolist())
            if len(set(gram)) >= 4:
                yield gram


def _grams(cells: Sequence[str], length: int) -> Iterator[tuple[str, ...]]:
    """Runs of neighbouring cells without a gap, if they differ enough not to be a grid or a row of zeros."""
    for start in range(len(cells) - length + 1):
        gram = tuple(cells[start : start + length])
        if "" not in gram and len(set(gram)) >= min(length, 4) and not _even(gram):
            yield gram


def _even(gram: Sequence[str]) -> bool:
    """Return whether numbers are evenly spaced, as the ticks of an axis are."""
    with np.errstate(invalid="ignore"):
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
    # No counts: those of an export beside those of the analysis would tell how many were left out.
    searched = ["identifiers", "texts of few clients", "columns", "therapists' sizes", "rows", "places"]
    return {"status": status, "files": read or {}, "searched": searched}
