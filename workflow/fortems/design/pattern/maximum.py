"""Where is the pattern likeliest? The maximum of its probability over all correlations.

It is searched for by Nelder and Mead's (1965) method on the same studies for all populations (cross-products Z of independent
variables; a population with R = LL' has LZL'), from several starts, and then counted in fresh studies.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pandas as pd

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.population import standing_out, whole
from fortems.design.pattern.priors import from_pairs, load_prior
from fortems.design.pattern.setup import Setup, setup
from fortems.design.pattern.surface import hits_of
from fortems.design.power import by_cell
from fortems.design.proportions import jeffreys, share
from fortems.design.tasks import Row, Settings, Task
from fortems.schema import load_schema
from fortems.seeds import stream
from fortems.stats.arrays import Array

PART = "surface maximum"
EVALUATIONS, FRESH = 600, 200_000
ANY, FULL = "any correlations", "exactly full mediation"
KNOWN = "; aspects correlate as in the account"
PILOT = 100_000


def tasks(settings: Settings) -> list[Task]:
    """The starts of the search under each limit."""
    asked = settings.design.get("surface")
    if not asked:
        return []
    cost = EVALUATIONS * asked["search"] * 1e-6 + 2
    return [
        Task(PART, limit, start, start, asked["search"], cost)
        for limit in (ANY, FULL, ANY + KNOWN, FULL + KNOWN)
        for start in range(asked["starts"])
    ]


class Runner:
    """Searches from one start."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def __call__(self, task: Task) -> Iterator[Row]:
        if known := setup(self.settings):
            rng = stream(self.settings.seed, PART, task.cell, task.block)
            yield from _searched(known, self.settings, task, rng)


class Free:
    """Correlation matrices by the numbers that a limit leaves free.

    ``any``: all correlations. ``full mediation``: no direct path of the total, nor of the aspects that the pattern says
    are mediated: their correlations with the outcome follow from r(x, m) r(m, y); the total's fixes that of the last
    aspect. ``KNOWN`` behind either keeps the aspects' correlations with each other.
    """

    def __init__(self, event: Event, limit: str, account: Array):
        self.size = len(event.roles.aspects)
        self.full, self.account = limit.startswith(FULL), account
        stars = [event.roles.aspects.index(name) for name in standing_out(event)] if self.full else []
        others = [k for k in range(self.size) if k not in stars]
        self.stars, self.last = stars, others[-1]
        p = self.size + 2
        i, j = np.triu_indices(p, 1)
        fixed = {(k, p - 1) for k in (*stars, self.last)} if self.full else set()
        if limit.endswith(KNOWN):
            fixed |= {(k, m) for k in range(self.size) for m in range(k + 1, self.size)}
        self.pairs = [pair for pair in zip(i.tolist(), j.tolist(), strict=True) if pair not in fixed]

    def matrix(self, values: Array) -> Array:
        """The matrix; it need not be positive definite."""
        size = self.size
        found = self.account.copy()
        for (i, j), value in zip(self.pairs, values, strict=True):
            found[i, j] = found[j, i] = value
        if self.full:
            r_my, m, y = found[size, size + 1], size, size + 1
            for k in self.stars:
                found[k, y] = found[y, k] = found[k, m] * r_my
            rest = found[:size, m].sum() * r_my - (found[:size, y].sum() - found[self.last, y])
            found[self.last, y] = found[y, self.last] = rest
        return found

    def values(self, matrix: Array) -> Array:
        """The free numbers of a matrix."""
        return np.array([matrix[i, j] for i, j in self.pairs])


def _searched(known: Setup, settings: Settings, task: Task, rng: np.random.Generator) -> Iterator[Row]:
    from scipy.optimize import minimize

    event, free = known.event, Free(known.event, task.cell, known.account())
    z = np.empty((task.studies, len(event.basis), len(event.basis)))
    kernel.identity_studies(rng, known.icc, *event.counts, z)

    evaluations = itertools.count()

    def matrix(values: Array) -> Array:
        return np.ascontiguousarray(free.matrix(values))

    def missed(values: Array) -> float:
        """The share of studies that miss the pattern; of equal shares the earlier is the lower.

        Shares are counts and often equal. The search sorts them, and in which order equals come depends on the
        processor: numpy's sort is not stable and has a code of its own for each family of processors.
        """
        hits = kernel.count(matrix(values), event.basis, z, *event.arguments)
        return (2.0 if hits < 0 else 1 - hits / task.studies) + 1e-12 * next(evaluations)

    start = free.values(_start(known, settings, task.block, rng))
    simplex = np.vstack([start, start + 0.08 * np.eye(len(start))])
    options = {
        "maxfev": EVALUATIONS,
        "initial_simplex": simplex,
        "adaptive": True,
        "xatol": 1e-3,
        "fatol": 1e-4,
    }
    best = matrix(minimize(missed, start, method="Nelder-Mead", options=options).x)
    studies = min(FRESH, 25 * task.studies)
    item = f"start {task.block}"
    yield "single", item, "holds", float(hits_of(event, rng, best, known.icc, studies))
    yield "single", item, "studies", float(studies)
    i, j = np.triu_indices(len(best), 1)
    for k, value in enumerate(best[i, j]):
        yield "single", item, f"r{k}", float(value)


def _start(known: Setup, settings: Settings, number: int, rng: np.random.Generator) -> Array:
    """The account's population, then averages of a few of the prior's draws whose studies come near the pattern."""
    if number == 0:
        return known.account()
    event, size = known.event, len(known.roles.aspects)
    asked = load_schema("config")["properties"]["design"]["properties"]["posterior"]["properties"]["priors"][
        "default"
    ]
    prior = load_prior((settings.design.get("posterior") or {"priors": asked})["priors"][0], size)
    correlations, icc = prior.draw(rng, PILOT, size)
    failed, _ = event.studies(rng, correlations, icc, [1 << i for i in range(len(event.names))])
    near = correlations[failed >= 0]
    return np.asarray(near[:20].mean(axis=0)) if len(near) else known.account()


COLUMNS = (
    "limit",
    "pattern",
    "studies",
    "holds",
    "probability",
    "ci_low",
    "ci_high",
    "starts",
    "x",
    "y",
    "r",
)


def table(settings: Settings, sums: pd.DataFrame, known: Setup) -> pd.DataFrame:
    """The largest probability that the search found, and where: a row per correlation.

    It is a lower bound of the maximum, counted in studies that the search has not seen.
    """
    rows = []
    for limit, found in by_cell(sums, PART).items():
        best = max(found.values(), key=lambda counts: counts["holds"] / counts["studies"])
        p = len(known.roles.base)
        pairs = np.array([[best[f"r{k}"] for k in range(p * (p - 1) // 2)]])
        columns = whole(from_pairs(pairs, p), known.roles)[0]
        low, high = jeffreys(best["holds"], best["studies"], settings.confidence)
        names = known.roles.columns
        for a, b in zip(*np.triu_indices(len(names), 1), strict=True):
            rows.append(
                {
                    **{"limit": limit, "pattern": known.patterns[0], "studies": int(best["studies"])},
                    **{"holds": int(best["holds"]), "probability": share(best["holds"], best["studies"])},
                    **{"ci_low": low, "ci_high": high, "starts": len(found)},
                    **{"x": names[a], "y": names[b], "r": columns[a, b]},
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)
