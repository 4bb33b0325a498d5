"""Read a published correlation table as typed from an article."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.schema import load_checked

STARS = {"*": 0.05, "**": 0.01, "***": 0.001}
MIRROR_HINT = "Look at the article's cell again, or type the lower triangle only"
SQUARE_HINT = "Type the lower triangle: row k holds the correlations of variable k + 1 with those before it"
_PRINTED = re.compile(r"^(?P<sign>[-−–+]?)(?P<whole>\d*)(?:[.,](?P<decimals>\d+))?(?P<stars>\**)\Z")


@dataclass(frozen=True)
class Printed:
    """A number as an article prints it.

    Attributes
    ----------
    value : float
        The number.
    decimals : int
        Printed decimals; the true value lies within half a unit of the last one.
    stars : str
        Marks of significance behind it.
    """

    value: float
    decimals: int
    stars: str = ""

    @property
    def half_width(self) -> float:
        """Half a unit of the last printed decimal."""
        return 0.5 * 10.0**-self.decimals


@dataclass(frozen=True)
class Scale:
    """Possible scores of a variable: range, number of items, and whether single scores are whole numbers."""

    low: float
    high: float
    items: int = 1
    whole: bool = True
    divided: bool = False


@dataclass(frozen=True)
class PublishedMatrix:
    """A published correlation table.

    Attributes
    ----------
    source : str
        The article and its pages.
    made_up : bool
        Whether the article is invented.
    n, clusters : int, int or None
        Clients; therapists where the article says.
    names : tuple of str
        Variables in the table's order.
    means, sds, iccs : dict of str to Printed
        What is printed of each; absent where nothing is.
    cells : dict of (str, str) to Printed
        Correlations of the lower triangle, (row, column).
    scales : dict of str to Scale
        Possible scores, where known.
    prorated : frozenset of str
        Variables whose single scores need not be whole.
    p : dict of (str, str) to (str, float)
        Printed p-values: relation (``=`` or ``<``) and number, with their decimals in ``p_decimals``.
    stars : dict of str to float
        Mark to level.
    starred : bool
        Whether the absence of a mark means "not significant".
    text : dict of (str, str) to str
        ``positive`` or ``negative``, as the article's text says.
    between : dict
        Supposed ICCs and between correlations for the range of the within effect.
    accept : frozenset of str
        Findings that the user keeps as printed.
    """

    source: str
    made_up: bool
    n: int
    clusters: int | None
    names: tuple[str, ...]
    means: dict[str, Printed]
    sds: dict[str, Printed]
    iccs: dict[str, Printed]
    cells: dict[tuple[str, str], Printed]
    scales: dict[str, Scale]
    prorated: frozenset[str]
    p: dict[tuple[str, str], tuple[str, Printed]]
    stars: dict[str, float]
    starred: bool
    text: dict[tuple[str, str], str]
    between: dict[str, list[float]]
    accept: frozenset[str]

    def correlations(self) -> np.ndarray:
        """Return the correlation matrix, shape (variables, variables)."""
        matrix = np.eye(len(self.names))
        for (row, column), cell in self.cells.items():
            i, j = self.names.index(row), self.names.index(column)
            matrix[i, j] = matrix[j, i] = cell.value
        return matrix

    def covariance(self) -> np.ndarray:
        """Return the covariance matrix; a variable without a printed SD counts in SD units."""
        sds = np.array([self.sds[name].value if name in self.sds else 1.0 for name in self.names])
        return self.correlations() * np.outer(sds, sds)


def printed(value: Any, decimals: int) -> Printed:
    """Read a number as typed; text keeps its own decimals and stars (``-.35**``).

    Raises
    ------
    ValueError
        When the text is not a printed number.
    """
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    if isinstance(value, (int, float)):
        return Printed(float(value), decimals)
    match = _PRINTED.match(str(value).replace(" ", ""))
    if not match or not (match["whole"] or match["decimals"]):
        raise ValueError(f"{value!r} is not a printed number")
    size = float(f"{match['whole'] or 0}.{match['decimals'] or 0}")
    if not math.isfinite(size):
        raise ValueError(f"{value!r} is no number that can be computed with")
    negative = match["sign"] in ("-", "−", "–")
    return Printed(-size if negative else size, len(match["decimals"] or ""), match["stars"])


def load_matrix(path: str | Path, scales: dict[str, Scale] | None = None) -> PublishedMatrix:
    """Read the YAML file of a published matrix.

    Parameters
    ----------
    path : path
        The file (``config/README.md`` says how to type one).
    scales : dict of str to Scale, optional
        The study's own scales.

    Returns
    -------
    PublishedMatrix

    Raises
    ------
    ConfigError
        With every problem of form: unreadable file, unknown key, a cell that is not a number, a table
        that is not a triangle or a symmetric square, an unknown variable.
    """
    where = str(path)
    raw = load_checked(path, "matrix")
    reader = _Reader(where, raw)
    matrix = reader.matrix(scales or {})
    if reader.problems:
        raise ConfigError(reader.problems)
    return matrix


class _Reader:
    """Turns the typed file into a PublishedMatrix and gathers what it cannot read."""

    def __init__(self, where: str, raw: dict[str, Any]):
        self.where, self.raw = where, raw
        self.decimals = int(raw.get("decimals", 2))
        self.problems: list[Problem] = []

    def matrix(self, known: dict[str, Scale]) -> PublishedMatrix:
        raw, table = self.raw, self.raw["correlations"]
        names = tuple(table["order"])
        for name in names:
            if name not in raw["variables"]:
                self._unknown(f"correlations.order: {name}", name, raw["variables"])
        for name in raw["variables"]:
            if name not in names:
                self._unknown(f"variables.{name}", name, names)
        described = {name: raw["variables"].get(name) or {} for name in names}
        scales = {name: known[name] for name in names if name in known}
        scales |= {name: Scale(**d["scale"]) for name, d in described.items() if "scale" in d}
        return PublishedMatrix(
            source=raw["source"],
            made_up=raw.get("made_up", False),
            n=raw["n"],
            clusters=raw.get("clusters"),
            names=names,
            means=self._column(described, "mean"),
            sds=self._column(described, "sd"),
            iccs=self._column(described, "icc"),
            cells=self._cells(names, table["rows"]),
            scales=scales,
            prorated=frozenset(name for name, d in described.items() if d.get("prorated")),
            p=self._p_values(names),
            stars=dict(raw.get("stars") or STARS),
            starred=table.get("starred", True),
            text={self._pair(key, names, "text"): word for key, word in (raw.get("text") or {}).items()},
            between=dict(raw.get("between") or {}),
            accept=frozenset(raw.get("accept") or ()),
        )

    def _problem(self, place: str, what: str, allowed: str, hint: str = "") -> None:
        self.problems.append(Problem(f"{self.where}: {place}", what, allowed, hint))

    def _unknown(self, where: str, name: str, choices: Any) -> None:
        what = f"{name!r} stands in only one of `variables` and `correlations.order`"
        hint = did_you_mean(name, choices, "Name it in both, or in neither.")
        self._problem(where, what, ", ".join(choices), hint)

    def _number(self, place: str, value: Any) -> Printed:
        try:
            return printed(value, self.decimals)
        except ValueError as error:
            self._problem(place, str(error), "a number as printed, such as -.35 or '-.35**'")
            return Printed(float("nan"), self.decimals)

    def _column(self, described: dict[str, dict[str, Any]], key: str) -> dict[str, Printed]:
        return {
            name: self._number(f"variables.{name}.{key}", d[key]) for name, d in described.items() if key in d
        }

    def _cells(self, names: tuple[str, ...], rows: list[list[Any]]) -> dict[tuple[str, str], Printed]:
        k = len(names)
        lengths = [len(row) for row in rows]
        if lengths == list(range(1, k)):
            offset, square = 1, False
        elif lengths == list(range(1, k + 1)):
            offset, square = 0, False  # the diagonal is typed as well
        elif lengths == [k] * k:
            offset, square = 0, True
        else:
            what = f"{len(rows)} rows of {lengths} numbers do not fit {k} variables"
            allowed = f"rows of {list(range(1, k))} numbers, or a square of {k}"
            self._problem("correlations.rows", what, allowed, SQUARE_HINT)
            return {}
        cells: dict[tuple[str, str], Printed] = {}
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                a, b = names[i + offset], names[j]
                place = f"correlations {a}~{b}"
                cell, mirrored = self._number(place, value), cells.get((b, a))
                if a == b:
                    if cell.value != 1:
                        self._problem(place, f"the diagonal says {cell.value:g}", "1")
                elif mirrored is None:
                    cells[a, b] = cell
                elif square and cell.value != mirrored.value:
                    what = f"{cell.value:g} here and {mirrored.value:g} in the mirrored cell: not symmetric"
                    self._problem(place, what, "the same number twice", MIRROR_HINT)
        if square:  # keep the lower triangle, as all else expects
            cells = {(b, a): cell for (a, b), cell in cells.items()}
        return cells

    def _pair(self, key: str, names: tuple[str, ...], block: str) -> tuple[str, str]:
        parts = [part.strip() for part in key.split("~")]
        unknown = [part for part in parts if part not in names]
        if len(parts) != 2 or unknown:
            allowed = f"two of {', '.join(names)} with ~ between"
            hint = did_you_mean(unknown[0], names) if unknown else ""
            self._problem(f"{block}: {key}", "is not a pair of the table's variables", allowed, hint)
            return (names[0], names[0])
        i, j = sorted((names.index(part) for part in parts), reverse=True)
        return names[i], names[j]

    def _p_values(self, names: tuple[str, ...]) -> dict[tuple[str, str], tuple[str, Printed]]:
        found = {}
        for key, value in (self.raw.get("p") or {}).items():
            text = str(value).replace(" ", "") if isinstance(value, str) else value
            relation = "<" if isinstance(text, str) and text.startswith("<") else "="
            number = self._number(f"p: {key}", text.lstrip("<=") if isinstance(text, str) else text)
            found[self._pair(key, names, "p")] = (relation, number)
        return found
