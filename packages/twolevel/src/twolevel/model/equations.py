"""Linear equations of labels: `a == 2*b`, `a + b == 1`, `c == 0`, across levels too.

Each is written sum of coefficient times label = constant. One that leaves a single label fixes it; the others restrict
the search to the affine space of their solutions (search/bounds.py), so they hold exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import ExpressionError, ModelError, UnknownParameterError, UnsupportedError, nearest
from .expression import Expression
from .rows import Row


@dataclass(frozen=True)
class Equation:
    """sum of coefficients[label] * label = constant; `text` as written."""

    text: str
    coefficients: tuple[tuple[str, float], ...]
    constant: float


def equations(
    pairs: Iterable[tuple[str, str]], labels: Sequence[str], defined: Sequence[str]
) -> tuple[Equation, ...]:
    """Read equations of expressions.

    Raises
    ------
    UnknownParameterError, UnsupportedError, ModelError
    """
    return tuple(_equation(left, right, labels, defined) for left, right in pairs)


def _equation(left: str, right: str, labels: Sequence[str], defined: Sequence[str]) -> Equation:
    text = f"{left} == {right}"
    sides = Expression(left), Expression(right)
    names = list(dict.fromkeys(n for side in sides for n in side.names))
    for name in names:
        if name in defined:
            raise UnknownParameterError(
                f"{text} names {name!r}, a defined parameter; write the equation in the labels that it is made of"
            )
        if name not in labels:
            raise UnknownParameterError(
                f"{text} names {name!r}, which is no label of the model{nearest(name, labels)}"
            )

    def gap(values: Mapping[str, float]) -> float:
        return float(sides[0](values) - sides[1](values))

    rng = np.random.default_rng(0)
    try:
        with np.errstate(all="ignore"):
            zero = gap(dict.fromkeys(names, 0.0))
            slopes = [gap({m: float(m == n) for m in names}) - zero for n in names]
            linear = True
            for _ in range(3):
                at = rng.uniform(-3, 3, len(names))
                value = gap(dict(zip(names, at.tolist(), strict=True)))
                size = 1.0 + abs(zero) + float(np.abs(at) @ np.abs(slopes))
                linear &= bool(abs(value - zero - at @ slopes) <= 1e-9 * size)
    except ExpressionError:
        linear = False
    if not linear:
        raise UnsupportedError(
            f"{text}: only linear equations of labels can be imposed, such as a == 2*b or a + b == 1; define the "
            "difference (d := ...) and test it, or fix one of the labels"
        )
    kept = tuple((n, float(s)) for n, s in zip(names, slopes, strict=True) if s != 0.0)
    if not kept and abs(zero) > 1e-12:
        raise ModelError(f"{text} cannot hold: no label is left in it")
    return Equation(text, kept, -float(zero))


def settle(
    rows: tuple[Row, ...], equal: Mapping[str, str], found: Sequence[Equation]
) -> tuple[tuple[Row, ...], tuple[Equation, ...]]:
    """Put fixed values in, fix what an equation leaves alone, until only equations of several free labels are left.

    Raises
    ------
    ModelError
        Fixed values contradict an equation.
    """
    left = list(found)
    while True:
        held = {equal.get(r.label, r.label): r.fixed for r in rows if r.label and r.fixed is not None}
        again: list[Equation] = []
        fixed: tuple[str, float] | None = None
        for entry in left:
            sums: dict[str, float] = {}
            constant = entry.constant
            for label, coefficient in entry.coefficients:
                name = equal.get(label, label)
                if name in held:
                    constant -= coefficient * held[name]
                else:
                    sums[name] = sums.get(name, 0.0) + coefficient
            free = {n: c for n, c in sums.items() if abs(c) > 1e-14}
            if not free:
                if abs(constant) > 1e-9 * (1.0 + abs(entry.constant)):
                    raise ModelError(f"{entry.text} contradicts the values at which its labels are fixed")
            elif len(free) == 1 and fixed is None:
                ((name, coefficient),) = free.items()
                fixed = (name, constant / coefficient)
            else:
                again.append(Equation(entry.text, tuple(free.items()), constant))
        if fixed is None:
            return rows, tuple(again)
        name, value = fixed
        rows = tuple(
            replace(r, fixed=value)
            if r.label and r.fixed is None and equal.get(r.label, r.label) == name
            else r
            for r in rows
        )
        left = again


def matrix(found: Sequence[Equation], names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """(R, c) of R theta = c over the free parameters, redundant rows left out.

    Raises
    ------
    ModelError
        No values satisfy all of them.
    """
    rows, constants = np.zeros((0, len(names))), np.zeros(0)
    for entry in found:
        row = np.zeros(len(names))
        for label, coefficient in entry.coefficients:
            row[list(names).index(label)] = coefficient
        size = np.linalg.norm(row)
        row, constant = row / size, entry.constant / size
        rest, more = row.copy(), constant
        if len(rows):
            weights = np.linalg.lstsq(rows.T, row, rcond=None)[0]
            rest, more = row - weights @ rows, constant - float(weights @ constants)
        if np.linalg.norm(rest) < 1e-9:
            if abs(more) > 1e-9 * (1.0 + abs(constant)):
                raise ModelError(f"{entry.text} contradicts the equations before it")
            continue
        rows, constants = np.vstack([rows, row]), np.append(constants, constant)
    return rows, constants
