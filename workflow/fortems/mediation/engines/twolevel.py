"""Engine ``twolevel``: latent within and between parts, normal-theory maximum likelihood (level within, between).

Complete rows are fitted from sufficient statistics (``twolevel.batch``), as are all bootstrap replicates and
leave-one-therapist-out fits. Missing values, columns without a part within, between effects and restricted structured
between parts go through the general engine (``fortems.mediation.engines.twolevel_general``), leave-one-therapist-out fits
included. A structured between part with all its paths is the saturated one in other parameters, so the within slopes of
the two are the same.

Covariates are split as all else; with ``covariate_level: within`` they have no between part, and the test in ``fit.csv``
is the likelihood ratio of that restriction. Moderators and products have none; products are taken from deviations from
therapists' means. Degrees of freedom of a within slope's Wald test are N − J − k, those of the fixed-effects regression with k columns: the likelihood leaves the small-sample distribution open, and these
are the df that hold when the between part carries no information.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import twolevel
from numpy.typing import NDArray
from twolevel import batch

from fortems.mediation.engines import twolevel_general as general
from fortems.mediation.engines.regression import MIN_CLUSTERS, bootstrap_weights, with_missing
from fortems.mediation.engines.twolevel_general import ENGINE
from fortems.mediation.engines.twolevel_paths import (
    TOLERANCE,
    moments_of,
    parallel,
    path_model,
    profile_tests,
    recursive_order,
    resampled,
    slopes_of,
)
from fortems.mediation.pathfit import fit_row, joined_notes, likelihood_measures, unfitted_row
from fortems.mediation.slopes import Settings, Slopes
from fortems.mediation.system import Key, System, check_within, two_level_values
from fortems.stats.arrays import Array

REJECTED = 0.05
NO_BETWEEN = "no slope between therapists is identified"


def fit(system: System, settings: Settings) -> tuple[list[Slopes], list[dict[str, Any]]]:
    """Fit a model at two levels.

    Parameters
    ----------
    system : System
    settings : Settings

    Returns
    -------
    list of Slopes
        ``within``, with leave-one-therapist-out slopes, and with bootstrap replicates where there are ten therapists or
        more and no value is missing;
        ``between`` where Σ_B is not at the boundary. Empty when the search finds no maximum.
    list of dict
        Rows of ``fit.csv``, variants ``partial`` and ``full``.
    """
    with general.named(system):
        return _fit(system, settings)


def _fit(system: System, settings: Settings) -> tuple[list[Slopes], list[dict[str, Any]]]:
    labels = system.cluster[system.some]
    n_clusters = len(np.unique(labels))
    if n_clusters in (1, len(labels)):
        reason = "no therapist with two clients or more" if n_clusters > 1 else "one therapist only"
        return [], [
            unfitted_row(system.model.name, ENGINE, variant, reason) for variant in ("partial", "full")
        ]
    check_within(system)
    if system.n_missing or system.between_only:
        return _by_general_engine(system)
    values, cluster, n_clusters = two_level_values(system)
    order = recursive_order(system)
    moments = moments_of(system, order, values, cluster)
    partial = batch.fit(path_model(system, order), moments, tolerance=TOLERANCE)
    top = partial
    if system.restricted_covariates:
        top = batch.fit(path_model(unrestricted(system), order), moments, start=partial, vcov=False)
    rows = [_fit_row(system, "partial", partial, top)]
    if not partial.converged[0]:
        return [], [
            *rows,
            unfitted_row(system.model.name, ENGINE, "full", "the partial model has no maximum"),
        ]
    rows.append(_full_row(system, order, moments, partial, top))
    slopes = slopes_of(system, order, partial, len(values), n_clusters)
    if partial.boundary[0]:
        slopes["profile"] = profile_tests(system, values, cluster, partial)
    left_out = resampled(system, order, values, cluster, partial, 1.0 - np.eye(n_clusters))
    slopes["jackknife"] = _mended(system, slopes["keys"], left_out, np.unique(labels))
    rows[0]["message"] = _with_failures(rows[0]["message"], slopes["jackknife"])
    if settings.bootstraps and n_clusters >= MIN_CLUSTERS:
        weights = bootstrap_weights(settings, system.model.name, ENGINE, n_clusters)
        slopes["replicates"] = resampled(system, order, values, cluster, partial, weights)
        failed = int(np.isnan(slopes["replicates"]).any(axis=1).sum())
        if failed:
            lost = f"{failed} of {len(weights)} replicates without a maximum"
            rows[0]["message"] = joined_notes(rows[0]["message"], lost)
    found = [Slopes(engine=ENGINE, level="within", **slopes)]
    if not partial.boundary[0] and not system.moderators:
        # From the same model with its between part written as regressions.
        found += _between_of(system, general.fitted(system, "partial", True), float(partial.loglik[0]))
    return found, rows


def _by_general_engine(system: System) -> tuple[list[Slopes], list[dict[str, Any]]]:
    """Rows with missing values, and columns without a part within; bootstrap would take too long here."""
    missing, inside = system.n_missing > 0, system.carries_within
    # Where the indirect effect lies between therapists alone, its paths there are the model.
    structured = system.model.between == "structured" or not inside
    data = general.data_of(system, missing)
    fits = {
        variant: general.fit_text(general.syntax(system, variant, structured), data, missing)
        for variant in ("partial", "full")
    }
    partial = fits["partial"]
    message = joined_notes(system.constant_note, _used(system, missing))
    top = partial
    if system.restricted_covariates:
        top = general.fit_text(general.syntax(unrestricted(system), "partial", structured), data, missing)
    saturated = (top.loglik, top.n_parameters)
    rows = [
        general.general_row(system, variant, fitted, saturated, message) for variant, fitted in fits.items()
    ]
    _warn_of_restriction(system, rows[0])
    if not partial.converged:
        return [], rows
    found = []
    if inside:
        fields = general.slopes_of(system, partial, "within")
        if partial.boundary:
            fields["profile"] = general.profile_p(system, partial)
        left_out, labels = general.jackknife(system, partial), np.asarray(data.labels, dtype=str)
        fields["jackknife"] = _mended(system, fields["keys"], left_out, labels)
        rows[0]["message"] = _with_failures(rows[0]["message"], fields["jackknife"])
        found.append(Slopes(engine=ENGINE, level="within", **fields))
    if not inside:  # at the boundary too, as far as the slopes are identified there: there is nothing else
        found += _identified(general.between_slopes(system, partial))
    elif not partial.boundary and not system.moderators:
        text = general.syntax(system, "partial", True)
        between = partial if structured else general.fit_text(text, data, missing)
        found += _between_of(system, between, partial.loglik)
    if not found:
        rows[0]["message"] += f"; {NO_BETWEEN}"
    return found, rows


def unrestricted(system: System) -> System:
    """The same system with its covariates split into parts within and between."""
    return replace(system, model=replace(system.model, covariate_level="both"))


def _with_failures(message: str, jackknife: Array) -> str:
    failed = int(np.isnan(jackknife).all(axis=1).sum())
    if not failed:
        return message
    lost = f"{failed} of {len(jackknife)} leave-one-therapist-out fits without a maximum: no robust interval"
    return joined_notes(message, lost)


def _mended(system: System, keys: tuple[Key, ...], left_out: Array, labels: NDArray[np.str_]) -> Array:
    """Fit again without the covariates that vary through a left-out therapist alone: they have no jackknife value.

    Parameters
    ----------
    left_out : ndarray (J, K)
        Slopes without each therapist; NaN where there was no maximum.
    labels : ndarray (J,)
        The therapists.
    """
    found = left_out.copy()
    for j in np.flatnonzero(np.isnan(left_out).any(axis=1)):
        kept = system.cluster != labels[j]
        rest = replace(system, frame=system.frame[kept], cluster=system.cluster[kept])
        constant = [name for name in system.covariates if name not in system.between_only]
        constant = [name for name in constant if not rest.varies_within(name)]
        if constant:
            rest = replace(rest, covariates=tuple(c for c in system.covariates if c not in constant))
            own = _point_slopes(rest)
            found[j] = [own.get(key, np.nan) for key in keys]
    return found


def _point_slopes(system: System) -> dict[Key, float]:
    """Within slopes without standard errors; empty where there is no maximum."""
    if system.n_missing or system.between_only:
        structured = system.model.between == "structured"
        fitted = general.fitted(system, "partial", structured, system.n_missing > 0)
        if not fitted.converged:
            return {}
        fields = general.slopes_of(system, fitted, "within")
        return dict(zip(fields["keys"], fields["estimate"].tolist(), strict=True))
    values, cluster, _ = two_level_values(system)
    order = recursive_order(system)
    moments = moments_of(system, order, values, cluster)
    best = batch.fit(path_model(system, order), moments, vcov=False, tolerance=TOLERANCE)
    keys, slopes, _ = parallel(system, order, best)
    return {key: value for key, value in zip(keys, slopes[0].tolist(), strict=True) if value == value}


def _warn_of_restriction(system: System, row: dict[str, Any]) -> None:
    """Say in a row of ``fit.csv`` that leaving out the covariates' part between is rejected."""
    if not system.restricted_covariates or not row["p"] < REJECTED:
        return
    warning = (
        f"therapists differ in {', '.join(system.restricted_covariates)} (likelihood ratio of leaving that out "
        "rejected): the paths mix the levels; covariate_level: both splits them"
    )
    row["message"] = joined_notes(row["message"], warning)


def _identified(slopes: Slopes) -> list[Slopes]:
    """Keep the slopes that have a standard error and degrees of freedom; none where no slope has."""
    kept = np.isfinite(np.diag(slopes.vcov)) & (slopes.df > 0)
    if kept.all():
        return [slopes]
    keys = tuple(key for key, keep in zip(slopes.keys, kept, strict=True) if keep)
    whole = [d for d in slopes.r_squared if all(key in keys for key in slopes.keys if key[0] == d)]
    part = replace(
        slopes,
        keys=keys,
        estimate=slopes.estimate[kept],
        vcov=slopes.vcov[np.ix_(kept, kept)],
        df=slopes.df[kept],
        r_squared={dependent: slopes.r_squared[dependent] for dependent in whole},
        context={key: value for key, value in slopes.context.items() if key in keys},
    )
    return [part] if keys else []


def _used(system: System, missing: bool) -> str:
    if missing:
        return f"full information: {system.n_missing} incomplete rows used; no cluster bootstrap"
    return with_missing("no cluster bootstrap", system)


def _full_row(
    system: System,
    order: tuple[str, ...],
    moments: batch.BatchMoments,
    partial: batch.BatchFit,
    top: batch.BatchFit,
) -> dict[str, Any]:
    """Row of the model without direct paths; the general engine fits it where the between part is structured."""
    if system.model.between == "structured":
        saturated = (float(top.loglik[0]), top.model.n_parameters)
        return general.general_row(system, "full", general.fitted(system, "full", True), saturated, "")
    full = batch.fit(path_model(system, order, "full"), moments, start=partial)
    row = _fit_row(system, "full", full, top)
    if row["df"] > 1 and not system.moderators:
        row |= general.indices_of(general.fitted(system, "full", False))
    return row


def _between_of(system: System, fitted: twolevel.Fit, loglik: float) -> list[Slopes]:
    """Between slopes, unless this parameterization missed the maximum or has no standard errors."""
    if not fitted.converged or fitted.boundary or abs(fitted.loglik - loglik) > general.SAME_MAXIMUM:
        return []
    found = general.between_slopes(system, fitted)
    return [found] if np.isfinite(found.vcov).all() and (found.df > 0).all() else []


def _fit_row(
    system: System, variant: str, fitted: batch.BatchFit, saturated: batch.BatchFit
) -> dict[str, Any]:
    converged = bool(fitted.converged[0])
    if not converged:
        return unfitted_row(system.model.name, ENGINE, variant, batch.STATUSES[int(fitted.status[0])])
    parameters = fitted.model.n_parameters
    df = saturated.model.n_parameters - parameters
    boundary = bool(fitted.boundary[0])
    n = len(system.frame[system.complete])
    message = f"Σ_B of rank {int(fitted.rank[0])} of {sum(fitted.model.between)}" if boundary else ""
    row = fit_row(
        system.model.name,
        ENGINE,
        variant,
        **likelihood_measures(float(fitted.loglik[0]), parameters, float(saturated.loglik[0]), df, n),
        converged=converged,
        admissible=True,
        boundary=boundary,
        se_method=batch.SE_METHODS[int(fitted.se_method[0])],
        message=message,
    )
    if variant == "partial":
        _warn_of_restriction(system, row)
    return row
