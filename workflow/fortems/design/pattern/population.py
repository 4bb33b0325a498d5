"""What a population's correlations amount to: effects, and which aspect stands out.

With total variances 1 and x → m → y by least squares,

    a = r(x, m),   b = (r(m, y) - r(x, m) r(x, y)) / (1 - r(x, m)²),   c' = (r(x, y) - r(x, m) r(m, y)) / (1 - r(x, m)²),

the total effect is r(x, y) = ab + c' and the share mediated ab / r(x, y).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event, Roles
from fortems.stats.arrays import Array, Bools

SMALL = 0.10  # |c'| below it counts as next to no direct path
HALF = 0.50
PROBABILITIES = ("beats", "small_direct", "mostly_mediated")


@dataclass(frozen=True)
class Quantity:
    """Something about a population that a posterior is given for.

    Attributes
    ----------
    kind : str
        ``correlation, indirect, direct``, or of ``PROBABILITIES``: ``beats`` (r(x, mediator) exceeds r(y, mediator)),
        ``small_direct`` (|c'| of x below ``SMALL``), ``mostly_mediated`` (more than ``HALF`` of x's relation).
    x, y : str
        Variables; for effects x is the predictor and y empty.
    """

    kind: str
    x: str
    y: str = ""

    @property
    def name(self) -> str:
        """A name for tables: ``correlation x y``."""
        return " ".join(part for part in (self.kind, self.x, self.y) if part)

    @property
    def named(self) -> dict[str, str]:
        """The columns of a table that name it."""
        return {"quantity": self.name, "kind": self.kind, "x": self.x, "y": self.y}

    @property
    def is_probability(self) -> bool:
        """Whether its mean is a probability."""
        return self.kind in PROBABILITIES


def standing_out(event: Event) -> list[str]:
    """Aspects that the pattern says are mediated, while it does not say so of all."""
    found = [
        name
        for name in event.roles.aspects
        if any(s.x == name and s.kind in (kernel.FULL, kernel.INDIRECT) for s in event.statements)
    ]
    return found if len(found) < len(event.roles.aspects) else []


def quantities(event: Event) -> list[Quantity]:
    """All quantities that a posterior is given for."""
    roles = event.roles
    names = (*roles.predictors, roles.mediator, roles.outcome)
    found = [
        Quantity("correlation", x, y)
        for i, x in enumerate(names)
        for y in names[i + 1 :]
        if not _part(roles, x, y)
    ]
    stars = standing_out(event)
    for x in roles.predictors:
        found += [Quantity("indirect", x), Quantity("direct", x)]
    found += [
        Quantity("beats", star, other) for star in stars for other in roles.aspects if other not in stars
    ]
    for x in (roles.total, *stars):
        found += [Quantity("small_direct", x), Quantity("mostly_mediated", x)]
    return found


def _part(roles: Roles, x: str, y: str) -> bool:
    return x == roles.total and y in roles.aspects


def correlate(covariances: Array) -> Array:
    """Correlations (..., C, C) of covariances."""
    spread = np.sqrt(np.einsum("...ii->...i", covariances))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(covariances / spread[..., :, None] / spread[..., None, :])


def whole(correlations: Array, roles: Roles) -> Array:
    """Correlations of all columns (D, C, C) from those of the base variables (D, p, p)."""
    weights = roles.weights()
    return correlate(weights @ correlations @ weights.T)


def effects(r: Array, x: int, m: int, y: int) -> tuple[Array, Array, Array]:
    """Standardized a, b, c' (D,) of correlations (D, C, C)."""
    xm, my, xy = r[:, x, m], r[:, m, y], r[:, x, y]
    left = 1 - xm**2
    return xm, (my - xm * xy) / left, (xy - xm * my) / left


def values(correlations: Array, event: Event, asked: list[Quantity]) -> Array:
    """Quantities (D, Q) of populations (D, p, p); probabilities as 0 or 1.

    Parameters
    ----------
    correlations : ndarray (D, p, p)
        Of the base variables.
    event : Event
    asked : list of Quantity
    """
    return of_columns(whole(correlations, event.roles), event.roles, asked)


def of_columns(r: Array, roles: Roles, asked: list[Quantity]) -> Array:
    """The same from correlations of all columns (D, C, C), of populations or of studies."""
    place: Mapping[str, int] = {name: i for i, name in enumerate(roles.columns)}
    m, y = place[roles.mediator], place[roles.outcome]
    found = np.empty((len(r), len(asked)))
    for column, quantity in enumerate(asked):
        x = place[quantity.x]
        if quantity.kind == "correlation":
            found[:, column] = r[:, x, place[quantity.y]]
        elif quantity.kind == "beats":
            found[:, column] = r[:, x, m] > r[:, place[quantity.y], m]
        else:
            a, b, direct = effects(r, x, m, y)
            found[:, column] = _effect(quantity.kind, a, b, direct, r[:, x, y])
    return found


def _effect(kind: str, a: Array, b: Array, direct: Array, total: Array) -> Array | Bools:
    if kind == "indirect":
        return a * b
    if kind == "direct":
        return direct
    if kind == "small_direct":
        return np.abs(direct) < SMALL
    with np.errstate(divide="ignore", invalid="ignore"):
        return a * b / total > HALF
