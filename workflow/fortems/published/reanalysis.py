"""Single-level mediation models estimated from a published matrix alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fortems.mediation.derived import DERIVED_COLUMNS, derived_rows
from fortems.mediation.effects import COLUMNS as EFFECT_COLUMNS
from fortems.mediation.effects import effect_rows
from fortems.mediation.engines import semopy as semopy_engine
from fortems.mediation.pathfit import FIT_COLUMNS, fit_measures, fit_row, implied_covariance
from fortems.mediation.run import unfitted
from fortems.mediation.slopes import Settings, Slopes
from fortems.mediation.system import CannotFit, Condition, System
from fortems.published.lacks import CLIENTS, DUPLICATE, PARTS, VARIABLES, Lack
from fortems.published.matrix import PublishedMatrix
from fortems.published.paths import Equation, regress
from fortems.study.definition import study
from fortems.study.engines import FROM_MATRIX
from fortems.study.models import MediationModel

CLOSED_FORM, SEMOPY = FROM_MATRIX


@dataclass(frozen=True)
class Reanalysis:
    """What a matrix gives of the models.

    Attributes
    ----------
    effects, fit, derived : DataFrame
        Columns of the files of these names in ``mediation/``.
    equations : dict of str to dict of str to Equation
        Model → dependent → its regression.
    withheld : dict of str to Lack
        Model → why the matrix cannot give it.
    """

    effects: pd.DataFrame
    fit: pd.DataFrame
    derived: pd.DataFrame
    equations: dict[str, dict[str, Equation]]
    withheld: dict[str, Lack]


def reanalyse(
    models: Mapping[str, MediationModel],
    matrix: PublishedMatrix,
    engines: tuple[str, ...],
    settings: Settings,
) -> Reanalysis:
    """Estimate every model that the matrix can give.

    Parameters
    ----------
    models : mapping of str to MediationModel
    matrix : PublishedMatrix
    engines : tuple of str
        Of the configuration; those that need client rows are passed over.
    settings : Settings
        Intervals that resample clients are passed over.

    Returns
    -------
    Reanalysis
    """
    rows: list[dict[str, Any]] = []
    fit_rows: list[dict[str, Any]] = []
    derived: list[dict[str, Any]] = []
    equations: dict[str, dict[str, Equation]] = {}
    withheld: dict[str, Lack] = {}
    for name, model in models.items():
        lack = why_not(model, matrix)
        if lack is not None:
            withheld[name] = lack
            continue
        system = system_of(model)
        equations[name] = {
            dependent: regress(matrix.covariance(), matrix.names, dependent, right, matrix.n)
            for dependent, right in system.equations().items()
        }
        fits = {CLOSED_FORM: closed_form, SEMOPY: by_semopy}
        for engine in FROM_MATRIX:
            if engine in engines:
                try:
                    slopes, fitted = fits[engine](system, matrix)
                except CannotFit as lacking:
                    fit_rows.append(unfitted(model, engine, str(lacking)))
                    continue
                rows += effect_rows(system, slopes, settings)
                fit_rows += fitted
                derived += derived_rows(system, [slopes], fitted, settings)
    return Reanalysis(
        pd.DataFrame(rows, columns=list(EFFECT_COLUMNS)),
        pd.DataFrame(fit_rows, columns=list(FIT_COLUMNS)),
        pd.DataFrame(derived, columns=list(DERIVED_COLUMNS)),
        equations,
        withheld,
    )


def why_not(model: MediationModel, matrix: PublishedMatrix) -> Lack | None:
    """Say why a matrix cannot give a model; None when it can."""
    missing = [name for name in model.variables if name not in matrix.names]
    if missing:
        return Lack(VARIABLES, f"not in the published matrix: {', '.join(missing)}")
    if model.moderator:
        return Lack(CLIENTS, "a moderated path needs client rows")
    if model.measurement != "observed":
        return Lack(CLIENTS, "a measurement model needs client rows")
    if model.between != "saturated" or model.covariate_level != "both":
        return Lack(DUPLICATE, "the single-level paths are those of the model without this between part")
    totals = [v.part_of for v in study().variables.values() if v.name in model.variables and v.part_of]
    if any(totals.count(total) and total in model.variables for total in totals):
        return Lack(PARTS, "a total beside its own parts")
    return None


def system_of(model: MediationModel) -> System:
    """Return the equations of a model that has no client rows."""
    frame = pd.DataFrame({name: pd.Series(dtype=float) for name in model.variables})
    return System(model, frame, np.array([], dtype=str), model.covariates, (), (Condition(),))


def _sds(matrix: PublishedMatrix) -> dict[str, float]:
    return dict(zip(matrix.names, np.sqrt(matrix.covariance().diagonal()), strict=True))


def closed_form(system: System, matrix: PublishedMatrix) -> tuple[Slopes, list[dict[str, Any]]]:
    """Least squares by the covariance matrix, clients taken as independent.

    Two mediators' equations have the same right side, so their slopes covary by the residual covariance:
    Cov(a₁, a₂) = s₁₂ S_xx⁻¹ / (n − 1) (seemingly unrelated regressions with equal regressors; Zellner, 1962).
    """
    covariance, names, n = matrix.covariance(), matrix.names, matrix.n
    model = system.model
    equations = {d: regress(covariance, names, d, right, n) for d, right in system.equations().items()}
    keys = system.keys()
    vcov = np.zeros((len(keys), len(keys)))
    for i, (first, column) in enumerate(keys):
        for j, (second, other) in enumerate(keys):
            one, two = equations[first], equations[second]
            if first != second and (
                model.outcome in (first, second) or model.serial or one.predictors != two.predictors
            ):
                continue
            share = 1.0
            if first != second:
                share = _residual_covariance(covariance, names, one, two, n) / one.residual_variance
            place = one.predictors.index(column), two.predictors.index(other)
            vcov[i, j] = share * one.vcov[place]
    totals = {}
    for predictor in model.predictors:
        equation = regress(covariance, names, model.outcome, system.exogenous, n)
        totals[predictor] = (*equation.slope(predictor), equation.df)
    slopes = Slopes(
        engine=CLOSED_FORM,
        level="single",
        keys=keys,
        estimate=np.array([equations[d].coef[equations[d].predictors.index(c)] for d, c in keys]),
        vcov=vcov,
        df=np.array([equations[d].df for d, _ in keys], float),
        sd=_sds(matrix),
        n_clients=n,
        n_therapists=matrix.clusters or 0,
        totals=totals,
        r_squared={d: equation.r_squared for d, equation in equations.items()},
    )
    rows = [
        _fit_row(system, CLOSED_FORM, variant, matrix, "least squares") for variant in ("partial", "full")
    ]
    return slopes, rows


def _residual_covariance(
    covariance: np.ndarray, names: tuple[str, ...], one: Equation, two: Equation, n: int
) -> float:
    rows = [names.index(name) for name in one.predictors]
    i, j = names.index(one.outcome), names.index(two.outcome)
    explained = one.coef @ covariance[np.ix_(rows, rows)] @ two.coef
    return float(covariance[i, j] - explained) * (n - 1) / one.df


def by_semopy(system: System, matrix: PublishedMatrix) -> tuple[Slopes, list[dict[str, Any]]]:
    """Maximum likelihood through semopy's covariance input, clients taken as independent.

    The printed covariances have divisor n − 1, maximum likelihood's n: standard errors and likelihoods are
    those of the raw data up to rounding.
    """
    n, sd = matrix.n, _sds(matrix)
    names = {column: f"v{i}" for i, column in enumerate(system.columns)}
    place = [matrix.names.index(column) for column in system.columns]
    r = matrix.correlations()[np.ix_(place, place)] * (n - 1) / n
    table = pd.DataFrame(r, list(names.values()), list(names.values()))
    rows, slopes = [], None
    for variant in ("partial", "full"):
        text = semopy_engine.description(system, variant, names)
        model, converged = semopy_engine.fitted(text, cov=table, n_samples=n)
        rows.append(_fit_row(system, SEMOPY, variant, matrix, "expected information", converged))
        if variant == "partial":
            slopes = _semopy_slopes(system, model, names, sd, matrix)
    assert slopes is not None
    return slopes, rows


def _semopy_slopes(
    system: System, model: Any, names: dict[str, str], sd: dict[str, float], matrix: PublishedMatrix
) -> Slopes:
    keys = system.keys()
    active = [name for name, parameter in model.parameters.items() if parameter.active]
    place = [active.index(semopy_engine.slope_label(names[d], names[c])) for d, c in keys]
    vcov = np.asarray(model.calc_fim(inverse=True)[1])[np.ix_(place, place)]
    units = np.array([sd[dependent] / sd[column] for dependent, column in keys])
    return Slopes(
        engine=SEMOPY,
        level="single",
        keys=keys,
        estimate=np.asarray(model.param_vals)[place] * units,
        vcov=vcov * np.outer(units, units),
        df=np.array([matrix.n - 1 - len(system.equations()[dependent]) for dependent, _ in keys], float),
        sd=sd,
        n_clients=matrix.n,
        n_therapists=matrix.clusters or 0,
    )


def _fit_row(
    system: System, engine: str, variant: str, matrix: PublishedMatrix, se_method: str, converged: bool = True
) -> dict[str, Any]:
    """A row of ``fit.csv``: likelihood and indices of the implied covariance."""
    place = [matrix.names.index(column) for column in system.columns]
    sample = matrix.covariance()[np.ix_(place, place)] * (matrix.n - 1) / matrix.n
    implied, _ = implied_covariance(sample, system.columns, system.equations(variant))
    df = len(system.direct_columns) if variant == "full" else 0
    return fit_row(
        system.model.name,
        engine,
        variant,
        **fit_measures(sample, implied, matrix.n, len(system.exogenous), df),
        converged=converged,
        admissible=bool(np.linalg.eigvalsh(implied)[0] > 0),
        boundary=False,
        se_method=se_method,
        message="from the published matrix; clients taken as independent",
    )
