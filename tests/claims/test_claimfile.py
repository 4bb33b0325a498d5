"""The file of claims: what it says, and what it may not say."""

from pathlib import Path

import pytest
import yaml
from fortems.claims.claimfile import load_claims
from fortems.errors import ConfigError
from fortems.study.definition import study
from fortems.study.models import MediationModel, load_models

VARIABLES = study().variables

ROOT = Path(__file__).parents[2]
OWN = ROOT / "config" / "claims.yaml"


def test_the_packages_own_claims_name_what_exists():
    models = load_models(ROOT / "config" / "models.yaml").values()
    claims = load_claims(OWN, models=models, variables=VARIABLES)
    findings = [claim for claim in claims.values() if claim.role == "finding"]
    assert len(findings) == 12
    assert all(claim.source for claim in claims.values())
    assert claims["whole_pattern"].levels == ("within", "single")
    assert set(claims["whole_pattern"].parts) == {c.name for c in findings} - {"age_gender"}


def test_every_finding_has_the_papers_sign_or_none():
    claims = load_claims(OWN)
    sign = {name: c.direction for name, c in claims.items() if c.role == "finding" and c.significant}
    assert sign.pop("alliance_meaning") == sign.pop("bond_meaning") == "positive"
    assert set(sign.values()) == {"negative"}
    assert claims["meaning_distress"].band == (0.30, 0.50)


MODELS = [
    MediationModel("bond", ("bond",), ("meaning",), "distress"),
    MediationModel("alliance", ("alliance",), ("meaning",), "distress"),
    MediationModel("aspects", ("bond", "goal"), ("meaning",), "distress"),
    MediationModel("both", ("bond",), ("meaning", "search"), "distress"),
    MediationModel("by_age", ("bond",), ("meaning",), "distress", moderator="age"),
    MediationModel("latent", ("bond",), ("meaning",), "distress", measurement="latent"),
]
EFFECT = {"text": "t", "statistic": "effect", "effect": "indirect", "model": "bond"}
FULL = {"text": "t", "statistic": "full_mediation", "model": "bond"}
BASE = {"text": "t", "statistic": "correlation", "x": "bond", "y": "meaning"}
CONTRAST = {"text": "t", "statistic": "contrast", "of": "indirect", "first": "bond", "second": "goal"}
PART = {"text": "t", "statistic": "all_of", "claims": ["good"]}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**BASE, "directon": "positive"}, ["directon", "Did you mean direction?"]),
        ({**BASE, "statistic": "corelation"}, ["corelation", "Did you mean correlation?"]),
        ({**BASE, "x": "bnod"}, ["'bnod'", "Did you mean bond?"]),
        ({**BASE, "test": "centred"}, ["'centred'", "robust, pearson"]),
        ({**BASE, "level": "within", "test": "robust"}, ["'robust'", "centred"]),
        ({**BASE, "sides": 1}, ["one-sided", "direction"]),
        ({**BASE, "band": [0.5, 0.3]}, ["band", "low < high"]),
        ({**BASE, "source": "pres"}, ["source 'pres'", "Did you mean press?"]),
        ({**BASE, "alpha": 0}, ["alpha"]),
        ({"text": "t", "statistic": "full_mediation", "model": "bnd"}, ["model 'bnd'", "Did you mean bond?"]),
        ({"text": "t", "statistic": "full_mediation"}, ["model"]),
        ({**BASE, "y": "bond"}, ["correlates 'bond' with itself"]),
        ({**BASE, "y": "education"}, ["'education'", "data.columns"]),
        ({**EFFECT, "model": "bnd"}, ["model 'bnd'", "Did you mean bond?"]),
        ({**EFFECT, "predictor": "goal"}, ["predictor: goal", "no single indirect effect", "bond"]),
        ({**EFFECT, "mediator": "search"}, ["mediator: search names no single", "mediator: meaning"]),
        ({**EFFECT, "model": "aspects"}, ["model aspects", "predictor: goal, mediator: meaning"]),
        ({**FULL, "model": "aspects"}, ["model aspects", "predictor: goal, mediator: meaning"]),
        (
            {**EFFECT, "model": "both"},
            ["model both", "predictor: bond, mediator: search", "; predictor: bond."],
        ),
        ({**EFFECT, "model": "by_age"}, ["by_age has a moderator", "bond, alliance, aspects, both."]),
        ({**FULL, "model": "latent"}, ["latent has measurement: latent"]),
        ({**PART, "claims": ["goood"]}, ["'goood'", "Did you mean good?"]),
        ({**PART, "claims": ["bad"]}, ["not itself a pattern"]),
        ({**PART, "claims": ["only_within", "only_single"]}, ["share no level"]),
        ({**PART, "contrasts": ["good"]}, ["no contrast 'good'"]),
        ({**CONTRAST, "first": "goal", "second": "bond"}, ["'goal'", "bond"]),
        ({**CONTRAST, "second": "tsak"}, ["'tsak'", "Did you mean task?"]),
        ({**CONTRAST, "with": "meaning"}, ["on the study's outcome", "distress"]),
        ({**CONTRAST, "of": "correlation", "with": "search"}, ["'search'", "meaning, distress"]),
        ({**CONTRAST, "of": "correlaton"}, ["Did you mean correlation?"]),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, entry, words):
    path = tmp_path / "claims.yaml"
    effect = {"text": "t", "statistic": "effect", "model": "bond", "effect": "a"}
    claims = {
        "good": BASE,
        "only_within": {**effect, "level": "within"},
        "only_single": {**effect, "level": "single"},
        "bad": entry,
    }
    path.write_text(yaml.safe_dump({"sources": {"press": {"text": "t", "grade": "A"}}, "claims": claims}))
    with pytest.raises(ConfigError) as error:
        load_claims(path, models=MODELS, variables=VARIABLES)
    assert "claims.bad" in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    "entry",
    [
        {**EFFECT, "predictor": "bond", "mediator": "meaning"},
        {**EFFECT, "model": "aspects", "predictor": "goal"},
        {**EFFECT, "model": "aspects", "effect": "b"},
        {**EFFECT, "model": "both", "predictor": "bond"},
        {**EFFECT, "model": "both", "effect": "direct"},
        {**FULL, "model": "both", "mediator": "search"},
        {**FULL, "model": "aspects", "predictor": "goal"},
    ],
)
def test_an_effect_that_can_be_meant(tmp_path, entry):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": {"one": entry}}))
    assert load_claims(path, models=MODELS, variables=VARIABLES)


def test_of_two_models_of_one_name_either_will_do(tmp_path):
    """A run's own model of a study's name does not forbid the study's claims: these are not testable."""
    own = MediationModel("bond", ("bond", "goal"), ("meaning",), "distress")
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": {"one": FULL}}))
    assert load_claims(path, models=[own, *MODELS])
    with pytest.raises(ConfigError):
        load_claims(path, models=[own])
