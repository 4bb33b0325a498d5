"""What is expected of an effect's sign follows from the directions of its variables, in a study of whatever direction."""

from dataclasses import replace

import pytest
import yaml
from fortems.report.text import covariates, discussion, multiverse, summary
from fortems.study.definition import IN_FORCE, study, use_study
from made_up_run import ROOT
from test_sentences import words
from wording import says

DOWN, UP = (0.9, -1.2, 0.1), (0.9, 1.2, 0.1)


@pytest.fixture
def turned(tmp_path, monkeypatch):
    """Put a study in force like the package's own, of whose variables more is better or worse as told."""

    def put(**higher):
        raw = yaml.safe_load((ROOT / "config/study.yaml").read_text())
        for variable, direction in higher.items():
            raw["variables"][variable]["higher"] = direction
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(raw))
        monkeypatch.setenv(IN_FORCE, "")
        use_study(path)

    return put


@pytest.mark.parametrize(
    ("higher", "sign"),
    [
        ({}, -1),
        ({"distress": "better"}, 1),
        ({"bond": "worse"}, 1),
        ({"bond": "worse", "distress": "better"}, -1),
    ],
)
def test_better_goes_with_better(turned, higher, sign):
    turned(**higher)
    assert study().expected("bond", "distress") == study().expected("distress", "bond") == sign
    assert study().expected("bond", "a column of the user's") == (-1 if "bond" in higher else 1)


@pytest.mark.parametrize(("higher", "paths"), [({}, UP), ({"distress": "better"}, DOWN)])
def test_an_effect_against_the_directions_is_no_support(report_of, turned, higher, paths):
    report = report_of("items", paths=paths)
    turned(**higher)
    assert {discussion.support(report, role) for role in study().predictors} == {"against"}
    says(
        words(summary.abstract_conclusion(report)),
        "against",
        "meaning",
        "alliance and bond",
        "distress",
        "opposite",
    )


def test_what_went_with_what_is_told_by_the_directions(report_of, turned):
    for higher, paths, more in (
        ({}, DOWN, ("more meaning", "more meaning", "less distress")),
        ({"distress": "better"}, UP, ("more meaning", "more meaning", "more distress")),
        ({"alliance": "worse", "bond": "worse"}, UP, ("less meaning", "more meaning", "less distress")),
    ):
        turned(**higher)
        report = report_of("items", paths=paths)
        assert discussion.support(report, "bond") == "both"
        says(words(summary.plain_results(report)), "rated them higher", *more)
        says(words(summary.plain_meaning(report)), "more alliance", *more, "not shown")


def test_specifications_are_counted_on_the_side_of_most(report_of):
    report = report_of("items")
    table = report.results.table(multiverse.MULTIVERSE)
    table[["negative", "positive", "significant_negative", "significant_positive"]] = [0.25, 0.75, 0.0, 0.5]
    says(words(multiverse.specifications_brief(report)), "75%", "positive", "50%", "positive")
    table[["negative", "positive"]] = [0.75, 0.25]
    report.results._read.clear()
    says(words(multiverse.specifications_brief(report)), "75%", "negative", "0%", "negative")


def test_several_values_of_a_moderator_are_called_as_the_study_says(report_of, turned, monkeypatch):
    report = report_of("items")
    turned()
    says(words(covariates.covariates(report)), "across", "ages")
    monkeypatch.setitem(study().variables, "age", replace(study().variables["age"], plural="generations"))
    says(words(covariates.covariates(report)), "across", "generations")
