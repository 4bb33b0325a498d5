"""Likelihood of a two-level normal model from the stacked covariance matrix of each cluster: slow, independent of the
formulas under test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from twolevel.batch import PathModel

LAVAAN = Path(__file__).resolve().parents[1] / "reference" / "lavaan"


def lavaan_data(name: str, variables: tuple[str, ...] | list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Complete rows of a data set of the oracle, and their clusters."""
    frame = pd.read_csv(LAVAAN / "data" / f"{name}.csv")[["cluster", *variables]].dropna()
    return frame[list(variables)].to_numpy(float), frame["cluster"].to_numpy()


def simulate(
    rng: np.random.Generator, sizes: np.ndarray, within: np.ndarray, between: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One draw of a two-level normal model."""
    p = len(within)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    root = np.linalg.cholesky(between + 1e-12 * np.eye(p))
    u = rng.standard_normal((len(sizes), p)) @ root.T
    e = rng.standard_normal((len(cluster), p)) @ np.linalg.cholesky(within).T
    return u[cluster] + e, cluster


def loglik(data, cluster, mu, sigma_within, sigma_between) -> float:
    """Sum over clusters of the log density of all their values stacked."""
    total = 0.0
    for label in np.unique(cluster):
        rows = data[cluster == label]
        n = len(rows)
        covariance = np.kron(np.eye(n), sigma_within) + np.kron(np.ones((n, n)), sigma_between)
        total += multivariate_normal.logpdf(rows.ravel(), np.tile(mu, n), covariance)
    return float(total)


class Parameters:
    """Flat vector <-> (mu, Sigma_W, Sigma_B) with Sigma_B = L L', L lower triangular p_b x rank."""

    def __init__(self, model: PathModel, rank: int | None = None) -> None:
        self.p = len(model.variables)
        self.free = np.argwhere(model.free)
        self.members = np.flatnonzero(model.between)
        self.rank = len(self.members) if rank is None else rank
        self.elements = [(a, b) for b in range(self.rank) for a in range(b, len(self.members))]
        self.size = len(self.free) + 2 * self.p + len(self.elements)

    def unpack(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        k = len(self.free)
        coef = np.zeros((self.p, self.p))
        coef[self.free[:, 0], self.free[:, 1]] = x[:k]
        inverse = np.linalg.inv(np.eye(self.p) - coef)
        within = inverse @ np.diag(np.exp(x[k : k + self.p])) @ inverse.T
        mu = x[k + self.p : k + 2 * self.p]
        factor = np.zeros((len(self.members), self.rank))
        for value, (a, b) in zip(x[k + 2 * self.p :], self.elements, strict=True):
            factor[a, b] = value
        between = np.zeros((self.p, self.p))
        between[np.ix_(self.members, self.members)] = factor @ factor.T
        return mu, within, between


def gls_loglik(data, cluster, within, between, mu) -> float:
    """The same likelihood a cluster at a time by `slogdet`; an order of magnitude faster than `loglik`."""
    total = 0.0
    p = data.shape[1]
    for label in np.unique(cluster):
        rows = data[cluster == label] - mu
        n = len(rows)
        covariance = np.kron(np.eye(n), within) + np.kron(np.ones((n, n)), between)
        sign, logdet = np.linalg.slogdet(covariance)
        if sign <= 0:
            return -np.inf
        flat = rows.ravel()
        total -= 0.5 * (n * p * np.log(2 * np.pi) + logdet + flat @ np.linalg.solve(covariance, flat))
    return total


def climb(model: PathModel, data, cluster, rng: np.random.Generator, restarts: int) -> np.ndarray:
    """Log-likelihoods that a quasi-Newton search reaches from random starts (SD-scaled data)."""
    layout = Parameters(model)
    found = []
    scale = data.std(axis=0)
    scaled = (data - data.mean(axis=0)) / scale

    def loss(x):
        mu, within, between = layout.unpack(x)
        value = -gls_loglik(scaled, cluster, within, between, mu)
        return value if np.isfinite(value) else 1e10

    for _ in range(restarts):
        start = rng.normal(0, 0.4, layout.size)
        found.append(-minimize(loss, start, method="BFGS", options={"gtol": 1e-4}).fun)
    return np.array(found) - len(data) * np.log(scale).sum()


def numerical_hessian(function, x: np.ndarray, step: float = 1e-4) -> np.ndarray:
    """Second derivatives by central differences."""
    n = len(x)
    out = np.empty((n, n))
    eye = np.eye(n) * step
    for i in range(n):
        for j in range(i + 1):
            out[i, j] = out[j, i] = (
                function(x + eye[i] + eye[j])
                - function(x + eye[i] - eye[j])
                - function(x - eye[i] + eye[j])
                + function(x - eye[i] - eye[j])
            ) / (4 * step**2)
    return out
