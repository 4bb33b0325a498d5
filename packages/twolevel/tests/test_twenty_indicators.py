"""Twenty indicators of a factor or two at both levels: without bounds the maximum is found wherever psd finds one inside."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import twolevel
from scipy.linalg import cholesky, solve_triangular
from twolevel.search import optimize
from twolevel.search.attempt import attempt

NAMES = [f"v{i}" for i in range(20)]


def factors(count: int, name: str) -> list[str]:
    share = 20 // count
    return [f"{name}{k} =~ {' + '.join(NAMES[k * share : (k + 1) * share])}" for k in range(count)]


def model(count: int) -> twolevel.Model:
    return twolevel.Model("\n".join(["level: 1", *factors(count, "f"), "level: 2", *factors(count, "g")]))


def study(
    seed: int, count: int = 1, clusters: int = 100, between: float = 0.45, rest: float = 0.18
) -> pd.DataFrame:
    """Clusters of 3 to 12; factors correlate .5, loadings .5 to .9; SDs between clusters `between` and `rest`."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(clusters), rng.integers(3, 13, clusters))
    loading, of = rng.uniform(0.5, 0.9, 20), np.arange(20) * count // 20
    mix = np.linalg.cholesky(0.5 + 0.5 * np.eye(count))
    own = (rng.standard_normal((len(code), count)) @ mix.T)[:, of] * loading
    own += np.sqrt(1 - loading**2) * rng.standard_normal((len(code), 20))
    above = between * (rng.standard_normal((clusters, count)) @ mix.T)[:, of] * loading
    above += rest * rng.standard_normal((clusters, 20))
    return pd.DataFrame(own + above[code], columns=NAMES).assign(cluster=code)


def dense(implied, frame: pd.DataFrame) -> float:
    """The normal density of all rows of each cluster stacked, its covariance matrix written out in full."""
    total, rows = 0.0, frame.groupby("cluster")[NAMES]
    sizes = rows.size()
    for n in sizes.unique():
        cov = np.kron(np.eye(n), implied.sw) + np.kron(np.ones((n, n)), implied.vb)
        root = cholesky(cov, lower=True)
        stacked = [rows.get_group(j).to_numpy().ravel() for j in sizes.index[sizes == n]]
        white = solve_triangular(root, (np.array(stacked) - np.tile(implied.mu, n)).T, lower=True)
        logs = 20 * n * np.log(2 * np.pi) / 2 + np.log(np.diag(root)).sum()
        total -= len(stacked) * logs + (white**2).sum() / 2
    return float(total)


@cache
def bounded(arguments: tuple) -> twolevel.Fit:
    return twolevel.fit(model(arguments[1]), study(*arguments), "cluster")


def check(arguments: tuple) -> None:
    """As high as the bounded maximum, which is inside; and the likelihood is that of all rows' joint density."""
    frame = study(*arguments)
    assert bounded(arguments).converged and not bounded(arguments).boundary
    free = twolevel.fit(model(arguments[1]), frame, "cluster", bounds="none")
    assert free.converged, free.message
    assert free.loglik >= bounded(arguments).loglik - 1e-6
    assert free.loglik == pytest.approx(dense(free.implied, frame), abs=1e-5)


#: Seed, factors, clusters, SDs between clusters: uneven clusters, two factors, next to no variance between.
ONE, TWO, LITTLE = (3, 1, 100, 0.45, 0.2), (1, 2, 120, 0.4, 0.25), (4, 1, 600, 0.15, 0.12)


@pytest.mark.parametrize("arguments", [ONE, LITTLE, pytest.param(TWO, marks=pytest.mark.slow)])
def test_the_unbounded_maximum_is_no_lower_than_one_inside_the_bounds(arguments):
    check(arguments)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5, 17))
def test_it_is_not_for_other_seeds(seed):
    check((seed, 1 + seed % 2, 200, 0.45, 0.3))


def test_where_the_unbounded_search_ends_nowhere_it_begins_again_at_the_bounded_maximum(monkeypatch):
    frame, text, lost = study(*ONE), model(1), []
    highest = bounded(ONE).loglik

    def ends_nowhere_once(objective, transform, start, lower, precise=True):
        found = attempt(objective, transform, start, lower, precise)
        if lost or transform.factored:
            return found
        lost.append(start)
        return replace(found, converged=False, loglik=found.loglik - 50, theta=found.theta + 0.1)

    monkeypatch.setattr(optimize, "attempt", ends_nowhere_once)
    monkeypatch.setattr(optimize, "further_starts", lambda *_: iter(()))
    free = twolevel.fit(text, frame, "cluster", bounds="none")
    assert len(lost) == 1 and free.converged
    assert free.loglik == pytest.approx(highest, abs=1e-6)
