"""Three exports that look private, run from end to end: an attack on what leaves finds nobody, and is not blind."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import yaml
from data_clients import draw_clients
from fortems.study.instruments import load_instruments
from fortems.study.scoring import score
from reconstruct import attack

MODELS = {
    "alliance": {"predictor": "alliance", "mediator": "meaning", "outcome": "distress"},
    "background": {
        "predictor": "bond",
        "mediator": "meaning",
        "outcome": "distress",
        "covariates": ["age", "gender"],
    },
    "by_gender": {"predictor": "bond", "mediator": "meaning", "outcome": "distress", "moderator": "gender"},
}
QUICK = {
    "engines": ["twolevel", "regression"],
    "intervals": ["delta"],
    "montecarlo": {"draws": 200},
    "bootstrap": None,
    "design": None,
    "models": "models.yaml",
    # What is told of analyses does not depend on how often they are resampled.
    "robustness": {
        "distribution": {"studies": 20},
        "bayes": {"steps": 2000, "chains": 2},
        "multiverse": {"resamples": 40},
        "aspects": {"resamples": 40},
    },
}
# Simulated studies of few clients each, in tables and figures beside those of the clients.
DESIGN = dict.fromkeys(
    ("diagnosticity", "recovery", "sbc", "surface", "posterior", "forecast", "attempts")
) | {
    "chunks": 1,
    "power": {"studies": 5, "therapists": [12], "clients": [4], "indirect": [0.15], "icc": [0.05]},
    "coverage": {"studies": 5, "bootstrap_studies": 3, "replicates": 20},
}


def uneven(rng, n, therapists):
    """Therapists' numbers of clients, at least one each."""
    return 1 + rng.multinomial(n - therapists, rng.dirichlet(np.full(therapists, 1.5)))


def clinic(instruments):
    """89 clients: two of a rare gender each, two with an income, few missing values, a client of 91 years."""
    rng = np.random.default_rng(11)
    frame = draw_clients(instruments, 89, seed=3)
    frame["therapist"] = rng.permutation(np.repeat([f"Verhulst{k}" for k in range(21)], uneven(rng, 89, 21)))
    frame["gender"] = rng.permutation(["female"] * 54 + ["male"] * 33 + ["intersex", "nonbinary"])
    frame["age"] = frame["age"].astype(float)
    frame.loc[[3, 17, 40], "age"], frame.loc[5, "age"] = np.nan, 91
    frame["income"] = np.nan
    frame.loc[[7, 60], "income"] = [14250, 88113]
    frame.loc[20, ["mlq_1", "mlq_4", "mlq_5"]] = np.nan
    frame["remarks"] = ""
    frame.loc[11, "remarks"] = "Lost her brother at sea and rarely sleeps"
    data = {
        "format": "items",
        "columns": {"income": "income"},
        "values": {"gender": {v: v for v in sorted(set(frame["gender"]))}},
    }
    return frame, data, {}


def practice(instruments):
    """66 clients of 7 therapists, of whom one has 40 and one has 1; a place that one therapist has."""
    rng = np.random.default_rng(12)
    drawn = draw_clients(instruments, 66, seed=4)
    frame = drawn[["client", "age", "sessions"]].copy()
    frame["therapist"] = np.repeat([f"Dr.Woods{k}" for k in range(7)], [40, 9, 6, 4, 3, 3, 1])
    frame["gender"] = rng.permutation(["female"] * 40 + ["male"] * 24 + ["other"] * 2)
    for instrument in instruments.values():
        scored = score(drawn, instrument)
        for name in instrument.subscales:
            frame[name] = scored[name].round(4)
    frame.loc[3, "bond"], frame.loc[[5, 9], "interpersonal_relations"] = np.nan, np.nan
    frame["site"] = np.where(frame["therapist"] == "Dr.Woods0", "city", "town")
    frame.loc[frame["therapist"] == "Dr.Woods6", "site"] = "village"
    more = {
        "by_site": {"predictor": "bond", "mediator": "meaning", "outcome": "distress", "covariates": ["site"]}
    }
    return frame, {"format": "scores", "columns": {"site": "site"}}, more


def network(instruments):
    """118 clients of 30 therapists: faiths of few, ages that several lack, one client with two sessions."""
    rng = np.random.default_rng(13)
    frame = draw_clients(instruments, 118, seed=5)
    frame["therapist"] = rng.permutation(
        np.repeat([f"T-{k * 37 + 1001}" for k in range(30)], uneven(rng, 118, 30))
    )
    frame["gender"] = rng.permutation(["female"] * 74 + ["male"] * 43 + ["other"])
    faiths = ["none", "catholic", "muslim", "jewish", "buddhist", "protestant"]
    frame["faith"] = rng.choice(faiths, 118, p=[0.5, 0.3, 0.1, 0.02, 0.03, 0.05])
    frame["age"] = frame["age"].astype(float)
    frame.loc[rng.choice(118, 9, replace=False), "age"] = np.nan
    frame.loc[7, "sessions"] = 2
    frame.loc[[2, 33], [f"oq_{k}" for k in range(1, 8)]] = np.nan
    more = {
        "by_faith": {
            "predictor": "bond",
            "mediator": "meaning",
            "outcome": "distress",
            "covariates": ["faith"],
        }
    }
    return frame, {"format": "items", "columns": {"faith": "faith"}}, more


EXPORTS = {"clinic": clinic, "practice": practice, "network": network}


@pytest.fixture(scope="module")
def runs(copied, made_once):
    """Name → the folder of its run, built through Snakemake."""

    def make(folder):
        copy = copied(folder / "repository")
        for name, export in EXPORTS.items():
            frame, data, more = export(load_instruments())
            frame.to_csv(copy.root / f"{name}.csv", index=False)
            copy.write("models.yaml", yaml.safe_dump(MODELS | more))
            overlay = QUICK | {"run": name, "data": {"source": "file", "path": f"{name}.csv"} | data}
            overlay |= {"design": DESIGN} if name == "practice" else {}
            copy.write(f"{name}.yaml", yaml.safe_dump(overlay))
            done = copy.snakemake("--configfile", f"{name}.yaml")
            assert done.returncode == 0, done.stdout[-4000:]

    folder = made_once("private", make) / "repository" / "results"
    return {name: folder / name for name in EXPORTS}


@pytest.mark.parametrize("name", EXPORTS)
def test_nobody_can_be_worked_out(runs, name):
    assert attack(runs[name]) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("clinic", ("intersex", "nonbinary", "14250", "88113", "51181", "brother", "Verhulst")),
        ("practice", ("village", "Woods")),
        ("network", ("jewish", "buddhist", "T-1038")),
    ],
)
def test_rare_values_stand_nowhere(runs, name, words):
    for path in runs[name].rglob("*"):
        if (
            path.is_file()
            and path.relative_to(runs[name]).parts[0] != "data"
            and path.suffix in (".csv", ".html", ".yaml", ".json", ".svg")
        ):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".html":  # pictures and fonts are letters at random
                text = text.partition("<body")[2]
            found = [
                word for word in words if word in text and not (path.suffix == ".html" and len(word) < 6)
            ]
            assert not found, path


@pytest.mark.parametrize("name", EXPORTS)
def test_the_attack_finds_people_in_the_full_results(runs, tmp_path, name):
    folder = tmp_path / name
    shutil.copytree(runs[name], folder)
    shutil.copytree(folder / "data" / "full", folder, dirs_exist_ok=True)
    found = " ".join(attack(folder))
    assert "tables/descriptives.csv: min" in found and "follows from a mean of many digits" in found
    assert "robustness/leave_one_out.csv: lowest" in found and "n0" in found


def in_page(content):
    return '<script type="application/json">' + json.dumps({"files": {"tables/x.csv": content}}) + "</script>"


HEAD = "number,text,value,place,file,line,key,column\n"
RECORDS = {
    "a count in a page": (
        "page.html",
        in_page("variable,n\nage,85\nincome,2\n"),
        "page.html#tables/x.csv: n = 2",
    ),
    "an extreme in a page": (
        "page.html",
        in_page("variable,max\nage,91\nb,\n"),
        "page.html#tables/x.csv: max = 91",
    ),
    "a printed extreme": (
        "manuscript/numbers.csv",
        HEAD + "1,91,91,p,tables/descriptives.csv,0,variable=age,max\n",
        "tables/descriptives.csv max = 91",
    ),
    "a printed number of many digits": (
        "manuscript/numbers.csv",
        HEAD + "1,12.3,12.34567891,p,tables/descriptives.csv,0,variable=age,mean\n",
        "many digits",
    ),
    "a private file in the crate": (
        "ro-crate-metadata.json",
        json.dumps({"@graph": [{"@id": "data/flow.csv", "contentSize": "77"}]}),
        "the crate lists data/flow.csv",
    ),
    "a finding of the gate": (
        "gate.json",
        json.dumps({"checks": [{"check": "few", "found": ["2 clients"]}]}),
        "gate.json: 2 clients",
    ),
    "a checksum anywhere": (
        "config.yaml",
        f"sha: {hashlib.sha256(b'step,clients').hexdigest()}",
        "checksum of flow.csv",
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_the_attack_reads_what_lists_and_describes(tmp_path, name):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/flow.csv").write_text("step,clients")
    assert attack(tmp_path) == []
    file, content, found = RECORDS[name]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(content)
    assert any(found in one for one in attack(tmp_path)), attack(tmp_path)


def test_the_owner_has_the_full_tables(runs):
    full = runs["clinic"] / "data" / "full"
    for path in (runs["clinic"] / "tables").iterdir():
        assert (full / "tables" / path.name).is_file()
    text = (full / "tables" / "descriptives.csv").read_text()
    assert "91" in text
