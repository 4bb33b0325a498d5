"""The formatter: APA style, and rounding that never hides a verdict."""

import math

import numpy as np
import pytest
from fortems.presentation import numbers


@pytest.mark.parametrize(
    ("value", "style", "text"),
    [
        (0.2345, "r", ".23"),
        (-0.2345, "r", "−.23"),
        (1.0, "r", "1.00"),
        (-0.001, "r", ".00"),
        (0.5, "b", "0.50"),
        (-12.345, "b", "−12.34"),
        (0.0312, "p", ".031"),
        (0.0009, "p", "< .001"),
        (0.0009, "p=", "< .001"),
        (0.0312, "p=", "= .031"),
        (0.04996, "p", ".04996"),
        (0.0503, "p", ".0503"),
        (0.05, "p", ".050"),
        (0.0004, "end", "0.0004"),
        (-0.0004, "rend", "−.0004"),
        (0.0, "end", "0.00"),
        (0.9983, "x", "0.998"),
        (1.0, "x", "1.00"),
        (19.46, "x", "19.5"),
        (72.0, "df", "72"),
        (17.36, "df", "17.4"),
        (12345, "n", "12,345"),
        (0.256, "%", "26%"),
        (0.2564, "%1", "25.6%"),
        (7, "w", "seven"),
        (12, "w", "12"),
        (0.241, "x", "0.24"),
        (43.2, "x", "43.2"),
        (math.inf, "x", "∞"),
        (0.00123, "e", "0.0012"),
        (4.174, "number", "4.174"),
        (-6.5, "m1", "−6.5"),
    ],
)
def test_styles(value, style, text):
    assert numbers.write(value, style) == text


@pytest.mark.parametrize("value", [None, math.nan, np.nan, ""])
def test_missing_is_a_dash(value):
    assert numbers.write(value, "b") == numbers.ABSENT


def test_no_digit_depends_on_the_last_bits():
    assert numbers.fixed(0.285, 2) == numbers.fixed(0.285 + 1e-16, 2) == numbers.fixed(0.285 - 1e-16, 2)


def test_no_hyphen_stands_for_a_minus():
    for style in ("b", "r", "end", "m1", "n", "x", "number"):
        assert "-" not in numbers.write(-3.0, style)
