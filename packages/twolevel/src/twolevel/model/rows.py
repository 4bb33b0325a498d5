"""The rows of the parameter table."""

from __future__ import annotations

from dataclasses import dataclass

from .syntax import BETWEEN


@dataclass(frozen=True)
class Row:
    """One row of the parameter table.

    Attributes
    ----------
    level : int
        0 within, 1 between.
    lhs, op, rhs : str
        As in lavaan; `~1` with empty `rhs` is a mean or intercept.
    label : str
        The user's label, or empty.
    fixed : float or None
        The value of a fixed parameter; None if free.
    start : float or None
        The user's starting value.
    """

    level: int
    lhs: str
    op: str
    rhs: str
    label: str = ""
    fixed: float | None = None
    start: float | None = None

    @property
    def key(self) -> str:
        """The row's own name: `y~x`, `y~1`, with `.l2` at the between level as in lavaan."""
        return f"{self.lhs}{self.op}{self.rhs}" + (".l2" if self.level == BETWEEN else "")

    @property
    def name(self) -> str:
        return self.label or self.key
