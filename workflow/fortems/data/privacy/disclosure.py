"""Look through everything that may leave a run on private data for clients, therapists and their rows.

Searches, in whatever was read of each file (fortems.data.privacy.reading) and in its name: identifiers and texts of
few clients as words, whatever their case and line breaks; identifiers as a column; columns of scores, therapists'
means and sizes, whole or two thirds of them, as they are or standardized, in tables, lists, drawings and running
text; and runs of neighbouring cells of one client, as they are or standardized.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fortems.data.privacy.confidential import Secrets
from fortems.data.privacy.decoding import UnreadableError
from fortems.data.privacy.neighbours import Neighbours
from fortems.data.privacy.reading import Part, normalised, read
from fortems.data.privacy.sameness import NUMBER, Columns, printed
from fortems.data.privacy.subtraction import recoverable
from fortems.data.privacy.words import Words
from fortems.errors import Problem, ProblemsError

if TYPE_CHECKING:
    from fortems.data.privacy.limits import Limits

PRIVATE = "data"  # the folder of a run that never leaves the machine


class DisclosureError(ProblemsError):
    """Results that would tell of single clients or therapists."""

    headline = "The results would disclose clients or therapists"


def look_through(
    results: str | os.PathLike[str],
    secret: Secrets,
    limits: Limits | None = None,
    simulated: Collection[str] = (),
) -> dict[str, Any]:
    """Search a run, try to work out few clients from its tables, and return ``disclosure.json``.

    Parameters
    ----------
    results : path
        The run's folder.
    secret : Secrets
    limits : Limits, optional
        Of how many clients something may be told; without, no subtraction is tried.
    simulated : collection of str
        Names of tables outside ``design/`` that show simulated studies alone.

    Raises
    ------
    DisclosureError
        With every file that names or shows a client or therapist.
    """
    read, problems = scan(results, secret)
    if limits is not None:
        told = recoverable(_tables(results), limits, simulated)
        problems += [Problem(str(results), what, ALLOWED) for what in told]
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
        found = dict.fromkeys(search.words.found(normalised(name)))
        if path.is_dir() and not path.is_symlink():  # an empty one, which has a name and no more
            problems += [Problem(name, what, ALLOWED) for what in found]
            continue
        try:
            parts, how[name] = read(path)
            for part in parts:
                found.update(dict.fromkeys(search.part(part)))
            found.update(dict.fromkeys(search.neighbours.told()))
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
        self.words = Words(secret)
        self.columns = Columns(secret.columns)
        self.neighbours = Neighbours(secret)
        self.lengths = {len(cells) for cells in secret.categories}

    def part(self, part: Part) -> Iterator[str]:
        """Yield what is found in a part of a file; ``neighbours`` tells afterwards whose rows were in it."""
        yield from self.words.found(part.text)
        for table in part.tables:
            for name, cells in table:
                yield from self._column(name, cells)
        sequences = [(sequence, printed(sequence)) for sequence in part.sequences]
        self.neighbours.note(part.rows, sequences)
        for _, values in sequences:
            for whose in self.columns.running(values):
                yield f"holds {whose} one by one"

    def _column(self, name: str, cells: Sequence[str]) -> Iterator[str]:
        """Yield what a named column of cells is, if it is one of identifiers or of values one by one."""
        secret, values = self.secret, [cell for cell in cells if cell != ""]
        if len(cells) in self.lengths:
            whose = secret.categories.get(tuple(normalised(cell) for cell in cells))
            if whose is not None:
                yield f"the column {name!r} holds clients' {whose} one by one"
        distinct = set(values)
        if distinct and distinct <= secret.identifiers:
            # Letters A to D may grade something else; half of the therapists or more do not.
            words = len(distinct) >= secret.several and not all(NUMBER.fullmatch(v) for v in distinct)
            if words or name in secret.names:
                yield f"the column {name!r} holds identifiers"
        if whose := self.columns.same(values):
            yield f"the column {name!r} holds {whose} one by one"


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
