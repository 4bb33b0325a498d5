"""Draw a run's figures: data written, read back, drawn, described."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fortems import tidy
from fortems.figures import style
from fortems.figures.base import Context, Spec, Withheld
from fortems.figures.catalog import PATH

if TYPE_CHECKING:
    import pandas as pd

INDEX_COLUMNS = ["name", "title", "alt", "reading", "withheld"]


def spec(name: str) -> Spec:
    """Return the figure of that name."""
    from fortems.figures import (
        agreement,
        claims,
        correlations,
        coverage,
        diagnosticity,
        equivalence,
        flow,
        indirect,
        leave_one_out,
        measurement,
        overview,
        paths,
        power,
        scatter,
        therapists,
    )

    if name.startswith(PATH):
        return paths.spec(name.removeprefix(PATH))
    modules = (
        agreement,
        claims,
        correlations,
        coverage,
        diagnosticity,
        equivalence,
        flow,
        indirect,
        leave_one_out,
        measurement,
        overview,
        power,
        scatter,
        therapists,
    )
    return {module.SPEC.name: module.SPEC for module in modules}[name]


def draw(figure: Spec, context: Context, folder: Path) -> dict[str, Any]:
    """Write one figure in all formats beside its data; return its line of the index.

    What cannot be drawn gets a figure that says why, an empty CSV and the reason in the index.
    """
    import pandas as pd

    stem = folder / figure.name
    try:
        frame = figure.data(context)
        tidy.write_csv(frame, stem.with_suffix(".csv"))
        back = tidy.read_csv(stem.with_suffix(".csv"))
        style.save(figure.draw(back, context), stem, context.mark)
    except Withheld as reason:
        tidy.write_csv(pd.DataFrame({"withheld": [str(reason)]}), stem.with_suffix(".csv"))
        style.save(style.message(str(reason)), stem, "")
        return {"name": figure.name, "withheld": str(reason)}
    return {
        "name": figure.name,
        "title": figure.title(back, context),
        "alt": figure.alt(back, context),
        "reading": figure.reading(back, context),
    }


def build(names: Iterable[str], context: Context, folder: Path) -> pd.DataFrame:
    """Draw all named figures and write the index of titles, text alternatives and readings."""
    import pandas as pd

    style.settings()
    lines = [draw(spec(name), context, folder) for name in names]
    index = pd.DataFrame(lines, columns=INDEX_COLUMNS)
    tidy.write_csv(index, folder / "index.csv")
    return index
