"""Findings that come out by chance: how many of the article's, in each scenario, say what is not so there (``chance.csv``).

A finding that the design stage saw in a share π of a scenario's studies adds π to the expected number of findings: expectations
add, dependent or not. What is so in a scenario follows from its stated moments: a correlation has the reported sign
and lies in the reported band, or is 0 where the article reports none; an indirect effect a b, from the regressions in the
population, has the reported sign; full mediation has no direct path besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.claims.claimfile import Claim
from fortems.simulate.moments import Population, as_correlation, stated_population
from fortems.simulate.scenario import load_scenario
from fortems.stats.arrays import Array
from fortems.study.estimands import ESTIMANDS
from fortems.study.instruments import Instrument
from fortems.study.models import MediationModel

CHANCE_COLUMNS = (
    "scenario",
    "title",
    "estimand",
    "findings",
    "true_findings",
    "expected",
    "expected_true",
    "expected_by_chance",
    "by_chance",
)
#: In SDs: what counts as none in a population whose moments are stated with two or three decimals.
NONE = 0.01
FINDING = "finding"
SIMPLE = ("correlation", "effect", "full_mediation")


def chance_table(
    diagnosticity: pd.DataFrame,
    claims: Mapping[str, Claim],
    models: Mapping[str, MediationModel],
    instruments: Mapping[str, Instrument],
) -> pd.DataFrame:
    """Return the expected numbers of findings, one row per scenario and estimand.

    Parameters
    ----------
    diagnosticity : DataFrame
        ``design/diagnosticity.csv``; its points of a grid are left out.
    claims : mapping
        Of the run; their models called as the run's.
    models, instruments : mapping

    Returns
    -------
    DataFrame
        ``CHANCE_COLUMNS``; ``by_chance`` names the findings that are not so, the likeliest first.
    """
    rows = []
    table = diagnosticity[diagnosticity["gap"].isna() & (diagnosticity["role"] == FINDING)]
    for scenario in table["scenario"].unique():
        population = stated_population(load_scenario(scenario, instruments), instruments)
        mine = table[table["scenario"] == scenario]
        for estimand in ESTIMANDS:
            seen = mine[mine["estimand"].isin(["total", estimand])]
            rows.append(_row(seen, claims, models, population, estimand))
    return pd.DataFrame(rows, columns=list(CHANCE_COLUMNS))


def _row(
    seen: pd.DataFrame,
    claims: Mapping[str, Claim],
    models: Mapping[str, MediationModel],
    population: Population,
    estimand: str,
) -> dict[str, Any]:
    known = [
        (str(row["claim"]), float(row["probability"]))
        for row in seen.to_dict("records")
        if row["claim"] in claims and claims[str(row["claim"])].statistic in SIMPLE
    ]
    so = {name: is_so(claims[name], models, population, estimand) for name, _ in known}
    false = sorted(((share, name) for name, share in known if not so[name]), key=lambda pair: -pair[0])
    expected = sum(share for _, share in known)
    return {
        "scenario": seen["scenario"].iloc[0],
        "title": seen["title"].iloc[0],
        "estimand": estimand,
        "findings": len(known),
        "true_findings": sum(so.values()),
        "expected": expected,
        "expected_true": expected - sum(share for share, _ in false),
        "expected_by_chance": sum(share for share, _ in false),
        "by_chance": " ".join(name for _, name in false),
    }


def is_so(claim: Claim, models: Mapping[str, MediationModel], population: Population, estimand: str) -> bool:
    """Return whether what a claim says holds in a population."""
    if claim.statistic == "correlation":
        r = _matrix(population, "within" if claim.levels == ("within",) else "single")
        value = float(r[_place(population, claim.x), _place(population, claim.y)])
        return _as_stated(value, claim)
    model = models[claim.model]
    predictor = claim.x or model.predictors[0]
    mediator = claim.y or model.mediators[0]
    a, b, direct = population_paths(population, model, predictor, mediator, estimand)
    if claim.statistic == "full_mediation":
        return _as_stated(a * b, claim) and abs(direct) < NONE
    return _as_stated(
        {"a": a, "b": b, "direct": direct, "total": a * b + direct}.get(claim.effect, a * b), claim
    )


def _as_stated(value: float, claim: Claim) -> bool:
    if not claim.significant:
        return abs(value) < NONE
    sign = {"positive": value > 0, "negative": value < 0}.get(claim.direction, True)
    low, high = claim.band or (0.0, np.inf)
    return bool(abs(value) >= NONE and sign and low <= abs(value) < high)


def _place(population: Population, name: str) -> int:
    return population.variables.index(name)


def _matrix(population: Population, level: str) -> Array:
    return as_correlation(population.within if level == "within" else population.total)


def population_paths(
    population: Population, model: MediationModel, predictor: str, mediator: str, estimand: str
) -> tuple[float, float, float]:
    """Return a, b and the direct path of a predictor in a population, standardized at the estimand's level.

    Parameters
    ----------
    population : Population
    model : MediationModel
    predictor, mediator : str
        Of the model.
    estimand : str
        ``within`` or ``single``.
    """
    r = _matrix(population, estimand)
    x = [_place(population, name) for name in model.predictors]
    m = [_place(population, name) for name in model.mediators]
    y = _place(population, model.outcome)
    first = _slopes(r, x, m[model.mediators.index(mediator)])
    second = _slopes(r, [*m, *x], y)
    at = model.predictors.index(predictor)
    return float(first[at]), float(second[model.mediators.index(mediator)]), float(second[len(m) + at])


def _slopes(r: Array, right: Sequence[int], dependent: int) -> Array:
    return np.asarray(np.linalg.solve(r[np.ix_(right, right)], r[list(right), dependent]))
