"""The covariance series of ordinal items against bivariate-normal integrals, and the solvers that use it."""

import numpy as np
import pytest
from fortems.simulate.latent import (
    LARGEST_LOADING,
    Categories,
    LatentScale,
    alpha,
    covariance,
    fit_categories,
    solve,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal, norm

WAI_ITEM = Categories(1, 5, 4.2, 0.95)
MLQ_ITEM = Categories(1, 7, 4.2, 1.6)
OQ_ITEM = Categories(0, 4, 1.2, 1.05)


def integral(first, second, correlation):
    """Sum over pairs of thresholds of P(both above) - P(above) P(above)."""
    joint = multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], allow_singular=True)
    return sum(
        joint.cdf([-t, -u]) - norm.cdf(-t) * norm.cdf(-u) for t in first.thresholds for u in second.thresholds
    )


@pytest.mark.parametrize("correlation", [-0.9, -0.4, 0.05, 0.3, 0.7, 0.92])
@pytest.mark.parametrize(
    ("first", "second"), [(WAI_ITEM, WAI_ITEM), (WAI_ITEM, OQ_ITEM), (MLQ_ITEM, OQ_ITEM)]
)
def test_series_equals_the_integral(first, second, correlation):
    powers = correlation ** np.arange(1, 301)
    series = (powers * first.coefficients() * second.coefficients()).sum()
    assert series == pytest.approx(integral(first, second, correlation), abs=2e-7)


def test_series_at_the_largest_loading_leaves_next_to_nothing_out():
    powers = (LARGEST_LOADING**2) ** np.arange(1, 4001)
    for item in (WAI_ITEM, MLQ_ITEM, OQ_ITEM):
        terms = powers * item.coefficients(4000) ** 2
        assert terms[300:].sum() < 1e-7 * item.variance


def test_mean_and_variance_of_an_item():
    category = np.arange(1, 6)
    bounds = np.concatenate([[-np.inf], WAI_ITEM.thresholds, [np.inf]])
    share = np.diff(norm.cdf(bounds))
    assert WAI_ITEM.mean == pytest.approx(share @ category)
    assert WAI_ITEM.variance == pytest.approx(share @ category**2 - (share @ category) ** 2)


def test_squared_coefficients_sum_to_the_variance():
    # Parseval, slowly converging: at correlation 1 the covariance is the variance.
    assert (MLQ_ITEM.coefficients(20000) ** 2).sum() == pytest.approx(MLQ_ITEM.variance, rel=5e-3)


@settings(max_examples=40, deadline=None)
@given(low=st.integers(0, 1), width=st.integers(2, 6), at=st.floats(0.1, 0.9), size=st.floats(0.15, 0.85))
def test_fitted_categories_have_the_mean_and_variance_asked_for(low, width, at, size):
    mean = low + at * width
    most = (low + width - mean) * (mean - low)
    least = (mean % 1) * (1 - mean % 1)
    variance = least + size * (most - least)
    found = fit_categories(low, low + width, mean, variance)
    assert isinstance(found, Categories)
    assert found.mean == pytest.approx(mean, abs=1e-9)
    assert found.variance == pytest.approx(variance, rel=1e-8)


@pytest.mark.parametrize(("variance", "nearest"), [(0.01, 0.25), (9.0, 3.75)])
def test_unreachable_variance_gives_the_nearest(variance, nearest):
    # Mean 2.5 of 1 to 5: at least .25 (half 2, half 3), at most 1.5 * 2.5 (1 and 5 only).
    assert fit_categories(1, 5, 2.5, variance) == pytest.approx(nearest, abs=0.03)


def test_scale_moments_against_item_by_item_integrals():
    loadings = np.array([0.8, 0.7, 0.5])
    scale = LatentScale(MLQ_ITEM, loadings, MLQ_ITEM.coefficients())
    other = LatentScale(OQ_ITEM, np.array([0.6, 0.4]), OQ_ITEM.coefficients())
    items = np.array(
        [
            [
                integral(MLQ_ITEM, MLQ_ITEM, a * b) if i != j else MLQ_ITEM.variance
                for j, b in enumerate(loadings)
            ]
            for i, a in enumerate(loadings)
        ]
    )
    assert scale.variance == pytest.approx(items.sum(), abs=1e-5)
    assert scale.alpha == pytest.approx(3 / 2 * (1 - np.trace(items) / items.sum()), abs=1e-6)
    cross = sum(integral(MLQ_ITEM, OQ_ITEM, a * b * -0.35) for a in loadings for b in other.loadings)
    assert covariance(scale, other, -0.35) == pytest.approx(cross, abs=1e-6)
    between = sum(integral(MLQ_ITEM, MLQ_ITEM, a * a * 0.1) for a in loadings)
    assert scale.item_covariance(0.1) == pytest.approx(between, abs=1e-6)


def test_alpha_of_one_item_does_not_exist():
    assert np.isnan(alpha(1, 2.0, 2.0))
    assert np.isnan(alpha(4, 0.0, 0.0))


def test_solve_meets_its_target_or_says_what_is_nearest():
    assert solve(lambda x: x**3, 0.125, 0.0, 1.0) == (pytest.approx(0.5), None)
    assert solve(lambda x: x**3, 2.0, 0.0, 1.0) == (1.0, 1.0)
    assert solve(lambda x: x**3, -1.0, 0.0, 1.0) == (0.0, 0.0)
    assert solve(lambda x: x**3, 0.0, 0.0, 1.0) == (0.0, None)
