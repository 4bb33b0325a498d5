"""What measurement error does to a, b and the indirect effect (``measurement.csv``).

One table: for every base model (predictor, mediator, outcome) of which the models file has a latent or a corrected
version, the observed estimates by the engines that count, the latent and the corrected ones. Columns as in
``effects.csv``, with ``measurement``, the reliabilities used, ``ratio`` (estimate over the observed one of the same
level and effect; a latent one's over that of the same clients, the rows ``same clients``), a latent model's χ² and
``note``. The interval ``reliability`` holds a corrected estimate's lowest and highest value
over the reliabilities' intervals; ``percentile`` is a cluster bootstrap that draws the reliabilities anew each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.measurement import latent
from fortems.mediation.measurement.corrected_rows import corrected_rows
from fortems.mediation.measurement.latent_rows import latent_rows
from fortems.mediation.measurement.measurement_rows import (
    MEASUREMENT_COLUMNS,
    SAME_CLIENTS,
    Sources,
    measurement_row,
    withheld,
)
from fortems.mediation.run import engine
from fortems.mediation.slopes import Settings
from fortems.mediation.system import CannotFit
from fortems.study.estimands import ESTIMANDS, PRIMARY, primary_engine
from fortems.study.models import MediationModel

__all__ = ["MEASUREMENT_COLUMNS", "Sources", "measurement_table"]


def measurement_table(
    models: Mapping[str, MediationModel],
    sources: Sources,
    engines: Sequence[str],
    settings: Settings,
    latent_replicates: int,
) -> pd.DataFrame:
    """Return the table of observed, latent and corrected estimates.

    Parameters
    ----------
    models : mapping
        Those with ``measurement`` latent or corrected are used.
    sources : Sources
    engines : sequence of str
        Of the run: the one that counts at a level gives the observed estimates.
    settings : Settings
    latent_replicates : int
        Cluster-bootstrap replicates of latent models; 0 for none.
    """
    rows: list[dict[str, Any]] = []
    observed = {level: primary_engine(level, engines) or PRIMARY[level][0] for level in ESTIMANDS}
    done: set[tuple[str, str, str]] = set()
    for model in models.values():
        base = (model.predictors[0], model.mediators[0], model.outcome)
        if model.measurement == "observed":
            continue
        if base not in done:
            rows += _observed_rows(model, models.values(), sources, observed, settings)
            done.add(base)
        if model.measurement == "latent":
            rows += _same_clients_rows(model, models.values(), sources, observed, settings)
            rows += latent_rows(model, sources, settings, latent_replicates)
        else:
            rows += corrected_rows(model, sources, settings)
    frame = pd.DataFrame(rows, columns=list(MEASUREMENT_COLUMNS))
    return _with_ratio(frame)


def _observed_rows(
    model: MediationModel,
    models: Iterable[MediationModel],
    sources: Sources,
    engines: Mapping[str, str],
    settings: Settings,
) -> list[dict[str, Any]]:
    name = f"{model.predictors[0]}_observed"
    plain = MediationModel(name, model.predictors, model.mediators, model.outcome)
    # Random numbers go by the model's name: where the same model is a main one, its interval must be the same too.
    main = next((other for other in models if replace(other, name=name) == plain), plain)
    try:
        system = build(main, sources.scores)
    except CannotFit as reason:
        return [withheld(plain, name, level, reason) for level, name in engines.items()]
    quiet = Settings(settings.seed, settings.confidence, settings.draws, 0, ("delta", "montecarlo"))
    rows = []
    for level, engine_name in engines.items():
        try:
            slopes, _ = engine(engine_name)(system, quiet)
        except CannotFit as reason:
            rows.append(withheld(plain, engine_name, level, reason))
            continue
        for part in slopes:
            for found in effect_rows(system, part, quiet):
                if part.level == level:
                    kept = {key: value for key, value in found.items() if key in MEASUREMENT_COLUMNS}
                    row = measurement_row(plain, engine_name, level, found["effect"])
                    rows.append({**row, **kept, "model": name})
    return rows


def _same_clients_rows(
    model: MediationModel,
    models: Iterable[MediationModel],
    sources: Sources,
    engines: Mapping[str, str],
    settings: Settings,
) -> list[dict[str, Any]]:
    """Observed scores of the clients that a latent model rests on, where these are fewer: like beside like."""
    data = latent.indicators(model, sources.scores, sources.items, sources.instruments)
    if isinstance(data, str) or len(data.values) == len(sources.scores):
        return []
    same = replace(sources, scores=sources.scores[data.known])
    rows = _observed_rows(model, models, same, engines, settings)
    name = f"{model.predictors[0]}_same_clients"
    return [{**row, "model": name, "measurement": SAME_CLIENTS} for row in rows]


def _with_ratio(frame: pd.DataFrame) -> pd.DataFrame:
    """Add each estimate's ratio to the observed one of the same variables, level and effect, and of the same clients."""
    keys = ["predictor", "mediator", "outcome", "level", "effect"]
    usual, same = (
        frame[frame["measurement"] == kind].drop_duplicates(keys).set_index(keys)["estimate"].to_dict()
        for kind in ("observed", SAME_CLIENTS)
    )
    ratios = []
    for row in frame.to_dict("records"):
        key = tuple(row[k] for k in keys)
        beside = {**usual, **same} if row["measurement"] == "latent" else usual
        ratios.append(row["estimate"] / beside.get(key, np.nan))
    return frame.assign(ratio=ratios)
