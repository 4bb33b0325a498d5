"""Flow of participants: received, excluded by rule, analysed."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fortems.data.privacy.flow import shown_flow
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.readings import cite, unmarked
from fortems.presentation.numbers import is_absent

TITLES = {
    "received": "Received",
    "excluded": "Excluded",
    "analysed": "Analysed",
    "scored": "Of these",
}

LINE = 0.165  # inches of a line of text
HIGHEST = 0.62  # of the figure that the box of the exclusions may take


def data(context: Context) -> pd.DataFrame:
    """The flow with what may be shown of it: small counts of real people are suppressed."""
    frame = context.table("data/flow.csv")
    min_cell = int(context.results.setting("privacy", "min_cell", default=5)) if context.real_clients else 0
    shown = shown_flow(frame, min_cell)
    if len(shown) > 1 and shown["clients"].notna().all() and shown["clients"].nunique() == 1:
        raise Withheld("Not drawn: nobody was left out at any step.")
    return shown


def _title(row: dict[Any, Any]) -> str:
    between = {"analysed": ": ", "scored": ", "}.get(str(row["step"]))
    return TITLES[row["step"]] + (f"{between}{row['detail']}" if between else "")


def _counts(row: dict[Any, Any]) -> str:
    if is_absent(row["clients"]):
        return str(row["shown"])
    count = int(row["clients"])
    text = f"{count} client{'' if count == 1 else 's'}"
    if is_absent(row["therapists"]) or row["step"] == "excluded":
        return text
    therapists = int(row["therapists"])
    return f"{text}, {therapists} therapist{'' if therapists == 1 else 's'}"


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw boxes from top to bottom, exclusions to the right."""
    rows = frame.to_dict("records")
    main = [row for step in ("received", "analysed", "scored") for row in rows if row["step"] == step]
    out = [row for row in rows if row["step"] == "excluded"]
    lines = [line for row in out for line in textwrap.wrap(f"{row['detail']}: {_counts(row)}", 34)]
    inches = LINE * (len(lines) + 1) + 0.1  # of the box to the right, with its title
    tall = max(2.5 + 0.16 * max(0, len(out) - 3), inches / HIGHEST)
    made, axes = style.figure(tall)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    places = {row["step"]: 0.86 - 0.37 * number for number, row in enumerate(main)}
    x = 0.3 if out else 0.5
    for row in main:
        y = places[row["step"]]
        _box(axes, x, y, 0.5, 0.22, f"{_title(row)}\n{_counts(row)}")
    for upper, below in pairwise(main):
        _arrow(axes, (x, places[upper["step"]] - 0.11), (x, places[below["step"]] + 0.11))
    if out:
        y = places["received"] - 0.185
        height = max(min(0.34, 0.11 + 0.07 * (len(lines) + 1)), inches / tall)
        _box(axes, 0.79, y, 0.4, height, "\n".join(["Excluded", *lines]))
        _arrow(axes, (x, y), (0.59, y))
    return made


def _box(axes: Axes, x: float, y: float, width: float, height: float, text: str) -> None:
    axes.add_patch(
        Rectangle(
            (x - width / 2, y - height / 2),
            width,
            height,
            facecolor="#f2f2f2",
            edgecolor="#333333",
            linewidth=0.8,
        )
    )
    axes.text(x, y, text, ha="center", va="center", linespacing=1.4)


def _arrow(axes: Axes, start: tuple[float, float], stop: tuple[float, float]) -> None:
    line = {"arrowstyle": "-|>", "linewidth": 0.9, "color": "#333333", "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=stop, xytext=start, arrowprops=line)


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    return "Flow of Simulated Participants" if context.simulated else "Flow of Participants"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every box in words."""
    parts = []
    for row in frame.to_dict("records"):
        what = f"{TITLES[row['step']]} ({row['detail']})" if row["step"] == "excluded" else _title(row)
        parts.append(f"{what}: {_counts(row)}")
    return f"Flow chart. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many of those received were analysed."""
    by = {row["step"]: row for row in frame.to_dict("records")}
    at = {step: frame.index[frame["step"] == step][0] for step in by}
    if is_absent(by["received"]["clients"]):
        return unmarked(
            f"{_cited_counts(frame, at['analysed'])} were analysed; smaller counts are suppressed."
        )
    received = cite(frame, at["received"], "clients", "n")
    if int(by["analysed"]["clients"]) == int(by["received"]["clients"]):
        return unmarked(f"All {received} clients received were analysed.")
    return unmarked(
        f"{cite(frame, at['analysed'], 'clients', 'n')} of {received} clients received were analysed."
    )


def _cited_counts(frame: pd.DataFrame, line: Any) -> str:
    """Clients and therapists of a step, with their cells."""
    row = frame.loc[line]
    if is_absent(row["clients"]):
        return cite(frame, line, "shown", "text")
    text = f"{cite(frame, line, 'clients', 'n')} client{'' if int(row['clients']) == 1 else 's'}"
    if is_absent(row["therapists"]):
        return text
    return f"{text}, {cite(frame, line, 'therapists', 'n')} therapist{'' if int(row['therapists']) == 1 else 's'}"


SPEC = Spec("flow", title, data, draw, alt, reading)
