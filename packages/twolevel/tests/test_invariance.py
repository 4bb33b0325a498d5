"""Shift, rescale, reorder, relabel: nothing changes but units. Exchanging two clients' clusters does change it."""

import numpy as np
import pytest
import twolevel
from hypothesis import given, settings
from hypothesis import strategies as st
from twolevel_samples import TEXTS, draw, paper_size, punch

MODELS = {name: twolevel.Model(TEXTS[name]) for name in ("partial", "covariates", "between_covariate")}
names = st.sampled_from(sorted(MODELS))
FRAMES = {"inside": draw(8, clusters=50, icc=0.4), "boundary": paper_size(2, 0.0)}


def fit(name, frame, missing="listwise"):
    return twolevel.fit(MODELS[name], frame, "cluster", missing=missing)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(names, st.sampled_from(sorted(FRAMES)), st.floats(-3000, 3000), st.sampled_from([1e-3, 0.1, 7.0, 1e4]))
def test_shift_and_scale_change_units_only(name, kind, shift, scale):
    frame = FRAMES[kind]
    moved = frame.assign(x=shift + frame["x"], m=scale * frame["m"])
    a, b = fit(name, frame), fit(name, moved)
    assert b.converged == a.converged and b.boundary == a.boundary
    assert b.loglik == pytest.approx(a.loglik - len(frame) * np.log(scale), abs=1e-5)
    left, right = (
        a.parameters.set_index(["level", "lhs", "op", "rhs"]),
        b.parameters.set_index(["level", "lhs", "op", "rhs"]),
    )
    for label, factor in ((("within", "m", "~", "x"), scale), (("within", "y", "~", "m"), 1 / scale)):
        assert right.loc[label, "estimate"] == pytest.approx(factor * left.loc[label, "estimate"], rel=1e-4)
        assert right.loc[label, "se"] == pytest.approx(factor * left.loc[label, "se"], rel=1e-3)
    slopes = (left.index.get_level_values("op") == "~") & (left.index.get_level_values("level") == "within")
    np.testing.assert_allclose(left["standardized"][slopes], right["standardized"][slopes], atol=1e-4)


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_order_of_clients_and_names_of_clusters_do_not_matter(name, missing):
    frame = FRAMES["inside"] if missing == "listwise" else punch(draw(8, clusters=25, icc=0.4), 3, 0.1)
    shuffled = frame.sample(frac=1, random_state=5)
    shuffled = shuffled.assign(cluster=shuffled["cluster"].map(lambda c: f"t{(7 * c) % 61}"))
    a, b = fit(name, frame, missing), fit(name, shuffled, missing)
    assert b.loglik == pytest.approx(a.loglik, abs=1e-8)
    np.testing.assert_allclose(a.solution.theta, b.solution.theta, atol=1e-6)
    np.testing.assert_allclose(a.covariance.matrix, b.covariance.matrix, atol=1e-6)


def test_exchanging_two_clients_clusters_matters():
    frame = FRAMES["inside"]
    first = frame.index[frame["cluster"] == 1][0]
    other = frame.index[frame["cluster"] == 2][0]
    swapped = frame.copy()
    swapped.loc[[first, other], "cluster"] = frame.loc[[other, first], "cluster"].to_numpy()
    assert abs(fit("partial", swapped).loglik - fit("partial", frame).loglik) > 1e-3


def test_missing_data_fit_of_complete_data_is_the_complete_one():
    frame = draw(9, clusters=30, icc=0.3)
    for name in MODELS:
        a, b = fit(name, frame), fit(name, frame, "ml")
        assert b.loglik == pytest.approx(a.loglik, abs=1e-8)
        np.testing.assert_allclose(a.solution.theta, b.solution.theta, atol=1e-6)
        np.testing.assert_allclose(a.covariance.matrix, b.covariance.matrix, atol=1e-6)
