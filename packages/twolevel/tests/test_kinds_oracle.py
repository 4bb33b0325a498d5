"""A hundred models and data sets at the edge against a dense likelihood (recipes in tests/reference/lavaan_kinds).

The stacked density of every cluster is written out here. A fit must have that likelihood, and be where it is highest: half
the Newton decrement, of differences of the dense likelihood, is what one more step would gain. Every eighth case runs with the
quick tests, all of them with the slow ones.
"""

import importlib.util
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel.search.optimize import estimate
from twolevel_brute import cluster_logliks

FOLDER = Path(__file__).parent / "reference" / "lavaan_kinds"
SPEC = importlib.util.spec_from_file_location("lavaan_kinds", FOLDER / "make_cases.py")
assert SPEC and SPEC.loader
KINDS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(KINDS)
CASES = {f"{data}__{model}": (data, model) for data, model in KINDS.CASES}
QUICK = [
    case for case in CASES if not case.startswith(("huge", "thousand", "twelve", "bifactor", "four_q_large"))
][::8]


@cache
def frame(name: str) -> pd.DataFrame:
    return KINDS.DATA[name]()


@cache
def fitted(case: str, bounds: str) -> twolevel.Fit:
    data, model = CASES[case]
    missing = "ml" if frame(data).isna().any(axis=None) else "listwise"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", twolevel.TwoLevelWarning)
        return twolevel.fit(KINDS.MODELS[model], frame(data), "cluster", bounds=bounds, missing=missing)


def dense(fit: twolevel.Fit, rows: pd.DataFrame, theta: np.ndarray) -> float:
    """Sum of the clusters' log densities at the parameters, clusters of one size together."""
    implied = fit.objective.implied(theta)
    y, z = list(fit.model.layout.y), list(fit.model.layout.z)
    if rows[[*y, *z]].isna().any(axis=None):
        return float(cluster_logliks(implied, rows, y, z, "cluster").sum())
    p, q = len(y), len(z)
    total = 0.0
    for n, own in rows.groupby(rows.groupby("cluster")["cluster"].transform("size")):
        n = int(n)
        yy = np.kron(np.eye(n), implied.sw) + np.kron(np.ones((n, n)), implied.vb[:p, :p])
        yz = np.kron(np.ones((n, 1)), implied.vb[:p, p:])
        cov = np.block([[yy, yz], [yz.T, implied.vb[p:, p:]]])
        mean = np.concatenate([np.tile(implied.mu[:p], n), implied.mu[p:]])
        values = own.sort_values("cluster", kind="stable")
        stacked = values[y].to_numpy().reshape(-1, n * p)
        if q:
            stacked = np.hstack([stacked, values[z].to_numpy()[::n]])
        scale = np.sqrt(np.diag(cov))
        root = np.linalg.cholesky(cov / np.outer(scale, scale))
        white = np.linalg.solve(root, ((stacked - mean) / scale).T)
        logdet = 2 * (np.log(np.diag(root)).sum() + np.log(scale).sum())
        total -= 0.5 * ((white**2).sum() + len(stacked) * (logdet + len(mean) * np.log(2 * np.pi)))
    return float(total)


def check(case: str) -> None:
    rows = frame(CASES[case][0])
    free, bounded = fitted(case, "none"), fitted(case, "psd")
    assert bounded.converged and bounded.admissible, bounded.message
    if not free.converged:
        assert "no maximum" in free.message
    elif free.admissible:
        assert bounded.loglik >= free.loglik - 1e-6
    fit = free if free.converged else bounded
    theta = fit.solution.theta
    assert dense(fit, rows, theta) == pytest.approx(fit.loglik, rel=1e-11, abs=1e-6)
    if not free.converged or case.startswith("huge"):
        return
    # Along the columns of a root of the covariance matrix: one parameter alone leaves the domain where r is .9999.
    size = np.sqrt(np.diag(fit.covariance.matrix))
    root = size[:, None] * np.linalg.cholesky(fit.covariance.matrix / np.outer(size, size))
    slopes = [
        (dense(fit, rows, theta + 1e-3 * d) - dense(fit, rows, theta - 1e-3 * d)) / 2e-3 for d in root.T
    ]
    assert 0.5 * np.sum(np.square(slopes)) < 1e-5


def test_there_are_a_hundred_and_fifty_cases_with_those_of_lavaan():
    stored = pd.read_csv(FOLDER.parent / "lavaan" / "cases.csv")
    assert len(stored) + len(CASES) >= 150
    assert {data for data, _ in CASES.values()} == set(KINDS.DATA)
    assert {model for _, model in CASES.values()} == set(KINDS.MODELS)


@pytest.mark.parametrize("case", QUICK)
def test_the_maximum_is_one_of_the_dense_likelihood(case):
    check(case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case not in QUICK])
def test_all_other_maxima_are_of_the_dense_likelihood(case):
    check(case)


def test_a_variance_that_creeps_to_zero_along_a_bent_valley_is_taken_there():
    """Loading squared plus residual variance is what the data know of q1: two hundred steps used not to be enough."""
    model = twolevel.Model(KINDS.MODELS["bifactor"])
    moments = twolevel.ClusterData(frame("bifactor_q"), "cluster").complete(model.layout.y, model.layout.z)
    found = estimate(model, moments, thorough=False)
    assert found.converged and found.boundary, found.message
    assert found.theta[model.position("q1~~q1")] == 0.0
    assert found.loglik == pytest.approx(-8168.685544, abs=1e-6)
