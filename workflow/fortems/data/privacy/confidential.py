"""What must not leave a run on private data: who the clients and therapists are, and their values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fortems.data.settings import DataSettings
from fortems.data.table import Table
from fortems.tidy import number

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 8  # a shorter column of numbers may agree by chance
FREE_TEXT = 20  # characters from which a value that one client has, of several words, is taken for free text
MOST_TEXTS = 2_000


@dataclass(frozen=True)
class Secrets:
    """What must not be found.

    Attributes
    ----------
    identifiers : frozenset of str
        All clients and therapists.
    words : frozenset of str
        Those that are distinctive enough to be searched for as words in any text.
    texts : tuple of str
        Free texts of single clients.
    columns : dict of str to ndarray
        Sorted values: each score by client, each therapist's mean.
    rows : dict of str to list
        ``scores`` and ``items``: the cells of each client as written, in order.
    several : int
        From so many on, a column of identifiers is no chance.
    names : frozenset of str
        Column names that mark identifiers.
    places : tuple of str
        Folders of the export.
    """

    identifiers: frozenset[str]
    words: frozenset[str]
    texts: tuple[str, ...]
    columns: dict[str, np.ndarray]
    rows: dict[str, Sequence[Sequence[str]]]
    several: int
    names: frozenset[str]
    places: tuple[str, ...]


def secrets(
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    identifiers: Iterable[str] = (),
    texts: Iterable[str] = (),
    known_words: Iterable[str] = (),
    names: Iterable[str] = (),
    places: Iterable[str] = (),
) -> Secrets:
    """Collect what must not be found.

    Parameters
    ----------
    scores, items : DataFrame
        ``data/scores.csv`` and ``data/items.csv``.
    identifiers : iterable of str
        Further clients and therapists of the export, such as those excluded.
    texts : iterable of str
        Free texts of the export.
    known_words : iterable of str
        Words of the package's own texts: an identifier that is one of them says nothing by itself.
    names : iterable of str
        The export's names of the identifying columns.
    places : iterable of str
        Paths that lead to the export.
    """
    import pandas as pd

    everyone = {str(v) for name in ("client", "therapist") for v in scores[name].dropna().unique()}
    everyone |= set(identifiers)
    known = {word.casefold() for word in known_words}
    words = {w for w in everyone if _distinctive(w) and w.casefold() not in known}
    numeric = [
        n
        for n in scores.columns
        if n not in ("client", "therapist") and pd.api.types.is_numeric_dtype(scores[n])
    ]
    columns = {name: np.sort(scores[name].dropna().to_numpy(dtype=float)) for name in numeric}
    means = scores.groupby("therapist")[numeric].mean()
    columns |= {f"therapists' mean {name}": np.sort(means[name].dropna().to_numpy()) for name in numeric}
    rows: dict[str, Sequence[Sequence[str]]] = {"scores": _cells(scores[numeric])}
    if items is not None:
        answers = [name for name in items.columns if name.rpartition("_")[2].isdigit()]
        rows["items"] = _cells(items[answers])
    return Secrets(
        identifiers=frozenset(everyone),
        words=frozenset(words),
        texts=tuple(dict.fromkeys(texts)),
        columns={name: v for name, v in columns.items() if len(v) >= FEWEST and np.ptp(v) > 0},
        rows=rows,
        several=max(3, (scores["therapist"].nunique() + 1) // 2),
        names=frozenset({"client", "therapist", *names}),
        places=tuple(dict.fromkeys(place for place in places if len(place) > 1)),
    )


def _distinctive(identifier: str) -> bool:
    """Return whether an identifier is unlikely to stand in a text by chance: c001 and Janssens, not 12 or B."""
    if identifier.isdigit():
        return len(identifier) >= 7
    has_digit = any(c.isdigit() for c in identifier)
    letters = sum(c.isalpha() for c in identifier)
    return (has_digit and letters >= 1 and len(identifier) >= 4) or letters >= 5


def _cells(frame: pd.DataFrame) -> list[list[str]]:
    """Cells as results write them, empty where missing."""
    columns = [[number(float(value)) for value in frame[name]] for name in frame.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def of_export(table: Table, settings: DataSettings) -> tuple[list[str], list[str], list[str]]:
    """Return an export's identifiers (also of those excluded), its free texts, and its names of identifiers."""
    names = [settings.columns.get(name, name) for name in ("client", "therapist")]
    identifiers = [str(v) for name in names if name in table.columns for v in table.columns[name].categories]
    texts = []
    for name, column in table.columns.items():
        if name not in names:
            counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.categories))
            texts += [
                str(text)
                for text, count in zip(column.categories, counts, strict=True)
                if count == 1 and len(text) >= FREE_TEXT and len(str(text).split()) >= 3
            ]
    return identifiers, sorted(texts, key=len, reverse=True)[:MOST_TEXTS], names


def paths_of(path: str | os.PathLike[str]) -> list[str]:
    """Return the texts that tell where an export is kept: its path as given and its folder."""
    given, folder = os.fspath(path), Path(path).resolve().parent
    found = [str(folder)] if folder != Path.cwd() else []
    return [*found, given] if os.path.dirname(given) else found


def words_of(paths: Iterable[str | os.PathLike[str]]) -> set[str]:
    """Return the words of the package's own texts."""
    found: set[str] = set()
    for path in paths:
        found |= set(re.findall(r"[\w]+", Path(path).read_text(encoding="utf-8", errors="replace")))
    return found
