"""The joint test: forced nulls against brute force, its size in simulated studies, a planted effect."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clients import MODEL, clients
from fortems.mediation.columns import build
from fortems.robustness.choices import choices_of
from fortems.robustness.joint import COMPOSITE, MEDIAN, Resampled, joint_test, resample, tests
from fortems.stats.clusters import batch_weights

tests.__test__ = False
SIZE = Path(__file__).parents[1] / "reference/joint_size"


def script():
    found = importlib.util.spec_from_file_location("joint_size", SIZE / "joint_size.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("level", ["within", "single"])
def test_forcing_a_null_on_the_estimates_is_forcing_it_on_the_data(level):
    """y* = y - b m and m* = m - a x made, and each resample fitted again to clients drawn by their therapists."""
    frame = clients(0.0).scores[["therapist", "bond", "meaning", "distress", "age"]]
    rng = np.random.default_rng(2)
    weights = batch_weights(23, 4, rng)
    its = MODEL.__class__("bond", ("bond",), ("meaning",), "distress", covariates=("age",))
    whole = resample(build(its, frame), level, weights)
    for null, change in (("b", lambda d: d.assign(distress=d["distress"] - whole.b * d["meaning"])),
                         ("a", lambda d: d.assign(meaning=d["meaning"] - whole.a * d["bond"]))):  # fmt: skip
        forced = change(frame)
        for r, counts in enumerate(weights):
            drawn = [
                forced[forced["therapist"] == name].assign(therapist=f"{name}_{copy}")
                for name, count in zip(sorted(frame["therapist"].unique()), counts, strict=True)
                for copy in range(int(count))
            ]
            again = resample(build(its, pd.concat(drawn, ignore_index=True)), level, np.ones((1, 23)))
            assert again.a * again.b == pytest.approx(whole.forced(null)[r], abs=2e-5), (null, r)


def test_p_is_k_plus_one_over_the_resamples_plus_one():
    replicates = np.array([[0.1, 0.5], [0.3, 0.1], [0.2, 0.9], [np.nan, np.nan]])
    found = {(row["null"], row["statistic"]): row for row in tests([Resampled(0.2, 0.5, replicates)])}
    # b forced: .1 * 0, .3 * -.4, .2 * .4; observed .1: one of three is as large.
    assert found["b", MEDIAN]["p"] == (1 + 1) / (3 + 1)
    # a forced: -.1 * .5, .1 * .1, 0 * .9: none is.
    assert found["a", MEDIAN]["p"] == 1 / 4
    assert found[COMPOSITE, MEDIAN]["p"] == 2 / 4
    assert found["b", MEDIAN]["failed_fits"] == 1


CHOICES = choices_of(
    {
        "choices": {
            "estimand": {"within": {"level": "within"}, "single": {"level": "single"}},
            "covariates": {"none": {"columns": []}, "age": {"columns": ["age"]}},
            "mediator": {"sum": {"score": "sum"}, "short": {"score": "sum", "without": [9]}},
            "inclusion": {"all": {"rules": {}}, "ten": {"rules": {"sessions": {"min": 10}}}},
        },
        "joint": ["estimand", "covariates", "mediator", "inclusion"],
    }
)


def test_a_strong_effect_is_found_and_a_broken_one_is_not():
    found = joint_test(MODEL, clients(), CHOICES, 99, 1).set_index(["null", "statistic"])
    row = found.loc[(COMPOSITE, MEDIAN)]
    assert row["specifications"] == 16 and row["p"] == max(found.loc[(n, MEDIAN), "p"] for n in "ab") <= 0.05
    its = clients()
    broken = its.__class__.of(
        its.scores, its.answers.assign(**{c: its.answers[c].sample(frac=1, random_state=4).to_numpy()
                                          for c in its.instruments["mlq"].columns()}), its.instruments)  # fmt: skip
    shuffled = its.scores.assign(meaning=its.scores["meaning"].sample(frac=1, random_state=4).to_numpy())
    broken = its.__class__(shuffled, broken.answers, its.instruments)
    assert (
        joint_test(MODEL, broken, CHOICES, 99, 1)
        .set_index(["null", "statistic"])
        .loc[(COMPOSITE, MEDIAN), "p"]
        > 0.05
    )


def test_few_therapists_have_no_joint_test():
    its = clients()
    few = its.__class__.of(its.scores[its.scores["therapist"] < "t08"], its.answers, its.instruments)
    found = joint_test(MODEL, few, CHOICES, 20, 1)
    assert found["p"].isna().all() and "too few" in found["reason"].iloc[0]


def test_the_same_seed_gives_the_same_test():
    one, two = (joint_test(MODEL, clients(), CHOICES, 20, 7) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_the_size_of_the_joint_test_is_at_most_nominal_and_two_standard_errors():
    """500 simulated studies a null (tests/reference/joint_size); where a = b = 0 conservative by construction."""
    table = pd.read_csv(SIZE / "joint_size.csv")
    assert set(table["null"]) == {"a = 0", "b = 0", "a = b = 0"} and (table["studies"] == 500).all()
    at = table[table["level"].isin([0.05, 0.10])]
    assert len(at) == 6 and (at["rejected"] <= at["level"] + 2 * at["standard_error"]).all()


def test_the_simulation_that_is_shipped_is_that_of_this_code():
    """Its first studies again: the p values do not depend on how many studies are drawn."""
    module = script()
    first = module.simulate("b = 0", range(3), 50)
    assert first.shape == (3,) and (first > 0).all() and (first <= 1).all()
    assert module.simulate("b = 0", range(1, 2), 50)[0] == first[1]


@pytest.mark.slow
@pytest.mark.parametrize("null", ["a = 0", "b = 0"])
def test_the_size_again(null):
    p = script().simulate(null, range(500, 700), 200)
    for level in (0.05, 0.10):
        assert (p <= level).mean() <= level + 2 * np.sqrt(level * (1 - level) / len(p)) + 1e-9
