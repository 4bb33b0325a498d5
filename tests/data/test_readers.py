"""Every format gives the same table; what cannot be read is refused by name."""

import gzip
import os
import signal
import unicodedata
import zipfile
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pyreadstat
import pytest
from fortems.data.reading.readers import read_table
from fortems.errors import DataError
from wording import facts, says

LIBREOFFICE = Path(__file__).resolve().parents[1] / "reference/libreoffice"
PYARROW = Path(__file__).resolve().parents[1] / "reference/pyarrow"
ROWS = pd.DataFrame({"client": ["a1", "é2", "c3"], "age": [34.5, np.nan, 41.0], "oq_1": [1, 2, 4]})


def texts(table):
    return {
        name: [None if code < 0 else column.categories[code] for code in column.codes]
        for name, column in table.columns.items()
    }


EXPECTED = {"client": ["a1", "é2", "c3"], "age": ["34.5", None, "41"], "oq_1": ["1", "2", "4"]}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_separators_and_encodings(tmp_path, separator, encoding):
    path = tmp_path / "export.csv"
    ROWS.to_csv(path, sep=separator, index=False, encoding=encoding)
    table = read_table(path)
    # Text keeps what it says: 41.0 becomes 41 where it is read as a number.
    assert texts(table) == EXPECTED | {"age": ["34.5", None, "41.0"]}
    assert list(table.rows) == [2, 3, 4]


def test_line_ends_blank_lines_and_a_separator_line(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(b"sep=;\r\n\r\nclient;oq_1\r\na;1\r\n\r\n;\r\nb;2\r\n")
    table = read_table(path)
    assert texts(table) == {"client": ["a", "b"], "oq_1": ["1", "2"]}
    assert list(table.rows) == [4, 7]


def test_quoted_text_with_separators_and_line_breaks(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text('client,remark,oq_1\na,"says, ""no""\nand more",1\nb,,2\n')
    assert texts(read_table(path))["remark"] == ['says, "no" and more', None]


def test_a_trailing_separator_is_no_column(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text("client,oq_1,\na,1,\nb,2,\n")
    assert list(read_table(path).columns) == ["client", "oq_1"]


def test_excel(tmp_path):
    path = tmp_path / "export.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame().to_excel(writer, sheet_name="empty")
        ROWS.to_excel(writer, sheet_name="data", index=False)
        pd.DataFrame({"x": ["y"]}).to_excel(writer, sheet_name="legend", index=False)
    assert texts(read_table(path)) == EXPECTED
    assert texts(read_table(path, sheet="legend")) == {"x": ["y"]}
    with pytest.raises(DataError, match=r"no sheet 'dta'.*Did you mean data\?"):
        read_table(path, sheet="dta")


def test_spss_with_user_missing_and_labels(tmp_path):
    path = tmp_path / "export.sav"
    frame = pd.DataFrame({"client": ["a1", "é2"], "gender": [1.0, 2.0], "oq_1": [99.0, 3.0]})
    labels = {"gender": {1.0: "vrouw", 2.0: "man"}}
    pyreadstat.write_sav(frame, path, variable_value_labels=labels, missing_ranges={"oq_1": [99.0]})
    table = read_table(path)
    assert texts(table) == {"client": ["a1", "é2"], "gender": ["1", "2"], "oq_1": [None, "3"]}
    assert table.labels["gender"] == {"1": "vrouw", "2": "man"}


def test_stata_with_labels(tmp_path):
    path = tmp_path / "export.dta"
    frame = pd.DataFrame({"client": ["a1", "é2"], "gender": [1, 2], "oq_1": [np.nan, 3.0]})
    frame.to_stata(path, write_index=False, version=118, value_labels={"gender": {1: "vrouw", 2: "man"}})
    table = read_table(path)
    assert texts(table) == {"client": ["a1", "é2"], "gender": ["1", "2"], "oq_1": [None, "3"]}
    assert table.labels["gender"] == {"1": "vrouw", "2": "man"} and table.kind == "Stata"
    frame.drop(columns="client").to_stata(path, write_index=False, version=114)
    assert texts(read_table(path))["oq_1"] == [None, "3"]


@pytest.mark.parametrize(("suffix", "kind"), [("ods", "OpenDocument"), ("xls", "Excel")])
def test_workbooks_as_libreoffice_writes_them(suffix, kind):
    table = read_table(LIBREOFFICE / f"sheet.{suffix}")
    assert texts(table) == EXPECTED and table.kind == kind and table.other_sheets == {"legend": 2}
    with pytest.raises(DataError, match=r"no sheet 'dat'.*Did you mean data\?"):
        read_table(LIBREOFFICE / f"sheet.{suffix}", sheet="dat")


def test_rows_hidden_by_libreoffice_are_read_and_counted():
    table = read_table(LIBREOFFICE / "filtered.ods")
    assert texts(table) == EXPECTED and table.hidden_rows == 2
    assert read_table(LIBREOFFICE / "sheet.ods").hidden_rows == 0


def test_what_gzip_packed_is_what_it_was(tmp_path):
    ROWS.to_csv(tmp_path / "export.csv.gz", index=False)
    table = read_table(tmp_path / "export.csv.gz")
    assert texts(table) == EXPECTED | {"age": ["34.5", None, "41.0"]} and table.file == "export.csv.gz"
    pyreadstat.write_sav(ROWS[["client", "age"]], tmp_path / "export.sav")
    (tmp_path / "export.sav.gz").write_bytes(gzip.compress((tmp_path / "export.sav").read_bytes()))
    assert texts(read_table(tmp_path / "export.sav.gz"))["age"] == EXPECTED["age"]


def test_text_that_is_called_a_workbook_is_read_as_text(tmp_path):
    """Many survey programs write tab-separated text and name it .xls."""
    ROWS.to_csv(tmp_path / "export.xls", sep="\t", index=False)
    assert texts(read_table(tmp_path / "export.xls"))["client"] == EXPECTED["client"]


def test_a_second_sheet_of_clients_is_never_lost_in_silence(tmp_path):
    path = tmp_path / "export.xlsx"
    second = ROWS.assign(client=["d", "e", "f"])
    with pd.ExcelWriter(path) as writer:
        ROWS.to_excel(writer, sheet_name="2019", index=False)
        second.to_excel(writer, sheet_name="2020", index=False)
        ROWS.rename(columns={"age": "leeftijd"}).to_excel(writer, sheet_name="old", index=False)
        pd.DataFrame({"code": [1, 2], "meaning": ["f", "m"]}).to_excel(
            writer, sheet_name="legend", index=False
        )
    with pytest.raises(
        DataError, match=facts("3 sheets", "same columns", "'2019' (3 rows)", "'2020' (3 rows)")
    ):
        read_table(path)
    table = read_table(path, ["2019", "2020"])
    assert texts(table)["client"] == ["a1", "é2", "c3", "d", "e", "f"]
    assert list(table.rows)[2:4] == ["4 of sheet 2019", "2 of sheet 2020"]
    assert read_table(path, "2019").other_sheets == {}
    with pytest.raises(DataError, match=facts("'old'", "lacks the columns 'age'")) as caught:
        read_table(path, ["2019", "old"])
    says(caught.value, "'old'", "has the columns 'leeftijd'")


def test_sheets_of_another_kind_are_counted(tmp_path):
    path = tmp_path / "export.xlsx"
    with pd.ExcelWriter(path) as writer:
        ROWS.to_excel(writer, sheet_name="data", index=False)
        pd.DataFrame({"code": [1, 2], "meaning": ["f", "m"]}).to_excel(
            writer, sheet_name="legend", index=False
        )
    assert read_table(path).other_sheets == {"legend": 2}


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_and_texts_have_one_normal_form(tmp_path, form):
    header = unicodedata.normalize(form, '"Geschl\u00e9cht","Aantal\u00a0sessies","vraag\n1 ","\ufeffclient"')
    cells = unicodedata.normalize(form, "\u00e9\u00e9n,2,  a\u00a0 b,c\u200b1")
    (tmp_path / "x.csv").write_text(f"{header}\n{cells}\n", encoding="utf-8")
    assert texts(read_table(tmp_path / "x.csv")) == {
        "Geschl\u00e9cht": ["\u00e9\u00e9n"],
        "Aantal sessies": ["2"],
        "vraag 1": ["a b"],
        "client": ["c1"],
    }


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parquet(tmp_path, dtype):
    path = tmp_path / "export.parquet"
    frame = ROWS.astype({"age": dtype})
    duckdb.from_df(frame).write_parquet(str(path))
    assert texts(read_table(path)) == EXPECTED


def test_a_parquet_file_whose_name_looks_like_a_pattern(tmp_path):
    whole = (PYARROW / "each_type.parquet").read_bytes()
    for name in ("export[1].parquet", "year=2021*?.parquet", "therapists' own.parquet"):
        (tmp_path / name).write_bytes(whole)
        table = read_table(tmp_path / name)
        assert (len(table.rows), len(table.columns)) == (3, 17)


def test_parquet_as_other_programs_write_it():
    """Each type of a column that pyarrow 26 writes for one value and none; its index is no column."""
    found = texts(read_table(PYARROW / "each_type.parquet"))
    assert found == {
        "client": ["a", "b", None],
        "f32": ["47.29999923706055", None, "2.5"],
        "f64": ["1.5", None, None],
        "i8": ["1", None, "3"],
        "u64": ["1", "9223372036854775808", None],
        "b": ["true", None, "false"],
        "dic": ["x", None, "y"],
        "dec": ["1.20", None, "3.00"],
        "date": ["2020-01-02", None, "1999-01-01"],
        "ts": ["2020-01-02T03:04:05", None, None],
        "tsz": ["2020-01-02T03:04:05+00:00", None, None],
        "tm": ["01:02:03", None, None],
        "bin": ["ab", None, "\ufffd"],
        "f16": ["1.5", None, "2"],
        "nul": [None] * 3,
        "ls": ["q", None, "r"],
        "dur": ["1", None, "2"],
    }


def test_a_parquet_file_that_memory_cannot_hold_is_not_called_corrupt_alone(tmp_path, monkeypatch):
    path = tmp_path / "export.parquet"
    duckdb.sql("select i as client, random() as x from range(200000) t(i)").write_parquet(str(path))
    connect = duckdb.connect
    monkeypatch.setattr(duckdb, "connect", lambda config: connect(config={**config, "memory_limit": "1MB"}))
    with pytest.raises(DataError, match="needs more memory than there is") as refused:
        read_table(path)
    assert "only the columns" in str(refused.value)


def test_a_damaged_parquet_file_is_refused_whatever_is_damaged(tmp_path):
    """A byte changed or the end cut off: read as something, or refused by name, and never anything else."""
    whole = (PYARROW / "each_type.parquet").read_bytes()
    path = tmp_path / "export.parquet"
    refused = 0
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[rng.integers(4, len(whole) - 4)] ^= rng.integers(1, 256)
        path.write_bytes(damaged if rng.random() < 0.7 else damaged[: rng.integers(4, len(whole))])
        try:
            read_table(path)
        except DataError:
            refused += 1
    assert refused > 30


def test_qualtrics_rows_below_the_names_are_left_out(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(
        'client,oq_1\nWho are you?,Question\n"{""ImportId"":""QID1""}","{""ImportId"":""QID2""}"\na,3\n'
    )
    table = read_table(path)
    assert texts(table) == {"client": ["a"], "oq_1": ["3"]}
    assert "Question" not in list(table.columns["oq_1"].categories)


def encrypted(path):
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")
    )


def old_excel(path):
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "Workbook".encode("utf-16-le"))


def cut_short(path):
    ROWS.to_excel(path, index=False)
    path.write_bytes(path.read_bytes()[:2000])


def damaged(path):
    ROWS.to_excel(path, index=False)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"][:200]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def archive_of_something(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "x")


def formulas(path):
    book = openpyxl.Workbook()
    book.active.append(["client", "oq_1"])
    book.active.append(["a", "=1+1"])
    book.save(path)


TITLED = "client,therapist,age,oq_1,oq_2\na,t1,30,1,2\nb,t2,31,2,\n"


def workbook(path, sheets):
    """Write a workbook of named sheets, each a list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        page = book.create_sheet(name)
        for row in rows:
            page.append(row)
    book.save(path)


@pytest.mark.parametrize("body", ["client,note\na,x;y;z\nb,u;v;w\n", "client,therapist,age\na,t,\nb,t,\n"])
def test_what_is_no_title(tmp_path, body):
    path = tmp_path / "export.csv"
    path.write_text(body)
    assert next(iter(texts(read_table(path)))) == "client"


BAD = {
    "empty file": ("export.csv", lambda p: p.write_bytes(b""), "export.csv: is empty"),
    "blank file": ("export.csv", lambda p: p.write_bytes(b" \n\r\n \n"), "is empty"),
    "header only": ("export.csv", lambda p: p.write_text("client,oq_1\n"), "no rows below them"),
    "no header": ("export.csv", lambda p: p.write_text(",,\n1,2,3\n"), "no rows below them"),
    "wrong separator": (
        "export.csv",
        lambda p: p.write_text("client|oq_1\na|1\n"),
        "vertical bar.*comma, semicolon or tab",
    ),
    "same name": (
        "export.csv",
        lambda p: p.write_text("client,oq_1,oq_1\na,1,2\n"),
        r"2 columns have the name 'oq_1' \(columns 2, 3\)",
    ),
    "long row": (
        "export.csv",
        lambda p: p.write_text("client,oq_1\na,1\nb,2,3\n"),
        "row 3: has 3 cells, the header has 2",
    ),
    "short row": (
        "export.csv",
        lambda p: p.write_text("client,oq_1,oq_2\na,1,2\nb,2\n"),
        "row 3: has 2 cells",
    ),
    "decimal commas in a comma file": (
        "export.csv",
        lambda p: p.write_text("client,age\na,34,5\nb,41\n"),
        "decimal commas",
    ),
    "title above the names": (
        "export.csv",
        lambda p: p.write_text("Export 2024\n\n" + TITLED),
        "row 1: holds no column names; these seem to stand in row 3.*Remove what stands above",
    ),
    "title with a comma": (
        "export.csv",
        lambda p: p.write_text("Export, 2024\n" + TITLED.replace(",", ";")),
        "these seem to stand in row 2",
    ),
    "title as Excel exports it": (
        "export.csv",
        lambda p: p.write_text("\nExport 2024,,,,\n,,,,\n" + TITLED),
        "row 2: holds no column names; these seem to stand in row 4",
    ),
    "note without rows before the data": (
        "export.xlsx",
        lambda p: workbook(p, {"Note": [["made in May"]], "Data": [["client"], ["a"]], "Old": [[1]]}),
        r"sheet 'Note': has column names and no rows.*another sheet \(Data, Old\), name it in data.sheet",
    ),
    "open quote": (
        "export.csv",
        lambda p: p.write_text('client,oq_1\n"a,1\nb,2\n'),
        "cannot be read as rows|no separator|cells",
    ),
    "binary": ("export.csv", lambda p: p.write_bytes(bytes(range(256))), "is not text"),
    "directory": ("folder", lambda p: p.mkdir(), "is a folder, not a file"),
    "missing": (
        "exprt.csv",
        lambda p: (p.parent / "export.csv").write_text("x"),
        r"no such file.*Did you mean export\.csv\?",
    ),
    "password": ("export.xlsx", encrypted, "protected by a password.*remove the password"),
    "old Excel": ("export.xls", old_excel, "corrupt or unreadable Excel workbook"),
    "corrupt Excel": ("export.xlsx", cut_short, "corrupt or unreadable Excel workbook"),
    "damaged sheet": ("export.xlsx", damaged, "corrupt or unreadable Excel workbook"),
    "text named Excel": (
        "export.xlsx",
        lambda p: p.write_text("client,oq_1\na,1\n"),
        "named like an Excel workbook",
    ),
    "formulas": ("export.xlsx", formulas, "row 2: holds a formula without its value"),
    "empty Excel": ("export.xlsx", lambda p: openpyxl.Workbook().save(p), "is empty"),
    "archive": ("export.zip", archive_of_something, "an archive and no workbook.*Unpack it first"),
    "corrupt SPSS": (
        "export.sav",
        lambda p: p.write_bytes(b"$FL2" + b"x" * 300),
        "corrupt or unreadable SPSS file",
    ),
    "corrupt Parquet": (
        "export.parquet",
        lambda p: p.write_bytes(b"PAR1" + b"x" * 300 + b"PAR1"),
        "corrupt or unreadable Parquet",
    ),
    "same name in Parquet": (  # as pyarrow writes it; DuckDB would not
        "export.parquet",
        lambda p: p.write_bytes((PYARROW / "one_name_twice.parquet").read_bytes()),
        "2 columns have the name 'x'",
    ),
    "lists in Parquet": (
        "export.parquet",
        lambda p: duckdb.sql("select 'a' as client, [1, 2] as x, {'y': 1} as z, 3 as last").write_parquet(
            str(p)
        ),
        "'x' holds lists.*'z' holds lists",
    ),
    "corrupt Stata": (
        "export.dta",
        lambda p: p.write_bytes(b"<stata_dta>" + b"x" * 300),
        "unreadable Stata file",
    ),
    "named Stata": ("export.dta", lambda p: p.write_bytes(b"client,age"), "named like an Stata file"),
    "R": ("export.rds", lambda p: p.write_bytes(gzip.compress(b"X\n\0\0")), "is an R file.*write.csv"),
    "R by another name": ("export.gz", lambda p: p.write_bytes(gzip.compress(b"X\n\0\0")), "is an R file"),
    "SAS": ("export.sas7bdat", lambda p: p.write_bytes(b"\0" * 300), "is a SAS file.*proc export"),
    "jamovi": ("export.omv", archive_of_something, "is a jamovi file.*Export, CSV"),
    "JASP": ("export.jasp", archive_of_something, "is a JASP file.*Export Data"),
    "corrupt gzip": (
        "x.csv.gz",
        lambda p: p.write_bytes(gzip.compress(b"a,b\n" * 99)[:-9]),
        "unreadable gzip file",
    ),
    "ODS without content": ("x.ods", archive_of_something, "corrupt or unreadable OpenDocument sheet"),
    "NUL far into the text": (
        "export.csv",
        lambda p: p.write_bytes(b"client,age\n" + b"a,1\n" * 2000 + b"b\0c,2\n"),
        "line 2002: holds NUL bytes.*damaged",
    ),
    "UTF-16 without its mark": (
        "export.csv",
        lambda p: p.write_bytes("client,age\na,1\n".encode("utf-16-le")),
        "UTF-16 .little-endian. without its mark",
    ),
    "row names": (
        "export.txt",
        lambda p: p.write_text('"client" "age"\n"1" "a" 3\n"2" "b" 4\n'),
        "^[^\n]*the header is one name short: 2 names above 3 cells[^\n]*row.names = FALSE[^\n]*$",
    ),
    "row names after tabs": (
        "export.txt",
        lambda p: p.write_text("client\tage\n1\ta\t3\n2\tb\t4\n"),
        "^[^\n]*the header is one name short[^\n]*$",
    ),
    "title in a sheet": (
        "export.xlsx",
        lambda p: pd.DataFrame(
            [["Export", None, None], [None] * 3, ["client", "age", "sex"], ["a", 1, "f"]]
        ).to_excel(p, header=False, index=False),
        "row 1: holds no column names; these seem to stand in row 3.*title",
    ),
    "web page": (
        "export.csv",
        lambda p: p.write_text("<html><table></table></html>"),
        "not a table of separated values",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, name):
    file, make, message = BAD[name]
    make(tmp_path / file)
    with pytest.raises(DataError, match=f"(?s){message}") as caught:
        read_table(tmp_path / file)
    assert file in caught.value.problems[0].where


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "export.csv"
    path.write_text("client\na\n")

    def refuse(*_args, **_keywords):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataError, match="cannot be read \\(Permission denied\\)"):
        read_table(path)


def test_a_damaged_spss_file_ends_its_own_process_only(tmp_path):
    """Bytes changed at random crash the library now and then; the door still refuses by name or reads."""
    path = tmp_path / "export.sav"
    frame = pd.DataFrame({"client": ["a1", "b2"], "oq_1": [1.0, 3.0]})
    pyreadstat.write_sav(frame, path, variable_value_labels={"oq_1": {1.0: "x"}})
    whole = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    rng = np.random.default_rng(1)
    for _ in range(4):
        spoilt = whole.copy()
        place = rng.integers(60, 400)
        spoilt[place : place + 4] = rng.integers(0, 256, 4)
        path.write_bytes(spoilt.tobytes())
        try:
            assert len(read_table(path).rows) > 0
        except DataError as error:
            assert "export.sav" in str(error)


def test_a_crash_of_the_reading_process_is_a_corrupt_file(tmp_path, monkeypatch):
    from fortems.data.reading import spss

    path = tmp_path / "export.sav"
    path.write_bytes(b"$FL2" + b"\0" * 300)
    monkeypatch.setattr(spss, "columns_of", lambda path, kind: os.kill(os.getpid(), signal.SIGSEGV))
    with pytest.raises(DataError, match="corrupt or unreadable SPSS file"):
        read_table(path)


@pytest.mark.parametrize(
    "text",
    [
        "client;therapist;bond;meaning\na;t;9,0;24\nb;t;8,0;25\nc;t;7,5;26;\nd;u;9,0;22\n",
        "client;therapist;bond;meaning\na;t;9,0;24\n   \nb;t;8,0;25\nc;t;7,5;26\nd;u;9,0;22\n",
        "client\ttherapist\tbond\tmeaning\na\tt\t9,0\t24\t\nb\tt\t8,0\t25\nc\tt\t7,5\t26\t\nd\tu\t9,0\t22\n",
        "client,therapist,bond,meaning\na,t;x,9,24,\nb,t;x,8,25\nc,t;x,7,26,\nd,u;y,9,22\n",
    ],
)
def test_separators_at_a_rows_end_make_no_title_of_the_names(tmp_path, text):
    path = tmp_path / "export.csv"
    path.write_text(text)
    table = read_table(path)
    assert list(table.columns) == ["client", "therapist", "bond", "meaning"]
    assert texts(table)["client"] == ["a", "b", "c", "d"]
