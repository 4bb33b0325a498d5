"""R², shares, contextual effects, moderated mediation, influence; agreement of engines and its words."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from fortems.mediation.agreement import AGREEMENT_COLUMNS, agreement
from fortems.mediation.columns import build
from fortems.mediation.derived import share_mediated, share_of
from fortems.mediation.influence import influence_rows
from fortems.mediation.run import engine, fit_all
from fortems.mediation.slopes import Settings
from fortems.study.models import MediationModel
from mediation_data import study
from scipy import stats

SETTINGS = Settings(1, draws=4000, replicates=20, intervals=("delta", "montecarlo"))
SIMPLE = MediationModel("simple", ("alliance",), ("meaning",), "distress")
COVARIATE = MediationModel("covariate", ("alliance",), ("meaning",), "distress", ("age",), "within")
BY_AGE = MediationModel("by_age", ("alliance",), ("meaning",), "distress", moderator="age")
BY_GENDER = MediationModel("by_gender", ("alliance",), ("meaning",), "distress", moderator="gender")


def test_r_squared_equals_least_squares():
    data = study()
    derived = fit_all({"simple": SIMPLE}, data, ["regression", "semopy"], SETTINGS)["derived"]
    fit = sm.OLS(data["distress"], sm.add_constant(data[["meaning", "alliance"]])).fit()
    found = derived[(derived.quantity == "r_squared") & (derived.outcome == "distress")]["estimate"]
    assert found.to_numpy() == pytest.approx([fit.rsquared, fit.rsquared])


@pytest.mark.parametrize(
    ("indirect", "total", "se", "share", "reason"),
    [
        (-0.3, -0.6, 0.1, 0.5, ""),
        (-0.3, -0.19, 0.1, math.nan, "near zero"),
        (0.3, -0.6, 0.1, math.nan, "opposite signs"),
        (-0.7, -0.6, 0.1, math.nan, "exceeds"),
        (math.nan, -0.6, 0.1, math.nan, "not estimated"),
    ],
)
def test_share_is_given_only_where_it_means_something(indirect, total, se, share, reason):
    found, note = share_of(indirect, total, se)
    assert found == pytest.approx(share, nan_ok=True)
    assert reason in note and bool(note) == bool(reason)


def test_share_rows_follow_the_effects():
    effects = fit_all({"simple": SIMPLE}, study(b=-0.6, direct=-0.4), ["regression"], SETTINGS)["effects"]
    rows = share_mediated(effects)
    by = effects.drop_duplicates("effect").set_index("effect")["estimate"]
    assert len(rows) == 1
    assert rows["estimate"].iloc[0] == pytest.approx(by["indirect"] / by["total"])


def test_contrast_of_conditional_indirect_effects():
    found = fit_all({"by_gender": BY_GENDER, "by_age": BY_AGE}, study(seed=9), ["regression"], SETTINGS)
    rows = found["derived"][found["derived"].quantity == "moderated_mediation"]
    assert rows[rows.model == "by_gender"]["at"].tolist() == ["male - female", "other - female"]
    effects = found["effects"]
    indirect = effects[(effects.effect == "indirect") & (effects.interval == "delta")]
    for model in ("by_gender", "by_age"):
        by = indirect[indirect.model == model].set_index("at")["estimate"]
        for row in rows[rows.model == model].itertuples():
            high, low = row.at.split(" - ")
            assert row.estimate == pytest.approx(by[high] - by[low])
            assert row.ci_low < row.estimate < row.ci_high


@pytest.mark.parametrize("missing", [0.0, 0.04])
@pytest.mark.parametrize("name", ["regression", "twolevel"])
def test_interval_of_a_contrast_is_the_jackknifes_of_refits_without_each_therapist(name, missing):
    data = study(n=70, therapists=12, seed=9, icc=0.1, missing=missing)

    def contrast(frame):
        found = {part.level: part for part in engine(name)(build(BY_AGE, frame), SETTINGS)[0]}
        part = found["within" if name == "twolevel" else "single"]
        slope = dict(zip(part.keys, part.estimate, strict=True))
        shift = frame["age"].mean() - mean

        def at(age):
            w = age - shift
            a = slope["meaning", "alliance"] + w * slope["meaning", "alliance_x_age"]
            return a * (slope["distress", "meaning"] + w * slope["distress", "meaning_x_age"])

        return at(sd) - at(-sd)

    mean, sd = data["age"].mean(), data["age"].std()
    found = fit_all({"by_age": BY_AGE}, data, [name], SETTINGS)["derived"]
    row = found[(found.quantity == "moderated_mediation") & (found.level != "between")].iloc[0]
    assert row["estimate"] == pytest.approx(contrast(data), rel=1e-6)
    names = data["therapist"].unique()
    left_out = np.array([contrast(data[data["therapist"] != one]) for one in names])
    variance = (len(names) - 1) / len(names) * ((left_out - row["estimate"]) ** 2).sum()
    half = stats.t.ppf(0.975, len(names) - 1) * np.sqrt(variance)
    assert row["se"] == pytest.approx(np.sqrt(variance), rel=0.02)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(
        (row["estimate"] - half, row["estimate"] + half), rel=0.02
    )
    assert row["p"] == pytest.approx(
        2 * stats.t.sf(abs(row["estimate"]) / np.sqrt(variance), len(names) - 1), abs=0.01
    )


def test_contextual_effects_are_between_minus_within_or_withheld():
    derived = fit_all({"simple": SIMPLE}, study(icc=0.4, n=240, therapists=48), ["mixedlm"], SETTINGS)
    rows = derived["derived"][derived["derived"].quantity == "contextual"]
    effects = derived["effects"]
    a = effects[effects.effect == "a"].set_index("level")["estimate"]
    first = rows[rows.outcome == "meaning"].iloc[0]
    assert first["estimate"] == pytest.approx(a["between"] - a["within"])
    for name in ("mixedlm", "twolevel"):
        derived = fit_all({"simple": SIMPLE}, study(icc=0.0, seed=5), [name], SETTINGS)["derived"]
        rows = derived[derived.quantity == "contextual"]
        assert len(rows) == 1 and rows["note"].iloc[0].startswith("withheld")
        assert rows["estimate"].isna().all()


def test_contextual_effect_equals_the_regression_on_raw_score_and_mean():
    # The coefficient of the therapist's mean beside the raw score is the contextual effect.
    data = study(icc=0.4, n=240, therapists=48)
    derived = fit_all({"simple": SIMPLE}, data, ["mixedlm"], SETTINGS)["derived"]
    found = derived[(derived.quantity == "contextual") & (derived.outcome == "meaning")].iloc[0]
    from fortems.mediation.engines.mixedlm import random_intercept

    mean = data.groupby("therapist")["alliance"].transform("mean")
    design = np.column_stack([np.ones(len(data)), data["alliance"], mean])
    cluster = np.unique(data["therapist"], return_inverse=True)[1]
    again = random_intercept(data["meaning"].to_numpy(), design, cluster)
    assert found["estimate"] == pytest.approx(again.coef[2], rel=1e-6)
    assert found["se"] == pytest.approx(np.sqrt(again.vcov[2, 2]), rel=1e-4)


def test_influence_is_a_distribution_without_therapists():
    system = build(SIMPLE, study())
    slopes, _ = engine("regression")(system, SETTINGS)
    rows = pd.DataFrame(influence_rows(system, slopes))
    assert set(rows["effect"]) == {"a", "b", "direct", "indirect"}
    assert (rows["n_fits"] == 23).all() and (rows["n_failed"] == 0).all()
    assert (rows["lowest"] <= rows["median"]).all() and (rows["median"] <= rows["highest"]).all()
    jackknife = slopes[0].jackknife
    a = rows[rows.effect == "a"].iloc[0]
    shifts = (jackknife[:, 0] - a["estimate"]) / a["se"]
    assert abs(a["largest_shift"]) == pytest.approx(np.abs(shifts).max())
    product = jackknife[:, 0] * jackknife[:, 1]
    assert rows[rows.effect == "indirect"]["lowest"].iloc[0] == pytest.approx(product.min())
    assert not {"therapist", "client", "omitted"} & set(rows.columns)
    assert influence_rows(system, engine("semopy")(system, SETTINGS)[0]) == []


def everything(data, models):
    names = ["twolevel", "regression", "semopy", "mixedlm"]
    return fit_all({model.name: model for model in models}, data, names, SETTINGS)


def test_only_equal_levels_are_compared_and_the_primary_engine_is_the_yardstick():
    found = everything(study(icc=0.3), [SIMPLE])
    table = agreement(found["effects"], found["fit"], {"simple": SIMPLE})
    assert tuple(table.columns) == AGREEMENT_COLUMNS
    assert set(zip(table.level, table.primary, strict=True)) <= {
        ("within", "twolevel"),
        ("single", "regression"),
        ("between", "twolevel"),
    }
    effects = found["effects"]
    effects = effects[
        (effects.effect == "b") & (effects.level == "within") & (effects.interval == "wald")
    ].set_index("engine")
    row = table[(table.level == "within") & (table.effect == "b")].iloc[0]
    expected = (effects.loc["mixedlm", "estimate"] - effects.loc["twolevel", "estimate"]) / effects.loc[
        "twolevel", "se"
    ]
    assert row["difference"] == pytest.approx(expected)
    semopy = table[table.engine == "semopy"]
    assert (semopy["difference"] == 0).all() and semopy["agrees"].all()


def test_a_difference_beyond_the_limit_is_explained_by_what_differs():
    found = everything(study(icc=0.05, seed=2), [SIMPLE, COVARIATE, BY_AGE])
    models = {model.name: model for model in (SIMPLE, COVARIATE, BY_AGE)}
    table = agreement(found["effects"], found["fit"], models)
    off = table[table["difference"].abs() > 0.1]
    assert len(off) and (off["explanation"] != "").all() and not (off["explanation"] == "unexplained").any()
    assert (table[table["difference"].abs() <= 0.1]["explanation"] == "").all()
    within = off[off.level == "within"]
    assert within["explanation"].str.contains("boundary").all()
    assert within[within.model == "covariate"]["explanation"].str.contains("covariates undivided").all()
    assert within[within.model == "by_age"]["explanation"].str.contains("moderator undivided").all()
    single = off[off.level == "single"]
    assert single["explanation"].str.contains("REML").all()


def synthetic(**second):
    base = {
        "model": "simple",
        "effect": "a",
        "predictor": "alliance",
        "mediator": "meaning",
        "outcome": "distress",
        "at": "",
        "interval": "wald",
        "se": 0.1,
        "n_clients": 96,
        "level": "within",
    }
    return pd.DataFrame(
        [
            {**base, "engine": "twolevel", "estimate": 0.3},
            {**base, "engine": "mixedlm", "estimate": 0.4, **second},
        ]
    )


def fit_frame(boundary=False, converged=True):
    return pd.DataFrame(
        {
            "model": "simple",
            "engine": ["twolevel", "mixedlm"],
            "variant": "partial",
            "converged": [True, converged],
            "boundary": [boundary, False],
        }
    )


@pytest.mark.parametrize(
    ("second", "fit", "word"),
    [
        ({}, fit_frame(), "both levels at once"),
        ({}, fit_frame(boundary=True), "borrows information"),
        ({"n_clients": 90}, fit_frame(), "96 against 90 clients"),
        ({}, fit_frame(converged=False), "mixedlm did not converge"),
    ],
)
def test_each_reason_has_its_words(second, fit, word):
    row = agreement(synthetic(**second), fit, {"simple": SIMPLE}).iloc[0]
    assert not row["agrees"] and word in row["explanation"]


def test_between_levels_and_unexplained_differences():
    frame = synthetic().assign(level="between")
    assert (
        "observed therapists' means"
        in agreement(frame, fit_frame(), {"simple": SIMPLE})["explanation"].iloc[0]
    )
    frame = synthetic().assign(level="single", engine=["regression", "semopy"])
    fit = fit_frame().assign(engine=["regression", "semopy"])
    assert agreement(frame, fit, {"simple": SIMPLE})["explanation"].iloc[0] == "unexplained"


def test_unknown_estimates_are_neither_agreement_nor_disagreement():
    row = agreement(synthetic(estimate=np.nan), fit_frame(), {"simple": SIMPLE}).iloc[0]
    assert row["agrees"] is None and row["explanation"] == ""
