"""Overview: how often each finding shows under each scenario, beside what this run found."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fortems.figures import style
from fortems.figures.article.strip import VERDICTS
from fortems.figures.base import Context, Spec, some
from fortems.figures.readings import cite, plain, unmarked
from fortems.presentation.claims import claim_label, whole_pattern
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.study.definition import study

COLUMNS = ["claim", "role", "text", "estimand", "scenario", "title", "probability", "studies", "verdict"]


def data(context: Context) -> pd.DataFrame:
    """Probability of every finding in every scenario, with this run's verdict."""
    table = context.table("design/diagnosticity.csv")
    rows = table[table["gap"].isna()].copy()
    rows = some(rows, "no scenario was simulated")
    claims = context.results.table("claims.csv")
    verdicts, texts = {}, {}
    if claims is not None:
        judged = claims[claims["judged"].astype(bool)]
        verdicts = dict(
            zip(zip(judged["claim"], judged["estimand"], strict=True), judged["verdict"], strict=True)
        )
        texts = dict(zip(judged["claim"], judged["text"], strict=True))
    rows["verdict"] = [verdicts.get(key, "") for key in zip(rows["claim"], rows["estimand"], strict=True)]
    rows["text"] = [texts.get(claim, claim_label(context.results.claims, claim)) for claim in rows["claim"]]
    return rows[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a heatmap, a row a finding, a column a scenario; the run's own verdict in front."""
    keys = list(dict.fromkeys(zip(frame["claim"], frame["estimand"], strict=True)))
    order = {"total": 0, "within": 1, "single": 2}
    roles = {(c, e): r for c, e, r in zip(frame["claim"], frame["estimand"], frame["role"], strict=True)}
    keys.sort(key=lambda key: (["finding", "part", "pattern"].index(roles[key]), order.get(key[1], 3)))
    scenarios = list(dict.fromkeys(zip(frame["scenario"], frame["title"], strict=True)))
    matrix = np.full((len(keys), len(scenarios)), np.nan)
    for row in frame.to_dict("records"):
        matrix[
            keys.index((row["claim"], row["estimand"])), scenarios.index((row["scenario"], row["title"]))
        ] = row["probability"]
    made, axes = style.figure(1.5 + 0.2 * len(keys))
    style.heatmap(axes, matrix, 1, (0, 1), "Blues")
    for i in range(len(keys)):
        for j in range(len(scenarios)):
            if not np.isnan(matrix[i, j]):
                style.cell(axes, j + 1, i, style.sign(matrix[i, j], 2, False), matrix[i, j] > 0.6)
    shown = set()
    verdicts = {(row["claim"], row["estimand"]): row["verdict"] for row in frame.to_dict("records")}
    for i, key in enumerate(keys):
        if verdicts[key] in VERDICTS:
            shown.add(verdicts[key])
            style.dots(axes, 0, i, VERDICTS[verdicts[key]], 5)
        if i and roles[key] != roles[keys[i - 1]]:
            axes.axhline(i - 0.5, color="#555555", linewidth=0.7)
    axes.set_yticks(
        range(len(keys)), [claim_label(context.results.claims, *key) for key in keys], fontsize=style.SMALL
    )
    run = "This run (simulated)" if context.simulated else "This run"
    heads = [run, *(title for _, title in scenarios)]
    axes.xaxis.tick_top()
    axes.set_xticks(
        range(len(heads)), heads, fontsize=style.SMALL, rotation=32, ha="left", rotation_mode="anchor"
    )
    axes.set(xlim=(-0.5, len(scenarios) + 0.5), ylim=(len(keys) - 0.5, -0.5))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if shown:
        handles = style.handles({name: VERDICTS[name] for name in VERDICTS if name in shown}, markersize=5)
        columns = len(handles) if len(handles) < len(VERDICTS) else -(-len(handles) // 2)  # all are too wide
        made.legend(handles=handles, loc="outside upper left", ncols=columns)
    return made


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    whose = (
        "The Findings to Check"
        if context.results.own_claims
        else f"The {study().work.capitalize()}'s Findings"
    )
    return f"{whose} Across Scenarios: How Often Each Shows in a Study of This Size"


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every probability in words."""
    parts = []
    for (claim, estimand), rows in frame.groupby(["claim", "estimand"], sort=False):
        values = ", ".join(
            f"{row['title']} {style.sign(row['probability'], 2, False)}" for row in rows.to_dict("records")
        )
        parts.append(f"{claim_label(context.results.claims, str(claim), str(estimand))}: {values}")
    return f"Heatmap of probabilities. {'. '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The whole pattern's probability where the article's account is true, and where it is not."""
    rows = frame[frame["claim"] == whole_pattern(context.results.claims)]
    parts = []
    for estimand in dict.fromkeys(rows["estimand"]):
        here = rows[rows["estimand"] == estimand]
        reported = here[here["scenario"] == study().account]
        others = here[here["scenario"] != study().account]
        if len(reported) and len(others):
            low, high = (
                cite(others, list(others.index), "probability", "%1", rule) for rule in ("min", "max")
            )
            span = low if plain(low) == plain(high) else f"{low} to {high}"
            here_words = ESTIMAND_WORDS.get(str(estimand), str(estimand))
            parts.append(
                f"{cite(reported, reported.index[0], 'probability', '%1')} against {span} with effects {here_words}"
            )
    if not parts:
        return "Numbers are shares of simulated studies in which a finding shows."
    return unmarked(
        f"Share of studies with the whole pattern where the {study().work}'s account is made true, against the other scenarios: "
        f"{'; '.join(parts)}."
    )


SPEC = Spec("overview", title, data, draw, alt, reading)
