"""One made-up run of each kind, drawn and written once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from fortems.figures import catalog
from fortems.figures.build import INDEX_COLUMNS
from fortems.presentation.results import Results
from fortems.report.build import build, prepare
from made_up_run import AS_MODELS, ROOT, write_run

KINDS = ("simulated", "items", "scores", "matrix")


def typeset(folder: Path) -> Path:
    """Write the manuscript of a run beside stand-ins of its figures; return its folder."""
    import pandas as pd
    from fortems import tidy

    names = [
        name
        for name in catalog.names(Results(folder).config)
        if not name.startswith("path_") or name in ("path_alliance", "path_bond")
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
    build(Results(folder), folder / "models.yaml", ROOT / "manuscript", folder / "manuscript")
    return folder


@pytest.fixture(scope="session")
def runs(made_once) -> dict[str, Path]:
    """Kind of run → its folder, manuscript written."""

    def make(folder: Path) -> None:
        for kind in KINDS:
            typeset(write_run(folder / kind, kind))

    folder = made_once("runs", make)
    return {kind: folder / kind for kind in KINDS}


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Write a made-up run once for all tests that ask for the same; nobody may change its files."""
    folders: dict[str, Path] = {}

    def write(kind: str = "simulated", **keywords) -> Path:
        key = repr((kind, sorted(keywords.items())))
        if key not in folders:
            folders[key] = write_run(tmp_path_factory.mktemp("written") / "run", kind, **keywords)
        return folders[key]

    return write


@pytest.fixture
def report_of(written):
    """The report over a made-up run, tables and all, without typesetting; its tables may be changed in memory."""

    def make(kind: str = "simulated", **keywords):
        return prepare(Results(written(kind, **keywords)), AS_MODELS, ROOT / "manuscript")

    return make
