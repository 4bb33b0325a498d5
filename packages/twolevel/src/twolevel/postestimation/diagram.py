"""A path diagram of both levels as SVG, drawn here: no other program is needed.

Variables stand in columns by their depth (the longest chain of arrows that leads to them), observed ones in boxes,
latent ones in ellipses, as is usual for path diagrams. Arrows carry the estimate, bold where p < .05.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from html import escape

import numpy as np
import pandas as pd

from ..fitted import Fitted
from ..model.syntax import LEVELS

WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 104, 40, 230, 84, 50  # of a box, of the grid, around it; in px


LEFT = 130  # room for arcs beside the first column


@dataclass(frozen=True)
class _Place:
    x: float
    y: float
    latent: bool


def diagram(fit: Fitted, standardized: bool = False) -> str:
    """Return both levels' path diagram as the text of an SVG file.

    Parameters
    ----------
    fit : Fit
    standardized : bool
        Whether arrows carry standardized estimates (standard deviations of the level).

    Returns
    -------
    str
        An SVG with a title and a description; text is text, so it can be read aloud, searched and copied.
    """
    value = "standardized" if standardized else "estimate"
    panels, top, width = [], 0.0, 0.0
    for number, level in enumerate(LEVELS):
        rows = fit.parameters[fit.parameters["level"] == level]
        if number == 0 and fit.model.random:
            rows = pd.concat([rows, _slopes(fit)], ignore_index=True)
        names = fit.model.layout.levels[number].names
        places, size = _places(rows, names, fit.model.layout.levels[number].n_observed)
        panels.append(
            f'<g transform="translate(0 {top:.0f})"><text class="level" x="{MARGIN}" y="24">Level {number + 1} '
            f"({level})</text>{_arrows(rows, places, value)}{_boxes(places)}</g>"
        )
        top += size[1]
        width = max(width, size[0])
    words = _description(fit, value)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="t d" viewBox="0 0 {width:.0f} {top:.0f}" '
        f'width="{width:.0f}" height="{top:.0f}"><title id="t">Two-level path diagram</title>'
        f'<desc id="d">{escape(words)}</desc><style>'
        "text{font:13px sans-serif;text-anchor:middle;fill:#111}.level{text-anchor:start;font-weight:bold}"
        ".sure{font-weight:bold}rect,ellipse{fill:#fff;stroke:#111}path{fill:none;stroke:#444}"
        ".covariance{stroke-dasharray:4 3}.back{fill:#fff;stroke:none;opacity:.85}</style><defs>"
        '<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" style="fill:#444;stroke:none"/></marker></defs>'
        f'<rect class="back" width="100%" height="100%"/>{"".join(panels)}</svg>\n'
    )


def _slopes(fit: Fitted) -> pd.DataFrame:
    """Random slopes as rows of level 1: their name, and no number."""
    rows = [
        {"lhs": s.outcome, "op": "~", "rhs": s.predictor, "level": LEVELS[0], "label": s.name, "free": True}
        for s in fit.model.random.slopes
    ]
    return pd.DataFrame(rows).assign(estimate=np.nan, standardized=np.nan, p=np.nan)


def _places(
    rows: pd.DataFrame, names: tuple[str, ...], observed: int
) -> tuple[dict[str, _Place], tuple[float, float]]:
    """Where each variable stands, and the size of the level's drawing."""
    paths = [(r["rhs"], r["lhs"]) for r in rows[rows["op"] == "~"].to_dict("records")]
    paths += [(r["lhs"], r["rhs"]) for r in rows[rows["op"] == "=~"].to_dict("records")]
    depth = dict.fromkeys(names, 0)
    for _ in names:  # the longest chain; a model that goes in circles stops here too
        for start, end in paths:
            depth[end] = min(max(depth[end], depth[start] + 1), len(names) - 1)
    columns: dict[int, list[str]] = {}
    for name in names:
        columns.setdefault(depth[name], []).append(name)
    tallest = max(len(column) for column in columns.values())
    places = {}
    for x, k in enumerate(sorted(columns)):
        # Where every column holds one variable, those in the middle stand higher: long arrows pass below them.
        outer = x in (0, len(columns) - 1)
        offset = (tallest - len(columns[k])) / 2 + (0.8 if tallest == 1 and len(columns) > 2 and outer else 0)
        for y, name in enumerate(columns[k]):
            centre = MARGIN + 20 + HEIGHT / 2 + (y + offset) * ROW
            places[name] = _Place(LEFT + WIDTH / 2 + x * COLUMN, centre, names.index(name) >= observed)
    height = max(place.y for place in places.values()) + HEIGHT / 2 + MARGIN
    return places, (LEFT + MARGIN + WIDTH + (len(columns) - 1) * COLUMN + 30, height)


def _boxes(places: dict[str, _Place]) -> str:
    out = []
    for name, at in places.items():
        if at.latent:
            out.append(f'<ellipse cx="{at.x:.1f}" cy="{at.y:.1f}" rx="{WIDTH / 2}" ry="{HEIGHT / 2}"/>')
        else:
            corner = f'x="{at.x - WIDTH / 2:.1f}" y="{at.y - HEIGHT / 2:.1f}"'
            out.append(f'<rect {corner} width="{WIDTH}" height="{HEIGHT}"/>')
        short = name if len(name) <= 14 else f"{name[:13]}…"
        out.append(f'<text x="{at.x:.1f}" y="{at.y + 4:.1f}">{escape(short)}</text>')
    return "".join(out)


def _arrows(rows: pd.DataFrame, places: dict[str, _Place], value: str) -> str:
    out = []
    for row in rows.to_dict("records"):
        if row["op"] == "~1" or row["lhs"] == row["rhs"]:
            continue
        start, end = places[row["rhs"]], places[row["lhs"]]
        if row["op"] == "=~":
            start, end = end, start
        covariance = row["op"] == "~~"
        if covariance and row["estimate"] == 0 and not row["free"]:
            continue
        out.append(_arrow(start, end, covariance, _label(row, value), bool(row["p"] < 0.05), places.values()))
    return "".join(out)


def _label(row: dict[object, object], value: str) -> str:
    number = float(row[value])  # type: ignore[arg-type]
    if row["op"] == "~" and not np.isfinite(number) and row["label"]:
        return f"{row['label']} (random)" if not np.isfinite(float(row["estimate"])) else str(row["label"])  # type: ignore[arg-type]
    text = f"{number:.2f}" if np.isfinite(number) else "NA"
    return f"{row['label']} = {text}" if row["label"] else text


def _arrow(
    start: _Place, end: _Place, covariance: bool, label: str, sure: bool, others: Collection[_Place]
) -> str:
    kind = ' class="covariance" marker-start="url(#head)"' if covariance else ""
    if start.x == end.x:  # in one column: an arc on the left
        x, bow = start.x - WIDTH / 2, 18 + 0.42 * abs(start.y - end.y)
        path = f"M{x:.1f} {start.y:.1f}C{x - bow:.1f} {start.y:.1f} {x - bow:.1f} {end.y:.1f} {x:.1f} {end.y:.1f}"
        middle = (x - 0.75 * bow, (start.y + end.y) / 2)
    elif covariance:  # between columns: an arc above
        top = min(start.y, end.y) - HEIGHT / 2
        (x1, y1), (x2, y2) = (start.x, start.y - HEIGHT / 2), (end.x, end.y - HEIGHT / 2)
        path = f"M{x1:.1f} {y1:.1f}C{x1:.1f} {top - 26:.1f} {x2:.1f} {top - 26:.1f} {x2:.1f} {y2:.1f}"
        middle = ((x1 + x2) / 2, top - 18)
    else:
        side = 1 if end.x > start.x else -1
        (x1, y1), (x2, y2) = (start.x + side * WIDTH / 2, start.y), (end.x - side * WIDTH / 2, end.y)
        # An arrow past columns in between bows below what may stand there.
        passes = abs(end.x - start.x) > COLUMN and any(
            min(x1, x2) < at.x < max(x1, x2) and abs(at.y - y1) < HEIGHT for at in others
        )
        bow = 46 if passes and y1 == y2 else 0
        path = f"M{x1:.1f} {y1:.1f}Q{(x1 + x2) / 2:.1f} {(y1 + y2) / 2 + 2 * bow:.1f} {x2:.1f} {y2:.1f}"
        middle = ((x1 + x2) / 2, (y1 + y2) / 2 + bow)
    width = 7 * len(label) + 6
    back = f'<rect class="back" x="{middle[0] - width / 2:.1f}" y="{middle[1] - 10:.1f}" width="{width}" height="17"/>'
    weight = ' class="sure"' if sure else ""
    return (
        f'<path d="{path}"{kind} marker-end="url(#head)"/>{back}'
        f'<text x="{middle[0]:.1f}" y="{middle[1] + 4:.1f}"{weight}>{escape(label)}</text>'
    )


def _description(fit: Fitted, value: str) -> str:
    parts = []
    for number, level in enumerate(LEVELS, 1):
        rows = fit.parameters[(fit.parameters["level"] == level) & fit.parameters["op"].isin(["~", "=~"])]
        arrows = [
            f"{r['rhs']} to {r['lhs']} {r[value]:.2f}"
            if r["op"] == "~"
            else f"{r['lhs']} measured by {r['rhs']} {r[value]:.2f}"
            for r in rows.to_dict("records")
        ]
        parts.append(f"Level {number}: {'; '.join(arrows) if arrows else 'variances and covariances alone'}.")
    return " ".join(parts)
