"""Products of several t variates: against many draws, and against the product of two where the third is certain."""

import numpy as np
import pytest
from fortems.stats.chains import chain_cdf, chain_interval
from fortems.stats.products import product_interval


@pytest.mark.parametrize(
    ("estimate", "df"),
    [((0.5, 0.4, -0.3), (22, 22, 22)), ((0.1, -0.2, 0.05), (5, 9, 30)), ((0, 0, 0), (22, np.inf, 8))],
)
def test_quantiles_and_p_are_those_of_draws(estimate, df):
    variance = np.array([0.01, 0.02, 0.015])
    found = chain_interval(estimate, variance, df)
    rng, n = np.random.default_rng(2), 400_000
    t = [rng.standard_normal(n) if np.isinf(v) else rng.standard_t(v, n) for v in df]
    drawn = np.prod([a + np.sqrt(v) * e for a, v, e in zip(estimate, variance, t, strict=True)], axis=0)
    for end, probability in ((found.low[0], 0.025), (found.high[0], 0.975)):
        assert np.mean(drawn <= end) == pytest.approx(probability, abs=1.2e-3)
    assert found.p[0] == pytest.approx(2 * min((drawn < 0).mean(), (drawn > 0).mean()), abs=4e-3)
    assert found.se[0] == pytest.approx(drawn.std(), rel=0.03)


def test_a_path_that_is_certain_changes_the_scale_alone():
    three = chain_interval((0.4, -0.5, 2.0), (0.02, 0.03, 1e-14), (22, 22, np.inf))
    two = product_interval(0.4, -0.5, 0.02, 0.03, 22, 22)
    assert (three.low[0], three.high[0]) == pytest.approx((2 * two.low[0], 2 * two.high[0]), rel=1e-5)
    assert three.p[0] == pytest.approx(two.p[0], rel=1e-9) and three.se[0] == pytest.approx(2 * two.se[0])


def test_the_interval_leaves_out_zero_exactly_where_p_says():
    a, v, df = (0.5, 0.4, -0.6), (0.01, 0.02, 0.02), (22,) * 3
    found = chain_interval(a, v, df)
    assert chain_cdf([found.low[0], found.high[0]], a, v, df) == pytest.approx([0.025, 0.975], abs=1e-8)
    exact = chain_interval(a, v, df, confidence=1 - found.p[0])
    assert exact.high[0] == pytest.approx(0, abs=1e-6)


def test_what_is_missing_stays_missing():
    assert np.isnan(chain_interval((0.1, 0.2, np.nan), (1, 1, 1), (5, 5, 5)).low[0])
    assert np.isnan(chain_interval((0.1, 0.2, 0.3), (1, 0, 1), (5, 5, 5)).p[0])
