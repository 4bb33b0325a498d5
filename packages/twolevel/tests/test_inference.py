"""Standard errors, intervals, tests, resampling and the printed summary."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import twolevel
from scipy import stats
from twolevel.errors import NotNestedError, UnknownParameterError
from twolevel.inference.covariance import monte_carlo
from twolevel.inference.fitindices import srmr
from twolevel_samples import TEXTS, draw, paper_size, punch

FRAME = draw(8, clusters=60, largest=8, icc=0.3)


@pytest.fixture(scope="module")
def fit():
    return twolevel.fit(TEXTS["partial"], FRAME, "cluster")


@pytest.fixture(scope="module")
def edge():
    fit = twolevel.fit(TEXTS["partial"], paper_size(3, 0.0), "cluster")
    assert fit.boundary
    return fit


def test_delta_method_is_sobels_formula(fit):
    value, se = fit.delta("a*b")
    a, b = fit.coef["a"], fit.coef["b"]
    v = fit.vcov.loc[["a", "b"], ["a", "b"]].to_numpy()
    assert value == pytest.approx(a * b)
    assert se == pytest.approx(np.sqrt(np.array([b, a]) @ v @ np.array([b, a])), rel=1e-6)
    row = fit.row("indirect")
    assert (row["estimate"], row["se"]) == (pytest.approx(value), pytest.approx(se))
    assert fit.delta(lambda v: v["a"] * v["b"])[1] == pytest.approx(se)
    assert fit.delta("indirect + sqrt(a^2)")[0] == pytest.approx(a * b + abs(a))


def test_parameter_table_is_consistent(fit):
    table = fit.parameters
    assert list(table.columns) == [
        "lhs", "op", "rhs", "level", "label", "name", "free", "estimate", "se", "z", "p", "ci_low", "ci_high",
        "standardized",
    ]  # fmt: skip
    free = table[table["free"]]
    np.testing.assert_allclose(free["z"], free["estimate"] / free["se"])
    np.testing.assert_allclose(free["p"], 2 * stats.norm.sf(np.abs(free["z"])))
    np.testing.assert_allclose(free["ci_high"] - free["ci_low"], 2 * stats.norm.ppf(0.975) * free["se"])
    assert table.loc[~table["free"] & (table["op"] != ":="), "se"].isna().all()
    assert fit.row("y~x")["name"] == "y~x" and fit.row("y~~m.l2")["op"] == "~~"
    with pytest.raises(UnknownParameterError):
        fit.row("q")


def test_standardized_solution_has_unit_variances(fit):
    table = fit.standardized.set_index(["level", "lhs", "op", "rhs"])["estimate"]
    within = fit.sigma_within
    sd = np.sqrt(np.diag(within))
    names = list(within.columns)
    a = table["within", "m", "~", "x"]
    assert a == pytest.approx(fit.coef["a"] * sd[names.index("x")] / sd[names.index("m")])
    assert table["within", "m", "~~", "m"] == pytest.approx(1 - a**2)
    between = fit.sigma_between
    correlation = between.loc["x", "m"] / np.sqrt(between.loc["x", "x"] * between.loc["m", "m"])
    assert table["between", "x", "~~", "m"] == pytest.approx(correlation)


def test_icc_is_the_between_share_of_the_saturated_model(fit):
    share = np.diag(fit.sigma_between) / (np.diag(fit.sigma_between) + np.diag(fit.sigma_within))
    np.testing.assert_allclose(fit.icc[list(fit.model.layout.y)], share, rtol=1e-5)


def test_expected_and_observed_information_agree_in_large_samples():
    frame = draw(5, clusters=1500, largest=8, icc=0.3)
    observed, expected = (
        twolevel.fit(TEXTS["partial"], frame, "cluster", se=se) for se in ("information", "expected")
    )
    np.testing.assert_allclose(np.diag(observed.vcov), np.diag(expected.vcov), rtol=0.15)
    assert expected.se_method == "expected information"


def test_robust_standard_errors_are_close_under_a_true_model_and_not_under_a_false_one():
    frame = draw(6, clusters=1500, largest=4, icc=0.3)
    plain, robust = (
        twolevel.fit(TEXTS["partial"], frame, "cluster", se=se) for se in ("information", "robust")
    )
    np.testing.assert_allclose(np.sqrt(np.diag(robust.vcov)), np.sqrt(np.diag(plain.vcov)), rtol=0.15)
    # Heavy tails: the variance of a variance is understated by the normal information.
    heavy = frame.assign(
        y=frame["y"]
        * np.repeat(np.random.default_rng(1).exponential(size=1500), frame.groupby("cluster").size())
    )
    plain, robust = (
        twolevel.fit(TEXTS["partial"], heavy, "cluster", se=se) for se in ("information", "robust")
    )
    assert robust.row("y~~y")["se"] > 1.5 * plain.row("y~~y")["se"]


def test_robust_works_with_missing_values_and_at_the_boundary(edge):
    frame = punch(FRAME, 1)
    fit = twolevel.fit(TEXTS["partial"], frame, "cluster", missing="ml", se="robust")
    assert fit.se_method == "cluster-robust" and fit.parameters.loc[fit.parameters["free"], "se"].gt(0).all()
    robust = twolevel.fit(TEXTS["partial"], edge.data, se="robust")
    assert robust.se_method == "cluster-robust, active face"
    assert 0.5 < robust.row("a")["se"] / edge.row("a")["se"] < 2


def test_last_digits_of_the_covariance_do_not_turn_the_draws():
    """Equal variances leave eigenvectors free to turn; another processor's last digits must not choose other draws."""
    names, values = ("a", "b"), {"a": 0.3, "b": -0.4}

    def product(sample):
        return sample["a"] * sample["b"]

    found = [
        monte_carlo(
            product,
            names,
            values,
            np.eye(2) * 0.01 + noise,
            draws=500,
            rng=np.random.default_rng(3),
            df=None,
            level=0.95,
        )
        for noise in (
            np.zeros((2, 2)),
            np.array([[0, 1], [1, 0]]) * 1e-15,
            np.array([[0, -1], [-1, 0]]) * 1e-15,
        )
    ]
    assert found[1].low == pytest.approx(found[0].low, abs=1e-9)
    assert found[2].low == pytest.approx(found[0].low, abs=1e-9)


def test_monte_carlo_interval_of_one_parameter_is_walds(fit):
    row = fit.row("a")
    normal = fit.monte_carlo("a", 200_000, np.random.default_rng(1))
    assert normal.low == pytest.approx(row["ci_low"], abs=0.02 * row["se"])
    wide = fit.monte_carlo("a", 200_000, np.random.default_rng(1), df=5)
    assert wide.high == pytest.approx(
        row["estimate"] + stats.t.ppf(0.975, 5) * row["se"], abs=0.04 * row["se"]
    )
    both = [
        fit.monte_carlo(e, 5000, np.random.default_rng(2))
        for e in ("a*b", "indirect", lambda v: v["a"] * v["b"])
    ]
    assert len({(i.low, i.high) for i in both}) == 1
    assert both[0].draws == 5000 and both[0].low < fit.values["indirect"] < both[0].high


def test_profile_test_and_interval_agree_with_refits(fit):
    test = fit.profile("a", 0.1)
    refit = twolevel.fit(
        TEXTS["partial"].replace("a*x", "0.1*x").replace("indirect := a*b", ""), FRAME, "cluster"
    )
    assert test.loglik == pytest.approx(refit.loglik, abs=1e-8)
    assert test.statistic == pytest.approx(2 * (fit.loglik - refit.loglik))
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, 1))
    ratio = fit.likelihood_ratio(refit)
    assert (ratio.statistic, ratio.df, ratio.p) == (pytest.approx(test.statistic), 1, pytest.approx(test.p))
    interval = fit.profile_interval("b", 0.9)
    for bound in (interval.low, interval.high):
        assert fit.profile("b", bound).p == pytest.approx(0.1, abs=1e-4)
    assert interval.low < fit.coef["b"] < interval.high


def test_profile_at_the_boundary_keeps_the_bounds(edge):
    test = edge.profile("b")
    refit = twolevel.fit(TEXTS["partial"].replace("b*m", "0*m").replace("indirect := a*b", ""), edge.data)
    assert test.converged and refit.admissible
    assert test.loglik == pytest.approx(refit.loglik, abs=1e-7)
    interval = edge.profile_interval("b")
    assert edge.profile("b", interval.high).p == pytest.approx(0.05, abs=1e-4)
    variance = edge.profile_interval("x~~x.l2")
    assert np.isnan(variance.low) or variance.low >= 0
    assert variance.high > edge.coef["x~~x.l2"]


def test_likelihood_ratio_refuses_what_is_not_nested(fit):
    def refused(match, text=TEXTS["partial"], frame=FRAME, **options):
        with pytest.raises(NotNestedError, match=match):
            fit.likelihood_ratio(twolevel.fit(text, frame, "cluster", **options))

    refused("fewer")
    refused("variables", TEXTS["covariates"])
    refused("rows", frame=FRAME.iloc[:-1])
    narrow = TEXTS["partial"].replace("b*m", "0*m").replace("indirect := a*b", "")
    other = FRAME.assign(y=FRAME["y"].where(FRAME.index != 3, 0.5))
    refused("different data", narrow, other)
    shuffled = FRAME.assign(cluster=FRAME["cluster"].sample(frac=1, random_state=1).to_numpy())
    refused("different data", narrow, shuffled)
    refused("bounds", TEXTS["partial"].replace("b*m", "0*m").replace("indirect := a*b", ""), bounds="none")


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_likelihood_ratio_takes_the_same_data_in_any_order(missing):
    frame = FRAME.assign(x=FRAME["x"] + 30)
    frame = punch(frame, 1) if missing == "ml" else frame
    text = TEXTS["between_covariate"]
    wide = twolevel.fit(text, frame, "cluster", missing=missing)
    # Variables named in another order, rows and clusters too.
    narrow = "level: 1\n y ~ x\n m ~ x\n y ~~ 0*m\nlevel: 2\n y ~ w + x\n m ~ w + x\n y ~~ 0*m"
    again = frame.sample(frac=1, random_state=2).reset_index(drop=True)
    ratio = wide.likelihood_ratio(twolevel.fit(narrow, again, "cluster", missing=missing))
    assert ratio.df == 2 and ratio.statistic > 0
    for other in (
        again.assign(w=again["w"] + 0.01 * (again["cluster"] == 5)),
        again.assign(x=again["x"].where(again.index != 4, again["x"].mean())),
    ):
        with pytest.raises(NotNestedError, match="different data"):
            wide.likelihood_ratio(twolevel.fit(narrow, other, "cluster", missing=missing))


def test_fit_indices_at_df_zero_and_one(fit):
    indices = fit.fit_indices
    assert indices.df == 0 and indices.chi2 == pytest.approx(0, abs=1e-6)
    for name in ("p", "cfi", "tli", "rmsea", "srmr_within", "srmr_between"):
        assert np.isnan(getattr(indices, name))
    full = twolevel.fit(TEXTS["partial"].replace("b*m + x", "b*m"), FRAME, "cluster")
    assert full.fit_indices.df == 1
    assert full.fit_indices.chi2 == pytest.approx(fit.likelihood_ratio(full).statistic)
    assert "read the test alone" in full.summary(fit_measures=True)
    assert fit.bic == pytest.approx(-2 * fit.loglik + 15 * np.log(fit.n_clients))
    assert fit.fit_indices.bic_clusters < fit.bic
    assert set(indices.as_dict()) >= {"chi2", "df", "cfi", "srmr_between"}


def test_model_saturated_and_baseline_share_the_bounds(edge):
    assert edge.saturated.boundary and edge.saturated.bounds == "psd" == edge.baseline.bounds
    assert edge.saturated.loglik == pytest.approx(edge.loglik, abs=1e-7)  # saturated at both levels
    assert edge.baseline.loglik < edge.loglik


def test_srmr_by_hand():
    one = np.array([[4.0, 1.0], [1.0, 1.0]])
    assert srmr(one, np.diag([4.0, 1.0])) == pytest.approx(np.sqrt(0.25 / 3))
    assert np.isnan(srmr(np.diag([0.0, 1.0]), one))


def test_bootstrap_and_jackknife_are_refits_of_reweighted_clusters(fit):
    rng = np.random.default_rng(4)
    sample = fit.bootstrap(3, rng)
    weights = np.bincount(np.random.default_rng(4).integers(0, 60, 60), minlength=60)
    clusters = list(FRAME.groupby("cluster", sort=False))
    resampled = pd.concat(
        [
            rows.assign(cluster=f"{name}-{copy}")
            for w, (name, rows) in zip(weights, clusters, strict=True)
            for copy in range(w)
        ]
    )
    again = twolevel.fit(TEXTS["partial"], resampled, "cluster")
    np.testing.assert_allclose(
        sample.estimates.iloc[0][list(again.coef)], list(again.coef.values()), atol=1e-5
    )
    assert sample.estimates["indirect"].iloc[0] == pytest.approx(again.values["indirect"], abs=1e-6)
    assert sample.n_failed == 0
    low, high = sample.percentile("a")
    assert low <= high
    left_out = fit.jackknife()
    without = twolevel.fit(TEXTS["partial"], FRAME[FRAME["cluster"] != 7], "cluster")
    np.testing.assert_allclose(
        left_out.estimates.iloc[7][list(without.coef)], list(without.coef.values()), atol=1e-5
    )


def test_jackknife_with_missing_values():
    frame = punch(draw(8, clusters=10, icc=0.3), 2)
    fit = twolevel.fit(TEXTS["partial"], frame, "cluster", missing="ml")
    without = twolevel.fit(TEXTS["partial"], frame[frame["cluster"] != 4], "cluster", missing="ml")
    np.testing.assert_allclose(
        fit.jackknife().estimates.iloc[4][list(without.coef)], list(without.coef.values()), atol=1e-4
    )


def test_summary_reads_like_lavaans(fit, edge):
    text = fit.summary(fit_measures=True)
    for piece in (
        "Number of observations",
        "Level 1 [within]:",
        "Regressions:",
        "Std.Err",
        "P(>|z|)",
        "Defined Parameters:",
    ):
        assert piece in text
    line = next(x for x in text.splitlines() if "(a)" in x)
    assert f"{fit.coef['a']:.3f}" in line and f"{fit.row('a')['se']:.3f}" in line
    boundary = next(line for line in edge.summary().splitlines() if "At the boundary" in line)
    assert boundary.endswith(" yes")
    assert all(len(x) <= 80 or "Note" in x for x in text.splitlines())
    latent = twolevel.fit(TEXTS["latent"], draw(1, clusters=60, icc=0.3), "cluster")
    assert "Latent Variables:" in latent.summary(True) and "CFI" in latent.summary(True)


def test_data_and_model_objects_are_reused():
    model, data = twolevel.Model(TEXTS["partial"]), twolevel.ClusterData(FRAME, "cluster")
    first, second = twolevel.fit(model, data), twolevel.fit(model, data)
    assert first.moments is second.moments
    assert first.loglik == second.loglik
    np.testing.assert_array_equal(first.solution.theta, second.solution.theta)


def test_fixed_equal_and_aliased_labels():
    text = """
        level: 1
          m ~ a*x
          y ~ b*m + 0.2*x
        level: 2
          x ~~ m + y
          m ~~ v*y
        a == b
        twice := a + b
    """
    fit = twolevel.fit(text, FRAME, "cluster")
    assert fit.values["b"] == fit.values["a"] and fit.values["twice"] == 2 * fit.values["a"]
    assert fit.delta("twice")[1] == pytest.approx(2 * fit.row("a")["se"])
    same = twolevel.fit(
        text.replace("b*m", "a*m").replace("a == b", "").replace("a + b", "2*a"), FRAME, "cluster"
    )
    assert fit.loglik == pytest.approx(same.loglik)


UNCOMPILED = """
import sys, json
sys.path[:0] = [{workflow!r}, {tests!r}]
import numba, twolevel
from twolevel_samples import TEXTS, draw, punch
frame = draw(2, clusters=8, largest=4, icc=0.5)
out = []
for name, missing in (("partial", "listwise"), ("between_covariate", "listwise"), ("partial", "ml")):
    fit = twolevel.fit(TEXTS[name], punch(frame, 1, 0.05) if missing == "ml" else frame, "cluster", missing=missing)
    out.append([fit.loglik, *fit.solution.theta])
print(json.dumps([bool(numba.config.DISABLE_JIT), out]))
"""


def test_compiled_and_plain_python_agree():
    import json
    import os
    from pathlib import Path

    code = UNCOMPILED.format(
        workflow=str(Path(twolevel.__file__).parents[1]), tests=str(Path(__file__).parent)
    )
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code],
                env={**os.environ, "NUMBA_DISABLE_JIT": flag},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for flag in ("0", "1")
    ]
    assert [r[0] for r in runs] == [False, True]
    for compiled, plain in zip(runs[0][1], runs[1][1], strict=True):
        np.testing.assert_allclose(compiled, plain, atol=1e-5)
