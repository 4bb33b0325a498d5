"""Draw populations from a prior, one study from each, and keep what shows the pattern.

Rejection: the population of a kept draw is exactly a draw from the posterior given the pattern (Rubin, 1984); kept draws are
independent, so the error of a mean is its SD over the root of their number.

Importance: populations are drawn from a mixture of the prior p and a normal distribution g fitted to a pilot's near
misses, each kept draw weighted by p / (λ p + (1 - λ) g), at most 1 / λ (defensive mixture: Hesterberg, 1995): no
weight can dominate, which is what makes its error statement hold.

Near misses: a study may fail any one statement, or only statements of one group. Those that fail no statement outside
a set are draws given the other statements alone; their sums are kept, set by set.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.population import quantities, values
from fortems.design.pattern.priors import Prior, from_pairs, load_prior
from fortems.design.pattern.setup import setup
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.arrays import Array

PART = "posterior"
BLOCK = 50_000
COST = 6e-6  # seconds a draw
REJECTION, IMPORTANCE = "rejection", "importance"
COARSE = "coarse"  # the event of the correlations alone, on which importance sampling is checked too
DEFENCE = 0.1  # λ
INFLATE = 1.2  # of the pilot's covariances
PILOT, ENOUGH = 400_000, 60
WHOLE = "all"


def cells(settings: Settings) -> dict[str, tuple[str, str, int]]:
    """Cell → prior, method and number of draws; the first prior is the headline."""
    asked = settings.design.get("posterior")
    if not asked:
        return {}
    found = {}
    for i, name in enumerate(asked["priors"]):
        found[f"{name}; {REJECTION}"] = name, REJECTION, asked["draws"] if i == 0 else asked["other_draws"]
        if asked["importance"]:
            found[f"{name}; {IMPORTANCE}"] = name, IMPORTANCE, asked["importance"]
        if asked["importance"] and i == 0:
            for method in (REJECTION, IMPORTANCE):
                found[f"{name}; {method}; {COARSE}"] = name, method, max(asked["importance"] // 4, 1)
    return found


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all priors and methods."""
    found: list[Task] = []
    for cell, (_, _, draws) in cells(settings).items():
        found += blocks(PART, cell, draws, BLOCK, COST)
    return found


def sets(event: Event) -> dict[str, int]:
    """Statements that are left out together: none, each alone, and groups of a kind; as bits."""
    found = {WHOLE: 0} | {name: event.bits([name]) for name in event.names}
    for group, names in groups(event).items():
        if 1 < len(names) < len(event.names):
            found[group] = event.bits(names)
    return found


def groups(event: Event) -> dict[str, list[str]]:
    """Statements by what they say: significant relations with the outcome, non-significance, mediation."""
    roles = event.roles

    def totals(kind: int, x: str, y: str) -> bool:
        return (
            kind == kernel.SIMPLE
            and {x, y} & {roles.outcome} != set()
            and bool({x, y} & set(roles.predictors))
        )

    return {
        "significant totals": [s.name for s in event.statements if totals(s.kind, s.x, s.y)],
        "not significant": [s.name for s in event.statements if not s.significant],
        "mediation": [s.name for s in event.statements if s.kind in (kernel.FULL, kernel.INDIRECT)],
    }


def coarse(event: Event) -> Event:
    """The statements on correlations of the total, and of mediator with outcome, alone."""
    roles = event.roles
    wide = {roles.total, roles.mediator, roles.outcome}
    names = [s.name for s in event.statements if s.kind == kernel.SIMPLE and {s.x, s.y} <= wide]
    return event.only(names or event.names[:1])


class Proposal:
    """The defensive mixture for a prior and an event."""

    def __init__(self, prior: Prior, event: Event, rng: np.random.Generator):
        self.prior, self.size = prior, len(event.roles.aspects)
        parameters = prior.parameters(rng, PILOT, self.size)
        near = [1 << i for i in range(len(event.names))]
        failed, _ = event.studies(
            rng, prior.matrices(parameters, self.size), rng.beta(*prior.icc, PILOT), near
        )
        found = parameters[failed >= 0]
        self.usable = len(found) >= ENOUGH
        if self.usable:
            self.mean = found.mean(axis=0)
            self.root = np.linalg.cholesky(INFLATE * np.cov(found.T))

    def draw(self, rng: np.random.Generator, draws: int) -> tuple[Array, Array]:
        """Correlation matrices (D, p, p), not always positive definite, and weights (D,)."""
        p = len(self.mean)
        parameters = self.prior.parameters(rng, draws, self.size)
        other = self.mean + rng.standard_normal((draws, p)) @ self.root.T
        parameters = np.where(rng.uniform(size=draws)[:, None] < DEFENCE, parameters, other)
        own = self.prior.log_density(parameters, self.size)
        scaled = np.linalg.solve(self.root, (parameters - self.mean).T)
        constant = np.log(np.diag(self.root)).sum() + p / 2 * math.log(2 * math.pi)
        fitted = -0.5 * (scaled**2).sum(axis=0) - constant
        weights = 1 / (DEFENCE + (1 - DEFENCE) * np.exp(np.minimum(fitted - own, 700.0)))
        return self.prior.matrices(parameters, self.size), weights


class Runner:
    """Runs blocks; what shows the pattern is collected in ``kept``."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.kept: list[pd.DataFrame] = []
        self.proposals: dict[str, Proposal] = {}
        self.priors: dict[str, Prior] = {}

    def _prior(self, name: str, aspects: int) -> Prior:
        if name not in self.priors:
            self.priors[name] = load_prior(name, aspects)
        return self.priors[name]

    def __call__(self, task: Task) -> Iterator[Row]:
        known = setup(self.settings)
        if known is None:
            return
        name, method, _ = cells(self.settings)[task.cell]
        event = coarse(known.event) if task.cell.endswith(COARSE) else known.event
        size = len(event.roles.aspects)
        prior, rng = self._prior(name, size), stream(self.settings.seed, PART, task.cell, task.block)
        if method == IMPORTANCE:
            proposal = self._proposal(prior, task.cell, event)
            if proposal is None:
                return
            correlations, weights = proposal.draw(rng, task.studies)
            icc = rng.beta(*prior.icc, task.studies)
        else:
            correlations, icc = prior.draw(rng, task.studies, size)
            weights = np.ones(task.studies)
        masks = sets(event) if method == REJECTION else {WHOLE: 0}
        failed, products = event.studies(rng, correlations, icc, list(masks.values()))
        valid = failed != kernel.NOT_DEFINITE
        yield method, "", "draws", float(valid.sum())
        yield method, "", "weight", float(weights[valid].sum())
        yield method, "", "weight_squares", float((weights[valid] ** 2).sum())
        yield from _sums(method, event, masks, failed, correlations, weights)
        if not task.cell.endswith(COARSE):
            rows = np.flatnonzero(failed == 0)
            self.kept.append(frame(task, rows, weights[rows], correlations[rows], icc[rows], products[rows]))

    def _proposal(self, prior: Prior, cell: str, event: Event) -> Proposal | None:
        if cell not in self.proposals:
            self.proposals[cell] = Proposal(prior, event, stream(self.settings.seed, PART, cell, "pilot"))
        return self.proposals[cell] if self.proposals[cell].usable else None


def _sums(
    method: str, event: Event, masks: dict[str, int], failed: Any, correlations: Array, weights: Array
) -> Iterator[Row]:
    """Weighted sums of all quantities over the draws that fail at most the statements of each set."""
    asked = quantities(event)
    finished = np.flatnonzero(failed >= 0)
    found, w, bits = values(correlations[finished], event, asked), weights[finished], failed[finished]
    for name, mask in masks.items():
        own = (bits & ~np.int64(mask)) == 0
        yield method, name, "kept", float(own.sum())
        yield method, name, "weight", float(w[own].sum())
        yield method, name, "weight_squares", float((w[own] ** 2).sum())
        for quantity, column in zip(asked, found.T, strict=True):
            q, v = column[own], w[own]
            yield method, name, quantity.name, float((v * q).sum())
            yield method, name, f"{quantity.name}²", float((v * q**2).sum())
            if method == IMPORTANCE:
                for power in (0, 1, 2):
                    yield method, name, f"{quantity.name} w{power}", float((v**2 * q**power).sum())


def frame(
    task: Task, rows: NDArray[np.intp], weights: Array, correlations: Array, icc: Array, products: Array
) -> pd.DataFrame:
    """Kept draws as a table: ``cell, block, draw, weight, icc``, correlations ``r0`` on, cross-products ``t0`` on."""
    i, j = np.triu_indices(correlations.shape[1], 1)
    pairs = correlations[:, i, j]
    columns = {"cell": task.cell, "block": task.block, "draw": rows, "weight": weights, "icc": icc}
    columns |= {f"r{k}": pairs[:, k] for k in range(pairs.shape[1])}
    columns |= {f"t{k}": products[:, k] for k in range(products.shape[1])}
    return pd.DataFrame(columns)


class Kept:
    """The kept draws of one prior and method, in the order of blocks.

    Attributes
    ----------
    weight, icc : ndarray (D,)
    correlations : ndarray (D, p, p)
        Of the populations.
    products : ndarray (D, p (p + 1) / 2)
        Of the studies.
    """

    def __init__(self, table: pd.DataFrame, cell: str, event: Event):
        own = table[table["cell"] == cell].sort_values(["block", "draw"], kind="stable")
        p = len(event.roles.base)
        self.weight, self.icc = own["weight"].to_numpy(float), own["icc"].to_numpy(float)
        pairs = own[[f"r{k}" for k in range(p * (p - 1) // 2)]].to_numpy(float)
        self.correlations = from_pairs(pairs, p)
        self.products = np.ascontiguousarray(own[[f"t{k}" for k in range(p * (p + 1) // 2)]].to_numpy(float))

    def __len__(self) -> int:
        return len(self.weight)


def gather_kept(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Put the kept draws of all chunks together."""
    parts = [part for part in parts if len(part)]
    return (
        pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"cell": [], "block": [], "draw": []})
    )
