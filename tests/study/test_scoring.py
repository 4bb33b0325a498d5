"""Scoring: examples added up by hand, every branch of the missing-item rules, and what must never change."""

import numpy as np
import pandas as pd
import pytest
from fortems.errors import DataError
from fortems.study.instruments import FOLDER, load_instrument, load_instruments, study_files
from fortems.study.scoring import reverse, score, score_array
from hypothesis import given, settings
from hypothesis import strategies as st
from wording import facts, says

INSTRUMENTS = load_instruments()
MLQ, WAI, OQ = INSTRUMENTS["mlq"], INSTRUMENTS["wai"], INSTRUMENTS["oq"]
WAI_S = load_instrument(FOLDER / "wai_s.yaml", "wai")


def answers(instrument, value, **changes):
    """All items answered alike, but for the changes ``i<number>=answer``."""
    row = np.full(instrument.n_items, float(value))
    for name, answer in changes.items():
        row[int(name[1:]) - 1] = answer
    return row


def blank(instrument, value, *items):
    return answers(instrument, value, **{f"i{item}": np.nan for item in items})


def test_mlq_by_hand():
    # Presence: 7 + 6 + 5 + 4 + (8 - 2) = 28; search: 1 + 2 + 3 + 4 + 5 = 15.
    row = np.array([7, 1, 2, 6, 5, 4, 3, 4, 2, 5], dtype=float)
    scores = score_array(row, MLQ)
    assert scores["meaning"] == 28
    assert scores["search"] == 15
    assert list(scores) == ["meaning", "search"]


def test_wai_sr_by_hand():
    row = np.arange(1, 13) % 5 + 1.0  # 2 3 4 5 1 2 3 4 5 1 2 3
    scores = score_array(row, WAI)
    assert scores["bond"] == 4 + 1 + 3 + 5
    assert scores["task"] == 2 + 3 + 1 + 3
    assert scores["goal"] == 5 + 2 + 4 + 2
    assert scores["alliance"] == 35


def test_wai_s_by_hand():
    row = np.array([7, 6, 5, 1, 4, 3, 2, 7, 6, 2, 5, 4], dtype=float)
    scores = score_array(row, WAI_S)
    assert scores["bond"] == 5 + 4 + 2 + 6
    assert scores["task"] == 7 + 6 + 7 + 4
    assert scores["goal"] == (8 - 1) + 3 + (8 - 2) + 5
    assert scores["alliance"] == 17 + 24 + 21


def test_oq_by_hand():
    # All 1 but the nine reversed items at 4, which then count 0.
    row = answers(OQ, 1, **{f"i{item}": 4 for item in OQ.reversed})
    scores = score_array(row, OQ)
    assert scores["symptom_distress"] == 25 - 3  # 13, 24, 31
    assert scores["interpersonal_relations"] == 11 - 4  # 1, 20, 37, 43
    assert scores["social_role"] == 9 - 2  # 12, 21
    assert scores["distress"] == 45 - 9


def test_keys_have_the_counts_of_the_manuals():
    assert {name: len(items) for name, items in OQ.subscales.items()} == {
        "symptom_distress": 25,
        "interpersonal_relations": 11,
        "social_role": 9,
    }
    assert sorted(item for items in OQ.subscales.values() for item in items) == list(range(1, 46))
    assert all(len(items) == 4 for items in WAI.subscales.values())
    assert all(len(items) == 5 for items in MLQ.subscales.values())


def test_possible_ranges():
    assert MLQ.ranges() == {"meaning": (5, 35), "search": (5, 35)}
    assert WAI.ranges() == {"bond": (4, 20), "task": (4, 20), "goal": (4, 20), "alliance": (12, 60)}
    assert OQ.ranges()["distress"] == (0, 180)
    assert WAI_S.ranges()["alliance"] == (12, 84)


@pytest.mark.parametrize("instrument", [MLQ, WAI, WAI_S, OQ], ids=["mlq", "wai_sr", "wai_s", "oq"])
def test_extremes_reach_the_possible_range(instrument):
    lowest = reverse(np.full(instrument.n_items, float(instrument.low)), instrument)
    highest = reverse(np.full(instrument.n_items, float(instrument.high)), instrument)
    low, high = score_array(lowest, instrument), score_array(highest, instrument)
    assert {name: (low[name], high[name]) for name in low} == instrument.ranges()


def test_mlq_one_of_five_missing_is_prorated():
    row = np.array([7, 1, 2, 6, np.nan, 4, 3, 4, 2, 5], dtype=float)
    scores = score_array(row, MLQ)
    assert scores["meaning"] == pytest.approx((7 + 6 + 4 + 6) / 4 * 5)
    assert scores["search"] == 15


def test_mlq_two_of_five_missing_is_missing_for_that_scale_only():
    scores = score_array(blank(MLQ, 4, 1, 4), MLQ)
    assert np.isnan(scores["meaning"])
    assert scores["search"] == 20


def test_mlq_missing_reversed_item_is_prorated_in_the_scale_direction():
    assert score_array(blank(MLQ, 7, 9), MLQ)["meaning"] == 35


def test_wai_one_of_four_missing_is_prorated_two_are_not():
    assert score_array(answers(WAI, 4, i3=np.nan, i5=1), WAI)["bond"] == pytest.approx((1 + 4 + 4) / 3 * 4)
    assert np.isnan(score_array(blank(WAI, 4, 3, 5), WAI)["bond"])


def test_alliance_is_prorated_over_its_twelve_items_whatever_its_subscales_are():
    scores = score_array(blank(WAI, 4, 3, 5, 7), WAI)
    assert np.isnan(scores["bond"])
    assert scores["task"] == scores["goal"] == 16
    assert scores["alliance"] == 48
    assert np.isnan(score_array(blank(WAI, 4, 3, 5, 7, 1), WAI)["alliance"])


def test_alliance_with_one_missing_in_each_subscale():
    row = answers(WAI, 3, i3=np.nan, i1=np.nan, i4=np.nan, i12=5)
    scores = score_array(row, WAI)
    assert scores["task"] == pytest.approx((3 + 3 + 5) / 3 * 4)
    assert scores["alliance"] == pytest.approx((8 * 3 + 5) / 9 * 12)  # not the sum of prorated subscales


def test_oq_missing_item_becomes_the_rounded_mean_of_its_subscale():
    # Social role without item 4: 8 answered of which two reversed (12, 21), at 1 -> 3; 6 + 2 * 3 = 12, mean 1.5.
    row = blank(OQ, 1, 4)
    scores = score_array(row, OQ)
    assert scores["social_role"] == 12 + 2  # halves up
    assert scores["distress"] == scores["symptom_distress"] + scores["interpersonal_relations"] + 14


@pytest.mark.parametrize(
    ("changed", "filled"),
    [(0, 1), (3, 1), (4, 2), (8, 2)],  # mean 1 + changed / 8: below the half, at the half, above it
)
def test_oq_rounds_halves_up(changed, filled):
    items = [item for item in OQ.subscales["social_role"] if item != 4]
    base = answers(OQ, 1, **{f"i{item}": 3 for item in OQ.reversed}, i4=np.nan)
    for item in items[:changed]:
        base[item - 1] += -1 if item in OQ.reversed else 1
    assert score_array(base, OQ)["social_role"] == 8 + changed + filled


def test_oq_four_missing_are_filled_five_void_everything():
    four = score_array(blank(OQ, 2, 2, 3, 1, 4), OQ)
    assert four["distress"] == 90
    five = score_array(blank(OQ, 2, 2, 3, 1, 4, 7), OQ)
    assert all(np.isnan(value) for value in five.values())


def test_a_subscale_without_any_answer_is_missing_and_so_is_the_total(tmp_path):
    path = tmp_path / "short.yaml"
    path.write_text(
        "label: Short\nitems: 4\nresponse: {low: 0, high: 4}\nsubscales: {one: [1], rest: [2, 3, 4]}\n"
        "total: all_of_it\nmissing: {rule: subscale_mean, most: 2}\nsources: {key: {source: test, grade: D}}\n"
    )
    scores = score_array(np.array([np.nan, 1, 2, 3]), load_instrument(path, "short"))
    assert np.isnan(scores["one"])
    assert np.isnan(scores["all_of_it"])
    assert scores["rest"] == 6


def test_nothing_answered_is_missing_not_zero():
    for instrument in INSTRUMENTS.values():
        scores = score_array(np.full(instrument.n_items, np.nan), instrument)
        assert all(np.isnan(value) for value in scores.values())


def test_leading_dimensions():
    rng = np.random.default_rng(1)
    cube = rng.integers(0, 5, (3, 4, 45)).astype(float)
    cube[0, 0, :3] = np.nan
    scores = score_array(cube, OQ)
    assert scores["distress"].shape == (3, 4)
    for place in np.ndindex(3, 4):
        single = score_array(cube[place], OQ)
        assert all(scores[name][place] == single[name] for name in single)


def test_wrong_number_of_items_is_an_error():
    with pytest.raises(ValueError, match="12 items"):
        score_array(np.ones((3, 10)), WAI)


def test_frame_keeps_its_index_and_ignores_other_columns():
    frame = pd.DataFrame(np.full((2, 10), 4.0), columns=MLQ.columns(), index=["x", "y"])
    frame.insert(0, "client", ["c1", "c2"])
    scores = score(frame[frame.columns[::-1]], MLQ)
    assert list(scores.index) == ["x", "y"]
    assert list(scores.columns) == ["meaning", "search"]
    assert (scores == 20).all(axis=None)


def test_frame_with_another_prefix_and_nullable_integers():
    frame = pd.DataFrame({f"q{i}": pd.array([4, None], dtype="Int64") for i in range(1, 11)})
    scores = score(frame, MLQ, prefix="q")
    assert scores["meaning"].iloc[0] == 20
    assert np.isnan(scores["meaning"].iloc[1])


def test_missing_item_column_is_named_with_the_nearest():
    frame = pd.DataFrame(np.ones((1, 10)), columns=[*MLQ.columns()[:9], "mlq10"])
    with pytest.raises(DataError, match=facts("'mlq_10'", "missing")) as caught:
        score(frame, MLQ)
    says(caught.value, "mlq_1 to mlq_10")
    assert "Did you mean mlq10?" in str(caught.value)


def raw_answers(instrument):
    answer = st.one_of(st.integers(instrument.low, instrument.high).map(float), st.just(np.nan))
    return st.lists(answer, min_size=instrument.n_items, max_size=instrument.n_items).map(np.array)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_scores_lie_in_their_range_and_do_not_depend_on_the_order_of_columns(data):
    instrument = data.draw(st.sampled_from([MLQ, WAI, WAI_S, OQ]))
    row = data.draw(raw_answers(instrument))
    scores = score_array(row, instrument)
    for name, (low, high) in instrument.ranges().items():
        assert np.isnan(scores[name]) or low <= scores[name] <= high
    shuffled = data.draw(st.permutations(instrument.columns()))
    frame = pd.DataFrame([row], columns=instrument.columns())[list(shuffled)]
    again = score(frame, instrument)
    assert all(np.array_equal(again[name].iloc[0], scores[name], equal_nan=True) for name in scores)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_reversing_twice_changes_nothing_and_turned_answers_turn_the_scores(data):
    instrument = data.draw(st.sampled_from([MLQ, WAI, WAI_S, OQ]))
    row = np.array(
        data.draw(
            st.lists(
                st.integers(instrument.low, instrument.high).map(float),
                min_size=instrument.n_items,
                max_size=instrument.n_items,
            )
        )
    )
    assert np.array_equal(reverse(reverse(row, instrument), instrument), row)
    scores = score_array(row, instrument)
    turned = score_array(instrument.low + instrument.high - row, instrument)
    for name, (low, high) in instrument.ranges().items():
        assert turned[name] == low + high - scores[name]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_total_of_complete_answers_is_the_sum_of_its_parts(data):
    instrument = data.draw(st.sampled_from([WAI, WAI_S, OQ]))
    size = (5, instrument.n_items)
    rows = np.random.default_rng(data.draw(st.integers(0, 10**6))).integers(
        instrument.low, instrument.high, size, endpoint=True
    )
    scores = score_array(rows, instrument)
    assert np.array_equal(sum(scores[name] for name in instrument.subscales), scores[instrument.total])


def test_the_default_instruments_are_files_of_the_configuration():
    assert all(path.endswith(".yaml") and load_instrument(path, name) for name, path in study_files().items())
