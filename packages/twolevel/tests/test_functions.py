"""Functions of the estimates: the same in any units, and with all that follows from the free parameters."""

import numpy as np
import pytest
import twolevel
from twolevel_samples import TEXTS, draw

FRAME = draw(8, clusters=60, largest=8, icc=0.3)
THREE = TEXTS["partial"].replace("b*m + x", "b*m + c*x")


def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def fit():
    return twolevel.fit(THREE, FRAME, "cluster")


@pytest.mark.parametrize(("x", "y"), [(3e3, 3e3), (1e7, 1e7), (1e-7, 1e-7), (1e7, 1e-6), (1e-5, 1e8)])
def test_intervals_do_not_depend_on_the_units(fit, x, y):
    scaled = twolevel.fit(THREE, FRAME.assign(x=FRAME["x"] * x, y=FRAME["y"] * y), "cluster")
    wanted, found = (f.monte_carlo("a*b", 5000, rng()) for f in (fit, scaled))
    unit = y / x
    assert found.low / unit == pytest.approx(wanted.low, rel=1e-5)
    assert found.high / unit == pytest.approx(wanted.high, rel=1e-5)
    assert scaled.delta("indirect")[1] / unit == pytest.approx(fit.delta("indirect")[1], rel=1e-5)


def test_callables_are_given_defined_parameters_and_aliases_anew(fit):
    assert fit.delta(lambda v: v["indirect"]) == fit.delta("a*b")
    assert fit.monte_carlo(lambda v: v["indirect"], 500, rng()) == fit.monte_carlo("a*b", 500, rng())
    equal = twolevel.fit(THREE + "a == b", FRAME, "cluster")
    assert equal.delta(lambda v: v["b"])[1] == equal.row("a")["se"] > 0
    assert equal.monte_carlo(lambda v: v["b"], 500, rng()) == equal.monte_carlo("a", 500, rng())
    assert equal.delta(lambda v: v["indirect"]) == equal.delta("a^2")


def test_a_parameter_that_a_small_step_does_not_move_is_drawn_too():
    """At c < 0 the value of max(c, 0) stands still, but draws of c reach beyond 0."""
    near = twolevel.fit(THREE, draw(9, clusters=60, largest=8, icc=0.3), "cluster")
    assert -1 < near.coef["c"] / near.row("c")["se"] < 0
    interval = near.monte_carlo("3*max(c, 0) + b", 20_000, rng())
    matrix = near.vcov.loc[["b", "c"], ["b", "c"]].to_numpy()
    draws = rng().multivariate_normal([near.coef["b"], near.coef["c"]], matrix, 200_000)
    assert interval.se == pytest.approx((3 * np.maximum(draws[:, 1], 0) + draws[:, 0]).std(), rel=0.02)
    assert interval.se > 1.05 * near.row("b")["se"]
    by_callable = near.monte_carlo(lambda v: 3 * np.maximum(v["c"], 0) + v["b"], 20_000, rng())
    assert by_callable == interval


@pytest.mark.parametrize(
    "function",
    [
        lambda v: v.copy()["a"] * v["b"],
        lambda v: (v | {"q": 1.0})["a"] * v["b"],
        lambda v: {**v}["a"] * v["b"],
        lambda v: (lambda a, b, **_: a * b)(**v),
        lambda v: v.get("a") * v["b"],
        lambda v: dict(v.items())["a"] * v["b"],
    ],
)
def test_a_callable_may_take_the_names_as_it_likes(fit, function):
    """What it does not use is not drawn: other parameters may lack standard errors."""
    assert fit.monte_carlo(function, 500, rng()) == fit.monte_carlo("a*b", 500, rng())
    assert fit.delta(function) == fit.delta("a*b")
