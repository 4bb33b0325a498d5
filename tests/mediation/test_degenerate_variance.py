"""Variables that do not vary at a level, in every role: each engine and table gives a result or a reason."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.measurement.corrected_rows import corrected_rows
from fortems.mediation.measurement.measurement_rows import Sources
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.study.engines import ENGINES
from fortems.study.models import MediationModel
from fortems.tables.correlations import correlations_table
from fortems.tables.covariates import covariates_table
from fortems.tables.descriptives import descriptives_table
from fortems.tables.icc import icc_table
from mediation_data import study
from wording import says

NAMES = ("odd", "alliance", "meaning", "distress")
SETTINGS = Settings(seed=1, draws=200, replicates=20)


def of_therapist(data, rng):
    """One value a therapist."""
    codes = pd.factorize(data["therapist"])[0]
    return rng.normal(size=codes.max() + 1)[codes]


def without_therapists(data, rng):
    """The mean of every therapist is the same: ICC of 0, an estimate below it."""
    values = pd.Series(rng.normal(size=len(data)))
    return (values - values.groupby(data["therapist"].to_numpy()).transform("mean")).to_numpy()


def in_one_therapist(data, rng):
    """Varies among the clients of one therapist only."""
    first = (data["therapist"] == data["therapist"].mode().iloc[0]).to_numpy()
    return np.where(first, rng.normal(size=len(data)), 0.0)


def of_one_therapist(data, rng):
    """An indicator of one therapist."""
    return (data["therapist"] == data["therapist"].mode().iloc[0]).to_numpy().astype(float)


def of_one_client(data, rng):
    """Differs for one client."""
    return (np.arange(len(data)) == 5).astype(float)


def year(data, rng):
    """A large therapist-level number with little spread, whose means round."""
    return 2020.1 + 1e-3 * of_therapist(data, rng)


def nearly_of_therapist(data, rng):
    """Therapist level but for what a sum of floats leaves."""
    return of_therapist(data, rng) * 100 + 1e-9 * rng.normal(size=len(data))


def constant(data, rng):
    """No variance at all; the mean of these floats is not quite the value."""
    return np.full(len(data), 0.1)


def tiny(data, rng):
    """Units far below those of the rest."""
    return 1e-150 * rng.normal(size=len(data))


def huge(data, rng):
    """Units far above those of the rest."""
    return 1e120 * rng.normal(size=len(data))


def gaps(data, rng):
    """Therapist level, unknown for half of the clients."""
    return np.where(rng.random(len(data)) < 0.5, np.nan, of_therapist(data, rng))


def nothing(data, rng):
    """No client has a value."""
    return np.full(len(data), np.nan)


def twin(data, rng):
    """All but a copy of the alliance: a correlation of 1 - 5e-9."""
    x = data["alliance"].to_numpy()
    noise = rng.normal(size=len(x))
    known = ~np.isnan(x)
    noise -= np.polyval(np.polyfit(x[known], noise[known], 1), x)
    return x / np.nanstd(x) + noise / np.nanstd(noise) * 1e-4


RELIABLE = pd.DataFrame(
    [{"scale": name, "level": "total", "omega": 0.9, "omega_low": 0.85, "omega_high": 0.95} for name in NAMES]
)
KINDS = [
    *(of_therapist, without_therapists, in_one_therapist, of_one_therapist, of_one_client, year),
    *(nearly_of_therapist, constant, tiny, huge, gaps, nothing, twin),
]
ROLES = {
    "covariate": {"covariates": ("odd",)},
    "covariate_both": {"covariates": ("odd", "age"), "covariate_level": "both"},
    "predictor": {"predictors": ("odd",)},
    "structured": {"predictors": ("odd",), "between": "structured"},
    "beside": {"predictors": ("odd", "alliance")},
    "mediator": {"mediators": ("odd",)},
    "parallel": {"mediators": ("meaning", "odd")},
    "outcome": {"outcome": "odd"},
    "moderator": {"moderator": "odd"},
    "moderated": {"predictors": ("odd",), "moderator": "age"},
}


def model(name, predictors=("alliance",), mediators=("meaning",), outcome="distress", **rest):
    return MediationModel(name, predictors, mediators, outcome, **rest)


#: With missing values each of these takes up to half a minute; two of them stand for the kinds in the fast tests.
INCOMPLETE = [
    pytest.param(
        kind, 0.05, id=f"{kind.__name__}-0.05", marks=[] if kind in (of_therapist, gaps) else pytest.mark.slow
    )
    for kind in KINDS
]


@pytest.mark.parametrize(
    ("kind", "missing"),
    [*(pytest.param(kind, 0.0, id=f"{kind.__name__}-0.0") for kind in KINDS), *INCOMPLETE],
)
def test_every_engine_gives_a_result_or_a_reason_in_every_role(kind, missing):
    data = study(missing=missing, icc=0.2)
    data["odd"] = kind(data, np.random.default_rng(7))
    models = {name: model(name, **keys) for name, keys in ROLES.items()}
    frames = fit_all(models, data, ENGINES, SETTINGS)
    fits, effects = frames["fit"], frames["effects"]
    for name in models:
        for engine in ENGINES:
            rows = fits[(fits["model"] == name) & (fits["engine"] == engine)]
            assert len(rows), (name, engine)
            mine = effects[(effects["model"] == name) & (effects["engine"] == engine)]
            if mine.empty:
                assert rows["message"].iloc[0], (name, engine)
            else:
                assert np.isfinite(mine["estimate"]).all(), (name, engine)
                assert (mine["se"].isna() | (mine["se"] >= 0)).all()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_table_gives_a_number_or_a_reason(kind):
    data = study(icc=0.2)
    data["odd"] = kind(data, np.random.default_rng(7))
    names = ["alliance", "distress", "odd"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        icc = icc_table(data, names).set_index("variable").loc["odd"]
        correlations = correlations_table(data, names)
        descriptives_table(data.drop(columns=["client", "therapist"]), {})
        covariates = covariates_table(
            data.rename(columns={"age": "was", "odd": "age"}), "distress", ("age", "gender")
        )
    assert icc["reason"] if pd.isna(icc["icc"]) else -1 <= icc["icc"] <= 1
    for row in correlations.to_dict("records"):
        assert row["reason"] if pd.isna(row["r"]) else -1 <= row["r"] <= 1
    for row in covariates.to_dict("records"):
        assert row["reason"] if pd.isna(row["p"]) else 0 <= row["p"] <= 1
    plain = model("odd", predictors=("odd",), measurement="corrected")
    for row in corrected_rows(plain, Sources(data, None, RELIABLE, {}), SETTINGS):
        assert np.isfinite(row["estimate"]) or row["note"].startswith("withheld: ")


def test_a_variable_of_the_therapist_has_an_icc_of_one_and_says_so():
    data = study()
    data["odd"] = of_therapist(data, np.random.default_rng(1))
    row = icc_table(data, ["odd"]).iloc[0]
    assert row["icc"] == row["icc_ml"] == 1 and row["variance_within"] == 0
    says(row["reason"], "not", "vary within therapists", "all variance", "between")
    rows = correlations_table(data, ["alliance", "odd"]).set_index("level")
    assert rows.loc["within", "reason"] == "a variable does not vary at this level"
    assert np.isfinite(rows.loc["total", "r"]).all()


def test_the_slope_on_a_therapist_level_covariate_is_that_of_the_single_level_between():
    """The covariate takes nothing from the within part: a and b stay those of the fixed-effects regressions."""
    data = study(n=400, therapists=40, icc=0.3, seed=3)
    data["odd"] = of_therapist(data, np.random.default_rng(2))
    plain, with_it = model("plain"), model("with", covariates=("odd",))
    effects = fit_all({"plain": plain, "with": with_it}, data, ("mixedlm",), SETTINGS)["effects"]
    inside = effects[(effects["level"] == "within") & (effects["interval"] == "wald")].set_index(
        ["model", "effect"]
    )
    for effect in ("a", "b", "direct"):
        assert inside.loc[("with", effect), "estimate"] == pytest.approx(
            inside.loc[("plain", effect), "estimate"], rel=1e-9
        )


def test_a_predictor_of_the_therapist_is_a_2_1_1_model_with_known_truth():
    """x of the therapist, m and y of the client; between: a = .6, b = -.5, direct -.2; within: b = -.3."""
    rng = np.random.default_rng(11)
    therapists, each = 400, 8
    cluster = np.repeat(np.arange(therapists), each)
    x = rng.normal(size=therapists)
    m_between = 0.6 * x + rng.normal(size=therapists)
    y_between = -0.5 * m_between - 0.2 * x + rng.normal(size=therapists)
    m_within = rng.normal(size=len(cluster))
    y = y_between[cluster] - 0.3 * m_within + rng.normal(size=len(cluster))
    data = pd.DataFrame(
        {"therapist": cluster.astype(str), "x": x[cluster], "m": m_between[cluster] + m_within, "y": y}
    )
    frames = fit_all({"m": model("m", ("x",), ("m",), "y")}, data, ("twolevel", "mixedlm"), SETTINGS)
    effects, fits = frames["effects"], frames["fit"]
    assert set(effects.loc[effects["engine"] == "twolevel", "level"]) == {"between"}
    rows = effects[(effects["level"] == "between") & effects["interval"].isin(["wald", "delta"])]
    truth = {"a": 0.6, "b": -0.5, "direct": -0.2, "indirect": -0.3, "total": -0.5}
    for effect, value in truth.items():
        row = rows[(rows["engine"] == "twolevel") & (rows["effect"] == effect)].iloc[0]
        assert abs(row["estimate"] - value) < 3.5 * row["se"] and row["se"] < 0.1
    # The observed means of eight clients hold m's therapist part with a reliability of 8/9 given x.
    b = rows[(rows["engine"] == "mixedlm") & (rows["effect"] == "b")].iloc[0]
    assert abs(b["estimate"] - (-0.5 * 8 / 9 - 0.3 / 9)) < 3.5 * b["se"]
    for message in fits["message"]:
        says(message, "x", "not", "vary within therapists", "no", "part within", "no", "indirect effect")


def test_collinear_variables_are_named():
    data = study()
    data["odd"] = twin(data, np.random.default_rng(7))
    assert np.corrcoef(data["odd"], data["alliance"])[0, 1] == pytest.approx(1 - 5e-9, abs=2e-9)
    fit = fit_all({"m": model("m", covariates=("age", "odd"))}, data, ENGINES, SETTINGS)["fit"]
    assert fit["message"].str.contains("alliance, odd are collinear", regex=False).all()
