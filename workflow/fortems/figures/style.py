"""One style for all figures: sizes, colours that survive grey print and colour blindness, marks, saving.

Colours are Okabe and Ito's (2008). Colour never carries meaning alone: every series has a marker or a line style
and a label of its own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch

from fortems import tidy
from fortems.presentation import fonts

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
BLUE = "#0072B2"
VERMILION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6b6b6b"
FAINT = "#d9d9d9"

WIDTH = 6.3  # inches: the text width of an A4 page, so that 8 pt in a figure are 8 pt on paper
TEXT = 8.0
SMALL = 7.0
RESOLUTION = 220  # dots an inch

#: A page of the size of the drawing; without a date its bytes are the same each time.
_PAGE = b"""#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.svg), format: "svg")"""


@dataclass(frozen=True)
class Mark:
    """How a series looks: colour, marker, line style, whether the marker is filled."""

    colour: str
    marker: str
    line: str = "-"
    filled: bool = True

    def points(self) -> dict[str, Any]:
        """Keywords of a marker."""
        face = self.colour if self.filled else "white"
        return {
            "color": self.colour,
            "marker": self.marker,
            "markerfacecolor": face,
            "markeredgecolor": self.colour,
        }


ESTIMANDS = {"within": Mark(BLUE, "o"), "single": Mark(VERMILION, "s", "--", filled=False)}
SERIES = (
    Mark(BLUE, "o", "-"),
    Mark(VERMILION, "s", "--", False),
    Mark(GREEN, "^", "-."),
    Mark(PURPLE, "D", ":", False),
    Mark(ORANGE, "v", (0, (5, 1, 1, 1, 1, 1))),  # type: ignore[arg-type]
    Mark(SKY, "P", (0, (1, 1)), False),  # type: ignore[arg-type]
    Mark(BLACK, "X", "-"),
)


def series(number: int) -> Mark:
    """How the series of this number looks, from 0; the looks begin anew behind the last."""
    return SERIES[number % len(SERIES)]


def settings() -> None:
    """Put the style in force for this process."""
    matplotlib.use("Agg")
    matplotlib.rcParams.update(matplotlib.rcParamsDefault)
    matplotlib.rcParams.update(
        {
            "font.family": fonts.FAMILY,
            "font.size": TEXT,
            "axes.titlesize": TEXT,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.titley": 1.0,  # where it would be anyhow; finding out lays out every tick
            "axes.labelsize": TEXT,
            "xtick.labelsize": SMALL,
            "ytick.labelsize": SMALL,
            "legend.fontsize": SMALL,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.6,
            "axes.edgecolor": "#444444",
            "xtick.major.width": 0.6,
            "ytick.major.width": 0.6,
            "xtick.major.size": 3,
            "ytick.major.size": 3,
            "lines.linewidth": 1.2,
            "lines.markersize": 4,
            "axes.unicode_minus": True,
            "text.parse_math": False,  # names and labels are people's: a dollar sign in them is one
            "svg.hashsalt": "fortems",
            "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
            "figure.constrained_layout.h_pad": 0.04,
            "figure.constrained_layout.w_pad": 0.04,
        }
    )


def figure(
    height: float, rows: int = 1, columns: int = 1, layout: str | None = "constrained", **keywords: Any
) -> tuple[Figure, Any]:
    """Make a figure of the page's width, with room below for the data-source line.

    Parameters
    ----------
    height : float
        Inches.
    rows, columns : int
        Grid of axes.
    layout : str or None
        None leaves the axes where the caller puts them, which is quicker.

    Returns
    -------
    figure, axes
        Axes as ``Figure.subplots`` gives them.
    """
    made = Figure(figsize=(WIDTH, height), layout=layout)  # type: ignore[arg-type]
    return made, made.subplots(rows, columns, **keywords)


def heatmap(
    axes: Axes, matrix: np.ndarray, first: int, limits: tuple[float, float], colours: str
) -> QuadMesh:
    """Draw a matrix cell by cell, sharp at any size, the first row on top; what is missing stays blank.

    Parameters
    ----------
    axes : Axes
    matrix : ndarray
        Rows by columns.
    first : int
        Where the first column's middle lies; the first row's is 0.
    limits : tuple of float
        Values at the ends of the colours.
    colours : str
        A colour map of matplotlib's.
    """
    rows, columns = matrix.shape
    mesh = axes.pcolormesh(
        np.arange(columns + 1) + first - 0.5,
        np.arange(rows + 1) - 0.5,
        np.ma.masked_invalid(matrix),
        vmin=limits[0],
        vmax=limits[1],
        cmap=colours,
        edgecolors="face",
        linewidth=0.2,  # closes the seams that viewers leave between cells
    )
    axes.set(xlim=(first - 0.5, first + columns - 0.5), ylim=(rows - 0.5, -0.5))
    return mesh


def zero_line(axes: Axes, vertical: bool = True) -> None:
    """Draw the line of no effect."""
    (axes.axvline if vertical else axes.axhline)(0, color="#444444", linewidth=0.6, zorder=0.5)


def name_lines(axes: Axes, labels: Sequence[str], room: float = 0.6) -> None:
    """Name the lines of a forest plot, which are drawn at heights 0, −1, −2 …, with so much room above the first."""
    axes.set_yticks([-number for number in range(len(labels))], labels)
    axes.set_ylim(-len(labels) + 1 - room, room)
    axes.tick_params(axis="y", length=0)


def across(axes: Axes, ends: tuple[float, float], y: float, **form: Any) -> None:
    """Draw an interval as a line from its low to its high end; ``form`` is what ``Axes.plot`` takes."""
    axes.plot(ends, [y, y], **form)


def dots(axes: Axes, x: Any, y: Any, mark: Mark, size: float | None = None, **form: Any) -> None:
    """Draw the points of a series, of matplotlib's own size by default; ``form`` is what ``Axes.plot`` takes."""
    axes.plot(x, y, linestyle="none", markersize=size, **mark.points(), **form)


def handles(marks: Mapping[str, Mark], lines: bool = False, **form: Any) -> list[Line2D]:
    """Entries of a legend: what is named to its mark, upon its line where asked for.

    Parameters
    ----------
    marks : mapping of str to Mark
        In the order of the legend.
    lines : bool
        Whether the series have lines.
    **form
        What ``Line2D`` takes.
    """
    return [
        Line2D([], [], linestyle=mark.line if lines else "none", label=name, **mark.points(), **form)
        for name, mark in marks.items()
    ]


def cell(axes: Axes, column: float, row: float, text: str, dark: bool) -> None:
    """Write into a cell of a heatmap: in white where the cell is dark."""
    axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color="white" if dark else "black")


def box(
    axes: Axes,
    centre: tuple[float, float],
    size: tuple[float, float],
    words: str,
    layer: float = 1.0,
    **text: Any,
) -> None:
    """Draw a variable of a path diagram: a box around its name.

    Parameters
    ----------
    axes : Axes
    centre, size : tuple of float
        In the units of the axes.
    words : str
    layer : float
        Of the box; matplotlib's own for a patch by default. Words lie above it.
    **text
        What ``Axes.text`` takes.
    """
    (x, y), (width, height) = centre, size
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - height / 2),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.02",
            facecolor="#f2f2f2",
            edgecolor="#333333",
            linewidth=0.8,
            zorder=layer,
        )
    )
    axes.text(x, y, words, ha="center", va="center", zorder=max(layer + 1, 3), **text)


def arrow(axes: Axes, start: tuple[float, float], stop: tuple[float, float], clear: bool) -> None:
    """Draw a path: solid and blue where its interval leaves out zero, else dashed and grey."""
    axes.annotate(
        "",
        xy=stop,
        xytext=start,
        arrowprops={
            "arrowstyle": "-|>",
            "linewidth": 1.6 if clear else 0.9,
            "linestyle": "-" if clear else (0, (4, 3)),
            "color": BLUE if clear else GREY,
            "shrinkA": 0,
            "shrinkB": 0,
        },
    )


def sign(value: float, decimals: int = 2, leading_zero: bool = True) -> str:
    """Write a number as the text of the report does."""
    from fortems.presentation.numbers import fixed

    return fixed(value, decimals, leading_zero)


def save(made: Figure, stem: Path, mark: str) -> None:
    """Write a figure as SVG, PDF and PNG, the same bytes each time.

    Parameters
    ----------
    made : Figure
    stem : path
        Without suffix.
    mark : str
        What a figure of simulated data says at its foot; empty for real data.
    """
    if mark:
        foot = 0.2 / made.get_figheight()
        engine = made.get_layout_engine()
        if engine is not None:
            engine.set(rect=(0, foot, 1, 1 - foot))  # type: ignore[call-arg]
        made.text(
            0.995, 0.15 * foot, mark, ha="right", va="bottom", fontsize=SMALL, color="#555555", style="italic"
        )
    engine = made.get_layout_engine()
    if engine is not None:
        engine.execute(made)
        made.set_layout_engine("none")  # the layout once, not once a format
        _settle(made)
    drawn = io.BytesIO()
    made.savefig(drawn, format="svg", metadata={"Date": None})
    svg = drawn.getvalue().replace(f"'{fonts.FAMILY}'".encode(), fonts.FALLBACKS.encode())
    _write(svg, stem.with_suffix(".svg"))
    for suffix, content in converted(svg).items():
        _write(content, stem.with_suffix(f".{suffix}"))


def _settle(made: Figure) -> None:
    """Round the places of all axes: the layout's solver leaves them with other last digits from time to time.

    None of these is printed, but the names of clipping paths are made of them.
    """
    for axes in made.axes:
        axes.set_position(tuple(np.round(axes.get_position(original=True).bounds, 9)))


def converted(svg: bytes) -> dict[str, bytes]:
    """Make the other formats of a drawing, by Typst, in less time than drawing it anew for each.

    Parameters
    ----------
    svg : bytes
        The drawing; it sets the size of the page.

    Returns
    -------
    dict of str to bytes
        ``pdf`` and ``png``; what depends on the time or the machine is left out.
    """
    import typst

    def page(**form: Any) -> bytes:
        return typst.compile(
            _PAGE,
            ignore_system_fonts=True,
            font_paths=[str(fonts.folder())],
            sys_inputs={"svg": svg.decode()},
            **form,
        )

    return {"pdf": page(format="pdf"), "png": page(format="png", ppi=RESOLUTION)}


def _write(content: bytes, path: Path) -> None:
    with tidy.atomic(path) as unfinished:
        unfinished.write_bytes(content)


def message(text: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    made, axes = figure(1.1)
    axes.axis("off")
    axes.text(0.5, 0.5, text, ha="center", va="center", wrap=True, color=GREY)
    return made
