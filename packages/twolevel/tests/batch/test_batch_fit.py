"""Batched fits against brute force, lavaan and themselves."""

import numpy as np
import pandas as pd
import pytest
from bruteforce_batch import (
    LAVAAN,
    Parameters,
    climb,
    gls_loglik,
    lavaan_data,
    loglik,
    numerical_hessian,
    simulate,
)
from twolevel.batch import PathModel, fit, likelihood_ratio, weighted_moments
from twolevel.batch.bootstrap import bootstrap_weights
from twolevel.batch.fit import study_moments
from twolevel.errors import DataProblemError, ModelError, NonFiniteError, UnknownVariableError

XMY = ("x", "m", "y")
PARTIAL = PathModel.mediation("x", "m", "y")
TIGHT = 1e-10
WITHIN = np.array([[1.0, 0.35, -0.24], [0.35, 1.0, -0.43], [-0.24, -0.43, 1.0]])
SIZES = np.array([1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8, 1, 1])

# oracle cases that are recursive path models of observed variables over a saturated between level
ORACLE = {
    "ten_by_20__saturated": PARTIAL,
    "ten_by_20__partial": PARTIAL,
    "ten_by_20__full": PARTIAL.drop("y", "x"),
    "paper_size__partial": PARTIAL,
    "paper_size__full": PARTIAL.drop("y", "x"),
    "fifty_small__partial": PARTIAL,
    "fifty_small__full": PARTIAL.drop("y", "x"),
    "two_hundred_fives__partial": PARTIAL,
    "thirty_sixties__partial": PARTIAL,
    "thirty_sixties__no_b": PARTIAL.drop("y", "m"),
    "wide_sizes__partial": PARTIAL,
    "wide_sizes__no_a": PARTIAL.drop("m", "x"),
    "icc_half__partial": PARTIAL,
    "two_variables__two_path": PathModel.saturated(["x", "y"]),
    "covariates__covariates_within": PathModel.mediation("x", "m", "y", covariates=["age", "female"]),
    "parallel__parallel": PathModel.mediation("x", ["m1", "m2", "m3"], "y"),
    "parallel__serial": PathModel.saturated(["x", "m1", "m2", "m3", "y"]),
    "missing_mcar__partial__listwise": PARTIAL,
}


def sample(name: str, variables=XMY):
    return weighted_moments(*lavaan_data(name, list(variables)))


def paper_sized(seed: int, between: float = 0.0):
    return simulate(np.random.default_rng(seed), SIZES, WITHIN, between * (WITHIN + np.eye(3)) / 2)


@pytest.mark.parametrize("case", ORACLE)
def test_interior_maxima_equal_lavaan(case):
    expected = pd.read_csv(LAVAAN / "expected" / "fit.csv").set_index("case").loc[case]
    assert expected.regular and expected.between_min > 0
    model = ORACLE[case]
    found = fit(model, sample(case.split("__")[0], model.variables), tolerance=TIGHT)
    assert found.converged[0] and not found.boundary[0]
    assert found.loglik[0] == pytest.approx(expected.loglik, abs=1e-6)
    assert model.n_parameters == expected.npar
    rows = pd.read_csv(LAVAAN / "expected" / "estimates.csv")
    rows = rows[(rows.case == case) & (rows.free == 1) & (rows.op != "~1")]
    compared = 0
    for row in rows.itertuples():
        if row.op == "~~" and (row.level == 2 or "saturated" in case):
            sigma = found.sigma_between[0] if row.level == 2 else found.sigma_within[0]
            value = sigma[model.index(row.lhs), model.index(row.rhs)]
            assert value == pytest.approx(row.est, abs=5e-4 * row.se)
            compared += 1
        if row.op != "~":
            continue
        if case == "parallel__parallel" and row.lhs != "y":  # residual covariances there, a chain here
            assert found.total(row.lhs, row.rhs)[0] == pytest.approx(row.est, abs=5e-4 * row.se)
            continue
        assert found.path(row.lhs, row.rhs)[0] == pytest.approx(row.est, abs=5e-4 * row.se)
        assert found.se(row.lhs, row.rhs)[0] == pytest.approx(row.se, rel=1e-3)
        compared += 1
    assert compared >= 4


@pytest.mark.parametrize(
    "case", ["icc_zero_small__partial", "icc_zero_wide__partial", "near_singular_a__partial"]
)
def test_bounded_maximum_is_below_the_unbounded_regular_one(case):
    expected = pd.read_csv(LAVAAN / "expected" / "fit.csv").set_index("case").loc[case]
    assert expected.regular and expected.between_min < 0
    found = fit(PARTIAL, sample(case.split("__")[0]))
    assert found.converged[0] and found.boundary[0]
    assert found.loglik[0] < expected.loglik


@pytest.mark.parametrize(("seed", "between"), [(1, 0.0), (2, 0.05), (3, 0.5)])
def test_loglik_equals_brute_force_and_no_random_start_beats_it(seed, between):
    data, cluster = paper_sized(seed, between)
    model = PARTIAL.drop("y", "x") if seed == 2 else PARTIAL
    found = fit(model, weighted_moments(data, cluster), tolerance=TIGHT)
    assert found.converged[0]
    brute = loglik(data, cluster, found.mu[0], found.sigma_within[0], found.sigma_between[0])
    assert found.loglik[0] == pytest.approx(brute, abs=1e-8)
    reached = climb(model, data, cluster, np.random.default_rng(seed), restarts=2)
    assert reached.max() <= found.loglik[0] + 1e-6
    assert reached.max() >= found.loglik[0] - 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_fifty_random_starts_end_nowhere_higher(seed):
    """Starts of the batched search itself: all replicates are the same sample, each from its own start."""
    data, cluster = paper_sized(20 + seed, 0.1)
    rng = np.random.default_rng(seed)
    moments = weighted_moments(data, cluster, np.ones((50, len(SIZES))))
    best = fit(PARTIAL, moments.take(slice(0, 1)), tolerance=TIGHT)
    scattered = fit(PARTIAL, moments)
    factor = rng.normal(0, 0.7, (50, 3, 3))
    object.__setattr__(scattered, "coef", np.tril(rng.normal(0, 0.7, (50, 3, 3)), -1))
    object.__setattr__(scattered, "residual_variance", np.exp(rng.normal(0, 0.7, (50, 3))))
    object.__setattr__(scattered, "sigma_between", factor @ factor.transpose(0, 2, 1))
    again = fit(PARTIAL, moments, start=scattered, tolerance=TIGHT)
    assert again.converged.all()
    assert again.loglik.max() <= best.loglik[0] + 1e-9
    np.testing.assert_allclose(again.loglik, best.loglik[0], atol=1e-7)


@pytest.mark.plain
def test_kkt_conditions_at_the_boundary():
    """Gradient with respect to Sigma_B from the brute-force likelihood: zero on its range, not rising off it."""
    data, cluster = paper_sized(5)
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    found = fit(PARTIAL, weighted_moments(data, cluster), tolerance=TIGHT)
    assert found.converged[0] and found.boundary[0]
    t = found.sigma_between[0]
    z = np.empty((3, 3))
    for i in range(3):
        for j in range(i + 1):
            e = np.zeros((3, 3))
            e[i, j] = e[j, i] = 1e-5
            rise = gls_loglik(data, cluster, found.sigma_within[0], t + e, found.mu[0])
            fall = gls_loglik(data, cluster, found.sigma_within[0], t - e, found.mu[0])
            z[i, j] = z[j, i] = (rise - fall) / 2e-5 / (1 if i == j else 2)
    assert np.abs(z @ t).max() < 1e-4
    values = np.linalg.eigvalsh(z)
    assert values[-1] < 1e-4 and values[0] < -0.1
    assert np.linalg.matrix_rank(t, tol=1e-8) == found.rank[0]


@pytest.mark.plain
def test_standard_errors_on_the_active_face_equal_a_numerical_hessian():
    data, cluster = paper_sized(7, 0.1)
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    found = fit(PARTIAL, weighted_moments(data, cluster), tolerance=TIGHT)
    rank = int(found.rank[0])
    assert found.boundary[0] and rank > 0
    layout = Parameters(PARTIAL, rank)
    values, vectors = np.linalg.eigh(found.sigma_between[0])
    root = vectors[:, -rank:] * np.sqrt(values[-rank:])
    q, _ = np.linalg.qr(root[:rank].T)  # rotate the factor to lower triangular form
    factor = root @ q
    theta = np.concatenate(
        [
            found.coef[0][PARTIAL.free],
            np.log(found.residual_variance[0]),
            found.mu[0],
            [factor[a, b] for a, b in layout.elements],
        ]
    )

    def value(x):
        mu, within, between = layout.unpack(x)
        return gls_loglik(data, cluster, within, between, mu)

    assert value(theta) == pytest.approx(found.loglik[0], abs=1e-8)
    expected = np.linalg.inv(-numerical_hessian(value, theta))[:3, :3]
    np.testing.assert_allclose(found.vcov[0], expected, rtol=1e-4, atol=1e-7)


def test_weights_equal_physically_duplicated_clusters():
    data, cluster = paper_sized(9, 0.3)
    rng = np.random.default_rng(1)
    weights = bootstrap_weights(len(SIZES), 6, rng)
    batch = fit(PARTIAL, weighted_moments(data, cluster, weights), tolerance=TIGHT)
    for r, row in enumerate(weights.astype(int)):
        copies = [(j, copy) for j, times in enumerate(row) for copy in range(times)]
        rows = np.concatenate([np.flatnonzero(cluster == j) for j, _ in copies])
        labels = np.concatenate([np.full(SIZES[j], k) for k, (j, _) in enumerate(copies)])
        alone = fit(PARTIAL, study_moments(data[rows], labels), tolerance=TIGHT)
        assert batch.loglik[r] == pytest.approx(alone.loglik[0], abs=1e-7)
        np.testing.assert_allclose(batch.coef[r], alone.coef[0], atol=1e-7)
        np.testing.assert_allclose(batch.vcov[r], alone.vcov[0], atol=1e-7)
        assert batch.rank[r] == alone.rank[0]


@pytest.mark.parametrize("name", ["icc_zero_small", "fifty_small"])
def test_percentile_bounds_do_not_depend_on_the_tolerance(name):
    data, cluster = lavaan_data(name, XMY)
    clusters = len(np.unique(cluster))
    moments = weighted_moments(data, cluster, bootstrap_weights(clusters, 500, np.random.default_rng(2)))
    start = fit(PARTIAL, weighted_moments(data, cluster))
    bounds = []
    for tolerance in (1e-5, 1e-11):
        fits = fit(PARTIAL, moments, start, vcov=False, tolerance=tolerance)
        assert fits.failed == 0 and fits.gradient.max() <= tolerance
        indirect = fits.path("m", "x") * fits.path("y", "m")
        bounds.append(np.quantile(indirect, [0.025, 0.975]))
    assert np.abs(bounds[0] - bounds[1]).max() < 1e-3 * indirect.std()


def test_every_replicate_of_the_papers_size_converges():
    """ICC 0, .05 and .10 at 23 clusters: a maximum each time, most of them on the boundary."""
    at_boundary = []
    for between in (0.0, 0.05, 0.11):
        rng = np.random.default_rng(int(100 * between))
        studies = np.stack(
            [simulate(rng, SIZES, WITHIN, between * (WITHIN + np.eye(3)) / 2)[0] for _ in range(200)]
        )
        cluster = np.repeat(np.arange(len(SIZES)), SIZES)
        found = fit(PARTIAL, study_moments(studies, cluster))
        assert found.converged.all()
        assert np.isfinite(found.vcov).all()
        at_boundary.append(found.boundary.mean())
    assert min(at_boundary) > 0.75
    assert at_boundary[0] >= at_boundary[2]


def test_shifting_rescaling_reordering_and_relabelling_change_nothing():
    data, cluster = paper_sized(11, 0.2)
    base = fit(PARTIAL, weighted_moments(data, cluster), tolerance=TIGHT)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(data))
    labels = np.array([f"t{k}" for k in rng.permutation(len(SIZES))])
    unit, shift = np.array([10.0, 0.01, 3.0]), np.array([1e4, -5.0, 0.0])
    moved = fit(
        PARTIAL, weighted_moments((data * unit + shift)[order], labels[cluster][order]), tolerance=TIGHT
    )
    ratio = unit[:, None] / unit[None, :]
    np.testing.assert_allclose(moved.coef[0], base.coef[0] * ratio, rtol=1e-6)
    np.testing.assert_allclose(moved.mu[0], base.mu[0] * unit + shift, rtol=1e-6)
    np.testing.assert_allclose(
        moved.sigma_between[0], base.sigma_between[0] * np.outer(unit, unit), rtol=1e-4
    )
    assert moved.loglik[0] == pytest.approx(base.loglik[0] - len(data) * np.log(unit).sum(), abs=1e-6)
    assert moved.se("y", "m")[0] == pytest.approx(base.se("y", "m")[0] * ratio[2, 1], rel=1e-6)
    swapped = cluster.copy()
    swapped[[0, -5]] = swapped[[-5, 0]]
    assert abs(fit(PARTIAL, weighted_moments(data, swapped)).loglik[0] - base.loglik[0]) > 1e-3


@pytest.mark.plain
def test_recursive_order_does_not_matter_for_the_saturated_model():
    data, cluster = paper_sized(13, 0.2)
    forward = fit(PARTIAL, weighted_moments(data, cluster), tolerance=TIGHT)
    moments = weighted_moments(data, cluster).select([2, 0, 1])
    other = fit(PathModel.saturated(["y", "x", "m"]), moments, tolerance=TIGHT)
    assert other.loglik[0] == pytest.approx(forward.loglik[0], abs=1e-8)
    np.testing.assert_allclose(
        other.sigma_within[0], forward.sigma_within[0][np.ix_([2, 0, 1], [2, 0, 1])], atol=1e-6
    )


def test_study_moments_equal_weighted_moments_study_by_study():
    data, cluster = paper_sized(15, 0.3)
    studies = np.stack([data, data[::-1] * 2 + 1])
    many = study_moments(studies, cluster)
    for s in range(2):
        one = weighted_moments(studies[s], cluster)
        for name in ("count", "sums", "cross", "within", "center", "scale"):
            np.testing.assert_allclose(getattr(many, name)[s], getattr(one, name)[0], atol=1e-10)
    assert many.n_clients.tolist() == [len(data)] * 2
    assert many.n_clusters.tolist() == [len(SIZES)] * 2


@pytest.mark.plain
def test_a_fit_does_not_depend_on_its_neighbours_or_on_the_start():
    data, cluster = paper_sized(17, 0.1)
    moments = weighted_moments(data, cluster, bootstrap_weights(len(SIZES), 40, np.random.default_rng(3)))
    start = fit(PARTIAL, weighted_moments(data, cluster))
    together = fit(PARTIAL, moments, start)
    alone = fit(PARTIAL, moments.take(slice(17, 18)), start)
    assert (together.coef[17] == alone.coef[0]).all() and together.loglik[17] == alone.loglik[0]
    cold = fit(PARTIAL, moments, tolerance=TIGHT)
    warm = fit(PARTIAL, moments, start, tolerance=TIGHT)
    np.testing.assert_allclose(cold.loglik, warm.loglik, atol=1e-7)


def test_likelihood_ratio_is_the_difference_of_two_fits_and_matches_wald_in_large_samples():
    data, cluster = lavaan_data("two_hundred_fives", XMY)
    moments = weighted_moments(data, cluster)
    full = fit(PARTIAL, moments)
    test = likelihood_ratio(PARTIAL, moments, ("y", "x"), fit=full)
    restricted = fit(PARTIAL.drop("y", "x"), moments)
    assert test.statistic[0] == pytest.approx(2 * (full.loglik - restricted.loglik)[0], abs=1e-6)
    wald = (full.path("y", "x") / full.se("y", "x"))[0] ** 2
    assert test.statistic[0] == pytest.approx(wald, rel=0.02)
    assert likelihood_ratio(PARTIAL, moments, (2, 0)).p[0] == pytest.approx(test.p[0], abs=1e-7)
    expected = pd.read_csv(LAVAAN / "expected" / "fit.csv").set_index("case").loc["fifty_small__full"]
    small = likelihood_ratio(PARTIAL, sample("fifty_small"), ("y", "x"))
    assert small.p[0] == pytest.approx(expected.pvalue, abs=1e-6)


def test_ten_variables():
    rng = np.random.default_rng(8)
    root = rng.normal(0, 0.3, (10, 10))
    data, cluster = simulate(rng, rng.integers(1, 9, 60), np.eye(10) + root @ root.T, 0.2 * np.eye(10))
    names = [f"v{k}" for k in range(10)]
    model = PathModel.saturated(names, within_only=names[:2])
    found = fit(model, weighted_moments(data, cluster))
    assert found.converged[0]
    assert (found.sigma_between[0][:2] == 0).all()
    brute = gls_loglik(data, cluster, found.sigma_within[0], found.sigma_between[0], found.mu[0])
    assert found.loglik[0] == pytest.approx(brute, abs=1e-7)


@pytest.mark.plain
def test_degenerate_replicates_are_flagged_and_leave_the_others_alone():
    data, cluster = paper_sized(19, 0.2)
    weights = np.ones((5, len(SIZES)))
    weights[1] = 0  # nothing at all
    weights[2] = 0
    weights[2, 20] = 3  # one cluster, three times: its copies have the same mean
    weights[3] = 0
    weights[3, [0, 21, 22]] = 5  # singletons only
    moments = weighted_moments(data, cluster, weights)
    found = fit(PARTIAL, moments)
    assert found.converged.tolist() == [True, False, False, False, True]
    assert np.isnan(found.path("m", "x")[1:4]).all()
    assert np.isnan(found.vcov[1:4]).all() and np.isnan(found.loglik[1:4]).all()
    assert found.failed == 3 and found.capped == 0
    for broken in (
        data[:, [0, 1, 1]],
        data * [1, 0, 1],
        np.column_stack([data[:, :2], data[:, 0] - data[:, 1]]),
    ):
        flagged = fit(PARTIAL, weighted_moments(broken, cluster))
        assert not flagged.converged[0] and np.isnan(flagged.path("y", "m")[0])


@pytest.mark.parametrize("labels", ["number", "text", "date"])
def test_clusters_without_a_name_are_refused_not_merged(labels):
    data, cluster = paper_sized(19, 0.2)
    named = {
        "number": np.where(cluster == 3, np.nan, cluster),
        "text": np.where(cluster == 3, None, cluster.astype(str).astype(object)),
        "date": np.where(cluster == 3, np.datetime64("NaT"), np.datetime64("2020-01-01") + cluster),
    }[labels]
    with pytest.raises(NonFiniteError, match=f"missing in {(cluster == 3).sum()} row"):
        weighted_moments(data, named)
    with pytest.raises(NonFiniteError, match="cluster is missing"):
        study_moments(data, named)


@pytest.mark.plain
def test_iteration_cap_is_reported():
    data, cluster = paper_sized(21, 0.2)
    found = fit(PARTIAL, weighted_moments(data, cluster), max_iterations=2)
    assert not found.converged[0] and found.capped == 1 and found.failed == 1


def test_wrong_input_is_named():
    data, cluster = paper_sized(23)
    with pytest.raises(ModelError, match="lower triangular"):
        PathModel(("x", "y"), (True, True), np.ones((2, 2), dtype=bool))
    with pytest.raises(ModelError, match="not a free path"):
        PARTIAL.drop("m", "y")
    with pytest.raises(UnknownVariableError, match="'z'"):
        PARTIAL.index("z")
    with pytest.raises(ModelError, match="3 variables"):
        fit(PARTIAL, weighted_moments(data[:, :2], cluster))
    with pytest.raises(NonFiniteError):
        weighted_moments(np.where(data == data[0, 0], np.nan, data), cluster)
    with pytest.raises(DataProblemError, match="J = 23"):
        weighted_moments(data, cluster, np.ones((2, 5)))
    with pytest.raises(DataProblemError, match="negative"):
        weighted_moments(data, cluster, -np.ones((1, 23)))
    with pytest.raises(DataProblemError, match="clients"):
        study_moments(data[None], cluster[:-1])
    with pytest.raises(ModelError, match="vcov=False"):
        fit(PARTIAL, weighted_moments(data, cluster), vcov=False).se("m", "x")


@pytest.mark.plain
@pytest.mark.parametrize("seed", [31, 32, 33])
def test_batch_equals_the_general_engine(seed):
    import twolevel

    data, cluster = paper_sized(seed, 0.1)
    frame = pd.DataFrame(data, columns=list(XMY)).assign(cluster=cluster)
    between = "x ~~ x + m + y\n m ~~ m + y\n y ~~ y"
    general = twolevel.fit(
        f"level: 1\n m ~ a*x\n y ~ b*m + c*x\nlevel: 2\n {between}\n", frame, cluster="cluster"
    )
    found = fit(PARTIAL, weighted_moments(data, cluster), tolerance=TIGHT)
    assert general.converged and found.converged[0]
    assert general.boundary == found.boundary[0]
    assert found.loglik[0] == pytest.approx(general.loglik, abs=1e-6)
    table = general.parameters.set_index("label")
    for label, (dependent, regressor) in {"a": ("m", "x"), "b": ("y", "m"), "c": ("y", "x")}.items():
        se = found.se(dependent, regressor)[0]
        assert found.path(dependent, regressor)[0] == pytest.approx(table.estimate[label], abs=1e-3 * se)
        assert se == pytest.approx(table.se[label], rel=1e-3)


@pytest.mark.plain
@pytest.mark.parametrize(
    "sizes",
    [[200] * 4 + [1] * 4, [3] * 4 + [40] * 3, [1] * 20 + [3] * 3, [2] * 100],
    ids=["four large", "seven clusters", "mostly singletons", "pairs"],
)
def test_awkward_designs_and_tight_tolerances_converge(sizes):
    """Where the search leaves the face too early, or Z is barely negative, it has to return or to stay."""
    rng = np.random.default_rng(len(sizes))
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    studies = np.stack(
        [
            simulate(rng, np.array(sizes), WITHIN, between * np.diag([1.0, 0.2, 0.0]) + 1e-9 * np.eye(3))[0]
            for between in np.repeat([0.0, 0.05, 0.3], 60)
        ]
    )
    moments = study_moments(studies, cluster)
    for tolerance in (1e-5, TIGHT):
        found = fit(PARTIAL, moments, tolerance=tolerance)
        assert found.converged.all()
        assert found.gradient.max() <= tolerance
        assert len(set(found.rank)) > 1
