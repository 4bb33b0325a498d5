"""Forest of all indirect effects, by engine and interval, on a common scale."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import count, unmarked
from fortems.presentation.words import ESTIMAND_LABELS, ESTIMAND_WORDS, INTERVAL_WORDS
from fortems.study.estimands import ESTIMANDS
from fortems.study.models import MediationModel
from fortems.study.variables import short_label
from fortems.tidy import having

COLUMNS = ["model", "effect_label", "level", "engine", "interval", "estimate", "ci_low", "ci_high"]
INTERVAL_LINES: dict[Any, Any] = {
    "robust": "-",
    "montecarlo": (0, (6, 1)),
    "delta": (0, (4, 1.5)),
    "cr2": (0, (3, 1, 1, 1, 1, 1)),
    "percentile": (0, (1, 1)),
    "bca": "-.",
}
ENGINES = {
    "twolevel": style.Mark(style.BLUE, "o"),
    "regression": style.Mark(style.VERMILION, "s", filled=False),
    "semopy": style.Mark(style.GREEN, "^"),
    "mixedlm": style.Mark(style.PURPLE, "D", filled=False),
}


def data(context: Context) -> pd.DataFrame:
    """Indirect effects in standard deviations: the ends are scaled as the estimate is."""
    effects = context.table("mediation/effects.csv")
    rows = effects[
        (effects["effect"] == "indirect")
        & effects["interval"].isin(INTERVAL_WORDS)
        & effects["level"].isin(ESTIMANDS)
        & effects["at"].isna()
        & effects["predictor"].notna()
        & effects["mediator"].notna()
        & effects["ci_low"].notna()
        & effects["standardized"].notna()
    ].copy()
    rows = some(rows, "no indirect effect has an interval in this run")
    scale = (rows["standardized"] / rows["estimate"]).where(rows["estimate"] != 0, 0.0)
    rows["estimate"] = rows["standardized"]
    rows["ci_low"], rows["ci_high"] = rows["ci_low"] * scale, rows["ci_high"] * scale
    rows["effect_label"] = [
        _label(row, context.models.get(row["model"]))
        for row in rows[["model", "predictor", "mediator", "outcome"]].to_dict("records")
    ]
    return rows[COLUMNS]


def _label(row: dict[Any, Any], model: MediationModel | None) -> str:
    text = f"{short_label(row['predictor'])} → {short_label(row['mediator'])} → {short_label(row['outcome'])}"
    if model is None:
        return text
    marks = []
    if len(model.predictors) > 1:
        marks.append("aspects together")
    if len(model.mediators) > 1:
        marks.append("mediators together")
    if model.covariates:
        level = ", within only" if model.covariate_level == "within" else ""
        marks.append(" + ".join(model.covariates) + level)
    if model.between == "structured":
        marks.append("structured")
    return f"{text}\n({'; '.join(marks)})" if marks else text


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a row an effect, a panel an estimand, a line an engine and interval."""
    rows = list(dict.fromkeys(zip(frame["model"], frame["effect_label"], strict=True)))
    levels = [level for level in ESTIMANDS if level in set(frame["level"])]
    lines = {
        level: sorted(
            {(e, i) for e, i in zip(frame["engine"], frame["interval"], strict=True)
             if not having(frame, level=level, engine=e, interval=i).empty},
            key=lambda pair: (list(ENGINES).index(pair[0]), list(INTERVAL_WORDS).index(pair[1])),
        )
        for level in levels
    }  # fmt: skip
    most = max(len(found) for found in lines.values())
    deepest = max(text.count("\n") + 1 for _, text in rows)  # lines of a label
    height = min(7.4, 0.9 + len(rows) * max(0.2, 0.042 * most + 0.06, 0.13 * deepest))
    made, grid = style.figure(height, 1, len(levels), sharex=True, sharey=True, squeeze=False)
    places = {row: -number for number, row in enumerate(rows)}
    for axes, level in zip(grid[0], levels, strict=True):
        style.zero_line(axes)
        here = frame[frame["level"] == level]
        step = 0.8 / max(most, 1)
        for position, (engine, interval) in enumerate(lines[level]):
            mark = ENGINES[engine]
            offset = 0.4 - step * (position + 0.5)
            for row in having(here, engine=engine, interval=interval).to_dict("records"):
                y = places[(row["model"], row["effect_label"])] + offset
                form = {"color": mark.colour, "linestyle": INTERVAL_LINES[interval], "linewidth": 0.8}
                style.across(axes, (row["ci_low"], row["ci_high"]), y, **form)
                style.dots(axes, row["estimate"], y, mark, 2.2, markeredgewidth=0.5)
        for number in range(len(rows)):
            if number % 2:
                axes.axhspan(-number - 0.5, -number + 0.5, color="#f4f4f4", zorder=0, linewidth=0)
        axes.set_title(ESTIMAND_LABELS[level].capitalize())
        axes.set_xlabel("indirect effect (SD)")
        axes.set_ylim(-len(rows) + 0.5, 0.5)
        axes.tick_params(axis="y", length=0)
    grid[0][0].set_yticks(list(places.values()), [text for _, text in rows], fontsize=style.SMALL)
    engines = {name: mark for name, mark in ENGINES.items() if name in set(frame["engine"])}
    handles = style.handles(engines, markersize=4) + [
        Line2D([], [], color=style.BLACK, linewidth=0.9, linestyle=INTERVAL_LINES[name], label=words)
        for name, words in INTERVAL_WORDS.items()
        if name in set(frame["interval"])
    ]
    made.legend(
        handles=handles,
        loc="outside upper center",
        ncols=4,
        handlelength=2.4,
        columnspacing=1.2,
    )
    return made


def _primary(frame: pd.DataFrame, context: Context, level: str) -> pd.DataFrame:
    """The rows of an estimand that count."""
    counted = having(context.counted(), effect="indirect", level=level)
    names = ["model", "level", "engine", "interval"]
    kept = set(counted[names].itertuples(index=False, name=None))
    return frame[[row in kept for row in frame[names].itertuples(index=False, name=None)]]


def alt(frame: pd.DataFrame, context: Context) -> str:
    """What is drawn, and the primary intervals in words."""
    parts = []
    for level in ESTIMANDS:
        found = [
            f"{row['effect_label'].replace(chr(10), ' ')} {style.sign(row['estimate'])} "
            f"[{style.sign(row['ci_low'])}, {style.sign(row['ci_high'])}]"
            for row in _primary(frame, context, level).to_dict("records")
        ]
        if found:
            parts.append(f"{ESTIMAND_LABELS[level].capitalize()}: {'; '.join(found)}")
    return (
        f"Forest plot of indirect effects in standard deviations with {context.interval}. {'. '.join(parts)}."
    )


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many primary intervals leave out zero."""
    parts: list[str] = []
    for level in ESTIMANDS:
        rows = _primary(frame, context, level)
        if len(rows):
            clear = rows[(rows["ci_low"] > 0) | (rows["ci_high"] < 0)]
            of = f"{count(clear, 'ci_low')} of {count(rows, 'estimate')}"
            parts.append(f"{of}{'' if parts else ' effects'} {ESTIMAND_WORDS[level]}")
    if not parts:
        return "Each line is one engine's interval; intervals of the same effect that agree lie below one another."
    return unmarked(f"The primary interval leaves out zero for {' and '.join(parts)}.")


SPEC = Spec(
    "indirect", "Indirect Effects of All Models, by Estimand, Engine and Interval", data, draw, alt, reading
)
