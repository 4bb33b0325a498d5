"""The method names the instruments, possible scores and findings of the run, and the study's own in its words."""

import dataclasses

import numpy as np
import pytest
from fortems import tidy
from fortems.report import bind
from fortems.report.page.table import Section
from fortems.report.tables import findings, scales
from fortems.report.text import SENTENCES
from fortems.report.text.method import instruments
from fortems.study.instruments import load_instruments
from fortems.study.models import models_of
from made_up_run import MODELS, ROOT, own_claims
from test_sentences import words
from test_sentences_rest import change
from wording import says

FOLDER = ROOT / "config/instruments"
OWN = """
label: PHQ-9 (nine symptoms)
items: 9
response: {low: 0, high: 3}
subscales: {depression: [1, 2, 3, 4, 5, 6, 7, 8, 9]}
total: null
missing: {rule: RULE, most: MOST}
sources: {key: {source: "Kroenke 2001", grade: A}}
"""


def swapped(report, **files):
    """Give the run other instrument files."""
    paths = {key: str(path) for key, path in report.results.setting("data", "instruments").items()}
    report.results.config["data"]["instruments"] = paths | {key: str(path) for key, path in files.items()}
    vars(report.results).pop("instruments", None)
    return report


def own(tmp_path, rule="prorate", most="0.25"):
    file = tmp_path / "phq.yaml"
    file.write_text(OWN.replace("RULE", rule).replace("MOST", most), encoding="utf-8")
    return file


def with_depression(report):
    table = report.results.table("tables/correlations.csv")
    report.results._tables["tables/correlations.csv"] = table.replace("distress", "depression")
    report.results._read.clear()
    return report


def test_the_studys_instruments_are_told_in_its_words(report_of):
    text = words(SENTENCES["instruments"](report_of("items")))
    says(text, "12 items", "Working Alliance Inventory", "short revised form")
    assert "sums range from 5 to 35" in text and "45 items with a total from zero to 180" in text
    assert text.count("\n\n") == 2
    told = words(SENTENCES["scoring"](report_of("items")))
    says(told, "five missing items", "no score")
    assert SENTENCES["scoring"](report_of("matrix")) == "" and "brings scale" in SENTENCES["scoring"](
        report_of("scores")
    )


def test_the_other_key_of_the_alliance_is_told_with_its_own_range(report_of):
    report = swapped(report_of("items"), wai=FOLDER / "wai_s.yaml")
    text = words(SENTENCES["instruments"](report))
    says(text, "Working Alliance Inventory", "(WAI-S key)", "12 items", "from 1 to 7")
    assert "the total alliance (12 items, from 12 to 84)" in text
    assert "short revised" not in text and "to 60" not in text
    assert "Dutch version" in text  # the reason why there are two keys
    heads = [line.text for line in scales.reliability(report).body if isinstance(line, Section)]
    assert load_instruments({"wai": FOLDER / "wai_s.yaml"})["wai"].label in heads
    assert "Outcome Questionnaire" in heads


def test_an_instrument_of_ones_own_is_told_from_its_file(report_of, tmp_path):
    report = with_depression(swapped(report_of("items"), oq=own(tmp_path)))
    text = words(SENTENCES["instruments"](report))
    says(text, "PHQ-9 (nine symptoms)", "nine items", "from 0 to 3")
    says(text, "score is depression", "nine items", "from 0 to 27")
    assert "Outcome Questionnaire" not in text and "Distress." not in text
    told = words(SENTENCES["scoring"](report))
    says(told, "PHQ-9 (nine symptoms)", "at most 25%", "missing", "prorated")
    assert "from five missing" not in told


def test_only_the_working_alliance_inventory_has_an_assumed_key(report_of, tmp_path):
    file = tmp_path / "haq.yaml"
    haq = OWN.replace("PHQ-9 (nine symptoms)", "Helping Alliance (HAQ)").replace("depression", "alliance")
    file.write_text(haq.replace("RULE", "prorate").replace("MOST", "0.25"), encoding="utf-8")
    usual, other = report_of("items"), swapped(report_of("items"), wai=file)
    says(SENTENCES["limits"](usual), "key of the Working Alliance Inventory", "assumption")
    assert "is an assumption" not in SENTENCES["limits"](other)
    text = words(SENTENCES["instruments"](other))
    says(text, "Helping Alliance (HAQ)", "nine items")
    assert "Dutch" not in text


@pytest.mark.parametrize(
    ("rule", "most", "carried"),
    [
        ("prorate", "0", ["a scale with a missing item", "no", "score"]),
        ("subscale_mean", "2", ["three missing items", "no", "score"]),
        ("subscale_mean", "1", ["two missing items", "no", "score"]),
    ],
)
def test_each_rule_for_missing_answers_is_told(report_of, tmp_path, rule, most, carried):
    report = swapped(report_of("items"), oq=own(tmp_path, rule, most))
    says(words(SENTENCES["scoring"](report)), *carried)


def test_numbers_of_an_instrument_are_in_the_ledger(report_of, tmp_path):
    report = with_depression(swapped(report_of("items"), oq=own(tmp_path)))
    before = len(report.bind.ledger)
    SENTENCES["instruments"](report)
    found = report.bind.ledger[before:]
    assert {entry.rule for entry in found} == {"instrument"} and found[-1].file.endswith("phq.yaml")
    assert all(bind.looked_up(entry, report.results) == entry.text for entry in found)
    entry = next(entry for entry in found if entry.column == "highest depression")
    report.results.instruments["oq"] = dataclasses.replace(report.results.instruments["oq"], high=4)
    assert bind.looked_up(entry, report.results) == "36"
    with pytest.raises(KeyError):
        load_instruments()["wai"].measured("highest nothing")


def test_a_matrix_of_other_scores_gives_no_range(report_of):
    report = report_of("matrix")
    assert "sums range from 5 to 35" in words(SENTENCES["instruments"](report))
    change(report, "tables/descriptives.csv", "mean", 4.4, variable="meaning")
    text = words(SENTENCES["instruments"](report))
    assert "sums range" not in text
    says(text, "[@steger2006]", "scores are as printed")
    change(report, "tables/descriptives.csv", "mean", np.nan, variable="meaning")
    table = report.results.table("tables/descriptives.csv")
    report.results._tables["tables/descriptives.csv"] = table.assign(possible_min=1.0, possible_max=7.0)
    report.results._read.clear()
    assert "sums range" not in words(SENTENCES["instruments"](report))


def test_variables_without_an_instrument_are_named(report_of):
    report = report_of("scores")
    report.models = models_of({"bond": MODELS["bond"] | {"outcome": "phq9"}})
    assert "Other variables. Phq9, as the file holds it;" in words(SENTENCES["instruments"](report))
    assert "the total alliance" not in instruments.instruments(report).split("Other variables")[1]


def test_findings_of_ones_own_are_not_called_the_articles(report_of, tmp_path):
    article, other = report_of("items"), report_of("items", claims=own_claims(tmp_path))
    for name in ("abstract_method", "abstract_results", "plain_results", "discussion", "claims", "claims_method", "claims_title",
                 "each_finding"):  # fmt: skip
        usual, text = (words(SENTENCES[name](report)).replace("\n", " ") for report in (article, other))
        assert usual != text or name == "discussion", (
            name
        )  # which names the findings that failed, not whose they are
        assert "indings of the article" not in text and "inding of the article" not in text, name
        assert "Article's" not in text
    says(findings.claims(other).title, "Findings to Check", "Verdict")
    assert "the article" not in str(findings.claims(other).notes)
    assert "the article" in str(findings.claims(article).notes)


def test_the_ledger_of_a_page_tells_the_instruments_file(runs):
    ledger = tidy.read_csv(runs["items"] / "manuscript/numbers.csv")
    told = ledger[ledger["rule"] == "instrument"].set_index(["key", "column"])["file"].to_dict()
    assert told["mlq", "highest meaning"] == "config/instruments/mlq.yaml"


def test_two_instruments_of_one_title_are_told_apart_by_who_answers(report_of):
    report = swapped(report_of("simulated"), second=ROOT / "config/studies/two_raters/wai_sr_therapist.yaml")
    first, second = (instruments.instrument_label(report, key) for key in ("wai", "second"))
    assert second == f"{first}, therapist's rating"
    assert instruments.instrument_label(report, "mlq").endswith("Questionnaire")
