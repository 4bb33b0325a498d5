"""Run by test_batch_without_jit.py in an interpreter without compilation: derivatives at the level of the formulas."""

import numpy as np
import pytest
from bruteforce_batch import lavaan_data, simulate
from twolevel.batch import PathModel, face, fit, kernel, weighted_moments

COVARIATE = PathModel.mediation("x", "m", "y", covariates=["age"])
MODELS = {
    "saturated": PathModel.saturated(["x", "m", "y"]),
    "full mediation": PathModel.saturated(["x", "m", "y"]).drop("y", "x"),
    "within-only covariate": COVARIATE,
}


def point(model: PathModel, seed: int):
    """Data of the kernel, parameters at random, and a function of the parameters."""
    rng = np.random.default_rng(seed)
    p = len(model.variables)
    within = np.eye(p) + 0.3
    values, cluster = simulate(rng, np.array([1, 2, 2, 3, 5, 3, 4]), within, 0.3 * np.eye(p))
    moments = weighted_moments(values, cluster, rng.integers(0, 3, (1, 7)))
    members = np.flatnonzero(model.between)
    entries = np.array([*model.paths, *((k, k) for k in range(p))], dtype=np.int64)
    n_within = len(entries)
    order = rng.permutation(members)
    rank = len(members)
    columns = [(order[a], b) for b in range(rank) for a in range(b, rank)]
    entries = np.vstack([entries, np.array(columns)])
    df = float((moments.n_clients - moments.n_clusters)[0])
    data = kernel.Data(
        moments.sizes,
        moments.count[0],
        moments.sums[0],
        moments.cross[0],
        moments.within[0],
        df,
        float(moments.n_clients[0]),
        members,
        entries,
        len(model.paths),
        n_within,
    )
    work = kernel.workspace(p, len(moments.sizes), len(entries))
    theta = rng.normal(0, 0.4, len(entries))

    def parts(theta):
        coef, factor = np.zeros((p, p)), np.zeros((p, p))
        k = len(model.paths)
        coef[entries[:k, 0], entries[:k, 1]] = theta[:k]
        factor[entries[n_within:, 0], entries[n_within:, 1]] = theta[n_within:]
        return coef, theta[k:n_within].copy(), factor

    def value(theta):
        coef, logd, factor = parts(theta)
        return kernel.objective(data, coef, logd, factor @ factor.T, work)

    def derivatives(theta):
        coef, logd, factor = parts(theta)
        kernel.objective(data, coef, logd, factor @ factor.T, work)
        kernel.matrix_derivatives(data, work)
        kernel.chain_rule(data, logd, factor, len(entries), work)
        h = np.tril(work.h)
        return work.g.copy(), h + np.tril(h, -1).T

    return theta, value, derivatives


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_gradient_and_hessian_equal_numerical_derivatives(name, seed):
    theta, value, derivatives = point(MODELS[name], seed)
    g, h = derivatives(theta)
    eye = np.eye(len(theta)) * 1e-5
    numerical_g = np.array([(value(theta + e) - value(theta - e)) / 2e-5 for e in eye])
    numerical_h = np.array([(derivatives(theta + e)[0] - derivatives(theta - e)[0]) / 2e-5 for e in eye])
    np.testing.assert_allclose(g, numerical_g, atol=2e-9)
    np.testing.assert_allclose(h, numerical_h, atol=2e-8)


def test_pivoted_factor_reproduces_a_matrix_of_deficient_rank():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(4, 2))
    t = root @ root.T
    factor, order, pivots = np.zeros((4, 4)), np.empty(4, np.int64), np.empty(4)
    face.pivoted_factor(t, np.arange(4), factor, order, pivots)
    np.testing.assert_allclose(factor[:, :2] @ factor[:, :2].T, t, atol=1e-12)
    assert pivots[0] >= pivots[1] > 1e-6
    assert abs(pivots[2]) < 1e-12
    assert np.triu(factor[order], 1).sum() == 0


def test_search_agrees_with_the_compiled_one():
    """The same numbers from Python as from machine code (stored from a compiled run to 10 digits)."""
    values, cluster = lavaan_data("icc_zero_small", ["x", "m", "y"])
    found = fit(PathModel.saturated(["x", "m", "y"]), weighted_moments(values, cluster))
    assert found.converged[0]
    assert found.loglik[0] == pytest.approx(-388.60385396, abs=1e-8)
    assert found.rank[0] == 0


def test_degenerate_replicates_are_flagged_without_jit():
    values, cluster = lavaan_data("icc_zero_small", ["x", "y"])
    clusters = len(np.unique(cluster))
    weights = np.ones((2, clusters))
    weights[1, 1:] = 0
    found = fit(PathModel.saturated(["x", "y"]), weighted_moments(values, cluster, weights))
    assert found.converged.tolist() == [True, False]
