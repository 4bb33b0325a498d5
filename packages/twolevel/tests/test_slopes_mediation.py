"""Mediation with random a and b against dense likelihoods written here: stacked densities, and integrals on a grid."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from scipy.stats import multivariate_normal

TEXT = """
level: 1
  m ~ rv("a")*x
  y ~ rv("b", "{kind}")*m + c*x
level: 2
  a ~~ cab*b
  a ~~ m + y
  b ~~ m + y
  m ~~ y
  a ~ ma*1
  b ~ mb*1
{more}
indirect := ma*mb + cab
"""


def draw(seed: int, clusters: int = 30, holes: float = 0.0, low: int = 2, high: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(low, high, clusters)
    code = np.repeat(np.arange(clusters), sizes)
    w = rng.standard_normal(clusters)
    a = 0.3 + 0.2 * w + 0.35 * rng.standard_normal(clusters)
    b = -0.4 + 0.4 * rng.standard_normal(clusters) + 0.5 * (a - 0.3)
    um = 0.6 * rng.standard_normal(clusters)
    uy = 0.5 * rng.standard_normal(clusters) + 0.3 * um
    x = rng.standard_normal(len(code))
    m = 0.5 + um[code] + a[code] * x + rng.standard_normal(len(code))
    y = 1.0 + uy[code] + b[code] * m - 0.1 * x + rng.standard_normal(len(code))
    frame = pd.DataFrame({"cluster": code, "x": x, "m": m, "y": y, "w": w[code]})
    for name in ("m", "y"):
        frame.loc[rng.random(len(frame)) < holes, name] = np.nan
    return frame


def level_two(v: dict[str, float], moderated: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of (m, y, a, b), its slope on w, and covariance."""
    order = ["m", "y", "a", "b"]

    def cov(i, j):
        names = [f"{i}~~{j}.l2", f"{j}~~{i}.l2"] + (["cab"] if {i, j} == {"a", "b"} else [])
        return next(v[n] for n in names if n in v)

    mean = np.array([v["m~1.l2"], v["y~1.l2"], v["ma"], v["mb"]])
    slope = np.array([0.0, 0.0, v["a~w.l2"] if moderated else 0.0, 0.0])
    return mean, slope, np.array([[cov(i, j) for j in order] for i in order])


def dense(
    v: dict[str, float], frame: pd.DataFrame, kind: str, moderated: bool = False, points: int = 1201
) -> float:
    """log L by stacking m and y of a cluster; b by a trapezoid on a wide grid where it does not enter linearly."""
    mean, slope, cov = level_two(v, moderated)
    integrate = kind == "within" or frame["m"].isna().any()
    total = 0.0
    for _, rows in frame.groupby("cluster"):
        x, n = rows["x"].to_numpy(), len(rows)
        here = mean + slope * rows["w"].iloc[0]
        values = np.concatenate([rows["m"], rows["y"]])
        seen = ~np.isnan(values)
        if not integrate:
            m = rows["m"].to_numpy()
            one, zero = np.ones(n), np.zeros(n)
            z = np.vstack([np.column_stack([one, zero, x, zero]), np.column_stack([zero, one, zero, m])])
            fixed = np.concatenate([zero, v["c"] * x])
            noise = np.diag(np.repeat([v["m~~m"], v["y~~y"]], n))
            stacked = z @ cov @ z.T + noise
            at = np.ix_(seen, seen)
            total += multivariate_normal((z @ here + fixed)[seen], stacked[at]).logpdf(values[seen])
            continue
        sd = np.sqrt(cov[3, 3])
        grid = here[3] + sd * np.linspace(-9, 9, points)
        rest = cov[:3, :3] - np.outer(cov[:3, 3], cov[3, :3]) / cov[3, 3]
        logs = np.empty(points)
        for k, b in enumerate(grid):
            mu = here[:3] + cov[:3, 3] / cov[3, 3] * (b - here[3])
            # m = um + a x + em;  y = uy + b (m - um if within else m) + c x + ey
            one, zero = np.ones(n), np.zeros(n)
            zm = np.column_stack([one, zero, x])
            zy = np.column_stack([zero, one, zero]) + b * (
                zm - (np.column_stack([one, zero, zero]) if kind == "within" else 0)
            )
            z = np.vstack([zm, zy])
            e = np.array([[v["m~~m"], b * v["m~~m"]], [b * v["m~~m"], b**2 * v["m~~m"] + v["y~~y"]]])
            stacked = z @ rest @ z.T + np.kron(e, np.eye(n))
            centre = z @ mu + np.concatenate([zero, v["c"] * x])
            logs[k] = multivariate_normal(centre[seen], stacked[np.ix_(seen, seen)]).logpdf(values[seen])
        logs += -0.5 * ((grid - here[3]) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
        top = logs.max()
        total += top + np.log(np.trapezoid(np.exp(logs - top), grid))
    return float(total)


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
