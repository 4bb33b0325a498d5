"""Engines of the single level against independent computations; the closed-form bootstrap against plain refits."""

import sys

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from fortems.errors import ConfigError, DataError
from fortems.mediation.columns import build
from fortems.mediation.conclude import conclude
from fortems.mediation.effects import PART_COLUMNS, effect_rows
from fortems.mediation.engines import mixedlm as mixedlm_engine
from fortems.mediation.engines import regression as regression_engine
from fortems.mediation.engines import semopy as semopy_engine
from fortems.mediation.run import engine, fit_all
from fortems.mediation.slopes import Settings
from fortems.study.models import MediationModel, equivalent_models
from mediation_data import study
from wording import facts, says

SETTINGS = Settings(seed=3, draws=500, replicates=40)
SIMPLE = MediationModel("simple", ("alliance",), ("meaning",), "distress")
PARALLEL = MediationModel("parallel", ("bond", "goal"), ("meaning", "search"), "distress", ("age", "gender"))
BY_AGE = MediationModel("by_age", ("alliance",), ("meaning",), "distress", moderator="age")
BY_GENDER = MediationModel("by_gender", ("alliance",), ("meaning",), "distress", ("age",), moderator="gender")


def rows(model, data, name="regression", settings=SETTINGS):
    system = build(model, data)
    slopes, fits = engine(name)(system, settings)
    frame = pd.DataFrame([row for part in slopes for row in effect_rows(system, part, settings)])
    return frame, pd.DataFrame(fits)


def ols(data, outcome, columns):
    x = sm.add_constant(data[columns].to_numpy(float))
    return sm.OLS(data[outcome].to_numpy(float), x).fit()


def value(frame, effect, **where):
    found = frame[frame["effect"] == effect]
    for name, wanted in where.items():
        found = found[found[name] == wanted]
    return found["estimate"].iloc[0]


@pytest.mark.parametrize("name", ["regression", "semopy"])
def test_paths_equal_statsmodels(name):
    data = study()
    frame, _ = rows(SIMPLE, data, name)
    first, second = ols(data, "meaning", ["alliance"]), ols(data, "distress", ["meaning", "alliance"])
    total = ols(data, "distress", ["alliance"])
    assert value(frame, "a") == pytest.approx(first.params[1], abs=1e-8)
    assert value(frame, "b") == pytest.approx(second.params[1], abs=1e-8)
    assert value(frame, "direct") == pytest.approx(second.params[2], abs=1e-8)
    assert value(frame, "indirect") == pytest.approx(first.params[1] * second.params[1], abs=1e-8)
    assert value(frame, "total") == pytest.approx(total.params[1], abs=1e-8)


@pytest.mark.parametrize("name", ["regression", "semopy"])
def test_several_predictors_mediators_and_covariates_equal_statsmodels(name):
    data = study(seed=4)
    dummies = data.assign(male=(data.gender == "male") * 1.0, other=(data.gender == "other") * 1.0)
    exogenous = ["bond", "goal", "age", "male", "other"]
    frame, _ = rows(PARALLEL, data, name)
    outcome = ols(dummies, "distress", ["meaning", "search", *exogenous]).params
    search = ols(dummies, "search", exogenous).params
    assert value(frame, "a", predictor="goal", mediator="search") == pytest.approx(search[2], abs=1e-7)
    assert value(frame, "b", mediator="search") == pytest.approx(outcome[2], abs=1e-7)
    assert value(frame, "direct", predictor="bond") == pytest.approx(outcome[3], abs=1e-7)
    by_mediator = [value(frame, "indirect", predictor="bond", mediator=m) for m in ("meaning", "search")]
    assert value(frame, "indirect", predictor="bond", mediator="") == pytest.approx(sum(by_mediator))
    total = ols(dummies, "distress", exogenous).params
    assert value(frame, "total", predictor="bond") == pytest.approx(total[1], abs=1e-7)


def test_standard_errors_of_semopy_are_those_of_maximum_likelihood():
    data = study()
    frame, _ = rows(SIMPLE, data, "semopy")
    fit = ols(data, "distress", ["meaning", "alliance"])
    expected = fit.bse[1] * np.sqrt((len(data) - 3) / len(data))
    assert frame[frame.effect == "b"]["se"].iloc[0] == pytest.approx(expected, rel=1e-6)


def test_likelihood_and_test_of_the_direct_path():
    data = study()
    for name in ("regression", "semopy"):
        _, fits = rows(SIMPLE, data, name)
        fits = fits.set_index("variant")
        parts = [ols(data, "alliance", []), ols(data, "meaning", ["alliance"])]
        partial = sum(p.llf for p in [*parts, ols(data, "distress", ["meaning", "alliance"])])
        full = sum(p.llf for p in [*parts, ols(data, "distress", ["meaning"])])
        assert fits.loc["partial", "loglik"] == pytest.approx(partial, abs=1e-6)
        assert fits.loc["full", "loglik"] == pytest.approx(full, abs=1e-6)
        assert fits.loc["full", "chi2"] == pytest.approx(2 * (partial - full), abs=1e-6)
        assert fits.loc["full", "df"] == 1 and fits.loc["partial", "df"] == 0
        assert np.isnan(fits.loc["partial", "cfi"]) and np.isnan(fits.loc["partial", "p"])
        assert fits.loc["partial", "n_parameters"] == 9


def test_without_semopy_a_run_says_what_it_lacks_and_goes_on(monkeypatch):
    """Its last release is old: the import may fail on a new system."""
    monkeypatch.setitem(sys.modules, "semopy", None)
    found = fit_all({"simple": SIMPLE}, study(), ["regression", "semopy"], SETTINGS)
    fits = found["fit"].set_index("engine")
    (message,) = fits.loc[["semopy"], "message"]
    says(message, "not fitted", "semopy", "cannot", "imported", "ModuleNotFoundError")
    assert set(found["effects"]["engine"]) == {"regression"}


def test_fit_indices_equal_semopys_own_where_its_df_are_right():
    # Without exogenous covariances to count (one predictor), semopy's own degrees of freedom hold.
    import semopy
    from fortems.mediation.pathfit import indices

    data = study(direct=-0.5)
    standard = data[["alliance", "meaning", "distress"]]
    standard = (standard - standard.mean()) / standard.std(ddof=0)
    model = semopy.Model("meaning ~ 0.2*alliance\ndistress ~ meaning\nalliance ~~ alliance")
    model.fit(standard)
    stats = semopy.calc_stats(model).loc["Value"]
    assert stats["DoF"] == 2
    ours = indices(
        float(stats["chi2"]), 2, float(stats["chi2 Baseline"]), int(stats["DoF Baseline"]), len(standard)
    )
    assert ours["cfi"] == pytest.approx(stats["CFI"], abs=1e-8)
    assert ours["tli"] == pytest.approx(stats["TLI"], abs=1e-8)
    _, fits = rows(SIMPLE, data, "semopy")
    full = fits[fits.variant == "full"].iloc[0]
    assert full["df"] == 1 and full["chi2"] > 0
    assert full[["cfi", "tli", "rmsea"]].isna().all()  # at one df only the likelihood ratio is read


def test_equivalent_models_have_equal_likelihoods():
    data = study()
    models = {
        "simple": SIMPLE,
        "backward": MediationModel("backward", ("distress",), ("meaning",), "alliance"),
        "other": MediationModel("other", ("meaning",), ("alliance",), "distress"),
    }
    fits = fit_all(models, data, ["regression", "semopy"], SETTINGS)["fit"]
    for variant in ("partial", "full"):
        groups = equivalent_models(models, variant)
        table = fits[fits.variant == variant].set_index(["engine", "model"])["loglik"]
        for name in ("regression", "semopy"):
            for model, others in groups.items():
                for other in models:
                    same = abs(table[name, model] - table[name, other]) < 1e-6
                    assert same == (other == model or other in others)


def test_closed_form_bootstrap_and_jackknife_equal_refits():
    data = study(n=40, therapists=11)
    system = build(SIMPLE, data)
    values, cluster, clusters = system.complete_values()
    scale = values.std(axis=0)
    products = regression_engine.cross_products((values - values.mean(0)) / scale, cluster, clusters)
    weights = np.random.default_rng(0).multinomial(clusters, np.full(clusters, 1 / clusters), size=5)
    found = regression_engine.weighted_slopes(system, products, weights.astype(float), scale)
    for replicate, counts in zip(found, weights, strict=True):
        index = np.concatenate([np.flatnonzero(cluster == j) for j in np.repeat(np.arange(clusters), counts)])
        again = data.iloc[index]
        assert replicate[0] == pytest.approx(ols(again, "meaning", ["alliance"]).params[1], abs=1e-8)
        assert replicate[1:] == pytest.approx(
            ols(again, "distress", ["meaning", "alliance"]).params[1:], abs=1e-8
        )
    jackknife = engine("regression")(system, SETTINGS)[0][0].jackknife
    without = data[cluster != 3]
    assert jackknife[3, 0] == pytest.approx(ols(without, "meaning", ["alliance"]).params[1], abs=1e-8)


def test_bootstrap_is_withheld_below_ten_therapists():
    frame, _ = rows(SIMPLE, study(n=60, therapists=9))
    assert set(frame["interval"]) == {"wald", "delta", "montecarlo", "robust"}
    frame, _ = rows(SIMPLE, study(n=60, therapists=10))
    assert {"percentile", "bca"} <= set(frame["interval"])


def test_covariance_of_parallel_first_paths_is_that_of_seemingly_unrelated_regressions():
    # Many therapists with one client each: CR2 is HC2, and the model holds, so theory gives the covariance.
    model = MediationModel("two", ("alliance",), ("meaning", "search"), "distress")
    data = study(n=4000, therapists=4000, seed=2)
    slopes = engine("regression")(build(model, data), SETTINGS)[0][0]
    residuals = [ols(data, m, ["alliance"]).resid for m in ("meaning", "search")]
    expected = residuals[0] @ residuals[1] / 4000 / (data["alliance"].var(ddof=0) * 4000)
    place = [slopes.keys.index((m, "alliance")) for m in ("meaning", "search")]
    assert slopes.vcov[place[0], place[1]] == pytest.approx(expected, rel=0.1)
    assert np.all(slopes.vcov[:2, 2:] == 0)


@pytest.mark.parametrize("name", ["regression", "semopy"])
def test_conditional_effects_equal_regressions_with_a_shifted_moderator(name):
    data = study(seed=8)
    frame, _ = rows(BY_AGE, data, name)
    mean, sd = data["age"].mean(), data["age"].std(ddof=1)
    for at, shift in ((f"{mean - sd:.4g}", -sd), (f"{mean:.4g}", 0.0), (f"{mean + sd:.4g}", sd)):
        moved = data.assign(w=data["age"] - mean - shift)
        moved["x_w"] = (data["alliance"] - data["alliance"].mean()) * moved["w"]
        moved["m_w"] = (data["meaning"] - data["meaning"].mean()) * moved["w"]
        first = ols(moved, "meaning", ["alliance", "w", "x_w"]).params[1]
        second = ols(moved, "distress", ["meaning", "m_w", "alliance", "x_w", "w"]).params
        assert value(frame, "a", at=at) == pytest.approx(first, abs=1e-6)
        assert value(frame, "b", at=at) == pytest.approx(second[1], abs=1e-6)
        assert value(frame, "direct", at=at) == pytest.approx(second[3], abs=1e-6)
        assert value(frame, "indirect", at=at) == pytest.approx(first * second[1], abs=1e-6)


def test_satterthwaite_df_of_a_conditional_path_equals_that_of_the_shifted_regression():
    data = study(seed=8)
    frame, _ = rows(BY_AGE, data)
    mean, sd = data["age"].mean(), data["age"].std(ddof=1)
    shifted = build(BY_AGE, data.assign(age=data["age"] - sd))
    raw = frame[(frame.effect == "a") & (frame["at"] == f"{mean + sd:.4g}")].iloc[0]
    # Moving the zero of the moderator to + 1 SD makes the conditional path a plain coefficient.
    centred = shifted.frame["age"] - sd
    shifted.frame["age"] = centred
    for name in ("alliance", "meaning"):
        shifted.frame[f"{name}_x_age"] = (data[name] - data[name].mean()) * centred
    plain = engine("regression")(shifted, SETTINGS)[0][0]
    place = plain.keys.index(("meaning", "alliance"))
    assert raw["estimate"] == pytest.approx(plain.estimate[place], abs=1e-8)
    assert raw["se"] == pytest.approx(np.sqrt(plain.vcov[place, place]), rel=1e-8)
    assert raw["df"] == pytest.approx(plain.df[place], rel=1e-6)


def test_categories_of_a_moderator_give_the_slopes_of_each_group():
    data = study(seed=9)
    model = MediationModel("by_gender", ("alliance",), ("meaning",), "distress", moderator="gender")
    frame, _ = rows(model, data)
    for gender in ("female", "male", "other"):
        group = data[data.gender == gender]
        assert value(frame, "a", at=gender) == pytest.approx(
            ols(group, "meaning", ["alliance"]).params[1], abs=1e-8
        )
        assert value(frame, "b", at=gender) == pytest.approx(
            ols(group, "distress", ["meaning", "alliance"]).params[1], abs=1e-8
        )


def test_standardized_effects_are_in_sds_of_the_level():
    data = study()
    frame, _ = rows(SIMPLE, data)
    standard = data.copy()
    for name in ("alliance", "meaning", "distress"):
        standard[name] = (data[name] - data[name].mean()) / data[name].std(ddof=1)
    expected, _ = rows(SIMPLE, standard)
    assert frame["standardized"].to_numpy() == pytest.approx(expected["estimate"].to_numpy())


def test_rows_with_missing_values_are_left_out_and_said():
    data = study(missing=0.05)
    complete = data.dropna()
    for name in ("semopy", "mixedlm"):
        frame, fits = rows(SIMPLE, data, name)
        again, _ = rows(SIMPLE, complete, name)
        assert frame["n_clients"].iloc[0] == len(complete)
        assert value(frame, "a") == pytest.approx(value(again, "a"))
        assert f"{len(data) - len(complete)} rows with missing values left out" in fits["message"].iloc[0]


@pytest.mark.parametrize("name", ["twolevel", "regression", "semopy", "mixedlm"])
@pytest.mark.parametrize("model", [SIMPLE, PARALLEL, BY_AGE, BY_GENDER], ids=lambda m: m.name)
def test_every_engine_gives_the_same_table(name, model):
    frame, fits = rows(model, study(icc=0.3), name)
    assert tuple(sorted(frame.columns)) == tuple(sorted(PART_COLUMNS))
    assert set(frame["effect"]) == {"a", "b", "direct", "indirect", "total"}
    robust = {"robust"} if name in ("twolevel", "regression") else set()
    for level, part in frame[frame.effect.isin(["a", "b", "direct"])].groupby("level"):
        assert set(part["interval"]) == {"wald"} | (robust if level != "between" else set())
    assert set(frame["interval"][frame.effect == "indirect"]) >= {"delta", "montecarlo"}
    assert frame[["estimate", "se", "ci_low", "ci_high", "p", "standardized"]].notna().all().all()
    assert (frame["ci_low"] < frame["ci_high"]).all() and (frame["p"] > 0).all()
    assert fits["converged"].all()
    keys = ["level", "effect", "predictor", "mediator", "at", "interval"]
    assert not frame.duplicated(keys).any()


def test_mixedlm_within_equals_least_squares_on_deviations_whatever_the_cluster_sizes():
    data = study(icc=0.3, n=80, therapists=17)
    frame, _ = rows(SIMPLE, data, "mixedlm")
    within = frame[frame.level == "within"]
    names = ["alliance", "meaning", "distress"]
    deviations = data[names] - data.groupby("therapist")[names].transform("mean")
    assert value(within, "a") == pytest.approx(ols(deviations, "meaning", ["alliance"]).params[1], abs=1e-8)
    second = ols(deviations, "distress", ["meaning", "alliance"]).params
    assert value(within, "b") == pytest.approx(second[1], abs=1e-8)
    assert value(within, "direct") == pytest.approx(second[2], abs=1e-8)


def test_mixedlm_standard_error_equals_fixed_effects_with_a_balanced_design():
    # Balanced, intercept variance above zero: REML's residual variance is that of the within regression.
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(20), 5)
    x = rng.normal(size=100) + rng.normal(size=20)[cluster]
    y = 0.4 * x + rng.normal(size=100) + rng.normal(size=20)[cluster]
    centred = x - (np.bincount(cluster, x) / 5)[cluster]
    design = np.column_stack([np.ones(100), centred, (np.bincount(cluster, x) / 5)[cluster]])
    found = mixedlm_engine.random_intercept(y, design, cluster)
    dummies = np.column_stack([x, np.eye(20)[cluster]])
    fixed = sm.OLS(y, dummies).fit()
    assert found.share > 0.3
    assert np.sqrt(found.vcov[1, 1]) == pytest.approx(fixed.bse[0], rel=1e-4)


def test_mixedlm_equals_statsmodels_own_coefficients_and_errors():
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = study(icc=0.3)
    system = build(SIMPLE, data)
    values, cluster, _ = system.complete_values()
    design = np.column_stack([np.ones(len(values)), values[:, 0]])
    found = mixedlm_engine.random_intercept(values[:, 1], design, cluster)
    reference = MixedLM(values[:, 1], design, groups=cluster).fit(reml=True, method=["bfgs"])
    assert found.coef == pytest.approx(np.asarray(reference.fe_params), rel=1e-4)
    assert np.sqrt(np.diag(found.vcov)) == pytest.approx(np.asarray(reference.bse_fe), rel=1e-3)


def test_mixedlm_withholds_between_effects_at_a_zero_variance():
    frame, fits = rows(SIMPLE, study(icc=0.0, seed=5), "mixedlm")
    assert bool(fits["boundary"].iloc[0])
    assert "between" not in set(frame["level"])
    frame, fits = rows(SIMPLE, study(icc=0.4, n=200, therapists=25), "mixedlm")
    assert not bool(fits["boundary"].iloc[0])
    assert {"within", "between", "single"} == set(frame["level"])


def test_mixedlm_tells_levels_apart():
    data = study(n=6000, therapists=400, icc=0.4, within_a=0.5, between_a=-0.5, seed=3)
    frame, _ = rows(SIMPLE, data, "mixedlm", Settings(1, draws=200, intervals=("delta",)))
    by_level = frame[frame.effect == "a"].set_index("level")["standardized"]
    assert by_level["within"] > 0.3 and by_level["between"] < -0.2


def test_no_therapist_with_two_clients_is_said():
    _, fits = rows(SIMPLE, study(n=40, therapists=40), "mixedlm")
    assert not bool(fits["converged"].iloc[0]) and "no therapist with two clients" in fits["message"].iloc[0]


def test_columns_that_cannot_be_used_are_named():
    data = study()
    with pytest.raises(DataError, match="'meaning' is not numeric"):
        build(SIMPLE, data.assign(meaning="high"))
    with pytest.raises(DataError, match="Did you mean meaning"):
        build(MediationModel("m", ("alliance",), ("meanin",), "distress"), data)
    with pytest.raises(ConfigError, match="Did you mean semopy"):
        engine("sempoy")


def test_semopys_finishing_steps_reach_a_zero_gradient():
    data = study(seed=6)
    names = {"alliance": "v0", "meaning": "v1", "distress": "v2"}
    standard = ((data[list(names)] - data[list(names)].mean()) / data[list(names)].std(ddof=0)).set_axis(
        list(names.values()), axis=1
    )
    model, converged = semopy_engine.fitted(
        semopy_engine.description(build(SIMPLE, data), "full", names), standard
    )
    _, gradient = model.get_objective("MLW")
    assert converged
    assert np.abs(gradient(model.param_vals)).max() < 1e-8


def test_streams_do_not_depend_on_other_models():
    data = study()
    alone = fit_all({"simple": SIMPLE}, data, ["regression"], SETTINGS)["effects"]
    both = fit_all({"parallel": PARALLEL, "simple": SIMPLE}, data, ["regression"], SETTINGS)["effects"]
    pd.testing.assert_frame_equal(alone, both[both.model == "simple"].reset_index(drop=True))


def test_standard_errors_and_df_are_those_of_the_cr2_regression():
    from fortems.stats.clusters import cluster_codes
    from fortems.stats.regression import ols_cr2

    data = study(icc=0.2, seed=12)
    frame, _ = rows(SIMPLE, data)
    design = sm.add_constant(data[["meaning", "alliance"]].to_numpy(float))
    fit = ols_cr2(design, data["distress"].to_numpy(float), cluster_codes(data["therapist"]))
    for effect, place in (("b", 1), ("direct", 2)):
        row = frame[frame.effect == effect].iloc[0]
        assert row["se"] == pytest.approx(fit.se[0, place], rel=1e-9)
        assert row["df"] == pytest.approx(fit.df[0, place], rel=1e-9)
        assert row["p"] == pytest.approx(fit.p[0, place], rel=1e-9)
        assert row["ci_low"] == pytest.approx(fit.interval(0.95)[0][0, place], rel=1e-9)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.assign(meaning=1.0), "meaning does not vary"),
        (lambda d: d.assign(gender="female"), "gender has one value, female"),
        (lambda d: d.assign(gender=None), "gender is empty"),
        (lambda d: d.assign(age=d["alliance"] * 2 + 1), "alliance, age are collinear"),
        (lambda d: d.head(6), "6 complete rows for"),
        (
            lambda d: d.assign(age=np.where(np.arange(len(d)) % 2, d["age"], np.nan).clip(40, 40)),
            "age does not vary",
        ),
    ],
)
def test_a_model_that_the_data_cannot_carry_is_named_and_the_others_go_on(change, reason):
    models = {
        "plain": MediationModel("plain", ("bond",), ("search",), "social_role"),
        "covariates": MediationModel(
            "covariates", ("alliance",), ("meaning",), "distress", ("age", "gender")
        ),
    }
    found = fit_all(models, change(study()), ["regression", "semopy"], SETTINGS)
    fits = found["fit"]
    lost = fits[fits.model == "covariates"]
    assert lost["message"].str.startswith("not fitted: ").all() and lost["message"].str.contains(reason).all()
    assert not lost["converged"].any() and len(lost) == 2
    assert set(found["effects"]["model"]) <= {"plain"}


def test_a_replicate_without_a_rare_category_keeps_the_other_slopes():
    data = study(n=60, therapists=12).assign(gender="female")
    data.loc[data.index[[3, 4]], "gender"] = "other"
    model = MediationModel("rare", ("alliance",), ("meaning",), "distress", ("gender",))
    system = build(model, data)
    values, cluster, clusters = system.complete_values()
    scale = values.std(axis=0)
    products = regression_engine.cross_products((values - values.mean(0)) / scale, cluster, clusters)
    has = np.unique(cluster[data["gender"].to_numpy() == "other"])
    weights = np.ones((1, clusters))
    weights[0, has] = 0
    found = regression_engine.weighted_slopes(system, products, weights, scale)[0]
    keys = system.keys()
    rest = data[~np.isin(cluster, has)]
    expected = ols(rest, "distress", ["meaning", "alliance"]).params
    assert found[keys.index(("distress", "meaning"))] == pytest.approx(expected[1], abs=1e-7)
    assert np.isnan(found[keys.index(("distress", "gender_other"))])


def test_a_category_that_no_therapist_shares_enters_between_therapists():
    """One client of her own category, alone with her therapist: the category belongs to the therapist then."""
    rng = np.random.default_rng(4)
    therapist = [*np.repeat(np.arange(12), 4).tolist(), 12]
    scores = pd.DataFrame(rng.normal(size=(49, 3)), columns=["bond", "meaning", "distress"])
    scores["therapist"] = [f"t{j}" for j in therapist]
    scores["gender"] = ["female", "male"] * 24 + ["other"]
    model = MediationModel("rare", ("bond",), ("meaning",), "distress", covariates=("gender",))
    engines = ("twolevel", "regression", "semopy", "mixedlm")
    frames = fit_all({"rare": model}, scores, engines, Settings(seed=1, draws=200, replicates=20))
    message = frames["fit"].groupby("engine")["message"].first()
    for name in ("twolevel", "mixedlm"):
        says(message[name], "gender_other", "not", "vary within therapists", "no", "part within")
    assert set(frames["effects"]["engine"]) == set(engines)
    assert frames["effects"]["estimate"].notna().all()


def test_a_moderator_that_one_therapist_alone_shows_is_not_tested_with_robust_errors():
    """Two men, both of one therapist: what they differ in is her residual, which says nothing of its error."""
    data = study()
    data["gender"] = "female"
    data.loc[data.index[data["therapist"] == data["therapist"].iloc[0]][:3], "gender"] = "male"
    model = MediationModel("by_gender", ("alliance",), ("meaning",), "distress", moderator="gender")
    frames = fit_all({"by_gender": model}, data, ("regression",), Settings(seed=1, draws=200))
    assert frames["effects"].empty
    assert "gender_male is known from one therapist only" in frames["fit"]["message"].iloc[0]
    covariate = MediationModel("covariate", ("alliance",), ("meaning",), "distress", covariates=("gender",))
    frames = fit_all({"covariate": covariate}, data, ("regression",), Settings(seed=1, draws=200))
    assert frames["effects"]["p"].notna().all()


def test_two_therapists_do_not_tell_effects_between_them_apart():
    data = study()
    data["therapist"] = ["A", "B"] * (len(data) // 2) + ["A"] * (len(data) % 2)
    frames = fit_all({"simple": SIMPLE}, data, ("mixedlm",), Settings(seed=1, draws=200))
    assert frames["effects"].empty
    assert "not fitted: 2 therapists do not tell" in frames["fit"]["message"].iloc[0]


def test_data_that_carry_no_model_are_refused_with_the_reasons():
    data = study()
    data["distress"] = 100 - 2 * data["meaning"]
    frames = fit_all({"simple": SIMPLE}, data, ("regression", "semopy"), Settings(seed=1, draws=200))
    with pytest.raises(DataError, match=facts("simple", "not fitted", "collinear")) as caught:
        conclude(*([frames[name]] for name in ("effects", "fit", "derived")), {"simple": SIMPLE})
    assert "at least one" in str(caught.value)
