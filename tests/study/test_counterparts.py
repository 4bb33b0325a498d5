"""A model is found by what it relates; one that only bears a name is not taken for another."""

import pytest
from fortems.claims.claimfile import claims_of_run
from fortems.package import located
from fortems.study.counterparts import name_in_run, package_models
from fortems.study.models import models_of

CLAIMS = located("config/claims.yaml")
RUN = models_of(
    {
        "mine": {"predictor": "bond", "mediator": "meaning", "outcome": "distress"},
        "three": {"predictor": ["task", "bond", "goal"], "mediator": "meaning", "outcome": "distress"},
        "alliance": {"predictor": "task", "mediator": "search", "outcome": "distress"},
        "goal": {"predictor": "goal", "mediator": "meaning", "outcome": "distress", "covariates": ["age"]},
    }
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("bond", "mine"),
        ("aspects", "three"),
        ("alliance", "alliance of config/models.yaml"),  # here another model bears the name
        ("goal", "goal of config/models.yaml"),  # here it has a covariate
        ("task", "task"),  # the run has none
        ("mine", "mine"),
    ],
)
def test_the_packages_own_file_means_the_packages_own_models(name, found):
    assert name_in_run(name, CLAIMS, "claims", RUN) == found


def test_ones_own_file_means_ones_own_models_first(tmp_path):
    path = tmp_path / "claims.yaml"
    path.touch()
    named = {name: name_in_run(name, path, "claims", RUN) for name in ("alliance", "goal", "bond")}
    assert named == {"alliance": "alliance", "goal": "goal", "bond": "mine"}


def test_where_the_models_are_the_packages_every_claim_keeps_its_name():
    models = package_models()
    named = {claim.model for claim in claims_of_run(CLAIMS, models).values() if claim.model}
    assert named and named <= set(models)
