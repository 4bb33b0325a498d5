"""Maxima are maxima: no restart beats one, and no point that is not one is reported as converged.

Small versions run always; those marked slow take all stored cases, 50 restarts and 200 studies per condition.
"""

from functools import cache

import numpy as np
import pytest
import twolevel
from test_lavaan_oracle import CASES, EXPECTED, REGULAR, fitted, tolerance
from twolevel import batch
from twolevel.likelihood.objective import Objective
from twolevel.search.attempt import attempt
from twolevel.search.bounds import Transform
from twolevel.search.optimize import estimate
from twolevel_optimality import NAMES, Study, verdict
from twolevel_samples import TEXTS, draw, paper_size

MODELS = {name: twolevel.Model(text) for name, text in TEXTS.items()}
PATHS = {True: MODELS["partial"], False: twolevel.Model(TEXTS["partial"].replace("b*m + x", "b*m"))}
ICCS = [0.0, 0.05, 0.10]


def sized(small: int, large: int, values: list):
    """Each value with a small number, and with a large one as a slow test."""
    return [(v, small) for v in values] + [pytest.param(v, large, marks=pytest.mark.slow) for v in values]


def restarts(name: str, objective: Objective, solution, number: int) -> int:
    """Search from random points; return how many reached a maximum, none of which may be higher."""
    transform = Transform(objective.layout, objective.scales, True)
    rng = np.random.default_rng(number)
    reached = 0
    for _ in range(number):
        start = transform.theta(0.7 * transform.units * rng.standard_normal(transform.size))
        again = attempt(objective, transform, start, -np.inf)
        if again is not None and again.converged:
            reached += 1
            assert again.loglik <= solution.loglik + 1e-6, name
    return reached


@cache
def bounded_cases() -> tuple[str, ...]:
    """Stored cases whose maximum under the bounds lies on them."""
    return tuple(case for case in CASES.index if fitted(case, "psd").boundary)


@pytest.mark.parametrize(("quick", "number"), [(True, 5), pytest.param(False, 50, marks=pytest.mark.slow)])
def test_stored_cases_at_the_boundary_lie_between_restarts_and_the_unbounded_maximum(quick, number):
    assert len(bounded_cases()) >= 10
    for case in bounded_cases():
        if quick and CASES.loc[case, "missing"] == "ml":
            continue
        fit = fitted(case, "psd")
        assert fit.converged and fit.admissible, case
        if case in REGULAR:
            assert fit.loglik <= EXPECTED.loc[case, "loglik"] + tolerance(case), case
        free = fitted(case, "none")
        if free.converged:
            assert fit.loglik <= free.loglik + 1e-6, case
        assert restarts(case, fit.objective, fit.solution, number) >= number // 3, case


@pytest.mark.parametrize("name", sorted(TEXTS))
@pytest.mark.parametrize(("icc", "number"), sized(8, 50, ICCS))
def test_no_restart_beats_the_bounded_maximum_at_the_papers_size(name, icc, number):
    for seed in range(1 if number < 50 else 4):
        layout = MODELS[name].layout
        moments = twolevel.ClusterData(paper_size(seed, icc), "cluster").complete(layout.y, layout.z)
        solution = estimate(MODELS[name], moments, "psd")
        assert solution.converged and solution.admissible
        free = estimate(MODELS[name], moments, "none")
        if free.converged:
            assert solution.loglik <= free.loglik + 1e-6
        assert restarts(name, Objective(layout, moments), solution, number) >= number // 3


@pytest.mark.parametrize(("icc", "studies"), sized(15, 200, ICCS))
def test_nothing_is_reported_as_converged_that_is_not(icc, studies):
    """Gradient, curvature, multipliers and domain, from the tests' own likelihood (twolevel_optimality.py)."""
    regular = boundary = 0
    for seed in range(studies):
        frame = paper_size(seed, icc)
        study, clusters = Study(frame), twolevel.ClusterData(frame, "cluster")
        for direct, path_model in PATHS.items():
            moments = clusters.complete(path_model.layout.y, ())
            at = [path_model.layout.y.index(n) for n in NAMES]
            found = {}
            for bounds in ("psd", "none"):
                solution = found[bounds] = estimate(path_model, moments, bounds)
                if not solution.converged:
                    assert bounds == "none" and "no maximum" in solution.message
                    continue
                implied = Objective(path_model.layout, moments).implied(solution.theta)
                sw, sb, mu = implied.sw[np.ix_(at, at)], implied.vb[np.ix_(at, at)], implied.mu[at]
                check = verdict(study, sw, sb, mu, bounds == "psd", direct)
                assert check.gain < 1e-9
                assert check.regular
                # Without bounds a maximum may lie close to the wall, where these differences are right to 1e-8.
                assert check.curvature > (1e-6 if bounds == "psd" else -1e-8)
                if bounds == "psd":
                    assert check.multiplier > -1e-4
                    assert solution.boundary == (np.linalg.eigvalsh(sb)[0] < 1e-6)
            boundary += found["psd"].boundary
            regular += found["none"].converged
            if found["none"].converged:
                assert found["psd"].loglik <= found["none"].loglik + 1e-6
    assert regular >= 0.9 * 2 * studies
    assert boundary >= 0.5 * 2 * studies


@pytest.mark.parametrize(("icc", "studies"), sized(15, 200, ICCS))
def test_nothing_is_reported_as_converged_that_is_not_in_batches(icc, studies):
    frames = [paper_size(seed, icc) for seed in range(studies)]
    moments = batch.study_moments(np.array([f[NAMES] for f in frames]), frames[0]["cluster"].to_numpy())
    saturated = batch.PathModel.saturated(NAMES)
    for direct, path_model in ((True, saturated), (False, saturated.drop("y", "x"))):
        fits = batch.fit(path_model, moments, vcov=False)
        assert fits.converged.all()
        for k, frame in enumerate(frames):
            check = verdict(
                Study(frame), fits.sigma_within[k], fits.sigma_between[k], fits.mu[k], True, direct
            )
            assert check.gain < 1e-6
            assert check.regular and check.curvature > 1e-6 and check.multiplier > -1e-2


def test_the_check_rejects_what_is_no_maximum():
    """A point beside the maximum, a wrong face and a point outside the domain each fail it."""
    frame = draw(4, clusters=80, largest=8, icc=0.4)
    study = Study(frame)
    fit = twolevel.fit(PATHS[True], frame, "cluster")
    sw, sb = fit.sigma_within.loc[NAMES, NAMES].to_numpy(), fit.sigma_between.loc[NAMES, NAMES].to_numpy()
    mu = fit.means[NAMES].to_numpy()
    for bounded in (True, False):
        good = verdict(study, sw, sb, mu, bounded, True)
        assert good.gain < 1e-9 and good.curvature > 1e-3 and good.regular
    assert verdict(study, sw, 1.05 * sb, mu, True, True).gain > 1e-3
    nothing = np.zeros((3, 3))
    pooled = np.cov(frame[NAMES].to_numpy().T, bias=True)
    assert verdict(study, pooled, nothing, frame[NAMES].mean().to_numpy(), True, True).multiplier < -1.0
    assert not verdict(study, sw, -1.2 * sw / 8, mu, False, True).regular
