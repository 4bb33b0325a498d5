"""The calibration table: stated against achieved moments, and both against one large draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fortems.simulate.background import background, background_moments
from fortems.simulate.latent import alpha
from fortems.simulate.moments import Population, total_weights
from fortems.study.scoring import score_array

if TYPE_CHECKING:
    from fortems.simulate.simulator import Simulator

#: What counts as achieved: correlations, ICCs, alphas and shares within .01, SDs within 1 %, means within 1 % of an SD.
TOLERANCE = 0.01
#: What counts as confirmed: the large draw within so many of its Monte Carlo standard errors (about 200 rows).
STANDARD_ERRORS = 5.0
#: The large draw: blocks of therapists with equally many clients.
BLOCKS, THERAPISTS, CLIENTS = 40, 500, 8

#: Quantities that exist only where therapists differ.
BETWEEN = ("between_correlation", "alpha_between")

Values = dict[tuple[str, str], float]


def calibration_table(simulator: Simulator, rng: np.random.Generator) -> pd.DataFrame:
    """Set each stated moment beside what the items have by integration and beside a large draw.

    Parameters
    ----------
    simulator : Simulator
        A calibrated scenario.
    rng : Generator
        For the large draw.

    Returns
    -------
    DataFrame
        ``quantity`` (``mean, sd, reliability, icc, correlation, within_correlation, between_correlation,
        alpha_within, alpha_between, share, skew, ceiling_share, floor_share``), ``variable``, ``other`` (second
        variable of a correlation, or category), ``kind`` (``stated``; ``implied`` for totals and the within level,
        which follow; ``output``), ``stated``, ``achieved`` (by integration), ``difference``, ``large_draw``,
        ``monte_carlo_error`` (jackknife over blocks of therapists), ``ok`` (achieved within the tolerance and the
        draw within 5 errors of it; empty for outputs), ``source`` and ``grade`` of what the scenario states.
    """
    stated = _moments(simulator.stated) | _stated_others(simulator)
    achieved = _moments(simulator.population) | _alphas(simulator) | background_moments(simulator.scenario)
    estimate, error = _large_draw(simulator, rng)
    origin = {row["quantity"]: row for row in simulator.scenario.provenance}
    subscales = {*simulator.latent.scales, "age", "gender", "sessions"}
    rows = []
    for key in [*achieved, *(key for key in estimate if key not in achieved)]:
        quantity, pair = key
        if quantity in BETWEEN and not np.isfinite(achieved[key]):
            continue
        variable, _, other = pair.partition(" ")
        # Ten decimals: below that the solver's last steps show, and they differ from machine to machine.
        target, value = (round(values.get(key, np.nan), 10) for values in (stated, achieved))
        judged = key in stated
        own = (
            quantity != "within_correlation"
            and variable in subscales
            and (not other or other in subscales or quantity == "share")
        )
        sd = achieved.get(("sd", variable), np.nan)
        source = _origin(origin, quantity, variable, other) if judged and own else {}
        rows.append(
            {
                "quantity": quantity,
                "variable": variable,
                "other": other,
                "kind": "output" if not judged else "stated" if own else "implied",
                "stated": target,
                "achieved": value,
                "difference": value - target,
                "large_draw": estimate[key],
                "monte_carlo_error": error[key],
                "ok": _achieved(quantity, target, value, sd)
                and bool(abs(estimate[key] - value) <= STANDARD_ERRORS * error[key])
                if judged
                else None,
                "source": source.get("source"),
                "grade": source.get("grade"),
            }
        )
    return pd.DataFrame(rows)


def _origin(origin: dict[str, dict[str, str]], quantity: str, variable: str, other: str) -> dict[str, str]:
    """Find where a scenario states a number: each kind of number has its place in the file."""
    group = {"correlation": "correlations", "between_correlation": "between_correlations", "share": variable}
    key = group.get(quantity, "")
    places = [f"{key}.{variable}.{other}", f"{key}.{other}.{variable}", f"{key}.others", f"{key}.{other}"]
    places += [f"scales.{variable}.{quantity}", f"{variable}.{quantity}"]
    return next((origin[place] for place in places if place in origin), {})


def _achieved(quantity: str, stated: float, achieved: float, sd: float) -> bool:
    unit = stated if quantity == "sd" else sd if quantity == "mean" else 1.0
    return bool(abs(achieved - stated) <= TOLERANCE * unit)


def _moments(population: Population) -> Values:
    """Means, SDs, ICCs and the correlations of all levels, keyed by quantity and variable or pair."""
    names = population.variables
    values: Values = {}
    for quantity, vector in (("mean", population.mean), ("sd", population.sd), ("icc", population.icc)):
        values |= {(quantity, name): float(value) for name, value in zip(names, vector, strict=True)}
    for quantity, level in (
        ("correlation", "total"),
        ("within_correlation", "within"),
        ("between_correlation", "between"),
    ):
        matrix = population.correlation(level)
        for i, j in zip(*np.triu_indices(len(names), 1), strict=True):
            values[quantity, f"{names[i]} {names[j]}"] = float(matrix[i, j])
    return values


def _stated_others(simulator: Simulator) -> Values:
    scenario = simulator.scenario
    values: Values = {("reliability", name): scale.reliability for name, scale in scenario.scales.items()}
    for name, part in (("age", scenario.age), ("sessions", scenario.sessions)):
        values |= {("mean", name): part["mean"], ("sd", name): part["sd"]}
    return values | {("share", f"gender {category}"): share for category, share in scenario.gender.items()}


def _alphas(simulator: Simulator) -> Values:
    """Alphas of every score by integration: all clients, and the clients' and therapists' parts."""
    latent, population = simulator.latent, simulator.population
    names, summing = total_weights(tuple(latent.scales), simulator.instruments)
    scales = list(latent.scales.values())
    share = np.diag(latent.factor_between)
    n_items = summing @ [len(scale.loadings) for scale in scales]
    total = summing @ [scale.item_variances for scale in scales]
    between = summing @ [scale.item_covariance(part) for scale, part in zip(scales, share, strict=True)]
    values: Values = {}
    for quantity, items, covariance in (
        ("reliability", total, population.total),
        ("alpha_within", total - between, population.within),
        ("alpha_between", between, population.between),
    ):
        for place, name in enumerate(names):
            values[quantity, name] = alpha(int(n_items[place]), items[place], covariance[place, place])
    return values


def _large_draw(simulator: Simulator, rng: np.random.Generator) -> tuple[Values, Values]:
    """Estimate every row from raw answers, scored as data are; Monte Carlo errors by jackknife over blocks."""
    blocks = [_sums(simulator, rng) for _ in range(BLOCKS)]
    everything = {key: np.sum([block[key] for block in blocks], axis=0) for key in blocks[0]}
    estimate = _estimates(simulator, everything)
    left_out = [
        _estimates(simulator, {key: everything[key] - block[key] for key in everything}) for block in blocks
    ]
    error = {
        key: float(np.sqrt((BLOCKS - 1) * np.var([values[key] for values in left_out]))) for key in estimate
    }
    return estimate, error


def _sums(simulator: Simulator, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Sufficient statistics of a block, around the stated means so that sums of powers stay small."""
    answers = simulator.answers(rng, [CLIENTS] * THERAPISTS)
    scores: dict[str, np.ndarray] = {}
    ranges: dict[str, tuple[int, int]] = {}
    for name, instrument in simulator.instruments.items():
        scores |= score_array(answers[name], instrument)
        ranges |= instrument.ranges()
    names = simulator.names
    raw = np.stack([scores[name] for name in names], axis=1)
    low, high = np.array([ranges[name] for name in names]).T
    items = np.concatenate(list(answers.values()), axis=1)
    people = background(simulator.scenario, len(raw), rng)
    numbers = np.stack([people["age"], people["sessions"]], axis=1)
    centred = raw - simulator.stated.mean
    by_therapist = centred.reshape(THERAPISTS, CLIENTS, -1).mean(axis=1)
    items_by_therapist = items.reshape(THERAPISTS, CLIENTS, -1).mean(axis=1)
    return {
        "n": np.array(float(len(raw))),
        "sum": centred.sum(axis=0),
        "cross": centred.T @ centred,
        "cross_means": CLIENTS * by_therapist.T @ by_therapist,
        "cube": (centred**3).sum(axis=0),
        "ceiling": (raw == high).sum(axis=0),
        "floor": (raw == low).sum(axis=0),
        "items_sum": items.sum(axis=0),
        "items_square": (items**2).sum(axis=0),
        "items_square_means": CLIENTS * (items_by_therapist**2).sum(axis=0),
        "people_sum": numbers.sum(axis=0),
        "people_square": (numbers**2).sum(axis=0),
        "gender": np.array([(people["gender"] == category).sum() for category in simulator.scenario.gender]),
    }


def _estimates(simulator: Simulator, sums: dict[str, np.ndarray]) -> Values:
    """Analysis-of-variance estimates of both levels, and what else the table shows."""
    n = float(sums["n"])
    mean = sums["sum"] / n
    within, between = _components(sums["cross"], sums["cross_means"], np.outer(sums["sum"], sums["sum"]), n)
    items_within, items_between = _components(
        sums["items_square"], sums["items_square_means"], sums["items_sum"] ** 2, n
    )
    names = simulator.names
    values = _moments(Population(names, simulator.stated.mean + mean, within, between))
    places = _item_places(simulator)
    for quantity, items, covariance in (
        ("reliability", items_within + items_between, within + between),
        ("alpha_within", items_within, within),
        ("alpha_between", items_between, between),
    ):
        for k, name in enumerate(names):
            own = items[places[name]]
            values[quantity, name] = alpha(len(own), float(own.sum()), float(covariance[k, k]))
    square = np.diag(sums["cross"]) / n
    spread = np.sqrt(square - mean**2)
    skew = (sums["cube"] / n - 3 * mean * square + 2 * mean**3) / spread**3
    for quantity, vector in (
        ("skew", skew),
        ("ceiling_share", sums["ceiling"] / n),
        ("floor_share", sums["floor"] / n),
    ):
        values |= {(quantity, name): float(value) for name, value in zip(names, vector, strict=True)}
    people = sums["people_sum"] / n
    people_sd = np.sqrt(sums["people_square"] / n - people**2)
    for k, name in enumerate(("age", "sessions")):
        values |= {("mean", name): float(people[k]), ("sd", name): float(people_sd[k])}
    for k, category in enumerate(simulator.scenario.gender):
        values["share", f"gender {category}"] = float(sums["gender"][k] / n)
    return values


def _components(
    cross: np.ndarray, cross_means: np.ndarray, square_of_sum: np.ndarray, n: float
) -> tuple[np.ndarray, np.ndarray]:
    """Within and between components from the analysis of variance with equally many clients per therapist."""
    therapists = n / CLIENTS
    within = (cross - cross_means) / (n - therapists)
    between = ((cross_means - square_of_sum / n) / (therapists - 1) - within) / CLIENTS
    return within, between


def _item_places(simulator: Simulator) -> dict[str, list[int]]:
    """Score to the columns of its items in the instruments' answers side by side."""
    places: dict[str, list[int]] = {}
    start = 0
    for instrument in simulator.instruments.values():
        places |= {name: [start + item - 1 for item in items] for name, items in instrument.scales.items()}
        start += instrument.n_items
    return places
