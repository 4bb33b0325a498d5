"""What one fitting job hands to the next: unrounded frames in one temporary file, put together in a fixed order."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from fortems.study.engines import ENGINES
from fortems.tidy import atomic


def write_part(frames: Mapping[str, pd.DataFrame], path: str | os.PathLike[str]) -> None:
    """Write a job's frames as they are: verdicts are to come from unrounded values, which CSV does not keep."""
    with atomic(path) as partial:
        partial.write_bytes(pickle.dumps(dict(frames)))


def read_parts(paths: Iterable[str | os.PathLike[str]]) -> dict[str, list[pd.DataFrame]]:
    """Return name → the jobs' frames; the files are this run's own."""
    found: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        with open(path, "rb") as file:
            for name, frame in pickle.load(file).items():
                found.setdefault(name, []).append(frame)
    return found


def merged(frames: Sequence[pd.DataFrame], models: Iterable[str]) -> pd.DataFrame:
    """Put the results of several jobs together, in the order of the models file and of ``ENGINES``."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    whole = pd.concat(filled, ignore_index=True)
    model_rank = {name: i for i, name in enumerate(models)}
    engine_rank = {name: i for i, name in enumerate(ENGINES)}
    rank: Any = whole["model"].map(model_rank) * len(engine_rank) + whole["engine"].map(engine_rank)
    return whole.iloc[rank.argsort(kind="stable")].reset_index(drop=True)
