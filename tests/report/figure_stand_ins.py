"""Stand-ins of a run's figures, which are quick to write."""

from __future__ import annotations

from pathlib import Path

from fortems.figures import catalog
from fortems.figures.build import INDEX_COLUMNS
from fortems.presentation.results import Results

#: The main models, whose figures of paths a run draws.
PATHS = ("path_alliance", "path_bond", "path_goal", "path_task", "path_aspects")


def stand_ins(folder: Path) -> None:
    """Write stand-ins of a run's figures."""
    import pandas as pd
    from fortems import tidy

    names = [
        name
        for name in catalog.names(Results(folder).config)
        if not name.startswith("path_") or name in PATHS
    ]
    lines = [
        [name, f"Title of {name}", f"Alt of {name}", f"Reading of {name} says 7.", None] for name in names
    ]
    tidy.write_csv(pd.DataFrame(lines, columns=INDEX_COLUMNS), folder / "figures/index.csv")
    import base64

    dot = base64.b64decode(
        b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
    )
    for name in names:
        drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'
        (folder / f"figures/{name}.svg").write_text(drawing)
        (folder / f"figures/{name}.png").write_bytes(dot)
