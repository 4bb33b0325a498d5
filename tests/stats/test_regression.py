"""CR2 against R's clubSandwich, against the explicit matrices of its definition, and against known cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.stats.clusters import cluster_codes
from fortems.stats.regression import inverse_root, ols_cr2
from fortems.stats.student import two_sided_p
from scipy import stats

ORACLE = Path(__file__).parent.parent / "reference" / "clubsandwich"
DESIGNS = {
    "simple": ("y", ["x"]),
    "path_a": ("m", ["x"]),
    "path_b": ("y", ["m", "x"]),
    "covariates": ("y", ["m", "x", "age", "female"]),
    "therapist": ("y", ["x", "only_one"]),
}


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(ORACLE / "data.csv", skipinitialspace=True)


def design(data, names):
    return np.column_stack([np.ones(len(data)), data[names]])


def explicit_cr2(x, y, cluster, contrast):
    """The definition with N x N matrices: nothing shared with the package but the formula in the articles."""
    n = len(y)
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    m = np.linalg.inv(x.T @ x)
    e = y - hat @ y
    variance, directions = 0.0, []
    for j in np.unique(cluster):
        rows = np.flatnonzero(cluster == j)
        values, vectors = np.linalg.eigh(np.eye(len(rows)) - hat[np.ix_(rows, rows)])
        a = vectors @ np.diag([v**-0.5 if v > 1e-9 else 0.0 for v in values]) @ vectors.T
        g = a @ x[rows] @ m @ contrast
        variance += float(g @ e[rows]) ** 2
        directions.append((np.eye(n) - hat)[:, rows] @ g)
    p = np.array([[u @ v for v in directions] for u in directions])
    return variance, np.trace(p) ** 2 / (p**2).sum()


@pytest.mark.parametrize("name", DESIGNS)
def test_equals_clubsandwich(data, name):
    outcome, terms = DESIGNS[name]
    expected = pd.read_csv(ORACLE / "coefficients.csv", skipinitialspace=True)
    expected = expected[expected["model"].str.strip() == name]
    fit = ols_cr2(design(data, terms), data[outcome].to_numpy(), cluster_codes(data["cluster"]))
    np.testing.assert_allclose(fit.coef[0], expected["coef"], rtol=1e-10)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.vcov[0])), expected["se"], rtol=1e-10)
    # clubSandwich goes on to test what one cluster alone identifies; see the module for why this package does not.
    assert fit.known_once[0].tolist() == [False, False, name == "therapist", False, False][: len(terms) + 1]
    kept = ~fit.known_once[0]
    np.testing.assert_allclose(fit.se[0][kept], expected["se"][kept], rtol=1e-10)
    np.testing.assert_allclose(fit.df[0][kept], expected["df"][kept], rtol=1e-9)
    np.testing.assert_allclose(fit.p[0][kept], expected["p"][kept], rtol=1e-8)


def test_joint_test_equals_clubsandwich(data):
    expected = pd.read_csv(ORACLE / "joint.csv", skipinitialspace=True).iloc[0]
    x = design(data, ["m", "x", "age", "female"])
    fit = ols_cr2(x, data["y"].to_numpy(), cluster_codes(data["cluster"]))
    f, df, p = fit.joint_test(np.eye(5)[3:])
    np.testing.assert_allclose([f[0], df[0], p[0]], [expected["f"], expected["df"], expected["p"]], rtol=1e-9)


def test_joint_test_of_one_contrast_is_the_t_test(data):
    fit = ols_cr2(design(data, ["m", "x"]), data["y"].to_numpy(), cluster_codes(data["cluster"]))
    f, df, p = fit.joint_test(np.eye(3)[[1]])
    np.testing.assert_allclose([f[0], df[0], p[0]], [fit.t[0, 1] ** 2, fit.df[0, 1], fit.p[0, 1]], rtol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_equals_its_definition_with_full_matrices(seed):
    rng = np.random.default_rng(seed)
    cluster = rng.integers(0, 9, 40)
    cluster[:9] = np.arange(9)
    x = np.column_stack([np.ones(40), rng.normal(size=(40, 1 + seed % 3))])
    y = rng.normal(size=40) + rng.normal(size=9)[cluster]
    weights = rng.normal(size=x.shape[1])
    fit = ols_cr2(x, y, cluster)
    estimate, se, df = fit.contrast(weights)
    variance, expected_df = explicit_cr2(x, y, cluster, weights)
    np.testing.assert_allclose(estimate[0], weights @ np.linalg.lstsq(x, y, rcond=None)[0], rtol=1e-10)
    np.testing.assert_allclose(se[0] ** 2, variance, rtol=1e-10)
    np.testing.assert_allclose(df[0], expected_df, rtol=1e-10)


def test_mean_of_equal_clusters_is_the_t_test_of_cluster_means():
    """With equal clusters and an intercept alone CR2 is the variance of cluster means over J, df J - 1."""
    rng = np.random.default_rng(1)
    y = rng.normal(size=(8, 5)) + rng.normal(size=(8, 1))
    fit = ols_cr2(np.ones((40, 1)), y.ravel(), np.repeat(np.arange(8), 5))
    means = y.mean(axis=1)
    assert fit.df[0, 0] == pytest.approx(7)
    assert fit.se[0, 0] == pytest.approx(means.std(ddof=1) / np.sqrt(8))
    assert fit.p[0, 0] == pytest.approx(stats.ttest_1samp(means, 0).pvalue)


def test_unit_clusters_give_hc2(data):
    x, y = design(data, ["x"]), data["y"].to_numpy()
    fit = ols_cr2(x, y, np.arange(len(y)))
    m = np.linalg.inv(x.T @ x)
    hat = np.einsum("nk,kl,nl->n", x, m, x)
    e = y - x @ fit.coef[0]
    np.testing.assert_allclose(fit.vcov[0], m @ (x.T * (e**2 / (1 - hat))) @ x @ m, rtol=1e-10)


def test_what_one_cluster_alone_identifies_has_no_error():
    """Exactly the contrasts that are undefined once some cluster is left out, among coefficients and others."""
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(9), 4)
    rare = ((cluster == 2) & (np.arange(36) % 2 == 0)).astype(float)  # two rows of one cluster
    shared = rare + (np.arange(36) == 20)  # and one of another
    y, age = rng.normal(size=36), rng.normal(size=36)
    for column, expected in ((rare, [False, False, True]), (shared, [False, False, False])):
        x = np.column_stack([np.ones(36), age, column])
        fit = ols_cr2(x, y, cluster)
        # A coefficient is defined by some rows if its unit vector lies in their span: the projector's diagonal is 1.
        spans = [np.linalg.pinv(x[cluster != j]) @ x[cluster != j] for j in range(9)]
        undefined = [any(span[i, i] < 1 - 1e-8 for span in spans) for i in range(3)]
        assert fit.known_once[0].tolist() == expected == undefined
        for values in (fit.se, fit.df, fit.p, fit.interval(0.95)[0]):
            assert np.isnan(values[0]).tolist() == expected
        assert np.isnan(fit.contrast([0, 1, -1])[1:]).all() == expected[2]
        assert np.isfinite(fit.contrast([1, 2, 0])).all()
        assert np.isnan(fit.joint_test(np.eye(3)[1:])).all() == expected[2]
        assert np.isfinite(fit.joint_test(np.eye(3)[:2])).all()
    two = ols_cr2(np.column_stack([np.ones(36), rare]), np.stack([y, age]), cluster)
    assert two.known_once.tolist() == [[False, True]] * 2


def test_many_studies_equal_one_by_one():
    rng = np.random.default_rng(2)
    cluster = np.sort(rng.integers(0, 7, 30))
    x = np.concatenate([np.ones((5, 30, 1)), rng.normal(size=(5, 30, 2))], axis=-1)
    y = rng.normal(size=(5, 30))
    together = ols_cr2(x, y, cluster)
    for s in range(5):
        alone = ols_cr2(x[s], y[s], cluster)
        for name in ("coef", "vcov", "df"):
            np.testing.assert_allclose(getattr(together, name)[s], getattr(alone, name)[0], rtol=1e-9)


def test_order_of_rows_and_labels_of_clusters_do_not_matter(data):
    x, y, cluster = design(data, ["m", "x"]), data["y"].to_numpy(), cluster_codes(data["cluster"])
    order = np.random.default_rng(3).permutation(len(y))
    one, other = ols_cr2(x, y, cluster), ols_cr2(x[order], y[order], 11 - cluster[order])
    np.testing.assert_allclose(one.se, other.se, rtol=1e-10)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-10)


def test_units_of_the_predictor_do_not_matter(data):
    x, y, cluster = design(data, ["m", "x"]), data["y"].to_numpy(), cluster_codes(data["cluster"])
    one, other = ols_cr2(x, y, cluster), ols_cr2(x * [1, 1e6, 1e-4], y, cluster)
    np.testing.assert_allclose(one.t, other.t, rtol=1e-8)
    np.testing.assert_allclose(one.df, other.df, rtol=1e-8)


def test_design_without_a_unique_solution_is_nan(data):
    x = design(data, ["x", "x"])
    fit = ols_cr2(x, data["y"].to_numpy(), cluster_codes(data["cluster"]))
    assert np.isnan(fit.coef).all() and np.isnan(fit.se).all()


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_inverse_root(k):
    rng = np.random.default_rng(k)
    a = rng.normal(size=(6, k, k + 2))
    a = a @ np.swapaxes(a, -1, -2)
    root = inverse_root(a)
    np.testing.assert_allclose(root @ a @ root, np.broadcast_to(np.eye(k), a.shape), atol=1e-9)


def test_inverse_root_leaves_null_directions_out():
    v = np.array([[0.6], [0.8]])
    np.testing.assert_allclose(inverse_root(4 * v @ v.T), 0.5 * v @ v.T, atol=1e-12)
    np.testing.assert_allclose(inverse_root(np.zeros((2, 2))), np.zeros((2, 2)))


def test_p_with_infinite_df_is_the_normal():
    assert two_sided_p(1.959963984540054, np.inf) == pytest.approx(0.05)
    assert two_sided_p(-2.0, 10.0) == pytest.approx(2 * stats.t.sf(2.0, 10))
