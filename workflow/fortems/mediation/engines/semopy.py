"""Engine ``semopy``: single-level maximum likelihood path models with semopy (level single).

semopy's optimizer (SLSQP) stops some 1e-5 short of the maximum; a few steps of Fisher scoring with semopy's own
gradient and information finish the work. Its degrees of freedom leave out the exogenous covariances, so test
and indices come from the implied covariance (``pathfit``).
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from fortems.mediation.engines.regression import unit_factors, with_missing
from fortems.mediation.engines.regression_incomplete import within_sds
from fortems.mediation.pathfit import fit_measures, fit_row
from fortems.mediation.slopes import Settings, Slopes, explained
from fortems.mediation.system import CannotFit, Key, System
from fortems.stats.arrays import Array, Ints

ENGINE = "semopy"
STEPS = 50
HALVINGS = 15
CONVERGED = 1e-9  # largest element of a scoring step, in SD units


def fit(system: System, settings: Settings) -> tuple[list[Slopes], list[dict[str, Any]]]:
    """Fit a model's path diagram by maximum likelihood.

    Parameters
    ----------
    system : System
    settings : Settings
        Not used: semopy gives Wald, delta and Monte Carlo intervals only.

    Returns
    -------
    list of Slopes
        One, of level ``single``; standard errors from the expected information, clients taken as independent.
    list of dict
        Rows of ``fit.csv``, variants ``partial`` and ``full``.
    """
    values, cluster, n_clusters = system.complete_values()
    scale = values.std(axis=0)
    names = {column: f"v{i}" for i, column in enumerate(system.columns)}
    standard = pd.DataFrame((values - values.mean(axis=0)) / scale, columns=list(names.values()))
    rows = []
    found: list[Slopes] = []
    for variant in ("partial", "full"):
        model, converged = fitted(description(system, variant, names), standard)
        order = [model.vars["observed"].index(names[column]) for column in system.columns]
        implied = model.calc_sigma()[0][np.ix_(order, order)]
        sample = standard.to_numpy().T @ standard.to_numpy() / len(standard)
        df = len(system.direct_columns) if variant == "full" else 0
        measures = fit_measures(sample, implied, len(standard), len(system.exogenous), df)
        jacobian = len(standard) * float(np.log(scale).sum())
        measures["loglik"] -= jacobian
        measures["aic"] += 2 * jacobian
        measures["bic"] += 2 * jacobian
        message = "clients taken as independent" if n_clusters < len(values) else ""
        rows.append(
            fit_row(
                system.model.name,
                ENGINE,
                variant,
                **measures,
                converged=converged,
                admissible=bool(np.linalg.eigvalsh(implied)[0] > 0),
                boundary=False,
                se_method="expected information",
                message=with_missing(message, system),
            )
        )
        if variant == "partial":
            found = [_slopes(system, model, names, scale, values, cluster, n_clusters)]
    return found, rows


def description(system: System, variant: str, names: dict[str, str]) -> str:
    """Return the path diagram in semopy's language, mediators' residuals covarying."""
    equations = system.equations(variant)
    lines = [
        f"{names[d]} ~ {' + '.join(f'{slope_label(names[d], names[c])}*{names[c]}' for c in right)}"
        for d, right in equations.items()
    ]
    firsts = [] if system.model.serial else [names[name] for name in equations][:-1]
    lines += [f"{one} ~~ {other}" for i, one in enumerate(firsts) for other in firsts[i + 1 :]]
    return "\n".join(lines)


def slope_label(dependent: str, column: str) -> str:
    """Return the label that a slope's parameter bears."""
    return f"slope_{dependent}_{column}"


def fitted(
    text: str,
    data: pd.DataFrame | None = None,
    cov: pd.DataFrame | None = None,
    n_samples: int | None = None,
) -> tuple[Any, bool]:
    """Fit a semopy model and finish it by Fisher scoring.

    Parameters
    ----------
    text : str
        In semopy's language.
    data : DataFrame, optional
        Columns of about unit variance.
    cov, n_samples : DataFrame and int, optional
        A covariance matrix (divisor n) and n instead of data.

    Returns
    -------
    semopy.Model
        At the maximum.
    bool
        Whether the last step was below 1e-6.

    Raises
    ------
    CannotFit
        Where semopy itself cannot be imported.
    """
    model = library().Model(text)
    if data is not None:
        model.fit(data)
    else:
        model.fit(cov=cov, n_samples=n_samples)
    return model, finish(model)


def library() -> ModuleType:
    """Import semopy, which takes seconds and was last released in January 2024: it may be what a machine lacks.

    Raises
    ------
    CannotFit
        With what failed, not with the error's own words, which name folders.
    """
    try:
        import semopy
    except Exception as error:  # an old library fails on a new machine in any way
        raise CannotFit(f"the library semopy cannot be imported ({type(error).__name__})") from error
    return semopy


def finish(model: Any) -> bool:
    """Bring a fitted semopy model to its maximum by Fisher scoring, starting from its parameters.

    Returns
    -------
    bool
        Whether the last step was below 1e-6 (columns of about unit variance).
    """
    _, gradient = model.get_objective("MLW")
    parameters = model.param_vals.copy()
    value = _discrepancy(model, parameters)
    size = np.inf
    for _ in range(STEPS):
        slope = model.n_samples / 2 * np.asarray(gradient(parameters))
        try:
            step = np.linalg.solve(model.calc_fim(), slope)
        except np.linalg.LinAlgError:
            return False
        size = float(np.abs(step).max())
        if not np.isfinite(size) or size < CONVERGED:
            break
        candidate, new = parameters, np.inf
        for _ in range(HALVINGS):
            candidate = parameters - step
            new = _discrepancy(model, candidate)
            if new <= value + 1e-12:
                break
            step = step / 2
        if not new <= value + 1e-12:
            break
        parameters, value = candidate, new
    model.param_vals = parameters
    model.update_matrices(parameters)
    return bool(size < 1e-6)


def _discrepancy(model: Any, parameters: Array) -> float:
    """log|Σ| + tr(S Σ⁻¹); infinite where Σ is not definite. semopy's own turns infinite at a perfect fit too."""
    model.update_matrices(parameters)
    sigma = model.calc_sigma()[0]
    try:
        root = np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        return np.inf
    return float(2 * np.log(np.diag(root)).sum() + np.trace(np.linalg.solve(sigma, model.mx_cov)))


def _slopes(
    system: System,
    model: Any,
    names: dict[str, str],
    scale: Array,
    values: Array,
    cluster: Ints,
    n_clusters: int,
) -> Slopes:
    keys = system.keys()
    place = slope_places(model, keys, names)
    vcov = np.asarray(model.calc_fim(inverse=True)[1])[np.ix_(place, place)]
    units = unit_factors(system, keys, scale)
    df = np.array([len(values) - 1 - len(system.equations()[dependent]) for dependent, _ in keys], float)
    estimate = np.asarray(model.param_vals)[place] * units
    return Slopes(
        engine=ENGINE,
        level="single",
        keys=keys,
        estimate=estimate,
        vcov=vcov * np.outer(units, units),
        df=df,
        sd=dict(zip(system.columns, values.std(axis=0, ddof=1), strict=True)),
        within_sd=within_sds(system, values, cluster),
        n_clients=len(values),
        n_therapists=n_clusters if n_clusters < len(values) else 0,
        r_squared=explained(keys, estimate, np.cov(values.T), system.columns),
    )


def slope_places(model: Any, keys: tuple[Key, ...], names: dict[str, str]) -> list[int]:
    """Return where each slope stands among semopy's parameters.

    Parameters
    ----------
    model : semopy.Model
        Of a ``description``.
    keys : tuple of (dependent, column)
    names : dict
        Column → its name in the description.
    """
    active = [name for name, parameter in model.parameters.items() if parameter.active]
    return [active.index(slope_label(names[dependent], names[column])) for dependent, column in keys]
