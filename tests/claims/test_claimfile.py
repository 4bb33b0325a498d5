"""The file of claims: what it says, and what it may not say."""

from pathlib import Path

import pytest
import yaml
from fortems.claimfile import load_claims
from fortems.errors import ConfigError
from fortems.mediation.models import load_models
from fortems.variables import VARIABLES

ROOT = Path(__file__).parents[2]
OWN = ROOT / "config" / "claims.yaml"


def test_the_packages_own_claims_name_what_exists():
    claims = load_claims(OWN, models=load_models(ROOT / "config" / "models.yaml"), variables=VARIABLES)
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


BASE = {"text": "t", "statistic": "correlation", "x": "bond", "y": "meaning"}
PART = {"text": "t", "statistic": "all_of", "claims": ["good"]}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**BASE, "directon": "positive"}, ["directon", "Did you mean direction?"]),
        ({**BASE, "statistic": "corelation"}, ["corelation", "Did you mean correlation?"]),
        ({**BASE, "x": "bnod"}, ["'bnod'", "Did you mean bond?"]),
        ({**BASE, "test": "centred"}, ["'centred'", "cr2, pearson"]),
        ({**BASE, "level": "within", "test": "cr2"}, ["'cr2'", "centred"]),
        ({**BASE, "sides": 1}, ["one-sided", "direction"]),
        ({**BASE, "band": [0.5, 0.3]}, ["band", "low < high"]),
        ({**BASE, "source": "pres"}, ["source 'pres'", "Did you mean press?"]),
        ({**BASE, "alpha": 0}, ["alpha"]),
        ({"text": "t", "statistic": "full_mediation", "model": "bnd"}, ["model 'bnd'", "Did you mean bond?"]),
        ({"text": "t", "statistic": "full_mediation"}, ["model"]),
        ({**PART, "claims": ["goood"]}, ["'goood'", "Did you mean good?"]),
        ({**PART, "claims": ["bad"]}, ["not itself a pattern"]),
        ({**PART, "claims": ["only_within", "only_single"]}, ["share no level"]),
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
        load_claims(path, models=["bond", "alliance"], variables=VARIABLES)
    assert "claims.bad" in str(error.value)
    for word in words:
        assert word in str(error.value)
