"""What a replication would find, and how attempts change what a pattern is worth.

Forecast: given the pattern, a population is one of the kept draws; studies of another size from it are a draw from the
predictive distribution. A statement such as full mediation is forecast in its parts as well: the indirect effect's
significance, and the direct path's non-significance.

Attempts: the pattern as the best of K independent samples has probability 1 - (1 - P)^K; among K analyses of one sample,
whatever their dependence, between P and min(1, K P) (Boole). Selection on the pattern itself, a study being published
because it shows the pattern, multiplies its probability under every population by the same factor: it cancels from
ratios and posteriors and is not modelled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event, Statement
from fortems.design.pattern.sampling import Kept
from fortems.design.pattern.setup import Setup
from fortems.design.pattern.surface import hits_of
from fortems.design.proportions import jeffreys
from fortems.design.tasks import Settings
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.study.definition import study

TARGET = 0.80
ALL_SIGNIFICANT, WHOLE = "all significant findings", "whole pattern"
#: Sizes looked at for ``TARGET``: multiples of the study's own by fourth roots of 2.
LADDER = tuple(2 ** (k / 4) for k in range(-8, 29))
MOST_STUDIES = 6000  # studies at each rung

COLUMNS = ("clients", "therapists", "finding", "kind", "studies", "probability", "ci_low", "ci_high")
SIZE_COLUMNS = (
    "finding",
    "kind",
    "target",
    "clients",
    "therapists",
    "relation",
    "most",
    "most_at",
    "sentence",
)


def findings(event: Event) -> Event:
    """The event's statements taken apart: significance, non-significance and size each for itself."""
    parts: list[Statement] = []
    for s in event.statements:
        if s.kind == kernel.FULL:
            parts.append(replace(s, name=f"{s.name}: indirect effect", kind=kernel.INDIRECT))
            direct = f"{s.name}: direct path not significant"
            parts.append(replace(s, name=direct, kind=kernel.PARTIAL_NOT, sign=0))
        elif s.kind == kernel.SIMPLE and s.band != Statement.band:
            parts.append(replace(s, band=Statement.band))
            parts.append(replace(s, name=f"{s.name}: size", kind=kernel.SIMPLE_NOT, sign=0, alpha=0.0))
        else:
            parts.append(s)
    return replace(event, statements=tuple(parts))


def kinds(parts: Event) -> dict[str, str]:
    """Finding → ``significant, not significant, size``, and the two that join them."""
    found = {}
    for s in parts.statements:
        size = s.alpha == 0
        found[s.name] = "size" if size else "significant" if s.significant else "not significant"
    return found | {ALL_SIGNIFICANT: "together", WHOLE: "together"}


def shares(parts: Event, kept: Kept, rng: np.random.Generator, studies: int) -> tuple[dict[str, float], int]:
    """Share of new studies that show each finding.

    Parameters
    ----------
    parts : Event
        From ``findings``, at the size asked for.
    kept : Kept
    rng : Generator
    studies : int
        Populations are kept draws, each used as often as its weight says.
    """
    draws = len(kept)
    if np.ptp(kept.weight) == 0:
        chosen = (
            np.arange(max(studies, draws)) % draws if studies >= draws else rng.permutation(draws)[:studies]
        )
    else:
        chosen = rng.choice(draws, studies, p=kept.weight / kept.weight.sum())
    failed, _ = parts.studies(rng, kept.correlations[chosen], kept.icc[chosen], [parts.every])
    significant = sum(1 << i for i, s in enumerate(parts.statements) if s.significant)
    found = {name: float(((failed >> i) & 1 == 0).mean()) for i, name in enumerate(parts.names)}
    found[ALL_SIGNIFICANT] = float((failed & np.int64(significant) == 0).mean())
    found[WHOLE] = float((failed == 0).mean())
    return found, len(chosen)


def forecast_table(settings: Settings, event: Event, kept: Kept) -> pd.DataFrame:
    """Probability of each finding in a replication, for the sizes of the configuration.

    Returns
    -------
    DataFrame
        ``COLUMNS``; intervals are of the Monte Carlo error alone. Empty where nothing was kept.
    """
    asked = settings.design["forecast"]
    parts = findings(event)
    kind = kinds(parts)
    rows: list[dict[str, Any]] = []
    for clients, therapists in asked["sizes"] if len(kept) else ():
        own = clients == event.clients and therapists == len(event.sizes)
        sized = parts if own else parts.of_size(clients, therapists)
        rng = stream(settings.seed, "forecast", clients, therapists)
        found, studies = shares(sized, kept, rng, asked["studies"])
        for name, value in found.items():
            low, high = jeffreys(value * studies, studies, settings.confidence)
            rows.append(
                {"clients": clients, "therapists": therapists, "finding": name, "kind": kind[name]}
                | {"studies": studies, "probability": value, "ci_low": low, "ci_high": high}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def sizes_table(settings: Settings, event: Event, kept: Kept) -> pd.DataFrame:
    """The smallest replication that shows each finding with a probability of ``TARGET``, or none.

    Returns
    -------
    DataFrame
        ``SIZE_COLUMNS``. ``relation`` is ``=`` with the size interpolated between rungs of a ladder of sizes, ``≤``
        where its first rung suffices, ``none`` where no rung reaches the target; ``most`` is the largest probability
        on the ladder, ``most_at`` the number of clients there.
    """
    if not len(kept):
        return pd.DataFrame(columns=SIZE_COLUMNS)
    parts = findings(event)
    kind = kinds(parts)
    per = event.clients / len(event.sizes)
    studies = min(settings.design["forecast"]["studies"], MOST_STUDIES)
    rungs: list[tuple[int, dict[str, float]]] = []
    for factor in LADDER:
        therapists = max(round(len(event.sizes) * factor), 3)
        clients = max(round(therapists * per), 2 * therapists)
        rng = stream(settings.seed, "forecast", "ladder", clients)
        rungs.append((clients, shares(parts.of_size(clients, therapists), kept, rng, studies)[0]))
    rows = []
    for name in rungs[0][1]:
        curve = [(clients, found[name]) for clients, found in rungs]
        most_at, most = max(curve, key=lambda point: point[1])
        row = {"finding": name, "kind": kind[name], "target": TARGET, "most": most, "most_at": most_at}
        enough, relation = _reached(curve)
        if enough:
            row |= {"clients": enough, "therapists": math.ceil(enough / per)}
        row |= {"relation": relation}
        rows.append(row | {"sentence": _sentence(row, curve)})
    return pd.DataFrame(rows, columns=SIZE_COLUMNS)


def _reached(curve: list[tuple[int, float]]) -> tuple[int | None, str]:
    """First size at which a curve reaches the target, linear in the log of size between rungs."""
    if curve[0][1] >= TARGET:
        return curve[0][0], "≤"
    for (low, before), (high, after) in itertools.pairwise(curve):
        if after >= TARGET:
            part = (TARGET - before) / (after - before)
            return math.ceil(low * (high / low) ** part), "="
    return None, "none"


def _sentence(row: Mapping[str, Any], curve: list[tuple[int, float]]) -> str:
    if row["relation"] == "none":
        return (
            f"No number of clients up to {curve[-1][0]:,} shows this with a probability of {TARGET:.0%}; the largest "
            f"is {row['most']:.1%}, at {row['most_at']:,} clients."
        )
    least = "at most " if row["relation"] == "≤" else ""
    return f"{least}{row['clients']:,} clients of {row['therapists']:,} therapists show this with a probability of {TARGET:.0%}.".capitalize()


ATTEMPT_COLUMNS = (
    *("population", "attempts", "studies", "probability", "best_of_samples", "samples_low", "samples_high"),
    *("analyses_low", "analyses_high", "ratio_to_first"),
)


def attempts_table(
    settings: Settings, known: Setup, populations: Mapping[str, Array], prior: tuple[float, float] | None
) -> pd.DataFrame:
    """The pattern's probability as the best of several attempts.

    Parameters
    ----------
    settings : Settings
    known : Setup
    populations : mapping of str to ndarray (p, p)
        Named populations; ratios are to the first.
    prior : (float, float), optional
        Kept and all draws of the headline prior: P averaged over it, for one attempt (for several the average would
        have to be taken after the power, so it is given for one only).
    """
    asked = settings.design["attempts"]
    rows: list[dict[str, Any]] = []
    first: dict[int, float] = {}
    for name, correlations in populations.items():
        rng = stream(settings.seed, "attempts", name)
        studies = asked["studies"]
        hits = hits_of(known.event, rng, correlations, known.icc, studies)
        p, (low, high) = hits / studies, jeffreys(hits, studies, settings.confidence)
        for k in asked["numbers"]:
            best = 1 - (1 - p) ** k
            first.setdefault(k, best)
            rows.append(
                {
                    "population": name,
                    "attempts": k,
                    "studies": studies,
                    "probability": p,
                    "best_of_samples": best,
                }
                | {"samples_low": 1 - (1 - low) ** k, "samples_high": 1 - (1 - high) ** k}
                | {"analyses_low": p, "analyses_high": min(1.0, k * p)}
                | {"ratio_to_first": best / first[k] if first[k] else math.nan}
            )
    if prior and prior[1]:
        p, (low, high) = prior[0] / prior[1], jeffreys(*prior, settings.confidence)
        row = {
            "population": "average over the prior",
            "attempts": 1,
            "studies": int(prior[1]),
            "probability": p,
        }
        rows.append(
            row
            | {
                "best_of_samples": p,
                "samples_low": low,
                "samples_high": high,
                "analyses_low": p,
                "analyses_high": p,
            }
        )
    return pd.DataFrame(rows, columns=ATTEMPT_COLUMNS)


def named_populations(settings: Settings, known: Setup) -> Iterator[tuple[str, Array]]:
    """The scenarios of the configuration's diagnosticity (or the account alone), by name."""
    asked = (settings.design.get("diagnosticity") or {}).get("scenarios") or []
    for name in dict.fromkeys([study().account, *asked]):
        yield name, known.account(name)
