"""Scenario files: what is shipped holds together, and what cannot be used is refused by name."""

import numpy as np
import pytest
import yaml
from fortems.errors import ConfigError
from fortems.package import ROOT
from fortems.simulate.moments import stated_population
from fortems.simulate.scenario import (
    load_scenario,
    resolve,
    scenario_files,
)
from fortems.study.instruments import FOLDER as INSTRUMENTS
from fortems.study.instruments import load_instruments

FOLDER = ROOT / "config" / "scenarios"

SHIPPED = [
    "as_reported",
    "equal_aspects",
    "low_reliability",
    "meta_analytic",
    "no_mediation",
    "no_therapist_effect",
    "partial_mediation",
    "reversed",
]
ASPECTS = ("bond", "task", "goal")


def population(name):
    return stated_population(load_scenario(name), load_instruments())


def correlation(name, first, second, level="total"):
    moments = population(name)
    places = moments.variables.index(first), moments.variables.index(second)
    return moments.correlation(level)[places]


def test_the_shipped_scenarios_are_those_of_the_study():
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted([*SHIPPED, "base"])


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_are_right(name):
    scenario = load_scenario(name)
    assert sum(scenario.cluster_sizes) == 96
    assert len(scenario.cluster_sizes) == 23
    assert len(set(scenario.cluster_sizes)) > 5
    assert scenario.sessions["min"] == 5
    assert scenario.sessions["mean"] == 13
    assert all(row["grade"] in "ABCD" and len(row["source"]) > 5 for row in scenario.provenance)
    assert len(scenario.provenance) > 60


@pytest.mark.parametrize("gap", [0, 0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("level", ["total", "within", "between"])
def test_as_reported_is_fully_mediated_at_each_level_and_gap(gap, level):
    name = f"as_reported@gap={gap}"
    carried = correlation(name, "meaning", "distress", level)
    for predictor in ("bond", "alliance"):
        product = correlation(name, predictor, "meaning", level) * carried
        assert correlation(name, predictor, "distress", level) == pytest.approx(product, abs=1e-6)


def test_as_reported_has_the_direction_of_each_finding():
    assert correlation("as_reported", "alliance", "meaning") > 0.2
    assert correlation("as_reported", "alliance", "distress") < -0.1
    assert -0.5 < correlation("as_reported", "meaning", "distress") < -0.3
    assert (
        correlation("as_reported", "bond", "distress") < correlation("as_reported", "goal", "distress") < -0.1
    )
    assert correlation("as_reported", "task", "distress") == pytest.approx(0, abs=0.002)


def test_the_gap_moves_the_aspects_and_not_their_average():
    for target in ("meaning", "distress"):
        averages = []
        for gap in (0, 0.05, 0.1, 0.15, 0.2):
            values = {a: correlation(f"as_reported@gap={gap}", a, target) for a in ASPECTS}
            averages.append(np.mean(list(values.values())))
            others = (values["task"] + values["goal"]) / 2
            if target == "meaning":
                assert values["bond"] - others == pytest.approx(gap, abs=1e-6)
        assert np.ptp(averages) < 1e-6


def test_a_parameter_set_by_name_shows_in_the_title():
    scenario = load_scenario("as_reported@gap=.05")
    assert scenario.name == "as_reported@gap=0.05"
    assert scenario.title == "As reported, gap 0.05"
    assert scenario.parameters == {"gap": 0.05}


def test_scenarios_differ_only_in_what_they_are_named_for():
    base = load_scenario("as_reported")
    same = {name: load_scenario(name) for name in SHIPPED}
    for name, other in same.items():
        assert other.cluster_sizes == base.cluster_sizes
        assert other.age == base.age
        assert other.missing == base.missing
        assert [s.mean for s in other.scales.values()] == [s.mean for s in base.scales.values()]
        assert [s.sd for s in other.scales.values()] == [s.sd for s in base.scales.values()]
        changed = {
            tuple(sorted((base.variables[i], base.variables[j])))
            for i, j in np.argwhere(~np.isclose(other.correlations, base.correlations))
        }
        aspects_meaning = {tuple(sorted((a, "meaning"))) for a in ASPECTS}
        expected = {"reversed": set(), "no_therapist_effect": set(), "no_mediation": aspects_meaning}
        if name in expected:
            assert changed == expected[name]
    zero = load_scenario("as_reported@gap=0")
    assert np.array_equal(same["equal_aspects"].correlations, zero.correlations)


def test_reversed_has_the_moments_of_as_reported_and_the_order_turned_round():
    forth, back = load_scenario("as_reported"), load_scenario("reversed")
    assert np.array_equal(forth.correlations, back.correlations)
    assert np.array_equal(forth.between_correlations, back.between_correlations)
    assert forth.scales == back.scales
    assert forth.order == back.order[::-1]
    assert (FOLDER / "reversed.yaml").read_text().count("value:") == 0


def test_no_mediation_keeps_every_relation_but_one():
    assert correlation("no_mediation", "alliance", "meaning") == pytest.approx(0, abs=1e-12)
    for pair in (("alliance", "distress"), ("bond", "distress"), ("meaning", "distress")):
        assert correlation("no_mediation", *pair) == pytest.approx(correlation("as_reported", *pair))


def test_meta_analytic_has_the_averages_of_the_literature():
    assert correlation("meta_analytic", "alliance", "distress") == pytest.approx(-0.28, abs=0.002)
    assert correlation("meta_analytic", "meaning", "distress") == pytest.approx(-0.35, abs=0.002)
    assert correlation("meta_analytic", "alliance", "meaning") == pytest.approx(0.28, abs=0.003)


def test_low_reliability_shrinks_reliabilities_correlations_and_iccs_alike():
    high, low = load_scenario("as_reported"), load_scenario("low_reliability")
    off = ~np.eye(8, dtype=bool)
    assert np.allclose(low.correlations[off], 0.75 * high.correlations[off])
    assert np.array_equal(low.between_correlations, high.between_correlations)
    for name in high.variables:
        assert low.scales[name].reliability == pytest.approx(0.75 * high.scales[name].reliability)
        assert low.scales[name].icc == pytest.approx(0.75 * high.scales[name].icc)
        assert low.scales[name].sd == high.scales[name].sd


def test_another_key_with_another_range_moves_the_moments_to_it():
    swapped = load_instruments({**_paths(), "wai": INSTRUMENTS / "wai_s.yaml"})
    bond = load_scenario("as_reported", swapped).scales["bond"]
    assert (bond.low, bond.high) == (4, 28)
    assert bond.mean == pytest.approx(4 + 12.4 * 24 / 16)
    assert bond.sd == pytest.approx(2.8 * 24 / 16)


def _paths():
    return {
        "mlq": INSTRUMENTS / "mlq.yaml",
        "wai": INSTRUMENTS / "wai_sr.yaml",
        "oq": INSTRUMENTS / "oq45.yaml",
    }


def test_a_rule_depends_on_every_file_of_the_chain():
    files = scenario_files("reversed@gap=0.1")
    assert [file.rpartition("/")[2] for file in files] == ["reversed.yaml", "as_reported.yaml", "base.yaml"]


# ------------------------------------------------------------------------------------------------ refusals

NUMBER = {"source": "judgement", "grade": "D"}


def number(value, **more):
    return {"value": value, **NUMBER, **more}


@pytest.fixture
def refused(tmp_path):
    (tmp_path / "base.yaml").write_text((FOLDER / "base.yaml").read_text())
    (tmp_path / "as_reported.yaml").write_text((FOLDER / "as_reported.yaml").read_text())

    def check(changes, name=""):
        path = tmp_path / "mine.yaml"
        path.write_text(yaml.safe_dump({"extends": "as_reported.yaml", **changes}))
        with pytest.raises(ConfigError) as caught:
            load_scenario(f"{path}{name}")
        return str(caught.value)

    return check


def test_a_small_file_that_adds_a_scenario_is_enough(tmp_path, refused):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: as_reported.yaml\ntitle: Mine\nparameters:\n  gap: {value: 0.1, source: widest, grade: D}\n"
    )
    assert load_scenario(path).parameters == {"gap": 0.1}


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"scale": {}}, ["unknown key 'scale'", "Did you mean scales?"]),
        ({"scales": {"bnd": {"mean": number(1)}}}, ["scales: unknown variable 'bnd'", "Did you mean bond?"]),
        (
            {"scales": {"alliance": {"mean": number(47)}}},
            ["'alliance' is a total", "(bond, task, goal)", "Leave alliance out"],
        ),
        (
            {"correlations": {"distress": {"meaning": number(-0.4)}}},
            ["'distress' is a total", "symptom_distress, interpersonal_relations, social_role"],
        ),
        ({"correlations": {"task": {"bond": number(0.6)}}}, ["task.bond: is stated twice"]),
        ({"correlations": {"bond": {"bond": number(0.6)}}}, ["a variable with itself"]),
        ({"correlations": {"bond": {"task": None}}}, ["correlations.bond.task: is not stated"]),
        ({"correlations": {"bond": {"task": number(1.2)}}}, ["1.2 is no correlation"]),
        (
            {"correlations": {"bond": {"task": number(0.99), "goal": number(0.1)}}},
            ["correlations: is not positive definite", "eigenvalue -", "Nearest one", "bond-task 0."],
        ),
        (
            {
                "between_correlations": {
                    "bond": {"task": number(0.99), "goal": number(-0.99)},
                    "task": {"goal": number(0.99)},
                }
            },
            ["between_correlations: ", "not positive semi-definite", "Nearest one"],
        ),
        (
            {
                "scales": {"bond": {"icc": number(0.9)}, "task": {"icc": number(0.9)}},
                "between_correlations": {"bond": {"task": number(-0.1)}},
            },
            [
                "between_correlations.bond.task: -0.1",
                "ICCs 0.9 and 0.9",
                "a correlation of 6.9",
                "above 0.556, below 0.778",
            ],
        ),
        (
            {"scales": {"bond": {"reliability": number(0)}}},
            ["reliability: 0 is no reliability", "above 0, at most 1"],
        ),
        ({"scales": {"bond": {"reliability": number(1.01)}}}, ["1.01 is no reliability"]),
        ({"scales": {"bond": {"icc": number(1)}}}, ["scales.bond.icc: 1 is no ICC", "from 0 to below 1"]),
        ({"scales": {"bond": {"icc": number(-0.1)}}}, ["-0.1 is no ICC"]),
        ({"scales": {"bond": {"mean": number(21)}}}, ["21 is out of the possible range", "between 4 and 20"]),
        (
            {"scales": {"bond": {"sd": number(9)}}},
            ["9 is impossible with this mean and range", "below 6.681"],
        ),
        ({"scales": {"bond": {"loadings": {"value": [1, 1], **NUMBER}}}}, ["2 loadings for 4 items"]),
        ({"scales": {"bond": {"mean": {"value": 16}}}}, ["scales.bond.mean", "'source' is missing"]),
        ({"scales": {"bond": None}}, ["the subscale 'bond' is missing"]),
        (
            {"scales": {"bond": {"mean": number(16, source="judgment")}}},
            ["'judgment'", "Did you mean judgement?"],
        ),
        ({"attenuation": number(0)}, ["attenuation: 0"]),
        (
            {
                "scales": {name: {"icc": number(0.5)} for name in ("bond", "task", "goal")},
                "between_correlations": {
                    "bond": {"task": number(0.3), "goal": number(0.3)},
                    "task": {"goal": number(0.8)},
                },
            },
            ["correlations within therapists", "is not positive definite"],
        ),
        ({"order": ["bond", "task"]}, ["order: the subscale 'goal' is missing"]),
        ({"therapists": {"value": [3, 0], **NUMBER}}, ["therapists: not all sizes", "whole numbers from 1"]),
        ({"therapists": {"value": [96], **NUMBER}}, ["1 therapist"]),
        ({"sessions": {"mean": number(4)}}, ["4 is not above the minimum"]),
        ({"sessions": {"sd": number(1)}}, ["1 is too small for this mean"]),
        ({"gender": {"other": number(0.2)}}, ["the shares sum to 1.2"]),
        ({"age": {"mean": number(17)}}, ["age: [18, 17, 85]", "min < mean < max"]),
        ({"age": {"sd": number(60)}}, ["age.sd: 60"]),
        ({"missing": {"items": number(1)}}, ["missing.items: 1"]),
        ({"story": None, "title": None}, ["'title' is missing", "'story' is missing"]),
    ],
)
def test_refused_by_name(refused, changes, messages):
    text = refused(changes)
    for message in messages:
        assert message in text
    assert "mine.yaml" in text


def test_all_problems_are_listed_at_once(refused):
    text = refused({"scales": {"bond": {"icc": number(1)}, "task": {"reliability": number(2)}}})
    assert len(text.splitlines()) == 2


def test_unknown_or_impossible_parameter_in_the_name(refused):
    assert "is no correlation" in refused({"title": "Mine"}, "@gap=3")
    assert "Did you mean gap?" in refused({"title": "Mine"}, "@gab=.1")
    assert "sets no parameter" in refused({"title": "Mine"}, "@gap")


def test_unknown_scenario_names_the_nearest():
    with pytest.raises(ConfigError, match=r"no such file.*Did you mean as_reported\?"):
        load_scenario("as_reprted")


def test_a_file_that_extends_itself(tmp_path):
    path = tmp_path / "loop.yaml"
    path.write_text("extends: loop.yaml\n")
    with pytest.raises(ConfigError, match="extends itself"):
        load_scenario(path)


def test_names_resolve_to_files_and_settings():
    path, settings = resolve("as_reported.yaml@gap=.05")
    assert path.name == "as_reported.yaml"
    assert settings == {"gap": 0.05}
