"""Sentences follow from results: every branch, and never an effect that is not shown."""

import re

import numpy as np
import pandas as pd
import pytest
from fortems import tidy
from fortems.presentation.results import Results, Row
from fortems.report.build import prepare
from fortems.report.tables import findings
from fortems.report.text import (
    SENTENCES,
    claims,
    covariates,
    discussion,
    full,
    matrix,
    mediation,
    relations,
    robustness,
    story,
    study,
    summary,
)
from fortems.report.text.article import opening
from fortems.report.text.design import diagnosticity, precision
from fortems.report.text.method import analyses, estimation, missing, people, source
from fortems.report.variant import reason_absent, variant
from made_up_run import AS_MODELS, ROOT, write_run
from wording import says

#: Sentences that are told which model they are of.
OF_A_MODEL = ("mediation", "path_figure")
#: Names of figures and headings.
NO_SENTENCES = (
    "work",
    "story",
    "hypotheses",
    "keywords",
    "method_keywords",
    "behind",
    "path_figure",
    "own_figures",
    "covariates_title",
    "many_title",
    "rule",
    "claims_title",
    "each_finding",
    "written_down",
    "instruments",
    "model_roles",
)
NULL = (0.05, -0.1, 0.1)
STRONG = (0.9, -1.2, 0.1)
DIRECT = (0.9, -1.2, -3.0)


def words(text: str) -> str:
    """Markdown as a reader sees it: references named, spans opened, escapes and stars taken away."""
    text = re.sub(r"\[\]\(#([\w-]+)\)(\{\.ref\})?", r"\1", text)
    text = re.sub(r"\[((?:[^\[\]\\]|\\.)*)\]\{[^}]*\}", r"\1", text)
    return re.sub(r"\\(.)", r"\1", text).replace("*", "").replace("\N{NO-BREAK SPACE}", " ")


def _row(**values):
    return Row("f.csv", 0, "", {"predictor": "bond", "mediator": "meaning", "outcome": "distress", **values})


@pytest.fixture
def report(report_of):
    return report_of()


def test_path_clauses(report):
    shown = _row(estimate=0.4, ci_low=0.1, ci_high=0.7, p=0.01)
    clause = words(mediation.path_clause(report, shown, "bond", "meaning", "a"))
    says(clause, "more bond", "more meaning", "a = 0.40", "95% CI [0.10, 0.70]", "p = .010")
    turned = _row(estimate=-0.4, ci_low=-0.7, ci_high=-0.1, p=0.0001)
    assert "more meaning goes with less distress" in words(
        mediation.path_clause(report, turned, "meaning", "distress", "b")
    )
    not_shown = words(
        mediation.path_clause(
            report, _row(estimate=0.4, ci_low=-0.1, ci_high=0.9, p=0.2), "bond", "meaning", "a"
        )
    )
    says(not_shown, "bond", "presence of meaning", "not", "shown")
    assert "goes with" not in not_shown
    assert "no interval" in words(mediation.path_clause(report, _row(estimate=0.4), "bond", "meaning", "a"))
    assert "was not estimated" in mediation.path_clause(report, None, "bond", "meaning", "a")
    assert "was not estimated" in mediation.path_clause(report, _row(estimate=np.nan), "bond", "meaning", "a")


def test_indirect_clauses(report):
    shown = words(
        mediation.indirect_clause(report, _row(estimate=-1.0, ci_low=-2.0, ci_high=-0.2, standardized=-0.15))
    )
    says(shown, "indirect effect", "presence of meaning", "negative", "ab = −1.00")
    says(shown, "ab = −1.00", "95% CI [−2.00, −0.20]", "−0.15", "standard deviations")
    assert "is positive" in words(
        mediation.indirect_clause(report, _row(estimate=1.0, ci_low=0.2, ci_high=2.0))
    )
    not_shown = words(mediation.indirect_clause(report, _row(estimate=-1.0, ci_low=-2.0, ci_high=0.2)))
    assert "is not shown" in not_shown and "negative" not in not_shown
    assert "no interval" in words(mediation.indirect_clause(report, _row(estimate=-1.0)))
    assert mediation.indirect_clause(report, None) == "the indirect effect was not estimated"


def test_null_paths_are_never_worded_as_effects(report_of):
    report = report_of(paths=NULL, strength=0.05)
    text = words(" ".join(SENTENCES[name](report) for name in SENTENCES if name not in OF_A_MODEL))
    text += words(mediation.mediation(report, "bond") + mediation.mediation(report, "alliance"))
    for forbidden in (
        "presence of meaning is negative",
        "data agree with",
        "Both estimands show",
        "numbers fit the idea",
    ):
        assert forbidden not in text
    assert "Neither estimand shows an indirect effect." in text


def test_strong_paths(report_of):
    report = report_of(paths=STRONG)
    text = words(mediation.mediation(report, "bond"))
    assert "Both estimands show the indirect effect." in text
    assert "A direct path is not shown" in text
    assert "boundary" in text and "fixed-effects estimate" in text


def test_direct_path_shown(report_of):
    report = report_of(paths=DIRECT)
    assert "A direct path is shown alongside" in words(mediation.mediation(report, "bond"))
    text = words(full.full_mediation(report))
    says(text, "partial mediation", "total alliance", "bond")


def test_estimands_that_differ(report_of):
    report = report_of()
    effects = report.results.table("mediation/effects.csv")
    cut = (effects["level"] == "single") & (effects["effect"] == "indirect") & (effects["model"] == "bond")
    effects.loc[cut, "ci_high"] = 0.5
    report.results._read.clear()
    text = words(mediation.mediation(report, "bond"))
    assert "shown within therapists only" in text and "no proof of a difference" in text
    assert discussion.support(report, "bond") == "one"
    assert "within therapists only" in words(discussion.discussion(report))


@pytest.mark.parametrize(("outcome", "words_"), [
    ("equivalent", "is shown to be smaller than"),
    ("inconclusive", "is not shown for"),
    ("not attainable with data as noisy as these", "with data as noisy as these no estimate"),
])  # fmt: skip
def test_equivalence(report, outcome, words_):
    row = _row(
        model="bond",
        level="within",
        equivalence=outcome,
        equivalence_bound=0.1,
        smallest_bound=0.3,
        n_for_80=900,
    )
    text = words(full._equivalence(report, [row]))
    assert words_ in text.lower()
    assert ("about 900 clients" in text) == (outcome != "equivalent")
    assert "smallest bound that the data support is .30" in text


@pytest.mark.parametrize("rule", ["full", "partial", "none"])
def test_the_articles_rule(report, rule):
    text = words(full._rule(report, [_row(model="bond", level="within", paper_rule=rule)]))
    assert {"full": "full mediation", "partial": "partial mediation", "none": "no mediation"}[rule] in text
    assert "need not support" in text
    assert full._rule(report, []) == "" and full._equivalence(report, []) == ""


def test_a_flipped_verdict_changes_the_text(report_of):
    report = report_of()
    before = words(claims.claims(report))
    table = report.results.table("claims.csv")
    row = (table["claim"] == "bond_meaning") & table["judged"].astype(bool)
    assert table.loc[row, "verdict"].tolist() == ["reproduced"]
    table.loc[row, "verdict"] = "not reproduced"
    report.results._read.clear()
    after = words(claims.claims(report))
    assert "bond correlates positively" not in before
    says(after, "Not reproduced", "bond", "positively", "presence of meaning")
    assert before != after


def test_tallies_differ_by_estimand(report_of):
    report = report_of()
    table = report.results.table("claims.csv")
    assert "whichever estimand" in words(claims.tallies(report))
    row = (
        (table["claim"] == "bond_full_mediation")
        & (table["estimand"] == "single")
        & table["judged"].astype(bool)
    )
    table.loc[row, "verdict"] = "not reproduced"
    report.results._read.clear()
    text = words(claims.tallies(report))
    assert "with effects within therapists" in text and "with effects at the single level" in text
    assert "(at the single level)" in words(claims.claims(report))


def test_not_testable_names_the_reason(report_of):
    report = report_of()
    assert "Not testable is that" in words(claims.claims(report))  # no covariates in the made-up run
    assert (
        claims.claims(report_of("simulated", drop=("claims.csv", "mediation/effects.csv")))
        == "No finding could be judged."
    )


def test_correlations(report_of):
    text = words(relations.correlations(report_of(strength=0.3)))
    says(text, "total alliance", "positively", "presence of meaning", "r = .30")
    says(text, "task collaboration", "distress", "not", "shown")
    assert "remain so after adjustment" in text or "remains so" in text
    weak = words(relations.correlations(report_of(strength=0.05)))
    assert "correlates" not in weak and "None of these correlations is significant." in weak


@pytest.mark.parametrize(
    ("adjusted", "tail"),
    [
        ([0.001, 0.9], "one remains so"),
        ([0.9, 0.9], "none of which remains so"),
        ([0.001, 0.001], "two correlations is significant by itself and after adjustment"),
    ],
)
def test_adjustment(report, monkeypatch, adjusted, tail):
    rows = [_row(p=0.01, p_holm=value) for value in adjusted]
    answers = iter([*rows, *[None] * 20])
    monkeypatch.setattr(relations, "total", lambda *arguments: next(answers))
    assert tail in words(relations._holm(report))


@pytest.mark.parametrize(("kind", "phrase"), [
    ("simulated", "All data are simulated"), ("items", "single answers"), ("scores", "scale scores"), ("matrix", "published table"),
])  # fmt: skip
def test_design_reads_as_written_for_its_source(report_of, kind, phrase):
    report = report_of(kind)
    text = words(source.design(report) + summary.abstract_method(report) + discussion.limits(report))
    assert phrase in text
    assert ("simulated" in text.lower()) == (kind == "simulated")


def test_simulated_results_are_never_evidence(report_of):
    report = report_of(paths=STRONG)
    text = words(
        " ".join(
            SENTENCES[name](report)
            for name in ("discussion", "abstract_conclusion", "plain_meaning", "implications", "claims")
        )
    )
    assert "None of this bears on the hypothesis" in text
    assert "no evidence for or against the hypothesis" in text
    assert "nothing follows from simulated clients" in text
    says(text, "one simulated study", "nothing", "about people")


def test_own_data_conclude_only_what_is_shown(report_of):
    strong = words(summary.abstract_conclusion(report_of("items", paths=STRONG)))
    assert "agree with meaning as a carrier" in strong and "cannot tell this order" in strong
    null = words(summary.abstract_conclusion(report_of("items", paths=NULL)))
    assert "do not show" in null and "nor do they exclude it" in null
    assert "These data give no reason to change practice" in words(
        summary.plain_meaning(report_of("items", paths=NULL))
    )
    assert "leave the question open" in words(summary.plain_results(report_of("items", paths=NULL)))


def test_an_effect_of_the_other_sign_is_no_support(report_of):
    report = report_of("items", paths=(0.9, 1.2, 0.1))
    assert discussion.support(report, "bond") == "against"
    text = words(
        discussion.discussion(report) + summary.abstract_conclusion(report) + summary.plain_results(report)
    )
    assert "speak against the account" in text and "opposite sign" in text and "goes the other way" in text
    assert "agree with" not in text and "fit the idea" not in text
    assert "no new reason" in words(discussion.implications(report))


def test_unknown_support(report_of):
    report = report_of("items", drop=("mediation/effects.csv", "claims.csv"))
    assert discussion.support(report, "bond") == "unknown"
    assert "could not be estimated" in words(discussion.discussion(report))
    assert "could not be estimated" in summary.abstract_conclusion(report)
    assert "could not be answered" in summary.plain_results(report)
    assert "not among those" in mediation.mediation(report, "bond")
    assert full.full_mediation(report).startswith("Verdicts on full") or "could not" in full.full_mediation(
        report
    )
    assert estimation.models(report) == ""


def test_participants(report_of):
    text = words(people.participants(report_of()))
    assert (
        "96 simulated clients of 23 therapists" in text and "11 (sessions: at least 5) were excluded" in text
    )
    assert "at least five sessions" in text
    assert "80 clients" not in words(people.participants(report_of("matrix")))
    assert "no flow of participants" in words(people.participants(report_of("matrix")))


def test_small_counts_of_real_people_are_not_told(tmp_path):
    folder = write_run(tmp_path / "run", "items")
    flow = tidy.read_csv(folder / "data/flow.csv")
    flow.loc[flow["step"] == "excluded", "clients"] = 2
    flow.loc[flow["step"] == "received", "clients"] = 98
    tidy.write_csv(flow, folder / "data/flow.csv")
    report = prepare(Results(folder), AS_MODELS, ROOT / "manuscript")
    text = words(people.participants(report))
    assert (
        "excluded is not shown" in text
        and "98 clients" not in text
        and "2 (" not in text.replace("4.2 (", "")
    )
    text = words(missing.missing(report))
    says(text, "All tables and models", "same clients")
    assert "94" not in text


def test_many_incomplete_clients_are_told(tmp_path):
    folder = write_run(tmp_path / "run", "items")
    flow = tidy.read_csv(folder / "data/flow.csv")
    flow.loc[flow["step"] == "scored", "clients"] = 84
    tidy.write_csv(flow, folder / "data/flow.csv")
    text = words(missing.missing(prepare(Results(folder), AS_MODELS, ROOT / "manuscript")))
    says(text, "clients analysed", "84", "every value", "models need")


def test_missing_data(report_of):
    says(words(missing.missing(report_of())), "one", "missing", "task collaboration", "one client")
    assert "cannot be seen from a matrix" in missing.missing(report_of("matrix"))


def test_icc_and_reliability(report_of):
    report = report_of()
    assert "No interval lies above zero" in words(people.icc(report))
    table = report.results.table("tables/icc.csv")
    table.loc[table["variable"] == "bond", "ci_low"] = 0.01
    report.results._read.clear()
    assert "lies above zero for bond" in words(people.icc(report))
    assert "ranges from .85" in words(people.measures(report))
    assert people.measures(report_of("scores")) == ""


def test_diagnosticity(report_of):
    report = report_of()
    text = words(diagnosticity.diagnosticity(report))
    says(text, "whole pattern", "10.0% [8.0%, 12.0%]", "within therapists")
    assert "1.60 [1.40, 1.80] against equal aspects" in text
    assert "cannot tell the directions apart" in text
    apart = ("more probable", "than under equal aspects", "not", "told apart", "from reversed")
    says(words(diagnosticity.pattern_verdict(report)), *apart)
    table = report.results.table("design/likelihood_ratios.csv")
    table.loc[table["against"] == "reversed", "ci_low"] = 1.01
    table.loc[table["against"] == "equal_aspects", ["relation", "ratio"]] = ["≥", 5.0]
    report.results._read.clear()
    assert "can only be chance" in words(diagnosticity.diagnosticity(report))
    assert "at least 5.00 against equal aspects" in words(diagnosticity.diagnosticity(report))
    table.loc[table["against"] == "equal_aspects", ["ci_low", "ci_high"]] = [5.0, np.nan]
    table.loc[table["against"] == "reversed", ["ci_low", "ci_high"]] = [0.5, 2.0]
    report.results._read.clear()
    says(words(diagnosticity.pattern_verdict(report)), *apart)
    table[["ci_low", "ci_high"]] = [0.5, 2.0]
    report.results._read.clear()
    assert "not shown to be more probable" in words(diagnosticity.pattern_verdict(report))
    assert "From none of those looked at" in words(opening._tells(report))
    table[["ci_low", "ci_high"]] = [0.5, 0.9]
    report.results._read.clear()
    says(words(diagnosticity.pattern_verdict(report)), "less probable", "account", "than under")
    says(words(opening._tells(report)), "rivals? No", "less probable", "under the account", "than under")
    table.loc[table["against"] == "reversed", ["ci_low", "ci_high"]] = [1.1, 2.0]
    report.results._read.clear()
    text = words(opening._tells(report))
    says(text, "Only in part", "more probable", "under the account", "than under reversed", "less probable")
    says(text, "less probable than under equal")


def test_coverage_power_recovery(report_of):
    report = report_of()
    text = words(precision.coverage(report))
    assert "nowhere is it shown to fall below" in text
    says(text, "whole interval", "below", "nominal 95%")
    assert "power to detect" in words(precision.power(report))
    assert "ICC" not in words(precision.power(report))
    says(words(diagnosticity.diagnosticity(report)), "between its correlation", "meaning", "theirs")
    grid = report.results.table("design/power.csv")
    grid.loc[(grid["icc"] == 0) & (grid["indirect"] < -0.1), "icc"] = 0.1
    report.results._read.clear()
    assert "for −0.15 (ICC = .05), and " in words(precision.power(report))
    assert "for −0.15 (ICC = .10)." in words(precision.power(report))
    says(words(precision.recovery(report)), "exceeds three", "Monte Carlo errors", "most surely")
    table = report.results.table("design/recovery.csv")
    table["bias"] = 0.001
    report.results._read.clear()
    assert "No bias of an indirect effect exceeds" in words(precision.recovery(report))


def test_robustness(report_of):
    report = report_of()
    assert "Its sign never changes" in words(robustness.influence(report))
    report.results.table("robustness/leave_one_out.csv").loc[0, "sign_changes"] = 2
    report.results._read.clear()
    assert "Its sign changes in some of them" in words(robustness.influence(report))
    text = words(robustness.measurement(report))
    assert (
        "its interval includes zero" in text
        and "its interval leaves out zero" in text
        and "multiplies" in text
    )
    assert "compared with twolevel" in words(robustness.agreement(report))
    assert "not compared with published ones" in words(robustness.published(report))


def test_a_check_that_cannot_tell_is_no_failure(tmp_path):
    folder = write_run(tmp_path / "run", "matrix")
    checks = {"name": ["a", "b"], "cell": ["n", "sd bond"], "verdict": ["possible", "uninformative"]}
    tidy.write_csv(pd.DataFrame({**checks, "accepted": False}), folder / "tables/matrix_checks.csv")
    text = words(matrix.matrix_checks(prepare(Results(folder), AS_MODELS, ROOT / "manuscript")))
    assert text.startswith("None of 2 checks") and "one could decide nothing" in text
    assert "sd bond" not in text


@pytest.mark.parametrize("made_up", [True, False])
def test_an_invented_article_is_called_so(tmp_path, made_up):
    folder = write_run(tmp_path / "run", "matrix")
    published_in = {
        "source": ["Doe (2020), Table 1"],
        "made_up": [made_up],
        "clients": [80],
        "therapists": [None],
    }
    tidy.write_csv(pd.DataFrame(published_in), folder / "tables/matrix_source.csv")
    report = prepare(Results(folder), AS_MODELS, ROOT / "manuscript")
    text = words(source.design(report))
    assert "(Doe (2020), Table 1)" in text
    assert ("No such study exists" in text) == made_up
    assert bool(report.variant.banner) == bool(report.variant.note) == made_up


def test_several_predictors_are_each_between(report_of):
    """Not "between the total alliance and bond and distress"."""
    said = words(story.between(["alliance", "bond"]))
    assert said == "between the total alliance and distress, and between bond and distress"
    assert said in words(discussion.discussion(report_of("matrix", paths=STRONG)))
    assert words(story.between(["bond"])) == "between bond and distress"


def test_shares_of_models_read_as_prose(report):
    rows = [_row(estimate=0.1, model="one")]
    two, double = [*rows, _row(estimate=0.1, model="two")], rows * 2
    three = [*two, _row(estimate=0.1, model="three")]
    assert study.share(report, rows, rows) == "in the one model"
    assert study.share(report, [], rows) == "not in the one model"
    assert words(study.share(report, rows, two)) == "in one of two models"
    assert words(study.share(report, [], two)) == "in neither model"
    assert words(study.share(report, [], three)) == "in none of three models"
    assert words(study.share(report, two, two)) == "in both models"
    assert words(study.share(report, three, three)) == "in all three models"
    assert words(study.share(report, rows, double)) == "for one of two indirect effects"
    assert "models models" not in words(mediation.further(report))


def test_what_a_matrix_leaves_open(tmp_path):
    folder = write_run(tmp_path / "run", "matrix")

    frames = {
        "tables/matrix_checks.csv": pd.DataFrame({"name": ["a", "b"], "cell": ["n", "x~y"], "verdict": ["possible", "impossible"], "accepted": [False, True]}),
        "robustness/clustering.csv": pd.DataFrame({"model": ["bond"], "effect": ["a"], "factor": [1.2], "ci_low": [0.1], "ci_high": [0.9]}),
        "robustness/between.csv": pd.DataFrame({"model": ["bond"], "within_low": [-0.4], "within_high": [-0.1]}),
        "robustness/rounding.csv": pd.DataFrame({"model": ["bond"], "effect": ["indirect"], "low": [-0.21], "high": [-0.2]}),
        "tables/withheld.csv": pd.DataFrame({
            "model": list("mnopq"), "lacks": ["variables", "variables", "clients", "duplicate", "parts"], "reason": "as told"}
        ),
    }  # fmt: skip
    for name, frame in frames.items():
        tidy.write_csv(frame, folder / name)
    report = prepare(Results(folder), AS_MODELS, ROOT / "manuscript")
    text = words(matrix.left_open(report) + matrix.matrix_checks(report))
    for carried in (
        ["leave out zero in every case"],
        [
            "Of the models file five models could not be estimated: two need variables that the table does not print, one needs clients' "
            "answers, one is the same as a model reported here, and one holds a total beside its own parts"
        ],
        ["−0.40", "−0.10"],
        ["−.210", "−.200"],
        ["one found an impossible value", "x~y. It was kept"],
    ):
        says(text, *carried)


@pytest.mark.parametrize(("kind", "file", "reason"), [
    ("matrix", "tables/reliability.csv", "a published matrix has no client rows"),
    ("scores", "tables/reliability.csv", "scale scores, not item answers"),
    ("simulated", "design/power.csv", "nothing was estimated"),
])  # fmt: skip
def test_reasons_of_absence(report_of, kind, file, reason):
    assert reason in reason_absent(file, report_of(kind).results.config)


def test_switched_off_is_named(report_of):
    report = report_of("items", design=None, drop=("robustness/leave_one_out.csv",))
    text = missing.withheld(report)
    assert (
        "power and precision" in text
        and "switched off in the configuration" in text
        and "nothing was estimated" in text
    )
    assert "was not simulated in this run" in words(opening.answers(report))
    assert "were not checked" in analyses.claims_method(report_of("items", claims=None))


def test_titles_and_notes_by_kind(report_of):
    for kind in ("simulated", "items", "scores", "matrix"):
        made = variant(report_of(kind).results.config)
        assert bool(made.note) == bool(made.banner) == (kind == "simulated")
        assert made.kind == kind and made.title and "Data source" in made.source


def test_all_sentences_are_whole(report_of):
    for kind in ("simulated", "items", "scores", "matrix"):
        report = report_of(kind)
        for name, function in SENTENCES.items():
            text = words(function(report, "bond") if name in OF_A_MODEL else function(report))
            assert not re.search(
                r"\bnan\b|None\b(?! of)|\{|\}|  +\S|\(\)| ,|\.\.", text.replace("\n\n", " ")
            ), (
                kind,
                name,
                text,
            )
            if name not in NO_SENTENCES:
                assert not text or text.rstrip().endswith((".", ")")), (kind, name, text)


def _claims(report, changes):
    """Change verdicts of judged claims in memory."""
    table = report.results.table("claims.csv")
    for claim, estimand, verdict in changes:
        row = (table["claim"] == claim) & table["judged"].astype(bool)
        row &= (table["estimand"] == estimand) if estimand else True
        table.loc[row, ["verdict", "reason"]] = [verdict, "a reason"]
    report.results._read.clear()


@pytest.mark.parametrize(("verdict", "phrase"), [
    ("not reproduced", "at least one of them is significant"),
    ("consistent (weak)", "weak support for no influence"),
    ("not testable", "with age and gender as covariates"),
])  # fmt: skip
def test_age_and_gender(report_of, verdict, phrase):
    report = report_of()
    _claims(report, [("age_gender", "", verdict)])
    assert phrase in words(covariates.covariates(report))


def test_patterns_that_differ_by_estimand(report_of):
    report = report_of()
    _claims(
        report,
        [
            ("whole_pattern", "within", "reproduced"),
            ("whole_pattern", "single", "not reproduced"),
            ("bond_alone", "", "not testable"),
        ],
    )
    text = words(claims.claims(report))
    says(text, "is reproduced", "within therapists", "not", "reproduced", "single level")
    says(text, "bond alone", "cannot", "tested", "either estimand")


def test_flow_without_exclusions(report_of):
    report = report_of()
    flow = report.results.table("data/flow.csv")
    flow.loc[flow["step"] == "excluded", "clients"] = 0
    flow.loc[flow["step"] == "received", "clients"] = 96
    report.results._read.clear()
    assert "none of the 96 clients received was excluded" in words(people.participants(report))


@pytest.mark.parametrize(
    ("skews", "phrase"),
    [
        ([-0.4], "No scale is markedly skewed"),
        ([-1.3], "Only bond is markedly skewed"),
        ([-1.3, 1.1], "Markedly skewed are"),
    ],
)
def test_skew(report_of, skews, phrase):
    report = report_of()
    table = report.results.table("tables/descriptives.csv")
    table["skew"] = 0.1
    for name, value in zip(("bond", "goal"), skews, strict=False):
        table.loc[table["variable"] == name, "skew"] = value
    report.results._read.clear()
    text = words(people.descriptives(report))
    assert phrase in text and "ceiling effect" in text


def test_engines_that_were_not_run(report_of):
    report = report_of("items", engines=["regression"], intervals=["delta"])
    text = words(estimation.estimation(report) + estimation.intervals(report))
    assert "least squares" in text and "semopy" not in text and "bootstrap" not in text
    table = report.results.table("mediation/agreement.csv")
    table["agrees"] = True
    report.results._read.clear()
    assert "all differ by less than a tenth" in words(robustness.agreement(report))
    table["agrees"], table["explanation"] = False, "unexplained"
    report.results._read.clear()
    assert "no cause is known" in words(robustness.agreement(report))
    assert "; none differ by less than a tenth" in words(robustness.agreement(report))
    assert all(bound.file for bound in report.bind.ledger)


def test_published_numbers(report_of):
    """The size of another sample is no number to compare with, nor is anything of a simulated run."""
    for kind, told in (
        ("matrix", ["one differs by", "no", "more than the rounding", "explains", "one differs"]),
        ("items", ["Of one published number", "compared", "one differs"]),
        ("simulated", ["not compared with published ones"]),
    ):
        report = report_of(kind)
        report.results.table("published.csv")["verdict"] = ["rounding", "differs"]
        report.results._read.clear()
        says(words(robustness.published(report)), *told)
        drawn = findings.published(report)
        assert len(drawn.body if drawn else ()) == {"matrix": 2, "items": 1, "simulated": 0}[kind]
    report = report_of("matrix")
    table = report.results.table("published.csv")
    table["verdict"] = "not attempted"
    report.results._read.clear()
    assert "No published number could be compared" in robustness.published(report)
