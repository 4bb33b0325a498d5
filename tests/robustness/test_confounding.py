"""Sensitivity to unmeasured confounding: closed forms against brute force, regression and simulation."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.robustness.confounding import correlation, factor, survivors, values
from fortems.robustness.confounding.tables import tables
from fortems.robustness.covariances import Level, given, levels_of, slopes
from fortems.study.models import models_of
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mediation"))
from mediation_data import study

MODELS = models_of(
    {name: {"predictor": name, "mediator": "meaning", "outcome": "distress"} for name in ("alliance", "bond")}
)


@pytest.fixture(scope="module")
def scores() -> pd.DataFrame:
    return study(seed=3)


@pytest.fixture(scope="module")
def levels(scores) -> dict[str, Level]:
    return {level.level: level for level in levels_of(MODELS["alliance"], scores)}


def brute_force(values: np.ndarray, cluster: np.ndarray, rho: float, two_level: bool) -> np.ndarray:
    """a, b, c' by maximizing the likelihood of all rows at a fixed residual correlation, therapist by therapist."""
    scaled = (values - values.mean(0)) / values.std(0)
    groups = [scaled[cluster == j] for j in np.unique(cluster)]

    def within(theta):
        a, b, c = theta[:3]
        sx, sm, sy = np.exp(theta[3:6])
        residual = np.diag([sx**2, sm**2, sy**2])
        residual[1, 2] = residual[2, 1] = rho * sm * sy
        back = np.linalg.inv(np.eye(3) - np.array([[0, 0, 0], [a, 0, 0], [c, b, 0]]))
        return back @ residual @ back.T

    def deviance(theta):
        sigma, mu = within(theta), theta[6:9]
        if not two_level:
            centred = scaled - mu
            inverse = np.linalg.inv(sigma)
            return len(scaled) * np.linalg.slogdet(sigma)[1] + np.einsum(
                "ni,ij,nj->", centred, inverse, centred
            )
        root = np.zeros((3, 3))
        root[np.tril_indices(3)] = theta[9:]
        total = 0.0
        for rows in groups:
            n = len(rows)
            cov = np.kron(np.eye(n), sigma) + np.kron(np.ones((n, n)), root @ root.T)
            rest = (rows - mu).ravel()
            total += np.linalg.slogdet(cov)[1] + rest @ np.linalg.solve(cov, rest)
        return total

    start = np.concatenate([np.zeros(9), [0.4, 0.1, 0.4, 0.1, 0.1, 0.4]]) if two_level else np.zeros(9)
    found = minimize(deviance, start, method="BFGS", options={"gtol": 1e-7})
    found = minimize(deviance, found.x, method="BFGS", options={"gtol": 1e-8})
    sd = values.std(0)
    return found.x[:3] * np.array([sd[1] / sd[0], sd[2] / sd[1], sd[2] / sd[0]])


@pytest.mark.parametrize("rho", [-0.6, 0.0, 0.35])
def test_closed_form_is_maximum_likelihood_at_fixed_rho_single(scores, levels, rho):
    data = scores[["alliance", "meaning", "distress"]].to_numpy()
    cluster = scores["therapist"].to_numpy()
    expected = brute_force(data, cluster, rho, two_level=False)
    got = [part[0, 0] for part in correlation.paths_at(levels["single"].core[None], np.array([rho]))]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)


def test_closed_form_is_maximum_likelihood_at_fixed_rho_within():
    """Two levels, inside the parameter space, where the optimum is smooth."""
    scores = study(n=90, therapists=15, icc=0.5, seed=11)
    level = next(one for one in levels_of(MODELS["alliance"], scores) if one.level == "within")
    data = scores[["alliance", "meaning", "distress"]].to_numpy()
    expected = brute_force(data, scores["therapist"].to_numpy(), -0.3, two_level=True)
    got = [part[0, 0] for part in correlation.paths_at(level.core[None], np.array([-0.3]))]
    np.testing.assert_allclose(got, expected, rtol=2e-6, atol=1e-6)


def test_without_a_confounder_it_is_the_report_s_own_row(scores):
    found = tables(MODELS, scores)["confounding"]
    effects = fit_all(MODELS, scores, ["twolevel", "regression"], Settings(1, intervals=()))["effects"]
    own = effects[(effects["effect"] == "indirect") & (effects["interval"] == "robust")]
    here = found[(found["rho"] == 0) & (found["kind"] == "curve")]
    both = here.merge(own, on=["model", "level"])
    assert len(both) == 4
    np.testing.assert_allclose(both["indirect"], both["estimate"], rtol=1e-8)
    np.testing.assert_allclose(both["ci_low_x"], both["ci_low_y"], rtol=1e-6)
    np.testing.assert_allclose(both["p_x"], both["p_y"], rtol=1e-6)


def test_incomplete_rows_have_the_report_s_own_row_too():
    scores = study(missing=0.05, seed=5)
    one = {"alliance": MODELS["alliance"]}
    found = tables(one, scores.drop(columns=["age", "gender", "search", "bond", "goal", "task"]))[
        "confounding"
    ]
    effects = fit_all(one, scores, ["twolevel", "regression"], Settings(1, intervals=()))["effects"]
    own = effects[(effects["effect"] == "indirect") & (effects["interval"] == "robust")]
    both = found[(found["rho"] == 0) & (found["kind"] == "curve")].merge(own, on=["model", "level"])
    assert len(both) == 2
    np.testing.assert_allclose(both["ci_low_x"], both["ci_low_y"], rtol=1e-5)


def test_the_sign_is_lost_at_the_partial_correlation_and_significance_before(scores, levels):
    level = levels["single"]
    x, m, y = scores[["alliance", "meaning", "distress"]].to_numpy().T
    design = np.column_stack([np.ones_like(x), x])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (m, y)]
    partial = np.corrcoef(*rest)[0, 1]
    assert correlation.sign_lost(level) == pytest.approx(partial, abs=1e-10)
    limit, note = correlation.interval_reaches_zero(level, 0.95)
    assert note == ""
    assert partial < limit < 0
    either_side = correlation.at(level, np.array([limit - 1e-4, limit + 1e-4]), 0.95)
    assert either_side.high[0] > 0 > either_side.high[1]


def test_an_interval_with_zero_in_it_needs_no_confounder():
    level = next(
        one for one in levels_of(MODELS["alliance"], study(a=0.0, b=0.0, seed=2)) if one.level == "single"
    )
    assert correlation.interval_reaches_zero(level, 0.95) == (0.0, correlation.ALREADY)


def test_a_confounder_of_mediator_and_outcome_is_exposed():
    """The whole of b comes from an unmeasured cause: at its true ρ the effect is gone, and ρ is where the sign is lost."""
    rng = np.random.default_rng(4)
    n = 4000
    z, x = rng.normal(size=(2, n))
    m = 0.4 * x + 0.7 * z + rng.normal(size=n) * 0.6
    y = -0.7 * z + rng.normal(size=n) * 0.6
    frame = pd.DataFrame({"alliance": x, "meaning": m, "distress": y, "therapist": np.arange(n) % 200})
    single = next(one for one in levels_of(MODELS["alliance"], frame) if one.level == "single")
    true_rho = -0.49 / 0.85
    assert correlation.sign_lost(single) == pytest.approx(true_rho, abs=0.02)
    assert correlation.at(single, np.array([true_rho]), 0.95).estimate[0] == pytest.approx(0, abs=0.02)
    # The same confounder, measured, is a benchmark that takes b to its true value of 0.
    frame["age"] = z
    found = tables({"alliance": MODELS["alliance"]}, frame)["robustness_values"]
    row = found[(found["benchmark"] == "age") & (found["effect"] == "b") & (found["level"] == "single")].iloc[
        0
    ]
    assert row["estimate"] == pytest.approx(0, abs=0.05)
    value = found[(found["kind"] == "value") & (found["effect"] == "b") & (found["level"] == "single")].iloc[
        0
    ]
    shift = values.bias(row["r2_origin"], row["r2_end"], value["estimate"] / value["t"], value["df"])
    assert shift == pytest.approx(abs(value["estimate"]), rel=0.02)


def test_robustness_values_of_the_published_example():
    """sensemakr's Darfur example: t = 4.18445 on 783 df."""
    rv, rv_alpha = values.robustness_values(4.18445, 783)
    assert rv == pytest.approx(0.13878, abs=5e-6)
    assert rv_alpha == pytest.approx(0.07626, abs=5e-6)
    assert values.robustness_values(1.0, 783)[1] == 0.0


def test_a_confounder_of_the_size_of_the_robustness_value_takes_the_slope_to_zero():
    for t, df in ((2.5, 72.0), (-5.0, 93.0), (0.4, 30.0)):
        rv, rv_alpha = values.robustness_values(t, df)
        assert values.bias(rv, rv, 1.0, df) == pytest.approx(abs(t), rel=1e-10)
        if rv_alpha:
            left = abs(t) - values.bias(rv_alpha, rv_alpha, 1.0, df)
            from scipy.stats import t as student

            # with the classical standard error of the larger model, which the definition asks for
            spread = values.adjusted_se(rv_alpha, rv_alpha, 1.0, df)
            assert left / spread == pytest.approx(student.ppf(0.975, df - 1), rel=1e-9)


def test_bias_and_standard_error_are_those_of_the_regression_without_the_confounder():
    """The omitted-variable identities, against two least-squares fits."""
    rng = np.random.default_rng(8)
    n = 120
    z = rng.normal(size=n)
    d = 0.5 * z + rng.normal(size=n)
    y = 0.3 * d - 0.6 * z + rng.normal(size=n)

    def ols(columns):
        design = np.column_stack([np.ones(n), *columns])
        coef, rss, *_ = np.linalg.lstsq(design, y, rcond=None)
        df = n - design.shape[1]
        return coef[1], float(np.sqrt(rss[0] / df * np.linalg.inv(design.T @ design)[1, 1])), df

    short, se, df = ols([d])
    long, long_se, _ = ols([d, z])
    sigma = np.cov(np.stack([z, d, y]))
    r2_origin, r2_end = values.partial_r2(sigma, 1, [0], []), values.partial_r2(sigma, 2, [0], [1])
    assert values.bias(r2_origin, r2_end, se, df) == pytest.approx(abs(short - long), rel=1e-9)
    assert values.adjusted_se(r2_origin, r2_end, se, df) == pytest.approx(long_se, rel=1e-9)


def test_bounds_are_reached_by_a_confounder_orthogonal_to_the_benchmark():
    """Cinelli & Hazlett's bound, against the R² of a constructed confounder with the benchmark's own coefficients."""
    # population: z1 (measured), z2 (not), independent, same coefficients in d and y
    cd, cy, delta = 0.5, -0.6, 0.3
    sigma = np.zeros((4, 4))  # z1, z2, d, y
    load = np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [cd, cd, 1, 0], [cy + delta * cd, cy + delta * cd, delta, 1.0]]
    )
    sigma = load @ load.T
    measured = values.partial_r2(sigma, 2, [0], []), values.partial_r2(sigma, 3, [0], [2])
    actual = values.partial_r2(sigma, 2, [1], [0]), values.partial_r2(sigma, 3, [1], [2, 0])
    origin, end = values.bounds(*measured)
    assert origin == pytest.approx(actual[0], rel=1e-9)
    assert end >= actual[1] - 1e-12


def test_the_robust_variant_is_the_confounder_at_which_the_report_s_interval_reaches_zero(scores):
    found = tables(MODELS, scores)["robustness_values"]
    row = found[(found["kind"] == "value") & (found["effect"] == "b") & (found["level"] == "within")].iloc[0]
    effects = fit_all(MODELS, scores, ["twolevel"], Settings(1, intervals=()))["effects"]
    own = effects.query("effect == 'b' and interval == 'robust' and model == 'alliance'").iloc[0]
    se = row["estimate"] / row["t"]
    left = abs(own["estimate"]) - values.bias(row["rv_alpha_robust"], row["rv_alpha_robust"], se, row["df"])
    assert left == pytest.approx((own["ci_high"] - own["ci_low"]) / 2, rel=1e-6)


def test_the_direct_path_s_confounder_brings_it_to_the_bound(scores):
    found = tables(MODELS, scores, bound=0.10)["robustness_values"]
    rows = found[(found["target"] == values.BOUND) & (found["model"] == "alliance")]
    for row in rows.to_dict("records"):
        level = next(one for one in levels_of(MODELS["alliance"], scores) if one.level == row["level"])
        size = abs(row["estimate"]) * level.unit
        shift = values.bias(row["rv"], row["rv"], row["estimate"] / row["t"], row["df"]) * level.unit
        assert min(abs(size + shift - 0.10), abs(size - shift - 0.10)) < 1e-9


def test_other_aspects_are_benchmarks_and_parts_of_the_predictor_are_not(scores):
    found = tables(MODELS, scores)["robustness_values"]
    by_model = found[found["kind"] == "benchmark"].groupby("model")["benchmark"].agg(set)
    assert by_model["bond"] == {"goal", "task", "search", "age", "gender"}
    assert by_model["alliance"] == {"search", "age", "gender"}


def test_a_common_factor_is_taken_out_exactly_and_exposed():
    """All of r(x, m) comes from one factor of the ratings: a vanishes at its true share, before the matrix breaks."""
    share, signs = 0.3, factor.patterns("bond", "meaning", "distress")["halo"]
    own = np.diag([1.0, 1.0, 1.0])
    own[1, 2] = own[2, 1] = -0.3
    sigma = (1 - share) * own + share * np.outer(signs, signs)
    assert factor.a_vanishes(sigma, signs) == pytest.approx(share)
    rest = factor.without(sigma[None], np.array([share]), signs)[0, 0]
    np.testing.assert_allclose(rest, (1 - share) * own, atol=1e-12)
    rng = np.random.default_rng(6)
    data = rng.multivariate_normal(np.zeros(3), sigma, 3000)
    frame = pd.DataFrame(data, columns=["alliance", "meaning", "distress"]).assign(
        therapist=np.arange(3000) % 150
    )
    found = tables({"alliance": MODELS["alliance"]}, frame)["common_factor"]
    first = found[found["first"] & (found["pattern"] == "halo")].set_index("level")
    assert (first["kind"] == factor.A).all()
    assert first.loc["single", "variance_share"] == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("signs", factor.patterns("bond", "meaning", "distress").values())
def test_ends_of_the_common_factor_against_a_search(signs):
    rng = np.random.default_rng(1)
    for _ in range(20):
        root = rng.normal(size=(3, 3))
        sigma = root @ root.T
        last = factor.inadmissible_from(sigma, signs)
        eigenvalues = [
            np.linalg.eigvalsh(factor.without(sigma[None], np.array([v]), signs)[0, 0])[0]
            for v in (last - 1e-6, last + 1e-6)
        ]
        assert eigenvalues[0] > 0 > eigenvalues[1]
        grid = np.linspace(0, 0.999, 20001)
        rest = factor.without(sigma[None], grid, signs)[0]
        # the numerator of b, which has no pole
        numerator = rest[:, 1, 2] * rest[:, 0, 0] - rest[:, 0, 2] * rest[:, 0, 1]
        change = np.flatnonzero(np.diff(np.sign(numerator)))
        share = factor.b_vanishes(sigma, signs)
        if len(change):
            assert share == pytest.approx(grid[change[0]], abs=1e-4)
        else:
            assert np.isnan(share) or share > 0.998


def test_dropout_is_undone_by_the_selection_formulae():
    """Draw everybody, let them drop out by probit, keep the rest: the matrix of all comes back."""
    rng = np.random.default_rng(12)
    sigma = np.array([[1.0, 0.3, -0.2], [0.3, 1.0, -0.4], [-0.2, -0.4, 1.0]])
    everyone = rng.multivariate_normal(np.zeros(3), sigma, 400_000)
    g, dropout = np.array([0.6, 0.0, -0.4]), 0.35
    propensity = everyone @ g + rng.normal(size=len(everyone))
    stayed = everyone[propensity > np.quantile(propensity, dropout)]
    selected = np.cov(stayed.T)
    assert abs(selected - sigma).max() > 0.05
    back = survivors.before_dropout(selected[None], g, dropout)[0]
    np.testing.assert_allclose(back, sigma, atol=0.01)


def test_without_dropout_or_reason_to_drop_out_nothing_changes(levels):
    grid = {"dropout": [0.0, 0.3], "predictor": [0.0, 0.5], "outcome": [0.0]}
    found = pd.DataFrame(survivors.rows(levels["single"], grid, 0.95))
    same = found[(found["dropout"] == 0) | (found["by_predictor"] == 0)]
    np.testing.assert_allclose(same["ratio"], 1.0)


def test_covariates_are_held_constant():
    rng = np.random.default_rng(3)
    z, x, m, y = rng.normal(size=(4, 300))
    x, m, y = x + z, m + x - z, y + m + 2 * z
    sigma = np.cov(np.stack([z, x, m, y]))
    got = [float(part[0]) for part in slopes(given(sigma[None], 1))]
    ones = np.ones(300)
    a = np.linalg.lstsq(np.column_stack([ones, x, z]), m, rcond=None)[0][1]
    direct, b = np.linalg.lstsq(np.column_stack([ones, x, m, z]), y, rcond=None)[0][1:3]
    np.testing.assert_allclose(got, [a, b, direct], rtol=1e-9)


def test_without_a_model_of_one_predictor_and_one_mediator_the_tables_are_empty(scores):
    several = models_of(
        {"all": {"predictor": ["bond", "goal"], "mediator": "meaning", "outcome": "distress"}}
    )
    found = tables(several, scores)
    assert all(len(table) == 0 and len(table.columns) > 10 for table in found.values())


def test_clients_without_therapists_have_the_single_level_alone(scores):
    alone = scores.assign(therapist=scores["client"])
    found = tables({"alliance": MODELS["alliance"]}, alone)
    assert set(found["confounding"]["level"]) == {"single"}
    limit = found["confounding"].query("kind == 'interval'")
    assert limit["rho"].notna().all()
