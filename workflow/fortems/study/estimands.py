"""Which numbers count: the study's estimands, and for each its engine and its interval, fixed beforehand.

All that shows or judges a number asks here: verdicts, claims, tables, sentences, figures.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from fortems.study.engines import ENGINES

#: The two co-primary estimands, by the level of their rows.
ESTIMANDS = ("within", "single")

#: Level → the engine that counts, then those that stand in for it where it was not run or gave nothing.
PRIMARY: dict[str, tuple[str, ...]] = {
    level: tuple(name for name, engine in ENGINES.items() if level in engine.levels)
    for level in (*ESTIMANDS, "between")
}

#: The interval that alone decides, always computed, whatever others a run asks for: the cluster jackknife.
PRIMARY_INTERVAL = "robust"

#: That of the indirect effect where nothing can be left out: a bare matrix, or engines that are not fitted again.
STAND_IN = "montecarlo"

#: Effect → its intervals that count; the first that there is. A total is a sum, or has a regression of its own.
COUNTING: dict[str, tuple[str, ...]] = {
    "a": (PRIMARY_INTERVAL, "wald"),
    "b": (PRIMARY_INTERVAL, "wald"),
    "direct": (PRIMARY_INTERVAL, "wald"),
    "total": (PRIMARY_INTERVAL, "wald", "delta"),
    "indirect": (PRIMARY_INTERVAL, STAND_IN),
}

KEYS = ("model", "level", "effect", "predictor", "mediator", "at")  # of a number, whoever computed it


def computed_intervals(asked: Collection[str], can_leave_out: bool = True) -> tuple[str, ...]:
    """Return the intervals of the indirect effect that a run computes: the one that counts, then those asked for.

    Parameters
    ----------
    asked : collection of str
    can_leave_out : bool
        Whether there are estimates without each therapist; where not, the stand-in counts.
    """
    first = PRIMARY_INTERVAL if can_leave_out else STAND_IN
    return (first, *(name for name in asked if name not in (first, PRIMARY_INTERVAL)))


def primary_engine(level: str, have: Collection[str]) -> str | None:
    """Return the engine that counts at a level among those that gave results; None where none of them can."""
    return next((name for name in PRIMARY.get(level, ()) if name in have), None)


def counting(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that count.

    Parameters
    ----------
    effects : DataFrame
        Rows of ``effects.csv``.

    Returns
    -------
    DataFrame
        Of each model and level the rows of the engine that counts, each effect with the interval that counts, in
        the order of the table.
    """
    have = effects.groupby(["model", "level"])["engine"].agg(set).to_dict()
    rank = {(effect, name): i for effect, names in COUNTING.items() for i, name in enumerate(names)}
    best: dict[tuple[Any, ...], tuple[int, int]] = {}
    lines: Any = effects[[*KEYS, "engine", "interval"]].itertuples(index=False)
    for line, row in enumerate(lines):
        place = rank.get((row.effect, row.interval))
        if place is None or row.engine != primary_engine(row.level, have[row.model, row.level]):
            continue
        key = tuple("" if value != value else value for value in row[: len(KEYS)])
        best[key] = min(best.get(key, (place, line)), (place, line))
    return effects.iloc[sorted(line for _, line in best.values())]
