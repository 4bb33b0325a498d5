"""The package's own tests, at both estimands, on studies with client rows: what the compiled tests are held against.

Scores are two-level normal with one ICC, between and within correlations equal; a study is analysed and judged by the
code that analyses and judges a run (``fortems.design.diagnosticity``).

``confirm`` draws populations from the headline prior and one study from each. Cluster-robust tests judge the same
correlations as Pearson's, only by other errors: a study whose correlations fail even when significance is asked for at
``LOOSE`` and non-significance at ``TIGHT`` is not analysed further. What that loses is next to nothing (a test looks).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fortems.claims.judge import judge
from fortems.design.diagnosticity import simulated_claims, simulated_evidence
from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.population import quantities, values
from fortems.design.pattern.priors import load_prior
from fortems.design.pattern.sampling import WHOLE
from fortems.design.pattern.setup import Setup, setup
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.normal import cluster_index, draw_normal

PART = "confirm"
BLOCK = 5000
COST = 3e-5
LOOSE, TIGHT = 0.30, 0.001
PEARSON, OWN = "pearson", "package"


def holds(
    known: Setup, data: Array, cluster: Ints, confidence: float, patterns: tuple[str, ...]
) -> dict[tuple[str, str], Bools]:
    """Which studies show each pattern.

    Parameters
    ----------
    known : Setup
    data : ndarray (S, N, C)
        Scores of all columns.
    cluster : ndarray (N,)
    confidence : float
    patterns : tuple of str
        Those asked about.

    Returns
    -------
    dict of (pattern, estimand) to ndarray (S,) of bool
    """
    claims = simulated_claims(known.claims)
    wanted = {part for pattern in patterns for part in claims[pattern].parts} | set(patterns)
    claims = {name: claim for name, claim in claims.items() if name in wanted}
    models = {c.model: known.models[c.model] for c in claims.values() if c.model in known.models}
    evidence = simulated_evidence(data, known.roles.columns, cluster, claims, models, confidence)
    judged = judge(claims, evidence)
    return {(name, level): found.holds for (name, level), found in judged.items() if name in patterns}


def _correlations_hold(known: Setup, data: Array, cluster: Ints, confidence: float) -> Bools:
    """Which studies (S, N, C) show what the pattern says of correlations: the rest need no models."""
    parts = known.claims[known.patterns[0]].parts
    claims = {name: known.claims[name] for name in parts if known.claims[name].statistic == "correlation"}
    flags = np.ones(len(data), bool)
    if claims and len(data):
        evidence = simulated_evidence(data, known.roles.columns, cluster, claims, {}, confidence)
        for found in judge(claims, evidence).values():
            flags &= found.holds
    return flags


def all_columns(known: Setup, base: Array) -> Array:
    """Scores of all columns (S, N, C) from those of the base variables."""
    return np.asarray(base @ known.roles.weights().T)


def loosened(event: Event) -> Event:
    """The statements on correlations with room on both sides, so that another test of the same r stays inside."""
    kept = [s for s in event.statements if s.kind in (kernel.SIMPLE, kernel.SIMPLE_NOT)]
    alphas = {kernel.SIMPLE: LOOSE, kernel.SIMPLE_NOT: TIGHT}
    return replace(event, statements=tuple(replace(s, alpha=alphas[s.kind]) for s in kept))


def tasks(settings: Settings) -> list[Task]:
    """Blocks of the headline prior."""
    asked = settings.design.get("posterior")
    if not asked or not asked["confirm"]:
        return []
    return blocks(PART, asked["priors"][0], asked["confirm"], BLOCK, COST)


class Runner:
    """Runs a block."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def __call__(self, task: Task) -> Iterator[Row]:
        known = setup(self.settings)
        if known is None:
            return
        event, size = known.event, len(known.roles.aspects)
        rng = stream(self.settings.seed, PART, task.cell, task.block)
        correlations, icc = load_prior(task.cell, size).draw(rng, task.studies, size)
        definite = np.linalg.eigvalsh(correlations)[:, 0] > 1e-10
        correlations, icc = correlations[definite], icc[definite]
        base = draw_scores(rng, correlations, icc, event.sizes)
        cluster = cluster_index(event.sizes)
        near = np.flatnonzero(self._near(event, known, base))
        near = near[
            _correlations_hold(known, all_columns(known, base[near]), cluster, self.settings.confidence)
        ]
        yield PEARSON, "", "draws", float(len(icc))
        yield PEARSON, "", "analysed", float(len(near))
        if not len(near):
            return
        first = known.patterns[:1]
        found = holds(known, all_columns(known, base[near]), cluster, self.settings.confidence, first)
        asked = quantities(event)
        q = values(correlations[near], event, asked)
        for (_, estimand), flags in found.items():
            yield estimand, WHOLE, "kept", float(flags.sum())
            yield estimand, WHOLE, "weight", float(flags.sum())
            for quantity, column in zip(asked, q.T, strict=True):
                yield estimand, WHOLE, quantity.name, float(column[flags].sum())
                yield estimand, WHOLE, f"{quantity.name}²", float((column[flags] ** 2).sum())

    @staticmethod
    def _near(event: Event, known: Setup, base: Array) -> Bools:
        loose = loosened(event)
        if not loose.statements:
            return np.ones(len(base), bool)
        centred = base - base.mean(axis=1, keepdims=True)
        weights = known.roles.weights()
        return np.asarray(loose.judge(weights @ np.einsum("snp,snq->spq", centred, centred) @ weights.T) == 0)


def draw_scores(rng: np.random.Generator, correlations: Array, icc: Array, sizes: tuple[int, ...]) -> Array:
    """One study (N, p) from each population (D, p, p) with its ICC (D,)."""
    cluster = cluster_index(sizes)
    root = np.swapaxes(np.linalg.cholesky(correlations), 1, 2)
    scores = rng.standard_normal((len(icc), len(cluster), root.shape[-1])) * np.sqrt(1 - icc)[:, None, None]
    therapists = rng.standard_normal((len(icc), len(sizes), root.shape[-1])) * np.sqrt(icc)[:, None, None]
    scores += therapists[:, cluster]
    return np.asarray(scores @ root)


def one_population(
    known: Setup, rng: np.random.Generator, correlations: Array, studies: int, confidence: float
) -> dict[tuple[str, str], int]:
    """How many of a population's studies show each pattern by the package's own tests."""
    icc = known.icc
    base, cluster = draw_normal(rng, studies, (1 - icc) * correlations, icc * correlations, known.event.sizes)
    return {
        key: int(flags.sum())
        for key, flags in holds(known, all_columns(known, base), cluster, confidence, known.patterns).items()
    }
