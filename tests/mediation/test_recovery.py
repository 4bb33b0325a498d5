"""Do estimates recover the population, and do intervals keep their level when there is no indirect effect?

Small versions of what the design stage does at length; seeds are fixed, bounds are binomial or four standard errors.
"""

import numpy as np
import pytest
from fortems.design.draws import product_interval
from fortems.stats.intervals import t_interval
from fortems.stats.regression import ols_cr2
from twolevel import batch

STUDIES = 200


def studies(rng, number, clusters, per, icc, a, b, direct):
    """Studies (S, N, 3) of x, m, y with the same slopes at both levels, and their clusters."""
    cluster = np.repeat(np.arange(clusters), per)
    u = np.sqrt(icc) * rng.normal(size=(number, clusters, 3))[:, cluster]
    e = np.sqrt(1 - icc) * rng.normal(size=(number, clusters * per, 3))
    z = u + e
    x = z[..., 0]
    m = a * x + np.sqrt(1 - a**2) * z[..., 1]
    y = b * m + direct * x + 0.9 * z[..., 2]
    return np.stack([x, m, y], axis=-1), cluster


def single_level(data, cluster):
    x, m, y = np.moveaxis(data, -1, 0)
    one = np.ones_like(x)
    return ols_cr2(np.stack([one, x], -1), m, cluster), ols_cr2(np.stack([one, m, x], -1), y, cluster)


def test_both_estimands_recover_the_population():
    rng = np.random.default_rng(11)
    a, b, direct = 0.3, -0.35, -0.1
    data, cluster = studies(rng, STUDIES, 60, 8, 0.10, a, b, direct)
    first, second = single_level(data, cluster)
    model = batch.PathModel.mediation("x", "m", "y")
    fitted = batch.fit(model, batch.study_moments(data, cluster), vcov=False)
    found = {
        "single": (first.coef[:, 1], second.coef[:, 1], second.coef[:, 2]),
        "within": (fitted.path("m", "x"), fitted.path("y", "m"), fitted.path("y", "x")),
    }
    for slopes in found.values():
        for values, truth in zip(slopes, (a, b, direct), strict=True):
            error = values.std(ddof=1) / np.sqrt(STUDIES)
            assert values.mean() == pytest.approx(truth, abs=4 * error)
        product = slopes[0] * slopes[1]
        assert product.mean() == pytest.approx(a * b, abs=4 * product.std(ddof=1) / np.sqrt(STUDIES))


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (0.4, 0.0), (0.0, -0.4)])
def test_no_indirect_effect_is_seldom_taken_for_one(a, b):
    rng = np.random.default_rng(12)
    data, cluster = studies(rng, 400, 23, 4, 0.05, a, b, -0.2)
    first, second = single_level(data, cluster)
    variances = first.vcov[:, 1, 1], second.vcov[:, 1, 1]
    slopes = first.coef[:, 1], second.coef[:, 1]
    df = first.df[:, 1], second.df[:, 1]
    drawn = product_interval(*slopes, *variances, 0.0, *df)[:2]
    se = np.sqrt(slopes[1] ** 2 * variances[0] + slopes[0] ** 2 * variances[1])
    delta = t_interval(slopes[0] * slopes[1], se, np.inf)
    for low, high in (drawn, (delta.low, delta.high)):
        rate = np.mean((low > 0) | (high < 0))
        # At most .05 and, when both paths are zero, far below it; four standard errors above .05 is .094.
        assert rate < (0.02 if a == b == 0 else 0.094)


def test_monte_carlo_covers_the_indirect_effect_at_the_papers_size():
    rng = np.random.default_rng(13)
    data, cluster = studies(rng, 500, 23, 4, 0.05, 0.3, -0.35, -0.1)
    first, second = single_level(data, cluster)
    low, high, _ = product_interval(
        first.coef[:, 1],
        second.coef[:, 1],
        first.vcov[:, 1, 1],
        second.vcov[:, 1, 1],
        0.0,
        first.df[:, 1],
        second.df[:, 1],
    )
    covered = np.mean((low <= -0.105) & (high >= -0.105))
    assert 0.91 < covered < 0.985
