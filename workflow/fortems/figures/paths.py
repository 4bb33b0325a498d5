"""Path diagrams: one per model, both estimands side by side, estimates with intervals on the arrows."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.catalog import PATH
from fortems.figures.readings import count, unmarked
from fortems.presentation.numbers import end, fixed, is_absent
from fortems.presentation.words import ESTIMAND_LABELS, listed
from fortems.study.definition import BEHIND, lower
from fortems.study.estimands import ESTIMANDS
from fortems.study.variables import label
from fortems.tidy import having

COLUMNS = [
    "model",
    "level",
    "engine",
    "row",
    "effect",
    "source",
    "target",
    "at",
    "estimate",
    "ci_low",
    "ci_high",
    "p",
]

_PLACES = {"predictor": (0.15, 0.29), "mediator": (0.5, 0.82), "outcome": (0.85, 0.29)}
_BOX = (0.28, 0.27)  # width and height of a box, in shares of a diagram
_ARROWS = {  # from, to, place of the numbers
    "a": ((0.2, 0.44), (0.355, 0.75), (0.13, 0.66)),
    "b": ((0.645, 0.75), (0.8, 0.44), (0.87, 0.66)),
    "direct": ((0.3, 0.29), (0.7, 0.29), (0.5, 0.29)),
}
_SYMBOLS = {"a": "a", "b": "b", "direct": "c\u2032"}
_ROW = 1.72  # inches a diagram
_HEAD = 0.3


def _same(left: Any, right: Any) -> bool:
    return (is_absent(left) and is_absent(right)) or left == right


def data(context: Context, model: str) -> pd.DataFrame:
    """One row a path of each small diagram (one for every predictor, mediator and moderator value)."""
    effects = having(context.counted(), model=model)
    records = []
    for level in ESTIMANDS:
        rows = effects[effects["level"] == level].to_dict("records")
        indirect = [
            row
            for row in rows
            if row["effect"] == "indirect"
            and not is_absent(row["predictor"])
            and not is_absent(row["mediator"])
            and BEHIND not in str(row["mediator"])
        ]
        for number, product in enumerate(indirect):
            for row in _paths(rows, product):
                source, target = {
                    "a": (product["predictor"], product["mediator"]),
                    "b": (product["mediator"], product["outcome"]),
                }.get(row["effect"], (product["predictor"], product["outcome"]))
                records.append({**row, "row": number, "source": source, "target": target})
    if not records:
        raise Withheld(f"Not drawn: no paths of the model {model} are estimated in this run.")
    return pd.DataFrame(records)[COLUMNS]


def _paths(rows: list[dict[Any, Any]], product: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The rows of a, b and direct that belong to an indirect effect, and itself."""
    wanted = {"a": ("predictor", "mediator"), "b": ("mediator",), "direct": ("predictor",)}
    found = [
        row
        for row in rows
        if row["effect"] in wanted
        and _same(row["at"], product["at"])
        and all(row[part] == product[part] for part in wanted[row["effect"]])
    ]
    return [*found, product]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw the diagrams: a row a predictor, mediator or moderator value; a column an estimand."""
    levels = list(dict.fromkeys(frame["level"]))
    count = int(frame["row"].max()) + 1
    moderator = _moderator(frame, context)
    made, grid = style.figure(_HEAD + _ROW * count, count, len(levels), layout=None, squeeze=False)
    height = made.get_figheight()
    foot = 0.24 / height
    side, top = (
        0.005 if len(levels) > 1 else 0.23,
        1 - 0.22 / height,
    )  # a lone diagram is no wider than one of two
    made.subplots_adjust(left=side, right=1 - side, bottom=foot, top=top, wspace=0.02, hspace=0.06)
    for column, level in enumerate(levels):
        for number in range(count):
            here = having(frame, level=level, row=number)
            axes = grid[number][column]
            axes.set(xlim=(0, 1), ylim=(0, 1))
            axes.axis("off")
            if number == 0:
                axes.set_title(ESTIMAND_LABELS[level].capitalize(), color=style.BLACK)
            if not here.empty:
                _diagram(axes, here, moderator)
    return made


def _diagram(axes: Axes, rows: pd.DataFrame, moderator: str) -> None:
    by = {str(row["effect"]): row for row in rows.to_dict("records")}
    product = by["indirect"]
    names = {
        "predictor": by["a"]["source"] if "a" in by else product["source"],
        "mediator": by["a"]["target"] if "a" in by else "",
        "outcome": product["target"],
    }
    for part, name in names.items():
        words = "\n".join(textwrap.wrap(label(name), 15))
        style.box(axes, _PLACES[part], _BOX, words, fontsize=style.TEXT)
    for effect in _ARROWS:
        if effect in by:
            _arrow(axes, by[effect], effect)
    at = "" if is_absent(product["at"]) else f"{_at(moderator, product['at'])}:  "
    axes.text(
        0.5,
        0.01,
        f"{at}a × b = {_numbers(product)}",
        ha="center",
        va="bottom",
        weight="bold",
        fontsize=style.TEXT,
    )


def _numbers(row: dict[Any, Any]) -> str:
    if is_absent(row["ci_low"]):
        return f"{end(row['estimate'])} (no interval)"
    return f"{end(row['estimate'])} [{end(row['ci_low'])}, {end(row['ci_high'])}]"


def _arrow(axes: Axes, row: dict[Any, Any], effect: str) -> None:
    start, stop, place = _ARROWS[effect]
    known = not is_absent(row["ci_low"])
    clear = known and (row["ci_low"] > 0 or row["ci_high"] < 0)
    style.arrow(axes, start, stop, clear)
    axes.text(
        *place,
        f"{_SYMBOLS[effect]} = {_numbers(row)}".replace(" [", "\n["),
        ha="center",
        va="center",
        fontsize=style.SMALL,
        linespacing=1.25,
        bbox={"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none"},
    )


def _moderator(frame: pd.DataFrame, context: Context) -> str:
    """The moderator of the frame's model, or nothing."""
    model = context.models.get(str(frame["model"].iloc[0]))
    return model.moderator or "" if model else ""


def _at(moderator: str, value: Any) -> str:
    """``at age 23.9``, ``female`` ..."""
    try:
        return f"at {lower(label(moderator)) if moderator else 'moderator'} {fixed(float(value), 1)}"
    except (TypeError, ValueError):
        return str(value)


def _variables(frame: pd.DataFrame) -> tuple[list[str], list[str], str]:
    a = frame[frame["effect"] == "a"]
    predictors = list(dict.fromkeys(a["source"]))
    mediators = list(dict.fromkeys(a["target"]))
    return predictors, mediators, str(frame["target"][frame["effect"] == "indirect"].iloc[0])


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption: the model in words."""
    predictors, mediators, outcome = _variables(frame)
    left, middle = listed(map(label, predictors)), listed(lower(label(name)) for name in mediators)
    model = context.models.get(str(frame["model"].iloc[0]))
    extras = []
    if model and model.covariates:
        extras.append(f"adjusted for {listed(lower(label(name)) for name in model.covariates)}")
    if model and model.moderator:
        extras.append(f"moderated by {lower(label(model.moderator))}")
    if model and model.between == "structured":
        extras.append("same paths among therapists")
    tail = f" ({'; '.join(extras)})" if extras else ""
    return f"Path Diagram: {left} → {middle} → {lower(label(outcome))}{tail}"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """All numbers of the diagram in words; of several diagrams each with what it is of."""
    moderator, several = _moderator(frame, context), int(frame["row"].max()) > 0
    predictors, mediators, outcome = _variables(frame)
    parts = []
    for level in dict.fromkeys(frame["level"]):
        here = frame[frame["level"] == level]
        paths = []
        for row in here.to_dict("records"):
            arrow = f" {lower(label(row['source']))} to {lower(label(row['target']))}" if several else ""
            at = "" if is_absent(row["at"]) else f" {_at(moderator, row['at'])}"
            paths.append(f"{row['effect']}{arrow}{at} {_numbers(row)}")
        parts.append(f"{ESTIMAND_LABELS[level].capitalize()}: {'; '.join(paths)}")
    chain = " to ".join(
        lower(listed(label(name) for name in names)) for names in (predictors, mediators, [outcome])
    )
    return f"Path diagram of {chain}, {context.interval}. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Whether the intervals of the indirect effects leave out zero, estimand by estimand."""
    parts = []
    for level in dict.fromkeys(frame["level"]):
        rows = having(frame, level=level, effect="indirect")
        parts.append(f"{ESTIMAND_LABELS[level]}: {_verdict(rows)}")
    return unmarked(
        "Solid arrows: the interval leaves out zero; dashed: it does not. The interval of the indirect effect, "
        f"{'; '.join(parts)}."
    )


def _verdict(rows: pd.DataFrame) -> str:
    known = rows[rows["ci_low"].notna()]
    if known.empty:
        return "not available"
    clear = known[(known["ci_low"] > 0) | (known["ci_high"] < 0)]
    if len(known) == 1:
        return "leaves out zero" if len(clear) else "includes zero"
    if len(clear) in (0, len(known)):
        return "leaves out zero in all diagrams" if len(clear) else "includes zero in all diagrams"
    return f"leaves out zero in {count(clear, 'ci_low')} of {count(known, 'ci_low')} diagrams"


def verdict_of(row: dict[Any, Any]) -> str:
    """Whether the interval of one effect leaves out zero."""
    if is_absent(row["ci_low"]):
        return "not available"
    return "leaves out zero" if row["ci_low"] > 0 or row["ci_high"] < 0 else "includes zero"


def spec(model: str) -> Spec:
    """The figure of one model."""
    return Spec(f"{PATH}{model}", title, lambda context: data(context, model), draw, alt, reading)
