"""A twin of the example export: the same columns and correlations, from what a run tells alone, and nothing of a client."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fortems.data.preparation import prepare
from fortems.data.privacy.limits import Limits
from fortems.data.privacy.protection import protect, write_protected
from fortems.data.privacy.told import Clients, told
from fortems.data.settings import DataSettings
from fortems.errors import ConfigError
from fortems.study.instruments import load_instruments, score_ranges
from fortems.study.models import load_models
from fortems.tables.correlations import correlations_table
from fortems.tables.descriptives import descriptives_table, numeric_variables
from fortems.tables.icc import icc_table
from fortems.tables.reliability import reliability_table
from fortems.tidy import read_csv, write_csv
from fortems.twin import __main__ as twin
from fortems.twin.answers import answers_to
from fortems.twin.told import read_told

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """What a run on the example export writes, as far as a twin needs it; the folder is the working directory."""
    folder = tmp_path_factory.mktemp("twin")
    raw = yaml.safe_load((ROOT / "tests/data/example_items.yaml").read_text())
    raw["data"]["path"] = str(ROOT / "tests/data/example_items.csv")
    (folder / "clinic.yaml").write_text(yaml.safe_dump(raw))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("FORTEMS_STUDY", str(ROOT / "config/study.yaml"))
        config = twin.configuration("clinic.yaml")
        results = folder / "results" / config["run"]
        instruments = load_instruments(config["data"]["instruments"])
        models = load_models(config["models"])
        settings = DataSettings.from_config(config["data"])
        prepared = prepare(config["data"]["path"], settings, instruments, models, config["inclusion"], True)
        own = protect(prepared.scores, models, instruments, Limits(LIMIT))
        parts = ("analysed", "common", "common_answers", "told_flow", "told_codebook", "told_patterns")
        paths = {part: results / "data/protected" / f"{part}.csv" for part in parts}
        paths |= {"told_codebook": results / "data/protected/codebook.csv"}
        paths |= {"kept_models": folder / "models.yaml", "withheld": folder / "withheld.csv"}
        write_protected(own, prepared, config["models"], paths)
        write_csv(prepared.scores, results / "data/scores.csv")
        write_csv(prepared.answers, results / "data/items.csv")
        common = read_csv(paths["common"])
        names = numeric_variables(common)
        full = {
            "tables/descriptives.csv": descriptives_table(common, score_ranges(instruments)),
            "tables/icc.csv": icc_table(common, names, 0.95),
            "tables/correlations.csv": correlations_table(common, names, 0.95),
            "tables/reliability.csv": reliability_table(read_csv(paths["common_answers"]), instruments, 0.95),
        }
        clients = Clients.of(common, own.analysed)
        for name, frame in full.items():
            write_csv(told(name, frame, clients, Limits(LIMIT)), results / name)
        assert twin.main(["clinic.yaml"]) == 0
        yield folder, config, instruments, models
    # the working directory is given back


@pytest.fixture(scope="module")
def scored(run):
    """The twin, read as an export by the configuration beside it."""
    folder, config, instruments, models = run
    own = yaml.safe_load((folder / "twins/example_items/twin.yaml").read_text())
    settings = DataSettings.from_config(own["data"])
    return prepare(
        folder / own["data"]["path"], settings, instruments, models, config["inclusion"], True
    ).scores


def test_it_has_the_columns_of_the_export(run):
    folder, *_ = run
    export = pd.read_csv(ROOT / "tests/data/example_items.csv")
    made = pd.read_csv(folder / "twins/example_items/twin.csv")
    assert set(made.columns) == set(export.columns) - {"opmerkingen"}  # remarks, which no run uses
    for column in made.columns:
        if column not in ("respondent", "behandelaar"):
            assert pd.api.types.is_numeric_dtype(made[column]) == pd.api.types.is_numeric_dtype(
                export[column]
            )
    items = [column for column in made if "[" in column]
    assert len(items) == 67 and (made[items].min() >= 0).all() and (made[items].max() <= 7).all()


def test_its_correlations_are_the_told_ones_within_rounding(run, scored):
    folder, *_ = run
    table = read_csv(folder / "results/example_items/tables/correlations.csv")
    own = correlations_table(scored, numeric_variables(scored), 0.95)
    both = table.merge(own, on=["x", "y", "level", "kind"], suffixes=("", "_twin"))
    total = both[(both["level"] == "total") & (both["kind"] == "pearson")]
    assert len(total) == 66  # 10 variables and two totals
    gap = (total["r"] - total["r_twin"]).abs()  # told to two decimals, so that .005 is what nobody can know
    assert gap.max() <= 0.01 and gap.mean() <= 0.004
    within = both[both["level"] == "within"]
    assert (within["r"] - within["r_twin"]).abs().max() <= 0.08


def test_its_means_and_sds_are_the_told_ones(run, scored):
    folder, _, instruments, _ = run
    table = read_csv(folder / "results/example_items/tables/descriptives.csv").dropna(subset=["mean"])
    for row in table.to_dict("records"):
        assert scored[row["variable"]].mean() == pytest.approx(row["mean"], abs=0.025), row["variable"]
        assert scored[row["variable"]].std() == pytest.approx(row["sd"], abs=0.025), row["variable"]
    for name, (low, high) in score_ranges(instruments).items():
        assert scored[name].between(low, high).all()
    assert scored["gender"].eq("female").mean() == pytest.approx(0.698, abs=0.01)
    assert len(scored) == 53 and scored["therapist"].nunique() == 23


def test_it_is_made_without_a_clients_row(run, monkeypatch):
    """Other clients with the same told tables have the same twin: the rows are looked at by the gate alone."""
    folder, config, instruments, _ = run
    results = folder / "results/example_items"
    opened = []
    real = pd.read_csv

    def noting(path, *args, **keywords):
        opened.append(Path(path).relative_to(results).as_posix())
        return real(path, *args, **keywords)

    monkeypatch.setattr(pd, "read_csv", noting)
    found = read_told(results, instruments, LIMIT, config["inclusion"])
    assert set(opened) <= {
        *("tables/descriptives.csv", "tables/correlations.csv", "tables/icc.csv", "tables/reliability.csv"),
        "data/protected/codebook.csv",
    }
    assert found.n == 53 and "other" not in str(found.categories["ethnicity"])


def test_a_row_of_a_client_is_refused(run, monkeypatch):
    """The gate bites: a twin that holds an export's rows is not written."""
    folder, *_ = run
    monkeypatch.chdir(folder)
    export = pd.read_csv(ROOT / "tests/data/example_items.csv")
    monkeypatch.setattr(twin, "made", lambda *_: export)
    monkeypatch.setattr(twin, "TRIES", 2)
    before = (folder / "twins/example_items/twin.csv").read_bytes()
    assert twin.main(["clinic.yaml"]) == 1
    assert (folder / "twins/example_items/twin.csv").read_bytes() == before


def test_what_is_no_own_data_is_refused(run, monkeypatch):
    folder, *_ = run
    monkeypatch.chdir(folder)
    (folder / "simulated.yaml").write_text("run: x\n")
    with pytest.raises(ConfigError, match="a twin is made of own data"):
        twin.configuration("simulated.yaml")
    raw = yaml.safe_load((folder / "clinic.yaml").read_text())
    (folder / "unmade.yaml").write_text(yaml.safe_dump(raw | {"run": "unmade"}))
    assert twin.main(["unmade.yaml"]) == 1 and not (folder / "twins/unmade").exists()
    assert (
        twin.needed(twin.configuration("clinic.yaml"))[0] == "results/example_items/tables/descriptives.csv"
    )


def test_answers_add_up_and_have_the_reliability():
    instrument = load_instruments()["oq"]
    rng = np.random.default_rng(1)
    factor = rng.normal(size=400)
    scores = {
        name: np.clip(
            np.rint(len(items) * (1.6 + 0.5 * factor + 0.2 * rng.normal(size=400))), 0, 4 * len(items)
        )
        for name, items in instrument.subscales.items()
    }
    answers = answers_to(instrument, scores, dict.fromkeys(scores, 0.75), rng)
    turned = answers.copy()
    against = [item - 1 for item in instrument.reversed]
    turned[:, against] = 4 - turned[:, against]
    for name, items in instrument.subscales.items():
        own = turned[:, [item - 1 for item in items]]
        assert np.array_equal(own.sum(axis=1), scores[name])
        k = len(items)
        alpha = k / (k - 1) * (1 - own.var(axis=0, ddof=1).sum() / own.sum(axis=1).var(ddof=1))
        assert alpha == pytest.approx(0.75, abs=0.08)
