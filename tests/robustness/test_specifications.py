"""The multiverse: data of a specification, estimates against those of a run, no padding, shares of the choices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import twolevel
from clients import MODEL, clients
from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.run import engine
from fortems.mediation.slopes import Settings
from fortems.package import ROOT
from fortems.robustness.choices import Choices, choices_of, combinations, load_choices
from fortems.robustness.specifications import SAME, multiverse
from fortems.robustness.specifications_data import Clients, beyond, factor_scores, unavailable, variant
from fortems.robustness.specifications_summary import choice_table, shares_of, summary_table
from fortems.study.estimands import counting
from scipy.optimize import minimize
from scipy.stats import chi2
from wording import says

CHOICES = load_choices(ROOT / "config/robustness.yaml")


def specification(**options):
    return CHOICES.default | options


def test_listwise_keeps_who_answered_every_item_of_the_models_scales():
    its = clients()
    found = variant(its, MODEL, CHOICES, specification(missing="listwise")).frame
    wai, mlq, oq = its.instruments["wai"], its.instruments["mlq"], its.instruments["oq"]
    items = [f"wai_{i}" for i in wai.subscales["bond"]] + [f"mlq_{i}" for i in mlq.subscales["meaning"]]
    items += list(oq.columns())
    whole = its.answers.loc[its.answers[items].notna().all(axis=1), "client"]
    assert list(found["client"]) == list(whole) and 10 < len(whole) < 96


def test_full_information_makes_a_score_missing_where_one_of_its_answers_is():
    its = clients()
    found = variant(its, MODEL, CHOICES, specification(missing="full_information")).frame
    columns = [f"wai_{i}" for i in its.instruments["wai"].subscales["bond"]]
    answers = its.answers.set_index("client").loc[found["client"], columns]
    assert len(found) > 90  # all who have one of the three scores
    assert (found["bond"].isna().to_numpy() == answers.isna().any(axis=1).to_numpy()).all()
    assert found["bond"].isna().any()


def test_the_mediator_without_its_weak_item_is_the_sum_of_the_others():
    its = clients(0.0)
    found = variant(its, MODEL, CHOICES, specification(mediator="without_weak_item")).frame
    kept = [i for i in its.instruments["mlq"].subscales["meaning"] if i != 9]
    np.testing.assert_allclose(found["meaning"], its.answers[[f"mlq_{i}" for i in kept]].sum(axis=1))


def test_factor_scores_are_those_of_the_likeliest_factor():
    """Loadings by minimising the discrepancy function itself; scores by the formula written out."""
    its = clients(0.0)
    values = its.answers[["mlq_1", "mlq_4", "mlq_5", "mlq_6"]].to_numpy(float)
    z = (values - values.mean(axis=0)) / values.std(axis=0, ddof=1)
    r = np.corrcoef(z.T)

    def discrepancy(parameters):
        loadings, unique = parameters[:4], np.exp(parameters[4:])
        sigma = np.outer(loadings, loadings) + np.diag(unique)
        return np.linalg.slogdet(sigma)[1] + np.trace(np.linalg.solve(sigma, r))

    start = np.concatenate([np.full(4, 0.6), np.full(4, -0.5)])
    found = minimize(discrepancy, start, method="BFGS", jac="3-point", options={"gtol": 1e-8})
    expected = z @ np.linalg.inv(r) @ np.abs(found.x[:4])
    np.testing.assert_allclose(factor_scores(values), expected, atol=1e-5)


def test_factor_scores_are_the_same_each_time():
    """The library draws its start anew in every process unless it is given one."""
    its = clients(0.0)
    values = its.answers[["mlq_1", "mlq_4", "mlq_5", "mlq_6"]].to_numpy(float)
    np.testing.assert_array_equal(factor_scores(values), factor_scores(values))


def test_robust_distances_leave_out_planted_outliers_and_few_others():
    rng = np.random.default_rng(3)
    values = rng.multivariate_normal(np.zeros(3), [[1, 0.5, 0], [0.5, 1, -0.4], [0, -0.4, 1]], size=200)
    values[:10] = [6, -6, 6] + rng.normal(size=(10, 3)) * 0.1
    out = beyond(values, 0.99)
    assert out[:10].all() and out[10:].mean() < 0.06
    # Classical distances are masked by the ten themselves: fewer of them stand out.
    centred = values - values.mean(axis=0)
    classical = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(values.T)), centred) > chi2.ppf(
        0.99, 3
    )
    assert classical[:10].sum() <= out[:10].sum()


def test_robust_distances_bear_a_client_at_the_middle():
    rng = np.random.default_rng(8)
    values = rng.standard_normal((81, 3))
    values[-1] = np.median(values[:-1], axis=0)
    values[:5] = [9.0, -9.0, 9.0] + rng.standard_normal((5, 3)) * 0.1
    out = beyond(values, 0.99)
    assert out[:5].all() and out[5:].mean() < 0.3


@pytest.mark.parametrize("noise", [0.0, 1e-16, 1e-15, 1e-13, 1e-9])
def test_where_half_of_the_clients_lie_in_a_plane_nobody_is_far_whatever_the_rounding(noise):
    rng = np.random.default_rng(8)
    values = rng.standard_normal((81, 3))
    values[10:, 2] = values[10:, 0] + values[10:, 1]
    values[:5] = [9.0, -9.0, 9.0] + rng.standard_normal((5, 3)) * 0.1
    assert not beyond(values + noise * rng.standard_normal(values.shape), 0.99).any()


def test_where_half_of_the_clients_agree_nobody_is_far():
    values = np.random.default_rng(8).standard_normal((81, 3))
    values[10:70, 0] = 0.0
    assert not beyond(values, 0.99).any()


def test_clients_of_few_values_have_distances_or_none():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n, p = rng.integers(8, 120), rng.integers(2, 5)
        values = np.clip(rng.standard_normal((n, p)).round(), -1, 1)
        values[: rng.integers(n), 0] = 0
        assert beyond(values, 0.99).shape == (n,)


def test_a_key_whose_turned_items_run_against_their_scale_is_named():
    alliance = MODEL.__class__("alliance", ("alliance",), ("meaning",), "distress")
    reasons = unavailable(CHOICES, alliance, clients(), ("mixedlm",))
    assert list(reasons) == [("key", "wai_s")]
    says(reasons["key", "wai_s"], "reversed items 4, 10", "against their scale")
    # Bond has the same items under both keys.
    assert unavailable(CHOICES, MODEL, clients(), ("mixedlm",)) == {}


def test_what_the_data_lack_is_named():
    bare = Clients.of(clients().scores.drop(columns=["sessions"]), None, clients().instruments)
    reasons = unavailable(CHOICES, MODEL, bare, ())
    assert reasons["covariates", "sessions"] == "sessions is not among the scores"
    assert reasons["inclusion", "eight_sessions"] == "sessions is not among the scores"
    assert reasons["engine", "random_intercept"] == "the run has no engine mixedlm"
    assert {
        ("mediator", "factor_score"),
        ("missing", "listwise"),
        ("missing", "full_information"),
        ("key", "wai_s"),
    } <= set(reasons)


def test_what_the_packages_choices_ask_of_other_instruments_is_withheld():
    """Another mediator's scale has no item 9, another alliance's instrument other items: no refusal, a reason each."""
    its = clients()
    others = dict(its.instruments)
    mlq = others["mlq"]
    others["mlq"] = replace(mlq, subscales={"meaning": (1, 2, 3, 4)}, reversed=frozenset())
    others["wai"] = replace(others["wai"], n_items=11, subscales={"bond": (3, 5, 7)}, total=None)
    found = unavailable(CHOICES, MODEL, Clients(its.scores, its.answers, others), ("mixedlm",))
    assert found["mediator", "without_weak_item"] == "meaning has no item 9"
    assert "not a key" in found["key", "wai_s"]


SMALL = choices_of(
    {
        "choices": {
            "estimand": {"within": {"level": "within"}, "single": {"level": "single"}},
            "engine": {"primary": {"engine": "primary"}, "mixed": {"engine": "mixedlm"}},
            "covariates": {"none": {"columns": []}, "age": {"columns": ["age"]}},
            "missing": {"manual": {"rule": "manual"}, "listwise": {"rule": "listwise"}},
            "key": {"own": {"instruments": {}}, "wai_s": {"instruments": {"wai": str(ROOT / "config/instruments/wai_s.yaml")}}},
        },
        "forbidden": [{"when": {"engine": "mixed", "covariates": "age"}, "because": "for the test"}],
    }
)  # fmt: skip


@pytest.fixture(scope="module")
def small():
    return multiverse(MODEL, clients(), SMALL, ("twolevel", "regression", "mixedlm"))


def test_every_estimate_is_that_of_a_run_on_the_same_clients(small):
    """The rows that a run would write, by the engines themselves, from data made here."""
    complete = clients().scores.dropna(subset=["bond", "meaning", "distress"]).reset_index(drop=True)
    for age in ((), ("age",)):
        system = build(MODEL.__class__("bond", ("bond",), ("meaning",), "distress", covariates=age), complete)
        for level, name in (("within", "twolevel"), ("single", "regression")):
            slopes, _ = engine(name)(system, Settings(0, 0.95, 0, 0, ()))
            part = next(one for one in slopes if one.level == level)
            row = counting(pd.DataFrame(effect_rows(system, part, Settings(0, 0.95, 0, 0, ()))))
            row = row[row["effect"] == "indirect"].iloc[0]
            mine = small.table[
                (small.table["estimand"] == level) & (small.table["engine"] == "primary")
                & (small.table["covariates"] == ("age" if age else "none")) & (small.table["missing"] == "manual")
            ].iloc[0]  # fmt: skip
            for column in ("estimate", "ci_low", "ci_high", "p", "standardized", "n_clients"):
                assert mine[column] == pytest.approx(row[column], rel=1e-7), (level, age, column)


def test_full_information_has_the_interval_of_refits_without_each_therapist():
    """The model written by hand, fitted again to a file without each therapist; a and b as independent t(J - 1)."""
    lone = choices_of(
        {
            "choices": {
                "estimand": {"within": {"level": "within"}},
                "missing": {"full_information": {"rule": "full_information"}},
            }
        }
    )
    mine = multiverse(MODEL, clients(0.003), lone, ("twolevel",)).table.iloc[0]
    frame = variant(clients(0.003), MODEL, CHOICES, specification(missing="full_information")).frame
    text = """
    level: 1
    meaning ~ a*bond
    distress ~ b*meaning + bond
    level: 2
    bond ~~ meaning + distress
    meaning ~~ distress
    """

    def paths(rows):
        found = twolevel.fit(text, rows, cluster="therapist", missing="ml").coef
        return found["a"], found["b"]

    a, b = paths(frame)
    therapists = frame["therapist"].unique()
    out = np.array([paths(frame[frame["therapist"] != one]) for one in therapists])
    spread = (len(therapists) - 1) / len(therapists) * ((out - out.mean(axis=0)) ** 2).sum(axis=0)
    df = len(therapists) - 1
    t = np.random.default_rng(1).standard_t(df, (2, 4_000_000))
    low, high = np.quantile((a + np.sqrt(spread[0]) * t[0]) * (b + np.sqrt(spread[1]) * t[1]), [0.025, 0.975])
    assert frame[["bond", "meaning", "distress"]].isna().any(axis=None) and mine["interval"] == "robust"
    assert mine["estimate"] == pytest.approx(a * b, rel=1e-5)
    assert mine["ci_low"] == pytest.approx(low, rel=0.01) and mine["ci_high"] == pytest.approx(high, rel=0.01)


def test_no_estimate_is_counted_twice(small):
    assert not small.table.duplicated(["estimand", "estimate", "a", "n_clients"]).any()
    # Bond has the same items under both keys: half of the combinations repeat the other half.
    allowed, forbidden = combinations(SMALL)
    assert small.counts["combinations"] == len(allowed) + sum(forbidden.values())
    assert small.counts["same"] >= len(allowed) / 2
    assert len(small.table) + small.counts["same"] == len(allowed)


def test_no_estimate_stands_twice(small):
    """Engines end their searches in other last digits: what they agree on is one specification."""
    for _, rows in small.table.dropna(subset="estimate").groupby(["estimand", "n_clients"]):
        paths = rows[["estimate", "a", "direct"]].to_numpy(float)
        apart = np.abs(paths[:, None] / paths[None] - 1).max(axis=2) + np.eye(len(paths))
        assert apart.min() > SAME
    assert set(small.table["key"]) == {"own"}


def test_a_specification_that_fails_is_a_row_with_its_reason():
    few = clients().scores.copy()
    few["age"] = few["bond"] * 2  # collinear with the predictor
    found = multiverse(
        MODEL, Clients.of(few, clients().answers, clients().instruments), SMALL, ("twolevel", "regression")
    )
    failed = found.table[found.table["estimate"].isna()]
    assert set(failed["covariates"]) == {"age"} and failed["reason"].str.contains("collinear").all()
    assert found.counts["failed"] == len(failed) > 0
    summary = summary_table([found]).set_index("estimand")
    assert summary.loc["all", "failed"] == len(failed)
    assert summary.loc["all", "specifications"] == len(found.table) - len(failed)


def test_the_summary_counts_what_the_table_holds(small):
    values = small.table["estimate"]
    row = summary_table([small]).set_index("estimand").loc["all"]
    assert row["median_estimate"] == pytest.approx(np.median(values))
    assert row["significant_negative"] == pytest.approx((small.table["ci_high"] < 0).mean())
    assert row["negative"] + row["positive"] == 1
    assert row["default"] == values.iloc[0]


def test_shares_of_variance_in_a_balanced_design_are_those_of_the_analysis_of_variance():
    rng = np.random.default_rng(1)
    rows = [
        (f"e{a}", f"m{b}", 2.0 * a + 0.5 * b + rng.normal() * 0.01)
        for a in range(3)
        for b in range(4)
        for _ in range(5)
    ]
    table = pd.DataFrame(rows, columns=["engine", "missing", "estimate"])
    total = ((table["estimate"] - table["estimate"].mean()) ** 2).sum()
    for name, (unique, alone) in shares_of(table, ("engine", "missing")).items():
        means = table.groupby(name)["estimate"].transform("mean")
        between = ((means - table["estimate"].mean()) ** 2).sum() / total
        assert unique == pytest.approx(between, abs=1e-10) and alone == pytest.approx(between, abs=1e-10)
    options = {name: {key: {} for key in table[name].unique()} for name in ("engine", "missing")}
    shares = choice_table([multiverse_like(table)], Choices(options, labels={("missing", "m0"): "none"}))
    whole = shares[shares["option"] == ""]
    assert whole["share"].notna().all() and list(whole["label"]) == ["estimation", "missing answers"]
    assert list(shares.loc[shares["choice"] == "missing", "label"])[1:] == ["none", "m1", "m2", "m3"]


def multiverse_like(table):
    from fortems.robustness.specifications import Multiverse

    whole = table.assign(admissible=True, significant=False, default=False)
    return Multiverse("x", whole, pd.DataFrame(columns=["choice", "option", "reason"]), {})
