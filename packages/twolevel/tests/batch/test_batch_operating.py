"""Type I error and coverage: the script that tabulates them, and the stored table."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from twolevel import batch

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("operating", FOLDER / "operating_characteristics.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


def test_intervals_cover_and_tests_hold_their_level(script):
    frame = pd.DataFrame(script.rates(150))
    assert (frame["failed"] == 0).all()
    rates = frame[["z", "t", "likelihood ratio"]].to_numpy(float).ravel()
    rates = rates[np.isfinite(rates)]
    assert rates.min() > 0.87  # .95 less 4.5 Monte Carlo errors
    assert abs(rates.mean() - 0.95) < 0.015


def test_a_path_at_a_value_is_tested_by_shifting_its_dependent_variable(script):
    """The test at zero is the usual one; at the estimate itself nothing is left to test."""
    cluster = np.repeat(np.arange(len(script.SIZES)), script.SIZES)
    data = script.draw(np.random.default_rng(1), 3, 0.05, (0.3, -0.35, -0.2), "same")
    model = batch.PathModel.saturated(["x", "m", "y"])
    moments = batch.study_moments(data, cluster)
    plain = batch.likelihood_ratio(model, moments, ("y", "m")).p
    np.testing.assert_allclose(script.likelihood_ratio_p(data, cluster, "b", 0.0), plain, rtol=1e-6)
    estimate = batch.fit(model, moments).path("y", "m")[0]
    assert script.likelihood_ratio_p(data, cluster, "b", estimate)[0] > 0.99


@pytest.mark.slow
def test_the_stored_table_is_what_the_script_finds(script):
    def numbers(text):
        return np.array([float(x) for x in re.findall(r"-?\d+\.\d{3}\b", text)])

    stored, found = script.TABLE.read_text(), script.report(pd.DataFrame(script.rates()))
    assert re.sub(r"\d", "", stored) == re.sub(r"\d", "", found)
    np.testing.assert_allclose(numbers(found), numbers(stored), atol=2e-3)
