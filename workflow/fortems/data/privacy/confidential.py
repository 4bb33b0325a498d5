"""What must not leave a run on private data: who the clients and therapists are, and their values."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fortems.data.privacy.reading import normalised
from fortems.data.privacy.sameness import FEWEST, SIZES
from fortems.data.reading.table import Table
from fortems.data.settings import DataSettings
from fortems.tidy import number

FREE_TEXT = 20  # characters from which several words are no category
RARE = 5  # a text that fewer clients have tells who they are
MOST_TEXTS = 2_000
MOST_WORDS = 20  # a category of more is no group but a name of each
SHINGLE = 6  # words of a longer text that tell it


@dataclass(frozen=True)
class Secrets:
    """What must not be found.

    Attributes
    ----------
    identifiers : frozenset of str
        All clients and therapists.
    words : frozenset of str
        Those that are distinctive enough to be searched for as words in any text, parts of names and addresses,
        and words that few clients have in any column.
    texts : tuple of str
        Texts of several words of few clients, normalised (``reading.normalised``).
    columns : dict of str to ndarray
        Values in the order of the file: each score, its distance from the therapist's mean and each answer by
        client, each therapist's mean and number of clients.
    categories : dict of tuple of str to str
        The words of a category, normalised, in the order of the file → its name.
    rows : dict of str to list
        ``scores`` and ``items``: the cells of each client as written, in order.
    standardized : list of ndarray
        The scores of each client, standardized, with divisor n and n - 1.
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
    categories: dict[tuple[str, ...], str]
    rows: dict[str, Sequence[Sequence[str]]]
    standardized: list[np.ndarray]
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
        Texts of few clients in any column of the export.
    known_words : iterable of str
        Words of the package's own texts: an identifier that is one of them says nothing by itself.
    names : iterable of str
        The export's names of the identifying columns.
    places : iterable of str
        Paths that lead to the export.
    """
    everyone = {str(v) for name in ("client", "therapist") for v in scores[name].dropna().unique()}
    everyone |= set(identifiers)
    known = {normalised(word) for word in known_words}
    words = {who for who in everyone if normalised(who) in _told_by(normalised(who), known, parts=False)}
    folded = {normalised(word) for word in words}
    words |= {part for who in everyone for part in _told_by(normalised(who), known, parts=True)} - folded
    phrases = {
        normalised(who) for who in everyone if len(words_in(normalised(who))) > 1 and " " in who.strip()
    }
    for text in dict.fromkeys(normalised(text) for text in texts):
        if " " in text and (len(words_in(text)) > 3 or set(words_in(text)) - known) and len(text) >= 8:
            phrases.add(text)
        words |= _told_by(text, known, parts="@" in text)
    numeric = [
        n
        for n in scores.columns
        if n not in ("client", "therapist") and pd.api.types.is_numeric_dtype(scores[n])
    ]
    columns = {name: scores[name].dropna().to_numpy(dtype=float) for name in numeric}
    groups = scores.groupby("therapist")
    means = groups[numeric].mean()
    around = scores[numeric] - groups[numeric].transform("mean")
    columns |= {f"{name} around therapists' means": around[name].dropna().to_numpy(float) for name in numeric}
    columns |= {f"therapists' mean {name}": means[name].dropna().to_numpy(dtype=float) for name in numeric}
    categories = _categories(scores)
    for cells, name in categories.items():
        if len(set(cells)) <= MOST_WORDS:
            columns |= {f"{name}, {word}": np.array(cells) == word for word in sorted(set(cells))}
    columns = {
        name: v.astype(float)
        for name, v in columns.items()
        if len(v) >= FEWEST and np.ptp(v.astype(float)) > 0
    }
    columns[SIZES] = groups.size().to_numpy(dtype=float)
    rows: dict[str, Sequence[Sequence[str]]] = {"scores": _cells(scores[numeric])}
    if items is not None:
        answers = [name for name in items.columns if name.rpartition("_")[2].isdigit()]
        rows["items"] = _cells(items[answers])
        given = {name: items[name].dropna().to_numpy(dtype=float) for name in answers}
        columns |= {name: v for name, v in given.items() if len(v) >= FEWEST and np.ptp(v) > 0}
    values = scores[numeric].to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        standardized = [
            (values - np.nanmean(values, axis=0)) / np.nanstd(values, axis=0, ddof=ddof) for ddof in (0, 1)
        ]
    return Secrets(
        identifiers=frozenset(everyone),
        words=frozenset(words),
        texts=tuple(sorted(phrases, key=lambda text: (-len(text), text))[:MOST_TEXTS]),
        columns=columns,
        categories=categories,
        rows=rows,
        standardized=[row for table in standardized for row in table],
        several=max(3, (scores["therapist"].nunique() + 1) // 2),
        names=frozenset({"client", "therapist", *names}),
        places=tuple(dict.fromkeys(normalised(place) for place in places if len(place) > 1)),
    )


def _categories(scores: pd.DataFrame) -> dict[tuple[str, ...], str]:
    """Words of the clients' categories in the order of the file."""
    words = {
        str(name): tuple(normalised(str(v)) for v in scores[name].fillna(""))
        for name in scores.columns
        if name not in ("client", "therapist") and not pd.api.types.is_numeric_dtype(scores[name])
    }
    return {cells: name for name, cells in words.items() if len(cells) >= FEWEST and len(set(cells)) > 1}


def words_in(text: str) -> list[str]:
    """Return the words of a normalised text."""
    return re.findall(r"\w+", text)


def _told_by(text: str, known: set[str], parts: bool) -> set[str]:
    """Words by which a normalised text is known again: itself, an address's local part, parts of a name."""
    found = set() if " " in text else {text}
    local = text.partition("@")[0]
    found |= {local} if "@" in text and " " not in local else set()
    distinctive = {word for word in found if _distinctive(word)}
    if parts:
        whole = local if "@" in text else text
        distinctive |= {
            word for word in words_in(whole) if sum(c.isalpha() for c in word) >= 5 and word.isalpha()
        }
    return distinctive - known


def _distinctive(word: str) -> bool:
    """Return whether a word is unlikely to stand in a text by chance: c001 and Janssens, not 12 or B."""
    digits = sum(c.isdigit() for c in word)
    letters = sum(c.isalpha() for c in word)
    if not letters:
        return digits >= 7 and not re.fullmatch(r"-?[0-9]*[.,][0-9]+", word)
    return (
        digits > 0 and len(word) >= 4 and not re.fullmatch(r"-?[0-9.]+e[+-]?[0-9]+", word)
    ) or letters >= 5


def _cells(frame: pd.DataFrame) -> list[list[str]]:
    """Cells as results write them, empty where missing."""
    columns = [[number(float(value)) for value in frame[name]] for name in frame.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def of_export(
    table: Table, settings: DataSettings, categories: bool = True
) -> tuple[list[str], list[str], list[str]]:
    """Return an export's identifiers (also of those excluded), its texts of few clients, and its names of identifiers.

    The texts are those of all columns, mapped or not, that fewer than ``RARE`` rows hold; without ``categories``
    only free texts, of several words, that one row holds.
    """
    names = [settings.columns.get(name, name) for name in ("client", "therapist")]
    identifiers = [str(v) for name in names if name in table.columns for v in table.columns[name].categories]
    texts = []
    for name, column in table.columns.items():
        if name not in names:
            counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.categories))
            texts += [
                str(text)
                for text, count in zip(column.categories, counts, strict=True)
                if (0 < count < RARE and len(str(text)) >= 4)
                if categories or (count == 1 and len(str(text)) >= FREE_TEXT and len(str(text).split()) >= 3)
            ]
    return identifiers, sorted(dict.fromkeys(texts), key=len, reverse=True), names


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
