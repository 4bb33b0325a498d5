"""Value maps: labels as keys, numbers in another spelling, and maps that change nothing."""

import numpy as np
import pyreadstat
import pytest
from fortems.data.findings import ExportError
from wording import says

LABELS = {1: "never", 2: "seldom", 3: "sometimes", 4: "often", 5: "always"}
TURNED = {"never": 5, "seldom": 4, "sometimes": 3, "often": 2, "always": 1}
ITEMS = [f"wai_{item}" for item in range(1, 13)]


@pytest.fixture
def sav(tmp_path, clients):
    """The clients as SPSS writes them, with labelled answers to the WAI."""
    path = tmp_path / "export.sav"
    pyreadstat.write_sav(clients, path, variable_value_labels={item: LABELS for item in ITEMS})
    return path


def refused(door, data, **settings):
    with pytest.raises(ExportError) as caught:
        door(data, **settings)
    return caught.value


def warnings(prepared):
    return [row for row in prepared.warnings.to_dict("records") if row["kind"] == "values"]


def test_a_label_stands_for_its_code(door, sav):
    straight, turned = door(sav), door(sav, values={"wai": TURNED})
    np.testing.assert_array_equal(turned.scores["alliance"], 72 - straight.scores["alliance"])
    assert not warnings(turned)


def test_labels_in_another_case_and_codes_beside_them(door, sav):
    mixed = {"NEVER": 5, "Seldom": 4, 3: 3, 4: 2, 5: 1}
    np.testing.assert_array_equal(
        door(sav, values={"wai": mixed}).scores["bond"], door(sav, values={"wai": TURNED}).scores["bond"]
    )


def test_a_label_that_is_a_number_is_no_key(door, tmp_path, clients):
    """Codes 1 to 5 that are labelled 0 to 4: a key 1 means the code, not the label of 2."""
    path = tmp_path / "export.sav"
    labels = {item: {code: str(code - 1) for code in range(1, 6)} for item in ITEMS}
    pyreadstat.write_sav(clients, path, variable_value_labels=labels)
    turned = door(path, values={"wai": {code: 6 - code for code in range(1, 6)}})
    np.testing.assert_array_equal(turned.scores["alliance"], 72 - door(clients).scores["alliance"])


def test_a_label_that_is_none(door, sav):
    rest = {word: code for word, code in TURNED.items() if word != "sometimes"}
    message = refused(door, sav, values={"wai": rest | {"somtimes": 3}}).summary
    says(message, "data.values.wai", "'somtimes'", "neither", "value", "nor", "label")
    assert "Did you mean sometimes?" in message


@pytest.mark.parametrize("name", ["clients", "sav"])
def test_a_map_of_which_nothing_is_there(door, request, name):
    error = refused(door, request.getfixturevalue(name), values={"wai": {"nooit": 5, "zelden": 4}})
    says(error.summary, "data.values.wai", "nooit, zelden", "none")
    assert "The values are 1" in error.summary
    assert ("5 (always)" in error.summary) == (name == "sav")
    assert "The values are" not in error.anonymous


def test_numbers_in_another_spelling_are_meant(door, clients):
    """A program that writes whole numbers as 1.0 must not switch a map off."""
    frame = clients.copy()
    frame[ITEMS] = frame[ITEMS].astype(float)
    turned = door(frame, values={"wai": {code: 6 - code for code in range(1, 6)}})
    np.testing.assert_array_equal(turned.scores["alliance"], 72 - door(clients).scores["alliance"])


def test_the_nearest_value_is_named(door, clients):
    message = refused(door, clients, values={"wai_1": {"1.": 5}}).summary
    says(message, "wai_1", "data.values.wai_1", "1.,", "none")
    assert "Did you mean 1?" in message


def test_a_value_that_nobody_has_is_told(door, clients):
    prepared = door(clients, values={"wai": {"never": 1, 1: 2, 2: 1}})
    (row,) = warnings(prepared)
    says(row["what"], "data.values.wai", "never", "no client")
    assert row["instrument"] == "wai"
    assert "data.values.wai names never" in prepared.message


@pytest.mark.parametrize("given", [{9: None}, {"NA": None}, {8: 8}])
def test_what_changes_nothing_may_be_said_beforehand(door, clients, given):
    door(clients, values={"wai": given})


def test_a_category_that_has_its_names_already(door, clients):
    (row,) = warnings(door(clients, values={"gender": {"v": "female", "m": "male"}}))
    assert "names v, m, which no client has" in row["what"]


def test_a_map_for_a_column_that_the_run_does_not_use(door, clients):
    frame = clients.rename(columns={"gender": "geslacht"})
    (row,) = warnings(door(frame, values={"geslacht": {"v": "female"}}))
    assert "data.values.geslacht changes nothing" in row["what"]


@pytest.fixture
def centres(clients):
    return clients.assign(centre=["north", "south", "east"] * 20)


def test_a_centre_that_no_client_has(door, centres):
    error = refused(door, centres, inclusion={"centre": {"in": ["north", "suoth"]}})
    says(error, "inclusion.centre", "'suoth'", "no client", ". The values are east, north, south.")
    assert "Did you mean south?" in str(error)
    assert "east" not in error.anonymous
    assert "suoth" in error.anonymous


def test_a_gender_in_other_words(door, clients):
    dutch = clients.assign(gender=["v", "m"] * 30)
    message = str(refused(door, dutch, inclusion={"gender": {"in": ["female"]}}))
    says(message, "'female'", "no client", ". The values are m, v.")
    assert "data.values.gender" in message


def test_what_yaml_makes_of_yes_and_no(door, clients):
    prepared = door(clients.assign(consent=["yes", "no"] * 30), inclusion={"consent": {"in": [True]}})
    assert len(prepared.scores) == 30


def test_a_number_that_no_client_has(door, clients):
    numbered = clients.assign(centre=[1, 2] * 30)
    prepared = door(numbered, inclusion={"centre": {"in": [1, 3]}})
    (row,) = prepared.warnings.query("kind == 'inclusion'").to_dict("records")
    says(row["what"], "inclusion.centre", "'3'", "no client")
    assert "The values are 1, 2." in row["remedy"]
    assert "The values are" not in prepared.message
    message = str(refused(door, numbered, inclusion={"centre": {"in": [3, 4]}}))
    says(message, "'3', '4'", "no client", ". The values are 1, 2.")


def test_a_label_of_another_export_is_a_warning_where_every_answer_is_named(door, sav):
    prepared = door(sav, values={"wai": TURNED | {"nooit": 3}})
    np.testing.assert_array_equal(prepared.scores["alliance"], 72 - door(sav).scores["alliance"])
    (row,) = warnings(prepared)
    assert "names nooit, which no client has" in row["what"]


def test_a_category_in_another_case_is_meant(door, clients):
    frame = clients.assign(gender=np.where(np.arange(len(clients)) % 2, "Vrouw", "MAN"))
    prepared = door(frame, values={"gender": {"vrouw": "female", "man": "male"}})
    assert set(prepared.scores["gender"]) == {"female", "male"}
    assert not warnings(prepared)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["north", "suoth"], "Did you mean south?"),
        (["nroth"], "Did you mean north?"),
        (["east"], "which no client has"),
        (["north", "east"], ""),
        (["north", 7], ""),
    ],
)
def test_a_slip_in_an_inclusion_rule_is_told_from_a_value_that_nobody_has(door, clients, wanted, said):
    frame = clients.assign(centre=np.where(np.arange(len(clients)) % 2, "north", "south"))
    rules = {"centre": {"in": wanted}}
    if said:
        with pytest.raises(ExportError) as caught:
            door(frame, inclusion=rules)
        assert said in caught.value.summary
    else:
        kinds = door(frame, inclusion=rules).warnings["kind"]
        assert "inclusion" in set(kinds)


def test_a_therapist_is_no_number(door, clients):
    with pytest.raises(ExportError, match="has min or max, and therapist is no number"):
        door(clients, inclusion={"therapist": {"min": 1}})
