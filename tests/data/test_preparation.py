"""Mapping, scoring, exclusions and warnings on exports that are fine."""

import numpy as np
import pandas as pd
import pytest
from fortems.study.models import MediationModel
from wording import facts, says

CONTRACT = [
    "client",
    "therapist",
    "age",
    "gender",
    "sessions",
    "bond",
    "task",
    "goal",
    "alliance",
    "meaning",
    "search",
    "symptom_distress",
    "interpersonal_relations",
    "social_role",
    "distress",
]


def test_columns_stand_in_the_order_of_the_contract(door, clients):
    shuffled = clients[list(reversed(clients.columns))]
    assert list(door(shuffled).scores.columns) == CONTRACT


def test_what_a_file_does_not_bring_is_left_out(door, clients):
    frame = clients.drop(columns=["age", "gender", *(f"oq_{n}" for n in range(1, 46))])
    prepared = door(frame, models_={})
    assert list(prepared.scores.columns) == [
        c
        for c in CONTRACT
        if c in ["client", "therapist", "sessions", "bond", "task", "goal", "alliance", "meaning", "search"]
    ]
    assert not [c for c in prepared.answers.columns if c.startswith("oq")]


def test_scores_are_those_of_the_scoring_function(door, clients):
    scores = door(clients).scores
    wai = clients[[f"wai_{n}" for n in range(1, 13)]].to_numpy()
    assert scores["alliance"].tolist() == wai.sum(axis=1).tolist()
    presence = clients[["mlq_1", "mlq_4", "mlq_5", "mlq_6"]].sum(axis=1) + 8 - clients["mlq_9"]
    assert scores["meaning"].tolist() == presence.tolist()
    assert scores["distress"].equals(
        scores["symptom_distress"] + scores["interpersonal_relations"] + scores["social_role"]
    )


def test_missing_answers_follow_the_instruments_rules(door, clients):
    clients = clients.astype(object)
    clients.loc[0, ["mlq_1"]] = ""  # one of five: prorated
    clients.loc[1, ["mlq_1", "mlq_4"]] = "NA"  # two of five: none
    clients.loc[2, [f"oq_{n}" for n in range(1, 6)]] = "."  # five of 45: nothing
    scores = door(clients).scores
    rest = clients.loc[0, ["mlq_4", "mlq_5", "mlq_6"]].sum() + 8 - clients.loc[0, "mlq_9"]
    assert scores.loc[0, "meaning"] == pytest.approx(rest * 5 / 4)
    assert np.isnan(scores.loc[1, "meaning"])
    assert scores.loc[2, ["distress", "symptom_distress", "social_role"]].isna().all()
    assert not np.isnan(scores.loc[2, "meaning"])


def test_lists_of_columns_and_patterns_with_zeros(door, clients):
    renamed = {f"oq_{n}": f"OQ{n:02d}" for n in range(1, 46)} | {f"mlq_{n}": f"m[{n}]" for n in range(1, 11)}
    letters = [f"W{letter}" for letter in "ABCDEFGHIJKL"]
    renamed |= {f"wai_{n}": letter for n, letter in enumerate(letters, start=1)}
    prepared = door(
        clients.rename(columns=renamed), items={"oq": "OQ{n:02d}", "mlq": "m[{n}]", "wai": letters}
    )
    pd.testing.assert_frame_equal(prepared.scores, door(clients).scores)


def test_value_maps_by_column_and_instrument(door, clients):
    words = {1: "never", 2: "rarely", 3: "sometimes", 4: "often", 5: "always"}
    frame = clients.copy()
    for n in range(1, 13):
        frame[f"wai_{n}"] = frame[f"wai_{n}"].map(words)
    frame["sex"] = frame["gender"].map({"female": "V", "male": "m"})
    prepared = door(
        frame.drop(columns="gender"),
        columns={"gender": "sex"},
        values={"wai": {word: code for code, word in words.items()}, "sex": {"v": "female", "m": "male"}},
    )
    pd.testing.assert_frame_equal(prepared.scores, door(clients).scores)


def test_yes_and_no_are_words_though_yaml_reads_them_as_booleans(door, clients):
    frame = clients.assign(trained=["yes", "no"] * 30)
    scores = door(
        frame, columns={"trained": "trained"}, values={"trained": {True: "trained", False: "untrained"}}
    ).scores
    assert scores["trained"].tolist() == ["trained", "untrained"] * 30


@pytest.mark.parametrize("codes", [[99, "n.v.t."], {"oq": [99], "mlq_2": ["n.v.t."]}])
def test_missing_codes_for_all_or_by_column(door, clients, codes):
    frame = clients.astype(object)
    frame.loc[0, "oq_3"], frame.loc[1, "mlq_2"] = "99.0", "n.v.t."
    answers = door(frame, missing_codes=codes).answers
    assert answers.isna().sum().sum() == 2
    assert np.isnan(answers.loc[0, "oq_3"])
    assert np.isnan(answers.loc[1, "mlq_2"])


def test_a_code_for_all_columns_that_could_be_a_real_value_is_told(door, clients):
    clients.loc[0:3, "sessions"] = 9
    clients.loc[4, "oq_1"] = 9
    prepared = door(clients, missing_codes=[9], inclusion={})
    warned = prepared.warnings[prepared.warnings["kind"] == "missing code"]
    assert set(warned["column"]) == {"sessions"}
    assert door(clients, missing_codes={"oq": [9]}).message == ""


def test_identifiers_stay_text(door, clients):
    clients["client"] = [f"{n:04d}" for n in range(60)]
    clients["therapist"] = [float(n % 6) for n in range(60)]
    scores = door(clients).scores
    assert scores["client"].tolist()[:2] == ["0000", "0001"]
    assert set(scores["therapist"]) == {"0.0", "1.0", "2.0", "3.0", "4.0", "5.0"}


def test_extra_columns_come_along_when_mapped_or_named_by_a_model(door, clients):
    frame = clients.assign(hope=np.arange(60.0), school=["a", "b"] * 30, remark="private words")
    model = MediationModel("m", ("hope",), ("meaning",), "distress")
    scores = door(frame, columns={"education": "school"}, models_={"m": model}).scores
    assert list(scores.columns) == [*CONTRACT, "education", "hope"]
    assert scores["hope"].tolist() == list(range(60))


def test_a_column_that_a_rule_alone_names_does_not_come_along(door, clients):
    frame = clients.assign(centre=["north", "south", "east"] * 20)
    prepared = door(frame, inclusion={"centre": {"in": ["north", "east"]}})
    assert "centre" not in prepared.scores
    assert len(prepared.scores) == 40


def test_flow_counts_each_rule_in_turn(door, clients):
    frame = clients.copy()
    frame["sessions"] = frame["sessions"].astype(object)
    frame.loc[:4, "sessions"] = 3
    frame.loc[5, "sessions"] = ""
    frame["age"] = 30
    frame.loc[4:9, "age"] = 17  # the first of them is out already
    frame.loc[frame["therapist"] == "th11", "age"] = 90
    frame.loc[20, [f"mlq_{n}" for n in range(1, 11)]] = np.nan
    rules = {"sessions": {"min": 5}, "gender": None, "age": {"min": 18, "max": 80}}
    flow = door(frame, inclusion=rules).flow
    assert flow.iloc[:, :4].to_numpy().tolist() == [
        ["received", "rows of the file", 60, 12],
        ["excluded", "sessions: missing", 1, 0],
        ["excluded", "sessions: at least 5", 5, 0],
        ["excluded", "age: at least 18, at most 80", 9, 1],
        ["scored", "a score of every scale", 44, 11],
        ["analysed", "a score of at least one scale", 45, 11],
    ]


def test_rules_on_scores_work_too(door, clients):
    whole = door(clients).scores
    prepared = door(clients, inclusion={"distress": {"min": 56}})
    assert prepared.scores["client"].tolist() == whole.loc[whole["distress"] >= 56, "client"].tolist()


def test_scores_export_makes_totals_from_their_parts(door, clients):
    whole = door(clients).scores
    parts = whole.drop(columns=["alliance", "distress"])
    parts.loc[0, "bond"] = np.nan
    scores = door(parts, format="scores").scores
    assert list(scores.columns) == CONTRACT
    assert np.isnan(scores.loc[0, "alliance"])
    assert scores.loc[1:, "alliance"].tolist() == whole.loc[1:, "alliance"].tolist()
    assert scores["distress"].tolist() == whole["distress"].tolist()


def test_a_total_that_is_brought_stays_and_a_difference_is_told(door, clients):
    whole = door(clients).scores
    whole.loc[3, "alliance"] += 2
    prepared = door(whole, format="scores")
    assert prepared.scores["alliance"].tolist() == whole["alliance"].tolist()
    assert prepared.warnings[["kind", "client"]].to_numpy().tolist() == [["total", "c004"]]
    assert prepared.answers is None


def test_decimal_commas_in_a_semicolon_file(door, clients, tmp_path):
    clients["age"] = clients["age"] + 0.5
    path = tmp_path / "dutch.csv"
    clients.to_csv(path, sep=";", decimal=",", index=False)
    pd.testing.assert_frame_equal(door(path).scores, door(clients).scores)


def warned(prepared):
    return set(prepared.warnings["kind"])


def test_clean_data_raise_no_warning(door, clients):
    assert door(clients).message == ""


def test_an_item_that_is_already_reversed_is_told_and_can_be_declared(door, clients):
    expected = door(clients).scores
    clients["oq_12"] = 4 - clients["oq_12"]
    clients["mlq_9"] = 8 - clients["mlq_9"]
    prepared = door(clients)
    assert "declare data.already_reversed: {oq: [12]}" in prepared.message
    assert "declare data.already_reversed: {mlq: [9]}" in prepared.message
    declared = door(clients, already_reversed={"oq": [12], "mlq": "all"})
    assert declared.message == ""
    pd.testing.assert_frame_equal(declared.scores, expected)


def test_a_straight_item_with_the_wrong_sign_is_told(door, clients):
    clients["oq_2"] = 4 - clients["oq_2"]
    prepared = door(clients)
    assert "oq_2: item 2 correlates -" in prepared.message
    assert "Check the order of the items" in prepared.message


def test_already_reversed_items_that_the_key_does_not_reverse(door, clients):
    with pytest.raises(Exception, match=facts("data.already_reversed.oq", "2", "not", "reversed")):
        door(clients, already_reversed={"oq": [2]})


def test_items_without_answers_or_without_differences(door, clients):
    clients["wai_4"] = None
    clients["wai_5"] = None
    clients["oq_2"] = 3
    prepared = door(clients)
    assert warned(prepared) == {"no answers", "no variation"}
    assert "no client answered items 4, 5 of wai" in prepared.message
    says(prepared.message, "every client", "same answer", "item 2 of oq")


def test_constant_answers(door, clients):
    clients.loc[8, [f"oq_{n}" for n in range(1, 46)]] = 2
    prepared = door(clients)
    row = prepared.warnings[prepared.warnings["kind"] == "constant answers"]
    assert row[["instrument", "client", "value"]].to_numpy().tolist() == [["oq", "c009", "2"]]
    assert "c009" not in prepared.message


def test_therapist_with_one_client_and_odd_ages(door, clients):
    clients.loc[3, "therapist"] = "th77"
    clients.loc[[5, 6], "age"] = [12, 103]
    prepared = door(clients)
    assert warned(prepared) == {"lone therapist", "age"}
    assert "age: age outside 16 to 100, 2 times" in prepared.message


def test_items_that_look_coded_from_one_and_could_be_right(door, clients):
    columns = [f"oq_{n}" for n in range(1, 46)]
    clients[columns] = clients[columns].clip(1, 4)
    prepared = door(clients)
    says(prepared.message, "no client", "lowest answer 0", "oq", "run 1 to 4")


def test_spellings_and_slips_are_told(door, clients):
    frame = clients.assign(gender=["Female", "female", "male", "male"] * 15, hope="12")
    frame.loc[4, "hope"] = "12 years"
    prepared = door(frame, columns={"hope": "hope"})
    assert warned(prepared) == {"spelling", "category"}
    assert prepared.scores["hope"].tolist()[4] == "12 years"


def test_warnings_name_no_client_in_the_message(door, clients):
    clients.loc[3, "therapist"] = "th77"
    message = door(clients).message
    says(message, "1 warning:\n  - therapist: ", "therapist with one client")
    says(message, "tell", "nothing", "within therapists")
    assert "c004" not in message and "th77" not in message
