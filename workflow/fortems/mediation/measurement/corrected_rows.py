"""Versions of a model corrected for unreliability as rows of ``measurement.csv``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.mediation.columns import build
from fortems.mediation.engines.regression import MIN_CLUSTERS, cross_products
from fortems.mediation.measurement import latent
from fortems.mediation.measurement.corrected import Reliability, corrected_effects, over_reliability
from fortems.mediation.measurement.measurement_rows import Sources, measurement_row, withheld
from fortems.mediation.slopes import Settings
from fortems.mediation.system import CannotFit, System, check_within
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints
from fortems.stats.clusters import batch_weights
from fortems.stats.intervals import Interval, percentile_interval
from fortems.study.estimands import ESTIMANDS, PRIMARY
from fortems.study.models import MediationModel

#: Engine and level that corrected estimates stand beside.
BESIDE = tuple((PRIMARY[level][0], level) for level in ESTIMANDS)


def reliabilities_of(model: MediationModel, table: pd.DataFrame | None) -> list[Reliability] | str:
    """Return the three variables' reliabilities in total scores (omega, else alpha), or why there are none."""
    if table is None:
        return "no reliabilities without items"
    found = []
    total = table[table["level"] == "total"].set_index("scale")
    for name in model.chain:
        row: Any = total.loc[name] if name in total.index else None
        chosen = None
        for kind in ("omega", "alpha"):
            if row is not None and np.isfinite([row[kind], row[f"{kind}_low"], row[f"{kind}_high"]]).all():
                chosen = Reliability(float(row[kind]), float(row[f"{kind}_low"]), float(row[f"{kind}_high"]))
                break
        if chosen is None or not 0 < chosen.estimate < 1 or chosen.high >= 1:
            return f"no usable reliability of {name}"
        found.append(chosen)
    return found


def corrected_rows(model: MediationModel, sources: Sources, settings: Settings) -> list[dict[str, Any]]:
    """Return the rows of a model's version corrected for unreliability, withheld ones with the reason."""
    reliabilities = reliabilities_of(model, sources.reliability)
    plain = MediationModel(model.name, model.predictors, model.mediators, model.outcome)
    try:
        system = build(plain, sources.scores)
    except CannotFit as reason:
        return [withheld(model, name, level, reason) for name, level in BESIDE]
    values, cluster, n_clusters = system.complete_values()
    rows: list[dict[str, Any]] = []
    for engine_name, level in BESIDE:
        why = reliabilities if isinstance(reliabilities, str) else ""
        if level == "within":
            why = why or _not_divided(system)
        if isinstance(reliabilities, str) or why:
            rows.append(withheld(model, engine_name, level, why))
            continue
        rng = stream(settings.seed, "mediation", model.name, "bootstrap", "corrected", level)
        count = settings.replicates if n_clusters >= MIN_CLUSTERS else 0
        weights = batch_weights(n_clusters, count, rng)
        chosen = np.vstack([np.ones((1, n_clusters)), weights])
        moments = two_level_moments if level == "within" else single_moments
        covariances, totals = moments(values, cluster, chosen)
        rel = np.array([r.estimate for r in reliabilities])
        point = corrected_effects(covariances[0], totals[0], rel)
        values_of = {"rel_predictor": rel[0], "rel_mediator": rel[1], "rel_outcome": rel[2]}
        size = {"n_clients": len(values), "n_therapists": n_clusters, **values_of}
        if np.isnan(point).any():
            why = _why_withheld(covariances[0], totals[0], rel, system.columns, level)
            rows.append(withheld(model, engine_name, level, why, **size))
            continue
        drawn = np.column_stack([r.draws(count, rng, settings.confidence) for r in reliabilities])
        replicated = corrected_effects(covariances[1:], totals[1:], drawn) if count else np.empty((0, 10))
        low, high = over_reliability(covariances[0], totals[0], reliabilities)
        for k, effect in enumerate(latent.NUMBERS):
            shared = {"estimate": point[k], "standardized": point[k + 5], **size}
            if count:
                failed = int(np.isnan(replicated[:, k]).sum())
                note = f"{failed} of {count} replicates withheld" if failed else ""
                interval = percentile_interval(replicated[:, k], settings.confidence)
                if failed > count // 10:
                    # Replicates are lost where the correction is largest: their interval would be too short.
                    nothing = np.full(1, np.nan)
                    interval = Interval(interval.se, nothing, nothing, nothing)
                    note += ", no interval"
                rows.append(
                    measurement_row(
                        model,
                        engine_name,
                        level,
                        effect,
                        interval="percentile",
                        note=note,
                        **shared,
                        **interval.row(),
                    )
                )
            rows.append(
                measurement_row(
                    model,
                    engine_name,
                    level,
                    effect,
                    interval="reliability",
                    ci_low=low[k],
                    ci_high=high[k],
                    **shared,
                )
            )
    return rows


def _not_divided(system: System) -> str:
    """Why the levels of a model cannot be told apart; empty where they can."""
    try:
        check_within(system)
    except CannotFit as reason:
        return str(reason)
    return f"{', '.join(system.between_only)} does not vary within therapists" if system.between_only else ""


def _why_withheld(covariance: Array, totals: Array, rel: Array, names: tuple[str, ...], level: str) -> str:
    theta = (1 - rel) * totals
    over = [name for name, t, v in zip(names, theta, np.diag(covariance), strict=True) if t >= v]
    if over:
        return f"error variance reaches the {level} variance of {', '.join(over)}"
    if np.isnan(covariance).any():
        return "the observed model has no maximum"
    return "the corrected covariances are not definite"


def two_level_moments(values: Array, cluster: Ints, weights: Array) -> tuple[Array, Array]:
    """Return Σ_W (R, 3, 3) and total variances (R, 3), maximum likelihood of the saturated two-level model."""
    model = batch.PathModel.saturated(("x", "m", "y"))
    whole = batch.fit(model, batch.weighted_moments(values, cluster, weights[:1]), vcov=False)
    fitted = batch.fit(model, batch.weighted_moments(values, cluster, weights), start=whole, vcov=False)
    ok = fitted.converged[:, None, None]
    within = np.where(ok, fitted.sigma_within, np.nan)
    total = within + np.where(ok, fitted.sigma_between, np.nan)
    return within, np.einsum("rkk->rk", total)


def single_moments(values: Array, cluster: Ints, weights: Array) -> tuple[Array, Array]:
    """Return total covariances (R, 3, 3) and variances (R, 3) of reweighted therapists."""
    n_clusters, q = weights.shape[1], values.shape[1] + 1
    products = cross_products(values - values.mean(axis=0), cluster, n_clusters)
    pooled = (weights @ products.reshape(n_clusters, q * q)).reshape(-1, q, q)
    n = pooled[:, :1, :1]
    mean = pooled[:, 0, 1:] / n[:, 0]
    covariance = (pooled[:, 1:, 1:] - n * mean[:, :, None] * mean[:, None, :]) / (n - 1)
    return covariance, np.einsum("rkk->rk", covariance)
