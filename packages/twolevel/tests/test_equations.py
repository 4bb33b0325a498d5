"""Equations of expressions: against models written without them, and against a penalised search of the tests' own."""

import numpy as np
import pytest
import twolevel
from scipy.optimize import minimize
from twolevel_samples import draw, punch

FRAME = draw(11, clusters=70, largest=9, icc=0.35)
TEXT = """
level: 1
  m ~ a*x
  y ~ b*m + c*x
level: 2
  m ~ ab*x
  y ~ bb*m + cb*x
"""


def constrained(text: str, equation, jacobian_free: str, missing: str = "listwise"):
    """The maximum under an equation by elimination: `jacobian_free` is solved for from the others, then scipy."""
    frame = FRAME if missing == "listwise" else punch(FRAME, 2)
    model = twolevel.Model(text)
    free = twolevel.fit(model, frame, "cluster", bounds="none", missing=missing)
    names = list(model.names)
    others = [n for n in names if n != jacobian_free]
    objective = free.objective
    size = np.sqrt(np.diag(free.vcov))[[names.index(n) for n in others]]

    def theta(values):
        full = dict(zip(others, values * size, strict=True))
        full[jacobian_free] = equation(full)
        return np.array([full[n] for n in names])

    start = free.solution.theta[[names.index(n) for n in others]] / size
    found = minimize(
        lambda v: objective(theta(v))[0], start, method="BFGS", options={"gtol": 1e-8, "maxiter": 2000}
    )
    return found.fun


CASES = [
    ("a == 2*b", "a", lambda v: 2 * v["b"], lambda v: v["a"] - 2 * v["b"]),
    ("a + b == 1", "a", lambda v: 1 - v["b"], lambda v: v["a"] + v["b"] - 1),
    ("ab == a + 0.1", "ab", lambda v: v["a"] + 0.1, lambda v: v["ab"] - v["a"] - 0.1),
    ("a - ab == (b - bb)/2", "a", lambda v: v["ab"] + (v["b"] - v["bb"]) / 2, lambda v: v["a"] - v["ab"] - (v["b"] - v["bb"]) / 2),
]  # fmt: skip


@pytest.mark.parametrize("missing", ["listwise", "ml"])
@pytest.mark.parametrize("bounds", ["psd", "none"])
@pytest.mark.parametrize("case", CASES, ids=[c[0] for c in CASES])
def test_the_maximum_under_an_equation(case, bounds, missing):
    text, eliminated, solve, gap = case
    frame = FRAME if missing == "listwise" else punch(FRAME, 2)
    fit = twolevel.fit(TEXT + text, frame, "cluster", bounds=bounds, missing=missing)
    assert fit.converged, fit.message
    assert abs(gap(fit.coef)) < 1e-10
    value = constrained(TEXT, solve, eliminated, missing)
    assert fit.loglik >= -value - 1e-7
    assert fit.loglik == pytest.approx(-value, abs=1e-5)
    free = twolevel.fit(TEXT, frame, "cluster", bounds=bounds, missing=missing)
    assert free.n_parameters - fit.n_parameters == 1
    assert free.likelihood_ratio(fit).df == 1
    assert fit.delta("a*b")[1] > 0
    left, right = text.split("==")
    assert fit.delta(f"({left}) - ({right})")[1] == pytest.approx(0, abs=1e-5)


def test_one_label_alone_is_fixed():
    fit = twolevel.fit(TEXT + "c == 0", FRAME, "cluster")
    without = twolevel.fit(TEXT.replace(" + c*x", ""), FRAME, "cluster")
    assert fit.loglik == pytest.approx(without.loglik, abs=1e-8)
    assert fit.values["c"] == 0.0 and "c" not in fit.coef
    half = twolevel.fit(TEXT + "2*c == 0.5 + c", FRAME, "cluster")
    assert half.values["c"] == 0.5


def test_an_equation_of_equals_is_that_of_labels():
    one = twolevel.fit(TEXT + "a - ab == 0", FRAME, "cluster")
    two = twolevel.fit(TEXT + "a == ab", FRAME, "cluster")
    assert one.loglik == pytest.approx(two.loglik, abs=1e-7)
    assert one.n_parameters == two.n_parameters
    assert one.row("a")["se"] == pytest.approx(two.row("a")["se"], rel=1e-4)


def test_variances_may_be_in_equations():
    text = TEXT.replace("level: 2", "  m ~~ vm*m\n  y ~~ vy*y\nlevel: 2") + "vm == 0.8*vy"
    for bounds in ("psd", "none"):
        fit = twolevel.fit(text, FRAME, "cluster", bounds=bounds)
        assert fit.converged, fit.message
        assert fit.coef["vm"] == pytest.approx(0.8 * fit.coef["vy"], abs=1e-10)
    free = twolevel.fit(text.replace("vm == 0.8*vy", ""), FRAME, "cluster")
    assert free.loglik >= fit.loglik


def test_equations_follow_into_profiles_and_resampling():
    fit = twolevel.fit(TEXT + "a == 2*b\nindirect := a*b", FRAME, "cluster")
    test = fit.profile("a", 0.4)
    by_hand = twolevel.fit(TEXT + "a == 0.4\nb == 0.2", FRAME, "cluster")
    assert test.loglik == pytest.approx(by_hand.loglik, abs=1e-7)
    left = fit.jackknife().estimates
    np.testing.assert_allclose(left["a"], 2 * left["b"], atol=1e-9)


def test_equations_hold_for_random_slopes():
    text = 'level: 1\n y ~ rv("s")*x + b*m\nlevel: 2\n s ~ ms*1\n y ~~ s\nms == 2*b'
    fit = twolevel.fit(text, FRAME, "cluster")
    assert fit.converged
    assert fit.coef["ms"] == pytest.approx(2 * fit.coef["b"], abs=1e-10)


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("a*b == 1", twolevel.errors.UnsupportedError, "only linear"),
        ("a == b^2", twolevel.errors.UnsupportedError, "only linear"),
        ("a == 2*zz", twolevel.errors.UnknownParameterError, "'zz'"),
        ("a + b == 1\n2*a + 2*b == 3", twolevel.errors.ModelError, "contradicts"),
        ("a == 1\n2*a == 3", twolevel.errors.ModelError, "contradicts"),
        ("d := a*b\nd == 0", twolevel.errors.UnknownParameterError, "defined"),
        ("a == 1/b", twolevel.errors.UnsupportedError, "only linear"),
        ("a - a == 1", twolevel.errors.ModelError, "cannot hold"),
        ("a == 2*(b", twolevel.errors.ModelSyntaxError, "expression"),
    ],
)
def test_what_cannot_be_imposed_is_refused_by_name(text, error, match):
    with pytest.raises(error, match=match):
        twolevel.fit(TEXT + text, FRAME, "cluster")
