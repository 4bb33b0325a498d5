"""Weights and intervals of the cluster bootstrap."""

import numpy as np
import pytest
from bruteforce_batch import lavaan_data
from scipy import stats
from twolevel.batch import PathModel, fit, weighted_moments
from twolevel.batch.bootstrap import (
    bca_interval,
    bootstrap_weights,
    cluster_bootstrap,
    leave_one_out_weights,
    percentile_interval,
)
from twolevel.errors import TwoLevelError

PARTIAL = PathModel.mediation("x", "m", "y")


def test_weights_draw_clusters_with_replacement():
    weights = bootstrap_weights(23, 4000, np.random.default_rng(1))
    assert weights.shape == (4000, 23)
    assert (weights.sum(axis=1) == 23).all() and (weights == weights.round()).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(23), abs=0.08)
    assert weights.var(axis=0) == pytest.approx(np.full(23, 22 / 23), abs=0.12)
    again = bootstrap_weights(23, 4000, np.random.default_rng(1))
    assert (weights == again).all()


def test_leave_one_out_equals_dropping_the_cluster():
    data, cluster = lavaan_data("icc_zero_small", ["x", "m", "y"])
    labels = np.unique(cluster)
    left_out = fit(
        PARTIAL, weighted_moments(data, cluster, leave_one_out_weights(len(labels))), tolerance=1e-10
    )
    for j in (0, 7, 22):
        keep = cluster != labels[j]
        alone = fit(PARTIAL, weighted_moments(data[keep], cluster[keep]), tolerance=1e-10)
        assert left_out.loglik[j] == pytest.approx(alone.loglik[0], abs=1e-7)
        np.testing.assert_allclose(left_out.coef[j], alone.coef[0], atol=1e-6)


@pytest.mark.parametrize("statistic", [np.mean, np.var])
def test_intervals_equal_scipy(statistic):
    sample = np.random.default_rng(4).exponential(size=30)
    for method, ours in (("percentile", percentile_interval), ("BCa", bca_interval)):
        theirs = stats.bootstrap(
            (sample,),
            statistic,
            n_resamples=999,
            method=method,
            rng=np.random.default_rng(5),
            vectorized=True,
        )
        draws = theirs.bootstrap_distribution
        jackknife = np.array([statistic(np.delete(sample, k)) for k in range(30)])
        args = (draws,) if method == "percentile" else (statistic(sample), draws, jackknife)
        found = ours(*args)
        assert found.low == pytest.approx(theirs.confidence_interval.low, rel=1e-9)
        assert found.high == pytest.approx(theirs.confidence_interval.high, rel=1e-9)


def test_intervals_keep_the_shape_and_count_failures():
    rng = np.random.default_rng(6)
    draws = rng.normal(size=(500, 2, 3))
    draws[:20, 0, 1] = np.nan
    draws[20:23, 1, 2] = np.inf
    jackknife = rng.normal(size=(23, 2, 3)) * 0.1
    found = bca_interval(np.zeros((2, 3)), draws, jackknife, confidence=0.9)
    assert found.low.shape == found.high.shape == (2, 3)
    assert found.failed[0, 1] == 20 and found.failed[1, 2] == 3 and found.usable[0, 0] == 500
    one = bca_interval(0.0, draws[20:, 0, 1], jackknife[:, 0, 1], confidence=0.9)
    assert found.low[0, 1] == one.low and found.high[0, 1] == one.high
    assert percentile_interval(draws, 0.9).low[0, 1] == pytest.approx(np.quantile(draws[20:, 0, 1], 0.05))


def test_bca_with_ties_and_without_skew_is_the_percentile_interval():
    draws = np.concatenate([np.arange(-50, 51), np.zeros(100)])
    jackknife = np.concatenate([np.arange(-5, 6)])
    plain, corrected = percentile_interval(draws), bca_interval(0.0, draws, jackknife)
    assert corrected.low == pytest.approx(plain.low) and corrected.high == pytest.approx(plain.high)


def test_bca_withholds_what_it_cannot_know():
    draws = np.linspace(1, 2, 100)
    jackknife = np.linspace(-1, 1, 10)
    assert np.isnan(bca_interval(0.5, draws, jackknife).low)  # all replicates above the estimate
    jackknife[3] = np.nan
    assert np.isnan(bca_interval(1.5, draws, jackknife).high)  # a cluster without an estimate
    assert np.isnan(percentile_interval(np.full(10, np.nan)).low)


def test_wrong_shapes_are_named():
    with pytest.raises(TwoLevelError, match="shape"):
        bca_interval(0.0, np.zeros((5, 2)), np.zeros(4))
    with pytest.raises(TwoLevelError, match="confidence"):
        percentile_interval(np.zeros(5), 95)
    with pytest.raises(TwoLevelError, match="replicates"):
        percentile_interval(np.zeros(0))


def test_cluster_bootstrap_of_an_indirect_effect():
    data, cluster = lavaan_data("fifty_small", ["x", "m", "y"])
    result = cluster_bootstrap(PARTIAL, data, cluster, 1000, np.random.default_rng(7))

    def indirect(f):
        return f.path("m", "x") * f.path("y", "m")

    assert result.failed == 0 and result.capped == 0
    estimate, replicates, jackknife = result.values(indirect)
    assert replicates.shape == (1000,) and jackknife.shape == (50,)
    se = np.sqrt(
        (estimate / result.sample.path("m", "x")[0] * result.sample.se("m", "x")[0]) ** 2
        + (estimate / result.sample.path("y", "m")[0] * result.sample.se("y", "m")[0]) ** 2
    )
    assert replicates.std() == pytest.approx(se, rel=0.35)
    for interval in (result.percentile(indirect), result.bca(indirect)):
        assert interval.low < estimate < interval.high
        assert interval.high - interval.low == pytest.approx(2 * 1.96 * replicates.std(), rel=0.1)
    same = cluster_bootstrap(PARTIAL, data, cluster, 1000, np.random.default_rng(7))
    assert (indirect(same.replicates) == replicates).all()
