"""Columns x, m, y and a therapist's trait w through the door, against the engine itself and against lavaan."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from fortems.data.preparation import prepare
from fortems.data.settings import DataSettings
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.study.instruments import load_instruments
from fortems.study.models import load_models

REFERENCE = Path(__file__).resolve().parents[1] / "reference/lavaan_door"  # expected.csv: made by fit.R
EFFECTS = ["a", "b", "direct", "indirect", "total"]
ENGINE_OWN = """
level: 1
  m ~ a*x
  y ~ b*m + direct*x
level: 2
  x ~~ m + y
  m ~~ y
"""
TRAIT = """
level: 1
  y ~ m
level: 2
  m ~ a*w
  y ~ b*m + direct*w
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Effects and fit as a run on the file has them."""
    models_file = tmp_path_factory.mktemp("door") / "models.yaml"
    models_file.write_text(
        "xmy: {predictor: x, mediator: m, outcome: y}\nwmy: {predictor: w, mediator: m, outcome: y}\n"
    )
    models = load_models(models_file)
    settings = DataSettings(format="scores")
    scores = prepare(REFERENCE / "clients.csv", settings, load_instruments(), models, {}, True).scores
    return fit_all(models, scores, ["twolevel"], Settings(1, intervals=("delta",)))


def effects(fitted, model, level, interval):
    rows = fitted["effects"].query("model == @model and level == @level and interval in @interval")
    return rows.set_index("effect").loc[EFFECTS]


def expected(model):
    return pd.read_csv(REFERENCE / "expected.csv").query("model == @model").set_index("effect").loc[EFFECTS]


@pytest.mark.parametrize(("model", "level"), [("xmy", "within"), ("wmy", "between")])
def test_effects_and_standard_errors_are_lavaans(fitted, model, level):
    """lavaan stops within 1e-4 standard errors of the maximum."""
    own, its = effects(fitted, model, level, ["wald", "delta"]), expected(model)
    assert np.abs(own["estimate"] - its["estimate"]).max() < 1e-3 * its["se"].min()
    assert np.allclose(own["se"], its["se"], rtol=2e-3)
    assert set(own["n_clients"]) == {361} and set(own["n_therapists"]) == {50}


def test_log_likelihoods_are_lavaans(fitted):
    rows = fitted["fit"].query("variant == 'partial'").set_index("model")
    for model in ("xmy", "wmy"):
        assert rows.loc[model, "loglik"] == pytest.approx(expected(model)["loglik"].iloc[0], abs=1e-4)


@pytest.mark.parametrize(
    ("model", "level", "text"), [("xmy", "within", ENGINE_OWN), ("wmy", "between", TRAIT)]
)
def test_effects_are_those_of_the_engine_itself(fitted, model, level, text):
    fit = twolevel.fit(text, pd.read_csv(REFERENCE / "clients.csv"), cluster="therapist")
    own = effects(fitted, model, level, ["wald", "delta"])["estimate"]
    for path in ("a", "b", "direct"):
        assert own[path] == pytest.approx(fit.values[path], abs=1e-5)
    assert own["indirect"] == pytest.approx(fit.values["a"] * fit.values["b"], abs=1e-5)


def test_a_therapists_trait_has_no_effect_within(fitted):
    assert set(fitted["effects"].query("model == 'wmy' and predictor == 'w'")["level"]) == {"between"}
