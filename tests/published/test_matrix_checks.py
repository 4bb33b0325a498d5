"""The matrix door: reading what an article prints, and finding the cells that cannot be right."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import yaml
from fortems.errors import ConfigError
from fortems.published.checks import check_matrix
from fortems.published.findings import IMPOSSIBLE, UNINFORMATIVE, findings_frame, refuse_impossible
from fortems.published.matrix import Printed, Scale, load_matrix, printed
from scipy.stats import pearsonr
from wording import facts, says

ARTICLE = Path("tests/data/article.yaml")
SCALES = {
    "bond": Scale(4, 20, 4),
    "task": Scale(4, 20, 4),
    "goal": Scale(4, 20, 4),
    "alliance": Scale(12, 60, 12),
    "meaning": Scale(5, 35, 5),
    "distress": Scale(0, 180, 45),
}


@pytest.fixture
def raw():
    return yaml.safe_load(ARTICLE.read_text(encoding="utf-8"))


@pytest.fixture
def load(tmp_path):
    def _load(raw):
        path = tmp_path / "article.yaml"
        path.write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
        return load_matrix(path, SCALES)

    return _load


def impossible(matrix):
    return {found.name for found in check_matrix(matrix) if found.verdict == IMPOSSIBLE}


@pytest.mark.parametrize(
    ("text", "value", "decimals", "stars"),
    [
        ("-.35**", -0.35, 2, "**"),
        ("−.35", -0.35, 2, ""),
        (".30", 0.30, 2, ""),
        ("0,300", 0.3, 3, ""),
        ("72", 72.0, 0, ""),
        (0.3, 0.3, 2, ""),
        ("1.00", 1.0, 2, ""),
    ],
)
def test_printed_numbers_keep_their_decimals(text, value, decimals, stars):
    assert printed(text, 2) == Printed(value, decimals, stars)


@pytest.mark.parametrize("text", ["", "ns", ".3.4", "-", "r = .3", True])
def test_what_is_no_printed_number_is_refused(text):
    with pytest.raises(ValueError, match="number"):
        printed(text, 2)


def test_the_invented_article_is_possible(raw, load):
    matrix = load(raw)
    assert matrix.names == ("bond", "task", "goal", "alliance", "meaning", "distress")
    assert matrix.cells["distress", "meaning"] == Printed(-0.56, 2, "***")
    assert impossible(matrix) == set()
    np.testing.assert_allclose(
        matrix.covariance().diagonal(), [matrix.sds[n].value ** 2 for n in matrix.names]
    )


def test_square_and_triangle_say_the_same(raw, load):
    triangle = load(raw)
    square = copy.deepcopy(raw)
    r = triangle.correlations()
    square["correlations"]["rows"] = [[f"{v:.2f}" for v in row] for row in r]
    square["correlations"]["starred"] = False
    np.testing.assert_array_equal(load(square).correlations(), r)
    square["correlations"]["rows"][0][1] = "0.45"
    with pytest.raises(
        ConfigError, match=facts("task~bond", "0.54", "0.45", "mirrored cell", "not symmetric")
    ):
        load(square)


def test_three_wrong_cells_are_found_by_the_right_check(raw, load):
    raw["variables"]["meaning"]["sd"] = "26.26"  # a digit doubled
    raw["correlations"]["rows"][4][2] = "-.16*"  # distress~goal: .26 misread
    raw["correlations"]["rows"][4][4] = ".56***"  # distress~meaning: the sign lost
    found = impossible(load(raw))
    assert {"sd:sd meaning", "stars:distress~goal", "sign:distress~meaning"} <= found
    others = {name for name in found if not name.startswith(("sum:", "definite:"))}
    assert others == {"sd:sd meaning", "stars:distress~goal", "sign:distress~meaning"}


def test_refusal_lists_every_cell_with_remedy_and_accept_keeps_it(raw, load):
    raw["variables"]["meaning"]["sd"] = "26.26"
    raw["correlations"]["rows"][4][1] = "-.07*"
    matrix = load(raw)
    findings = check_matrix(matrix)
    with pytest.raises(ConfigError) as caught:
        refuse_impossible(findings, frozenset(), "article.yaml")
    text = str(caught.value)
    says(text, "article.yaml", "sd meaning", "SD = 26.26", "M = 21.38", "5 to 35")
    assert "distress~task: r = -0.07 with * at n = 80" in text
    assert "add 'stars:distress~task' to `accept`" in text
    refuse_impossible(findings, frozenset({"sd:sd meaning", "stars:distress~task"}), "article.yaml")
    frame = findings_frame(findings, frozenset({"sd:sd meaning"}))
    assert frame.set_index("name").loc["sd:sd meaning", "accepted"]


def test_an_unknown_accept_is_named(raw, load):
    with pytest.raises(ConfigError, match="'sd:meaning' is not a finding"):
        refuse_impossible(check_matrix(load(raw)), frozenset({"sd:meaning"}), "article.yaml")


def test_indefinite_matrix_names_the_nearest(raw, load):
    raw["correlations"]["rows"][3] = ["-.43", ".80", ".34", ".42"]
    raw["correlations"]["starred"] = False
    found = {f.name: f for f in check_matrix(load(raw))}
    finding = found["definite:correlations"]
    assert finding.verdict == IMPOSSIBLE
    assert "meaning~bond" in finding.remedy or "meaning~task" in finding.remedy
    assert "instead of" in finding.remedy
    with pytest.raises(ConfigError):  # nothing can be computed from it: it cannot be accepted
        refuse_impossible([finding], frozenset({finding.name}), "x")


def test_a_total_beside_its_parts_is_not_taken_for_indefinite(raw, load):
    matrix = load(raw)
    eigenvalue = np.linalg.eigvalsh(matrix.correlations())[0]
    assert eigenvalue < 0.01  # all but singular, as it must be
    assert "definite:correlations" not in impossible(matrix)


def test_a_total_that_is_no_sum_is_found(raw, load):
    raw["variables"]["alliance"]["sd"] = "5.10"
    assert "sum:sd alliance" in impossible(load(raw))


def test_correlation_beyond_one(raw, load):
    raw["correlations"]["rows"][0][0] = "5.4***"
    assert "range:task~bond" in impossible(load(raw))


def test_an_icc_that_is_no_share(raw, load):
    raw["variables"]["bond"]["icc"] = "7"
    assert "range:icc bond" in impossible(load(raw))


def test_printed_p_against_r_and_n(raw, load):
    rng = np.random.default_rng(1)
    x = rng.normal(size=80)
    y = 0.4 * x + rng.normal(size=80)
    r, p = pearsonr(x, y)
    raw["correlations"]["starred"] = False
    raw["correlations"]["rows"][3][0] = f"{r:.2f}"
    raw["p"] = {"bond~meaning": f"{p:.3f}", "meaning~task": "<.05", "distress~task": "<.05"}
    assert {n for n in impossible(load(raw)) if n.startswith("p:")} == {"p:distress~task"}


def test_wrong_n_is_named_with_the_sizes_that_fit(raw, load):
    raw["n"] = 25
    findings = {f.name: f for f in check_matrix(load(raw))}
    assert findings["n:n"].verdict == IMPOSSIBLE
    low, high = (int(word) for word in findings["n:n"].allowed.removeprefix("n from ").split(" to "))
    assert low <= 80 <= high


def test_grim_tells_only_where_it_can(raw, load):
    raw["n"] = 60
    raw["variables"]["meaning"]["mean"] = "21.36"  # 1281 / 60 = 21.350, 1282 / 60 = 21.367
    assert "grim:mean meaning" in impossible(load(raw))
    raw["variables"]["meaning"]["prorated"] = True
    verdicts = {f.name: f.verdict for f in check_matrix(load(raw))}
    assert verdicts["grim:mean meaning"] == UNINFORMATIVE
    raw["variables"]["meaning"].pop("prorated")
    raw["n"] = 800
    verdicts = {f.name: f.verdict for f in check_matrix(load(raw))}
    assert verdicts["grim:mean meaning"] == UNINFORMATIVE


def test_grimmer_by_enumeration(load):
    """Five whole scores: every SD that some sample has passes, some that none has fails."""
    from itertools import combinations_with_replacement

    n, scale = 5, Scale(1, 3, 1)
    reached = {}
    for sample in combinations_with_replacement((1, 2, 3), n):
        reached.setdefault(f"{np.mean(sample):.2f}", set()).add(f"{np.std(sample, ddof=1):.2f}")
    base = {
        "source": "x",
        "n": n,
        "variables": {"x": {}, "y": {}},
        "correlations": {"order": ["x", "y"], "rows": [[".10"]], "starred": False},
    }
    for mean, sds in reached.items():
        for k in range(111):
            sd = f"{k / 100:.2f}"
            base["variables"]["x"] = {"mean": mean, "sd": sd, "scale": {"low": 1, "high": 3}}
            verdicts = {f.name: f.verdict for f in check_matrix(load(base))}
            if sd in sds:
                assert verdicts.get("grimmer:sd x") != IMPOSSIBLE, (mean, sd)
    base["variables"]["x"] = {"mean": "2.00", "sd": "0.50", "scale": {"low": 1, "high": 3}}
    assert "0.50" not in reached["2.00"]
    assert {f.name: f.verdict for f in check_matrix(load(base))}["grimmer:sd x"] == IMPOSSIBLE
    assert scale.items == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.update(nn=3), "unknown key 'nn'"),
        (lambda r: r.pop("n"), "the key 'n' is missing"),
        (lambda r: r["correlations"]["rows"].pop(), "rows of .* numbers do not fit 6 variables"),
        (lambda r: r["correlations"]["order"].__setitem__(4, "meanign"), "Did you mean meaning?"),
        (lambda r: r["correlations"]["rows"][0].__setitem__(0, "high"), "correlations task~bond: 'high'"),
        (lambda r: r.update(text={"meaning~bondd": "positive"}), "Did you mean bond?"),
    ],
)
def test_bad_files_are_refused_by_name(raw, load, change, message):
    change(raw)
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        load(raw)


def test_missing_file_names_the_nearest():
    with pytest.raises(ConfigError, match=r"Did you mean tests/data/article.yaml\?"):
        load_matrix("tests/data/artcle.yaml")


THREE = {
    "source": "An article, p. 1",
    "n": 143,
    "variables": {"bond": {}, "meaning": {}, "phq9": {}},
    "correlations": {"order": ["bond", "meaning", "phq9"], "rows": [[".31**"], ["-.25**", "-.48**"]]},
}


def stars_refused(load, raw):
    matrix = load(raw)
    with pytest.raises(ConfigError) as caught:
        refuse_impossible(check_matrix(matrix), matrix.accept, "article.yaml")
    return str(caught.value)


def test_an_article_of_two_marks_is_told_how_to_say_so(load):
    """SPSS prints ** for all below .01."""
    message = stars_refused(load, THREE)
    says(message, "no", "***", 'stars: {"*": 0.05, "**": 0.01}')
    assert "n = 143 contradicts" not in message
    told = {**THREE, "stars": {"*": 0.05, "**": 0.01}}
    assert not impossible(load(told))


@pytest.mark.parametrize("cell", [".31*", ".05**", ".48***"])
def test_no_such_advice_where_it_would_not_help(load, cell):
    raw = copy.deepcopy(THREE)
    raw["correlations"]["rows"][0] = [cell]
    message = stars_refused(load, raw)
    assert "then write stars" not in message
