"""What is true, before and after the article's pattern is known: each correlation's prior and posterior."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fortems.figures import style
from fortems.figures.base import Context, Spec, names_of, some
from fortems.figures.readings import cite, unmarked
from fortems.tidy import having

COLUMNS = [
    "title",
    "x",
    "y",
    "kept",
    "prior_mean",
    "prior_low",
    "prior_high",
    "posterior",
    "ci_low",
    "ci_high",
]
PRIOR, POSTERIOR = style.Mark(style.GREY, "|"), style.Mark(style.BLUE, "o")


def data(context: Context) -> pd.DataFrame:
    """Correlations under the headline prior, by plain rejection and Pearson's tests."""
    table = context.table("design/posterior.csv")
    rows = table[(table["prior"] == table["prior"].iloc[0]) & table["ci_low"].notna()]
    rows = having(rows, kind="correlation", method="rejection", test="pearson")
    return some(rows, "no simulated study showed the pattern")[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a line a correlation: the prior's range in grey, the posterior's below it."""
    made, axes = style.figure(0.8 + 0.27 * len(frame))
    style.zero_line(axes)
    labels = []
    for number, row in enumerate(frame.to_dict("records")):
        y = -number
        before, after = (row["prior_low"], row["prior_high"]), (row["ci_low"], row["ci_high"])
        style.across(axes, before, y + 0.15, color=PRIOR.colour, linewidth=3, alpha=0.45)
        style.dots(axes, row["prior_mean"], y + 0.15, PRIOR, 6)
        style.across(axes, after, y - 0.15, color=POSTERIOR.colour, linewidth=1.2)
        style.dots(axes, row["posterior"], y - 0.15, POSTERIOR, 4)
        labels.append(pair(row["x"], row["y"]))
    style.name_lines(axes, labels)
    axes.set_xlabel("true correlation (mean and central 95%)")
    axes.xaxis.set_major_formatter(lambda value, _: style.sign(value, 1, False) if abs(value) > 1e-9 else "0")
    handles = [
        Line2D(
            [],
            [],
            color=PRIOR.colour,
            linewidth=3,
            alpha=0.45,
            marker="|",
            markersize=6,
            label="before: prior",
        ),
        Line2D([], [], color=POSTERIOR.colour, linewidth=1.2, marker="o", label="after: given the pattern"),
    ]
    made.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=3)
    return made


def pair(x: str, y: str) -> str:
    """Two variables as a label."""
    return f"{names_of(x)} – {names_of(y)}"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every line in words."""
    parts = [
        f"{pair(row['x'], row['y'])}: before {_range(row, 'prior_mean', 'prior_low', 'prior_high')}, "
        f"after {_range(row, 'posterior', 'ci_low', 'ci_high')}"
        for row in frame.to_dict("records")
    ]
    return f"Ranges of correlations. {'; '.join(parts)}."


def _range(row: dict[Any, Any], mean: str, low: str, high: str) -> str:
    return f"{style.sign(row[mean], 2, False)} ({style.sign(row[low], 2, False)} to {style.sign(row[high], 2, False)})"


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The correlation whose mean moves most."""
    line: Any = (frame["posterior"] - frame["prior_mean"]).abs().idxmax()
    row = frame.loc[line]
    return unmarked(
        f"Prior: {str(frame['title'].iloc[0]).lower()}. The mean that the pattern moves furthest is that of {pair(row['x'], row['y'])}, from "
        f"{cite(frame, line, 'prior_mean', 'r')} to {cite(frame, line, 'posterior', 'r')}."
    )


SPEC = Spec("posterior", "True Correlations Before and After the Pattern Is Known", data, draw, alt, reading)
