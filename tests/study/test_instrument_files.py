"""Instrument files that cannot be used are refused by name, with what was meant."""

import numpy as np
import pytest
import yaml
from fortems.errors import ConfigError
from fortems.study.definition import load_study
from fortems.study.instruments import FOLDER, constructs, load_instrument, load_instruments
from fortems.study.scoring import score_array
from wording import facts


def write(tmp_path, name="mlq.yaml", **changes):
    raw = yaml.safe_load((FOLDER / name).read_text())
    raw.update(changes)
    path = tmp_path / name
    path.write_text(yaml.safe_dump(raw))
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reversd": [9]}, facts("unknown key 'reversd'", ". Allowed:", ". Did you mean reversed?")),
        ({"items": 9}, facts("subscales.search", "no item 10. Allowed:", "1 to 9")),
        ({"reversed": [11]}, r"reversed: there is no item 11"),
        (
            {"subscales": {"meaning": [1, 2], "search": [2, 3]}, "reversed": []},
            r"item 2 is already in 'meaning'",
        ),
        ({"response": {"low": 7, "high": 1}}, r"low 7 is not below high 1"),
        (
            {"missing": {"rule": "prorated", "most": 0.25}},
            facts("'prorated'", "not", ". Allowed:", ". Did you mean prorate?"),
        ),
        ({"missing": {"rule": "prorate", "most": 2}}, r"missing.most: 2 is not a share"),
        ({"missing": {"rule": "subscale_mean", "most": 0.25}}, r"0.25 is not a number of items"),
        ({"total": "search"}, r"total: 'search' is also a subscale"),
        ({"subscales": {"age": [1, 4, 5, 6, 9]}}, facts("age", "score", "cannot", "name", "background")),
        ({"subscales": {"meaning": [1, 4, 5, 6]}}, r"reversed: item 9 is in no subscale"),
        ({"sources": {}}, r"sources"),
    ],
)
def test_refused(tmp_path, changes, message):
    path = write(tmp_path, **changes)
    with pytest.raises(ConfigError, match=message) as caught:
        load_instrument(path, "mlq")
    assert str(path) in str(caught.value)


def test_every_problem_of_every_file_is_listed(tmp_path):
    first = write(tmp_path, reversed=[12, 13])
    with pytest.raises(ConfigError) as caught:
        load_instruments({"mlq": first, "wai": tmp_path / "wai_sr.yaml"})
    assert len(caught.value.problems) == 3


def test_two_instruments_of_one_construct_stand_side_by_side():
    both = load_instruments({"wai": FOLDER / "wai_sr.yaml", "wai_therapist": FOLDER / "wai_s.yaml"})
    client, therapist = both.values()
    assert set(client.scales) == {"bond", "task", "goal", "alliance"}
    assert therapist.total == "wai_therapist_alliance" and therapist.subscales["wai_therapist_goal"] == (
        4,
        6,
        10,
        11,
    )
    assert therapist.measured("highest alliance") == 84 and client.measured("highest alliance") == 60
    assert constructs(both)["bond"] == [("wai", "bond"), ("wai_therapist", "wai_therapist_bond")]
    assert set(constructs(both)) == set(client.scales)


def test_a_score_that_still_has_another_instruments_name_is_refused(tmp_path):
    raw = yaml.safe_load((FOLDER / "swls.yaml").read_text())
    raw |= {"subscales": {"wai2_bond": [1, 2, 3, 4, 5]}, "description": "Five items."}
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(raw))
    files = {"wai": FOLDER / "wai_sr.yaml", "odd": tmp_path / "odd.yaml", "wai2": FOLDER / "wai_s.yaml"}
    with pytest.raises(ConfigError, match=facts("data.instruments.wai2", "'wai2_bond'", "also", "'odd'")):
        load_instruments(files)


def test_a_direction_is_the_instruments_unless_the_study_says_otherwise(tmp_path):
    raw = yaml.safe_load((FOLDER.parent / "study.yaml").read_text())
    assert (
        load_instrument(FOLDER / "oq45.yaml", "oq").worse
        and not load_instrument(FOLDER / "swls.yaml", "s").worse
    )
    raw["variables"]["social_role"]["higher"] = "better"
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(raw))
    known = load_study(tmp_path / "study.yaml").variables
    assert known["distress"].worse and not known["social_role"].worse and not known["bond"].worse
    with pytest.raises(ConfigError, match="higher is better, higher is worse"):
        load_instrument(write(tmp_path, direction="worse"), "mlq")


def test_each_shipped_file_loads_and_states_source_and_grade():
    files = sorted(FOLDER.glob("*.yaml"))
    assert [path.stem for path in files] == [
        "core10",
        "gad7",
        "mlq",
        "oq45",
        "phq9",
        "swls",
        "wai_s",
        "wai_sr",
    ]
    for path in files:
        instrument = load_instrument(path, path.stem)
        assert all(set(entry) == {"source", "grade"} for entry in instrument.sources.values())


@pytest.mark.parametrize(
    ("name", "score", "all_lowest", "all_highest", "least", "most"),
    [
        ("phq9", "depression", 0, 27, 0, 27),
        ("gad7", "anxiety", 0, 21, 0, 21),
        # Two of the ten count the other way: answering "not at all" throughout is 8, "most of the time" 32.
        ("core10", "psychological_distress", 8, 32, 0, 40),
        ("swls", "life_satisfaction", 5, 35, 5, 35),
    ],
)
def test_further_instruments_score_as_their_sources_say(name, score, all_lowest, all_highest, least, most):
    instrument = load_instrument(FOLDER / f"{name}.yaml", name)
    low, high = instrument.low, instrument.high
    answers = np.array(
        [[low] * instrument.n_items, [high] * instrument.n_items, best(instrument), worst(instrument)]
    )
    scores = score_array(answers.astype(float), instrument)[score]
    assert list(scores) == [all_lowest, all_highest, least, most]


def best(instrument):
    """Each item answered so that it adds least."""
    turned = set(instrument.reversed)
    return [instrument.high if k in turned else instrument.low for k in range(1, instrument.n_items + 1)]


def worst(instrument):
    turned = set(instrument.reversed)
    return [instrument.low if k in turned else instrument.high for k in range(1, instrument.n_items + 1)]
