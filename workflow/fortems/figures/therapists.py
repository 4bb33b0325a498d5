"""Caterpillar of therapists' means with the share of variance between them; quantiles only on private data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fortems.data.privacy.privacy import AGGREGATED, SHOWN, displays
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld, listed, lower
from fortems.study.variables import label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

VARIABLES = ("bond", "meaning", "distress")
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


def data(context: Context) -> pd.DataFrame:
    """Means of simulated therapists with intervals; of real ones the quantiles of their distribution."""
    import pandas as pd

    scores = context.table("data/scores.csv")
    icc = context.table("tables/icc.csv").set_index("variable")
    form = displays(str(context.results.setting("data", "source")))["caterpillar"].form
    names = [name for name in VARIABLES if name in scores]
    if not names or form not in (SHOWN, AGGREGATED):
        raise Withheld("Not drawn: the run has no bond, meaning or distress by client.")
    parts = []
    for name in names:
        known = scores[["therapist", name]].dropna()
        groups = known.groupby("therapist")[name]
        means, sizes = groups.mean(), groups.size()
        share = float(icc["icc"].get(name, np.nan))
        if form == SHOWN:
            residual = known[name] - groups.transform("mean")
            spread = float(np.sqrt((residual**2).sum() / max(len(known) - len(means), 1)))
            order = np.argsort(means.to_numpy(), kind="stable")
            half = (
                _quantile(context.confidence, len(known) - len(means))
                * spread
                / np.sqrt(sizes.to_numpy()[order])
            )
            middle = means.to_numpy()[order]
            parts.append(
                pd.DataFrame(
                    {"kind": "therapist", "rank": np.arange(1, len(means) + 1), "clients": sizes.to_numpy()[order], "mean": middle,
                     "ci_low": middle - half, "ci_high": middle + half}
                ).assign(variable=name, grand_mean=float(known[name].mean()), icc=share)
            )  # fmt: skip
        elif len(means) >= 2 * int(context.results.setting("privacy", "min_cell", default=5)):
            values = np.quantile(means.to_numpy(), QUANTILES)
            parts.append(
                pd.DataFrame({"kind": "quantile", "rank": QUANTILES, "mean": values}).assign(
                    variable=name, grand_mean=float(known[name].mean()), icc=share
                )
            )
    if not parts:
        raise Withheld(
            "Not drawn: with so few therapists even quantiles of their means would show single ones."
        )
    frame = pd.concat(parts, ignore_index=True)
    columns = ("variable", "kind", "rank", "clients", "mean", "ci_low", "ci_high", "grand_mean", "icc")
    return frame[[name for name in columns if name in frame]]


def _quantile(confidence: float, df: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(df, 1), (1 + confidence) / 2))


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a variable."""
    names = list(dict.fromkeys(frame["variable"]))
    shown = (frame["kind"] == "therapist").all()
    made, grid = style.figure(2.9 if shown else 1.6, 1, len(names), squeeze=False)
    for number, (axes, name) in enumerate(zip(grid[0], names, strict=True)):
        here = frame[frame["variable"] == name]
        axes.axvline(here["grand_mean"].iloc[0], color="#444444", linewidth=0.7, linestyle="--", zorder=0.5)
        if shown:
            axes.hlines(here["rank"], here["ci_low"], here["ci_high"], color=style.BLUE, linewidth=0.9)
            axes.plot(
                here["mean"], here["rank"], linestyle="none", marker="o", markersize=3, color=style.BLUE
            )
            axes.set_ylim(0, here["rank"].max() + 1)
            if number == 0:
                axes.set_ylabel("therapist, by mean")
        else:
            low, first, middle, third, high = here["mean"]
            axes.hlines(0, low, high, color=style.BLUE, linewidth=1)
            axes.hlines(0, first, third, color=style.BLUE, linewidth=5)
            axes.plot(middle, 0, marker="o", color="white", markeredgecolor=style.BLUE)
            axes.set_ylim(-1, 1)
            axes.spines["left"].set_visible(False)
        axes.set_yticks([])
        share = here["icc"].iloc[0]
        axes.set_title(label(name), fontsize=style.TEXT)
        tail = "" if np.isnan(share) else f"\nICC(1) = {style.sign(share, 2, False)}"
        axes.set_xlabel(f"mean{tail}")
    return made


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    return (
        "Therapists' Means" if (frame["kind"] == "therapist").all() else "Distribution of Therapists' Means"
    )


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Range of the means and share of variance, by variable."""
    parts = []
    for name, here in frame.groupby("variable", sort=False):
        ends = f"from {style.sign(here['mean'].min(), 1)} to {style.sign(here['mean'].max(), 1)}"
        what = (
            "means of therapists" if (here["kind"] == "therapist").all() else "quantiles of therapists' means"
        )
        share = here["icc"].iloc[0]
        tail = "" if np.isnan(share) else f", ICC {style.sign(share, 2, False)}"
        parts.append(f"{label(str(name))}: {what} {ends}{tail}")
    return f"Caterpillar plots. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many intervals leave out the mean of all clients."""
    if not (frame["kind"] == "therapist").all():
        return "Thick: middle half of the therapists' means; thin: middle four fifths; dashed: mean of all clients."
    parts = []
    for name, here in frame.groupby("variable", sort=False):
        apart = int(((here["ci_low"] > here["grand_mean"]) | (here["ci_high"] < here["grand_mean"])).sum())
        parts.append(f"{apart} of {len(here)} for {lower(label(str(name)))}")
    return f"Intervals ({context.interval}) that leave out the mean of all clients (dashed): {listed(parts)}."


SPEC = Spec("therapists", title, data, draw, alt, reading)
