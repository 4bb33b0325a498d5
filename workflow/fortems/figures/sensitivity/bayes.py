"""Posterior intervals of effects within and between therapists, under each prior."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.presentation.words import model_label
from fortems.robustness.bayes.prior import INFORMED
from fortems.tidy import having

COLUMNS = ["model", "prior", "level", "quantity", "estimate", "ci_low", "ci_high", "negative"]
SHOWN = (("within", "indirect"), ("between", "indirect"), ("contextual", "a"), ("contextual", "b"))


def data(context: Context) -> pd.DataFrame:
    """The indirect effects at both levels and the contextual effects of its paths."""
    table = context.table("robustness/bayes.csv")
    wanted = [pair in SHOWN for pair in zip(table["level"], table["quantity"], strict=True)]
    rows = table[np.array(wanted, dtype=bool) & table["ci_low"].notna()]
    return some(rows, "no model of one predictor and one mediator was fitted at two levels")[COLUMNS]


def prior_label(name: str) -> str:
    """A prior as a label."""
    return "ICCs after Johns et al." if name == INFORMED else f"half-t, scale {name.rpartition('_')[2]}"


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a model and quantity, a line a prior."""
    models, priors = (list(dict.fromkeys(frame[name])) for name in ("model", "prior"))
    made, grid = style.figure(
        0.6 + (0.5 + 0.17 * len(priors)) * len(models), len(models), len(SHOWN), squeeze=False
    )
    for line, model in enumerate(models):
        for place, (level, quantity) in enumerate(SHOWN):
            axes = grid[line][place]
            style.zero_line(axes)
            for row in having(frame, model=model, level=level, quantity=quantity).to_dict("records"):
                number = priors.index(row["prior"])
                look = style.series(number)
                style.across(axes, (row["ci_low"], row["ci_high"]), -number, color=look.colour)
                style.dots(axes, row["estimate"], -number, look)
            style.name_lines(axes, ["" if place else prior_label(prior) for prior in priors])
            whose = model_label(context.models, model) if place == 0 else ""
            axes.set_title(f"{whose}\n{level}: {quantity}", fontsize=style.SMALL)
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Posterior intervals of the indirect effects under the informed prior."""
    first = frame[(frame["prior"] == frame["prior"].iloc[0]) & (frame["quantity"] == "indirect")]
    parts = [
        f"{model_label(context.models, row['model'])} {row['level']}: {style.sign(row['estimate'])} "
        f"[{style.sign(row['ci_low'])}, {style.sign(row['ci_high'])}]"
        for row in first.to_dict("records")
    ]
    return f"Posterior intervals. {'; '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What is drawn."""
    text = "Posterior medians and equal-tailed intervals under each prior of how therapists differ; contextual: between less within."
    return f"{text} Effects between therapists stay wide under every prior." if _wide(frame) else text


def _wide(frame: pd.DataFrame) -> bool:
    """Whether every interval of an indirect effect between is wider than that within."""
    width = (frame["ci_high"] - frame["ci_low"]).where(frame["quantity"] == "indirect")
    return bool(width[frame["level"] == "between"].min() > width[frame["level"] == "within"].max())


SPEC = Spec("bayes", "Posterior of Effects Within and Between Therapists", data, draw, alt, reading)
