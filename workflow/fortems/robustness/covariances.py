"""The covariance matrix of predictor, mediator and outcome at an estimand's level, and without each therapist.

All sensitivity analyses of this room are functions of it, so each is computed at both estimands in the same way and with
the same cluster jackknife as the report's own interval: ``within`` it is Σ_W of the two-level fit, ``single`` the
covariance matrix over all clients; with incomplete rows both are those of full information.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.mediation.columns import build
from fortems.mediation.engines import twolevel_general as general
from fortems.mediation.engines.regression import cross_products
from fortems.mediation.engines.regression_incomplete import left_out_covariances, within_sds
from fortems.mediation.engines.twolevel_paths import TOLERANCE, sample_fit
from fortems.mediation.system import CannotFit, System, check_within
from fortems.stats import fullinformation
from fortems.stats.arrays import Array
from fortems.stats.jackknife import jackknife_variance
from fortems.stats.products import product_interval, product_p
from fortems.study.models import MediationModel
from fortems.study.roles import is_plain, is_simple, key_models

X, M, Y = 0, 1, 2  # places in the 3 x 3 matrices


@dataclass(frozen=True)
class Level:
    """A model of one predictor and one mediator at an estimand.

    Attributes
    ----------
    model : MediationModel
    level : str
        ``within`` or ``single``.
    columns : tuple of str
        Covariates' columns, predictor, mediator, outcome: those of the matrices.
    sigma : ndarray (p, p)
        Covariance matrix.
    left_out : ndarray (J, p, p)
        The same without each therapist; NaN where there is no maximum. Without therapists each client is one.
    df : float
        Clients less means: N − 1, within N − J; a regression on k columns leaves ``df − k``.
    within_sd : dict
        Column → SD within therapists, the unit of the equivalence test.
    n_clients, n_therapists : int
    """

    model: MediationModel
    level: str
    columns: tuple[str, ...]
    sigma: Array
    left_out: Array
    df: float
    within_sd: Mapping[str, float]
    n_clients: int
    n_therapists: int

    @property
    def n_covariates(self) -> int:
        """Columns that are held constant besides the model's own three."""
        return len(self.columns) - 3

    @property
    def core(self) -> Array:
        """Covariance matrix (3, 3) of predictor, mediator and outcome given the covariates."""
        return given(self.sigma[None], self.n_covariates)[0]

    @property
    def core_left_out(self) -> Array:
        """The same (J, 3, 3) without each therapist."""
        return given(self.left_out, self.n_covariates)

    @property
    def unit(self) -> float:
        """SD of the predictor over SD of the outcome, both within therapists."""
        return float(
            self.within_sd.get(self.columns[-3], np.nan) / self.within_sd.get(self.columns[-1], np.nan)
        )

    def names(self) -> dict[str, Any]:
        """The columns of a result that name the model and its variables."""
        return self.model.named() | {"level": self.level}

    def sizes(self) -> dict[str, int]:
        """The columns of a result that say of how many it is."""
        return {"n_clients": self.n_clients, "n_therapists": self.n_therapists}


@dataclass(frozen=True)
class Indirect:
    """Indirect effects with the report's own interval, each (R,).

    Attributes
    ----------
    a, b, direct, estimate, low, high, p : ndarray (R,)
    """

    a: Array
    b: Array
    direct: Array
    estimate: Array
    low: Array
    high: Array
    p: Array

    def row(self, i: int) -> dict[str, float]:
        """The i-th as columns of a result."""
        return {
            "a": float(self.a[i]),
            "b": float(self.b[i]),
            "direct": float(self.direct[i]),
            "indirect": float(self.estimate[i]),
            "ci_low": float(self.low[i]),
            "ci_high": float(self.high[i]),
            "p": float(self.p[i]),
        }


def given(sigma: Array, covariates: int) -> Array:
    """Return covariance matrices (R, p − k, p − k) of all but the first k variables, given those."""
    if not covariates:
        return sigma
    inside, across = sigma[:, :covariates, :covariates], sigma[:, :covariates, covariates:]
    found = np.full((len(sigma), *sigma.shape[1:]), np.nan)[:, covariates:, covariates:]
    usable = np.isfinite(sigma).all(axis=(1, 2))
    explained = across[usable].swapaxes(1, 2) @ np.linalg.solve(inside[usable], across[usable])
    found[usable] = sigma[usable, covariates:, covariates:] - explained
    return found


def slopes(sigma: Array) -> tuple[Array, Array, Array]:
    """Return a, b and c' (R,) from covariance matrices (R, 3, 3) of predictor, mediator and outcome."""
    xx, xm, mm = sigma[:, X, X], sigma[:, X, M], sigma[:, M, M]
    xy, my = sigma[:, X, Y], sigma[:, M, Y]
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = xx * mm - xm**2
        return xm / xx, (my * xx - xy * xm) / rest, (xy * mm - my * xm) / rest


def indirect_of(
    full: tuple[Array, Array, Array], left_out: tuple[Array, Array, Array], confidence: float
) -> Indirect:
    """Return indirect effects with the interval that the report relies on.

    Parameters
    ----------
    full : a, b, direct of ndarray (R,)
    left_out : the same of ndarray (J, R)
        Without each therapist.
    confidence : float
    """
    (a, b, direct), (a_out, b_out, _) = full, left_out
    df = len(a_out) - 1.0
    var_a, var_b = jackknife_variance(a, a_out), jackknife_variance(b, b_out)
    found = product_interval(a, b, var_a, var_b, df, df, confidence)
    return Indirect(a, b, direct, a * b, found.low, found.high, found.p)


def indirect_p(a: Array, b: Array, a_out: Array, b_out: Array) -> float:
    """Return the p of one indirect effect by that interval's distribution: a, b (1,), without each therapist (J, 1)."""
    df = len(a_out) - 1.0
    return float(product_p(a, b, jackknife_variance(a, a_out), jackknife_variance(b, b_out), df, df)[0])


def examined(models: Mapping[str, MediationModel]) -> dict[str, MediationModel]:
    """Return the models that this room looks at: the article's two; without these all that are as simple."""
    keys = list(key_models(models).values())
    return {
        name: model
        for name, model in models.items()
        if (name in keys if keys else is_plain(model) and is_simple(model))
    }


def levels_of(
    model: MediationModel, scores: pd.DataFrame, refit: bool = True, common: pd.DataFrame | None = None
) -> list[Level]:
    """Return a model's covariance matrices at both estimands, as far as the data carry them.

    Parameters
    ----------
    model : MediationModel
        Of one predictor and one mediator, without moderator.
    scores : DataFrame
    refit : bool
        Whether to fit without each therapist too; else ``left_out`` is empty (J = 0).
    common : DataFrame, optional
        The clients that the single level rests on where these are not all of ``scores``, as for own data.

    Returns
    -------
    list of Level
        ``within`` first; empty where the data carry neither.
    """
    found = []
    for make, frame in ((_within, scores), (_single, scores if common is None else common)):
        try:
            found.append(make(build(model, frame), refit))
        except (CannotFit, np.linalg.LinAlgError):
            continue
    return found


def _single(system: System, refit: bool) -> Level:
    columns = (*system.covariates, *system.model.chain)
    if system.n_missing:
        values, cluster, n_clusters = system.known_values()
        sigma = fullinformation.fit(values, cluster).covariance[0]
        left_out = left_out_covariances(values, cluster) if refit else sigma[None][:0]
    else:
        values, cluster, n_clusters = system.complete_values()
        products = cross_products(values - values.mean(axis=0), cluster, n_clusters)
        sigma = _covariance(products.sum(axis=0)[None])[0]
        left_out = _covariance(products.sum(axis=0) - products)
    if not np.isfinite(sigma).all():
        raise CannotFit("the likelihood of the incomplete rows has no maximum")
    order = [system.position(name) for name in columns]
    n = len(values)
    inside = within_sds(system, values, cluster)
    return Level(
        model=system.model,
        level="single",
        columns=columns,
        sigma=sigma[np.ix_(order, order)],
        left_out=left_out[:, order][:, :, order],
        df=n - 1.0,
        within_sd=inside,
        n_clients=n,
        n_therapists=n_clusters if n_clusters < n else 0,
    )


def _covariance(products: Array) -> Array:
    """Covariance matrices (R, p, p), divisor n, from cross-products with a leading column of ones."""
    n, sums = products[:, 0, 0], products[:, 0, 1:]
    means = sums / n[:, None]
    return products[:, 1:, 1:] / n[:, None, None] - means[:, :, None] * means[:, None, :]


def _within(system: System, refit: bool) -> Level:
    model = system.model
    labels = system.cluster[system.some]
    if len(np.unique(labels)) in (1, len(labels)):
        raise CannotFit("no therapists, or one client each")
    with general.named(system):
        check_within(system)
        covariates = tuple(name for name in system.covariates if name not in system.between_only)
        columns = (*covariates, *model.chain)
        if any(name in system.between_only for name in columns[-3:]):
            raise CannotFit("no part within therapists")
        if system.n_missing or system.between_only:
            sigma, left_out, n, clusters = _general(system, columns, refit)
        else:
            sigma, left_out, n, clusters = _complete(system, columns)
    spread = np.sqrt(np.diag(sigma))
    return Level(
        model=model,
        level="within",
        columns=columns,
        sigma=sigma,
        left_out=left_out,
        df=float(n - clusters),
        within_sd=dict(zip(columns, spread.tolist(), strict=True)),
        n_clients=n,
        n_therapists=clusters,
    )


def _complete(system: System, columns: tuple[str, ...]) -> tuple[Array, Array, int, int]:
    values, cluster, n_clusters = system.complete_values()
    values = values[:, [system.position(name) for name in columns]]
    first = sample_fit(system, columns, values, cluster)
    moments = batch.weighted_moments(values, cluster, 1.0 - np.eye(n_clusters))
    rest = batch.fit(first.model, moments, start=first, vcov=False, tolerance=TOLERANCE)
    left_out = np.where(rest.converged[:, None, None], rest.sigma_within, np.nan)
    return first.sigma_within[0], left_out, len(values), n_clusters


def _general(system: System, columns: tuple[str, ...], refit: bool) -> tuple[Array, Array, int, int]:
    fitted = general.fitted(system, "partial", False, system.n_missing > 0)
    if not fitted.converged:
        raise CannotFit("the search found no maximum")
    names = general.names_of(system)
    own = [names[column] for column in columns]
    sigma = fitted.sigma_within.loc[own, own].to_numpy(float)
    if not refit:
        return sigma, sigma[None][:0], fitted.n_clients, fitted.n_clusters
    rows = fitted.jackknife().estimates
    left_out = np.stack([_implied(row, own) for row in rows.to_dict("records")])
    return sigma, left_out, fitted.n_clients, fitted.n_clusters


def _implied(row: Mapping[Any, float], names: list[str]) -> Array:
    """Σ_W from the free parameters of a saturated model within, by name ``y~x`` and ``x~~x``."""
    p = len(names)
    paths, residual = np.zeros((p, p)), np.zeros((p, p))
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            paths[i, j] = row.get(f"{one}~{other}", 0.0)
            if (key := f"{one}~~{other}") in row:
                residual[i, j] = residual[j, i] = row[key]
    if not np.isfinite(paths + residual).all():
        return np.full((p, p), np.nan)
    back = np.linalg.inv(np.eye(p) - paths)
    return back @ residual @ back.T
