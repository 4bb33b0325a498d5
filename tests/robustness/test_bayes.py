"""Posterior of the two-level model: density by another road, priors, sampler, diagnostics."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.robustness.bayes import kernel, posterior
from fortems.robustness.bayes.diagnostics import ess, rhat
from fortems.robustness.bayes.prior import (
    JOHNS,
    Prior,
    correlations,
    direct_density_at_zero,
    partial_correlations,
    priors,
)
from fortems.study.models import models_of
from numba import njit
from scipy import stats
from twolevel.batch.kernel import workspace
from twolevel.linalg import OPTIONS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "mediation"))
from mediation_data import study

MODELS = models_of({"alliance": {"predictor": "alliance", "mediator": "meaning", "outcome": "distress"}})
PRIORS = {prior.name: prior for prior in priors([0.25, 0.5, 1], 2.0)}


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    scores = study(n=30, therapists=7, seed=2)
    values = scores[["alliance", "meaning", "distress"]].to_numpy()
    return (values - values.mean(0)) / values.std(0), np.unique(scores["therapist"], return_inverse=True)[1]


@njit(**OPTIONS)
def log_posterior(theta, sizes, count, sums, cross, within, df, prior):
    """The sampler's log posterior density at one point, without constants."""
    p = within.shape[0]
    parameters = p * (p + 1)
    work = workspace(p, sizes.shape[0], parameters)
    entries = np.zeros((parameters, 2), np.int64)
    data = kernel.make_data(sizes, count, sums, cross, within, df, np.arange(p), entries)
    low, high = np.zeros((p, p)), np.zeros((p, p))
    coef, logd, t = np.zeros((p, p)), np.empty(p), np.zeros((p, p))
    value = kernel.log_prior(theta, p, prior[0], prior[1], prior[2], prior[3], prior[4], prior[5], low, high)
    if value == -math.inf:
        return value
    return value + kernel.log_likelihood(theta, data, low, high, coef, logd, t, work)


def brute_force(theta: np.ndarray, values: np.ndarray, cluster: np.ndarray, prior: Prior) -> float:
    """Log posterior density: therapists' joint normals with the means integrated by quadrature-free algebra, scipy's priors."""
    p = 3
    theta = np.concatenate([theta[:p], np.abs(theta[p : 2 * p]), theta[2 * p :]])
    within, between = posterior.covariances(theta[None], p, np.ones(p))
    within, between = within[0], between[0]
    # y ~ N(1 μ, V), flat μ: −½ [log|V| + log|X'V⁻¹X| + r'V⁻¹r], over the stacked vector of all clients
    n = len(values)
    same = cluster[:, None] == cluster[None, :]
    cov = np.kron(np.eye(n), within) + np.kron(same.astype(float), between)
    design = np.kron(np.ones((n, 1)), np.eye(p))
    solved = np.linalg.solve(cov, design)
    information = design.T @ solved
    mu = np.linalg.solve(information, solved.T @ values.ravel())
    rest = values.ravel() - design @ mu
    total = -0.5 * (
        np.linalg.slogdet(cov)[1] + np.linalg.slogdet(information)[1] + rest @ np.linalg.solve(cov, rest)
    )
    sd_w, size = np.exp(theta[:p]), np.abs(theta[p : 2 * p])
    total += stats.t.logpdf(sd_w, 3).sum() + theta[:p].sum()
    if prior.icc[1] > 0:
        icc = size**2 / (size**2 + sd_w**2)
        step = 1e-6
        slope = (
            (size + step) ** 2 / ((size + step) ** 2 + sd_w**2)
            - (size - step) ** 2 / ((size - step) ** 2 + sd_w**2)
        ) / (2 * step)
        total += (stats.beta.logpdf(icc, *JOHNS) + np.log(slope)).sum()
    else:
        total += stats.t.logpdf(size, 3, scale=prior.scale).sum()
    for start in (2 * p, 2 * p + 3):
        z = theta[start : start + 3]

        def elements(z):
            return correlations(np.tanh(z)[None], p)[0][np.tril_indices(p, -1)]

        jacobian = np.stack([(elements(z + h) - elements(z - h)) / 2e-6 for h in 1e-6 * np.eye(3)], axis=1)
        matrix = correlations(np.tanh(z)[None], p)[0]
        total += (prior.eta - 1) * np.linalg.slogdet(matrix)[1] + np.log(abs(np.linalg.det(jacobian)))
    return float(total)


@pytest.mark.plain
@pytest.mark.parametrize("name", PRIORS)
def test_the_density_is_that_of_another_road(data, name):
    values, cluster = data
    prior = PRIORS[name]
    statistics = posterior.Statistics.of(values, cluster)
    rng = np.random.default_rng(5)
    points = rng.normal(size=(6, 12)) * 0.4
    ours = [log_posterior(theta, *statistics.arguments(), prior.numbers()) for theta in points]
    theirs = [brute_force(theta, values, cluster, prior) for theta in points]
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.plain
def test_the_sign_of_an_sd_between_does_not_matter(data):
    statistics = posterior.Statistics.of(*data)
    theta = np.array([0.1, -0.1, 0.2, 0.3, 0.4, 0.2, *[0.2] * 6])
    other = theta.copy()
    other[3:6] *= [-1, 1, -1]
    prior = PRIORS["half_t_0.5"].numbers()
    assert log_posterior(theta, *statistics.arguments(), prior) == log_posterior(
        other, *statistics.arguments(), prior
    )


@pytest.mark.plain
@pytest.mark.parametrize(
    ("name", "place", "value", "inside"),
    [
        ("half_t_0.5", 0, kernel.LOWEST_LOG_SD - 0.1, False),
        ("half_t_0.5", 2, kernel.HIGHEST_LOG_SD + 0.1, False),
        ("half_t_0.5", 3, 0.0, True),
        ("johns_2019", 3, 0.0, False),  # an ICC of nought has no density under it
        ("half_t_0.5", 8, 30.0, True),  # a partial correlation of one, to the last digit
    ],
)
def test_where_the_density_ends(data, name, place, value, inside):
    statistics = posterior.Statistics.of(*data)
    theta = np.array([0.1, -0.1, 0.2, 0.3, 0.4, 0.2, *[0.2] * 6])
    theta[place] = value
    found = log_posterior(theta, *statistics.arguments(), PRIORS[name].numbers())
    assert np.isfinite(found) == inside and found < math.inf


def walk(density, start, normal, uniform, warmup, thin):
    """The adaptive random walk of Haario, Saksman & Tamminen (2001) step by step: kept states, share of accepted steps."""
    d, theta, value = len(start), start, density(start)
    factor, log_scale = 0.1 * np.eye(d), 0.0
    states, kept, accepted = [], [], []
    for step, (z, u) in enumerate(zip(normal, uniform, strict=True)):
        proposed = theta + np.exp(log_scale) * factor @ z
        new = density(proposed)
        ratio = np.exp(min(0.0, new - value))
        if u < ratio:
            theta, value = proposed, new
        if step >= warmup:
            accepted.append(u < ratio)
            if len(accepted) % thin == 0:
                kept.append(theta)
            continue
        log_scale += (ratio - kernel.TARGET) / (step + 1) ** 0.6
        if step >= warmup // 10:
            states.append(theta)
            if len(states) > 20 * d and step % 50 == 0:
                if len(states) <= 20 * d + 50:  # the first covariance of draws starts at its own scale
                    log_scale = 0.0
                covariance = np.cov(np.transpose(states), bias=True) * 2.38**2 / d
                factor = np.linalg.cholesky(covariance + 1e-10 * np.eye(d))
    return np.array(kept), np.mean(accepted)


@pytest.mark.plain
def test_the_sampler_walks_as_the_same_walk_written_plainly(data):
    statistics, prior = posterior.Statistics.of(*data), PRIORS["half_t_0.5"].numbers()
    rng = np.random.default_rng(11)
    start, warmup, steps, thin = statistics.start(rng), 450, 120, 3
    normal, uniform = rng.standard_normal((warmup + steps, 12)), rng.random(warmup + steps)
    expected, share = walk(
        lambda theta: log_posterior(theta, *statistics.arguments(), prior),
        start,
        normal,
        uniform,
        warmup,
        thin,
    )
    out = np.empty((steps // thin, 12))
    found = kernel.sample(start, *statistics.arguments(), prior, normal, uniform, warmup, thin, out)
    assert 0.02 < share < 0.9
    assert found == pytest.approx(share)
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.plain
def test_a_covariance_of_draws_lost_to_rounding_changes_no_proposal():
    mean, factor = np.array([1.0, 2.0]), np.zeros((2, 2))
    second = 10 * np.outer(mean, mean)
    assert not kernel.refactor(mean, second * (1 - 1e-9), 10, 1.0, factor)
    assert kernel.refactor(mean, second + np.diag([40.0, 90.0]), 10, 0.5, factor)
    np.testing.assert_allclose(factor, [[1.0, 0.0], [0.0, 1.5]], rtol=1e-9)


def test_lkj_draws_have_the_marginals_of_lkj():
    """Under LKJ(η) each of p(p − 1)/2 correlations is 2 Beta(η − 1 + p/2) − 1."""
    rng = np.random.default_rng(0)
    found = correlations(partial_correlations(rng, 20_000, 3, 2.0), 3)
    shape = 2.0 - 1 + 3 / 2
    for i, j in ((1, 0), (2, 0), (2, 1)):
        assert stats.kstest((found[:, i, j] + 1) / 2, stats.beta(shape, shape).cdf).pvalue > 0.001


def test_the_informed_prior_is_that_of_johns():
    rng = np.random.default_rng(0)
    drawn = PRIORS["johns_2019"].draw(rng, 50_000, 3)
    within, between = posterior.covariances(drawn, 3, np.ones(3))
    icc = between[:, 2, 2] / (between[:, 2, 2] + within[:, 2, 2])
    assert icc.mean() == pytest.approx(0.05, abs=0.001)
    assert np.quantile(icc, 0.999) < 0.35


def test_the_prior_density_of_the_direct_effect_at_zero():
    """η = 1 has the closed form 16 / (3 π²); η = 2 against a histogram of draws."""
    found, error = direct_density_at_zero(np.random.default_rng(1), 1.0, 400_000)
    assert found == pytest.approx(16 / (3 * np.pi**2), abs=5 * error)
    rng = np.random.default_rng(2)
    r = correlations(partial_correlations(rng, 400_000, 3, 2.0), 3)
    direct = (r[:, 2, 0] - r[:, 1, 0] * r[:, 2, 1]) / (1 - r[:, 1, 0] ** 2)
    histogram = (np.abs(direct) < 0.02).mean() / 0.04
    found, error = direct_density_at_zero(np.random.default_rng(1), 2.0, 200_000)
    assert found == pytest.approx(histogram, abs=0.02)


def test_chains_agree_and_the_posterior_knows_the_truth():
    """Many clients: the posterior within is close to the truth; between is there with its uncertainty."""
    scores = study(n=600, therapists=60, icc=0.2, seed=9)
    settings = posterior.Settings(seed=1, steps=20_000, chains=2, scales=(0.5,))
    found = posterior.table(MODELS, scores, settings)
    main = found[found["prior"] == "half_t_0.5"].set_index(["level", "quantity"])
    numbers = found[found["rhat"].notna()]
    assert numbers["rhat"].max() < 1.02 and numbers["ess"].min() > 200
    a, b = main.loc[("within", "a")], main.loc[("within", "b")]
    assert a["ci_low"] < 0.4 < a["ci_high"]  # meaning and alliance have the same unit
    assert b["ci_low"] < -0.4 * 20 / 6 < b["ci_high"]
    assert main.loc[("between", "a")][["estimate", "ci_low", "ci_high"]].notna().all()
    factor = main.loc[("within", "bayes_factor")]["estimate"]
    ratio = (
        main.loc[("within", "posterior_density")]["estimate"]
        / main.loc[("within", "prior_density")]["estimate"]
    )
    assert factor == pytest.approx(ratio, rel=1e-9)


def test_effects_between_are_there_at_the_boundary():
    """Where maximum likelihood withholds them."""
    settings = posterior.Settings(seed=1, steps=5_000, chains=2, scales=(0.5,))
    found = posterior.table(MODELS, study(icc=0.0, seed=4), settings)
    between = found[(found["level"] == "contextual") & (found["quantity"] == "b")]
    assert len(between) == 2 and between["estimate"].notna().all()
    assert (between["ci_high"] - between["ci_low"]).min() > 1


def test_the_bayes_factor_tells_a_direct_effect_from_none():
    settings = posterior.Settings(seed=1, steps=20_000, chains=2, scales=(0.5,))
    factors = {
        direct: posterior.table(MODELS, study(n=400, therapists=40, direct=direct, seed=6), settings)
        .query("quantity == 'bayes_factor' and prior == 'half_t_0.5'")["estimate"]
        .item()
        for direct in (0.0, -0.4)
    }
    assert factors[0.0] > 3 and factors[-0.4] < 0.01


def test_the_density_at_zero_of_known_draws():
    rng = np.random.default_rng(3)
    draws = rng.normal(0.5, 1.0, (4, 5000))
    found, error, note = posterior.density_at_zero(draws)
    assert note == "" and found == pytest.approx(stats.norm.pdf(0.5), abs=max(4 * error, 0.01))
    assert posterior.density_at_zero(draws + 20)[2]


def test_diagnostics_of_known_chains():
    rng = np.random.default_rng(7)
    independent = rng.normal(size=(4, 4000))
    assert rhat(independent) < 1.005
    assert ess(independent) == pytest.approx(16000, rel=0.1)
    slow = np.zeros((4, 20000))
    noise = rng.normal(size=slow.shape)
    for t in range(1, slow.shape[1]):
        slow[:, t] = 0.9 * slow[:, t - 1] + noise[:, t]
    assert ess(slow) == pytest.approx(slow.size * 0.1 / 1.9, rel=0.25)
    apart = independent + np.array([0, 0, 0, 2.0])[:, None]
    assert rhat(apart) > 1.1
    wide = independent * np.array([1, 1, 1, 5.0])[:, None]  # same middle: only the folded R̂ sees it
    assert rhat(wide) > 1.1


def test_the_same_seed_gives_the_same_posterior():
    settings = posterior.Settings(seed=1, steps=2_000, chains=2, scales=(0.5,))
    first, second = (posterior.table(MODELS, study(), settings) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_incomplete_rows_are_named(tmp_path):
    settings = posterior.Settings(seed=1, steps=500, chains=2, scales=(0.5,))
    found = posterior.table(MODELS, study(missing=0.05), settings)
    assert (
        found["note"].str.contains("complete rows only")
        | found["quantity"].isin(["posterior_density", "bayes_factor"])
    ).all()
