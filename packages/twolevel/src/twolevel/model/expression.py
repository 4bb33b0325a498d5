"""Arithmetic expressions of labels, as in `indirect := a*b`: read without `eval`, evaluated on numbers or arrays."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

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


class Expression:
    """An arithmetic expression of labels: + - * / ** (or ^), sqrt, exp, log, abs, min, max.

    Parameters
    ----------
    text : str
        Such as ``a*b + c``.

    Raises
    ------
    ModelSyntaxError
        If the text is not such an expression.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self.tree = ast.parse(text.replace("^", "**").strip(), mode="eval").body
        except SyntaxError:
            raise ModelSyntaxError(f"{text!r} is not an expression of labels such as a*b + c") from None
        self.names: tuple[str, ...] = tuple(dict.fromkeys(self._collect(self.tree)))

    def _collect(self, node: ast.AST) -> list[str]:
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return []
        if isinstance(node, ast.Name):
            return [node.id]
        if isinstance(node, ast.Attribute):  # labels may hold dots, as in lavaan
            return [ast.unparse(node)]
        if isinstance(node, ast.BinOp) and isinstance(
            node.op, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.Pow
        ):
            left, right = self._collect(node.left), self._collect(node.right)
            if isinstance(node.op, ast.Div) and not right and not self._evaluate(node.right, {}):
                raise ModelSyntaxError(f"{self.text!r}: {ast.unparse(node)!r} divides by zero")
            return left + right
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.UAdd | ast.USub):
            return self._collect(node.operand)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            least, most = _FUNCTIONS[node.func.id][1:]
            if node.keywords or not least <= len(node.args) <= most:
                wanted = "one argument" if most == 1 else "two arguments or more"
                raise ModelSyntaxError(
                    f"{self.text!r}: {ast.unparse(node)!r} is not allowed; {node.func.id} takes {wanted}"
                )
            return [name for argument in node.args for name in self._collect(argument)]
        raise ModelSyntaxError(
            f"{self.text!r}: {ast.unparse(node)!r} is not allowed; use labels, numbers, + - * / ^ and "
            f"{', '.join(_FUNCTIONS)}"
        )

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Value at the labels' values (floats or arrays of one shape).

        Raises
        ------
        ExpressionError
            Division by zero, or a power too large for a number.
        """
        try:
            return self._evaluate(self.tree, values)
        except (ZeroDivisionError, OverflowError) as error:
            what = "divides by zero" if isinstance(error, ZeroDivisionError) else "is too large a number"
            at = ", ".join(f"{name} = {values[name]:.6g}" for name in self.names)
            raise ExpressionError(f"{self.text!r} {what}" + (f" at {at}" if at else "")) from None

    def _evaluate(self, node: ast.AST, values: Mapping[str, Any]) -> Any:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name | ast.Attribute):
            return values[ast.unparse(node)]
        if isinstance(node, ast.UnaryOp):
            value = self._evaluate(node.operand, values)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp):
            left, right = self._evaluate(node.left, values), self._evaluate(node.right, values)
            match node.op:
                case ast.Add():
                    return left + right
                case ast.Sub():
                    return left - right
                case ast.Mult():
                    return left * right
                case ast.Div():
                    if np.ndim(right) == 0 and right == 0:  # numpy's numbers would give infinity
                        raise ZeroDivisionError
                    return left / right
                case _:
                    power = left**right
                    return np.nan if isinstance(power, complex) else power  # a root of a negative number
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return _FUNCTIONS[node.func.id][0](*(self._evaluate(argument, values) for argument in node.args))
