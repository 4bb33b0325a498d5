"""What measures the tests: coverage by room, and whether changed lines are noticed."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mutants():
    pytest.importorskip("cosmic_ray")
    return tool("mutants")


SOURCE = "def larger(x, y):\n    if x > y:\n        return x\n    return y + 0\n"


def test_every_mutation_changes_the_source_and_the_sample_is_fixed(mutants):
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    every = list(mutants.mutations(SOURCE))
    made = {mutate_code(SOURCE, get_operator(name)(), number) for name, number in every}
    assert None not in made and SOURCE not in made
    assert any("x < y" in text for text in made) and any("y - 0" in text for text in made)
    assert mutants.sample(SOURCE, "a", 5) == mutants.sample(SOURCE, "a", 5)
    assert mutants.sample(SOURCE, "a", 5) != mutants.sample(SOURCE, "b", 5)
    assert len(mutants.sample(SOURCE, "a", 10**6)) == len(every)


def test_a_mutation_is_killed_by_a_test_that_looks_and_survives_one_that_does_not(mutants, tmp_path):
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow/larger_mutant.py").write_text(SOURCE.replace(">", "<"))
    (tmp_path / "test_looks.py").write_text(
        "from larger_mutant import larger\ndef test(): assert larger(2, 1) == 2\n"
    )
    (tmp_path / "test_blind.py").write_text(
        "from larger_mutant import larger\ndef test(): assert larger(1, 1) == 1\n"
    )
    assert mutants.tried(tmp_path, ["test_looks.py"]) == "killed"
    assert mutants.tried(tmp_path, ["test_blind.py"]) == "survived"
    assert mutants.changed_line("a\nb\n", "a\nc\n") == (2, "b", "c")


def test_only_mutations_that_were_noticed_and_are_still_the_same_are_tried_again(
    mutants, tmp_path, monkeypatch
):
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    (tmp_path / "larger.py").write_text(SOURCE)
    rows = []
    for operator, number in mutants.mutations(SOURCE):
        after = mutate_code(SOURCE, get_operator(operator)(), number)
        line, old, new = mutants.changed_line(SOURCE, after)
        outcome = "killed" if line == 2 else "survived"
        values = ("a", "larger.py", operator, number, line, old, new, outcome)
        rows.append(dict(zip(mutants.COLUMNS, values, strict=True)))
    monkeypatch.setattr(mutants, "ROOT", tmp_path)
    monkeypatch.setattr(mutants, "TABLE", tmp_path / "mutants.csv")
    monkeypatch.setattr(mutants, "DECIDES", {"a": ("larger.py", [])})
    mutants.write(rows)
    killed = [(row["operator"], row["occurrence"]) for row in rows if row["outcome"] == "killed"]
    assert len(killed) > 3 and mutants.noticed_before("a", 100) == killed
    assert mutants.noticed_before("a", 2) == killed[:2]
    (tmp_path / "larger.py").write_text(SOURCE.replace("x > y", "x > 2 * y"))
    with pytest.raises(SystemExit, match="measure anew"):
        mutants.noticed_before("a", 2)


def test_what_decides_is_there(mutants):
    for module, tests in mutants.DECIDES.values():
        assert (ROOT / module).is_file()
        assert all((ROOT / test).exists() for test in tests)


def test_stored_mutations_are_of_what_decides(mutants):
    """As measured: the table names what was tried, and where something lives."""
    if not mutants.TABLE.is_file():
        pytest.skip("not measured yet")
    with open(mutants.TABLE, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["name"] for row in rows} <= set(mutants.DECIDES)
    assert {row["outcome"] for row in rows} <= {"killed", "survived"}
    assert all(row["before"] != row["after"] for row in rows)


def test_coverage_adds_up_by_room():
    table = tool("coverage_table")
    counts = {"num_statements": 10, "covered_lines": 9, "num_branches": 4, "covered_branches": 2}
    other = {"num_statements": 10, "covered_lines": 1, "num_branches": 0, "covered_branches": 0}
    found = table.by_room(
        {
            "workflow/fortems/stats/a.py": {"summary": counts},
            "workflow/fortems/tidy.py": {"summary": other},
            "packages/twolevel/src/twolevel/search/b.py": {"summary": counts},
        }
    )
    assert table.share(found["fortems.stats"]) == pytest.approx(11 / 14)
    assert table.share(found["fortems (whole)"]) == pytest.approx(12 / 24)
    assert set(found) == {
        "fortems",
        "fortems (whole)",
        "fortems.stats",
        "twolevel (whole)",
        "twolevel.search",
    }
