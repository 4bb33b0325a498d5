"""Who is the same: spellings of identifiers brought to one form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: Words for somebody who is not known, in exports of several languages.
UNKNOWN = frozenset(
    {"na", "nan", "none", "unknown", "missing", "onbekend", "geen", "n.v.t.", "nvt", "unbekannt"}
)
WHOLE = re.compile(r"([0-9]{1,15})(?:[.,]0+)?")


@dataclass(frozen=True)
class Identity:
    """What the texts of an identifier mean.

    Attributes
    ----------
    forms : dict of str to str
        Text → the identifier that it stands for.
    same : list of list of str
        Spellings that were taken as one.
    doubtful : list of list of str
        Spellings that may be one or several.
    near : list of list of str
        Words that differ in spaces and punctuation alone, taken as different.
    unknown : list of str
        Words that seem to say that nobody is known.
    """

    forms: dict[str, str]
    same: list[list[str]] = field(default_factory=list)
    doubtful: list[list[str]] = field(default_factory=list)
    near: list[list[str]] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def identities(texts: Sequence[str]) -> Identity:
    """Bring the distinct texts of an identifier to one form.

    Where all are whole numbers, 3, 3.0 and 03 are one; where some are words, numbers that differ in their zeros alone
    are doubtful, since a word beside them says that zeros may count. Words that differ in case alone are one, save
    single letters; those that differ in spaces and punctuation alone are not, and are told. Without two spellings of one thing all texts stay as they are.

    Parameters
    ----------
    texts : sequence of str
        In plain form (``table.plain_text``).
    """
    numbers = {text: str(int(found[1])) for text in texts if (found := WHOLE.fullmatch(text))}
    spelled = _groups([text for text in texts if text in numbers], numbers)
    if len(numbers) == len(texts):
        return Identity(dict(numbers) if spelled else {text: text for text in texts}, spelled)
    words = [text for text in texts if text not in numbers]
    cased = _groups(words, {text: text.casefold() for text in words})
    forms = {text: text for text in texts}
    same = [group for group in cased if len(group[0]) > 1]
    for group in same:
        forms |= dict.fromkeys(group, group[0])
    doubtful = [*spelled, *(group for group in cased if group not in same)]
    bared = {text: bare(text) for text in dict.fromkeys(forms.values()) if any(map(str.isalpha, text))}
    unknown = [text for text in words if text.casefold() in UNKNOWN or not any(map(str.isalnum, text))]
    return Identity(forms, same, doubtful, _groups(list(bared), bared), unknown)


def bare(text: str) -> str:
    """Return a text's letters and digits alone, in small letters."""
    return "".join(filter(str.isalnum, text.casefold()))


def _groups(texts: Sequence[str], forms: dict[str, str]) -> list[list[str]]:
    """Texts of one form, where there are several; in the order of the file, the first spelling first."""
    found: dict[str, list[str]] = {}
    for text in texts:
        found.setdefault(forms[text], []).append(text)
    return [group for group in found.values() if len(group) > 1]
