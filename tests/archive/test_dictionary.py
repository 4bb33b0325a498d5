"""The data dictionary names every file and every column that a run makes, and no other."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from fortems.archive import dictionary
from fortems.archive.dictionary import Described, described, faults, page
from fortems.run import catalogue
from fortems.run.catalogue import File

ROOT = Path(__file__).resolve().parents[2]
HOME = "docs/columns.yaml is where every column is described; then make docs"


@pytest.fixture(scope="module")
def files():
    return described()


def headers(base: Path) -> dict[str, list[str]]:
    """CSV file of a run → its columns."""
    found = {}
    for path in sorted(base.rglob("*.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            found[path.relative_to(base).as_posix()] = next(csv.reader(file), [])
    return found


def differences(files: dict[str, Described], made: dict[str, list[str]]) -> list[str]:
    """Columns that a run makes and nobody describes, and columns that are described and not made."""
    found = []
    for name, columns in made.items():
        if name.startswith("figures/") and name != "figures/index.csv":
            continue
        if name not in files:
            found.append(f"{name}: not described")
            continue
        found += [
            f"{name}: {column} is not described" for column in columns if not files[name].describes(column)
        ]
        found += [f"{name}: no column {c}" for c in files[name].columns if "{" not in c and c not in columns]
    return found


def test_every_file_is_described_and_every_column_has_a_meaning(files):
    assert faults(files, catalogue.FILES) == [], HOME


def test_every_column_of_a_run_is_described(files, built):
    made = headers(built.root / "results/tiny")
    assert len(made) > 40
    assert differences(files, made) == [], HOME


def test_every_column_of_the_shipped_reference_is_described(files):
    """It has what the tiny run leaves out."""
    made = headers(ROOT / "results/reference/main")
    assert "design/recovery.csv" in made
    assert [words for words in differences(files, made) if "not described" in words] == [], HOME


def test_figures_draw_columns_of_tables(files, built):
    """A figure's table has columns of the results, or some of its own that are few."""
    known = {column for file in files.values() for column in file.columns}
    made = {n: c for n, c in headers(built.root / "results/tiny/figures").items() if n != "index.csv"}
    own = {column for columns in made.values() for column in columns} - known
    assert len(made) > 10 and len(own) < 25


def test_the_page_is_fresh(files):
    written = dictionary.TARGET.read_text(encoding="utf-8")
    assert written == page(files, catalogue.FILES), "run make docs"


def test_the_page_has_every_file_and_column(files):
    text = page(files, catalogue.FILES)
    for file in files.values():
        assert f"### `{file.name}`" in text
    for name in catalogue.FILES:
        assert f"### `{name}`" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == sum(len(file.columns) for file in files.values())


def test_what_is_missing_is_found():
    """The checks see a file, a column and a meaning that are not there."""
    named = {"a.csv": File("a.csv"), "b.csv": File("b.csv")}
    told = {"a.csv": Described("a.csv", "x", {"p": "words", "q": ""}), "c.csv": Described("c.csv", "x", {})}
    assert faults(told, named) == [
        "b.csv: not described",
        "c.csv: no such file",
        "a.csv: column q has no meaning",
    ]
    assert differences(told, {"a.csv": ["p", "z"], "d.csv": []}) == [
        "a.csv: z is not described",
        "a.csv: no column q",
        "d.csv: not described",
    ]


def test_a_pattern_stands_for_several_columns():
    file = Described("a.csv", "x", {"{instrument}_{n}": "answer"})
    assert file.describes("oq_45") and not file.describes("client")
