"""Profile likelihood of one parameter: test and interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import ModelError
from ..fitted import Fitted
from ..inference.covariance import Interval, chi2_sf
from ..model.model import Model
from ..search.optimize import estimate
from ..search.verdict import Solution


@dataclass(frozen=True)
class ProfileTest:
    """Likelihood-ratio test that a parameter equals `value`.

    Attributes
    ----------
    name : str
    value, statistic, p : float
    df : int
    loglik : float
        Of the model with the parameter held.
    converged : bool
        Whether both models have a maximum; statistic and p are NaN otherwise, and loglik too where no covariance matrix
        of the model has this value.
    """

    name: str
    value: float
    statistic: float
    df: int
    p: float
    loglik: float
    converged: bool


def _held(fit: Fitted, name: str, value: float, near: np.ndarray, thorough: bool) -> tuple[Model, Solution]:
    """The model with the parameter held, and its fit.

    Raises
    ------
    ModelError
        No covariance matrix of the model has this value.
    """
    values = {name: value}
    if value == 0 and fit.bounds == "psd":
        values |= dict.fromkeys(_covariances_of(fit.model, fit.model.position(name)), 0.0)
    model = fit.model.fix(values)
    start = near[[fit.model.names.index(n) for n in model.names]]
    return model, estimate(model, fit.moments, fit.bounds, starts=[start], thorough=thorough)


def _covariances_of(model: Model, position: int) -> list[str]:
    """Free covariances of the variables whose variance the parameter is: zero if it is, under psd."""
    rows = list(zip(model.rows, model.index, strict=True))
    zero = {(r.level, r.lhs) for r, k in rows if k == position and r.op == "~~" and r.lhs == r.rhs}
    return [
        r.key
        for r, k in rows
        if k >= 0 and r.op == "~~" and r.lhs != r.rhs and {(r.level, r.lhs), (r.level, r.rhs)} & zero
    ]


def profile_test(fit: Fitted, name: str, value: float = 0.0) -> ProfileTest:
    """See `Fit.profile`."""
    fit.model.position(name)  # raises with the nearest name
    try:
        _, solution = _held(fit, name, value, fit.solution.theta, thorough=True)
    except ModelError:
        return ProfileTest(name, value, np.nan, 1, np.nan, np.nan, False)
    converged = fit.converged and solution.converged
    statistic = 2 * (fit.loglik - solution.loglik) if converged else np.nan
    p = chi2_sf(statistic, 1) if converged else np.nan
    return ProfileTest(name, value, statistic, 1, p, solution.loglik, converged)


class _Unfitted(ArithmeticError):
    """The profile has no maximum at a value."""


def profile_interval(fit: Fitted, name: str, level: float = 0.95) -> Interval:
    """See `Fit.profile_interval`; a bound is NaN where the profile does not fall far enough or cannot be fitted.

    The bounds solve 2 (log L - profile log L(value)) = chi-squared quantile. Where the profile of a variance has not
    fallen that far at zero, its lower bound under psd is zero.
    """
    from scipy.special import gammaincinv

    position = fit.model.position(name)
    estimate_ = float(fit.solution.theta[position])
    critical = 2 * float(gammaincinv(0.5, level))
    matrix = fit.covariance.matrix
    se = float(np.sqrt(matrix[position, position])) if matrix[position, position] > 0 else np.nan
    if not fit.converged:
        return Interval(estimate_, np.nan, np.nan, np.nan, level, "profile likelihood: no maximum")
    step = se if np.isfinite(se) else 0.1 * float(fit.objective.units[position])
    rows = [r for r, k in zip(fit.model.rows, fit.model.index, strict=True) if k == position]
    variance = fit.bounds == "psd" and any(r.op == "~~" and r.lhs == r.rhs for r in rows)
    low, below = _bound(fit, name, -1.0, critical, step, 0.0 if variance else -np.inf)
    high, above = _bound(fit, name, 1.0, critical, step, np.inf)
    message = "; ".join(f"{side} bound: {why}" for side, why in (("lower", below), ("upper", above)) if why)
    return Interval(estimate_, se, low, high, level, "profile likelihood", message=message)


def _bound(
    fit: Fitted, name: str, sign: float, critical: float, step: float, limit: float
) -> tuple[float, str]:
    """(one bound, why it is none or the limit of the domain)."""
    from scipy.optimize import brentq

    position = fit.model.position(name)
    estimate_ = float(fit.solution.theta[position])
    near = fit.solution.theta

    def excess(value: float) -> float:
        nonlocal near
        if value == estimate_:
            return -critical
        # The neighbouring solution leads along the profile; a search at each step would cost too much.
        model, solution = _held(fit, name, value, near, thorough=False)
        if not solution.converged:
            raise _Unfitted
        near = _expanded(fit.model, model, solution.theta)
        return 2 * (fit.loglik - solution.loglik) - critical

    def solved(inner: float, outer: float) -> float:
        return float(brentq(excess, inner, outer, xtol=1e-7 * step, rtol=1e-12))

    inner, outer, end = estimate_, estimate_ + sign * np.sqrt(critical) * step, sign * np.inf
    try:
        for _ in range(40):
            if sign * (outer - limit) > 0:
                outer = limit
            try:
                beyond = excess(outer)
            except ModelError:  # outside the domain: half way there
                end = outer
                outer = 0.5 * (inner + outer)
                if abs(outer - end) < 1e-6 * step:
                    break
                continue
            if beyond > 0:
                return solved(inner, outer), ""
            if outer == limit:
                return limit, "the end of the domain"
            inner, outer = outer, outer + sign * step if np.isinf(end) else 0.5 * (outer + end)
    except _Unfitted:
        return np.nan, f"the profile has no maximum beyond {name} = {inner:.4g}"
    beside = "" if np.isinf(end) else f", beside the end of the domain at {end:.4g}"
    return np.nan, f"the profile has not fallen far enough at {name} = {inner:.4g}{beside}"


def _expanded(model: Model, held: Model, theta: np.ndarray) -> np.ndarray:
    """The free parameters of `model` at a fit of the model with some of them held."""
    out = np.empty(len(model.names))
    for row, k, j in zip(held.rows, model.index, held.index, strict=True):
        if k >= 0:
            out[k] = theta[j] if j >= 0 else row.fixed
    return out
