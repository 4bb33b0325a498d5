"""The tables of unmeasured confounding of a run's models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from fortems.mediation.verdicts import BOUND
from fortems.robustness.confounding import correlation, factor, survivors, values
from fortems.robustness.covariances import Level, examined, levels_of
from fortems.study.models import MediationModel


def tables(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    confidence: float = 0.95,
    bound: float = BOUND,
    common: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Return what unmeasured causes and a common factor would do to the models that are looked at.

    Parameters
    ----------
    models : mapping
        Those of the run; ``covariances.examined`` chooses.
    scores : DataFrame
    confidence : float
    bound : float
        Of the equivalence test of the direct path.
    common : DataFrame, optional
        The clients that the single level rests on where these are not all of ``scores``.

    Returns
    -------
    dict
        By file name without suffix: ``confounding, robustness_values, common_factor``.
    """
    curves: list[dict[str, Any]] = []
    strengths: list[dict[str, Any]] = []
    factors: list[dict[str, Any]] = []
    for model in examined(models).values():
        levels = levels_of(model, scores, common=common)
        benchmarks = _with_benchmarks(levels, scores, common)
        for level in levels:
            curves += correlation.rows(level, confidence)
            strengths += values.value_rows(level, confidence, bound)
            strengths += values.benchmark_rows(level, confidence, benchmarks)
            factors += factor.rows(level, confidence)
    return {
        "confounding": pd.DataFrame(curves, columns=list(correlation.COLUMNS)),
        "robustness_values": pd.DataFrame(strengths, columns=list(values.COLUMNS)),
        "common_factor": pd.DataFrame(factors, columns=list(factor.COLUMNS)),
    }


def survivors_table(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    grid: Mapping[str, Sequence[float]],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return what dropout before the sample would do to the models that are looked at (``survivors.rows``)."""
    found = [
        row
        for model in examined(models).values()
        for level in levels_of(model, scores)
        for row in survivors.rows(level, grid, confidence)
    ]
    return pd.DataFrame(found, columns=list(survivors.COLUMNS))


def _with_benchmarks(
    levels: Sequence[Level], scores: pd.DataFrame, common: pd.DataFrame | None
) -> dict[str, list[Level]]:
    """Benchmark → the model's levels with it; each is fitted once for both levels."""
    if not levels:
        return {}
    names = values.benchmarks_of(levels[0], scores)
    return {name: values.with_benchmark(levels[0], name, scores, common) for name in names}
