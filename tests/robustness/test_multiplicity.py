"""Many tests: adjustments against statsmodels, the families, chance findings against the population's own algebra."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from fortems.claims.claimfile import Claim
from fortems.robustness.multiplicity import benjamini_hochberg
from fortems.robustness.multiplicity_chance import chance_table, is_so, population_paths
from fortems.simulate.moments import stated_population
from fortems.simulate.scenario import load_scenario
from fortems.study.instruments import load_instruments
from fortems.study.models import MediationModel
from fortems.tables.correlations import holm
from statsmodels.stats.multitest import multipletests

INSTRUMENTS = load_instruments()
BOND = MediationModel("bond", ("bond",), ("meaning",), "distress")


def population(name):
    return stated_population(load_scenario(name, INSTRUMENTS), INSTRUMENTS)


@pytest.mark.parametrize(("mine", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
def test_adjusted_p_values_are_those_of_statsmodels(mine, theirs):
    p = np.random.default_rng(1).beta(0.3, 1, size=40)
    p[3] = p[4]
    np.testing.assert_allclose(mine(p), multipletests(p, method=theirs)[1])
    with_gap = np.insert(p, 7, np.nan)
    np.testing.assert_allclose(np.delete(mine(with_gap), 7), mine(p))
    assert np.isnan(mine(with_gap)[7])


def test_paths_of_a_population_are_those_of_a_large_sample():
    its = population("as_reported")
    rng = np.random.default_rng(2)
    draws = rng.multivariate_normal(np.zeros(len(its.variables)), its.total, size=200_000)
    x, m, y = (draws[:, its.variables.index(name)] for name in ("bond", "meaning", "distress"))
    x, m, y = (v / v.std() for v in (x, m, y))
    a = np.linalg.lstsq(x[:, None], m, rcond=None)[0][0]
    b, direct = np.linalg.lstsq(np.column_stack([m, x]), y, rcond=None)[0]
    np.testing.assert_allclose(
        population_paths(its, BOND, "bond", "meaning", "single"), (a, b, direct), atol=0.01
    )


def test_what_is_so_follows_from_what_a_scenario_is_named_for():
    related = Claim("r", "", "correlation", x="bond", y="meaning", direction="positive")
    unrelated = Claim("n", "", "correlation", x="bond", y="meaning", significant=False)
    effect = Claim(
        "e",
        "",
        "effect",
        model="bond",
        x="bond",
        y="meaning",
        direction="negative",
        levels=("within", "single"),
    )
    models = {"bond": BOND}
    none, some = population("no_mediation"), population("as_reported")
    for level in ("within", "single"):
        assert not is_so(related, models, none, level) and is_so(unrelated, models, none, level)
        assert is_so(related, models, some, level) and not is_so(unrelated, models, some, level)
        assert is_so(effect, models, some, level) and not is_so(effect, models, none, level)


def test_expected_numbers_add_the_shares_of_the_scenario():
    claims = {
        "r": Claim("r", "", "correlation", x="bond", y="meaning", direction="positive"),
        "d": Claim("d", "", "correlation", x="bond", y="distress", direction="negative"),
    }
    rows = [
        ("no_mediation", np.nan, "No mediation", name, "finding", "total", share)
        for name, share in (("r", 0.03), ("d", 0.4))
    ]
    rows.append(("as_reported@gap=0", 0.0, "Grid", "r", "finding", "total", 0.9))
    table = pd.DataFrame(
        rows, columns=["scenario", "gap", "title", "claim", "role", "estimand", "probability"]
    )
    found = chance_table(table, claims, {"bond": BOND}, INSTRUMENTS)
    assert list(found["estimand"]) == ["within", "single"] and (found["scenario"] == "no_mediation").all()
    assert found["expected"].tolist() == pytest.approx([0.43, 0.43])
    assert found["expected_by_chance"].tolist() == pytest.approx([0.03, 0.03])
    assert found["by_chance"].tolist() == ["r", "r"] and found["true_findings"].tolist() == [1, 1]
