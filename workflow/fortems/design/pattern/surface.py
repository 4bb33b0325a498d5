"""Where is the pattern likely? Its probability over a crossed grid.

The grid starts from the account's population: the scenario's correlations at each ``gap`` between the aspects (of one
without such a parameter, the correlations as they stand). Two
more numbers are crossed with it: the total's correlation with the outcome, r, and the share d of it that is direct,
c' = d r. With a = r(total, m) and the account's r(m, y) both hold where

    d r a² - r(m, y) a + (1 - d) r = 0,   a = 2 (1 - d) r / (r(m, y) + sgn √(r(m, y)² - 4 d (1 - d) r²)),

the root that is r / r(m, y) at d = 0. The aspects' averages are moved to these totals, the gaps between them kept.
d = 0 is exactly full mediation of the total, d = 1 none. Points that no population has are listed without a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from fortems.design.pattern.event import Event
from fortems.design.pattern.package import OWN, PEARSON, one_population
from fortems.design.pattern.population import whole
from fortems.design.pattern.setup import GAP, Setup, setup
from fortems.design.power import by_cell
from fortems.design.proportions import jeffreys, ratio, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.study.definition import study

PART, TESTED = "surface", "surface tests"
BLOCK, COST = 5000, 8e-6
TESTED_BLOCK, TESTED_COST = 250, 8e-4


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
    account = study().account
    found = known.account(account if known.gap is None else f"{account}@{GAP}={point.gap:g}").copy()
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
    return found if np.linalg.eigvalsh(found)[0] > 1e-9 else None


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all points, by both kinds of tests."""
    asked = settings.design.get("surface")
    if not asked:
        return []
    found: list[Task] = []
    for point in points(settings):
        found += blocks(PART, point.name, asked["studies"], BLOCK, COST)
        found += blocks(TESTED, point.name, asked["tested"], TESTED_BLOCK, TESTED_COST)
    return found


class Runner:
    """Runs a block of either part."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.points = {point.name: point for point in points(settings)}

    def __call__(self, task: Task) -> Iterator[Row]:
        known = setup(self.settings)
        if known is None:
            return
        rng = stream(self.settings.seed, task.part, task.cell, task.block)
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
    columns = whole(known.account()[None], known.roles)[0]
    at = known.roles.columns.index
    total = columns[at(known.roles.total), at(known.roles.outcome)]
    asked = settings.design["surface"]
    wanted = {"gaps": known.gap or 0.0, "totals": total, "direct": 0.0}
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
