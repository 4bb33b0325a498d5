"""Caterpillar of therapists' means with the share of variance between them; none of private data."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.data.privacy.privacy import SHOWN, displays
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.readings import count, setting, unmarked
from fortems.presentation.numbers import percent
from fortems.presentation.words import listed
from fortems.study.definition import lower, study
from fortems.study.variables import in_sentence, label


def data(context: Context) -> pd.DataFrame:
    """Means of simulated therapists with intervals."""
    scores = context.table("data/scores.csv")
    icc = context.table("tables/icc.csv").set_index("variable")
    display = displays(str(context.results.setting("data", "source")))["caterpillar"]
    chain = (study().focus, study().mediator, study().outcome)
    names = [name for name in chain if name in scores]
    if not names:
        raise Withheld(f"Not drawn: the run has none of {listed(map(in_sentence, chain))} by client.")
    if display.form != SHOWN:
        raise Withheld(f"Not drawn: {display.reason}.")
    parts = []
    for name in names:
        known = scores[["therapist", name]].dropna()
        groups = known.groupby("therapist")[name]
        means, sizes = groups.mean(), groups.size()
        residual = known[name] - groups.transform("mean")
        spread = float(np.sqrt((residual**2).sum() / max(len(known) - len(means), 1)))
        order = np.argsort(means.to_numpy(), kind="stable")
        half = (
            _quantile(context.confidence, len(known) - len(means)) * spread / np.sqrt(sizes.to_numpy()[order])
        )
        middle = means.to_numpy()[order]
        parts.append(
            pd.DataFrame(
                {"kind": "therapist", "rank": np.arange(1, len(means) + 1), "clients": sizes.to_numpy()[order], "mean": middle,
                 "ci_low": middle - half, "ci_high": middle + half}
            ).assign(variable=name, grand_mean=float(known[name].mean()), icc=float(icc["icc"].get(name, np.nan)))
        )  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    columns = ("variable", "kind", "rank", "clients", "mean", "ci_low", "ci_high", "grand_mean", "icc")
    return frame[[name for name in columns if name in frame]]


def _quantile(confidence: float, df: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(max(df, 1), (1 + confidence) / 2))


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a panel a variable."""
    names = list(dict.fromkeys(frame["variable"]))
    made, grid = style.figure(2.9, 1, len(names), squeeze=False)
    for number, (axes, name) in enumerate(zip(grid[0], names, strict=True)):
        here = frame[frame["variable"] == name]
        axes.axvline(here["grand_mean"].iloc[0], color="#444444", linewidth=0.7, linestyle="--", zorder=0.5)
        axes.hlines(here["rank"], here["ci_low"], here["ci_high"], color=style.BLUE, linewidth=0.9)
        axes.plot(here["mean"], here["rank"], linestyle="none", marker="o", markersize=3, color=style.BLUE)
        axes.set_ylim(0, here["rank"].max() + 1)
        if number == 0:
            axes.set_ylabel("therapist, by mean")
        axes.set_yticks([])
        share = here["icc"].iloc[0]
        axes.set_title(label(name), fontsize=style.TEXT)
        tail = "" if np.isnan(share) else f"\nICC(1) = {style.sign(share, 2, False)}"
        axes.set_xlabel(f"mean{tail}")
    return made


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Range of the means and share of variance, by variable."""
    parts = []
    for name, here in frame.groupby("variable", sort=False):
        ends = f"from {style.sign(here['mean'].min(), 1)} to {style.sign(here['mean'].max(), 1)}"
        share = here["icc"].iloc[0]
        tail = "" if np.isnan(share) else f", ICC {style.sign(share, 2, False)}"
        parts.append(f"{label(str(name))}: means of therapists {ends}{tail}")
    return f"Caterpillar plots. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many intervals leave out the mean of all clients."""
    parts = []
    for name, here in frame.groupby("variable", sort=False):
        apart = here[(here["ci_low"] > here["grand_mean"]) | (here["ci_high"] < here["grand_mean"])]
        parts.append(f"{count(apart, 'ci_low')} of {count(here, 'grand_mean')} for {lower(label(str(name)))}")
    nominal = setting("confidence", percent(context.confidence), "%")
    return unmarked(
        f"Intervals ({nominal} CI) that leave out the mean of all clients (dashed): {listed(parts)}."
    )


SPEC = Spec("therapists", "Therapists' Means", data, draw, alt, reading)
