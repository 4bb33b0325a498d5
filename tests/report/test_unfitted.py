"""The report names every model that is not, or not wholly, in the results."""

import pandas as pd
import pytest
from fortems.report.text.unfitted import unfitted
from wording import says


def fits(*rows):
    defaults = {"variant": "partial", "converged": True, "message": ""}
    return pd.DataFrame(
        [defaults | dict(zip(("model", "engine", *defaults), row, strict=False)) for row in rows]
    )


def test_models_that_were_not_fitted_are_named_with_the_reason(report_of, monkeypatch):
    report = report_of("items")
    collinear = "not fitted: among complete rows age, bond are collinear"
    table = fits(
        ("alliance", "twolevel", "partial", True, ""),
        ("alliance", "mixedlm", "partial", False, "not fitted: one therapist only"),
        ("bond", "twolevel", "partial", False, collinear),
        ("bond", "mixedlm", "partial", False, collinear),
        (
            "goal",
            "twolevel",
            "partial",
            True,
            "x does not vary within therapists: no part within, and no indirect effect there",
        ),
    )
    monkeypatch.setitem(report.results._tables, "mediation/fit.csv", table)
    text = unfitted(report)
    says(text, "`alliance`", "not", "fitted by mixedlm", "one therapist only")
    assert "The model `bond` was not fitted (" in text and text.count("age, bond are collinear") == 1
    says(text, "`goal`", "no", "indirect effect within therapists")
    assert "The model `task`" not in text


NOTE = "recovered has two values: slopes are differences in probability"


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        (NOTE, ("a difference in probability", "for one unit")),
        (
            f"{NOTE} times 3.5 for recovered; more",
            ("probability", "not", "zero and one", "3.5 for recovered"),
        ),
    ],
)
def test_a_variable_of_two_values_reads_in_their_distance(report_of, monkeypatch, message, parts):
    report = report_of("items")
    table = fits(("alliance", "twolevel", "partial", True, message))
    monkeypatch.setitem(report.results._tables, "mediation/fit.csv", table)
    says(unfitted(report), *parts)
    assert "more" not in unfitted(report)
