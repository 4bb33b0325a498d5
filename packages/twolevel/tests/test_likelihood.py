"""Fast likelihood = brute force; analytic = numerical derivatives; complete = missing-data code on complete data."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from hypothesis import given, settings
from hypothesis import strategies as st
from twolevel.inference.covariance import cluster_scores, expected_information
from twolevel.likelihood.objective import Objective
from twolevel_brute import cluster_logliks
from twolevel_samples import TEXTS, draw, punch, random_theta

pytestmark = pytest.mark.plain

MODELS = {name: twolevel.Model(text) for name, text in TEXTS.items()}
names = st.sampled_from(sorted(TEXTS))
seeds = st.integers(0, 10_000)


def complete(name: str, frame: pd.DataFrame) -> Objective:
    layout = MODELS[name].layout
    return Objective(layout, twolevel.ClusterData(frame, "cluster").complete(layout.y, layout.z))


def incomplete(name: str, frame: pd.DataFrame) -> Objective:
    layout = MODELS[name].layout
    return Objective(layout, twolevel.ClusterData(frame, "cluster").missing(layout.y, layout.z))


def brute(name: str, objective: Objective, theta: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
    layout = MODELS[name].layout
    frame = frame[frame[[*layout.y, *layout.z]].notna().any(axis=1)]
    return cluster_logliks(objective.implied(theta), frame, list(layout.y), list(layout.z), "cluster")


@settings(max_examples=40, deadline=None, derandomize=True)
@given(names, seeds)
def test_complete_likelihood_is_the_multivariate_normal_one(name, seed):
    frame = draw(seed)
    objective = complete(name, frame)
    theta = random_theta(objective, seed)
    assert -objective(theta)[0] == pytest.approx(brute(name, objective, theta, frame).sum(), rel=1e-10)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(names, seeds)
def test_missing_likelihood_is_the_multivariate_normal_one(name, seed):
    frame = punch(draw(seed), seed)
    objective = incomplete(name, frame)
    theta = random_theta(objective, seed)
    assert -objective(theta)[0] == pytest.approx(brute(name, objective, theta, frame).sum(), rel=1e-10)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(names, seeds, st.booleans())
def test_gradient_and_hessian_are_the_numerical_ones(name, seed, missing):
    frame = draw(seed)
    objective = incomplete(name, punch(frame, seed)) if missing else complete(name, frame)
    theta = random_theta(objective, seed)
    value, gradient, hessian = objective(theta, 3)
    steps = 1e-5 * objective.units
    numerical = [
        (objective(theta + h * e)[0] - objective(theta - h * e)[0]) / (2 * h)
        for h, e in zip(steps, np.eye(len(theta)), strict=True)
    ]
    np.testing.assert_allclose(gradient, numerical, rtol=1e-5, atol=1e-5 * abs(value))
    by_difference = objective.difference_hessian(theta)
    np.testing.assert_allclose(hessian, by_difference, rtol=1e-6, atol=1e-8 * np.abs(hessian).max())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(names, seeds)
def test_with_missing_values_steps_go_by_differences_of_the_gradient(name, seed):
    objective = incomplete(name, punch(draw(seed), seed))
    theta = random_theta(objective, seed)
    _, gradient, hessian = objective(theta, 2)
    moved = theta + np.diag(1e-6 * objective.units)
    rows = np.array([(objective(point, 1)[1] - gradient) / (point - theta).sum() for point in moved])
    size = np.abs(hessian).max()
    np.testing.assert_allclose(hessian, 0.5 * (rows + rows.T), rtol=1e-6, atol=1e-6 * size)
    np.testing.assert_allclose(hessian, objective(theta, 3)[2], atol=2e-4 * size)


def test_beside_the_edge_of_the_domain_the_difference_is_taken_inside():
    model = twolevel.Model("level: 1\nx ~~ m\nlevel: 2\nx ~~ 0*m")
    frame = punch(draw(3), 3)
    layout = model.layout
    objective = Objective(layout, twolevel.ClusterData(frame, "cluster").missing(layout.y, layout.z))
    theta = random_theta(objective, 3)
    variances = [theta[model.position(name)] for name in ("x~~x", "m~~m")]
    place = model.position("x~~m")
    theta[place] = np.sqrt(np.prod(variances)) * (1 - 3e-7)
    step = 1e-6 * objective.units[place]
    ahead, behind = (objective(theta + sign * step * (np.arange(len(theta)) == place), 1) for sign in (1, -1))
    assert np.isinf(ahead[0]) and np.isfinite(behind[0])
    _, gradient, hessian = objective(theta, 2)
    expected = (gradient[place] - behind[1][place]) / step
    assert hessian[place, place] == pytest.approx(expected, rel=1e-4)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(names, seeds)
def test_missing_data_code_agrees_on_complete_data(name, seed):
    frame = draw(seed)
    first, second = complete(name, frame), incomplete(name, frame)
    theta = random_theta(first, seed)
    for a, b in zip(first(theta, 3), second(theta, 3), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-7 * np.abs(first(theta, 2)[2]).max())


@pytest.mark.parametrize("name", sorted(TEXTS))
@pytest.mark.parametrize("missing", [False, True])
def test_cluster_scores_are_the_gradients_of_the_clusters_densities(name, missing):
    frame = draw(5)
    if missing:
        frame = punch(frame, 5)
    objective = incomplete(name, frame) if missing else complete(name, frame)
    theta = random_theta(objective, 5)
    layout = MODELS[name].layout
    clusters = (
        objective.moments if missing else twolevel.ClusterData(frame, "cluster").clusters(layout.y, layout.z)
    )
    scores = cluster_scores(objective, theta, clusters)
    np.testing.assert_allclose(scores.sum(axis=0), -objective(theta, 1)[1], rtol=1e-8, atol=1e-7)
    for k, h in enumerate(1e-5 * objective.units):
        step = h * np.eye(len(theta))[k]
        ahead, behind = (brute(name, objective, theta + s, frame) for s in (step, -step))
        np.testing.assert_allclose(scores[:, k], (ahead - behind) / (2 * h), rtol=2e-5, atol=2e-4)


def test_expected_information_is_the_mean_observed_one():
    """Averaged over data drawn from the model itself, the observed information is the expected one."""
    frame = draw(1)
    objective = complete("partial", frame)
    theta = random_theta(objective, 1)
    implied = objective.implied(theta)
    rng = np.random.default_rng(3)
    layout = MODELS["partial"].layout
    codes = frame["cluster"].to_numpy()
    total, replicates = np.zeros((len(theta), len(theta))), 400
    for _ in range(replicates):
        u = rng.multivariate_normal(implied.mu, implied.vb, codes.max() + 1)
        e = rng.multivariate_normal(np.zeros(len(implied.sw)), implied.sw, len(codes))
        drawn = pd.DataFrame(u[codes] + e, columns=list(layout.y)).assign(cluster=codes)
        total += complete("partial", drawn)(theta, 2)[2]
    expected = expected_information(objective, theta)
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs((total / replicates - expected) / size).max() < 0.1


def test_outside_the_domain_the_value_is_infinite():
    objective = complete("partial", draw(2))
    theta = random_theta(objective, 2)
    theta[MODELS["partial"].position("m~~m")] = -1.0
    assert objective(theta)[0] == np.inf
    assert incomplete("partial", draw(2))(theta)[0] == np.inf
