"""Expressions of labels: Python's own arithmetic is the oracle; labels are any names the model text allows."""

import math
import random

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel import errors
from twolevel.model.expression import Expression
from twolevel_samples import draw

VALUES = {"a": 1.3, "b": 0.7, "c": 2.1}


def text_of(rng: random.Random, depth: int) -> str:
    kind = rng.random()
    if depth == 0 or kind < 0.25:
        return rng.choice(["a", "b", "c", "2", "0.5", "1e-1"])
    if kind < 0.7:
        return (
            text_of(rng, depth - 1)
            + rng.choice([" + ", "-", "*", "/", "**", " - -"])
            + text_of(rng, depth - 1)
        )
    if kind < 0.8:
        return "-" + text_of(rng, depth - 1)
    if kind < 0.9:
        return f"({text_of(rng, depth - 1)})"
    return f"max({text_of(rng, depth - 1)}, {text_of(rng, depth - 1)})"


def test_values_are_those_of_pythons_arithmetic():
    rng, compared = random.Random(1), 0
    for _ in range(3000):
        text = text_of(rng, 4)
        try:
            wanted = eval(text, {"max": max}, dict(VALUES))
        except ArithmeticError:
            continue
        if isinstance(wanted, complex):
            continue
        found = Expression(text)(VALUES)
        assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True), text
        compared += 1
    assert compared > 2500


def test_arrays_are_taken_elementwise():
    a, b = np.arange(1.0, 4), np.arange(3.0)
    np.testing.assert_array_equal(Expression("a^2 - min(a, b, 1)")({"a": a, "b": b}), a**2 - np.minimum(b, 1))


def test_labels_of_any_letters():
    expression = Expression("lambda + in*a.1 - \u00b5^is")
    assert expression.names == ("lambda", "in", "a.1", "\u00b5", "is")
    assert expression({"lambda": 1, "in": 2, "a.1": 3, "\u00b5": 2, "is": 2}) == 3


def test_labels_of_any_letters_and_blocks_in_any_case_in_a_model():
    text = (
        "Level: 1\n m ~ lambda*x\n y ~ in*m + a.1*x\nLEVEL: Between\n x ~~ m + y\n m ~~ y\n"
        "\u00b5 := lambda*in\n and := \u00b5 + a.1\n"
    )
    fit = twolevel.fit(text, draw(3, clusters=30), "cluster")
    values = fit.values
    assert values["\u00b5"] == values["lambda"] * values["in"]
    assert values["and"] == values["\u00b5"] + values["a.1"]
    assert math.isfinite(fit.delta("and")[1])


@pytest.mark.parametrize("count", [1000, 20_000])
def test_long_and_deep_expressions_do_not_recurse(count):
    names = [f"a{k}" for k in range(count)]
    assert Expression(" + ".join(names))(dict.fromkeys(names, 1.0)) == count
    assert Expression("(" * count + "a" + ")" * count)({"a": 2.0}) == 2
    assert Expression("-" * count + "a")({"a": 2.0}) == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a b",
        "(a",
        "a)",
        "()",
        "a, b",
        "*a",
        "2a",
        "a**",
        "max(a,)",
        "max(, a)",
        "min(a b, c)",
        "a[0]",
        "f(a)",
        "exp(a)(b)",
        "'a'",
        "a = b",
        "a if b else c",
        "a; b",
        "a\\b",
        "max(a, 1, key=a)",
        "a/(2 - 2)",
    ],
)
def test_what_is_no_expression_is_refused_by_its_text(text):
    with pytest.raises(errors.ModelSyntaxError) as caught:
        Expression(text)
    assert repr(text.strip()) in str(caught.value)


def test_a_keyword_that_is_no_label_is_an_unknown_label():
    with pytest.raises(errors.UnknownParameterError, match="names 'True'"):
        twolevel.Model("level: 1\ny ~ a*x\nlevel: 2\ny ~~ y\nq := True*a")


MODEL = "level: 1\n m ~ x\n y ~ m + x\nlevel: 2\n x ~~ m + y\n m ~~ y\n"


@pytest.mark.parametrize("missing", ["listwise", "ml"])
@pytest.mark.parametrize("bounds", ["psd", "none"])
@pytest.mark.parametrize("factor", [1e-150, 1e-40, 1e40, 1e150])
def test_units_beyond_a_computers_numbers_are_refused_by_name(factor, bounds, missing):
    frame = draw(3, clusters=30)
    frame["y"] *= factor
    with pytest.raises(errors.ScaleError, match=r"'y'.*power of ten"):
        twolevel.fit(MODEL, frame, "cluster", bounds=bounds, missing=missing)


@pytest.mark.parametrize("factor", [1e-10, 1e10])
def test_units_that_a_computer_can_hold_change_nothing(factor):
    frame = draw(3, clusters=60, icc=0.3)
    plain, scaled = (
        twolevel.fit(MODEL, data, "cluster", bounds="none")
        for data in (frame, frame.assign(y=frame["y"] * factor))
    )
    assert scaled.converged
    assert scaled.coef["y~m"] == pytest.approx(plain.coef["y~m"] * factor, rel=1e-5)
    assert scaled.loglik == pytest.approx(plain.loglik - len(frame) * math.log(factor), abs=1e-5)


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_variables_that_nearly_are_each_others_are_named(missing):
    """Correlated at 1 - 5e-9."""
    frame: pd.DataFrame = draw(3, clusters=30)
    noise = np.random.default_rng(0).normal(size=len(frame))
    frame["m"] = frame["x"] + math.sqrt(1e-8) * frame["x"].std() * noise
    with pytest.raises(errors.CollinearVariablesError, match=r"linear combination of (m|x)"):
        twolevel.fit(MODEL, frame, "cluster", missing=missing)
