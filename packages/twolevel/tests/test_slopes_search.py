"""The search for the maximum where random slopes are integrated: on the walls of its domain, and where there is none."""

import warnings

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel.slopes.objective import SEARCH, WORK, SlopeObjective

SLOPES = """
level: 1
  b ~~ e
  a ~ rv("s1")*e
  a ~ rv("s2")*b
level: 2
  s1 ~~ s2
  a ~~ a
"""
FIXED = """
level: 1
  b ~~ e
  a ~ e + b
level: 2
  a ~~ a
"""


def draw(seed: int, clusters: int, slopes: float = 0.0) -> pd.DataFrame:
    """Incomplete predictors b and e, each with a slope of SD `slopes` over the clusters."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(clusters), rng.integers(3, 8, clusters))
    e, b = rng.standard_normal((2, len(code)))
    own = slopes * rng.standard_normal((2, clusters))
    a = 0.5 * rng.standard_normal(clusters)[code] + (0.3 + own[0, code]) * e + (0.2 + own[1, code]) * b
    frame = pd.DataFrame({"cluster": code, "a": a + rng.standard_normal(len(code)), "b": b, "e": e})
    for name in "abe":
        frame.loc[rng.random(len(frame)) < 0.1, name] = np.nan
    return frame


def flat(fit: twolevel.Fit) -> tuple[np.ndarray, list[int]]:
    """A fit's end with no variance of the slopes at all, and the places of their variances."""
    names = list(fit.model.names)
    theta = fit.solution.theta.copy()
    for name in ("s1~~s1.l2", "s2~~s2.l2", "s1~~s2.l2"):
        theta[names.index(name)] = 0.0
    return theta, [names.index("s1~~s1.l2"), names.index("s2~~s2.l2")]


@pytest.mark.parametrize("seed", [1, 2])
def test_two_integrated_slopes_without_variance_are_at_the_boundary_and_converged(seed):
    frame = draw(seed, 8)
    fit = twolevel.fit(SLOPES, frame, "cluster", missing="ml")
    fixed = twolevel.fit(FIXED, frame, "cluster", missing="ml")
    assert fit.converged, fit.message
    assert fit.loglik >= fixed.loglik - 1e-7
    moments = fit.slope_moments()
    if moments["sd"].max() < 1e-6:
        assert fit.boundary
        assert fit.loglik == pytest.approx(fixed.loglik, abs=1e-7)


def test_the_hessian_where_no_step_stays_inside_is_that_of_values_inside():
    fit = twolevel.fit(SLOPES, draw(4, 8, 0.3), "cluster", missing="ml")
    objective = fit.objective
    theta, variances = flat(fit)
    hessian = objective(theta, 3)[2]
    rough = objective(theta, 2)[2]
    assert hessian is not None and rough is not None
    units = objective.units
    covariance = list(fit.model.names).index("s1~~s2.l2")
    size = np.abs(np.diag(hessian)) ** 0.5
    assert (np.abs(hessian - rough) <= 5e-3 * np.outer(size, size)).all()
    step = 1e-3
    weights = np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / (12 * step)
    for sign in (-1.0, 0.0, 1.0):  # directions into the cone of covariance matrices, on its wall and off it
        direction = np.zeros(len(theta))
        direction[variances] = units[variances]
        direction[covariance] = sign * np.sqrt(units[variances].prod())
        slopes = [direction @ objective(theta + times * step * direction, 1)[1] for times in range(5)]
        assert direction @ hessian @ direction == pytest.approx(weights @ slopes, rel=1e-3)


HOPELESS = """
level: 1
 d ~ c
 a ~ rv("s1", "observed")*c
 a ~ rv("s2", "observed")*d
level: 2
 a ~~ c
 d ~ a
"""


@pytest.mark.parametrize("bounds", ["psd", "none"])
@pytest.mark.parametrize("seed", range(2))
def test_a_search_that_finds_no_maximum_of_an_integral_ends_and_says_so(bounds, seed, monkeypatch):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.standard_normal((18, 3)), columns=list("acd"))
    frame["cluster"] = np.repeat(range(4), [3, 5, 4, 6])
    frame = frame.mask(rng.random(frame.shape) < [0.15, 0.15, 0.15, 0])
    frame["cluster"] = frame["cluster"].astype(int)
    cost = []
    own = SlopeObjective._value

    def counted(self, theta, derive):
        cost.append(len(self.rule[0]))
        return own(self, theta, derive)

    monkeypatch.setattr(SlopeObjective, "_value", counted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = twolevel.fit(HOPELESS, frame, "cluster", missing="ml", bounds=bounds)
    assert isinstance(fit.converged, bool)
    assert fit.converged or fit.message.startswith("no maximum: ")
    assert fit.message.count("no maximum") <= 1
    one_search = SEARCH * (2 + (fit.n_parameters + 1) * min(cost) / max(cost))
    searches = 2 if bounds == "none" else 1
    assert sum(cost) / max(cost) < searches * (WORK * (fit.n_parameters + 2) + 3 * one_search)
