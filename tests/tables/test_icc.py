"""ICC against the textbook's analysis of variance, a brute-force likelihood, and the exact interval's coverage."""

import numpy as np
import pandas as pd
import pytest
from fortems.tables.icc import OneWay, exact_interval, icc, icc_ml, icc_table
from scipy import optimize, stats

UNEQUAL = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 6, 2, 7])


def sample(rng, cluster, between, within=1.0):
    return (
        rng.normal(size=cluster.max() + 1)[cluster] * between**0.5
        + rng.normal(size=len(cluster)) * within**0.5
    )


def test_by_hand():
    """Two therapists, clients 1 3 and 5 7: MSB 16, MSW 2, n0 2, so B = 7 and ICC = 7/9."""
    result = icc(OneWay.of(np.array([1.0, 3, 5, 7]), np.array([0, 0, 1, 1])))
    assert result["f"] == pytest.approx(8)
    assert result["n0"] == pytest.approx(2)
    assert result["variance_between"] == pytest.approx(7)
    assert result["icc"] == pytest.approx(7 / 9)
    assert result["p"] == pytest.approx(2 * stats.f.sf(8, 1, 2))


def test_unequal_clusters_against_one_way_anova():
    y = sample(np.random.default_rng(0), UNEQUAL, 0.5)
    groups = [y[j == UNEQUAL] for j in range(8)]
    f, p = stats.f_oneway(*groups)
    result = icc(OneWay.of(y, UNEQUAL))
    size = np.bincount(UNEQUAL)
    n0 = (size.sum() - (size**2).sum() / size.sum()) / 7
    assert result["f"] == pytest.approx(f) and result["p"] == pytest.approx(2 * min(p, 1 - p))
    assert result["icc"] == pytest.approx((f - 1) / (f - 1 + n0))


@pytest.mark.parametrize("seed", range(40))
def test_test_and_interval_agree_on_zero(seed):
    y = sample(np.random.default_rng(seed), UNEQUAL, 0.25)
    result = icc(OneWay.of(y, UNEQUAL))
    assert (result["p"] < 0.05) == (result["ci_low"] > 0 or result["ci_high"] < 0)


def test_an_interval_without_its_estimate_says_why():
    """Nearly equal means of very unequal groups: the estimate falls below what twelve clients can share."""
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(14), [12, *[2] * 13])
    explained = 0
    for _ in range(200):
        y = rng.normal(size=len(cluster))
        means = np.bincount(cluster, y) / np.bincount(cluster)
        result = icc(OneWay.of(y - 0.95 * means[cluster], cluster))
        inside = result["ci_low"] <= result["icc"] <= result["ci_high"]
        assert inside == (result["reason"] == "")
        explained += "-0.09" in result["reason"] and "12 clients" in result["reason"]
    assert explained


def test_exact_interval_with_equal_clusters_is_the_textbook_one():
    cluster = np.repeat(np.arange(10), 4)
    y = sample(np.random.default_rng(1), cluster, 0.4)
    one = OneWay.of(y, cluster)
    f = icc(one)["f"]
    expected = []
    for quantile in stats.f.ppf([0.975, 0.025], 9, 30):
        ratio = (f / quantile - 1) / 4
        expected.append(ratio / (1 + ratio))
    np.testing.assert_allclose(exact_interval(one, 0.95), expected, rtol=1e-8)


def test_exact_interval_covers_with_unequal_clusters():
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(400):
        low, high = exact_interval(OneWay.of(sample(rng, UNEQUAL, 0.25), UNEQUAL), 0.90)
        hits += low <= 0.2 <= high
    assert abs(hits / 400 - 0.90) < 4 * (0.9 * 0.1 / 400) ** 0.5


@pytest.mark.parametrize("between", [0.0, 0.05, 0.5, 3.0])
def test_maximum_likelihood_against_the_full_density(between):
    y = sample(np.random.default_rng(int(between * 100)), UNEQUAL, between)
    same = UNEQUAL[:, None] == UNEQUAL[None, :]

    def deviance(theta):
        mean, log_total, rho = theta[0], theta[1], theta[2]
        cov = np.exp(log_total) * (rho * same + (1 - rho) * np.eye(len(y)))
        return -2 * stats.multivariate_normal(np.full(len(y), mean), cov).logpdf(y)

    starts = [[y.mean(), np.log(y.var()), rho] for rho in (0.001, 0.2, 0.6)]
    bounds = [(None, None), (None, None), (0, 0.999)]
    fits = [
        optimize.minimize(deviance, start, bounds=bounds, method="L-BFGS-B", tol=1e-14) for start in starts
    ]
    best = min(fits, key=lambda fit: fit.fun)
    assert icc_ml(OneWay.of(y, UNEQUAL)) == pytest.approx(best.x[2], abs=2e-4)


def test_estimate_may_be_negative_and_ml_is_not():
    y = np.array([1.0, 9, 2, 8, 1, 9])
    result = icc(OneWay.of(y, np.array([0, 0, 1, 1, 2, 2])))
    assert result["icc"] < 0 and result["icc_ml"] == 0


def test_table_leaves_out_missing_values_and_says_why_there_is_nothing():
    scores = pd.DataFrame(
        {"therapist": list("aabbccdd"), "y": [1, 2, 4, 5, np.nan, 8, 7, 9], "alone": [1.0] + [np.nan] * 7}
    )
    table = icc_table(scores, ["y", "alone"]).set_index("variable")
    assert table.loc["y", "n_clients"] == 7 and table.loc["y", "n_therapists"] == 4
    assert "two therapists" in table.loc["alone", "reason"] and np.isnan(table.loc["alone", "icc"])
