"""The strip of the first page: the focal path diagram in standard deviations, and a shaped tile for each finding."""

from __future__ import annotations

import textwrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fortems.figures import paths, style
from fortems.figures.base import Context, Spec, Withheld
from fortems.presentation.claims import claim_label
from fortems.presentation.numbers import coefficient, count_word, is_absent
from fortems.presentation.words import ESTIMAND_LABELS, listed
from fortems.study.definition import lower, study
from fortems.study.estimands import ESTIMANDS
from fortems.study.roles import key_models
from fortems.study.variables import label
from fortems.tidy import having

#: A shape for each verdict; colour only goes along.
VERDICTS = {
    "reproduced": style.Mark(style.BLUE, "o"),
    "matches the article's rule": style.Mark(style.GREEN, "D", filled=False),
    "consistent (weak)": style.Mark(style.BLUE, "^", filled=False),
    "cannot tell": style.Mark(style.PURPLE, "v", filled=False),
    "not reproduced": style.Mark(style.VERMILION, "X"),
    "not testable": style.Mark(style.GREY, "s", filled=False),
}
COLUMNS = ["part", "name", "text", "level", "source", "target", "standardized", "shown", "verdict"]
TILES = 3  # columns of tiles
_SHARE = 0.4  # of the width for the diagram


def data(context: Context) -> pd.DataFrame:
    """The focal model's standardized paths at the first estimand, then a row a finding."""
    records = [*_paths(context), *_tiles(context)]
    if not records:
        raise Withheld("Not drawn: neither paths nor findings are there in this run.")
    return pd.DataFrame(records, columns=COLUMNS)


def _paths(context: Context) -> list[dict[str, Any]]:
    key = key_models(context.models)
    model = key.get(study().focus) or next(iter(key.values()), None)
    if model is None:
        return []
    try:
        drawn = paths.data(context, model)
    except Withheld:
        return []
    effects = context.counted()
    level = next(level for level in ESTIMANDS if level in set(drawn["level"]))
    records = []
    for row in drawn[drawn["level"] == level].to_dict("records"):
        same = having(effects, model=model, level=level, effect=row["effect"])
        if row["row"] or same.empty or is_absent(same["standardized"].iloc[0]):
            continue
        known = not is_absent(row["ci_low"])
        records.append(
            {
                "part": "path",
                "name": row["effect"],
                "level": level,
                "source": row["source"],
                "target": row["target"],
                "standardized": float(same["standardized"].iloc[0]),
                "shown": known and bool(row["ci_low"] > 0 or row["ci_high"] < 0),
            }
        )
    return records


def _tiles(context: Context) -> list[dict[str, Any]]:
    """The findings that count at the first estimand of this run, those of correlations among them."""
    claims = context.results.table("claims.csv")
    if claims is None:
        return []
    effects = context.results.table("mediation/effects.csv")
    have = [level for level in ESTIMANDS if effects is not None and level in set(effects["level"])]
    rows = claims[claims["judged"].astype(bool) & (claims["role"] == "finding")]
    rows = rows[~rows["estimand"].isin(set(ESTIMANDS) - set(have[:1]))]
    return [
        {
            "part": "finding",
            "name": row["claim"],
            "text": claim_label(context.results.claims, row["claim"]),
            "level": row["estimand"],
            "verdict": row["verdict"],
        }
        for row in rows.to_dict("records")
    ]


def draw(frame: pd.DataFrame, context: Context) -> Figure:
    """Draw the diagram to the left, the tiles to the right, the shapes' meaning below."""
    found, tiles = frame[frame["part"] == "path"], frame[frame["part"] == "finding"]
    lines = -(-len(tiles) // TILES)
    made, _ = style.figure(max(1.6, 0.62 + 0.36 * lines), layout=None)
    made.clf()
    foot = 0.3 / made.get_figheight()
    share = _SHARE if len(found) and len(tiles) else 1.0 if len(found) else 0.0
    if len(found):
        axes = made.add_axes((0.0, foot, share * 0.97, 1 - foot))
        _diagram(axes, found)
    if len(tiles):
        axes = made.add_axes((share, foot, 1 - share, 1 - foot))
        _draw_tiles(axes, tiles, lines)
        _legend(made, tiles)
    return made


def _diagram(axes: Axes, rows: pd.DataFrame) -> None:
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.axis("off")
    by = {str(row["name"]): row for row in rows.to_dict("records")}
    product = by["indirect"]
    names = {
        "predictor": product["source"],
        "mediator": by["a"]["target"] if "a" in by else "",
        "outcome": product["target"],
    }
    places = {"predictor": (0.17, 0.3), "mediator": (0.5, 0.78), "outcome": (0.83, 0.3)}
    for part, name in names.items():
        x, y = places[part]
        words = "\n".join(textwrap.wrap(label(name), 13))
        style.box(axes, (x, y), (0.32, 0.2), words, fontsize=style.SMALL, linespacing=1.05)
    arrows = {
        "a": ((0.2, 0.41), (0.35, 0.69), (0.17, 0.57)),
        "b": ((0.65, 0.69), (0.8, 0.41), (0.84, 0.57)),
        "direct": ((0.34, 0.3), (0.66, 0.3), (0.5, 0.38)),
    }
    for effect, (start, stop, place) in arrows.items():
        if effect in by:
            _arrow(axes, by[effect], start, stop, place)
    shown = "" if product["shown"] else "\n(not shown)"  # in one line it is wider than the diagram
    axes.text(
        0.5,
        0.05,
        f"{ESTIMAND_LABELS[product['level']].capitalize()}, in SD: a × b = {coefficient(product['standardized'])}{shown}",
        ha="center",
        va="center",
        fontsize=style.SMALL,
        weight="bold",
    )


def _arrow(
    axes: Axes,
    row: dict[Any, Any],
    start: tuple[float, float],
    stop: tuple[float, float],
    place: tuple[float, float],
) -> None:
    clear = bool(row["shown"])
    style.arrow(axes, start, stop, clear)
    axes.text(*place, coefficient(row["standardized"]), ha="center", va="center", fontsize=style.TEXT)


def _draw_tiles(axes: Axes, tiles: pd.DataFrame, lines: int) -> None:
    axes.set(xlim=(0, TILES), ylim=(-lines, 0))
    axes.axis("off")
    for number, row in enumerate(tiles.to_dict("records")):
        x, y = number // lines, -(number % lines) - 0.5
        mark = VERDICTS[row["verdict"]]
        style.dots(axes, x + 0.07, y, mark, 7)
        failed = row["verdict"] == "not reproduced"
        axes.text(
            x + 0.15,
            y,
            "\n".join(textwrap.wrap(str(row["text"]), 17 if failed else 19)),  # bold is wider
            va="center",
            fontsize=style.SMALL,
            linespacing=1.0,
            weight="bold" if failed else "normal",
        )


def _legend(made: Figure, tiles: pd.DataFrame) -> None:
    used = {name: mark for name, mark in VERDICTS.items() if name in set(tiles["verdict"])}
    made.legend(
        handles=style.handles(used, markersize=6),
        loc="lower right",
        bbox_to_anchor=(1.0, 0.13 / made.get_figheight()),
        ncols=len(used),
        columnspacing=0.9,
        handletextpad=0.1,
        borderaxespad=0.0,
    )


def alt(frame: pd.DataFrame, context: Context) -> str:
    """The diagram and the verdicts in words."""
    parts = []
    for row in frame[frame["part"] == "path"].to_dict("records"):
        if row["name"] != "indirect":
            parts.append(
                f"{lower(label(row['source']))} to {lower(label(row['target']))} {coefficient(row['standardized'])}"
            )
    diagram = f"Path diagram in standard deviations: {', '.join(parts)}. " if parts else ""
    return f"{diagram}Tiles: {_tally(frame)}."


def _tally(frame: pd.DataFrame) -> str:
    counts = frame.loc[frame["part"] == "finding", "verdict"].value_counts()
    return listed(f"{count_word(int(counts[name]))} {name}" for name in VERDICTS if name in counts) or "none"


def reading(frame: pd.DataFrame, context: Context) -> str:
    """The verdicts counted, the failures named."""
    tiles = frame[frame["part"] == "finding"]
    failed = [str(text) for text in tiles.loc[tiles["verdict"] == "not reproduced", "text"]]
    text = f"Of the findings to check: {_tally(frame)}." if len(tiles) else ""
    if failed:
        text += f" Not reproduced: {'; '.join(failed)}."
    solid = "Solid arrows: the interval leaves out zero; dashed: it does not."
    return f"{solid} {text}".strip() if (frame["part"] == "path").any() else text


SPEC = Spec("strip", "The Findings at a Glance", data, draw, alt, reading)
