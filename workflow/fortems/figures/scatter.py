"""Bond, meaning, distress: scatter with a slope for each therapist; grouped counts on private data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.data.privacy.privacy import AGGREGATED, SHOWN, displays, withheld
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld, lower
from fortems.study.variables import label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PAIRS = (("bond", "meaning"), ("meaning", "distress"), ("bond", "distress"))
CELLS = 5


def data(context: Context) -> pd.DataFrame:
    """Points of simulated clients; counts in cells of real ones; nothing of who they are."""
    import pandas as pd

    scores = context.table("data/scores.csv")
    form = displays(str(context.results.setting("data", "source")))["scatter"].form
    pairs = [(x, y) for x, y in PAIRS if {x, y} <= set(scores.columns)]
    if not pairs or form not in (SHOWN, AGGREGATED):
        raise Withheld("Not drawn: the run has no two of bond, meaning and distress by client.")
    parts = []
    for x, y in pairs:
        known = scores[["therapist", x, y]].dropna()
        if form == SHOWN:
            therapist = known["therapist"].astype("category").cat.codes + 1
            points = pd.DataFrame({"therapist": therapist, "x_value": known[x], "y_value": known[y]})
            parts.append(points.assign(x=x, y=y, kind="client"))
        else:
            min_cell = int(context.results.setting("privacy", "min_cell", default=5))
            parts.append(
                _cells(known[x].to_numpy(float), known[y].to_numpy(float), min_cell).assign(
                    x=x, y=y, kind="cell"
                )
            )
    frame = pd.concat(parts, ignore_index=True)
    return frame[
        [
            name
            for name in ("x", "y", "kind", "therapist", "x_value", "y_value", "clients", "withheld")
            if name in frame
        ]
    ]


def _cells(x: np.ndarray, y: np.ndarray, min_cell: int) -> pd.DataFrame:
    """Counts of clients in cells of equal width, small ones withheld."""
    import pandas as pd

    counts, x_ends, y_ends = np.histogram2d(x, y, bins=CELLS)
    hidden = withheld(counts.astype(int), min_cell)
    x_mid, y_mid = (x_ends[:-1] + x_ends[1:]) / 2, (y_ends[:-1] + y_ends[1:]) / 2
    rows = [
        {
            "x_value": x_mid[i],
            "y_value": y_mid[j],
            "clients": np.nan if hidden[i, j] else counts[i, j],
            "withheld": bool(hidden[i, j]),
        }
        for i in range(CELLS)
        for j in range(CELLS)
    ]
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a pair."""
    pairs = list(dict.fromkeys(zip(frame["x"], frame["y"], strict=True)))
    made, grid = style.figure(2.5, 1, len(pairs), squeeze=False)
    for axes, (x, y) in zip(grid[0], pairs, strict=True):
        here = frame[(frame["x"] == x) & (frame["y"] == y)]
        if (here["kind"] == "client").all():
            _points(axes, here)
        else:
            _bubbles(axes, here)
        axes.set(xlabel=label(x), ylabel=label(y))
        axes.margins(0.08)
    return made


def _points(axes: Any, here: pd.DataFrame) -> None:
    for _, group in here.groupby("therapist"):
        if len(group) > 1 and np.ptp(group["x_value"]) > 0:
            centred = group["x_value"] - group["x_value"].mean()
            own = float((centred * group["y_value"]).sum() / (centred**2).sum())
            ends = np.array([group["x_value"].min(), group["x_value"].max()])
            axes.plot(
                ends,
                group["y_value"].mean() + own * (ends - group["x_value"].mean()),
                color="#b5b5b5",
                linewidth=0.6,
                zorder=1,
            )
    axes.plot(
        here["x_value"],
        here["y_value"],
        linestyle="none",
        marker="o",
        markersize=2.6,
        color=style.BLUE,
        markeredgewidth=0,
        alpha=0.75,
        zorder=2,
    )
    slope = within_slope(here)
    if np.isfinite(slope):
        ends = np.array([here["x_value"].min(), here["x_value"].max()])
        middle = here["y_value"].mean() + slope * (ends - here["x_value"].mean())
        axes.plot(ends, middle, color=style.VERMILION, linewidth=2, linestyle="--", zorder=3)


def _bubbles(axes: Any, here: pd.DataFrame) -> None:
    shown = here[here["clients"] > 0]
    axes.scatter(
        shown["x_value"],
        shown["y_value"],
        s=shown["clients"] * 14,
        color=style.SKY,
        edgecolor=style.BLUE,
        linewidth=0.7,
    )
    for row in shown.to_dict("records"):
        axes.text(
            row["x_value"], row["y_value"], f"{int(row['clients'])}", ha="center", va="center", fontsize=6.5
        )
    hidden = here[here["withheld"].astype(bool)]
    axes.plot(
        hidden["x_value"], hidden["y_value"], linestyle="none", marker="x", markersize=4, color=style.GREY
    )


def within_slope(here: pd.DataFrame) -> float:
    """The pooled within-therapist slope of y on x."""
    groups = here.groupby("therapist")
    x = here["x_value"] - groups["x_value"].transform("mean")
    y = here["y_value"] - groups["y_value"].transform("mean")
    spread = float((x**2).sum())
    return float((x * y).sum() / spread) if spread > 0 else float("nan")


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    if (frame["kind"] == "client").all():
        return "Bond, Meaning and Distress, With Each Therapist's Slope"
    return "Bond, Meaning and Distress: Counts of Clients in Cells"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Panels and slopes in words."""
    parts = []
    for (x, y), here in frame.groupby(["x", "y"], sort=False):
        if (here["kind"] == "client").all():
            parts.append(
                f"{label(str(y))} on {lower(label(str(x)))}: {len(here)} clients, pooled slope within therapists {style.sign(within_slope(here))}"
            )
        else:
            parts.append(f"{label(str(y))} by {lower(label(str(x)))}: counts of clients in {len(here)} cells")
    return f"Scatter plots. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The direction of every pooled slope; nothing more is said of private data."""
    if not (frame["kind"] == "client").all():
        return "Numbers are counts of clients; crosses mark cells whose count is withheld, since single clients must not be seen."
    signs = []
    for (x, y), here in frame.groupby(["x", "y"], sort=False):
        slope = within_slope(here)
        direction = "upward" if slope > 0 else "downward"
        signs.append(f"{lower(label(str(y)))} on {lower(label(str(x)))} {direction} ({style.sign(slope)})")
    return f"Grey: each therapist's own slope; dashed: the pooled slope within therapists. The pooled slopes: {'; '.join(signs)}."


SPEC = Spec("scatter", title, data, draw, alt, reading)
