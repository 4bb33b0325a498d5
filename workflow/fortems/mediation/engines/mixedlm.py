"""Engine ``mixedlm``: random-intercept models per equation, restricted maximum likelihood (statsmodels).

Run twice. First with every predictor split into its deviation from the therapist's mean and that mean: the
slopes of the deviations are ``within``, those of the means ``between``. A deviation is orthogonal to everything
that is constant within a therapist, so its slope equals the fixed-effects estimate, whatever the random
intercept's variance. Then uncentred: ``single``, where the slope mixes both.

Covariates and the columns of a moderator have no therapist means of their own unless ``covariate_level: both``.
``lbfgs`` is never used: near a variance of zero it stops at a wrong point and reports convergence.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from fortems.mediation.engines.regression import with_missing
from fortems.mediation.engines.regression_incomplete import within_sds
from fortems.mediation.pathfit import fit_row, joined_notes, unfitted_row
from fortems.mediation.slopes import Settings, Slopes, explained
from fortems.mediation.system import CannotFit, Key, System, check_within, within_deviations
from fortems.stats.arrays import Array, Ints

ENGINE = "mixedlm"
OPTIMIZERS = ("bfgs", "cg", "powell")
LARGEST_ROOT = 2.0  # of the start's variance share; an intraclass correlation of .80
SMALLEST_START = 1e-8
BOUNDARY = 1e-4  # random-intercept variance as a share of the residual variance


@dataclass(frozen=True)
class Equation:
    """A fitted random-intercept regression.

    Attributes
    ----------
    coef : ndarray (k,)
    vcov : ndarray (k, k)
    share : float
        Random-intercept variance over residual variance.
    converged : bool
    linear : ndarray (k, N)
        coef = linear · y.
    residual : ndarray (N,)
        Whitened by the random intercept, in the units of y.
    """

    coef: Array
    vcov: Array
    share: float
    converged: bool
    linear: Array
    residual: Array


@dataclass(frozen=True)
class Part:
    """The slopes of one level in a fitted equation: their keys, their places in it, their df."""

    keys: list[Key]
    equation: Equation
    where: slice
    df: int


def fit(system: System, settings: Settings) -> tuple[list[Slopes], list[dict[str, Any]]]:
    """Fit a model's equations with random therapist intercepts.

    Parameters
    ----------
    system : System
    settings : Settings
        Not used: mixedlm gives Wald, delta and Monte Carlo intervals only.

    Returns
    -------
    list of Slopes
        ``within``, ``between`` (withheld where a random-intercept variance is zero, and for moderated models)
        and ``single``; t with N − J − k, J − k − 1 and N − k − 1 df.
    list of dict
        One row of ``fit.csv``: REML likelihoods of different fixed parts are not comparable, so there is no
        likelihood and no ``full`` variant.
    """
    values, cluster, n_clusters = system.complete_values()
    if n_clusters in (1, len(values)):
        reason = "no therapist with two clients or more" if n_clusters > 1 else "one therapist only"
        return [], [unfitted_row(system.model.name, ENGINE, "partial", reason)]
    check_within(system)
    _check_explained(system)
    means = cluster_means(values, cluster, n_clusters)
    deviations = within_deviations(system, values, cluster)
    split, split_equations = _split(system, values, means, deviations, cluster)
    whole, whole_equations = _whole(system, values, cluster)
    boundary = any(e.share < BOUNDARY for e in split_equations.values())
    inside = system.carries_within
    found = [split["within"]] if inside else []
    # Slopes on observed means are defined without a therapist variance too; they stand where there are no others.
    if not system.moderators and not (boundary and inside):
        found.append(_with_context(split["between"], split["within"]))
    found.append(whole)
    equations = [*split_equations.values(), *whole_equations.values()]
    row = fit_row(
        system.model.name,
        ENGINE,
        "partial",
        converged=all(e.converged for e in equations),
        admissible=True,
        boundary=boundary,
        se_method=_method(found),
        message=with_missing(
            joined_notes(_boundary_note(inside) if boundary else "", system.constant_note), system
        ),
    )
    return found, [row]


def _boundary_note(inside: bool) -> str:
    return "a therapist variance is zero" + (": between effects withheld" if inside else "")


def _with_context(between: Slopes, within: Slopes) -> Slopes:
    """Add between minus within, which do not covary: deviations are orthogonal to therapists' means."""
    context = {}
    for i, key in enumerate(between.keys):
        if key not in within.keys:
            continue
        j = within.keys.index(key)
        se = float(np.sqrt(between.vcov[i, i] + within.vcov[j, j]))
        difference = float(between.estimate[i] - within.estimate[j])
        context[key] = (difference, se, min(float(between.df[i]), float(within.df[j])))
    return replace(between, context=context)


def _method(found: list[Slopes]) -> str:
    stated = [
        f"{slopes.level} {'/'.join(f'{df:g}' for df in sorted(set(slopes.df.tolist()), reverse=True))}"
        for slopes in found
    ]
    return f"REML; t with df: {', '.join(stated)}"


def cluster_means(values: Array, cluster: Ints, n_clusters: int) -> Array:
    """Return the means (J, p) of each cluster."""
    sums = np.zeros((n_clusters, values.shape[1]))
    np.add.at(sums, cluster, values)
    return sums / np.bincount(cluster, minlength=n_clusters)[:, None]


def _check_explained(system: System) -> None:
    """A random-intercept model explains what varies within therapists: without it there is no residual."""
    constant = [name for name in system.equations() if not system.has_part(name, "within")]
    if constant:
        raise CannotFit(f"{', '.join(constant)} does not vary within therapists, so that no residual is left")


def _split(
    system: System,
    values: Array,
    means: Array,
    deviations: Array,
    cluster: Ints,
) -> tuple[dict[str, Slopes], dict[str, Equation]]:
    n, n_clusters = len(values), len(means)
    equations: dict[str, Equation] = {}
    parts: dict[str, list[Part]] = {"within": [], "between": []}
    for dependent, right in system.equations().items():
        if dependent in system.mediator_products:
            continue
        divided = [name for name in right if system.has_part(name, "within")]
        inner = [system.position(name) for name in divided]
        averaged = _told_apart(system, right, means)
        outer = [system.position(name) for name in averaged]
        design = np.column_stack([np.ones(n), deviations[:, inner], means[cluster][:, outer]])
        equation = random_intercept(values[:, system.position(dependent)], design, cluster)
        equations[dependent] = equation
        w, b = slice(1, 1 + len(inner)), slice(1 + len(inner), None)
        inner_keys = [(dependent, name) for name in divided]
        outer_keys = [(dependent, name) for name in averaged]
        parts["within"].append(Part(inner_keys, equation, w, n - n_clusters - len(inner)))
        parts["between"].append(Part(outer_keys, equation, b, n_clusters - len(outer) - 1))
    inside = within_sds(system, values, cluster)
    covariances = {
        "within": deviations.T @ deviations / (n - n_clusters),
        "between": np.cov(means.T),
    }
    slopes = {
        level: _joined(level, parts[level], system, cluster, covariances[level], inside)
        for level in ("within", "between")
    }
    return slopes, equations


def _told_apart(system: System, right: tuple[str, ...], means: Array) -> list[str]:
    """Return the columns whose therapist means enter: all that have a part between, covariates as far as they can.

    Covariates' means are left out where the other means determine them; slopes within do not depend on it, as
    deviations are orthogonal to means.
    """
    present = [name for name in right if system.has_part(name, "between")]
    kept = [name for name in present if name not in system.covariates]

    def independent(names: list[str]) -> bool:
        columns = means[:, [system.position(name) for name in names]]
        design = np.column_stack([np.ones(len(means)), columns])
        return bool(np.linalg.matrix_rank(design) == design.shape[1])

    if not independent(kept):
        raise CannotFit(
            f"{len(means)} therapists do not tell the effects of {', '.join(kept)} between them apart"
        )
    for name in present:
        if name in system.covariates and independent([*kept, name]):
            kept.append(name)
    return [name for name in present if name in kept]


def _whole(system: System, values: Array, cluster: Ints) -> tuple[Slopes, dict[str, Equation]]:
    n = len(values)
    equations, parts = {}, []
    for dependent, right in system.equations().items():
        if dependent in system.mediator_products:
            continue
        index = [system.position(name) for name in right]
        design = np.column_stack([np.ones(n), values[:, index]])
        equation = random_intercept(values[:, system.position(dependent)], design, cluster)
        equations[dependent] = equation
        keys = [(dependent, name) for name in right]
        parts.append(Part(keys, equation, slice(1, None), n - len(index) - 1))
    inside = within_sds(system, values, cluster)
    return _joined("single", parts, system, cluster, np.cov(values.T), inside), equations


def _joined(
    level: str,
    parts: list[Part],
    system: System,
    cluster: Ints,
    covariance: Array,
    within_sd: dict[str, float],
) -> Slopes:
    """Put the slopes of all equations side by side; those of parallel mediators covary, those of serial ones do not."""
    parts = [
        part for part in parts if part.keys
    ]  # nothing within explains a mediator of a constant predictor
    keys = tuple(key for part in parts for key in part.keys)
    vcov = np.zeros((len(keys), len(keys)))
    place = {key: i for i, key in enumerate(keys)}
    for one in parts:
        rows = [place[key] for key in one.keys]
        vcov[np.ix_(rows, rows)] = one.equation.vcov[one.where, one.where]
        for other in parts:
            if (
                other is not one
                and not system.model.serial
                and system.model.outcome not in (one.keys[0][0], other.keys[0][0])
            ):
                columns = [place[key] for key in other.keys]
                cross = cross_covariance(one.equation, other.equation, cluster)
                vcov[np.ix_(rows, columns)] = cross[one.where, other.where]
    estimate = np.concatenate([part.equation.coef[part.where] for part in parts])
    return Slopes(
        engine=ENGINE,
        level=level,
        keys=keys,
        estimate=estimate,
        vcov=(vcov + vcov.T) / 2,
        df=np.concatenate([np.full(len(part.keys), float(part.df)) for part in parts]),
        sd=dict(zip(system.columns, np.sqrt(np.diag(covariance)), strict=True)),
        within_sd=within_sd,
        r_squared=explained(keys, estimate, covariance, system.columns),
        n_clients=len(cluster),
        n_therapists=int(cluster.max()) + 1,
    )


def random_intercept(y: Array, design: Array, cluster: Ints) -> Equation:
    """Fit y = X β + u_cluster + e by REML.

    Parameters
    ----------
    y : ndarray (N,)
    design : ndarray (N, k)
        With a column of ones.
    cluster : ndarray (N,)

    Returns
    -------
    Equation
        Coefficients by generalized least squares at the estimated variances, which statsmodels finds; their
        covariance is σ² (X'V⁻¹X)⁻¹, which stays defined when the intercept's variance is zero.
    """
    return _random_intercept(y.tobytes(), design.tobytes(), cluster.astype(np.int64).tobytes(), len(y))


@lru_cache(maxsize=512)
def _random_intercept(y_bytes: bytes, design_bytes: bytes, cluster_bytes: bytes, n: int) -> Equation:
    """The fit itself; models share equations (one predictor's a-path serves every outcome)."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

    y = np.frombuffer(y_bytes)
    design = np.frombuffer(design_bytes).reshape(n, -1)
    cluster = np.frombuffer(cluster_bytes, dtype=np.int64)
    scale_x = np.where(design.std(axis=0) > 0, design.std(axis=0), 1.0)
    scale_y = y.std()
    x, y_scaled = design / scale_x, y / scale_y
    start = MixedLMParams.from_components(
        fe_params=np.linalg.lstsq(x, y_scaled, rcond=None)[0],
        cov_re=np.array([[max(_best_share(y_scaled, x, cluster), SMALLEST_START)]]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "on the boundary", "failed to converge": both are verdicts here
        result = MixedLM(y_scaled, x, groups=cluster).fit(
            start_params=start, reml=True, method=list(OPTIMIZERS)
        )
    share = max(float(np.asarray(result.cov_re)[0, 0]) / result.scale, 0.0)
    whitened_x, whitened_y = whiten(x, cluster, share), whiten(y_scaled[:, None], cluster, share)[:, 0]
    inverse = np.linalg.inv(whitened_x.T @ whitened_x)
    coef = inverse @ (whitened_x.T @ whitened_y)
    residual = whitened_y - whitened_x @ coef
    variance = residual @ residual / (len(y) - design.shape[1])
    units = scale_y / scale_x
    return Equation(
        coef=coef * units,
        vcov=inverse * variance * np.outer(units, units),
        share=share,
        converged=bool(result.converged),
        linear=(inverse / scale_x[:, None]) @ whiten(whitened_x, cluster, share).T,
        residual=residual * scale_y,
    )


def _best_share(y: Array, x: Array, cluster: Ints) -> float:
    """Where statsmodels starts: the variance share that maximises the profiled restricted likelihood.

    −2 log L(share) = Σ_j log(1 + n_j share) + log|X'V⁻¹X| + (N − k) log RSS(share), up to a constant (Bates et al.,
    2015, eq. 42); from there the optimizers of statsmodels need a step or two instead of dozens.
    """
    from scipy.optimize import minimize_scalar

    counts = np.bincount(cluster)

    def deviance(root: float) -> float:
        share = root**2
        whitened = whiten(np.column_stack([x, y]), cluster, share)
        gram = whitened.T @ whitened
        k = x.shape[1]
        rss = gram[k, k] - gram[:k, k] @ np.linalg.solve(gram[:k, :k], gram[:k, k])
        determinant = np.linalg.slogdet(gram[:k, :k])[1]
        return float(np.log1p(counts * share).sum() + determinant + (len(y) - k) * np.log(rss))

    return float(minimize_scalar(deviance, bounds=(0.0, LARGEST_ROOT), method="bounded").x ** 2)


def cross_covariance(one: Equation, other: Equation, cluster: Ints) -> Array:
    """Return the covariance (k, l) of two equations' coefficients, their residuals covarying row by row.

    cov = A₁ C A₂' with C = σ₁₂ (I + √(r₁r₂) 11') per cluster, r the shares of the two random intercepts and
    σ₁₂ from the whitened residuals.
    """
    n = len(cluster)
    covariance = one.residual @ other.residual / (n - len(one.coef))
    spread = np.sqrt(one.share * other.share)
    counts = np.bincount(cluster)
    sums = cluster_means(other.linear.T, cluster, len(counts)) * counts[:, None]
    return covariance * one.linear @ (other.linear.T + spread * sums[cluster])


def whiten(values: Array, cluster: Ints, share: float) -> Array:
    """Return V^(−1/2) values with V = I + share 11' per cluster: subtract a part of the cluster's mean."""
    counts = np.bincount(cluster)
    means = cluster_means(values, cluster, len(counts))
    part = 1.0 - 1.0 / np.sqrt(1.0 + counts * share)
    return values - (part[:, None] * means)[cluster]
