"""Who and what of own data enters tables and models, and what of the results may be told."""

import itertools

import numpy as np
import pandas as pd
import pytest
from fortems.data.privacy.flow import shown_flow
from fortems.data.privacy.limits import Limits
from fortems.data.privacy.privacy import cells
from fortems.data.privacy.protection import merge_categories, protect
from fortems.data.privacy.release import flow_of, told_settings
from fortems.data.privacy.suppression import Clients, printed, suppressed
from fortems.errors import DataError
from fortems.study.instruments import load_instruments
from fortems.study.models import MediationModel

FIVE = Limits(5)
PLAIN = MediationModel("plain", ("bond",), ("meaning",), "distress")


def clients(n=80, therapists=16, seed=1):
    """Scores of clients spread over therapists, nothing missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"client": [f"c{k}" for k in range(n)], "therapist": [f"t{k % therapists}" for k in range(n)]}
    )
    frame["age"] = rng.integers(18, 70, n).astype(float)
    frame["gender"] = rng.permutation(["female"] * (n - 32) + ["male"] * 32)
    for name, low, high in (("bond", 4, 20), ("meaning", 5, 35), ("distress", 0, 180)):
        frame[name] = rng.integers(low, high + 1, n).astype(float)
    return frame


def model(name, **keywords):
    return MediationModel(name, ("bond",), ("meaning",), "distress", **keywords)


def run(frame, *models, limits=FIVE):
    return protect(frame, {m.name: m for m in (PLAIN, *models)}, load_instruments(), limits)


def test_enough_asks_for_clients_and_therapists_and_no_ruling_one():
    assert FIVE.enough(np.array([0, 1, 2, 2, 2]))
    assert not FIVE.enough(np.array([0, 1, 2, 2]))
    assert not FIVE.enough(np.array([0, 0, 1, 1, 1]))
    assert not FIVE.enough(np.array([0] * 17 + [1, 2, 3]))
    assert FIVE.enough(np.array([0] * 16 + [1, 2, 3, 4]))
    assert Limits(0).enough(np.array([0])) and not Limits(0).enough(np.array([], dtype=int))


def test_merged_categories_leave_no_count_and_no_difference_of_few():
    for sizes in itertools.product([0, 1, 2, 4, 5, 9, 30], repeat=3):
        text = np.repeat(["a", "b", "other"], sizes).tolist() + ["most"] * 40
        values = pd.Series(text, dtype=object)
        therapist = np.arange(len(values)) % 11
        found = merge_categories(values, np.ones(len(values), bool), therapist, FIVE)
        if found is None:
            assert 0 < sum(sizes) < 5 or sum(sizes) == 0, sizes
            continue
        counts = found.value_counts()
        assert counts.min() >= 5 and len(counts) >= 2 and counts.sum() == len(values), sizes
        assert all(size >= 5 for size, name in zip(sizes[:2], "ab", strict=True) if name in counts.index)


def test_rare_categories_that_are_too_few_together_take_the_next_with_them():
    frame = clients()
    frame.loc[[3, 7], "gender"] = ["intersex", "nonbinary"]
    kept = run(frame, model("by", covariates=("gender",)))
    counts = kept.analysed["gender"].value_counts()
    assert set(counts.index) == {"female", "male or other"} and counts.min() >= 5
    assert kept.models == ("plain", "by")


def test_a_category_of_one_therapist_is_merged():
    frame = clients()
    frame["site"] = np.where(frame["therapist"] == "t0", "village", np.where(frame.index % 2, "town", "city"))
    kept = run(frame, model("by", covariates=("site",)))
    assert "village" not in set(kept.analysed["site"])


def test_what_is_left_with_one_value_is_withheld_with_its_models():
    frame = clients()
    frame["gender"] = ["female"] * 78 + ["male"] * 2
    kept = run(frame, model("by", moderator="gender"))
    assert kept.models == ("plain",) and "gender" not in kept.analysed
    assert set(kept.withheld["variable"]) == {"", "gender"} and set(kept.withheld["model"]) == {"by", ""}


def test_a_number_that_few_have_or_that_counts_few_is_withheld():
    frame = clients().assign(income=np.nan, injured=0.0, children=lambda f: f.index % 3 + 0.0)
    frame.loc[[2, 9], "income"] = [14250.0, 88113.0]
    frame.loc[[4, 5], "injured"] = 1.0
    kept = run(frame)
    assert set(kept.withheld["variable"]) == {"income", "injured"}
    assert "children" in kept.analysed


def test_a_number_that_one_client_dominates_is_withheld():
    """Mean and SD of a few incomes and one of two millions give the two millions to the hundredth part."""
    rng = np.random.default_rng(3)
    frame = clients()
    frame["income"] = np.where(rng.random(80) < 0.2, rng.integers(800, 1400, 80), 0).astype(float)
    frame.loc[4, "income"] = 2_400_000
    mean, sd = frame["income"].mean(), frame["income"].std()
    assert mean + sd * 79 / np.sqrt(80) == pytest.approx(2_400_000, rel=0.01)
    found = run(frame, model("rich", covariates=("income",)))
    assert "income" not in found.analysed and found.models == ("plain",)
    assert "income" not in run(frame).analysed  # nor where no model needs it
    frame.loc[4, "income"] = 2_400
    assert "income" in run(frame, model("rich", covariates=("income",))).analysed


def told_of_a_scale(counts, values):
    """M, SD, skew and kurtosis with the digits that are printed, of many distributions at once."""
    n = counts.sum(axis=-1, keepdims=True)
    mean = (counts * values).sum(axis=-1, keepdims=True) / n
    moment = {k: (counts * (values - mean) ** k).sum(axis=-1) / n[..., 0] for k in (2, 3, 4)}
    n = n[..., 0]
    sd = np.sqrt(moment[2] * n / (n - 1))
    skew, kurtosis = moment[3] / moment[2] ** 1.5, moment[4] / moment[2] ** 2 - 3
    return np.round(np.stack([mean[..., 0], sd, skew, kurtosis], axis=-1), 2)


def test_counts_of_six_values_are_given_by_what_is_told_of_a_scale():
    """With n, M, SD, skew, kurtosis and the shares at the ends one set of counts is left; a value is of two clients."""
    counts = np.array([9, 16, 20, 2, 18, 15])
    values = np.arange(6.0) + 10
    inner = np.array([c for c in itertools.product(range(57), repeat=3) if sum(c) <= 56])
    whole = np.column_stack([np.full(len(inner), 9), inner, 56 - inner.sum(axis=1), np.full(len(inner), 15)])
    fits = (told_of_a_scale(whole, values) == told_of_a_scale(counts, values)).all(axis=1)
    assert whole[fits].tolist() == [counts.tolist()]
    frame = clients().assign(meaning=np.repeat(values, counts), extra=np.repeat(values, counts))
    models = {PLAIN.name: PLAIN, "other": MediationModel("other", ("bond",), ("age",), "distress")}
    found = protect(frame, models, load_instruments(), FIVE)
    assert "meaning" not in found.analysed and found.models == ("other",)
    assert "extra" in found.analysed  # no scale: its mean and SD alone are told


def test_the_flow_tells_of_no_few_therapists():
    """14 therapists analysed of 15 received say that all clients of one were excluded."""
    frame = clients()
    flow = pd.DataFrame(
        {
            "step": ["received", "excluded"],
            "detail": ["rows of the file", "sessions: at least 5"],
            "clients": [87, 7],
            "therapists": [17, 1],
            "clients_per_therapist": [87 / 17, np.nan],
        }
    )
    told_ = flow_of(flow, frame, frame)
    assert told_["clients"].tolist() == [87, 7, 80]
    assert told_["therapists"].fillna(-1).tolist() == [-1, -1, 16]
    assert np.isnan(told_["clients_per_therapist"].iloc[0])
    flow.loc[0, "therapists"] = 19
    assert flow_of(flow, frame, frame)["therapists"].tolist() == [19, 1, 16]


def test_few_incomplete_clients_are_left_out_of_everything():
    frame = clients()
    frame.loc[[1, 2], "meaning"] = np.nan
    kept = run(frame)
    assert len(kept.analysed) == 78 and kept.common.all()


def test_many_incomplete_clients_stay_for_full_information():
    frame = clients()
    frame.loc[:6, "meaning"] = np.nan
    kept = run(frame)
    assert len(kept.analysed) == 80 and kept.common.sum() == 73


def test_incomplete_clients_of_one_therapist_are_left_out():
    frame = clients(therapists=8)
    frame.loc[frame["therapist"] == "t3", "meaning"] = np.nan
    kept = run(frame)
    assert len(kept.analysed) == 70 and kept.common.all()


def test_sets_of_clients_never_differ_by_few():
    rng = np.random.default_rng(4)
    for seed in range(40):
        frame = clients(seed=seed)
        for name in ("age", "meaning", "x", "y", "z"):
            frame[name] = rng.normal(size=80).round(2)
            frame.loc[rng.permutation(80)[: rng.choice([0, 1, 3, 6, 12])], name] = np.nan
        kept = run(frame, model("age", covariates=("age",)))
        common = kept.analysed[kept.common]
        sizes = {len(kept.analysed), *common.drop(columns=["client", "therapist"]).notna().sum()}
        shown = sorted(sizes)
        assert all(b - a >= 5 for a, b in itertools.pairwise(shown)), shown
        rest = [c for c in ("x", "y", "z") if c in common]
        for a, b in itertools.permutations(rest, 2):
            alone = int((common[a].notna() & common[b].isna()).sum())
            assert alone == 0 or alone >= 5


def test_too_few_clients_or_therapists_are_refused():
    with pytest.raises(DataError, match="too few"):
        run(clients(n=80, therapists=2))
    with pytest.raises(DataError, match="no model is left"):
        frame = clients()
        frame.loc[4:, "meaning"] = np.nan
        run(frame)


def test_cells_hide_the_small_among_the_empty_and_leave_no_few_behind():
    rng = np.random.default_rng(2)
    for _ in range(200):
        n = int(rng.integers(20, 90))
        cell, therapist = rng.integers(0, 9, n) * (rng.random(n) < 0.6), rng.integers(0, 9, n)
        shown = cells(cell, 9, therapist, FIVE)
        counts = np.bincount(cell, minlength=9)
        rest = n - counts[shown].sum()
        assert (counts[shown] >= 5).all() and (rest == 0 or rest >= 5)


def test_printed_numbers_keep_what_tells_them_apart_and_no_more():
    assert printed(12.0449438202, "mean") == 12.04
    assert printed(-0.000412, "ci_low") == -0.0004
    assert printed(0.04962, "p") == 0.0496
    assert printed(0.0234567, "p_holm") == 0.023
    assert printed(4.7341e-15, "direct_p") == 5e-15
    assert printed(11.156407, "df") == 11.2
    assert np.isnan(printed(float("nan"), "mean"))
    rng = np.random.default_rng(6)
    for value in rng.normal(size=2000) * 10.0 ** rng.integers(-6, 4, 2000):
        for column in ("estimate", "p", "df", "share"):
            assert printed(printed(abs(value), column), column) == printed(abs(value), column)


def test_descriptives_are_told_without_extremes_and_small_shares():
    frame = pd.DataFrame(
        {
            **{
                "variable": ["bond", "age"],
                "label": "",
                "category": None,
                "n": 40,
                "missing": 0,
                "share": np.nan,
            },
            **{"mean": [12.345678, 40.123456], "sd": 3.0, "min": [4.0, 18.0], "max": [20.0, 91.0]},
            **{
                "possible_min": [4.0, np.nan],
                "possible_max": [20.0, np.nan],
                "skew": 0.1234,
                "kurtosis": 1.0,
            },
            **{"floor": [1 / 40, np.nan], "ceiling": [6 / 40, np.nan], "reason": ""},
        }
    )
    shown = suppressed("tables/descriptives.csv", frame, Clients(40, 40, frozenset({8})), FIVE)
    assert shown[["min", "max"]].isna().all(axis=None)
    assert shown["mean"].tolist() == [12.35, 40.12]
    assert np.isnan(shown["floor"][0]) and shown["ceiling"][0] == 0.15
    assert shown["skew"][0] == 0.12 and np.isnan(shown["skew"][1])


def test_numbers_of_clients_that_differ_by_few_are_withheld_with_what_gives_them():
    frame = pd.DataFrame(
        {"model": list("abc"), "n_clients": [57, 56, 40], "n_therapists": [12, 12, 11], "bic": 1.0}
    )
    shown = suppressed("mediation/cfa.csv", frame, Clients(57, 57, frozenset({12})), FIVE)
    for column in ("n_clients", "n_therapists", "bic"):
        assert shown[column].isna().tolist() == [False, True, True]
    described = frame.rename(columns={"n_clients": "n"}).drop(columns=["n_therapists", "bic"])
    shown = suppressed("tables/correlations.csv", described, Clients(57, 57, frozenset({12})), FIVE)
    assert shown["n"].isna().tolist() == [False, True, False]


def test_influence_is_told_as_turns_of_a_sign_only():
    columns = (
        "lowest",
        "quarter",
        "median",
        "three_quarters",
        "highest",
        "largest_shift",
        "n_fits",
        "n_failed",
    )
    frame = pd.DataFrame(
        {"model": ["a"], "estimate": [1.23456], "sign_changes": [2], **dict.fromkeys(columns, 3.21)}
    )
    shown = suppressed("robustness/leave_one_out.csv", frame, Clients(57, 57, frozenset({12})), FIVE)
    assert shown[list(columns)].isna().all(axis=None)
    assert shown["sign_changes"].tolist() == [2] and shown["estimate"].tolist() == [1.23]


def test_of_the_smallest_set_that_turns_a_verdict_its_size_alone_is_told():
    told = {"therapists_flip": 3, "clients_flip": 9, "set_clients": 2}
    kept_back = {"largest_shift": -0.31, "set_estimate": -0.52, "set_p": 0.061}
    frame = pd.DataFrame(
        [{"model": "a", "level": "within", "n_clients": 57, "estimate": -0.7, **told, **kept_back}]
    )
    shown = suppressed("robustness/influence.csv", frame, Clients(57, 57, frozenset({12})), FIVE).iloc[0]
    assert {name: shown[name] for name in told} == told
    assert shown[list(kept_back)].isna().all()


@pytest.mark.parametrize("key", ["therapist", "Behandelaar"])
def test_settings_name_no_client_or_therapist(key):
    """Not as renamed, nor as asked for: the run's own search would refuse them at its end."""
    data = {
        "columns": {"therapist": "Behandelaar"},
        "values": {key: {"A": "t1"}, "gender": {"v": "female", "x": "rare"}},
    }
    rules = {
        "therapist": {"in": ["t1", "t2"]},
        "client": {"in": ["c1"]},
        "gender": {"in": ["female", "rare"]},
    }
    frame = clients().assign(Behandelaar="t1")
    found = told_settings({"data": data, "inclusion": rules}, frame)
    assert found["data"]["values"] == {key: {}, "gender": {"v": "female"}}
    assert found["inclusion"] == {"therapist": {"in": []}, "client": {"in": []}, "gender": {"in": ["female"]}}


@pytest.mark.parametrize("table", ["multiverse", "choices", "joint"])
def test_a_median_of_specifications_is_no_estimate_in_disguise(table):
    """It is the estimate of one specification: beside those that are told, the one without some clients."""
    frame = pd.DataFrame({"model": "a", "specifications": [2, 17], "choice": "covariates"})
    if table == "joint":
        frame["statistic"], frame["observed"] = ["same_sign", "median"], [16, -0.5]
    else:
        frame["median_estimate"], frame["significant"] = [-0.4, -0.5], 0.8
    found = suppressed(f"robustness/{table}.csv", frame, Clients(80, 80, frozenset({16})), FIVE)
    if table == "joint":
        assert found["observed"].iloc[0] == 16 and np.isnan(found["observed"].iloc[1])
    else:
        assert found["median_estimate"].isna().all() and (found["significant"] == 0.8).all()


def test_a_benchmark_of_other_clients_is_withheld():
    frame = pd.DataFrame(
        {
            "model": "bond",
            "level": "within",
            "kind": ["value", "benchmark", "benchmark"],
            "benchmark": ["", "age", "goal"],
            "estimate": [1.23456, 2.3, 3.4],
            "includes_zero": [None, True, False],
            "note": "",
            "n_clients": [57, 52, 57],
        }
    )
    shown = suppressed("robustness/robustness_values.csv", frame, Clients(57, 57, frozenset({12})), FIVE)
    assert shown["estimate"].tolist()[0::2] == [1.23, 3.4]
    assert shown.loc[1, ["estimate", "includes_zero", "n_clients"]].isna().all()
    assert shown.loc[1, "note"] == "withheld"


def test_remarks_tell_no_numbers_of_clients_but_those_of_the_run():
    frame = pd.DataFrame(
        {"message": ["full information: 3 incomplete rows used", "89 against 84 clients: x", None]}
    )
    shown = suppressed("mediation/fit.csv", frame, Clients(84, 89, frozenset({12})), FIVE)
    assert shown["message"].tolist()[:2] == [
        "full information: incomplete rows used",
        "89 against 84 clients: x",
    ]


@pytest.mark.parametrize(
    ("detail", "excluded", "told_"),
    [
        (
            "rows of the file; 2 rows on other sheets not read",
            0,
            "rows of the file; rows on other sheets not read",
        ),
        (
            "rows of the file; 20 rows on other sheets not read",
            6,
            "rows of the file; 20 rows on other sheets not read",
        ),
        # 92 rows less 12 are the 80 received, of whom 2 were excluded.
        (
            "clients in 92 rows of the file; 12 rows of other occasions set aside",
            2,
            "clients in rows of the file; rows of other occasions set aside",
        ),
        (
            "clients in 92 rows of the file; 12 rows of other occasions set aside",
            6,
            "clients in 92 rows of the file; 12 rows of other occasions set aside",
        ),
    ],
)
def test_rows_are_counted_in_the_flow_unless_they_give_a_count_of_few(detail, excluded, told_):
    flow = pd.DataFrame(
        {
            "step": ["received", "excluded", "analysed"],
            "detail": [detail, "sessions: at least 5", "every value"],
            "clients": [80, excluded, 80 - excluded],
            "therapists": [16, 0, 16],
        }
    )
    assert shown_flow(flow, 5)["detail"].iloc[0] == told_
    assert shown_flow(flow, 0)["detail"].iloc[0] == detail
