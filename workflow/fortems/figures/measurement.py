"""Indirect effects with measurement error ignored and taken into account."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.readings import count, unmarked
from fortems.presentation.words import ESTIMAND_LABELS, MEASURED_INTERVALS, listed
from fortems.study.definition import study
from fortems.study.models import ACCOUNTED
from fortems.study.variables import in_sentence, label

TITLE = "Indirect Effects With Measurement Error Ignored and Taken Into Account"
COLUMNS = [
    "model",
    "measurement",
    "predictor",
    "level",
    "engine",
    "interval",
    "estimate",
    "ci_low",
    "ci_high",
]
WORDS = {
    "observed": "observed scores",
    "same clients": "observed scores, same clients",
    "latent": "latent variables",
    "corrected": "corrected for unreliability",
}
#: The same within a sentence.
READ = WORDS | {"same clients": "observed scores of the clients of the latent variables"}
RANGE = "reliability"  # not a confidence interval: the estimate over the reliabilities' own intervals


def data(context: Context) -> pd.DataFrame:
    """Indirect effects in standard deviations, one interval each: the primary one where there is one."""
    table = context.table("mediation/measurement.csv")
    rows = table[
        (table["effect"] == "indirect") & table["ci_low"].notna() & table["standardized"].notna()
    ].copy()
    if not rows["measurement"].isin(ACCOUNTED).any():
        raise Withheld("Not drawn: no model that takes measurement error into account has an interval.")
    rows["rank"] = rows["interval"].map({name: rank for rank, name in enumerate(MEASURED_INTERVALS)})
    rows = rows.sort_values("rank", kind="stable").drop_duplicates(["model", "engine", "level"])
    scale = (rows["standardized"] / rows["estimate"]).where(rows["estimate"] != 0, np.nan)
    rows["estimate"] = rows["standardized"]
    rows["ci_low"], rows["ci_high"] = rows["ci_low"] * scale, rows["ci_high"] * scale
    order = pd.MultiIndex.from_frame(rows[["predictor", "measurement", "level"]])
    rank = [(p, list(WORDS).index(m) if m in WORDS else 9, v != "within") for p, m, v in order]
    return rows.iloc[sorted(range(len(rows)), key=lambda i: rank[i])][COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a row a model, measurement and estimand."""
    made, axes = style.figure(0.8 + 0.2 * len(frame))
    style.zero_line(axes)
    labels = []
    for number, row in enumerate(frame.to_dict("records")):
        mark = style.ESTIMANDS[row["level"]]
        if row["interval"] == RANGE:
            for end in ("ci_low", "ci_high"):
                axes.plot(row[end], -number, marker="|", markersize=7, color=mark.colour)
        else:
            ends = (row["ci_low"], row["ci_high"])
            style.across(axes, ends, -number, color=mark.colour, linestyle=mark.line)
        style.dots(axes, row["estimate"], -number, mark)
        labels.append(
            f"{label(row['predictor'])}, {WORDS.get(row['measurement'], row['measurement'])}, {ESTIMAND_LABELS[row['level']]}"
        )
        if number and row["predictor"] != frame["predictor"].iloc[number - 1]:
            axes.axhline(-number + 0.5, color="#999999", linewidth=0.6)
    style.name_lines(axes, labels)
    axes.set_xlabel(f"indirect effect through {in_sentence(study().mediator)} (SD)")
    return made


def _words(row: dict[Any, Any]) -> str:
    ends = f"{style.sign(float(row['ci_low']))}, {style.sign(float(row['ci_high']))}"
    where = f"{label(str(row['predictor']))}, {WORDS.get(str(row['measurement']), str(row['measurement']))}, "
    where += ESTIMAND_LABELS[str(row["level"])]
    inside = f"range {ends}" if row["interval"] == RANGE else f"[{ends}]"
    return f"{where}: {style.sign(float(row['estimate']))} {inside}"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every line in words."""
    parts = [_words(row) for row in frame.to_dict("records")]
    return (
        f"Forest plot of indirect effects in standard deviations with {context.interval}. {'. '.join(parts)}."
    )


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Whether intervals of observed and latent models leave out zero; what corrections do to the size."""
    rows = frame[frame["interval"] != RANGE]
    clear = (rows["ci_low"] > 0) | (rows["ci_high"] < 0)
    parts = []
    for measurement in ("observed", "same clients", "latent"):
        own = rows[rows["measurement"] == measurement]
        if len(own):
            apart = own[clear[own.index]]
            parts.append(f"{count(apart, 'ci_low')} of {count(own, 'estimate')} with {READ[measurement]}")
    text = f"The interval leaves out zero for {listed(parts)}." if parts else ""
    if (frame["interval"] == RANGE).any():
        text += " Ticks mark the range of a corrected estimate over the intervals of the reliabilities; it is no confidence interval."
    return unmarked(text.strip())


SPEC = Spec("measurement", TITLE, data, draw, alt, reading)
