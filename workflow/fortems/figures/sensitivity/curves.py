"""Curves of an indirect effect with its interval, a panel for each model and estimand: shared by two figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context
from fortems.presentation.words import ESTIMAND_LABELS, model_label

#: Why a figure of this kind is not drawn.
NO_MODEL = "no model of one predictor and one mediator was fitted"


def panels(
    frame: pd.DataFrame, context: Context, across: str, columns: list[str], label: str,
    mark: Callable[[Axes, pd.DataFrame], None],
) -> Figure:  # fmt: skip
    """Draw the curve of each model (rows) and of each value of ``columns`` (two at most), with its interval.

    Parameters
    ----------
    frame : DataFrame
        ``kind`` is ``curve`` for the points of a curve.
    across : str
        Column of the horizontal axis.
    columns : list of str
        What a panel is one of: ``model`` and another column.
    label : str
        Of the horizontal axis.
    mark : callable
        Draws the other rows of a panel.
    """
    models, others = (list(dict.fromkeys(frame[name])) for name in columns)
    made, grid = style.figure(
        0.7 + 1.75 * len(models), len(models), len(others), sharex=True, sharey="row", squeeze=False
    )
    for line, model in enumerate(models):
        for place, other in enumerate(others):
            axes = grid[line][place]
            part = frame[(frame["model"] == model) & (frame[columns[1]] == other)]
            style.zero_line(axes, vertical=False)
            for level, rows in part[part["kind"] == "curve"].groupby("level", sort=False):
                look = style.ESTIMANDS[str(level)]
                axes.plot(rows[across], rows["indirect"], color=look.colour, linestyle=look.line,
                          label=ESTIMAND_LABELS[str(level)])  # fmt: skip
                axes.fill_between(
                    rows[across], rows["ci_low"], rows["ci_high"], color=look.colour, alpha=0.12, linewidth=0
                )
            mark(axes, part[part["kind"] != "curve"])
            second = ESTIMAND_LABELS.get(str(other), str(other))
            axes.set_title(f"{model_label(context.models, model)}, {second}")
            if line == len(models) - 1:
                axes.set_xlabel(label)
            if place == 0:
                axes.set_ylabel("indirect effect")
    return made


def where(row: dict[Any, Any], context: Context) -> str:
    """A model at an estimand in words."""
    return f"{model_label(context.models, row['model'])} {ESTIMAND_LABELS[row['level']]}"
