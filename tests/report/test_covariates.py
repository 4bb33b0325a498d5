"""Models with covariates are told of set by set: none is counted with models that have others."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from fortems.report.text import covariates, own
from fortems.report.text.article import brief
from fortems.report.text.method import estimation
from fortems.study.models import models_of
from test_sentences import words

EFFECTS = "mediation/effects.csv"
CHAIN = {"mediator": "meaning", "outcome": "distress"}
BOTH = {**CHAIN, "covariates": ["age", "gender"]}
AGE = {**CHAIN, "covariates": ["age"], "covariate_level": "within"}
FOUR = {
    "alliance_both": {"predictor": "alliance", **BOTH},
    "bond_both": {"predictor": "bond", **BOTH},
    "alliance_age": {"predictor": "alliance", **AGE},
    "bond_age": {"predictor": "bond", **AGE},
}
SHOWN, NOT = (-3.0, -1.0), (-3.0, 1.0)


def with_models(report, entries, intervals):
    """The report with these models instead of its own with covariates, each with the interval of its indirect effect."""
    table = report.results.table(EFFECTS)
    source = table[table["model"] == "bond"]
    rows = [source.assign(model=name) for name in entries]
    for interval, frame in zip(intervals.values(), rows, strict=True):
        for level, (low, high) in zip(("within", "single"), interval, strict=True):
            mine = (frame["effect"] == "indirect") & (frame["level"] == level)
            frame.loc[mine, ["ci_low", "ci_high"]] = low, high
    report.results._tables[EFFECTS] = pd.concat([table, *rows])
    report.results._read.clear()
    kept = {name: entry for name, entry in report.models.items() if not entry.covariates}
    report.models = {**kept, **models_of(entries)}
    return report


@pytest.fixture
def four(report_of):
    """Two models with age and gender, and two with age alone within therapists, as in the study's models file."""
    return with_models(
        report_of("items"),
        FOUR,
        {
            "alliance_both": (NOT, NOT), "bond_both": (NOT, SHOWN), "alliance_age": (NOT, NOT), "bond_age": (SHOWN, SHOWN),
        },
    )  # fmt: skip


@pytest.mark.parametrize("told", [covariates.covariates, brief.sensitivity_brief])
def test_each_set_of_covariates_is_counted_by_itself(four, told):
    text = words(told(four))
    first, second = re.findall(r"With [^.]*? as (?:a )?covariates?[^.]*\.", text)[:2]
    assert first.startswith("With age and gender as covariates the interval")
    assert re.search(r"neither .*within therapists and in one of two models at the single level", first)
    assert second.startswith("With age alone as a covariate (in two-level models within therapists only)")
    assert "one of two models" in second
    assert "four models" not in text


@pytest.mark.parametrize("told", [covariates.covariates, brief.sensitivity_brief])
def test_the_only_model_with_a_set_is_named(report_of, told):
    entries = {name: FOUR[name] for name in ("bond_both", "alliance_age")}
    report = with_models(report_of("items"), entries, {"bond_both": (NOT, SHOWN), "alliance_age": (NOT, NOT)})
    text = words(told(report))
    both = "In the one model with age and gender as covariates, that of bond, the interval of the indirect effect "
    assert f"{both}includes zero within therapists and leaves out zero at the single level" in text
    assert "that of the total alliance, the interval of the indirect effect includes zero" in text


def test_the_order_of_covariates_makes_no_other_set_and_a_split_does(report_of):
    report = report_of("items")
    turned = {**BOTH, "covariates": ["gender", "age"]}
    report.models = models_of({
        "one": {"predictor": "bond", **BOTH}, "other": {"predictor": "goal", **turned},
        "within": {"predictor": "bond", **BOTH, "covariate_level": "within"},
    })  # fmt: skip
    assert list(covariates.covariate_sets(report, list(report.models)).values()) == [
        ["one", "other"],
        ["within"],
    ]


@pytest.mark.parametrize(
    ("intervals", "told"),
    [
        ((SHOWN, SHOWN), "leaves out zero in both models under both estimands"),
        ((NOT, NOT), "leaves out zero in neither model under either estimand"),
        ((SHOWN, NOT), "leaves out zero in one of two models under each estimand"),
    ],
)
def test_counts_of_two_models_under_both_estimands_read_as_prose(report_of, intervals, told):
    entries = {name: FOUR[name] for name in ("alliance_both", "bond_both")}
    report = with_models(
        report_of("items"), entries, dict(zip(entries, [(one, one) for one in intervals], strict=True))
    )
    assert told in words(covariates.covariates(report))


def test_where_nothing_is_within_therapists_no_split_is_told(report_of):
    report = report_of("matrix")
    report.models = models_of({"one": {"predictor": "bond", **AGE}})
    assert list(covariates.covariate_sets(report, ["one"])) == ["age as a covariate"]


def test_the_method_and_a_model_of_ones_own_name_the_set(four):
    says = words(estimation.models(four))
    assert "with age and gender as covariates, with age alone as a covariate" in says
    four.models = {"bond_age": replace(four.models["bond_age"], outcome="social_role")}
    text = words(own.own(four))
    assert "with age as a covariate (in two-level models within therapists only)" in text
