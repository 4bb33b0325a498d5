"""Where is the pattern likely? Its probability over a crossed grid, and its maximum over all correlations.

The grid starts from the account's population: the scenario's correlations at each ``gap`` between the aspects. Two
more numbers are crossed with it: the total's correlation with the outcome, r, and the share d of it that is direct,
c' = d r. With a = r(total, m) and the account's r(m, y) both hold where

    d r a² - r(m, y) a + (1 - d) r = 0,   a = 2 (1 - d) r / (r(m, y) + sgn √(r(m, y)² - 4 d (1 - d) r²)),

the root that is r / r(m, y) at d = 0. The aspects' averages are moved to these totals, the gaps between them kept.
d = 0 is exactly full mediation of the total, d = 1 none. Points that no population has are listed without a number.

The maximum is searched for by Nelder and Mead's (1965) method on the same studies for all populations (cross-products Z of
independent variables; a population with R = LL' has LZL'), from several starts, and then counted in fresh studies.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event, NoEventError
from fortems.design.pattern.package import OWN, PEARSON, one_population
from fortems.design.pattern.population import standing_out, whole
from fortems.design.pattern.priors import load_prior
from fortems.design.pattern.setup import Setup, setup
from fortems.design.power import by_cell
from fortems.design.proportions import jeffreys, ratio, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.regression import Array
from fortems.study.definition import study

if TYPE_CHECKING:
    import pandas as pd

PART, TESTED, MAXIMUM = "surface", "surface tests", "surface maximum"
BLOCK, COST = 5000, 8e-6
TESTED_BLOCK, TESTED_COST = 250, 8e-4
EVALUATIONS, FRESH = 600, 200_000
ANY, FULL = "any correlations", "exactly full mediation"
KNOWN = "; aspects correlate as in the account"
PILOT = 100_000


@dataclass(frozen=True)
class Point:
    """A point of the grid."""

    gap: float
    total: float
    direct: float

    @property
    def name(self) -> str:
        """Its name among the tasks."""
        return f"gap={self.gap:g} total={self.total:g} direct={self.direct:g}"


def points(settings: Settings) -> list[Point]:
    """The grid of the configuration."""
    asked = settings.design.get("surface")
    if not asked:
        return []
    return [Point(*values) for values in product(asked["gaps"], asked["totals"], asked["direct"])]


def population(known: Setup, point: Point) -> Array | None:
    """Correlations (p, p) of the base variables at a point; None where no population has them."""
    found = known.account(f"{study().account}@gap={point.gap:g}").copy()
    size = len(known.roles.aspects)
    r_my, d, r = found[size, size + 1], point.direct, point.total
    root = r_my**2 - 4 * d * (1 - d) * r**2
    if root < 0:
        return None
    a = 2 * (1 - d) * r / (r_my + math.copysign(math.sqrt(root), r_my))
    spread = math.sqrt(found[:size, :size].sum())
    for place, wanted in ((size, a), (size + 1, r)):
        moved = found[:size, place] + wanted * spread / size - found[:size, place].mean()
        found[:size, place] = found[place, :size] = moved
    return found if np.abs(found).max() <= 1 and np.linalg.eigvalsh(found)[0] > 1e-9 else None


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all points, by both kinds of tests, and the starts of the search."""
    asked = settings.design.get("surface")
    if not asked:
        return []
    found: list[Task] = []
    for point in points(settings):
        found += blocks(PART, point.name, asked["studies"], BLOCK, COST)
        found += blocks(TESTED, point.name, asked["tested"], TESTED_BLOCK, TESTED_COST)
    for limit in (ANY, FULL, ANY + KNOWN, FULL + KNOWN):
        for start in range(asked["starts"]):
            cost = EVALUATIONS * asked["search"] * 1e-6 + 2
            found.append(Task(MAXIMUM, limit, start, start, asked["search"], cost))
    return found


class _Runner:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.points = {point.name: point for point in points(settings)}

    @cached_property
    def known(self) -> Setup:
        return setup(self.settings)

    def __call__(self, task: Task) -> Iterator[Row]:
        try:
            known = self.known
        except NoEventError:
            return
        rng = stream(self.settings.seed, task.part, task.cell, task.block)
        if task.part == MAXIMUM:
            yield from _searched(known, self.settings, task, rng)
            return
        correlations = population(known, self.points[task.cell])
        if correlations is None:
            return
        if task.part == TESTED:
            found = one_population(known, rng, correlations, task.studies, self.settings.confidence)
            for (pattern, estimand), hits in found.items():
                yield estimand, pattern, "holds", float(hits)
                yield estimand, pattern, "studies", float(task.studies)
            return
        for pattern, event in known.events.items():
            yield (
                "single",
                pattern,
                "holds",
                float(hits_of(event, rng, correlations, known.icc, task.studies)),
            )
            yield "single", pattern, "studies", float(task.studies)


def hits_of(event: Event, rng: np.random.Generator, correlations: Array, icc: float, studies: int) -> int:
    """How many studies of one population show the pattern."""
    found = 0
    for start in range(0, studies, 20_000):
        own = min(20_000, studies - start)
        failed, _ = event.studies(rng, np.tile(correlations, (own, 1, 1)), np.full(own, icc))
        found += int((failed == 0).sum())
    return found


def runner(settings: Settings) -> _Runner:
    """Return what runs a block of any of the three parts."""
    return _Runner(settings)


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
    prior = load_prior((settings.design.get("posterior") or {"priors": ["meta_analytic"]})["priors"][0], size)
    correlations, icc = prior.draw(rng, PILOT, size)
    failed, _ = event.studies(rng, correlations, icc, [1 << i for i in range(len(event.names))])
    near = correlations[failed >= 0]
    return np.asarray(near[:20].mean(axis=0)) if len(near) else known.account()


COLUMNS = (
    *("pattern", "estimand", "tests", "gap", "total", "direct", "mediator", "account", "studies", "holds"),
    *("probability", "ci_low", "ci_high", "reason"),
)


def table(settings: Settings, sums: pd.DataFrame, known: Setup) -> pd.DataFrame:
    """Probability of each pattern at each point, by Pearson and least-squares tests and by the package's own.

    Returns
    -------
    DataFrame
        ``COLUMNS``; ``total`` is r(total, outcome), ``direct`` the share of it that is direct, ``mediator`` r(total,
        mediator) that follows. ``account`` marks the points next to the account: its gap, its total, no direct part.
    """
    import pandas as pd

    found = {tests: by_cell(sums, part) for tests, part in ((PEARSON, PART), (OWN, TESTED))}
    own = next_to_account(settings, known)
    place = known.roles.columns.index(known.roles.total)
    rows: list[dict[str, Any]] = []
    for point in points(settings):
        correlations = population(known, point)
        shared: dict[str, Any] = {"gap": point.gap, "total": point.total, "direct": point.direct}
        shared["account"] = point == own
        if correlations is None:
            rows.append(shared | {"reason": "no population has these correlations"})
            continue
        columns = whole(correlations[None], known.roles)[0]
        shared["mediator"] = columns[place, known.roles.columns.index(known.roles.mediator)]
        for tests, cells in found.items():
            for (estimand, pattern), counts in sorted(cells.get(point.name, {}).items()):
                low, high = jeffreys(counts["holds"], counts["studies"], settings.confidence)
                rows.append(
                    {"pattern": pattern, "estimand": estimand, "tests": tests, **shared}
                    | {"studies": int(counts["studies"]), "holds": int(counts["holds"])}
                    | {
                        "probability": share(counts["holds"], counts["studies"]),
                        "ci_low": low,
                        "ci_high": high,
                    }
                )
    return pd.DataFrame(rows, columns=COLUMNS)


def next_to_account(settings: Settings, known: Setup) -> Point:
    """The point of the grid that is nearest to the account: full mediation at its own gap and total."""
    from fortems.simulate.scenario import load_scenario

    columns = whole(known.account()[None], known.roles)[0]
    at = known.roles.columns.index
    total = columns[at(known.roles.total), at(known.roles.outcome)]
    gap = load_scenario(study().account, known.instruments).parameters["gap"]
    asked = settings.design["surface"]
    wanted = {"gaps": gap, "totals": total, "direct": 0.0}
    nearest = {key: min(asked[key], key=partial(_distance, value)) for key, value in wanted.items()}
    return Point(nearest["gaps"], nearest["totals"], nearest["direct"])


def _distance(first: float, second: float) -> float:
    return abs(first - second)


RATIO_COLUMNS = (
    *("pattern", "estimand", "tests", "hypothesis", "against", "points", "weights", "probability"),
    *("against_probability", "relation", "ratio", "ci_low", "ci_high"),
)
HYPOTHESES = {
    "no direct part": lambda p: p.direct == 0,
    "a direct part beside a mediated one": lambda p: 0 < p.direct < 1,
    "all of it direct": lambda p: p.direct == 1,
    "no gap": lambda p: p.gap == 0,
    "a gap": lambda p: p.gap > 0,
}
PAIRS = (
    ("no direct part", "a direct part beside a mediated one"),
    ("no direct part", "all of it direct"),
    ("a gap", "no gap"),
)


def ratios_table(settings: Settings, surface: pd.DataFrame) -> pd.DataFrame:
    """Ratios of composite hypotheses: the pattern's probability averaged over all points of each, with equal weights.

    Only combinations of the other two numbers count at which both hypotheses have a population.

    Returns
    -------
    DataFrame
        ``RATIO_COLUMNS``; the interval is that of the ratio of the two averages' counts.
    """
    import pandas as pd

    rows = []
    known = surface[surface["pattern"].notna()] if len(surface) else surface
    for (pattern, estimand, tests), group in known.groupby(["pattern", "estimand", "tests"], sort=False):
        at = {Point(r["gap"], r["total"], r["direct"]): r for r in group.to_dict("records")}
        for first, second in PAIRS:
            both = _matched(at, first, second)
            if not all(both):
                continue
            means = [sum(at[p]["probability"] for p in side) / len(side) for side in both]
            studies = [sum(at[p]["studies"] for p in side) for side in both]
            counted = [mean * n for mean, n in zip(means, studies, strict=True)]
            result = ratio(counted[0], studies[0], counted[1], studies[1], settings.confidence)
            rows.append(
                {
                    **{"pattern": pattern, "estimand": estimand, "tests": tests},
                    **{"hypothesis": first, "against": second, "points": f"{len(both[0])} to {len(both[1])}"},
                    **{"weights": "equal over the grid's points"},
                    **{"probability": means[0], "against_probability": means[1], **result},
                }
            )
    return pd.DataFrame(rows, columns=RATIO_COLUMNS)


def _matched(at: Mapping[Point, Any], first: str, second: str) -> tuple[list[Point], list[Point]]:
    """Points of both hypotheses at combinations of the other numbers that both have."""

    def rest(point: Point) -> tuple[float, float]:
        return (point.total, point.direct) if "gap" in first else (point.gap, point.total)

    sides = [[point for point in at if HYPOTHESES[name](point)] for name in (first, second)]
    shared = {rest(point) for point in sides[0]} & {rest(point) for point in sides[1]}
    return tuple([point for point in side if rest(point) in shared] for side in sides)  # type: ignore[return-value]


MAXIMUM_COLUMNS = (
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


def maximum_table(settings: Settings, sums: pd.DataFrame, known: Setup) -> pd.DataFrame:
    """The largest probability that the search found, and where: a row per correlation.

    It is a lower bound of the maximum, counted in studies that the search has not seen.
    """
    import pandas as pd

    rows = []
    for limit, found in by_cell(sums, MAXIMUM).items():
        best = max(found.values(), key=lambda counts: counts["holds"] / counts["studies"])
        p = len(known.roles.base)
        i, j = np.triu_indices(p, 1)
        matrix = np.eye(p)
        matrix[i, j] = matrix[j, i] = [best[f"r{k}"] for k in range(len(i))]
        columns = whole(matrix[None], known.roles)[0]
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
    return pd.DataFrame(rows, columns=MAXIMUM_COLUMNS)
