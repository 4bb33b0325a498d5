"""All models by all engines: what the workflow's fitting jobs call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.mediation.columns import build
from fortems.mediation.derived import DERIVED_COLUMNS, derived_rows
from fortems.mediation.effects import PART_COLUMNS, effect_rows
from fortems.mediation.influence import INFLUENCE_COLUMNS, influence_rows
from fortems.mediation.pathfit import FIT_COLUMNS, joined_notes, unfitted_row
from fortems.mediation.slopes import Settings, Slopes
from fortems.mediation.system import CannotFit, System
from fortems.study.engines import ENGINES, RESAMPLED
from fortems.study.models import MediationModel

FULL_INFORMATION = ("twolevel",)  # engines that use incomplete rows

Engine = Callable[[System, Settings], tuple[list[Slopes], list[dict[str, Any]]]]


def engine(name: str) -> Engine:
    """Return an engine's ``fit(system, settings)``; its libraries are imported on first use.

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    if name not in ENGINES:
        hint = did_you_mean(name, ENGINES)
        raise ConfigError(Problem("engines", f"there is no engine {name!r}", ", ".join(ENGINES), hint))
    if name == "regression":
        from fortems.mediation.engines import regression as regression_engine

        return regression_engine.fit
    if name == "semopy":
        from fortems.mediation.engines import semopy as semopy_engine

        return semopy_engine.fit
    if name == "mixedlm":
        from fortems.mediation.engines import mixedlm as mixedlm_engine

        return mixedlm_engine.fit
    from fortems.mediation.engines import twolevel as twolevel_engine

    return twolevel_engine.fit


def fit_all(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    engines: Sequence[str],
    settings: Settings,
    common: pd.DataFrame | None = None,
) -> dict[str, pd.DataFrame]:
    """Fit every model of observed scores by every engine.

    Parameters
    ----------
    models : mapping
        Models with ``measurement`` other than ``observed`` are passed over (``measurement.csv`` has them).
    scores : DataFrame
    engines : sequence of str
    settings : Settings
    common : DataFrame, optional
        Clients who are complete for every model, for what takes complete rows only; by default the scores.

    Returns
    -------
    dict
        ``effects`` (with ``df`` and ``unit`` besides the contract's columns, which verdicts need), ``fit``,
        ``derived``, ``influence``.
    """
    effects: list[dict[str, Any]] = []
    fits: list[dict[str, Any]] = []
    derived: list[dict[str, Any]] = []
    influence: list[dict[str, Any]] = []
    for model in models.values():
        if model.measurement != "observed":
            continue
        systems: dict[bool, System] = {}
        for name in engines:
            # Products need complete rows in every engine.
            whole = common is None or (name in FULL_INFORMATION and model.moderator is None)
            try:
                if whole not in systems:
                    systems[whole] = build(model, scores if whole or common is None else common)
                system = systems[whole]
                slopes, rows = engine(name)(system, settings)
            except CannotFit as reason:
                fits.append(unfitted(model, name, str(reason)))
                continue
            except (ArithmeticError, np.linalg.LinAlgError) as failure:
                fits.append(unfitted(model, name, f"the arithmetic broke down ({failure})"))
                continue
            fits += [_with_note(row, system.binary_note) for row in rows]
            for part in slopes:
                effects += effect_rows(system, part, settings)
            derived += derived_rows(system, slopes, rows, settings)
            influence += influence_rows(system, slopes)
    return {
        "effects": pd.DataFrame(effects, columns=list(PART_COLUMNS)),
        "fit": pd.DataFrame(fits, columns=list(FIT_COLUMNS)),
        "derived": pd.DataFrame(derived, columns=list(DERIVED_COLUMNS)),
        "influence": pd.DataFrame(influence, columns=list(INFLUENCE_COLUMNS)),
    }


def _with_note(row: dict[str, Any], note: str) -> dict[str, Any]:
    return row | {"message": joined_notes(str(row["message"]), note)}


def unfitted(model: MediationModel, name: str, reason: str) -> dict[str, Any]:
    """Return the row of ``fit.csv`` of a model that the data cannot carry."""
    return unfitted_row(model.name, name, "partial", f"not fitted: {reason}")


def settings_of(params: Mapping[str, Any]) -> Settings:
    """Return inference settings from a run's configuration.

    Parameters
    ----------
    params : mapping
        ``seed, confidence, intervals, draws, replicates``; without replicates there is no bootstrap.
    """
    replicates = int(params["replicates"] or 0)
    intervals = tuple(name for name in params["intervals"] if replicates or name not in RESAMPLED)
    return Settings(params["seed"], params["confidence"], params["draws"], replicates, intervals)
