"""The assumed causal diagram: predictor, mediator, outcome, and what may lie behind them unmeasured, by name."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.presentation.words import listed
from fortems.study.definition import lower, study
from fortems.study.variables import label

COLUMNS = ["kind", "name", "source", "target"]
_PLACES = {"predictor": (0.13, 0.42), "mediator": (0.5, 0.72), "outcome": (0.87, 0.42)}
_BOX = (0.2, 0.2)


def data(context: Context) -> pd.DataFrame:
    """A row an arrow: the assumed paths, and those from each unmeasured variable to the parts that it reaches."""
    ours = study()
    if not ours.confounders:
        raise Withheld("Not drawn: the study's file names no unmeasured variables.")
    names = {"predictor": ours.predictors[0], "mediator": ours.mediator, "outcome": ours.outcome}
    records = [
        {"kind": "assumed", "name": "", "source": names[source], "target": names[target]}
        for source, target in (("predictor", "mediator"), ("mediator", "outcome"), ("predictor", "outcome"))
    ]
    records += [
        {"kind": "unmeasured", "name": one.name, "source": one.name, "target": names[part]}
        for one in ours.confounders
        for part in one.behind
    ]
    return pd.DataFrame(records, columns=COLUMNS)


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw measured variables as boxes, unmeasured ones as dashed ovals above and below."""
    ours = study()
    made, axes = style.figure(2.9, layout=None)
    made.subplots_adjust(left=0.0, right=1.0, bottom=0.07, top=1.0)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    names = {"predictor": ours.predictors[0], "mediator": ours.mediator, "outcome": ours.outcome}
    places = {names[part]: place for part, place in _PLACES.items()}
    ovals = _ovals(frame, places)
    for row in frame[frame["kind"] == "unmeasured"].to_dict("records"):
        _line(axes, ovals[row["name"]], places[row["target"]], dashed=True)
    for row in frame[frame["kind"] == "assumed"].to_dict("records"):
        _line(axes, places[row["source"]], places[row["target"]], dashed=False)
    for name, (x, y) in places.items():
        words = "\n".join(textwrap.wrap(label(name), 15))
        style.box(axes, (x, y), _BOX, words, fontsize=style.TEXT, layer=3)
    for name, (x, y) in ovals.items():
        axes.add_patch(
            Ellipse(
                (x, y),
                0.29,
                0.19,
                facecolor="white",
                edgecolor=style.GREY,
                linestyle="--",
                linewidth=0.9,
                zorder=3,
            )
        )
        text = "\n".join(textwrap.wrap(name, 20))
        axes.text(x, y, text, ha="center", va="center", fontsize=style.SMALL, linespacing=1.05, zorder=4)
    return made


def _ovals(frame: pd.DataFrame, places: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Where each unmeasured variable stands: beside the mediator where it reaches one neighbour of it, else below."""
    unmeasured = frame[frame["kind"] == "unmeasured"]
    reached = {str(name): list(rows["target"]) for name, rows in unmeasured.groupby("name", sort=False)}
    middle = max(places, key=lambda name: places[name][1])
    found, below = {}, []
    taken: set[float] = set()
    for name, targets in reached.items():
        (x,) = (
            (places[t][0] for t in targets if t != middle)
            if len(targets) == 2 and middle in targets
            else (None,)
        )
        if x is None or x in taken:
            below.append(name)
        else:
            taken.add(x)
            found[name] = (0.17 if x < 0.5 else 0.83, 0.88)
    found |= {name: ((number + 0.5) / len(below), 0.1) for number, name in enumerate(below)}
    return found


def _line(axes: object, start: tuple[float, float], stop: tuple[float, float], dashed: bool) -> None:
    """An arrow that ends at the edge of the box it points to."""
    (x0, y0), (x1, y1) = start, stop
    dx, dy = x1 - x0, y1 - y0
    half_width, half_height = _BOX[0] / 2 + 0.004, _BOX[1] / 2 + 0.01
    share = min(
        half_width / abs(dx) if dx else float("inf"),
        half_height / abs(dy) if dy else float("inf"),
    )
    axes.annotate(  # type: ignore[attr-defined]
        "",
        xy=(x1 - share * dx, y1 - share * dy),
        xytext=(x0, y0) if dashed else (x0 + share * dx, y0 + share * dy),
        arrowprops={
            "arrowstyle": "-|>",
            "linewidth": 0.8 if dashed else 1.5,
            "linestyle": (0, (3, 3)) if dashed else "-",
            "color": style.GREY if dashed else style.BLUE,
            "shrinkA": 0,
            "shrinkB": 0,
        },
        zorder=2,
    )


def alt(frame: pd.DataFrame, context: Context) -> str:
    """The arrows in words."""
    ours = study()
    chain = " to ".join(lower(label(name)) for name in (ours.predictors[0], ours.mediator, ours.outcome))
    names = dict.fromkeys(frame.loc[frame["kind"] == "unmeasured", "name"])
    return f"Causal diagram: {chain}, with a direct arrow; unmeasured behind them: {listed(lower(name) for name in names)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What solid and dashed arrows are."""
    return (
        "Solid arrows: the order that the analysis assumes. Dashed: what was not measured and may lie behind; any of it can make paths "
        "where there are none, or hide them. The names are assumptions, not results."
    )


SPEC = Spec("causal", "The Assumed Causal Diagram", data, draw, alt, reading)
