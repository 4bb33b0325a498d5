"""The product of two t variates against adaptive quadrature of its definition, against draws, and at its edges."""

from itertools import pairwise

import numpy as np
import pytest
from fortems.stats.products import COARSE, product_cdf, product_interval, product_p
from scipy import integrate, optimize, stats


def by_definition(q, u, v, df_x, df_y):
    """P((u + T_x)(v + T_y) ≤ q) by adaptive quadrature over T_x in pieces around the sign change."""

    def integrand(t):
        x = u + t
        return stats.t.pdf(t, df_x) * stats.t.cdf(np.sign(x) * (q / x - v), df_y) if x else 0.0

    steps = [1e-3, 1e-2, 0.1, 1, 5, 50]
    ends = [-np.inf, *(-u - s for s in reversed(steps)), -u, *(-u + s for s in steps), np.inf]
    return sum(
        integrate.quad(integrand, low, high, epsabs=1e-13, epsrel=1e-12, limit=400)[0]
        for low, high in pairwise(ends)
    )


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
@pytest.mark.parametrize("df", [(3.0, 3.0), (22.0, 22.0), (9.0, 60.0)])
@pytest.mark.parametrize("ratios", [(0.0, 0.0), (1.0, -0.5), (3.0, -3.3), (8.0, 20.0)])
def test_distribution_is_that_of_the_definition(df, ratios):
    u, v = ratios
    for q in (1e-3, -0.3, 2.0, 0.9 * u * v + 0.01):
        expected = by_definition(q, u, v, *df)
        assert product_cdf(q, u, v, 1, 1, *df)[0] == pytest.approx(expected, abs=5e-7)
        assert product_cdf(q, u, v, 1, 1, *df, step=COARSE)[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.filterwarnings("ignore::scipy.integrate.IntegrationWarning")
def test_limits_are_roots_of_the_definition_and_scale_with_the_errors():
    a, b, var_a, var_b, df = 0.31, -0.36, 0.011, 0.013, 22.0
    found = product_interval(a, b, var_a, var_b, df, df)
    unit = np.sqrt(var_a * var_b)
    u, v = a / np.sqrt(var_a), b / np.sqrt(var_b)
    for end, probability in ((found.low[0], 0.025), (found.high[0], 0.975)):
        root = optimize.brentq(
            lambda q, p=probability: by_definition(q, u, v, df, df) - p, -40, 40, xtol=1e-12
        )
        assert end == pytest.approx(root * unit, abs=1e-9)
    twice = product_interval(2 * a, 5 * b, 4 * var_a, 25 * var_b, df, df)
    assert twice.low == pytest.approx(10 * found.low) and twice.p == pytest.approx(found.p)


def test_interval_p_and_sd_are_those_of_draws():
    rng = np.random.default_rng(7)
    a, b, s_a, s_b, df_a, df_b = 0.25, -0.3, 0.12, 0.1, 12.0, 40.0
    draws = (a + s_a * rng.standard_t(df_a, 1_000_000)) * (b + s_b * rng.standard_t(df_b, 1_000_000))
    found = product_interval(a, b, s_a**2, s_b**2, df_a, df_b)
    assert (found.low[0], found.high[0]) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=5e-4)
    assert found.p[0] == pytest.approx(2 * min((draws < 0).mean(), (draws > 0).mean()), abs=1.5e-3)
    assert found.se[0] == pytest.approx(draws.std(), rel=5e-3)


def test_an_interval_leaves_out_zero_exactly_where_p_is_below_alpha():
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.3, 0.15, 400), rng.normal(-0.3, 0.15, 400)
    for confidence in (0.90, 0.95, 0.99):
        found = product_interval(a, b, 0.01, 0.012, 22.0, 22.0, confidence, COARSE)
        outside = (found.low > 0) | (found.high < 0)
        assert (outside == (found.p < 1 - confidence)).all() and outside.any() and not outside.all()
    assert product_p(a, b, 0.01, 0.012, 22.0, 22.0) == pytest.approx(found.p)


def test_normal_errors_and_one_known_factor_are_limits():
    normal = product_interval(0.3, -0.4, 0.01, 0.02, np.inf, np.inf)
    nearly = product_interval(0.3, -0.4, 0.01, 0.02, 1e7, 1e7)
    assert normal.low == pytest.approx(nearly.low, rel=1e-6) and normal.p == pytest.approx(nearly.p, rel=1e-5)
    exact = product_interval(
        2.0, -0.4, 1e-20, 0.02, 22.0, 22.0
    )  # a known: the interval is that of b, times a
    half = stats.t.ppf(0.975, 22) * np.sqrt(0.02)
    assert (exact.low[0], exact.high[0]) == pytest.approx((2 * (-0.4 - half), 2 * (-0.4 + half)), rel=1e-6)


def test_few_degrees_of_freedom_have_limits_and_no_standard_deviation():
    found = product_interval([2.5, 0.0], [-3.0, 0.0], 1.0, 1.0, [2.0, 1.0], [2.0, 1.0])
    assert np.isfinite(found.low).all() and np.isinf(found.se).all()
    assert found.low[1] == pytest.approx(-found.high[1]) and found.p[1] == 1.0


def test_what_is_not_known_gives_nothing():
    found = product_interval([np.nan, 0.3, 0.3], 0.2, [1.0, 0.0, np.nan], 1.0, 22.0, 22.0)
    assert np.isnan(found.low).all() and np.isnan(found.p).all()
