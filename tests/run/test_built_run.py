"""The built tiny run: nothing left to do, nothing unlisted, everything that was promised."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import yaml

TINY = ("--configfile", "config/tiny.yaml")


def test_a_second_run_does_nothing(built):
    again = built.snakemake(*TINY)
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout
    assert "come from no step" not in again.stdout


def test_snakemakes_report_opens_on_the_results(built, tmp_path):
    """Without an entry of metadata it opens on the graph of rules."""
    made = built.snakemake(*TINY, "--report", str(tmp_path / "report.html"))
    assert made.returncode == 0, made.stderr
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"var metadata = \{\s*.Kinds of result files", page)
    landing = json.loads(re.search(r"var workflow_desc = (.*);", page)[1])
    assert "tiny" in landing and all(
        f">{part}</a>" in landing for part in ("Report", "Findings", "Robustness")
    )
    assert "System Message" not in landing


def test_files_are_those_of_the_manifest(built):
    listed = json.loads((built.root / "results/tiny/manifest.json").read_text())
    content = built.bytes_of("tiny")
    assert set(content) == {*listed["files"], "manifest.json"}
    assert listed["orphans"] == []
    for name, entry in listed["files"].items():
        assert entry["sha256"] == hashlib.sha256(content[name]).hexdigest(), name
        assert entry["rule"]
        assert entry["inputs"] or name == "config.yaml", name
        assert listed["code"][entry["rule"]]


def test_the_tiny_run_walks_every_rule(built):
    """But the one for a published matrix, and the one that releases what may be told of own data."""
    written = "\n".join(path.read_text() for path in (built.root / "workflow/rules").glob("*.smk"))
    walked = {
        json.loads(path.read_text())["rule"] for path in (built.root / "logs/tiny").rglob("*.receipt.json")
    }
    assert set(re.findall(r"^ *rule (\w+):", written, flags=re.MULTILINE)) - walked == {"matrix", "release"}


def test_every_promised_file_is_there(built):
    content = built.bytes_of("tiny")
    promised = {
        *("data/scores.csv", "data/flow.csv", "data/calibration.csv"),
        *(f"tables/{name}.csv" for name in ("reliability", "descriptives", "icc", "correlations")),
        *(
            f"mediation/{name}.csv"
            for name in ("effects", "fit", "verdicts", "derived", "agreement", "measurement")
        ),
        *(f"design/{name}.csv" for name in ("diagnosticity", "likelihood_ratios", "power", "coverage")),
        *("claims.csv", "published.csv", "gate.json", "config.yaml", "manifest.json"),
        *(f"manuscript/manuscript.{kind}" for kind in ("html", "pdf", "docx")),
    }
    assert promised - set(content) == set()
    figures = {name.rpartition(".")[0] for name in content if name.startswith("figures/")} - {"figures/index"}
    assert figures
    for figure in figures:
        assert {f"{figure}.{kind}" for kind in ("svg", "pdf", "png", "csv")} <= set(content)


def test_the_merged_configuration_is_written_out(built):
    written = yaml.safe_load((built.root / "results/tiny/config.yaml").read_text())
    overlay = yaml.safe_load((built.root / "config/tiny.yaml").read_text())
    assert written["run"] == "tiny"
    assert written["bootstrap"] == overlay["bootstrap"]
    assert written["confidence"] == 0.95


def test_numbers_are_written_in_one_way(built):
    """Ten significant digits, no negative zero, no lone .0, line ends of one kind."""
    for name, content in built.bytes_of("tiny").items():
        if name.endswith(".csv") and name != "manuscript/numbers.csv":  # numbers as the text words them
            text = content.decode("utf-8")
            assert "\r" not in text, name
            for cell in re.findall(r"(?<=[,\n])-?\d[\d.e+-]*(?=[,\n])", text):
                digits = re.sub(r"e.*|[-.]", "", cell).lstrip("0")
                assert len(digits) <= 10 or "." not in cell, f"{name}: {cell}"
                assert cell not in ("-0", "-0.0") and not re.fullmatch(r"-?\d+\.0+", cell), f"{name}: {cell}"


def test_nothing_of_this_machine_enters_the_results(built):
    places = (str(built.root).encode(), b"/home/", b"site-packages")
    for name, content in built.bytes_of("tiny").items():
        for place in places:
            assert place not in content, f"{place!r} in {name}"


def test_a_stray_file_is_named_and_left_alone(clone):
    clone.write("results/tiny/tables/stray.csv", "a\n1\n")
    again = clone.snakemake(*TINY)
    assert again.returncode == 0
    assert again.stdout.rstrip().endswith("- results/tiny/tables/stray.csv")
    assert (clone.root / "results/tiny/tables/stray.csv").exists()


def test_what_is_switched_off_goes_away(clone):
    clone.edit("config/tiny.yaml", "run: tiny\n", "run: tiny\npublished: null\n")
    done = clone.snakemake("-n", *TINY)
    assert "results/tiny/published.csv" in done.stdout.split("come from no step")[1]
    # What the run itself once made is removed by the next real run, before its first job.
    done = clone.snakemake("results/tiny/gate.json", *TINY)
    assert done.returncode == 0, done.stdout[-2000:]
    assert not (clone.root / "results/tiny/published.csv").exists()


@pytest.mark.parametrize("command", ["--lint", "--list"])
def test_snakemake_is_content(built, command):
    done = built.snakemake(command, cores=None)
    assert done.returncode == 0, done.stdout
