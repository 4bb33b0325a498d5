"""Other files of the kinds that people have: one cause is one problem, it is named, and nothing goes unsaid."""

import csv

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
from wording import says


def warned(prepared, kind):
    return prepared.warnings[prepared.warnings["kind"] == kind]


def every_third(clients, *texts):
    return np.resize(np.array(texts, dtype=object), len(clients))


def outcome(name):
    return {"m": MediationModel("m", ("alliance",), ("meaning",), name)}


def refused(door, data, **settings):
    """The one problem for which a file is refused, in words."""
    with pytest.raises(DataError) as caught:
        door(data, **settings)
    message = str(caught.value)
    assert message.count("\n") == 1, message
    assert "remove the client" not in message.lower() and "delete" not in message.lower()
    return message


# Numbers with something to them.


@pytest.mark.parametrize(
    "written",
    [
        "1 mrt 1980",
        "March 1, 1980",
        "01-Mar-80",
        "1980-03",
        "3/1980",
        "01.03.1980 00:00",
        "1980-03-01T00:00:00Z",
        "1-3-1980 0:00:00",
    ],
)
def test_dates_in_more_spellings(door, clients, written):
    clients["age"] = every_third(clients, written, "45")
    says(refused(door, clients), "age", "dates", "birth", "in years")
    clients["age"], clients["sessions"] = 40, written
    says(refused(door, clients), "sessions", "a date, and no number")


@pytest.mark.parametrize(
    ("number", "what"),
    [(1980, "year of birth"), (19800301, "date of birth"), (29281, "date of birth as Excel counts days")],
)
def test_numbers_that_stand_for_dates_under_age(door, clients, number, what):
    clients["age"] = number
    assert f"looks like a {what};" in refused(door, clients)


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        (["45 years", "32 y"], "something around it"),
        (["'65'", "(18)"], "something around it"),
        (["18-25", "26 - 35", "<5", "65+"], "a range or a limit"),
        (["0 - never", "often (3)", "1=yes"], "together with its label"),
    ],
)
def test_what_is_around_a_number_is_named(door, clients, texts, what):
    clients["extra"] = every_third(clients, *texts)
    message = refused(door, clients, models_=outcome("extra"))
    assert what in message and ": 0, " not in message


def test_each_kind_of_text_is_told_by_itself(door, clients):
    clients["age"] = every_third(clients, "1980-03-01", "unknown", "45 %", "45")
    with pytest.raises(DataError) as caught:
        door(clients)
    for what in ("age: these are dates", "age: not a number", "age: a number with a percent sign"):
        assert f"{what}" in str(caught.value)


@pytest.mark.parametrize(
    ("words", "pair"),
    [
        (["ja", "nee", "Ja"], "nee: 0, ja: 1"),
        (["Yes", "No"], "No: 0, Yes: 1"),
        (["TRUE", "FALSE"], "FALSE: 0, TRUE: 1"),
        (["low", "high"], "high: 0, low: 1"),
    ],
)
def test_of_two_words_the_one_that_means_no_is_zero(door, clients, words, pair):
    clients["extra"] = every_third(clients, *words)
    assert f"{{extra: {{{pair}}}}}" in refused(door, clients, models_=outcome("extra"))


def test_words_of_items_are_no_pair(door, clients):
    clients["oq_3"] = every_third(clients, "never", "always")
    assert "never: 0" not in refused(door, clients) and "1}" not in refused(door, clients)


def test_items_with_their_labels_are_one_problem(door, clients):
    words = {n: f"{n} - {word}" for n, word in enumerate(["never", "rarely", "sometimes", "often", "always"])}
    oq = [f"oq_{n}" for n in range(1, 46)]
    clients[oq] = clients[oq].replace(words)
    says(refused(door, clients), "oq_1 … oq_45", "2700 times")


# Rules.


def test_a_rule_names_what_the_file_has(door, clients):
    clients["gender"] = every_third(clients, "v", "m")
    mapped = {"gender": {"v": "female", "m": "male"}}
    assert len(door(clients, {"gender": {"in": ["V"]}}, values=mapped).scores) == 30
    assert len(door(clients, {"gender": {"in": ["female"]}}, values=mapped).scores) == 30
    both = {"gender": {"v": "person", "m": "person"}}
    message = refused(door, clients, inclusion={"gender": {"in": ["v"]}}, values=both)
    says(message, "inclusion.gender", "v", "no", "client")


def test_a_rule_names_an_spss_code_or_its_label(door, clients, tmp_path):
    clients["gender"] = (clients["gender"] == "male") + 1.0
    path = tmp_path / "x.sav"
    pyreadstat.write_sav(clients, path, variable_value_labels={"gender": {1.0: "female", 2.0: "male"}})
    by_code, by_label = (door(path, {"gender": {"in": [asked]}}).scores for asked in (1, "Female"))
    assert by_code["client"].tolist() == by_label["client"].tolist()
    assert by_code["client"].tolist() == clients.loc[clients["gender"] == 1, "client"].tolist()


def test_a_rule_finds_a_number_in_any_spelling(door, clients):
    clients["therapist"] = every_third(clients, "1", "2", "3.0")
    assert len(door(clients, {"therapist": {"in": [1, "03"]}}).scores) == 40


def test_a_rule_on_an_item(door, clients):
    kept = door(clients, {"wai_1": {"min": 3}}).scores["client"].tolist()
    assert kept == clients.loc[clients["wai_1"] >= 3, "client"].tolist()


@pytest.mark.parametrize(
    ("values", "rule", "parts"),
    [
        (("1", "0"), {"in": [True]}, ("yes (true)", "no", "client has")),
        (("ja", "nee"), {"in": [True]}, ("yes (true)", "no", "client has")),
        (("x", ""), {"in": [""]}, ("missing fulfils no rule",)),
    ],
)
def test_a_rule_that_nobody_fulfils_is_one_problem(door, clients, values, rule, parts):
    clients["extra"] = every_third(clients, *values)
    says(refused(door, clients, inclusion={"extra": rule}), *parts)


def test_a_rule_that_leaves_one_therapist_is_the_cause(door, clients):
    message = refused(door, clients, inclusion={"therapist": {"in": ["th01"]}})
    says(message, "rules leave", "one of 12 therapists")
    assert "data.columns.therapist" not in message


# Columns.


@pytest.mark.parametrize(
    ("rename", "pattern"),
    [
        (lambda name: f"t1_{name}", "t1_oq_{n}"),
        (lambda name: f"{name}_pre", "oq_{n}_pre"),
        (lambda name: name.upper().replace("_", ""), "OQ{n}"),
        (lambda name: f"Q{int(name[3:]):02}", "Q{n:02}"),
    ],
)
@pytest.mark.parametrize("among", ["all", "one"])
def test_items_under_other_names_are_found(door, clients, rename, pattern, among):
    renamed = {f"oq_{n}": rename(f"oq_{n}") for n in range(1, 46)}
    frame = clients.rename(columns=renamed)
    if among == "all":
        frame = frame[[column for column in frame if not column.startswith(("wai_", "mlq_"))]]
    message = refused(door, frame)
    assert f'data.items: {{oq: "{pattern}"}}' in message
    plain = door(clients).scores
    assert door(clients.rename(columns=renamed), items={"oq": pattern}).scores.equals(plain)


def test_zeros_that_the_pattern_lacks(door, clients):
    frame = clients.rename(columns={f"wai_{n}": f"WAI{n:02}" for n in range(1, 13)})
    assert "WAI{n:02}" in refused(door, frame, items={"wai": "WAI{n}"})


def test_of_an_item_that_is_absent_no_other_instruments_is_near(door, clients):
    assert "Did you mean" not in refused(door, clients.drop(columns="oq_17"))


def test_two_columns_in_another_case_are_not_left_out_silently(door, clients):
    frame = clients.rename(columns={"age": "Age"}).assign(AGE=1)
    message = refused(door, frame)
    says(message, "'Age' and 'AGE'", "case")
    assert door(frame, columns={"age": "Age"}).scores["age"].tolist() == clients["age"].tolist()


def test_columns_without_a_name_are_counted_and_row_names_are_none(door, clients, tmp_path):
    path = tmp_path / "x.csv"
    rows = [clients.columns.tolist(), *clients.to_numpy().tolist()]
    more = [[*rows[0], "", "last"], *([*row, 7, 1] for row in rows[1:])]
    with open(path, "w", newline="") as stream:
        csv.writer(stream).writerows(more)
    told = warned(door(path), "not read")["what"].iloc[0]
    says(told, "1 column without a name", "60 cells")
    clients.to_csv(path, index=True, quoting=csv.QUOTE_NONNUMERIC)
    assert warned(door(path), "not read").empty


def test_texts_that_excel_is_to_leave_alone(door, clients):
    clients["client"] = [f'="{number:03d}"' for number in range(60)]
    assert door(clients).scores["client"].tolist() == [f"{number:03d}" for number in range(60)]


def test_text_in_four_bytes_with_its_mark(door, clients, tmp_path):
    path = tmp_path / "x.csv"
    clients.to_csv(path, index=False, encoding="utf-32")
    assert door(path).scores.equals(door(clients).scores)


def test_columns_of_fixed_width_are_named(door, clients, tmp_path):
    path = tmp_path / "x.txt"
    path.write_text(clients.iloc[:, :20].to_string(index=False))
    with pytest.raises(DataError, match="separated by spaces"):
        door(path)


def test_a_code_whose_label_says_missing(door, clients, tmp_path):
    clients["wai_3"] = clients["wai_3"].where(clients.index > 5, 9).astype(float)
    path = tmp_path / "x.sav"
    pyreadstat.write_sav(clients, path, variable_value_labels={"wai_3": {9.0: "no answer"}})
    message = refused(door, path)
    assert "9 is 'no answer'" in message and "data.missing_codes: {wai: [9]}" in message


# Rows that are no client's.


@pytest.fixture
def sheet(clients, tmp_path):
    """Write the clients as a workbook, change its sheet, and return its path."""

    def write(change=lambda sheet: None, **sheets):
        path = tmp_path / "x.xlsx"
        with pd.ExcelWriter(path) as writer:
            for name, frame in (sheets or {"data": clients}).items():
                frame.to_excel(writer, sheet_name=name, index=False)
        book = openpyxl.load_workbook(path)
        change(book.worksheets[0])
        book.save(path)
        return path

    return write


def units(sheet):
    sheet.insert_rows(2)
    for column in range(1, sheet.max_column + 1):
        sheet.cell(2, column, "1-7" if column > 5 else "-")


def few_units(sheet):
    sheet.insert_rows(2)
    sheet["C2"], sheet["E2"] = "years", "number"


def sums(sheet, divisor=1):
    last = sheet.max_row + 1
    sheet.cell(last, 1, "Total")
    for column in (3, *range(5, sheet.max_column + 1)):
        values = [sheet.cell(row, column).value for row in range(2, last)]
        sheet.cell(last, column, sum(values) / divisor)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (units, ("row at the top", "no", "client")),
        (few_units, ("row at the top", "no", "client")),
        (sums, ("row at the end", "no", "client")),
        (lambda s: sums(s, 60), ("row at the end", "no", "client")),
        (lambda s: s.cell(s.max_row + 1, 5, 60), ("row at the end", "no", "client")),
    ],
)
def test_units_and_totals_are_one_problem(door, sheet, change, parts):
    message = refused(door, sheet(change), inclusion=None)
    says(message, *parts)
    assert "1 problem in" in message


def test_two_rows_of_totals_are_two_problems(door, sheet):
    def both(sheet):
        sums(sheet)
        sums(sheet, 60)

    with pytest.raises(DataError, match="2 problems in") as caught:
        door(sheet(both), inclusion=None)
    assert str(caught.value).count("at the end") == 2


def test_slips_of_the_last_client_are_told_cell_by_cell(door, clients):
    frame = clients.astype(object)
    frame.loc[59, ["wai_1", "oq_2"]] = [77, 88]
    with pytest.raises(DataError, match="2 problems") as caught:
        door(frame)
    assert "77" in str(caught.value) and "88" in str(caught.value)


def test_a_note_below_the_clients_is_told(door, sheet):
    prepared = door(sheet(lambda s: s.cell(s.max_row + 2, 1, "Source: clinic")))
    says(warned(prepared, "bare row")["what"].iloc[0], "1 row", "nothing", "counts as received")
    assert len(prepared.scores) == 60


def test_names_below_a_row_of_questions(door, sheet):
    def questions(sheet):
        sheet.insert_rows(1)
        for column in range(1, sheet.max_column + 1):
            sheet.cell(1, column, f"question {column}")

    says(refused(door, sheet(questions)), "stand in row 2")


# Sheets.


def test_clients_on_another_sheet_are_one_problem(door, clients, sheet):
    path = sheet(cover=pd.DataFrame({"Export": ["x", "y"]}), data=clients)
    says(refused(door, path), "other sheets are data. ", "'data'", "client and therapist")
    assert len(door(path, sheet="data").scores) == 60


def test_items_on_another_sheet_are_named(door, clients, sheet):
    wai = [column for column in clients if column.startswith("wai_")]
    path = sheet(data=clients.drop(columns=wai), alliance=clients[["client", *wai]])
    says(refused(door, path), "sheet 'alliance'")


def test_sheets_named_by_years_whose_columns_differ_in_case(door, clients, sheet):
    from fortems.data.settings import DataSettings

    path = sheet(**{"2019": clients[:30], "2020": clients[30:].rename(columns=str.upper)})
    years = DataSettings.from_config({"sheet": [2019, 2020]}).sheet
    assert door(path, sheet=years).scores.equals(door(clients).scores)


@pytest.mark.parametrize(
    ("cells", "columns"), [("D2:D10", "gender"), ("C4:E4", "gender, sessions"), ("C1:C2", "age")]
)
def test_merged_cells_of_any_column_are_named(door, sheet, cells, columns):
    message = refused(door, sheet(lambda s: s.merge_cells(cells)))
    says(message, columns, "merged", cells)
    assert f"data.fill_down: [{columns}]" in message


def test_rows_that_a_filter_hides_are_read_and_told(door, sheet):
    def filtered(sheet):
        for row in (1, 5, 9, 10, 400):  # the names' row and one without cells count as nothing
            sheet.row_dimensions[row].hidden = True

    prepared = door(sheet(filtered))
    told = warned(prepared, "hidden")["what"].tolist()
    assert len(told) == 1 and len(prepared.scores) == 60
    says(told[0], "3 rows", "hides", "read like all others")
    assert warned(door(sheet()), "hidden").empty


def test_hidden_rows_of_another_sheet_are_none_of_its(door, clients, sheet):
    def filtered(sheet):
        sheet.row_dimensions[2].hidden = True

    path = sheet(filtered, legend=pd.DataFrame({"code": ["f"]}), data=clients)
    assert warned(door(path, sheet="data"), "hidden").empty


def test_errors_of_a_workbook_are_counted(door, sheet):
    def broken(sheet):
        sheet["C5"], sheet["C6"], sheet["C7"] = "#N/A", "#DIV/0!", "#DIV/0!"

    prepared = door(sheet(broken))
    told = warned(prepared, "not read")["what"].tolist()
    assert len(told) == 1 and prepared.scores["age"].isna().sum() == 3
    says(told[0], "#DIV/0!", "missing", "2 cells")


# Occasions.

ONCE = ["therapist", "age", "gender", "sessions"]


def repeated(clients):
    """A baseline row, and two instances of a repeated instrument in one event."""
    items = [column for column in clients if "_" in column]
    baseline, first = clients.astype(object), clients.astype(object)
    baseline[items], first[ONCE] = "", ""
    second = first.copy()
    second[items] = first[items].to_numpy()[::-1]
    rows = [
        baseline.assign(event="baseline", instance=""),
        first.assign(event="session_5", instance=1),
        second.assign(event="session_5", instance=2),
    ]
    return pd.concat(rows).sort_values("client", kind="stable")


@pytest.mark.parametrize(
    ("occasion", "second"),
    [
        ({"column": "event", "is": "session_5", "first": True}, False),
        ({"column": "event", "is": "session_5", "last": True}, True),
        ({"column": "instance", "is": 1}, False),
        ({"column": "instance", "last": True}, True),
    ],
)
def test_an_instrument_repeated_within_an_event(door, clients, occasion, second):
    prepared = door(repeated(clients), occasion={**occasion, "carry": ONCE})
    distress = door(clients).scores["distress"].tolist()
    assert prepared.scores["distress"].tolist() == (distress[::-1] if second else distress)
    assert warned(prepared, "tie").empty


def test_events_without_a_choice_are_one_problem(door, clients):
    message = refused(door, repeated(clients))
    says(message, "event", "several rows")
    assert "data.occasion: {column: event, is: …" in message


def test_what_is_to_be_carried_is_named(door, clients):
    message = refused(door, repeated(clients), occasion={"column": "instance", "is": 1})
    assert "data.occasion.carry: [sessions, …]" in message


def test_ties_and_differing_values_are_counted(door, clients):
    first = clients.assign(date="2024-01-01")
    tied = pd.concat([clients[:7], clients]).assign(date="2024-02-01")
    prepared = door(pd.concat([first, tied]), occasion={"column": "date", "last": True})
    says(warned(prepared, "tie")["what"].iloc[0], "7 clients", "last")
    frame = repeated(clients).reset_index(drop=True)
    other = frame[frame["event"] == "baseline"].iloc[:5].assign(age=99)
    prepared = door(
        pd.concat([frame, other]), occasion={"column": "instance", "is": 1, "carry": ONCE}, inclusion=None
    )
    says(warned(prepared, "carried")["what"].iloc[0], "5 clients", "first")
    assert warned(prepared, "carried")["column"].tolist() == ["age"]


@pytest.mark.parametrize(
    ("dates", "part"), [(["01-02-2024", "15-02-2024"], "year-month-day"), (["", ""], "no value in any row")]
)
def test_occasions_without_an_order(door, clients, dates, part):
    frame = pd.concat([clients.assign(date=date) for date in dates])
    assert part in refused(door, frame, occasion={"column": "date", "last": True})


# Models.


@pytest.mark.parametrize("values", [("x", ""), ("x",), ("3",)])
def test_a_covariate_of_one_value_is_told_before_anything_is_fitted(door, clients, values):
    clients["extra"] = every_third(clients, *values)
    with_it = MediationModel("m", ("alliance",), ("meaning",), "distress", covariates=("extra",))
    message = refused(door, clients, models_={"m": with_it})
    says(message, "extra has one value")
    assert ("if blank means no" in message) == ("" in values)
    prepared = door(clients, models_={"m": with_it, "n": outcome("distress")["m"]})
    assert len(warned(prepared, "one value")) == 1


@pytest.mark.parametrize(("low", "high", "times"), [(0, 1, ""), (1, 2, ""), (3.5, 7, " times 3.5")])
def test_slopes_of_an_outcome_of_two_values_have_their_unit(door, clients, tmp_path, low, high, times):
    distress = door(clients).scores["distress"]
    clients["extra"] = np.where(distress > distress.median(), high, low)
    prepared = door(clients, models_=outcome("extra"))
    says(warned(prepared, "two values")["what"].iloc[0], f"differences in probability{times}")
    paths = {"scores": tmp_path / "scores.csv", "types": tmp_path / "scores.schema.json"}
    write_prepared(prepared, paths)
    fit = fit_all(outcome("extra"), read_csv(paths["scores"]), ["regression"], Settings(seed=1, draws=200))
    note = fit["fit"]["message"].iloc[0]
    assert note.endswith(f"differences in probability{times and f'{times} for extra'}")


# Who and what is the same.


def test_numbers_of_a_category_are_one_in_any_spelling(door, clients):
    clients["gender"] = every_third(clients, "1.0", "2", "1", "02")
    prepared = door(clients)
    assert prepared.scores["gender"].value_counts().to_dict() == {"1": 30, "2": 30}
    says(warned(prepared, "spelling")["remedy"].iloc[0], "1.0 = 1", "2 = 02")
    clients["gender"] = every_third(clients, "01", "02", "x")
    assert set(door(clients).scores["gender"]) == {"01", "02", "x"}


@pytest.mark.parametrize(
    "spellings", [("B-1", "B1", "B 1"), ("Jansen, P.", "Jansen,P."), ("de Vries", "deVries")]
)
def test_names_that_differ_in_punctuation_are_told(door, clients, spellings):
    clients["therapist"] = every_third(clients, *spellings, "Smit", "Bos")
    prepared = door(clients)
    assert prepared.scores["therapist"].nunique() == len(spellings) + 2
    told = warned(prepared, "identifier")
    says(told["what"].iloc[0], "1 therapists", "several ways", "different")
    assert all(text in told["remedy"].iloc[0] for text in spellings)
    assert not any(text in prepared.message for text in spellings)


def test_numbers_with_a_dash_are_no_other_number(door, clients):
    clients["therapist"] = every_third(clients, "1-2", "12", "3-4", "34")
    assert warned(door(clients), "identifier").empty


@pytest.mark.parametrize("word", ["?", "-", "unknown", "Onbekend", "na"])
def test_a_therapist_whom_nobody_knows_is_told(door, clients, word):
    clients["therapist"] = every_third(clients, word, "T1", "T2")
    told = warned(door(clients), "identifier")
    says(told["what"].iloc[0], "no therapist")
    assert f"They have {word}." in told["remedy"].iloc[0]


@pytest.mark.parametrize(("text", "what"), [("<html><table>", "a web page"), ('{"a": 1}', "a JSON file")])
def test_what_a_file_holds_under_another_name(door, tmp_path, text, what):
    path = tmp_path / "export.xls"
    path.write_text(text)
    with pytest.raises(DataError, match=what):
        door(path)


# Text files.


@pytest.mark.parametrize("at", [[30], [20, 40], [60]])
def test_column_names_again_are_one_problem(door, clients, tmp_path, at):
    names, *rows = clients.to_csv(index=False).splitlines()
    for place in reversed(at):
        rows.insert(place, names)
    path = tmp_path / "x.csv"
    path.write_text("\n".join([names, *rows]))
    says(refused(door, path), "names of the columns again", f"row {at[0] + 2}")


def test_a_note_of_one_cell_and_rows_in_quotes_are_named(door, clients, tmp_path):
    path = tmp_path / "x.csv"
    text = clients.to_csv(index=False)
    path.write_text(f"{text}Source: clinic\n")
    with pytest.raises(DataError, match=r"row 62: has 1 cell, .*A note"):
        door(path)
    path.write_text("\n".join(f'"{line}"' for line in text.splitlines()))
    with pytest.raises(DataError, match="each row is one text in quotes"):
        door(path)


def test_items_of_two_occasions_are_both_named(door, clients):
    wai = {f"wai_{n}": f"wai_{n}_1" for n in range(1, 13)}
    frame = clients.rename(columns=wai).assign(**{f"wai_{n}_2": 3 for n in range(1, 13)})
    assert "wai_{n}_1 or wai_{n}_2" in refused(door, frame)


def test_a_background_column_under_a_longer_name_is_told(door, clients):
    frame = clients.rename(columns={"age": "age (years)"})
    prepared = door(frame)
    assert "age" not in prepared.scores
    assert "data.columns: {age: age (years)}" in warned(prepared, "mapping")["remedy"].iloc[0]


def test_missing_codes_are_found_in_any_case(door, clients):
    clients["age"] = every_third(clients, "onbekend", "40", "41")
    assert door(clients, missing_codes={"age": ["Onbekend"]}).scores["age"].isna().sum() == 20
    clients["age"], clients["gender"] = 40, every_third(clients, "x", "X", "f")
    assert door(clients, missing_codes={"gender": ["X"]}).scores["gender"].isna().sum() == 20
