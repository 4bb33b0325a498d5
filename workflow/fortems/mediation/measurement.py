"""What measurement error does to a, b and the indirect effect (``measurement.csv``).

One table: for every base model (predictor, mediator, outcome) of which the models file has a latent or a corrected
version, the observed estimates by the primary engines, the latent and the corrected ones. Columns as in
``effects.csv``, with ``measurement``, the reliabilities used, ``ratio`` (estimate over the observed one of the same
level and effect) and ``note``. The interval ``reliability`` holds a corrected estimate's lowest and highest value
over the reliabilities' intervals; ``percentile`` is a cluster bootstrap that draws the reliabilities anew each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from twolevel import batch

from fortems.instruments import Instrument
from fortems.mediation import latent
from fortems.mediation.corrected import Reliability, corrected_effects, over_reliability
from fortems.mediation.effects import effect_rows
from fortems.mediation.intervals import Interval, percentile_interval, t_interval
from fortems.mediation.models import MediationModel
from fortems.mediation.regression_engine import MIN_CLUSTERS, cross_products
from fortems.mediation.run import engine
from fortems.mediation.slopes import Settings
from fortems.mediation.system import build
from fortems.seeds import stream

Array = NDArray[np.float64]

MEASUREMENT_COLUMNS = (
    "model",
    "measurement",
    "engine",
    "level",
    "effect",
    "predictor",
    "mediator",
    "outcome",
    "interval",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "p",
    "standardized",
    "ratio",
    "rel_predictor",
    "rel_mediator",
    "rel_outcome",
    "n_clients",
    "n_therapists",
    "note",
)
SHOWN = {"a": "wald", "b": "wald", "direct": "wald", "total": "delta", "indirect": "delta"}
OBSERVED = (("twolevel", "within"), ("regression", "single"))


@dataclass(frozen=True)
class Sources:
    """What measurement models are made from.

    Attributes
    ----------
    scores : DataFrame
    items : DataFrame or None
        Of the same clients; None where the data have scale scores only.
    reliability : DataFrame or None
        ``tables/reliability.csv``.
    instruments : mapping
    """

    scores: pd.DataFrame
    items: pd.DataFrame | None
    reliability: pd.DataFrame | None
    instruments: Mapping[str, Instrument]

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        items: pd.DataFrame | None,
        reliability: pd.DataFrame | None,
        instruments: Mapping[str, Instrument],
    ) -> Sources:
        """Put the items in the order of the scores, clients without scores left out."""
        if items is not None:
            items = scores[["client"]].merge(items, on="client", how="left", validate="one_to_one")
        return cls(scores, items, reliability, instruments)


def measurement_table(
    models: Mapping[str, MediationModel], sources: Sources, settings: Settings, latent_replicates: int
) -> pd.DataFrame:
    """Return the table of observed, latent and corrected estimates.

    Parameters
    ----------
    models : mapping
        Those with ``measurement`` latent or corrected are used.
    sources : Sources
    settings : Settings
    latent_replicates : int
        Cluster-bootstrap replicates of latent models; 0 for none.
    """
    rows: list[dict[str, Any]] = []
    done: set[tuple[str, str, str]] = set()
    for model in models.values():
        base = (model.predictors[0], model.mediators[0], model.outcome)
        if model.measurement == "observed":
            continue
        if base not in done:
            rows += _observed_rows(model, sources, settings)
            done.add(base)
        if model.measurement == "latent":
            rows += _latent_rows(model, sources, settings, latent_replicates)
        else:
            rows += _corrected_rows(model, sources, settings)
    frame = pd.DataFrame(rows, columns=list(MEASUREMENT_COLUMNS))
    return _with_ratio(frame)


def _row(model: MediationModel, engine_name: str, level: str, effect: str, **values: Any) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(MEASUREMENT_COLUMNS, np.nan)
    return row | {
        "model": model.name,
        "measurement": model.measurement,
        "engine": engine_name,
        "level": level,
        "effect": effect,
        "predictor": model.predictors[0],
        "mediator": model.mediators[0],
        "outcome": model.outcome,
        "interval": "",
        "note": "",
        **values,
    }


def _of(interval: Interval) -> dict[str, float]:
    return {
        "se": float(interval.se[0]),
        "ci_low": float(interval.low[0]),
        "ci_high": float(interval.high[0]),
        "p": float(interval.p[0]),
    }


def _observed_rows(model: MediationModel, sources: Sources, settings: Settings) -> list[dict[str, Any]]:
    name = f"{model.predictors[0]}_observed"
    plain = MediationModel(name, model.predictors, model.mediators, model.outcome)
    system = build(plain, sources.scores)
    quiet = Settings(settings.seed, settings.confidence, settings.draws, 0, ("delta", "montecarlo"))
    rows = []
    for engine_name, level in OBSERVED:
        slopes, _ = engine(engine_name)(system, quiet)
        for part in slopes:
            for found in effect_rows(system, part, quiet):
                if part.level == level:
                    kept = {key: value for key, value in found.items() if key in MEASUREMENT_COLUMNS}
                    rows.append({**_row(plain, engine_name, level, found["effect"]), **kept})
    return rows


def _latent_rows(
    model: MediationModel, sources: Sources, settings: Settings, count: int
) -> list[dict[str, Any]]:
    data = latent.indicators(model, sources.scores, sources.items, sources.instruments)
    rows: list[dict[str, Any]] = []
    for level in ("within", "single"):
        if isinstance(data, str):
            rows.append(_row(model, "semopy", level, "indirect", note=f"withheld: {data}"))
            continue
        n, n_clusters = len(data.values), data.n_clusters
        size = {"n_clients": n, "n_therapists": n_clusters}
        free = n - n_clusters if level == "within" else n
        if free <= data.values.shape[1]:
            why = "withheld: fewer clients than indicators need"
            rows.append(_row(model, "semopy", level, "indirect", note=why, **size))
            continue
        try:
            fit, fitted, sd = latent.fit_latent(data, level)
        except (np.linalg.LinAlgError, ValueError):
            rows.append(_row(model, "semopy", level, "indirect", note="withheld: the search failed", **size))
            continue
        if not (fit.converged and fit.admissible):
            why = "a variance is negative" if fit.converged else "no maximum"
            rows.append(_row(model, "semopy", level, "indirect", note=f"withheld: {why}", **size))
            continue
        note = f"latent by {data.values.shape[1]} indicators; chi2({fit.df}) = {fit.chi2:.2f}"
        if level == "within":
            note += "; pooled covariances within therapists"
        for effect, shown in SHOWN.items():
            interval = t_interval(fit.estimate[effect], fit.se[effect], np.inf, settings.confidence)
            rows.append(
                _row(
                    model,
                    "semopy",
                    level,
                    effect,
                    interval=shown,
                    estimate=fit.estimate[effect],
                    standardized=fit.standardized[effect],
                    note=note,
                    **_of(interval),
                    **size,
                )
            )
        if count and n_clusters >= MIN_CLUSTERS:
            rows += _latent_bootstrap(model, data, level, fit, fitted, sd, settings, count)
    return rows


def _latent_bootstrap(
    model: MediationModel,
    data: latent.Indicators,
    level: str,
    fit: latent.LatentFit,
    fitted: Any,
    sd: Array,
    settings: Settings,
    count: int,
) -> list[dict[str, Any]]:
    rng = stream(settings.seed, "mediation", model.name, "bootstrap", "latent", level)
    j = data.n_clusters
    weights = rng.multinomial(j, np.full(j, 1 / j), size=count).astype(float)
    found = latent.replicates(data, level, fitted, sd, weights)
    failed = int(np.isnan(found).any(axis=1).sum())
    note = f"{failed} of {count} replicates without an admissible maximum" if failed else ""
    if failed > count // 2:
        return []
    rows = []
    for k, effect in enumerate(latent.NUMBERS):
        interval = percentile_interval(found[:, k], settings.confidence)
        rows.append(
            _row(
                model,
                "semopy",
                level,
                effect,
                interval="percentile",
                estimate=fit.estimate[effect],
                standardized=fit.standardized[effect],
                note=note,
                n_clients=len(data.values),
                n_therapists=j,
                **_of(interval),
            )
        )
    return rows


def reliabilities_of(model: MediationModel, table: pd.DataFrame | None) -> list[Reliability] | str:
    """Return the three variables' reliabilities in total scores (omega, else alpha), or why there are none."""
    if table is None:
        return "no reliabilities without items"
    found = []
    total = table[table["level"] == "total"].set_index("scale")
    for name in (*model.predictors, *model.mediators, model.outcome):
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


def _corrected_rows(model: MediationModel, sources: Sources, settings: Settings) -> list[dict[str, Any]]:
    reliabilities = reliabilities_of(model, sources.reliability)
    plain = MediationModel(model.name, model.predictors, model.mediators, model.outcome)
    system = build(plain, sources.scores)
    values, cluster, n_clusters = system.complete_values()
    rows: list[dict[str, Any]] = []
    for engine_name, level in OBSERVED:
        if isinstance(reliabilities, str):
            rows.append(_row(model, engine_name, level, "indirect", note=f"withheld: {reliabilities}"))
            continue
        rng = stream(settings.seed, "mediation", model.name, "bootstrap", "corrected", level)
        count = settings.replicates if n_clusters >= MIN_CLUSTERS else 0
        weights = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=count)
        chosen = np.vstack([np.ones((1, n_clusters)), weights])
        moments = _two_level_moments if level == "within" else _single_moments
        covariances, totals = moments(values, cluster, chosen)
        rel = np.array([r.estimate for r in reliabilities])
        point = corrected_effects(covariances[0], totals[0], rel)
        values_of = {"rel_predictor": rel[0], "rel_mediator": rel[1], "rel_outcome": rel[2]}
        size = {"n_clients": len(values), "n_therapists": n_clusters, **values_of}
        if np.isnan(point).any():
            note = _why_withheld(covariances[0], totals[0], rel, system.columns, level)
            rows.append(_row(model, engine_name, level, "indirect", note=note, **size))
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
                    _row(
                        model,
                        engine_name,
                        level,
                        effect,
                        interval="percentile",
                        note=note,
                        **shared,
                        **_of(interval),
                    )
                )
            rows.append(
                _row(
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


def _why_withheld(covariance: Array, totals: Array, rel: Array, names: tuple[str, ...], level: str) -> str:
    theta = (1 - rel) * totals
    over = [name for name, t, v in zip(names, theta, np.diag(covariance), strict=True) if t >= v]
    if over:
        return f"withheld: error variance reaches the {level} variance of {', '.join(over)}"
    if np.isnan(covariance).any():
        return "withheld: the observed model has no maximum"
    return "withheld: the corrected covariances are not definite"


def _two_level_moments(values: Array, cluster: NDArray[np.int64], weights: Array) -> tuple[Array, Array]:
    """Return Σ_W (R, 3, 3) and total variances (R, 3), maximum likelihood of the saturated two-level model."""
    model = batch.PathModel.saturated(("x", "m", "y"))
    whole = batch.fit(model, batch.weighted_moments(values, cluster, weights[:1]), vcov=False)
    fitted = batch.fit(model, batch.weighted_moments(values, cluster, weights), start=whole, vcov=False)
    ok = fitted.converged[:, None, None]
    within = np.where(ok, fitted.sigma_within, np.nan)
    total = within + np.where(ok, fitted.sigma_between, np.nan)
    return within, np.einsum("rkk->rk", total)


def _single_moments(values: Array, cluster: NDArray[np.int64], weights: Array) -> tuple[Array, Array]:
    """Return total covariances (R, 3, 3) and variances (R, 3) of reweighted therapists."""
    n_clusters, q = weights.shape[1], values.shape[1] + 1
    products = cross_products(values - values.mean(axis=0), cluster, n_clusters)
    pooled = (weights @ products.reshape(n_clusters, q * q)).reshape(-1, q, q)
    n = pooled[:, :1, :1]
    mean = pooled[:, 0, 1:] / n[:, 0]
    covariance = (pooled[:, 1:, 1:] - n * mean[:, :, None] * mean[:, None, :]) / (n - 1)
    return covariance, np.einsum("rkk->rk", covariance)


def _with_ratio(frame: pd.DataFrame) -> pd.DataFrame:
    """Add each estimate's ratio to the observed one of the same variables, level and effect."""
    keys = ["predictor", "mediator", "outcome", "level", "effect"]
    observed = frame[frame["measurement"] == "observed"].drop_duplicates(keys)
    reference = observed.set_index(keys)["estimate"].to_dict()
    ratios = [
        row["estimate"] / reference.get(tuple(row[key] for key in keys), np.nan)
        for row in frame.to_dict("records")
    ]
    return frame.assign(ratio=ratios)
