"""Where the pattern is likely: its probability over gap, total relation and direct part, the account marked."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import cite, unmarked
from fortems.presentation.numbers import DASH, chance
from fortems.study.definition import study
from fortems.study.variables import bare

COLUMNS = [
    "gap",
    "total",
    "direct",
    "mediator",
    "account",
    "studies",
    "probability",
    "ci_low",
    "ci_high",
    "reason",
]


DASHES = "Without a direct share mediation is full. Dashes: no population has these correlations."


def meant() -> str:
    """What is crossed, in the study's words."""
    ours = study()
    others = " and ".join(bare(name) for name in ours.aspects if name != ours.focus)
    carrier = bare(ours.mediator)
    gap = (
        f" Gap: how much closer {bare(ours.focus)} than {others} correlates with {carrier};" if others else ""
    )
    direct = f"{'direct' if gap else 'Direct'} share: the part of the total relation that is not mediated."
    return f"Cells: share of simulated studies with the whole pattern.{gap} {direct}"


def data(context: Context) -> pd.DataFrame:
    """The first pattern at the single level, by Pearson and least-squares tests; impossible points too."""
    table = context.table("design/surface.csv")
    possible = table[table["pattern"].notna()]
    possible = some(possible, "no population of the grid is possible")
    pattern = context.table("design/surface_maximum.csv")["pattern"].iloc[0]
    own = (table["pattern"] == pattern) & (table["tests"] == "pearson")
    return table[own | table["pattern"].isna()].sort_values(["gap", "total", "direct"], kind="stable")[
        COLUMNS
    ]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a gap, a cell a population: darker where the pattern is likelier."""
    gaps, totals, directs = (sorted(set(frame[name])) for name in ("gap", "total", "direct"))
    made, grid = style.figure(1.2 + 0.36 * len(totals), 1, len(gaps), sharey=True, squeeze=False)
    most = max(float(frame["probability"].max()), 1e-3)
    for axes, gap in zip(grid[0], gaps, strict=True):
        here = frame[frame["gap"] == gap].set_index(["total", "direct"])
        cells = np.array(
            [[here["probability"].get((total, direct), np.nan) for direct in directs] for total in totals],
            dtype=float,
        )
        style.heatmap(axes, cells, 0, (0, most), "Blues")
        for i, total in enumerate(totals):
            for j, direct in enumerate(directs):
                value = cells[i, j]
                style.cell(axes, j, i, _short(value), value > 0.6 * most)
                if bool(here["account"].get((total, direct), False)):
                    axes.plot(
                        [j - 0.46, j + 0.46, j + 0.46, j - 0.46, j - 0.46],
                        [i - 0.46, i - 0.46, i + 0.46, i + 0.46, i - 0.46],
                        color=style.VERMILION, linewidth=1.6,
                    )  # fmt: skip
        axes.set_xticks(range(len(directs)), [f"{direct:g}".removeprefix("0") or "0" for direct in directs])
        if study().aspects:
            axes.set_title(
                f"gap {style.sign(gap, 2, False) if gap else '0'}", fontweight="normal", loc="center"
            )
        axes.set_xlabel("direct share of it")
        axes.tick_params(length=0)
    grid[0][0].set_yticks(range(len(totals)), [style.sign(total, 2, False) for total in totals])
    ours = study()
    grid[0][0].set_ylabel(f"total relation:\n{bare(ours.predictors[0])} with {bare(ours.outcome)}")
    return made


def _short(value: float) -> str:
    """A probability in as few signs as a cell holds."""
    return DASH if np.isnan(value) else chance(value)


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every possible cell in words."""
    parts = []
    for (gap, total), rows in frame[frame["probability"].notna()].groupby(["gap", "total"]):
        values = ", ".join(
            f"{row['direct']:g}: {_short(row['probability'])}" for row in rows.to_dict("records")
        )
        apart = f"gap {style.sign(float(str(gap)), 2, False)}, " if study().aspects else ""
        parts.append(f"{apart}total {style.sign(float(str(total)), 2, False)}, by direct share {values}")
    return f"Heat maps. {'; '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Where the account lies, and the largest cell."""
    known = frame[frame["probability"].notna()]
    best = known["probability"].idxmax()
    gap = f"a gap of {cite(known, best, 'gap', 'r')}, " if study().aspects else ""
    text = (
        f"The largest share of the grid is {cite(known, best, 'probability', 'chance')}, at {gap}a total relation of "
        f"{cite(known, best, 'total', 'r')} and a direct share of {cite(known, best, 'direct', 'number')}"
    )
    own = known[known["account"].astype(bool)]
    if own.empty:
        return unmarked(f"{meant()} {text}. {DASHES}")
    framed = cite(own, own.index[0], "probability", "chance")
    return unmarked(
        f"{meant()} Framed: next to the {study().work}'s account, with {framed}. {text}. {DASHES}"
    )


SPEC = Spec("surface", "Probability of the Whole Pattern Over Populations", data, draw, alt, reading)
