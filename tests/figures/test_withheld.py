"""What a figure says of tables that hold nothing it could show, and of those that hold one kind of result alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fortems.figures import flow
from fortems.figures.base import Context, Withheld
from fortems.figures.build import spec
from fortems.presentation.results import Results
from made_up_run import AS_MODELS, write_run
from wording import says

#: Figure → table, the column that then holds nothing (or another value), what is said.
LACKING = [
    ("agreement", "mediation/agreement.csv", "effect", "another", ("no effect", "two engines")),
    ("bayes", "robustness/bayes.csv", "ci_low", np.nan, ("no model", "one predictor and one mediator", "two levels")),
    ("confounding", "robustness/confounding.csv", "indirect", np.nan, ("no model", "one predictor and one mediator", "fitted")),
    ("common_factor", "robustness/common_factor.csv", "variance_share", np.nan, ("no model", "one predictor and one mediator", "fitted")),
    ("survivors", "robustness/survivors.csv", "indirect", np.nan, ("no model", "one predictor and one mediator", "fitted")),
    ("specification", "robustness/specifications.csv", "estimate", np.nan, ("no specification", "main model")),
    ("coverage", "design/coverage.csv", "coverage", np.nan, ("no coverage",)),
    ("posterior", "design/posterior.csv", "ci_low", np.nan, ("no simulated study", "pattern")),
    ("power", "design/power.csv", "interval", "another", ("primary interval", "not simulated")),
    ("surface", "design/surface.csv", "pattern", np.nan, ("no population", "possible")),
    ("overview", "design/diagnosticity.csv", "gap", 0.3, ("no scenario",)),
    ("equivalence", "mediation/verdicts.csv", "smallest_bound", np.nan, ("no direct path", "equivalence")),
    ("indirect", "mediation/effects.csv", "standardized", np.nan, ("no indirect effect", "interval")),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("withheld") / "run", "simulated")


@pytest.mark.parametrize(("name", "table", "column", "value", "words"), LACKING, ids=[c[0] for c in LACKING])
def test_a_figure_with_nothing_to_show_says_what_is_missing(folder, name, table, column, value, words):
    whole, results = Context(Results(folder), AS_MODELS), Results(folder)
    assert len(spec(name).data(whole))
    results.table(table)[column] = value
    with pytest.raises(Withheld) as caught:
        spec(name).data(Context(results, AS_MODELS))
    says(str(caught.value), "Not drawn", *words)


@pytest.mark.parametrize("name", ["scatter", "therapists"])
def test_figures_of_clients_need_a_variable_of_the_study(folder, name):
    results = Results(folder)
    scores = results.table("data/scores.csv")
    scores.columns = [f"other_{n}" if n not in ("client", "therapist") else n for n in scores.columns]
    with pytest.raises(Withheld, match="Not drawn: the run has n"):
        spec(name).data(Context(results, AS_MODELS))


@pytest.mark.parametrize(
    ("first", "others", "words"),
    [
        ("equivalent", "inconclusive", ("inside the band", "shown for")),
        ("inconclusive", "inconclusive", ("No direct path", "inside the band")),
        ("not attainable with data as noisy as these",) * 2
        + (("no estimate could have shown", "inside the band"),),
        ("not attainable with data as noisy as these", "inconclusive", ("No direct path", "inside the band")),
    ],
)
def test_the_reading_of_equivalence_is_that_of_its_tests(folder, first, others, words):
    context = Context(Results(folder), AS_MODELS)
    figure = spec("equivalence")
    frame = figure.data(context).reset_index(drop=True)
    assert len(frame) > 1
    frame["equivalence"] = [first, *[others] * (len(frame) - 1)]
    text = str(figure.reading(frame, context))
    says(text, *words)
    assert ("shown for" in text) == (first == "equivalent")


@pytest.mark.parametrize(
    ("received", "analysed", "therapists", "words"),
    [
        (107, 96, 23, ("96 of 107 clients", "analysed")),
        (96, 96, 23, ("All 96 clients", "analysed")),
        (None, 12, None, ("12 clients were analysed", "smaller counts", "suppressed")),
        (None, 96, 1, ("96 clients, 1 therapist were analysed",)),
        (None, None, None, ("suppressed", "analysed")),
    ],
)
def test_the_reading_of_the_flow_holds_back_what_the_table_does(received, analysed, therapists, words):
    rows = [("received", received, None), ("excluded", None, None), ("analysed", analysed, therapists)]
    frame = pd.DataFrame(
        [
            {
                "step": step,
                "detail": "",
                "clients": n,
                "therapists": t,
                "shown": "suppressed" if n is None else str(n),
            }
            for step, n, t in rows
        ]
    )
    says(str(flow.reading(frame, None)), *words)
