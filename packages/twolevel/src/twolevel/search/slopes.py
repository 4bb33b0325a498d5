"""Starting values of models with random slopes: as for other models, the slopes' means from least squares."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from ..likelihood.objective import total_sd
from ..likelihood.ram import MATRIX_A, MATRIX_MEAN, MATRIX_S
from ..model.model import Model
from .starts import fallbacks, starting_values

# Starting variance of a slope, in squared units of outcome over predictor.
SHARE = 0.1


Estimates = tuple[np.ndarray, np.ndarray, np.ndarray]


def usual_start(
    model: Model, moments: CompleteMoments | MissingMoments, estimates: Estimates, *, simple: bool = False
) -> np.ndarray:
    """The start of any model: with random slopes that of `slope_starts`."""
    theta = starting_values(model, moments, simple=simple, estimates=estimates)
    return slope_starts(model, moments, estimates, theta) if model.random else theta


def further_starts(
    model: Model, moments: CompleteMoments | MissingMoments, estimates: Estimates
) -> Iterator[np.ndarray]:
    """What to try where the usual start does not lead to a maximum."""
    if not model.random:
        yield from fallbacks(model, moments, estimates)
        return
    plain = starting_values(model, moments, estimates=estimates)
    yield slope_starts(model, moments, estimates, plain, share=0.5)
    yield usual_start(model, moments, estimates, simple=True)
    yield slope_starts(model, moments, estimates, plain, share=0.01)


def slope_starts(
    model: Model,
    moments: CompleteMoments | MissingMoments,
    estimates: Estimates,
    theta: np.ndarray,
    share: float = SHARE,
) -> np.ndarray:
    """A start: regressions of level 1 by least squares within clusters, slopes varying by `share` of their unit."""
    sw, _, mu = estimates
    layout, random = model.layout, model.random
    y = list(layout.y)
    total = dict(zip((*layout.y, *layout.z), total_sd(moments).tolist(), strict=True))
    within, above = layout.levels[0], layout.levels[1]
    slope_mean: dict[str, float] = {}
    offset: dict[str, float] = {}
    for outcome in dict.fromkeys(slope.outcome for slope in random.slopes):
        own = [s for s in random.slopes if s.outcome == outcome]
        row = within.names.index(outcome)
        fixed = [
            (k, within.names[j])
            for k, level, matrix, i, j in layout.places
            if level == 0 and matrix == MATRIX_A and i == row and within.names[j] in y
        ]
        names = [*(s.predictor for s in own), *(n for _, n in fixed)]
        at = [y.index(n) for n in names]
        block = sw[np.ix_(at, at)]
        coefs = np.linalg.solve(block + 1e-6 * np.diag(np.diag(block)), sw[at, y.index(outcome)])
        slope_mean |= {s.name: float(c) for s, c in zip(own, coefs, strict=False)}
        for (k, _), c in zip(fixed, coefs[len(own) :], strict=True):
            theta[k] = c
        shifts = [
            c * mu[y.index(s.predictor)]
            for s, c in zip(own, coefs, strict=False)
            if s.kind == "observed" or s.predictor in random.x
        ]
        shifts += [
            c * mu[y.index(n)] for (_, n), c in zip(fixed, coefs[len(own) :], strict=True) if n in random.x
        ]
        offset[outcome] = float(sum(shifts))
    given = {
        k: row.start
        for row, k in zip(model.rows, model.index, strict=True)
        if k >= 0 and row.start is not None
    }
    for k, level, matrix, i, j in layout.places:
        if level == 1:
            left, right = above.names[i], above.names[j]
            if left in slope_mean:
                if matrix == MATRIX_S:
                    unit = next(
                        total[s.outcome] / total[s.predictor] for s in random.slopes if s.name == left
                    )
                    theta[k] = share * unit**2 if i == j else 0.0
                else:
                    theta[k] = slope_mean[left] if matrix == MATRIX_MEAN else 0.0
            elif right in slope_mean:
                theta[k] = 0.0
            elif matrix == MATRIX_MEAN and left in offset:
                theta[k] -= offset[left]
        elif matrix == MATRIX_MEAN and within.names[i] in offset:
            theta[k] -= offset[within.names[i]]
    for k, value in given.items():
        theta[k] = value
    return theta
