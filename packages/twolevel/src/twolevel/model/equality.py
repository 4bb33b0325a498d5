"""What equality says of labels: which stand for one parameter, and which of those a fixed value holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import ModelError, UnknownParameterError, nearest
from .rows import Row


def representatives(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Each label that equals another -> the one label that stands for all of them (not listed itself)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while name in parent:
            name = parent[name]
        return name

    for left, right in pairs:
        a, b = root(left), root(right)
        if a != b:
            parent[b] = a
    return {name: root(name) for name in parent}


def check_labels(pairs: Iterable[tuple[str, str]], labels: Sequence[str], defined: Sequence[str]) -> None:
    """Refuse `==` between what are no labels of the model."""
    for left, right in pairs:
        for name in (left, right):
            if name in labels:
                continue
            if name in defined:
                raise UnknownParameterError(
                    f"{left} == {right} names {name!r}, a defined parameter; only labels can be set equal"
                )
            raise UnknownParameterError(
                f"{left} == {right} names {name!r}, which is no label of the model{nearest(name, labels)}"
            )


def hold(rows: Sequence[Row], equal: Mapping[str, str]) -> tuple[Row, ...]:
    """Fix every row whose label equals that of a fixed row at the fixed value.

    Raises
    ------
    ModelError
        Two different values for what is said to be equal.
    """
    held: dict[str, Row] = {}
    for row in rows:
        if not row.label or row.fixed is None:
            continue
        first = held.setdefault(equal.get(row.label, row.label), row)
        if first.fixed != row.fixed:
            same = f"label {row.label!r}" if row.label == first.label else f"{first.label} == {row.label}"
            raise ModelError(
                f"{first.key} is fixed at {first.fixed:g} and {row.key} at {row.fixed:g}, but {same} makes them equal; "
                "fix both at one value or part the labels"
            )
    return tuple(
        replace(row, fixed=held[name].fixed)
        if row.label and row.fixed is None and (name := equal.get(row.label, row.label)) in held
        else row
        for row in rows
    )
