"""Predictor, mediator, outcome: scatter with a slope for each therapist; grouped counts on private data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.data.privacy.limits import Limits, codes
from fortems.data.privacy.privacy import AGGREGATED, SHOWN, cells, displays
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.readings import cite, unmarked
from fortems.presentation.words import listed
from fortems.study.definition import lower, study
from fortems.study.variables import in_sentence, label, short_label
from fortems.tidy import having

COLUMNS = ("x", "y", "kind", "therapist", "x_value", "y_value", "clients", "withheld", "pooled_slope")
CELLS = 5
AREA = 14.0  # square points of a circle a client
PANEL = 100.0  # points: the least width of a panel


def _pairs() -> tuple[tuple[str, str], ...]:
    x, m, y = study().focus, study().mediator, study().outcome
    return (x, m), (m, y), (x, y)


def data(context: Context) -> pd.DataFrame:
    """Points of simulated clients; counts in cells of real ones; nothing of who they are."""
    scores, ranges = context.table("data/scores.csv"), _possible(context)
    form = displays(str(context.results.setting("data", "source")))["scatter"].form
    chain = (study().focus, study().mediator, study().outcome)
    pairs = [(x, y) for x, y in _pairs() if {x, y} <= set(scores.columns)]
    if not pairs or form not in (SHOWN, AGGREGATED):
        raise Withheld(f"Not drawn: the run has no two of {listed(map(in_sentence, chain))} by client.")
    parts = []
    for x, y in pairs:
        known = scores[["therapist", x, y]].dropna()
        if form == SHOWN:
            therapist = known["therapist"].astype("category").cat.codes + 1
            points = pd.DataFrame({"therapist": therapist, "x_value": known[x], "y_value": known[y]})
            points = points.assign(x=x, y=y, kind="client")
            parts.append(points.assign(pooled_slope=within_slope(points)))
        elif {x, y} <= ranges.keys():
            min_cell = int(context.results.setting("privacy", "min_cell", default=5))
            found = _cells(known, x, y, ranges, Limits(min_cell))
            parts.append(found.assign(x=x, y=y, kind="cell"))
    if not parts:
        raise Withheld("Not drawn: cells between the lowest and the highest client would show these two.")
    frame = pd.concat(parts, ignore_index=True)
    return frame[[name for name in COLUMNS if name in frame]]


def _possible(context: Context) -> dict[str, tuple[float, float]]:
    """Lowest and highest possible value of each variable whose key gives them."""
    described = context.results.rows("tables/descriptives.csv")
    return {
        str(row["variable"]): (float(row["possible_min"]), float(row["possible_max"]))
        for row in described
        if row.has("possible_min", "possible_max")
    }


def _cells(
    known: pd.DataFrame, x: str, y: str, ranges: Mapping[str, tuple[float, float]], limits: Limits
) -> pd.DataFrame:
    """Counts of clients in cells of equal width over the possible ranges, small ones withheld."""
    ends = [np.linspace(*ranges[name], CELLS + 1) for name in (x, y)]
    place = [
        np.clip(np.searchsorted(end[1:-1], known[name].to_numpy(float), side="right"), 0, CELLS - 1)
        for end, name in zip(ends, (x, y), strict=True)
    ]
    cell = place[0] * CELLS + place[1]
    shown = cells(cell, CELLS**2, codes(known["therapist"]), limits)
    counts = np.bincount(cell, minlength=CELLS**2)
    middle = [(end[:-1] + end[1:]) / 2 for end in ends]
    rows = [
        {
            "x_value": middle[0][number // CELLS],
            "y_value": middle[1][number % CELLS],
            "clients": counts[number] if shown[number] else np.nan,
            "withheld": not shown[number],
        }
        for number in range(CELLS**2)
    ]
    return pd.DataFrame(rows)


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a pair."""
    pairs = list(dict.fromkeys(zip(frame["x"], frame["y"], strict=True)))
    made, grid = style.figure(2.5, 1, len(pairs), squeeze=False)
    for axes, (x, y) in zip(grid[0], pairs, strict=True):
        here = having(frame, x=x, y=y)
        if (here["kind"] == "client").all():
            _points(axes, here)
            axes.margins(0.08)
        else:
            _bubbles(axes, here)
            axes.margins(_room(here["clients"].max()))
        axes.set(xlabel=label(x), ylabel=label(y))
    return made


def _room(most: float) -> float:
    """The margin of a panel that keeps the circle of so many clients inside, as a share of what the middles of cells span."""
    circle = 0.0 if np.isnan(most) else (np.sqrt(most * AREA) / 2 + 2) / PANEL
    return float(max(0.08, min(circle, 0.3) / (1 - 2 * min(circle, 0.3))))


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
        s=shown["clients"] * AREA,
        color=style.SKY,
        edgecolor=style.BLUE,
        linewidth=0.7,
    )
    for row in shown.to_dict("records"):
        axes.text(
            row["x_value"],
            row["y_value"],
            f"{int(row['clients'])}",
            ha="center",
            va="center",
            fontsize=style.SMALL,
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


def _story() -> str:
    """Predictor, mediator and outcome by their short labels, as a caption begins."""
    x, m, y = (short_label(name) for name in (study().focus, study().mediator, study().outcome))
    return f"{x}, {m} and {y}"


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    if (frame["kind"] == "client").all():
        return f"{_story()}, With Each Therapist's Slope"
    return f"{_story()}: Counts of Clients in Cells"


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
        return "Numbers are counts of clients; crosses mark cells of nobody or of too few to be told, since single clients must not be seen."
    signs = []
    for (x, y), here in frame.groupby(["x", "y"], sort=False):
        first = here.index[0]
        direction = "upward" if float(here["pooled_slope"].iloc[0]) > 0 else "downward"
        slope = cite(frame, first, "pooled_slope", "b")
        signs.append(f"{lower(label(str(y)))} on {lower(label(str(x)))} {direction} ({slope})")
    return unmarked(
        "Grey: each therapist's own slope; dashed: the pooled slope within therapists, of these two variables alone and by fixed "
        f"effects, which the paths of the models, by maximum likelihood, need not equal. The pooled slopes: {'; '.join(signs)}."
    )


SPEC = Spec("scatter", title, data, draw, alt, reading)
