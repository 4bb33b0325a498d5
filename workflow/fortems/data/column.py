"""One column of a file: its distinct texts, each with what it means as a number, a category or an identifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from fortems.data.findings import Finding
from fortems.data.identity import Identity, identities
from fortems.data.numbers import looks_numeric, marked_number, no_numbers, normal, parse
from fortems.data.reading.table import Table, as_text
from fortems.data.settings import DataSettings, value_map
from fortems.data.valuemaps import shared_labels, with_labels
from fortems.errors import did_you_mean
from fortems.study.definition import IDENTIFIERS

MOSTLY = 0.8  # share of numbers from which a text among them looks like a slip


class Column:
    """A column of a file under our name.

    Attributes
    ----------
    ours, source, family : str
        Our name, the file's, and the instrument whose item it is (empty for other columns).
    distinct : list of str
        The texts that it holds; ``codes`` says which stands in each row, -1 for none.
    labels : mapping
        Value labels that the file brings, by code.
    meanings : dict of str to str
        What ``texts`` has made of each text.
    key : str or None
        By which of its names ``data.values`` has a map for it; ``given`` is that map.
    """

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
        self.folded = {key.casefold(): target for key, target in reversed(self.map.items())}
        self.codes_for_all = not isinstance(settings.missing_codes, Mapping)
        given: list[object] = []
        if isinstance(settings.missing_codes, Mapping):
            for key in keys:
                given += list(settings.missing_codes.get(key, ()))
        else:
            given += list(settings.missing_codes)
        declared = {normal(as_text(code)) for code in given}
        there = set(map(normal, self.distinct))
        folded = {code.casefold() for code in declared - there}
        self.missing = [(form := normal(t)) in declared or form.casefold() in folded for t in self.distinct]
        self.meanings: dict[str, str] = {}  # what ``texts`` made of each

    def raw(self) -> list[str]:
        """The distinct texts that stand for themselves: neither missing nor mapped."""
        return [
            text
            for text, gone in zip(self.distinct, self.missing, strict=True)
            if not gone and not (self.map and self._target(text) is not None)
        ]

    def _target(self, text: str) -> str | None:
        """What the value map makes of a text, by its spelling, its number or its word in another case; None where by none."""
        return self.map.get(text, self.map.get(normal(text), self.folded.get(text.casefold())))

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
        slips = [text for text in texts if not looks_numeric(text) and not marked_number(text)]
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
        return not slips and (bool(texts) or bool(self.map))

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
        self._complain(what, [not m for m in marked], problems, allowed)
        others = [good or m for good, m in zip(fine, marked, strict=True)]
        wrong = [text for text, good in zip(self.distinct, others, strict=True) if not good]
        for texts, why, hint in no_numbers(wrong, self.family or self.ours, self.ours):
            fits = [good or text not in texts for good, text in zip(others, self.distinct, strict=True)]
            self._complain(why, fits, problems, "a number", hint)
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
        if self.ours in IDENTIFIERS:
            return self._identifiers(problems, oddities)
        lower = self.folded
        shared = shared_labels(self.labels)
        targets = set(self.map.values())
        spelled = self._numbers_in_one_spelling(oddities)
        meanings: list[str | None] = []
        listed = []
        for text, gone in zip(self.distinct, self.missing, strict=True):
            label = self.labels.get(normal(text), "")
            if label in shared:
                label = f"{label} ({text})"
            if gone:
                meaning: str | None = ""
            elif not self.map:
                meaning = label or spelled.get(text, text)
            else:
                known = [self.map[key] for key in (text, normal(text), label) if key in self.map]
                meaning = known[0] if known else None
                for key in (text, label):
                    meaning = lower.get(key.casefold()) if meaning is None else meaning
                meaning = text if meaning is None and text in targets else meaning
            listed.append(meaning is not None)
            meanings.append((label or text if meaning is None else meaning) or None)
        self._note_unlisted(listed, oddities)
        self._note_spellings([m for m in meanings if m], oddities)
        if shared & {self.labels.get(normal(text), "") for text in self.distinct}:
            what = "several codes share one value label; they are kept apart, with their codes"
            oddities.append(Finding(what, self.source, hint="Give each code its own label", kind="label"))
        self.meanings = {text: m for text, m in zip(self.distinct, meanings, strict=True) if m}
        return np.array([*meanings, None], dtype=object)[self.codes]

    def _identifiers(self, problems: list[Finding], oddities: list[Finding]) -> np.ndarray:
        """Return who each row is of: codes, never labels, each in one spelling."""
        meant = [
            "" if gone else self._target(text) if self._target(text) is not None else text
            for text, gone in zip(self.distinct, self.missing, strict=True)
        ]
        found = identities(list(dict.fromkeys(text for text in meant if text)))
        if found.same:
            shown = "; ".join(" = ".join(group) for group in found.same[:5])
            what = f"{len(found.same)} {self.ours}s are spelled in more than one way, taken as one each"
            hint = f"If they are not the same, give them other names in data.values.{self.ours}"
            oddities.append(
                Finding(what, self.source, hint=hint, kind="identifier", found=f"Spellings: {shown}.")
            )
        oddities += self._may_be(found)
        if found.doubtful:
            shown = "; ".join(", ".join(group) for group in found.doubtful[:5])
            doubtful = {text for group in found.doubtful for text in group}
            places, values = self._places([text not in doubtful for text in meant])
            what = "spellings that may be one or several"
            hint = f"Say what is meant, as in data.values: {{{self.ours}: {{{_same(found.doubtful[0])}}}}}"
            problems.append(
                Finding(
                    what,
                    self.source,
                    "",
                    places,
                    values,
                    "one spelling each",
                    hint,
                    found=f"Spelled {shown}.",
                )
            )
        forms = [found.forms.get(text or "") or None for text in meant]
        return np.array([*forms, None], dtype=object)[self.codes]

    def _numbers_in_one_spelling(self, oddities: list[Finding]) -> dict[str, str]:
        """Return the one spelling of codes that are numbers throughout, where some are written in several ways."""
        texts = self.raw()
        forms: dict[str, list[str]] = {}
        for text in texts:
            forms.setdefault(normal(text), []).append(text)
        several = {form: group for form, group in forms.items() if len(group) > 1}
        if self.map or not several or not all(map(looks_numeric, texts)):
            return {}
        shown = "; ".join(" = ".join(group) for group in several.values())
        what = "has numbers in several spellings, taken as one each"
        hint = f"If they are not the same, give them names in data.values.{self.ours}"
        oddities.append(Finding(what, self.source, hint=hint, kind="spelling", found=f"Spellings: {shown}."))
        return {text: form for form, group in forms.items() for text in group}

    def _may_be(self, found: Identity) -> list[Finding]:
        """Identifiers that are taken as they stand and may be meant otherwise."""
        told = []
        if found.near:
            shown = "; ".join(", ".join(group) for group in found.near[:5])
            what = f"{len(found.near)} {self.ours}s may be written in several ways, which count as different"
            hint = f"If they are the same, say so in data.values.{self.ours}"
            told.append(
                Finding(what, self.source, hint=hint, kind="identifier", found=f"Spellings: {shown}.")
            )
        if found.unknown:
            what = f"some seem to have no {self.ours}, and count as clients of one"
            if self.ours == "client":
                what = "some seem to be nobody's, and count as a client's"
            hint = f"If so, declare it in data.missing_codes.{self.ours}, and find out who it is"
            shown = ", ".join(found.unknown[:5])
            told.append(Finding(what, self.source, hint=hint, kind="identifier", found=f"They have {shown}."))
        return told

    def _note_unlisted(self, listed: list[bool], oddities: list[Finding]) -> None:
        """A map of values need not be whole: what it does not list stays as it is, and is told."""
        places, values = self._places(listed)
        if not len(places):
            return
        meant = f"If they are not meant so, add them to data.values.{self.ours}"
        hint = did_you_mean(values[0], self.given, meant)
        what = f"not among the values of data.values.{self.ours}, kept as they are"
        oddities.append(Finding(what, self.source, "", places, values, hint=hint, kind="value"))

    def _note_spellings(self, meanings: list[str], oddities: list[Finding]) -> None:
        """Values that differ in case only are most often the same."""
        spellings: dict[str, list[str]] = {}
        for text in dict.fromkeys(meanings):
            spellings.setdefault(normal(text).casefold(), []).append(text)
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


def _same(spellings: Sequence[str]) -> str:
    """Map all spellings to the first."""
    return ", ".join(f"'{text}': '{spellings[0]}'" for text in spellings[1:])
