"""What a sentence or a cell says is right for whatever numbers, models and study a run has."""

from dataclasses import replace

import pytest
from fortems.presentation.claims import claim_label, reason
from fortems.presentation.numbers import write
from fortems.presentation.results import Row
from fortems.report.bind import Binder
from fortems.report.page import nodes
from fortems.report.tables import appendix, findings
from fortems.report.text import claims, story, study
from fortems.report.text.article import brief
from fortems.report.text.design import precision
from fortems.report.text.method import analyses, source
from fortems.robustness.confounding import factor
from fortems.study import definition
from made_up_run import ROOT
from test_directions import turned  # noqa: F401
from test_sentences import words
from wording import says


def rows(*values, **keys):
    return [Row("f.csv", i, "", {"x": value, **keys}) for i, value in enumerate(values)]


def test_ends_that_are_written_alike_are_one_number():
    bind = Binder(None)
    assert words(bind.span(rows(0.131, 0.128), "x", "r")) == ".13" and len(bind.ledger) == 1
    assert words(bind.span(rows(0.31, 0.14, 0.2), "x", "r")) == ".14 to .31" and len(bind.ledger) == 3
    assert words(bind.span(rows(2.0, 2.0), "x", words="{}-{}", same="about {}")) == "about 2"


def test_a_p_near_one_is_not_written_as_one():
    assert [write(p, "p") for p in (0.9994, 0.9996, 1.0)] == [".999", "> .999", "> .999"]
    assert write(0.9999, "p=") == "> .999"


def test_a_pattern_that_fails_names_its_parts_by_their_labels(report_of):
    report = report_of("items")
    found = report.results.claims
    part = next(name for name in found["whole_pattern"].parts if "_" in name)
    row = Row(
        "claims.csv",
        0,
        "",
        {"claim": "whole_pattern", "verdict": "not reproduced", "reason": f"{part} does not hold"},
    )
    assert reason(found, row) == f"“{claim_label(found, part)}” does not hold"
    other = replace(row, values=row.values | {"claim": part})  # of a finding by itself the reason is no name
    assert reason(found, other) == row["reason"]


def test_a_label_is_not_searched_for_the_names_of_other_parts(report_of):
    found = report_of("items").results.claims
    *_, short, long = sorted(found["whole_pattern"].parts, key=len)
    claims = {**found, long: replace(found[long], label=f"the {short} of all")}
    row = Row(
        "claims.csv", 0, "", {"claim": "whole_pattern", "verdict": "", "reason": f"{long} does not hold"}
    )
    assert reason(claims, row) == f"“the {short} of all” does not hold"


def test_a_finding_that_cannot_be_tested_is_named_once(report_of):
    report = report_of("items")
    table = report.results.table(claims.CLAIMS)
    mine = table["verdict"] == "not testable"
    assert (table.loc[mine & (table["role"] == "finding"), "text"].value_counts() > 1).any()
    text = words(claims.claims(report)).replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert text.count("age and gender do not influence distress") == 1


def test_what_a_verdict_is_not_stands_behind_its_estimand():
    row = Row("claims.csv", 0, "", {"verdict": "matches the article's rule"})
    says(claims._judged(row, " under both estimands"), "rule", "under both estimands", "no", "proof")


@pytest.mark.parametrize(
    ("shown", "facts"),
    [
        ({"within": True, "single": True}, ("leaves out zero", "one model", "both estimands")),
        ({"within": False, "single": False}, ("includes zero", "one model", "both estimands")),
        (
            {"within": False, "single": True},
            ("one model", "includes zero", "within", "leaves out zero", "single"),
        ),
        ({"single": False}, ("includes zero", "one model", "at the single level")),
    ],
)
def test_the_interval_of_one_model_has_a_verb_of_its_own(report_of, shown, facts):
    says(study._of_one(report_of("items"), shown), *facts)


def test_power_is_told_of_the_design_nearest_to_the_run(report_of):
    report = report_of("simulated")  # 96 clients of 23 therapists
    designs = [(12, 4), (25, 5), (23, 12)]
    found = [Row("f.csv", i, "", {"therapists": t, "clients": c}) for i, (t, c) in enumerate(designs)]
    assert [(row["therapists"], row["clients"]) for row in precision._nearest(report, found)] == [(25, 5)]
    assert precision._nearest(report, []) == []


def test_a_checklist_tells_the_supplements_sections_from_the_articles():
    entry = {"item": "x", "in": ["m-measures", "s-measures"]}
    sections = {"m-measures": "Measures", "s-measures": "Measures"}
    cell = appendix._answer(entry, sections, {}, "items", ROOT, {})
    assert [part.text for part in cell.parts] == ["Measures", "; ", "Measures (supplement)"]


def test_a_study_that_is_not_published_has_no_coefficients_to_be_missed(monkeypatch):
    assert "coefficients" in source._none_of_its_own()
    ours = replace(definition.study(), citation="")
    monkeypatch.setattr(source, "study", lambda: ours)
    assert source._none_of_its_own() == ""


def test_whose_rule_of_full_mediation_is_told(report_of, monkeypatch):
    report = report_of("simulated")
    says(story.rule(report), "rule", "article", "used")
    assert "full mediation" in words(brief.claims_brief(report))
    simple = {
        name: claim for name, claim in report.results.claims.items() if claim.statistic == "correlation"
    }
    monkeypatch.setattr(type(report.results), "claims", property(lambda results: simple))
    assert "full mediation" not in words(brief.claims_brief(report)).lower()
    monkeypatch.setattr(story, "study", lambda: replace(definition.study(), citation=""))
    assert "article" not in story.rule(report) and "study" not in story.rule(report)


def test_halo_follows_the_directions(turned):  # noqa: F811
    assert factor.patterns("bond", "meaning", "distress") == {"halo": (1, 1, -1), "acquiescence": (1, 1, 1)}
    assert factor.patterns("distress", "meaning", "bond") == {"halo": (1, -1, -1), "acquiescence": (1, 1, 1)}
    turned(distress="better")
    assert factor.patterns("bond", "meaning", "distress") == {"halo": (1, 1, 1)}


def test_a_published_number_is_named_in_words():
    assert findings._published_number("Path: alliance~direct~wald, estimate") == "Path: Alliance (total) – c′"
    assert (
        findings._published_number("Correlations: bond~meaning, r")
        == "Correlations: Bond – Presence of meaning, r"
    )
    assert findings._published_number("Clients") == "Clients"


def test_keywords_are_words_of_sentences(report_of):
    assert words(story.keywords(report_of("items"))) == "alliance, bond, meaning, distress"


@pytest.mark.parametrize("count", [1, 3])
def test_studies_of_one_scenario_are_not_said_to_be_of_several(report_of, count):
    report = report_of("simulated")
    report.scenarios = tuple((f"Account {n}", "What is true in it.") for n in range(count))
    for sentence in (brief.varied(report), analyses.sensitivity_method(report)):
        assert ("several scenarios" in words(sentence)) == (count > 1)
        assert ("one scenario" in words(sentence)) == (count == 1)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("a does not hold; b does not hold; c is not decided", "more than one part does not hold"),
        ("a does not hold; b is not decided", "one part does not hold, others are not decided"),
        ("a is not decided; b is not decided", "more than one part is not decided"),
        ("a is not decided", "a is not decided"),
    ],
)
def test_a_table_counts_the_parts_that_a_pattern_lacks(report_of, told, said):
    row = Row("claims.csv", 0, "", {"claim": "whole_pattern", "verdict": "", "reason": told})
    assert findings._reason(report_of("simulated"), row) == said


def test_a_head_of_one_word_fits_its_column_on_paper(report_of):
    """Word breaks a word that is wider than its cell: 6.3 inches, less the cell's margins, at about 5.2 points a letter."""
    table = findings.claims(report_of("simulated"))
    for head, share in zip(table.header, table.widths, strict=True):
        told = head if isinstance(head, str) else nodes.text_of(head.inlines())
        longest = max(len(word.strip("*")) for word in told.split())
        assert share * 6.3 * 72 - 10.8 >= 5.2 * longest
