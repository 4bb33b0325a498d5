"""Paths of a mediation model in many simulated studies at once, at both estimands.

The estimators are those of a run: ``single`` is least squares with CR2 and Satterthwaite df (``fortems.stats.regression``),
``within`` the two-level likelihood under positive semi-definite bounds (``twolevel.batch``). What decides is the
cluster jackknife (``Paths.primary``); normal theory is for comparison. Data are complete.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from twolevel import batch

from fortems.design.draws import product_interval
from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.intervals import Interval, t_interval
from fortems.stats.leave_out import Robust, single_left_out, within_left_out
from fortems.stats.products import COARSE, product_p
from fortems.stats.products import product_interval as product_of_t
from fortems.stats.regression import CR2Fit, cluster_products, cr2_from_products
from fortems.stats.student import t_quantile


@dataclass(frozen=True)
class Sample:
    """Simulated studies with the summaries that all estimators share.

    Attributes
    ----------
    names : tuple of str, length V
    cluster : ndarray (N,)
        Therapist of each client, from 0.
    unit : ndarray (S, V)
        SD of each variable in each study; products and slopes are in these units.
    products : ndarray (S, J, 1 + V, 1 + V)
        Each therapist's cross-products of the constant and the standardized variables.
    moments : BatchMoments
        What the two-level likelihood needs, of the same variables in their own units.
    """

    names: tuple[str, ...]
    cluster: Ints
    unit: Array
    products: Array
    moments: batch.BatchMoments

    @classmethod
    def of(cls, data: Array, names: tuple[str, ...], cluster: Ints) -> Sample:
        """Summarise studies (S, N, V)."""
        centred = data - data.mean(axis=1, keepdims=True)
        unit = np.sqrt(np.einsum("snv,snv->sv", centred, centred) / (data.shape[1] - 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            standard = centred / np.where(unit > 0, unit, np.nan)[:, None, :]
        columns = np.concatenate([np.ones((*data.shape[:2], 1)), standard], axis=-1)
        return cls(
            names, cluster, unit, cluster_products(columns, cluster), batch.study_moments(data, cluster)
        )

    @property
    def studies(self) -> int:
        """Number of studies, S."""
        return len(self.unit)

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of clients and of therapists."""
        return len(self.cluster), self.products.shape[1]

    def at(self, names: tuple[str, ...]) -> list[int]:
        """Places of variables."""
        return [self.names.index(name) for name in names]


@dataclass(frozen=True)
class Paths:
    """Paths of one model at one estimand in S studies, in raw units.

    Attributes
    ----------
    predictors : tuple of str, length P
    a, direct : ndarray (S, P)
        Predictor to mediator, and predictor to outcome given the mediator.
    b : ndarray (S,)
        Mediator to outcome.
    var_a, var_direct : ndarray (S, P)
    var_b : ndarray (S,)
    cov_ab : ndarray (S, P)
    df_a : ndarray (S, P)
    df_b : ndarray (S,)
    boundary : ndarray (S,) of bool
        Whether the between covariance matrix is singular; False at level ``single``.
    robust : Robust
        Cluster-jackknife variances, which the primary intervals and tests rest on.
    """

    predictors: tuple[str, ...]
    a: Array
    b: Array
    direct: Array
    var_a: Array
    var_b: Array
    var_direct: Array
    cov_ab: Array
    df_a: Array
    df_b: Array
    boundary: Bools
    robust: Robust

    @property
    def indirect(self) -> Array:
        """a·b (S, P)."""
        return self.a * self.b[:, None]

    def primary(self, predictor: int = 0, confidence: float = 0.95) -> Interval:
        """Primary interval and p (S,) of a predictor's indirect effect."""
        return product_of_t(*self._factors(predictor), confidence, COARSE)

    def _factors(self, predictor: int) -> tuple[Array, Array, Array, Array, float, float]:
        r, i = self.robust, predictor
        return self.a[:, i], self.b, r.var_a[:, i], r.var_b, r.df, r.df

    def p(self, effect: str, predictor: int = 0) -> Array:
        """Two-sided p (S,) of ``a``, ``b``, ``direct`` or ``indirect`` by the distributions that decide."""
        if effect == "indirect":
            return product_p(*self._factors(predictor))
        return self.of_path(effect, predictor).p

    def of_path(self, effect: str, predictor: int = 0, confidence: float = 0.95) -> Interval:
        """Primary interval and p (S,) of ``a``, ``b`` or ``direct``."""
        value, variance = {
            "a": (self.a[:, predictor], self.robust.var_a[:, predictor]),
            "b": (self.b, self.robust.var_b),
            "direct": (self.direct[:, predictor], self.robust.var_direct[:, predictor]),
        }[effect]
        return t_interval(value, np.sqrt(variance), self.robust.df, confidence)

    def monte_carlo(self, predictor: int = 0, confidence: float = 0.95) -> tuple[Array, Array, Array]:
        """Limits and p (S,) of the normal-theory interval of a predictor's indirect effect."""
        i = predictor
        a = self.a[:, i], self.var_a[:, i], self.df_a[:, i]
        return product_interval(
            a[0], self.b, a[1], self.var_b, self.cov_ab[:, i], a[2], self.df_b, confidence
        )

    def own_errors(self, predictor: int = 0, confidence: float = 0.95, step: float = COARSE) -> Interval:
        """Interval and p (S,) of a predictor's indirect effect by the estimator's own variances and df.

        At ``single`` this is the run's interval ``cr2``: the quantiles of A·B for independent A = â + s_a T_a and
        B = b̂ + s_b T_b, s² being the CR2 variances (Bell & McCaffrey, 2002)

            s_a² = c'M [Σ_j X_j' (I − H_jj)^(−1/2) e_j e_j' (I − H_jj)^(−1/2) X_j] M c,      M = (X'X)⁻¹,

        of the regressions m ~ x and y ~ m + x, and T variates of t with each slope's own Satterthwaite degrees of
        freedom, ν = (Σ_i P_ii)² / Σ_ij P_ij² (Pustejovsky & Tipton, 2018, who have P): ``fortems.stats.regression``.

        Parameters
        ----------
        predictor : int
            Place among the predictors.
        confidence : float
        step : float
            Of the quadrature; that of the primary intervals beside which these stand.
        """
        i = predictor
        variance, df = (self.var_a[:, i], self.var_b), (self.df_a[:, i], self.df_b)
        return product_of_t(self.a[:, i], self.b, *variance, *df, confidence, step)

    def delta(self, predictor: int = 0, confidence: float = 0.95) -> tuple[Array, Array]:
        """Limits (S,) of the first-order normal (Sobel) interval of a predictor's indirect effect."""
        a, b, i = self.a[:, predictor], self.b, predictor
        variance = b**2 * self.var_a[:, i] + a**2 * self.var_b + 2 * a * b * self.cov_ab[:, i]
        half = t_quantile(0.5 + confidence / 2, np.array(np.inf)) * np.sqrt(np.maximum(variance, 0.0))
        return a * b - half, a * b + half


def single_paths(sample: Sample, predictors: tuple[str, ...], mediator: str, outcome: str) -> Paths:
    """Least-squares paths with CR2 and Satterthwaite df, therapists' differences left in."""
    x, (m, y) = [1 + i for i in sample.at(predictors)], [1 + i for i in sample.at((mediator, outcome))]
    first = _regress(sample, x, m)
    second = _regress(sample, [m, *x], y)
    unit_x, unit_m = sample.unit[:, sample.at(predictors)], sample.unit[:, m - 1 : m]
    unit_y = sample.unit[:, y - 1 : y]
    scale_a, scale_b, scale_c = unit_m / unit_x, (unit_y / unit_m)[:, 0], unit_y / unit_x
    full = first.coef[:, 1:] * scale_a, second.coef[:, 1] * scale_b, second.coef[:, 2:] * scale_c
    a_out, b_out, c_out = single_left_out(sample.products, x, m, y)
    left_out = a_out * scale_a[:, None], b_out * scale_b[:, None], c_out * scale_c[:, None]
    return Paths(
        predictors=predictors,
        a=first.coef[:, 1:] * scale_a,
        b=second.coef[:, 1] * scale_b,
        direct=second.coef[:, 2:] * scale_c,
        var_a=(first.se[:, 1:] * scale_a) ** 2,
        var_b=(second.se[:, 1] * scale_b) ** 2,
        var_direct=(second.se[:, 2:] * scale_c) ** 2,
        cov_ab=np.zeros_like(first.coef[:, 1:]),  # b is unbiased given predictor and mediator
        df_a=first.df[:, 1:],
        df_b=second.df[:, 1],
        boundary=np.zeros(sample.studies, bool),
        robust=Robust.of(full, left_out),
    )


def _regress(sample: Sample, right: list[int], left: int) -> CR2Fit:
    index = [0, *right]
    products = sample.products
    return cr2_from_products(
        np.ascontiguousarray(products[:, :, index][:, :, :, index]), products[:, :, index, left]
    )


def within_paths(
    sample: Sample,
    predictors: tuple[str, ...],
    mediator: str,
    outcome: str,
) -> Paths:
    """Within-therapist paths by two-level maximum likelihood under positive semi-definite bounds.

    Parameters
    ----------
    sample : Sample
    predictors, mediator, outcome : str
        Names.

    Returns
    -------
    Paths
        NaN where a study has no maximum or no standard errors.
    """
    model = batch.PathModel.mediation(predictors, mediator, outcome)
    moments = sample.moments.select(sample.at(model.variables))
    fitted = batch.fit(model, moments)
    assert fitted.vcov is not None
    coef = np.where(fitted.converged[:, None, None], fitted.coef, np.nan)
    k, m, y = len(predictors), len(predictors), len(predictors) + 1
    place = {path: i for i, path in enumerate(model.paths)}
    at_a, at_direct, at_b = [place[m, i] for i in range(k)], [place[y, i] for i in range(k)], place[y, m]
    variance = np.einsum("skk->sk", fitted.vcov)
    clients, therapists = sample.sizes
    df_a, df_y = float(clients - therapists - k), float(clients - therapists - k - 1)
    a, b, direct = coef[:, m, :k], coef[:, y, m], coef[:, y, :k]
    shape = a.shape
    places = sample.at(model.variables)
    index = [0, *(1 + place for place in places)]
    out = within_left_out(
        np.ascontiguousarray(sample.products[:, :, index][:, :, :, index]),
        sample.unit[:, places],
        np.bincount(sample.cluster),
        fitted,
    )
    return Paths(
        predictors=predictors,
        a=a,
        b=b,
        direct=direct,
        var_a=variance[:, at_a],
        var_b=variance[:, at_b],
        var_direct=variance[:, at_direct],
        cov_ab=fitted.vcov[:, at_a, at_b],
        df_a=np.full(shape, df_a),
        df_b=np.full(shape[0], df_y),
        boundary=fitted.boundary & fitted.converged,
        robust=Robust.of((a, b, direct), (out[:, :, m, :k], out[:, :, y, m], out[:, :, y, :k])),
    )
