"""Runs that are refused: problems last on the terminal, no traceback, exit code, nothing new under results/."""

from __future__ import annotations

import csv

import pytest
from wording import says


def refused(repository, *arguments):
    done = repository.snakemake(*arguments)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout
    assert (
        not list((repository.root / "results").rglob("*.*"))
        if (repository.root / "results").exists()
        else True
    )
    return done.stdout.rstrip().splitlines()


@pytest.mark.parametrize(
    ("overlay", "last"),
    [
        ("run: x1\nsed: 4\n", "Did you mean seed?"),
        ("run: 2024_01\n", "run: 'r202401'"),
        ("models: config/modles.yaml\n", "Did you mean config/models.yaml?"),
        ("data: {source: file, path: absent.csv, format: items}\n", "a path from the working directory."),
    ],
)
def test_a_bad_configuration(repository, overlay, last):
    repository.write("my.yaml", overlay)
    lines = refused(repository, "--configfile", "my.yaml")
    assert "The configuration cannot be used: 1 problem." in lines
    assert last in lines[-1]


def test_a_model_of_an_unknown_variable(repository):
    repository.edit("config/models.yaml", "mediator: meaning", "mediator: meanin")
    lines = refused(repository)
    assert "there is no variable 'meanin'" in lines[-1]
    assert "Did you mean meaning?" in lines[-1]


def test_a_key_written_twice(repository):
    """Snakemake keeps the last of the two and would run on simulated data."""
    own = "data: {source: file, path: tests/data/example_items.csv, format: items}\n"
    repository.write("my.yaml", f"{own}design: null\ndata: {{values: {{gender: {{v: female}}}}}}\n")
    repository.edit("config/config.yaml", "confidence: 0.95", "confidence: 0.95\nmontecarlo: {draws: 9}")
    lines = refused(repository, "--configfile", "my.yaml")
    told = "\n".join(lines)
    says(told, "configuration", "cannot", "be used", "2 problems")
    says(told, "my.yaml", "the key 'data'", "twice", "line 3")
    says(told, "config/config.yaml", "the key 'montecarlo'", "twice")


def test_an_empty_overlay(repository):
    repository.write("my.yaml", "")
    assert refused(repository, "--configfile", "my.yaml")


def test_data_that_cannot_be_used(repository):
    """Problems of rows come last, are in logs/<run>/problems.csv, and no result is written."""
    source = (repository.root / "tests/data/example_items.csv").read_text().splitlines()
    repository.write("mine.csv", "\n".join([*source, source[1]]) + "\n")
    overlay = (repository.root / "tests/data/example_items.yaml").read_text()
    assert "tests/data/example_items.csv" in overlay
    repository.write("my.yaml", overlay.replace("tests/data/example_items.csv", "mine.csv"))
    lines = refused(repository, "--configfile", "my.yaml")
    assert any("The data cannot be used" in line for line in lines)
    found = list((repository.root / "logs").rglob("problems.csv"))
    assert len(found) == 1
    with open(found[0], newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert rows[0]["what"] in "\n".join(lines)
