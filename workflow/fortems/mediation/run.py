"""All models by all engines: what the workflow's mediation jobs call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from fortems.errors import ConfigError, Problem, nearest
from fortems.mediation.agreement import agreement
from fortems.mediation.derived import DERIVED_COLUMNS, derived_rows, share_mediated
from fortems.mediation.effects import COLUMNS, PART_COLUMNS, effect_rows
from fortems.mediation.models import MediationModel
from fortems.mediation.pathfit import FIT_COLUMNS
from fortems.mediation.slopes import Settings, Slopes
from fortems.mediation.system import System, build
from fortems.mediation.verdicts import verdicts

Engine = Callable[[System, Settings], tuple[list[Slopes], list[dict[str, Any]]]]

ENGINES = ("twolevel", "regression", "semopy", "mixedlm")


def engine(name: str) -> Engine:
    """Return an engine's ``fit(system, settings)``; its libraries are imported on first use.

    Raises
    ------
    ConfigError
        For an unknown name.
    """
    if name not in ENGINES:
        near = nearest(name, ENGINES)
        hint = f"Did you mean {near}?" if near else ""
        raise ConfigError(Problem("engines", f"there is no engine {name!r}", ", ".join(ENGINES), hint))
    if name == "regression":
        from fortems.mediation import regression_engine

        return regression_engine.fit
    if name == "semopy":
        from fortems.mediation import semopy_engine

        return semopy_engine.fit
    if name == "mixedlm":
        from fortems.mediation import mixedlm_engine

        return mixedlm_engine.fit
    from fortems.mediation import twolevel_engine

    return twolevel_engine.fit


def fit_all(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    engines: Sequence[str],
    settings: Settings,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fit every model of observed scores by every engine.

    Parameters
    ----------
    models : mapping
        Models with ``measurement`` other than ``observed`` are passed over (``measurement.csv`` has them).
    scores : DataFrame
    engines : sequence of str
    settings : Settings

    Returns
    -------
    effects, fit, derived : DataFrame
        In the contract's columns; effects with ``df`` and ``unit`` besides, which verdicts need.
    """
    effects: list[dict[str, Any]] = []
    fits: list[dict[str, Any]] = []
    derived: list[dict[str, Any]] = []
    for model in models.values():
        if model.measurement != "observed":
            continue
        system = build(model, scores)
        for name in engines:
            slopes, rows = engine(name)(system, settings)
            fits += rows
            for part in slopes:
                effects += effect_rows(system, part, settings)
            derived += derived_rows(system, slopes, rows, settings)
    return (
        pd.DataFrame(effects, columns=list(PART_COLUMNS)),
        pd.DataFrame(fits, columns=list(FIT_COLUMNS)),
        pd.DataFrame(derived, columns=list(DERIVED_COLUMNS)),
    )


def merged(frames: Sequence[pd.DataFrame], models: Iterable[str]) -> pd.DataFrame:
    """Put the results of several jobs together, in the order of the models file and of ``ENGINES``."""
    filled = [frame for frame in frames if len(frame)] or list(frames[:1])
    whole = pd.concat(filled, ignore_index=True)
    model_rank = {name: i for i, name in enumerate(models)}
    engine_rank = {name: i for i, name in enumerate(ENGINES)}
    rank: Any = whole["model"].map(model_rank) * len(engine_rank) + whole["engine"].map(engine_rank)
    return whole.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def settings_of(params: Mapping[str, Any]) -> Settings:
    """Return inference settings from a run's configuration.

    Parameters
    ----------
    params : mapping
        ``seed, confidence, intervals, draws, replicates``; without replicates there is no bootstrap.
    """
    replicates = int(params["replicates"] or 0)
    resampled = ("percentile", "bca")
    intervals = tuple(name for name in params["intervals"] if replicates or name not in resampled)
    return Settings(params["seed"], params["confidence"], params["draws"], replicates, intervals)


def conclude(
    effects: Sequence[pd.DataFrame],
    fit: Sequence[pd.DataFrame],
    derived: Sequence[pd.DataFrame],
    models: Mapping[str, MediationModel],
) -> dict[str, pd.DataFrame]:
    """Put the engines' parts together and draw verdicts, shares and agreement from them.

    Returns
    -------
    dict
        ``effects, fit, verdicts, derived, agreement``, each as its CSV.
    """
    all_effects = merged(effects, models)
    all_fit = merged(fit, models)
    share = share_mediated(all_effects)
    return {
        "effects": all_effects[list(COLUMNS)],
        "fit": all_fit,
        "verdicts": verdicts(all_effects, all_fit, models),
        "derived": merged([*derived, share], models),
        "agreement": agreement(all_effects, all_fit, models),
    }
