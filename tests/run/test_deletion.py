"""A manifest may come from anywhere: a run removes only what is surely its own, and names what it leaves."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from fortems.run import verify
from fortems.run.manifest import HALF_WRITTEN, kept, tidy_up
from fortems.tidy import atomic

RESULTS = "results/main"
THESIS = "two years of work\n"
TINY = ("--configfile", "config/tiny.yaml")


def nothing_is_made(path: str) -> bool:
    return False


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A run's folder, and beside it what nobody may touch."""
    monkeypatch.chdir(tmp_path)
    results = tmp_path / RESULTS
    results.mkdir(parents=True)
    for name in ("thesis.docx", "results/thesis.docx", "results/mainly/thesis.docx", "elsewhere/thesis.docx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(THESIS)
    return results


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def list_in_manifest(results: Path, *names: str, text: str = THESIS) -> None:
    """A manifest that lists the names, with the checksum that the text has."""
    files = {name: {"sha256": digest(text), "bytes": 1, "rule": "claims", "inputs": []} for name in names}
    (results / "manifest.json").write_text(json.dumps({"run": "main", "files": files}))


def theses(root: Path) -> int:
    return sum(path.read_text() == THESIS for path in root.rglob("thesis*") if path.is_file())


def test_what_an_earlier_run_left_goes(folder):
    (folder / "tables").mkdir()
    (folder / "tables/old.csv").write_text("a\n")
    (folder / "tables/made.csv").write_text("a\n")
    list_in_manifest(folder, "tables/old.csv", "tables/made.csv", "tables/gone.csv", text="a\n")
    assert tidy_up(RESULTS, f"{RESULTS}/tables/made.csv".__eq__) == ["tables/old.csv"]
    assert sorted(p.name for p in (folder / "tables").iterdir()) == ["made.csv"]
    assert kept(RESULTS, f"{RESULTS}/tables/made.csv".__eq__) == {}


@pytest.mark.parametrize(
    "name",
    [
        "../../thesis.docx",
        "../thesis.docx",
        "../mainly/thesis.docx",
        "tables/../../thesis.docx",
        "{root}/thesis.docx",
        "{root}/results/main/../thesis.docx",
        "..\\..\\thesis.docx",
        "C:\\thesis.docx",
    ],
)
def test_a_name_that_leads_out_removes_nothing_and_is_named(folder, tmp_path, name):
    name = name.format(root=tmp_path)
    (folder / "tables").mkdir()
    list_in_manifest(folder, name)
    assert tidy_up(RESULTS, nothing_is_made) == []
    assert theses(tmp_path) == 4
    assert kept(RESULTS, nothing_is_made) == {name: "the name leads out of the run's folder"}


def test_a_file_of_another_content_stays(folder):
    (folder / "thesis.docx").write_text(THESIS)
    list_in_manifest(folder, "thesis.docx", text="a table\n")
    assert tidy_up(RESULTS, nothing_is_made) == []
    assert "not the file" in kept(RESULTS, nothing_is_made)["thesis.docx"]
    assert (folder / "thesis.docx").read_text() == THESIS


def test_links_stay_whatever_they_lead_to(folder, tmp_path):
    (folder / "thesis_link.docx").symlink_to(tmp_path / "thesis.docx")
    (folder / "folder").symlink_to(tmp_path / "elsewhere")
    (folder / "inner").mkdir()
    (folder / "inner/up").symlink_to("..")
    (folder / "table.csv").write_text(THESIS)
    names = ("thesis_link.docx", "folder/thesis.docx", "folder", "inner/up/table.csv")
    list_in_manifest(folder, *names)
    assert tidy_up(RESULTS, nothing_is_made) == []
    assert (folder / "thesis_link.docx").is_symlink()
    assert (folder / "table.csv").exists()
    assert theses(tmp_path / "elsewhere") == 1
    assert {"thesis_link.docx", "folder/thesis.docx", "inner/up/table.csv"} <= set(
        kept(RESULTS, nothing_is_made)
    )


def test_another_spelling_of_a_made_file_removes_nothing(folder):
    (folder / "tables").mkdir()
    (folder / "tables/icc.csv").write_text(THESIS)
    names = ("./tables/icc.csv", "tables//icc.csv", "tables/./icc.csv", "tables/x/../icc.csv")
    list_in_manifest(folder, *names)
    assert tidy_up(RESULTS, f"{RESULTS}/tables/icc.csv".__eq__) == []
    assert (folder / "tables/icc.csv").exists()


def test_pipes_and_folders_are_not_opened(folder):
    os.mkfifo(folder / "pipe.csv")
    (folder / "empty.csv").mkdir()
    list_in_manifest(folder, "pipe.csv", "empty.csv")
    assert tidy_up(RESULTS, nothing_is_made) == []
    assert "pipe.csv" in kept(RESULTS, nothing_is_made)
    assert (folder / "empty.csv").is_dir()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '{"files": []}',
        '{"files": ["thesis.docx"]}',
        '{"files": {"thesis.docx": null}}',
        '{"files": {"thesis.docx": {}}}',
        '{"files": {"thesis.docx": {"sha256": [1]}}}',
        '{"files": {"thesis.docx\\u0000": {"sha256": "0"}}}',
        '{"files": {"\\ud800": {"sha256": "0"}}}',
        "[" * 100_000,
        "\x80",
    ],
)
def test_what_is_no_manifest_removes_nothing(folder, text):
    (folder / "thesis.docx").write_text(THESIS)
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    assert tidy_up(RESULTS, nothing_is_made) == []
    assert (folder / "thesis.docx").exists()
    kept(RESULTS, nothing_is_made)


def test_a_manifest_that_is_a_link_or_pipe_is_not_read(folder, tmp_path):
    (folder / "thesis.docx").write_text(THESIS)
    list_in_manifest(folder, "thesis.docx")
    (folder / "manifest.json").rename(tmp_path / "foreign.json")
    (folder / "manifest.json").symlink_to(tmp_path / "foreign.json")
    assert tidy_up(RESULTS, nothing_is_made) == []
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    assert tidy_up(RESULTS, nothing_is_made) == []


def test_half_written_files_go_and_what_only_looks_so_stays(folder, tmp_path):
    with atomic(folder / "claims.csv") as partial:
        name = partial.name
    assert HALF_WRITTEN.fullmatch(name)
    (folder / name).write_text("half")
    (folder / ".partial-notes of mine.docx").write_text(THESIS)
    (folder / ".partial-abcdefgh").mkdir()
    (folder / ".partial-abcdefgi.csv").symlink_to(tmp_path / "thesis.docx")
    tidy_up(RESULTS, nothing_is_made)
    assert not (folder / name).exists()
    assert (folder / ".partial-notes of mine.docx").exists()
    assert (folder / ".partial-abcdefgh").is_dir()
    assert (folder / ".partial-abcdefgi.csv").is_symlink()


@pytest.mark.parametrize("name", ["../mainly", "..", ".", "", "reference", "../../elsewhere", "/tmp", "a b"])
@pytest.mark.parametrize("option", [[], ["--renew"]])
def test_no_run_by_that_name_is_verified_or_renewed(folder, tmp_path, capsys, name, option):
    (tmp_path / "results/mainly/manifest.json").write_text('{"files": {}}')
    assert verify.main([*option, name]) == 2
    assert "a name such as main" in capsys.readouterr().err
    assert theses(tmp_path) == 4


def test_a_folder_from_a_colleague_deletes_nothing(repository, tmp_path):
    """The whole command, as it is typed."""
    thesis = tmp_path / "thesis.docx"
    thesis.write_text(THESIS)
    results = repository.root / "results/tiny"
    results.mkdir(parents=True)
    (results / "old.csv").write_text("a\n")
    (results / "notes.docx").write_text("mine\n")
    (results / "linked.docx").symlink_to(thesis)
    list_in_manifest(results, str(thesis), "../../../thesis.docx", "notes.docx", "linked.docx")
    made = json.loads((results / "manifest.json").read_text())
    made["files"]["old.csv"] = {"sha256": digest("a\n")}
    (results / "manifest.json").write_text(json.dumps(made))
    done = repository.snakemake("results/tiny/config.yaml", *TINY)
    assert done.returncode == 0, done.stdout[-2000:]
    assert thesis.read_text() == THESIS
    assert (results / "notes.docx").read_text() == "mine\n"
    assert (results / "linked.docx").is_symlink()
    assert not (results / "old.csv").exists()
    for name in (str(thesis), "../../../thesis.docx", "notes.docx", "linked.docx"):
        assert f"Left alone: '{name}'" in done.stdout, done.stdout[-2000:]
