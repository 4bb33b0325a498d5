"""Coverage of every interval of the indirect effect, by design."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import count, setting, unmarked
from fortems.presentation.words import ESTIMAND_LABELS, INTERVAL_WORDS
from fortems.tidy import having

COLUMNS = [
    "design",
    "therapists",
    "n",
    "icc",
    "estimand",
    "interval",
    "studies",
    "coverage",
    "ci_low",
    "ci_high",
]
#: Height of a design with this many marks, in inches; a mark more makes all rows higher, so that none comes closer.
ROW, MARKS_OF_ROW = 0.42, 5
#: Share of a row's height that its marks take.
FILLED = 0.95
MARKS = dict(zip(INTERVAL_WORDS, style.SERIES, strict=False))


def data(context: Context) -> pd.DataFrame:
    """Coverage where both paths are there."""
    table = context.table("design/coverage.csv")
    rows = table[
        (table["population"] == "effect") & table["interval"].isin(INTERVAL_WORDS) & table["coverage"].notna()
    ]
    return some(rows, "no coverage was simulated")[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a row a design, a panel an estimand, a mark an interval."""
    designs = list(dict.fromkeys(frame["design"]))
    levels = [name for name in ("within", "single") if name in set(frame["estimand"])]
    kinds = [name for name in INTERVAL_WORDS if name in set(frame["interval"])]
    row_height = ROW * max(len(kinds) / MARKS_OF_ROW, 1.0)
    step = FILLED / max(len(kinds), MARKS_OF_ROW)
    made, grid = style.figure(
        1.0 + row_height * len(designs), 1, len(levels), sharey=True, sharex=True, squeeze=False
    )
    for axes, level in zip(grid[0], levels, strict=True):
        axes.axvline(context.confidence, color="#444444", linewidth=0.7, linestyle="--")
        for number, kind in enumerate(kinds):
            for row in having(frame, estimand=level, interval=kind).to_dict("records"):
                y = -designs.index(row["design"]) + ((len(kinds) - 1) / 2 - number) * step
                style.across(
                    axes, (row["ci_low"], row["ci_high"]), y, color=MARKS[kind].colour, linewidth=0.9
                )
                style.dots(axes, row["coverage"], y, MARKS[kind], 3.8)
        for number in range(1, len(designs)):
            axes.axhline(-number + 0.5, color="#dddddd", linewidth=0.5)
        axes.set_title(ESTIMAND_LABELS[level].capitalize())
        axes.set_xlabel("coverage")
        axes.tick_params(axis="y", length=0)
    low = max(0.0, min(0.85, float(frame["ci_low"].min()) - 0.01))
    ticks = [tick / 100 for tick in range(0, 101, 5 if low > 0.7 else 10) if tick / 100 >= low]
    grid[0][0].set_xlim(low, 1.012)
    grid[0][0].set_xticks(ticks, [style.sign(tick, 2, False) if tick < 1 else "1" for tick in ticks])
    style.name_lines(grid[0][0], designs, 0.5)
    handles = style.handles({INTERVAL_WORDS[kind]: MARKS[kind] for kind in kinds})
    made.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every coverage in words."""
    parts = []
    for (design, level), rows in frame.groupby(["design", "estimand"], sort=False):
        values = ", ".join(
            f"{INTERVAL_WORDS[row['interval']]} {style.sign(row['coverage'], 3, False)}"
            for row in rows.to_dict("records")
        )
        parts.append(f"{design}, {ESTIMAND_LABELS[str(level)]}: {values}")
    return f"Dot plot of coverage. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """Which intervals cover surely less often than they say."""
    from fortems.presentation.numbers import percent

    below = frame[frame["ci_high"] < context.confidence]
    nominal = setting("confidence", percent(context.confidence), "%")
    if below.empty:
        return unmarked(
            f"Dashed: the nominal {nominal}. No interval is shown to cover less often than it says."
        )
    parts = []
    for kind in INTERVAL_WORDS:
        short, whole = below[below["interval"] == kind], frame[frame["interval"] == kind]
        if len(short):
            parts.append(
                f"{INTERVAL_WORDS[kind]} in {count(short, 'interval')} of {count(whole, 'interval')} designs and estimands"
            )
    return unmarked(
        f"Dashed: the nominal {nominal}. Shown to cover less often than that: {'; '.join(parts)}."
    )


SPEC = Spec("coverage", "Coverage of the Intervals of the Indirect Effect", data, draw, alt, reading)
