"""Robustness values of the paths beside what measured variables explain."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.sensitivity.curves import NO_MODEL, where
from fortems.presentation.numbers import percent
from fortems.study.variables import label
from fortems.tidy import having

COLUMNS = ["model", "level", "effect", "kind", "benchmark", "rv", "rv_alpha_robust", "r2_origin", "r2_end"]


def data(context: Context) -> pd.DataFrame:
    """Robustness values of a and b against zero, and the measured variables."""
    table = context.table("robustness/robustness_values.csv")
    rows = table[
        (table["target"] == "zero")
        & table["effect"].isin(["a", "b"])
        & (table["rv"].notna() | table["r2_end"].notna())
    ]
    some(rows[rows["kind"] == "value"], NO_MODEL)
    return rows[COLUMNS]


def _lines(frame: pd.DataFrame) -> list[dict]:  # type: ignore[type-arg]
    return frame[frame["kind"] == "value"].to_dict("records")


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a line a path: robustness values, and on the same scale the stronger tie of each measured variable."""
    lines = _lines(frame)
    made, axes = style.figure(1.0 + 0.26 * len(lines))
    names = list(dict.fromkeys(frame["benchmark"].dropna()))
    for number, row in enumerate(lines):
        look = style.ESTIMANDS[row["level"]]
        ends = (row["rv_alpha_robust"], row["rv"])
        style.across(axes, ends, -number, color=look.colour, linestyle=look.line)
        style.dots(axes, row["rv"], -number, look)
        axes.plot(
            row["rv_alpha_robust"], -number, marker="|", markersize=9, color=look.colour, markeredgewidth=1.2
        )
        path = {column: row[column] for column in ("model", "level", "effect")}
        for item in having(frame, **path, kind="benchmark").to_dict("records"):
            mark = style.SERIES[2 + names.index(item["benchmark"]) % (len(style.SERIES) - 2)]
            weaker = min(item["r2_origin"], item["r2_end"])
            style.dots(axes, weaker, -number + 0.25, mark, 3.5, label=label(item["benchmark"]))
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    if handles:
        made.legend(handles.values(), handles.keys(), loc="outside upper right", ncols=len(handles))
    style.name_lines(axes, [f"{where(row, context)}: {row['effect']}" for row in lines], 0.7)
    axes.set_xlim(left=-0.01)
    axes.set_xlabel("share of the variance of both ends")
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every line in words."""
    return (
        "Dot plot. "
        + "; ".join(f"{where(r, context)} {r['effect']}: {percent(r['rv'])}" for r in _lines(frame))
        + "."
    )


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What the marks mean."""
    return (
        "Marker: the share of the variance of both ends that a confounder must explain to bring the path to zero; bar: to bring the report's "
        "own interval there. Small marks above: what measured variables explain of that end of which they explain less."
    )


SPEC = Spec(
    "robustness_values", "Robustness Values of the Paths Beside Measured Variables", data, draw, alt, reading
)
