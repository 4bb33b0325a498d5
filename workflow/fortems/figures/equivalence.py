"""How small is the direct path? Estimate, interval and the bound of the equivalence test."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import cite, unmarked
from fortems.presentation.choice import simple_models
from fortems.presentation.words import ESTIMAND_LABELS, ESTIMAND_WORDS, model_label
from fortems.study.definition import lower, study
from fortems.study.variables import in_sentence

COLUMNS = ["model", "level", "direct", "ci_low", "ci_high", "smallest_bound", "bound", "equivalence"]


def data(context: Context) -> pd.DataFrame:
    """Direct paths in standard deviations within therapists."""
    table = context.table("mediation/verdicts.csv")
    models = simple_models(context.results, context.models)
    rows = table[
        table["model"].isin(models) & table["direct_standardized"].notna() & table["smallest_bound"].notna()
    ].copy()
    rows = some(rows, "no direct path was tested for equivalence")
    scale = (rows["direct_standardized"] / rows["direct"]).where(rows["direct"] != 0, np.nan)
    rows["ci_low"], rows["ci_high"] = rows["direct_low"] * scale, rows["direct_high"] * scale
    rows["direct"] = rows["direct_standardized"]
    rows["bound"] = rows["equivalence_bound"]
    return rows[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a line a model and estimand, the bound as a band."""
    made, axes = style.figure(0.95 + 0.24 * len(frame))
    bound = float(frame["bound"].iloc[0])
    axes.axvspan(-bound, bound, color="#e3e3e3", zorder=0, linewidth=0)
    style.zero_line(axes)
    labels = []
    for number, row in enumerate(frame.to_dict("records")):
        mark = style.ESTIMANDS[row["level"]]
        style.across(axes, (row["ci_low"], row["ci_high"]), -number, color=mark.colour, linestyle=mark.line)
        style.dots(axes, row["direct"], -number, mark)
        for end in (-1, 1):
            bound_at = end * row["smallest_bound"]
            axes.plot(bound_at, -number, marker="|", markersize=8, color=style.BLACK, markeredgewidth=1)
        labels.append(f"{model_label(context.models, row['model'])}, {ESTIMAND_LABELS[row['level']]}")
    style.name_lines(axes, labels)
    axes.set_xlabel(f"direct path (SD of {in_sentence(study().outcome)} per SD of the predictor)")
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every line in words."""
    parts = [
        f"{model_label(context.models, row['model'])}, {ESTIMAND_LABELS[row['level']]}: {style.sign(row['direct'])} "
        f"[{style.sign(row['ci_low'])}, {style.sign(row['ci_high'])}], smallest bound {style.sign(row['smallest_bound'], 2, False)}, "
        f"{row['equivalence']}"
        for row in frame.to_dict("records")
    ]
    return f"Intervals of direct paths with {context.interval}. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What the tests say together."""
    bound = cite(frame, frame.index[0], "bound", "r")
    counts = frame["equivalence"].value_counts()
    head = f"Grey band: direct paths below {bound} standard deviations; black ticks: the smallest bound that the data support. "
    if counts.get("equivalent", 0):
        rows = frame[frame["equivalence"] == "equivalent"]
        which = "; ".join(
            f"{lower(model_label(context.models, str(row['model'])))} {ESTIMAND_WORDS[row['level']]}"
            for row in rows.to_dict("records")
        )
        return unmarked(f"{head}A direct path inside the band is shown for {which}.")
    if counts.get("not attainable with data as noisy as these", 0) == len(frame):
        return unmarked(
            f"{head}With data as noisy as these no estimate could have shown a direct path inside the band."
        )
    return unmarked(f"{head}No direct path is shown to lie inside the band.")


SPEC = Spec("equivalence", "Direct Paths and the Bound of the Equivalence Test", data, draw, alt, reading)
