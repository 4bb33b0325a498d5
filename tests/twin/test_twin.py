"""A twin of the example export: the same columns and correlations, from what a run tells alone, and nothing of a client."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from fortems.data.preparation import prepare
from fortems.data.privacy.limits import Limits
from fortems.data.privacy.protection import protect, write_protected
from fortems.data.privacy.release import missing_answers
from fortems.data.privacy.suppression import Clients, suppressed
from fortems.data.settings import DataSettings
from fortems.errors import ConfigError
from fortems.study.instruments import load_instruments, score_ranges
from fortems.study.models import load_models
from fortems.study.scoring import score_array
from fortems.tables.correlations import correlations_table
from fortems.tables.descriptives import descriptives_table, numeric_variables
from fortems.tables.icc import icc_table
from fortems.tables.reliability import reliability_table
from fortems.tidy import read_csv, write_csv
from fortems.twin import __main__ as twin
from fortems.twin.answers import answers_to, with_gaps
from fortems.twin.matching import matched
from fortems.twin.printed import Printed, read_printed

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
            write_csv(suppressed(name, frame, clients, Limits(LIMIT)), results / name)
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


def test_its_correlations_are_the_told_ones_to_the_printed_digit(run, scored):
    """All of single scales; of totals, whose prorated answers make them no exact sums, within the next digit."""
    folder, *_ = run
    table = read_csv(folder / "results/example_items/tables/correlations.csv")
    own = correlations_table(scored, numeric_variables(scored), 0.95)
    both = table.merge(own, on=["x", "y", "level", "kind"], suffixes=("", "_twin"))
    total = both[(both["level"] == "total") & (both["kind"] == "pearson")]
    assert len(total) == 66  # 10 variables and two totals
    names = ["alliance", "distress"]
    single = total[~total["x"].isin(names) & ~total["y"].isin(names)]
    assert len(single) == 45 and (single["r_twin"].round(2) == single["r"]).all()
    assert (total["r"] - total["r_twin"]).abs().max() <= 0.01
    assert (total["r_twin"].round(2) == total["r"].round(2)).sum() >= 62
    within = both[both["level"] == "within"]
    assert (within["r"] - within["r_twin"]).abs().max() <= 0.12


def test_its_means_and_sds_are_the_told_ones(run, scored):
    """A mean of 53 whole numbers is a multiple of 1/53; a total's is the sum of three such."""
    folder, _, instruments, _ = run
    table = read_csv(folder / "results/example_items/tables/descriptives.csv").dropna(subset=["mean"])
    for row in table.to_dict("records"):
        parts = 3 if row["variable"] in ("alliance", "distress") else 1
        assert scored[row["variable"]].mean() == pytest.approx(row["mean"], abs=parts * 0.5 / 53 + 0.005)
        assert scored[row["variable"]].std() == pytest.approx(row["sd"], abs=0.011), row["variable"]
    for name, (low, high) in score_ranges(instruments).items():
        assert scored[name].between(low, high).all()
    assert scored["gender"].eq("female").mean() == pytest.approx(0.698, abs=0.01)
    assert len(scored) == 53 and scored["therapist"].nunique() == 23


def whole_numbers(n, therapists, seed):
    """Complete whole numbers x, p, q, and the total t of p and q, with what would be told of them."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(n) % therapists
    common = rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=(therapists, 1))[cluster]
    values = np.rint(20 + np.array([5, 3, 4]) * (0.6 * common + 0.8 * rng.normal(size=(n, 3))))
    frame = pd.DataFrame(values, columns=["x", "p", "q"]).assign(t=values[:, 1] + values[:, 2])
    inside = frame - frame.groupby(cluster).transform("mean")
    pairs = [(a, b) for i, a in enumerate(frame) for b in list(frame)[i + 1 :]]
    return frame, Printed(
        n=n,
        therapists=therapists,
        names=("x", "p", "q"),
        low=np.full(3, -np.inf),
        high=np.full(3, np.inf),
        totals={"t": ("p", "q")},
        mean=frame.mean().round(2).to_dict(),
        sd=frame.std().round(2).to_dict(),
        total={(a, b): round(frame[a].corr(frame[b]), 2) for a, b in pairs},
        within={(a, b): round(inside[a].corr(inside[b]), 2) for a, b in pairs},
        icc={},
        alpha={},
        categories={},
        missing={},
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_moments_of_complete_whole_numbers_come_out_to_the_printed_digit(seed):
    frame, told_of = whole_numbers(60, 12, seed)
    values, cluster = matched(told_of, np.random.default_rng(seed))
    made = pd.DataFrame(values, columns=list(told_of.names)).assign(t=values[:, 1] + values[:, 2])
    for (a, b), r in told_of.total.items():
        assert round(made[a].corr(made[b]), 2) == r, (a, b)
    assert made.mean().round(2).to_dict() == told_of.mean
    assert (made.std() - pd.Series(told_of.sd)).abs().max() <= 0.0051
    assert not np.array_equal(np.sort(made, axis=0), np.sort(frame, axis=0))
    assert len(np.unique(cluster)) == 12 and set(np.bincount(cluster)) == {5}


def test_missing_answers_are_as_frequent_as_is_told(run, scored):
    """Of the questionnaire of which enough clients lack answers; scores are as they would be without gaps."""
    folder, *_ = run
    codebook = read_csv(folder / "results/example_items/data/protected/codebook.csv")
    counted = codebook[codebook["kind"] == "item"].groupby("instrument")["missing"].sum()
    assert counted.to_dict() == {"mlq": 4, "oq": 30, "wai": 9}
    twins = pd.read_csv(folder / "twins/example_items/twin.csv")
    gaps = {
        name: int(twins.filter(regex=rf"^{name}\d*\[").isna().sum().sum()) for name in ("MLQ", "OQ", "WAV")
    }
    assert gaps["MLQ"] == gaps["WAV"] == 0 and 18 <= gaps["OQ"] <= 42
    assert scored["distress"].notna().all()


@pytest.mark.parametrize("name", ["oq", "wai", "mlq"])
def test_gaps_change_no_score(name):
    """A total that is prorated by itself leaves room for few gaps: there may be fewer than are asked for."""
    instrument = load_instruments()[name]
    rng = np.random.default_rng(3)
    low, high = instrument.low, instrument.high
    scores = {
        scale: rng.integers(len(of) * low, len(of) * high + 1, 300).astype(float)
        for scale, of in instrument.subscales.items()
    }
    answers = answers_to(instrument, scores, dict.fromkeys(scores, 0.8), rng)
    shares = {item: 0.01 * (item % 3) for item in instrument.items}
    gaps = with_gaps(answers, instrument, shares, rng)
    before, after = score_array(answers, instrument), score_array(gaps, instrument)
    for scale in before:
        assert after[scale] == pytest.approx(before[scale])
    found = np.isnan(gaps).mean(axis=0)
    asked = np.array([shares[item] for item in instrument.items])
    assert (found <= asked + 0.0034).all() and found.sum() > 0
    assert name == "wai" or (found >= asked - 0.0034).all()


@pytest.mark.parametrize(
    ("counts", "missing_score", "told_of"),
    [
        ([6, 0, 0, 0], 0, [6 / 60, 0, 0, 0]),  # an item that six lack
        ([4, 0, 0, 0], 0, [0, 0, 0, 0]),
        ([2, 1, 1, 1], 0, [5 / 240] * 4),  # five answers, of one client each at most
        ([1, 1, 1, 1], 0, [0, 0, 0, 0]),
        ([6, 2, 2, 1], 0, [6 / 60, 5 / 180, 5 / 180, 5 / 180]),
        ([2, 1, 1, 1], 1, [0, 0, 0, 0]),  # all of them may be one client's
        ([58, 0, 0, 0], 0, [58 / 240] * 4),  # two who have it are few; the answers of many are not
    ],
)
def test_missing_answers_of_few_are_not_told(counts, missing_score, told_of):
    instrument = replace(
        load_instruments()["wai"], name="own", n_items=4, subscales={"own": (1, 2, 3, 4)}, total=None
    )
    rows = [("own", "score", "own", missing_score)]
    rows += [(f"own_{i}", "item", "own", count) for i, count in enumerate(counts, start=1)]
    codebook = pd.DataFrame(rows, columns=["variable", "kind", "instrument", "missing"])
    codebook["n"] = 60 - codebook["missing"]
    found = missing_answers(codebook, {"own": instrument}, LIMIT)
    assert list(found.values()) == pytest.approx(told_of)


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
    found = read_printed(results, instruments, LIMIT, config["inclusion"])
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
