"""Two ratings of one construct: against pandas' own arithmetic, a jackknife by hand, and data of known agreement."""

import numpy as np
import pandas as pd
import pytest
from fortems.study.instruments import FOLDER, load_instruments
from fortems.tables.raters import SHARE, raters_table
from scipy import stats

FILES = {"wai": FOLDER / "wai_sr.yaml", "wai_therapist": FOLDER / "wai_sr.yaml"}


def ratings(seed=1, shift=1.5, therapists=12):
    rng = np.random.default_rng(seed)
    size = rng.integers(3, 9, therapists)
    therapist = np.repeat([f"t{i}" for i in range(therapists)], size)
    true, bias = rng.normal(0, 4, len(therapist)), np.repeat(rng.normal(0, 2, therapists), size)
    first = 42 + true + rng.normal(0, 2, len(therapist))
    return pd.DataFrame(
        {
            "therapist": therapist,
            "alliance": first,
            "wai_therapist_alliance": 42 + shift + true + bias + rng.normal(0, 3, len(therapist)),
        }
    )


def test_numbers_are_those_of_other_arithmetic():
    data = ratings()
    data.loc[3, "alliance"] = np.nan
    (row,) = raters_table(data, load_instruments(FILES)).to_dict("records")
    known = data.dropna()
    inside = known.drop(columns="therapist") - known.groupby("therapist").transform("mean")
    n, j = len(known), known["therapist"].nunique()
    assert (row["n_clients"], row["n_therapists"]) == (n, j)
    r = inside.corr().iloc[0, 1]
    assert row["r_within"] == pytest.approx(r)
    t = r * np.sqrt((n - j - 1) / (1 - r**2))
    assert row["r_within_p"] == pytest.approx(2 * stats.t.sf(abs(t), n - j - 1))
    assert row["r_total"] == pytest.approx(known["alliance"].corr(known["wai_therapist_alliance"]))
    difference = known["wai_therapist_alliance"] - known["alliance"]
    without = [difference[known["therapist"] != name].mean() for name in known["therapist"].unique()]
    se = np.sqrt((j - 1) / j * sum((value - difference.mean()) ** 2 for value in without))
    assert row["mean_difference"] == pytest.approx(difference.mean()) and row["se"] == pytest.approx(se)
    low, high = stats.t.interval(0.95, j - 1, difference.mean(), se)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high))
    deviation = difference - difference.groupby(known["therapist"]).transform("mean")
    assert row["sd_within"] == pytest.approx(np.sqrt((deviation**2).sum() / (n - j)))


def test_a_known_shift_is_found():
    data = ratings(seed=5, shift=3.0, therapists=400)
    (row,) = raters_table(data, load_instruments(FILES)).to_dict("records")
    assert row["mean_difference"] == pytest.approx(3.0, abs=3.5 * row["se"])
    # True parts 16, errors 4 and 9, therapists' bias 4 between them.
    assert row["r_within"] == pytest.approx(16 / np.sqrt(20 * 25), abs=0.04)
    assert row["sd_within"] == pytest.approx(np.sqrt(13), rel=0.04) and row["icc"] == pytest.approx(
        4 / 17, abs=0.05
    )


def test_other_ranges_are_compared_as_shares():
    files = FILES | {"wai_therapist": FOLDER / "wai_s.yaml"}
    data = ratings().assign(wai_therapist_alliance=lambda d: 12 + (d["alliance"] - 12) * 72 / 48)
    (row,) = raters_table(data, load_instruments(files)).to_dict("records")
    assert row["unit"] == SHARE and row["mean_difference"] == pytest.approx(0, abs=1e-12)


def test_what_cannot_be_compared_says_why():
    data = ratings(therapists=2)
    (row,) = raters_table(data, load_instruments(FILES)).to_dict("records")
    assert row["reason"] == "too few clients or therapists" and pd.isna(row["r_within"])
    assert raters_table(ratings()[["therapist", "alliance"]], load_instruments(FILES)).empty
