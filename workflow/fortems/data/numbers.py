"""Numbers as people's exports write them: decimal point or comma, decided for a whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from fortems.data.findings import Finding
from fortems.data.reading.table import as_text

NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?")
GROUPED = re.compile(r"[+-]?([0-9]{1,3}([.,' ][0-9]{3})+([.,][0-9]+)?|[0-9]+([.,][0-9]+)?)")
#: A date, with a time behind it or not: by numbers in any order, by a month's name, or of year and month alone.
DATE = re.compile(
    r"""([0-9]{4}([-/.])[0-9]{1,2}\2[0-9]{1,2}
    | [0-9]{1,2}([-/.])[0-9]{1,2}\3([0-9]{2}){1,2}
    | [0-9]{1,2}[-/. ]+[^\W\d_]{3,9}\.?[-/., ]+([0-9]{2}){1,2}
    | [^\W\d_]{3,9}\.?[ ][0-9]{1,2},?[ ][0-9]{4}
    | [0-9]{4}[-/][0-9]{1,2} | [0-9]{1,2}[-/][0-9]{4})
    ([T ]+[0-9]{1,2}:[0-9]{2}[0-9:.]*([ ]?[APap][Mm])?)?(Z|[+-][0-9]{2}:?[0-9]{2})?""",
    re.VERBOSE,
)
LABELLED = re.compile(r"([0-9]+)\s*[-=:.)]\s*[^\W\d].*|[^\W\d].*\(\s*([0-9]+)\s*\)")
SPAN = re.compile(r"[0-9]+\s*(-|–|to|tot|bis)\s*[0-9]+|[0-9]+\s*\+|[<>≤≥]=?\s*[0-9]+([.,][0-9]+)?")
UNIT = re.compile(r"['\"(]?[+-]?[0-9]+([.,][0-9]+)?\s*[^\W\d_]*\.?['\")]?")
#: Words for no in the languages of exports: of two words the one that stands for 0.
NO = frozenset(
    {"no", "n", "nee", "nein", "non", "nej", "nie", "false", "f", "off", "never", "nooit", "absent"}
)
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,])[0-9]{3}")

TOLD = {
    "date": ("a date, and no number", "Give the number that is meant, such as days since the first date"),
    "percent": ("a number with a percent sign", "Write 45 % as 45 or as 0.45, without the sign"),
    "grouped": ("a number with marks for thousands or a currency", "Write it without them, as 1251.50"),
    "label": (
        "a number together with its label",
        "Map each text to its number in data.values.{key}, or export the codes",
    ),
    "span": (
        "a range or a limit, and no number",
        "Give the number itself, or a number for each range in data.values.{key}",
    ),
    "unit": ("a number with something around it, such as a unit", "Write the number alone"),
}


def looks_numeric(text: str) -> bool:
    """Return whether a text is a number under either decimal mark."""
    return NUMBER.fullmatch(_plain(text)) is not None


def normal(text: str) -> str:
    """Return one text for 99, 99.0 and 99,0."""
    return as_text(float(_plain(text).replace(",", "."))) if looks_numeric(text) and len(text) < 16 else text


def marked_number(text: str) -> bool:
    """Return whether a text is a number with something to it: a percent sign, a currency, marks for thousands."""
    return not looks_numeric(text) and (bool(_percent(text)) or bool(GROUPED.fullmatch(_bare(text))))


def no_numbers(texts: Sequence[str], key: str, ours: str) -> list[tuple[list[str], str, str]]:
    """Say why texts are no numbers, and what helps: dates, percent signs, marks for thousands, units, ranges or words.

    Parameters
    ----------
    texts : sequence of str
        Those that are none.
    key : str
        Of ``data.values``.
    ours : str
        The column.

    Returns
    -------
    list of (texts, what, hint)
        One for each kind.
    """
    kinds: dict[str, list[str]] = {}
    for text in texts:
        kinds.setdefault(_kind(text), []).append(text)
    return [(those, *_told(kind, those, key, ours)) for kind, those in kinds.items()]


def _kind(text: str) -> str:
    """Return what a text is that is no number."""
    if DATE.fullmatch(text):
        return "date"
    if _percent(text):
        return "percent"
    if GROUPED.fullmatch(_bare(text)):
        return "grouped"
    forms = {"label": LABELLED, "span": SPAN, "unit": UNIT}
    return next((kind for kind, form in forms.items() if form.fullmatch(text)), "word")


def _told(kind: str, texts: Sequence[str], key: str, ours: str) -> tuple[str, str]:
    """Say what texts of a kind are, and what helps."""
    if kind == "date" and ours == "age":
        born = "these are dates, as of birth, and age is in years"
        return born, 'Give age in years at intake, as =DATEDIF(birth, intake, "Y") makes it in Excel'
    if kind != "word":
        what, hint = TOLD[kind]
        return what, hint.format(key=key)
    words = list(dict.fromkeys(map(str.casefold, texts)))
    if key == ours and len(words) == 2 and not any(map(str.isdigit, "".join(words))):
        one, other = sorted(words, key=lambda word: (word not in NO, word))
        spelled = {text.casefold(): text for text in reversed(texts)}
        pair = f"{spelled[one]}: 0, {spelled[other]}: 1"
        return "not a number", f"To make it one: data.values: {{{key}: {{{pair}}}}}"
    return "not a number", f"Map words in data.values.{key}, or declare them in data.missing_codes"


def _percent(text: str) -> bool:
    return text.endswith("%") and looks_numeric(text[:-1].strip())


def _bare(text: str) -> str:
    return _plain(text).strip(" \u20ac$\u00a3")


def _plain(text: str) -> str:
    return text.replace("\N{MINUS SIGN}", "-")


def decimal_mark(columns: Mapping[str, Mapping[str, int]], separator: str) -> tuple[str, list[Finding]]:
    """Decide what the decimal mark of a file is: that of most of its numbers.

    Parameters
    ----------
    columns : mapping
        Column that should be numeric → its distinct texts, each with its number of cells.
    separator : str
        The file's separator; a comma there makes commas inside numbers suspect.

    Returns
    -------
    mark : str
        ``.`` or ``,``. Numbers with the other mark are for the column to name.
    problems : list of Finding
        Commas that could as well part thousands.
    """
    ambiguous = _thousands(columns, separator)
    users: dict[str, list[tuple[str, str]]] = {".": [], ",": []}
    cells = {".": 0, ",": 0}
    for column, texts in columns.items():
        for text, count in texts.items():
            if ("," in text or "." in text) and looks_numeric(text):
                mark = "," if "," in text else "."
                users[mark].append((column, text))
                cells[mark] += count
    if cells["."] > cells[","] or not users[","]:
        return ".", ambiguous
    if (
        not users["."]
        and separator == ","
        and all(THOUSANDS.fullmatch(_plain(text)) for _, text in users[","])
    ):
        column, text = users[","][0]
        what = f"{text} can be read with a decimal comma or with a mark for thousands"
        return ",", [Finding(what, column, allowed="numbers with a decimal point")]
    return ",", ambiguous


def _thousands(columns: Mapping[str, Mapping[str, int]], separator: str) -> list[Finding]:
    """Columns in which each marked number has three digits behind its mark, beside whole numbers of three digits.

    950 and 1.251 are more likely 950 and 1251; in a file with semicolons, where a comma would be the decimal mark, a
    point before three digits is suspect in any case.
    """
    found = []
    for column, texts in columns.items():
        numbers = [_plain(text) for text in texts if looks_numeric(text)]
        marked = [text for text in numbers if "." in text or "," in text]
        if not marked or not all(map(THOUSANDS.fullmatch, marked)):
            continue
        hundreds = any(text.isdigit() and len(text) == 3 for text in numbers)
        odd = separator == ";" and all("." in text for text in marked)
        if hundreds or odd:
            what = f"{marked[0]} can be read with a decimal mark or with a mark for thousands"
            found.append(Finding(what, column, allowed="numbers without marks for thousands"))
    return found


def parse(texts: Iterable[str], mark: str) -> np.ndarray:
    """Return texts as numbers; NaN where a text is none."""
    return np.array([_number(text, mark) for text in texts], dtype=float)


def _number(text: str, mark: str) -> float:
    plain = _plain(text)
    other = "," if mark == "." else "."
    if other in plain or not NUMBER.fullmatch(plain):
        return np.nan
    value = float(plain.replace(",", "."))
    return value if np.isfinite(value) else np.nan
