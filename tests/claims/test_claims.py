"""Every verdict and its reason; many studies judged as one by one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.claims.claimfile import Claim, load_claims
from fortems.claims.evidence import Estimate, Evidence, Key, from_tables
from fortems.claims.judge import (
    CANNOT_TELL,
    MATCHES,
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPRODUCED,
    WEAK,
    claims_table,
    judge,
)
from fortems.robustness.aspects import ASPECT_COLUMNS

ROOT = Path(__file__).resolve().parents[2]


def estimate(value, p=0.5, low=-1.0, high=1.0, reason=""):
    arrays = (np.atleast_1d(np.asarray(v, float)) for v in (value, low, high, p))
    value, low, high, p = np.broadcast_arrays(*arrays)
    return Estimate(value, low, high, p, "test", reason)


def evidence(confidence=0.95, **named):
    estimates = {}
    keys = {
        "r": Key("correlation", "total", test="robust", x="bond", y="meaning"),
        "r_within": Key("correlation", "within", test="centred", x="bond", y="meaning"),
        "pearson": Key("correlation", "total", test="pearson", x="bond", y="meaning"),
        "indirect": Key("indirect", "single", model="bond", x="bond", y="meaning"),
        "direct": Key("direct", "single", model="bond", x="bond", y="meaning"),
        "a": Key("a", "single", model="bond", x="bond", y="meaning"),
        "age": Key("covariate", "single", x="age", y="distress"),
        "gender": Key("covariate", "single", x="gender_male", y="distress"),
        "joint": Key("covariate", "single", x="joint", y="distress"),
    }
    studies = 1
    for name, found in named.items():
        estimates[keys[name]] = found
        studies = len(found.value)
    return Evidence(studies, confidence, estimates)


def correlation(**keys):
    return Claim("c", "text", "correlation", x="bond", y="meaning", **keys)


def mediation(**keys):
    return Claim("c", "text", "full_mediation", levels=("single",), model="bond", **keys)


def covariates(**keys):
    return Claim("c", "text", "covariates", levels=("single",), outcome="distress", **keys)


def verdict(claim, found):
    return judge({claim.name: claim}, found)[claim.name, claim.levels[0]].verdict()


@pytest.mark.parametrize(
    ("claim", "found", "expected", "word"),
    [
        (correlation(direction="positive"), estimate(0.3, p=0.01), REPRODUCED, ""),
        (correlation(direction="positive"), estimate(0.3, p=0.05), NOT_REPRODUCED, "not significant"),
        (correlation(direction="positive"), estimate(-0.3, p=0.01), NOT_REPRODUCED, "other sign"),
        (correlation(direction="any"), estimate(-0.3, p=0.01), REPRODUCED, ""),
        (correlation(significant=False), estimate(0.1, p=0.3), WEAK, "weak evidence"),
        (correlation(significant=False), estimate(0.3, p=0.01), NOT_REPRODUCED, "is significant"),
        (correlation(band=(0.3, 0.5)), estimate(-0.4, p=0.01, low=-0.49, high=-0.31), REPRODUCED, ""),
        (
            correlation(band=(0.3, 0.5)),
            estimate(-0.6, p=0.001, low=-0.7, high=-0.5),
            NOT_REPRODUCED,
            "outside .30 to .50",
        ),
        (correlation(band=(0.3, 0.5)), estimate(0.2, p=0.01, low=0.11, high=0.29), NOT_REPRODUCED, "outside"),
        (
            correlation(band=(0.3, 0.5)),
            estimate(-0.4, p=0.01, low=-0.55, high=-0.31),
            CANNOT_TELL,
            "end of .30 to .50",
        ),
        (correlation(band=(0.3, 0.5)), estimate(-0.29, p=0.01, low=-0.45, high=-0.1), CANNOT_TELL, "end of"),
        (
            correlation(band=(0.3, 0.5)),
            estimate(0.2, p=0.3, low=-0.1, high=0.45),
            NOT_REPRODUCED,
            "not significant",
        ),
        (correlation(sides=1, direction="positive"), estimate(0.2, p=0.08), REPRODUCED, ""),
        (
            correlation(sides=1, direction="positive"),
            estimate(-0.2, p=0.08),
            NOT_REPRODUCED,
            "not significant",
        ),
        (correlation(alpha=0.01), estimate(0.3, p=0.02), NOT_REPRODUCED, "not significant"),
        (correlation(), estimate(np.nan, p=np.nan, reason="constant"), NOT_TESTABLE, "constant"),
    ],
)
def test_correlation(claim, found, expected, word):
    result, reason = verdict(claim, evidence(r=found))
    assert result == expected
    assert word in reason


def test_correlation_that_the_run_lacks_says_so():
    result, reason = verdict(correlation(), evidence(r_within=estimate(0.1)))
    assert result == NOT_TESTABLE and "bond" in reason and "over all clients" in reason


def test_correlation_may_stand_in_either_order():
    claim = Claim("c", "text", "correlation", x="meaning", y="bond")
    assert verdict(claim, evidence(r=estimate(0.3, p=0.01)))[0] == REPRODUCED


def test_pearson_and_within_are_shown_and_not_judged():
    found = evidence(r=estimate(0.3, p=0.01), pearson=estimate(0.3, p=0.9), r_within=estimate(-0.3, p=0.9))
    table = claims_table({"c": correlation()}, found)
    assert table["judged"].tolist() == [True, False, False]
    assert table["verdict"].iloc[0] == REPRODUCED and table["verdict"].iloc[1:].isna().all()
    assert table["estimate"].tolist() == [0.3, 0.3, -0.3]


SIGNIFICANT = estimate(-1.0, low=-2.0, high=-0.1, p=0.03)


@pytest.mark.parametrize(
    ("indirect", "direct_p", "expected", "word"),
    [
        (SIGNIFICANT, 0.05, MATCHES, "not shown to be absent"),
        (SIGNIFICANT, 0.049, NOT_REPRODUCED, "direct path is significant"),
        (estimate(-1.0, low=-2.0, high=0.1, p=0.07), 0.5, NOT_REPRODUCED, "includes 0"),
        (estimate(1.0, low=0.1, high=2.0, p=0.03), 0.5, NOT_REPRODUCED, "other sign"),
        (estimate(-1.0, low=np.nan, high=np.nan, p=np.nan), 0.5, NOT_TESTABLE, ""),
        (SIGNIFICANT, np.nan, NOT_TESTABLE, ""),
    ],
)
def test_full_mediation(indirect, direct_p, expected, word):
    found = evidence(indirect=indirect, direct=estimate(-0.2, p=direct_p))
    result, reason = verdict(mediation(direction="negative"), found)
    assert result == expected and word in reason


def test_full_mediation_shows_the_direct_path_beside():
    table = claims_table({"c": mediation()}, evidence(indirect=SIGNIFICANT, direct=estimate(-0.2, p=0.4)))
    assert table["statistic"].tolist() == ["indirect", "direct"]
    assert table["p"].tolist() == [0.03, 0.4]


def test_interval_of_another_confidence_is_replaced_by_its_p():
    """A 90 % interval that excludes 0 does not make an effect significant at .05."""
    ninety = estimate(-1.0, low=-1.9, high=-0.1, p=0.08)
    found = evidence(confidence=0.90, indirect=ninety, direct=estimate(0.0))
    assert verdict(mediation(), found)[0] == NOT_REPRODUCED


def test_effect_claims():
    claim = Claim("c", "t", "effect", levels=("single",), model="bond", effect="a", direction="positive")
    assert verdict(claim, evidence(a=estimate(0.5, p=0.01)))[0] == REPRODUCED
    none = Claim("c", "t", "effect", levels=("single",), model="bond", significant=False)
    assert verdict(none, evidence(indirect=estimate(0.1, low=-1, high=1, p=0.8)))[0] == WEAK
    assert verdict(none, evidence(indirect=SIGNIFICANT))[0] == NOT_REPRODUCED


@pytest.mark.parametrize(
    ("age", "gender", "expected", "word"),
    [
        (0.5, 0.2, WEAK, "weak"),
        (0.04, 0.2, NOT_REPRODUCED, "age"),
        (0.5, 0.01, NOT_REPRODUCED, "gender_male"),
        (np.nan, 0.2, NOT_TESTABLE, ""),
    ],
)
def test_covariates(age, gender, expected, word):
    found = evidence(age=estimate(0.1, p=age), gender=estimate(2.0, p=gender), joint=estimate(np.nan, p=0.4))
    result, reason = verdict(covariates(significant=False), found)
    assert result == expected and word in reason


def test_covariates_joint_test_stands_first_and_is_not_what_is_judged():
    found = evidence(age=estimate(0.1, p=0.5), gender=estimate(2.0, p=0.5), joint=estimate(np.nan, p=0.01))
    table = claims_table({"c": covariates(significant=False)}, found)
    assert table["statistic"].tolist() == ["joint", "age", "gender_male"]
    assert table["verdict"].iloc[0] == WEAK and table["p"].iloc[0] == 0.01


def test_covariates_that_are_not_there():
    result, reason = verdict(covariates(significant=False), evidence(r=estimate(0.1)))
    assert result == NOT_TESTABLE and "background" in reason


def pattern_claims():
    return {
        "one": Claim("one", "t", "correlation", x="bond", y="meaning"),
        "two": Claim("two", "t", "full_mediation", levels=("single",), model="bond"),
        "both": Claim("both", "t", "all_of", role="pattern", levels=("single",), parts=("one", "two")),
    }


@pytest.mark.parametrize(
    ("r_p", "direct_p", "expected", "word"),
    [
        (0.01, 0.5, MATCHES, "not shown to be absent"),
        (0.20, 0.5, NOT_REPRODUCED, "one does not hold"),
        (0.01, 0.01, NOT_REPRODUCED, "two does not hold"),
        (np.nan, 0.5, NOT_TESTABLE, "one"),
        (np.nan, 0.01, NOT_REPRODUCED, "two does not hold"),
    ],
)
def test_pattern(r_p, direct_p, expected, word):
    found = evidence(r=estimate(0.3, p=r_p), indirect=SIGNIFICANT, direct=estimate(-0.1, p=direct_p))
    result, reason = judge(pattern_claims(), found)["both", "single"].verdict()
    assert result == expected and word in reason


@pytest.mark.parametrize(
    ("r", "ends", "other_p", "expected", "reason"),
    [
        (
            0.27,
            (0.04, 0.48),
            0.01,
            CANNOT_TELL,
            "one is not decided",
        ),  # nor would the authors have written it
        (0.37, (0.20, 0.51), 0.01, CANNOT_TELL, "one is not decided"),  # they would
        (0.27, (0.04, 0.48), 0.40, NOT_REPRODUCED, "one is not decided; two does not hold"),
        (0.37, (0.20, 0.51), 0.40, NOT_REPRODUCED, "two does not hold"),  # not what the authors' rule misses
        (0.27, (0.04, 0.48), np.nan, NOT_TESTABLE, "not testable: two"),
        (0.20, (0.11, 0.29), 0.01, NOT_REPRODUCED, "one does not hold"),
        (0.40, (0.31, 0.49), 0.01, REPRODUCED, ""),
    ],
)
def test_a_pattern_is_undecided_where_a_part_is_and_none_fails(r, ends, other_p, expected, reason):
    claims = {
        "one": Claim("one", "t", "correlation", x="bond", y="meaning", band=(0.3, 0.5)),
        "two": Claim("two", "t", "correlation", x="goal", y="meaning"),
        "both": Claim("both", "t", "all_of", role="pattern", levels=("single",), parts=("one", "two")),
    }
    estimates = {
        Key("correlation", "total", test="robust", x="bond", y="meaning"): estimate(r, 0.01, *ends),
        Key("correlation", "total", test="robust", x="goal", y="meaning"): estimate(0.3, p=other_p),
    }
    assert judge(claims, Evidence(1, 0.95, estimates))["both", "single"].verdict() == (expected, reason)


def contrasted(level="single", **keys):
    """Claims whose pattern sets bond against goal, and their evidence with the difference of the two."""
    parts = {
        "one": Claim("one", "t", "effect", levels=(level,), model="bond"),
        "other": Claim("other", "t", "effect", levels=(level,), model="goal", significant=False),
        "difference": Claim("difference", "t", "contrast", levels=(level,), x="bond", y="goal", outcome="distress", direction="negative"),
    }  # fmt: skip
    pattern = Claim(
        "alone",
        "t",
        "all_of",
        role="pattern",
        levels=(level,),
        parts=("one", "other"),
        contrasts=("difference",),
    )
    estimates = {
        Key("indirect", level, model="bond", x="bond", y="meaning"): estimate(-0.2, p=0.01),
        Key("indirect", level, model="goal", x="goal", y="meaning"): estimate(-0.1, p=0.20),
    }
    if keys:
        key = Key("contrast", level, test="indirect", model="distress", x="bond", y="goal")
        estimates[key] = estimate(**keys)
    return parts | {"alone": pattern}, Evidence(1, 0.95, estimates)


@pytest.mark.parametrize(
    ("difference", "expected", "of_itself"),
    [
        ({"value": -0.1, "p": 0.01}, REPRODUCED, REPRODUCED),
        ({"value": -0.1, "p": 0.20}, MATCHES, NOT_REPRODUCED),
        ({"value": 0.1, "p": 0.01}, MATCHES, NOT_REPRODUCED),
        ({}, MATCHES, NOT_TESTABLE),
    ],
)
def test_significant_beside_not_significant_is_no_difference(difference, expected, of_itself):
    """The article's answer stays what its rule says; ours asks for the difference itself."""
    claims, found = contrasted(**difference)
    judged = judge(claims, found)
    assert judged["alone", "single"].holds[0]
    verdict_, reason = judged["alone", "single"].verdict()
    assert verdict_ == expected and ("difference" in reason) == (expected == MATCHES)
    assert judged["difference", "single"].verdict()[0] == of_itself


def test_a_part_that_fails_fails_the_pattern_whatever_the_difference():
    claims, found = contrasted(value=-0.1, p=0.01)
    claims["other"] = Claim("other", "t", "effect", levels=("single",), model="goal")
    assert judge(claims, found)["alone", "single"].verdict()[0] == NOT_REPRODUCED


def test_differences_are_those_of_the_table_of_aspects():
    rows = [
        {"statistic": statistic, "level": level, "first": "bond", "second": "goal", "with": other, "interval": interval}
        | {"estimate": value, "ci_low": value - 0.1, "ci_high": value + 0.1, "p": p, "reason": ""}
        for statistic, level, other, interval, value, p in (
            ("indirect", "single", "distress", "percentile", -0.5, 0.5),
            ("indirect", "single", "distress", "robust", -0.2, 0.01),
            ("correlation", "total", "meaning", "robust", 0.3, 0.02),
        )
    ]  # fmt: skip
    rows.append({**rows[1], "statistic": "direct", "second": np.nan, "estimate": 9.0})
    found = from_tables(CORRELATIONS, pd.DataFrame([effects()]), aspects=pd.DataFrame(rows))
    claims = load_claims(ROOT / "config/claims.yaml")
    table = claims_table(claims, found)
    shown = table[table["judged"]].set_index(["claim", "estimand"])
    assert shown.loc[("bond_over_goal", "single"), "estimate"] == -0.2
    assert shown.loc[("bond_over_goal", "single"), "verdict"] == REPRODUCED
    assert shown.loc[("bond_over_goal_meaning", "total"), "p"] == 0.02
    assert "were not compared" in shown.loc[("bond_over_task", "single"), "reason"]
    without = claims_table(claims, from_tables(CORRELATIONS, pd.DataFrame([effects()])))
    own = without[without["claim"] == "bond_over_goal"]
    assert (own["verdict"] == NOT_TESTABLE).all()


@pytest.mark.parametrize("aspects", [None, "empty"])
def test_what_a_printed_table_does_not_allow_is_told_as_that(aspects):
    """Neither "no background variables" nor "not compared": why the table cannot give them."""
    printed = CORRELATIONS[CORRELATIONS["kind"] == "pearson"]
    found = from_tables(
        printed,
        pd.DataFrame([effects()]),
        aspects=None if aspects is None else pd.DataFrame(columns=ASPECT_COLUMNS, dtype=object),
    )
    table = claims_table(load_claims(ROOT / "config/claims.yaml"), found)
    reasons = table[table["judged"]].set_index(["claim", "estimand"])["reason"]
    assert reasons["age_gender", "single"] == "the printed table has neither age nor gender"
    for key in (("bond_over_goal_meaning", "total"), ("bond_over_task", "single")):
        assert "leaves out one therapist after another, which a printed table does not allow" in reasons[key]
    with_age = pd.concat([printed, printed.head(1).assign(x="age", y="distress")])
    assert (
        from_tables(with_age, pd.DataFrame([effects()])).lacking["covariate"]
        == "the printed table does not have gender"
    )


def test_many_studies_are_judged_as_one_by_one():
    rng = np.random.default_rng(0)
    studies = 40

    def random(**fixed):
        value = rng.normal(size=studies)
        value[rng.random(studies) < 0.1] = np.nan
        return estimate(value, p=rng.random(studies) ** 3, low=value - 0.5, high=value + 0.5, **fixed)

    named = {name: random() for name in ("r", "indirect", "direct", "age", "gender", "joint")}
    claims = (
        pattern_claims() | {"none": covariates(significant=False)} | {"band": correlation(band=(0.3, 1.5))}
    )
    claims = {name: Claim(**{**vars(claim), "name": name}) for name, claim in claims.items()}
    together = judge(claims, evidence(**named))
    verdicts = set()
    for s in range(studies):
        part = {
            name: Estimate(e.value[s : s + 1], e.low[s : s + 1], e.high[s : s + 1], e.p[s : s + 1])
            for name, e in named.items()
        }
        for key, judgement in judge(claims, evidence(**part)).items():
            assert together[key].verdict(s)[0] == judgement.verdict()[0]
            if claims[key[0]].band is None:
                assert together[key].holds[s] == (judgement.verdict()[0] in (REPRODUCED, WEAK, MATCHES))
            verdicts.add(judgement.verdict()[0])
    assert verdicts == {REPRODUCED, WEAK, MATCHES, CANNOT_TELL, NOT_REPRODUCED, NOT_TESTABLE}


def effects(**changes):
    row = {
        **{
            "model": "bond",
            "engine": "regression",
            "level": "single",
            "effect": "indirect",
            "predictor": "bond",
        },
        **{
            "mediator": "meaning",
            "outcome": "distress",
            "at": np.nan,
            "interval": "montecarlo",
            "estimate": -1.0,
        },
        **{"se": 0.4, "ci_low": -2.0, "ci_high": -0.1, "p": 0.03},
    }
    return {**row, **changes}


CORRELATIONS = pd.DataFrame(
    [
        {"x": "bond", "y": "meaning", "level": "total", "kind": "pearson", "r": 0.3, "p": 0.01}
        | {"ci_low": 0.1, "ci_high": 0.5, "reason": np.nan}
    ]
)


def test_tables_become_evidence_primary_engine_and_interval_first():
    frame = pd.DataFrame(
        [
            effects(engine="semopy", estimate=-9.0),
            effects(interval="delta", estimate=-8.0),
            effects(interval="bca", estimate=-7.0),
            effects(),
            effects(at="mean", estimate=-6.0),
            effects(effect="direct", interval="wald", estimate=-0.5, p=0.4),
        ]
    )
    found = from_tables(CORRELATIONS, frame)
    assert found.get(Key("indirect", "single", model="bond")).value[0] == -1.0
    assert found.get(Key("direct", "single", model="bond", x="bond")).p[0] == 0.4
    assert "no effects within therapists" in found.get(Key("indirect", "within", model="bond")).reason


def test_another_engine_stands_in_and_is_named():
    found = from_tables(CORRELATIONS, pd.DataFrame([effects(engine="semopy")]))
    table = claims_table({"c": Claim("c", "t", "effect", levels=("single",), model="bond")}, found)
    assert table["test"].iloc[0] == "semopy" and table["verdict"].iloc[0] == REPRODUCED


def test_a_model_with_several_predictors_needs_the_predictor_named():
    rows = [effects(model="aspects"), effects(model="aspects", predictor="goal", estimate=-5.0)]
    found = from_tables(CORRELATIONS, pd.DataFrame(rows))
    assert "no single indirect" in found.get(Key("indirect", "single", model="aspects")).reason
    assert found.get(Key("indirect", "single", model="aspects", x="goal")).value[0] == -5.0


def test_a_matrix_without_clusters_is_judged_by_pearson():
    table = claims_table({"c": correlation()}, from_tables(CORRELATIONS, pd.DataFrame([effects()])))
    assert table["verdict"].iloc[0] == REPRODUCED and table["test"].iloc[0] == "pearson"


def test_a_model_of_the_same_name_that_relates_other_variables_is_not_the_articles():
    claims = load_claims(ROOT / "config/claims.yaml")

    def judged(**variables):
        rows = [effects(**variables), effects(**variables, effect="direct", interval="wald", p=0.4)]
        return judge(claims, from_tables(CORRELATIONS, pd.DataFrame(rows)))

    own, other = judged(), judged(predictor="task", mediator="search")
    for name in ("bond_full_mediation", "bond_indirect"):
        assert own[name, "single"].verdict()[0] in (REPRODUCED, MATCHES)
        assert other[name, "single"].verdict()[0] == NOT_TESTABLE


@pytest.mark.parametrize(("value", "article"), [(-0.298, False), (-0.31, True)])
def test_the_article_goes_by_the_estimate_and_the_verdict_by_the_interval(value, article):
    """At n = 96 an estimate on either side of .30 has an interval that reaches over it."""
    claim = correlation(band=(0.3, 0.5), direction="negative")
    table = claims_table(
        {"c": claim}, evidence(r=estimate(value, p=0.003, low=value - 0.17, high=value + 0.18))
    )
    assert bool(table["article"].iloc[0]) is article and table["verdict"].iloc[0] == CANNOT_TELL
    assert table["article"].iloc[1:].isna().all()


def test_full_mediation_is_never_counted_as_reproduced():
    table = claims_table({"c": mediation()}, evidence(indirect=SIGNIFICANT, direct=estimate(0.1, p=0.6)))
    assert bool(table["article"].iloc[0]) and table["verdict"].iloc[0] == MATCHES
    missing = claims_table({"c": mediation()}, evidence(indirect=SIGNIFICANT))
    assert missing["article"].iloc[0] is None or missing["article"].isna().iloc[0]


def test_every_claim_says_how_many_clients_it_rests_on():
    """Of a correlation those of the pair, of an effect those of its model, of a pattern none of its own."""
    rows = [effects(n_clients=95), effects(effect="direct", interval="wald", p=0.4, n_clients=95)]
    found = from_tables(CORRELATIONS.assign(n=96, kind="robust"), pd.DataFrame(rows))
    table = claims_table(pattern_claims(), found)
    shown = table[table["judged"]].set_index("claim")["n_clients"]
    assert shown["one"] == 96 and shown["two"] == 95 and np.isnan(shown["both"])
    assert table.loc[table["statistic"] == "direct", "n_clients"].item() == 95
