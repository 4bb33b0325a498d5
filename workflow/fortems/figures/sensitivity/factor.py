"""The indirect effect over the share of variance that one common factor of the ratings explains."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.sensitivity.curves import NO_MODEL, panels, where
from fortems.presentation.numbers import percent

COLUMNS = ["model", "level", "pattern", "kind", "first", "variance_share", "indirect", "ci_low", "ci_high"]
MARKS = {"a vanishes": "o", "b vanishes": "s", "inadmissible": "x", "interval": "|"}


def data(context: Context) -> pd.DataFrame:
    """Curves, where intervals reach zero, and what comes first of each."""
    table = context.table("robustness/common_factor.csv")
    shown = (table["kind"].isin(["curve", "interval"])) | table["first"].eq(True)
    rows = table[shown & table["variance_share"].notna()]
    return some(rows, NO_MODEL)[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a model and pattern of loadings; the effect grows without bound where no matrix remains."""
    made = panels(
        frame,
        context,
        "variance_share",
        ["model", "pattern"],
        "variance explained by the common factor",
        _mark,
    )
    for axes, limit in zip(made.axes, _limits(frame), strict=True):
        axes.set_ylim(-limit, limit)
    made.axes[0].legend(loc="best")
    return made


def _limits(frame: pd.DataFrame) -> list[float]:
    found = []
    for model in dict.fromkeys(frame["model"]):
        start = frame[(frame["model"] == model) & (frame["kind"] == "curve") & (frame["variance_share"] == 0)]
        limit = 1.6 * float(start[["ci_low", "ci_high"]].abs().max(axis=None))
        found += [limit] * frame["pattern"].nunique()
    return found


def _mark(axes: Axes, rows: pd.DataFrame) -> None:
    for row in rows.to_dict("records"):
        look = style.ESTIMANDS[row["level"]]
        axes.plot(row["variance_share"], 0, marker=MARKS[row["kind"]], markersize=6, color=look.colour,
                  markerfacecolor="white", markeredgewidth=1.2, linestyle="none")  # fmt: skip


def _firsts(frame: pd.DataFrame, context: Context) -> str:
    rows = frame[frame["first"].eq(True)].to_dict("records")
    words = {"inadmissible": "no matrix remains"}
    return "; ".join(
        f"{where(row, context)}, {row['pattern']}: {words.get(row['kind'], row['kind'])} at {percent(row['variance_share'])}"
        for row in rows
    )


def alt(frame: pd.DataFrame, context: Context) -> str:
    """What comes first on each curve."""
    return f"Curves over the factor's share. First to happen: {_firsts(frame, context)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What the marks mean."""
    return (
        f"Bands: {context.interval}. Circle: a vanishes; square: b vanishes; cross: no covariance matrix remains, so that no larger "
        f"factor of this kind is possible; bar: the interval reaches zero. First to happen: {_firsts(frame, context)}."
    )


SPEC = Spec(
    "common_factor", "Indirect Effects Without a Common Factor of All Ratings", data, draw, alt, reading
)
