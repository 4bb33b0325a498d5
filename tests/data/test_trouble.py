"""Files as people have them: each kind of trouble gives the right value, or the refusal that helps."""

import gzip
import json
import unicodedata

import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from fortems.data.preparation import write_prepared
from fortems.errors import DataError
from fortems.mediation.run import fit_all
from fortems.mediation.slopes import Settings
from fortems.study.models import MediationModel
from fortems.tidy import read_csv
from wording import facts, says


def with_covariate(name, **rest):
    return {"m": MediationModel("m", ("alliance",), ("meaning",), "distress", covariates=(name,), **rest)}


def warned(prepared, kind):
    return prepared.warnings[prepared.warnings["kind"] == kind]


# Types: decided once, and they travel with the scores.


@pytest.mark.parametrize(
    ("words", "map_", "type_"),
    [
        (["TRUE", "FALSE"], None, "string"),
        (["01", "02", "1"], None, "number"),
        (["low", "middle", "high"], None, "string"),
        (["low", "middle", "high"], {"low": 1, "middle": 2, "high": 3}, "number"),
        (["one", "two", "three"], {"one": "1", "two": "2", "three": "3"}, "number"),
        (["low", "middle", "high"], {"low": "no", "middle": "some", "high": "much"}, "string"),
        (["1", "2"], {1: "true", 2: "false"}, "string"),
    ],
)
def test_a_column_has_one_type_in_codebook_scores_and_model(door, clients, tmp_path, words, map_, type_):
    clients["extra"] = np.resize(np.array(words, dtype=object), len(clients))
    values = {"values": {"extra": map_}} if map_ else {}
    prepared = door(clients, models_=with_covariate("extra"), **values)
    paths = {"scores": tmp_path / "scores.csv", "types": tmp_path / "scores.schema.json"}
    write_prepared(prepared, paths)
    field = next(f for f in json.loads(paths["types"].read_text())["fields"] if f["name"] == "extra")
    kind = prepared.codebook.set_index("variable").loc["extra", "kind"]
    back = read_csv(paths["scores"])["extra"]
    assert field["type"] == type_
    assert kind == {"string": "category", "number": "number"}[type_]
    assert pd.api.types.is_numeric_dtype(back) == (type_ == "number")
    assert back.tolist() == prepared.scores["extra"].tolist()


def test_true_and_false_are_a_category_like_any_other(door, clients, tmp_path):
    rng = np.random.default_rng(3)
    clients["medicated"] = np.where(rng.random(len(clients)) < 0.3, "TRUE", "FALSE")
    prepared = door(clients, models_=with_covariate("medicated"))
    paths = {"scores": tmp_path / "scores.csv", "types": tmp_path / "scores.schema.json"}
    write_prepared(prepared, paths)
    scores = read_csv(paths["scores"])
    settings = Settings(seed=1, draws=200)
    effects = fit_all(with_covariate("medicated"), scores, ["regression"], settings)["effects"]
    numbers = scores.assign(medicated=(scores["medicated"] == "TRUE").astype(float))
    plain = fit_all(with_covariate("medicated"), numbers, ["regression"], settings)["effects"]
    assert effects["estimate"].tolist() == pytest.approx(plain["estimate"].tolist())
    x = np.column_stack([np.ones(len(numbers)), numbers[["alliance", "medicated"]]])
    slope = np.linalg.lstsq(x, numbers["meaning"], rcond=None)[0][1]
    assert effects.loc[effects["effect"] == "a", "estimate"].iloc[0] == pytest.approx(slope)


def test_two_words_that_a_model_needs_as_numbers_are_told_how_to_become_these(door, clients):
    clients["recovered"] = np.resize(np.array(["yes", "no"], dtype=object), len(clients))
    model = {"m": MediationModel("m", ("alliance",), ("meaning",), "recovered")}
    with pytest.raises(DataError, match=facts("data.values: {recovered: {no: 0, yes: 1}}")):
        door(clients, models_=model)
    prepared = door(
        clients, models_=model, values={"recovered": {False: 0, True: 1}}
    )  # as YAML reads no and yes
    assert prepared.scores["recovered"].tolist() == np.resize([1.0, 0.0], len(clients)).tolist()
    assert "differences in probability" in warned(prepared, "two values")["what"].iloc[0]


# Identity: one normal form.


@pytest.mark.parametrize(
    ("spellings", "same"),
    [
        (["3", "3.0"], True),
        (["3", "03", "3,0"], True),
        (["3", "03", "003"], True),
        (["Smith", "smith", "SMITH"], True),
        (["th\u00a03", "th 3", " th 3"], True),
        ([unicodedata.normalize("NFC", "René"), unicodedata.normalize("NFD", "René")], True),
        (["th3\u200b", "th3"], True),
        (["a", "A"], None),
        (["3", "4"], False),
        (["th3", "th03"], False),
    ],
)
def test_therapists_in_several_spellings(door, clients, spellings, same):
    numeric = all(s.replace(".", "").replace(",", "").strip().isdigit() for s in spellings)
    others = "1{:02d}" if numeric else "person {}"
    therapists = [others.format(n % 10) for n in range(len(clients))]
    therapists[::5] = np.resize(np.array(spellings, dtype=object), len(therapists[::5])).tolist()
    clients["therapist"] = therapists
    if same is None:
        with pytest.raises(DataError, match=r"(?s)may be one or several.*Spelled a, A"):
            door(clients)
        return
    prepared = door(clients)
    expected = len(set(therapists)) - (len(set(spellings)) - 1 if same else 0)
    assert prepared.scores["therapist"].nunique() == expected


def test_numbers_beside_words_are_not_merged_by_guess(door, clients):
    clients["therapist"] = ["3", "3.0", "T4", "5"] * 15
    with pytest.raises(DataError, match=r"may be one or several") as caught:
        door(clients)
    says(caught.value, "Spelled 3, 3.0")
    assert "'3.0': '3'" in str(caught.value)
    assert door(clients, values={"therapist": {"3.0": "3"}}).scores["therapist"].nunique() == 3


def test_clients_in_two_spellings_are_one_client_twice(door, clients):
    clients["client"] = [str(n) for n in range(60)]
    clients.loc[7, "client"] = "6.0"
    with pytest.raises(DataError, match=facts("two therapists", "2 times", "client 6", "client 6")):
        door(clients)


def test_identifiers_keep_codes_where_labels_are_shared(door, clients, tmp_path):
    codes = {name: number for number, name in enumerate(sorted(set(clients["therapist"])), start=1)}
    clients["therapist"] = clients["therapist"].map(codes).astype(float)
    clients["centre"] = np.resize([1.0, 2.0, 3.0], len(clients))
    path = tmp_path / "labels.sav"
    labels = {
        "therapist": {float(n): "Jansen" if n < 3 else f"T{n}" for n in codes.values()},
        "centre": {1.0: "north", 2.0: "north", 3.0: "south"},
    }
    pyreadstat.write_sav(clients, path, variable_value_labels=labels)
    prepared = door(path, columns={"centre": "centre"})
    assert prepared.scores["therapist"].nunique() == len(codes)
    assert set(prepared.scores["centre"]) == {"north (1)", "north (2)", "south"}
    assert "share one value label" in warned(prepared, "label")["what"].iloc[0]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("file_form", ["NFC", "NFD"])
def test_names_are_compared_in_one_form(door, clients, form, file_form):
    frame = clients.rename(
        columns={"gender": unicodedata.normalize(file_form, "Geschlécht"), "age": "Leeftijd  (j)"}
    )
    columns = {"gender": unicodedata.normalize(form, "Geschlécht"), "age": "Leeftijd\u00a0(j)"}
    prepared = door(frame, **_config(columns=columns))
    assert prepared.scores["gender"].tolist() == clients["gender"].tolist()
    assert prepared.scores["age"].tolist() == clients["age"].tolist()


def _config(**data):
    """Settings as the configuration gives them."""
    from fortems.data.settings import DataSettings

    settings = DataSettings.from_config({"format": "items", **data})
    return {name: getattr(settings, name) for name in data}


def test_names_in_another_case_are_found_where_there_is_one(door, clients):
    upper = clients.rename(columns=str.upper)
    assert door(upper).scores["distress"].tolist() == door(clients).scores["distress"].tolist()
    with pytest.raises(DataError, match="there is no column 'client'"):
        door(upper.assign(Client="x"))


# Nothing is left out in silence.


@pytest.mark.parametrize("items", [{}, {"wai": "wai_{n}"}])
def test_columns_beyond_the_key_are_refused(door, clients, items):
    for number in range(13, 37):
        clients[f"wai_{number}"] = 3
    with pytest.raises(DataError, match=facts("24 more columns", "'wai_{n}'", "12 items")) as caught:
        door(clients, items=items)
    assert "data.instruments.wai" in str(caught.value)
    listed = {"wai": [f"wai_{n}" for n in range(1, 13)]}
    assert door(clients, items=listed).scores["alliance"].notna().all()


def test_sheets_that_are_not_read_are_counted_in_the_warnings(door, clients, tmp_path):
    path = tmp_path / "export.xlsx"
    with pd.ExcelWriter(path) as writer:
        clients.iloc[:40].to_excel(writer, sheet_name="2019", index=False)
        clients.iloc[40:].to_excel(writer, sheet_name="2020", index=False)
        pd.DataFrame({"code": [1, 2]}).to_excel(writer, sheet_name="legend", index=False)
    with pytest.raises(DataError, match=r"'2019' \(40 rows\), '2020' \(20 rows\)"):
        door(path)
    whole = door(path, sheet=["2019", "2020"])
    assert whole.scores["distress"].tolist() == door(clients).scores["distress"].tolist()
    clients.to_excel(path, sheet_name="2019", index=False)
    with pd.ExcelWriter(path, mode="a") as writer:
        pd.DataFrame({"code": [1, 2]}).to_excel(writer, sheet_name="legend", index=False)
    read = door(path)
    assert "legend (2 rows)" in warned(read, "sheet")["what"].iloc[0]
    says(read.flow["detail"].iloc[0], "rows of the file", "2 rows", "other sheets", "not read")


# Rules before checks.


def test_rows_that_a_rule_excludes_are_not_checked(door, clients):
    frame = clients.astype(object)
    frame["Finished"] = 1
    frame.loc[3:6, ["Finished", "therapist", "wai_1", "client"]] = [0, "", 99, ""]
    with pytest.raises(DataError, match="client without therapist"):
        door(frame)
    prepared = door(frame, inclusion={"Finished": {"in": [1]}})
    assert len(prepared.scores) == 56
    assert prepared.flow[["step", "detail", "clients"]].values.tolist()[:2] == [
        ["received", "rows of the file", 60],
        ["excluded", "Finished: one of 1", 4],
    ]
    assert prepared.scores["alliance"].tolist() == door(clients).scores["alliance"].drop(range(3, 7)).tolist()


def test_what_is_wrong_with_a_rules_own_column_is_told(door, clients):
    frame = clients.astype(object)
    frame.loc[3, "sessions"] = "many"
    with pytest.raises(DataError, match="sessions: not a number"):
        door(frame, inclusion={"sessions": {"min": 5}})


def test_rules_on_scores_come_after_scoring(door, clients):
    scores = door(clients).scores
    prepared = door(clients, inclusion={"distress": {"min": 80}, "sessions": {"min": 10}})
    expected = scores[(scores["distress"] >= 80) & (scores["sessions"] >= 10)]
    assert prepared.scores["client"].tolist() == expected["client"].tolist()
    assert prepared.flow["clients"].iloc[0] - prepared.flow.query("step == 'excluded'")[
        "clients"
    ].sum() == len(expected)


@pytest.mark.parametrize("word", ["Yes", "yes", "YES", "True", "TRUE", "on"])
def test_yaml_booleans_are_the_words_that_the_file_has(door, clients, word):
    clients["consent"] = np.resize(np.array([word, "No", word], dtype=object), len(clients))
    prepared = door(clients, inclusion={"consent": {"in": [True]}})
    assert len(prepared.scores) == 40
    assert f"consent: one of {word}" in prepared.flow["detail"].tolist()
    mapped = door(clients, columns={"agreed": "consent"}, values={"agreed": {True: 1, False: 0}})
    assert set(mapped.scores["agreed"]) == {0, 1}


# Occasions.


def events(clients):
    """A row an event, as REDCap exports: what was asked once stands in the baseline row."""
    once = ["therapist", "age", "gender", "sessions"]
    baseline = clients.astype(object).copy()
    later = clients.astype(object).copy()
    baseline[[c for c in clients if "_" in c]] = ""
    later[once] = ""
    baseline.insert(1, "event", "baseline_arm_1")
    later.insert(1, "event", "session_5_arm_1")
    return pd.concat([baseline, later]).sort_values(["client", "event"], kind="stable")


CARRIED = ["therapist", "age", "gender", "sessions"]


@pytest.mark.parametrize(
    "occasion",
    [
        {"column": "event", "is": "session_5_arm_1", "carry": CARRIED},
        {"column": "event", "is": ["SESSION_5_arm_1"], "carry": {"baseline_arm_1": CARRIED}},
        {"column": "event", "is": "session_5_arm_1", "carry": dict.fromkeys(CARRIED, "baseline_arm_1")},
        {"column": "event", "is": "session_5_arm_1", "carry": {"from": "baseline_arm_1", "columns": CARRIED}},
        {"last": True, "carry": CARRIED},
        {"is": "last", "carry": CARRIED},
    ],
)
def test_one_occasion_counts_and_what_was_asked_once_is_carried_to_it(door, clients, occasion):
    prepared, plain = door(events(clients), occasion=occasion), door(clients)
    pd.testing.assert_frame_equal(prepared.scores, plain.scores)
    first = prepared.flow.iloc[0]
    assert first["clients"] == 60 and "120 rows" in first["detail"] and "60 rows of other" in first["detail"]


def test_clients_without_the_occasion_are_counted(door, clients):
    frame = events(clients)
    frame = frame[~((frame["client"] == "c007") & (frame["event"] == "session_5_arm_1"))]
    occasion = {"column": "event", "is": "session_5_arm_1", "carry": CARRIED}
    prepared = door(frame, occasion=occasion)
    assert prepared.flow[["step", "clients"]].values.tolist()[:2] == [["received", 60], ["excluded", 1]]
    says(prepared.flow["detail"].iloc[1], "no row", "counts", "event is session_5_arm_1")
    assert "c007" not in set(prepared.scores["client"])


@pytest.mark.parametrize("end", ["first", "last"])
@pytest.mark.parametrize("order", ["number", "date", "file"])
def test_the_first_or_last_row_of_a_client(door, clients, end, order):
    copies = [clients.assign(number=10 * k + 9, date=f"2024-0{k + 1}-15", age=20 + k) for k in range(3)]
    frame = pd.concat(copies).sample(frac=1, random_state=3) if order != "file" else pd.concat(copies)
    occasion = {end: True} if order == "file" else {"column": order, end: True}
    prepared = door(frame, occasion=occasion, inclusion=None)
    assert set(prepared.scores["age"]) == {20 if end == "first" else 22}
    assert len(prepared.scores) == 60


def test_occasions_that_cannot_be_chosen_are_refused(door, clients):
    frame = events(clients)
    with pytest.raises(DataError, match=facts("'session_5'", "no row")) as caught:
        door(frame, occasion={"column": "event", "is": "session_5"})
    assert "Did you mean session_5_arm_1?" in str(caught.value)
    with pytest.raises(DataError, match=facts("no", "column 'evnt'", "data.occasion")) as caught:
        door(frame, occasion={"column": "evnt", "is": "session_5_arm_1"})
    assert "Did you mean event?" in str(caught.value)
    with pytest.raises(DataError, match="event: cannot be put in order"):
        door(frame, occasion={"column": "event", "first": True})
    with pytest.raises(DataError, match=facts("therapist", "no", "therapist", "any row")):
        door(frame, occasion={"column": "event", "is": "session_5_arm_1"}, inclusion=None)
    with pytest.raises(DataError, match=r"data.occasion: \{column: event, is"):
        door(frame.assign(therapist="th01"), inclusion=None)


# Remedies that help.


def test_another_range_names_the_key_that_has_it(door, clients):
    for number in range(1, 13):
        clients[f"wai_{number}"] = 1 + (clients[f"wai_{number}"] * 3 + number) % 7
    with pytest.raises(DataError, match=facts("data.instruments", "wai: config/instruments/wai_s.yaml")):
        door(clients)


def test_merged_cells_are_named_and_filled_if_told_to(door, clients, tmp_path):
    clients = clients.sort_values("therapist", kind="stable").reset_index(drop=True)
    path = tmp_path / "merged.xlsx"
    clients.to_excel(path, index=False)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for start in range(2, 62, 5):
        sheet.merge_cells(start_row=start, end_row=start + 4, start_column=2, end_column=2)
    book.save(path)
    with pytest.raises(DataError, match=facts("merged", "B2:B6", "data.fill_down: [therapist]")):
        door(path)
    assert door(path, fill_down=["therapist"]).scores["therapist"].tolist() == clients["therapist"].tolist()
    with pytest.raises(DataError, match=facts("no", "column 'therapists'", "data.fill_down")):
        door(path, fill_down=["therapists"])


def test_no_refusal_advises_to_remove_clients(door, clients):
    for change in ({"therapist": ""}, {"client": ""}):
        frame = clients.astype(object)
        frame.loc[[3, 9], list(change)] = ""
        with pytest.raises(DataError) as error:
            door(frame)
        assert "remove" not in str(error.value).lower() and "delete" not in str(error.value).lower()


@pytest.mark.parametrize("written", ["1980-03-01", "01/03/1980", "1-3-80", "1.3.1980", "1980-03-01T00:00:00"])
def test_dates_of_birth_under_age(door, clients, written):
    clients["age"] = written
    with pytest.raises(DataError, match=facts("age", "dates", "birth", "in years")) as caught:
        door(clients)
    assert "Give age in years" in str(caught.value)


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        (["45%", "50 %"], "percent sign"),
        (["1,251.50", "950.00"], "thousands"),
        (["€ 950", "€ 1000"], "currency"),
        (["2024-01-31", "2023-05-01"], "a date, and no number"),
    ],
)
def test_numbers_with_something_to_them_are_named(door, clients, texts, what):
    clients["extra"] = np.resize(np.array(texts, dtype=object), len(clients))
    model = {"m": MediationModel("m", ("extra",), ("meaning",), "distress")}
    with pytest.raises(DataError, match=f"extra: .*{what}"):
        door(clients, models_=model)


def test_a_percent_sign_makes_no_category(door, clients):
    clients["extra"] = [f"{n}%" if n % 2 else str(n) for n in range(60)]
    with pytest.raises(DataError, match="extra: a number with a percent sign"):
        door(clients, columns={"extra": "extra"})


@pytest.mark.parametrize(
    ("separator", "income"), [(";", ["950", "1.251"]), (",", ["950", "1.251"]), (";", ["1.251"])]
)
def test_marks_for_thousands_are_not_read_as_decimals(door, clients, tmp_path, separator, income):
    clients["income"] = np.resize(np.array(income, dtype=object), len(clients))
    path = tmp_path / "export.csv"
    clients.to_csv(path, index=False, sep=separator)
    with pytest.raises(DataError, match=facts("income", "1.251", "decimal", "or", "thousands")):
        door(path, columns={"income": "income"})


@pytest.mark.parametrize("values", [["0.251", "1.333"], ["2.333", "3.667", "4"], ["12.5", "1.251"]])
def test_decimals_of_three_digits_stay_decimals(door, clients, values):
    clients["extra"] = np.resize(np.array(values, dtype=object), len(clients))
    assert set(door(clients, columns={"extra": "extra"}).scores["extra"]) == set(map(float, values))


def test_packed_text_gives_the_same(door, clients, tmp_path):
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress(clients.to_csv(index=False).encode()))
    pd.testing.assert_frame_equal(door(path).scores, door(clients).scores)
