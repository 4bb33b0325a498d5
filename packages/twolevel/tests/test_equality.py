"""Labels set equal: every constraint of the text holds, whatever its order, and fixed values spread."""

import pytest
import twolevel
from twolevel.errors import ModelError, UnknownParameterError
from twolevel_samples import TEXTS, draw

FRAME = draw(8, clusters=30, largest=6, icc=0.3)
THREE = TEXTS["partial"].replace("b*m + x", "b*m + c*x")


@pytest.mark.parametrize(
    "pairs", ["a == b\nb == c", "a == b\nc == b", "c == b\na == b", "b == a; c == a; b == c"]
)
def test_no_equality_is_lost_whatever_the_order(pairs):
    model = twolevel.Model(THREE + pairs)
    assert model.layout.n_parameters == twolevel.Model(THREE).layout.n_parameters - 2
    fit = twolevel.fit(model, FRAME, "cluster")
    assert fit.values["a"] == fit.values["b"] == fit.values["c"]
    assert fit.fit_indices.df == 2
    same = twolevel.fit(THREE.replace("b*m + c*x", "a*m + a*x").replace("a*b", "a*a"), FRAME, "cluster")
    assert fit.loglik == pytest.approx(same.loglik, abs=1e-7)


@pytest.mark.parametrize(
    ("pair", "match"), [("a == bb", "'bb'.*did you mean 'b'"), ("indirect == a", "defined")]
)
def test_equality_between_what_are_no_labels_is_refused(pair, match):
    with pytest.raises(UnknownParameterError, match=match):
        twolevel.Model(TEXTS["partial"] + pair)


def test_a_fixed_label_holds_all_that_equal_it():
    wanted = twolevel.fit(
        TEXTS["partial"].replace("a*x", "0.5*x").replace("b*m", "0.5*m").replace("indirect := a*b", ""),
        FRAME,
        "cluster",
    )
    fixed = TEXTS["partial"].replace("a*x", "a*x + 0.5*x")
    for text in (fixed + "a == b", fixed + "b == a", fixed.replace("b*m", "a*m").replace("a*b", "a*a")):
        fit = twolevel.fit(text, FRAME, "cluster")
        assert fit.loglik == pytest.approx(wanted.loglik, abs=1e-7)
        assert fit.n_parameters == wanted.n_parameters
        assert fit.values["a"] == fit.values.get("b", 0.5) == 0.5 and fit.values["indirect"] == 0.25
    with pytest.raises(ModelError, match=r"m~x .*0\.5 and y~m .*0\.3, .*a == b"):
        twolevel.Model(fixed.replace("b*m", "b*m + 0.3*m") + "a == b")
