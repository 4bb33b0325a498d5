"""Numbers as people's exports write them: decimal point or comma, decided for a whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from fortems.data.findings import Finding
from fortems.data.table import as_text

NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?")
THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,])[0-9]{3}")


def looks_numeric(text: str) -> bool:
    """Return whether a text is a number under either decimal mark."""
    return NUMBER.fullmatch(_plain(text)) is not None


def normal(text: str) -> str:
    """Return one text for 99, 99.0 and 99,0."""
    return as_text(float(_plain(text).replace(",", "."))) if looks_numeric(text) and len(text) < 16 else text


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
    users: dict[str, list[tuple[str, str]]] = {".": [], ",": []}
    cells = {".": 0, ",": 0}
    for column, texts in columns.items():
        for text, count in texts.items():
            if ("," in text or "." in text) and looks_numeric(text):
                mark = "," if "," in text else "."
                users[mark].append((column, text))
                cells[mark] += count
    if cells["."] > cells[","] or not users[","]:
        return ".", []
    if (
        not users["."]
        and separator == ","
        and all(THOUSANDS.fullmatch(_plain(text)) for _, text in users[","])
    ):
        column, text = users[","][0]
        what = f"{text} can be read with a decimal comma or with a mark for thousands"
        return ",", [Finding(what, column, allowed="numbers with a decimal point")]
    return ",", []


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
