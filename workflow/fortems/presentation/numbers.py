"""The one formatter of numbers, after the APA manual (7th ed., 6.32–6.52).

No leading zero for what cannot exceed one (correlations, p, ICC, reliability, proportions), a leading zero for
the rest, a true minus, ``< .001`` for small p, degrees of freedom with one decimal unless whole. Rounding never
hides a verdict: a p that would round onto .05, and an interval's end that would round onto zero, get further
decimals.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from numbers import Real
from typing import Any

from fortems.study.variables import label

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"
ABSENT = "\N{EM DASH}"
MOST_DECIMALS = 6
SMALLEST_P = 0.001
ALPHA = 0.05


def is_absent(value: object) -> bool:
    """Whether a cell holds nothing: None, an empty text, not-a-number."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return isinstance(value, Real) and not isinstance(value, bool) and math.isnan(float(value))


def fixed(value: float, decimals: int, leading_zero: bool = True) -> str:
    """Write with a fixed number of decimals, a true minus and no negative zero.

    Rounds half to even on the decimal text of ten significant digits, so that the last bits of a computation,
    which results files do not carry either, cannot change a printed digit.
    """
    number = _quantized(value, decimals)
    text = f"{abs(number):f}"
    if not leading_zero and text.startswith("0."):
        text = text[1:]
    return f"{MINUS}{text}" if number < 0 else text


def rounded(value: float, decimals: int) -> float:
    """Return the number that ``fixed`` writes."""
    return float(_quantized(value, decimals)) + 0.0  # no negative zero


def _quantized(value: float, decimals: int) -> Decimal:
    return Decimal(f"{float(value):.10g}").quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)


def coefficient(value: float, decimals: int = 2) -> str:
    """Write an unstandardized or standardized coefficient: two decimals, leading zero."""
    return fixed(value, decimals)


def bounded(value: float, decimals: int = 2) -> str:
    """Write what cannot exceed one in size: no leading zero, unless it rounds to one."""
    return fixed(value, decimals, leading_zero=False)


def _apart(value: float, landmark: float, decimals: int, write: Callable[[float, int], str]) -> str:
    """Write with as many decimals as it takes to tell the value from a landmark that it is not."""
    while (
        decimals < MOST_DECIMALS and value != landmark and write(value, decimals) == write(landmark, decimals)
    ):
        decimals += 1
    return write(value, decimals)


def end(value: float, decimals: int = 2) -> str:
    """Write an interval's end, told apart from zero."""
    return _apart(float(value), 0.0, decimals, coefficient)


def bounded_end(value: float, decimals: int = 2) -> str:
    """Write an interval's end of something bounded by one, told apart from zero."""
    return _apart(float(value), 0.0, decimals, bounded)


def p_value(value: float) -> str:
    """Write a p value without its sign of equality: ``.023``, ``< .001``, ``> .999``; told apart from .05."""
    if float(value) < SMALLEST_P:
        return f"< {bounded(SMALLEST_P, 3)}"
    if fixed(value, 3) == fixed(1.0, 3):
        return f"> {bounded(1 - SMALLEST_P, 3)}"
    return _apart(float(value), ALPHA, 3, bounded)


def p_statement(value: float) -> str:
    """Write a p value with its sign: ``= .023``, ``< .001``, ``> .999``."""
    text = p_value(value)
    return text if text.startswith(("<", ">")) else f"= {text}"


def degrees(value: float) -> str:
    """Write degrees of freedom: whole numbers as such, others with one decimal."""
    return fixed(value, 0 if abs(float(value) - round(float(value))) < 0.05 else 1)


def count(value: float) -> str:
    """Write a count with thousands separated by commas."""
    return f"{MINUS if value < 0 else ''}{abs(round(float(value))):,}"


def percent(value: float, decimals: int = 0) -> str:
    """Write a share as a percentage: ``.25`` is ``25%``."""
    return f"{fixed(100 * float(value), decimals)}%"


def share(value: float) -> str:
    """Write a share of studies: one decimal of a percentage, never 0.0% where there were some."""
    text = percent(value, 1)
    return f"< {percent(0.001, 1)}" if value > 0 and text == percent(0, 1) else text


def chance(value: float) -> str:
    """Write a probability in as few signs as a cell of a map holds: three decimals below .1."""
    return "0" if value < 0.0005 else bounded(value, 3 if value < 0.1 else 2)


def ratio(value: float) -> str:
    """Write a likelihood ratio: two decimals below ten, one below a hundred, none above; told apart from one."""
    size = abs(float(value))
    if math.isinf(size):
        return "∞"
    return _apart(float(value), 1.0, 2 if size < 10 else 1 if size < 100 else 0, fixed)


def plain(value: float) -> str:
    """Write a number of unknown kind: up to four significant digits beyond the point, a true minus."""
    digits = 10 if abs(value) >= 1000 else 4
    return f"{float(value):.{digits}g}".replace("-", MINUS)


def variable_names(value: str) -> str:
    """Write variables joined by semicolons by their labels."""
    return "; ".join(label(name) for name in str(value).split("; "))


def significant(value: float) -> str:
    """Write a small error or tolerance with two significant digits."""
    size = abs(float(value))
    if size == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(size)))
    return fixed(value, decimals) if decimals <= MOST_DECIMALS else f"{float(value):.1e}".replace("-", MINUS)


#: Styles of values that are words.
WORDS = ("text", "reason", "capitals", "variables", "w", "of")

STYLES: dict[str, Callable[[Any], str]] = {
    "b": coefficient,
    "end": end,
    "r": bounded,
    "r3": lambda value: bounded(value, 3),
    "rend": bounded_end,
    "p": p_value,
    "p=": p_statement,
    "df": degrees,
    "n": count,
    "%": percent,
    "%1": lambda value: percent(value, 1),
    "share": share,
    "m": coefficient,
    "m1": lambda value: fixed(value, 1),
    "chance": chance,
    "x": ratio,
    "e": significant,
    "w": lambda value: count_word(round(float(value))),
    "of": lambda value: count_word(round(float(value))) if value else "none",
    "text": str,
    "reason": lambda value: str(value).removeprefix("not fitted: "),
    "capitals": lambda value: str(value).replace("_", " ").upper(),
    "variables": variable_names,
    "number": plain,
}


def write(value: Any, style: str) -> str:
    """Write a value in a named style; a missing value is an em dash."""
    return ABSENT if is_absent(value) else STYLES[style](value)


_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def count_word(value: int) -> str:
    """Write a count as prose does: words below ten, digits from there on."""
    return _WORDS[value] if 0 <= value < len(_WORDS) else count(value)
