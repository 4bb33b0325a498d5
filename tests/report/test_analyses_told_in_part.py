"""Of private data single analyses are told on the run's own clients alone: what is said of analyses is of all, or says so."""

from __future__ import annotations

import numpy as np
import pytest
from fortems.figures.base import Context
from fortems.figures.build import spec
from fortems.presentation.analyses import MULTIVERSE, SPECIFICATIONS
from fortems.report.cards import cards
from fortems.report.explorers import explorers
from fortems.report.page import nodes
from test_sensitivity_told import overturns
from wording import says

OTHER = {"alliance": 3, "bond": 5}  # analyses on other clients
FIELDS = ("estimate", "ci_low", "ci_high", "p", "standardized", "a", "b", "direct", "n_clients")


@pytest.fixture
def told_in_part(report_of):
    """A report of a run in which most analyses leave out zero among those told, and few among all."""
    report = report_of("simulated")
    table, whole = report.results.table(SPECIFICATIONS), report.results.table(MULTIVERSE)
    for model, count in OTHER.items():
        rows = table.index[(table["model"] == model) & ~table["default"].astype(bool)][:count]
        table.loc[rows, list(FIELDS)] = np.nan
        table.loc[rows, "reason"] = "withheld: other clients than the run's own"
    whole[["median_estimate", "lowest", "quarter", "three_quarters", "highest"]] = np.nan
    whole[["specifications", "failed", "inadmissible"]] = [400, 0, 0]
    whole[["negative", "positive", "significant_negative", "significant_positive"]] = [0.91, 0.09, 0.08, 0.01]
    report.results._read.clear()
    return report


def test_a_card_counts_all_analyses_and_names_no_range_of_some(told_in_part):
    text = told_in_part.results.claims["alliance_full_mediation"].text
    (line,) = [each for each in overturns(told_in_part)[text] if "defensible" in each]
    says(line, "400", "8% are negative and 1% are positive", "leaves out zero")
    assert "run from" not in line


def test_the_curve_says_that_it_shows_a_part_that_is_not_typical(told_in_part):
    figure, context = spec("specification"), Context(told_in_part.results, told_in_part.models)
    frame = figure.data(context)
    assert len(frame) == 8
    assert str(figure.title(frame, context)).endswith("in the Defensible Analyses on the Run's Own Clients")
    text = str(figure.reading(frame, context))
    says(
        text,
        "not",
        "typical",
        "of all 400 for the total alliance",
        "91% are negative and 9%",
        "leave out zero",
        "of all 400 for bond",
    )
    assert text.endswith("Not shown: 792 on other clients (withheld).")


@pytest.mark.parametrize(
    ("failed", "inadmissible", "said"),
    [
        (0, 0, None),
        (2, 0, "Not shown: 2 without an estimate."),
        (0, 1, "Not shown: 1 with an estimate that is not admissible."),
    ],
)
def test_a_curve_of_all_analyses_names_what_is_missing(report_of, failed, inadmissible, said):
    report = report_of("simulated")
    table = report.results.table(SPECIFICATIONS)
    table.loc[table.index[2 : 2 + failed], "estimate"] = np.nan
    table.loc[table.index[6 : 6 + inadmissible], "admissible"] = False
    figure, context = spec("specification"), Context(report.results, report.models)
    frame = figure.data(context)
    assert figure.title(frame, context) == "The Indirect Effect in Every Defensible Analysis"
    text = str(figure.reading(frame, context))
    assert ("typical" in text, "withheld" in text) == (False, False)
    assert text.endswith(said) if said else "Not shown" not in text


def test_the_explorer_says_that_it_shows_a_part_that_is_not_typical(told_in_part):
    curve = next(each for each in explorers(told_in_part) if each.name == "curve")
    assert curve.title == "Explore: The Defensible Analyses on the Run's Own Clients"
    assert curve.settings["what"] == "analyses on the run's own clients"
    lead = nodes.text_of(curve.lead.inlines())
    says(
        lead,
        "not",
        "typical",
        "of all 400 for the total alliance",
        "91% are negative",
        "leaves out zero",
        "of all 400 for bond",
    )


def test_the_explorer_of_all_analyses_is_called_so(report_of):
    report = report_of("simulated")
    curve = next(each for each in explorers(report) if each.name == "curve")
    assert curve.title == "Explore: Every Defensible Analysis" and curve.settings["what"] == "analyses"
    assert "typical" not in nodes.text_of(curve.lead.inlines()) and cards(report)
