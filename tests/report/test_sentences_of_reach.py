"""Sentences that say how far something reaches: what was left out, what a scenario assumes, what an interval covers."""

import pytest
from fortems.presentation.results import Results
from fortems.report.build import prepare
from fortems.report.page import nodes
from fortems.report.tables import findings, models, scales
from fortems.report.text import claims as claims_text
from fortems.report.text import full, summary
from fortems.report.text.design import diagnosticity, precision
from fortems.report.text.method import analyses, missing, people
from made_up_run import AS_MODELS, ROOT, own_claims
from test_sentences import words
from test_sentences_rest import change
from wording import says


def test_models_without_leave_one_out_are_named(report_of):
    report = report_of()
    name = "robustness/leave_one_out.csv"
    effects = report.results.table("mediation/effects.csv")
    kept = effects["model"].isin(["alliance", "bond"])
    report.results._tables["mediation/effects.csv"] = effects[kept].reset_index(drop=True)
    report.results._read.clear()
    text = words(analyses.sensitivity_method(report))
    says(text, "Every model", "fitted again", "without", "each therapist in turn. ")  # with no exception
    table = report.results.table(name)
    report.results._tables[name] = table[~((table["model"] == "bond") & (table["level"] == "within"))]
    report.results._read.clear()
    text = words(analyses.sensitivity_method(report))
    says(text, "each therapist", "save bond within therapists", "reason", "`mediation/fit.csv`")


def test_coverage_says_from_how_many_studies_and_for_which_population(report_of):
    report = report_of()
    report.results.config["design"]["coverage"] = {"studies": 2000, "bootstrap_studies": 500}
    text = words(analyses.sensitivity_method(report))
    says(text, "simulated", "2,000 studies", "resampled intervals", "500")
    text = words(precision.coverage(report))
    says(text, "population with an indirect effect", "a = 0.30", "b = −0.35", "standardized")
    says(text, "one of the two paths is zero", "BCa interval", "four of four", "90.0%")
    says(text, "The CR2 interval covers", "at the single level in 91.0% of studies", "two of two cases")
    says(text, "the CR2 interval in two of two cases at the single level (down to 91.0%)")
    assert "BCa interval covers the true indirect effect in" in text  # tried at both: no level is told
    change(report, "design/coverage.csv", "ci_high", 0.99)
    says(words(precision.coverage(report)), "zero", "no interval", "shown", "cover less")
    change(report, "design/coverage.csv", "population", "effect; skew", population="a = 0")
    text = words(precision.coverage(report))
    says(
        text,
        "have a ceiling and skew",
        "CR2 interval (at the single level) in 91.0%",
        "BCa interval in 90.0%",
    )


def test_coverage_of_paths_and_correlations_is_told_whatever_it_is(report_of):
    report = report_of()
    text = words(precision.coverage(report))
    says(text, "92.6% to 94.7% of studies for a, b, and c′", "92.6% to 94.7% of studies for correlations")
    says(
        text,
        "in 16 of 32 cases",
        "less often than the nominal 95%",
        "least in the design “10 therapists, ICC .05”",
    )
    says(text, "truth is zero", "leaves out zero in 5.3% to 7.4% of studies")
    change(report, "design/coverage_paths.csv", "ci_high", 0.99)
    says(words(precision.coverage(report)), "nowhere is it shown to do so less often than the nominal 95%")
    change(report, "design/coverage_paths.csv", "truth", 0.3)
    assert "truth is zero" not in words(precision.coverage(report))


def test_bias_of_variances_is_told_beside_that_of_indirect_effects(report_of):
    report = report_of()
    text = words(precision.recovery(report))
    says(text, "Of one", "other parameters", "one exceeds three", "all", "variances and covariances")
    assert "those between them too large" in text  # the bias is upwards
    change(report, "design/recovery.csv", "bias", -0.05, parameter="between variance of bond")
    text = words(precision.recovery(report))
    assert "variances and covariances. All parameters" in text
    change(report, "design/recovery.csv", "parameter", "a", parameter="between variance of bond")
    assert "variances" not in words(precision.recovery(report))
    change(report, "design/recovery.csv", "bias", 0.001)
    text = words(precision.recovery(report))
    assert "No bias of an indirect effect exceeds" in text and "other parameters" not in text


def test_single_answers_are_counted_apart_from_scores(report_of):
    report = report_of()
    assert "No single answer is missing." in words(missing.missing(report))
    change(report, "data/codebook.csv", "missing", 3, kind="item")
    change(report, "data/codebook.csv", "missing_share", 0.03125, kind="item")
    text = words(missing.missing(report))
    assert "an item for at most 3.1% of clients" in text and "scale scores and numeric background" in text
    own = report_of("items")
    change(own, "data/codebook.csv", "missing", 3, kind="item")
    says(words(missing.missing(own)), "fewer clients", "item", "than may be counted")


def test_a_direct_path_of_zero_is_tested_by_the_likelihood_ratio(report_of):
    report = report_of()
    text = words(full.full_mediation(report))
    says(text, "likelihood ratio", "direct path of zero", "within therapists", "not", "rejected", "total")
    assert "χ²(1) = 0.80, p = .400" in text and "is rejected for" not in text
    change(report, "mediation/fit.csv", "p", 0.01, model="bond", engine="twolevel")
    text = words(full.full_mediation(report))
    says(text, "is rejected for bond", "χ²(1) = 0.80", "p = .010", "not", "rejected for the total alliance")


def test_clients_per_therapist_are_those_of_the_flow(report_of):
    assert "(4.2 clients per therapist on average)" in words(people.participants(report_of()))


def test_findings_of_nothing_are_not_counted_as_found(report_of):
    report = report_of()
    change(report, "claims.csv", "verdict", "reproduced", judged=True)
    change(report, "claims.csv", "verdict", "consistent (weak)", judged=True, claim="task_meaning")
    text = words(summary.plain_results(report))
    says(text, "in one more", "nothing", "found", "article", "says little")


def test_the_abstract_says_how_often_the_whole_pattern_shows(report_of):
    text = words(summary.abstract_results(report_of()))
    says(text, "10.0%", "within therapists", "10.0%", "single level")
    assert "simulated studies" not in words(summary.abstract_results(report_of("items")))


def test_studies_that_could_not_test_a_finding_are_counted(report_of):
    report = report_of()
    assert "No study was lost" in words(diagnosticity.diagnosticity(report))
    change(report, "design/diagnosticity.csv", "testable", 990, claim="task_distress")
    assert "the one tested least often, in 990 of 1,000." in words(diagnosticity.diagnosticity(report))


def test_latent_models_stand_in_the_table_with_their_fit(report_of):
    table = models.measurement(report_of())
    assert sum("Latent variables" in repr(line) for line in table.body) == 4
    notes = repr(table.notes)
    says(notes, "Monte Carlo", "observed scores", "delta method", "latent variables")
    printed = " ".join(nodes.text_of(note.inlines()) for note in table.notes)
    printed = printed.replace("\N{NO-BREAK SPACE}", " ")
    assert "χ²(41) = 62.46, p = .017." in printed and "*" not in printed


def test_there_is_no_table_of_measurement_error_where_every_model_ignores_it(report_of):
    """As with scale scores without reliabilities: what is left stands in the other tables."""
    report = report_of()
    table = report.results.table("mediation/measurement.csv")
    report.results._tables["mediation/measurement.csv"] = table[table["measurement"] == "observed"]
    report.results._read.clear()
    assert models.measurement(report) is None


@pytest.mark.parametrize("stories", [(), (("As reported", "It is so."), ("Reversed", "It is not."))])
def test_scenarios_are_told_where_studies_were_simulated(written, stories):
    report = prepare(Results(written()), AS_MODELS, ROOT / "manuscript", stories)
    table = findings.scenarios(report)
    assert (table is None) == (not stories)
    assert ("tbl-scenarios" in report.items) == bool(stories)
    assert ("tbl-scenarios" in analyses.sensitivity_method(report)) == bool(stories)


def test_a_share_of_few_studies_is_not_written_as_none():
    from fortems.presentation.numbers import write

    assert [write(value, "share") for value in (0.0, 0.0004, 0.0006, 0.5)] == [
        "0.0%",
        "< 0.1%",
        "0.1%",
        "50.0%",
    ]


def test_figures_call_own_claims_findings_to_check(written, tmp_path):
    from fortems.figures import overview
    from fortems.figures.base import Context

    own, article = (Context(Results(written(**given))) for given in ({"claims": own_claims(tmp_path)}, {}))
    assert "Article" not in overview.title(None, own) and "Article" in overview.title(None, article)
    assert "own" in claims_text.written_down(prepare(own.results, AS_MODELS, ROOT / "manuscript"))


def test_correlations_between_therapists_stand_in_the_table_only_with_an_interval(report_of):
    report = report_of()
    change(report, "tables/correlations.csv", "r", 0.82, level="between")
    assert all(line[-1].text == "—" for line in scales.levels(report).body)
    change(report, "tables/correlations.csv", "ci_low", 0.1, level="between")
    assert all(line[-1].text == ".82" for line in scales.levels(report).body)


def test_the_longest_word_on_equivalence_needs_two_lines(report_of):
    """A line of a full page in small type has about 120 letters."""
    table = models.verdicts(report_of("items"))
    share = dict(zip(table.header, table.widths, strict=True))["Equivalence"]
    assert 120 * share >= 1.1 * len("not attainable with data as noisy as these") / 2
