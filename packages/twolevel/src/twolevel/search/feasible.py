"""A start inside the domain where the usual one is not, and what to say where there is none.

Fixed values and the user's starting values may leave covariance matrices that are not definite. The nearest point at
which they are is found by alternating projections (Higham, 2002, IMA J. Numer. Anal. 22, 329-343): raise the
eigenvalues, put back what is fixed or shared.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from ..errors import ModelError
from ..likelihood.objective import Objective
from ..model.model import Model
from ..model.rows import Row
from ..model.syntax import BETWEEN, LEVELS, WITHIN
from .bounds import Block, Transform

# Smallest eigenvalues to aim at, per unit of total or, where it is fixed, of fixed variance, one after the other.
FLOORS = (0.02, 1e-3, 1e-5, 1e-8)
PROJECTIONS = 500
# A projection that moves the parameters by less than this share of the floor leads nowhere.
STANDSTILL = 1e-8


def moved_inside(
    transform: Transform, theta: np.ndarray, blocks: Sequence[Block] | None = None
) -> np.ndarray | None:
    """The parameters moved to where the blocks of S (default all) are definite; None where fixed values forbid it.

    A variance held at zero takes its free covariances to zero and is left aside.
    """
    own = [
        (block, _movable(block), _scale(transform, block))
        for block in (transform.blocks if blocks is None else blocks)
    ]
    if any((np.diag(block.fixed)[np.diag(block.parameter) < 0] < 0).any() for block, *_ in own):
        return None
    for floor in FLOORS:
        found = theta.copy()
        for block, kept, _ in own:
            found[block.parameter[(block.parameter >= 0) & ~np.outer(kept, kept)]] = 0.0
        for _ in range(PROJECTIONS):
            total, count, definite = np.zeros(len(theta)), np.zeros(len(theta)), True
            for block, kept, scale in own:
                scaled = block.matrix(found) / np.outer(scale, scale)
                at = np.ix_(kept, kept)
                values, vectors = np.linalg.eigh(scaled[at])
                if len(values) and values[0] < 0.5 * floor:
                    definite = False
                    scaled[at] = (vectors * np.maximum(values, floor)) @ vectors.T
                free = block.parameter >= 0
                np.add.at(total, block.parameter[free], (scaled * np.outer(scale, scale))[free])
                np.add.at(count, block.parameter[free], 1.0)
            if definite:
                return found
            before, found = found, np.where(count > 0, total / np.maximum(count, 1.0), found)
            if np.abs(found - before).max() <= STANDSTILL * floor * np.abs(found).max():
                break
    return None


def _scale(transform: Transform, block: Block) -> np.ndarray:
    """Standard deviations that a block's eigenvalues are measured in: what is fixed small is not near singular by that."""
    fixed = np.where(np.diag(block.parameter) < 0, np.diag(block.fixed), 0.0)
    return np.where(fixed > 0, np.sqrt(np.maximum(fixed, 0.0)), transform.scales[block.level][block.members])


def _movable(block: Block) -> np.ndarray:
    return (np.diag(block.parameter) >= 0) | (np.diag(block.fixed) != 0)


def check_fixed(model: Model, transform: Transform, theta: np.ndarray) -> None:
    """Refuse fixed values with which no covariance matrix of a level is positive semi-definite.

    Raises
    ------
    ModelError
        Names the fixed parameters.
    """
    for number, level in enumerate(model.layout.levels):
        own = [block for block in transform.blocks if block.level == number]
        rest = np.setdiff1d(np.arange(len(level.names)), [i for block in own for i in block.members])
        values = level.s[np.ix_(rest, rest)]
        if values.any() and np.linalg.eigvalsh(values)[0] < -1e-10 * np.abs(values).max():
            raise _refusal(model, number, {level.names[i] for i in rest}, "semi-")
        for block in own:
            if block.factored:
                continue
            for i in np.flatnonzero(~_movable(block)):
                raise _no_room(model, number, level.names[block.members[i]])
            if moved_inside(transform, theta, [block]) is None:
                raise _refusal(model, number, {level.names[i] for i in block.members}, "semi-")
    if sum(not block.factored for block in transform.blocks) > 1 and moved_inside(transform, theta) is None:
        raise ModelError(
            "no positive semi-definite covariance matrices with the fixed and equal values of both levels; "
            "free some of them"
        )


def start_inside(
    model: Model, objective: Objective, transform: Transform, candidates: Iterable[np.ndarray]
) -> np.ndarray:
    """The first of the candidates, moved if need be, at which the likelihood exists.

    Raises
    ------
    ModelError
        There is none: names the fixed parameters that leave it none.
    """
    last = None
    for theta in candidates:
        for found in (theta, moved_inside(transform, theta)):
            if found is None:
                continue
            if np.isfinite(objective(found)[0]):
                return found
            last = found
    raise _why_nowhere(model, objective, last)


def replaced(model: Model) -> str:
    """What a fit says whose usual start was outside the domain; nothing if the user gave no starting values."""
    given = [
        row.key for row, k in zip(model.rows, model.index, strict=True) if k >= 0 and row.start is not None
    ]
    return f"starting values outside the domain, others taken: {', '.join(given)}" if given else ""


def _why_nowhere(model: Model, objective: Objective, theta: np.ndarray | None) -> ModelError:
    implied = None if theta is None else objective.implied(theta)
    if implied is None:
        return ModelError(
            f"no point at which the model can be computed: {_listed(_fixed(model, ('~', '=~', '~~')))} leave no "
            "definite covariance matrix, or a loop of paths that multiplies to 1; free one or fix it at another value"
        )
    p = len(model.layout.y)
    parts = (implied.sw, model.layout.y), (implied.vb[p:, p:], model.layout.z)
    for number, (matrix, names) in zip((WITHIN, BETWEEN), parts, strict=True):
        if not len(names):
            continue
        size = np.sqrt(np.maximum(np.abs(np.diag(matrix)), 1e-300))
        values, vectors = np.linalg.eigh(matrix / np.outer(size, size))
        if values[0] < 1e-10:
            moved = np.abs(vectors[:, 0]) > 1e-4
            return _refusal(model, number, {n for n, m in zip(names, moved, strict=True) if m})
    return ModelError(
        f"no point at which the likelihood exists was found with {_listed(_fixed(model, ('~~',)))}; free one, fix it at "
        "another value, or give starting values: start(number)*variable"
    )


def _refusal(model: Model, level: int, names: Collection[str], semi: str = "") -> ModelError:
    rows = [row for row in _fixed(model, ("~~",)) if row.level == level]
    named = [row for row in rows if row.lhs in names and row.rhs in names] or rows
    # A variance of zero or less is the whole reason where there is one.
    named = [row for row in named if row.lhs == row.rhs and (row.fixed or 0.0) <= 0] or named
    return ModelError(
        f"with {_listed(named)} no covariance matrix of level {level + 1} ({LEVELS[level]}) is positive "
        f"{semi}definite; fix other values, or leave free what goes with them"
    )


def _no_room(model: Model, level: int, name: str) -> ModelError:
    """Beside a variance of zero a covariance has one value only: no room to search in."""
    rows = [r for r in model.rows if r.level == level and r.op == "~~" and r.lhs != r.rhs]
    beside = [r.key for r in rows if name in (r.lhs, r.rhs) and r.fixed != 0]
    key = Row(level, name, "~~", name).key
    return ModelError(f"{key} = 0 makes {', '.join(beside)} zero under bounds='psd': fix that at 0 too")


def _fixed(model: Model, operators: tuple[str, ...]) -> list[Row]:
    rows = zip(model.rows, model.index, strict=True)
    return [row for row, k in rows if k < 0 and row.op in operators and (row.op == "~~" or row.fixed)]


def _listed(rows: Sequence[Row]) -> str:
    named = [f"{row.key} = {row.fixed:g}" for row in rows]
    return ", ".join(named) if named else "the fixed values"
