"""From slopes to the rows of ``effects.csv``: a, b, direct, total, indirect, each with its intervals.

Rows name the model's predictor, mediator and outcome where these are unique; in a model of several predictors
the row of b has no predictor, and in one of several mediators the rows of the direct, the total and the summed
indirect effect have no mediator.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fortems.mediation.slopes import Paths, Settings, Slopes, paths_at
from fortems.mediation.system import Condition, System
from fortems.seeds import stream
from fortems.stats.intervals import Interval, bca_interval, percentile_interval, summary, t_draws, t_interval

Array = NDArray[np.float64]

COLUMNS = (
    "model",
    "engine",
    "level",
    "effect",
    "predictor",
    "mediator",
    "outcome",
    "at",
    "interval",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "p",
    "standardized",
    "n_clients",
    "n_therapists",
)
PART_COLUMNS = (*COLUMNS, "df", "unit")  # what verdicts need besides: df, and the path's within-SD ratio


def effect_rows(system: System, slopes: Slopes, settings: Settings) -> list[dict[str, Any]]:
    """Return all rows of one model, engine and level.

    Parameters
    ----------
    system : System
    slopes : Slopes
        Replicates in it give percentile and BCa rows.
    settings : Settings

    Returns
    -------
    list of dict
        With the keys ``PART_COLUMNS``.
    """
    rows: list[dict[str, Any]] = []
    for condition in system.conditions:
        paths = paths_at(system, slopes, condition)
        rows += _path_rows(system, slopes, paths, condition, settings)
        rows += _indirect_rows(system, slopes, paths, condition, settings)
        rows += _total_rows(system, slopes, paths, condition, settings)
    return rows


def _only(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else ""


def _row(
    system: System, slopes: Slopes, condition: Condition, effect: str, predictor: str, mediator: str
) -> dict[str, Any]:
    model = system.model
    return {
        "model": model.name,
        "engine": slopes.engine,
        "level": slopes.level,
        "effect": effect,
        "predictor": predictor or _only(model.predictors),
        "mediator": mediator or _only(model.mediators),
        "outcome": model.outcome,
        "at": condition.at,
        "n_clients": slopes.n_clients,
        "n_therapists": slopes.n_therapists,
    }


def _scale(system: System, slopes: Slopes, effect: str, predictor: str, mediator: str) -> float:
    """SD of the path's origin over SD of its end, at the slopes' level."""
    start = mediator if effect == "b" else predictor
    end = mediator if effect == "a" else system.model.outcome
    return slopes.sd.get(start, np.nan) / slopes.sd.get(end, np.nan)


def _unit(system: System, slopes: Slopes, predictor: str) -> float:
    """SD of the predictor over SD of the outcome, both within therapists."""
    return slopes.within_sd.get(predictor, np.nan) / slopes.within_sd.get(system.model.outcome, np.nan)


def _filled(
    row: dict[str, Any],
    name: str,
    estimate: float,
    interval: Interval,
    scale: float,
    df: float = np.nan,
    unit: float = np.nan,
) -> dict[str, Any]:
    return {
        **row,
        "interval": name,
        "estimate": float(estimate),
        "se": float(interval.se[0]),
        "ci_low": float(interval.low[0]),
        "ci_high": float(interval.high[0]),
        "p": float(interval.p[0]),
        "standardized": float(estimate * scale),
        "df": float(df),
        "unit": float(unit),
    }


def _path_rows(
    system: System, slopes: Slopes, paths: Paths, condition: Condition, settings: Settings
) -> list[dict[str, Any]]:
    rows = []
    for i, (effect, predictor, mediator) in enumerate(paths.names):
        interval = t_interval(paths.estimate[i], paths.se[i], paths.df[i], settings.confidence)
        if not np.isnan(paths.p[i]):
            interval = Interval(interval.se, interval.low, interval.high, paths.p[i : i + 1])
        row = _row(system, slopes, condition, effect, predictor, mediator)
        scale = _scale(system, slopes, effect, predictor, mediator)
        unit = _unit(system, slopes, predictor) if effect == "direct" else np.nan
        rows.append(_filled(row, "wald", paths.estimate[i], interval, scale, paths.df[i], unit))
    return rows


def indirect(values: Array, paths: Paths, predictor: str, mediators: tuple[str, ...]) -> Array:
    """Return Σ_m a[p, m] b[m] from path vectors (..., k)."""
    parts = [values[..., paths.at("a", predictor, m)] * values[..., paths.at("b", "", m)] for m in mediators]
    return np.sum(parts, axis=0)


def indirect_gradient(paths: Paths, predictor: str, mediators: tuple[str, ...]) -> Array:
    """Return the derivative (k,) of the indirect effect with respect to the paths."""
    gradient = np.zeros(len(paths.names))
    for mediator in mediators:
        a, b = paths.at("a", predictor, mediator), paths.at("b", "", mediator)
        gradient[a] += paths.estimate[b]
        gradient[b] += paths.estimate[a]
    return gradient


def delta_se(gradient: Array, paths: Paths) -> float:
    """Return the first-order standard error of a function of the paths from its gradient (k,)."""
    return float(np.sqrt(np.clip(gradient @ paths.vcov @ gradient, 0.0, None)))


def _delta(estimate: float, gradient: Array, paths: Paths, confidence: float) -> Interval:
    return t_interval(estimate, delta_se(gradient, paths), np.inf, confidence)


def _indirect_rows(
    system: System, slopes: Slopes, paths: Paths, condition: Condition, settings: Settings
) -> list[dict[str, Any]]:
    model = system.model
    rng = stream(
        settings.seed, "mediation", model.name, "montecarlo", slopes.engine, slopes.level, condition.at
    )
    draws = None
    if "montecarlo" in settings.computed and np.isfinite(paths.vcov).all() and (paths.df > 0).all():
        draws = t_draws(paths.estimate, paths.vcov, paths.df, settings.draws, rng)
    groups = [(m,) for m in model.mediators] + ([model.mediators] if len(model.mediators) > 1 else [])
    rows = []
    for predictor in model.predictors:
        for mediators in groups:
            if not paths.carries(predictor, mediators):
                continue
            estimate = float(indirect(paths.estimate, paths, predictor, mediators))
            row = _row(system, slopes, condition, "indirect", predictor, _only(mediators))
            scale = _scale(system, slopes, "indirect", predictor, "")
            found = {
                name: _indirect_interval(name, estimate, predictor, mediators, paths, draws, settings)
                for name in settings.computed
            }
            rows += [
                _filled(row, name, estimate, interval, scale)
                for name, interval in found.items()
                if interval is not None
            ]
    return rows


def _indirect_interval(
    name: str,
    estimate: float,
    predictor: str,
    mediators: tuple[str, ...],
    paths: Paths,
    draws: Array | None,
    settings: Settings,
) -> Interval | None:
    """One interval of one indirect effect; None where the engine cannot give it."""
    confidence = settings.confidence
    if name == "delta":
        return _delta(estimate, indirect_gradient(paths, predictor, mediators), paths, confidence)
    if name == "montecarlo":
        if draws is None:
            return Interval(*np.full((4, 1), np.nan))
        values = indirect(draws, paths, predictor, mediators)
        return Interval(*(np.atleast_1d(part) for part in summary(values, confidence)))
    if paths.replicates is None or paths.jackknife is None:
        return None
    replicates = indirect(paths.replicates, paths, predictor, mediators)
    if name == "percentile":
        return percentile_interval(replicates, confidence)
    return bca_interval(
        estimate, replicates, indirect(paths.jackknife, paths, predictor, mediators), confidence
    )


def _total_rows(
    system: System, slopes: Slopes, paths: Paths, condition: Condition, settings: Settings
) -> list[dict[str, Any]]:
    model = system.model
    rows = []
    for predictor in model.predictors:
        row = _row(system, slopes, condition, "total", predictor, "")
        scale = _scale(system, slopes, "total", predictor, "")
        if predictor in slopes.totals:
            estimate, se, df = slopes.totals[predictor]
            rows.append(
                _filled(row, "wald", estimate, t_interval(estimate, se, df, settings.confidence), scale)
            )
            continue
        there = ("direct", predictor, "") in paths.names and paths.carries(predictor, model.mediators)
        if not there:
            continue
        direct = paths.at("direct", predictor, "")
        gradient = indirect_gradient(paths, predictor, model.mediators)
        gradient[direct] += 1.0
        estimate = float(paths.estimate[direct] + indirect(paths.estimate, paths, predictor, model.mediators))
        interval = _delta(estimate, gradient, paths, settings.confidence)
        rows.append(_filled(row, "delta", estimate, interval, scale))
    return rows
