"""The ledger of the report's numbers as it is written: each number, its place, its cell, what made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import pandas as pd

from fortems.presentation import numbers
from fortems.presentation.results import Results
from fortems.report.bind import CONFIG, FACT, INSTRUMENT, SOFTWARE, Binder, Bound, facts, value_of
from fortems.report.places import Place

COLUMNS = (
    *("number", "text", "value", "place", "file", "line", "key", "column", "rule", "style"),
    *("made_by", "source"),
)


@dataclass(frozen=True)
class Made:
    """What made a results file.

    Attributes
    ----------
    rule : str
        The workflow's rule.
    inputs : tuple of str
        What the rule reads, the package's code left out.
    """

    rule: str
    inputs: tuple[str, ...] = ()


def told_value(bound: Bound, results: Results) -> str:
    """The value of a number as the ledger may tell it: as stored, of own data as printed."""
    value: Any = None if results.private else value_of(bound, results)
    if numbers.is_absent(value):
        return plain(bound.text)
    if isinstance(value, Real) and not isinstance(value, bool):
        return f"{float(value):.10g}"
    return str(value)


def plain(text: str) -> str:
    """A printed number as it is typed: a hyphen for the minus, spaces for no-break spaces, no sign of equality."""
    return text.replace(numbers.MINUS, "-").replace("\N{NO-BREAK SPACE}", " ").removeprefix("= ")


def source_key(bound: Bound) -> str:
    """The work that a number of the literature is from, by its key, or how it was computed; else nothing."""
    return str(facts()[bound.key]["source"]) if bound.rule == FACT else ""


def source_of(bound: Bound) -> str:
    """Where a number of the literature was read, and how surely."""
    if bound.rule != FACT:
        return ""
    fact = facts()[bound.key]
    return f"{fact['source']} (grade {fact['grade']})"


def made_by(bound: Bound, made: Mapping[str, Made]) -> str:
    """What made a number: the workflow's rule, or what it was taken from as it stands."""
    if bound.file in made:
        return made[bound.file].rule
    words = {CONFIG: "the configuration", SOFTWARE: "the environment"}
    if bound.rule == FACT:
        return "the literature"
    return "an instrument's file" if bound.rule == INSTRUMENT else words.get(bound.file, "")


def frame(binder: Binder, placed: Mapping[int, Place], made: Mapping[str, Made]) -> pd.DataFrame:
    """Return the ledger of the numbers that stand in the report, a line each.

    Parameters
    ----------
    binder : Binder
    placed : mapping of int to Place
        Where each stands; others were prepared and not used.
    made : mapping of str to Made
        Results file → what made it.
    """
    records = []
    for number, place in sorted(placed.items()):
        bound = binder.ledger[number]
        records.append(
            {
                **vars(bound),
                "number": number,
                "text": plain(bound.text),
                "value": told_value(bound, binder.results),
                "place": plain(str(place)),
                "made_by": made_by(bound, made),
                "source": source_of(bound),
            }
        )
    return pd.DataFrame(records, columns=list(COLUMNS))
