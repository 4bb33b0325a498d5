"""The catalogue of results: a run makes what it lists and no more, and everyone who lists results asks it."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from fortems.figures import catalog
from fortems.run import catalogue
from fortems.run.config import complete, switched_on
from fortems.schema import load_schema

ROOT = Path(__file__).resolve().parents[2]


def test_a_run_makes_what_the_catalogue_lists(built):
    folder = built.root / "results/tiny"
    config = complete(yaml.safe_load((folder / "config.yaml").read_text()))
    listed = {name for name in catalogue.FILES if switched_on(name, config)}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert listed <= there
    beside = {name for name in there - listed if not name.startswith(("figures/", "."))}
    assert beside == {"manuscript/numbers.csv"}


def test_a_table_has_the_columns_that_it_must_have(built):
    for name, file in catalogue.FILES.items():
        path = built.root / "results/tiny" / name
        if file.columns and path.exists():
            assert set(file.columns) <= set(path.read_text().partition("\n")[0].split(",")), name


def test_every_key_that_switches_a_result_on_is_declared():
    for file in catalogue.FILES.values():
        schema = load_schema("config")
        for part in filter(None, file.key.split(".")):
            assert part in schema["properties"], file
            schema = schema["properties"][part]


def test_stems_are_unique_so_that_a_checklist_can_name_them():
    stems = [file.stem for file in catalogue.FILES.values() if file.reported]
    assert len(stems) == len(set(stems))
    for path in (ROOT / "manuscript/checklists").glob("*.yaml"):
        for condition in re.findall(r"unless: \{(\w+):", path.read_text()):
            assert condition in {*stems, "real", *("simulated", "items", "scores", "matrix")}


def test_figures_draw_what_the_catalogue_lists():
    assert {need for needs in catalog.NEEDS.values() for need in needs} <= set(catalogue.FILES)


def test_the_readme_tells_every_stage():
    table = (ROOT / "README.md").read_text().partition("| in `results/<run>/` |")[2].partition("\n\n")[0]
    told = set(
        re.findall(
            r"`([\w.-]+)/?[^`]*`",
            "\n".join(line.split("|")[1] for line in table.splitlines()[1:] if line.count("|") > 2),
        )
    )
    stages = {file.stage for file in catalogue.FILES.values()}
    assert stages - told == {"disclosure.json"} and told - stages <= {"figures", ".pdf", ".docx"}
