"""The table ``robustness/distribution.csv``: what departs from normal theory, and what that does to the interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import betaincinv, ndtri
from twolevel import batch

from fortems.mediation.columns import build
from fortems.mediation.system import System
from fortems.robustness.confounding.values import PATHS, classical, df_of
from fortems.robustness.covariances import Level, examined, indirect_of, levels_of, slopes
from fortems.robustness.distribution import features
from fortems.robustness.distribution.populations import NORMAL, Population, intervals
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints
from fortems.stats.products import product_interval
from fortems.study.models import MediationModel

#: kind of a row: a feature of the data, an interval of these data, how the interval fares in a population.
FEATURE, INTERVAL, POPULATION = "feature", "interval", "population"
REPORTED, CLASSICAL, NORMAL_SCORES = "as reported", "normal theory", "normal scores"

COLUMNS = (
    *("model", "level", "predictor", "mediator", "outcome", "kind", "check", "variable", "value", "p"),
    *("indirect", "ci_low", "ci_high", "studies", "coverage", "coverage_low", "coverage_high"),
    *("width_ratio", "bias", "excludes_zero", "n_clients", "n_therapists"),
)


def table(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    ranges: Mapping[str, tuple[float, float]],
    studies: int,
    seed: int,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return what the distributions of these data do to the interval that the report relies on.

    Parameters
    ----------
    models : mapping
        ``covariances.examined`` chooses.
    scores : DataFrame
        Features and populations are of complete rows; the intervals are those of all rows.
    ranges : mapping
        Variable → lowest and highest possible score.
    studies : int
        Per population.
    seed : int
    confidence : float

    Returns
    -------
    DataFrame
        ``COLUMNS``. Rows of kind ``feature``: skewness and excess kurtosis of residuals with their tests (D'Agostino, 1970; Anscombe
        & Glynn, 1983), Koenker's test of heteroscedasticity, shares at floor and ceiling. ``interval``: the report's own, that of
        normal theory, and the report's own from normal scores, which have no tails. ``population``: coverage of the
        report's own interval with a Jeffreys interval, its mean width relative to the normal population, and the mean error of the
        estimate relative to the true effect.
    """
    rows: list[dict[str, Any]] = []
    for model in examined(models).values():
        levels = levels_of(model, scores)
        if not levels:
            continue
        system = build(model, scores)
        transformed = {one.level: one for one in levels_of(model, normal_scores(scores, model))}
        fares = _populations(system, ranges, studies, seed, confidence)
        values, cluster, _ = _chain_values(system)
        for level in levels:
            base = level.names() | level.sizes()
            found = features.residuals(values, cluster, level.level)
            shape = features.rows(found) if found is not None else []
            rows += [base | {"kind": FEATURE} | row for row in [*shape, *features.ends(system, ranges)]]
            rows += [
                base | {"kind": INTERVAL} | row
                for row in _intervals(level, transformed.get(level.level), confidence)
            ]
            rows += [base | {"kind": POPULATION} | row for row in fares.get(level.level, [])]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def normal_scores(scores: pd.DataFrame, model: MediationModel) -> pd.DataFrame:
    """Return the scores with the model's own replaced by normal scores of their ranks (van der Waerden), mean and SD kept."""
    made = scores.copy()
    for name in model.chain:
        column = scores[name].astype(float)
        ranks = column.rank(method="average") / (column.notna().sum() + 1)
        normal = pd.Series(ndtri(ranks.to_numpy()), index=column.index)
        made[name] = column.mean() + column.std() * normal / normal.std()
    return made


def _chain_values(system: System) -> tuple[Array, Ints, int]:
    values, cluster, n_clusters = system.complete_values()
    return values[:, [system.position(name) for name in system.model.chain]], cluster, n_clusters


def _effect(level: Level, confidence: float) -> dict[str, Any]:
    left_out = tuple(part[:, None] for part in slopes(level.core_left_out))
    found = indirect_of(slopes(level.core[None]), left_out, confidence)  # type: ignore[arg-type]
    return {key: found.row(0)[key] for key in ("indirect", "ci_low", "ci_high", "p")}


def _intervals(level: Level, transformed: Level | None, confidence: float) -> list[dict[str, Any]]:
    made = [{"check": REPORTED} | _effect(level, confidence)]
    if min(df_of(level, effect) for effect in PATHS) > 1:
        (a, se_a, _), (b, se_b, _) = (classical(level.core, e, df_of(level, e)) for e in ("a", "b"))
        found = product_interval(a, b, se_a**2, se_b**2, df_of(level, "a"), df_of(level, "b"), confidence)
        own = {"indirect": a * b, "ci_low": found.low[0], "ci_high": found.high[0], "p": found.p[0]}
        made.append({"check": CLASSICAL} | {key: float(value) for key, value in own.items()})
    if transformed is not None:
        made.append({"check": NORMAL_SCORES} | _effect(transformed, confidence))
    return made


def _populations(
    system: System, ranges: Mapping[str, tuple[float, float]], studies: int, seed: int, confidence: float
) -> dict[str, list[dict[str, Any]]]:
    """Level → rows of how the interval fares in each population; empty where there are no therapists to draw."""
    values, cluster, n_clusters = _chain_values(system)
    if n_clusters < 3 or n_clusters == len(values) or system.between_only:
        return {}
    fitted = batch.fit(
        batch.PathModel.mediation("x", ["m"], "y"), batch.weighted_moments(values, cluster), vcov=False
    )
    own = features.residuals(values, cluster, "within")
    if not fitted.converged[0] or own is None:
        return {}
    population = Population(
        fitted.sigma_within[0],
        fitted.sigma_between[0],
        fitted.mu[0],
        np.bincount(cluster),
        own,
        [ranges.get(name) for name in system.model.chain],
    )
    made: dict[str, list[dict[str, Any]]] = {"within": [], "single": []}
    widths: dict[str, float] = {}
    for kind in population.kinds:
        rng = stream(seed, "robustness", "distribution", system.model.name, kind)
        drawn = intervals(*population.draw(rng, studies, kind), confidence)
        for level, found in drawn.items():
            truth = population.truth(level)
            known = np.isfinite(found.low)
            n = int(known.sum())
            covers = int(((found.low <= truth) & (truth <= found.high))[known].sum())
            width = float((found.high - found.low)[known].mean()) if n else np.nan
            if kind == NORMAL:
                widths[level] = width
            made[level].append(
                {
                    "check": kind,
                    "studies": n,
                    "coverage": covers / n if n else np.nan,
                    "coverage_low": float(betaincinv(covers + 0.5, n - covers + 0.5, 0.025))
                    if covers
                    else 0.0,
                    "coverage_high": float(betaincinv(covers + 0.5, n - covers + 0.5, 0.975))
                    if covers < n
                    else 1.0,
                    "width_ratio": width / widths[level],
                    "bias": float(np.mean(found.estimate[known]) / truth - 1) if n else np.nan,
                    "excludes_zero": float(((found.low > 0) | (found.high < 0))[known].mean())
                    if n
                    else np.nan,
                }
            )
    return made
