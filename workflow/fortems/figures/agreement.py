"""Agreement of engines: differences from the primary engine in its standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld, some
from fortems.figures.indirect import ENGINES
from fortems.figures.readings import count, unmarked
from fortems.presentation.words import ESTIMAND_LABELS
from fortems.tidy import having

COLUMNS = ["model", "level", "effect", "primary", "engine", "difference", "se_ratio", "agrees"]
#: Of a standard error: a smaller difference is written as zero, and no eye sees it.
NOTHING = 0.005
EFFECTS = ("a", "b", "direct", "indirect", "total")
EFFECT_LABELS = {"a": "a", "b": "b", "direct": "c′", "indirect": "a × b", "total": "total"}


def data(context: Context) -> pd.DataFrame:
    """Comparisons within therapists and at the single level."""
    table = context.table("mediation/agreement.csv")
    rows = table[
        table["level"].isin(["within", "single"])
        & table["difference"].notna()
        & table["effect"].isin(EFFECTS)
    ]
    rows = some(rows, "no effect was estimated by two engines")
    if (rows["difference"].abs() < NOTHING).all():
        raise Withheld("Not drawn: the engines give the same in every effect.")
    return rows[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel an estimand, a column an effect, a dot a model."""
    levels = [level for level in ("within", "single") if level in set(frame["level"])]
    made, grid = style.figure(2.9, 1, len(levels), sharey=True, squeeze=False)
    for axes, level in zip(grid[0], levels, strict=True):
        here = frame[frame["level"] == level]
        engines = [name for name in ENGINES if name in set(here["engine"])]
        axes.axhspan(-0.1, 0.1, color="#e3e3e3", zorder=0, linewidth=0)
        style.zero_line(axes, vertical=False)
        for position, engine in enumerate(engines):
            for column, effect in enumerate(EFFECTS):
                part = having(here, engine=engine, effect=effect)
                middle = column + (position - (len(engines) - 1) / 2) * 0.36
                spread = np.linspace(-0.12, 0.12, len(part)) if len(part) > 1 else np.zeros(len(part))
                style.dots(axes, middle + spread, part["difference"], ENGINES[engine], 3)
        axes.set_xticks(range(len(EFFECTS)), [EFFECT_LABELS[name] for name in EFFECTS])
        axes.set_title(f"{ESTIMAND_LABELS[level].capitalize()}: against {here['primary'].iloc[0]}")
    grid[0][0].set_ylabel("difference (SE of the primary engine)")
    handles = style.handles({name: mark for name, mark in ENGINES.items() if name in set(frame["engine"])})
    made.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return made


def _line(rows: pd.DataFrame) -> str:
    close = int(rows["agrees"].astype(bool).sum())
    return f"{close} of {len(rows)}"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Range of the differences by level and engine."""
    parts = []
    for (level, engine), rows in frame.groupby(["level", "engine"], sort=False):
        parts.append(
            f"{engine}, {ESTIMAND_LABELS[str(level)]}: differences from {style.sign(rows['difference'].min())} to "
            f"{style.sign(rows['difference'].max())} standard errors, {_line(rows)} below a tenth"
        )
    return f"Dot plots of differences between engines, a dot a model. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many differences lie in the band."""
    parts = [
        f"{count(rows[rows['agrees'].astype(bool)], 'agrees')} of {count(rows, 'agrees')} for {engine} {ESTIMAND_LABELS[str(level)]}"
        for (level, engine), rows in frame.groupby(["level", "engine"], sort=False)
    ]
    return unmarked(f"Grey band: a tenth of a standard error. Differences inside it: {'; '.join(parts)}.")


SPEC = Spec("agreement", "Agreement of the Engines on All Models", data, draw, alt, reading)
