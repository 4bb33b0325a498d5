"""Power curves: share of studies whose interval leaves out zero, by therapists, clients and size of the effect."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import cite, unmarked
from fortems.presentation.words import ESTIMAND_LABELS
from fortems.study.estimands import PRIMARY_INTERVAL
from fortems.tidy import having

COLUMNS = [
    "therapists",
    "clients",
    "n",
    "indirect",
    "icc",
    "estimand",
    "studies",
    "power",
    "ci_low",
    "ci_high",
]
TARGET = 0.8


def data(context: Context) -> pd.DataFrame:
    """The primary interval's power at the largest ICC of the grid."""
    table = context.table("design/power.csv")
    rows = table[table["interval"] == PRIMARY_INTERVAL]
    rows = some(rows, "the primary interval was not simulated")
    rows = rows[rows["icc"] == rows["icc"].max()]
    return rows[COLUMNS].assign(target=TARGET)


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel an effect and estimand, a line a number of clients."""
    effects = sorted(set(frame["indirect"]), key=abs)
    levels = [name for name in ("within", "single") if name in set(frame["estimand"])]
    clients = sorted(set(frame["clients"]))
    made, grid = style.figure(
        0.9 + 1.45 * len(levels), len(levels), len(effects), sharex=True, sharey=True, squeeze=False
    )
    for line, level in zip(grid, levels, strict=True):
        for axes, effect in zip(line, effects, strict=True):
            axes.axhline(TARGET, color="#777777", linewidth=0.6, linestyle=(0, (4, 2)))
            for number, size in enumerate(clients):
                mark = style.series(number)
                here = having(frame, estimand=level, indirect=effect, clients=size).sort_values("therapists")
                axes.vlines(
                    here["therapists"], here["ci_low"], here["ci_high"], color=mark.colour, linewidth=0.7
                )
                axes.plot(
                    here["therapists"],
                    here["power"],
                    linestyle=mark.line,
                    linewidth=1,
                    markersize=3.5,
                    **mark.points(),
                )
            axes.set_ylim(0, 1.04)
            axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1], ["0", ".2", ".4", ".6", ".8", "1"])
            axes.set_xscale("log")
            ticks = sorted(set(frame["therapists"]))
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.minorticks_off()
            axes.margins(x=0.12)
            if level == levels[0]:
                axes.set_title(f"ab = {style.sign(effect)}", fontweight="normal", loc="center")
        line[0].set_ylabel(f"power, {ESTIMAND_LABELS[level]}", fontsize=7)
    for axes in grid[-1]:
        axes.set_xlabel("therapists")
    marks = {f"{size:g} clients per therapist": style.series(i) for i, size in enumerate(clients)}
    handles = style.handles(marks, lines=True)
    made.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=3)
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """All curves in words."""
    parts = []
    for (level, effect, size), rows in frame.groupby(["estimand", "indirect", "clients"], sort=False):
        values = ", ".join(
            f"{row['therapists']:g} therapists {style.sign(row['power'], 2, False)}"
            for row in rows.sort_values("therapists").to_dict("records")
        )
        parts.append(
            f"{ESTIMAND_LABELS[str(level)].capitalize()}, effect {style.sign(float(str(effect)))}, {size:g} clients: {values}"
        )
    return f"Power curves. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The smallest design of the grid that reaches the target, by estimand, for the largest effect."""
    icc = cite(frame, frame.index[0], "icc", "r")
    effect = max(set(frame["indirect"]), key=abs)
    parts = []
    for level in ("within", "single"):
        rows = having(frame, estimand=level, indirect=effect)
        if rows.empty:
            continue
        enough = rows[rows["power"] >= TARGET].sort_values(["n", "therapists"])
        where = ESTIMAND_LABELS[level]
        if enough.empty:
            parts.append(f"{where}, no design of the grid")
        else:
            first = enough.iloc[0]
            parts.append(
                f"{where}, {cite(frame, first.name, 'therapists', 'n')} therapists with "
                f"{cite(frame, first.name, 'clients', 'n')} clients each"
            )
    largest = frame.index[frame["indirect"] == effect][0]
    return unmarked(
        f"Intraclass correlation {icc}; dashed: power of {cite(frame, frame.index[0], 'target', 'r')}. The smallest design that reaches it for the largest "
        f"effect ({cite(frame, largest, 'indirect', 'b')}): {'; '.join(parts)}."
    )


SPEC = Spec("power", "Power to Detect a Standardized Indirect Effect", data, draw, alt, reading)
