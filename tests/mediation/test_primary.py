"""The primary interval against its definition: refits without each therapist, one by one, and t variates."""

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.run import engine
from fortems.mediation.slopes import Settings
from fortems.stats.products import product_interval
from fortems.study.models import MediationModel
from mediation_data import study
from scipy import stats

SIMPLE = MediationModel("simple", ("alliance",), ("meaning",), "distress")
QUICK = Settings(seed=1, draws=100, replicates=0, intervals=())


def fitted(name, data):
    system = build(SIMPLE, data)
    (part, *_), _ = engine(name)(system, QUICK)
    return pd.DataFrame(effect_rows(system, part, QUICK))


@pytest.mark.parametrize("missing", [0.0, 0.04])
@pytest.mark.parametrize("name", ["twolevel", "regression"])
def test_rows_are_those_of_refits_without_each_therapist(name, missing):
    data = study(n=60, therapists=12, seed=3, icc=0.1, missing=missing)
    whole = fitted(name, data)
    rows = whole[whole["interval"] == "robust"].set_index("effect")
    parts = []
    for therapist in data["therapist"].unique():
        rest = fitted(name, data[data["therapist"] != therapist])
        parts.append(rest[rest["interval"] == "robust"].set_index("effect")["estimate"])
    out = pd.DataFrame(parts)
    quantile = stats.t.ppf(0.975, 11)
    variance = 11 / 12 * ((out - rows["estimate"]) ** 2).sum()
    for effect in ("a", "b", "direct", "total"):
        row = rows.loc[effect]
        assert row["se"] ** 2 == pytest.approx(variance[effect], rel=2e-3)
        assert row["ci_high"] - row["estimate"] == pytest.approx(quantile * row["se"])
        assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["estimate"] / row["se"]), 11))
    a, b = rows.loc["a"], rows.loc["b"]
    product = product_interval(a["estimate"], b["estimate"], variance["a"], variance["b"], 11, 11)
    shown = rows.loc["indirect"]
    width = shown["ci_high"] - shown["ci_low"]
    assert (shown["ci_low"], shown["ci_high"]) == pytest.approx(
        (product.low[0], product.high[0]), abs=2e-3 * width
    )
    assert shown["p"] == pytest.approx(product.p[0], abs=1e-3)


def test_both_estimands_use_the_same_clients_and_one_incomplete_row_changes_no_method():
    data = study(seed=4)
    data.loc[7, "meaning"] = np.nan
    found = {name: fitted(name, data) for name in ("twolevel", "regression")}
    counts = {name: set(rows["n_clients"]) for name, rows in found.items()}
    assert counts == {"twolevel": {96}, "regression": {96}}
    for rows in found.values():
        assert rows[rows["interval"] == "robust"][["se", "ci_low", "p"]].notna().all().all()
