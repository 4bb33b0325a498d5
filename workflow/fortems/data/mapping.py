"""Translate a file into our columns: value labels, value maps, missing codes and numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fortems.data.findings import Finding
from fortems.data.naming import IDENTIFIERS, Naming, resolve
from fortems.data.numbers import decimal_mark, looks_numeric, normal, parse
from fortems.data.settings import DataSettings, value_map
from fortems.data.table import Table, as_text
from fortems.data.valuemaps import Use, unanswered, with_labels
from fortems.errors import nearest
from fortems.study.instruments import Instrument, score_ranges

if TYPE_CHECKING:
    import pandas as pd

MOSTLY = 0.8  # share of numbers from which a text among them looks like a slip


@dataclass(frozen=True)
class Mapped:
    """An export in our columns, before any rule is applied.

    Attributes
    ----------
    frame : DataFrame
        ``client`` and ``therapist`` as text, numbers as floats, categories as text; missing as NaN. One row
        per record of the file, in its order.
    table : Table
        The file as read, without its cells.
    naming : Naming
        Where each column comes from.
    categories : tuple of str
        The columns that hold categories.
    problems, oddities : list of Finding
    """

    frame: pd.DataFrame
    table: Table
    naming: Naming
    categories: tuple[str, ...]
    problems: list[Finding]
    oddities: list[Finding]

    @property
    def clients(self) -> np.ndarray:
        """The client of each row as text, empty where the file names none."""
        if "client" not in self.frame:
            return np.empty(0, dtype=object)
        return self.frame["client"].fillna("").to_numpy(dtype=object)


def map_table(
    table: Table,
    settings: DataSettings,
    instruments: Mapping[str, Instrument],
    wanted: Sequence[str] = (),
    numeric: Collection[str] = (),
) -> Mapped:
    """Translate a file into our columns.

    Parameters
    ----------
    table : Table
    settings : DataSettings
    instruments : mapping of str to Instrument
    wanted : sequence of str
        What models and inclusion rules name.
    numeric : collection of str
        Of these, what must be a number (a model's predictors, mediators and outcome, rules with min or max).
    """
    import pandas as pd

    naming = resolve(table, settings, instruments, wanted)
    problems, oddities = list(naming.problems), list(naming.oddities)
    translated = {
        ours: _Translated(ours, theirs, table, settings, naming.family(ours))
        for ours, theirs in naming.sources.items()
    }
    categories = tuple(
        ours
        for ours, column in translated.items()
        if ours == "gender"
        or (ours in naming.extras and ours not in numeric and not column.numeric(oddities))
    )
    numbers = [ours for ours in translated if ours not in IDENTIFIERS and ours not in categories]
    mark, marks = decimal_mark(
        {translated[n].source: translated[n].cells() for n in numbers}, table.separator
    )
    problems += marks
    limits = score_ranges(instruments) | {"age": (0, 120), "sessions": (0, 10_000)}
    limits |= {c: (i.low, i.high) for i in instruments.values() for c in i.columns()}
    columns: dict[str, np.ndarray] = {}
    for ours, column in translated.items():
        if ours in numbers:
            columns[ours] = column.numbers(mark, problems, float32=bool(naming.family(ours)))
            oddities += column.doubtful_codes(mark, limits.get(ours))
        else:
            columns[ours] = column.texts(problems, oddities)
    uses = [
        Use(column.key, column.source, column.family, column.distinct, column.labels, ours in numbers)
        for ours, column in translated.items()
        if column.key is not None
    ]
    for found, told in zip(unanswered(uses, settings.values), (problems, oddities), strict=True):
        told += found
    _turn_back(columns, settings, naming)
    frame = pd.DataFrame(columns, copy=False)
    texts = [n for n in columns if n not in numbers]
    frame[texts] = frame[texts].astype("str")
    return Mapped(frame, table.emptied(), naming, categories, problems, oddities)


class _Translated:
    """One column: its distinct texts, each with what it means."""

    def __init__(self, ours: str, theirs: str, table: Table, settings: DataSettings, family: str):
        self.ours, self.source, self.family = ours, theirs, family
        column = table.columns[theirs]
        self.codes = np.asarray(column.codes)
        self.distinct = [str(text) for text in column.categories]
        self.labels = table.labels.get(theirs, {})
        keys = (ours, theirs, family)
        self.key = next((key for key in keys if key in settings.values), None)
        self.given = value_map(settings.values[self.key]) if self.key is not None else {}
        self.map = with_labels(self.given, self.labels)
        self.codes_for_all = not isinstance(settings.missing_codes, Mapping)
        given: list[object] = []
        if isinstance(settings.missing_codes, Mapping):
            for key in keys:
                given += list(settings.missing_codes.get(key, ()))
        else:
            given += list(settings.missing_codes)
        declared = {normal(as_text(code)) for code in given}
        self.missing = [normal(text) in declared for text in self.distinct]

    def raw(self) -> list[str]:
        """The distinct texts that stand for themselves: neither missing nor mapped."""
        return [
            text
            for text, gone in zip(self.distinct, self.missing, strict=True)
            if not gone and not (self.map and self._target(text) is not None)
        ]

    def _target(self, text: str) -> str | None:
        """What the value map makes of a text, by its spelling or by its number; None where it names neither."""
        return self.map.get(text, self.map.get(normal(text)))

    def _counts(self) -> np.ndarray:
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.distinct))

    def cells(self) -> dict[str, int]:
        """Return how many cells have each text that stands for itself."""
        counts = dict(zip(self.distinct, self._counts().tolist(), strict=True))
        return {text: counts[text] for text in self.raw()}

    def numeric(self, oddities: list[Finding]) -> bool:
        """Return whether a column that may be either holds numbers; note a slip among them."""
        texts = self.raw()
        if self.map and not all(looks_numeric(target) for target in self.map.values() if target):
            return False
        if self.labels and all(normal(text) in self.labels for text in texts):
            return False
        slips = [text for text in texts if not looks_numeric(text)]
        if slips and len(slips) < len(texts):
            counts = self.cells()
            share = 1 - sum(counts[text] for text in slips) / max(sum(counts.values()), 1)
            if share >= MOSTLY:
                what = "is taken as a category because some of its values are no numbers"
                remedy = f"If it is a number, mend them or declare them in data.missing_codes.{self.ours}"
                places, values = self._places([t not in slips for t in self.distinct])
                oddities.append(
                    Finding(what, self.source, places=places, values=values, hint=remedy, kind="category")
                )
        return not slips and bool(texts)

    def numbers(self, mark: str, problems: list[Finding], float32: bool) -> np.ndarray:
        """Return the column as numbers; what is none becomes a problem and NaN."""
        own = parse(self.distinct, mark)
        targets = [self._target(text) for text in self.distinct] if self.map else [None] * len(self.distinct)
        mapped = np.array([target is not None for target in targets], dtype=bool)
        if mapped.any():
            own = np.where(mapped, parse([target or "" for target in targets], "."), own)
        mapped_to_text = [bool(target) and np.isnan(v) for target, v in zip(targets, own, strict=True)]
        own[np.array(self.missing, dtype=bool)] = np.nan
        fine = [
            gone or not np.isnan(value) or (m and not wrong)
            for gone, value, m, wrong in zip(self.missing, own, mapped, mapped_to_text, strict=True)
        ]
        other = {".": ",", ",": "."}[mark]
        marked = [
            not good and other in t and looks_numeric(t) for good, t in zip(fine, self.distinct, strict=True)
        ]
        words = {".": "point", ",": "comma"}
        what = f"decimal {words[other]} in a file whose numbers have a decimal {words[mark]}"
        allowed = "one decimal mark, without marks for thousands"
        key = self.family or self.ours
        hint = f"Map words in data.values.{key}, or declare them in data.missing_codes"
        self._complain(what, [not m for m in marked], problems, allowed)
        others = [good or m for good, m in zip(fine, marked, strict=True)]
        self._complain("not a number", others, problems, "a number", hint)
        return np.append(own, np.nan).astype(np.float32 if float32 else np.float64)[self.codes]

    def _complain(
        self, what: str, fine: list[bool], problems: list[Finding], allowed: str, hint: str = ""
    ) -> None:
        """Add a problem with the places of texts that are not fine, where there are any."""
        if all(fine):
            return
        places, values = self._places(fine)
        if len(places):
            problems.append(Finding(what, self.source, self.family, places, values, allowed, hint))

    def texts(self, problems: list[Finding], oddities: list[Finding]) -> np.ndarray:
        """Return the column as texts, through its value map or its labels."""
        lower = {key.casefold(): target for key, target in self.map.items()}
        targets = set(self.map.values())
        meanings: list[str | None] = []
        fine = []
        for text, gone in zip(self.distinct, self.missing, strict=True):
            label = self.labels.get(normal(text), "")
            if gone:
                meaning: str | None = ""
            elif not self.map:
                meaning = label or text
            else:
                known = [self.map[key] for key in (text, normal(text), label) if key in self.map]
                meaning = known[0] if known else None
                for key in (text, label):
                    meaning = lower.get(key.casefold()) if meaning is None else meaning
                meaning = text if meaning is None and text in targets else meaning
            fine.append(meaning is not None)
            meanings.append(meaning or None)
        if not all(fine):
            places, values = self._places(fine)
            allowed = ", ".join(self.given)
            near = nearest(values[0], self.given) if values else None
            hint = f"Did you mean {near}?" if near else f"Add it to data.values.{self.ours}"
            what = f"not among the values of data.values.{self.ours}"
            problems.append(Finding(what, self.source, "", places, values, allowed, hint))
        self._note_spellings([m for m in meanings if m], oddities)
        return np.array([*meanings, None], dtype=object)[self.codes]

    def _note_spellings(self, meanings: list[str], oddities: list[Finding]) -> None:
        """Values that differ in case only are most often the same."""
        spellings: dict[str, list[str]] = {}
        for text in dict.fromkeys(meanings):
            spellings.setdefault(" ".join(text.casefold().split()), []).append(text)
        same = [texts for texts in spellings.values() if len(texts) > 1]
        if same:
            what = f"has {len(same)} values in several spellings, which count as different"
            remedy = f"Give them one spelling, in the file or in data.values.{self.ours}"
            oddities.append(Finding(what, self.source, hint=remedy, kind="spelling"))

    def doubtful_codes(self, mark: str, limits: tuple[float, float] | None) -> list[Finding]:
        """Missing codes declared for all columns that in this one could be real values."""
        if limits is None or not self.codes_for_all or not any(self.missing):
            return []
        values = parse(self.distinct, mark)
        doubtful = [
            text
            for text, gone, value in zip(self.distinct, self.missing, values, strict=True)
            if gone and limits[0] <= value <= limits[1]
        ]
        if not doubtful:
            return []
        places, shown = self._places([text not in doubtful for text in self.distinct])
        what = "taken as missing by data.missing_codes, although it could be a real value here"
        remedy = "Declare missing codes by column"
        return [Finding(what, self.source, self.family, places, shown, hint=remedy, kind="missing code")]

    def _places(self, fine: list[bool]) -> tuple[np.ndarray, list[str]]:
        """Return where the texts that are not fine stand, and what stands there."""
        wrong = np.flatnonzero(~np.array(fine, dtype=bool))
        places = np.flatnonzero(np.isin(self.codes, wrong))
        return places, [self.distinct[self.codes[place]] for place in places]


def _turn_back(columns: dict[str, np.ndarray], settings: DataSettings, naming: Naming) -> None:
    """Undo the reversal of items that the file holds already turned, so that the key applies to all."""
    for name, numbers in settings.already_reversed.items():
        if instrument := naming.items.get(name):
            turned = sorted(instrument.reversed) if numbers == "all" else numbers
            for number in turned:
                column = instrument.columns()[int(number) - 1] if int(number) in instrument.reversed else None
                if column in columns:
                    columns[column] = instrument.low + instrument.high - columns[column]
