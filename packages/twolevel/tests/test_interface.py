"""What a user meets: names, a fit at a glance, pictures, pickles, new data."""

import contextlib
import io
import json
import pickle
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import twolevel
from twolevel_samples import draw

MODEL = """
level: 1
  m ~ a*x
  y ~ b*m + c*x
level: 2
  x ~~ m + y
  m ~~ y
indirect := a*b
"""
LATENT = """
level: 1
  f =~ x + m + y
level: 2
  x ~~ m + y
  m ~~ y
"""
FRAME = draw(3, clusters=60, icc=0.3)


@pytest.fixture(scope="module")
def fit():
    return twolevel.fit(MODEL, FRAME, "cluster")


def test_only_public_names_are_listed_and_each_is_there():
    assert dir(twolevel) == sorted(twolevel.__all__)
    for name in dir(twolevel):
        assert getattr(twolevel, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'sem'"):
        twolevel.sem  # noqa: B018


def test_the_version_is_that_of_the_distribution():
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    assert twolevel.__version__ == project["version"]
    first = re.search(r"^## (\S+)", (Path(__file__).parents[1] / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first and first[1] == twolevel.__version__


def test_every_attribute_of_a_fit_is_in_the_documentation():
    listed = (Path(__file__).parents[1] / "docs" / "fit.md").read_text()
    for name in dir(twolevel.Fit):
        if not name.startswith("_"):
            assert f"| `{name}` |" in listed or f"| `{name}(" in listed, name
    for name in twolevel.Fit.__dataclass_fields__:
        assert f"| `{name}` |" in listed, name


def test_the_example_notebook_prints_what_it_holds():
    """Each code cell is run, and prints what is stored below it."""
    notebook = json.loads((Path(__file__).parents[1] / "docs" / "example.ipynb").read_text())
    names: dict[str, object] = {}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(cells) >= 5
    with contextlib.chdir(Path(__file__).parents[1]):
        for cell in cells:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec("".join(cell["source"]), names)
            stored = "".join("".join(output["text"]) for output in cell["outputs"])
            assert out.getvalue() == stored, "".join(cell["source"])


def test_a_single_fit_does_not_load_the_batch():
    code = "import sys, twolevel; assert 'twolevel.batch' not in sys.modules; twolevel.batch.fit"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_fit_is_one_screen_and_holds_what_matters(fit):
    shown = repr(fit)
    lines = shown.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 120
    for name in ("a", "b", "c"):
        assert f"{fit.values[name]:.3f}" in shown
    assert "indirect := a*b" in shown and f"{fit.values['indirect']:.3f}" in shown
    assert f"{fit.n_clients} rows in {fit.n_clusters} clusters" in lines[0]


def test_a_fit_with_many_parameters_is_one_screen_all_the_same():
    frame = FRAME.copy()
    rng = np.random.default_rng(1)
    names = [f"item_with_a_long_name_{k}" for k in range(16)]
    for name in names:
        frame[name] = frame["x"] + rng.normal(size=len(frame))
    text = "level: 1\n f =~ " + " + ".join(names) + "\nlevel: 2\n" + "\n".join(f"{n} ~~ {n}" for n in names)
    shown = repr(twolevel.fit(text, frame, "cluster"))
    assert len(shown.splitlines()) <= 24
    assert "more parameters" in shown


def test_a_fit_without_a_maximum_says_so_at_a_glance():
    frame = draw(1, clusters=6, icc=0.0)
    with pytest.warns(twolevel.TwoLevelWarning):
        fit = twolevel.fit(MODEL, frame, "cluster", bounds="none")
    if fit.converged:
        pytest.skip("this sample has a regular maximum")
    assert "NOT CONVERGED" in repr(fit) and "no maximum" in repr(fit)


def test_what_a_notebook_shows_is_the_same_and_escaped():
    frame = FRAME.rename(columns={"m": "m"})
    html = twolevel.fit(MODEL, frame, "cluster")._repr_html_()
    tree = ET.fromstring(html)
    cells = ["".join(cell.itertext()) for cell in tree.iter("td")]
    assert "indirect := a*b" in cells
    assert "<script" not in html


def test_a_model_fits_itself(fit):
    model = twolevel.Model(MODEL)
    assert isinstance(model.fit(FRAME, cluster="cluster"), twolevel.Fit)
    assert model.fit(FRAME, cluster="cluster").loglik == fit.loglik
    assert twolevel.fit(model, FRAME, "cluster").loglik == fit.loglik


@pytest.mark.parametrize("missing", ["listwise", "ml"])
def test_a_fit_comes_back_from_a_pickle_and_is_small(missing):
    big = draw(5, clusters=400, largest=12)
    fit = twolevel.fit(MODEL, big, "cluster", missing=missing)
    before = len(pickle.dumps(fit))
    fit.summary(fit_measures=True)
    fit.jackknife() if missing == "listwise" else None
    packed = pickle.dumps(fit)
    assert len(packed) < 1.2 * before
    assert len(packed) < 4 * len(pickle.dumps(big)) + 30_000
    again = pickle.loads(packed)
    assert again.summary(fit_measures=True) == fit.summary(fit_measures=True)
    assert again.profile("b").p == fit.profile("b").p


def test_new_data_have_the_models_moments(fit):
    sizes = np.random.default_rng(0).integers(2, 9, 4000)
    new = fit.simulate(np.random.default_rng(1), sizes)
    assert list(new.columns) == [*fit.model.observed, "cluster"]
    assert new.groupby("cluster").size().tolist() == sizes.tolist()
    names = list(fit.model.observed)
    centred = new[names] - new.groupby("cluster")[names].transform("mean")
    within = centred.T.to_numpy() @ centred.to_numpy() / (len(new) - len(sizes))
    np.testing.assert_allclose(within, fit.sigma_within.to_numpy(), atol=0.04)
    total = np.cov(new[names].T.to_numpy())
    np.testing.assert_allclose(total, (fit.sigma_within + fit.sigma_between).to_numpy(), atol=0.06)
    again = twolevel.fit(MODEL, new, "cluster")
    for name in ("a", "b", "c"):
        assert abs(again.values[name] - fit.values[name]) < 4 * again.row(name)["se"]


def test_new_data_repeat_with_their_generator_and_keep_the_sizes(fit):
    one, two = (twolevel.simulate(fit, np.random.default_rng(7)) for _ in range(2))
    pd.testing.assert_frame_equal(one, two)
    assert sorted(one.groupby("cluster").size()) == sorted(FRAME.groupby("cluster").size())


def test_what_cannot_be_drawn_is_refused():
    fit = twolevel.fit(MODEL, draw(2, clusters=60, icc=0.0), "cluster", bounds="none")
    if fit.converged and not fit.admissible:
        with pytest.raises(twolevel.errors.ModelError, match="bounds='psd'"):
            fit.simulate()
    with pytest.raises(twolevel.errors.ModelError, match="whole numbers"):
        twolevel.fit(MODEL, FRAME, "cluster").simulate(sizes=[3, 0])


@pytest.mark.parametrize("text", [MODEL, LATENT])
@pytest.mark.parametrize("standardized", [False, True])
def test_a_path_diagram_names_every_variable_and_path(text, standardized):
    fit = twolevel.fit(text, FRAME, "cluster")
    tree = ET.fromstring(fit.diagram(standardized))
    space = "{http://www.w3.org/2000/svg}"
    texts = ["".join(node.itertext()) for node in tree.iter(f"{space}text")]
    frame = fit.parameters
    column = "standardized" if standardized else "estimate"
    for row in frame[frame["op"].isin(["~", "=~"])].to_dict("records"):
        assert any(shown.endswith(f"{row[column]:.2f}") for shown in texts), row
    for name in fit.model.layout.levels[0].names:
        assert name in texts
    assert len(list(tree.iter(f"{space}ellipse"))) == (1 if text is LATENT else 0)
    arrows = [p for p in tree.iter(f"{space}path") if p.get("marker-end")]
    drawn = frame[frame["op"].isin(["~", "=~", "~~"]) & (frame["lhs"] != frame["rhs"])]
    assert len(arrows) == len(drawn)
    assert "Level 1" in tree.find(f"{space}desc").text


def test_names_in_a_diagram_are_escaped():
    frame = FRAME.rename(columns={"x": "x.a_b"})
    svg = twolevel.fit(MODEL.replace("x", "x.a_b"), frame, "cluster").diagram()
    ET.fromstring(svg)


def test_every_attribute_of_a_fit_has_a_docstring():
    for name in dir(twolevel.Fit):
        if not name.startswith("_"):
            found = getattr(twolevel.Fit, name)
            found = getattr(found, "func", getattr(found, "fget", found))
            assert found.__doc__, name
