"""Likelihood of random slopes at any point, and its derivatives: small enough to hold without compilation too."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from slopes_dense import TEXT, dense, draw
from twolevel.search.slopes import usual_start
from twolevel.search.starts import moment_estimates
from twolevel.slopes.between import lower_factor
from twolevel.slopes.choose import moments_for
from twolevel.slopes.kernel import semidefinite_root
from twolevel.slopes.objective import SlopeObjective
from twolevel.slopes.sums import log_integrand, place_nodes

pytestmark = pytest.mark.plain

MEDIATION = {
    "closed form": ("observed", 0.0),
    "integrated, within part": ("within", 0.0),
    "integrated, incomplete predictor": ("observed", 0.2),
}

BESIDE_Z = """
level: 1
  y ~ rv("s")*x + c*t
level: 2
  z ~ zw*w
  y ~ yz*z + yw*w
  s ~ sz*z + sw*w
  y ~~ s
"""

TWO = """
level: 1
  b ~~ e
  a ~ rv("s1")*e + rv("s2")*b
level: 2
  s1 ~~ s2
  a ~~ a
"""


def point(
    text: str, frame: pd.DataFrame, nodes: int | None = None
) -> tuple[SlopeObjective, np.ndarray, dict]:
    """The likelihood of a model on a study, parameters near its start, and these by name."""
    model = twolevel.Model(text)
    moments = moments_for(twolevel.ClusterData(frame, "cluster"), model.layout, "ml")
    theta = usual_start(model, moments, moment_estimates(moments))
    theta = theta + 0.05 * np.random.default_rng(1).standard_normal(len(theta))
    return SlopeObjective(model.layout, moments, nodes), theta, dict(zip(model.names, theta, strict=True))


def mediation(case: str, nodes: int) -> tuple[SlopeObjective, np.ndarray, dict, pd.DataFrame]:
    kind, holes = MEDIATION[case]
    frame = draw(5, clusters=3, holes=holes, low=2, high=5)
    objective, theta, v = point(
        TEXT.format(kind=kind, more="  a ~ w"), frame, nodes if case != "closed form" else None
    )
    return objective, theta, v, frame.dropna(subset=["m", "y"], how="all")


@pytest.mark.parametrize("case", MEDIATION)
def test_the_value_is_the_density_of_the_stacked_rows(case):
    objective, theta, v, frame = mediation(case, 31)
    assert objective.r == (case != "closed form")
    expected = dense(v, frame, MEDIATION[case][0], moderated=True, points=301)
    assert -objective(theta)[0] == pytest.approx(expected, abs=1e-6)


def numerical(objective: SlopeObjective, theta: np.ndarray, step: float = 1e-5) -> np.ndarray:
    moves = step * np.eye(len(theta))
    return np.array([(objective(theta + h)[0] - objective(theta - h)[0]) / (2 * step) for h in moves])


@pytest.mark.parametrize("case", MEDIATION)
def test_the_gradient_is_that_of_the_values(case):
    objective, theta, _, _ = mediation(case, 15)
    gradient = objective(theta, 1)[1]
    np.testing.assert_allclose(gradient, numerical(objective, theta), atol=1e-5 * abs(gradient).max())


def beside_z(seed: int = 4) -> pd.DataFrame:
    """Four clusters with a variable z of level 2 that has a distribution, and a covariate w that has none."""
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(4), [2, 3, 4, 3])
    w, z = rng.standard_normal((2, 4))
    frame = pd.DataFrame(rng.standard_normal((len(code), 3)), columns=["x", "t", "y"])
    return frame.assign(cluster=code, w=w[code], z=z[code])


def test_a_variable_between_only_has_its_share_of_the_density():
    frame = beside_z()
    objective, theta, v = point(BESIDE_Z, frame)
    expected = 0.0
    for _, rows in frame.groupby("cluster"):
        w, z, n = rows["w"].iloc[0], rows["z"].iloc[0], len(rows)
        slopes = np.column_stack([np.ones(n), rows["x"]])
        mean_z = v["z~1.l2"] + v["zw"] * w
        expected += multivariate_normal(mean_z, v["z~~z.l2"]).logpdf(z)
        intercept = v["y~1.l2"] + v["yz"] * z + v["yw"] * w
        slope = v["s~1.l2"] + v["sz"] * z + v["sw"] * w
        both = v.get("y~~s.l2", v.get("s~~y.l2"))
        cov = np.array([[v["y~~y.l2"], both], [both, v["s~~s.l2"]]])
        stacked = slopes @ cov @ slopes.T + v["y~~y"] * np.eye(n)
        expected += multivariate_normal(slopes @ [intercept, slope] + v["c"] * rows["t"], stacked).logpdf(
            rows["y"]
        )
    assert -objective(theta)[0] == pytest.approx(expected, abs=1e-9)
    gradient = objective(theta, 1)[1]
    np.testing.assert_allclose(gradient, numerical(objective, theta), atol=1e-6 * abs(gradient).max())


def two_slopes() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    code = np.repeat(np.arange(3), [4, 5, 4])
    frame = pd.DataFrame(rng.standard_normal((len(code), 3)), columns=["a", "b", "e"]).assign(cluster=code)
    frame.loc[[1, 6], "e"] = np.nan
    frame.loc[10, "b"] = np.nan
    return frame


def test_two_integrated_slopes_are_integrated_over_the_plane():
    frame = two_slopes()
    objective, theta, v = point(TWO, frame, 15)
    assert objective.r == 2
    cov = np.array([[v["s1~~s1.l2"], v["s1~~s2.l2"]], [v["s1~~s2.l2"], v["s2~~s2.l2"]]])
    root = np.linalg.cholesky(cov)
    grid, size = np.linspace(-6, 6, 41), 12 / 40
    expected = 0.0
    for _, rows in frame.groupby("cluster"):
        n, found = len(rows), 0.0
        values = rows[["e", "b", "a"]].to_numpy().ravel()
        seen = ~np.isnan(values)
        for t1 in grid:
            for t2 in grid:
                s = root @ [t1, t2] + [v["s1~1.l2"], v["s2~1.l2"]]
                up = np.eye(3)
                up[2, :2] = s  # a = u + s1 e + s2 b + its residual
                noise = np.array([[v["e~~e"], v["b~~e"], 0], [v["b~~e"], v["b~~b"], 0], [0, 0, v["a~~a"]]])
                mean = up @ [v["e~1"], v["b~1"], v["a~1.l2"]]
                shared = np.zeros((3, 3))
                shared[2, 2] = v["a~~a.l2"]
                stacked = np.kron(np.eye(n), up @ noise @ up.T) + np.kron(np.ones((n, n)), shared)
                rest, at = (values - np.tile(mean, n))[seen], np.ix_(seen, seen)
                square = rest @ np.linalg.solve(stacked[at], rest)
                density = np.exp(-0.5 * square) / np.sqrt(np.linalg.det(2 * np.pi * stacked[at]))
                found += density * np.exp(-0.5 * (t1**2 + t2**2)) / (2 * np.pi) * size**2
        expected += np.log(found)
    assert -objective(theta)[0] == pytest.approx(expected, abs=1e-5)


def test_the_gradient_of_two_integrated_slopes_is_that_of_the_values():
    objective, theta, _ = point(TWO, two_slopes(), 7)
    gradient = objective(theta, 1)[1]
    np.testing.assert_allclose(gradient, numerical(objective, theta), atol=1e-3 * abs(gradient).max())


def moved(theta: np.ndarray, v: dict, **values: float) -> np.ndarray:
    """The parameters with some of them, by name, at other values."""
    return np.array([values.get(name, value) for name, value in zip(v, theta, strict=True)])


@pytest.mark.parametrize(
    ("case", "values"),
    [
        ("closed form", {"b~~b.l2": -5.0}),
        ("closed form", {"y~~y": -0.1}),
        ("integrated, within part", {"b~~b.l2": -0.1}),
        ("integrated, within part", {"y~~y": -0.1}),
        ("integrated, within part", {"a~~a.l2": -40.0}),
    ],
)
def test_a_variance_below_zero_has_no_density(case, values):
    objective, theta, v, _ = mediation(case, 5)
    assert values.keys() <= v.keys()
    assert np.isfinite(objective(theta)[0])
    assert objective(moved(theta, v, **values), 1)[:2] == (np.inf, None)


@pytest.mark.parametrize("variance", [-0.1, 0.0, 1e-15])
def test_a_variable_between_only_without_variance_has_no_density(variance):
    objective, theta, v = point(BESIDE_Z, beside_z())
    assert objective(moved(theta, v, **{"z~~z.l2": variance}), 1)[:2] == (np.inf, None)


def test_paths_between_that_cancel_have_no_density():
    """y = z / 2 + ..., z = 2 y + ...: nothing solves both."""
    objective, theta, v = point(BESIDE_Z.replace("zw*w", "zw*w + zy*y"), beside_z())
    assert np.isfinite(objective(moved(theta, v, zy=0.5, yz=0.5))[0])
    assert objective(moved(theta, v, zy=2.0, yz=0.5), 1)[:2] == (np.inf, None)


def test_a_slope_with_no_variance_is_integrated_as_a_constant():
    objective, theta, v, frame = mediation("integrated, within part", 15)
    still = {name: 0.0 for name in v if name == "cab" or (name.endswith(".l2") and "b~~" in name)}
    assert len(still) >= 2
    constant = moved(theta, v, **still)
    near = moved(theta, v, **{**still, "b~~b.l2": 1e-8})
    expected = dense(dict(zip(v, near, strict=True)), frame, "within", moderated=True, points=101)
    assert -objective(constant)[0] == pytest.approx(expected, abs=1e-6)


def test_roots_of_matrices_on_and_beside_the_wall():
    root = np.empty((3, 3))
    half = np.array([[1.0, 0.0], [2.0, 0.0], [-1.0, 3.0]])
    assert semidefinite_root(half @ half.T, root)
    np.testing.assert_allclose(root @ root.T, half @ half.T, atol=1e-12)
    assert not semidefinite_root(np.diag([1.0, -1.0, 1.0]), root)
    lower = np.empty((2, 2), complex)
    floor = np.full(2, 1e-4)
    assert lower_factor(np.array([[4.0, 2.0], [2.0, 1.0]], complex), floor, lower)
    np.testing.assert_allclose(lower, [[2.0, 0.0], [1.0, 0.01]])
    assert not lower_factor(np.array([[4.0, 4.0], [4.0, 1.0]], complex), floor, lower)


def nodes_of(objective: SlopeObjective, theta: np.ndarray) -> float:
    """-log L by adding up, cluster by cluster, the integrand at each node: nothing left out, in logarithms."""
    flat, data, own = objective.level_two_at(theta), objective.own, objective.layout.levels[0]
    a, psi, alpha = own.a.copy(), own.s.copy(), own.mean.copy()
    for k, level, matrix, i, j in objective.layout.places:
        if level == 0:
            (a, psi, alpha)[matrix][(i, j) if matrix < 2 else i] = theta[k]
            if matrix == 1:
                psi[j, i] = theta[k]
    r, q, width = objective.r, len(objective.c_col), data.between.shape[1]
    sizes = [r + q, (r + q) * width, r * r, q * r, q * q]
    mean, slopes, lower, turn, v = np.split(flat[: sum(sizes)], np.cumsum(sizes)[:-1])
    points, weights = objective.rule
    total = data.constant
    for cluster, between in enumerate(data.between):
        here = mean + slopes.reshape(r + q, width) @ between
        level = here[:r], lower.reshape(r, r), here[r:], turn.reshape(q, r), v.reshape(q, q)
        level = tuple(np.ascontiguousarray(part) for part in level)
        rest = (
            a, psi, alpha, objective.obs, objective.x_at, objective.c_index, objective.c_kind, objective.c_col,
            objective.spots, objective.observed_kind, data.own_patterns, data.own_first, data.own_cell, data.own_n,
            data.f, data.g, data.h, data.between, cluster,
        )  # fmt: skip
        mode, spread = np.empty(r), np.empty((r, r))
        assert place_nodes(mode, spread, *level, *rest)
        logs = [log_integrand(mode + spread @ x, *level, *rest) for x in points]
        total -= 2 * (logsumexp(weights + logs) + np.log(np.diag(spread)).sum())
    return 0.5 * total


@pytest.mark.parametrize(
    ("seed", "more", "less"),
    [(39, 1e3, 1.0), (76, 1e2, 1e-2), (31, 1e2, 1e-3), (220, 1e3, 1e-3)],
    ids=["wide", "steep", "curved the wrong way", "flat"],
)
def test_the_sum_over_nodes_is_that_of_the_integrand(seed, more, less):
    """Where the slope varies `more` than at the start and the residuals `less`: modes that are hard to find."""
    kind = "within" if seed % 2 == 0 else "observed"
    frame = draw(seed, clusters=3, holes=0.25 if kind == "observed" else 0.0, low=2, high=5)
    objective, theta, v = point(TEXT.format(kind=kind, more=""), frame, 15)
    assert objective.r == 1
    alone = {name: 0.0 for name in v if name == "cab" or name in ("b~~m.l2", "b~~y.l2")}
    hard = moved(
        theta,
        v,
        **alone,
        **{"b~~b.l2": more * v["b~~b.l2"], "y~~y": less * v["y~~y"], "m~~m": 0.1 * v["m~~m"]},
    )
    value = objective(hard)[0]
    assert np.isfinite(value)
    assert value == pytest.approx(nodes_of(objective, hard), rel=1e-9)


def test_a_node_far_higher_than_the_mode_is_what_the_rest_is_counted_in():
    """Weights e^100 times as large say the same of every parameter, and 100 more of each cluster."""
    objective, theta, _, _ = mediation("integrated, within part", 9)
    value, gradient, _ = objective(theta, 1)
    points, weights = objective.rule
    objective.rule = points, weights + 100.0
    larger, same, _ = objective(theta, 1)
    assert value - larger == pytest.approx(300.0, abs=1e-9)
    np.testing.assert_allclose(same, gradient, rtol=1e-8)
