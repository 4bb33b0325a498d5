"""What every figure is: data that are written, a drawing of just these data, a text alternative, a reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fortems.figures.catalog import OF_STUDIES
from fortems.presentation.choice import EFFECTS
from fortems.presentation.results import Results
from fortems.run.catalogue import SOURCE_FILE
from fortems.study.estimands import counting
from fortems.study.models import MediationModel
from fortems.study.variables import label


class Withheld(Exception):
    """There is nothing to draw; the message says why."""


def some(rows: pd.DataFrame, reason: str) -> pd.DataFrame:
    """Return the rows to be drawn.

    Raises
    ------
    Withheld
        With the reason, where there are no rows.
    """
    if rows.empty:
        raise Withheld(f"Not drawn: {reason}.")
    return rows


@dataclass(frozen=True)
class Context:
    """What figures know of the run.

    Attributes
    ----------
    results : Results
    models : mapping
        The models of the models file, by name.
    """

    results: Results
    models: Mapping[str, MediationModel] = field(default_factory=dict)

    @cached_property
    def simulated(self) -> bool:
        """Whether the data are made up."""
        return self.results.setting("data", "source") == "simulated"

    @cached_property
    def real_clients(self) -> bool:
        """Whether client rows are real people's."""
        return self.results.setting("data", "source") == "file"

    def mark_of(self, name: str) -> str:
        """What a figure of a run whose data are no people's says: whose data it shows, or that it shows simulated studies."""
        if self.mark and name in OF_STUDIES:
            return "Simulated studies: a test of method and design, no evidence about people."
        return self.mark

    @cached_property
    def mark(self) -> str:
        """What every figure of data that are no people's says."""
        source = self.results.first(SOURCE_FILE)
        if source is not None and source.get("made_up", False):
            return "From an invented article: a worked example, no evidence about people."
        if not self.simulated:
            return ""
        scenario = self.results.setting("data", "scenario", default="")
        return f"Simulated data (scenario {scenario}): a test of method and design, no evidence about people."

    @cached_property
    def confidence(self) -> float:
        """Confidence level of the intervals."""
        return float(self.results.setting("confidence", default=0.95))

    @property
    def interval(self) -> str:
        """The intervals' name: ``95% CI``."""
        from fortems.presentation.numbers import percent

        return f"{percent(self.confidence)} CI"

    def counted(self) -> pd.DataFrame:
        """The effects that count: each by one engine and one interval.

        Raises
        ------
        Withheld
            As ``table``.
        """
        return counting(self.table(EFFECTS))

    def table(self, name: str) -> pd.DataFrame:
        """A results table.

        Raises
        ------
        Withheld
            When the run does not make it or it is empty.
        """
        found = self.results.table(name)
        if found is None:
            raise Withheld(f"Not drawn: {name} has no rows in this run.")
        return found


@dataclass(frozen=True)
class Spec:
    """A figure.

    Attributes
    ----------
    name : str
        File name without suffix.
    title : str or callable
        The caption, or (data, context) → caption where it depends on them.
    data : callable
        context → the frame that is written and drawn; raises ``Withheld`` where there is nothing.
    draw : callable
        (data, context) → matplotlib figure; sees the data as read back from the written file.
    alt, reading : callable
        (data, context) → text alternative; one sentence that says what is to be seen.
    """

    name: str
    title: str | Callable[[Any, Context], str]
    data: Callable[[Context], Any]
    draw: Callable[[Any, Context], Figure]
    alt: Callable[[Any, Context], str]
    reading: Callable[[Any, Context], str]

    def caption(self, frame: Any, context: Context) -> str:
        """The title of the figure with these data."""
        return self.title if isinstance(self.title, str) else self.title(frame, context)


def names_of(values: str) -> str:
    """Labels of variables joined by commas, from their names joined by ``+``."""
    return ", ".join(label(name) for name in str(values).split("+") if name)
