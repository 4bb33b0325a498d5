"""Measurement error: corrected and latent effects against known truths, what is withheld, factor models."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.engines.semopy import fitted
from fortems.mediation.measurement import latent
from fortems.mediation.measurement.cfa import (
    CFA_COLUMNS,
    clustered_gamma,
    duplication,
    factor_table,
    scaling,
    structures,
    vech,
)
from fortems.mediation.measurement.corrected import Reliability, corrected_effects, over_reliability
from fortems.mediation.measurement.corrected_rows import reliabilities_of, single_moments, two_level_moments
from fortems.mediation.measurement.measurement import MEASUREMENT_COLUMNS, Sources, measurement_table
from fortems.mediation.slopes import Settings
from fortems.study.engines import ENGINES
from fortems.study.instruments import load_instruments
from fortems.study.models import MediationModel
from fortems.study.scoring import score
from scipy import stats
from wording import says

INSTRUMENTS = load_instruments()
BOND = ("bond",), ("meaning",), "distress"
LATENT = MediationModel("bond_latent", *BOND, measurement="latent")
CORRECTED = MediationModel("bond_corrected", *BOND, measurement="corrected")


def export(n=240, therapists=24, seed=1, loading=0.8, icc=0.02):
    """Items of one study: true bond → meaning → distress with slopes .5, -.5; every item has the same loading."""
    rng = np.random.default_rng(seed)
    cluster = np.arange(n) % therapists
    true = np.empty((n, 3))
    true[:, 0] = rng.normal(size=n)
    true[:, 1] = 0.5 * true[:, 0] + np.sqrt(0.75) * rng.normal(size=n)
    true[:, 2] = -0.5 * true[:, 1] + np.sqrt(0.75) * rng.normal(size=n)
    true += np.sqrt(icc) * rng.normal(size=(therapists, 3))[cluster]
    frame = {"client": [f"c{i}" for i in range(n)], "therapist": [f"t{j:02d}" for j in cluster]}
    for role, (name, instrument) in zip((1, 0, 2), INSTRUMENTS.items(), strict=True):
        for item in instrument.items:
            sign = -1 if item in instrument.reversed else 1
            answer = sign * (loading * true[:, role] + np.sqrt(1 - loading**2) * rng.normal(size=n))
            middle, half = (instrument.low + instrument.high) / 2, (instrument.high - instrument.low) / 2
            frame[f"{name}_{item}"] = np.clip(middle + half / 2.5 * answer, instrument.low, instrument.high)
    items = pd.DataFrame(frame)
    scores = items[["client", "therapist"]].copy()
    for instrument in INSTRUMENTS.values():
        for column, values in score(items, instrument).items():
            scores[column] = values.to_numpy()
    return items, scores


def reliability(**values):
    rows = [
        {
            "scale": scale,
            "level": "total",
            "omega": rel,
            "omega_low": rel - 0.03,
            "omega_high": rel + 0.02,
            "alpha": rel,
            "alpha_low": rel - 0.03,
            "alpha_high": rel + 0.02,
        }
        for scale, rel in values.items()
    ]
    return pd.DataFrame(rows)


def test_corrected_effects_undo_known_measurement_error():
    true = np.array([[2.0, 0.8, -0.5], [0.8, 3.0, -1.2], [-0.5, -1.2, 4.0]])
    rel = np.array([0.8, 0.9, 0.7])
    noisy = true + np.diag(np.diag(true) * (1 / rel - 1))
    found = corrected_effects(noisy, np.diag(noisy), rel)
    b, c = np.linalg.solve(true[[1, 0]][:, [1, 0]], true[[1, 0], 2])
    assert found[:3] == pytest.approx([0.4, b, c])
    assert found[3] == pytest.approx(0.4 * b) and found[4] == pytest.approx(0.4 * b + c)
    assert found[5] == pytest.approx(0.4 * np.sqrt(2 / 3))
    assert found[9] == pytest.approx(true[0, 2] / np.sqrt(2.0 * 4.0))


def test_correction_is_withheld_when_error_reaches_the_variance_or_the_rest_is_not_definite():
    sigma = np.eye(3) + 0.5 * (1 - np.eye(3))
    assert np.isnan(corrected_effects(sigma, np.diag(sigma), np.array([0.0, 0.9, 0.9]))).all()
    assert np.isnan(corrected_effects(sigma, np.diag(sigma), np.array([0.45, 0.45, 0.45]))).any()
    assert np.isfinite(corrected_effects(sigma, np.diag(sigma), np.array([0.9, 0.9, 0.9]))).all()
    # Total variance counts, and errors come off the within part: a high ICC makes the correction impossible.
    assert np.isnan(corrected_effects(sigma, 5 * np.diag(sigma), np.array([0.8, 0.8, 0.8]))).all()


def test_range_over_reliabilities_covers_every_combination_inside():
    sigma = np.array([[2.0, 0.8, -0.5], [0.8, 3.0, -1.2], [-0.5, -1.2, 4.0]])
    rels = [Reliability(0.85, 0.8, 0.9), Reliability(0.9, 0.85, 0.93), Reliability(0.8, 0.7, 0.88)]
    low, high = over_reliability(sigma, np.diag(sigma), rels)
    rng = np.random.default_rng(0)
    inside = np.column_stack([rng.uniform(r.low, r.high, 300) for r in rels])
    found = corrected_effects(sigma, np.diag(sigma), inside)
    assert (found[:, 3] >= low[3] - 1e-12).all() and (found[:, 3] <= high[3] + 1e-12).all()


def test_reliability_draws_have_the_intervals_width():
    rel = Reliability(0.88, 0.80, 0.928)
    draws = rel.draws(200_000, np.random.default_rng(0))
    assert np.median(draws) == pytest.approx(0.88, abs=1e-3)
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([0.80, 0.928], abs=2e-3)


def test_moments_of_whole_samples_are_the_samples_own():
    rng = np.random.default_rng(0)
    values, cluster = rng.normal((5, 0, 100), size=(90, 3)), np.arange(90) % 15
    weights = np.vstack([np.ones(15), np.bincount([0, 0, 1, *range(3, 15)], minlength=15)])
    covariance, _ = single_moments(values, cluster, weights)
    assert covariance[0] == pytest.approx(np.cov(values.T))
    again = np.concatenate([values[cluster == j] for j in np.repeat(np.arange(15), weights[1].astype(int))])
    assert covariance[1] == pytest.approx(np.cov(again.T))
    within, both = two_level_moments(values, cluster, weights)
    assert (np.einsum("rkk->rk", within) <= both + 1e-9).all()
    assert both[0] == pytest.approx(values.var(axis=0), rel=0.05)


def test_reliabilities_come_from_total_scores_or_the_reason_is_named():
    table = reliability(bond=0.8, meaning=0.9, distress=0.9)
    assert [r.estimate for r in reliabilities_of(CORRECTED, table)] == [0.8, 0.9, 0.9]
    assert "without items" in reliabilities_of(CORRECTED, None)
    assert "meaning" in reliabilities_of(CORRECTED, table[table.scale != "meaning"])
    alpha_only = table.assign(omega=np.nan)
    assert reliabilities_of(CORRECTED, alpha_only)[0].estimate == 0.8


def test_latent_model_recovers_the_slopes_between_true_scores():
    items, scores = export(n=1500, therapists=50, loading=0.7, icc=0.0)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    assert isinstance(data, latent.Indicators) and len(data.owner) == 4 + 5 + 3
    for level in ("single", "within"):
        fit, _, _ = latent.fit_latent(data, level)
        assert fit.converged and fit.admissible
        assert fit.standardized["a"] == pytest.approx(0.5, abs=0.06)
        assert fit.standardized["b"] == pytest.approx(-0.5, abs=0.06)
        # In score units: true slope x ratio of the spreads that one SD of the true variable has in the scores.
        unit = scores[["bond", "meaning"]].std()
        assert fit.estimate["a"] == pytest.approx(0.5 * unit["meaning"] / unit["bond"], rel=0.15)
        assert fit.estimate["indirect"] == pytest.approx(fit.estimate["a"] * fit.estimate["b"])
        assert fit.n == (1500 if level == "single" else 1450)


def test_latent_standard_errors_equal_the_spread_over_studies():
    estimates, errors = [], []
    for seed in range(30):
        items, scores = export(n=200, therapists=20, seed=seed, icc=0.0)
        fit, _, _ = latent.fit_latent(latent.indicators(LATENT, scores, items, INSTRUMENTS), "single")
        estimates.append(fit.estimate["a"])
        errors.append(fit.se["a"])
    assert np.mean(errors) == pytest.approx(np.std(estimates, ddof=1), rel=0.3)


def test_two_level_latent_model_agrees_with_the_pooled_one_and_needs_therapists():
    items, scores = export(n=320, therapists=80, icc=0.05)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    assert latent.why_not_twolevel(data) == ""
    one, two = latent.fit_latent(data, "within")[0], latent.fit_twolevel(data)
    assert two.converged
    for number in ("a", "b", "indirect"):
        assert two.estimate[number] == pytest.approx(one.estimate[number], abs=one.se[number])
        assert two.se[number] == pytest.approx(one.se[number], rel=0.25)
        assert two.standardized[number] == pytest.approx(one.standardized[number], abs=0.08)
    items, scores = export(n=96, therapists=23)
    few = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    says(latent.why_not_twolevel(few), "78 covariances", "23 therapists")


@pytest.mark.parametrize("pairs", [2, 9])
def test_few_therapists_with_two_clients_withhold_the_two_level_row(pairs):
    """As many degrees of freedom within therapists as there are pairs: too few for 12 indicators."""
    items, scores = export(n=100 + pairs, therapists=100)
    sources = Sources.of(scores, items, None, INSTRUMENTS)
    table = measurement_table({"l": LATENT}, sources, ENGINES, Settings(1, draws=200, replicates=0), 0)
    row = table[(table.measurement == "latent") & (table.engine == "twolevel")]
    (note,) = row["note"]
    says(note, "withheld", f"{pairs} degrees of freedom", "within therapists", "12 indicators")
    assert row["estimate"].isna().all() and row["n_therapists"].tolist() == [100]
    observed = table[(table.measurement == "observed") & (table.engine == "twolevel")]
    assert observed["estimate"].notna().all() == (pairs > 2)
    assert pairs > 2 or observed["note"].str.startswith("withheld: within therapists").all()


def test_an_indicator_that_varies_between_therapists_only_withholds_the_two_level_row():
    items, scores = export(n=240, therapists=120)
    column = f"wai_{INSTRUMENTS['wai'].subscales['bond'][0]}"
    items[column] = items.groupby("therapist")[column].transform("mean")
    sources = Sources.of(scores, items, None, INSTRUMENTS)
    table = measurement_table({"l": LATENT}, sources, ENGINES, Settings(1, draws=200, replicates=0), 0)
    rows = table[(table.measurement == "latent") & (table.level == "within")]
    assert len(rows) == 2
    for note in rows["note"]:
        says(note, "withheld", "bond_1", "not", "vary within therapists")
    assert (table[(table.measurement == "latent") & (table.level == "single")]["estimate"]).notna().any()


def test_collinear_indicators_withhold_every_latent_row():
    items, scores = export(n=240, therapists=120)
    one, two = (f"wai_{number}" for number in INSTRUMENTS["wai"].subscales["bond"][:2])
    items[two] = items[one]
    sources = Sources.of(scores, items, None, INSTRUMENTS)
    table = measurement_table({"l": LATENT}, sources, ENGINES, Settings(1, draws=200, replicates=0), 0)
    rows = table[table.measurement == "latent"]
    assert rows["engine"].tolist() == ["covariances", "covariances", "twolevel"]
    assert set(rows["note"]) == {"withheld: indicators are exactly collinear"}


def test_parcels_are_subscales_or_items_dealt_in_turn():
    items, scores = export(n=60)
    assert list(latent.scale_parcels("alliance", scores, items, INSTRUMENTS)) == ["bond", "task", "goal"]
    assert len(latent.scale_parcels("meaning", scores, items, INSTRUMENTS)) == 5
    parcels = latent.scale_parcels("symptom_distress", scores, items, INSTRUMENTS)
    assert len(parcels) == 3
    assert np.sum(list(parcels.values()), axis=0) == pytest.approx(scores["symptom_distress"].to_numpy())
    assert latent.scale_parcels("meaning", scores, None, INSTRUMENTS) == {}
    assert latent.indicators(LATENT, scores, None, INSTRUMENTS) == "no items or subscales of bond in the data"


def test_latent_replicates_of_equal_weights_are_the_fit_itself():
    items, scores = export(n=200, therapists=20)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    fit, theta, sd = latent.fit_latent(data, "single")
    found = latent.replicates(data, "single", theta, sd, np.ones((1, 20)))
    assert found[0] == pytest.approx([fit.estimate[name] for name in latent.NUMBERS], rel=1e-6)
    again, _, _ = latent.fit_latent(data, "single")
    assert again.estimate == fit.estimate


def by_semopy(data, level, left_out=None):
    """semopy's fit to rows of unit variance: (numbers from the true scores' covariances, standard errors, chi2, df)."""
    keep = np.ones(len(data.cluster), bool) if left_out is None else data.cluster != left_out
    rows, cluster = pd.DataFrame(data.values[keep]), data.cluster[keep]
    rows -= rows.groupby(cluster).transform("mean") if level == "within" else rows.mean()
    n = len(rows) - (len(np.unique(cluster)) if level == "within" else 0)
    sd = rows.std(ddof=0).to_numpy()
    text = "x =~ v0 + v1 + v2 + v3\nm =~ v4 + v5 + v6 + v7 + v8\ny =~ v9 + v10 + v11\nm ~ x\ny ~ m + x"
    model, converged = fitted(text, (rows / sd).set_axis([f"v{i}" for i in range(12)], axis=1))
    assert converged
    unit = sd * np.sqrt(len(rows) / n)

    def numbers(parameters):
        model.update_matrices(parameters)
        beta, loadings, psi = model.matrices[:3]
        to = np.linalg.inv(np.eye(3) - beta)
        assert list(model.names_beta[0]) == list(model.names_lambda[1])
        spread = unit[[int(name[1:]) for name in model.names_lambda[0]]] @ loadings
        at = [list(model.names_lambda[1]).index(role) for role in "xmy"]
        true = (np.diag(spread) @ to @ psi @ to.T @ np.diag(spread))[np.ix_(at, at)]
        slope, total = true[0, 1] / true[0, 0], true[0, 2] / true[0, 0]
        direct, b = np.linalg.solve(true[:2, :2], true[:2, 2])
        return np.array([slope, b, direct, slope * b, total])

    theta = np.array(model.param_vals)
    found = numbers(theta)
    steps = 1e-5 * np.eye(len(theta))
    slopes = np.column_stack([(numbers(theta + step) - numbers(theta - step)) / 2e-5 for step in steps])
    model.update_matrices(theta)
    errors = np.sqrt(np.diag(slopes @ np.linalg.inv(model.calc_fim()) @ slopes.T) * len(rows) / n)
    sigma, sample = model.calc_sigma()[0], model.mx_cov
    gap = np.linalg.slogdet(sigma)[1] - np.linalg.slogdet(sample)[1]
    chi2 = n * (gap + np.trace(np.linalg.solve(sigma, sample)) - 12)
    return found, errors, chi2, 78 - len(theta)


@pytest.mark.parametrize("level", ["single", "within"])
def test_latent_fits_and_their_jackknife_are_semopys(level):
    items, scores = export(n=120, therapists=15, icc=0.1)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    fit, theta, sd = latent.fit_latent(data, level)
    found, errors, chi2, df = by_semopy(data, level)
    assert [fit.estimate[name] for name in latent.NUMBERS] == pytest.approx(found, rel=1e-5)
    assert [fit.se[name] for name in latent.NUMBERS] == pytest.approx(errors, rel=1e-4)
    assert (fit.chi2, fit.df) == pytest.approx((chi2, df), rel=1e-6)
    left_out = latent.replicates(data, level, theta, sd, 1.0 - np.eye(15))
    for j in (0, 7, 14):
        assert left_out[j] == pytest.approx(by_semopy(data, level, j)[0], rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("level", ["single", "within"])
def test_latent_effects_in_sds_are_those_of_the_implied_covariances(level):
    items, scores = export(n=120, therapists=15, icc=0.1)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    fit, theta, _ = latent.fit_latent(data, level)
    values = dict(zip(latent.structure(data.owner).model.names, theta, strict=True))
    rng = np.random.default_rng(3)
    x = np.sqrt(values["x~~x"]) * rng.standard_normal(400_000)
    m = values["a"] * x + np.sqrt(values["m~~m"]) * rng.standard_normal(len(x))
    y = values["b"] * m + values["c"] * x + np.sqrt(values["y~~y"]) * rng.standard_normal(len(x))
    drawn = np.corrcoef([x, m, y])
    direct, b = np.linalg.solve(drawn[:2, :2], drawn[:2, 2])
    expected = [drawn[0, 1], b, direct, drawn[0, 1] * b, drawn[0, 2]]
    assert [fit.standardized[name] for name in latent.NUMBERS] == pytest.approx(expected, abs=0.01)


def test_a_latent_model_with_a_negative_variance_is_withheld_with_the_reason(monkeypatch):
    """One indicator correlates .75 with two that correlate .45: its loading would be .75/√.45 > 1."""
    items, scores = export(n=96, therapists=12)
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    correlations = np.where(data.owner[:, None] == data.owner, 0.5, 0.2)
    correlations[9, 10:] = correlations[10:, 9] = 0.75
    correlations[10, 11] = correlations[11, 10] = 0.45
    np.fill_diagonal(correlations, 1.0)
    rows = np.random.default_rng(0).standard_normal((96, 12))
    rows -= rows.mean(axis=0)
    rows = rows @ np.linalg.inv(np.linalg.cholesky(rows.T @ rows / 96)).T
    made = replace(data, values=rows @ np.linalg.cholesky(correlations).T)
    fit = latent.fit_latent(made, "single")[0]
    assert fit.converged and not fit.admissible
    monkeypatch.setattr(latent, "indicators", lambda *_: made)
    table = measurement_table(
        {"l": LATENT}, Sources.of(scores, items, None, INSTRUMENTS), ENGINES, Settings(1, draws=200), 0
    )
    row = table[(table.measurement == "latent") & (table.level == "single")]
    assert row["note"].tolist() == ["withheld: a variance is negative"] and row["estimate"].isna().all()


def test_the_table_has_observed_latent_and_corrected_rows_side_by_side():
    items, scores = export(n=180, therapists=30)
    models = {m.name: m for m in (LATENT, CORRECTED)}
    sources = Sources.of(
        scores, items.iloc[::-1], reliability(bond=0.85, meaning=0.9, distress=0.95), INSTRUMENTS
    )
    assert sources.items["client"].tolist() == scores["client"].tolist()
    table = measurement_table(models, sources, ENGINES, Settings(1, draws=300, replicates=60), 4)
    assert tuple(table.columns) == MEASUREMENT_COLUMNS
    assert set(table["measurement"]) == {"observed", "latent", "corrected"}
    shown = table[(table.effect == "a") & (table.level == "single")].drop_duplicates("measurement")
    ratio = shown.set_index("measurement")["ratio"]
    assert ratio["observed"] == 1
    # With three variables a is corrected by the predictor's reliability alone.
    assert ratio["corrected"] == pytest.approx(1 / 0.85)
    corrected = table[(table.measurement == "corrected") & (table.interval == "reliability")]
    assert (corrected["ci_low"] <= corrected["estimate"]).all()
    assert (corrected["ci_high"] >= corrected["estimate"]).all()
    replicated = table[(table.interval == "percentile") & (table.measurement == "corrected")]
    assert (replicated["p"] > 0).all() and (replicated["ci_low"] < replicated["ci_high"]).all()
    withheld = table[(table.engine == "twolevel") & (table.measurement == "latent")]
    assert withheld["note"].str.startswith("withheld").all()


def test_scores_without_items_withhold_with_the_reason():
    _, scores = export(n=120)
    models = {m.name: m for m in (LATENT, CORRECTED)}
    sources = Sources.of(scores, None, None, INSTRUMENTS)
    table = measurement_table(models, sources, ENGINES, Settings(1, draws=200, replicates=20), 4)
    rest = table[table.measurement != "observed"]
    assert len(rest) and rest["note"].str.startswith("withheld: no").all() and rest["estimate"].isna().all()


def test_low_reliability_withholds_the_correction_and_names_the_variable():
    items, scores = export(n=120)
    sources = Sources.of(scores, items, reliability(bond=0.06, meaning=0.9, distress=0.95), INSTRUMENTS)
    table = measurement_table({"c": CORRECTED}, sources, ENGINES, Settings(1, draws=200, replicates=20), 0)
    notes = table[table.measurement == "corrected"]["note"]
    assert notes.str.startswith("withheld").all()


def test_an_item_that_nobody_answered_withholds_what_needs_complete_answers():
    items, scores = export(n=120)
    items[f"wai_{INSTRUMENTS['wai'].subscales['bond'][0]}"] = np.nan
    sources = Sources.of(scores, items, reliability(bond=0.85, meaning=0.9, distress=0.95), INSTRUMENTS)
    table = measurement_table(
        {"bond_latent": LATENT}, sources, ENGINES, Settings(1, draws=200, replicates=20), 2
    )
    latent = table[table.measurement == "latent"]
    assert latent["note"].str.startswith("withheld").all() and latent["estimate"].isna().all()
    factors = factor_table(items, INSTRUMENTS["wai"], scores["therapist"])
    assert factors["note"].str.startswith("withheld: too few").all() and (factors["n_clients"] == 0).all()


def test_without_semopy_factor_models_are_withheld_with_the_reason_and_latent_ones_fitted(monkeypatch):
    monkeypatch.setitem(sys.modules, "semopy", None)
    items, scores = export(n=120)
    sources = Sources.of(scores, items, None, INSTRUMENTS)
    table = measurement_table(
        {"bond_latent": LATENT}, sources, ENGINES, Settings(1, draws=200, replicates=20), 2
    )
    fitted_rows = table[(table.measurement == "latent") & (table.engine == "covariances")]
    assert set(fitted_rows["level"]) == {"within", "single"} and fitted_rows["estimate"].notna().all()
    factors = factor_table(items, INSTRUMENTS["wai"], scores["therapist"])["note"]
    assert len(factors) and factors.str.contains("semopy cannot be imported").all()


def test_factor_models_tell_one_factor_from_three():
    rng = np.random.default_rng(2)
    n = 400
    general = rng.normal(size=(n, 1))
    parts = np.sqrt(0.4) * general + np.sqrt(0.6) * rng.normal(size=(n, 3))
    frame = {}
    for role, numbers in enumerate(INSTRUMENTS["wai"].subscales.values()):
        for number in numbers:
            frame[f"wai_{number}"] = 3 + 0.8 * parts[:, role] + 0.6 * rng.normal(size=n)
    table = factor_table(pd.DataFrame(frame), INSTRUMENTS["wai"], np.arange(n) % 40)
    assert tuple(table.columns) == CFA_COLUMNS
    ml = table[(table.level == "single") & (table.test == "ml")].set_index("model")
    assert ml.loc["three factors", "df"] == 51 and ml.loc["one factor", "df"] == 54
    assert ml.loc["three factors", "p"] > 0.001 and ml.loc["one factor", "p"] < 1e-6
    assert ml.loc["three factors", "cfi"] > 0.97 > ml.loc["one factor", "cfi"]
    assert ml.loc["three factors", "bic"] == ml["bic"].min()
    robust = table[table.test == "cluster-robust"].set_index("model")
    # Clients here are independent: the scaling is 1 up to its own error.
    assert robust.loc["three factors", "scaling"] == pytest.approx(1, abs=0.25)
    withheld = table[~table["admissible"].astype(bool)]
    assert withheld["note"].str.startswith("withheld").all() and withheld["cfi"].isna().all()


def test_factor_fit_equals_semopys_own_measures():
    import semopy

    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 12)) + rng.normal(size=(200, 1))
    data = pd.DataFrame(x, columns=[f"i{k}" for k in range(1, 13)])
    table = factor_table(
        data.set_axis([f"wai_{k}" for k in range(1, 13)], axis=1), INSTRUMENTS["wai"], range(200)
    )
    row = table[(table.model == "one factor") & (table.level == "single")].iloc[0]
    model = semopy.Model("f =~ " + " + ".join(data.columns))
    model.fit((data - data.mean()) / data.std(ddof=0))
    own = semopy.calc_stats(model).loc["Value"]
    assert row["chi2"] == pytest.approx(own["chi2"], rel=1e-3)
    assert row["df"] == own["DoF"]
    assert row["cfi"] == pytest.approx(own["CFI"], abs=1e-3)
    assert row["tli"] == pytest.approx(own["TLI"], abs=1e-3)


def test_factor_aic_is_of_the_items_as_answered():
    """Against the joint normal density of the raw answers, so that another unit moves it by the densities' scale."""
    rng = np.random.default_rng(4)
    x = (rng.normal(size=(200, 12)) + rng.normal(size=(200, 1))) * np.linspace(0.5, 3, 12)
    names = [f"wai_{k}" for k in range(1, 13)]

    def row(values):
        table = factor_table(pd.DataFrame(values, columns=names), INSTRUMENTS["wai"], range(200))
        return table[(table.model == "one factor") & (table.level == "single") & (table.test == "ml")].iloc[0]

    import semopy

    model = semopy.Model("f =~ " + " + ".join(names))
    model.fit(pd.DataFrame(x - x.mean(axis=0), columns=names))
    order = [model.vars["observed"].index(name) for name in names]
    sigma = model.calc_sigma()[0][np.ix_(order, order)]
    found = row(x)
    loglik = stats.multivariate_normal(x.mean(axis=0), sigma).logpdf(x).sum()
    assert found["aic"] == pytest.approx(2 * 24 - 2 * loglik, abs=1e-2)
    assert found["bic"] == pytest.approx(np.log(200) * 24 - 2 * loglik, abs=1e-2)
    assert row(10 * x)["aic"] - found["aic"] == pytest.approx(2 * 200 * 12 * np.log(10), rel=1e-6)


def test_latent_models_stand_beside_observed_scores_of_the_same_clients_with_the_same_interval():
    items, scores = export(n=180, therapists=20)
    items.loc[[3, 50, 120], "mlq_1"] = np.nan
    sources = Sources.of(scores, items, None, INSTRUMENTS)
    table = measurement_table({LATENT.name: LATENT}, sources, ENGINES, Settings(1, draws=300), 0)
    shown = table[(table.effect == "indirect") & (table.interval == "robust")]
    assert set(shown["measurement"]) == {"observed", "same clients", "latent"}
    counts = shown.groupby("measurement")["n_clients"].unique()
    assert counts["latent"] == counts["same clients"] == [177] and counts["observed"] == [180]
    single = shown[shown.level == "single"].set_index("measurement")
    ratio = single.loc["latent", "estimate"] / single.loc["same clients", "estimate"]
    assert single.loc["latent", "ratio"] == pytest.approx(ratio) and ratio != 1
    # The jackknife's variance of a, refitted from the rows without each therapist.
    data = latent.indicators(LATENT, scores, items, INSTRUMENTS)
    whole = latent.fit_latent(data, "single")[0].estimate["a"]
    left = []
    for j in range(20):
        keep = data.cluster != j
        codes = np.unique(data.cluster[keep], return_inverse=True)[1]
        part = latent.Indicators(data.values[keep], data.owner, data.names, codes, data.known)
        left.append(latent.fit_latent(part, "single")[0].estimate["a"])
    expected = np.sqrt(19 / 20 * ((np.array(left) - whole) ** 2).sum())
    row = table[
        (table.measurement == "latent")
        & (table.level == "single")
        & (table.effect == "a")
        & (table.interval == "robust")
    ].iloc[0]
    assert row["se"] == pytest.approx(expected, rel=1e-3)
    assert row["ci_high"] - row["estimate"] == pytest.approx(stats.t(19).ppf(0.975) * row["se"])
    assert row["chi2_p"] == pytest.approx(stats.chi2(row["df"]).sf(row["chi2"]))


def test_scaling_is_one_for_normal_data_and_grows_with_clustering():
    rng = np.random.default_rng(0)
    p, n = 4, 6000
    sigma = np.eye(p) + 0.5
    independent = rng.multivariate_normal(np.zeros(p), sigma, n)
    # Diagonal model of the variances: delta picks them out of vech.
    delta = np.column_stack([vech(np.diag(np.eye(p)[k])) for k in range(p)])
    identity = np.eye(p)
    whitened = independent @ np.linalg.inv(np.linalg.cholesky(sigma)).T
    df = p * (p + 1) // 2 - p
    assert scaling(identity, delta, clustered_gamma(whitened, np.arange(n)), df) == pytest.approx(1, abs=0.05)
    repeated = np.repeat(
        whitened[:1500], 4, axis=0
    )  # four copies of each client: information counts a quarter
    found = scaling(identity, delta, clustered_gamma(repeated, np.repeat(np.arange(1500), 4)), df)
    assert found == pytest.approx(4, rel=0.1)


def test_duplication_and_vech_are_inverse():
    matrix = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, 0.2], [0.1, 0.2, 3.0]])
    assert duplication(3) @ vech(matrix) == pytest.approx(matrix.ravel())


@pytest.mark.parametrize(
    ("subscales", "models"),
    [
        ({"bond": (1, 2, 3)}, {"one factor": 1}),
        ({"bond": (1, 2, 3), "task": (4, 5, 6)}, {"one factor": 1, "2 factors": 2}),
        ({name: (i, i + 4, i + 8) for i, name in enumerate("abcd", 1)}, {"one factor": 1, "4 factors": 4}),
    ],
)
def test_an_instrument_of_other_subscales_has_factor_models_too(subscales, models):
    found = structures(subscales)
    assert {name: len(factors) for name, (factors, _) in found.items()} == models


def test_structures_cover_all_items_once_per_factor_level():
    found = structures(INSTRUMENTS["wai"].subscales)
    assert sorted(found["two factors"][0]["task_goal"]) == [1, 2, 4, 6, 8, 10, 11, 12]
    assert found["general and three"][1] and len(found["general and three"][0]) == 4
    assert stats.rankdata(found["one factor"][0]["general"]).sum() == 78
