"""Where a printed number stands and what made it."""

from __future__ import annotations

import pytest
from fortems.archive import trace
from wording import says

LEDGER = """number,text,value,place,file,line,key,column,rule,style,made_by,source
0,−.31,-0.3142,manuscript | Results,claims.csv,3,claim=x,estimate,cell,r,claims,
1,0.31,0.3149,supplement | Table S1,mediation/effects.csv,0,model=bond,estimate,cell,b,mediation,
2,.278,.278,manuscript | Introduction,,,,,,,,somebody2018 (grade A)
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = trace.RESULTS / "main" / trace.LEDGER
    path.parent.mkdir(parents=True)
    path.write_text(LEDGER, encoding="utf-8")


@pytest.mark.parametrize("asked", ["-0.31", "-.31", "−.31", "-0.314", "-0.3142"])
def test_a_number_is_found_as_typed_as_printed_and_by_its_value(run, capsys, asked):
    assert trace.main(["main", "--", asked]) == 0
    text = capsys.readouterr().out
    says(text, "claims.csv", "row 5", "estimate = -0.3142", "claim=x")
    assert "workflow/scripts/claims.py: " in text and "fortems.claims.judge.claims_table" in text
    assert "mediation/effects.csv" not in text  # +.31 is another number


def test_a_number_of_the_literature_has_its_source(run, capsys):
    assert trace.main(["main", "--", "0.278"]) == 0
    assert "from the literature: somebody2018 (grade A)" in capsys.readouterr().out


def test_what_is_not_printed_is_told_with_the_nearest_and_no_run_is_named(run, capsys):
    assert trace.main(["main", "--", ".279"]) == 1
    assert "The nearest that is: .278" in capsys.readouterr().err
    assert trace.main(["other", "--", ".279"]) == 2
    assert "build the run first" in capsys.readouterr().err


def test_functions_are_those_that_a_script_calls():
    found = trace.functions_of("workflow/scripts/claims.py")
    assert "fortems.claims.evidence.from_tables" in found
    assert not any(name.startswith(("fortems.tidy", "fortems.run.job")) for name in found)
