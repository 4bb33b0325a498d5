"""Reliability against R's psych, hand examples and the definition."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.study.instruments import load_instruments
from fortems.tables.reliability import (
    Products,
    alpha,
    jackknife_interval,
    loadings,
    omega_total,
    reliability_table,
)

ORACLE = Path(__file__).parent.parent / "reference" / "psych"
SCALES = {"first": range(4), "second": range(4, 8), "third": range(8, 12), "all": range(12)}


@pytest.fixture(scope="module")
def answers():
    return pd.read_csv(ORACLE / "items.csv").to_numpy(float)


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_and_omega_equal_psych(answers, scale):
    expected = pd.read_csv(ORACLE / "expected.csv", skipinitialspace=True).set_index("scale").loc[scale]
    items = answers[:, SCALES[scale]]
    covariance = np.cov(items.T)[None]
    assert alpha(covariance)[0] == pytest.approx(expected["alpha"], rel=1e-10)
    # psych stops its optimizer earlier than the sweeps here do.
    assert omega_total(covariance, len(SCALES[scale]) // 4)[0] == pytest.approx(expected["omega"], abs=1e-4)


def test_alpha_by_hand():
    """Three items, variances 1, covariances .5: alpha = 3/2 (1 - 3/6) = .75 (Spearman-Brown of .5)."""
    covariance = 0.5 + 0.5 * np.eye(3)
    assert alpha(covariance) == pytest.approx(0.75)


@pytest.mark.parametrize("loading", [[0.9, 0.7, 0.5, 0.4, 0.8], [0.3, 0.35, 0.4]])
def test_omega_of_an_exact_one_factor_matrix(loading):
    loading = np.array(loading)
    sd = np.linspace(0.5, 2, len(loading))
    covariance = (np.outer(loading, loading) + np.diag(1 - loading**2)) * np.outer(sd, sd)
    common = (loading @ sd) ** 2
    assert omega_total(covariance[None], 1)[0] == pytest.approx(common / covariance.sum(), abs=1e-5)


def test_omega_of_an_exact_three_factor_matrix():
    pattern = np.kron(np.eye(3), np.array([[0.8], [0.7], [0.6], [0.5]]))
    phi = np.array([[1, 0.5, 0.4], [0.5, 1, 0.6], [0.4, 0.6, 1]])
    common = pattern @ phi @ pattern.T
    covariance = common + np.diag(1 - np.diag(common))
    assert omega_total(covariance[None], 3)[0] == pytest.approx(common.sum() / covariance.sum(), abs=1e-4)


def test_omega_needs_enough_items():
    assert np.isnan(loadings(np.eye(2)[None] + 0.3, 1)).all()


def test_communality_stays_within_one():
    """A Heywood case: the least-squares loading of the first item would exceed 1."""
    r = np.array([[1, 0.9, 0.9], [0.9, 1, 0.5], [0.9, 0.5, 1]])
    found = loadings(r[None], 1)
    assert np.all(found**2 <= 1 + 1e-12)
    assert abs(found[0, 0, 0]) == pytest.approx(1, abs=1e-6)


def test_covariances_with_missing_answers_are_pairwise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 3))
    x[rng.random(x.shape) < 0.15] = np.nan
    products = Products.of(x, np.repeat(np.arange(8), 5))
    np.testing.assert_allclose(products.covariance("total")[0], pd.DataFrame(x).cov(), rtol=1e-10)


def test_within_covariance_is_pooled():
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(6), [2, 3, 4, 5, 1, 5])
    x = rng.normal(size=(20, 3)) + 5 * rng.normal(size=(6, 3))[cluster]
    centred = x - np.stack([x[cluster == c].mean(axis=0) for c in cluster])
    expected = centred.T @ centred / (20 - 6)
    np.testing.assert_allclose(Products.of(x, cluster).covariance("within")[0], expected, rtol=1e-10)


def test_leaving_a_cluster_out_is_the_same_as_deleting_its_rows():
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(5), 4)
    x = rng.normal(size=(20, 3))
    kept = cluster != 2
    np.testing.assert_allclose(
        Products.of(x, cluster).without(2).covariance("total")[0], np.cov(x[kept].T), rtol=1e-10
    )


def test_jackknife_interval_holds_the_estimate_and_needs_three_clusters():
    low, high = jackknife_interval(0.8, np.array([0.79, 0.81, 0.80, 0.82]), 0.95)
    assert low < 0.8 < high < 1
    assert np.isnan(jackknife_interval(0.8, np.array([0.79, 0.81]), 0.95)).all()


def test_alpha_interval_covers():
    """Over samples from a known alpha, about 95 % of the intervals hold it (20 clusters of 5)."""
    rng = np.random.default_rng(3)
    covariance = 0.4 + 0.6 * np.eye(5)
    true = float(alpha(covariance))
    root = np.linalg.cholesky(covariance)
    hits = 0
    for _ in range(200):
        products = Products.of(rng.normal(size=(100, 5)) @ root.T, np.repeat(np.arange(20), 5))
        values = alpha(np.stack([products.without(j).covariance("total")[0] for j in range(20)]))
        low, high = jackknife_interval(float(alpha(products.covariance("total"))[0]), values, 0.95)
        hits += low < true < high
    assert 0.90 <= hits / 200 <= 0.99


def test_table_turns_reversed_items_and_names_what_is_missing():
    instruments = load_instruments()
    rng = np.random.default_rng(4)
    columns = {}
    for instrument in instruments.values():
        trait = rng.normal(size=(60, 1))
        raw = np.clip(np.round(trait + rng.normal(size=(60, instrument.n_items)) + 3), 1, instrument.high)
        for item in instrument.items:
            value = raw[:, item - 1]
            columns[f"{instrument.name}_{item}"] = (
                instrument.low + instrument.high - value if item in instrument.reversed else value
            )
    items = pd.DataFrame(columns).assign(therapist=np.repeat([f"t{j}" for j in range(12)], 5))
    items["wai_3"] = 2.0
    table = reliability_table(items, instruments).set_index(["scale", "level"])
    assert (table["n_therapists"] == 12).all()
    assert (
        table.loc[("meaning", "total"), "alpha"] > 0.6
    )  # item 9 is reversed: unturned it would be far lower
    assert table.loc[("distress", "total"), "n_items"] == 45
    assert table.loc[("distress", "total"), "factors"] == 3
    assert np.isnan(table.loc[("bond", "total"), "omega"])
    assert "does not vary" in table.loc[("bond", "total"), "reason"]
