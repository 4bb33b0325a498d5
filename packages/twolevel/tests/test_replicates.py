"""Replicates whose clusters cannot carry the model are failures: NaN, counted, and none of the others is lost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel_samples import TEXTS, draw

FRAME = pd.read_csv(Path(__file__).parent / "reference/lavaan/data/icc_small_small.csv")
IDS = FRAME["cluster"].unique()
DUMMY = "level: 1\n y ~ c*x\nlevel: 2\n y ~ d*w\n x ~~ x"


def marked(k: int) -> pd.DataFrame:
    return FRAME.assign(w=FRAME["cluster"].isin(IDS[:k]).astype(float))


@pytest.mark.parametrize(("missing", "replicates"), [("listwise", 200), ("ml", 60)])
@pytest.mark.parametrize("k", [2, 5])
def test_a_between_variable_that_is_constant_in_a_replicate(missing, replicates, k):
    fit = twolevel.fit(DUMMY, marked(k), "cluster", missing=missing)
    found = fit.bootstrap(replicates, np.random.default_rng(2))
    rng = np.random.default_rng(2)
    drawn = [np.bincount(rng.integers(0, 23, 23), minlength=23)[:k].sum() for _ in range(replicates)]
    np.testing.assert_array_equal(found.converged, np.array(drawn) > 0)
    assert found.n_failed > 0
    assert found.estimates[found.converged].notna().all().all()
    assert found.estimates.abs().max().max() < 10


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_jackknife_without_the_one_cluster_that_tells(missing):
    one = twolevel.fit(DUMMY, marked(1), "cluster", missing=missing).jackknife()
    np.testing.assert_array_equal(np.flatnonzero(~one.converged), [0])
    within = np.where(FRAME["cluster"] == IDS[1], FRAME["m"], 0.3)
    text = "level: 1\n y ~ v + x\nlevel: 2\n y ~~ y\n x ~~ x"
    found = twolevel.fit(text, FRAME.assign(v=within), "cluster", missing=missing).jackknife()
    np.testing.assert_array_equal(np.flatnonzero(~found.converged), [1])
    assert found.estimates.iloc[1].isna().all() and found.estimates.abs().max().max() < 10


def test_a_variable_seen_in_few_clusters_only():
    frame = FRAME.copy()
    frame.loc[~frame["cluster"].isin(IDS[:2]), "m"] = np.nan
    fit = twolevel.fit(TEXTS["partial"], frame, "cluster", missing="ml")
    found = fit.bootstrap(40, np.random.default_rng(2))
    assert 0 < found.n_failed < 40
    assert found.estimates.abs().max().max() < 10


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_jackknife_of_two_clusters_has_no_replicate(missing):
    frame = draw(1, sizes=np.array([9, 8]), icc=0.3)
    with pytest.warns(twolevel.TwoLevelWarning):
        fit = twolevel.fit(TEXTS["partial"], frame, "cluster", missing=missing)
    found = fit.jackknife()
    assert found.n_failed == 2 and found.estimates.isna().all().all()


def test_collinear_in_a_replicate():
    """Between-only variables that differ in one cluster only, clients' variables within one only."""
    frame = marked(6).assign(v=lambda f: f["w"] + (f["cluster"] == IDS[8]))
    text = DUMMY.replace("d*w", "d*w + v")
    found = twolevel.fit(text, frame, "cluster").jackknife()
    np.testing.assert_array_equal(np.flatnonzero(~found.converged), [8])
    alike = FRAME["x"].where(FRAME["cluster"] != IDS[3], FRAME["m"])
    text = "level: 1\n y ~ x + v\nlevel: 2\n y ~~ y\n x ~~ x"
    found = twolevel.fit(text, FRAME.assign(v=alike), "cluster").jackknife()
    np.testing.assert_array_equal(np.flatnonzero(~found.converged), [3])


def test_a_cluster_drawn_twice_is_no_reason_to_fail():
    """Few rows hold all variables: drawn twice they are as many as the variables and have no more rank than before."""
    rng = np.random.default_rng(11)
    clusters, size, p = 12, 4, 6
    cluster = np.repeat(np.arange(clusters), size)
    within, between = rng.normal(size=clusters * size), 0.5 * rng.normal(size=clusters)
    y = within[:, None] + between[cluster][:, None] + 0.7 * rng.normal(size=(clusters * size, p))
    y += 0.3 * rng.normal(size=(clusters, p))[cluster]
    frame = pd.DataFrame(y, columns=[f"y{k}" for k in range(1, p + 1)])
    frame = frame.mask(rng.random(frame.shape) < 0.25).assign(g=cluster)
    names = list(frame.columns[:-1])
    zero = "\n".join(f"{a} ~~ 0*{b}" for i, a in enumerate(names) for b in names[i + 1 :])
    own = "\n".join(f"{a} ~~ {a}" for a in names)
    text = f"level: 1\nf =~ {'+'.join(names)}\nlevel: 2\n{own}\n{zero}"
    fit = twolevel.fit(text, frame, "g", missing="ml")
    assert fit.bootstrap(20, np.random.default_rng(3)).n_failed == 0
