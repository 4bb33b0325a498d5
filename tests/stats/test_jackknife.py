"""Cluster-jackknife variances against refits, and the symmetric test of a correlation against its definition."""

import numpy as np
import pytest
from fortems.stats.jackknife import jackknife_correlation, jackknife_variance
from fortems.stats.regression import cluster_products
from scipy import stats

SIZES = (12, 10, 8, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1)
CLUSTER = np.repeat(np.arange(len(SIZES)), SIZES)


def columns(x, y):
    return cluster_products(np.stack([np.ones(len(x)), x, y], axis=-1)[None], CLUSTER)


def test_variance_is_about_the_full_estimate_with_factor_j_minus_one_over_j():
    left_out = np.array([[1.0, 4.0], [2.0, 4.0], [6.0, 4.0], [3.0, 8.0]])
    found = jackknife_variance([2.0, 5.0], left_out)
    assert found == pytest.approx([0.75 * (1 + 0 + 16 + 1), 0.75 * (1 + 1 + 1 + 9)])
    assert jackknife_variance([2.0, 5.0], left_out.T, axis=1) == pytest.approx(found)


def test_of_a_mean_of_equal_clusters_it_is_the_usual_variance():
    values = np.array([3.0, 8.0, 1.0, 7.0, 5.0])
    left_out = (values.sum() - values) / 4
    assert jackknife_variance(values.mean(), left_out) == pytest.approx(values.var(ddof=1) / 5)


def test_no_variance_without_all_refits_or_with_two_clusters():
    assert np.isnan(jackknife_variance(1.0, [1.0, np.nan, 2.0]))
    assert np.isnan(jackknife_variance(1.0, [1.0, 2.0]))


def test_correlation_test_is_its_definition_by_refits():
    rng = np.random.default_rng(1)
    x = rng.normal(size=len(CLUSTER)) + rng.normal(size=len(SIZES))[CLUSTER]
    y = 0.4 * x + rng.normal(size=len(CLUSTER))
    found = jackknife_correlation(columns(x, y), 1, 2)
    z = np.arctanh(np.corrcoef(x, y)[0, 1])
    rest = [np.flatnonzero(np.not_equal(CLUSTER, j)) for j in range(len(SIZES))]
    out = np.array([np.arctanh(np.corrcoef(x[kept], y[kept])[0, 1]) for kept in rest])
    se = np.sqrt(22 / 23 * ((out - z) ** 2).sum())
    assert found["se"][0] == pytest.approx(se) and found["df"][0] == 22
    assert found["p"][0] == pytest.approx(2 * stats.t.sf(abs(z / se), 22))
    half = stats.t.ppf(0.975, 22) * se
    assert (found["low"][0], found["high"][0]) == pytest.approx((np.tanh(z - half), np.tanh(z + half)))


def test_correlation_test_is_symmetric_and_stays_within_one():
    rng = np.random.default_rng(4)
    x = rng.normal(size=len(CLUSTER))
    y = x + 0.02 * rng.standard_t(2, size=len(CLUSTER))
    one, other = (jackknife_correlation(columns(*pair), 1, 2) for pair in ((x, y), (y, x)))
    for name in one:
        assert one[name] == pytest.approx(other[name], rel=1e-12)
    assert -1 <= one["low"][0] <= one["r"][0] <= one["high"][0] <= 1


def test_a_variable_known_from_one_cluster_has_a_correlation_and_no_test():
    rng = np.random.default_rng(3)
    x = np.where(CLUSTER == 0, rng.normal(size=len(CLUSTER)), 0.0)
    found = jackknife_correlation(columns(x, rng.normal(size=len(CLUSTER))), 1, 2)
    assert np.isfinite(found["r"][0]) and np.isnan(found["p"][0]) and np.isnan(found["low"][0])


def test_a_constant_has_no_correlation():
    found = jackknife_correlation(columns(np.ones(len(CLUSTER)), np.arange(float(len(CLUSTER)))), 1, 2)
    assert np.isnan(found["r"][0]) and np.isnan(found["p"][0])


def test_error_rate_of_the_correlation_test_at_the_studys_size():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(2, 1500, len(CLUSTER)))
    products = cluster_products(np.stack([np.ones_like(x), x, y], axis=-1), CLUSTER)
    rejected = jackknife_correlation(products, 1, 2)["p"] < 0.05
    assert 0.025 < rejected.mean() < 0.065  # standard error .006
