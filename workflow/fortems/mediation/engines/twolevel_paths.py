"""Models of complete rows for ``twolevel.batch``: the paths, slopes of the parallel model, their tests and resamples."""

from __future__ import annotations

from typing import Any

import numpy as np
from twolevel import batch

from fortems.mediation.slopes import explained, path_names, slope_of
from fortems.mediation.system import CannotFit, Key, System
from fortems.stats.arrays import Array, Ints

TOLERANCE = 1e-8  # of the gradient: jackknife variances are sums of squares of small differences


def recursive_order(system: System, first: str | None = None) -> tuple[str, ...]:
    """Return the columns in recursive order, ``first`` the first of the mediators' block."""
    block = [*system.model.mediators, *system.mediator_products]
    if first is not None:
        block = [first, *(name for name in block if name != first)]
    return (*system.exogenous, *block, system.model.outcome)


def moments_of(
    system: System,
    order: tuple[str, ...],
    values: Array,
    cluster: Ints,
    weights: Array | None = None,
) -> batch.BatchMoments:
    """Return the sufficient statistics of rows (n, p) of the system's columns, brought into an order."""
    return batch.weighted_moments(values[:, [system.position(name) for name in order]], cluster, weights)


def path_model(system: System, order: tuple[str, ...], variant: str = "partial") -> batch.PathModel:
    """Return the recursive model over saturated between parts.

    Mediators (and their products) follow one another as a chain, which leaves their residual covariances free;
    ``parallel`` turns the chain's slopes into those of the parallel model. Of serial mediators they are the model's.
    """
    model = batch.PathModel.saturated(order, system.within_only)
    if variant == "full":
        for name in system.direct_columns:
            model = model.drop(system.model.outcome, name)
    return model


def sample_fit(
    system: System,
    order: tuple[str, ...],
    values: Array,
    cluster: Ints,
    vcov: bool = False,
) -> batch.BatchFit:
    """Return the fit of the partial model to all rows (n, p), their columns in this order.

    Raises
    ------
    CannotFit
        When it has no maximum.
    """
    moments = batch.weighted_moments(values, cluster)
    fitted = batch.fit(path_model(system, order), moments, vcov=vcov, tolerance=TOLERANCE)
    if not fitted.converged[0]:
        raise CannotFit("the likelihood has no maximum")
    return fitted


def parallel(
    system: System, order: tuple[str, ...], fitted: batch.BatchFit
) -> tuple[tuple[Key, ...], Array, Array | None]:
    """Return keys, slopes (R, K) and their covariance (R, K, K) of the parallel model.

    With F the mediators' block and E the exogenous columns, a = (I − B_FF)⁻¹ B_FE; its derivative with respect
    to B_FE is the inverse C, with respect to B_FF it is C times a (first-order delta).
    """
    keys = system.keys()
    if system.model.serial:
        return keys, *_chained(order, keys, fitted)
    n_first = len(system.model.mediators) + len(system.mediator_products)
    n_exogenous = len(system.exogenous)
    block = slice(n_exogenous, n_exogenous + n_first)
    coef = np.where(fitted.converged[:, None, None], fitted.coef, np.nan)
    inverse = np.linalg.inv(np.eye(n_first) - coef[:, block, block])
    a = inverse @ coef[:, block, :n_exogenous]
    slopes = np.empty((len(coef), len(keys)))
    outcome = order.index(system.model.outcome)
    for i, (dependent, column) in enumerate(keys):
        row, place = order.index(dependent), order.index(column)
        slopes[:, i] = coef[:, row, place] if row == outcome else a[:, row - n_exogenous, place]
    if fitted.vcov is None:
        return keys, slopes, None
    jacobian = np.zeros((len(coef), len(keys), len(fitted.model.paths)))
    for k, (row, place) in enumerate(fitted.model.paths):
        for i, (dependent, column) in enumerate(keys):
            target, source = order.index(dependent), order.index(column)
            if target == outcome:
                jacobian[:, i, k] = float((row, place) == (target, source))
            elif row in range(n_exogenous, n_exogenous + n_first):
                reach = inverse[:, target - n_exogenous, row - n_exogenous]
                if place < n_exogenous:
                    jacobian[:, i, k] = reach * (place == source)
                else:
                    jacobian[:, i, k] = reach * a[:, place - n_exogenous, source]
    return keys, slopes, jacobian @ fitted.vcov @ jacobian.swapaxes(-1, -2)


def _chained(
    order: tuple[str, ...], keys: tuple[Key, ...], fitted: batch.BatchFit
) -> tuple[Array, Array | None]:
    """Slopes (R, K) and their covariance (R, K, K) of serial mediators: the chain's own."""
    coef = np.where(fitted.converged[:, None, None], fitted.coef, np.nan)
    targets = [(order.index(dependent), order.index(column)) for dependent, column in keys]
    slopes = np.stack([coef[:, row, place] for row, place in targets], axis=1)
    if fitted.vcov is None:
        return slopes, None
    places = [list(fitted.model.paths).index(target) for target in targets]
    return slopes, fitted.vcov[:, places][:, :, places]


def slopes_of(
    system: System, order: tuple[str, ...], fitted: batch.BatchFit, n: int, n_clusters: int
) -> dict[str, Any]:
    keys, slopes, vcov = parallel(system, order, fitted)
    assert vcov is not None
    sigma = fitted.sigma_within[0]
    sd = dict(zip(order, np.sqrt(np.diag(sigma)).tolist(), strict=True))
    equations = system.equations()
    return {
        "keys": keys,
        "estimate": slopes[0],
        "vcov": vcov[0],
        "df": np.array([n - n_clusters - len(equations[dependent]) for dependent, _ in keys], float),
        "sd": sd,
        "within_sd": sd,
        "n_clients": n,
        "n_therapists": n_clusters,
        "r_squared": explained(keys, slopes[0], sigma, order),
    }


def profile_tests(system: System, values: Array, cluster: Ints, partial: batch.BatchFit) -> dict[Key, float]:
    """Return p of the likelihood-ratio test of each a, b and direct path, all else maximized out."""
    found: dict[Key, float] = {}
    outcome = system.model.outcome
    if system.model.serial:
        order = recursive_order(system)
        moments = moments_of(system, order, values, cluster)
        for path in path_names(system, system.keys("within")):
            key = slope_of(system, *path)
            tested_path = batch.likelihood_ratio(path_model(system, order), moments, key, fit=partial)
            found[key] = float(tested_path.p[0])
        return found
    for mediator in system.model.mediators:
        order = recursive_order(system, mediator)
        moments = moments_of(system, order, values, cluster)
        model = path_model(system, order)
        fitted = partial if order == partial.model.variables else batch.fit(model, moments, vcov=False)
        tested = [(mediator, x) for x in system.model.predictors] + [(outcome, mediator)]
        if mediator == system.model.mediators[0]:
            tested += [(outcome, x) for x in system.model.predictors]
        for key in tested:
            found[key] = float(batch.likelihood_ratio(model, moments, key, fit=fitted).p[0])
    return found


def resampled(
    system: System,
    order: tuple[str, ...],
    values: Array,
    cluster: Ints,
    partial: batch.BatchFit,
    weights: Array,
) -> Array:
    """Return the slopes (R, K) of reweighted therapists; NaN where there is no maximum."""
    moments = moments_of(system, order, values, cluster, weights)
    fitted = batch.fit(partial.model, moments, start=partial, vcov=False, tolerance=TOLERANCE)
    return parallel(system, order, fitted)[1]
