"""What the general two-level engine adds: missing values, structured between parts, between effects, fit indices.

Models are written in lavaan's syntax with the blocks ``level: 1`` and ``level: 2``; columns are called v0, v1, …
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import twolevel
from twolevel.errors import DataProblemError, ModelError

from fortems.mediation.pathfit import fit_row, likelihood_measures
from fortems.mediation.slopes import Slopes, explained, path_names, slope_of
from fortems.mediation.system import CannotFit, Key, System, within_deviations
from fortems.stats.arrays import Array

ENGINE = "twolevel"
CLUSTER = "therapist"
SAME_MAXIMUM = 1e-3  # largest difference of log-likelihoods of two parameterizations of one model


def names_of(system: System) -> dict[str, str]:
    """Return column → its name in the model text."""
    return {column: f"v{i}" for i, column in enumerate((*system.columns, *system.auxiliary))}


def syntax(system: System, variant: str, structured: bool) -> str:
    """Return a model's text.

    Parameters
    ----------
    system : System
    variant : str
        ``partial`` or ``full``; full has no direct path, between neither where that part is structured.
    structured : bool
        Whether the between part has the paths too; else it is saturated.

    Notes
    -----
    Auxiliary variables are regressed on all else at their level, which leaves the model of the others as it is.
    """
    names = names_of(system)
    lines = ["level: 1", *_paths(system, variant, names, "within")]
    lines.append("level: 2")
    if structured:
        lines += _paths(system, variant, names, "between")
    else:
        present = [
            *(column for column in system.columns if system.has_part(column, "between")),
            *system.auxiliary,
        ]
        lines += [
            f"{names[one]} ~~ {' + '.join(names[other] for other in present[i:])}"
            for i, one in enumerate(present)
        ]
    return "\n".join(lines)


def _paths(system: System, variant: str, names: dict[str, str], level: str) -> list[str]:
    """Regressions of a level, the residuals of the mediators' block covarying."""
    lines = []
    firsts = []
    for dependent, right in system.equations(variant, level).items():
        own = names[dependent]
        lines.append(f"{own} ~ {' + '.join(names[c] for c in right)}" if right else f"{own} ~~ {own}")
        if dependent != system.model.outcome and not system.model.serial:
            firsts.append(names[dependent])
    lines += [f"{one} ~~ {other}" for i, one in enumerate(firsts) for other in firsts[i + 1 :]]
    exogenous = [names[c] for c in system.exogenous if system.has_part(c, level)]
    others = [names[c] for c in system.columns if system.has_part(c, level)]
    auxiliary = [names[c] for c in system.auxiliary]
    lines += [f"{name} ~ {' + '.join(others)}" for name in auxiliary]
    lines += [f"{one} ~~ {other}" for i, one in enumerate(auxiliary) for other in auxiliary[i + 1 :]]
    return lines + [f"{one} ~~ {' + '.join(exogenous[i:])}" for i, one in enumerate(exogenous)]


@contextmanager
def named(system: System) -> Iterator[None]:
    """Turn what the engine says of data that cannot carry a model into a reason, with the columns' own names."""
    try:
        yield
    except DataProblemError as problem:
        raise CannotFit(in_words(system, str(problem).replace("cluster", "therapist"))) from problem
    except ModelError as problem:  # the model's text is ours: what is left is a search without a start
        raise CannotFit(in_words(system, str(problem).partition(";")[0])) from problem


def data_of(system: System, missing: bool) -> twolevel.ClusterData:
    """Return the columns under their model names, all rows or the complete ones, ready to be fitted often.

    Products are those of deviations from therapists' means (``within_deviations``).
    """
    rows = system.some if missing else system.complete
    columns = [*system.columns, *(system.auxiliary if missing else ())]
    frame = system.frame.loc[rows, columns].astype(float)
    products = [*system.predictor_products, *system.mediator_products]
    if products:
        codes = np.unique(system.cluster[rows], return_inverse=True)[1]
        deviations = within_deviations(system, frame[list(system.columns)].to_numpy(float), codes)
        frame[products] = deviations[:, [system.position(name) for name in products]]
    frame = frame.rename(columns=names_of(system))
    return twolevel.ClusterData(frame.assign(**{CLUSTER: system.cluster[rows]}), CLUSTER)


def fit_text(text: str, data: twolevel.ClusterData, missing: bool) -> twolevel.Fit:
    """Fit a model; warnings become the fit's own verdicts and message."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", twolevel.TwoLevelWarning)
        return twolevel.fit(text, data, missing="ml" if missing else "listwise")


def fitted(system: System, variant: str, structured: bool, missing: bool = False) -> twolevel.Fit:
    """Fit a variant of a model, its between part structured or not, to all rows or to the complete ones."""
    return fit_text(syntax(system, variant, structured), data_of(system, missing), missing)


def _parameter(system: System, key: Key, level: str) -> str:
    names = names_of(system)
    return f"{names[key[0]]}~{names[key[1]]}" + (".l2" if level == "between" else "")


def slopes_of(system: System, fit: twolevel.Fit, level: str) -> dict[str, Any]:
    """Return the fields of ``Slopes`` that a fit gives at a level; df are N − J − k within, J − k − 1 between."""
    keys = system.keys(level)
    parameters = [_parameter(system, key, level) for key in keys]
    names = names_of(system)
    sigma = fit.sigma_within if level == "within" else fit.sigma_between
    present = [column for column in system.columns if names[column] in sigma.columns]
    matrix = sigma.loc[[names[c] for c in present], [names[c] for c in present]].to_numpy(float)
    estimate = np.array([fit.coef[name] for name in parameters])
    right = [sum(key[0] == dependent for key in keys) for dependent, _ in keys]
    base = fit.n_clients - fit.n_clusters if level == "within" else fit.n_clusters - 1
    inside = np.sqrt(np.clip(np.diag(fit.sigma_within.to_numpy(float)), 0.0, None))
    within_sd = dict(zip(fit.sigma_within.columns, inside.tolist(), strict=True))
    return {
        "keys": keys,
        "estimate": estimate,
        "vcov": fit.vcov.loc[parameters, parameters].to_numpy(float),
        "df": np.array([base - k for k in right], float),
        "sd": dict(zip(present, np.sqrt(np.clip(np.diag(matrix), 0.0, None)).tolist(), strict=True)),
        "within_sd": {column: within_sd[name] for column, name in names.items() if name in within_sd},
        "n_clients": fit.n_clients,
        "n_therapists": fit.n_clusters,
        "r_squared": explained(keys, estimate, matrix, tuple(present)),
    }


def between_slopes(system: System, fit: twolevel.Fit) -> Slopes:
    """Return the between slopes of a structured fit, with the contextual effects (between minus within)."""
    fields = slopes_of(system, fit, "between")
    vcov: Any = fit.vcov
    context = {}
    inside = system.keys("within")
    for key, df in zip(fields["keys"], fields["df"], strict=True):
        if key not in inside:
            continue
        between, within = _parameter(system, key, "between"), _parameter(system, key, "within")
        variance = vcov.loc[between, between] + vcov.loc[within, within] - 2 * vcov.loc[between, within]
        estimate = fit.coef[between] - fit.coef[within]
        context[key] = (float(estimate), float(np.sqrt(variance)), float(df))
    return Slopes(engine=ENGINE, level="between", context=context, **fields)


def profile_p(system: System, fit: twolevel.Fit) -> dict[Key, float]:
    """Return p of the profile-likelihood test of each a, b and direct path within."""
    tested = [slope_of(system, *path) for path in path_names(system, system.keys("within"))]
    return {key: float(fit.profile(_parameter(system, key, "within")).p) for key in tested}


def indices_of(fit: twolevel.Fit) -> dict[str, float]:
    """Return CFI, TLI, RMSEA and the SRMR of each level."""
    found = fit.fit_indices
    return {name: getattr(found, name) for name in ("cfi", "tli", "rmsea", "srmr_within", "srmr_between")}


def in_words(system: System, message: str) -> str:
    """Return an engine's message with the columns' own names."""
    return re.sub(r"\bv(\d+)\b", lambda found: system.columns[int(found[1])], message)


def general_row(
    system: System, variant: str, fit: twolevel.Fit, saturated: tuple[float, int], message: str
) -> dict[str, Any]:
    """Return the row of ``fit.csv`` of a general fit.

    Parameters
    ----------
    saturated : (float, int)
        Log-likelihood and number of parameters of the model whose parts within and between are unrestricted.
    """
    parts = [in_words(system, fit.message), "" if fit.converged else "no maximum", message]
    shared = {
        "converged": fit.converged,
        "admissible": fit.admissible,
        "boundary": fit.boundary,
        "se_method": fit.se_method,
        "message": "; ".join(dict.fromkeys(part for part in parts if part)),
    }
    if not fit.converged:
        return fit_row(system.model.name, ENGINE, variant, **shared)
    df = saturated[1] - fit.n_parameters
    return fit_row(
        system.model.name,
        ENGINE,
        variant,
        **likelihood_measures(fit.loglik, fit.n_parameters, saturated[0], df, fit.n_clients),
        **(indices_of(fit) if df > 1 else {}),
        **shared,
    )


def jackknife(system: System, fit: twolevel.Fit) -> Array:
    """Return the within slopes (J, K) without each therapist, NaN where there is no maximum."""
    names = [_parameter(system, key, "within") for key in system.keys("within")]
    return fit.jackknife().estimates[names].to_numpy(float)
