"""One made-up run of each kind, drawn and written once for all tests of the report."""

from __future__ import annotations

from pathlib import Path

import pytest
from figure_stand_ins import stand_ins
from fortems.presentation.results import Results
from fortems.report.build import build, prepare
from made_up_run import AS_MODELS, KINDS, ROOT, write_run


def typeset(folder: Path) -> Path:
    """Write the manuscript of a run beside stand-ins of its figures; return its folder."""
    stand_ins(folder)
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
