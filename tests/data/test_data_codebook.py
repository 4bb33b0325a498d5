"""The codebook and the pattern of what is missing."""

import numpy as np
import pytest
from wording import says


@pytest.fixture
def prepared(door, clients):
    clients["age"] = clients["age"].astype(float)
    clients.loc[:9, "age"] = np.nan
    clients.loc[5:20, "mlq_9"] = np.nan
    clients.loc[20:29, ["mlq_1", "mlq_4"]] = np.nan
    clients["sessions"] = 5 + np.arange(60) // 3
    return door(clients.rename(columns={"sessions": "n_sess"}), columns={"sessions": "n_sess"})


def test_a_variable_has_range_distribution_and_source(prepared):
    book = prepared.codebook.set_index("variable")
    scores = prepared.scores
    meaning = book.loc["meaning"]
    assert meaning["source"] == "mlq_1, mlq_4, mlq_5, mlq_6, mlq_9"
    assert (meaning["lowest_possible"], meaning["highest_possible"]) == (5, 35)
    assert (meaning["n"], meaning["missing"]) == (50, 10)
    assert meaning["missing_share"] == pytest.approx(1 / 6)
    assert meaning["mean"] == pytest.approx(scores["meaning"].mean())
    assert meaning["sd"] == pytest.approx(scores["meaning"].std())
    assert meaning["median"] == scores["meaning"].median()
    assert book.loc["sessions", "source"] == "n_sess"
    assert book.loc["sessions", ["minimum", "maximum"]].tolist() == [5, 24]


def test_identifiers_are_counted_only_and_categories_listed(prepared):
    book = prepared.codebook.set_index("variable")
    assert book.loc["client", ["kind", "distinct"]].tolist() == ["identifier", 60]
    assert book.loc[["client", "therapist"], ["minimum", "mean"]].isna().all(axis=None)
    counts = prepared.scores["gender"].value_counts()
    assert book.loc["gender", "values"] == f"female: {counts['female']}; male: {counts['male']}"


def test_items_come_after_the_scores_with_their_key(prepared):
    book = prepared.codebook.set_index("variable")
    assert (book["kind"] == "item").sum() == 67
    assert book.loc["mlq_9", "label"] == "Item 9 of MLQ (meaning, reversed)"
    assert book.loc["mlq_9", "missing"] == 16
    assert book.loc["oq_1", ["lowest_possible", "highest_possible"]].tolist() == [0, 4]


def test_totals_of_a_scores_export_name_their_parts(door, prepared):
    scores = prepared.scores.drop(columns="distress")
    book = door(scores, format="scores").codebook.set_index("variable")
    says(book.loc["distress", "source"], "sum", "symptom_distress", "interpersonal_relations", "social_role")
    assert book.loc["distress", "highest_possible"] == 180


def test_patterns_add_up_to_the_clients(prepared):
    patterns = prepared.missing_patterns
    assert patterns["clients"].sum() == 60
    assert patterns["share"].sum() == pytest.approx(1)
    assert dict(zip(patterns["missing"], patterns["clients"], strict=True)) == {
        "": 40,
        "age": 10,
        "meaning": 10,
    }


def test_missingness_is_related_to_what_it_goes_with(prepared):
    related = prepared.missing_related.set_index(["missing", "related_to"])
    # Ages are missing where sessions are few: rows are in the order of sessions.
    row = related.loc[("age", "sessions")]
    expected = np.corrcoef(prepared.scores["age"].isna(), prepared.scores["sessions"])[0, 1]
    assert row["r"] == pytest.approx(expected)
    assert row["r"] < -0.5
    assert row["p"] < 0.001
    assert row[["n", "n_missing"]].tolist() == [60, 10]
    assert ("items of mlq", "sessions") in related.index
    assert ("age", "age") not in related.index
    assert not related.index.get_level_values("missing").isin(["client", "therapist"]).any()
