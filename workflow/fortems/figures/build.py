"""Draw a run's figures: data written, read back, drawn, described."""

from __future__ import annotations

import io
import multiprocessing
import re
import signal
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from fortems import tidy
from fortems.figures import readings, style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.catalog import PATH

LONGEST_ALT = 300  # letters of a text alternative
ROOM_FOR_NAME = 36  # letters, so that a text ends at the same place whatever its file is called
INDEX_COLUMNS = ["name", "title", "alt", "reading", "withheld"]


def spec(name: str) -> Spec:
    """Return the figure of that name."""
    from fortems.figures import (
        agreement,
        correlations,
        equivalence,
        flow,
        indirect,
        leave_one_out,
        measurement,
        overview,
        paths,
        scatter,
        therapists,
    )
    from fortems.figures.article import causal, strip, together
    from fortems.figures.design import coverage, diagnosticity, posterior, power, surface
    from fortems.figures.sensitivity import bayes, confounding, factor, specification, strengths, survivors

    if name.startswith(PATH):
        return paths.spec(name.removeprefix(PATH))
    modules = (
        agreement,
        correlations,
        coverage,
        diagnosticity,
        equivalence,
        flow,
        indirect,
        leave_one_out,
        measurement,
        overview,
        posterior,
        power,
        scatter,
        surface,
        therapists,
        causal,
        strip,
        together,
        bayes,
        confounding,
        factor,
        specification,
        strengths,
        survivors,
    )
    return {module.SPEC.name: module.SPEC for module in modules}[name]


def draw(figure: Spec, context: Context, folder: Path) -> dict[str, Any]:
    """Write one figure in all formats beside its data; return its line of the index.

    What cannot be drawn gets a figure that says why, an empty CSV and the reason in the index.
    """
    stem = folder / figure.name
    try:
        frame = figure.data(context)
        tidy.write_csv(frame, stem.with_suffix(".csv"))
        back = tidy.read_csv(stem.with_suffix(".csv"))
        style.save(figure.draw(back, context), stem, context.mark_of(figure.name))
    except Withheld as reason:
        tidy.write_csv(pd.DataFrame({"withheld": [str(reason)]}), stem.with_suffix(".csv"))
        style.save(style.message(str(reason)), stem, "")
        return {"name": figure.name, "withheld": str(reason)}
    reading = figure.reading(back, context)
    return {
        "name": figure.name,
        "title": figure.caption(back, context),
        "alt": shortened(readings.plain(figure.alt(back, context)), figure.name),
        "reading": str(reading),
        readings.CITED: readings.written(reading),
    }


def shortened(text: str, name: str) -> str:
    """A text alternative as short as a screen reader's listener needs it; all values stand in the figure's CSV.

    Parameters
    ----------
    text : str
        As the figure tells itself, its parts divided by ``;`` or ``.``.
    name : str
        The figure's.

    Returns
    -------
    str
        The text itself where it has at most ``LONGEST_ALT`` letters, else its first parts and where the rest is.
    """
    if len(text) <= LONGEST_ALT:
        return text
    rest = f"; all values are in {name}.csv."
    room = LONGEST_ALT - len(rest) - max(ROOM_FOR_NAME - len(name), 0)
    parts = re.split(r"(?<=[;.,])\s", text)
    kept = parts[0]
    for part in parts[1:]:
        if len(f"{kept} {part}") > room:
            break
        kept = f"{kept} {part}"
    return f"{kept[: LONGEST_ALT - len(rest)].rstrip(';., ')}{rest}"


def _end_with_parent() -> None:
    """Have Linux end this process when its parent is killed: a pool's processes would wait for ever."""
    import ctypes

    PR_SET_PDEATHSIG = 1  # linux/prctl.h
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _draw_named(name: str, context: Context, folder: Path) -> dict[str, Any]:
    return draw(spec(name), context, folder)


def build(names: Iterable[str], context: Context, folder: Path, processes: int = 1) -> pd.DataFrame:
    """Draw all named figures and write the index of titles, text alternatives and readings.

    Parameters
    ----------
    names : iterable of str
    context : Context
    folder : path
        Where to write.
    processes : int
        How many figures to draw at a time; their bytes do not depend on it.
    """
    style.settings()
    # Loads what all figures need, before the process is copied.
    style.message("").savefig(io.BytesIO(), format="svg")
    one = partial(_draw_named, context=context, folder=folder)
    if processes > 1 and sys.platform == "linux":  # elsewhere a process cannot safely be copied as it stands
        with multiprocessing.get_context("fork").Pool(processes, _end_with_parent) as pool:
            lines = pool.map(one, names, chunksize=1)
    else:
        lines = [one(name) for name in names]
    index = pd.DataFrame(lines, columns=[*INDEX_COLUMNS, readings.CITED])
    tidy.write_csv(index, folder / "index.csv")
    return index
