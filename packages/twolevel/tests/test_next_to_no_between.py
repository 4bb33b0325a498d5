"""Next to no variance between clusters: the likelihood, its differences and the verdict hold where predictors nearly vanish."""

import numpy as np
import pytest
import twolevel
from twolevel.likelihood.objective import Objective
from twolevel_brute import cluster_logliks
from twolevel_samples import TEXTS, draw, punch

MODEL = twolevel.Model(TEXTS["between_covariate"])  # level 2 has no degrees of freedom
Y, Z = list(MODEL.layout.y), list(MODEL.layout.z)


def frame(seed: int):
    return punch(draw(seed, clusters=(12, 25, 60)[seed // 3 % 3], icc=(0.0, 0.01, 0.03)[seed % 3]), seed)


@pytest.mark.parametrize("size", [1.0, 10.0, 50.0])
def test_the_likelihood_of_incomplete_data_holds_wherever_a_search_may_come(size):
    """Paths and between variances many orders beyond the data's: as the dense density, and with its own slope."""
    rows = frame(5)
    moments = twolevel.ClusterData(rows, "cluster").missing(tuple(Y), tuple(Z))
    objective = Objective(MODEL.layout, moments)
    rng = np.random.default_rng(1)
    theta = rng.standard_normal(MODEL.layout.n_parameters)
    theta[[k for k, name in enumerate(MODEL.names) if name.endswith(".l2")]] *= size
    for k, name in enumerate(MODEL.names):
        left, _, right = name.removesuffix(".l2").partition("~~")
        if left == right:
            theta[k] = abs(theta[k]) + 0.1
    theta[MODEL.position("x~~w.l2")] = 0.0
    value, gradient, _ = objective(theta, 1)
    dense = cluster_logliks(objective.implied(theta), rows, Y, Z, "cluster")
    assert -value == pytest.approx(dense.sum(), rel=1e-8)
    steps = 1e-5 * np.maximum(np.abs(theta), 1.0)
    for k, step in enumerate(steps):
        ahead, behind = theta.copy(), theta.copy()
        ahead[k] += step
        behind[k] -= step
        slope = (objective(ahead)[0] - objective(behind)[0]) / (2 * step)
        assert gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-7 * abs(value) / step * 1e-2)


def check(seed: int) -> None:
    fit = twolevel.fit(MODEL, frame(seed), "cluster", missing="ml")
    assert fit.converged, fit.message
    assert fit.loglik == pytest.approx(fit.saturated.loglik, abs=1e-6)


@pytest.mark.parametrize("seed", [3, 36, 72, 74])
def test_a_structured_level_without_degrees_of_freedom_reaches_the_saturated_maximum(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(120))
def test_it_always_does(seed):
    check(seed)


def test_differences_stay_where_the_likelihood_is_a_parabola():
    """The variance of a predictor that all but vanishes: its usual step is longer than its standard deviation."""
    fit = twolevel.fit(MODEL, frame(5), "cluster", missing="ml")
    objective, theta = fit.objective, fit.solution.theta.copy()
    values = {"x~~x.l2": 5e-4, "x~~w.l2": 0.0, "m~x.l2": 20.0, "y~x.l2": -20.0, "m~~m.l2": 1e-3}
    for name, value in values.items():
        theta[MODEL.position(name)] = value
    place = MODEL.position("x~~x.l2")
    moved = theta.copy()
    moved[place] += 1e-9
    wanted = (objective(moved, 1)[1] - objective(theta, 1)[1])[place] / 1e-9
    assert objective(theta, 3)[2][place, place] == pytest.approx(wanted, rel=1e-4)
