"""The aspects compared: differences and their errors against leaving out and drawing therapists by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from clients import clients
from fortems.robustness.aspects import aspect_table
from fortems.study.models import MediationModel
from scipy.stats import t as student

MODELS = {"aspects": MediationModel("aspects", ("bond", "goal", "task"), ("meaning",), "distress")}
NO_EFFECTS = pd.DataFrame(columns=["model", "engine", "level", "effect", "predictor", "mediator", "outcome", "at", "interval", "estimate", "se", "ci_low", "ci_high", "p", "standardized", "n_clients", "n_therapists"])  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return aspect_table(clients(0.0).scores, NO_EFFECTS, MODELS, 200, 1)


def one(found, **keys):
    rows = found
    for key, value in keys.items():
        rows = rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def jackknifed(frame, statistic):
    """Difference, its jackknife error about the full estimate, and the t interval."""
    names = frame["therapist"].unique()
    whole = statistic(frame)
    out = np.array([statistic(frame[frame["therapist"] != name]) for name in names])
    se = np.sqrt((len(names) - 1) / len(names) * ((out - whole) ** 2).sum())
    half = student.ppf(0.975, len(names) - 1) * se
    return whole, se, whole - half, whole + half


def test_differences_of_correlations_are_those_of_numpy(found):
    frame = clients(0.0).scores

    def difference(d):
        return np.corrcoef(d["bond"], d["meaning"])[0, 1] - np.corrcoef(d["goal"], d["meaning"])[0, 1]

    row = one(found, statistic="correlation", second="goal", **{"with": "meaning"}, interval="robust")
    assert (row["estimate"], row["se"], row["ci_low"], row["ci_high"]) == pytest.approx(
        jackknifed(frame, difference)
    )


def test_differences_of_indirect_effects_are_those_of_least_squares(found):
    frame = clients(0.0).scores

    def standardized(d, x):
        a = sm.OLS(d["meaning"], sm.add_constant(d[[x]])).fit().params[x]
        b = sm.OLS(d["distress"], sm.add_constant(d[["meaning", x]])).fit().params["meaning"]
        return a * b * d[x].std() / d["distress"].std()

    row = one(found, statistic="indirect", level="single", second="task", interval="robust")
    expected = jackknifed(frame, lambda d: standardized(d, "bond") - standardized(d, "task"))
    assert (row["estimate"], row["se"], row["ci_low"], row["ci_high"]) == pytest.approx(expected)


def test_both_levels_and_both_intervals_are_there(found):
    contrasts = found[found["statistic"] != "direct"]
    assert len(contrasts) == 2 * (2 + 2) * 2
    robust, percentile = (
        contrasts[contrasts["interval"] == kind]["se"].to_numpy(float) for kind in ("robust", "percentile")
    )
    assert (np.abs(np.log(robust / percentile)) < 0.5).all() and (contrasts["p"] > 0).all()


def test_the_largest_direct_path_is_marked_in_standard_deviations():
    rows = [("aspects", "regression", "single", "direct", x, "", "distress", np.nan, "robust", e, 1.0, e - 2, e + 2, 0.1, s, 96, 23)
            for x, e, s in (("bond", 1.0, 0.1), ("goal", -4.0, -0.5), ("task", 2.0, 0.3))]  # fmt: skip
    effects = pd.DataFrame(rows, columns=NO_EFFECTS.columns)
    found = aspect_table(clients(0.0).scores, effects, MODELS, 20, 1)
    direct = found[found["statistic"] == "direct"].set_index("first")
    assert list(direct.index[direct["largest"].astype(bool)]) == ["goal"]
    assert (
        direct.loc["goal", "ci_low"] == pytest.approx(-6 * 0.125) and direct.loc["goal", "estimate"] == -0.5
    )
