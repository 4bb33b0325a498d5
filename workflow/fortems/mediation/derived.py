"""What follows from the effects (``derived.csv``): R², share mediated, contextual effects, moderated mediation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.mediation.effects import indirect
from fortems.mediation.slopes import Settings, Slopes, combined, path_map, paths_at
from fortems.mediation.system import Condition, System
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.intervals import percentile_interval, t_draws, t_interval
from fortems.stats.jackknife import left_out_interval

DERIVED_COLUMNS = (
    "model",
    "engine",
    "level",
    "quantity",
    "predictor",
    "mediator",
    "outcome",
    "at",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "p",
    "note",
)

# A total effect counts as near zero when it is closer to 0 than twice its standard error.
NEAR_ZERO = 2.0


def derived_rows(
    system: System, slopes: Sequence[Slopes], fits: Sequence[dict[str, Any]], settings: Settings
) -> list[dict[str, Any]]:
    """Return R², contextual effects and contrasts of conditional indirect effects of one model and engine.

    Parameters
    ----------
    system : System
    slopes : sequence of Slopes
        All levels of the engine.
    fits : sequence of dict
        The engine's rows of ``fit.csv``: where a variance is at the boundary, contextual and between effects
        are withheld, which a row says.
    settings : Settings
    """
    rows: list[dict[str, Any]] = []
    for part in slopes:
        for dependent, value in part.r_squared.items():
            if dependent not in system.mediator_products:
                rows.append(_row(system, part, "r_squared", outcome=dependent, estimate=value))
        rows += _context_rows(system, part, settings)
        if system.moderators:
            rows += _contrast_rows(system, part, settings)
    levels = {part.level for part in slopes}
    partial = [row for row in fits if row["variant"] == "partial"]
    if "within" in levels and "between" not in levels and partial and partial[0]["boundary"] is True:
        within = next(part for part in slopes if part.level == "within")
        note = "withheld: the therapists' covariance matrix is at the boundary"
        rows.append({**_row(system, within, "contextual"), "level": "between", "note": note})
    return rows


def _row(
    system: System,
    part: Slopes,
    quantity: str,
    predictor: str = "",
    mediator: str = "",
    outcome: str = "",
    at: str = "",
    estimate: float = np.nan,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(DERIVED_COLUMNS, np.nan)
    return row | {
        "model": system.model.name,
        "engine": part.engine,
        "level": part.level,
        "quantity": quantity,
        "predictor": predictor,
        "mediator": mediator,
        "outcome": outcome,
        "at": at,
        "estimate": float(estimate),
        "note": "",
    }


def _context_rows(system: System, part: Slopes, settings: Settings) -> list[dict[str, Any]]:
    rows = []
    for (dependent, column), (estimate, se, df) in part.context.items():
        mediator = column if column in system.model.mediators else ""
        row = _row(system, part, "contextual", "" if mediator else column, mediator, dependent, "", estimate)
        rows.append(row | t_interval(estimate, se, df, settings.confidence).row())
    return rows


def _contrast_rows(system: System, part: Slopes, settings: Settings) -> list[dict[str, Any]]:
    """Differences between indirect effects at two values of the moderator.

    With both paths moderated the indirect effect is quadratic in a numeric moderator, so there is no single
    index of moderated mediation (Hayes, 2015); the contrast of two conditional indirect effects is its
    general form: mean + 1 SD against mean − 1 SD, or each category against the most frequent one.

    Its interval is the primary one of a sum of effects: t with J − 1 df and the cluster-jackknife variance of the
    difference itself. Engines that are not fitted again without each therapist draw from normal theory, as they do for
    indirect effects.
    """
    rng = stream(settings.seed, "mediation", system.model.name, "contrast", part.engine, part.level)
    draws = None
    if part.jackknife is None and np.isfinite(part.vcov).all() and (part.df > 0).all():
        draws = t_draws(part.estimate, part.vcov, part.df, settings.draws, rng)
    rows = []
    for low, high in contrasts(system.conditions):
        for predictor in system.model.predictors:
            for mediator in system.model.mediators:
                if not paths_at(system, part, low).carries(predictor, ((mediator,),)):
                    continue

                def at(values: Array, condition: Condition, x: str = predictor, m: str = mediator) -> Array:
                    mapped = combined(np.atleast_2d(values), path_map(system, condition, part.keys))
                    return indirect(mapped, paths_at(system, part, condition), x, ((m,),))

                estimate = float((at(part.estimate, high) - at(part.estimate, low))[0])
                names = predictor, mediator, system.model.outcome, f"{high.at} - {low.at}"
                row = _row(system, part, "moderated_mediation", *names, estimate)
                if part.jackknife is not None:
                    left_out = at(part.jackknife, high) - at(part.jackknife, low)
                    row |= left_out_interval(estimate, left_out, settings.confidence).row()
                elif draws is not None:
                    row |= percentile_interval(at(draws, high) - at(draws, low), settings.confidence).row()
                rows.append(row)
    return rows


def contrasts(conditions: Sequence[Condition]) -> list[tuple[Condition, Condition]]:
    """Return the pairs (lower, upper) to contrast: the outer two of a number, each category with the first."""
    numeric = any(set(c.weights.values()) - {0.0, 1.0} for c in conditions)
    if numeric:
        return [(conditions[0], conditions[-1])]
    return [(conditions[0], other) for other in conditions[1:]]


def share_mediated(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the rows ``share_mediated``: indirect / total, or the reason why it is withheld.

    The share means something only where the total and the indirect effect have the same sign, the total is
    not near zero (at least ``NEAR_ZERO`` standard errors away from it) and the share is not above 1
    (MacKinnon, 2008: unstable below n = 500 in any case).

    Parameters
    ----------
    effects : DataFrame
        Rows of ``effects.csv``.
    """
    keys = ["model", "engine", "level", "predictor", "at"]
    frame = effects.fillna({"at": "", "predictor": "", "mediator": ""})
    totals: Any = frame[frame["effect"] == "total"].drop_duplicates(keys).set_index(keys)
    indirects = frame[frame["effect"] == "indirect"].drop_duplicates([*keys, "mediator"])
    rows = []
    for row in indirects.to_dict("records"):
        key = tuple(row[name] for name in keys)
        if key not in totals.index:
            continue
        total = totals.loc[key]
        share, note = share_of(float(row["estimate"]), float(total["estimate"]), float(total["se"]))
        rows.append(
            {
                **{name: row[name] for name in (*keys, "mediator", "outcome")},
                "quantity": "share_mediated",
                "estimate": share,
                "note": note,
            }
        )
    return pd.DataFrame(rows, columns=list(DERIVED_COLUMNS))


def share_of(indirect_effect: float, total: float, se: float) -> tuple[float, str]:
    """Return the share mediated, or NaN and the reason why it is withheld."""
    if not (np.isfinite(indirect_effect) and np.isfinite(total) and np.isfinite(se)):
        return np.nan, "withheld: total or indirect effect not estimated"
    if abs(total) < NEAR_ZERO * se:
        return np.nan, "withheld: the total effect is near zero"
    if indirect_effect * total < 0:
        return np.nan, "withheld: total and indirect effect have opposite signs"
    if abs(indirect_effect) > abs(total):
        return np.nan, "withheld: the indirect effect exceeds the total effect"
    return indirect_effect / total, ""
