"""Sentences on other analyses, few clients, aspects and many tests: what stands in the tables, and no more."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from fortems.presentation.results import Results, Row
from fortems.report.text import multiverse
from fortems.report.text.article import brief
from fortems.report.text.method import missing
from wording import says

TABLES = {
    multiverse.MULTIVERSE: [{"model": "bond", "estimand": "all", "specifications": 848, "failed": 0, "median_estimate": -0.99, "negative": 1.0,
                             "significant_negative": 0.45}],
    multiverse.CHOICES: [{"model": "bond", "choice": "inclusion", "option": "", "label": "clients included", "share": 0.264},
                         {"model": "bond", "choice": "inclusion", "option": "as_run", "label": "all of this run", "share": None, "significant": 0.765},
                         {"model": "bond", "choice": "inclusion", "option": "ten", "label": "ten sessions", "share": None, "significant": 0.0},
                         {"model": "bond", "choice": "key", "option": "", "label": "scoring key", "share": 0.0},
                         {"model": "bond", "choice": "key", "option": "wai_s", "label": "WAI-S", "share": None, "significant": 0.44}],
    multiverse.JOINT: [{"model": "bond", "null": null, "statistic": "median", "specifications": 60, "p": p}
                       for null, p in (("b", 0.002), ("a", 0.012), ("a_or_b", 0.012))],
    multiverse.INFLUENCE: [{"model": "bond", "level": "within", "p": 0.001, "n_clients": 96, "set_clients": 6.0, "searched_to": 19},
                           {"model": "bond", "level": "single", "p": 0.001, "n_clients": 96, "set_clients": None, "searched_to": 19}],
    multiverse.ASPECTS: [
        {"statistic": "correlation", "level": "total", "first": "bond", "second": "goal", "with": "meaning", "interval": "robust", "estimate": 0.27, "ci_low": 0.11,
         "ci_high": 0.43, "p": 0.002, "largest": False},
        {"statistic": "indirect", "level": "single", "first": "bond", "second": "task", "with": "distress", "interval": "robust", "estimate": -0.1, "ci_low": -0.2,
         "ci_high": 0.01, "p": 0.06, "largest": False},
        {"statistic": "direct", "level": "within", "first": "goal", "second": "", "with": "distress", "interval": "robust", "estimate": -0.52, "ci_low": -0.85,
         "ci_high": -0.2, "p": 0.003, "largest": True}],
    multiverse.MULTIPLICITY: [{"family": "correlations", "p": p, "significant": p < 0.05, "significant_holm": p < 0.01, "significant_bh": p < 0.02}
                              for p in (0.001, 0.03, 0.4)]
                             + [{"family": f"{kind}, {level}", "p": 0.3, "significant": False, "significant_holm": False, "significant_bh": False}
                                for kind in ("effects", "claims") for level in ("within", "single")],
    multiverse.CHANCE: [{"scenario": s, "estimand": "within", "findings": 11, "expected_by_chance": e} for s, e in (("one", 0.09), ("two", 2.9))],
}  # fmt: skip


@pytest.fixture
def report(report_of, monkeypatch):
    made = report_of()
    real = Results.rows
    rows = {name: _rows(name, lines) for name, lines in TABLES.items()}

    def of(self, name, *filled, **keys):
        if name not in rows:
            return real(self, name, *filled, **keys)
        same = [row for row in rows[name] if all(row.values.get(key) == value for key, value in keys.items())]
        return [row for row in same if row.has(*filled)]

    monkeypatch.setattr(Results, "rows", of)
    monkeypatch.setattr(
        Results, "first", lambda self, name, **keys: next(iter(self.rows(name, **keys)), None)
    )
    return made


def _rows(name, lines):
    return [Row(name, place, f"row={place}", values) for place, values in enumerate(lines)]


def words(text):
    return re.sub(r"\s+", " ", re.sub(r"\[([^\]]*)\]\{[^}]*\}", r"\1", text)).replace("\\", "")


def test_analyses_their_share_and_the_joint_test(report):
    text = words(multiverse.specifications(report))
    assert (
        "848" in text
        and "−0.99" in text
        and "45%" in text.replace(" ", "").replace("\xa0", "").replace("\\%", "%")
    )
    says(text, "the one on clients included moves the estimate", "most", "26%")
    says(
        text,
        "whether it does depends above all on the choice on clients included",
        "it does in 76% of the analyses with “all of this run” and 0% with “ten sessions”",
    )
    assert "without zero is found" not in text  # told once
    assert "the larger *p* counts" in text and ".012" in text


def _with_shares(monkeypatch, **shares):
    """Give options of choices other shares of intervals without zero."""
    lines = [
        line | ({"significant": shares[line["option"]]} if line["option"] in shares else {})
        for line in TABLES[multiverse.CHOICES]
    ]
    real = Results.rows

    def of(self, name, *filled, **keys):
        if name != multiverse.CHOICES:
            return real(self, name, *filled, **keys)
        rows = _rows(name, lines)
        same = [row for row in rows if all(row.values.get(key) == value for key, value in keys.items())]
        return [row for row in same if row.has(*filled)]

    monkeypatch.setattr(Results, "rows", of)


def test_where_no_choice_decides_the_supplement_tells_what_the_most_moving_one_does(report, monkeypatch):
    _with_shares(monkeypatch, as_run=0.6, ten=0.2)
    assert "depends" not in words(multiverse.specifications_brief(report))
    says(
        words(multiverse.specifications(report)),
        "an interval without zero is found in 60% of the analyses with “all of this run” and 20% with “ten sessions”.",
    )


def test_a_choice_is_not_said_to_decide_most_where_those_of_others_are_withheld(report, monkeypatch):
    _with_shares(monkeypatch, wai_s=None)
    says(words(multiverse.specifications_brief(report)), "whether it does depends much on the choice on")


def test_an_option_that_is_an_estimand_is_told_in_its_words(report):
    option = {"choice": "estimand", "option": "within", "label": "within"}
    assert multiverse._option(Row(multiverse.CHOICES, 0, "row=0", option)) == "within therapists"


@pytest.mark.parametrize(
    ("family", "told"),
    [
        ("correlations", "correlations"),
        ("effects, single", "effects at the single level"),
        ("claims, within", "findings within therapists"),
    ],
)
def test_a_family_of_tests_is_told_in_the_words_of_the_report(family, told):
    assert multiverse._family(family) == told


def test_a_withheld_median_is_left_out_and_no_analyses_are_told_as_no_model(report, monkeypatch):
    values = {"model": "bond", "specifications": 17, "median_estimate": None, "negative": 0.9}
    rows = [Row(multiverse.MULTIVERSE, 0, "row=0", values | {"significant_negative": 0.5})]
    monkeypatch.setattr(
        Results, "rows", lambda self, name, *filled, **keys: rows if name == multiverse.MULTIVERSE else []
    )
    text = words(multiverse.specifications(report))
    assert "17" in text and "90" in text and "median" not in text
    rows.clear()
    assert "No main model was fitted" in multiverse.specifications(report)


def test_sets_that_turn_a_verdict_and_none(report):
    text = words(multiverse.carried_by(report))
    assert "6 of 96 clients can" in text and "no set of up to 19 clients was found" in text


def _influence(monkeypatch, report, *lines):
    """The sentence on who carries the verdicts, from other rows."""
    base = {"model": "bond", "p": 0.03, "n_clients": 53, "n_therapists": 23, "searched_to": 10}
    rows = _rows(multiverse.INFLUENCE, [base | line for line in lines])
    monkeypatch.setattr(Results, "rows", lambda self, name, *filled, **keys: rows)
    return words(multiverse.carried_by(report))


ONE = {"set_clients": 1.0, "clients_flip": 25, "therapists_flip": 10}


def test_one_client_is_told_once_with_how_many_could_be_that_one(report, monkeypatch):
    text = _influence(
        monkeypatch, report, {"level": "within", **ONE}, {"level": "single", "set_clients": 1.0}
    )
    assert text.startswith("Leaving out a single client can turn the verdict on whether")
    assert (
        "each of 25 of the 53 clients can, and so can the clients of each of 10 of the 23 therapists" in text
    )
    assert "single level 1 of 53 clients can" in text
    assert "smaller set" not in text  # than one client there is none


@pytest.mark.parametrize(("other", "smaller"), [(3.0, True), (None, False)])
def test_a_smaller_set_may_exist_only_than_one_of_several(report, monkeypatch, other, smaller):
    text = _influence(
        monkeypatch, report, {"level": "within", **ONE}, {"level": "single", "set_clients": other}
    )
    assert text.startswith("How few clients can turn a verdict")
    assert ("A smaller set may exist." in text) == smaller


@pytest.mark.parametrize("kind", ["items", "simulated"])
def test_the_article_promises_of_single_therapists_what_the_supplement_tells(report_of, kind):
    """What they do to an effect is withheld of own data; how few turn a verdict is told."""
    made = report_of(kind)
    for name in ("robustness/leave_one_out.csv", multiverse.INFLUENCE):
        made.results._tables[name] = pd.DataFrame([{"model": "bond", "level": "within", "p": 0.03}])
    made.results._read.clear()
    text = words(brief.sensitivity_brief(made))
    assert ("and single therapists" in text) == (kind == "simulated")
    assert ("How few clients can turn a verdict is told there as well" in text) == (kind == "items")
    told = words(missing.withheld(made))
    assert "what single therapists or clients do to a result is not shown" not in told
    assert ("of single therapists or clients who turn a result only the number is told" in told) == (
        kind == "items"
    )


def test_an_aspect_differs_or_is_not_shown_to(report):
    text = words(multiverse.aspects_compared(report))
    assert "differ in the correlation" in text
    says(text, "not", "shown to differ", "standardized indirect effect")
    assert "the largest direct path" in text and "−0.52" in text


def test_the_main_text_tells_the_difference_between_aspects_itself(report):
    text = words(multiverse.aspects_brief(report))
    says(text, "bond and task collaboration", "not", "shown to differ", "standardized")
    assert "correlation" not in text


def test_many_tests_and_chance(report):
    text = words(multiverse.many_tests(report))
    says(text, "correlations", "two of three", "*p* below .05", "one after Holm", "one after Benjamini")
    for kind in ("effects", "findings"):
        assert (
            f"{kind} within therapists: none of one" in text
            and f"{kind} at the single level: none of one" in text
        )
    assert text.count("benjamini1995") == 1 and "claims" not in text and ", within" not in text
    assert "0.09" in text and "2.9" in text
