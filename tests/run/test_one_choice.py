"""Which row counts and which model is meant is decided once: tables, claims, figures and prose of a run agree.

Four runs: as usual, with other intervals asked for, with the models under other names, with another engine.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from fortems.presentation.numbers import end
from fortems.presentation.words import METHOD_WORDS
from fortems.study.estimands import ESTIMANDS, STAND_IN, counting
from fortems.tidy import read_csv
from pandas.testing import assert_frame_equal

MODELS = {
    "bond": {"predictor": "bond", "mediator": "meaning", "outcome": "distress"},
    "alliance": {"predictor": "alliance", "mediator": "meaning", "outcome": "distress"},
    "aspects": {"predictor": ["bond", "goal", "task"], "mediator": "meaning", "outcome": "distress"},
    "turned": {"predictor": "meaning", "mediator": "alliance", "outcome": "distress"},
    "bond_age": {"predictor": "bond", "mediator": "meaning", "outcome": "distress", "covariates": ["age"]},
}
OTHERS = {name: f"m{number}" for number, name in enumerate(MODELS)}
RUNS = {
    "usual": {},
    "percentile": {"intervals": ["percentile"]},
    "renamed": {},
    "mixed": {"engines": ["mixedlm"]},
}
EFFECTS, VERDICTS = "mediation/effects.csv", "mediation/verdicts.csv"
KEYS = ["model", "level", "predictor", "mediator"]


@pytest.fixture(scope="module")
def made(made_once, copied) -> dict[str, Path]:
    """Name of a run → its folder."""

    def make(folder: Path) -> None:
        copy = copied(folder / "repository")
        for name, changes in RUNS.items():
            models = {OTHERS[old]: entry for old, entry in MODELS.items()} if name == "renamed" else MODELS
            copy.write(f"{name}_models.yaml", yaml.safe_dump(models, sort_keys=False))
            config = {"run": name, "models": f"{name}_models.yaml", "design": None, "intervals": ["delta"]}
            # Their random numbers go by the model's name: other draws, which are no other choice.
            config["robustness"] = dict.fromkeys(("bayes", "distribution", "multiverse"))
            copy.write(f"{name}.yaml", yaml.safe_dump(config | changes))
            done = copy.snakemake("--configfile", "config/tiny.yaml", f"{name}.yaml")
            assert done.returncode == 0, done.stdout[-4000:]

    folder = made_once("one_choice", make) / "repository"
    return {name: folder / "results" / name for name in RUNS}


def prose(run: Path) -> str:
    """The words of the report, without its figures' drawings."""
    parts = (run / f"manuscript/{part}.html" for part in ("manuscript", "supplement"))
    text = " ".join(part.read_text(encoding="utf-8") for part in parts)
    text = re.sub(r"<(style|script|svg)\b.*?</\1>", " ", text, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def counted(run: Path) -> pd.DataFrame:
    """The indirect effects that count, one a model, estimand, predictor and mediator."""
    rows = counting(read_csv(run / EFFECTS))
    rows = rows[(rows["effect"] == "indirect") & rows["level"].isin(ESTIMANDS)].dropna(subset=["mediator"])
    return rows.set_index(KEYS)


@pytest.mark.parametrize("name", RUNS)
def test_tables_claims_figures_and_prose_of_a_run_agree(made, name):
    run = made[name]
    rows = counted(run)
    ours = rows[["estimate", "ci_low", "ci_high"]]
    called = OTHERS if name == "renamed" else {model: model for model in MODELS}

    verdicts = read_csv(run / VERDICTS).set_index(KEYS)
    assert set(verdicts.index) == set(rows.index)
    theirs = verdicts[["indirect", "indirect_low", "indirect_high"]].set_axis(ours.columns, axis=1)
    assert_frame_equal(theirs.loc[rows.index], ours)
    assert (verdicts.loc[rows.index, "indirect_interval"] == rows["interval"]).all()
    assert (verdicts.loc[rows.index, "engine"] == rows["engine"]).all()

    claims = read_csv(run / "claims.csv")
    for part in ("bond", "alliance"):
        for level in ESTIMANDS:
            judged = claims[(claims["claim"] == f"{part}_full_mediation") & (claims["estimand"] == level)]
            shown = judged[judged["statistic"] == "indirect"].iloc[0]
            row = ours.loc[called[part], level, part, "meaning"]
            assert shown[["estimate", "ci_low", "ci_high"]].tolist() == pytest.approx(row.tolist())
            assert shown["verdict"] != "not testable"

    for model in called.values():
        drawn = read_csv(run / f"figures/path_{model}.csv")
        drawn = drawn[drawn["effect"] == "indirect"].set_index(["level", "source"])["ci_low"]
        of_model = ours.loc[model].reset_index().set_index(["level", "predictor"])["ci_low"]
        assert drawn.to_dict() == pytest.approx(of_model.to_dict())
    tested = read_csv(run / "figures/equivalence.csv")
    assert set(tested["model"]) == {called["bond"], called["alliance"]}

    text = prose(run)
    for part in ("bond", "alliance"):
        for level in ESTIMANDS:
            low, high = (
                end(ours.loc[called[part], level, part, "meaning"][c]) for c in ("ci_low", "ci_high")
            )
            assert text.count(f"[ {low} , {high} ]") >= 3, (part, level)  # summary, section, table
    assert "was not estimated" not in text and "No finding could be judged" not in text
    assert "With the directions turned around" in text and "Directions Turned Around" in text
    engines = dict(zip(rows.reset_index()["level"], rows["engine"], strict=True))
    for way in METHOD_WORDS:
        told = METHOD_WORDS[way].replace("'", "’") in text
        assert told == (engines[way[1]] == way[0]) or METHOD_WORDS[way] == "least squares", way


def test_what_is_asked_for_beside_changes_no_verdict(made):
    for name in ("tables/correlations.csv", VERDICTS, "claims.csv", "robustness/leave_one_out.csv"):
        assert_frame_equal(read_csv(made["usual"] / name), read_csv(made["percentile"] / name))
    have = {name: set(read_csv(made[name] / EFFECTS)["interval"]) for name in RUNS}
    assert have["percentile"] - have["usual"] == {"percentile"}
    assert STAND_IN in have["mixed"] and "bootstrap" not in prose(made["mixed"]).split("References")[0]


def test_names_of_models_change_nothing_but_names(made):
    usual, renamed = made["usual"], made["renamed"]
    back = {new: old for old, new in OTHERS.items()}
    for path in sorted(usual.rglob("*.csv")):
        name = path.relative_to(usual).as_posix()
        other = renamed / re.sub(r"path_(\w+)\.", lambda found: f"path_{OTHERS[found[1]]}.", name)
        if name.startswith(("data/", "manuscript/")):
            continue
        left, right = read_csv(path), read_csv(other)
        for column in ("model", "equivalent_partial", "equivalent_full"):
            if column in right:
                right[column] = right[column].replace(back)
        if name == "robustness/multiplicity.csv":
            right["test"] = right["test"].str.replace(r"\b(m\d)\b", lambda m: back[m[1]], regex=True)
        if name == "figures/index.csv":
            for column in right:
                right[column] = right[column].str.replace(
                    r"path_(m\d)", lambda m: f"path_{back[m[1]]}", regex=True
                )
        if name == "published.csv":
            right["row"] = right["row"].str.replace(r"\b(m\d)\b", lambda m: back[m[1]], regex=True)
        assert_frame_equal(left, right, obj=name)
    texts = [prose(run) for run in (usual, renamed)]
    for old, new in OTHERS.items():
        texts[1] = re.sub(rf"\b{new}\b", old, texts[1])
    assert texts[0] == texts[1].replace("renamed", "usual")
