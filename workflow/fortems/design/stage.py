"""The design stage as the workflow sees it: chunks that bring sums and kept draws, and tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from fortems.design import coverage, diagnosticity, power, recovery, sbc
from fortems.design.pattern import maximum, package, sampling, surface
from fortems.design.pattern import tables as pattern
from fortems.design.tasks import Runner, Settings, Task, deal, gather, run

PARTS = (diagnosticity, power, coverage, recovery, surface, maximum, sampling, package, sbc)


def settings_of(params: Mapping[str, Any]) -> Settings:
    """Return the stage's settings from a rule's params: ``seed, confidence, design`` and paths."""
    names = ("seed", "confidence", "design", "claims", "models", "instruments", "published")
    return Settings(**{name: params[name] for name in names})


def tasks(settings: Settings) -> list[Task]:
    """All blocks of all parts that the configuration has switched on."""
    return [task for part in PARTS for task in part.tasks(settings)]


def run_chunk(
    settings: Settings, chunk: int, chunks: int, report: Callable[[str], None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run one of the chunks, numbered from 0, and return its blocks' sums and the draws that it kept."""
    owner = {task.part: module for module in PARTS for task in module.tasks(settings)}
    own = deal(tasks(settings), chunks)[chunk]
    made: dict[str, Runner] = {part: owner[part].Runner(settings) for part in {task.part for task in own}}
    sums = run(own, made, report, f"design, chunk {chunk + 1} of {chunks}")
    sampler = made.get(sampling.PART)
    return sums, sampling.gather_kept(sampler.kept if isinstance(sampler, sampling.Runner) else [])


def tables(
    settings: Settings, chunks: Iterable[pd.DataFrame], kept: Iterable[pd.DataFrame] = ()
) -> dict[str, pd.DataFrame]:
    """Make the tables of the parts that are switched on, by file name without suffix.

    Parameters
    ----------
    settings : Settings
    chunks, kept : iterable of DataFrame
        What ``run_chunk`` returned of each chunk.
    """
    sums = gather(chunks)
    found: dict[str, pd.DataFrame] = {}
    if settings.design.get("diagnosticity"):
        found["diagnosticity"] = diagnosticity.table(sums, settings)
        found["likelihood_ratios"] = diagnosticity.ratios_table(sums, settings)
    if settings.design.get("power"):
        found["power"] = power.table(sums, settings)
        found["smallest_designs"] = power.smallest_table(found["power"], settings.confidence)
    if settings.design.get("coverage"):
        found["coverage"] = coverage.table(sums, settings)
        found["coverage_paths"] = coverage.paths_table(sums, settings)
    if settings.design.get("recovery"):
        found["recovery"] = recovery.table(sums, settings)
    if settings.design.get("sbc"):
        found["sbc"] = sbc.table(sums, settings)
    return found | pattern.tables(settings, sums, sampling.gather_kept(list(kept)))
