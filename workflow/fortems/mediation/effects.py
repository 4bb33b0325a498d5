"""From slopes to the rows of ``effects.csv``: a, b, direct, total, indirect, each with its intervals.

Rows name the model's predictor, mediator and outcome where these are unique; in a model of several predictors
the row of b has no predictor, and in one of several mediators the rows of the direct, the total and the summed
indirect effect have no mediator. Of serial mediators the path from one to the next is an ``a`` whose predictor is the first
of the two, and an indirect effect along several names them one behind the other: ``m1 -> m2``.

The interval ``robust`` rests on cluster-jackknife variances about the full estimate (``fortems.stats.jackknife``) and
t with J − 1 df: of a path, or of a total or summed indirect effect, by itself; of one indirect effect by the product of
its paths as independent t variates (``fortems.stats.products``, ``chains``). The jackknife's covariance of a and b is mostly noise
at some twenty therapists (SD .3 to .4 about 0 as a correlation) and is not used.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fortems.mediation.slopes import Paths, Routes, Settings, Slopes, paths_at
from fortems.mediation.system import Condition, System
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.chains import chain_interval
from fortems.stats.intervals import Interval, bca_interval, percentile_interval, t_draws, t_interval
from fortems.stats.jackknife import left_out_interval
from fortems.stats.products import product_interval
from fortems.study.definition import BEHIND
from fortems.study.estimands import PRIMARY_INTERVAL, computed_intervals

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


def effect_row(
    system: System, slopes: Slopes, condition: Condition, effect: str, predictor: str, mediator: str
) -> dict[str, Any]:
    """Return the columns that say which effect it is, and of how many; of one predictor or mediator its name."""
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
        **interval.row(),
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
        row = effect_row(system, slopes, condition, effect, predictor, mediator)
        scale = _scale(system, slopes, effect, predictor, mediator)
        unit = _unit(system, slopes, predictor) if effect == "direct" else np.nan
        rows.append(_filled(row, "wald", paths.estimate[i], interval, scale, paths.df[i], unit))
        if paths.jackknife is not None:
            robust = left_out_interval(paths.estimate[i], paths.jackknife[:, i], settings.confidence)
            rows.append(
                _filled(row, PRIMARY_INTERVAL, paths.estimate[i], robust, scale, paths.robust_df, unit)
            )
    return rows


def _robust_indirect(
    estimate: float, predictor: str, routes: Routes, paths: Paths, confidence: float
) -> Interval:
    """Product of independent t variates, one a path; a sum over routes by its own jackknife values."""
    assert paths.jackknife is not None
    if len(routes) > 1:
        return left_out_interval(estimate, indirect(paths.jackknife, paths, predictor, routes), confidence)
    places = paths.along(predictor, routes[0])
    df = np.full(len(places), paths.robust_df)
    return _product(paths.estimate[places], paths.robust_variance[places], df, confidence)


def _product(estimate: Array, variance: Array, df: Array, confidence: float) -> Interval:
    """The product of independent t variates (k,), two or more."""
    if len(estimate) > 2:
        return chain_interval(estimate, variance, df, confidence)
    (a, b), (var_a, var_b), (df_a, df_b) = estimate, variance, df
    return product_interval(a, b, var_a, var_b, df_a, df_b, confidence)


def indirect(values: Array, paths: Paths, predictor: str, routes: Routes) -> Array:
    """Return the sum over routes of the products of their paths, a[p, m] b[m] for one mediator, from path vectors (..., k)."""
    parts = [np.prod(values[..., paths.along(predictor, route)], axis=-1) for route in routes]
    return np.sum(parts, axis=0)


def indirect_gradient(paths: Paths, predictor: str, routes: Routes) -> Array:
    """Return the derivative (k,) of the indirect effect with respect to the paths."""
    gradient = np.zeros(len(paths.names))
    for route in routes:
        places = paths.along(predictor, route)
        for place in places:
            gradient[place] += np.prod(paths.estimate[[other for other in places if other != place]])
    return gradient


def delta_se(gradient: Array, paths: Paths) -> float:
    """Return the first-order standard error of a function of the paths from its gradient (k,)."""
    return float(np.sqrt(np.clip(gradient @ paths.vcov @ gradient, 0.0, None)))


def _delta(estimate: float, gradient: Array, paths: Paths, confidence: float) -> Interval:
    return t_interval(estimate, delta_se(gradient, paths), np.inf, confidence)


def _cr2_indirect(predictor: str, routes: Routes, paths: Paths, confidence: float) -> Interval | None:
    """Product of independent t variates with CR2 variances and Satterthwaite df; None where it is not that."""
    if not paths.cr2 or len(routes) > 1:
        return None
    places = paths.along(predictor, routes[0])
    return _product(paths.estimate[places], np.diag(paths.vcov)[places], paths.df[places], confidence)


def _indirect_rows(
    system: System, slopes: Slopes, paths: Paths, condition: Condition, settings: Settings
) -> list[dict[str, Any]]:
    model = system.model
    rng = stream(
        settings.seed, "mediation", model.name, "montecarlo", slopes.engine, slopes.level, condition.at
    )
    names = computed_intervals(settings.intervals, can_leave_out=paths.jackknife is not None)
    draws = None
    if "montecarlo" in names and np.isfinite(paths.vcov).all() and (paths.df > 0).all():
        draws = t_draws(paths.estimate, paths.vcov, paths.df, settings.draws, rng)
    groups = [(route,) for route in model.routes] + ([model.routes] if len(model.mediators) > 1 else [])
    rows = []
    for predictor in model.predictors:
        for routes in groups:
            if not paths.carries(predictor, routes):
                continue
            estimate = float(indirect(paths.estimate, paths, predictor, routes))
            through = BEHIND.join(routes[0]) if len(routes) == 1 else ""
            row = effect_row(system, slopes, condition, "indirect", predictor, through)
            scale = _scale(system, slopes, "indirect", predictor, "")
            found = {
                name: _indirect_interval(name, estimate, predictor, routes, paths, draws, settings)
                for name in names
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
    routes: Routes,
    paths: Paths,
    draws: Array | None,
    settings: Settings,
) -> Interval | None:
    """One interval of one indirect effect; None where the engine cannot give it."""
    confidence = settings.confidence
    if name == PRIMARY_INTERVAL:
        return _robust_indirect(estimate, predictor, routes, paths, confidence)
    if name == "cr2":
        return _cr2_indirect(predictor, routes, paths, confidence)
    if name == "delta":
        return _delta(estimate, indirect_gradient(paths, predictor, routes), paths, confidence)
    if name == "montecarlo":
        if draws is None:
            return Interval(*np.full((4, 1), np.nan))
        return percentile_interval(indirect(draws, paths, predictor, routes), confidence)
    if paths.replicates is None or paths.jackknife is None:
        return None
    replicates = indirect(paths.replicates, paths, predictor, routes)
    if name == "percentile":
        return percentile_interval(replicates, confidence)
    return bca_interval(estimate, replicates, indirect(paths.jackknife, paths, predictor, routes), confidence)


def _total_rows(
    system: System, slopes: Slopes, paths: Paths, condition: Condition, settings: Settings
) -> list[dict[str, Any]]:
    model = system.model
    rows = []
    for predictor in model.predictors:
        row = effect_row(system, slopes, condition, "total", predictor, "")
        scale = _scale(system, slopes, "total", predictor, "")
        if ("direct", predictor, "") not in paths.names or not paths.carries(predictor, model.routes):
            continue
        direct = paths.at("direct", predictor, "")
        whole = float(paths.estimate[direct] + indirect(paths.estimate, paths, predictor, model.routes))
        if predictor in slopes.totals:
            estimate, se, df = slopes.totals[predictor]
            name, interval = "wald", t_interval(estimate, se, df, settings.confidence)
        else:
            gradient = indirect_gradient(paths, predictor, model.routes)
            gradient[direct] += 1.0
            name, estimate = "delta", whole
            interval = _delta(estimate, gradient, paths, settings.confidence)
        rows.append(_filled(row, name, estimate, interval, scale))
        if paths.jackknife is not None:
            left_out = paths.jackknife[:, direct] + indirect(paths.jackknife, paths, predictor, model.routes)
            robust = left_out_interval(whole, left_out, settings.confidence)
            rows.append(_filled(row, PRIMARY_INTERVAL, estimate, robust, scale, paths.robust_df))
    return rows
