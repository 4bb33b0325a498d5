"""Starting values and fixed values outside the domain: a maximum where there is one, a named error where not."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from scipy.optimize import minimize
from twolevel.errors import ModelError

FRAME = pd.read_csv(Path(__file__).parent / "reference/lavaan/data/icc_small_small.csv")
TEXT = "level: 1\n m ~ x\n y ~ m + x\n{within}\nlevel: 2\n x ~~ {cov}m + y\n m ~~ y\n{between}"


def fit(cov="", within="", between="", **options):
    return twolevel.fit(TEXT.format(cov=cov, within=within, between=between), FRAME, "cluster", **options)


@pytest.fixture(scope="module")
def plain():
    return fit()


@pytest.mark.parametrize("value", [0.1, 0.2, 0.5])
def test_a_fixed_covariance_that_the_usual_start_does_not_admit(plain, value):
    """The maximum under psd with x ~~ value*m: that over S = L L' with L21 = value / L11."""
    found = fit(cov=f"{value}*")
    assert found.converged and found.admissible
    names = ["x", "m", "y"]
    cells = [(i, j) for j in range(3) for i in range(j, 3) if (i, j) != (1, 0)]
    at = [found.model.position(f"{names[i]}~~{names[j]}.l2") for i, j in cells]
    others = np.setdiff1d(np.arange(found.n_parameters), at)
    units = found.objective.units

    def theta(phi):
        lower = np.zeros((3, 3))
        lower[0, 0], lower[1, 1], lower[2, :] = phi[0], phi[1], phi[2:5]
        lower[1, 0] = value / phi[0]
        s = lower @ lower.T
        out = np.empty(found.n_parameters)
        out[others] = phi[5:] * units[others]
        out[at] = [s[c] for c in cells]
        return out

    start = np.concatenate([[0.6, 0.6, 0.0, 0.0, 0.3], found.solution.theta[others] / units[others]])
    best = minimize(lambda phi: found.objective(theta(phi))[0], start, method="BFGS", options={"gtol": 1e-6})
    assert found.loglik == pytest.approx(-best.fun, abs=2e-4)
    test = plain.profile("x~~m.l2", value)
    assert test.converged and test.loglik == pytest.approx(found.loglik, abs=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {"cov": "start(0.2)*"},
        {"cov": "start(-2)*"},
        {"within": "m ~~ start(0)*m"},
        {"within": "y ~~ start(-3)*y"},
        {"between": "x ~~ start(-1)*x"},
    ],
)
@pytest.mark.parametrize("bounds", ["psd", "none"])
def test_starting_values_outside_the_domain_are_replaced(options, bounds):
    found = fit(**options, bounds=bounds)
    assert found.converged
    assert found.loglik == pytest.approx(fit(bounds=bounds).loglik, abs=1e-6)
    assert "outside the domain" in found.message and "others taken" in found.message


def test_unidentified_model_with_a_start_outside_the_domain_is_no_crash():
    found = fit(within="x ~~ start(2)*y")
    assert "not identified" in found.message and "x~~y" in found.message


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"within": "y ~~ 0*y"}, r"with y~~y = 0 no covariance matrix of level 1 \(within\)"),
        ({"within": "y ~~ -1*y"}, "y~~y = -1"),
        ({"within": "x ~~ 1*x\nm ~~ 1*m\nx ~~ 3*m"}, "x~~x = 1, m~~m = 1, x~~m = 3"),
        ({"between": "y ~~ -1*y"}, "y~~y.l2 = -1"),
        ({"between": "w ~~ 0*w"}, "w~~w.l2 = 0"),
        ({"within": "m ~ 1*y\ny ~ 1*m"}, "y~m = 1, m~y = 1|m~y = 1, y~m = 1"),
    ],
)
@pytest.mark.parametrize("bounds", ["psd", "none"])
def test_fixed_values_without_a_definite_matrix_are_named(options, match, bounds):
    frame = FRAME.assign(w=FRAME.groupby("cluster")["x"].transform("mean"))
    text = TEXT.format(**{"cov": "", "within": "", "between": ""} | options)
    with pytest.raises(ModelError, match=match):
        twolevel.fit(text, frame, "cluster", bounds=bounds)


def test_a_variance_of_zero_asks_for_its_covariances():
    with pytest.raises(ModelError, match=r"y~~y.l2 = 0 makes x~~y.l2, m~~y.l2 zero"):
        fit(between="y ~~ 0*y")
    text = "level: 1\n m ~ x\n y ~ m + x\nlevel: 2\n x ~~ m\n y ~~ 0*y"
    assert twolevel.fit(text, FRAME, "cluster").converged


def test_profile_outside_the_domain_and_at_its_end(plain):
    for name, value in (("y~~y", 0.0), ("y~~y", -1.0), ("x~~x.l2", -0.1)):
        test = plain.profile(name, value)
        assert not test.converged and np.isnan([test.statistic, test.p, test.loglik]).all()
    zero = plain.profile("x~~x.l2", 0.0)
    text = "level: 1\n m ~ x\n y ~ m + x\nlevel: 2\n m ~~ y\n x ~~ 0*x"
    assert zero.loglik == pytest.approx(twolevel.fit(text, FRAME, "cluster").loglik, abs=1e-7)
    far = plain.profile("x~~m.l2", 10.0)
    assert far.converged and far.statistic > 50


def test_profile_intervals_reach_the_end_of_the_domain(plain):
    interval = plain.profile_interval("x~~x.l2")
    assert interval.low == 0 and "end of the domain" in interval.message
    assert plain.profile("x~~x.l2", interval.high).p == pytest.approx(0.05, abs=1e-4)
    for name in ("x~~m.l2", "x~~y.l2"):
        both = plain.profile_interval(name)
        for bound in (both.low, both.high):
            assert plain.profile(name, bound).p == pytest.approx(0.05, abs=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        free = fit(bounds="none").profile_interval("x~~x.l2")
    assert free.low < free.estimate < 0 < free.high


@pytest.mark.parametrize("value", [1e-6, 1e-4])
def test_a_small_fixed_variance_is_no_impossible_one(value):
    """A residual held near zero, far below the total variance, as is usual on scales from 0 to 100."""
    found = fit(between=f"y ~~ {value}*y")
    larger = fit(between=f"y ~~ {10 * value}*y")
    assert found.converged and larger.converged
    assert found.loglik == pytest.approx(larger.loglik, abs=0.2)
    assert np.isfinite(found.bootstrap(10, np.random.default_rng(1)).estimates).any(axis=None)


def test_a_fixed_correlation_near_one_fits():
    text = TEXT.format(cov="0.99999*", within="", between="x ~~ 1*x\nm ~~ 1*m")
    assert twolevel.fit(text, FRAME, "cluster").converged
