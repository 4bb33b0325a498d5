"""What a report says of items, keys, tests and simulations is what its kind of run has."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fortems.report.page import nodes
from fortems.report.page.table import Cell
from fortems.report.tables import codebook, scales
from fortems.report.text import SENTENCES
from fortems.report.text.method.instruments import assumed_keys
from fortems.report.text.study import model_words
from fortems.report.variant import Variant
from fortems.tables.icc import OneWay, icc
from scipy.stats import f as f_distribution
from test_sentences import words
from wording import says

WITH_ITEMS = ("simulated", "items")
KINDS = (*WITH_ITEMS, "scores", "matrix")


def printed(cell):
    return nodes.text_of((cell if isinstance(cell, Cell) else Cell(cell)).inlines())


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_items_are_told_where_items_are_scored(report_of, kind):
    report = report_of(kind)
    assert bool(assumed_keys(report)) == (kind in WITH_ITEMS)
    assert ("item key published" in words(SENTENCES["instruments"](report))) == (kind in WITH_ITEMS)
    assert ("Items, keys" in SENTENCES["measures_brief"](report)) == (kind in WITH_ITEMS)


@pytest.mark.parametrize("kind", ("simulated", "items", "scores"))
def test_the_codebook_speaks_of_items_and_dashes_where_it_has_them(report_of, kind):
    table = codebook.variables(report_of(kind))
    notes = " ".join(printed(note) for note in table.notes)
    assert ("single items" in notes) == (kind in WITH_ITEMS)
    dashed = any(printed(cell) == codebook.MARK for row in table.body for cell in row)
    assert ("stands for a count below" in notes) == (kind != "simulated" and dashed)


def test_a_total_of_given_scales_is_no_sum_of_items(report_of):
    report = report_of("simulated")
    (row,) = [row for row in report.results.released_rows(codebook.CODEBOOK) if row["variable"] == "task"]
    assert printed(codebook._source(report, row)) == "items of the WAI"
    given = dataclasses.replace(
        row, values=row.values | {"source": "sum of one_column, another_column, and_a_third_one"}
    )
    assert printed(codebook._source(report, given)) == "sum of its scales"


def test_the_test_of_a_share_between_therapists_is_the_one_that_the_note_names(report_of):
    report = report_of("simulated")
    says(" ".join(printed(note) for note in scales.icc(report).notes), "two-sided")
    one = OneWay.of(np.random.default_rng(1).normal(size=40), np.arange(40) // 4)
    told = icc(one)
    upper = f_distribution.sf(told["f"], *one.df)
    assert told["p"] == pytest.approx(2 * min(upper, 1 - upper))


@pytest.mark.parametrize(
    ("kind", "style"), [("items", "b"), ("scores", "b"), ("simulated", "m1"), ("matrix", "m1")]
)
def test_means_that_were_rounded_for_release_are_not_rounded_again(kind, style):
    assert Variant(kind).mean_style == style


@pytest.mark.parametrize("kind", KINDS)
def test_titles_and_keywords_name_what_was_done(report_of, kind):
    report = report_of(kind)
    assert "Mediation" in report.variant.title
    assert ("two-level" in SENTENCES["method_keywords"](report)) == (kind != "matrix")


@pytest.mark.parametrize(("kind", "style"), [("items", "%"), ("simulated", "%1")])
def test_shares_that_were_rounded_for_release_get_no_further_digit(kind, style):
    assert Variant(kind).share_style == style


def test_a_moderated_main_model_is_called_by_its_moderator(report_of):
    report = report_of("simulated")
    main = report.models["bond"]
    report.models = {
        **report.models,
        "bond_by_age": dataclasses.replace(main, name="bond_by_age", moderator="age"),
        "other_by_age": dataclasses.replace(main, name="other_by_age", outcome="search", moderator="age"),
    }
    assert model_words(report, "bond_by_age") == f"{model_words(report, 'bond')} moderated by age"
    assert model_words(report, "other_by_age") == "the model *other\\_by\\_age*"
