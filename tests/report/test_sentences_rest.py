"""Branches of the sentences that a usual run does not reach: what is missing, differs, or was switched off."""

import re

import numpy as np
import pandas as pd
import pytest
from fortems.presentation.choice import path
from fortems.presentation.numbers import count_word
from fortems.report.tables import findings
from fortems.report.text import (
    SENTENCES,
    claims,
    covariates,
    discussion,
    mediation,
    relations,
    robustness,
    study,
    summary,
)
from fortems.report.text import words as parts
from fortems.report.text.design import diagnosticity, pattern, precision
from fortems.report.text.method import analyses, missing, people
from fortems.report.variant import Variant
from fortems.study.models import models_of
from test_sentences import DIRECT, NULL, STRONG, _row, words
from wording import says

EFFECTS, VERDICTS = "mediation/effects.csv", "mediation/verdicts.csv"
DESIGN = (
    "design/diagnosticity.csv",
    "design/likelihood_ratios.csv",
    "design/power.csv",
    "design/coverage.csv",
    "design/coverage_paths.csv",
    "design/recovery.csv",
    "design/posterior.csv",
    "design/forecast.csv",
    "design/forecast_sizes.csv",
    "design/surface.csv",
    "design/surface_maximum.csv",
)


def change(report, name, column, value, **keys):
    """Change cells of a table in memory."""
    table = report.results.table(name)
    rows = np.ones(len(table), bool)
    for key, wanted in keys.items():
        rows &= table[key].isin(wanted if isinstance(wanted, list) else [wanted]).to_numpy()
    assert rows.any(), keys
    table[column] = table[column].astype(object) if column in table else None
    table.loc[rows, column] = value
    table[column] = table[column].infer_objects()
    report.results._read.clear()


def test_an_estimand_that_was_not_estimated_is_named(report_of):
    report = report_of()
    table = report.results.table(EFFECTS)
    rows = (table["model"] == "bond") & (table["level"] == "single") & (table["effect"] == "indirect")
    report.results._tables[EFFECTS] = table[~rows].reset_index(drop=True)
    report.results._read.clear()
    says(words(mediation.mediation(report, "bond")), "single level", "not", "estimated")


def test_at_the_boundary_without_a_fixed_effects_estimate(report_of):
    report = report_of(paths=STRONG)
    for column in ("fixed_effects_indirect", "fixed_effects_low", "fixed_effects_high"):
        change(report, VERDICTS, column, np.nan, model="bond")
    text = words(mediation.mediation(report, "bond"))
    assert "borrows from differences between therapists." in text and "fixed-effects" not in text


def test_models_that_are_not_there_leave_no_half_sentence(report_of):
    report = report_of()
    for model in ("goal", "task", "aspects", "alliance", "bond"):
        report.models = {name: entry for name, entry in report.models.items() if name != model}
    assert mediation.aspects(report) == ""
    says(discussion.discussion(report), "models", "alliance", "bond", "not", "this run")
    report.models = {}
    assert mediation.reversed_(report) == "" and mediation.further(report) == ""


def test_without_intervals_nothing_is_called_shown(report_of):
    report = report_of()
    change(report, EFFECTS, "ci_low", np.nan, effect="indirect")
    assert mediation.aspects(report).count("remains") == 0
    assert study.in_how_many(report, ["bond", "goal"]) == ""
    assert parts.interval(report, _row(estimate=1.0)) == "no interval"


def test_both_mediators_side_by_side(report_of):
    report = report_of()
    table = report.results.table(EFFECTS)
    rows = table[(table["model"] == "alliance") & (table["effect"] == "indirect")]
    report.results._tables[EFFECTS] = pd.concat([table, rows.assign(model="alliance_meaning_search")])
    report.results._read.clear()
    both = {"predictor": "alliance", "mediator": ["meaning", "search"], "outcome": "distress"}
    report.models = report.models | models_of({"alliance_meaning_search": both})
    text = words(mediation.further(report))
    says(text, "both mediators side by side", "through presence of meaning", "within therapists its interval")


@pytest.mark.parametrize(
    ("outcomes", "carried"),
    [
        (["equivalent", "inconclusive"], ["too small to matter is shown", "bond within therapists"]),
        (["inconclusive", "inconclusive"], ["full mediation", "not", "shown either"]),
        (["not attainable with data as noisy as these"] * 2, ["not", "shown", "data as noisy"]),
    ],
)
def test_what_equivalence_lets_the_discussion_say(report_of, outcomes, carried):
    report = report_of(paths=DIRECT)
    change(report, VERDICTS, "equivalence", "inconclusive", model=["alliance", "bond"])
    change(report, VERDICTS, "equivalence", outcomes[0], model="bond", level="within")
    change(report, VERDICTS, "equivalence", outcomes[1], model=["bond", "alliance"], level="single")
    if outcomes[0].startswith("not attainable"):
        change(report, VERDICTS, "equivalence", outcomes[0], model=["alliance", "bond"])
    says(words(discussion.discussion(report)), *carried)


def test_support_at_one_estimand_only(report_of):
    report = report_of("items", paths=STRONG)
    change(report, EFFECTS, "ci_high", 0.5, effect="indirect", level="single", model=["bond", "alliance"])
    assert "agree only in part" in summary.abstract_conclusion(report)
    assert "it depends on how one counts" in words(summary.plain_results(report))


def test_an_invented_article_concludes_nothing(report_of):
    report = report_of("matrix", paths=STRONG)
    report.variant = Variant("matrix", file="article.yaml", invented=True)
    assert "The printed table comes from an invented article" in summary.abstract_conclusion(report)
    says(
        summary.plain_meaning(report), "practice", "nothing", "table comes from an article that was invented"
    )
    assert "made-up clients who rated them higher" in words(summary.plain_results(report))
    assert "nothing follows from an invented article" in discussion.implications(report)
    assert words(discussion.discussion(report)).startswith("By the correlations of an invented article")
    assert "Worked Example" in report.variant.title and "invented" in report.variant.source


@pytest.mark.parametrize("invented", [True, False])
def test_the_source_of_a_matrix_is_never_the_studys_article(report_of, invented):
    """Elsewhere "the article" is the study's own, which is not invented and whose data are not those of the table."""
    report = report_of("matrix", paths=STRONG)
    report.variant = Variant("matrix", file="article.yaml", invented=invented)
    told = {name: words(SENTENCES[name](report)) for name in (
        "abstract_method", "abstract_conclusion", "plain_method", "plain_meaning", "no_conclusions", "design",
        "missing_brief", "missing",
    )}  # fmt: skip
    for name, text in told.items():
        assert not re.search(r"[Tt]he article (?:is|was) invented|the article's data", text), name
    whose = "the invented article" if invented else "the article that printed the table"
    assert told["missing_brief"] == f"What was missing in the data of {whose} cannot be seen from a matrix."
    assert f"in the data of {whose}, and how it was treated" in told["missing"]
    assert ("correlations of an invented article, printed for" in told["abstract_method"]) == invented
    assert ("article whose table this is, is invented" in told["no_conclusions"]) == invented


@pytest.mark.parametrize("invented", [True, False])
def test_published_numbers_of_an_invented_article_are_called_so(report_of, invented):
    report = report_of("matrix")
    report.variant = Variant("matrix", file="article.yaml", invented=invented)
    counted = words(robustness.published(report))
    assert ("printed in the invented article that could be compared" in counted) == invented
    notes = " ".join(str(note) for note in findings.published(report).notes)
    assert ("are those of the invented article" in notes) == invented


def test_a_simulated_run_without_its_design_stage(report_of):
    report = report_of("simulated", drop=DESIGN)
    assert "runs from answers to verdicts" in summary.abstract_conclusion(report)
    assert "how far a cross-sectional study" not in summary.abstract_conclusion(report)
    assert precision.coverage(report) == "Coverage could not be simulated."
    assert precision.recovery(report) == "Parameter recovery could not be judged."
    assert diagnosticity.diagnosticity(report) == "The simulated studies could test no pattern."
    assert diagnosticity.pattern_verdict(report) == ""


def test_ratios_without_a_number_are_left_out(report_of):
    report = report_of()
    change(report, "design/likelihood_ratios.csv", "ratio", np.nan)
    assert diagnosticity._ratios(report, "within") == ""
    for column in ("ci_low", "ci_high"):
        change(report, "design/likelihood_ratios.csv", column, np.nan)
    assert diagnosticity._reversed(report) == "" and diagnosticity.pattern_verdict(report) == ""


def test_only_what_was_run_is_called_repeated(report_of):
    report = report_of("scores")
    everything = words(analyses.sensitivity_method(report))
    assert (
        "parts of distress" in everything and "turned around" in everything and "rival mediator" in everything
    )
    report.models = {name: report.models[name] for name in ("alliance", "bond")}
    text = words(analyses.sensitivity_method(report))
    says(text, "models of the alliance and its aspects", "repeated", "other engines", "other intervals.")
    assert "turned around" not in text and "rival mediator" not in text
    matrix = report_of("matrix")
    matrix.models = {}
    says(words(analyses.sensitivity_method(matrix)), "Every model", "printed variables", "estimated.")


def test_none_is_written_as_none(report_of):
    report = report_of()
    change(report, "claims.csv", "verdict", "not reproduced", judged=True)
    says(words(summary.plain_results(report)), "findings of the article", "none", "the same way")
    change(report, "mediation/derived.csv", "ci_low", -1.0, quantity="moderated_mediation")
    change(report, "mediation/derived.csv", "ci_high", 1.0, quantity="moderated_mediation")
    says(words(covariates.covariates(report)), "difference", "across ages", "includes zero")
    change(report, "mediation/derived.csv", "ci_low", 0.5, quantity="moderated_mediation")
    says(words(covariates.covariates(report)), "difference", "across ages", "leaves out zero")


def test_no_claims_no_tally(report_of):
    report = report_of("simulated", drop=("claims.csv",))
    assert claims.tallies(report) == ""
    assert claims._patterns(report) == ""


def test_no_people_to_tell_of(report_of):
    assert people.participants(report_of("matrix", drop=("tables/correlations.csv",))) == ""
    assert people._flow(report_of("items", drop=("data/flow.csv",)), []) == ""


def test_correlations_without_a_test_are_described_only(report_of):
    report = report_of("matrix")
    change(report, "tables/correlations.csv", "p", np.nan)
    change(report, "tables/correlations.csv", "kind", "as printed")
    row = relations.total(report, "bond", "meaning")
    assert row is not None and row["kind"] == "as printed"
    clause = words(relations.correlation(report, row, "bond", "meaning"))
    assert clause.startswith("bond correlates") and "p =" not in clause
    assert relations.total(report, "bond", "nothing") is None


def test_verdicts_of_correlations_that_change_within_therapists(report_of):
    report = report_of(strength=0.3)
    change(report, "tables/correlations.csv", "p", 0.4, level="within", x="bond", y="meaning")
    text = words(relations.correlations(report))
    says(text, "Within therapists", "changes", "bond", "presence of meaning", "(r = ")


def test_a_difference_of_engines_without_a_known_cause(report_of):
    report = report_of()
    change(report, "mediation/agreement.csv", "agrees", False)
    change(report, "mediation/agreement.csv", "explanation", "unexplained")
    assert "no cause is known" in words(robustness.agreement(report))
    change(report, "mediation/agreement.csv", "explanation", "another estimator")
    assert "Each larger difference has a stated cause" in words(robustness.agreement(report))


@pytest.mark.parametrize(("counts", "carried"), [
    (dict(bond=0, task=0), ["No client", "lacks a scale score"]),
    (dict(bond=3, task=1), ["two have missing values", "bond", "three clients"]),
])  # fmt: skip
def test_how_many_scores_are_missing(report_of, counts, carried):
    report = report_of()
    change(report, "tables/descriptives.csv", "missing", 0)
    for variable, count in counts.items():
        change(report, "tables/descriptives.csv", "missing", count, variable=variable)
    says(words(missing.missing(report)), *carried)


def test_without_descriptives_the_way_of_treating_missing_values_stands_alone(report_of):
    report = report_of("simulated", drop=("tables/descriptives.csv",))
    assert missing._missing_scores(report).startswith("Clients with any score enter the models")


def test_a_model_that_was_not_run_has_no_path(report_of):
    assert path(report_of(paths=NULL).results, "nobody", "within", "indirect") is None


def test_pattern_section_says_what_the_pattern_speaks_for(report_of):
    report = report_of()
    text = words(pattern.posterior(report))
    assert "speaks for this" in text
    says(text, "bond", "more closely", "presence of meaning")
    assert "next to nothing about whether" in text and "of the total alliance is mediated" in text
    assert "no number of clients brings this to" in text
    change(report, "design/forecast_sizes.csv", "relation", "=")
    assert "no number" not in pattern.repeated(report)
    change(report, "design/posterior.csv", "mc_se", 0.2)  # either could be otherwise with another seed
    assert pattern.speaks_for(report) == ""
    change(report, "design/posterior.csv", "mc_se", 0.01)
    assert "speaks for" in pattern.speaks_for(report) and "next to nothing" in pattern.speaks_for(report)
    change(report, "design/posterior.csv", "posterior", 0.6, kind="beats")
    assert "speaks for" not in pattern.speaks_for(report)
    for name in ("posterior", "forecast", "surface_maximum", "attempts", "surface_ratios"):
        report.results._tables[f"design/{name}.csv"] = None
    report.results._read.clear()
    assert pattern.posterior(report) == "No simulated study showed the pattern."


def table(report, name, rows):
    report.results._tables[name] = pd.DataFrame(rows)
    report.results._read.clear()


def test_pattern_section_says_what_it_rests_on(report_of):
    """The one statement that carries what is raised, the group that keeps the rest down; no other is named."""
    report = report_of()
    shared = {"prior": "meta_analytic", "with_it": 0.91}
    raised = [
        {
            **shared,
            "quantity": "beats bond goal",
            "left_out": out,
            "statements": count,
            "without_it": 0.91 + change,
            "change": change,
        }
        for out, count, change in (
            ("goal_meaning", 1, -0.3),
            ("task_meaning", 1, -0.1),
            ("not significant", 3, -0.5),
        )
    ]
    left = [
        {
            **shared,
            "quantity": "small_direct alliance",
            "left_out": out,
            "statements": 3,
            "without_it": 0.2 + change,
            "change": change,
        }
        for out, change in (("significant totals", 0.33), ("mediation", -0.1))
    ]
    table(report, pattern.STATEMENTS, raised + left)
    text = words(pattern.rests_on(report))
    assert "without “Goal – meaning, not significant”" in text and ".61 in place of .91" in text
    says(text, "significant relations with distress", "without", "it is .53")
    assert "Task" not in text and "verdicts on mediation" not in text
    table(report, pattern.STATEMENTS, [{**row, "change": 0.01} for row in raised + left])
    assert pattern.rests_on(report) == ""


def test_pattern_section_gives_the_packages_own_tests_with_their_errors(report_of):
    report = report_of()
    rows = report.results.table(pattern.POSTERIOR)
    own = rows[rows["quantity"] == "beats bond goal"].iloc[:1]
    package = [
        own.assign(test="package", estimand=level, posterior=p, mc_se=0.02, kept=n)
        for level, p, n in (("within", 0.88, 259), ("single", 0.89, 327))
    ]
    table(report, pattern.POSTERIOR, pd.concat([rows, *package]))
    text = words(pattern.confirmed(report))
    says(text, ".88 ± .02", "within therapists", "259", ".89 ± .02", "single level")
    table(report, pattern.POSTERIOR, rows)
    assert pattern.confirmed(report) == ""


def test_pattern_section_tells_attempts_averages_and_the_number_to_ask_for(report_of):
    report = report_of()
    attempts = {
        "population": "as_reported",
        "attempts": 5,
        "probability": 0.013,
        "best_of_samples": 0.064,
        "analyses_high": 0.065,
    }
    table(report, pattern.ATTEMPTS, [attempts])
    assert "best of five independent samples with .064" in words(pattern.tried(report))
    ratio = {
        "pattern": "whole_pattern",
        "tests": "pearson",
        "hypothesis": "no direct part",
        "ratio": 0.31,
        "ci_low": 0.28,
        "ci_high": 0.34,
    }
    table(report, pattern.RATIOS, [{**ratio, "against": "a direct part beside a mediated one"}])
    says(words(pattern.likeliest(report)), "0.31 [0.28, 0.34]", "as probable as partial")
    best = [
        {"quantity": "beats bond goal", "number": number, "explained": e, "rank": rank}
        for number, e, rank in (("SD bond", 0.01, 2), ("correlation bond meaning", 0.08, 1))
    ]
    table(report, pattern.INFORMATION, best)
    text = words(pattern.would_tell(report))
    says(text, "correlation of bond", "presence of meaning", "8% of the variance")
    assert "deviation" not in text
    says(pattern._number("path alliance direct"), "standardized", "direct path", "total alliance")
    assert pattern._number("other bond") == pattern._number("path alliance other") == ""


@pytest.mark.parametrize("kind", ["simulated", "items", "scores", "matrix"])
def test_a_run_asserts_no_registration_that_nobody_stated(runs, report_of, kind):
    """Nothing of what came first or was left as it was, which a run cannot know."""
    pages = [
        (runs[kind] / f"manuscript/{part}.html").read_text(encoding="utf-8")
        for part in ("manuscript", "supplement")
    ]
    for page in map(words, pages):
        assert not re.search(
            r"registered on|before any data|was changed or dropped|whatever the data", page, re.I
        )
    report = report_of(kind)
    assert "registered" not in summary.abstract_method(report)
    report.results.config["report"]["registration"] = {"date": "2026-01-31", "address": "https://osf.io/x"}
    checked = kind != "matrix"  # whose abstract speaks of no findings
    assert ("registered on 2026-01-31" in words(summary.abstract_method(report))) == checked


@pytest.mark.parametrize("kind", ["simulated", "matrix"])
def test_the_plain_tally_leaves_no_finding_out(report_of, kind):
    report = report_of(kind)
    estimand = "single" if kind == "matrix" else "within"
    rows = [row for row in report.results.rows("claims.csv", role="finding", judged=True)
            if row["estimand"] not in ("within", "single") or row["estimand"] == estimand]  # fmt: skip
    told = {"reproduced", "consistent (weak)", "not reproduced"}
    left = sum(row["verdict"] not in told for row in rows)
    assert 0 < left < len(rows)
    text = words(summary.plain_results(report))
    assert f"The other {count_word(left)} cannot be decided with these data." in text
