"""The declared choices: multiplied, and refused where they cannot be meant."""

from __future__ import annotations

from itertools import product

import pytest
import yaml
from fortems.errors import ConfigError
from fortems.package import ROOT
from fortems.robustness.choices import CHOICES, choices_of, combinations, joint_combinations, load_choices
from fortems.schema import plain_yaml
from fortems.study.definition import study
from fortems.study.instruments import load_instruments

OWN = ROOT / "config/robustness.yaml"
KNOWN = list(study().variables)


def written(tmp_path, change):
    raw = plain_yaml(OWN)
    change(raw)
    path = tmp_path / "choices.yaml"
    path.write_text(yaml.safe_dump(raw, sort_keys=False), encoding="utf-8")
    return path


def refusal(tmp_path, change):
    with pytest.raises(ConfigError) as error:
        load_choices(written(tmp_path, change), KNOWN, load_instruments())
    return str(error.value)


def test_the_product_is_that_of_the_options_less_what_is_forbidden():
    choices = load_choices(OWN, KNOWN, load_instruments())
    allowed, forbidden = combinations(choices)
    raw = plain_yaml(OWN)
    names = list(raw["choices"])
    every = [dict(zip(names, options, strict=True)) for options in product(*raw["choices"].values())]
    kept = [
        one for one in every
        if not any(all(one[c] == o for c, o in rule["when"].items()) for rule in raw["forbidden"])
    ]  # fmt: skip
    assert set(names) == set(CHOICES)
    assert sorted(tuple(one[c] for c in CHOICES) for one in allowed) == sorted(
        tuple(one[c] for c in CHOICES) for one in kept
    )
    assert len(allowed) + sum(forbidden.values()) == len(every)
    assert allowed[0] == {choice: next(iter(options)) for choice, options in raw["choices"].items()}


def test_the_joint_test_runs_over_its_choices_and_no_other():
    choices = load_choices(OWN)
    joint = joint_combinations(choices)
    sizes = [len(choices.options[name]) for name in choices.joint]
    assert len(joint) == sizes[0] * sizes[1] * sizes[2] * sizes[3] == 60
    for name in set(CHOICES) - set(choices.joint):
        assert {one[name] for one in joint} == {choices.default[name]}


def test_a_silent_file_leaves_the_package_as_it_is():
    choices = choices_of({"choices": {"estimand": {"one": {"level": "within"}}}})
    assert combinations(choices)[0] == [choices.default] and choices.declared == ()


def test_a_label_names_an_option_and_is_none_of_its_settings(tmp_path):
    def change(raw):
        raw["choices"]["missing"]["listwise"]["label"] = "nobody who left one out"
        del raw["choices"]["missing"]["full_information"]["label"]

    raw = plain_yaml(OWN)
    raw["choices"]["missing"]["full_information"]["label"] = "all"
    plain = load_choices(OWN, KNOWN, load_instruments())
    named = load_choices(written(tmp_path, lambda own: own.update(raw) or change(own)))
    assert named.label("missing", "listwise") == "nobody who left one out"
    assert named.label("missing", "full_information") == "full information"
    assert named.options == plain.options and combinations(named)[0] == combinations(plain)[0]
    assert named.without({("missing", "manual"): "x"}).label("missing", "listwise") == named.label(
        "missing", "listwise"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda raw: raw["choices"]["covariates"]["age"].update(columns=["aeg"]), "Did you mean age?"),
        (lambda raw: raw["choices"]["inclusion"]["eight_sessions"].update(rules={"session": {"min": 8}}), "Did you mean sessions?"),
        (lambda raw: raw["choices"].update(covariate={}), "Did you mean covariates?"),
        (lambda raw: raw["choices"].update(covariates={}), "covariates"),
        (lambda raw: raw["forbidden"].append({"when": {"estimand": "withn"}, "because": "x"}), "Did you mean within?"),
        (lambda raw: raw["forbidden"].append({"when": {"estimands": "within"}, "because": "x"}), "Did you mean estimand?"),
        (lambda raw: raw["choices"]["mediator"]["without_weak_item"].update(without=[2]), "no item 2"),
        (lambda raw: raw["choices"]["mediator"]["without_weak_item"].update(without=[1, 4, 5, 6]), "fewer than two items"),
        (lambda raw: raw["choices"]["key"]["wai_s"].update(instruments={"wia": "config/instruments/wai_s.yaml"}), "Did you mean wai?"),
        (lambda raw: raw["choices"]["key"]["wai_s"].update(instruments={"wai": "config/instruments/mlq.yaml"}), "a key of 12 items"),
        (lambda raw: raw["choices"]["key"]["wai_s"].update(instruments={"wai": "config/instruments/absent.yaml"}), "absent.yaml"),
        (lambda raw: raw.update(joint=["missing"]), "missing"),
        (lambda raw: raw["forbidden"].append({"when": {"estimand": "within"}, "because": "never"}), "first options"),
        (lambda raw: raw["forbidden"].extend({"when": {"estimand": e}, "because": "never"} for e in ("within", "single")), "every combination"),
        (lambda raw: raw["choices"]["outliers"]["robust_distance"].update(beyond=1.5), "beyond"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_the_nearest_choice(tmp_path, change, told):
    assert told in refusal(tmp_path, change)
