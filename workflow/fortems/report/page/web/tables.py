"""Tables for the page: classes in place of inline styles, and cells that carry their column's head for narrow screens."""

from __future__ import annotations

from typing import Any

from fortems.report.page import nodes
from fortems.report.places import column_heads

_CLASSES = {"AlignRight": "r", "AlignCenter": "c"}


def fit(blocks: list[nodes.Node]) -> None:
    """Fit every table of a tree, in place: the browser sets widths, classes set the alignment."""
    for _, _, specs, (_, head_rows), bodies, (_, foot_rows) in (
        node["c"] for node in nodes.walk(blocks) if node["t"] == "Table"
    ):
        for spec in specs:
            spec[:] = [{"t": "AlignDefault"}, {"t": "ColWidthDefault"}]
        heads = column_heads(head_rows)
        body_rows = [row for _, _, first, rows in bodies for row in (*first, *rows)]
        for _, cells in body_rows:
            for column, cell in enumerate(cells):
                if cell[3] == 1 and column < len(heads):
                    cell[0][2].append(["data-label", heads[column]])
        for _, cells in (*head_rows, *body_rows, *foot_rows):
            for cell in cells:
                _align(cell)


def _align(cell: list[Any]) -> None:
    name = _CLASSES.get(cell[1]["t"])
    if name:
        cell[0][1].append(name)
    cell[1] = {"t": "AlignDefault"}
