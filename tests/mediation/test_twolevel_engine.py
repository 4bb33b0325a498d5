"""The two-level engine: against the general engine, brute force, population values, and its own edge cases."""

import warnings

import numpy as np
import pandas as pd
import pytest
import twolevel
from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.engines import twolevel as twolevel_engine
from fortems.mediation.engines import twolevel_general
from fortems.mediation.run import engine, fit_all
from fortems.mediation.slopes import Settings
from fortems.mediation.system import two_level_values
from fortems.stats.intervals import t_interval
from fortems.study.models import MediationModel, equivalent_models
from mediation_data import study
from scipy import stats

SETTINGS = Settings(seed=3, draws=400, replicates=30)
SIMPLE = MediationModel("simple", ("alliance",), ("meaning",), "distress")
STRUCTURED = MediationModel("structured", ("alliance",), ("meaning",), "distress", between="structured")
PARALLEL = MediationModel("parallel", ("bond", "goal"), ("meaning", "search"), "distress", ("age",))
BY_AGE = MediationModel("by_age", ("alliance",), ("meaning",), "distress", moderator="age")


def slopes(model, data, settings=SETTINGS):
    found, rows = twolevel_engine.fit(build(model, data), settings)
    return {part.level: part for part in found}, pd.DataFrame(rows).set_index("variant")


def general(model, data, **options):
    system = build(model, data)
    text = twolevel_general.syntax(system, "partial", model.between == "structured")
    fit = twolevel_general.fit_text(text, twolevel_general.data_of(system, False), False, **options)
    return twolevel_general.slopes_of(system, fit, "within"), fit


@pytest.mark.parametrize("icc", [0.05, 0.4])
@pytest.mark.parametrize("model", [SIMPLE, PARALLEL], ids=lambda m: m.name)
def test_batched_fit_equals_the_general_engine(model, icc):
    data = study(icc=icc, n=160, therapists=32)
    found, rows = slopes(model, data)
    reference, fit = general(model, data)
    assert rows.loc["partial", "loglik"] == pytest.approx(fit.loglik, abs=1e-4)
    assert found["within"].keys == reference["keys"]
    assert found["within"].estimate == pytest.approx(reference["estimate"], rel=2e-3, abs=2e-3)
    assert np.sqrt(np.diag(found["within"].vcov)) == pytest.approx(
        np.sqrt(np.diag(reference["vcov"])), rel=0.01
    )
    assert bool(rows.loc["partial", "boundary"]) == fit.boundary
    for name, sd in found["within"].sd.items():
        assert sd == pytest.approx(reference["sd"][name], rel=2e-3)


def test_profile_tests_equal_the_general_engines():
    data = study(icc=0.05)
    found, rows = slopes(PARALLEL, data)
    assert bool(rows.loc["partial", "boundary"])
    system = build(PARALLEL, data)
    _, fit = general(PARALLEL, data)
    reference = twolevel_general.profile_p(system, fit)
    assert set(reference) == set(found["within"].profile)
    for key, p in reference.items():
        assert found["within"].profile[key] == pytest.approx(p, abs=2e-3)


def test_p_of_paths_at_the_boundary_is_the_profile_one():
    data = study(icc=0.05)
    system = build(SIMPLE, data)
    found, _ = twolevel_engine.fit(system, SETTINGS)
    frame = pd.DataFrame(effect_rows(system, found[0], SETTINGS))
    b = frame[frame.effect == "b"].iloc[0]
    assert b["p"] == found[0].profile["distress", "meaning"]
    wald = t_interval(b["estimate"], b["se"], b["df"])
    assert (b["ci_low"], b["ci_high"]) == (pytest.approx(wald.low[0]), pytest.approx(wald.high[0]))
    assert b["p"] != wald.p[0]


def test_jackknife_equals_refits_without_a_therapist():
    data = study(n=70, therapists=14, icc=0.3)
    found, _ = slopes(SIMPLE, data)
    therapists = sorted(data["therapist"].unique())
    for j in (0, 7):
        without, _ = slopes(SIMPLE, data[data.therapist != therapists[j]])
        assert found["within"].jackknife[j] == pytest.approx(without["within"].estimate, rel=1e-3, abs=1e-3)


def test_structured_between_part_with_all_paths_is_the_saturated_one():
    data = study(icc=0.4, n=200, therapists=40)
    saturated, rows = slopes(SIMPLE, data)
    structured, other = slopes(STRUCTURED, data)
    _, fit = general(STRUCTURED, data)
    assert rows.loc["partial", "loglik"] == pytest.approx(fit.loglik, abs=1e-4)
    assert structured["within"].estimate == pytest.approx(saturated["within"].estimate)
    # Without direct paths the two differ: one parameter against two.
    assert rows.loc["full", "df"] == 1 and other.loc["full", "df"] == 2
    assert other.loc["full", "loglik"] <= rows.loc["full", "loglik"] + 1e-6


def test_between_effects_are_there_off_the_boundary_and_withheld_at_it():
    found, rows = slopes(SIMPLE, study(icc=0.4, n=240, therapists=48))
    assert not rows.loc["partial", "boundary"]
    between = found["between"]
    sigma = general(SIMPLE, study(icc=0.4, n=240, therapists=48))[1].sigma_between
    assert between.estimate[0] == pytest.approx(sigma.loc["v0", "v1"] / sigma.loc["v0", "v0"], rel=1e-2)
    for key, (difference, se, _) in between.context.items():
        i, j = between.keys.index(key), found["within"].keys.index(key)
        assert difference == pytest.approx(between.estimate[i] - found["within"].estimate[j], abs=2e-3)
        assert se > 0
    found, rows = slopes(SIMPLE, study(icc=0.0, seed=5))
    assert rows.loc["partial", "boundary"] and set(found) == {"within"}


def test_levels_are_told_apart_in_a_large_study():
    data = study(n=6000, therapists=600, icc=0.4, within_a=0.5, between_a=-0.5, b=-0.4, seed=3)
    found, _ = slopes(SIMPLE, data, Settings(1, intervals=("delta",)))
    # In SDs: within a = .5 x SD(x)/SD(m within); the population's values follow from the slopes.
    within = found["within"]
    a = within.estimate[within.keys.index(("meaning", "alliance"))]
    between = found["between"]
    assert a == pytest.approx(0.5, abs=4 * np.sqrt(within.vcov[0, 0]))
    assert between.estimate[0] == pytest.approx(-0.5, abs=4 * np.sqrt(between.vcov[0, 0]))


@pytest.mark.parametrize("icc", [0.05, 0.3])
def test_equivalent_models_have_equal_likelihoods(icc):
    data = study(icc=icc)
    models = {
        "simple": SIMPLE,
        "backward": MediationModel("backward", ("distress",), ("meaning",), "alliance"),
        "other": MediationModel("other", ("meaning",), ("alliance",), "distress"),
        "structured": STRUCTURED,
    }
    fits = fit_all(models, data, ["twolevel"], Settings(1, intervals=("delta",)))["fit"]
    for variant in ("partial", "full"):
        groups = equivalent_models(models, variant)
        loglik = fits[fits.variant == variant].set_index("model")["loglik"]
        for model, others in groups.items():
            for other in others:
                assert loglik[model] == pytest.approx(loglik[other], abs=1e-4)
    full = fits[fits.variant == "full"].set_index("model")["loglik"]
    assert abs(full["simple"] - full["other"]) > 1e-3


def test_incomplete_rows_are_used_by_full_information():
    data = study(missing=0.06, icc=0.3, n=120, therapists=24)
    found, rows = slopes(SIMPLE, data)
    known = data[["alliance", "meaning", "distress"]].notna().any(axis=1)
    assert found["within"].n_clients == known.sum() > len(data.dropna())
    assert found["within"].replicates is None
    assert "incomplete rows used" in rows.loc["partial", "message"]
    assert rows.loc["full", "chi2"] >= 0
    complete, _ = slopes(SIMPLE, data.dropna())
    se = np.sqrt(np.diag(complete["within"].vcov))
    assert np.all(np.abs(found["within"].estimate - complete["within"].estimate) < 2 * se)
    assert not np.allclose(found["within"].estimate, complete["within"].estimate, rtol=1e-6)


def test_full_information_of_complete_rows_is_the_complete_fit():
    data = study(icc=0.3)
    system = build(SIMPLE, data)
    text = twolevel_general.syntax(system, "partial", False)
    one = twolevel_general.fit_text(text, twolevel_general.data_of(system, True), True)
    assert one.coef["v1~v0"] == pytest.approx(slopes(SIMPLE, data)[0]["within"].estimate[0], rel=1e-3)


def test_moderated_models_use_incomplete_rows_and_centred_products():
    data = study(missing=0.05, icc=0.1)
    found, rows = slopes(BY_AGE, data)
    system = build(BY_AGE, data)
    assert found["within"].n_clients == int(system.some.sum()) > int(system.complete.sum())
    assert "incomplete rows used" in rows.loc["partial", "message"]
    values, cluster, n_clusters = two_level_values(system)
    product = values[:, system.position("alliance_x_age")]
    assert np.bincount(cluster, product, n_clusters) == pytest.approx(np.zeros(n_clusters), abs=1e-9)


@pytest.mark.parametrize("name", ["twolevel", "mixedlm"])
@pytest.mark.parametrize(("inside", "across"), [(0.3, 0.0), (0.0, 0.4)])
def test_a_moderated_within_path_is_that_of_the_deviations(name, inside, across):
    """The moderator changes the slope of the deviations, or only that of the therapists' parts."""
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(400), 6)
    u, e, w = rng.normal(size=400)[cluster], rng.normal(size=2400), rng.normal(size=2400)
    m = (0.3 + inside * w) * e + (0.3 + across * w) * u + rng.normal(size=2400)
    y = -0.35 * m + rng.normal(size=2400)
    columns = {"therapist": cluster.astype(str), "alliance": u + e, "meaning": m, "distress": y, "age": w}
    system = build(BY_AGE, pd.DataFrame(columns))
    found = {part.level: part for part in engine(name)(system, SETTINGS)[0]}["within"]
    place = found.keys.index(("meaning", "alliance_x_age"))
    assert found.estimate[place] == pytest.approx(inside, abs=4 * np.sqrt(found.vcov[place, place]))
    assert np.sqrt(found.vcov[place, place]) < 0.04


def test_covariates_within_only_or_at_both_levels():
    within = MediationModel("w", ("alliance",), ("meaning",), "distress", ("age",), "within")
    both = MediationModel("b", ("alliance",), ("meaning",), "distress", ("age",), "both")
    data = study(icc=0.3)
    assert build(within, data).within_only == ("age",)
    assert build(both, data).within_only == ()
    _, one = slopes(within, data)
    _, two = slopes(both, data)
    # Between at both levels: age's variance there and its three covariances.
    assert two.loc["partial", "n_parameters"] == one.loc["partial", "n_parameters"] + 4
    # The test of the restricted model is the likelihood ratio against the split one.
    ratio = 2 * (two.loc["partial", "loglik"] - one.loc["partial", "loglik"])
    assert one.loc["partial", "chi2"] == pytest.approx(ratio, abs=1e-5) and one.loc["partial", "df"] == 4
    assert one.loc["partial", "p"] == pytest.approx(stats.chi2.sf(ratio, 4), rel=1e-5)
    assert one.loc["full", "df"] == 5 and two.loc["partial", "df"] == 0


def test_a_covariate_whose_therapist_means_differ_is_warned_of_where_it_is_not_split():
    data = study(n=200, therapists=40, icc=0.1)
    data["age"] = (
        data["age"] + 25 * np.random.default_rng(1).normal(size=40)[data.therapist.str[1:].astype(int)]
    )
    within = MediationModel("w", ("alliance",), ("meaning",), "distress", ("age",), "within")
    _, rows = slopes(within, data)
    assert rows.loc["partial", "p"] < 0.001 and "therapists differ in age" in rows.loc["partial", "message"]
    _, rows = slopes(MediationModel("b", ("alliance",), ("meaning",), "distress", ("age",)), data)
    assert "differ" not in rows.loc["partial", "message"]


def test_too_few_therapists_are_said():
    found, rows = slopes(SIMPLE, study(n=40, therapists=40))
    assert not found and "no therapist with two clients" in rows.loc["partial", "message"]
    one = study(n=40, therapists=1)
    found, rows = slopes(SIMPLE, one)
    assert not found and "one therapist only" in rows.loc["full", "message"]
    found, _ = slopes(SIMPLE, study(n=60, therapists=9))
    assert found["within"].replicates is None and found["within"].jackknife is not None


def test_fit_indices_of_several_restrictions_equal_the_general_engines():
    data = study(icc=0.1)
    model = MediationModel("aspects", ("bond", "goal", "task"), ("meaning",), "distress")
    _, rows = slopes(model, data)
    assert rows.loc["full", "df"] == 3
    assert 0 <= rows.loc["full", "cfi"] <= 1 and np.isfinite(rows.loc["full", "srmr_within"])
    assert np.isnan(rows.loc["partial", "cfi"])


def test_messages_of_the_general_engine_name_columns():
    system = build(SIMPLE, study())
    assert twolevel_general.in_words(system, "not identified: v1~v0.l2, v2~1") == (
        "not identified: meaning~alliance.l2, distress~1"
    )


def test_the_engines_warnings_stay_inside():
    with warnings.catch_warnings():
        warnings.simplefilter("error", twolevel.TwoLevelWarning)
        slopes(STRUCTURED, study(icc=0.0, n=30, therapists=8))
