"""The five recipes of config/README.md, each done as it is written there: files, then data, models and claims."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fortems.claims.claimfile import load_claims
from fortems.data.preparation import prepare
from fortems.data.settings import DataSettings
from fortems.errors import ConfigError
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.run.preflight import check
from fortems.schema import load_yaml
from fortems.simulate.scenario import load_scenario
from fortems.simulate.simulator import calibrate
from fortems.study import new
from fortems.study.instruments import load_instruments
from fortems.study.models import load_models
from snakemake.utils import update_config

ROOT = Path(__file__).resolve().parents[2]
RECIPES = (ROOT / "config/README.md").read_text().partition("## Five recipes")[2].partition("\n## ")[0]
BLOCKS = {
    found[1]: found[2] for found in re.finditer(r"```yaml\n# (\S+)\n(.*?)```", RECIPES, flags=re.DOTALL)
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder with the files that the recipes name."""
    for name, text in BLOCKS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for file in ("as_reported.yaml", "base.yaml"):
        (tmp_path / "config/scenarios" / file).write_text((ROOT / "config/scenarios" / file).read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FORTEMS_STUDY", str(ROOT / "config/study.yaml"))
    return tmp_path


def checked(file):
    config = load_yaml(ROOT / "config/config.yaml")
    update_config(config, load_yaml(file))
    return check(config, [file])


def scores(config, seed=1):
    """Simulated clients of a configuration, through the door that every run uses."""
    instruments = load_instruments(config["data"]["instruments"])
    simulator = calibrate(load_scenario(config["data"]["scenario"], instruments), instruments)
    simulator.study(np.random.default_rng(seed)).to_csv("clients.csv", index=False)
    models = load_models(config["models"])
    settings = DataSettings(format="items")
    return prepare("clients.csv", settings, simulator.instruments, models, config["inclusion"], True).scores


def fitted(config, table):
    return fit_all(load_models(config["models"]), table, ["regression"], Settings(1, intervals=()))["effects"]


def test_there_are_five_and_their_blocks_are_read():
    assert len(re.findall(r"^\*\*A new", RECIPES, flags=re.MULTILINE)) == 5 and len(BLOCKS) == 9


def test_a_new_instrument(folder):
    rng = np.random.default_rng(2)
    export = pd.read_csv(ROOT / "tests/data/example_items.csv")
    names = {"respondent": "client", "behandelaar": "therapist", "aantal_sessies": "sessions"}
    names |= {
        c: re.sub(r"(\w+?)(?:12|45)?\[(\d+)\]", r"\1_\2", c).lower().replace("wav", "wai")
        for c in export
        if "[" in c
    }
    export = export.rename(columns=names)
    for item in range(1, 6):
        export[f"sleep_{item}"] = rng.integers(0, 4, len(export))
    export.to_csv("export.csv", index=False)
    config = checked("sleep_run.yaml")
    instruments = load_instruments(config["data"]["instruments"])
    models = load_models(config["models"])
    settings = DataSettings.from_config(config["data"])
    found = prepare("export.csv", settings, instruments, models, config["inclusion"], True).scores
    kept = export.set_index("client").loc[found["client"]]
    expected = kept[["sleep_1", "sleep_3", "sleep_4", "sleep_5"]].sum(axis=1) + 3 - kept["sleep_2"]
    assert np.array_equal(found["sleep"], expected)
    effects = fitted(config, found)
    assert set(effects["model"]) == {"alliance_sleep"} and set(effects["outcome"]) == {"sleep"}


def test_a_new_model(folder):
    config = checked("my_models_run.yaml")
    effects = fitted(config, scores(config))
    assert set(effects["model"]) == {
        "bond_search_meaning",
        "bond_parts_symptom_distress",
        "bond_parts_social_role",
    }
    assert "search -> meaning" in set(effects["mediator"])


def test_a_new_claim(folder):
    config = checked("my_claims_run.yaml")
    (claim,) = load_claims(config["claims"]).values()
    assert (claim.name, claim.x, claim.y, claim.direction) == (
        "search_distress",
        "search",
        "distress",
        "positive",
    )


def test_a_new_scenario(folder):
    config = checked("strong_bond_run.yaml")
    found = load_scenario(config["data"]["scenario"])
    place = found.variables.index("bond"), found.variables.index("meaning")
    assert found.correlations[place] == 0.45 and found.title == "Strong bond"
    table = scores(config)
    assert len(table) == 96 and table["bond"].corr(table["meaning"]) == pytest.approx(0.45, abs=0.2)


def test_a_new_study(folder, capsys):
    assert new.main(["mine"]) == 0 and "config/studies/mine/config.yaml" in capsys.readouterr().out
    written = {
        path.relative_to(folder / "config/studies/mine").as_posix()
        for path in (folder / "config/studies/mine").rglob("*.yaml")
    }
    assert written == {
        "study.yaml",
        "models.yaml",
        "claims.yaml",
        "config.yaml",
        "scales.yaml",
        "scenarios/story.yaml",
    }
    config = checked("config/studies/mine/config.yaml")
    assert config["run"] == "mine" and not any(
        "skeleton" in path.read_text() for path in (folder / "config/studies/mine").rglob("*.yaml")
    )
    effects = fitted(config, scores(config))
    assert set(effects["model"]) == {"main", "main_age_gender"}
    again = {path: path.read_bytes() for path in (folder / "config/studies/mine").rglob("*.yaml")}
    assert new.main(["mine"]) == 1 and again == {path: path.read_bytes() for path in again}


@pytest.mark.parametrize("name", ["reference", "1st", "a b", "../x", "", "skeleton"])
def test_names_that_no_study_can_have(folder, name):
    with pytest.raises(ConfigError, match="is no name of a study"):
        new.new_study(name)


@pytest.mark.parametrize("name", ["hope", "two_raters", "skeleton"])
def test_each_shipped_study_is_right_from_end_to_end(folder, monkeypatch, name):
    monkeypatch.chdir(ROOT)
    config = checked(f"config/studies/{name}/config.yaml")
    assert config["run"] == name
    raw = yaml.safe_load((ROOT / f"config/studies/{name}/config.yaml").read_text())
    assert raw["published"] is None
