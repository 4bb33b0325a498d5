"""Value maps held against the file: labels stand for their codes, and a map that nothing answers to is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fortems.data.findings import Finding, listed
from fortems.data.numbers import looks_numeric, normal
from fortems.data.reading.table import BLANKS, as_text
from fortems.data.settings import spellings
from fortems.errors import did_you_mean


@dataclass(frozen=True)
class Use:
    """A column that a value map is for.

    Attributes
    ----------
    key : str
        Of ``data.values``.
    source, family : str
        The file's column, and the instrument whose item it is, or empty.
    texts : sequence of str
        Its distinct texts.
    labels : mapping of str to str
        Of SPSS: text of the code → label.
    numeric : bool
        Whether it is read as numbers; a category refuses each text that its map does not name.
    """

    key: str
    source: str
    family: str
    texts: Sequence[str]
    labels: Mapping[str, str]
    numeric: bool

    def holds(self, word: str) -> bool:
        """Whether the column holds a text: as it stands, by another spelling of a number, or by its label."""
        there = {*self.texts, *map(normal, self.texts)}
        if word in there or any(code in there for code in codes(word, self.labels)):
            return True
        return word.casefold() in {text.casefold() for text in self.texts}


def codes(word: str, labels: Mapping[str, str]) -> list[str]:
    """Return the codes that a label stands for; one that is itself a number would be taken for a code."""
    if looks_numeric(word):
        return []
    exact = [code for code, label in labels.items() if label == word]
    return exact or [code for code, label in labels.items() if label.casefold() == word.casefold()]


def shared_labels(labels: Mapping[str, str]) -> set[str]:
    """Return the labels that more than one code has: they tell nobody apart."""
    given = list(labels.values())
    return {label for label in given if given.count(label) > 1}


def with_labels(given: Mapping[str, str], labels: Mapping[str, str]) -> dict[str, str]:
    """Return a value map with the codes of the labels that it names; a code that it names itself stands."""
    found = dict(given)
    for word, target in given.items():
        for code in codes(word, labels):
            found.setdefault(code, target)
    return found


def unanswered(
    uses: Iterable[Use], maps: Mapping[str, Mapping[Any, Any]]
) -> tuple[list[Finding], list[Finding]]:
    """List the value maps that change nothing, and single values of them that never occur.

    Parameters
    ----------
    uses : iterable of Use
        The columns of the run that have a map.
    maps : mapping
        ``data.values``.

    Returns
    -------
    problems, oddities : list of Finding
        A map of which no value occurs would leave scores as they were, without a word.
    """
    users: dict[str, list[Use]] = {}
    for use in uses:
        users.setdefault(use.key, []).append(use)
    problems, oddities = [], []
    for key, given in maps.items():
        mine = users.get(key, [])
        if not mine:
            what = f"data.values.{key} changes nothing: the run uses no column that it is for"
            hint = "Name its column in data.columns, or leave the map out"
            oddities.append(Finding(what, hint=hint, kind="values"))
            continue
        absent = [word for word in given if not _occurs(word, mine)]
        # To become missing, or to stay what it is, may be said beforehand of what no client answered.
        telling = [word for word in given if _changes(word, given[word])]
        idle = bool(telling) and set(telling) <= set(absent) and any(use.texts for use in mine)
        if idle and all(use.numeric for use in mine) and not any(_label(word, mine) for word in telling):
            problems.append(_none_occurs(key, telling, mine))
            continue
        wrong = [word for word in absent if word in telling and _no_label(word, mine, given)]
        problems += [_no_such_label(key, word, mine) for word in wrong]
        rest = [as_text(word) for word in absent if word not in wrong]
        if rest:
            what = f"data.values.{key} names {', '.join(rest)}, which no client has"
            hint = "Right, where nobody answered so; else write it as the file does"
            oddities.append(Finding(what, _column(mine), mine[0].family, hint=hint, kind="values"))
    return problems, oddities


def _occurs(word: object, uses: Collection[Use]) -> bool:
    texts = spellings(word)
    return bool(set(texts) & BLANKS) or any(use.holds(text) for use in uses for text in texts)


def _changes(word: object, target: object) -> bool:
    return target is not None and as_text(target) not in (*spellings(word), "")


def _label(word: object, uses: Collection[Use]) -> bool:
    return any(codes(text, use.labels) for use in uses for text in spellings(word))


def _no_label(word: object, uses: Collection[Use], given: Mapping[Any, Any]) -> bool:
    """Whether a word can only be a label, in columns of labelled numbers of which the map leaves some, and is none."""
    numbers = all(use.numeric and use.labels and all(map(looks_numeric, use.texts)) for use in uses)
    words = not any(looks_numeric(text) for text in spellings(word))
    return numbers and words and not _label(word, uses) and any(_left(use, given) for use in uses)


def _left(use: Use, given: Mapping[Any, Any]) -> list[str]:
    """The labelled texts of a column that a map does not name."""
    named = with_labels({text: "" for word in given for text in spellings(word)}, use.labels)
    return [
        text
        for text in use.texts
        if normal(text) in use.labels and text not in named and normal(text) not in named
    ]


def _none_occurs(key: str, words: Sequence[object], uses: Sequence[Use]) -> Finding:
    labels = {code: label for use in reversed(uses) for code, label in use.labels.items()}
    texts = sorted({text for use in uses for text in use.texts}, key=_in_order)
    there = [f"{text} ({labels[normal(text)]})" if normal(text) in labels else text for text in texts]
    return Finding(
        f"data.values.{key} names {listed(map(as_text, words))}, none of which is there",
        _column(uses),
        uses[0].family,
        hint="Write its keys as the file writes the values; leave it out where they are ours already",
        found=f"The values are {listed(there)}. {_near(words, [*texts, *labels.values()])}".rstrip(),
    )


def _no_such_label(key: str, word: object, uses: Sequence[Use]) -> Finding:
    labels = list(dict.fromkeys(label for use in uses for label in use.labels.values()))
    return Finding(
        f"data.values.{key} names {as_text(word)!r}, which is neither a value nor a label there",
        _column(uses),
        uses[0].family,
        allowed=f"a value or one of the labels {listed(labels)}",
        hint=_near([word], labels),
    )


def _column(uses: Sequence[Use]) -> str:
    return uses[0].source if len(uses) == 1 else ""


def _near(words: Iterable[object], choices: Collection[str]) -> str:
    """Name the choice next to the first of the words that comes near one."""
    return next(filter(None, (did_you_mean(as_text(word), choices) for word in words)), "")


def _in_order(text: str) -> tuple[bool, float, str]:
    """Numbers by size, then words."""
    number = looks_numeric(text)
    return (not number, float(text.replace(",", ".").replace("\N{MINUS SIGN}", "-")) if number else 0, text)
