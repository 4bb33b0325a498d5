"""The ledger: each published number beside the computed one."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from fortems.errors import ConfigError
from fortems.published.ledger import (
    DIFFERS,
    EMPTY_SLOT,
    EQUAL,
    NOT_ATTEMPTED,
    ROUNDING,
    SIMULATED,
    compare,
    load_ledger,
    summary,
    verdict,
)
from fortems.published.matrix import printed
from fortems.tidy import write_csv
from wording import facts, says

LEDGER = {
    "source": "An article",
    "values": {
        "n_clients": {
            "what": "Clients",
            "value": 96,
            "design": True,
            "result": {"file": "data/flow.csv", "where": {"step": "analysed"}, "column": "clients"},
        }
    },
    "tables": {
        "descriptives": {
            "what": "Descriptives",
            "file": "tables/descriptives.csv",
            "by": ["variable"],
            "columns": {"mean": "mean", "sd": "sd"},
            "rows": {"bond": {"mean": "16.20", "sd": "2.16"}, "task": {"mean": "13.10"}, "goal": None},
        }
    },
}
ALL = {"data/flow.csv", "tables/descriptives.csv"}


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    flow = pd.DataFrame({"step": ["received", "analysed"], "clients": [100, 96], "therapists": [24, 23]})
    write_csv(flow, folder / "data/flow.csv")
    table = pd.DataFrame(
        {"variable": ["bond", "task", "goal"], "mean": [16.2049, 14.2, 15.0], "sd": [2.1502, 2.8, 2.7]}
    )
    write_csv(table, folder / "tables/descriptives.csv")
    return folder


@pytest.fixture
def load(tmp_path):
    def _load(raw):
        path = tmp_path / "published.yaml"
        path.write_text(yaml.safe_dump(raw), encoding="utf-8")
        return load_ledger(path)

    return _load


@pytest.mark.parametrize(
    ("value", "computed", "expected"),
    [
        (".30", 0.2951, EQUAL),
        (".30", 0.305, EQUAL),  # either way of rounding a tie
        (".30", 0.3051, ROUNDING),
        (".30", 0.2901, ROUNDING),
        (".30", 0.29, DIFFERS),
        ("-.30", 0.30, DIFFERS),
        ("13", 13.49, EQUAL),
        ("13", 14.2, DIFFERS),
    ],
)
def test_verdicts_at_the_edges_of_rounding(value, computed, expected):
    assert verdict(printed(value, 2), computed) == expected


def test_every_cell_gets_its_row_and_verdict(results, load):
    table = compare(load(LEDGER), results, ALL, "file", "published.yaml").set_index("id")
    assert table.loc["n_clients", "verdict"] == EQUAL
    assert table.loc["descriptives/bond/mean", "verdict"] == EQUAL
    assert table.loc["descriptives/bond/sd", "verdict"] == ROUNDING
    assert table.loc["descriptives/task/mean", "verdict"] == DIFFERS
    assert table.loc["descriptives/goal/sd", ["verdict", "reason"]].tolist() == [NOT_ATTEMPTED, EMPTY_SLOT]
    assert table.loc["descriptives/bond/mean", ["low", "high"]].tolist() == pytest.approx([16.195, 16.205])
    assert len(table) == 7


def test_a_simulated_run_is_compared_on_its_design_only(results, load):
    table = compare(load(LEDGER), results, ALL, "simulated", "published.yaml").set_index("id")
    assert table.loc["n_clients", "verdict"] == EQUAL
    assert table.loc["n_clients", "reason"] == "the simulation was told this number"
    assert table.loc["descriptives/bond/mean", ["verdict", "reason"]].tolist() == [NOT_ATTEMPTED, SIMULATED]


def test_what_a_source_cannot_give_is_not_attempted_with_the_reason(results, load):
    table = compare(load(LEDGER), results, {"tables/descriptives.csv"}, "matrix", "p").set_index("id")
    assert table.loc["n_clients", "reason"] == "this source gives no data/flow.csv"


def test_a_variable_that_these_data_do_not_hold_is_not_attempted(results, load):
    raw = yaml.safe_load(yaml.safe_dump(LEDGER))
    raw["values"]["n_clients"]["result"] = {
        "file": "tables/descriptives.csv",
        "where": {"variable": "sessions"},
        "column": "mean",
    }
    row = compare(load(raw), results, ALL, "file", "published.yaml").set_index("id").loc["n_clients"]
    assert row["verdict"] == NOT_ATTEMPTED
    says(row["reason"], "no", "variable sessions", "tables/descriptives.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"file": "data/folw.csv"},
            facts("no", "data/folw.csv", ". Allowed:", ". Did you mean data/flow.csv?"),
        ),
        ({"column": "client"}, facts("no column 'client'", ". Allowed:", ". Did you mean clients?")),
        (
            {"where": {"step": "analyzed"}},
            facts("no row", "step=analyzed", ". Allowed:", ". Did you mean analysed?"),
        ),
        ({"where": {}}, "2 rows of data/flow.csv fit"),
    ],
)
def test_an_entry_that_points_nowhere_is_named(results, load, change, message):
    raw = yaml.safe_load(yaml.safe_dump(LEDGER))
    raw["values"]["n_clients"]["result"].update(change)
    with pytest.raises(ConfigError, match=message):
        compare(load(raw), results, ALL, "file", "published.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t["rows"].update({"bond~x": {"mean": 1}}), "2 parts where `by` has 1"),
        (lambda t: t["rows"].update({"task": {"maen": 1}}), r"Did you mean mean\?"),
        (lambda t: t["rows"].update({"task": {"mean": "high"}}), "'high' is not a printed number"),
    ],
)
def test_a_mistyped_table_is_refused(load, change, message):
    raw = yaml.safe_load(yaml.safe_dump(LEDGER))
    change(raw["tables"]["descriptives"])
    with pytest.raises(ConfigError, match=message):
        load(raw)


def test_summary_words(results, load):
    entries = load(LEDGER)
    mixed = compare(entries, results, ALL, "file", "p")
    says(
        summary(mixed),
        "4 published numbers",
        "partially reproduced",
        "2 equal",
        "1 within rounding",
        "1 different",
    )
    says(summary(mixed), "3 named slots wait")
    assert "fully reproduced" in summary(mixed[mixed["verdict"] == EQUAL])
    assert "reproduced within rounding" in summary(mixed[mixed["verdict"].isin([EQUAL, ROUNDING])])
    assert ": not reproduced;" in summary(mixed[mixed["verdict"] == DIFFERS])
    assert summary(mixed[mixed["verdict"] == NOT_ATTEMPTED]).startswith("No published number was compared.")
    told = compare(entries, results, ALL, "simulated", "p")
    assert "which the simulation was told" in summary(told)


def test_each_slot_of_the_papers_ledger_is_named_and_empty_ones_hold_no_number():
    entries = load_ledger("config/published.yaml")
    assert len({entry.id for entry in entries}) == len(entries)
    typed = {entry.id for entry in entries if entry.value is not None}
    assert typed == {"n_clients", "n_therapists", "clients_per_therapist", "sessions_min", "sessions_mean"}


def test_a_rounded_matrix_explains_what_its_rounding_can_reach(tmp_path, load):
    effects = pd.DataFrame(
        {
            "model": ["bond", "bond"],
            "effect": ["a", "b"],
            "estimate": [1.25, -1.73],
            "standardized": [0.4, -0.5],
        }
    )
    reach = pd.DataFrame(
        {
            "model": ["bond", "bond"],
            "effect": ["a", "b"],
            "low": [0.39, -0.51],
            "high": [0.41, -0.49],
            "estimate_low": [1.20, -1.75],
            "estimate_high": [1.30, -1.71],
        }
    )
    write_csv(effects, tmp_path / "mediation/effects.csv")
    write_csv(reach, tmp_path / "robustness/rounding.csv")
    raw = {
        "source": "x",
        "tables": {
            "paths": {
                "what": "Path",
                "file": "mediation/effects.csv",
                "by": ["model", "effect"],
                "columns": {"B": "estimate", "beta": "standardized"},
                "rows": {"bond~a": {"B": "1.29", "beta": ".43"}, "bond~b": {"B": "-1.69", "beta": "-.50"}},
            }
        },
    }
    available = {"mediation/effects.csv", "robustness/rounding.csv"}
    table = compare(load(raw), tmp_path, available, "matrix", "p").set_index("id")["verdict"]
    assert table.to_dict() == {
        "paths/bond~a/B": ROUNDING,
        "paths/bond~a/beta": DIFFERS,
        "paths/bond~b/B": DIFFERS,
        "paths/bond~b/beta": EQUAL,
    }
    alone = compare(load(raw), tmp_path, {"mediation/effects.csv"}, "file", "p").set_index("id")["verdict"]
    assert alone["paths/bond~a/B"] == DIFFERS
