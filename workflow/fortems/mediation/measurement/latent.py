"""Mediation between latent variables: predictor, mediator and outcome measured by parcels.

Indicators: a scale with subscales by these; a scale of up to five items by its items; a longer one by three
parcels, items dealt in turn. Fitted to the covariances of all clients (``single``) and to the pooled
covariances within therapists with N − J degrees of freedom (``within``), which estimate Σ_W whatever the between part
(the within step of Muthén, 1994); and by the two-level engine where therapists are many enough for its between part.

Numbers are in the metric of the scores: with standardized indicators z_i = v_i / s_i, loadings λ_i and latent η,
the score Σ v_i has the true part t η, t = Σ s_i λ_i, so a slope between latent variables times t_end / t_start
is one between true scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from twolevel import ClusterData, Fit

from fortems.mediation.engines.mixedlm import cluster_means
from fortems.mediation.measurement.one_level import OneLevel
from fortems.stats.arrays import Array, Bools, Ints
from fortems.study.instruments import Instrument
from fortems.study.models import MediationModel
from fortems.study.scoring import reverse

FEW_ITEMS = 5
PARCELS = 3
UNVARYING = 1e-12  # share of a variance that rounding alone can leave
ROLES = ("x", "m", "y")
NUMBERS = ("a", "b", "direct", "indirect", "total")


@dataclass(frozen=True)
class Indicators:
    """Parcels of the three variables of a model.

    Attributes
    ----------
    values : ndarray (n, p)
        Complete rows.
    owner : ndarray (p,)
        0, 1, 2 for predictor, mediator, outcome.
    names : tuple of str
    cluster : ndarray (n,)
        Codes 0 … J − 1.
    known : ndarray (N,)
        Which of all clients the rows are.
    """

    values: Array
    owner: Ints
    names: tuple[str, ...]
    cluster: Ints
    known: Bools

    @property
    def size(self) -> dict[str, int]:
        """The columns of a result that say of how many it is."""
        return {"n_clients": len(self.values), "n_therapists": self.n_clusters}

    @property
    def n_clusters(self) -> int:
        """J."""
        return int(self.cluster.max(initial=-1)) + 1


@dataclass(frozen=True)
class LatentFit:
    """A latent model's estimates at one level.

    Attributes
    ----------
    estimate, se : dict
        Number (``a, b, direct, indirect, total``) → value in score units, and its standard error.
    standardized : dict
        In SDs of the latent variables.
    chi2, df : float, int
    converged, admissible : bool
    n : int
        Degrees of freedom that the covariances rest on.
    """

    estimate: dict[str, float]
    se: dict[str, float]
    standardized: dict[str, float]
    chi2: float
    df: int
    converged: bool
    admissible: bool
    n: int


def scale_parcels(
    name: str, scores: pd.DataFrame, items: pd.DataFrame | None, instruments: Mapping[str, Instrument]
) -> dict[str, Array]:
    """Return the indicators of a scale by name.

    Parameters
    ----------
    name : str
        A scale of an instrument.
    scores, items : DataFrame
        Of the same clients in the same order; items may be missing.
    instruments : mapping

    Returns
    -------
    dict
        Empty where the data have neither its subscales nor its items.
    """
    for instrument in instruments.values():
        if name == instrument.total:
            parts = [part for part in instrument.subscales if part in scores]
            complete = len(parts) == len(instrument.subscales)
            return {part: scores[part].to_numpy(float) for part in parts} if complete else {}
        if name in instrument.subscales:
            columns = list(instrument.columns())
            if items is None or not set(columns) <= set(items):
                return {}
            turned = reverse(items[columns].to_numpy(float, na_value=np.nan), instrument)
            chosen = [turned[:, number - 1] for number in instrument.subscales[name]]
            if len(chosen) <= FEW_ITEMS:
                return {f"{name}_{i}": column for i, column in enumerate(chosen, start=1)}
            return {f"{name}_{k + 1}": np.sum(chosen[k::PARCELS], axis=0) for k in range(PARCELS)}
    return {}


def indicators(
    model: MediationModel,
    scores: pd.DataFrame,
    items: pd.DataFrame | None,
    instruments: Mapping[str, Instrument],
) -> Indicators | str:
    """Return the indicators of a model's variables, or the reason why there are none."""
    columns: dict[str, Array] = {}
    owner: list[int] = []
    for role, name in enumerate((model.predictors[0], model.mediators[0], model.outcome)):
        found = scale_parcels(name, scores, items, instruments)
        if len(found) < 2:
            return f"no items or subscales of {name} in the data"
        columns |= found
        owner += [role] * len(found)
    if len(columns) < len(owner):
        return "two variables share indicators"
    values = np.column_stack(list(columns.values()))
    known = ~np.isnan(values).any(axis=1)
    cluster = np.unique(scores["therapist"].to_numpy(str)[known], return_inverse=True)[1]
    return Indicators(
        values[known], np.array(owner), tuple(columns), cluster.astype(np.int64), np.asarray(known)
    )


def description(owner: Ints) -> str:
    """Return the latent mediation model in lavaan's language, indicators v0, v1, …"""
    lines = [
        f"{role} =~ {' + '.join(f'v{i}' for i in np.flatnonzero(owner == k))}" for k, role in enumerate(ROLES)
    ]
    return "\n".join([*lines, "m ~ a*x", "y ~ b*m + c*x"])


def covariance(data: Indicators, level: str, weights: Array | None = None) -> tuple[Array, int]:
    """Return the indicators' covariances at a level and their degrees of freedom.

    Parameters
    ----------
    data : Indicators
    level : str
        ``single`` (divisor n) or ``within`` (pooled within therapists, divisor N − J).
    weights : ndarray (J,), optional
        How often each therapist counts.
    """
    counts = np.bincount(data.cluster)
    weight = np.ones(len(counts)) if weights is None else weights
    rows = weight[data.cluster]
    if level == "within":
        centred = data.values - cluster_means(data.values, data.cluster, len(counts))[data.cluster]
        df = round(float(weight @ (counts - 1)))
    else:
        centred = data.values - np.average(data.values, axis=0, weights=rows)
        df = round(float(weight @ counts))
    return (centred * rows[:, None]).T @ centred / df, df


def unvarying(data: Indicators, level: str) -> list[str]:
    """Return the indicators that do not vary at a level, which no model of it can have."""
    variances = np.diag(covariance(data, level)[0])
    still = variances <= UNVARYING * data.values.var(axis=0)
    return [name for name, is_still in zip(data.names, still, strict=True) if is_still]


def structure(owner: Ints) -> OneLevel:
    """Return the latent mediation model of one level."""
    return OneLevel(description(owner), [f"v{i}" for i in range(len(owner))])


def fit_latent(data: Indicators, level: str) -> tuple[LatentFit, Array, Array]:
    """Fit the latent model to the covariances of a level.

    Returns
    -------
    LatentFit
        Standard errors from the expected information by the delta method.
    ndarray, ndarray (p,)
        For replicates: the parameters and the indicators' SDs.

    Raises
    ------
    CollinearVariablesError
    """
    matrix, n = covariance(data, level)
    sd = np.sqrt(np.diag(matrix))
    scaled = matrix / np.outer(sd, sd)
    model = structure(data.owner)
    fit = model.fit(scaled, n)
    chi2 = model.chi2(fit, scaled, n)
    return _result(fit, data.owner, sd, chi2, model.df, n), fit.solution.theta, sd


def _result(fit: Fit, owner: Ints, sd: Array, chi2: float, df: int, n: int) -> LatentFit:
    """The numbers of a fit to indicators of which `sd` are the units; NaN where it has no maximum."""

    def number(which: int) -> Callable[[Mapping[str, Any]], float]:
        return lambda values: float(_numbers(values, owner, sd)[which])

    found = [fit.delta(number(k)) for k in range(len(NUMBERS))] if fit.converged else []
    estimates, errors = zip(*found, strict=True) if found else ((np.nan,) * 5, (np.nan,) * 5)
    standard = _standardized(fit.coef) if fit.converged else np.full(5, np.nan)
    return LatentFit(
        estimate=dict(zip(NUMBERS, estimates, strict=True)),
        se=dict(zip(NUMBERS, errors, strict=True)),
        standardized=dict(zip(NUMBERS, standard.tolist(), strict=True)),
        chi2=chi2 if fit.converged else np.nan,
        df=df,
        converged=fit.converged,
        admissible=fit.admissible,
        n=n,
    )


def _assembled(a: float, b: float, c: float, unit: Array) -> Array:
    """The five numbers when each latent variable is multiplied by its unit."""
    a, b, c = a * unit[1] / unit[0], b * unit[2] / unit[1], c * unit[2] / unit[0]
    return np.array([a, b, c, a * b, a * b + c])


def _numbers(values: Mapping[str, Any], owner: Ints, sd: Array) -> Array:
    """Return ``NUMBERS`` in score units from parameters by name; first loadings are 1."""
    true = [
        sum(float(sd[i] * values.get(f"{role}=~v{i}", 1.0)) for i in np.flatnonzero(owner == k))
        for k, role in enumerate(ROLES)
    ]
    return _assembled(values["a"], values["b"], values["c"], np.array(true))


def _standardized(values: Mapping[str, Any]) -> Array:
    """Return ``NUMBERS`` in SDs of the latent variables."""
    a, b, c = values["a"], values["b"], values["c"]
    psi = [values[f"{role}~~{role}"] for role in ROLES]
    m = a**2 * psi[0] + psi[1]
    y = (b * a + c) ** 2 * psi[0] + b**2 * psi[1] + psi[2]
    variances = np.array([psi[0], m, y])
    return _assembled(a, b, c, 1 / np.sqrt(np.where(variances > 0, variances, np.nan)))


def replicates(data: Indicators, level: str, start: Array, sd: Array, weights: Array) -> Array:
    """Return cluster-bootstrap replicates (R, 5) of ``NUMBERS`` in score units; NaN where there is no maximum.

    Parameters
    ----------
    data : Indicators
    level : str
    start, sd
        From ``fit_latent``; every replicate starts at its estimates.
    weights : ndarray (R, J)
        How often each therapist counts.
    """
    model = structure(data.owner)
    found = np.full((len(weights), len(NUMBERS)), np.nan)
    for r, weight in enumerate(weights):
        matrix, n = covariance(data, level, weight)
        # A negative residual variance is no failure here: leaving such replicates out would shorten the interval.
        values = model.again(matrix / np.outer(sd, sd), n, start)
        if values is not None:
            found[r] = _numbers(values, data.owner, sd)
    return found


def why_not_twolevel(data: Indicators) -> str:
    """Say why the two-level latent model is not identified well enough; empty when it is.

    Its between part is saturated: p(p + 1)/2 covariances of p indicators, which as many therapists must carry; its
    within part needs as many degrees of freedom as indicators, which therapists of one client do not give.
    """
    p = data.values.shape[1]
    between = p * (p + 1) // 2
    if data.n_clusters <= between:
        return f"{between} covariances between therapists, {data.n_clusters} therapists"
    within = len(data.values) - data.n_clusters
    if within < p:
        return f"{within} degrees of freedom within therapists for {p} indicators"
    still = unvarying(data, "within")
    return f"{', '.join(still)} does not vary within therapists" if still else ""


def fit_twolevel(data: Indicators) -> LatentFit:
    """Fit the latent model within therapists with a saturated between part by the two-level engine."""
    from fortems.mediation.engines.twolevel_general import fit_text

    names = [f"v{i}" for i in range(data.values.shape[1])]
    frame = pd.DataFrame(data.values, columns=names).assign(therapist=data.cluster)
    lines = ["level: 1", *description(data.owner).splitlines(), "level: 2"]
    lines += [f"{one} ~~ {' + '.join(names[i:])}" for i, one in enumerate(names)]
    fit = fit_text("\n".join(lines), ClusterData(frame, "therapist"), missing=False)
    chi2, df = (fit.fit_indices.chi2, fit.fit_indices.df) if fit.converged else (np.nan, 0)
    return _result(fit, data.owner, np.ones(len(names)), chi2, df, fit.n_clients)
