"""Scores of a researcher's own: any numeric columns that a model names, without a scale of the study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fortems.data.preparation import prepare
from fortems.data.settings import DataSettings
from fortems.errors import DataError
from fortems.study.instruments import load_instruments
from fortems.study.models import MediationModel

MODEL = {"xmy": MediationModel("xmy", ("x",), ("m",), "y")}


def written(folder, names=("x", "m", "y")):
    rng = np.random.default_rng(3)
    table = pd.DataFrame(rng.normal(10, 3, (60, 3)).round(3), columns=list(names))
    table.insert(0, "therapist", [f"th{i // 6}" for i in range(60)])
    table.insert(0, "client", [f"k{i}" for i in range(60)])
    table.to_csv(folder / "own.csv", index=False)
    return folder / "own.csv", table


def taken(path, **columns):
    settings = DataSettings(format="scores", columns=columns)
    return prepare(path, settings, load_instruments(), MODEL, {}, True).scores


def test_columns_that_a_model_names_are_scores_enough(tmp_path):
    path, table = written(tmp_path)
    scores = taken(path)
    assert list(scores.columns) == ["client", "therapist", "x", "m", "y"]
    assert np.array_equal(scores[["x", "m", "y"]], table[["x", "m", "y"]])


def test_they_may_have_other_names_in_the_file(tmp_path):
    path, table = written(tmp_path, ("trust", "hope", "phq"))
    scores = taken(path, x="trust", m="hope", y="phq")
    assert np.array_equal(scores[["x", "m", "y"]], table[["trust", "hope", "phq"]])


def test_a_file_with_nothing_that_is_asked_for_is_refused(tmp_path):
    path, _ = written(tmp_path, ("trust", "hope", "phq"))
    with pytest.raises(DataError, match="no scale score was found"):
        taken(path)
