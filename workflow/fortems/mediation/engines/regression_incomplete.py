"""What the single level does with incomplete rows: full information, inference by the cluster jackknife.

The paths are saturated, so their maximum-likelihood estimates are the regressions in the likeliest covariance matrix of
all columns (``fortems.stats.fullinformation``), which without missing values is least squares. Their covariances
are those of the leave-one-therapist-out refits; without therapists every client is a cluster.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fortems.mediation.pathfit import fit_row, implied_covariance, indices, likelihood_measures, srmr
from fortems.mediation.slopes import Slopes, explained
from fortems.mediation.system import CannotFit, System
from fortems.stats import fullinformation
from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.clusters import varies_within
from fortems.stats.jackknife import jackknife_variance


def fit(system: System, engine: str) -> tuple[Slopes, list[dict[str, Any]]]:
    """Fit a model to all rows that have a value.

    Raises
    ------
    CannotFit
        When the likelihood has no maximum.
    """
    values, cluster, n_clusters = system.known_values()
    covariance = fullinformation.fit(values, cluster).covariance
    if np.isnan(covariance).any():
        raise CannotFit("the likelihood of the incomplete rows has no maximum")
    left_out = left_out_covariances(values, cluster)
    keys = system.keys()
    estimate, jackknife = _slopes(system, covariance)[0], _slopes(system, left_out)
    observed = covariance[0][: len(system.columns), : len(system.columns)]
    n = len(values)
    spread = np.sqrt(np.diag(observed) * n / (n - 1))
    slopes = Slopes(
        engine=engine,
        level="single",
        keys=keys,
        estimate=estimate,
        vcov=_covariance(system, estimate, jackknife),
        df=np.full(len(keys), n_clusters - 1.0),
        sd=dict(zip(system.columns, spread.tolist(), strict=True)),
        within_sd=within_sds(system, values, cluster),
        totals=_totals(system, covariance, left_out),
        r_squared=explained(keys, estimate, observed, system.columns),
        n_clients=n,
        n_therapists=n_clusters if n_clusters < n else 0,
        jackknife=jackknife,
    )
    return slopes, _fit_rows(system, engine)


def left_out_covariances(values: Array, cluster: Ints) -> Array:
    """Return the likeliest covariance matrices (J, p, p) without each cluster.

    A column that does not vary without a cluster is left out of that fit: its row is NaN, the others stand.
    """
    clusters, p = int(cluster.max()) + 1, values.shape[1]
    found = np.full((clusters, p, p), np.nan)
    varying = np.array([_varying(values[cluster != j]) for j in range(clusters)])
    for kept in np.unique(varying, axis=0):
        mine, columns = np.flatnonzero((varying == kept).all(axis=1)), np.flatnonzero(kept)
        part = values[:, columns]
        known = ~np.isnan(part).all(axis=1)
        weights = (np.arange(clusters) != mine[:, None]).astype(float)
        fitted = fullinformation.fit(part[known], cluster[known], weights[:, : cluster[known].max() + 1])
        found[np.ix_(mine, columns, columns)] = fitted.covariance
    return found


def _varying(values: Array) -> Bools:
    known = ~np.isnan(values)
    low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
    high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray(high > low)


def _slopes(system: System, covariances: Array) -> Array:
    """Slopes (R, K) in the order of ``system.keys()``."""
    return np.concatenate(
        [_regress(system, covariances, d, right) for d, right in system.equations().items()], axis=1
    )


def _regress(system: System, covariances: Array, dependent: str, right: tuple[str, ...]) -> Array:
    left, places = system.position(dependent), [system.position(name) for name in right]
    found = np.full((len(covariances), len(right)), np.nan)
    there = ~np.isnan(np.diagonal(covariances, axis1=1, axis2=2))
    for kept in np.unique(there, axis=0):
        mine = np.flatnonzero((there == kept).all(axis=1))
        columns = [i for i, place in enumerate(places) if kept[place]]
        if kept[left] and columns:
            used = [places[i] for i in columns]
            found[np.ix_(mine, np.array(columns))] = fullinformation.regressions(
                covariances[mine], used, left
            )
    return found


def _covariance(system: System, estimate: Array, jackknife: Array) -> Array:
    """Jackknife covariances of the slopes of one equation and of the mediators' equations among them."""
    clusters = len(jackknife)
    deviation = jackknife - estimate
    vcov = (clusters - 1) / clusters * deviation.T @ deviation
    missing = np.isnan(jackknife).any(axis=0) | (clusters < 3)
    vcov[missing], vcov[:, missing] = np.nan, np.nan
    keys = system.keys()
    last = np.array([dependent == system.model.outcome for dependent, _ in keys])
    vcov[np.ix_(last, ~last)], vcov[np.ix_(~last, last)] = 0.0, 0.0
    return vcov


def _totals(system: System, covariance: Array, left_out: Array) -> dict[str, tuple[float, float, float]]:
    """Total effect of each predictor: the outcome on all exogenous columns, mediators left out."""
    if system.moderators:
        return {}
    whole = _regress(system, covariance, system.model.outcome, system.exogenous)[0]
    without = _regress(system, left_out, system.model.outcome, system.exogenous)
    se = np.sqrt(jackknife_variance(whole, without))
    return {
        name: (float(whole[i]), float(se[i]), len(without) - 1.0)
        for i, name in enumerate(system.exogenous)
        if name in system.model.predictors
    }


def within_sds(system: System, values: Array, cluster: Ints) -> dict[str, float]:
    """Return pooled SDs within therapists (divisor N − J) by column, each from the clients that have it.

    Total SDs where there are no clusters; NaN for a column that is constant within therapists.
    """
    found = {}
    for i, name in enumerate(system.columns):
        known = ~np.isnan(values[:, i])
        column, codes = values[known, i], np.unique(cluster[known], return_inverse=True)[1]
        sizes = np.bincount(codes)
        if len(sizes) == len(column):
            found[name] = float(column.std(ddof=1))
        elif not varies_within(column, codes):
            found[name] = float("nan")
        else:
            deviation = column - (np.bincount(codes, column) / sizes)[codes]
            found[name] = float(np.sqrt((deviation**2).sum() / (len(column) - len(sizes))))
    return found


def _fit_rows(system: System, engine: str) -> list[dict[str, Any]]:
    values, cluster, _ = system.known_values()
    values = values[:, : len(system.columns)]
    columns, n = system.columns, len(values)
    saturated = fullinformation.fit(values, cluster)
    size, exogenous = len(columns), len(system.exogenous)

    def independent(sample: Array) -> Array:
        found = np.diag(np.diag(sample))
        found[:exogenous, :exogenous] = sample[:exogenous, :exogenous]
        return found

    def without_direct(sample: Array) -> Array:
        return implied_covariance(sample, columns, system.equations("full"))[0]

    baseline = float(fullinformation.fit(values, cluster, restrict=independent).loglik[0])
    base_df = size * (size - 1) // 2 - exogenous * (exogenous - 1) // 2
    top = float(saturated.loglik[0])
    rows = []
    for variant in ("partial", "full"):
        df = len(system.direct_columns) if variant == "full" else 0
        fitted = saturated
        if df:
            fitted = fullinformation.fit(values, cluster, restrict=without_direct)
        value = float(fitted.loglik[0])
        measures = likelihood_measures(value, size + size * (size + 1) // 2 - df, top, df, n)
        rows.append(
            fit_row(
                system.model.name,
                engine,
                variant,
                **measures,
                **indices(measures["chi2"], df, 2 * (top - baseline), base_df, n),
                srmr_within=srmr(saturated.covariance[0], fitted.covariance[0]) if df else np.nan,
                converged=bool(np.isfinite(value)),
                admissible=True,
                boundary=False,
                se_method="cluster jackknife, J − 1 df",
                message=f"full information: {system.n_missing} incomplete rows used; "
                "likelihood takes clients as independent",
            )
        )
    return rows
