"""What an independent prototype found of the pattern, and what inference must keep, beside the shipped run's numbers.

The prototype drew studies with Pearson and least-squares tests of its own (n = 96, therapist ICC .05); its values come
with the tolerances ± .02 on means, ± .05 on probabilities and a factor of 1.5 on acceptance. The run's numbers are those of the
tracked reference, made by the default configuration; a slow test makes the posterior anew with another seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fortems.design import stage
from fortems.design.pattern import surface
from fortems.design.pattern.setup import setup
from fortems.simulate.scenario import load_scenario
from fortems.study.instruments import load_instruments
from fortems.tidy import read_csv
from test_pattern import INSTRUMENTS, settings

REFERENCE = Path(__file__).resolve().parents[2] / "results/reference/main/design"
HEADLINE = {"prior": "meta_analytic", "test": "pearson", "method": "rejection"}
SMALL_SHIFT, CLEAR = 0.05, 2.0  # as the report has them: hardly moved, spoken for


def rows(name: str, **keys: object) -> pd.DataFrame:
    found = read_csv(REFERENCE / f"{name}.csv")
    for column, value in keys.items():
        found = found[found[column] == value]
    return found


def posterior(quantity: str, column: str = "posterior") -> float:
    return float(rows("posterior", **HEADLINE, quantity=quantity)[column].iloc[0])


def without(statements: str, quantity: str) -> float:
    return float(
        rows("statements", prior="meta_analytic", left_out=statements, quantity=quantity)["without_it"].iloc[
            0
        ]
    )


def attempt(population: str) -> float:
    return float(rows("attempts", population=population, attempts=1)["probability"].iloc[0])


def within_ratio() -> float:
    found = rows(
        "likelihood_ratios",
        claim="whole_pattern",
        estimand="within",
        scenario="as_reported",
        against="partial_mediation",
    )
    return float(found[found["gap"].isna() & found["against_gap"].isna()]["ratio"].iloc[0])


PROBABILITY, FACTOR = 0.05, 1.5
#: What, the prototype's value, the run's, the tolerance (absolute; a factor where above one).
PROTOTYPE = {
    "acceptance": (2.6e-4, lambda: float(rows("pattern", **HEADLINE, event="all")["probability"].iloc[0]), FACTOR),
    "as_reported shows it": (0.013, lambda: attempt("as_reported"), FACTOR),
    "partial mediation shows it": (0.036, lambda: attempt("partial_mediation"), FACTOR),
    "full / partial": (0.36, lambda: attempt("as_reported") / attempt("partial_mediation"), PROBABILITY),
    "full / partial, within": (0.30, within_ratio, PROBABILITY),
    "bond beats goal, before": (0.50, lambda: posterior("beats bond goal", "prior_mean"), PROBABILITY),
    "bond beats goal, after": (0.91, lambda: posterior("beats bond goal"), PROBABILITY),
    "bond beats task, before": (0.50, lambda: posterior("beats bond task", "prior_mean"), PROBABILITY),
    "bond beats task, after": (0.89, lambda: posterior("beats bond task"), PROBABILITY),
    "small direct path, before": (0.22, lambda: posterior("small_direct alliance", "prior_mean"), PROBABILITY),
    "small direct path, after": (0.20, lambda: posterior("small_direct alliance"), PROBABILITY),
    "mostly mediated, before": (0.22, lambda: posterior("mostly_mediated alliance", "prior_mean"), PROBABILITY),
    "mostly mediated, after": (0.19, lambda: posterior("mostly_mediated alliance"), PROBABILITY),
    "bond beats goal without goal - meaning": (0.61, lambda: without("goal_meaning", "beats bond goal"), PROBABILITY),
    "small direct path without significant totals": (0.53, lambda: without("significant totals", "small_direct alliance"), PROBABILITY),
    "the same size repeats it": (
        0.006,
        lambda: float(rows("forecast", clients=96, finding="whole pattern")["probability"].iloc[0]),
        FACTOR,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PROTOTYPE)
def test_the_prototype_s_value_is_met(what):
    expected, value, tolerance = PROTOTYPE[what]
    found = value()
    if tolerance > 1:
        assert expected / tolerance < found < expected * tolerance, found
    else:
        assert found == pytest.approx(expected, abs=tolerance)


def test_the_prototype_s_best_population_is_as_good_here_and_the_search_finds_better_ones():
    """It names six of ten correlations; the others are the account's, and what of -.28 fits between goal's and task's."""
    known = setup(settings())
    names = list(known.roles.base)
    found = known.account().copy()
    stated = {
        ("bond", "meaning"): 0.68, ("goal", "meaning"): 0.05, ("task", "meaning"): 0.05, ("bond", "distress"): -0.28,
        ("goal", "distress"): -0.34, ("task", "distress"): 0.02, ("meaning", "distress"): -0.42,
    }  # fmt: skip
    for (x, y), r in stated.items():
        i, j = names.index(x), names.index(y)
        found[i, j] = found[j, i] = r
    hits = surface.hits_of(known.event, np.random.default_rng(1), found, known.icc, 20_000)
    assert hits / 20_000 == pytest.approx(0.22, abs=0.02)
    best = rows("surface_maximum").groupby("limit")["probability"].first()
    assert best["any correlations"] > best["any correlations; aspects correlate as in the account"] >= 0.22
    # "9 to 10 %" lies between the search that may move the aspects' own correlations and the one that may not.
    assert (
        best["exactly full mediation; aspects correlate as in the account"]
        < 0.10
        < best["exactly full mediation"]
    )


def test_no_size_repeats_the_whole_pattern_and_more_clients_make_it_rarer():
    table = rows("forecast", finding="whole pattern").set_index("clients")["probability"]
    assert table[96] > table[192] > table[384] > table[768]
    assert rows("forecast_sizes", finding="whole pattern")["relation"].item() == "none"


def test_reversed_has_the_very_moments_of_the_account():
    instruments = load_instruments(INSTRUMENTS)
    own, other = (load_scenario(name, instruments) for name in ("as_reported", "reversed"))
    assert np.array_equal(own.correlations, other.correlations) and own.cluster_sizes == other.cluster_sizes
    for name, scale in own.scales.items():
        twin = other.scales[name]
        assert (scale.mean, scale.sd, scale.icc) == (twin.mean, twin.sd, twin.icc)


def test_importance_sampling_agrees_with_rejection_on_the_headline_prior():
    """On the pattern itself and on a coarser one, on every mean and probability; errors are joint Monte Carlo ones."""
    for event in ("all", "coarse"):
        both = rows("pattern", prior="meta_analytic", event=event, test="pearson").set_index("method")
        error = np.hypot(*((both["ci_high"] - both["ci_low"]) / (2 * 1.96)))
        assert abs(both.loc["rejection", "probability"] - both.loc["importance", "probability"]) < 4 * error
    table = rows("posterior", prior="meta_analytic", test="pearson", estimand="single")
    wide = table.pivot(index="quantity", columns="method", values=["posterior", "mc_se"]).dropna()
    assert len(wide) > 20
    error = np.hypot(wide["mc_se", "rejection"], wide["mc_se", "importance"])
    assert ((wide["posterior", "rejection"] - wide["posterior", "importance"]).abs() < 4 * error).all()


def test_enough_draws_are_kept_and_the_package_s_own_tests_confirm_the_headline():
    assert rows("posterior", **HEADLINE)["kept"].min() >= 3000
    for estimand in ("within", "single"):
        own = rows("posterior", prior="meta_analytic", test="package", estimand=estimand).set_index(
            "quantity"
        )
        assert own["kept"].min() >= 200
        for quantity in (
            "beats bond goal",
            "beats bond task",
            "small_direct alliance",
            "mostly_mediated alliance",
        ):
            error = np.hypot(own.loc[quantity, "mc_se"], posterior(quantity, "mc_se"))
            assert own.loc[quantity, "posterior"] == pytest.approx(posterior(quantity), abs=0.03 + 2 * error)


def test_the_primary_interval_covers_and_keeps_its_level_with_ten_therapists_or_more():
    """The rule of the design document: at least .93, and at most .06 where there is no effect, in every population."""
    table = rows("coverage", interval="robust")
    table = table[table["therapists"] >= 10]
    assert table["studies"].min() >= 2000 and table["population"].nunique() == 20
    assert table["coverage"].min() >= 0.93
    none = table[(table["a"] == 0) | (table["b"] == 0)]
    assert len(none) >= 50 and none["excludes_zero"].max() <= 0.06


def conclusions(posterior: pd.DataFrame, statements: pd.DataFrame) -> dict[str, object]:
    """What the report says: spoken for, hardly moved (both beyond two Monte Carlo errors), what each rests on, what is redundant."""
    kinds = posterior["kind"].isin(["beats", "small_direct", "mostly_mediated"])
    own = posterior[
        kinds & (posterior["method"] == "rejection") & (posterior["test"] == "pearson")
    ].set_index("quantity")
    least, before = own["posterior"] - 2 * own["mc_se"], own["prior_mean"]
    raised = own.index[least / (1 - least) >= CLEAR * before / (1 - before)]
    moved = (own["posterior"] - before).abs() + 2 * own["mc_se"]
    still = [q for q in own.index[moved < SMALL_SHIFT] if q not in raised]
    alone = statements[statements["statements"] == 1]
    rests = {q: alone[alone["quantity"] == q].sort_values("change")["left_out"].iloc[0] for q in raised}
    kept = statements[(statements["quantity"] == still[0]) & (statements["statements"] > 1)]
    return {
        "raised": set(raised),
        "still": set(still),
        "rests": rests,
        "keeps down": kept.sort_values("change")["left_out"].iloc[-1],
        "redundant": set(statements[statements["redundant"].astype(bool)]["left_out"]),
    }


@pytest.mark.slow
def test_a_second_seed_changes_no_stated_conclusion():
    chosen = settings(
        seed=2,
        posterior={
            "priors": ["meta_analytic"],
            "draws": 8_000_000,
            "other_draws": 0,
            "importance": 0,
            "confirm": 0,
        },
    )
    sums, kept = stage.run_chunk(chosen, 0, 1, lambda line: None)
    tables = stage.tables(chosen, [sums], [kept])
    shipped = conclusions(rows("posterior", prior="meta_analytic"), rows("statements", prior="meta_analytic"))
    assert conclusions(tables["posterior"], tables["statements"]) == shipped
    assert shipped["raised"] == {"beats bond goal", "beats bond task"}
    assert shipped["rests"] == {"beats bond goal": "goal_meaning", "beats bond task": "task_meaning"}
    assert shipped["still"] == {"small_direct alliance", "mostly_mediated alliance"}
    own = tables["posterior"].set_index(["quantity", "test"])
    for quantity in shipped["raised"] | shipped["still"]:
        row = own.loc[(quantity, "pearson")]
        error = np.hypot(row["mc_se"], posterior(quantity, "mc_se"))
        assert row["posterior"] == pytest.approx(posterior(quantity), abs=4 * error)
