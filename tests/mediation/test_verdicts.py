"""Verdicts: every branch of the wording, the equivalence test, one statistic at three cut-offs, stand-ins."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from fortems.mediation.conclude import conclude
from fortems.mediation.parts import merged, read_parts, write_part
from fortems.mediation.run import fit_all, settings_of
from fortems.mediation.slopes import Settings
from fortems.mediation.verdicts import VERDICT_COLUMNS, equivalence, verdicts
from fortems.mediation.wording import conclusion, paper_rule
from fortems.study.estimands import PRIMARY_INTERVAL, counting
from fortems.study.models import MediationModel
from mediation_data import study
from pandas.testing import assert_frame_equal
from scipy import stats

MODELS = {
    "simple": MediationModel("simple", ("alliance",), ("meaning",), "distress"),
    "backward": MediationModel("backward", ("distress",), ("meaning",), "alliance"),
}
OUTCOMES = ("equivalent", "inconclusive", "not attainable with data as noisy as these")


def effects(indirect=(-0.5, -0.1), direct=(-0.2, 0.1), **changes):
    """Rows of one model at the single level with the wanted intervals."""
    shared = {
        "model": "simple",
        "engine": "regression",
        "level": "single",
        "predictor": "alliance",
        "mediator": "meaning",
        "outcome": "distress",
        "at": "",
        "n_clients": 96,
        "n_therapists": 23,
        "standardized": 0.1,
        **changes,
    }
    rows = []
    for effect, interval, (low, high) in (("indirect", "montecarlo", indirect), ("direct", "wald", direct)):
        estimate, se = (low + high) / 2, (high - low) / 3.92
        p = 2 * stats.norm.sf(abs(estimate) / se) if se > 0 else np.nan
        rows.append(
            {
                **shared,
                "effect": effect,
                "interval": interval,
                "estimate": estimate,
                "se": se,
                "ci_low": low,
                "ci_high": high,
                "p": p,
                "df": np.inf,
                "unit": 1.0,
            }
        )
    return pd.DataFrame(rows)


def fits(partial=-100.0, full=-101.0, n=(9, 8), converged=True):
    return pd.DataFrame(
        {
            "model": "simple",
            "engine": "regression",
            "variant": ["partial", "full"],
            "loglik": [partial, full],
            "n_parameters": list(n),
            "converged": [True, converged],
            "boundary": [False, False],
        }
    )


@pytest.mark.parametrize(
    ("indirect", "direct", "tested", "words", "absent"),
    [
        (
            True,
            False,
            "not attainable with data as noisy as these",
            ["an indirect effect", "both compatible", "not attainable"],
            [],
        ),
        (True, False, "inconclusive", ["both compatible", "not shown"], ["attainable"]),
        (True, False, "equivalent", ["full mediation compatible", "excluded"], ["partial"]),
        (
            True,
            True,
            "inconclusive",
            ["full mediation incompatible", "partial mediation compatible"],
            ["shown"],
        ),
        (
            True,
            True,
            "not attainable with data as noisy as these",
            ["full mediation incompatible"],
            ["attainable"],
        ),
        (True, True, "equivalent", ["within the bound", "partial mediation compatible"], ["incompatible"]),
        (False, True, "inconclusive", ["no indirect effect shown", "a direct path"], ["compatible"]),
        (
            False,
            False,
            "not attainable with data as noisy as these",
            ["no indirect effect shown", "no direct path shown"],
            [],
        ),
        (None, True, "equivalent", ["not estimated"], [";"]),
        (True, None, "equivalent", ["not estimated"], [";"]),
    ],
)
def test_each_outcome_has_its_words(indirect, direct, tested, words, absent):
    text = conclusion(indirect, direct, tested, False)
    assert all(word in text for word in words)
    assert not any(word in text for word in absent)


def test_no_wording_proves_anything_or_calls_a_path_absent():
    for indirect, direct, tested, opposite in itertools.product(
        (True, False), (True, False), (*OUTCOMES, ""), (True, False)
    ):
        text = conclusion(indirect, direct, tested, opposite)
        assert not any(word in text for word in ("proven", "prove", "no effect", "absent", "fully mediate"))
        # "Full" is never upheld alone unless the direct path is shown to be small.
        if "full mediation compatible" in text:
            assert tested == "equivalent"


def test_opposite_signs_are_said_when_both_are_shown():
    assert "opposite sign" in conclusion(True, True, "inconclusive", True)
    assert "opposite sign" not in conclusion(True, False, "inconclusive", True)


@pytest.mark.parametrize(
    ("indirect", "p", "expected"),
    [
        (True, 0.05, "full"),
        (True, 0.049, "partial"),
        (False, 0.5, "none"),
        (None, 0.5, ""),
        (True, math.nan, ""),
    ],
)
def test_the_papers_rule(indirect, p, expected):
    assert paper_rule(indirect, p) == expected


def test_equivalence_has_three_outcomes():
    assert (
        equivalence(0.0, 0.10 / 1.6448 + 1e-6, np.inf, 96)["equivalence"]
        == "not attainable with data as noisy as these"
    )
    assert equivalence(0.0, 0.05, np.inf, 500)["equivalence"] == "equivalent"
    assert equivalence(0.05, 0.05, np.inf, 500)["equivalence"] == "inconclusive"
    assert equivalence(0.5, np.nan, np.inf, 96)["equivalence"] == ""
    # One t for the test and for what can be attained: with 4 df the quantile is 2.13.
    assert (
        equivalence(0.0, 0.10 / 2.13, 4.0, 96)["equivalence"] == "not attainable with data as noisy as these"
    )
    assert equivalence(0.0, 0.10 / 2.14, 4.0, 96)["equivalence"] == "equivalent"


def test_equivalence_is_two_one_sided_tests():
    for estimate, se, df in itertools.product((-0.04, 0.0, 0.03), (0.02, 0.04, 0.055), (20.0, 400.0)):
        lower = stats.t.sf((estimate + 0.10) / se, df)
        upper = stats.t.cdf((estimate - 0.10) / se, df)
        found = equivalence(estimate, se, df, 200)
        assert (found["equivalence"] == "equivalent") == (max(lower, upper) < 0.05)
        low, high = stats.t.interval(0.90, df, estimate, se)
        assert found["smallest_bound"] == pytest.approx(max(abs(low), abs(high)))


def test_clients_needed_give_the_power_promised():
    found = equivalence(0.02, 0.11, np.inf, 96)
    se = 0.11 * math.sqrt(96 / found["n_for_80"])
    # A true direct path of 0: both one-sided tests reject when |d| < bound - 1.645 se.
    power = 2 * stats.norm.cdf((0.10 - 1.6449 * se) / se) - 1
    assert power == pytest.approx(0.80, abs=0.002)


@pytest.mark.parametrize(
    ("drop", "aic", "bic", "lr"),
    [
        (0.9, "full", "full", "full"),
        (1.5, "partial", "full", "full"),
        (2.0, "partial", "full", "partial"),
        (3.0, "partial", "partial", "partial"),
    ],
)
def test_one_statistic_at_three_cutoffs(drop, aic, bic, lr):
    row = verdicts(effects(), fits(full=-100.0 - drop), MODELS).iloc[0]
    assert row["lr_chi2"] == pytest.approx(2 * drop)
    assert (row["aic_prefers"], row["bic_prefers"], row["lr_prefers"]) == (aic, bic, lr)
    assert row["aic_cutoff"] == 2 and row["bic_cutoff"] == pytest.approx(math.log(96))
    assert row["lr_p"] == pytest.approx(stats.chi2.sf(2 * drop, 1))


def test_cutoffs_grow_with_the_number_of_direct_paths():
    row = verdicts(effects(), fits(full=-102.5, n=(20, 17)), MODELS).iloc[0]
    assert row["lr_df"] == 3 and row["aic_cutoff"] == 6 and row["aic_prefers"] == "full"


def test_no_likelihood_ratio_without_two_maxima():
    row = verdicts(effects(), fits(converged=False), MODELS).iloc[0]
    assert math.isnan(row["lr_chi2"]) and row["aic_prefers"] == ""
    row = verdicts(effects(), fits().iloc[:1], MODELS).iloc[0]
    assert math.isnan(row["lr_chi2"])


def test_verdict_reads_intervals_not_p():
    row = verdicts(effects(indirect=(-0.5, 0.01)), fits(), MODELS).iloc[0]
    assert not row["indirect_excludes_zero"] and row["paper_rule"] == "none"
    row = verdicts(effects(direct=(0.01, 0.2)), fits(), MODELS).iloc[0]
    assert row["direct_excludes_zero"] and "full mediation incompatible" in row["conclusion"]
    assert "opposite" in row["conclusion"]


def test_equivalence_is_in_sds_within_therapists_or_of_the_level_where_these_are_unknown():
    frame = effects()
    row = verdicts(frame.assign(unit=0.5), fits(), MODELS).iloc[0]
    direct = frame[frame.effect == "direct"].iloc[0]
    assert row["direct_standardized"] == pytest.approx(0.5 * direct["estimate"])
    row = verdicts(frame.drop(columns=["unit", "df"]), fits(), MODELS).iloc[0]
    assert row["direct_standardized"] == pytest.approx(0.1)


def test_another_engine_stands_in_and_says_so():
    row = verdicts(effects(engine="semopy"), fits(), MODELS).iloc[0]
    assert row["engine"] == "semopy" and math.isnan(row["lr_chi2"])
    both = pd.concat([effects(engine="semopy"), effects()])
    assert verdicts(both, fits(), MODELS).iloc[0]["engine"] == "regression"


def test_a_whole_run_gives_one_row_per_model_and_estimand():
    data = study()
    settings = Settings(1, draws=300, replicates=20)
    parts = [
        fit_all(MODELS, data, engines, settings) for engines in (["twolevel", "regression"], ["mixedlm"])
    ]
    found = conclude(*([part[name] for part in parts] for name in ("effects", "fit", "derived")), MODELS)
    table = found["verdicts"]
    assert tuple(table.columns) == VERDICT_COLUMNS
    assert table[["model", "level", "engine"]].values.tolist() == [
        [model, level, engine]
        for model in MODELS
        for level, engine in (("within", "twolevel"), ("single", "regression"))
    ]
    assert table["equivalent_full"].tolist() == ["backward"] * 2 + ["simple"] * 2
    within = table[table.level == "within"]
    assert within["boundary"].all() and within["fixed_effects_indirect"].notna().all()
    assert within["note"].str.contains("borrows information").all()
    single = table[table.level == "single"]
    assert not single["boundary"].any() and single["note"].str.contains("take clients as independent").all()
    mixed = parts[1]["effects"]
    beside = mixed[
        (mixed.level == "within") & (mixed.effect == "indirect") & (mixed.interval == "montecarlo")
    ]
    assert within["fixed_effects_indirect"].tolist() == beside["estimate"].tolist()


@pytest.mark.parametrize("asked", [("percentile",), ("bca", "percentile"), ("delta",)])
def test_the_intervals_that_are_asked_for_beside_the_primary_one_decide_nothing(asked):
    """Of 8 therapists no bootstrap interval is given either: rows go, verdicts stay."""
    data = study(n=60, therapists=8)

    def concluded(intervals):
        settings = Settings(1, draws=200, replicates=20, intervals=intervals)
        part = fit_all(MODELS, data, ["twolevel", "regression"], settings)
        return conclude(*([part[name]] for name in ("effects", "fit", "derived")), MODELS)

    usual, found = concluded(("delta", "montecarlo")), concluded(asked)
    assert_frame_equal(found["verdicts"], usual["verdicts"])
    assert found["verdicts"]["indirect_low"].notna().all()
    assert set(found["verdicts"]["indirect_interval"]) == {PRIMARY_INTERVAL}
    assert set(counting(found["effects"])["interval"]) == set(counting(usual["effects"])["interval"])


def test_parts_are_merged_in_the_order_of_models_and_engines():
    frame = pd.DataFrame(
        {"model": ["b", "a", "b"], "engine": ["mixedlm", "semopy", "twolevel"], "x": [1, 2, 3]}
    )
    assert merged([frame.iloc[:1], frame.iloc[1:]], ["a", "b"])["x"].tolist() == [2, 3, 1]
    assert merged([frame.iloc[:0], frame.iloc[:0]], ["a"]).empty


def test_parts_keep_unrounded_numbers(tmp_path):
    frame = pd.DataFrame({"model": ["a"], "engine": ["semopy"], "x": [1 / 3]})
    for name in ("one", "two"):
        write_part({"effects": frame, "fit": frame.iloc[:0]}, tmp_path / name)
    parts = read_parts([tmp_path / "one", tmp_path / "two"])
    assert [part["x"].iloc[0] for part in parts["effects"]] == [1 / 3, 1 / 3]
    assert len(parts["fit"]) == 2


def test_settings_without_bootstrap_have_no_resampled_intervals():
    params = {"seed": 1, "confidence": 0.95, "intervals": ["delta", "bca"], "draws": 200, "replicates": 0}
    assert settings_of(params).intervals == ("delta",)
    assert settings_of({**params, "replicates": 50}).intervals == ("delta", "bca")
