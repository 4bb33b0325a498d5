"""What can be worked out from published tables alone: each kind is found, and told results hold none."""

import numpy as np
import pandas as pd
import pytest
from fortems.data.privacy.limits import Limits
from fortems.data.privacy.subtraction import recoverable
from fortems.gate.gate import gate
from fortems.gate.snapshot import Snapshot

FIVE = Limits(5)


def tables():
    """Tables that tell of nobody."""
    described = pd.DataFrame(
        {
            "variable": ["bond", "age", "gender", "gender"],
            "category": [None, None, "female", "male or other"],
            "n": [85, 85, 53, 32],
            "missing": 0,
            "share": [np.nan, np.nan, 0.624, 0.376],
            "mean": [12.04, 43.41, np.nan, np.nan],
            "floor": [0.071, np.nan, np.nan, np.nan],
            "ceiling": [0.0, np.nan, np.nan, np.nan],
            "min": np.nan,
            "max": np.nan,
        }
    )
    terms = pd.DataFrame(
        {
            "term": ["age", "gender_male or other", "joint"],
            "estimate": [0.23, 9.28, np.nan],
            "se": [0.25, 8.64, np.nan],
        }
    )
    cells = pd.DataFrame(
        {"x": "bond", "y": "meaning", "kind": "cell", "clients": [20, 30, 20, np.nan, np.nan]}
    )
    return {
        "tables/descriptives.csv": described,
        "tables/covariates.csv": terms,
        "tables/correlations.csv": pd.DataFrame(
            {"n": [85, 85], "n_therapists": [21, 21], "r": [0.89, 0.123]}
        ).head(1),
        "tables/icc.csv": pd.DataFrame({"n_clients": [85], "n_therapists": [21], "n0": [np.nan]}),
        "robustness/leave_one_out.csv": pd.DataFrame({"lowest": [np.nan], "sign_changes": [1]}),
        "figures/scatter.csv": cells,
        "figures/flow.csv": pd.DataFrame(
            {"step": ["received", "analysed"], "clients": [95, 85], "therapists": [24, 21]}
        ),
    }


def put(table, column, value, row=0):
    def change(found):
        frame = found[table]
        frame[column] = frame[column].astype(object)
        frame.loc[row, column] = value
        frame[column] = frame[column].infer_objects()

    return change


def drop_category(found):
    found["tables/descriptives.csv"].loc[3, ["n", "share"]] = np.nan


LEAKS = {
    "a count of few": (put("tables/descriptives.csv", "n", 2, 2), "2 clients"),
    "a rest of few": (put("tables/descriptives.csv", "n", 30, 3), "leave 2 of 85"),
    "a single part withheld": (drop_category, "a single part is withheld"),
    "therapists left out": (put("figures/flow.csv", "therapists", 22), "21 and 22 therapists"),
    "numbers that differ by few": (put("tables/correlations.csv", "n", 84), "1 clients more or less"),
    "numbers that differ between tables": (put("tables/icc.csv", "n_clients", 88), "3 clients more or less"),
    "therapists that differ by few": (put("tables/icc.csv", "n_therapists", 20), "differ by few"),
    "few therapists": (put("tables/icc.csv", "n_therapists", 2), "2 therapists"),
    "few missing": (put("tables/descriptives.csv", "missing", 3), "3 clients"),
    "few at the floor": (put("tables/descriptives.csv", "floor", 0.035), "3 clients"),
    "few below the ceiling": (put("tables/descriptives.csv", "ceiling", 0.988), "1 clients"),
    "an extreme": (put("tables/descriptives.csv", "max", 91.0), "an extreme"),
    "an estimate without some": (put("robustness/leave_one_out.csv", "lowest", -1.2), "without some clients"),
    "cluster sizes": (put("tables/icc.csv", "n0", 4.02), "n0"),
    "a mean of many digits": (put("tables/descriptives.csv", "mean", 12.0449438202), "more digits"),
    "a coefficient of an untold category": (put("tables/covariates.csv", "term", "gender_intersex", 1), "few or not told"),
    "a coefficient of one therapist": (put("tables/covariates.csv", "se", np.nan, 1), "known from one therapist"),
    "a cell of few": (put("figures/scatter.csv", "clients", 3.0), "3 clients"),
    "a rest of cells of few": (put("figures/scatter.csv", "clients", 31.0, 2), "leave 4 of 85"),
}  # fmt: skip


def test_tables_that_tell_of_nobody_pass():
    assert list(recoverable(tables(), FIVE)) == []


@pytest.mark.parametrize("what", LEAKS)
def test_each_leak_is_found_and_closes_the_gate(what):
    change, words = LEAKS[what]
    found = tables()
    change(found)
    assert any(words in one for one in recoverable(found, FIVE)), list(recoverable(found, FIVE))
    snapshot = Snapshot({}, {}, {}, {}, (), released=found, min_cell=5)
    checks = {check["check"]: check["passed"] for check in gate(snapshot)["checks"]}
    assert checks["few"] is False


def test_a_row_without_a_category_is_of_all():
    found = tables()
    found["tables/descriptives.csv"].loc[1, "n"] = 84
    assert any("1 clients more or less" in one for one in recoverable(found, FIVE))


def test_simulated_studies_are_not_people():
    found = tables() | {
        "design/power.csv": pd.DataFrame({"n": [2, 3], "n_therapists": [1, 2], "p": [0.123456789, 1]})
    }
    assert list(recoverable(found, FIVE)) == []


def test_nor_are_those_in_figures_that_show_such_studies_alone():
    power = {"figures/power.csv": pd.DataFrame({"clients": [4.0], "n": [84]})}
    assert list(recoverable(tables() | power, FIVE, simulated=[*power])) == []
    # Only the named ones: a figure is of people otherwise.
    (few, one) = recoverable(tables() | power, FIVE)
    assert "counts 1 clients more or less" in few and "4 clients" in one
