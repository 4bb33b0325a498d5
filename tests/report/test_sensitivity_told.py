"""What it takes to overturn an effect is told in its card, its table and its sentences, with the tables' numbers."""

from __future__ import annotations

import pytest
from fortems.presentation.numbers import write
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report.cards import cards
from fortems.report.page import nodes
from fortems.report.tables import sensitivity as tables
from fortems.report.text import sensitivity
from test_sentences import words


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
            nodes.text_of(told) for term, told in lines["c"] if nodes.text_of(term) == "What overturns it"
        ]
        for title, lines in (card["c"][1] for card in section["c"][1])
    }


@pytest.mark.parametrize(
    ("claim", "model"), [("alliance_full_mediation", "alliance"), ("bond_full_mediation", "bond")]
)
def test_the_card_of_an_effect_says_what_overturns_it(report_of, claim, model):
    """At both estimands: residual correlation, robustness values, common factor, dropout, therapists, other analyses."""
    report = report_of("simulated")
    results = report.results
    told = "\n".join(overturns(report)[results.claims[claim].text])
    for level, where in ESTIMAND_WORDS.items():
        for kind, what in (("sign", "effect"), ("interval", "interval")):
            row = results.first(sensitivity.CONFOUNDING, model=model, level=level, kind=kind)
            assert f"{write(row['rho'], 'r')} takes the {what} to zero {where}" in told
        for effect in "ab":
            row = results.first(
                sensitivity.STRENGTHS, model=model, level=level, effect=effect, kind="value", target="zero"
            )
            assert f"RV of {effect} {write(row['rv'], '%')} ({write(row['rv_alpha_robust'], '%')})" in told
        for row in results.rows(sensitivity.FACTOR, model=model, level=level, first=True):
            assert f"Common factor, {row['pattern']}" in told and write(row["variance_share"], "%") in told
        rows = results.rows(sensitivity.SURVIVORS, "indirect", model=model, level=level)
        ends = [write(end(row["indirect"] for row in rows), "end") for end in (min, max)]
        assert f"nobody dropped out {ends[0]} to {ends[1]}" in told
        row = results.first("robustness/leave_one_out.csv", model=model, level=level, effect="indirect")
        assert f"from {write(row['lowest'], 'end')} to {write(row['highest'], 'end')}" in told
    row = results.first("robustness/multiverse.csv", model=model, estimand="all")
    assert (
        f"of {row['specifications']} defensible analyses {write(row['significant_negative'], '%')} are negative"
        in told
    )
    ends = [write(row[end], "end") for end in ("lowest", "highest")]
    assert f"the estimates of all of them run from {ends[0]} to {ends[1]}" in told


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
        (-0.1, 0.3, "not reproduced", ["another sample of this size may: the interval includes no correlation at all"]),
    ],
)  # fmt: skip
def test_a_correlation_is_called_no_surer_than_its_interval(report_of, low, high, verdict, said):
    report = report_of("simulated")
    changed(report, "alliance_meaning", ci_low=low, ci_high=high, verdict=verdict)
    assert overturns(report)[report.results.claims["alliance_meaning"].text] == said


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


def test_a_run_without_these_tables_has_none(report_of):
    report = report_of("simulated", robustness=None)
    assert tables.overturn(report) is None and tables.posterior(report) is None
    assert tables.distribution(report) is None
    assert sensitivity.strengths(report) == "" and sensitivity.survivors(report) == ""
