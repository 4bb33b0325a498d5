"""What random slopes imply: their means and covariances, average indirect effects, new data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from ..data.clusters import ClusterData
from ..errors import ModelError, UnknownParameterError, UnsupportedError, nearest
from ..fitted import Fitted
from ..inference.covariance import Interval, delta_method
from ..likelihood.layout import Layout
from ..likelihood.ram import MATRIX_A, MATRIX_S, level_forward


def _level_two(layout: Layout, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    own = layout.levels[1]
    ok, b, sigma, nu = level_forward(
        np.ascontiguousarray(theta, dtype=float), layout.places, 1, own.a, own.s, own.mean
    )
    if not ok:
        raise ModelError("level 2 has no moments here: a loop of paths that multiplies to 1")
    return b, sigma, nu


def cluster_means(fit: Fitted, theta: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(E of every variable of level 2 in every cluster given its covariates, their covariance given those)."""
    layout = fit.model.layout
    names = list(layout.levels[1].names)
    b, sigma, nu = _level_two(layout, theta)
    w = list(layout.random.w)
    given = fit.moments.between[:, : len(w)]  # type: ignore[union-attr]
    means = nu + given @ b[:, [names.index(n) for n in w]].T
    return pd.DataFrame(means, columns=names), pd.DataFrame(sigma, index=names, columns=names)


def _check(fit: Fitted) -> None:
    if not fit.model.random:
        raise ModelError('the model has no random slopes; write y ~ rv("s")*x at level 1 for one')


def slope_summary(fit: Fitted) -> pd.DataFrame:
    """See `Fit.slope_moments`."""
    _check(fit)
    slopes = fit.model.random.slopes
    means, sigma = cluster_means(fit, fit.solution.theta)
    names = [s.name for s in slopes]
    frame = pd.DataFrame(
        {
            "outcome": [s.outcome for s in slopes],
            "predictor": [s.predictor for s in slopes],
            "acts_on": [s.kind for s in slopes],
            "mean": means[names].mean().to_numpy(),
            "sd": np.sqrt(np.diag(sigma.loc[names, names]).clip(min=0)),
        },
        index=pd.Index(names, name="slope"),
    )
    for name in names:
        frame[f"cov_{name}"] = sigma.loc[names, name].to_numpy()
    return frame


def average_indirect(
    fit: Fitted, a: str, b: str, draws: int, rng: np.random.Generator | None, df: float | None, level: float
) -> Interval:
    """See `Fit.average_indirect`."""
    _check(fit)
    value = _average_product(fit, a, b)
    theta, matrix = fit.solution.theta, fit.covariance.matrix
    estimate, se, gradient = delta_method(value, theta, matrix, fit.objective.units)
    used = np.abs(gradient * fit.objective.units) > 0
    block = matrix[np.ix_(used, used)]
    if not fit.converged or np.isnan(block).any():
        why = fit.message or "a parameter of it has no standard error"
        return Interval(estimate, np.nan, np.nan, np.nan, level, "Monte Carlo: no standard errors", 0, why)
    rng = np.random.default_rng() if rng is None else rng
    size = np.sqrt(np.diag(block))
    size = np.where(size > 0, size, 1.0)
    values, vectors = np.linalg.eigh(block / np.outer(size, size))
    root = size[:, None] * ((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
    moved = rng.standard_normal((draws, int(used.sum()))) @ root.T
    if df is not None:
        moved /= np.sqrt(rng.chisquare(df, draws) / df)[:, None]
    found = np.empty(draws)
    for k in range(draws):
        there = theta.copy()
        there[used] += moved[k]
        found[k] = value(there)
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    method = "Monte Carlo, normal" if df is None else f"Monte Carlo, t({df:g})"
    return Interval(estimate, se, float(low), float(high), level, method, draws)


def _average_product(fit: Fitted, a: str, b: str) -> Callable[[np.ndarray], float]:
    """mean over clusters of E(a_j) E(b_j), plus cov(a_j, b_j); a path that is no slope counts as fixed."""
    random = fit.model.random
    for name in (a, b):
        if name not in random.names:
            try:
                fit.model.position(name)
            except UnknownParameterError:
                raise UnknownParameterError(
                    f"{name!r} is neither a random slope nor a free parameter of the model"
                    f"{nearest(name, [*random.names, *fit.model.names])}"
                ) from None
    if a not in random.names and b not in random.names:
        raise ModelError(f"neither {a!r} nor {b!r} is random: {a}*{b} by delta() or monte_carlo()")

    def value(theta: np.ndarray) -> float:
        means, sigma = cluster_means(fit, theta)
        of = {n: means[n].to_numpy() if n in random.names else theta[fit.model.position(n)] for n in (a, b)}
        both = a in random.names and b in random.names
        return float(np.mean(of[a] * of[b]) + (sigma.loc[a, b] if both else 0.0))

    return value


def simulate_slopes(fit: Fitted, rng: np.random.Generator) -> pd.DataFrame:
    """New values of the modelled variables in the rows of the data whose covariates are known."""
    assert isinstance(fit.data, ClusterData)  # random slopes are refused for matrices
    layout, frame = fit.model.layout, fit.data.frame
    random = layout.random
    within, above = layout.levels
    own_y = [n for n in layout.y if n not in random.x]
    if any(n not in random.w for n in layout.z):
        raise UnsupportedError(
            "new data are not drawn for between-only outcomes beside random slopes; name them at level 1 or leave them out"
        )
    rows = frame[[*random.x, *random.w]].notna().all(axis=1).to_numpy()
    codes = np.unique(fit.data.codes[rows], return_inverse=True)[1]
    x = frame.loc[rows, list(random.x)].to_numpy(float)
    first = np.unique(codes, return_index=True)[1]
    w = frame.loc[rows, list(random.w)].to_numpy(float)[first]
    names = list(above.names)
    b, sigma, nu = _level_two(layout, fit.solution.theta)
    values, vectors = np.linalg.eigh(sigma)
    drawn = rng.standard_normal((len(first), len(names))) @ (vectors * np.sqrt(values.clip(min=0))).T
    drawn += nu + w @ b[:, [names.index(n) for n in random.w]].T
    a, psi, alpha = within.a.copy(), within.s.copy(), within.mean.copy()
    for k, level, matrix, i, j in layout.places:
        if level == 0:
            if matrix == MATRIX_A:
                a[i, j] = fit.solution.theta[k]
            elif matrix == MATRIX_S:
                psi[i, j] = psi[j, i] = fit.solution.theta[k]
            else:
                alpha[i] = fit.solution.theta[k]
    values, vectors = np.linalg.eigh(psi)
    e = rng.standard_normal((len(codes), len(psi))) @ (vectors * np.sqrt(values.clip(min=0))).T + alpha
    at = {n: k for k, n in enumerate(within.names)}
    for k, name in enumerate(random.x):
        e[:, at[name]] += x[:, k]
    out = np.empty((len(codes), len(own_y)))
    for cluster in range(len(first)):
        own, mine = drawn[cluster], codes == cluster
        u = np.array([own[names.index(n)] if n in names else 0.0 for n in within.names])
        paths, shift = a.copy(), np.zeros(len(a))
        for slope in random.slopes:
            s, i, j = own[names.index(slope.name)], at[slope.outcome], at[slope.predictor]
            paths[i, j] += s
            if slope.kind == "observed":
                shift[i] += s * u[j]
        deviation = np.linalg.solve(np.eye(len(a)) - paths, (e[mine] + shift).T).T
        out[mine] = (deviation + u)[:, [at[n] for n in own_y]]
    new = frame.loc[rows, [fit.data.cluster, *random.x, *random.w]].reset_index(drop=True)
    for k, name in enumerate(own_y):
        new[name] = out[:, k]
    return new
