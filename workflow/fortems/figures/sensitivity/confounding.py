"""The indirect effect over the residual correlation of mediator and outcome."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.figures.sensitivity.curves import NO_MODEL, panels, where
from fortems.tidy import having

TITLE = "Indirect Effects if Mediator and Outcome Share an Unmeasured Cause"
COLUMNS = ["model", "level", "kind", "rho", "indirect", "ci_low", "ci_high"]
WIDEST = 0.9  # beyond, the curve runs off the page


def data(context: Context) -> pd.DataFrame:
    """Curves, and the two points on each at which something is lost."""
    table = context.table("robustness/confounding.csv")
    rows = table[table["rho"].notna() & table["indirect"].notna() & (table["rho"].abs() <= WIDEST)]
    return some(rows, NO_MODEL)[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a model and estimand."""
    return panels(
        frame, context, "rho", ["model", "level"], "residual correlation ρ of mediator and outcome", _mark
    )


def _mark(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axvline(0, color=style.GREY, linewidth=0.6, linestyle=":")
    for row in rows.to_dict("records"):
        look = style.ESTIMANDS[row["level"]]
        sign = row["kind"] == "sign"
        axes.plot(row["rho"], 0, marker="o" if sign else "|", markersize=5 if sign else 11, color=look.colour,
                  markerfacecolor="white", markeredgewidth=1.2)  # fmt: skip


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Where each curve loses significance and sign."""
    return f"Curves over the residual correlation. {_points(frame, context)}."


def _points(frame: pd.DataFrame, context: Context) -> str:
    parts = []
    for row in frame[frame["kind"] == "interval"].to_dict("records"):
        sign = having(frame, model=row["model"], level=row["level"], kind="sign")
        lost = style.sign(float(sign["rho"].iloc[0]), 2, False) if len(sign) else "beyond"
        reached = style.sign(row["rho"], 2, False) if row["rho"] else "with zero already"
        parts.append(f"{where(row, context)}: interval {reached}, sign {lost}")
    return "; ".join(parts)


def reading(frame: pd.DataFrame, context: Context) -> str:
    """What the marks mean."""
    return (
        f"Bands: {context.interval}. Dotted: no unmeasured cause, as the model assumes. Bar: the interval reaches zero; circle: the "
        f"effect itself is zero. {_points(frame, context)}."
    )


SPEC = Spec("confounding", TITLE, data, draw, alt, reading)
