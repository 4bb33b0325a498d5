"""The posterior of the population given the pattern alone, and what each statement contributes.

Tables are made of sums and kept draws (``sampling``); priors are described by draws of their own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fortems.design.pattern.event import Event
from fortems.design.pattern.population import (
    PROBABILITIES,
    Quantity,
    correlate,
    of_columns,
    quantities,
    values,
)
from fortems.design.pattern.priors import load_prior
from fortems.design.pattern.sampling import COARSE, IMPORTANCE, PART, REJECTION, WHOLE, Kept, cells, sets
from fortems.design.proportions import jeffreys, share
from fortems.design.tasks import Settings
from fortems.seeds import stream
from fortems.stats.arrays import Array

PRIOR_DRAWS = 100_000
APART = 4.0  # joint Monte Carlo errors; a dozen probabilities are compared
TAILS = (0.025, 0.975)
Sums = Mapping[str, Mapping[tuple[str, str], Mapping[str, float]]]

PATTERN_COLUMNS = (
    *("prior", "title", "warning", "event", "estimand", "test", "method", "draws", "kept", "effective"),
    *("relation", "probability", "ci_low", "ci_high", "left_out"),
)
COLUMNS = (
    *("prior", "title", "warning", "estimand", "test", "method", "kept", "quantity", "kind", "x", "y"),
    *("prior_mean", "prior_low", "prior_high", "posterior", "mc_se", "ci_low", "ci_high", "ratio", "type_m"),
)
STATEMENT_COLUMNS = (
    *("prior", "left_out", "statements", "kept", "probability", "holds_given_rest", "redundant"),
    *("quantity", "kind", "x", "y", "with_it", "without_it", "mc_se", "change"),
)


def described(settings: Settings, name: str, event: Event) -> tuple[list[Quantity], Array]:
    """Quantities (D, Q) of draws from a prior, positive definite ones."""
    asked = quantities(event)
    size = len(event.roles.aspects)
    rng = stream(settings.seed, PART, name, "prior")
    found, _ = load_prior(name, size).draw(rng, PRIOR_DRAWS, size)
    found = found[np.linalg.eigvalsh(found)[:, 0] > 0]
    return asked, values(found, event, asked)


def named_prior(name: str) -> dict[str, Any]:
    """Return the columns of a table that name a prior."""
    prior = load_prior(name)
    return {"prior": name, "title": prior.title, "warning": prior.warning}


def weighted_mean(sums: Mapping[str, float], name: str, method: str) -> tuple[float, float]:
    """Mean of a quantity over the kept draws and its Monte Carlo error.

    Rejection: SD / √kept. Importance (ratio of means): √Σ w² (q - mean)² / Σ w.
    """
    total = sums.get("weight", 0.0)
    if not total:
        return math.nan, math.nan
    mean = sums[name] / total
    if method == IMPORTANCE:
        w0, w1, w2 = (sums[f"{name} w{power}"] for power in (0, 1, 2))
        return mean, math.sqrt(max(w2 - 2 * mean * w1 + mean**2 * w0, 0.0)) / total
    if sums["kept"] < 2:
        return mean, math.nan
    return mean, math.sqrt(max(sums[f"{name}²"] / total - mean**2, 0.0) / (sums["kept"] - 1))


def pattern_rows(settings: Settings, sums: Sums) -> Iterator[dict[str, Any]]:
    """How probable the pattern is under each prior, before anything else is known."""
    for cell, (name, method, _) in cells(settings).items():
        found = sums.get(cell, {})
        if (method, "") not in found:
            continue
        whole, own = found[method, ""], found.get((method, WHOLE), {})
        kept, draws = own.get("kept", 0.0), whole["draws"]
        if method == REJECTION:
            probability, effective = share(kept, draws), kept
            low, high = jeffreys(kept, draws, settings.confidence)
        else:
            weight = own.get("weight", 0.0)
            probability = weight / whole["weight"] if whole["weight"] else math.nan
            effective = weight**2 / own["weight_squares"] if weight else 0.0
            half = 1.96 * probability / math.sqrt(effective) if effective else math.nan
            low, high = probability - half, probability + half
        yield {
            **named_prior(name),
            "event": COARSE if cell.endswith(COARSE) else WHOLE,
            **{"estimand": "single", "test": "pearson", "method": method},
            **{"draws": int(draws), "kept": int(kept), "effective": effective},
            "relation": "=" if kept else "≤",
            **{"probability": probability if kept else high, "ci_low": low, "ci_high": high},
        }


def agrees(settings: Settings, sums: Sums) -> bool:
    """Whether importance sampling and rejection agree under the headline prior: on the pattern and on a coarser one.

    Their means of every probability, and of the pattern itself, must lie within ``APART`` of their joint errors; only
    then are other priors' weighted draws shown.
    """
    named = {
        (name, method, cell.endswith(COARSE)): cell for cell, (name, method, _) in cells(settings).items()
    }
    first = settings.design["posterior"]["priors"][0]
    for coarse in (False, True):
        both = []
        for method in (REJECTION, IMPORTANCE):
            found = sums.get(named.get((first, method, coarse), ""), {})
            whole, own = found.get((method, "")), found.get((method, WHOLE))
            if not whole or not own or own["kept"] < 2:
                return False
            chance = own["weight"] / whole["weight"]
            error = math.sqrt(own["weight_squares"]) / whole["weight"]
            names = [
                name for name in own if name.partition(" ")[0] in PROBABILITIES and name[-1] not in "²012"
            ]
            both.append({"": (chance, error)} | {name: weighted_mean(own, name, method) for name in names})
        for name, (mean, error) in both[0].items():
            other, other_error = both[1][name]
            if abs(mean - other) > APART * math.hypot(error, other_error) + 1e-12:
                return False
    return True


def posterior_rows(
    settings: Settings, event: Event, sums: Sums, kept: Mapping[str, Kept]
) -> Iterator[dict[str, Any]]:
    """Prior and posterior of every quantity, for every prior and method."""
    known: dict[str, tuple[list[Quantity], Array]] = {}
    agreed = agrees(settings, sums)
    for cell, (name, method, _) in cells(settings).items():
        if cell.endswith(COARSE) or (method, "") not in sums.get(cell, {}):
            continue
        if method == IMPORTANCE and not agreed and name != settings.design["posterior"]["priors"][0]:
            continue
        if name not in known:
            known[name] = described(settings, name, event)
        asked, before = known[name]
        own = sums[cell].get((method, WHOLE), {})
        draws = kept[cell]
        after = values(draws.correlations, event, asked)
        in_study = of_columns(correlate(event.covariances(draws.products)), event.roles, asked)
        for column, quantity in enumerate(asked):
            mean, error = weighted_mean(own, quantity.name, method)
            yield {
                **named_prior(name),
                **{"estimand": "single", "test": "pearson", "method": method},
                "kept": int(own.get("kept", 0)),
                **quantity.named,
                **before_and_after(quantity, before[:, column], after[:, column], draws.weight),
                **{"posterior": mean, "mc_se": error},
                "ratio": odds_ratio(mean, before[:, column].mean()) if quantity.is_probability else math.nan,
                "type_m": exaggeration(quantity, in_study[:, column], after[:, column], draws.weight),
            }


def before_and_after(quantity: Quantity, before: Array, after: Array, weight: Array) -> dict[str, float]:
    """Mean and central 95 % of a prior, and of a posterior; of probabilities the prior's mean alone."""
    found = {"prior_mean": float(before.mean())}
    if quantity.is_probability:
        return found
    found["prior_low"], found["prior_high"] = (float(q) for q in np.quantile(before, TAILS))
    if len(after):
        found["ci_low"], found["ci_high"] = weighted_quantiles(after, weight, TAILS)
    return found


def weighted_quantiles(sample: Array, weight: Array, at: tuple[float, ...]) -> tuple[float, ...]:
    """Quantiles of a weighted sample, by interpolation of its distribution function at the middles of its steps."""
    order = np.argsort(sample, kind="stable")
    steps = np.cumsum(weight[order]) - weight[order] / 2
    return tuple(float(np.interp(q * weight.sum(), steps, sample[order])) for q in at)


def odds_ratio(after: float, before: float) -> float:
    """Posterior odds over prior odds: the likelihood ratio of the pattern for what is said against its negation."""
    if not (0 < after < 1 and 0 < before < 1):
        return math.nan
    return after / (1 - after) / (before / (1 - before))


def exaggeration(quantity: Quantity, study: Array, truth: Array, weight: Array) -> float:
    """Type M: mean size of the estimate in studies that show the pattern, over the mean size of what is true."""
    if quantity.is_probability or not len(truth):
        return math.nan
    size = float((weight * np.abs(truth)).sum())
    return float((weight * np.abs(study)).sum()) / size if size else math.nan


def statement_rows(settings: Settings, event: Event, sums: Sums) -> Iterator[dict[str, Any]]:
    """What each statement contributes: posteriors given the others alone."""
    asked = [
        q
        for q in quantities(event)
        if q.is_probability or (q.kind != "correlation" and q.x == event.roles.total)
    ]
    for cell, (name, method, _) in cells(settings).items():
        found = sums.get(cell, {})
        if method != REJECTION or cell.endswith(COARSE) or (method, "") not in found:
            continue
        full = found.get((method, WHOLE), {})
        for left_out, mask in sets(event).items():
            own = found.get((method, left_out), {})
            if left_out == WHOLE:
                continue
            for quantity in asked:
                before, _ = weighted_mean(full, quantity.name, method)
                after, error = weighted_mean(own, quantity.name, method)
                yield {
                    **{"prior": name, "left_out": left_out, "statements": mask.bit_count()},
                    **{
                        "kept": int(own.get("kept", 0)),
                        "probability": share(own.get("kept", 0), found[method, ""]["draws"]),
                    },
                    **{"holds_given_rest": share(full.get("kept", 0), own.get("kept", 0))},
                    **{"redundant": bool(own.get("kept", 0)) and own["kept"] == full.get("kept", 0)},
                    **quantity.named,
                    **{"with_it": before, "without_it": after, "mc_se": error, "change": after - before},
                }


def all_kept(settings: Settings, event: Event, table: pd.DataFrame) -> dict[str, Kept]:
    """Kept draws of every cell."""
    return {cell: Kept(table, cell, event) for cell in cells(settings) if not cell.endswith(COARSE)}


def headline(settings: Settings) -> str:
    """The cell of the headline prior's plain rejection."""
    return next(cell for cell, (_, method, _) in cells(settings).items() if method == REJECTION)
