"""Models as data: the shipped file, what is refused and how, which models no data can tell apart."""

import re
from pathlib import Path

import pytest
from fortems.errors import ConfigError
from fortems.package import ROOT
from fortems.schema import plain_yaml
from fortems.study.definition import study
from fortems.study.models import equivalent_models, load_models
from wording import facts

SCALES, SCORE_COLUMNS = study().scales, study().score_columns

SHIPPED = Path(__file__).parents[2] / "config" / "models.yaml"


def write(tmp_path, text):
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_shipped_models_load_and_name_known_variables():
    models = load_models(SHIPPED, SCORE_COLUMNS)
    assert {"alliance", "bond", "goal", "task", "aspects", "alliance_age_gender", "bond_social_role"} <= set(
        models
    )
    assert models["aspects"].predictors == ("bond", "goal", "task")
    assert models["alliance"].covariate_level == "both"
    assert models["alliance_by_age"].variables == ("alliance", "meaning", "distress", "age")


def test_every_key_of_a_model_is_explained_once():
    readme = (
        (ROOT / "config/README.md")
        .read_text(encoding="utf-8")
        .partition("\n## Models")[2]
        .partition("\n## ")[0]
    )
    told = [
        name
        for row in re.findall(r"^\| (`.*?) \|", readme, flags=re.M)
        for name in re.findall(r"`(\w+)`", row)
    ]
    allowed = plain_yaml(ROOT / "workflow/schemas/models.schema.yaml")["additionalProperties"]["properties"]
    assert sorted(told) == sorted(allowed)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "{predictor: allianc, mediator: meaning, outcome: distress}",
            ["'allianc'", "Did you mean alliance?"],
        ),
        (
            "{predictr: alliance, mediator: meaning, outcome: distress}",
            ["predictr", "Did you mean predictor?"],
        ),
        ("{predictor: bond, mediator: meaning, outcome: bond}", ["'bond' has two roles"]),
        ("{predictor: bond, mediator: meaning, outcome: distress, moderator: bond}", ["two roles"]),
        ("{predictor: gender, mediator: meaning, outcome: distress}", ["'gender' is a category"]),
        ("{predictor: therapist, mediator: meaning, outcome: distress}", ["identifier"]),
        (
            "{predictor: bond, mediator: meaning, outcome: distress, between: saturate}",
            ["Did you mean saturated?"],
        ),
        (
            "{predictor: [alliance, bond, goal, task], mediator: meaning, outcome: distress}",
            ["'alliance' contains bond, goal, task"],
        ),
        (
            "{predictor: [bond, goal], mediator: meaning, outcome: distress, measurement: latent}",
            ["several predictors"],
        ),
        (
            "{predictor: age, mediator: meaning, outcome: distress, measurement: corrected}",
            ["corrected of 'age'", "no instrument of this run"],
        ),
        (
            "{predictor: bond, mediator: meaning, outcome: distress, measurement: latent, moderator: age}",
            ["with a moderator"],
        ),
    ],
)
def test_bad_models_are_named(tmp_path, entry, words):
    path = write(tmp_path, f"mine: {entry}")
    with pytest.raises(ConfigError) as error:
        load_models(path, SCORE_COLUMNS, SCALES)
    assert "mine" in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_scales_of_the_runs_own_instruments_have_items(tmp_path):
    """Whether a score has items is for the run's instruments to say, not for the study's."""
    path = write(
        tmp_path,
        "mine: {predictor: bond, mediator: meaning, outcome: depression}\n"
        "latent: {predictor: bond, mediator: meaning, outcome: depression, measurement: latent}\n",
    )
    assert load_models(path)["latent"].measurement == "latent"
    assert "latent" in load_models(path, None, ["bond", "meaning", "depression"])
    with pytest.raises(ConfigError, match=facts("'depression'", "no", "instrument", "scores")) as caught:
        load_models(path, None, ["bond", "meaning", "depresion"])
    assert "depresion" in str(caught.value)


def test_every_problem_is_listed_at_once(tmp_path):
    path = write(
        tmp_path,
        "one: {predictor: allianc, mediator: meaning, outcome: distress}\n"
        "two: {predictor: bond, mediator: bond, outcome: distress}\n",
    )
    with pytest.raises(ConfigError) as error:
        load_models(path, SCORE_COLUMNS)
    assert len(error.value.problems) == 2


def test_models_as_observed_are_needed(tmp_path):
    path = write(
        tmp_path, "mine: {predictor: bond, mediator: meaning, outcome: distress, measurement: latent}\n"
    )
    with pytest.raises(ConfigError, match=facts("no", "model", "as observed")) as caught:
        load_models(path, SCORE_COLUMNS)
    assert "at least one" in str(caught.value)


def test_equivalent_models_are_those_of_the_theory():
    models = load_models(SHIPPED)
    partial = equivalent_models(models, "partial")
    # Three variables, one mediator, nothing fixed: every direction implies the same covariances.
    assert set(partial["alliance"]) == {
        "reversed_distress_meaning_alliance",
        "reversed_meaning_alliance_distress",
        "reversed_alliance_distress_meaning",
        "alliance_structured",
    }
    full = equivalent_models(models, "full")
    # Without the direct path only the chain read backwards stays the same.
    assert full["alliance"] == ("reversed_distress_meaning_alliance",)
    assert full["alliance_structured"] == ()
    assert partial["alliance_by_age"] == ()
    assert "alliance_age_gender" not in partial["alliance"]


def test_equivalence_is_symmetric():
    models = load_models(SHIPPED)
    for variant in ("partial", "full"):
        found = equivalent_models(models, variant)
        assert all(name in found[other] for name, others in found.items() for other in others)
