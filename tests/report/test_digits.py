"""No digit in the text that is not bound: sources, sentences, rendered pages; a planted one is found."""

import shutil

import pytest
import unbound_digits as digits
from fortems import tidy
from fortems.presentation.results import Results
from fortems.report.bind import check
from fortems.report.build import PARTS
from made_up_run import ROOT

MANUSCRIPT = ROOT / "manuscript"
CODE = ROOT / "workflow/fortems/report"
ALLOWED = digits.listed(MANUSCRIPT / "digits.yaml")
TEMPLATES = sorted(MANUSCRIPT.rglob("*.md"))
MODULES = sorted([*CODE.glob("text/*.py"), *CODE.glob("tables/*.py"), CODE / "variant.py", CODE / "build.py"])


def test_every_listed_digit_has_a_reason():
    assert all(len(reason) > 10 for reason in ALLOWED.values())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_unbound_digit(path):
    assert digits.in_template(path.read_text(encoding="utf-8"), ALLOWED) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_sentences_hold_no_unbound_digit(path):
    assert digits.in_code(path.read_text(encoding="utf-8"), ALLOWED) == []


@pytest.mark.parametrize("planted", ["r = .31", "96 clients", "in 2 of 3 models", "(p = .04)"])
def test_a_planted_digit_is_found(planted):
    text = (MANUSCRIPT / "sections/results.md").read_text(encoding="utf-8")
    assert digits.in_template(f"{text}\nThe bond correlates, {planted}, with meaning.", ALLOWED)
    assert digits.in_code(f'def f():\n    return f"The bond {{x}}: {planted}"\n', ALLOWED)
    assert digits.in_page(f"<html><body><p>The bond, {planted}.</p></body></html>", ALLOWED)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", ["simulated", "items", "scores", "matrix"])
def test_pages_hold_only_bound_numbers_that_agree_with_the_results(runs, kind, part):
    folder = runs[kind]
    page = (folder / f"manuscript/{part}.html").read_text(encoding="utf-8")
    ledger = tidy.read_csv(folder / "manuscript/numbers.csv")
    assert digits.in_page(page, ALLOWED) == []
    assert check(page, ledger, Results(folder)) == []
    assert len(ledger) > 150


@pytest.mark.parametrize(
    ("name", "column", "old", "new", "said"),
    [
        ("claims.csv", "verdict", "reproduced", "not reproduced", "the page says reproduced"),
        ("mediation/verdicts.csv", "paper_rule", "full", "none", "the page says full"),
        (
            "mediation/verdicts.csv",
            "equivalence",
            "not attainable with data as noisy as these",
            "equivalent",
            "not attainable",
        ),
    ],
)
def test_a_flipped_verdict_is_caught_on_the_page(runs, tmp_path, name, column, old, new, said):
    """In the table, and where it is counted in the text, in the abstract among others."""
    folder = tmp_path / "run"
    shutil.copytree(runs["simulated"], folder)
    pages = [(folder / f"manuscript/{part}.html").read_text(encoding="utf-8") for part in PARTS]
    ledger = tidy.read_csv(folder / "manuscript/numbers.csv")
    table = tidy.read_csv(folder / name)
    row = table.index[table[column] == old][0]
    table.loc[row, column] = new
    tidy.write_csv(table, folder / name)
    problems = [problem for page in pages for problem in check(page, ledger, Results(folder))]
    assert any(said in problem for problem in problems), problems
    if name == "claims.csv":
        assert any("is reproduced" in problem or "rows " in problem for problem in problems), problems


def test_a_changed_result_is_caught_on_the_page(runs, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["simulated"], folder)
    page = (folder / "manuscript/manuscript.html").read_text(encoding="utf-8")
    ledger = tidy.read_csv(folder / "manuscript/numbers.csv")
    effects = tidy.read_csv(folder / "mediation/effects.csv")
    row = (effects["model"] == "bond") & (effects["engine"] == "twolevel") & (effects["effect"] == "a")
    effects.loc[row, "estimate"] += 0.1
    tidy.write_csv(effects, folder / "mediation/effects.csv")
    problems = check(page, ledger, Results(folder))
    assert problems and all("mediation/effects.csv" in problem and "bond" in problem for problem in problems)
