"""The indirect effect had nobody dropped out, over the declared grid."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.sensitivity.curves import NO_MODEL
from fortems.presentation.numbers import percent
from fortems.presentation.words import ESTIMAND_LABELS, model_label
from fortems.tidy import having

COLUMNS = ["model", "level", "dropout", "by_predictor", "by_outcome", "indirect", "ci_low", "ci_high"]


def data(context: Context) -> pd.DataFrame:
    """The grid at its largest share of dropout."""
    table = context.table("robustness/survivors.csv")
    rows = table[table["indirect"].notna() & (table["dropout"] == table["dropout"].max())]
    return some(rows, NO_MODEL)[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a model and estimand: over the outcome's slope of staying, a line for each slope of the predictor."""
    models, levels = (list(dict.fromkeys(frame[name])) for name in ("model", "level"))
    slopes = sorted(set(frame["by_predictor"]))
    made, grid = style.figure(
        0.9 + 1.75 * len(models), len(models), len(levels), sharex=True, sharey="row", squeeze=False
    )
    for line, model in enumerate(models):
        for place, level in enumerate(levels):
            axes = grid[line][place]
            style.zero_line(axes, vertical=False)
            for number, slope in enumerate(slopes):
                rows = having(frame, model=model, level=level, by_predictor=slope).sort_values("by_outcome")
                look = style.series(number)
                form = {"linestyle": look.line, "label": f"{slope:g}", **look.points()}
                axes.plot(rows["by_outcome"], rows["indirect"], **form)
                for end in ("ci_low", "ci_high"):
                    axes.plot(
                        rows["by_outcome"], rows[end], color=look.colour, linewidth=0.5, linestyle=look.line
                    )
            axes.set_title(f"{model_label(context.models, model)}, {ESTIMAND_LABELS[level]}")
            if line == len(models) - 1:
                axes.set_xlabel("slope of staying on the outcome (probit per SD)")
            if place == 0:
                axes.set_ylabel("indirect effect")
    handles, words = grid[0][0].get_legend_handles_labels()
    words = [f"slope on the predictor {word}" for word in words]
    made.legend(handles, words, loc="outside upper right", ncols=len(slopes))
    return made


def _range(frame: pd.DataFrame, context: Context) -> str:
    parts = []
    for (model, level), rows in frame.groupby(["model", "level"], sort=False):
        ends = f"{style.sign(rows['indirect'].min())} to {style.sign(rows['indirect'].max())}"
        parts.append(f"{model_label(context.models, str(model))} {ESTIMAND_LABELS[str(level)]}: {ends}")
    return "; ".join(parts)


def alt(frame: pd.DataFrame, context: Context) -> str:
    """The range of each panel."""
    return f"Lines over how staying depends on the outcome. {_range(frame, context)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The range of each panel, and what is supposed."""
    return (
        f"If {percent(float(frame['dropout'].iloc[0]))} of all clients had dropped out before the sample; thin: ends of the {context.interval}. "
        f"{_range(frame, context)}."
    )


SPEC = Spec("survivors", "Indirect Effects Had Nobody Dropped Out", data, draw, alt, reading)
