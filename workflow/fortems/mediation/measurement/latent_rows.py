"""Latent versions of a model as rows of ``measurement.csv``."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Fitted:
    """A latent fit of a model at a level, and the clients that it is of."""

    model: MediationModel
    engine: str
    level: str
    data: latent.Indicators
    fit: latent.LatentFit

    @property
    def usable(self) -> bool:
        """Whether its estimates may be given."""
        return self.fit.converged and self.fit.admissible

    def row(self, effect: str, name: str, interval: Interval, **more: Any) -> dict[str, Any]:
        """Return the row of one effect with an interval of that name."""
        own = {"estimate": self.fit.estimate[effect], "standardized": self.fit.standardized[effect]}
        own |= interval.row() | self.data.size | more
        return measurement_row(self.model, self.engine, self.level, effect, interval=name, **own)


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
    if isinstance(data, str):
        return [withheld(model, ENGINE, level, data) for level in ("within", "single")]
    rows: list[dict[str, Any]] = []
    for level in ("within", "single"):
        reason = _why_not(data, level)
        if not reason:
            try:
                fit, found, sd = latent.fit_latent(data, level)
            except CollinearVariablesError:
                reason = COLLINEAR
            except ModelError:
                reason = "the search failed"
        if reason:
            rows.append(withheld(model, ENGINE, level, reason, **data.size))
            continue
        one = Fitted(model, ENGINE, level, data, fit)
        how = "; pooled covariances within therapists" if level == "within" else ""
        rows += _fitted_rows(one, how, settings)
        if one.usable:
            rows += _jackknife(one, found, sd, settings)
            if count and data.n_clusters >= MIN_CLUSTERS:
                rows += _latent_bootstrap(one, found, sd, settings, count)
    return rows + _twolevel_rows(model, data, settings)


def _why_not(data: latent.Indicators, level: str) -> str:
    """Say why a level's covariances cannot be fitted; empty where they may."""
    free = len(data.values) - (data.n_clusters if level == "within" else 0)
    if free <= data.values.shape[1]:
        return "fewer clients than indicators need"
    where = "within therapists" if level == "within" else "at all"
    still = latent.unvarying(data, level)
    return f"{', '.join(still)} does not vary {where}" if still else ""


def _fitted_rows(one: Fitted, how: str, settings: Settings) -> list[dict[str, Any]]:
    """Rows of a latent fit, or one that says why it is withheld."""
    fit = one.fit
    if not one.usable:
        why = "a variance is negative" if fit.converged else "no maximum"
        return [withheld(one.model, one.engine, one.level, why, **one.data.size)]
    note = f"latent by {one.data.values.shape[1]} indicators{how}"
    rows = []
    for effect, shown in SHOWN.items():
        interval = t_interval(fit.estimate[effect], fit.se[effect], np.inf, settings.confidence)
        rows.append(one.row(effect, shown, interval, note=note, **_global_fit(fit)))
    return rows


def _jackknife(one: Fitted, start: Array, sd: Array, settings: Settings) -> list[dict[str, Any]]:
    """The primary interval of observed scores for latent ones too: therapists left out in turn, a and b as t variates."""
    fit, j = one.fit, one.data.n_clusters
    left_out = latent.replicates(one.data, one.level, start, sd, 1.0 - np.eye(j))
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
        if not np.isnan(interval.low).any():
            rows.append(one.row(effect, PRIMARY_INTERVAL, interval, **_global_fit(fit)))
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
    return _fitted_rows(Fitted(model, "twolevel", "within", data, fit), "; two-level", settings)


def _latent_bootstrap(
    one: Fitted, start: Array, sd: Array, settings: Settings, count: int
) -> list[dict[str, Any]]:
    rng = stream(settings.seed, "mediation", one.model.name, "bootstrap", "latent", one.level)
    weights = batch_weights(one.data.n_clusters, count, rng)
    found = latent.replicates(one.data, one.level, start, sd, weights)
    failed = int(np.isnan(found).any(axis=1).sum())
    note = f"{failed} of {count} replicates without a maximum" if failed else ""
    if failed > count // 2:
        return []
    return [
        one.row(effect, "percentile", percentile_interval(found[:, k], settings.confidence), note=note)
        for k, effect in enumerate(latent.NUMBERS)
    ]
