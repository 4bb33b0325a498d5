"""What it takes to overturn an effect is told in its card, its table and its sentences, with the tables' numbers."""

from __future__ import annotations

import pytest
from fortems.presentation.numbers import write
from fortems.report.cards import cards
from fortems.report.tables import sensitivity as tables
from fortems.report.text import sensitivity
from test_sentences import words


@pytest.mark.parametrize("level", ["within", "single"])
def test_every_way_to_overturn_an_effect_is_a_sentence(report_of, level):
    report = report_of("simulated")
    found = [words(text) for text in sensitivity.overturning(report, "bond", level)]
    assert len(found) == 4
    results = report.results
    sign = results.first(sensitivity.CONFOUNDING, model="bond", level=level, kind="sign")
    assert write(sign["rho"], "r") in found[0]
    value = results.first(
        sensitivity.STRENGTHS, model="bond", level=level, effect="a", kind="value", target="zero"
    )
    assert write(value["rv"], "%") in found[1]
    assert "halo" in found[2] and "acquiescence" in found[2]
    assert "nobody dropped out" in found[3]


def test_the_card_of_an_effect_says_what_overturns_it(report_of):
    report = report_of("simulated")
    found = repr(cards(report))
    for way in ("RV", "Common", "dropped"):
        assert way in found


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
