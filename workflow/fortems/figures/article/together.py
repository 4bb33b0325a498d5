"""The paths of the article's own models in one figure: a row a model, a column an estimand."""

from __future__ import annotations

import pandas as pd

from fortems.figures import paths
from fortems.figures.base import Context, Spec, Withheld
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.study.definition import lower, study
from fortems.study.roles import key_models
from fortems.study.variables import label

_SMALL = frozenset({"of", "and", "to", "for", "in", "the", "a", "with", "at", "by"})


def data(context: Context) -> pd.DataFrame:
    """The rows of each key model's diagram, numbered on."""
    found: list[pd.DataFrame] = []
    for model in key_models(context.models).values():
        try:
            frame = paths.data(context, model)
        except Withheld:
            continue
        found.append(frame.assign(row=frame["row"] + len(found)))
    if not found:
        raise Withheld(f"Not drawn: none of the {study().work}'s models was estimated in this run.")
    return pd.concat(found, ignore_index=True)


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    ours = study()
    return f"Paths Through {_titled(label(ours.mediator))} to {_titled(label(ours.outcome))}"


def _titled(words: str) -> str:
    """A label as within a title: every word but the small ones with a capital."""
    return " ".join(word if word in _SMALL else f"{word[:1].upper()}{word[1:]}" for word in words.split())


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Which diagrams there are, and what their indirect effects come to."""
    predictors = dict.fromkeys(frame.loc[frame["effect"] == "indirect", "source"])
    which = listed(lower(label(name)) for name in predictors)
    return f"Path diagrams of {which} with {context.interval}. {reading(frame, context)}"


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Whether the intervals of the indirect effects leave out zero."""
    parts = []
    for row in frame[frame["effect"] == "indirect"].to_dict("records"):
        state = paths.verdict_of(row)
        parts.append(f"{lower(label(row['source']))} {ESTIMAND_WORDS[row['level']]} {state}")
    return (
        "Solid arrows: the interval leaves out zero; dashed: it does not. Intervals of the indirect effect: "
        f"{'; '.join(parts)}."
    )


SPEC = Spec("paths", title, data, paths.draw, alt, reading)
