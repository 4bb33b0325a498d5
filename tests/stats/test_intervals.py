"""Intervals of the indirect effect: margins, agreement of methods, edge cases."""

import numpy as np
import pytest
from fortems.stats.intervals import (
    bca_interval,
    percentile_interval,
    t_draws,
    t_interval,
    two_sided,
)
from scipy import stats


def rng():
    return np.random.default_rng(7)


def monte_carlo(a, b, vcov, df, draws):
    """The interval of a·b by t-scaled draws, as a run makes it."""
    return percentile_interval(t_draws(np.array([a, b]), np.array(vcov), df, draws, rng()).prod(axis=1))


def test_monte_carlo_meets_delta_when_the_slopes_are_precise():
    precise = monte_carlo(0.5, -0.4, [[1e-6, 4e-7], [4e-7, 1e-6]], np.inf, 200_000)
    se = np.sqrt(0.4**2 * 1e-6 + 0.5**2 * 1e-6 - 2 * 0.5 * 0.4 * 4e-7)
    assert precise.low == pytest.approx(-0.2 - 1.959964 * se, abs=0.03 * se)
    assert precise.high == pytest.approx(-0.2 + 1.959964 * se, abs=0.03 * se)
    assert precise.se == pytest.approx(se, rel=0.01)


def test_each_path_keeps_its_own_t_margin():
    # With b known exactly to be 1, a·b is a alone: a t interval with a's df.
    found = monte_carlo(0.3, 1.0, [[0.04, 0.0], [0.0, 0.0]], [5.0, np.inf], 400_000)
    expected = t_interval(0.3, 0.2, 5.0)
    assert found.low == pytest.approx(expected.low, abs=0.01)
    assert found.high == pytest.approx(expected.high, abs=0.01)
    assert found.p == pytest.approx(expected.p, abs=0.005)


def test_monte_carlo_of_independent_t_equals_the_product_distribution():
    # Reference: P(A·B ≤ q) by quadrature over A, with B's t distribution in closed form.
    found = monte_carlo(0.3, 0.35, [[0.01, 0.0], [0.0, 0.012]], [20.0, 12.0], 1_000_000)
    grid = (np.arange(40_000) + 0.5) / 40_000
    a = 0.3 + 0.1 * stats.t.ppf(grid, 20.0)
    for limit, level in ((found.low[0], 0.025), (found.high[0], 0.975)):
        upper = stats.t.cdf((limit / a - 0.35) / np.sqrt(0.012), 12.0)
        assert np.mean(np.where(a > 0, upper, 1 - upper)) == pytest.approx(level, abs=8e-4)


def test_resampled_p_is_never_zero_and_at_most_one():
    assert two_sided([0, 50], [100, 60], [100, 100]).tolist() == [pytest.approx(2 / 101), 1.0]
    sure = monte_carlo(9.0, 9.0, [[0.01, 0.0], [0.0, 0.01]], 30.0, 999)
    assert sure.p[0] == pytest.approx(2 / 1000)
    assert bca_interval(5.0, np.linspace(4, 6, 999), np.linspace(4.9, 5.1, 20)).p[0] >= 2 / 1000
    assert percentile_interval(np.linspace(4, 6, 999)).p[0] == pytest.approx(2 / 1000)


def test_t_draws_have_the_covariance_and_the_tails():
    vcov = np.array([[0.04, 0.01], [0.01, 0.09]])
    draws = t_draws(np.array([1.0, 2.0]), vcov, np.array([np.inf, 6.0]), 200_000, rng())
    assert draws.mean(0) == pytest.approx([1.0, 2.0], abs=0.005)
    assert draws[:, 0].var() == pytest.approx(0.04, rel=0.02)
    assert draws[:, 1].var() == pytest.approx(0.09 * 6 / 4, rel=0.05)


def test_last_digits_of_the_covariance_do_not_turn_the_draws():
    """Equal variances leave eigenvectors free to turn; another processor's last digits must not choose other draws."""
    first = t_draws(np.zeros(3), np.eye(3), np.inf, 100, rng())
    for seed in range(5):
        noise = 1e-13 * np.random.default_rng(seed).standard_normal((3, 3))
        other = t_draws(np.zeros(3), np.eye(3) + noise + noise.T, np.inf, 100, rng())
        assert other == pytest.approx(first, abs=1e-9)
    singular = t_draws(np.zeros(3), np.ones((3, 3)) * 1e-8 + np.diag([0, 1.0, 0]), np.inf, 100, rng())
    assert singular[:, 0] == pytest.approx(singular[:, 2], abs=1e-12)


@pytest.mark.parametrize("noise", [-1e-15, 0.0, 1e-15])
def test_ties_but_for_the_last_digits_are_ties(noise):
    values = np.concatenate([np.linspace(-2.0, 3.0, 40), [noise] * 10, [1.0 + noise] * 10])
    exact = np.concatenate([np.linspace(-2.0, 3.0, 40), [0.0] * 10, [1.0] * 10])
    jackknife = np.linspace(0.8, 1.3, 12)
    assert percentile_interval(values).p == percentile_interval(exact).p
    assert bca_interval(1.0, values, jackknife).low == pytest.approx(bca_interval(1.0, exact, jackknife).low)
    assert bca_interval(1.0, values, jackknife).p == pytest.approx(bca_interval(1.0, exact, jackknife).p)


def test_bca_equals_scipy_on_a_mean_and_percentile_without_bias_or_skew():
    data = stats.expon.rvs(size=40, random_state=3)
    found = stats.bootstrap((data,), np.mean, method="BCa", n_resamples=4000, rng=np.random.default_rng(1))
    jackknife = np.array([np.delete(data, i).mean() for i in range(40)])
    mine = bca_interval(data.mean(), found.bootstrap_distribution, jackknife)
    assert mine.low[0] == pytest.approx(found.confidence_interval.low, abs=2e-3)
    assert mine.high[0] == pytest.approx(found.confidence_interval.high, abs=2e-3)
    symmetric = np.linspace(-1, 1, 1001)
    flat = bca_interval(0.0, symmetric, np.array([-1.0, 0.0, 1.0]))
    assert flat.low == pytest.approx(percentile_interval(symmetric).low)


def test_bca_p_is_the_level_whose_limit_touches_zero():
    values = np.random.default_rng(5).gamma(2.0, 1.0, 20_001) - 0.35
    jackknife = np.random.default_rng(6).gamma(2.0, 1.0, 30)
    p = bca_interval(1.3, values, jackknife).p[0]
    assert bca_interval(1.3, values, jackknife, 1 - p).low[0] == pytest.approx(0.0, abs=0.01)


def test_failed_replicates_are_left_out():
    values = np.linspace(0, 1, 101)
    with_failures = np.append(values, [np.nan, np.nan])
    assert percentile_interval(with_failures).low == percentile_interval(values).low
    assert np.isnan(bca_interval(1.0, np.full(5, np.nan), np.ones(4)).low[0])


def test_t_interval_equals_scipy_and_carries_missing():
    found = t_interval([1.0, 1.0, 1.0], [0.5, 0.5, np.nan], [8.0, np.inf, 8.0])
    assert found.low[0] == pytest.approx(1 - stats.t.ppf(0.975, 8) * 0.5)
    assert found.p[1] == pytest.approx(2 * stats.norm.sf(2.0))
    assert np.isnan(found.low[2]) and np.isnan(found.p[2])
