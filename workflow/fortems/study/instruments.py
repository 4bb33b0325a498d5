"""Questionnaires as data: items, subscales, reversed items, response range and missing-item rule."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fortems.errors import ConfigError, Problem
from fortems.package import ROOT
from fortems.schema import load_checked
from fortems.study.definition import IDENTIFIERS, study

FOLDER = ROOT / "config" / "instruments"
#: Numbers of an instrument that its description may hold in braces; those of a scale with its name behind.
MEASURED = ("items", "low", "high", "most", "limit")
MEASURED_OF_SCALE = ("items", "lowest", "highest")
IN_BRACES = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True)
class Instrument:
    """A questionnaire: what scoring, simulation and validation need to know of it.

    Attributes
    ----------
    name : str
        The name that the configuration gives it; its item columns start with it.
    label : str
        Name for tables and text, with what sets this form apart.
    n_items : int
        Number of items, numbered from 1.
    low, high : int
        Lowest and highest answer.
    reversed : frozenset of int
        Items keyed against their subscale.
    subscales : dict of str to tuple of int
        Score name to item numbers, in the file's order.
    total : str or None
        Name of the sum over the items of all subscales.
    missing_rule : str
        ``prorate`` or ``subscale_mean``.
    missing_most : float
        ``prorate``: the largest share of a scale's items that may be missing; ``subscale_mean``: the
        largest number of the instrument's scored items.
    sources : dict
        What the key rests on: part to ``{source, grade}``.
    heading : str
        What it measures, as the report heads its paragraph; or empty.
    title : str
        Its name without what sets a form apart.
    called : str
        How sentences on scoring call it, or empty.
    citation : str
        A key of the bibliography, or empty.
    description : str
        A sentence or two for the report, with numbers of the instrument in braces (``measured``); or empty.
    assumption : str
        What of the key is assumed, for the report; or empty.
    direction : str
        ``higher is better``, ``higher is worse``, or empty where the file does not say.
    rater : str
        Who answers, such as ``client``; or empty.
    constructs : dict of str to str
        Score → what it is a measure of: its name in the file, which differs where another instrument of the run makes
        a score of that name.
    """

    name: str
    label: str
    n_items: int
    low: int
    high: int
    reversed: frozenset[int]
    subscales: dict[str, tuple[int, ...]]
    total: str | None
    missing_rule: str
    missing_most: float
    sources: dict[str, dict[str, str]]
    heading: str = ""
    title: str = ""
    called: str = ""
    citation: str = ""
    description: str = ""
    assumption: str = ""
    direction: str = ""
    rater: str = ""
    constructs: Mapping[str, str] = field(default_factory=dict)

    @property
    def worse(self) -> bool:
        """Whether higher scores are worse."""
        return self.direction == "higher is worse"

    def construct(self, score: str) -> str:
        """Return what a score is a measure of."""
        return self.constructs.get(score, score)

    def beside(self, taken: Collection[str]) -> Instrument:
        """Return the instrument with the scores whose names are taken called after it: ``<instrument>_<score>``."""
        called = {score: f"{self.name}_{score}" if score in taken else score for score in self.scales}
        return replace(
            self,
            subscales={called[score]: items for score, items in self.subscales.items()},
            total=None if self.total is None else called[self.total],
            constructs={new: score for score, new in called.items()},
        )

    @property
    def items(self) -> tuple[int, ...]:
        """The item numbers, 1 to ``n_items``."""
        return tuple(range(1, self.n_items + 1))

    @property
    def scales(self) -> dict[str, tuple[int, ...]]:
        """Score name to item numbers: the subscales, then the total (its items in subscale order)."""
        scales = dict(self.subscales)
        if self.total is not None:
            scales[self.total] = tuple(item for items in self.subscales.values() for item in items)
        return scales

    @property
    def most_missing(self) -> int:
        """The most scored answers that a client with all scores can lack."""
        if self.missing_rule == "prorate":
            return sum(int(self.missing_most * len(items) + 1e-9) for items in self.subscales.values())
        return int(self.missing_most)

    def columns(self, prefix: str | None = None) -> tuple[str, ...]:
        """Return the canonical item columns, ``<name>_1`` on; ``prefix`` stands for ``<name>_``."""
        start = f"{self.name}_" if prefix is None else prefix
        return tuple(f"{start}{item}" for item in self.items)

    def ranges(self) -> dict[str, tuple[int, int]]:
        """Return the lowest and highest possible score of each scale."""
        return {name: (len(items) * self.low, len(items) * self.high) for name, items in self.scales.items()}

    def measured(self, what: str) -> float:
        """Return a number of the instrument.

        Parameters
        ----------
        what : str
            ``items`` (how many), ``low`` and ``high`` (answers), ``most`` (missing answers), ``limit`` (the fewest missing answers
            that are too many, of a rule that counts them); with the name of a scale
            behind it: ``items SCALE`` (how many), ``lowest SCALE`` and ``highest SCALE`` (scores).

        Raises
        ------
        KeyError
            When there is no such number or scale.
        """
        kind, _, scale = what.partition(" ")
        if scale:
            own = next((score for score, named in self.constructs.items() if named == scale), scale)
            low, high = self.ranges()[own]
            return {"items": len(self.scales[own]), "lowest": low, "highest": high}[kind]
        values = (self.n_items, self.low, self.high, self.missing_most, self.missing_most + 1)
        return dict(zip(MEASURED, values, strict=True))[kind]


def load_instrument(path: str | os.PathLike[str], name: str) -> Instrument:
    """Read one instrument file.

    Parameters
    ----------
    path : path
        A file as in ``config/instruments/``.
    name : str
        The name that the configuration gives the instrument; its item columns start with it.

    Raises
    ------
    ConfigError
        With every problem: keys and values against the schema, item numbers that do not exist, an item
        in two subscales, a total named like a subscale, limits that do not fit the rule.
    """
    raw = load_checked(path, "instrument")
    problems = _inconsistencies(raw, os.fspath(path))
    if problems:
        raise ConfigError(problems)
    return Instrument(
        name=name,
        label=raw["label"],
        n_items=raw["items"],
        low=raw["response"]["low"],
        high=raw["response"]["high"],
        reversed=frozenset(raw.get("reversed", [])),
        subscales={score: tuple(items) for score, items in raw["subscales"].items()},
        total=raw.get("total"),
        missing_rule=raw["missing"]["rule"],
        missing_most=raw["missing"]["most"],
        sources=raw["sources"],
        heading=raw.get("heading", ""),
        title=raw.get("title", raw["label"]),
        called=raw.get("called", ""),
        citation=raw.get("citation", ""),
        description=raw.get("description", ""),
        assumption=raw.get("assumption", ""),
        direction=raw.get("direction", ""),
        rater=raw.get("rater", ""),
    )


def study_files() -> dict[str, str]:
    """Return the instruments of the study in force, name to file; what is not below the working directory is the package's."""
    root = FOLDER.parents[1]
    return {
        name: path if os.path.isfile(path) else str(root / path) for name, path in study().instruments.items()
    }


def load_instruments(paths: Mapping[str, str | os.PathLike[str]] | None = None) -> dict[str, Instrument]:
    """Read the instruments of a run.

    Parameters
    ----------
    paths : mapping of str to path, optional
        Instrument name to file, as the configuration's ``data.instruments``; the study's own by default.

    Returns
    -------
    dict of str to Instrument
        In the order given.

    Raises
    ------
    ConfigError
        As ``load_instrument``, over all files at once, and when two instruments still make the same score.

    Notes
    -----
    Two instruments may measure one construct, such as the client's and the therapist's alliance: where a later file has
    a score of the name of an earlier one, that score is called ``<instrument>_<score>``.
    """
    instruments: dict[str, Instrument] = {}
    problems: list[Problem] = []
    for name, path in (study_files() if paths is None else paths).items():
        try:
            instruments[name] = load_instrument(path, name)
        except ConfigError as error:
            problems += error.problems
    owner: dict[str, str] = {}
    for name, instrument in instruments.items():
        instruments[name] = found = (
            instrument.beside(owner) if owner.keys() & instrument.scales else instrument
        )
        for score in found.scales:
            if score in owner:
                problems.append(
                    Problem(
                        f"data.instruments.{name}",
                        f"its score {score!r} is also a score of {owner[score]!r}",
                        "each score made by one instrument",
                        "Rename one of the two in its file",
                    )
                )
            owner.setdefault(score, name)
    if problems:
        raise ConfigError(problems)
    return instruments


def score_ranges(instruments: Mapping[str, Instrument]) -> dict[str, tuple[int, int]]:
    """Return the lowest and highest possible value of every score that the instruments make."""
    return {
        score: limits for instrument in instruments.values() for score, limits in instrument.ranges().items()
    }


def constructs(instruments: Mapping[str, Instrument]) -> dict[str, list[tuple[str, str]]]:
    """Return the constructs that several instruments measure → (instrument, score) of each, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, instrument in instruments.items():
        for score in instrument.scales:
            found.setdefault(instrument.construct(score), []).append((name, score))
    return {construct: measures for construct, measures in found.items() if len(measures) > 1}


def compared(instruments: Mapping[str, Instrument]) -> Instrument | None:
    """Return the instrument whose subscales are the aspects that the study compares, or that of its first predictor."""
    story = (*study().aspects, *study().predictors)
    return next((one for name in story for one in instruments.values() if name in one.scales), None)


def _inconsistencies(raw: dict[str, Any], where: str) -> list[Problem]:
    """List what a schema cannot say about an instrument file."""
    problems = []
    count, low, high = raw["items"], raw["response"]["low"], raw["response"]["high"]
    if low >= high:
        problems.append(Problem(f"{where}: response", f"low {low} is not below high {high}", "low < high"))
    numbered = {"reversed": raw.get("reversed", [])} | {
        f"subscales.{score}": items for score, items in raw["subscales"].items()
    }
    for key, items in numbered.items():
        for item in items:
            if item > count:
                problems.append(
                    Problem(
                        f"{where}: {key}",
                        f"there is no item {item}",
                        f"1 to {count}",
                        f"Did you mean {count}?",
                    )
                )
    home: dict[int, str] = {}
    for score, items in raw["subscales"].items():
        for item in items:
            if item in home:
                problems.append(
                    Problem(
                        f"{where}: subscales.{score}",
                        f"item {item} is already in {home[item]!r}",
                        "each item in one subscale",
                    )
                )
            home.setdefault(item, score)
    for item in raw.get("reversed", []):
        if item <= count and item not in home:
            problems.append(
                Problem(f"{where}: reversed", f"item {item} is in no subscale", "items of the subscales")
            )
    variables = study().variables
    taken = {*IDENTIFIERS, *(name for name in variables if not variables[name].instrument)}
    names = [*raw["subscales"], *([raw["total"]] if raw.get("total") else [])]
    for score in names:
        if score in taken:
            problems.append(
                Problem(f"{where}: {score}", "a score cannot have the name of a background variable")
            )
    if raw.get("total") in raw["subscales"]:
        problems.append(
            Problem(f"{where}: total", f"{raw['total']!r} is also a subscale", "a name of its own")
        )
    for words in IN_BRACES.findall(raw.get("description", "")):
        what, _, scale = words.partition(":")[0].partition(" ")
        if what not in (MEASURED_OF_SCALE if scale else MEASURED) or (scale and scale not in names):
            allowed = ", ".join(f"{{{name}}}" for name in MEASURED)
            allowed += "; " + ", ".join(f"{{{name} SCALE}}" for name in MEASURED_OF_SCALE)
            allowed += " with one of " + ", ".join(names)
            problems.append(Problem(f"{where}: description", f"{{{words}}} is no number of it", allowed))
    rule, most = raw["missing"]["rule"], raw["missing"]["most"]
    if rule == "prorate" and most >= 1:
        problems.append(
            Problem(f"{where}: missing.most", f"{most} is not a share", "from 0 to below 1, such as 0.25")
        )
    if rule == "subscale_mean" and (most != int(most) or most >= count):
        problems.append(
            Problem(f"{where}: missing.most", f"{most} is not a number of items", f"0 to {count - 1}")
        )
    return problems
