"""Correlations at three levels, background variables and descriptives, each against another road to the number."""

import numpy as np
import pandas as pd
import pytest
from fortems.study.definition import study
from fortems.tables.correlations import between, correlations_table, holm, pair
from fortems.tables.covariates import covariates_table
from fortems.tables.descriptives import descriptives_table, numeric_variables
from scipy import stats

CLUSTER = np.repeat(np.arange(12), [2, 3, 4, 5, 6, 7, 8, 9, 3, 4, 5, 6])

#: Outcome and background of the covariates' table.
STORY = ("distress", ("age", "gender"))


def two(rng, between_r=0.0, within_r=0.3, icc=0.2, cluster=CLUSTER):
    u = rng.multivariate_normal([0, 0], icc * np.array([[1, between_r], [between_r, 1]]), cluster.max() + 1)
    e = rng.multivariate_normal([0, 0], (1 - icc) * np.array([[1, within_r], [within_r, 1]]), len(cluster))
    return (u[cluster] + e).T


def rows(x, y, cluster):
    return {(row["level"], row["kind"]): row for row in pair(x, y, cluster)}


def test_total_is_pearson():
    x, y = two(np.random.default_rng(0))
    found = rows(x, y, CLUSTER)
    expected = stats.pearsonr(x, y)
    interval = expected.confidence_interval()
    row = found["total", "pearson"]
    assert row["r"] == pytest.approx(expected.statistic) and row["p"] == pytest.approx(expected.pvalue)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((interval.low, interval.high))
    assert found["total", "robust"]["r"] == pytest.approx(expected.statistic)
    assert found["total", "robust"]["p"] != pytest.approx(expected.pvalue)


def test_within_is_the_partial_correlation_given_therapists():
    x, y = two(np.random.default_rng(1))
    dummies = np.eye(12)[CLUSTER]
    design = np.column_stack([dummies, x])
    coef, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coef
    df = len(y) - 12 - 1
    variance = residual @ residual / df * np.linalg.inv(design.T @ design)[-1, -1]
    row = rows(x, y, CLUSTER)["within", "centred"]
    assert row["df"] == df
    assert row["t"] == pytest.approx(coef[-1] / variance**0.5)
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(row["t"]), df))


def test_between_recovers_the_latent_correlation():
    cluster = np.repeat(np.arange(400), np.tile([2, 6, 10, 4], 100))
    x, y = two(np.random.default_rng(2), between_r=0.6, within_r=-0.2, cluster=cluster)
    row = rows(x, y, cluster)["between", "latent"]
    assert row["ci_low"] < 0.6 < row["ci_high"]
    assert row["r"] == pytest.approx(0.6, abs=0.12)


def test_between_equals_mean_squares_by_hand():
    """Balanced: (MSP_B - MSP_W) / n over the variances, from pandas' own covariances."""
    cluster = np.repeat(np.arange(20), 5)
    x, y = two(np.random.default_rng(3), between_r=0.5, icc=0.6, cluster=cluster)
    frame = pd.DataFrame({"x": x, "y": y, "c": cluster})
    means = frame.groupby("c")[["x", "y"]].mean()
    inside = frame[["x", "y"]] - means.loc[cluster].to_numpy()
    b = 5 * means.cov().to_numpy() - inside.T.to_numpy() @ inside.to_numpy() / 80
    assert between(x, y, cluster, 0.95)["r"] == pytest.approx(b[0, 1] / (b[0, 0] * b[1, 1]) ** 0.5)


def test_between_is_withheld_without_variance_and_has_no_interval_without_a_clear_icc():
    rng = np.random.default_rng(4)
    found = [between(*two(rng, icc=0.05), CLUSTER, 0.95) for _ in range(40)]
    assert any("r" not in row and row["reason"] for row in found)
    shown = [row for row in found if "r" in row]
    assert all("ci_low" not in row and "no interval" in row["reason"] for row in shown if row["reason"])
    assert any(row["reason"] for row in shown)


def test_order_of_pairs_follows_theory_and_missing_values_go_pair_by_pair():
    rng = np.random.default_rng(5)
    scores = pd.DataFrame(
        rng.normal(size=(len(CLUSTER), 4)), columns=["distress", "meaning", "bond", "other"]
    )
    scores.insert(0, "therapist", [f"t{c}" for c in CLUSTER])
    scores.loc[:4, "bond"] = np.nan
    table = correlations_table(scores, numeric_variables(scores)).set_index(["x", "y", "level", "kind"])
    assert ("bond", "distress", "total", "pearson") in table.index
    assert ("distress", "other", "within", "centred") in table.index
    assert table.loc[("bond", "meaning", "total", "robust"), "n"] == len(CLUSTER) - 5
    assert table.loc[("meaning", "distress", "total", "robust"), "n"] == len(CLUSTER)
    family = table.loc[("bond", "distress", "total", "robust")]
    assert family["p_holm"] >= family["p"]
    assert np.isnan(table.loc[("bond", "other", "total", "robust"), "p_holm"])


def test_the_papers_family_has_nine_members():
    assert len(study().family) == 9


def test_holm_by_hand():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1, 1])


def test_a_constant_has_no_correlation():
    found = rows(np.ones(len(CLUSTER)), two(np.random.default_rng(6))[0], CLUSTER)
    assert all("r" not in row and "vary" in row["reason"] for row in found.values())


def test_what_varies_with_one_therapist_only_has_no_robust_test():
    y = two(np.random.default_rng(9))[0]
    x = np.where(CLUSTER[0] == CLUSTER, y**2, 0.0)
    row = rows(x, y, CLUSTER)["total", "robust"]
    assert np.isfinite(row["r"]) and np.isnan(row["p"]) and "without one therapist" in row["reason"]
    assert rows(y, y**2, CLUSTER)["total", "robust"]["reason"] == ""


def covariate_scores(slope=0.0, seed=7):
    rng = np.random.default_rng(seed)
    n = len(CLUSTER)
    age = rng.normal(38, 12, n)
    gender = np.where(rng.random(n) < 0.6, "female", "male")
    distress = 70 + slope * age + rng.normal(0, 20, n)
    return pd.DataFrame(
        {"therapist": CLUSTER.astype(str), "age": age, "gender": gender, "distress": distress}
    )


def test_covariates_joint_test_sees_a_slope_and_indicators_are_against_the_most_frequent():
    none, some = (
        covariates_table(covariate_scores(), *STORY),
        covariates_table(covariate_scores(slope=2.0), *STORY),
    )
    assert set(none["term"]) == {"age", "gender_male", "joint"}
    for level in ("single", "within"):
        joint = some[(some["term"] == "joint") & (some["level"] == level)].iloc[0]
        assert joint["p"] < 0.01 and joint["df1"] == 2
    assert none[none["term"] == "joint"]["p"].min() > 0.01


def test_covariates_that_are_not_there_or_do_not_vary():
    scores = covariate_scores()
    assert covariates_table(scores.drop(columns=["age", "gender"]), *STORY).empty
    table = covariates_table(scores.assign(age=40.0), *STORY).set_index(["level", "term"])
    for level in ("single", "within"):
        assert "age does not vary" in f"age {table.loc[(level, 'age'), 'reason']}"
        assert np.isnan(table.loc[(level, "age"), "p"])
        assert np.isfinite(table.loc[(level, "gender_male"), "p"])
        joint = table.loc[(level, "joint")]
        assert joint["df1"] == 1 and "without age, which does not vary" in joint["reason"]
    nothing = covariates_table(scores.assign(age=40.0, gender="female"), *STORY)
    assert (nothing["reason"] != "").all() and nothing["p"].isna().all()


def test_a_covariate_that_belongs_to_the_therapist_is_absent_within_therapists_only():
    scores = covariate_scores()
    scores["age"] = pd.factorize(scores["therapist"])[0] * 1.37 + 1 / 3
    table = covariates_table(scores, *STORY).set_index(["level", "term"])
    assert np.isfinite(table.loc[("single", "age"), "p"])
    assert table.loc[("within", "age"), "reason"] == "does not vary within therapists"
    assert np.isfinite(table.loc[("within", "gender_male"), "p"])


def test_a_category_that_one_therapist_alone_has_is_not_tested():
    scores = covariate_scores()
    first = scores["therapist"] == scores["therapist"].iloc[0]
    scores["gender"] = np.where(first & (np.arange(len(scores)) % 2 == 0), "male", "female")
    table = covariates_table(scores, *STORY).set_index(["level", "term"])
    for level in ("single", "within"):
        for term in ("gender_male", "joint"):
            row = table.loc[(level, term)]
            assert np.isnan(row["p"]) and "one therapist only" in row["reason"]
        assert np.isfinite(table.loc[(level, "gender_male"), "estimate"])
        assert np.isfinite(table.loc[(level, "age"), "p"]) and table.loc[(level, "age"), "reason"] == ""


def test_descriptives_by_another_road():
    rng = np.random.default_rng(8)
    scores = pd.DataFrame(
        {"bond": np.clip(np.round(rng.normal(16, 4, 80)), 4, 20), "age": rng.normal(40, 10, 80)}
    )
    scores.loc[3, "bond"] = np.nan
    row = descriptives_table(scores, {"bond": (4, 20)}).set_index("variable").loc["bond"]
    known = scores["bond"].dropna()
    assert row["n"] == 79 and row["missing"] == 1
    assert row["sd"] == pytest.approx(known.std()) and row["skew"] == pytest.approx(known.skew())
    assert row["kurtosis"] == pytest.approx(known.kurt())
    assert row["ceiling"] == pytest.approx((known == 20).mean())
    assert row["possible_max"] == 20


def test_categories_and_missing_values_are_counted():
    scores = pd.DataFrame(
        {"gender": ["f"] * 30 + ["m"] * 10 + ["x", None], "bond": [4.0, 20.0] + [12.0] * 40}
    )
    shown = descriptives_table(scores, {"bond": (4, 20)})
    gender = shown[shown["variable"] == "gender"].set_index("category")
    assert gender["n"].to_dict() == {"f": 30, "m": 10, "x": 1} and (gender["missing"] == 1).all()
    assert gender["share"].sum() == pytest.approx(1)
    assert shown["ceiling"].iloc[0] == pytest.approx(1 / 42)
