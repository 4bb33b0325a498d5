"""How much single therapists matter: every model again without each therapist in turn (``leave_one_out.csv``).

What is per therapist stays out of the results: a row holds the distribution of an effect over the J fits that leave
one therapist out, not the fits themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fortems.mediation.effects import delta_se, effect_row, indirect, indirect_gradient
from fortems.mediation.slopes import Paths, Slopes, paths_at
from fortems.mediation.system import System
from fortems.stats.arrays import Array
from fortems.study.definition import BEHIND

INFLUENCE_COLUMNS = (
    "model",
    "engine",
    "level",
    "effect",
    "predictor",
    "mediator",
    "outcome",
    "at",
    "estimate",
    "se",
    "lowest",
    "quarter",
    "median",
    "three_quarters",
    "highest",
    "largest_shift",
    "sign_changes",
    "n_fits",
    "n_failed",
)


def influence_rows(system: System, slopes: Sequence[Slopes]) -> list[dict[str, Any]]:
    """Return the rows of one model and engine; none for engines without leave-one-out fits.

    ``largest_shift`` is the largest change of the effect in standard errors, with its sign; ``sign_changes``
    counts the fits in which the effect has the other sign.
    """
    rows = []
    for part in slopes:
        if part.jackknife is None or not part.n_therapists:
            continue
        for condition in system.conditions:
            paths = paths_at(system, part, condition)
            for effect, predictor, mediator, estimate, se, found in _effects(system, paths):
                row = effect_row(system, part, condition, effect, predictor, mediator)
                rows.append(row | _distribution(estimate, se, found))
    return rows


def _effects(system: System, paths: Paths) -> list[tuple[str, str, str, float, float, Array]]:
    """Each effect with its estimate, standard error and leave-one-out values."""
    assert paths.jackknife is not None
    found = [
        (*name, float(paths.estimate[i]), float(paths.se[i]), paths.jackknife[:, i])
        for i, name in enumerate(paths.names)
    ]
    for predictor in system.model.predictors:
        for route in system.model.routes:
            if not paths.carries(predictor, (route,)):
                continue
            gradient = indirect_gradient(paths, predictor, (route,))
            found.append(
                (
                    "indirect",
                    predictor,
                    BEHIND.join(route),
                    float(indirect(paths.estimate, paths, predictor, (route,))),
                    delta_se(gradient, paths),
                    indirect(paths.jackknife, paths, predictor, (route,)),
                )
            )
    return found


def _distribution(estimate: float, se: float, values: Array) -> dict[str, Any]:
    known = values[~np.isnan(values)]
    row: dict[str, Any] = {
        "estimate": estimate,
        "se": se,
        "n_fits": len(values),
        "n_failed": len(values) - len(known),
    }
    if not len(known):
        return row
    names = ("lowest", "quarter", "median", "three_quarters", "highest")
    row |= dict(zip(names, np.quantile(known, [0, 0.25, 0.5, 0.75, 1]).tolist(), strict=True))
    shifts = (known - estimate) / se
    row["largest_shift"] = float(shifts[np.argmax(np.abs(shifts))])
    row["sign_changes"] = int((known * estimate < 0).sum())
    return row
