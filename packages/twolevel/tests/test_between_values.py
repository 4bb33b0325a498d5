"""Values of between-only variables on rows without any client's value: used, as the dense likelihood says."""

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel.inference.covariance import cluster_scores
from twolevel.likelihood.objective import Objective
from twolevel_brute import cluster_logliks
from twolevel_samples import TEXTS, draw, random_theta

MODEL = twolevel.Model(TEXTS["between_covariate"])
Y, Z = list(MODEL.layout.y), list(MODEL.layout.z)
FRAME = draw(5, clusters=20, icc=0.3)


def emptied(clusters: list[int]) -> pd.DataFrame:
    frame = FRAME.copy()
    frame.loc[frame["cluster"].isin(clusters), Y] = np.nan
    return frame


def test_the_value_may_stand_on_any_row_of_the_cluster():
    frame = draw(4, clusters=60, largest=8, icc=0.4)
    first = ~frame.duplicated("cluster")
    several = frame["cluster"].map(frame["cluster"].value_counts()) > 1
    holes = frame.copy()
    holes.loc[first & several, Y] = np.nan
    apart = holes.copy()
    apart.loc[~first, "w"] = np.nan
    wanted, found = (twolevel.fit(MODEL, f, "cluster", missing="ml") for f in (holes, apart))
    assert found.loglik == pytest.approx(wanted.loglik, abs=1e-8)
    np.testing.assert_allclose(found.solution.theta, wanted.solution.theta, atol=1e-5)
    assert found.n_dropped == (first & several).sum()


@pytest.mark.parametrize("clusters", [[0], [19], [3, 4, 19]])
def test_clusters_with_between_values_only_count(clusters):
    frame = emptied(clusters)
    moments = twolevel.ClusterData(frame, "cluster").missing(tuple(Y), tuple(Z))
    objective = Objective(MODEL.layout, moments)
    theta = random_theta(objective, 1)
    dense = cluster_logliks(objective.implied(theta), frame, Y, Z, "cluster")
    assert -objective(theta)[0] == pytest.approx(dense.sum(), rel=1e-10)
    for k, h in enumerate(1e-5 * objective.units):
        step = h * np.eye(len(theta))[k]
        slope = (objective(theta + step)[0] - objective(theta - step)[0]) / (2 * h)
        assert objective(theta, 1)[1][k] == pytest.approx(slope, rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(
        cluster_scores(objective, theta, moments).sum(axis=0), -objective(theta, 1)[1], rtol=1e-8, atol=1e-7
    )


def test_a_fit_with_clusters_of_between_values_only():
    frame = emptied([3, 19])
    fit = twolevel.fit(MODEL, frame, "cluster", missing="ml", se="robust")
    assert fit.converged and fit.n_clusters == 20
    assert fit.n_singletons == (frame[frame["m"].notna()].groupby("cluster").size() == 1).sum()
    assert fit.coef["w~1.l2"] == pytest.approx(FRAME.groupby("cluster")["w"].first().mean(), abs=1e-6)
    without = twolevel.fit(MODEL, frame[frame["m"].notna()], "cluster", missing="ml")
    assert without.n_clusters == 18 and without.coef["w~1.l2"] != pytest.approx(fit.coef["w~1.l2"], abs=1e-3)
    left_out = fit.jackknife()
    assert left_out.n_failed == 0
    again = twolevel.fit(MODEL, frame[frame["cluster"] != 3], "cluster", missing="ml")
    np.testing.assert_allclose(left_out.estimates.iloc[3], list(again.coef.values()), atol=1e-3)
