"""Engine ``regression``: least squares, CR2 with Satterthwaite df, cluster bootstrap in closed form (level single).

All comes from each therapist's cross-products Z_j'Z_j of the columns Z = (1, exogenous, mediators, outcome): a
bootstrap replicate is a weighted sum of them, so R replicates are one (R, J) x (J, k²) product and a batch of
small linear systems per equation. Leaving a therapist out is the weight 0.

The slopes of different equations: those of the mediators covary (their residuals do), by the CR2 sandwich with
each equation's own adjusted scores; a mediator's slope a and the outcome's slopes b, c' do not, because b and c'
are unbiased given predictors and mediators, so cov(â, b̂) = cov(â, E[b̂ | x, m]) = 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fortems.mediation.engines import regression_incomplete
from fortems.mediation.engines.regression_incomplete import within_sds
from fortems.mediation.pathfit import fit_measures, fit_row, implied_covariance, joined_notes
from fortems.mediation.slopes import Settings, Slopes, explained
from fortems.mediation.system import CannotFit, Key, System
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints
from fortems.stats.clusters import batch_weights
from fortems.stats.regression import CR2Fit, cr2_from_products

ENGINE = "regression"
SINGULAR = 1e10  # condition number beyond which a replicate's cross-products count as singular
MIN_CLUSTERS = 10  # below, a cluster bootstrap is withheld


def fit(system: System, settings: Settings) -> tuple[list[Slopes], list[dict[str, Any]]]:
    """Fit a model by least squares; where rows are incomplete, by full information.

    Parameters
    ----------
    system : System
    settings : Settings

    Returns
    -------
    list of Slopes
        One, of level ``single``.
    list of dict
        Rows of ``fit.csv``, variants ``partial`` and ``full``.
    """
    if system.n_missing:
        found, fits = regression_incomplete.fit(system, ENGINE)
        return [found], fits
    values, cluster, n_clusters = system.complete_values()
    clustered = n_clusters < len(values)
    scale = values.std(axis=0)
    standard = (values - values.mean(axis=0)) / scale
    products = cross_products(standard, cluster, n_clusters)
    equations = system.equations()
    slopes = _slopes(system, products, scale, equations)
    slopes.update(
        sd=dict(zip(system.columns, values.std(axis=0, ddof=1), strict=True)),
        within_sd=within_sds(system, values, cluster),
        totals=_totals(system, products, scale),
        r_squared=explained(slopes["keys"], slopes["estimate"], np.cov(values.T), system.columns),
        n_clients=len(values),
        n_therapists=n_clusters if clustered else 0,
    )
    if n_clusters > 2:
        slopes["jackknife"] = weighted_slopes(system, products, 1.0 - np.eye(n_clusters), scale)
    if settings.bootstraps and clustered and n_clusters >= MIN_CLUSTERS:
        weights = bootstrap_weights(settings, system.model.name, ENGINE, n_clusters)
        slopes["replicates"] = weighted_slopes(system, products, weights, scale)
    return [Slopes(engine=ENGINE, level="single", **slopes)], _fit_rows(system, standard, scale, n_clusters)


def bootstrap_weights(settings: Settings, model: str, step: str, n_clusters: int) -> Array:
    """Return how often each therapist counts in each replicate (R, J): therapists drawn with replacement."""
    rng = stream(settings.seed, "mediation", model, "bootstrap", step)
    return batch_weights(n_clusters, settings.replicates, rng)


def cross_products(values: Array, cluster: Ints, n_clusters: int) -> Array:
    """Return Z_j'Z_j (J, 1 + p, 1 + p) of the columns with a leading column of ones."""
    z = np.column_stack([np.ones(len(values)), values])
    order = np.argsort(cluster, kind="stable")
    starts = np.searchsorted(cluster[order], np.arange(n_clusters))
    rows = z[order][:, :, None] * z[order][:, None, :]
    return np.add.reduceat(rows, starts, axis=0)


def _index(system: System, names: tuple[str, ...]) -> list[int]:
    """Places in the cross-products, the intercept first."""
    return [0, *(1 + system.position(name) for name in names)]


def _regress(system: System, products: Array, dependent: str, right: tuple[str, ...]) -> CR2Fit:
    index, y = _index(system, right), 1 + system.position(dependent)
    return cr2_from_products(products[None][:, :, index][:, :, :, index], products[None][:, :, index, y])


def _scores(system: System, products: Array, dependent: str, right: tuple[str, ...], fit: CR2Fit) -> Array:
    """Return R B_j s_j (J, k): CR2's adjusted scores of each cluster, whose outer products sum to the vcov."""
    index, y = _index(system, right), 1 + system.position(dependent)
    residual = products[:, index, y] - products[:, index][:, :, index] @ fit.coef[0]
    root = fit.root[0]
    return np.einsum("kl,jlm,nm,jn->jk", root, fit.adjustment[0], root, residual, optimize=True)


def _check_shared(system: System, right: tuple[str, ...], fit: CR2Fit) -> None:
    """Refuse slopes other than covariates' that one therapist alone identifies: their errors are not known."""
    once = [
        name
        for name, alone in zip(right, fit.known_once[0, 1:], strict=True)
        if alone and name not in system.covariates
    ]
    if once:
        raise CannotFit(f"the effect of {', '.join(once)} is known from one therapist only")


def _slopes(
    system: System, products: Array, scale: Array, equations: dict[str, tuple[str, ...]]
) -> dict[str, Any]:
    keys: list[Key] = []
    estimates, dfs, fits, scores = [], [], {}, {}
    for dependent, right in equations.items():
        fit = _regress(system, products, dependent, right)
        _check_shared(system, right, fit)
        keys += [(dependent, column) for column in right]
        estimates.append(fit.coef[0, 1:])
        dfs.append(fit.df[0, 1:])
        fits[dependent] = fit
        scores[dependent] = _scores(system, products, dependent, right, fit)[:, 1:]
    stacked = np.concatenate([scores[name] for name in equations], axis=1)
    vcov = stacked.T @ stacked
    outcome = slice(len(keys) - len(equations[system.model.outcome]), len(keys))
    vcov[outcome, : outcome.start] = 0.0
    vcov[: outcome.start, outcome] = 0.0
    if system.model.serial:  # each given the ones before it, as the outcome's
        same = np.array([[one[0] == other[0] for other in keys] for one in keys])
        vcov = np.where(same, vcov, 0.0)
    units = unit_factors(system, keys, scale)

    def contrast_df(weights: Array) -> float:
        """Satterthwaite df of a combination of slopes of one equation."""
        dependent = keys[int(np.flatnonzero(weights)[0])][0]
        mine = [i for i, key in enumerate(keys) if key[0] == dependent]
        return float(fits[dependent].contrast(np.concatenate([[0.0], (weights * units)[mine]]))[2][0])

    return {
        "keys": tuple(keys),
        "estimate": np.concatenate(estimates) * units,
        "vcov": vcov * np.outer(units, units),
        "df": np.concatenate(dfs),
        "contrast_df": contrast_df,
    }


def unit_factors(system: System, keys: list[Key] | tuple[Key, ...], scale: Array) -> Array:
    """Return the factors (K,) that turn slopes of standardized columns into raw units."""
    return np.array([scale[system.position(d)] / scale[system.position(c)] for d, c in keys])


def _totals(system: System, products: Array, scale: Array) -> dict[str, tuple[float, float, float]]:
    """Total effect of each predictor: the outcome on all exogenous columns, mediators left out."""
    if system.moderators:
        return {}
    outcome = system.model.outcome
    fit = _regress(system, products, outcome, system.exogenous)
    found = {}
    for i, name in enumerate(system.exogenous, start=1):
        if name in system.model.predictors:
            unit = scale[system.position(outcome)] / scale[system.position(name)]
            found[name] = (
                float(fit.coef[0, i] * unit),
                float(fit.se[0, i] * unit),
                float(fit.df[0, i]),
            )
    return found


def weighted_slopes(system: System, products: Array, weights: Array, scale: Array) -> Array:
    """Return slopes (R, K) for weighted clusters.

    Parameters
    ----------
    system : System
    products : ndarray (J, q, q)
        Cross-products of standardized columns.
    weights : ndarray (R, J)
        How often each cluster counts.
    scale : ndarray (p,)
        SDs that undo the standardization.

    Returns
    -------
    ndarray (R, K)
        NaN where a replicate's design is singular.
    """
    clusters, q, _ = products.shape
    pooled = (weights @ products.reshape(clusters, q * q)).reshape(-1, q, q)
    keys, parts = [], []
    for dependent, right in system.equations().items():
        index, y = _index(system, right), 1 + system.position(dependent)
        parts.append(_solve(pooled[:, index][:, :, index], pooled[:, index, y])[:, 1:])
        keys += [(dependent, column) for column in right]
    return np.concatenate(parts, axis=1) * unit_factors(system, keys, scale)


def _solve(matrices: Array, right: Array) -> Array:
    """Solve symmetric systems (R, k, k); NaN for the coefficients that a singular one does not determine.

    A replicate without any client of a rare category leaves that indicator undetermined and the other slopes as
    they are: the Moore-Penrose solution has these, and the null space says which are touched.
    """
    singular = np.linalg.cond(matrices) > SINGULAR
    safe = np.where(singular[:, None, None], np.eye(matrices.shape[-1]), matrices)
    solved = np.asarray(np.linalg.solve(safe, right[..., None])[..., 0], dtype=float)
    for r in np.flatnonzero(singular):
        inverse = np.linalg.pinv(matrices[r], rcond=1 / SINGULAR, hermitian=True)
        free = np.abs(np.eye(len(inverse)) - inverse @ matrices[r]).max(axis=0) > 1e-6
        solved[r] = np.where(free, np.nan, inverse @ right[r])
    return solved


def _fit_rows(system: System, standard: Array, scale: Array, n_clusters: int) -> list[dict[str, Any]]:
    n = len(standard)
    sample = standard.T @ standard / n
    jacobian = n * float(np.log(scale).sum())  # likelihood of the raw scores
    clustered = n_clusters < n
    method = "CR2, Satterthwaite df" if clustered else "CR2, Satterthwaite df, clients as their own clusters"
    rows = []
    for variant in ("partial", "full"):
        implied, _ = implied_covariance(sample, system.columns, system.equations(variant))
        df = len(system.direct_columns) if variant == "full" else 0
        measures = fit_measures(sample, implied, n, len(system.exogenous), df)
        measures["loglik"] -= jacobian
        measures["aic"] += 2 * jacobian
        measures["bic"] += 2 * jacobian
        message = "likelihood takes clients as independent" if clustered else ""
        rows.append(
            fit_row(
                system.model.name,
                ENGINE,
                variant,
                **measures,
                converged=True,
                admissible=True,
                boundary=False,
                se_method=method,
                message=with_missing(message, system),
            )
        )
    return rows


def with_missing(message: str, system: System) -> str:
    """Add the number of rows that listwise deletion left out."""
    left_out = f"{system.n_missing} rows with missing values left out" if system.n_missing else ""
    return joined_notes(message, left_out)
