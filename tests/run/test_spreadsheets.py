"""What people write may begin as a formula does: no cell of a result is one, and all is read back as it was."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from fortems.tidy import as_it_was, harmless, read_csv, write_csv
from hypothesis import given
from hypothesis import strategies as st

FORMULAS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+31 6 1234",
    "-none of these",
    "@SUM(A1)",
    "\t=1",
    "\n=1",
    "'=1",
    "''@x",
    "=",
    "-",
    "--1",
    "-1 or so",
]
PLAIN = ["-1.5", "+3", "-.35", "1e-5", "-1e+5", "none", "a=b", "'quoted'", "it's", "", " =1", "−.35"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_compute_is_a_text(text):
    assert harmless(text) == f"'{text}"
    assert as_it_was(harmless(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_is_left_alone(text):
    assert harmless(text) == as_it_was(text) == text


@given(st.text(alphabet="'=+-@\t1.e x", max_size=8))
def test_every_text_comes_back(text):
    cell = harmless(text)
    assert as_it_was(cell) == text
    number = cell.strip() and cell.lstrip("+-").replace(".", "", 1).replace("e", "", 1).replace(
        "+", ""
    ).replace("-", "")
    assert cell[:1] not in ("=", "@", "\t") and (cell[:1] not in ("+", "-") or str(number).isdigit())


def test_a_table_comes_back_as_it_was(tmp_path):
    texts = [*FORMULAS, *[text for text in PLAIN if text.strip() and not text[-1].isdigit()]]
    frame = pd.DataFrame({"answer": texts, "=label": np.arange(len(texts)) - 5.5, "gender": texts})
    write_csv(frame, tmp_path / "table.csv")
    with open(tmp_path / "table.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["answer", "'=label", "gender"]
    assert not any(cell[:1] in ("=", "@", "\t", "\r") for row in rows for cell in row)
    back = read_csv(tmp_path / "table.csv")
    assert list(back.columns) == list(frame.columns)
    assert list(back["answer"]) == texts == list(back["gender"])
    assert list(back["=label"]) == list(frame["=label"])


def test_a_line_break_of_any_kind_is_one_within_its_cell(tmp_path):
    frame = pd.DataFrame({"x": ["a\rb", "a\r\nb", "\r=1"], "y": ["c", "d", "e"]})
    write_csv(frame, tmp_path / "table.csv")
    back = read_csv(tmp_path / "table.csv")
    assert list(back["x"]) == ["a\nb", "a\nb", "\n=1"] and list(back["y"]) == ["c", "d", "e"]


def test_numbers_stay_numbers(tmp_path):
    frame = pd.DataFrame({"x": [-1.5, np.nan, 2.0], "y": [-1, 0, 3], "z": [True, False, True]})
    write_csv(frame, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "x,y,z\n-1.5,-1,true\n,0,false\n2,3,true\n"
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), frame)
