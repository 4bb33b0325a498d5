"""Covariance matrices in place of rows: the same fit where clusters are equally large, by the same likelihood."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel import SummaryData
from twolevel_samples import TEXTS, draw

FRAME = draw(4, sizes=np.full(40, 6), icc=0.3)


def matrices(frame: pd.DataFrame, names: list[str], extra: list[str] = []):  # noqa: B006
    means = frame.groupby("cluster")[[*names, *extra]].mean()
    deviation = frame[names] - frame.groupby("cluster")[names].transform("mean")
    n, j = len(frame), len(means)
    return deviation.T @ deviation / (n - j), means.cov(), n, j, frame[[*names, *extra]].mean()


@pytest.mark.parametrize("bounds", ["psd", "none"])
@pytest.mark.parametrize("text", ["partial", "full", "between_covariate", "latent"])
def test_matrices_of_equal_clusters_fit_as_the_rows_do(text, bounds):
    model = twolevel.Model(TEXTS[text])
    within, between, n, j, means = matrices(FRAME, list(model.layout.y), list(model.layout.z))
    rows = twolevel.fit(model, FRAME, "cluster", bounds=bounds)
    summary = twolevel.fit(model, SummaryData(within, between, n=n, J=j, means=means), bounds=bounds)
    assert summary.loglik == pytest.approx(rows.loglik, abs=1e-7)
    assert (summary.n_clients, summary.n_clusters) == (n, j)
    np.testing.assert_allclose(summary.solution.theta, rows.solution.theta, atol=1e-5)
    np.testing.assert_allclose(summary.parameters["se"], rows.parameters["se"], rtol=1e-4)
    assert summary.fit_indices.chi2 == pytest.approx(rows.fit_indices.chi2, abs=1e-6)
    summary.summary(fit_measures=True)


def test_mean_squares_are_divided_by_the_size():
    within, between, n, j, means = matrices(FRAME, ["x", "m", "y"], ["w"])
    root = np.array([np.sqrt(n / j)] * 3 + [1.0])
    one = twolevel.fit(TEXTS["between_covariate"], SummaryData(within, between, n, j, means))
    two = twolevel.fit(
        TEXTS["between_covariate"],
        SummaryData(within, between * np.outer(root, root), n, j, means, scaled=True),
    )
    assert one.loglik == pytest.approx(two.loglik, abs=1e-8)


def test_tests_and_intervals_that_need_no_rows_work_and_others_are_refused():
    within, between, n, j, _ = matrices(FRAME, ["x", "m", "y"])
    data = SummaryData(within, between, n, j)
    fit = twolevel.fit(TEXTS["partial"], data)
    rows = twolevel.fit(TEXTS["partial"], FRAME, "cluster")
    assert fit.loglik == pytest.approx(rows.loglik, abs=1e-7)  # means are free: what they are does not matter
    assert fit.profile("a").p == pytest.approx(rows.profile("a").p, rel=1e-5)
    assert len(fit.simulate(np.random.default_rng(1))) == n
    for call in (fit.jackknife, lambda: fit.bootstrap(3, np.random.default_rng(1))):
        with pytest.raises(twolevel.errors.UnsupportedError, match="need the rows"):
            call()
    for options in ({"missing": "ml"}, {"se": "robust"}):
        with pytest.raises(twolevel.errors.UnsupportedError, match="rows of the data"):
            twolevel.fit(TEXTS["partial"], data, **options)
    with pytest.raises(twolevel.errors.UnsupportedError, match="random slopes"):
        twolevel.fit('level: 1\n y ~ rv("s")*x\nlevel: 2\n y ~~ y', data)


def test_matrices_that_are_none_are_refused():
    within, between, n, j, _ = matrices(FRAME, ["x", "m", "y"])
    bad = within.copy()
    bad.iloc[0, 1] = bad.iloc[1, 0] = 5.0
    errors = twolevel.errors
    cases = [
        ((bad, between, n, j), errors.DataProblemError, "negative eigenvalue"),
        ((within.to_numpy(), between, n, j), errors.DataProblemError, "data frame"),
        ((within.assign(x=1.0), between, n, j), errors.DataProblemError, "not symmetric"),
        ((within, between.iloc[:2, :2], n, j), errors.UnknownVariableError, "'y'"),
        ((within, between, n, 1), errors.OneClusterError, "J=1"),
        ((within, between, j, j), errors.NoReplicationError, "told apart"),
    ]
    for arguments, error, match in cases:
        with pytest.raises(error, match=match):
            SummaryData(*arguments)
    with pytest.raises(errors.UnknownVariableError, match="did you mean 'xlong'"):
        names = {"x": "xlong"}
        renamed = [matrix.rename(index=names, columns=names) for matrix in (within, between)]
        twolevel.fit(TEXTS["partial"].replace("x", "xlon"), SummaryData(*renamed, n, j))


def test_matrices_in_any_order_of_their_names_are_the_same():
    within, between, n, j, means = matrices(FRAME, ["x", "m", "y"])
    turned = within.loc[["y", "x", "m"]], between[["m", "y", "x"]], n, j, dict(means[::-1])
    one, two = (
        twolevel.fit(TEXTS["partial"], SummaryData(*given))
        for given in ((within, between, n, j, means), turned)
    )
    assert two.loglik == pytest.approx(one.loglik, abs=1e-9)
    np.testing.assert_allclose(two.solution.theta, one.solution.theta, atol=1e-7)


def test_names_and_entries_that_cannot_be_are_named():
    within, between, n, j, means = matrices(FRAME, ["x", "m", "y"], ["w"])
    twice, holes, flat = (within.copy() for _ in range(3))
    twice.index = twice.columns = ["x", "x", "y"]
    holes.loc["x", "m"] = np.nan
    flat.loc["m"] = flat["m"] = 0.0
    errors = twolevel.errors
    for bad, match in [
        (within.rename(index={"x": "q"}), "`within` has different names on its rows and columns"),
        (twice, "`within` names a variable twice"),
        (holes, "`within` has missing or infinite entries"),
        (flat, "`within`: the variance of 'm' is not positive"),
    ]:
        with pytest.raises(errors.DataProblemError, match=match):
            SummaryData(bad, between, n, j)
    with pytest.raises(errors.UnknownVariableError, match="`means` lacks 'y'"):
        SummaryData(within, between, n, j, means.drop("y"))
    data = SummaryData(within, between, n, j, means)
    with pytest.raises(
        errors.UnknownVariableError, match="'w' is named at level 1 and stands in `between` only"
    ):
        twolevel.fit("level: 1\n y ~ w\nlevel: 2\n y ~~ w", data)
    # two variables of two clusters lie on a line
    with pytest.raises(
        errors.CollinearVariablesError, match="2 between-only variables need more than 2 clusters"
    ):
        twolevel.fit(
            "level: 1\n y ~~ y\nlevel: 2\n y ~ w + m", SummaryData(within[["y"]].loc[["y"]], between, 9, 2)
        )
