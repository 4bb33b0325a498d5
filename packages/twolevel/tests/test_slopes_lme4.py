"""Random slopes of a single outcome: what lme4 finds by maximum likelihood (tests/reference/lme4)."""

import runpy
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel

ORACLE = Path(__file__).parent / "reference" / "lme4"
CASES = pd.read_csv(ORACLE / "cases.csv").set_index("case")
EXPECTED = pd.read_csv(ORACLE / "expected.csv", keep_default_na=False, na_values=["NA"])


def names(case: str) -> dict[str, str]:
    """lme4's name of a number -> ours."""
    text = CASES.loc[case, "text"]
    found = {"(Intercept)": "y~1.l2", "x": "s~1.l2", "t": "y~t", "w": "y~w.l2", "x:w": "s~w.l2"}
    if 'rv("r")' in text:
        found |= {"t": "r~1.l2", "w:t": "r~w.l2"}
    return found


def covariances(case: str) -> dict[str, str]:
    found = {"(Intercept)": "y~~y.l2", "x": "s~~s.l2", "t": "r~~r.l2", "residual": "y~~y"}
    return found | {"(Intercept) x": "s~~y.l2", "(Intercept) t": "r~~y.l2", "x t": "s~~r.l2"}


@pytest.mark.parametrize("case", list(CASES.index))
def test_maximum_is_lme4s(case):
    data = pd.read_csv(ORACLE / "data" / f"{CASES.loc[case, 'data']}.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", twolevel.TwoLevelWarning)
        fit = twolevel.fit(CASES.loc[case, "text"], data, "cluster")
    theirs = EXPECTED[EXPECTED["case"] == case]
    loglik = theirs.loc[theirs["kind"] == "loglik", "estimate"].item()
    assert fit.converged, fit.message
    assert fit.admissible
    assert fit.loglik >= loglik - 1e-6
    # Where lme4 stops beside the boundary ours may be a little higher.
    assert fit.loglik == pytest.approx(loglik, abs=1e-6 if not fit.boundary else 1e-4)
    if fit.loglik > loglik + 1e-6:
        return
    for row in theirs[theirs["kind"] == "fixed"].itertuples():
        value = fit.coef[names(case)[row.name]]
        assert abs(value - row.estimate) < 5e-4 * row.se, row.name
    for row in theirs[theirs["kind"] == "covariance"].itertuples():
        value = fit.coef[covariances(case)[row.name]]
        assert value == pytest.approx(row.estimate, abs=2e-3 * max(1e-2, abs(row.estimate))), row.name


def test_conditional_on_says_which_likelihood_is_printed():
    data = pd.read_csv(ORACLE / "data" / "moderate.csv")
    fit = twolevel.fit(CASES.loc["moderate__cross_level", "text"], data, "cluster")
    assert fit.conditional_on == ("x", "w")
    assert "conditional on x, w" in fit.summary()


def test_a_slope_without_variance_is_at_the_boundary_and_converged():
    data = pd.read_csv(ORACLE / "data" / "no_slope_variance.csv")
    fit = twolevel.fit(CASES.loc["no_slope_variance__uncorrelated", "text"], data, "cluster")
    assert fit.converged and fit.boundary and fit.admissible
    assert fit.coef["s~~s.l2"] == 0.0
    # without the slope's variance the model is one of random intercepts, given x
    fixed = twolevel.fit("level: 1\n y ~ rv('s')*x\nlevel: 2\n y ~~ y\n s ~~ 0*s", data, "cluster")
    assert fit.loglik == pytest.approx(fixed.loglik, abs=1e-6)


def test_standard_errors_are_those_of_the_observed_information():
    """Against second differences of a dense likelihood of the stacked rows."""
    from scipy.stats import multivariate_normal

    data = pd.read_csv(ORACLE / "data" / "moderate.csv")
    fit = twolevel.fit(CASES.loc["moderate__one_slope", "text"], data, "cluster")
    order = list(fit.model.names)

    def negative(theta):
        v = dict(zip(order, theta, strict=True))
        total = 0.0
        g = np.array([[v["y~~y.l2"], v["s~~y.l2"]], [v["s~~y.l2"], v["s~~s.l2"]]])
        for _, rows in data.groupby("cluster"):
            z = np.column_stack([np.ones(len(rows)), rows["x"]])
            cov = z @ g @ z.T + v["y~~y"] * np.eye(len(rows))
            total -= multivariate_normal(z @ [v["y~1.l2"], v["s~1.l2"]], cov).logpdf(rows["y"])
        return total

    theta = fit.solution.theta
    assert negative(theta) == pytest.approx(-fit.loglik, abs=1e-8)
    steps = 1e-3 * np.sqrt(np.diag(fit.vcov))
    k = len(theta)
    hessian = np.empty((k, k))
    for i in range(k):
        for j in range(k):
            a, b = np.eye(k)[i] * steps[i], np.eye(k)[j] * steps[j]
            four = [negative(theta + s * a + t * b) for s in (1, -1) for t in (1, -1)]
            hessian[i, j] = (four[0] - four[1] - four[2] + four[3]) / (4 * steps[i] * steps[j])
    np.testing.assert_allclose(
        np.sqrt(np.diag(fit.vcov)), np.sqrt(np.diag(np.linalg.inv(hessian))), rtol=1e-3
    )


#: Seed, log-likelihood by lme4 1.1.31 with its usual search (nloptwrap) and with bobyqa as in fit_lme4.R.
TWO_ENDS = [
    (105, -94.713104, -95.423521),
    (110, -86.601587, -86.677382),
    (114, -93.787024, -93.429568),
]


@pytest.mark.parametrize(("seed", "usual", "bobyqa"), TWO_ENDS)
def test_where_one_search_of_lme4_stops_at_a_lower_maximum_ours_is_the_higher_one(seed, usual, bobyqa):
    """y ~ x + t + (1 + x + t | cluster), 15 clusters: its two searches part, and the joint density decides."""
    from scipy.stats import multivariate_normal

    draw = runpy.run_path(str(ORACLE / "make_cases.py"))["draw"]
    data = draw((seed, 15, 2, 6, 0.5, 0.4, 0.4, 0.3, 0.0))
    fit = twolevel.fit(CASES.loc["moderate__two_slopes", "text"], data, "cluster")
    assert fit.converged and fit.admissible
    assert abs(usual - bobyqa) > 0.05
    assert fit.loglik == pytest.approx(max(usual, bobyqa), abs=2e-6)
    v, names = fit.values, ("y", "s", "r")
    g = np.array([[v.get(f"{one}~~{two}.l2", v.get(f"{two}~~{one}.l2")) for two in names] for one in names])
    means = [v[f"{name}~1.l2"] for name in names]
    total = 0.0
    for _, rows in data.groupby("cluster"):
        z = np.column_stack([np.ones(len(rows)), rows["x"], rows["t"]])
        cov = z @ g @ z.T + v["y~~y"] * np.eye(len(rows))
        total += multivariate_normal(z @ means, cov).logpdf(rows["y"])
    assert fit.loglik == pytest.approx(total, abs=1e-7)
