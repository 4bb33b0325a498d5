"""Comparing a run with its reference: five outcomes, a verdict in words, an exit code."""

from __future__ import annotations

import json

import pytest
from fortems.run import job as workflow
from fortems.run import verify
from fortems.run.manifest import manifest
from fortems.tidy import write_json

TABLES = {
    "tables/icc.csv": "scale,icc\nbond,0.05\ndistress,0.1\n",
    "mediation/effects.csv": "model,estimate\nbond,-0.105\n",
    "claims.csv": "claim,verdict\nbond,reproduced\n",
    "gate.json": '{"passed": true, "checks": [{"value": 0.5}]}\n',
    "data/scores.csv": "client,bond\n1,12\n",
    "figures/forest.svg": "<svg>1</svg>\n",
    "config.yaml": "run: main\n",
    "ro-crate-metadata.json": '{"@graph": [{"sha256": "a1"}]}\n',
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run with its own reference, both made by the module under test."""
    monkeypatch.chdir(tmp_path)
    for name, text in TABLES.items():
        write(name, text)
    made_by = {f"results/main/{name}": {"rule": "r", "inputs": []} for name in TABLES}
    write_json(manifest("results/main", made_by), "results/main/manifest.json")
    assert verify.main(["--renew", "main"]) == 0
    return tmp_path


def write(name: str, text: str) -> None:
    path = verify.RESULTS / "main" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def outcome(capsys) -> tuple[int, str, dict[str, str]]:
    capsys.readouterr()
    code = verify.main(["main"])
    text = capsys.readouterr().out
    by_file = dict(
        line.split("  ", 1)
        for line in map(str.strip, text.splitlines())
        if line.split("  ")[0].strip() in {*TABLES, "stray.csv"}
    )
    return code, text, {k.strip(): v.strip() for k, v in by_file.items()}


def test_an_equal_run_is_identical(run, capsys):
    code, text, by_file = outcome(capsys)
    assert code == 0
    assert "Identical: all 8 files" in text
    assert by_file == {}  # what is equal is not listed


def test_the_verdict_comes_first_and_only_what_differs_after_it(run, capsys):
    write("tables/icc.csv", TABLES["tables/icc.csv"].replace("0.05", "0.06"))
    _, text, by_file = outcome(capsys)
    assert text.startswith("Not reproduced: of 8 files")
    assert list(by_file) == ["tables/icc.csv"] and len(text.splitlines()) == 2


def test_where_no_run_is_there_the_ways_to_one_are_named(run, capsys):
    """The reduced run is minutes away, and a run that is there can be compared at once."""
    (verify.REFERENCE / "ci").mkdir()
    (verify.REFERENCE / "ci/manifest.json").write_text("{}")
    assert verify.main(["ci"]) == 2
    told = capsys.readouterr().err
    assert "make ci" in told and "make verify RUN=main" in told
    (verify.RESULTS / "main/manifest.json").unlink()
    assert verify.main(["main"]) == 2
    assert "make ci" in capsys.readouterr().err


def test_last_digits_are_within_tolerance_and_the_kernel_is_named(run, capsys):
    write("tables/icc.csv", TABLES["tables/icc.csv"].replace("0.05", "0.05000000001"))
    write("figures/forest.svg", "<svg>2</svg>\n")
    write("ro-crate-metadata.json", '{"@graph": [{"sha256": "b2"}]}\n')  # lists checksums of the others
    code, text, by_file = outcome(capsys)
    assert code == 0
    assert by_file["ro-crate-metadata.json"].startswith("within tolerance: other bytes")
    assert by_file["tables/icc.csv"].startswith("within tolerance")
    assert by_file["figures/forest.svg"].startswith("within tolerance: other bytes")
    assert "Reproduced" in text
    assert "blas" in text
    assert verify.machine()["processor"] in text


def test_steps_compute_with_kernels_that_processors_have_in_common(monkeypatch):
    """On whatever machine with AVX2 this runs, the libraries take the same kernels; a user's choice is kept."""
    if not workflow._has_common_kernels():
        pytest.skip("not an x86-64 processor with AVX2")
    for name in workflow.COMMON_KERNELS:
        monkeypatch.delenv(name, raising=False)
    facts = verify.machine()
    assert facts["blas"].endswith(" Haswell")
    assert facts["numpy"].endswith(" X86_V3")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR")
    facts = verify.machine()
    assert "Haswell" not in facts["blas"] and "X86_V3" not in facts["numpy"]


def test_other_processors_choose_for_themselves(monkeypatch):
    monkeypatch.setattr(workflow, "_has_common_kernels", lambda: False)
    assert not set(workflow.COMMON_KERNELS) & set(workflow.steady())


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("tables/icc.csv", "0.05", "0.0501", "row 2, icc: 0.0501 here, 0.05 there"),
        ("mediation/effects.csv", "-0.105", "-0.106", "row 2, estimate"),
        ("mediation/effects.csv", "bond", "goal", "row 2, model: goal here, bond there"),
        ("claims.csv", "reproduced", "not reproduced", "row 2, verdict"),
        ("gate.json", "true", "false", "passed: False here, True there"),
        ("gate.json", "0.5", "0.6", "checks[0].value"),
        ("tables/icc.csv", "distress,0.1\n", "", "cells only there"),
        ("tables/icc.csv", "icc\n", "icc2\n", "only here"),
    ],
)
def test_a_difference_is_named_with_its_cell(run, capsys, name, old, new, words):
    write(name, TABLES[name].replace(old, new))
    code, text, by_file = outcome(capsys)
    assert code == 1
    assert by_file[name].startswith("differs")
    assert words in by_file[name]
    assert "Not reproduced" in text


@pytest.mark.parametrize(
    ("name", "text"), [("data/scores.csv", "client,bond\n1,13\n"), ("config.yaml", "run: x\n")]
)
def test_rows_and_configuration_are_not_drawn_from_tables(run, capsys, name, text):
    """Other clients, or another configuration, that happen to give the same tables are not the same run."""
    write(name, text)
    code, _, by_file = outcome(capsys)
    assert code == 1
    assert by_file[name] == "differs: other bytes"


def test_pictures_are_not_excused_when_a_table_differs(run, capsys):
    write("tables/icc.csv", TABLES["tables/icc.csv"].replace("0.05", "0.06"))
    write("figures/forest.svg", "<svg>2</svg>\n")
    assert outcome(capsys)[2]["figures/forest.svg"].startswith("differs")


def test_missing_and_extra_files_are_named(run, capsys):
    (verify.RESULTS / "main/claims.csv").unlink()
    write("stray.csv", "x\n")
    code, _, by_file = outcome(capsys)
    assert code == 1
    assert by_file["claims.csv"] == "missing"
    assert by_file["stray.csv"] == "extra"


def test_a_reference_holds_tables_only(run):
    kept = {p.relative_to(verify.REFERENCE / "main").as_posix() for p in verify.REFERENCE.rglob("*.*")}
    assert kept == {
        "tables/icc.csv",
        "mediation/effects.csv",
        "claims.csv",
        "gate.json",
        "manifest.json",
        "machine.json",
    }


@pytest.mark.parametrize("arguments", [["absent"], ["--renew", "absent"]])
def test_nothing_to_compare_is_said(run, capsys, arguments):
    assert verify.main(arguments) == 2
    assert "results/absent/manifest.json is not there" in capsys.readouterr().err


def test_the_manifest_lists_every_file_and_names_orphans(run):
    write("stray.csv", "x\n")
    write(".hidden", "x\n")
    made_by = {
        f"results/main/{name}": {"rule": "r", "inputs": ["b", "a", "workflow/fortems/x.py"]}
        for name in TABLES
    }
    made = manifest("results/main", made_by)
    assert set(made["files"]) == set(TABLES)
    assert made["orphans"] == ["stray.csv"]
    assert made["files"]["claims.csv"]["inputs"] == ["a", "b"]
    assert made["code"] == {"r": ["workflow/fortems/x.py"]}
    assert json.dumps(made)
