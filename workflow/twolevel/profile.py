"""Profile likelihood of one parameter: test and interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .inference import Interval, chi2_sf
from .optimize import Solution, estimate

if TYPE_CHECKING:
    from .results import Fit


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
        Whether both models have a maximum; statistic and p are NaN otherwise.
    """

    name: str
    value: float
    statistic: float
    df: int
    p: float
    loglik: float
    converged: bool


def _held(fit: Fit, name: str, value: float, near: np.ndarray, thorough: bool) -> Solution:
    model = fit.model.fix({name: value})
    held = fit.model.position(name)
    start = np.delete(near, held)
    return estimate(model, fit.moments, fit.bounds, starts=[start], thorough=thorough)


def profile_test(fit: Fit, name: str, value: float = 0.0) -> ProfileTest:
    """See `Fit.profile`."""
    solution = _held(fit, name, value, fit.solution.theta, thorough=True)
    converged = fit.converged and solution.converged
    statistic = 2 * (fit.loglik - solution.loglik) if converged else np.nan
    p = chi2_sf(statistic, 1) if converged else np.nan
    return ProfileTest(name, value, statistic, 1, p, solution.loglik, converged)


def profile_interval(fit: Fit, name: str, level: float = 0.95) -> Interval:
    """See `Fit.profile_interval`; a bound is NaN where the profile does not fall far enough or cannot be fitted.

    The bounds solve 2 (log L - profile log L(value)) = chi-squared quantile.
    """
    from scipy.optimize import brentq
    from scipy.special import gammaincinv

    position = fit.model.position(name)
    estimate_ = float(fit.solution.theta[position])
    critical = 2 * float(gammaincinv(0.5, level))
    matrix = fit.covariance.matrix
    se = float(np.sqrt(matrix[position, position])) if matrix[position, position] > 0 else np.nan
    if not fit.converged:
        return Interval(estimate_, np.nan, np.nan, np.nan, level, "profile likelihood: no maximum")
    step = se if np.isfinite(se) else 0.1 * float(fit.objective.units[position])

    def bound(sign: float) -> float:
        near = fit.solution.theta

        def excess(value: float) -> float:
            nonlocal near
            if value == estimate_:
                return -critical
            # The neighbouring solution leads along the profile; a search at each step would cost too much.
            solution = _held(fit, name, value, near, thorough=False)
            if not solution.converged:
                raise ArithmeticError
            near = np.insert(solution.theta, position, value)
            return 2 * (fit.loglik - solution.loglik) - critical

        inner, outer = estimate_, estimate_ + sign * np.sqrt(critical) * step
        try:
            for _ in range(30):
                if excess(outer) > 0:
                    return float(brentq(excess, inner, outer, xtol=1e-7 * step, rtol=1e-12))
                inner, outer = outer, outer + sign * step
        except ArithmeticError:
            return np.nan
        return np.nan

    return Interval(estimate_, se, bound(-1.0), bound(1.0), level, "profile likelihood")
