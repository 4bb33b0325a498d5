"""Full information against the likelihood written out row by row, and its maximum found by brute force."""

import numpy as np
import pytest
from fortems.mediation.pathfit import implied_covariance
from fortems.stats.fullinformation import fit, regressions
from scipy.stats import multivariate_normal


def sample(seed=4, n=70, p=3, share=0.15):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((p, p))
    values = rng.standard_normal((n, p)) @ mixing.T * np.array([1.0, 20.0, 0.1])[:p] + [3, 100, 0][:p]
    values[rng.random((n, p)) < share] = np.nan
    values[0] = np.nan  # a row of nothing
    cluster = np.sort(rng.integers(0, 10, n))
    return values, np.unique(cluster, return_inverse=True)[1]


def row_by_row(values, mean, covariance):
    total = 0.0
    for row in values:
        known = ~np.isnan(row)
        if known.any():
            total += multivariate_normal.logpdf(row[known], mean[known], covariance[np.ix_(known, known)])
    return total


def test_likelihood_is_the_rows_and_no_neighbour_is_higher():
    values, cluster = sample()
    found = fit(values, cluster)
    top = found.loglik[0]
    assert top == pytest.approx(row_by_row(values, found.mean[0], found.covariance[0]), abs=1e-8)
    rng = np.random.default_rng(0)
    root = np.linalg.cholesky(found.covariance[0])
    for size in (1e-4, 1e-2):
        for _ in range(60):
            moved = root @ (np.eye(3) + size * rng.standard_normal((3, 3)))
            mean = found.mean[0] + size * root @ rng.standard_normal(3)
            assert row_by_row(values, mean, moved @ moved.T) < top + 1e-9


def test_a_weight_of_zero_leaves_a_cluster_out():
    values, cluster = sample()
    clusters = cluster.max() + 1
    without = fit(values, cluster, 1.0 - np.eye(clusters))
    kept = cluster != 4
    alone = fit(values[kept], np.unique(cluster[kept], return_inverse=True)[1])
    assert without.covariance[4] == pytest.approx(alone.covariance[0], rel=1e-7)
    assert without.loglik[4] == pytest.approx(alone.loglik[0], abs=1e-7)


def test_complete_rows_give_the_sample_covariance_and_least_squares():
    values, cluster = sample(share=0.0)
    values = values[1:]
    found = fit(values, cluster[1:])
    assert found.covariance[0] == pytest.approx(np.cov(values.T, bias=True))
    design = np.column_stack([np.ones(len(values)), values[:, :2]])
    slopes = np.linalg.lstsq(design, values[:, 2], rcond=None)[0][1:]
    assert regressions(found.covariance, [0, 1], 2)[0] == pytest.approx(slopes, rel=1e-6)


def test_a_restricted_model_is_the_best_of_its_kind():
    values, cluster = sample()
    names, equations = ("x", "m", "y"), {"m": ("x",), "y": ("m",)}
    found = fit(values, cluster, restrict=lambda s: implied_covariance(s, names, equations)[0])
    precision = np.linalg.inv(found.covariance[0])
    assert abs(precision[0, 2]) < 1e-6 * np.sqrt(precision[0, 0] * precision[2, 2])  # no direct path
    saturated = fit(values, cluster)
    assert found.loglik[0] < saturated.loglik[0]
    rng = np.random.default_rng(1)
    sd = np.sqrt(np.diag(found.covariance[0]))
    for _ in range(80):
        moved = found.covariance[0] + 1e-3 * np.outer(sd, sd) * np.diag(rng.standard_normal(3))
        moved[0, 1] = moved[1, 0] = moved[0, 1] + 1e-3 * sd[0] * sd[1] * rng.standard_normal()
        moved = implied_covariance(moved, names, equations)[0]
        assert row_by_row(values, found.mean[0], moved) < found.loglik[0] + 1e-9
