"""Bad input, each kind with its message; all problems of a file in one report."""

import pandas as pd
import pytest
from data_clients import RULES
from fortems.data.findings import MOST_GROUPS, ExportError
from fortems.errors import DataError, FortemsError
from fortems.study.models import MediationModel
from wording import says


def told(door, frame, **keywords):
    with pytest.raises(DataError) as caught:
        door(frame, **keywords)
    return str(caught.value)


def changed(frame, row, column, value):
    frame = frame.copy()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


def test_text_in_a_number_column(door, clients):
    message = told(door, changed(clients, 3, "oq_7", "often"))
    says(message, "oq_7", "not a number", "row 5", "c004", "'often'). Allowed: a number")
    assert "data.values.oq" in message


def test_answer_out_of_range(door, clients):
    message = told(door, changed(clients, 0, "mlq_3", 9))
    says(message, "mlq_3", "out of range", "row 2", "c001", "'9'). Allowed: whole numbers 1 to 7")


def test_half_an_answer(door, clients):
    assert "wai_2: not a whole number" in told(door, changed(clients, 0, "wai_2", 2.5))


def test_duplicate_client(door, clients):
    frame = pd.concat([clients, clients.iloc[[4]]])
    message = told(door, frame)
    says(message, "more than one row", "2 times", "row 6", "c005", "row 62", "c005")


def test_client_with_two_therapists(door, clients):
    again = changed(clients.iloc[[4]], 4, "therapist", "th99")
    assert "client with two therapists" in told(door, pd.concat([clients, again]))


def test_therapist_missing(door, clients):
    message = told(door, changed(clients, 9, "therapist", ""))
    says(message, "therapist", "without therapist", "row 11", "c010")
    assert "there is no column 'therapist'" in told(door, clients.drop(columns="therapist"))


def test_client_missing(door, clients):
    assert "client: client missing (row 11)" in told(door, changed(clients, 9, "client", " "))


def test_mapped_column_absent_names_the_nearest(door, clients):
    frame = clients.rename(columns={"client": "respondent_id"})
    message = told(door, frame, columns={"client": "respondentid", "gender": "sekse"})
    says(message, "no", "column 'respondentid'", "data.columns.client")
    assert "Did you mean respondent_id?" in message
    assert "data.columns.gender" in message


def test_item_column_absent(door, clients):
    message = told(door, clients.rename(columns={"oq_12": "oq12"}))
    says(message, "no", "column 'oq_12'", "data.items.oq")
    assert "Did you mean oq12?" in message


def test_pattern_that_fits_nothing(door, clients):
    message = told(door, clients, items={"oq": "OQ45_{n}"})
    assert "no column fits data.items.oq (OQ45_{n})" in message


def test_scores_called_items_and_items_called_scores(door, clients):
    scores = door(clients).scores
    message = told(door, scores, models_={})
    assert "no instrument's items were found" in message
    assert "Set data.format: scores" in message
    message = told(door, clients, models_={}, format="scores")
    assert "no scale score was found" in message
    assert "set data.format: items" in message


def test_list_of_items_of_the_wrong_length(door, clients):
    message = told(door, clients, items={"mlq": [f"mlq_{n}" for n in range(1, 10)]})
    assert "data.items.mlq lists 9 columns" in message
    assert "10 columns in item order" in message


def test_all_items_of_a_scale_missing(door, clients):
    for n in (1, 4, 5, 6, 9):
        clients[f"mlq_{n}"] = pd.NA
    says(told(door, clients), "meaning", "missing", "every client", "model alliance needs")


def test_a_scale_without_answers_that_no_model_needs_is_left_out(door, clients):
    for n in (2, 3, 7, 8, 10):
        clients[f"mlq_{n}"] = pd.NA
    prepared = door(clients)
    assert "search" not in prepared.scores
    says(prepared.message, "search", "missing", "every client", "left out")


def test_all_clients_excluded(door, clients):
    message = told(door, clients, inclusion={"sessions": {"min": 90}})
    says(message, "all clients", "excluded", "sessions", "at least 90", "(60)")


def test_one_therapist_only(door, clients):
    assert "all clients have the same therapist" in told(door, clients.assign(therapist="th01"))


def test_fewer_clients_than_parameters(door, clients):
    few = clients.iloc[:9]
    message = told(door, few)
    says(message, "9 clients", "all variables", "model alliance", "13 parameters")
    assert len(door(few, two_level=False).scores) == 9


def test_constant_variable_of_a_model(door, clients):
    for n in range(1, 13):
        clients[f"wai_{n}"] = 5
    assert "alliance is the same for every client" in told(door, clients)


def test_rule_on_a_variable_that_is_not_there(door, clients):
    message = told(door, clients.drop(columns="sessions"))
    says(message, "inclusion.sessions needs 'sessions'", "the file", "not")
    assert "inclusion: {sessions: null}" in message
    assert len(door(clients.drop(columns="sessions"), inclusion={"sessions": None}).scores) == 60


def test_model_that_names_an_unknown_variable(door, clients):
    model = MediationModel("m", ("alliance",), ("meaning",), "distres")
    message = told(door, clients, models_={"m": model})
    says(message, "model m", "'distres'", "data", "not have")
    assert "Did you mean distress?" in message


def test_model_that_names_a_single_answer(door, clients):
    model = MediationModel("m", ("alliance",), ("meaning",), "oq_1")
    message = told(door, clients, models_={"m": model})
    says(message, "model m", "'oq_1'", "column", "no", "score")
    assert "Did you mean oq_1" not in message and "Name the score that it is part of" in message


def test_model_that_needs_a_number_gets_text(door, clients):
    model = MediationModel("m", ("hope",), ("meaning",), "distress")
    frame = clients.assign(hope=["high", "low"] * 30)
    assert "hope: not a number, 60 times" in told(door, frame, models_={"m": model})


def test_two_of_ours_from_one_column(door, clients):
    message = told(door, clients, columns={"age": "sessions"})
    assert "sessions: stands for age and sessions" in message


def test_values_key_that_names_nothing(door, clients):
    message = told(door, clients, values={"gendr": {"v": "female"}})
    says(message, "data.values.gendr", "no", "column", "no", "instrument")
    assert "Did you mean gender?" in message


def test_a_map_of_values_need_not_be_whole(door, clients):
    """What it does not list stays as it is, with a warning that has the places; 15 clients have it."""
    frame = clients.assign(gender=["v", "m", "V", "w"] * 15)
    prepared = door(frame, values={"gender": {"v": "female", "m": "male"}})
    assert prepared.scores["gender"].value_counts().to_dict() == {"female": 30, "male": 15, "w": 15}
    warned = prepared.warnings[prepared.warnings["kind"] == "value"]
    assert len(warned) == 15 and set(warned["value"]) == {"w"}
    (what,) = set(warned["what"])
    says(what, "not among", "data.values.gender", "kept")


def test_the_remedy_for_several_spellings_works_when_followed(door, clients):
    """One spelling is mapped, as the warning says, and nothing else changes."""
    frame = clients.assign(gender=["Female", "male", "female", "male"] * 15)
    warned = door(frame).warnings
    assert "data.values.gender" in warned[warned["kind"] == "spelling"]["remedy"].item()
    mended = door(frame, values={"gender": {"Female": "female"}})
    assert mended.scores["gender"].value_counts().to_dict() == {"female": 30, "male": 30}
    assert "spelling" not in set(mended.warnings["kind"])


def test_the_remedy_for_doubtful_identifiers_works_when_followed(door, clients):
    """Only the therapist in question is listed; all others stay who they are."""
    frame = clients.copy()
    names = sorted(frame["therapist"].unique())
    frame.loc[frame["therapist"] == names[0], "therapist"] = "dr. x"
    frame.loc[frame.index[frame["therapist"] == "dr. x"][0], "therapist"] = "DR X"
    mapped = door(frame, values={"therapist": {"DR X": "dr. x"}})
    assert mapped.scores["therapist"].nunique() == clients["therapist"].nunique()


def test_items_coded_from_one(door, clients):
    columns = [f"oq_{n}" for n in range(1, 46)]
    clients[columns] = clients[columns] + 1
    message = told(door, clients)
    says(message, "1 to 5", "data.values.oq: {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}")
    fixed = door(clients, values={"oq": {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}})
    clients[columns] = clients[columns] - 1
    pd.testing.assert_frame_equal(fixed.scores, door(clients).scores)


def test_means_in_place_of_sums(door, clients, instruments):
    scores = door(clients).scores.assign(bond=lambda f: f["bond"] / 4)
    message = told(door, scores, format="scores")
    assert "bond: out of range" in message
    assert "This looks like the mean of the items" in message


def test_year_of_birth_in_place_of_age(door, clients):
    assert "This looks like a year of birth" in told(door, clients.assign(age=1985))


def test_both_decimal_marks(door, clients):
    frame = clients.assign(age=["34,5", "34.5"] * 30)
    message = told(door, frame)
    says(message, "age", "decimal point", "file", "decimal comma", "30 times")


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_one_comma_among_many_points_is_named_alone(door, clients, tmp_path, suffix):
    frame = changed(clients.assign(age=clients["age"] + 0.5), 3, "age", "12,5")
    path = tmp_path / f"export.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_excel(path, index=False)
    message = told(door, path)
    assert "1 problem in" in message
    says(message, "age", "decimal comma", "file", "decimal point", "row 5", "c004", "'12,5'")


def test_keys_of_values_and_missing_codes(door, clients):
    message = told(door, clients, values={"gendr": {"v": "female"}}, missing_codes={"aeg": [99]})
    known = [". Allowed:", "client", "therapist", "age", "gender", "sessions", "mlq", "wai", "oq", "column"]
    nothing = ["no", "column", "no", "instrument", *known]
    says(message, "data.values.gendr", *nothing, ". Did you mean gender?")
    says(message, "data.missing_codes.aeg", *nothing, ". Did you mean age?")


def test_a_comma_that_may_part_thousands(door, clients):
    message = told(door, clients.assign(age=["1,234"] * 60))
    says(message, "1,234", "decimal comma", "or", "thousands")


def test_all_problems_in_one_report(door, clients):
    frame = changed(clients, 3, "oq_7", "often")
    frame = changed(frame, 5, "mlq_1", 8)
    frame = changed(frame, 7, "therapist", "")
    frame = changed(frame, 8, "age", -1)
    frame = frame.rename(columns={"wai_3": "wai3"})
    with pytest.raises(ExportError) as caught:
        door(frame)
    problems = caught.value.problems
    assert [(p.row, p.client, p.column, p.value) for p in problems] == [
        ("", "", "wai_3", ""),
        ("5", "c004", "oq_7", "often"),
        ("7", "c006", "mlq_1", "8"),
        ("9", "c008", "therapist", ""),
        ("10", "c009", "age", "-1"),
    ]
    assert all(p.allowed for p in problems)
    says(problems[1], "export.csv", "row 5", "column oq_7", "'often'", "not", "a number. Allowed: a number")


def test_the_log_names_no_client(door, clients):
    with pytest.raises(ExportError) as caught:
        door(changed(clients, 3, "oq_7", "secret words"))
    assert "client c004" in caught.value.summary
    for private in ("c004", "secret", "row 5"):
        assert private not in caught.value.anonymous
    assert "oq_7: not a number" in caught.value.anonymous


def test_many_problems_are_grouped_on_the_terminal_and_complete_in_the_list(door, clients):
    for n in range(1, 46):
        clients[f"oq_{n}"] = 9
    with pytest.raises(ExportError) as caught:
        door(clients)
    assert len(caught.value.problems) == 45 * 60
    lines = caught.value.summary.splitlines()
    says(lines[0], "cannot be used", "2700 problems", "export.csv")
    assert len(lines) == 2
    says(lines[1], "oq_1", "oq_45", "45 columns", "out of range", "2700 times", "row 2", "c001", "oq_1: '9'")
    assert lines[1].count("client c") == 5


def test_many_kinds_of_problem_are_capped(door, clients):
    frame = clients.assign(**{f"x{n}": "a" for n in range(60)})
    model = MediationModel("m", tuple(f"x{n}" for n in range(60)), ("meaning",), "distress")
    message = told(door, frame, models_={"m": model})
    assert len(message.splitlines()) == MOST_GROUPS + 2
    assert message.endswith("more kinds of problem.")


def test_every_refusal_is_of_our_own_kind():
    assert issubclass(ExportError, DataError)
    assert issubclass(DataError, FortemsError)
    assert RULES  # the default rule is part of each test above


def test_a_workbook_that_opens_with_a_note(door, clients, tmp_path):
    path = tmp_path / "export.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"Note": ["made in May", "by the clinic"]}).to_excel(
            writer, sheet_name="Info", index=False
        )
        clients.to_excel(writer, sheet_name="Clients", index=False)
    with pytest.raises(ExportError) as caught:
        door(path)
    says(caught.value.summary, "other sheets are Clients. ", "data.sheet")
    assert "Clients" not in caught.value.anonymous
    assert len(door(path, sheet="Clients").scores) == len(clients)
    with pytest.raises(DataError) as caught:
        door(path, sheet="Info")
    assert "other sheets" not in str(caught.value)
