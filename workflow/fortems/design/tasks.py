"""The design stage cut into blocks of studies, dealt out to chunks, and put together again.

A block is the unit of randomness: it has its own stream, derived from the seed and from its part, cell and number,
and a fixed number of studies. A bundle is a fixed number of blocks of one cell; its blocks bring sums, which are
added in their order and written as one. A chunk is the unit of work: one job that runs some of the bundles. So no
result depends on the number of chunks, on cores or on order, and a million studies leave a small table behind.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

COLUMNS = ("part", "cell", "bundle", "estimand", "item", "measure", "value")


@dataclass(frozen=True)
class Settings:
    """What the design stage is told.

    Attributes
    ----------
    seed : int
    confidence : float
        Of all intervals.
    design : mapping
        The configuration's ``design``, complete.
    claims, models : str or None, str
        Paths of the files.
    instruments : mapping of str to str
        Paths of the scoring keys.
    published : str or None
        Path of the article's numbers.
    """

    seed: int
    confidence: float
    design: Mapping[str, Any]
    claims: str | None
    models: str
    instruments: Mapping[str, str]
    published: str | None = None


@dataclass(frozen=True)
class Task:
    """One block of studies.

    Attributes
    ----------
    part : str
        The name of a part of the stage, as its module has it.
    cell : str
        Scenario, design or grid point.
    block, bundle : int
        Number of the block within its cell, and of the bundle that it belongs to.
    studies : int
    cost : float
        Expected seconds, only to deal blocks out evenly and to tell the time left.
    """

    part: str
    cell: str
    block: int
    bundle: int
    studies: int
    cost: float


#: What a block brings back: estimand, item (claim, interval, parameter), measure, sum over its studies.
Row = tuple[str, str, str, float]
Runner = Callable[[Task], Iterable[Row]]


def blocks(
    part: str, cell: str, studies: int, size: int, cost_per_study: float, bundle: int = 20
) -> list[Task]:
    """Cut a cell's studies into blocks of a fixed size, the last one smaller; ``bundle`` blocks go together."""
    found = []
    for block, start in enumerate(range(0, studies, size)):
        own = min(size, studies - start)
        found.append(Task(part, cell, block, block // bundle, own, own * cost_per_study))
    return found


def deal(tasks: Sequence[Task], chunks: int) -> list[list[Task]]:
    """Deal whole bundles out to chunks of about the same cost: the costliest first, each to the lightest chunk.

    Within a chunk they keep the order of ``tasks``, so that a scenario is calibrated once.
    """
    bundles: dict[tuple[str, str, int], list[Task]] = {}
    for task in tasks:
        bundles.setdefault((task.part, task.cell, task.bundle), []).append(task)
    cost = {key: sum(task.cost for task in bundle) for key, bundle in bundles.items()}
    load = [(0.0, chunk) for chunk in range(chunks)]
    home = {}
    for key in sorted(bundles, key=lambda k: -cost[k]):
        lightest, chunk = heapq.heappop(load)
        home[key] = chunk
        heapq.heappush(load, (lightest + cost[key], chunk))
    dealt: list[list[Task]] = [[] for _ in range(chunks)]
    for key, bundle in bundles.items():
        dealt[home[key]] += bundle
    return dealt


def run(
    tasks: Sequence[Task], runners: Mapping[str, Runner], report: Callable[[str], None], name: str = "design"
) -> pd.DataFrame:
    """Run the bundles of a chunk.

    Parameters
    ----------
    tasks : sequence of Task
    runners : mapping of str to callable
        How a block of each part is run.
    report : callable
        Takes a line of progress: share done and time left.
    name : str
        The chunk's name in these lines.

    Returns
    -------
    DataFrame
        ``COLUMNS``: a row per bundle and sum.
    """
    sums: dict[tuple[str, str, int, str, str, str], float] = {}
    total = sum(task.cost for task in tasks)
    done, start, last = 0.0, time.monotonic(), time.monotonic()
    for task in tasks:
        for estimand, item, measure, value in runners[task.part](task):
            key = (task.part, task.cell, task.bundle, estimand, item, measure)
            sums[key] = sums.get(key, 0.0) + value
        done += task.cost
        now = time.monotonic()
        if now - last > 10 or task is tasks[-1]:
            last = now
            left = (now - start) * (total - done) / done
            report(f"{name}: {done / total:4.0%} done, {_duration(left)} left ({task.part} {task.cell})")
    return pd.DataFrame([(*key, value) for key, value in sums.items()], columns=COLUMNS)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def gather(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add up the bundles of all chunks: ``part, cell, estimand, item, measure, value``.

    The order of rows, and of the additions, is that of parts, cells and bundles, whatever chunk they come from.
    """
    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame(columns=[name for name in COLUMNS if name != "bundle"])
    rows = pd.concat(kept)
    keys = ["part", "cell", "estimand", "item", "measure"]
    rows = rows.fillna({key: "" for key in keys}).sort_values([*keys, "bundle"], kind="stable")
    return rows.groupby(keys, sort=True)["value"].sum().reset_index()
