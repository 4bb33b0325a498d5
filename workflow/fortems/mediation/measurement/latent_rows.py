"""Latent versions of a model as rows of ``measurement.csv``."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import chdtrc
from twolevel.errors import CollinearVariablesError, ModelError

from fortems.mediation.engines.regression import MIN_CLUSTERS
from fortems.mediation.measurement import latent
from fortems.mediation.measurement.measurement_rows import Sources, measurement_row, withheld
from fortems.mediation.slopes import Settings
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.clusters import batch_weights
from fortems.stats.intervals import Interval, percentile_interval, t_interval
from fortems.stats.jackknife import jackknife_variance
from fortems.stats.products import product_interval
from fortems.study.estimands import PRIMARY_INTERVAL
from fortems.study.models import MediationModel

#: One level's covariances fitted by the two-level engine; `twolevel` are both levels at once.
ENGINE = "covariances"
COLLINEAR = "indicators are exactly collinear"
SHOWN = {"a": "wald", "b": "wald", "direct": "wald", "total": "delta", "indirect": "delta"}


def latent_rows(
    model: MediationModel, sources: Sources, settings: Settings, count: int
) -> list[dict[str, Any]]:
    """Return the rows of a model's latent version, withheld ones with the reason.

    Parameters
    ----------
    model : MediationModel
    sources : Sources
    settings : Settings
    count : int
        Cluster-bootstrap replicates; 0 for none.
    """
    data = latent.indicators(model, sources.scores, sources.items, sources.instruments)
    rows: list[dict[str, Any]] = []
    for level in ("within", "single"):
        if isinstance(data, str):
            rows.append(withheld(model, ENGINE, level, data))
            continue
        n, n_clusters = len(data.values), data.n_clusters
        free = n - n_clusters if level == "within" else n
        if free <= data.values.shape[1]:
            rows.append(withheld(model, ENGINE, level, "fewer clients than indicators need", **data.size))
            continue
        still = latent.unvarying(data, level)
        if still:
            where = "within therapists" if level == "within" else "at all"
            rows.append(
                withheld(model, ENGINE, level, f"{', '.join(still)} does not vary {where}", **data.size)
            )
            continue
        try:
            fit, found, sd = latent.fit_latent(data, level)
        except CollinearVariablesError:
            rows.append(withheld(model, ENGINE, level, COLLINEAR, **data.size))
            continue
        except ModelError:
            rows.append(withheld(model, ENGINE, level, "the search failed", **data.size))
            continue
        how = "; pooled covariances within therapists" if level == "within" else ""
        rows += _fitted_rows(model, ENGINE, level, fit, data, how, settings)
        if fit.converged and fit.admissible:
            rows += _jackknife(model, data, level, fit, found, sd, settings)
        if count and n_clusters >= MIN_CLUSTERS and fit.converged and fit.admissible:
            rows += _latent_bootstrap(model, data, level, fit, found, sd, settings, count)
    if not isinstance(data, str):
        rows += _twolevel_rows(model, data, settings)
    return rows


def _fitted_rows(
    model: MediationModel,
    engine_name: str,
    level: str,
    fit: latent.LatentFit,
    data: latent.Indicators,
    how: str,
    settings: Settings,
) -> list[dict[str, Any]]:
    """Rows of a latent fit, or one that says why it is withheld."""
    if not (fit.converged and fit.admissible):
        why = "a variance is negative" if fit.converged else "no maximum"
        return [withheld(model, engine_name, level, why, **data.size)]
    note = f"latent by {data.values.shape[1]} indicators{how}"
    rows = []
    for effect, shown in SHOWN.items():
        interval = t_interval(fit.estimate[effect], fit.se[effect], np.inf, settings.confidence)
        row = _row(model, engine_name, level, effect, fit, data, shown, interval)
        rows.append(row | {"note": note} | _global_fit(fit))
    return rows


def _row(
    model: MediationModel,
    engine_name: str,
    level: str,
    effect: str,
    fit: latent.LatentFit,
    data: latent.Indicators,
    name: str,
    interval: Interval,
) -> dict[str, Any]:
    """One effect of a latent fit with an interval of that name."""
    return measurement_row(
        model,
        engine_name,
        level,
        effect,
        interval=name,
        estimate=fit.estimate[effect],
        standardized=fit.standardized[effect],
        **data.size,
        **interval.row(),
    )


def _jackknife(
    model: MediationModel,
    data: latent.Indicators,
    level: str,
    fit: latent.LatentFit,
    start: Array,
    sd: Array,
    settings: Settings,
) -> list[dict[str, Any]]:
    """The primary interval of observed scores for latent ones too: therapists left out in turn, a and b as t variates."""
    j = data.n_clusters
    left_out = latent.replicates(data, level, start, sd, 1.0 - np.eye(j))
    full = np.array([fit.estimate[effect] for effect in latent.NUMBERS])
    variance = jackknife_variance(full, left_out)
    of = dict(zip(latent.NUMBERS, variance, strict=True))
    rows = []
    for effect in latent.NUMBERS:
        if effect == "indirect":
            interval = product_interval(
                fit.estimate["a"], fit.estimate["b"], of["a"], of["b"], j - 1, j - 1, settings.confidence
            )
        else:
            interval = t_interval(fit.estimate[effect], np.sqrt(of[effect]), j - 1, settings.confidence)
        if np.isnan(interval.low).any():
            continue
        row = _row(model, ENGINE, level, effect, fit, data, PRIMARY_INTERVAL, interval)
        rows.append(row | _global_fit(fit))
    return rows


def _global_fit(fit: latent.LatentFit) -> dict[str, float]:
    """χ² against the unrestricted covariances, with its p where anything is restricted."""
    chance = {"chi2_p": float(chdtrc(fit.df, fit.chi2))} if fit.df > 0 else {}
    return {"chi2": fit.chi2, "df": fit.df, **chance}


def _twolevel_rows(
    model: MediationModel, data: latent.Indicators, settings: Settings
) -> list[dict[str, Any]]:
    reason = latent.why_not_twolevel(data)
    if reason:
        return [withheld(model, "twolevel", "within", reason, **data.size)]
    try:
        fit = latent.fit_twolevel(data)
    except CollinearVariablesError:
        return [withheld(model, "twolevel", "within", COLLINEAR, **data.size)]
    return _fitted_rows(model, "twolevel", "within", fit, data, "; two-level", settings)


def _latent_bootstrap(
    model: MediationModel,
    data: latent.Indicators,
    level: str,
    fit: latent.LatentFit,
    start: Array,
    sd: Array,
    settings: Settings,
    count: int,
) -> list[dict[str, Any]]:
    rng = stream(settings.seed, "mediation", model.name, "bootstrap", "latent", level)
    weights = batch_weights(data.n_clusters, count, rng)
    found = latent.replicates(data, level, start, sd, weights)
    failed = int(np.isnan(found).any(axis=1).sum())
    note = f"{failed} of {count} replicates without a maximum" if failed else ""
    if failed > count // 2:
        return []
    rows = []
    for k, effect in enumerate(latent.NUMBERS):
        interval = percentile_interval(found[:, k], settings.confidence)
        rows.append(_row(model, ENGINE, level, effect, fit, data, "percentile", interval) | {"note": note})
    return rows
