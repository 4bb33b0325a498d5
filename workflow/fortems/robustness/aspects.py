"""The aspects compared: does the first one differ from each of the others (``aspects.csv``)?

Differences of correlations with mediator and outcome, and of standardized indirect effects at both estimands. The two sides
of a difference come from the same clients, so therapists are left out and resampled jointly. The interval that counts is
the cluster jackknife's, t with J − 1 df; the percentile interval of resampled therapists stands beside it. A difference that
is significant on one side only is no difference: that is what this table is for (Gelman & Stern, 2006).

Below the contrasts the direct paths of the model that holds all aspects together, standardized; the largest is marked.

References
----------
Gelman, A., & Stern, H. (2006). The difference between "significant" and "not significant" is not itself statistically
significant. The American Statistician, 60(4), 328-331.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.mediation.columns import build
from fortems.mediation.engines import regression, twolevel_paths
from fortems.mediation.slopes import places_of_a_and_b
from fortems.mediation.system import CannotFit, System, check_within, two_level_values
from fortems.robustness.joint import FEWEST
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.clusters import batch_weights
from fortems.stats.intervals import percentile_interval
from fortems.stats.jackknife import left_out_interval
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS, PRIMARY_INTERVAL, counting
from fortems.study.models import MediationModel
from fortems.study.roles import TOGETHER, main_models

ASPECT_COLUMNS = (
    "statistic",
    "level",
    "first",
    "second",
    "with",
    "interval",
    "estimate",
    "first_estimate",
    "second_estimate",
    "se",
    "ci_low",
    "ci_high",
    "p",
    "largest",
    "n_clients",
    "n_therapists",
    "failed",
    "reason",
)
CORRELATION, INDIRECT, DIRECT = "correlation", "indirect", "direct"
PERCENTILE = "percentile"


@dataclass(frozen=True)
class Sided:
    """A number of both sides: in the sample (2,), without each therapist (J, 2), in resamples (R, 2)."""

    sample: Array
    left_out: Array
    replicates: Array


def aspect_table(
    scores: pd.DataFrame,
    effects: pd.DataFrame,
    models: Mapping[str, MediationModel],
    resamples: int,
    seed: int,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the contrasts of the study's first aspect with the others, and the direct paths of all together.

    Parameters
    ----------
    scores : DataFrame
    effects : DataFrame
        ``mediation/effects.csv``.
    models : mapping
    resamples : int
        Of therapists.
    seed : int
    confidence : float
    """
    ours = study()
    there = [name for name in ours.aspects if name in scores]
    rows: list[dict[str, Any]] = []
    if ours.focus in there:
        for other in there:
            if other != ours.focus:
                rows += _contrasts(scores, ours.focus, other, resamples, seed, confidence)
    rows += _direct_rows(effects, models)
    return pd.DataFrame(rows, columns=list(ASPECT_COLUMNS))


def _contrasts(
    scores: pd.DataFrame, first: str, second: str, resamples: int, seed: int, confidence: float
) -> list[dict[str, Any]]:
    ours = study()
    if not {ours.mediator, ours.outcome} <= set(scores.columns):
        return []
    columns = ["therapist", first, second, ours.mediator, ours.outcome]
    frame = scores[columns].dropna().reset_index(drop=True)
    therapists = frame["therapist"].nunique()
    weights = batch_weights(therapists, resamples, stream(seed, "robustness", "aspects", first, second))
    base = {"first": first, "second": second, "n_clients": len(frame), "n_therapists": therapists}
    rows = []
    for other in (ours.mediator, ours.outcome):
        found = _correlations(frame, first, second, other, weights)
        rows += _rows(found, base | {"statistic": CORRELATION, "level": "total", "with": other}, confidence)
    for level in ESTIMANDS:
        its = base | {"statistic": INDIRECT, "level": level, "with": ours.outcome}
        try:
            sides = [_indirect(frame, name, level, weights) for name in (first, second)]
        except (CannotFit, np.linalg.LinAlgError) as reason:
            rows.append(
                its | {"interval": PRIMARY_INTERVAL, "largest": False, "reason": f"not fitted: {reason}"}
            )
            continue
        parts = [np.stack(pair, axis=-1) for pair in zip(*sides, strict=True)]
        rows += _rows(Sided(parts[0][0], parts[1], parts[2]), its, confidence)
    return rows


def _rows(found: Sided, its: dict[str, Any], confidence: float) -> list[dict[str, Any]]:
    """Both intervals of a difference."""
    estimate = float(found.sample[0] - found.sample[1])
    left_out = found.left_out[:, 0] - found.left_out[:, 1]
    replicates = found.replicates[:, 0] - found.replicates[:, 1]
    its = its | {
        "estimate": estimate,
        "first_estimate": float(found.sample[0]),
        "second_estimate": float(found.sample[1]),
        "largest": False,
        "reason": "",
    }
    robust = left_out_interval(estimate, left_out, confidence).row()
    failed = int((~np.isfinite(left_out)).sum())
    rows = [its | robust | {"interval": PRIMARY_INTERVAL, "failed": failed}]
    if its["n_therapists"] >= FEWEST:
        usable = replicates[np.isfinite(replicates)]
        se = float(usable.std(ddof=1)) if len(usable) > 1 else np.nan
        resampled = percentile_interval(replicates, confidence).row() | {"se": se}
        rows.append(its | resampled | {"interval": PERCENTILE, "failed": len(replicates) - len(usable)})
    return rows


def _correlations(frame: pd.DataFrame, first: str, second: str, other: str, weights: Array) -> Sided:
    """Correlations of both aspects with another variable, whole, without each therapist, and resampled."""
    values = frame[[first, second, other]].to_numpy(float)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    codes = np.unique(frame["therapist"].to_numpy(str), return_inverse=True)[1].astype(np.int64)
    n_clusters = int(codes.max()) + 1
    products = regression.cross_products(values, codes, n_clusters)

    def correlated(w: Array) -> Array:
        pooled = np.einsum("rj,jkl->rkl", w, products)
        n = pooled[:, :1, :1]
        covariance = pooled / n - pooled[:, :, :1] * pooled[:, :1, :] / n**2
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.sqrt(np.einsum("rkk->rk", covariance))
            return np.stack([covariance[:, i, 3] / (spread[:, i] * spread[:, 3]) for i in (1, 2)], axis=1)

    whole = correlated(np.ones((1, n_clusters)))[0]
    return Sided(whole, correlated(1.0 - np.eye(n_clusters)), correlated(weights))


def _indirect(frame: pd.DataFrame, predictor: str, level: str, weights: Array) -> tuple[Array, Array, Array]:
    """Standardized indirect effect of one aspect: (1,), without each therapist (J,), in resamples (R,)."""
    ours = study()
    system = build(MediationModel(predictor, (predictor,), (ours.mediator,), ours.outcome), frame)
    everyone = np.ones((1, weights.shape[1]))
    parts = (everyone, 1.0 - np.eye(weights.shape[1]), weights)
    standardized = _single(system, parts) if level == "single" else _within(system, parts)
    return standardized[0], standardized[1], standardized[2]


def _single(system: System, parts: tuple[Array, ...]) -> list[Array]:
    values, cluster, n_clusters = system.complete_values()
    scale = values.std(axis=0)
    products = regression.cross_products((values - values.mean(axis=0)) / scale, cluster, n_clusters)
    model = system.model
    a, b = places_of_a_and_b(system.keys(), model)
    x, y = 1 + system.position(model.predictors[0]), 1 + system.position(model.outcome)
    found = []
    for weights in parts:
        slopes = regression.weighted_slopes(system, products, weights, scale)
        pooled = np.einsum("rj,jkl->rkl", weights, products)
        variance = [pooled[:, i, i] - pooled[:, 0, i] ** 2 / pooled[:, 0, 0] for i in (x, y)]
        unit = scale[x - 1] / scale[y - 1] * np.sqrt(variance[0] / variance[1])
        found.append(slopes[:, a] * slopes[:, b] * unit)
    return found


def _within(system: System, parts: tuple[Array, ...]) -> list[Array]:
    check_within(system)
    values, cluster, _ = two_level_values(system)
    order = system.columns
    sample = twolevel_paths.sample_fit(system, order, values, cluster)
    its = system.model
    x, y = order.index(its.predictors[0]), order.index(its.outcome)
    found = []
    for weights in parts:
        moments = batch.weighted_moments(values, cluster, weights)
        fits = batch.fit(sample.model, moments, start=sample, vcov=False, tolerance=twolevel_paths.TOLERANCE)
        paths = fits.path(its.mediators[0], its.predictors[0]) * fits.path(its.outcome, its.mediators[0])
        with np.errstate(invalid="ignore"):
            found.append(paths * np.sqrt(fits.sigma_within[:, x, x] / fits.sigma_within[:, y, y]))
    return found


def _direct_rows(effects: pd.DataFrame, models: Mapping[str, MediationModel]) -> list[dict[str, Any]]:
    """Standardized direct paths of the model of all aspects together, of each estimand the largest marked."""
    name = main_models(models).get(TOGETHER)
    counted = counting(effects)
    rows = []
    for level in ESTIMANDS:
        mine = counted[
            (counted["model"] == name) & (counted["level"] == level) & (counted["effect"] == "direct")
        ]
        mine = mine[mine["standardized"].notna()]
        largest = mine["standardized"].abs().idxmax() if len(mine) else None
        for place, row in mine.to_dict("index").items():
            # Interval and error in the same SDs as the estimate.
            unit = row["standardized"] / row["estimate"] if row["estimate"] else np.nan
            rows.append(
                {
                    "statistic": DIRECT,
                    "level": level,
                    "first": row["predictor"],
                    "second": "",
                    "with": row["outcome"],
                    "interval": row["interval"],
                    "estimate": row["standardized"],
                    "se": row["se"] * unit,
                    "ci_low": row["ci_low"] * unit,
                    "ci_high": row["ci_high"] * unit,
                    "p": row["p"],
                    "largest": place == largest,
                    "n_clients": row["n_clients"],
                    "n_therapists": row["n_therapists"],
                    "reason": "",
                }
            )
    return rows
