"""Mediation with random a and b against the likelihoods of slopes_dense: stacked densities, and integrals on a grid."""

from dataclasses import replace

import numpy as np
import pytest
import twolevel
from slopes_dense import TEXT, dense, draw


def negative_hessian_gain(fit, value) -> float:
    """Half the Newton decrement of a likelihood of the tests' own at a fit's end: what one more step would gain."""
    theta, names = fit.solution.theta, fit.model.names
    steps = 1e-3 * np.sqrt(np.diag(fit.vcov))
    gradient = np.empty(len(theta))
    for k, step in enumerate(steps):
        up, down = theta.copy(), theta.copy()
        up[k] += step
        down[k] -= step
        gradient[k] = (
            value(dict(zip(names, up, strict=True))) - value(dict(zip(names, down, strict=True)))
        ) / (2 * step)
    return float(0.5 * gradient @ fit.vcov.to_numpy() @ gradient)


@pytest.mark.parametrize("moderated", [False, True])
def test_random_a_and_b_on_the_observed_mediator_equal_the_stacked_density(moderated):
    frame = draw(1)
    text = TEXT.format(kind="observed", more="  a ~ w" if moderated else "")
    if moderated:
        text = text.replace("a ~ ma*1", "a ~ ma*1")
    fit = twolevel.fit(text, frame, "cluster")
    assert fit.converged, fit.message
    assert fit.loglik == pytest.approx(dense(fit.coef, frame, "observed", moderated), abs=1e-8)
    if not fit.boundary:
        gain = negative_hessian_gain(fit, lambda v: dense(v, frame, "observed", moderated))
        assert gain < 1e-7


def test_random_b_on_the_within_part_equals_a_fine_integral():
    frame = draw(2, clusters=18)
    fit = twolevel.fit(TEXT.format(kind="within", more=""), frame, "cluster")
    assert fit.converged, fit.message
    assert fit.loglik == pytest.approx(dense(fit.coef, frame, "within", points=401), abs=1e-7)


def test_the_two_kinds_are_different_models_by_name():
    frame = draw(2, clusters=18)
    plain = TEXT.format(kind="within", more="").replace(', "within"', "")
    observed = twolevel.fit(plain, frame, "cluster", slopes="observed")
    within = twolevel.fit(plain, frame, "cluster")
    named = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster")
    assert observed.loglik == named.loglik
    assert abs(observed.loglik - within.loglik) > 1e-3
    assert list(within.slope_moments()["acts_on"]) == ["observed", "within"]
    assert list(observed.slope_moments()["acts_on"]) == ["observed", "observed"]
    assert "y on m (within)" in within.summary() and "y on m (observed)" in observed.summary()


@pytest.mark.parametrize("kind", [pytest.param("observed", marks=pytest.mark.slow), "within"])
def test_incomplete_mediators_and_outcomes_are_integrated(kind):
    frame = draw(3, clusters=14 if kind == "observed" else 9, holes=0.12)
    fit = twolevel.fit(TEXT.format(kind=kind, more=""), frame, "cluster", missing="ml")
    assert fit.converged, fit.message
    assert fit.n_clients == frame[["m", "y"]].notna().any(axis=1).sum()
    assert fit.loglik == pytest.approx(
        dense(fit.coef, frame.dropna(subset=["m", "y"], how="all"), kind, points=401), abs=1e-6
    )


def test_incomplete_outcomes_alone_stay_in_closed_form():
    frame = draw(4)
    frame.loc[frame.index % 5 == 2, "y"] = np.nan
    fit = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster", missing="ml")
    assert fit.moments.quadrature == ()
    assert fit.loglik == pytest.approx(dense(fit.coef, frame, "observed"), abs=1e-8)


@pytest.mark.parametrize("kind", ["observed", "within"])
def test_derivatives_of_the_likelihood_are_those_of_its_values(kind):
    from twolevel.slopes.choose import moments_for, objective_for

    frame = draw(5, clusters=12, holes=0.1)
    model = twolevel.Model(TEXT.format(kind=kind, more="  a ~ w"))
    moments = moments_for(twolevel.ClusterData(frame, "cluster"), model.layout, "ml")
    objective = objective_for(model.layout, moments)
    from twolevel.search.slopes import usual_start
    from twolevel.search.starts import moment_estimates

    theta = usual_start(model, moments, moment_estimates(moments))
    theta = theta + 0.03 * np.random.default_rng(1).standard_normal(len(theta))
    _, gradient, _ = objective(theta, 1)
    for k in range(len(theta)):
        h = 1e-5 * np.eye(len(theta))[k]
        numeric = (objective(theta + h)[0] - objective(theta - h)[0]) / 2e-5
        assert gradient[k] == pytest.approx(numeric, abs=2e-6 * max(1.0, abs(gradient).max())), model.names[k]


def test_the_average_indirect_effect_is_the_product_plus_the_covariance():
    frame = draw(1)
    fit = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster")
    found = fit.average_indirect("a", "b", rng=np.random.default_rng(1))
    assert found.estimate == pytest.approx(fit.values["indirect"], abs=1e-12)
    assert found.se == pytest.approx(fit.row("indirect")["se"], rel=1e-6)
    again = fit.monte_carlo("ma*mb + cab", draws=20_000, rng=np.random.default_rng(2))
    assert found.low == pytest.approx(again.low, abs=0.03) and found.high == pytest.approx(
        again.high, abs=0.03
    )
    moderated = twolevel.fit(TEXT.format(kind="observed", more="  a ~ w"), frame, "cluster")
    w = frame.groupby("cluster")["w"].first().to_numpy()
    by_hand = (
        np.mean((moderated.coef["ma"] + moderated.coef["a~w.l2"] * w) * moderated.coef["mb"])
        + moderated.coef["cab"]
    )
    assert moderated.average_indirect("a", "b", draws=50).estimate == pytest.approx(by_hand, abs=1e-12)


def test_the_known_truth_is_found_again_in_data_drawn_from_a_fit():
    frame = draw(6, clusters=400, low=8, high=15)
    fit = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster")
    for name, true in (("ma", 0.3), ("mb", -0.4), ("c", -0.1)):
        assert abs(fit.row(name)["estimate"] - true) < 4 * fit.row(name)["se"]
    assert abs(fit.coef["cab"] - 0.5 * (0.35**2 + 0.2**2)) < 4 * fit.row("cab")["se"]
    again = twolevel.fit(
        TEXT.format(kind="observed", more=""), fit.simulate(np.random.default_rng(3)), "cluster"
    )
    for row in fit.parameters[fit.parameters["free"]].itertuples():
        other = again.row(row.name)
        assert abs(other["estimate"] - row.estimate) < 4.5 * np.hypot(row.se, other["se"]), row.name


def test_resampling_and_profiles_work_with_random_slopes():
    frame = draw(1)
    fit = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster")
    left = fit.jackknife()
    assert left.n_failed == 0 and len(left.estimates) == 30
    one = twolevel.fit(TEXT.format(kind="observed", more=""), frame[frame["cluster"] != 7], "cluster")
    assert left.estimates["indirect"].iloc[7] == pytest.approx(one.values["indirect"], abs=1e-4)
    assert fit.profile("c").statistic >= 0
    robust = twolevel.fit(TEXT.format(kind="observed", more=""), frame, "cluster", se="robust")
    assert robust.loglik == fit.loglik
    jack = 29 / 30 * ((left.estimates["mb"] - fit.coef["mb"]) ** 2).sum()
    assert robust.row("mb")["se"] ** 2 == pytest.approx(jack, rel=0.35)


def test_an_indirect_effect_with_one_random_path_has_no_covariance():
    frame = draw(1)
    text = 'level: 1\n m ~ rv("a")*x\n y ~ b*m + c*x\nlevel: 2\n a ~~ m + y\n m ~~ y\n a ~ ma*1'
    fit = twolevel.fit(text, frame, "cluster")
    assert fit.converged
    found = fit.average_indirect("a", "b", draws=2000, rng=np.random.default_rng(1), df=5)
    assert found.estimate == pytest.approx(fit.coef["ma"] * fit.coef["b"], abs=1e-12)
    assert found.method == "Monte Carlo, t(5)"
    normal = fit.average_indirect("a", "b", draws=2000, rng=np.random.default_rng(1))
    assert found.high - found.low > 1.1 * (normal.high - normal.low)


def test_what_an_average_indirect_effect_cannot_be_made_of_is_named():
    fit = twolevel.fit(TEXT.format(kind="observed", more=""), draw(1), "cluster")
    errors = twolevel.errors
    with pytest.raises(
        errors.UnknownParameterError, match="'aa' is neither a random slope nor a free parameter"
    ):
        fit.average_indirect("aa", "b")
    with pytest.raises(errors.ModelError, match=r"neither 'ma' nor 'c' is random: ma\*c by delta"):
        fit.average_indirect("ma", "c")
    with pytest.raises(errors.ModelError, match="no sizes"):
        fit.simulate(np.random.default_rng(1), sizes=[3, 4])
    plain = twolevel.fit("level: 1\n y ~ b*x\nlevel: 2\n y ~~ y", draw(1), "cluster")
    for call in (plain.slope_moments, lambda: plain.average_indirect("b", "b")):
        with pytest.raises(errors.ModelError, match="the model has no random slopes"):
            call()


def test_without_a_maximum_an_average_indirect_effect_has_no_interval_and_nothing_is_drawn():
    whole = twolevel.fit(TEXT.format(kind="observed", more=""), draw(1), "cluster")
    fit = replace(whole, solution=replace(whole.solution, converged=False, message="no maximum: a test"))
    found = fit.average_indirect("a", "b")
    assert np.isfinite(found.estimate) and np.isnan([found.se, found.low, found.high]).all()
    assert "no maximum" in found.message
    with pytest.raises(twolevel.errors.ModelError, match="no model to draw from"):
        fit.simulate(np.random.default_rng(1))


def test_slopes_on_the_within_part_are_drawn_and_found_again():
    frame = draw(6, clusters=60, low=6, high=9)
    text = 'level: 1\n y ~ rv("s", "within")*m\n m ~ x\nlevel: 2\n y ~~ m\n y ~~ s'
    fit = twolevel.fit(text, frame, "cluster")
    rng = np.random.default_rng(4)
    slopes = []
    for _ in range(20):
        new = fit.simulate(rng)
        assert (new["x"] == frame["x"]).all()
        own = new[["m", "y"]] - new.groupby("cluster")[["m", "y"]].transform("mean")
        by = own.assign(xy=own["m"] * own["y"], xx=own["m"] ** 2).groupby(new["cluster"])[["xy", "xx"]].sum()
        slopes.append((by["xy"] / by["xx"]).mean())
    error = np.std(slopes) / np.sqrt(len(slopes))
    assert np.mean(slopes) == pytest.approx(fit.coef["s~1.l2"], abs=4 * error)
    with pytest.raises(twolevel.errors.UnsupportedError, match="between-only outcomes beside random slopes"):
        text = 'level: 1\n y ~ rv("s")*x\nlevel: 2\n w ~ y'
        twolevel.fit(text, frame, "cluster").simulate(rng)
