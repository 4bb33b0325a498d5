"""Departures from normal theory: measured right, exposed where planted, and what they do to the interval."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.data.privacy.limits import Limits
from fortems.data.privacy.suppression import Clients, suppressed
from fortems.robustness.covariances import indirect_of, levels_of, slopes
from fortems.robustness.distribution import features, populations
from fortems.robustness.distribution.table import normal_scores, table
from fortems.study.models import models_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mediation"))
from mediation_data import study

MODELS = models_of({"alliance": {"predictor": "alliance", "mediator": "meaning", "outcome": "distress"}})
CHAIN = ["alliance", "meaning", "distress"]
RANGES = {"alliance": (12.0, 60.0), "meaning": (5.0, 35.0), "distress": (0.0, 180.0)}


def made(scores: pd.DataFrame, studies: int = 20, ranges=RANGES) -> pd.DataFrame:
    return table(MODELS, scores, ranges, studies, seed=1)


def test_a_heavy_tailed_outcome_is_exposed_and_a_normal_one_is_not():
    scores = study(n=200, therapists=30, seed=4)
    rng = np.random.default_rng(5)
    tails = scores.assign(distress=scores["distress"] + 25 * rng.standard_t(2.2, len(scores)))

    def kurtosis(frame, variable):
        found = made(frame)
        return found[(found["check"] == "kurtosis") & (found["variable"] == variable)]

    assert (kurtosis(tails, "outcome")["p"] < 0.001).all()
    assert (kurtosis(tails, "outcome")["value"] > 2).all()
    assert (kurtosis(tails, "mediator")["p"] > 0.01).all()
    assert (kurtosis(scores, "outcome")["p"] > 0.01).all()


def test_heavy_tails_of_the_outcome_widen_its_interval_more_than_that_of_normal_scores():
    scores = study(n=200, therapists=30, seed=4)
    rng = np.random.default_rng(5)
    tails = scores.assign(distress=scores["distress"] + 25 * rng.standard_t(2.2, len(scores)))
    found = made(tails).query("kind == 'interval' and level == 'single'").set_index("check")
    width = (found["ci_high"] - found["ci_low"]) / found["indirect"].abs()
    assert width["normal scores"] < width["as reported"]


def test_the_test_of_heteroscedasticity_is_that_of_statsmodels():
    from statsmodels.stats.diagnostic import het_breuschpagan

    rng = np.random.default_rng(3)
    columns = rng.normal(size=(80, 2))
    residual = rng.normal(size=80) * np.exp(0.6 * columns[:, 0])
    expected = het_breuschpagan(residual, np.column_stack([np.ones(80), columns]))
    assert features.breusch_pagan(residual, columns) == pytest.approx(expected[:2], rel=1e-9)
    assert features.breusch_pagan(residual, columns)[1] < 0.01


def test_residuals_within_have_the_variance_of_clients():
    """Deviations from means of n clients lose 1/n of their variance; the factor gives it back."""
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(4000), 2)
    values = rng.normal(size=(8000, 3)) + 5 * rng.normal(size=(4000, 3))[cluster]
    found = features.residuals(values, cluster, "within")
    assert found is not None
    assert found.of_y.var() == pytest.approx(1.0, abs=0.05)


def test_shares_at_the_ends_are_counted():
    scores = study(seed=6)
    scores["meaning"] = scores["meaning"].clip(upper=np.quantile(scores["meaning"], 0.7))
    top = float(scores["meaning"].max())
    found = made(scores, ranges=RANGES | {"meaning": (5.0, top)})
    rows = found[(found["check"] == "ceiling") & (found["variable"] == "mediator")]
    np.testing.assert_allclose(rows["value"], (scores["meaning"] == top).mean())


def test_a_ceiling_biases_and_the_population_shows_it():
    """Half the clients at the top of the outcome's scale: the effect of the uncut scores is missed."""
    scores = study(n=120, therapists=20, seed=6, a=0.6, b=-0.6, icc=0.05)
    ends = {"distress": (-1e6, float(np.quantile(scores["distress"], 0.5)))}
    scores["distress"] = scores["distress"].clip(upper=ends["distress"][1])
    found = made(scores, 60, ends).query("kind == 'population' and level == 'single'").set_index("check")
    assert {"normal", "shapes as found", "variances as found", "scales as found"} == set(found.index)
    assert found.loc["scales as found", "bias"] < found.loc["normal", "bias"] - 0.1
    assert found.loc["scales as found", "coverage"] < found.loc["normal", "coverage"]


def test_intervals_of_many_studies_are_those_of_single_ones():
    studies, cluster = [], None
    for seed in (1, 2, 3):
        frame = study(n=60, therapists=12, seed=1).sort_values("therapist")
        rng = np.random.default_rng(seed)
        cluster = np.unique(frame["therapist"], return_inverse=True)[1]
        studies.append(frame[CHAIN].to_numpy() + rng.normal(size=(60, 3)))
    found = populations.intervals(np.stack(studies), cluster, 0.95)
    for s, data in enumerate(studies):
        frame = pd.DataFrame(data, columns=CHAIN).assign(therapist=cluster)
        for level in levels_of(MODELS["alliance"], frame):
            rest = tuple(part[:, None] for part in slopes(level.core_left_out))
            own = indirect_of(slopes(level.core[None]), rest, 0.95)
            got = found[level.level]
            np.testing.assert_allclose(got.estimate[s], own.estimate[0], rtol=1e-4)
            np.testing.assert_allclose([got.low[s], got.high[s]], [own.low[0], own.high[0]], rtol=2e-3)


@pytest.mark.parametrize("kind", ["normal", "shapes as found", "variances as found"])
def test_populations_have_the_slopes_of_the_fit(kind):
    scores = study(n=200, therapists=30, seed=4)
    values = scores[CHAIN].to_numpy()
    cluster = np.unique(scores["therapist"], return_inverse=True)[1]
    own = features.residuals(values, cluster, "within")
    assert own is not None
    within = np.array([[36.0, 12.0, -20.0], [12.0, 36.0, -60.0], [-20.0, -60.0, 400.0]])
    population = populations.Population(
        within, 0.1 * within, np.zeros(3), np.full(200, 50), own, [None, None, None]
    )
    data, drawn = population.draw(np.random.default_rng(1), 2, kind)
    rows = data[0] - np.stack([data[0][drawn == j].mean(0) for j in range(200)])[drawn]
    a, b, direct = (float(part[0]) for part in slopes(np.cov(rows.T)[None]))
    expected = [float(part[0]) for part in slopes(within[None])]
    np.testing.assert_allclose([a, b, direct], expected, atol=0.12)


def test_the_first_interval_is_the_report_s_own():
    scores = study(seed=3)
    found = made(scores).query("check == 'as reported'").set_index("level")
    for level in levels_of(MODELS["alliance"], scores):
        rest = tuple(part[:, None] for part in slopes(level.core_left_out))
        own = indirect_of(slopes(level.core[None]), rest, 0.95)
        assert found.loc[level.level, "ci_low"] == pytest.approx(own.low[0])


def test_normal_scores_keep_order_mean_and_sd():
    scores = study(seed=3)
    scores.loc[3, "meaning"] = np.nan
    found = normal_scores(scores, MODELS["alliance"])
    for name in CHAIN:
        known = scores[name].notna()
        assert found[name].mean() == pytest.approx(scores[name].mean(), abs=0.05 * scores[name].std())
        assert found[name].std() == pytest.approx(scores[name].std())
        assert found.loc[known, name].corr(scores.loc[known, name], method="spearman") == pytest.approx(1)


def test_few_clients_at_an_end_are_not_told():
    frame = pd.DataFrame(
        {
            "kind": "feature",
            "check": ["ceiling", "ceiling", "floor", "kurtosis"],
            "value": [3 / 57, 10 / 57, 0.0, 1.234],
            "n_clients": 57,
        }
    )
    shown = suppressed("robustness/distribution.csv", frame, Clients(57, 57, frozenset({12})), Limits(5))
    assert shown["value"].isna().tolist() == [True, False, False, False]
