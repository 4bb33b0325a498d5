"""The example exports: the same 60 clients from seven programs give the same scores."""

import importlib.util
from pathlib import Path

import pandas as pd
import pytest
import yaml
from fortems.data.preparation import prepare, write_prepared
from fortems.data.reading.readers import read_table
from fortems.data.settings import DataSettings
from fortems.run.preflight import check
from fortems.study.instruments import load_instruments
from fortems.study.models import load_models

DATA = Path(__file__).resolve().parents[1] / "data"
ROOT = DATA.parents[1]
ITEMS = ("items", "dutch", "excel", "spss", "redcap", "limesurvey", "qualtrics")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("examples")
    prepared = {}
    for name in (*ITEMS, "scores"):
        config = yaml.safe_load((DATA / f"example_{name}.yaml").read_text())
        models = load_models(ROOT / config.get("models", "config/models.yaml"))
        result = prepare(
            ROOT / config["data"]["path"],
            DataSettings.from_config(config["data"]),
            load_instruments(),
            models,
            {**config.get("inclusion", {}), "sessions": {"min": 5}},
        )
        write_prepared(result, {"scores": folder / f"{name}.csv"})
        prepared[name] = result
    return folder, prepared


def test_seven_programs_give_the_same_bytes(examples):
    folder, _ = examples
    assert len({(folder / f"{name}.csv").read_bytes() for name in ITEMS}) == 1


def test_the_answers_are_the_same_too(examples):
    _, prepared = examples
    for name in ITEMS[1:]:
        pd.testing.assert_frame_equal(prepared[name].answers, prepared["items"].answers)


def test_the_example_shows_what_exports_have(examples):
    _, prepared = examples
    scores = prepared["items"].scores
    assert prepared["items"].flow.set_index("step")["clients"].to_dict() == {
        "received": 60,
        "excluded": 3,
        "scored": 55,
        "analysed": 57,
    }
    assert set(scores["gender"]) == {"female", "male", "other"}
    assert scores["age"].isna().sum() == 2
    assert (scores["age"] % 1 != 0).any()
    assert {"education", "ethnicity"} <= set(scores.columns)
    assert "remark" not in " ".join(scores.columns)


@pytest.mark.parametrize(
    ("name", "received", "detail", "excluded"),
    [
        ("redcap", 60, "clients in 120 rows of the file; 60 rows of other occasions set aside", 3),
        ("limesurvey", 62, "rows of the file", 5),
        ("qualtrics", 62, "rows of the file", 5),
    ],
)
def test_the_flow_counts_what_a_program_adds(examples, name, received, detail, excluded):
    flow = examples[1][name].flow
    assert flow.loc[0, ["clients", "detail"]].tolist() == [received, detail]
    assert flow.loc[flow["step"] == "excluded", "clients"].sum() == excluded


def test_scores_alone_give_the_same_scores_but_for_what_items_make(examples):
    _, prepared = examples
    from_items = prepared["items"].scores.drop(columns=["education", "ethnicity"])
    from_scores = prepared["scores"].scores
    # A prorated total rests on its own items, a sum of rounded parts does not.
    shared = [c for c in from_items if c not in ("alliance", "distress")]
    pd.testing.assert_frame_equal(from_scores[shared], from_items[shared], rtol=1e-3)
    assert (from_scores["alliance"] - from_items["alliance"]).abs().max() < 1.5


def test_configurations_pass_the_check(monkeypatch):
    monkeypatch.chdir(ROOT)
    defaults = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    for name in (*ITEMS, "scores"):
        overlay = yaml.safe_load((DATA / f"example_{name}.yaml").read_text())
        merged = defaults | overlay | {"data": defaults["data"] | overlay["data"]}
        assert check(merged)["run"] == f"example_{name}"


def test_the_committed_files_are_what_the_script_makes(tmp_path):
    spec = importlib.util.spec_from_file_location("make_examples", DATA / "make_examples.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert len(made) == 8
    for name in made:
        new, old = read_table(tmp_path / name), read_table(DATA / name)
        assert {k: list(v) for k, v in new.columns.items()} == {k: list(v) for k, v in old.columns.items()}
