"""What it takes to overturn an effect is told in its card, its table and its sentences, with the tables' numbers."""

from __future__ import annotations

import pytest
from fortems.presentation.numbers import write
from fortems.report.cards import cards
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
