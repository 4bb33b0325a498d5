"""Influence of single therapists: how far the indirect effect moves when each is left out."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fortems.data.privacy.privacy import WITHHELD, displays
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld, some
from fortems.figures.readings import cite, unmarked
from fortems.presentation.choice import shown_models
from fortems.presentation.words import ESTIMAND_LABELS
from fortems.study.definition import lower
from fortems.study.roles import is_simple, main_models
from fortems.study.variables import label

ENDS = ("lowest", "quarter", "median", "three_quarters", "highest")
COLUMNS = ["model", "predictor", "mediator", "level", *ENDS, "sign_changes", "n_fits"]


def data(context: Context) -> pd.DataFrame:
    """Quantiles over therapists of the shift of the indirect effect, in its standard errors."""
    table = context.table("robustness/leave_one_out.csv")
    display = displays(str(context.results.setting("data", "source")))["leave_one_out"]
    if display.form == WITHHELD:
        raise Withheld(f"Not drawn: {display.reason}.")
    rows = table[
        (table["effect"] == "indirect")
        & table["model"].isin(shown_models(context.results, context.models))
        & table["at"].isna()
        & table["predictor"].notna()
        & table["mediator"].notna()
        & (table["se"] > 0)
        & table[list(ENDS)].notna().all(axis=1)  # of two therapists neither can be left out
    ].copy()
    rows = some(rows, "no model was fitted without each therapist")
    for name in ENDS:
        rows[name] = (rows[name] - rows["estimate"]) / rows["se"]
    return rows[COLUMNS]


def _label(row: dict[Any, Any], context: Context) -> str:
    name, predictor = str(row["model"]), label(str(row["predictor"]))
    simple = is_simple(context.models[name])
    if name in main_models(context.models).values():
        words = predictor if simple else f"{predictor} (aspects together)"
    else:
        words = name if simple else f"{name}: {predictor} → {label(str(row['mediator']))}"
    return f"{words}, {ESTIMAND_LABELS[str(row['level'])]}"


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw range, middle half and median of the shifts."""
    made, axes = style.figure(0.8 + 0.2 * len(frame))
    style.zero_line(axes)
    rows = frame.to_dict("records")
    for number, row in enumerate(rows):
        mark = style.ESTIMANDS[row["level"]]
        whole, middle = (row["lowest"], row["highest"]), (row["quarter"], row["three_quarters"])
        style.across(axes, whole, -number, color=mark.colour, linewidth=0.9, linestyle=mark.line)
        style.across(axes, middle, -number, color=mark.colour, linewidth=4, solid_capstyle="butt")
        axes.plot(
            row["median"],
            -number,
            marker="o",
            markersize=3.5,
            color="white",
            markeredgecolor=style.BLACK,
            markeredgewidth=0.7,
        )
    style.name_lines(axes, [_label(row, context) for row in rows])
    axes.set_xlabel("shift of the indirect effect without one therapist (SE)")
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Range of every line in words."""
    parts = [
        f"{_label(row, context)}: shifts from {style.sign(row['lowest'])} to {style.sign(row['highest'])}"
        for row in frame.to_dict("records")
    ]
    return f"Range plot of shifts in standard errors. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The largest shift, and changes of sign."""
    row: Any = frame.iloc[int(frame[["lowest", "highest"]].abs().max(axis=1).argmax())]
    end = "lowest" if abs(row["lowest"]) > abs(row["highest"]) else "highest"
    size = cite(frame, row.name, end, "b", "size")
    turns = frame[frame["sign_changes"] > 0]
    text = f"Thick: middle half of the therapists; thin: all. The largest shift is {size} standard errors ({lower(_label(dict(row), context))})"
    if turns.empty:
        text += "; no sign changes."
    else:
        which = "; ".join(lower(_label(item, context)) for item in turns.to_dict("records"))
        text += f"; leaving out one therapist can turn the sign for {which}."
    gaps = _gaps(frame, context)
    return unmarked(f"{text} Not fitted without single therapists: {'; '.join(gaps)}." if gaps else text)


def _gaps(frame: pd.DataFrame, context: Context) -> list[str]:
    """Effects that have a line at one level and none at another."""
    names = ["model", "predictor", "mediator"]
    lines = list(frame[names].itertuples(index=False, name=None))
    have = set(zip(lines, frame["level"], strict=True))
    wanted = dict.fromkeys((line, level) for line in lines for level in dict.fromkeys(frame["level"]))
    return [
        lower(_label({**dict(zip(names, line, strict=True)), "level": level}, context))
        for line, level in wanted
        if (line, level) not in have
    ]


SPEC = Spec("leave_one_out", "Indirect Effects Without Each Therapist in Turn", data, draw, alt, reading)
