"""What data editors are told agrees with the workflow and with the times as measured."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fortems.archive import replication
from fortems.archive.__main__ import pages
from fortems.archive.replication import (
    blocks,
    filled,
    rule_of,
    rule_texts,
    script_of,
    sources,
    steps_block,
    times_block,
)
from fortems.figures.catalog import NEEDS
from fortems.run.catalogue import FILES
from fortems.run.usage import Usage, recorded

ROOT = Path(__file__).resolve().parents[2]


def test_all_that_is_generated_is_fresh():
    old = [path.name for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    assert old == [], "run make docs"


def test_every_rule_has_a_script_that_is_there():
    scripts = {rule: script_of(rule) for rule in rule_texts()}
    assert len(scripts) > 15
    assert all((ROOT / script).is_file() for script in scripts.values())


def test_rules_are_those_of_a_run(built):
    """The manifest of a run that was just made knows which rule made what."""
    files = json.loads((built.root / "results/tiny/manifest.json").read_text())["files"]
    told = {file: (rule, script) for _, file, rule, script in sources()}
    wrong = {n: (told[n][0], files[n]["rule"]) for n in files if n in told and told[n][0] != files[n]["rule"]}
    assert not wrong
    assert len(set(told) & set(files)) > 30


def test_rule_files_tell_what_no_manifest_has(tmp_path):
    assert rule_of("robustness/rounding.csv", tmp_path / "none.json") == "matrix"
    assert rule_of("tables/reliability.csv", tmp_path / "none.json") == "reliability"
    assert rule_of("nowhere.csv", tmp_path / "none.json") == ""


def test_every_figure_and_every_table_that_the_report_draws_on_is_listed():
    listed = {file for _, file, _, _ in sources()}
    assert {f"figures/{name}.svg" for name in NEEDS} <= listed
    assert {name for name, file in FILES.items() if file.reported} <= listed
    assert not [file for _, file, rule, script in sources() if not rule or not script]


def test_times_are_those_of_the_table():
    table = [
        Usage("main", "all", 30, 400.0, size=21.0, cores=4, machine="four processors"),
        Usage("main", "design_chunk", 4, 300.0, 1000.0, 900.0),
        Usage("main", "gate", 1, 2.0, 1.5, 100.0),
    ]
    row = next(line for line in times_block(table) if line.startswith("| `main`"))
    assert [cell.strip() for cell in row.split("|")[3:8]] == [
        "7 min",
        "4",
        "900 MB",
        "21 MB",
        "four processors",
    ]
    assert next(line for line in times_block(table) if line.startswith("| `ci`")).count("not measured") == 1
    steps = [line for line in steps_block(table) if line.startswith("| `")]
    assert [line.split("`")[1] for line in steps] == ["design_chunk", "gate"]


def test_tracked_times_name_their_machine():
    assert recorded()
    assert all(one.machine and one.cores > 0 and one.seconds > 0 for one in recorded())


def test_markers_must_be_there_once():
    text = "a\n<!-- generated: x -->\nold\n<!-- end: x -->\nb\n"
    assert filled(text, {"x": "new"}) == text.replace("old", "new")
    for broken in ("", text + text):
        with pytest.raises(ValueError, match="stands"):
            filled(broken, {"x": "new"})
    assert set(blocks(recorded())) == set(
        re.findall(r"<!-- generated: (\w+)", (ROOT / "README.md").read_text())
    )


def test_the_seed_is_the_configurations():
    assert re.search(r"^seed: (\d+)", (ROOT / "config/config.yaml").read_text(), flags=re.MULTILINE)[1] in (
        replication.seed_line()
    )
