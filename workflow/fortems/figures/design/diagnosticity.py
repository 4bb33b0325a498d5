"""Diagnosticity at a glance: the patterns' probability by gap, and likelihood ratios against rival scenarios."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.presentation.claims import claim_label, patterns
from fortems.presentation.numbers import is_absent, ratio
from fortems.presentation.words import ESTIMAND_LABELS, listed
from fortems.study.definition import lower, study
from fortems.study.estimands import ESTIMANDS
from fortems.study.variables import in_sentence
from fortems.tidy import having

COLUMNS = ["panel", "claim", "estimand", "against", "rival", "gap", "relation", "value", "ci_low", "ci_high"]


def _called(context: Context) -> dict[str, str]:
    """Pattern → how sentences call it, without its article."""
    return {
        name: claim.called.removeprefix("the ") for name, claim in patterns(context.results.claims).items()
    }


def _marks(context: Context) -> dict[tuple[str, str], style.Mark]:
    """(pattern, estimand) → its mark."""
    keys = [(claim, level) for claim in patterns(context.results.claims) for level in ESTIMANDS]
    return {key: style.series(number) for number, key in enumerate(keys)}


def data(context: Context) -> pd.DataFrame:
    """Probabilities over the grid of gaps; ratios of the article's scenario to each rival."""
    table = context.table("design/diagnosticity.csv")
    table = table[table["claim"].isin(list(_called(context)))]
    grid = table[table["gap"].notna()].assign(panel="gap", against="", relation="=")
    grid = grid.rename(columns={"probability": "value"})
    ratios = context.results.table("design/likelihood_ratios.csv")
    parts = [grid]
    if ratios is not None:
        rows = ratios[
            ratios["claim"].isin(list(_called(context)))
            & (ratios["scenario"] == study().account)
            & ratios["gap"].isna()
        ]
        rows = rows[rows["against_gap"].isna()]
        if rows["ratio"].notna().any():  # none where the patterns never showed
            parts.append(rows.assign(panel="ratio").rename(columns={"ratio": "value"}))
    frame = pd.concat(parts, ignore_index=True)
    scenarios = context.table("design/diagnosticity.csv")
    titles = dict(zip(scenarios["scenario"], scenarios["title"], strict=True))
    whole = scenarios[scenarios["gap"].isna()]
    titles |= dict(zip(whole["scenario"], whole["title"], strict=True))
    frame["rival"] = frame["against"].map(titles)
    frame = some(frame, "the simulated studies could test no pattern")
    return frame.reindex(columns=COLUMNS)


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw the grid of gaps on the left, the ratios on the right."""
    panels = [name for name in ("gap", "ratio") if name in set(frame["panel"])]
    made, grid = style.figure(3.3, 1, len(panels), squeeze=False, width_ratios=[1, 1.15][: len(panels)])
    there = set(zip(frame["claim"], frame["estimand"], strict=True))
    marks = {key: mark for key, mark in _marks(context).items() if key in there}
    for axes, panel in zip(grid[0], panels, strict=True):
        rows = frame[frame["panel"] == panel]
        (_gaps if panel == "gap" else _ratios)(axes, rows, marks)
    named = {
        f"{lower(claim_label(context.results.claims, claim))}, {ESTIMAND_LABELS[level]}": mark
        for (claim, level), mark in marks.items()
    }
    handles = style.handles(named, lines=True)
    made.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=3)
    return made


def _gaps(axes: Axes, rows: pd.DataFrame, marks: dict[tuple[str, str], style.Mark]) -> None:
    for number, (key, mark) in enumerate(marks.items()):
        here = having(rows, claim=key[0], estimand=key[1]).sort_values("gap")
        shift = (number - (len(marks) - 1) / 2) * 0.0025
        x = here["gap"].to_numpy(float) + shift
        axes.vlines(x, here["ci_low"], here["ci_high"], color=mark.colour, linewidth=0.9)
        axes.plot(x, here["value"], linestyle=mark.line, linewidth=0.9, markersize=4, **mark.points())
    gaps = sorted(set(rows["gap"]))
    axes.set_xticks(gaps, [style.sign(gap, 2, False) if gap else "0" for gap in gaps])
    axes.set(
        xlabel=f"gap between {in_sentence(study().aspects[0])} and the other aspects",
        ylabel="share of studies",
        title="How often the pattern shows",
        ylim=(0, None),
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}".removeprefix("0") or "0")


def _ratios(axes: Axes, rows: pd.DataFrame, marks: dict[tuple[str, str], style.Mark]) -> None:
    titles = dict(zip(rows["against"], rows["rival"], strict=True))
    rivals = list(titles)
    axes.axvline(1, color="#444444", linewidth=0.6)
    for number, (key, mark) in enumerate(marks.items()):
        for row in having(rows, claim=key[0], estimand=key[1]).to_dict("records"):
            y = -rivals.index(row["against"]) + ((len(marks) - 1) / 2 - number) * 0.17
            if is_absent(row["value"]) or row["value"] <= 0 or not np.isfinite(row["value"]):
                continue
            if row["relation"] == "=" and not is_absent(row["ci_low"]) and row["ci_low"] > 0:
                high = (
                    row["ci_high"]
                    if not is_absent(row["ci_high"]) and np.isfinite(row["ci_high"])
                    else row["value"]
                )
                form = {"color": mark.colour, "linewidth": 0.9, "linestyle": mark.line}
                style.across(axes, (row["ci_low"], high), y, **form)
            if row["relation"] == "=":
                style.dots(axes, row["value"], y, mark, 4)
            else:  # the event never happened on one side: an open arrow that starts at the bound
                arrow = {"marker": ">" if row["relation"] == "≥" else "<", "markerfacecolor": "none"}
                axes.plot(row["value"], y, linestyle="none", markersize=4.5, **{**mark.points(), **arrow})
    axes.set_xscale("log")
    values = rows[["value", "ci_low", "ci_high"]].to_numpy(float)
    values = values[np.isfinite(values) & (values > 0)]
    low, high = min(0.8, float(values.min()) / 1.15), max(1.25, float(values.max()) * 1.3)
    axes.set_xlim(low, high)
    ticks = [
        tick
        for tick in (0.01, 0.03, 0.1, 0.3, 0.5, 1, 2, 3, 5, 10, 30, 100, 300, 1000)
        if low <= tick <= high
    ]
    ticks = (
        ticks
        if len(ticks) <= 6
        else [tick for tick in ticks if tick in (0.01, 0.1, 0.5, 1, 2, 10, 100, 1000)]
    )
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    style.name_lines(axes, list(titles.values()), 0.5)
    account = study().account.replace("_", " ").capitalize()
    axes.set(xlabel="likelihood ratio (log scale)", title=f"{account}, against …")


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Both panels in words."""
    parts = []
    keys = ["claim", "estimand"]
    for (claim, estimand), rows in having(frame, panel="gap").groupby(keys, sort=False):
        values = ", ".join(
            f"gap {style.sign(row['gap'], 2, False)}: {style.sign(row['value'], 3, False)}"
            for row in rows.to_dict("records")
        )
        parts.append(
            f"{_called(context)[str(claim)]}, {ESTIMAND_LABELS[str(estimand)]}, share of studies: {values}"
        )
    for (claim, estimand), rows in having(frame, panel="ratio").groupby(keys, sort=False):
        values = ", ".join(
            f"{str(row['rival']).lower()} { {'≥': 'at least ', '≤': 'at most '}.get(row['relation'], '') }"
            f"{'none' if is_absent(row['value']) else ratio(row['value'])}"
            for row in rows.to_dict("records")
        )
        parts.append(
            f"{_called(context)[str(claim)]}, {ESTIMAND_LABELS[str(estimand)]}, likelihood ratio against {values}"
        )
    return f"Line and dot plots. {'. '.join(parts)}."


def _told_apart(rival: str, clear: pd.DataFrame, rows: pd.DataFrame) -> str:
    """The rival, with the estimand where it is told apart under one of two only."""
    if len(set(clear["estimand"])) == len(set(rows["estimand"])):
        return rival.lower()
    return f"{rival.lower()} ({ESTIMAND_LABELS[str(clear['estimand'].iloc[0])]})"


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Which ratios are told apart from one."""
    parts: list[str] = []
    for claim, words in _called(context).items():
        rows = having(frame, panel="ratio", claim=claim)
        if rows.empty:
            continue
        clear = rows[(rows["ci_low"] > 1) | (rows["ci_high"] < 1)]
        names = [_told_apart(str(rival), group, rows) for rival, group in clear.groupby("rival", sort=False)]
        whole = f"the likelihood ratio of the {words} is told apart from one"
        which = f"only against {listed(names)}" if len(clear) < len(rows) else "against every rival"
        if names:
            parts.append(f"{f'that of the {words}' if parts else whole} {which}")
        else:
            parts.append(f"{whole} against no rival")
    if not parts:
        return "Points are shares of simulated studies with their intervals."
    text = "; ".join(parts)
    arrows = (
        " Open arrows are bounds: the pattern never showed on one side."
        if (frame["relation"].isin(["≥", "≤"])).any()
        else ""
    )
    return f"{text[0].upper()}{text[1:]}.{arrows}"


SPEC = Spec("diagnosticity", "Diagnosticity of the Pattern of Findings", data, draw, alt, reading)
