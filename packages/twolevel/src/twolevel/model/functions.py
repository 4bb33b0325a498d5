"""Functions of a model's named values, given as an expression of labels or as a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..errors import ExpressionError, UnknownParameterError, nearest
from .expression import Expression
from .model import Model

# Shares of a parameter's size by which it is moved to see whether a function depends on it.
STEPS = (0.01, -0.01, 1.0, -1.0, 10.0, -10.0)

Function = Callable[[Mapping[str, Any]], Any]


class Named:
    """A function of the free parameters: labels that equal them and defined parameters follow from those.

    Parameters
    ----------
    model : Model
    function : str or callable
        An expression of labels, or a function of a mapping name -> value of all named numbers.

    Raises
    ------
    ModelSyntaxError, UnknownParameterError
    """

    def __init__(self, model: Model, function: str | Function) -> None:
        self.model = model
        self.defined = {d.name: Expression(d.expression) for d in model.defined}
        self.function: Function = Expression(function) if isinstance(function, str) else function
        if isinstance(self.function, Expression):
            known = {*model.names, *model.fixed_labels, *model.equal, *self.defined}
            for name in self.function.names:
                if name not in known:
                    raise UnknownParameterError(f"{name!r} is no label of the model{nearest(name, known)}")

    def __call__(self, free: Mapping[str, Any]) -> Any:
        """Value at the free parameters (floats or arrays of one shape); what else the mapping holds is made anew."""
        return self.function(self.everything(free))

    def everything(self, free: Mapping[str, Any], strict: bool = True) -> dict[str, Any]:
        """All named numbers: free parameters, every label (also of fixed or equal ones), defined parameters.

        A defined parameter that has no value (a division by zero) is an error, or NaN if not `strict`.
        """
        found = {**self.model.fixed_labels, **free}
        for alias, target in self.model.equal.items():
            found[alias] = found[target]
        for name, define in self.defined.items():
            try:
                found[name] = define(found)
            except ExpressionError:
                if strict:
                    raise
                found[name] = np.nan
        return found

    def reads(self, free: Mapping[str, Any]) -> tuple[str, ...]:
        """The free parameters that the value depends on: those named in the expression, or that move the callable's value."""
        if not isinstance(self.function, Expression):
            return tuple(name for name in self.model.names if self._moves(free, name))
        found: set[str] = set()
        queue = list(self.function.names)
        while queue:
            name = queue.pop()
            name = self.model.equal.get(name, name)
            if name in self.defined:
                queue += self.defined[name].names
            found.add(name)
        return tuple(name for name in self.model.names if name in found)

    def _moves(self, free: Mapping[str, Any], name: str) -> bool:
        """Whether the value differs where a parameter is moved: far too, as `max(c, 0)` at c < 0 stands still at first."""
        base, unit = self(free), abs(free[name]) or 1.0
        for step in STEPS:
            try:
                if self({**free, name: free[name] + step * unit}) != base:
                    return True
            except (ArithmeticError, ExpressionError):
                return True
        return False
