"""A user's own words in the report: title, labels of columns, and sections of a folder of theirs."""

from __future__ import annotations

import pytest
from fortems.errors import ConfigError, FortemsError
from fortems.report import sections
from fortems.report.build import FURTHER, compose, front
from fortems.report.page import nodes
from fortems.report.template import render
from fortems.report.text import SENTENCES
from fortems.run.config import complete
from fortems.run.preflight import check
from fortems.schema import load_yaml
from fortems.study.definition import LABELS, study, use_labels
from made_up_run import ROOT

OWN = "# Discussion {#discussion}\n\nWe treated {{ n('data/flow.csv', 'clients', step='analysed') }} people in 2024.\n"


@pytest.fixture
def labelled(tmp_path, monkeypatch):
    """Labels in force for one test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(LABELS, "")
    return lambda labels: use_labels(labels, "clinic")


def test_columns_are_called_as_the_configuration_says(labelled):
    labelled({"phq9": "PHQ-9", "bond": "Working bond"})
    assert study().variable("phq9").label == study().variable("phq9").sentence == "PHQ-9"
    bond = study().variables["bond"]
    assert (bond.label, bond.sentence, bond.instrument, bond.part_of) == (
        "Working bond",
        "working bond",
        "wai",
        "alliance",
    )
    assert study().variable("goal").label == "Goal" and study().variable("gaf").label == "Gaf"
    assert study().variables["distress"].worse


def test_without_labels_the_study_decides_again(labelled):
    labelled({"bond": "Working bond"})
    assert labelled({}) == ""
    assert study().variables["bond"].label == "Bond"


def test_the_file_of_labels_is_written_anew_only_where_they_change(labelled):
    from pathlib import Path

    path = Path(labelled({"bond": "One"}))
    stamp = path.stat().st_mtime_ns
    labelled({"bond": "One"})
    assert path.stat().st_mtime_ns == stamp
    labelled({"bond": "Two"})
    assert study().variables["bond"].label == "Two"


def test_a_section_of_the_users_takes_the_place_of_the_packages(report_of, tmp_path):
    report = report_of("items")
    before = render(report, ROOT / "manuscript", SENTENCES)
    (tmp_path / "discussion.md").write_text(
        OWN.replace("{{ n('data/flow.csv', 'clients', step='analysed') }}", "sixty")
    )
    report.sections = str(tmp_path)
    after = render(report, ROOT / "manuscript", SENTENCES)
    assert "We treated sixty people in 2024." in after
    old = (ROOT / "manuscript/sections/introduction.md").read_text().splitlines()[0]
    assert before != after and old in after  # the others stay


def test_a_section_that_cannot_be_filled_is_named(report_of, tmp_path):
    report = report_of("items")
    (tmp_path / "discussion.md").write_text("{{ no_such_thing() }}")
    report.sections = str(tmp_path)
    with pytest.raises(FortemsError, match=r"A section in .* cannot be filled"):
        render(report, ROOT / "manuscript", SENTENCES)


def test_the_title_is_the_configurations(report_of):
    report = report_of("items")
    report.results.config["report"] = {**(report.results.config.get("report") or {}), "title": "Our clinic"}
    assert front(report).title == "Our clinic"
    assert front(report, "supplement").title == "Supplement to Our clinic"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["has no section", "discussion.md"]),
        ({"diskussion.md": "x"}, ["'diskussion.md' is no section", "Did you mean discussion.md?"]),
        ({"zzz.md": "x"}, ["'zzz.md' is no section"]),
        (None, ["is no folder"]),
    ],
)
def test_a_folder_that_cannot_be_used_is_said_beforehand(tmp_path, files, words):
    folder = tmp_path / "own"
    if files is not None:
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
    config = load_yaml(ROOT / "config/tiny.yaml") | {"report": {"sections": str(folder)}}
    with pytest.raises(ConfigError) as caught:
        check({**complete({}), **config})
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert "None" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text", "heading"),
    [
        ("discussion.md", "# Discussion {#discussion}\n\nOurs.\n", "discussion"),
        ("discussion.md", "# What We Make of It\n\nOurs.\n", "discussion"),
        ("results.md", "Ours, without a heading.\n", "r-claims"),
        ("supplement/method.md", "# Our Method {#ours}\n\nOurs.\n", "ours"),
    ],
)
def test_what_pointed_to_a_replaced_section_points_to_the_one_in_its_place(
    report_of, tmp_path, file, text, heading
):
    """Whatever else of the report speaks of it: headings, tables and figures, items of the checklists."""
    report = report_of("items")
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    report.sections = str(tmp_path)
    gone = sections.stand_ins(report.sections, ROOT / "manuscript")
    assert gone and set(gone.values()) == {heading}
    parts = compose(report, ROOT / "manuscript")
    numbers = {name for part in parts.values() for name in part.numbers}
    links = {
        node["c"][2][0].partition("#")[2]
        for part in parts.values()
        for node in nodes.walk(part.tree["blocks"])
        if node["t"] == "Link" and "#" in node["c"][2][0] and not node["c"][2][0].startswith("http")
    }
    assert not links & set(gone) and heading in links
    plain = compose(report_of("items"), ROOT / "manuscript")
    assert numbers == {name for part in plain.values() for name in part.numbers}
    further = FURTHER in {text for part in parts.values() for text in part.sections.values()}
    assert further == (file != "discussion.md")
