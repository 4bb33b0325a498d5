"""Models from a matrix give what the raw data give."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from fortems.mediation.slopes import Settings
from fortems.published.lacks import CLIENTS, DUPLICATE, PARTS, VARIABLES
from fortems.published.matrix import Printed, PublishedMatrix, load_matrix
from fortems.published.paths import indirect, regress
from fortems.published.reanalysis import reanalyse, why_not
from fortems.published.sensitivity import between, clustering, rounding
from fortems.published.tables import withheld_rows
from fortems.study.models import MediationModel

NAMES = ("bond", "task", "meaning", "search", "distress")
MODELS = {
    "bond": MediationModel("bond", ("bond",), ("meaning",), "distress"),
    "two": MediationModel("two", ("bond", "task"), ("meaning", "search"), "distress"),
    "adjusted": MediationModel("adjusted", ("bond",), ("meaning",), "distress", covariates=("task",)),
    "age": MediationModel("age", ("bond",), ("meaning",), "distress", covariates=("age",)),
    "by_task": MediationModel("by_task", ("bond",), ("meaning",), "distress", moderator="task"),
    "latent": MediationModel("latent", ("bond",), ("meaning",), "distress", measurement="latent"),
    "total": MediationModel("total", ("bond",), ("alliance",), "distress"),
}


@pytest.fixture(scope="module")
def raw():
    rng = np.random.default_rng(3)
    mixing = rng.normal(size=(5, 5)) / 3 + np.eye(5)
    return pd.DataFrame(rng.normal(size=(90, 5)) @ mixing * [2, 3, 6, 6, 20] + 30, columns=NAMES)


@pytest.fixture(scope="module")
def matrix(raw):
    """The matrix of the raw data with all its digits."""
    r, sd = raw.corr(), raw.std()
    return PublishedMatrix(
        source="x",
        made_up=True,
        n=len(raw),
        clusters=None,
        names=(*NAMES, "alliance"),
        means={},
        sds={name: Printed(sd[name], 15) for name in NAMES},
        iccs={},
        cells={(a, b): Printed(r.loc[a, b], 15) for i, a in enumerate(NAMES) for b in NAMES[:i]}
        | {("alliance", name): Printed(0.1, 2) for name in NAMES},
        scales={},
        prorated=frozenset(),
        p={},
        stars={},
        starred=False,
        text={},
        between={},
        accept=frozenset(),
    )


@pytest.fixture(scope="module")
def analysis(matrix):
    settings = Settings(seed=1, draws=2000)
    return reanalyse(MODELS, matrix, ("twolevel", "regression", "semopy", "mixedlm"), settings)


def estimate(effects, **where):
    rows = effects
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1, where
    return rows.iloc[0]


def test_paths_equal_least_squares_on_the_raw_data(raw, analysis):
    x = raw[["bond", "task"]]
    for mediator in ("meaning", "search"):
        fit = sm.OLS(raw[mediator], sm.add_constant(x)).fit()
        for predictor in ("bond", "task"):
            row = estimate(
                analysis.effects,
                model="two",
                engine="regression",
                effect="a",
                predictor=predictor,
                mediator=mediator,
            )
            assert row["estimate"] == pytest.approx(fit.params[predictor], rel=1e-8)
            assert row["se"] == pytest.approx(fit.bse[predictor], rel=1e-8)
            assert row["p"] == pytest.approx(fit.pvalues[predictor], rel=1e-6)
    fit = sm.OLS(raw["distress"], sm.add_constant(raw[["meaning", "search", "bond", "task"]])).fit()
    row = estimate(analysis.effects, model="two", engine="regression", effect="b", mediator="search")
    assert row["estimate"] == pytest.approx(fit.params["search"], rel=1e-8)
    assert row["se"] == pytest.approx(fit.bse["search"], rel=1e-8)
    total = sm.OLS(raw["distress"], sm.add_constant(x)).fit()
    row = estimate(analysis.effects, model="two", engine="regression", effect="total", predictor="bond")
    assert row["se"] == pytest.approx(total.bse["bond"], rel=1e-8)


def test_without_semopy_the_closed_form_goes_on(matrix, monkeypatch):
    monkeypatch.setitem(sys.modules, "semopy", None)
    found = reanalyse(MODELS, matrix, ("regression", "semopy"), Settings(seed=1, draws=200))
    told = found.fit[found.fit["engine"] == "semopy"]["message"]
    assert len(told) and told.str.contains("semopy cannot be imported").all()
    assert set(found.effects["engine"]) == {"regression"}


def test_semopy_and_closed_form_agree(analysis):
    keys = ["model", "effect", "predictor", "mediator", "interval"]
    wide = analysis.effects.pivot_table(index=keys, columns="engine", values="estimate")
    wide = wide.dropna()
    assert len(wide) > 20
    np.testing.assert_allclose(wide["semopy"], wide["regression"], rtol=1e-8, atol=1e-8)


def test_two_mediators_slopes_covary_as_in_seemingly_unrelated_regressions(raw, matrix):
    from fortems.published.reanalysis import closed_form, system_of

    slopes, _ = closed_form(system_of(MODELS["two"]), matrix)
    i, j = slopes.keys.index(("meaning", "bond")), slopes.keys.index(("search", "bond"))
    x = sm.add_constant(raw[["bond", "task"]]).to_numpy()
    hat = x @ np.linalg.solve(x.T @ x, x.T)
    left = np.eye(len(raw)) - hat
    s12 = raw["meaning"].to_numpy() @ left @ raw["search"].to_numpy() / (len(raw) - 3)
    assert slopes.vcov[i, j] == pytest.approx(s12 * np.linalg.inv(x.T @ x)[1, 1], rel=1e-8)


def test_what_needs_client_rows_is_withheld_with_the_reason(analysis, matrix):
    assert {name: lack.reason for name, lack in analysis.withheld.items()} == {
        "age": "not in the published matrix: age",
        "by_task": "a moderated path needs client rows",
        "latent": "a measurement model needs client rows",
        "total": "a total beside its own parts",
    }
    kinds = {name: lack.kind for name, lack in analysis.withheld.items()}
    assert kinds == {"age": VARIABLES, "by_task": CLIENTS, "latent": CLIENTS, "total": PARTS}
    assert why_not(MODELS["bond"], matrix) is None
    assert why_not(replace(MODELS["bond"], between="structured"), matrix).kind == DUPLICATE
    written = withheld_rows(analysis.withheld).set_index("model")
    assert written.loc["latent", "lacks"] == "clients" and "client rows" in written.loc["latent", "reason"]
    assert set(analysis.effects["engine"]) == {"regression", "semopy"}
    assert set(analysis.effects["interval"]) == {"wald", "delta", "montecarlo"}


def test_likelihood_ratio_of_the_direct_path(raw, analysis):
    y = raw["distress"]
    long = sm.OLS(y, sm.add_constant(raw[["meaning", "bond"]])).fit()
    short = sm.OLS(y, sm.add_constant(raw[["meaning"]])).fit()
    row = estimate(analysis.fit, model="bond", engine="regression", variant="full")
    assert row["chi2"] == pytest.approx(2 * (long.llf - short.llf), rel=1e-8)


def test_indirect_effect_of_a_stack_of_matrices(matrix):
    covariance = matrix.covariance()
    stack = np.stack([covariance, covariance * 4])
    x, m, y = (matrix.names.index(name) for name in ("bond", "meaning", "distress"))
    a = regress(covariance, matrix.names, "meaning", ["bond"], 90).slope("bond")[0]
    b = regress(covariance, matrix.names, "distress", ["meaning", "bond"], 90).slope("meaning")[0]
    np.testing.assert_allclose(indirect(stack, x, m, y), a * b)


ARTICLE = load_matrix(Path("tests/data/article.yaml"))
TRIPLES = {"bond": ("bond", "meaning", "distress")}


def test_clustering_widens_by_the_stated_factor():
    table = clustering(ARTICLE, TRIPLES, 4.2, 0.95).set_index(["effect", "icc_predictor", "icc_residual"])
    alone, shared = table.loc[("a", 0.0, 0.1)], table.loc[("a", 0.2, 0.1)]
    assert alone["factor"] == 1
    assert shared["se"] / alone["se"] == pytest.approx(np.sqrt(1 + 3.2 * 0.02))
    assert shared["p"] > alone["p"]


def printed_iccs(**iccs):
    return replace(ARTICLE, iccs={name: Printed(value, 2) for name, value in iccs.items()})


def test_a_printed_icc_takes_the_place_of_supposed_ones():
    """A negative estimate is no share of variance: 0 then."""
    given = printed_iccs(bond=0.3, distress=-0.04)
    table = clustering(given, TRIPLES, 4.2, 0.95)
    assert set(table.loc[table["effect"] == "a", "icc_predictor"]) == {0.295, 0.3, 0.305}
    assert set(table.loc[table["effect"] == "b", "icc_predictor"]) == {0.0, 0.05, 0.1, 0.2}  # of meaning
    row = between(given, TRIPLES).iloc[0]
    assert row["suppositions"] == 3 * 3 * 1 * 27
    for end in ("low", "high"):
        assert "ICC y 0," in row[f"at_{end}"]
        assert row[f"at_{end}"].split(",")[0] in {"ICC x 0.295", "ICC x 0.3", "ICC x 0.305"}


def test_iccs_that_no_within_matrix_allows_leave_the_range_empty():
    """With r_B = 0 and nearly all variance between, a correlation has no room within."""
    given = replace(printed_iccs(bond=0.95, meaning=0.95, distress=0.95), between={"correlation": [0.0]})
    row = between(given, TRIPLES).iloc[0]
    assert row["possible"] == 0 and row["suppositions"] == 27
    assert np.isnan(row["within_low"]) and row["at_low"] == ""


def test_rounding_range_holds_every_matrix_that_rounds_to_the_printed_one():
    table = rounding(ARTICLE, TRIPLES).set_index("effect")
    rng = np.random.default_rng(5)
    centre = np.array([ARTICLE.correlations()[i, j] for i, j in ((0, 4), (0, 5), (4, 5))])
    draws = centre + rng.uniform(-0.005, 0.005, size=(4000, 3))
    a, xy, my = draws.T
    b = (my - a * xy) / (1 - a**2)
    for effect, values in {"indirect": a * b, "b": b, "direct": (xy - a * my) / (1 - a**2)}.items():
        assert table.loc[effect, "low"] <= values.min()
        assert values.max() <= table.loc[effect, "high"]
        reached = table.loc[effect, "high"] - table.loc[effect, "low"]
        assert values.max() - values.min() > 0.8 * reached  # the range is no wider than it must be


def test_within_range_by_brute_force():
    row = between(ARTICLE, TRIPLES).iloc[0]
    r = ARTICLE.correlations()[np.ix_([0, 4, 5], [0, 4, 5])]
    effects = []
    for *iccs, xm, xy, my in product(*[(0, 0.05, 0.1)] * 3, *[(-0.5, 0, 0.5)] * 3):
        rb = np.array([[1, xm, xy], [xm, 1, my], [xy, my, 1]], float)
        w = r - rb * np.sqrt(np.outer(iccs, iccs))
        if np.linalg.eigvalsh(rb)[0] < -1e-12 or np.linalg.eigvalsh(w)[0] <= 0:
            continue
        a = w[0, 1] / w[0, 0]
        b = np.linalg.solve(w[:2, :2], w[:2, 2])[1]
        effects.append(a * b)
    assert row["possible"] == len(effects)
    assert row["within_low"] == pytest.approx(min(effects))
    assert row["within_high"] == pytest.approx(max(effects))
    assert row["within_low"] <= row["single_level"] <= row["within_high"]
