"""The design stage cut into blocks of studies, dealt out to chunks, and put together again.

A block is the unit of randomness: it has its own stream, derived from the seed and from its part, cell and number, and a
fixed number of studies. A chunk is the unit of work: one job that runs some of the blocks. Blocks bring back sums; the
sums are added in the order of the blocks. So no result depends on the number of chunks, on cores or on order.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("part", "cell", "block", "estimand", "item", "measure", "value")


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
    """

    seed: int
    confidence: float
    design: Mapping[str, Any]
    claims: str | None
    models: str
    instruments: Mapping[str, str]


@dataclass(frozen=True)
class Task:
    """One block of studies.

    Attributes
    ----------
    part : str
        ``diagnosticity, power, coverage, bootstrap, recovery`` or ``engines``.
    cell : str
        Scenario, design or grid point.
    block : int
        Number of the block within its cell.
    studies : int
    cost : float
        Expected seconds, only to deal blocks out evenly and to tell the time left.
    """

    part: str
    cell: str
    block: int
    studies: int
    cost: float


#: What a block brings back: estimand, item (claim, interval, parameter), measure, sum over its studies.
Row = tuple[str, str, str, float]
Runner = Callable[[Task], Iterable[Row]]


def blocks(part: str, cell: str, studies: int, size: int, cost_per_study: float) -> list[Task]:
    """Cut a cell's studies into blocks of a fixed size; the last one may be smaller."""
    starts = range(0, studies, size)
    return [
        Task(part, cell, i, min(size, studies - start), min(size, studies - start) * cost_per_study)
        for i, start in enumerate(starts)
    ]


def deal(tasks: Sequence[Task], chunks: int) -> list[list[Task]]:
    """Deal tasks out to chunks of about the same cost; tasks of a cell keep together where they can.

    The heaviest cells go first, each to the lightest chunk; a cell heavier than a chunk's share is cut.
    """
    total = sum(task.cost for task in tasks)
    groups: dict[tuple[str, str], list[Task]] = {}
    for task in tasks:
        groups.setdefault((task.part, task.cell), []).append(task)
    pieces: list[list[Task]] = []
    for group in groups.values():
        piece: list[Task] = []
        for task in group:
            if piece and sum(t.cost for t in piece) + task.cost > total / chunks / 2:
                pieces.append(piece)
                piece = []
            piece.append(task)
        pieces.append(piece)
    dealt: list[list[Task]] = [[] for _ in range(chunks)]
    load = [0.0] * chunks
    for piece in sorted(pieces, key=lambda p: -sum(task.cost for task in p)):
        lightest = load.index(min(load))
        dealt[lightest] += piece
        load[lightest] += sum(task.cost for task in piece)
    return dealt


def run(
    tasks: Sequence[Task], runners: Mapping[str, Runner], report: Callable[[str], None], name: str = "design"
) -> pd.DataFrame:
    """Run the blocks of a chunk.

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
        ``COLUMNS``: a row per block and sum.
    """
    import pandas as pd

    rows = []
    total = sum(task.cost for task in tasks)
    done, start, last = 0.0, time.monotonic(), time.monotonic()
    for task in tasks:
        for row in runners[task.part](task):
            rows.append((task.part, task.cell, task.block, *row))
        done += task.cost
        now = time.monotonic()
        if now - last > 10 or task is tasks[-1]:
            last = now
            left = (now - start) * (total - done) / done
            report(f"{name}: {done / total:4.0%} done, {_duration(left)} left ({task.part} {task.cell})")
    return pd.DataFrame(rows, columns=COLUMNS)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def gather(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Add up the blocks of all chunks: ``part, cell, estimand, item, measure, value``.

    The order of rows, and of the additions, is that of parts, cells and blocks, whatever chunk they come from.
    """
    import pandas as pd

    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame(columns=[name for name in COLUMNS if name != "block"])
    rows = pd.concat(kept)
    keys = ["part", "cell", "estimand", "item", "measure"]
    rows = rows.fillna({key: "" for key in keys}).sort_values([*keys, "block"], kind="stable")
    return rows.groupby(keys, sort=True)["value"].sum().reset_index()
