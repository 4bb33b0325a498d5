"""The data dictionary of a run: ``docs/results.md``, from the list of files and from what ``docs/columns.yaml`` says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fortems.package import ROOT
from fortems.run import catalogue
from fortems.schema import plain_yaml

COLUMNS = ROOT / "docs/columns.yaml"
TARGET = ROOT / "docs/results.md"
FIGURES = "figures/{figure}.csv"
#: Files that no list of fixed files has: they follow from the models.
UNLISTED = ("figures/index.csv", FIGURES, "manuscript/numbers.csv")

KINDS = {
    catalogue.SIMULATED: "simulated data",
    catalogue.ITEMS: "own answers",
    catalogue.SCORES: "own scores",
    catalogue.MATRIX: "a printed matrix",
    catalogue.PRIVATE: "own data under privacy rules",
}


@dataclass(frozen=True)
class Described:
    """A result file in words.

    Attributes
    ----------
    name, what : str
        Path within ``results/<run>/``; what the file holds.
    columns : dict
        Column, or pattern of columns, → meaning; in the file's order.
    """

    name: str
    what: str
    columns: dict[str, str]

    def describes(self, column: str) -> bool:
        """Return whether a column has its meaning here, by name or by a pattern with braces."""
        return column in self.columns or any(
            re.fullmatch(re.sub(r"\\{[a-z]+\\}", "[A-Za-z0-9_]+", re.escape(pattern)), column)
            for pattern in self.columns
            if "{" in pattern
        )


def described(path: Path = COLUMNS) -> dict[str, Described]:
    """Read what is said of every file.

    Returns
    -------
    dict
        File → its description. A column without a meaning anywhere has an empty one.
    """
    told = plain_yaml(str(path))
    common = told["common"]
    return {
        name: Described(name, entry["what"], _columns(entry.get("columns", ()), common))
        for name, entry in told["files"].items()
    }


def _columns(entries: Any, common: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        found |= entry if isinstance(entry, dict) else {entry: common.get(entry, "")}
    return found


def faults(files: Mapping[str, Described], named: Mapping[str, catalogue.File]) -> list[str]:
    """List what is missing: files of a run without a description, descriptions without a file, empty meanings."""
    found = [f"{name}: not described" for name in named if name not in files]
    found += [f"{name}: no such file" for name in files if name not in named and name not in UNLISTED]
    return found + [
        f"{file.name}: column {column} has no meaning"
        for file in files.values()
        for column, words in file.columns.items()
        if not words
    ]


def page(files: Mapping[str, Described], named: Mapping[str, catalogue.File]) -> str:
    """Return ``docs/results.md``: a section a stage, a table of columns for each file."""
    lines = [
        "# The files of a run and their columns",
        "",
        "Written by `make docs` from `workflow/fortems/run/catalogue.py` and `docs/columns.yaml`; edit those.",
        "All in `results/<run>/`. Tables are CSV in UTF-8 with a header, numbers to ten significant digits, missing",
        "values empty. Of your own data, what stands outside `data/` holds nothing of few clients; the full tables are",
        "in `data/full/`.",
    ]
    stage = None
    order = [*(name for name in named if name in files), *(name for name in UNLISTED if name in files)]
    for name in sorted(order, key=lambda n: _place(n, list(named))):
        if (own := _stage(name)) != stage:
            stage = own
            lines += ["", f"## {stage}"]
        lines += ["", f"### `{name}`", "", f"{files[name].what}{_condition(named.get(name))}"]
        if files[name].columns:
            lines += ["", "| column | meaning |", "|---|---|"]
            lines += [f"| `{column}` | {words} |" for column, words in files[name].columns.items()]
    return "\n".join(lines) + "\n"


def _place(name: str, order: list[str]) -> int:
    """The order of the catalogue; what follows from models stands at the end of its stage."""
    if name in order:
        return order.index(name) * 10
    return order.index("gate.json" if name.startswith("figures/") else "config.yaml") * 10 - 5


def _stage(name: str) -> str:
    return name.partition("/")[0] if "/" in name else "at the top"


def _condition(file: catalogue.File | None) -> str:
    if file is None:
        return ""
    words = []
    if set(file.given) != set(catalogue.ANY):
        words.append(f"from {', '.join(KINDS[kind] for kind in file.given)}")
    if file.key:
        words.append(f"with `{file.key}`")
    return f" Made {' and '.join(words)}." if words else ""
