"""Who carries a verdict: counts by brute force, sets proven by refit, a planted therapist and planted clients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.run import engine
from fortems.mediation.slopes import Settings
from fortems.robustness.influence import Refit, influence_table
from fortems.study.estimands import counting
from fortems.study.models import MediationModel

MODEL = MediationModel("x", ("x",), ("m",), "y")
SETTINGS = Settings(0, 0.95, 0, 0, ())


def study(seed=1, n_clusters=15, size=5, a=0.5, b=-0.5):
    rng = np.random.default_rng(seed)
    therapist = np.repeat(np.arange(n_clusters), size)
    x = rng.normal(size=len(therapist))
    m = a * x + rng.normal(size=len(therapist))
    y = b * m + rng.normal(size=len(therapist))
    return pd.DataFrame({"therapist": [f"t{t:02d}" for t in therapist], "x": x, "m": m, "y": y})


def by_the_engine(frame, level):
    name = {"within": "twolevel", "single": "regression"}[level]
    system = build(MODEL, frame.reset_index(drop=True))
    part = next(one for one in engine(name)(system, SETTINGS)[0] if one.level == level)
    rows = counting(pd.DataFrame(effect_rows(system, part, SETTINGS)))
    return rows[rows["effect"] == "indirect"].iloc[0]


@pytest.mark.parametrize("level", ["within", "single"])
def test_a_refit_is_the_runs_own_analysis_of_those_who_are_left(level):
    frame = study()
    refit = Refit(build(MODEL, frame), level)
    kept = np.ones(len(frame), bool)
    kept[[3, 17, 40]] = False
    for which in (np.ones(len(frame), bool), kept):
        row, mine = by_the_engine(frame[which], level), refit.verdict(which)
        assert mine.estimate == pytest.approx(row["estimate"], rel=1e-6)
        assert mine.p == pytest.approx(row["p"], rel=1e-4)


def test_counts_are_those_of_leaving_each_out_by_hand():
    frame = study(seed=3, n_clusters=9, size=4)
    table = influence_table({"x": MODEL}, frame, 0.95, 0.2).set_index("level")
    row = table.loc["single"]
    whole = by_the_engine(frame, "single")
    clients = [by_the_engine(frame.drop(index=i), "single") for i in frame.index]
    therapists = [
        by_the_engine(frame[frame["therapist"] != t], "single") for t in frame["therapist"].unique()
    ]
    excludes = whole["p"] < 0.05
    assert row["excludes_zero"] == excludes
    assert row["clients_flip"] == sum((one["p"] < 0.05) != excludes for one in clients)
    assert row["therapists_flip"] == sum((one["p"] < 0.05) != excludes for one in therapists)
    shifts = [one["estimate"] - whole["estimate"] for one in clients]
    assert row["largest_shift"] == pytest.approx(max(shifts, key=abs))


def test_a_set_is_proven_and_no_single_client_does_it_where_it_is_larger():
    frame = study(seed=1, a=0.8, b=-0.8)
    for row in influence_table({"x": MODEL}, frame, 0.95, 0.4).to_dict("records"):
        assert row["excludes_zero"] and row["set_clients"] >= 1
        assert (row["set_p"] >= 0.05) and (row["set_clients"] > 1 or row["clients_flip"] > 0)
        assert row["set_clients"] <= row["searched_to"]


def test_three_planted_clients_who_hide_the_effect_are_found():
    frame = study(seed=8, n_clusters=20, a=0.7, b=-0.7)
    row = influence_table({"x": MODEL}, frame, 0.95, 0.2).set_index("level").loc["single"]
    assert row["excludes_zero"] and row["set_clients"] > 3
    # Three clients of different therapists run the other way.
    planted = [2, 33, 61]
    frame.loc[planted, "x"], frame.loc[planted, "m"] = [5.0, 5.5, -5.0], [-6.0, -6.5, 6.0]
    row = influence_table({"x": MODEL}, frame, 0.95, 0.2).set_index("level").loc["single"]
    assert not row["excludes_zero"] and row["set_clients"] <= 3 and row["set_p"] < 0.05


def test_a_therapist_who_makes_the_effect_is_exposed():
    """Without this one the effect has the other sign: the count of signs that turn says so."""
    frame = study(seed=6, n_clusters=14, size=5, a=-0.3, b=-0.5)
    mine = frame["therapist"] == "t05"
    frame.loc[mine, "x"] = [4.0, -4.0, 5.0, -5.0, 4.5]
    frame.loc[mine, "m"] = frame.loc[mine, "x"] * 1.3
    frame.loc[mine, "y"] = -0.5 * frame.loc[mine, "m"]
    names = sorted(frame["therapist"].unique())
    for level in ("within", "single"):
        whole = by_the_engine(frame, level)["estimate"]
        turned = [
            n for n in names if by_the_engine(frame[frame["therapist"] != n], level)["estimate"] * whole < 0
        ]
        row = influence_table({"x": MODEL}, frame, 0.95, 0.02).set_index("level").loc[level]
        assert turned == ["t05"] and row["therapists_sign"] == 1
