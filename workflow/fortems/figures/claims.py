"""The article's findings at a glance: estimate, interval and verdict of each."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.presentation.numbers import count_word
from fortems.presentation.words import ESTIMAND_WORDS, listed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

VERDICTS = {
    "reproduced": style.Mark(style.BLUE, "o"),
    "consistent (weak)": style.Mark(style.SKY, "^", filled=False),
    "matches the article's rule": style.Mark(style.GREEN, "D", filled=False),
    "cannot tell": style.Mark(style.PURPLE, "v", filled=False),
    "not reproduced": style.Mark(style.VERMILION, "X"),
    "not testable": style.Mark(style.GREY, "s", filled=False),
}
COLUMNS = ["claim", "role", "text", "estimand", "verdict"]
ESTIMANDS = {"total": "total", "within": "within", "single": "single level"}


def data(context: Context) -> pd.DataFrame:
    """Judged rows: one a finding and estimand."""
    claims = context.table("claims.csv")
    rows = claims[claims["judged"].astype(bool)] if "judged" in claims else claims
    effects = context.results.table("mediation/effects.csv")
    have = {"within", "single"} if effects is None else set(effects["level"])
    rows = rows[~rows["estimand"].isin({"within", "single"} - have)]
    if rows.empty:
        raise Withheld("Not drawn: no finding was judged in this run.")
    return rows[COLUMNS]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw a row a finding, a column an estimand, a mark a verdict."""
    from matplotlib.lines import Line2D

    claims = list(dict.fromkeys(frame["claim"]))
    texts = {claim: frame.loc[frame["claim"] == claim, "text"].iloc[0] for claim in claims}
    wrapped = {claim: "\n".join(textwrap.wrap(text.rstrip("."), 72)) for claim, text in texts.items()}
    columns = [name for name in ESTIMANDS if name in set(frame["estimand"])]
    columns += [name for name in dict.fromkeys(frame["estimand"]) if name not in columns]
    made, axes = style.figure(0.7 + 0.225 * len(claims))
    for row in frame.to_dict("records"):
        mark = VERDICTS[row["verdict"]]
        axes.plot(
            columns.index(row["estimand"]),
            -claims.index(row["claim"]),
            markersize=6.5,
            linestyle="none",
            **mark.points(),
        )
    roles = {claim: frame.loc[frame["claim"] == claim, "role"].iloc[0] for claim in claims}
    for number, claim in enumerate(claims):
        if number and roles[claim] != roles[claims[number - 1]]:
            axes.axhline(-number + 0.5, color="#999999", linewidth=0.6)
    axes.set_yticks(
        [-number for number in range(len(claims))], [wrapped[claim] for claim in claims], fontsize=6.6
    )
    axes.set_xticks(range(len(columns)), [ESTIMANDS.get(name, name) for name in columns], fontsize=7)
    axes.xaxis.tick_top()
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(-len(claims) + 0.4, 0.6))
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    handles = [
        Line2D([], [], linestyle="none", label=name, markersize=6, **mark.points())
        for name, mark in VERDICTS.items()
    ]
    made.legend(handles=handles, loc="outside upper center", ncols=4)
    return made


def title(frame: pd.DataFrame, context: Context) -> str:
    """Caption."""
    return (
        "Verdicts on the Findings to Check"
        if context.results.own_claims
        else "Verdicts on the Article's Findings"
    )


def _tally(rows: pd.DataFrame) -> str:
    counts = rows["verdict"].value_counts()
    return listed([f"{count_word(int(counts[name]))} {name}" for name in VERDICTS if name in counts])


def alt(frame: pd.DataFrame, context: Context) -> str:
    """Every verdict in words."""
    parts = [
        f"{row['text'].rstrip('.')} ({ESTIMANDS.get(row['estimand'], row['estimand'])}): {row['verdict']}"
        for row in frame.to_dict("records")
    ]
    return f"Dot chart of verdicts. {'; '.join(parts)}."


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The verdicts on the article's own findings counted, by estimand."""
    findings = frame[frame["role"] == "finding"]
    parts = []
    for level in ("within", "single"):
        if level in set(findings["estimand"]):
            rows = findings[~findings["estimand"].isin({"within", "single"} - {level})]
            parts.append(f"with effects {ESTIMAND_WORDS[level]}, {_tally(rows)}")
    if not parts:
        parts = [_tally(findings)]
    tallies = {part.split(", ", 1)[-1] for part in parts}
    if len(parts) > 1 and len(tallies) == 1:
        parts = [f"{tallies.pop()}, whichever estimand the effects are taken at"]
    which = "findings to check" if context.results.own_claims else "article's own findings"
    return f"Of the {which}, {'; '.join(parts)}."


SPEC = Spec("claims", title, data, draw, alt, reading)
