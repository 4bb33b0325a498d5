"""The specification curve: every defensible estimate, sorted, with the choices behind each below."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.base import Context, Spec, some
from fortems.presentation.analyses import ALL, MULTIVERSE, SIDES, SPECIFICATIONS, some_withheld, usual_side
from fortems.presentation.numbers import percent
from fortems.presentation.words import listed
from fortems.robustness.choices import CHOICES, ONLY
from fortems.study.variables import in_sentence, label

NAMES = "robustness/choices.csv"
COLUMNS = ["model", "rank", "default", *CHOICES, "estimate", "ci_low", "ci_high", "significant"]


def data(context: Context) -> pd.DataFrame:
    """The specifications that count, each model's from the lowest estimate to the highest."""
    table = context.table(SPECIFICATIONS)
    rows = table[table["estimate"].notna() & table["admissible"].astype(bool)].copy()
    rows = some(rows, "no specification of a main model may be shown")
    rows["order"] = rows["model"].map({name: i for i, name in enumerate(rows["model"].unique())})
    rows = rows.sort_values(["order", "estimate", "specification"], kind="stable")
    rows["rank"] = rows.groupby("order").cumcount() + 1
    return rows[COLUMNS]


def options(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Choices with more than one option in what is drawn, each with its options in the order of the file."""
    found = []
    for choice in CHOICES:
        names = [name for name in frame[choice].unique() if name != ONLY]
        if len(names) > 1:
            found += [
                (choice, str(name))
                for name in sorted(names, key=lambda n: (not _is_default(frame, choice, n), str(n)))
            ]
    return found


def _is_default(frame: pd.DataFrame, choice: str, option: str) -> bool:
    return bool((frame["default"].astype(bool) & (frame[choice] == option)).any())


def _words(context: Context) -> dict[tuple[str, str], str]:
    """What each option is called, its choice first."""
    table = context.table(NAMES)
    whole = table["option"].isna() | (table["option"] == "")
    names = dict(zip(table.loc[whole, "choice"], table.loc[whole, "label"], strict=True))
    options = table[~whole]
    return {
        (choice, option): f"{names[choice]}: {label}"
        for choice, option, label in zip(options["choice"], options["option"], options["label"], strict=True)
    }


def _predictor(context: Context, model: str) -> str:
    known = context.models.get(model)
    return known.predictors[0] if known else model


def _called(context: Context, model: str) -> str:
    """A model by its predictor, whatever its own name."""
    return label(_predictor(context, model))


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw for each model the sorted estimates in the band of their intervals, and a strip for each option."""
    models, rows = list(frame["model"].unique()), options(frame)
    height = 2.55 + 0.135 * len(rows)
    made, grid = style.figure(
        height, 2, len(models), squeeze=False, sharex="col",
        gridspec_kw={"height_ratios": [1.9, max(0.135 * len(rows), 0.2)]},
    )  # fmt: skip
    for column, model in enumerate(models):
        mine = frame[frame["model"] == model]
        _curve(grid[0][column], mine)
        grid[0][column].set_title(_called(context, str(model)))
        _strips(grid[1][column], mine, rows, _words(context) if column == 0 else {})
    grid[0][0].set_ylabel("indirect effect")
    named = [axes.get_legend_handles_labels() for axes in grid[0]]
    handles = {words: handle for panel in named for handle, words in zip(*panel, strict=True)}
    made.legend(
        handles.values(), handles.keys(), loc="outside upper right", handlelength=1, ncols=len(handles)
    )
    return made


def _curve(axes: Axes, mine: pd.DataFrame) -> None:
    rank, estimate = mine["rank"].to_numpy(float), mine["estimate"].to_numpy(float)
    axes.axhline(0, color=style.GREY, linewidth=0.6)
    axes.fill_between(
        rank, mine["ci_low"].to_numpy(float), mine["ci_high"].to_numpy(float),
        color=style.FAINT, linewidth=0, step="mid", label="intervals",
    )  # fmt: skip
    clear = mine["significant"].astype(bool).to_numpy()
    for kept, colour, size, words in (
        (~clear, style.VERMILION, 1.0, "interval with zero"),
        (clear, style.BLUE, 2.0, "interval without zero"),
    ):
        if kept.any():
            axes.plot(
                rank[kept],
                estimate[kept],
                linestyle="none",
                marker="o",
                markersize=size,
                color=colour,
                label=words,
            )
    own = mine[mine["default"].astype(bool)]
    axes.plot(
        own["rank"], own["estimate"], linestyle="none", marker="D", markersize=5, markerfacecolor="white",
        markeredgecolor=style.BLACK, label="the report's own",
    )  # fmt: skip
    # A few intervals without end would flatten all the rest.
    low, high = np.nanquantile(mine["ci_low"], 0.02), np.nanquantile(mine["ci_high"], 0.98)
    reach = max(high, 0) - min(low, 0)
    axes.set_ylim(min(low, 0) - 0.05 * reach, max(high, 0) + 0.05 * reach)


def _strips(
    axes: Axes, mine: pd.DataFrame, rows: list[tuple[str, str]], names: Mapping[tuple[str, str], str]
) -> None:
    cells = np.array([(mine[choice] == option).to_numpy(float) for choice, option in rows])
    choices = list(dict.fromkeys(choice for choice, _ in rows))
    shade = np.array([[0.55 + 0.45 * (choices.index(choice) % 2)] for choice, _ in rows])
    image = np.ma.masked_less(cells * shade, 0.1)
    axes.imshow(
        image, aspect="auto", interpolation="nearest", cmap="Greys", vmin=0, vmax=1.1,
        extent=(0.5, len(mine) + 0.5, len(rows) - 0.5, -0.5),
    )  # fmt: skip
    axes.set_yticks(range(len(rows)), [names[row] for row in rows] if names else [])
    axes.tick_params(axis="y", length=0, labelsize=style.SMALL)
    for place in range(1, len(rows)):
        if rows[place][0] != rows[place - 1][0]:
            axes.axhline(place - 0.5, color=style.GREY, linewidth=0.4)
    axes.set_xlabel("sorted by estimate")


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    if some_withheld(context.table(SPECIFICATIONS)):
        return "The Indirect Effect in the Defensible Analyses on the Run's Own Clients"
    return "The Indirect Effect in Every Defensible Analysis"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Each curve in words."""
    parts = []
    for model, mine in frame.groupby("model", sort=False):
        low, middle, high = (style.sign(value) for value in mine["estimate"].quantile([0, 0.5, 1]))
        parts.append(
            f"{_called(context, str(model))}: {len(mine)} specifications from {low} to {high}, median {middle}, {percent(mine['significant'].astype(bool).mean())} without zero"
        )
    return f"Specification curves, choices below. {'; '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """How many are clear, on which side, where the report's own stands, and what could not be fitted."""
    parts = []
    for model, mine in frame.groupby("model", sort=False):
        clear = mine["significant"].astype(bool)
        own = mine[mine["default"].astype(bool)]
        place = f"; the report's own is number {int(own['rank'].iloc[0])} from the lowest" if len(own) else ""
        side, sign = ("negative", -1) if mine["estimate"].median() < 0 else ("positive", 1)
        share = (mine["estimate"] * sign > 0).mean()
        parts.append(
            f"{_called(context, str(model))}: {percent(share)} of the {len(mine)} shown are {side}, {percent(clear.mean())} leave out zero{place}"
        )
    sentences = [
        "Points: estimates; band: intervals; below, darker where an option was taken",
        *parts,
        *_of_all(context),
        *_not_shown(frame, context),
    ]
    return f"{'. '.join(sentences)}."


def _of_all(context: Context) -> list[str]:
    """What all analyses come to, where those that may be shown are a part that differs from the rest."""
    if not some_withheld(context.table(SPECIFICATIONS)):
        return []
    clauses = []
    for row in context.results.rows(MULTIVERSE, "specifications", "negative", "positive", estimand=ALL):
        side = usual_side(row)
        clear = sum(row.get(f"significant_{which}", 0) for which in SIDES)
        clauses.append(
            f"of all {row['specifications']} for {in_sentence(_predictor(context, str(row['model'])))}, {percent(row[side])} are {side} "
            f"and {percent(clear)} leave out zero"
        )
    lead = "Shown are the analyses on the same clients as the main analysis"
    return [f"{lead}, which need not be typical: {'; '.join(clauses)}"] if clauses else [lead]


def _not_shown(frame: pd.DataFrame, context: Context) -> list[str]:
    """How many analyses are not drawn, by why; of those on other clients it is not told which gave no estimate."""
    table = context.table(SPECIFICATIONS)
    if some_withheld(table):
        rows = context.results.rows(MULTIVERSE, "specifications", estimand=ALL)
        other = sum(int(row["specifications"]) for row in rows) - len(frame)
        failed, inadmissible = (
            sum(int(row.get(name, 0)) for row in rows) for name in ("failed", "inadmissible")
        )
    else:
        without = table["estimate"].isna()
        other, failed = 0, int(without.sum())
        inadmissible = int((~without & ~table["admissible"].astype(bool)).sum())
    counts = {
        "on other clients (withheld)": other,
        "without an estimate": failed,
        "with an estimate that is not admissible": inadmissible,
    }
    found = [f"{number} {words}" for words, number in counts.items() if number > 0]
    return [f"Not shown: {listed(found)}"] if found else []


SPEC = Spec("specification", title, data, draw, alt, reading)
