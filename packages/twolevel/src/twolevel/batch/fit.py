"""Batched maximum likelihood of recursive observed two-level path models under positive semi-definite bounds.

For bootstrap, leave-one-cluster-out and simulation: thousands of fits of one model, each from the sufficient statistics of
its replicate, 30 to 100 microseconds apiece for three variables. The model: ``y_ij = mu + u_j + e_ij``, Sigma_B saturated over
the variables that vary between clusters and bounded to be positive semi-definite, Sigma_W from recursive regressions

    y_i = sum_{j < i} B_ij y_j + e_i,   Var(e) = D diagonal

in the given order of the variables, each B_ij free or zero. With every B_ij free Sigma_W is saturated.

>>> model = PathModel.mediation("x", ["m"], "y")
>>> moments = weighted_moments(data, cluster, weights)        # (R, J) weights: one replicate per row
>>> fits = fit(model, moments, start=fit(model, moments_of_the_sample))
>>> indirect = fits.path("m", "x") * fits.path("y", "m")      # (R,)

Estimates, standard errors and log-likelihoods are in the units of the data, whatever is done inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, UnknownVariableError
from . import newton
from .moments import BatchMoments, Floats, study_moments, weighted_moments

__all__ = [
    "SE_METHODS",
    "STATUSES",
    "BatchFit",
    "BatchMoments",
    "BatchTest",
    "PathModel",
    "fit",
    "likelihood_ratio",
    "study_moments",
    "weighted_moments",
]

SE_METHODS = {
    newton.SE_NONE: "none",
    newton.SE_INTERIOR: "observed information",
    newton.SE_FACE: "observed information on the active face",
    newton.SE_NOT_DEFINITE: "not available",
}
STATUSES = {
    newton.CONVERGED: "converged",
    newton.ITERATION_CAP: "iteration cap",
    newton.NOT_A_MAXIMUM: "not a maximum",
    newton.DEGENERATE: "degenerate data",
}


@dataclass(frozen=True)
class PathModel:
    """A recursive path model of the within level over a saturated between level.

    Attributes
    ----------
    variables : names in recursive order; a variable may depend on those before it.
    between : per variable, whether it varies between clusters (False: within-only, e.g. covariates).
    free : (p, p) boolean, strictly lower triangular; free[i, j] is the regression of variable i on variable j.
    """

    variables: tuple[str, ...]
    between: tuple[bool, ...]
    free: NDArray[np.bool_]

    def __post_init__(self) -> None:
        p = len(self.variables)
        free = np.asarray(self.free, dtype=bool)
        if len(set(self.variables)) != p or p == 0:
            raise ModelError(f"variables must be distinct names, at least one: {self.variables}")
        if len(self.between) != p or free.shape != (p, p):
            raise ModelError(
                f"between needs {p} entries and free {p} x {p}, one per variable {self.variables}"
            )
        if np.triu(free).any():
            raise ModelError(
                "free must be strictly lower triangular: a variable depends on earlier ones only"
            )
        if not any(self.between):
            raise ModelError("no variable varies between clusters: this is a single-level model")
        free = free.copy()
        free.setflags(write=False)
        object.__setattr__(self, "free", free)
        object.__setattr__(self, "between", tuple(bool(b) for b in self.between))

    @classmethod
    def saturated(cls, variables: Sequence[str], within_only: Sequence[str] = ()) -> PathModel:
        """All regressions free; `within_only` names the variables without a between part."""
        p = len(variables)
        free = np.tril(np.ones((p, p), dtype=bool), -1)
        return cls(tuple(variables), tuple(v not in within_only for v in variables), free)

    @classmethod
    def mediation(
        cls,
        predictor: str | Sequence[str],
        mediator: str | Sequence[str],
        outcome: str,
        covariates: Sequence[str] = (),
        within_only: Sequence[str] | None = None,
    ) -> PathModel:
        """Covariates, predictors, mediators, outcome in this order, everything free (partial mediation).

        `within_only` defaults to the covariates. Several mediators follow one another as a chain; b and direct
        effects are those of the parallel model, a path of a later mediator is a total effect (see `total`).
        """
        predictors = [predictor] if isinstance(predictor, str) else list(predictor)
        mediators = [mediator] if isinstance(mediator, str) else list(mediator)
        names = [*covariates, *predictors, *mediators, outcome]
        return cls.saturated(names, covariates if within_only is None else within_only)

    def index(self, name: str) -> int:
        """Position of a variable."""
        try:
            return self.variables.index(name)
        except ValueError:
            raise UnknownVariableError(
                f"{name!r} is not in the model; its variables are {self.variables}"
            ) from None

    def drop(self, dependent: str | int, regressor: str | int) -> PathModel:
        """The model without the regression of `dependent` on `regressor` (names or positions)."""
        i = self.index(dependent) if isinstance(dependent, str) else dependent
        j = self.index(regressor) if isinstance(regressor, str) else regressor
        free = self.free.copy()
        if not free[i, j]:
            raise ModelError(f"{self.variables[i]} ~ {self.variables[j]} is not a free path of the model")
        free[i, j] = False
        return replace(self, free=free)

    @property
    def paths(self) -> list[tuple[int, int]]:
        """Free coefficients (i, j) row by row: the order of `BatchFit.vcov`."""
        return [(int(i), int(j)) for i, j in np.argwhere(self.free)]

    @property
    def n_parameters(self) -> int:
        """Free parameters: paths, residual variances, between covariances, means."""
        p, b = len(self.variables), sum(self.between)
        return int(self.free.sum()) + 2 * p + b * (b + 1) // 2


@dataclass(frozen=True)
class BatchFit:
    """Estimates of R replicates, in the units of the data.

    Attributes
    ----------
    model : the model fitted.
    loglik : (R,) log-likelihood, constants included.
    coef : (R, p, p) within regressions B, strictly lower triangular.
    residual_variance : (R, p) within residual variances D.
    sigma_within, sigma_between : (R, p, p); sigma_between is zero for within-only variables.
    mu : (R, p) means.
    rank : (R,) attained rank of Sigma_B.
    boundary : (R,) whether Sigma_B is singular over the variables that vary between clusters.
    converged : (R,) projected gradient within tolerance, Sigma_B's multipliers non-negative, Hessian on the active
        face positive definite. Numbers of replicates that are not converged are where the search stopped, or NaN.
    status : (R,) code, see `STATUSES`.
    iterations : (R,) Newton iterations.
    gradient : (R,) largest element of the projected gradient of the log-likelihood per client, parameters in SD units.
    vcov : (R, k, k) covariance of the free paths in the order of `model.paths`, from the observed information on the
        active face; NaN where that is not definite; None if not asked for.
    se_method : (R,) code, see `SE_METHODS`.
    """

    model: PathModel
    loglik: Floats
    coef: Floats
    residual_variance: Floats
    sigma_within: Floats
    sigma_between: Floats
    mu: Floats
    rank: NDArray[np.int64]
    boundary: NDArray[np.bool_]
    converged: NDArray[np.bool_]
    status: NDArray[np.int64]
    iterations: NDArray[np.int64]
    gradient: Floats
    vcov: Floats | None
    se_method: NDArray[np.int64]

    def path(self, dependent: str, regressor: str) -> Floats:
        """(R,) within regression of `dependent` on `regressor`; NaN where not converged."""
        value = self.coef[:, self.model.index(dependent), self.model.index(regressor)]
        return np.where(self.converged, value, np.nan)

    def total(self, dependent: str, regressor: str) -> Floats:
        """(R,) total within effect of `regressor` on `dependent`: element of (I - B)^-1; NaN where not converged."""
        p = len(self.model.variables)
        effects = np.linalg.inv(np.eye(p) - self.coef)
        value = effects[:, self.model.index(dependent), self.model.index(regressor)]
        return np.where(self.converged, value, np.nan)

    def se(self, dependent: str, regressor: str) -> Floats:
        """(R,) standard error of a free path; NaN where not available."""
        if self.vcov is None:
            raise ModelError("fitted with vcov=False: no standard errors")
        pair = (self.model.index(dependent), self.model.index(regressor))
        if pair not in self.model.paths:
            raise ModelError(f"{dependent} ~ {regressor} is not a free path of the model")
        k = self.model.paths.index(pair)
        return np.sqrt(self.vcov[:, k, k])

    @property
    def icc(self) -> Floats:
        """(R, p) between variance as a share of the model-implied total variance."""
        between = np.einsum("rpp->rp", self.sigma_between)
        return between / (between + np.einsum("rpp->rp", self.sigma_within))

    @property
    def failed(self) -> int:
        """Number of replicates without a maximum."""
        return int((~self.converged).sum())

    @property
    def capped(self) -> int:
        """Number of replicates stopped by the cap on iterations (among the failed)."""
        return int((self.status == newton.ITERATION_CAP).sum())


def fit(
    model: PathModel,
    moments: BatchMoments,
    start: BatchFit | None = None,
    vcov: bool = True,
    tolerance: float = 1e-5,
    max_iterations: int = 200,
) -> BatchFit:
    """Maximum likelihood of every replicate under Sigma_B positive semi-definite.

    Parameters
    ----------
    model : its variables are the columns of the data that `moments` summarize.
    start : fit to start from, of one replicate (for all) or of as many as there are; only its values count, so it may be
        of a model with other free paths over the same variables. None: moment estimates.
    vcov : whether to return the covariance matrix of the paths.
    tolerance : bound on the projected gradient of the log-likelihood per client, in SD-scaled parameters.
    max_iterations : cap per start; a replicate that fails from `start` is tried again from moment estimates.

    Returns
    -------
    BatchFit : degenerate replicates (one cluster, no replication, a constant variable, collinear variables) are
        flagged, never raised.

    Notes
    -----
    -2 log L = sum_j [(n_j - 1) log|S_W| + log|S_W + n_j S_B| + tr(S_W^-1 SSP_j)
    + n_j (ybar_j - mu)'(S_W + n_j S_B)^-1 (ybar_j - mu)] (McDonald & Goldstein, 1989). See `twolevel.batch.kernel`, `twolevel.batch.newton`.
    """
    p = len(model.variables)
    if moments.within.shape[1] != p:
        raise ModelError(
            f"the model has {p} variables {model.variables}, the moments {moments.within.shape[1]}"
        )
    replicates = moments.n_replicates
    members = np.flatnonzero(model.between)
    scale, center = np.asarray(moments.scale), np.asarray(moments.center)
    n_clients, n_clusters = moments.n_clients, moments.n_clusters

    # one distinct cluster, however often it was drawn: nothing between to estimate
    means = (
        np.einsum("rkp,k->rp", moments.sums, moments.sizes) / np.where(n_clients > 0, n_clients, 1.0)[:, None]
    )
    squares = np.einsum("rkpp,k->rp", moments.cross, moments.sizes)
    spread = squares / np.where(n_clients > 0, n_clients, 1.0)[:, None] - means**2
    several = (spread > 1e-10).any(axis=1)

    starts = 0
    start_coef, start_logd, start_t = np.zeros((1, p, p)), np.zeros((1, p)), np.zeros((1, p, p))
    if start is not None:
        if start.coef.shape[1] != p or len(start.coef) not in (1, replicates):
            raise ModelError(f"start must be a fit of {p} variables with 1 or {replicates} replicates")
        starts = len(start.coef)
        unit = scale[:1] if starts == 1 else scale
        start_coef = np.where(model.free, start.coef, 0.0) * unit[:, None, :] / unit[:, :, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            start_logd = np.log(start.residual_variance / unit**2)
        start_t = start.sigma_between / (unit[:, :, None] * unit[:, None, :])
        start_t = np.where(np.isfinite(start_t), start_t, 0.0)
        start_t[:, ~np.array(model.between), :] = 0.0
        start_t[:, :, ~np.array(model.between)] = 0.0

    k = int(model.free.sum())
    value, gradient = np.empty(replicates), np.empty(replicates)
    coef, within, between = (np.empty((replicates, p, p)) for _ in range(3))
    logd, mu = np.empty((replicates, p)), np.empty((replicates, p))
    rank, status, iterations, method = (np.empty(replicates, dtype=np.int64) for _ in range(4))
    covariance = np.empty((replicates if vcov else 0, k, k))
    newton.fit_replicates(
        np.ascontiguousarray(moments.sizes, dtype=np.int64),
        *(np.ascontiguousarray(a) for a in (moments.count, moments.sums, moments.cross, moments.within)),
        np.where(several, n_clients - n_clusters, 0.0),
        np.array(model.free),
        members,
        *(np.ascontiguousarray(a) for a in (start_coef, start_logd, start_t)),
        starts,
        0.02,
        tolerance,
        max_iterations,
        vcov,
        value,
        coef,
        logd,
        within,
        between,
        mu,
        rank,
        status,
        iterations,
        gradient,
        covariance,
        method,
    )
    for array in (value, coef, logd, within, between, mu):
        array[status == newton.DEGENERATE] = np.nan
    ratio = scale[:, :, None] / scale[:, None, :]
    product = scale[:, :, None] * scale[:, None, :]
    converged = status == newton.CONVERGED
    constant = n_clients * (np.log(scale).sum(axis=1) + 0.5 * p * np.log(2 * np.pi))
    if vcov:
        unit = np.array([ratio[:, i, j] for i, j in model.paths]).T.reshape(replicates, k)
        covariance *= unit[:, :, None] * unit[:, None, :]
    return BatchFit(
        model=model,
        loglik=-value * n_clients - constant,
        coef=coef * ratio,
        residual_variance=np.exp(logd) * scale**2,
        sigma_within=within * product,
        sigma_between=between * product,
        mu=mu * scale + center,
        rank=rank,
        boundary=rank < len(members),
        converged=converged,
        status=status,
        iterations=iterations,
        gradient=gradient,
        vcov=covariance if vcov else None,
        se_method=method,
    )


@dataclass(frozen=True)
class BatchTest:
    """Likelihood-ratio tests of one path in R replicates.

    Attributes
    ----------
    statistic : (R,) twice the difference of log-likelihoods, NaN where either fit has no maximum.
    p : (R,) p value, chi-square with one degree of freedom.
    restricted : the fit without the path.
    """

    statistic: Floats
    p: Floats
    restricted: BatchFit


def likelihood_ratio(
    model: PathModel,
    moments: BatchMoments,
    drop: tuple[str, str] | tuple[int, int],
    fit: BatchFit | None = None,
    **options: float,
) -> BatchTest:
    """Profile-likelihood test that a path is zero, both fits under the same bounds.

    Parameters
    ----------
    drop : (dependent, regressor) as names or positions: the free path to test.
    fit : fit of `model` to `moments`, if at hand.
    options : `tolerance`, `max_iterations` of `fit`.
    """
    from scipy.special import chdtrc

    full = fit_model(model, moments, vcov=False, **options) if fit is None else fit  # type: ignore[arg-type]
    restricted = fit_model(model.drop(*drop), moments, start=full, vcov=False, **options)  # type: ignore[arg-type]
    statistic = np.where(
        full.converged & restricted.converged, np.maximum(2 * (full.loglik - restricted.loglik), 0.0), np.nan
    )
    return BatchTest(statistic=statistic, p=chdtrc(1, statistic), restricted=restricted)


fit_model = fit  # `likelihood_ratio` has an argument of that name
