"""Arithmetic expressions of labels, as in `indirect := a*b`: read without `eval`, evaluated on numbers or arrays.

The text is put into postfix order (Dijkstra's shunting yard), so that neither reading nor evaluating recurses: a sum
of thousands of labels is as good as one of two. Labels are any names that the model text allows (`lambda`, `in`,
`a.1`, `µ`), which Python's own grammar would refuse or rewrite.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from ..errors import ExpressionError, ModelSyntaxError

# Each with the least and the largest number of its arguments.
_FUNCTIONS: dict[str, tuple[Callable[..., Any], int, float]] = {
    "sqrt": (np.sqrt, 1, 1),
    "exp": (np.exp, 1, 1),
    "log": (np.log, 1, 1),
    "abs": (np.abs, 1, 1),
    "min": (lambda *values: reduce(np.minimum, values), 2, np.inf),
    "max": (lambda *values: reduce(np.maximum, values), 2, np.inf),
}

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<name>[^\W\d][\w.]*)|(?P<sign>\*\*|[-+*/^(),]))"
)
# How tightly an operator binds, as in Python: -a^2 is -(a^2), a^-b and 2^3^2 = 2^9 are allowed.
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "negative": 3, "^": 4}
_NUMBER, _LABEL, _OPERATOR, _FUNCTION = "number", "label", "operator", "function"


class _Step(NamedTuple):
    """One step of the postfix program: a number, a label, an operator, or a function of `arity` arguments."""

    kind: str
    value: Any
    arity: int = 0


class Expression:
    """An arithmetic expression of labels: + - * / ** (or ^), sqrt, exp, log, abs, min, max.

    Parameters
    ----------
    text : str
        Such as ``a*b + c``.

    Attributes
    ----------
    names : tuple of str
        The labels, in the order of their first mention.

    Raises
    ------
    ModelSyntaxError
        If the text is not such an expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._program = _postfix(self.text)
        self.names: tuple[str, ...] = tuple(
            dict.fromkeys(step.value for step in self._program if step.kind == _LABEL)
        )
        _refuse_zero_divisors(self._program, self.text)

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Value at the labels' values (floats or arrays of one shape).

        Raises
        ------
        ExpressionError
            Division by zero, or a power too large for a number.
        """
        try:
            return _evaluate(self._program, values)
        except (ZeroDivisionError, OverflowError) as error:
            what = "divides by zero" if isinstance(error, ZeroDivisionError) else "is too large a number"
            at = ", ".join(f"{name} = {values[name]:.6g}" for name in self.names)
            raise ExpressionError(f"{self.text!r} {what}" + (f" at {at}" if at else "")) from None


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text)
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ModelSyntaxError(
                f"{text!r}: {text[at:].strip()[:20]!r} is not allowed; use labels, numbers, + - * / ^ and "
                f"{', '.join(_FUNCTIONS)}"
            )
        found.append((str(match.lastgroup), match[str(match.lastgroup)].replace("**", "^")))
        at = match.end()
    return found


def _postfix(text: str) -> list[_Step]:
    """The shunting yard: operands go out at once, operators wait for those that bind less tightly."""
    broken = ModelSyntaxError(f"{text!r} is not an expression of labels such as a*b + c")
    out: list[_Step] = []
    waiting: list[str] = []  # operators, "(" and names of functions before their "("
    counts: list[int] = []  # arguments so far of each open function
    tokens = _tokens(text)
    operand = False  # whether an operand has just ended

    def release(looser: int = 0) -> None:
        """Put out what waits since the last bracket and binds more tightly than ``looser``."""
        while waiting and _BINDS.get(waiting[-1], 0) > looser:
            sign = waiting.pop()
            out.append(_Step(_OPERATOR, sign, 1 if sign == "negative" else 2))

    for k, (kind, token) in enumerate(tokens):
        follows = tokens[k + 1][1] if k + 1 < len(tokens) else ""
        if kind in ("number", "name"):
            if operand:
                raise broken
            if kind == "name" and follows == "(":
                if token not in _FUNCTIONS:
                    raise ModelSyntaxError(
                        f"{text!r}: {token + '('!r} is not allowed; functions are {', '.join(_FUNCTIONS)}"
                    )
                waiting.append(token)
                continue
            out.append(_Step(_NUMBER, float(token)) if kind == "number" else _Step(_LABEL, token))
            operand = True
        elif token == "(":
            if operand:
                raise broken
            counts.append(1 if waiting and waiting[-1] in _FUNCTIONS else 0)
            waiting.append("(")
            if counts[-1] and follows == ")":
                counts[-1], operand = 0, True  # no argument at all, which its function refuses
                waiting[-1] = "()"
        elif token == ")":
            if not operand or not counts:
                raise broken
            if waiting[-1] == "()":
                waiting[-1] = "("
            release()
            waiting.pop()
            count = counts.pop()
            if waiting and waiting[-1] in _FUNCTIONS:
                name = waiting.pop()
                least, most = _FUNCTIONS[name][1:]
                if not least <= count <= most:
                    wanted = "one argument" if most == 1 else "two arguments or more"
                    raise ModelSyntaxError(f"{text!r}: {name} takes {wanted}, not {count or 'none'}")
                out.append(_Step(_FUNCTION, name, count))
        elif token == ",":
            if not operand or not counts or not counts[-1]:
                raise broken
            release()
            counts[-1] += 1
            operand = False
        elif operand:
            release(_BINDS[token] - (token != "^"))  # a power waits for the one after it: 2^3^2 = 2^9
            waiting.append(token)
            operand = False
        elif token in "+-":
            if token == "-":
                waiting.append("negative")
        else:
            raise broken
    if not operand or counts:
        raise broken
    release()
    return out


def _refuse_zero_divisors(program: list[_Step], text: str) -> None:
    """Refuse a division by numbers that make zero, whatever the labels are."""
    known: list[float | None] = []
    for step in program:
        if step.kind in (_NUMBER, _LABEL):
            known.append(step.value if step.kind == _NUMBER else None)
            continue
        arguments = [known.pop() for _ in range(step.arity)][::-1]
        if step.value == "/" and arguments[1] == 0:
            raise ModelSyntaxError(f"{text!r}: it divides by zero")
        value = None
        if None not in arguments:
            try:
                value = float(_apply(step, arguments))
            except (ArithmeticError, ValueError):
                value = None
        known.append(value)


def _evaluate(program: list[_Step], values: Mapping[str, Any]) -> Any:
    stack: list[Any] = []
    for step in program:
        if step.kind == _NUMBER:
            stack.append(step.value)
        elif step.kind == _LABEL:
            stack.append(values[step.value])
        else:
            arguments = stack[-step.arity :]
            del stack[-step.arity :]
            stack.append(_apply(step, arguments))
    return stack[0]


def _apply(step: _Step, arguments: list[Any]) -> Any:
    if step.kind == _FUNCTION:
        return _FUNCTIONS[step.value][0](*arguments)
    if step.value == "negative":
        return -arguments[0]
    left, right = arguments
    match step.value:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            if np.ndim(right) == 0 and right == 0:  # numpy's numbers would give infinity
                raise ZeroDivisionError
            return left / right
        case _:
            power = left**right
            return np.nan if isinstance(power, complex) else power  # a root of a negative number
