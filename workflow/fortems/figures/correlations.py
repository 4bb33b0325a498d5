"""Correlation heatmaps at three levels: total, within, between therapists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.readings import cite, unmarked
from fortems.presentation.words import listed
from fortems.study.definition import lower, study
from fortems.study.variables import label, short_label

KINDS = {"total": ("robust", "pearson", "printed"), "within": ("centred",), "between": ("latent",)}
TITLES = {"total": "Total", "within": "Within therapists", "between": "Between therapists"}


def data(context: Context) -> pd.DataFrame:
    """Correlations of the scales, one row a pair and level."""
    table = context.table("tables/correlations.csv")
    table = table[table["x"].isin(study().scales) & table["y"].isin(study().scales)]
    parts = []
    for level, kinds in KINDS.items():
        for kind in kinds:
            rows = table[(table["level"] == level) & (table["kind"] == kind)] if "kind" in table else table
            if len(rows):
                parts.append(rows)
                break
    if not parts and len(table):
        parts = [table]
    if not parts:
        raise Withheld("Not drawn: no two scales are in this run.")
    frame = pd.concat(parts)
    if "ci_low" in frame:  # between therapists there is an interval only where both scales surely differ
        unsure = (frame["level"] == "between") & frame["ci_low"].isna()
        frame["r"] = frame["r"].mask(unsure)
    return frame[[name for name in ("x", "y", "level", "r", "p", "n") if name in frame]]


def _names(frame: pd.DataFrame) -> list[str]:
    have = set(frame["x"]) | set(frame["y"])
    return [name for name in study().scales if name in have]


def _drawn(frame: pd.DataFrame) -> list[str]:
    """The levels that have any value."""
    have = set(frame.loc[frame["r"].notna(), "level"])
    return [level for level in TITLES if level in have] or ["total"]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a lower triangle a level that has any value, the value in every cell."""
    names = _names(frame)
    levels = _drawn(frame)
    size = 3.2 if len(levels) > 1 else 4.2
    rows = -(-len(levels) // 2)
    made, grid = style.figure(size * rows + 0.3, rows, min(2, len(levels)), squeeze=False)
    cells = [axes for line in grid for axes in line]
    for axes, level in zip(cells, levels, strict=False):
        here = frame[frame["level"] == level] if level in set(frame["level"]) else frame
        matrix = np.full((len(names), len(names)), np.nan)
        known = set()
        for x, y, r in zip(here["x"], here["y"], here["r"], strict=True):
            i, j = sorted((names.index(x), names.index(y)), reverse=True)
            matrix[i, j] = r
            known.add((i, j))
        style.heatmap(axes, matrix, 0, (-1, 1), "RdBu_r")
        axes.set_aspect("equal")
        for i, j in known:
            value = matrix[i, j]
            text = "–" if np.isnan(value) else style.sign(value, 2, leading_zero=False)
            style.cell(axes, j, i, text, abs(value) > 0.62)
        axes.set_xticks(
            range(len(names) - 1),
            [short_label(name) for name in names[:-1]],
            rotation=45,
            ha="right",
            fontsize=style.SMALL,
        )
        axes.set_yticks(range(1, len(names)), [short_label(name) for name in names[1:]], fontsize=style.SMALL)
        axes.set(xlim=(-0.5, len(names) - 1.5), ylim=(len(names) - 0.5, 0.5))
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(TITLES[level])
    for axes in cells[len(levels) :]:
        axes.axis("off")
    return made


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    return "Correlations of the Scales" + " by Level" * (frame["level"].nunique() > 1)


def _strongest(rows: pd.DataFrame) -> str:
    row: Any = rows.iloc[int(rows["r"].abs().argmax())]
    return f"{lower(label(row['x']))} and {lower(label(row['y']))} ({cite(rows, row.name, 'r', 'r')})"


def _across(frame: pd.DataFrame) -> pd.DataFrame:
    """Pairs of different questionnaires: within one, scales share items or rater habits by design."""
    differ = [
        study().variables[x].instrument != study().variables[y].instrument
        for x, y in zip(frame["x"], frame["y"], strict=True)
    ]
    return frame[np.array(differ, dtype=bool) & frame["r"].notna().to_numpy()]


def alt(frame: pd.DataFrame, context: Context) -> str:
    """The paper's correlations of every level in words."""
    parts = []
    for level in dict.fromkeys(frame["level"]):
        here = frame[(frame["level"] == level) & frame["r"].notna()]
        found = []
        for x, y in study().family:
            rows = here[((here["x"] == x) & (here["y"] == y)) | ((here["x"] == y) & (here["y"] == x))]
            if len(rows):
                found.append(
                    f"{lower(label(x))} with {lower(label(y))} {style.sign(rows['r'].iloc[0], 2, False)}"
                )
        parts.append(f"{TITLES.get(str(level), str(level))}: {', '.join(found) if found else 'no value'}")
    return f"Heatmaps of correlations. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The strongest correlation across questionnaires at each level."""
    parts = []
    for level in dict.fromkeys(frame["level"]):
        rows = _across(frame[frame["level"] == level])
        if len(rows):
            parts.append(f"{TITLES.get(str(level), str(level)).lower()}, {_strongest(rows)}")
    text = (
        f"The strongest correlation between scales of different questionnaires: {'; '.join(parts)}."
        if parts
        else ""
    )
    gaps = frame[frame["r"].isna()]
    missing = [level for level in dict.fromkeys(frame["level"]) if level not in _drawn(frame)]
    if missing:
        text += f" All are withheld {listed([TITLES[level].lower() for level in missing])}: no two variances there are surely above zero."
    gaps = gaps[~gaps["level"].isin(missing)]
    if len(gaps):
        where = listed([TITLES.get(str(level), str(level)).lower() for level in dict.fromkeys(gaps["level"])])
        text += f" A dash marks what is withheld ({where}): a variance there is not surely above zero."
    return unmarked(text.strip() or "All correlations are withheld.")


SPEC = Spec("correlations", title, data, draw, alt, reading)
