"""What it takes to overturn an effect is told in its card, its table and its sentences, with the tables' numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from fortems.presentation.numbers import write
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report.cards import cards
from fortems.report.page import nodes
from fortems.report.tables import sensitivity as tables
from fortems.report.text import sensitivity
from fortems.report.text.design.diagnosticity import DIAGNOSTICITY
from test_sentences import words
from wording import says


@pytest.mark.parametrize("level", ["within", "single"])
def test_ways_to_overturn_an_effect_are_clauses(report_of, level):
    report = report_of("simulated")
    ways = (sensitivity.by_correlation, sensitivity.by_factor, sensitivity.by_dropout)
    correlation, factor, dropout = (words(way(report, "bond", level)) for way in ways)
    results = report.results
    sign = results.first(sensitivity.CONFOUNDING, model="bond", level=level, kind="sign")
    assert write(sign["rho"], "r") in correlation
    assert "halo" in factor and "acquiescence" in factor
    rows = results.rows(sensitivity.SURVIVORS, model="bond", level=level)
    assert write(min(row["indirect"] for row in rows if row.has("indirect", "ci_low")), "end") in dropout


def overturns(report) -> dict[str, list[str]]:
    """Each card's sentence → what it says overturns the finding."""
    (_, _, section) = cards(report)
    return {
        nodes.text_of(title["c"][2]).replace("’", "'"): [
            nodes.text_of(told)
            for term, ways in lines["c"]
            if nodes.text_of(term) == "What overturns it"
            for told in ways
        ]
        for title, lines in (card["c"][1] for card in section["c"][1])
    }


@pytest.mark.parametrize(
    ("claim", "model"), [("alliance_full_mediation", "alliance"), ("bond_full_mediation", "bond")]
)
def test_the_card_of_an_effect_says_what_overturns_it(report_of, claim, model):
    """At both estimands: residual correlation, robustness values, common factor, other analyses."""
    report = report_of("simulated")
    results = report.results
    told = "\n".join(overturns(report)[results.claims[claim].text])
    for level, where in ESTIMAND_WORDS.items():
        for kind, what in (("sign", "effect"), ("interval", "interval")):
            row = results.first(sensitivity.CONFOUNDING, model=model, level=level, kind=kind)
            if kind == "interval" and row["rho"] == 0:
                assert f"{where}: its interval includes zero already" in told
            else:
                assert f"{write(row['rho'], 'r')} takes the {what} to zero {where}" in told
        for effect in "ab":
            row = results.first(
                sensitivity.STRENGTHS, model=model, level=level, effect=effect, kind="value", target="zero"
            )
            says(told, where, f"explains {write(row['rv'], '%')}", "both ends", f"path {effect}")
        for row in results.rows(sensitivity.FACTOR, model=model, level=level, first=True):
            share = f"{where}, a common factor of {row['pattern']} that explains {write(row['variance_share'], '%')}"
            assert (share in told) == (row["kind"] != "inadmissible")
    row = results.first("robustness/multiverse.csv", model=model, estimand="all")
    says(told, row["specifications"], f"{write(row['significant_negative'], '%')} are negative")
    ends = [write(row[end], "end") for end in ("lowest", "highest")]
    assert f"the estimates of all of them run from {ends[0]} to {ends[1]}" in told


def lines_of(report) -> str:
    return "\n".join(overturns(report)[report.results.claims["bond_full_mediation"].text])


@pytest.mark.parametrize(
    ("table", "keys", "values", "said"),
    [
        ("confounding", {"kind": "interval"}, {"rho": 0.0}, {"nothing more is needed", "includes zero already"}),
        ("confounding", {"kind": "interval"}, {"rho": -0.1}, {"−.10 takes the interval to zero"}),
        ("common_factor", {"first": True}, {"kind": "inadmissible"}, set()),
        ("common_factor", {"first": True}, {"kind": "b vanishes"}, {"a common factor of halo that explains", "acquiescence"}),
        ("robustness_values", {"effect": "b"}, {"rv_alpha_robust": 0.0}, {"whose interval includes zero already"}),
        ("robustness_values", {"effect": "b"}, {"rv_alpha_robust": 0.1}, {"(10% for its interval to reach zero)"}),
        ("leave_one_out", {"effect": "indirect"}, {"sign_changes": 1}, {"turns the indirect effect’s sign"}),
        ("leave_one_out", {"effect": "indirect"}, {"sign_changes": 0}, set()),
        ("survivors", {}, {"indirect": -1.0, "ci_low": -2.0, "ci_high": -0.1}, set()),
        ("survivors", {"outcome": "distress"}, {"ci_low": -9.0, "ci_high": 9.0}, set()),
        ("survivors", {"by_outcome": 0.5}, {"ci_low": -9.0, "ci_high": 9.0}, {"dropout before the sample", "cases looked at"}),
        ("survivors", {"by_outcome": 0.5}, {"indirect": 0.2}, {"dropout before the sample", "would have been", ".20"}),
        ("multiverse", {}, {"significant_negative": 1.0}, set()),
        ("multiverse", {}, {"significant_negative": 0.5}, {"another defensible analysis", "50% are negative"}),
    ],
)  # fmt: skip
def test_only_what_can_overturn_is_listed_each_in_words(report_of, table, keys, values, said):
    """Of each table, with rows that can and with rows that cannot."""
    report = report_of("simulated")
    words_of = {
        "confounding": "residual correlation is|includes zero already",
        "common_factor": "a common factor",
        "robustness_values": "whose interval includes zero|for its interval",
        "leave_one_out": "leaving out one therapist",
        "survivors": "dropout",
        "multiverse": "defensible",
    }
    frame = report.results.table(f"robustness/{table}.csv")
    if table == "survivors":
        frame[["indirect", "ci_low", "ci_high"]] = [-1.0, -2.0, -0.1]
    if table == "robustness_values" and "rv_alpha_robust" in values:
        frame["rv_alpha_robust"] = frame["rv_alpha_robust"].astype(float)
    mine = frame["model"] == "bond"
    for column, value in keys.items():
        mine &= frame[column] == value
    for column, value in values.items():
        frame.loc[mine, column] = value
    report.results._read.clear()
    told = lines_of(report)
    for each in said:
        assert each in told
    if not said:
        assert not re.search(words_of[table], told)
    assert "no matrix" not in told and "RV of" not in told and "Common factor," not in told


@pytest.mark.parametrize("found", [True, False])
def test_the_lead_of_the_cards_speaks_of_simulated_studies_where_a_card_does(report_of, found):
    report = report_of("simulated")
    if not found:
        report.results.table(DIAGNOSTICITY)["probability"] = np.nan
        report.results._read.clear()
    (_, lead, section) = cards(report)
    has = any(nodes.text_of(card).count("How often it comes out") for card in section["c"][1])
    assert ("how often a study gives this result" in nodes.text_of(lead)) == found == has


def changed(report, claim: str, **values) -> None:
    """Judged rows of a claim with other values."""
    table = report.results.table("claims.csv")
    mine = (table["claim"] == claim) & table["judged"].astype(bool)
    for column, value in values.items():
        table.loc[mine, column] = value
    report.results._read.clear()


def test_every_card_says_what_overturns_its_finding(report_of):
    """Save a pattern whose parts have cards of their own."""
    report = report_of("simulated")
    claims = report.results.claims
    changed(report, "age_gender", p=0.4, verdict="consistent (weak)")
    told = overturns(report)
    assert {text for text, lines in told.items() if not lines} == {claims["whole_pattern"].text}
    assert {claims[part].text for part in claims["whole_pattern"].parts} < told.keys()
    assert [line.partition(",")[0] for line in told[claims["age_gender"].text]] == list(
        ESTIMAND_WORDS.values()
    )


def test_a_pattern_says_what_overturns_its_parts(report_of):
    report = report_of("simulated")
    results = report.results
    changed(report, "bond_over_task", ci_low=-0.21, ci_high=-0.0027, verdict="reproduced")
    changed(report, "bond_over_goal", ci_low=-0.1, ci_high=0.2, verdict="cannot tell")
    pattern = results.claims["bond_alone"]
    told = overturns(report)[pattern.text]
    seen = 0
    for part in (*pattern.parts, "bond_over_goal", "bond_over_task"):
        mine = [line for line in told if line.startswith(f"{results.claims[part].label}: ")]
        for row in results.rows("claims.csv", judged=True, claim=part):
            line = next(line for line in mine if f": {ESTIMAND_WORDS[row['estimand']]}, " in line)
            if row["ci_low"] <= 0 <= row["ci_high"]:
                assert "the interval includes zero" in line
            else:
                nearest = min(row["ci_low"], row["ci_high"], key=abs)
                assert line.endswith(f"leaves out zero and ends at {write(nearest, 'end')}")
            seen += 1
    assert seen == 10
    rho = results.first(sensitivity.CONFOUNDING, model="bond", level="within", kind="interval")["rho"]
    confounder = [line for line in told if "an unmeasured common cause" in line]
    assert len(confounder) == 1 and confounder[0].startswith("Bond, indirect effect: ")
    assert f"{write(rho, 'r')} takes the interval to zero within therapists" in confounder[0]


@pytest.mark.parametrize(
    ("low", "high", "verdict", "said"),
    [
        (0.004, 0.4, "reproduced", ["an error of sampling larger than the interval allows for: it leaves out zero and ends at .004"]),
        (-0.4, -0.2, "cannot tell", ["another sample of this size may decide on its size, which the interval leaves open",
                                     "an error of sampling larger than the interval allows for: it leaves out zero and ends at −.20"]),
        (-0.1, 0.3, "not reproduced", ["another sample of this size may well do so: the interval includes zero"]),
    ],
)  # fmt: skip
def test_a_correlation_is_called_no_surer_than_its_interval(report_of, low, high, verdict, said):
    report = report_of("simulated")
    changed(report, "alliance_meaning", ci_low=low, ci_high=high, verdict=verdict)
    assert overturns(report)[report.results.claims["alliance_meaning"].text] == said


def test_a_card_names_each_thing_once(report_of):
    """Sixteen ways to overturn an effect stand under one name, not under sixteen."""
    (_, _, section) = cards(report_of("simulated"))
    for _, lines in (card["c"][1] for card in section["c"][1]):
        names = [nodes.text_of(term) for term, _ in lines["c"]]
        assert len(names) == len(set(names))


def test_short_chains_are_no_evidence(report_of):
    report = report_of("simulated")
    assert "too short" in words(sensitivity.posterior_effects(report))
    table = report.results.table(sensitivity.BAYES)
    table.loc[table["rhat"].notna(), ["rhat", "ess"]] = [1.001, 5000.0]
    report.results._read.clear()
    assert "too short" not in words(sensitivity.posterior_effects(report))


def test_an_interval_with_zero_is_said_to_need_no_confounder(report_of):
    report = report_of("simulated")
    table = report.results.table(sensitivity.CONFOUNDING)
    table.loc[table["kind"] == "interval", "rho"] = 0.0
    report.results._read.clear()
    text = words(sensitivity.confounding(report))
    assert "includes zero without any" in text
    ways = tables.ways(report, "bond", "single")
    assert ways["ρ at which the interval reaches zero"].text == "with zero already"


def test_a_run_without_these_tables_has_none(report_of):
    report = report_of("simulated", robustness=None)
    assert tables.overturn(report) is None and tables.posterior(report) is None
    assert tables.distribution(report) is None
    assert sensitivity.strengths(report) == "" and sensitivity.survivors(report) == ""
