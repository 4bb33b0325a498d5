"""The batched estimators of the design stage are those of a run."""

import numpy as np
import pandas as pd
import pytest
from fortems.claims.claimfile import Claim, load_claims
from fortems.claims.evidence import from_tables
from fortems.claims.judge import judge
from fortems.design.diagnosticity import simulated_claims, simulated_evidence
from fortems.design.draws import product_interval
from fortems.design.paths import Sample, single_paths, within_paths
from fortems.mediation import slopes
from fortems.mediation.columns import build
from fortems.mediation.run import engine, fit_all
from fortems.seeds import stream
from fortems.simulate.scenario import load_scenario
from fortems.simulate.simulator import calibrate
from fortems.stats.intervals import percentile_interval, t_draws
from fortems.stats.jackknife import jackknife_variance
from fortems.study.models import load_models
from fortems.tables.correlations import correlations_table

LEVEL_ENGINE = {"single": "regression", "within": "twolevel"}
STUDIES = 6


@pytest.fixture(scope="module")
def drawn():
    return calibrate(load_scenario("as_reported")).scores(stream(1, "test"), STUDIES)


@pytest.fixture(scope="module")
def tables(drawn):
    """Scores of each study as a run has them."""
    data, names, cluster = drawn
    frames = []
    for study in data:
        frame = pd.DataFrame(study, columns=list(names))
        frame.insert(0, "therapist", [f"t{j:02d}" for j in cluster])
        frame.insert(0, "client", [f"c{i:03d}" for i in range(len(frame))])
        frames.append(frame)
    return frames


def settings(**changes):
    return slopes.Settings(
        **{"seed": 1, "draws": 200, "replicates": 0, "intervals": ("montecarlo",)} | changes
    )


@pytest.mark.parametrize("df", [(3.0, 15.0), (71.0, 71.0), (np.inf, np.inf)])
@pytest.mark.parametrize("correlation", [0.0, 0.1])
def test_shared_points_give_the_monte_carlo_interval(df, correlation):
    """As near to the limit of many draws as the run's own 20,000 draws are: about a hundredth of the width."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.3, 0.15, 8), rng.normal(-0.35, 0.15, 8)
    var_a, var_b = rng.uniform(0.005, 0.015, 8), rng.uniform(0.005, 0.015, 8)
    cov = correlation * np.sqrt(var_a * var_b)
    df_a, df_b = (np.full(8, df[0]), np.full(8, df[1])) if df[0] == df[1] else rng.uniform(*df, (2, 8))
    low, high, p = product_interval(a, b, var_a, var_b, cov, df_a, df_b)
    draws = [
        t_draws(
            np.array([a[s], b[s]]),
            np.array([[var_a[s], cov[s]], [cov[s], var_b[s]]]),
            np.array([df_a[s], df_b[s]]),
            200_000,
            np.random.default_rng(1),
        ).prod(axis=1)
        for s in range(8)
    ]
    expected = percentile_interval(np.array(draws))
    width = expected.high - expected.low
    assert np.abs((low - expected.low) / width).max() < 0.025
    assert np.abs((high - expected.high) / width).max() < 0.025
    assert np.abs((high - low) / width - 1).mean() < 0.01
    np.testing.assert_allclose(p, expected.p, atol=0.01)


def test_interval_of_nothing_is_missing():
    one = np.ones(3)
    low, high, p = product_interval(
        np.array([np.nan, 1, 1]), one, np.array([1, -1, 1.0]), one, 0 * one, np.array([5, 5, 0.0]), one
    )
    assert np.isnan([low, high, p]).all()


@pytest.mark.parametrize("level", ["single", "within"])
@pytest.mark.parametrize("name", ["bond", "aspects"])
def test_paths_are_those_of_the_runs_engine(drawn, tables, level, name):
    data, names, cluster = drawn
    model = load_models("config/models.yaml")[name]
    sample = Sample.of(data, names, cluster)
    estimator = single_paths if level == "single" else within_paths
    paths = estimator(sample, model.predictors, "meaning", "distress")
    for s, scores in enumerate(tables):
        (expected,) = (
            part
            for part in engine(LEVEL_ENGINE[level])(build(model, scores), settings())[0]
            if part.level == level
        )
        place = {key: i for i, key in enumerate(expected.keys)}
        se = np.sqrt(np.diag(expected.vcov))
        for i, x in enumerate(model.predictors):
            for found, key in (
                ((paths.a, paths.var_a, paths.df_a, paths.robust.var_a), ("meaning", x)),
                ((paths.direct, paths.var_direct, None, paths.robust.var_direct), ("distress", x)),
            ):
                k = place[key]
                assert found[0][s, i] == pytest.approx(expected.estimate[k], abs=1e-4 * se[k])
                assert found[1][s, i] ** 0.5 == pytest.approx(se[k], rel=1e-3)
                if found[2] is not None:  # the direct path is judged by the jackknife alone
                    assert found[2][s, i] == pytest.approx(expected.df[k], rel=1e-6)
                robust = jackknife_variance(expected.estimate[k], expected.jackknife[:, k])
                assert found[3][s, i] == pytest.approx(robust, rel=2e-3)
        k = place["distress", "meaning"]
        assert paths.b[s] == pytest.approx(expected.estimate[k], abs=1e-4 * se[k])


def test_batch_verdicts_are_those_of_the_runs_tables(drawn, tables):
    """Simulated studies judged in a batch, and each one through correlations.csv and effects.csv."""
    data, names, cluster = drawn
    models = load_models("config/models.yaml")
    claims = simulated_claims(load_claims("config/claims.yaml"))
    own = {claim.model: models[claim.model] for claim in claims.values() if claim.model}
    batch = judge(claims, simulated_evidence(data, names, cluster, claims, own, 0.95))
    variables = ["alliance", "bond", "task", "goal", "meaning", "distress"]
    many = settings(draws=20_000)
    for s, scores in enumerate(tables):
        effects = fit_all(own, scores, ["twolevel", "regression"], many)["effects"]
        evidence = from_tables(correlations_table(scores, variables), effects.assign(at=""))
        for key, judgement in judge(claims, evidence).items():
            assert batch[key].verdict(s) == judgement.verdict(), key
            assert batch[key].shown.value[s] == pytest.approx(judgement.shown.value[0], rel=1e-3, nan_ok=True)


def test_claims_that_scenarios_do_not_simulate_are_left_out():
    claims = simulated_claims(load_claims("config/claims.yaml"))
    assert "age_gender" not in claims
    assert set(claims["whole_pattern"].parts) == set(load_claims("config/claims.yaml")["whole_pattern"].parts)


def test_a_claim_that_names_its_variables_the_other_way_round_is_tested_alike(drawn):
    data, names, cluster = drawn
    claims = {
        "c": Claim("c", "t", "correlation", x="alliance", y="meaning"),
        "d": Claim("d", "t", "correlation", x="meaning", y="alliance"),
    }
    found = judge(claims, simulated_evidence(data, names, cluster, claims, {}, 0.95))
    assert np.array_equal(found["c", "total"].shown.p, found["d", "total"].shown.p)


def test_claims_on_what_is_not_simulated_are_not_testable(drawn):
    data, names, cluster = drawn
    claims = {
        "c": Claim("c", "t", "correlation", x="age", y="meaning"),
        "d": Claim("d", "t", "correlation", x="age", y="sessions"),
    }
    for chosen in (claims, {"d": claims["d"]}):
        found = judge(chosen, simulated_evidence(data, names, cluster, chosen, {}, 0.95))
        assert not any(judgement.testable.any() for judgement in found.values())
