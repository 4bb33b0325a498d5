"""Do engines agree (``agreement.csv``)? Equal levels only, differences in the primary engine's standard errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fortems.study.estimands import PRIMARY
from fortems.study.models import MediationModel

LIMIT = 0.1  # of a standard error; beyond it the difference is explained
ROUNDING = 1e-9  # below, a difference is arithmetic only
KEYS = ["model", "level", "effect", "predictor", "mediator", "outcome", "at"]

AGREEMENT_COLUMNS = (
    *KEYS,
    "primary",
    "engine",
    "primary_estimate",
    "estimate",
    "primary_se",
    "se",
    "difference",
    "se_ratio",
    "agrees",
    "explanation",
)


def agreement(effects: pd.DataFrame, fit: pd.DataFrame, models: Mapping[str, MediationModel]) -> pd.DataFrame:
    """Compare every engine with the level's primary one.

    Parameters
    ----------
    effects, fit : DataFrame
        Rows of ``effects.csv`` and ``fit.csv``.
    models : mapping

    Returns
    -------
    DataFrame
        ``AGREEMENT_COLUMNS``: ``difference`` = (estimate − primary's) / primary's SE; ``se_ratio`` = SE over
        primary's; ``explanation`` in words where ``agrees`` is false, from what differs between the two.
    """
    frame = effects.fillna({"at": "", "predictor": "", "mediator": ""})
    frame = frame[frame["interval"].isin(["wald", "delta"])]
    rows = []
    for group_key, group in frame.groupby(KEYS, sort=False):
        key: Any = group_key
        by_engine = group.drop_duplicates("engine").set_index("engine")
        ranked = [name for name in PRIMARY.get(str(key[1]), ()) if name in by_engine.index]
        for other in ranked[1:]:
            rows.append(_compare(dict(zip(KEYS, key, strict=True)), by_engine, ranked[0], other, fit, models))
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def _compare(
    key: dict[str, Any],
    by_engine: pd.DataFrame,
    primary: str,
    other: str,
    fit: pd.DataFrame,
    models: Mapping[str, MediationModel],
) -> dict[str, Any]:
    first: Any = by_engine.loc[primary]
    second: Any = by_engine.loc[other]
    difference = float((second["estimate"] - first["estimate"]) / first["se"])
    if abs(difference) < ROUNDING:
        difference = 0.0
    agrees = bool(abs(difference) <= LIMIT)
    known = not np.isnan(difference)
    return {
        **key,
        "primary": primary,
        "engine": other,
        "primary_estimate": first["estimate"],
        "estimate": second["estimate"],
        "primary_se": first["se"],
        "se": second["se"],
        "difference": difference,
        "se_ratio": second["se"] / first["se"],
        "agrees": agrees if known else None,
        "explanation": ""
        if agrees or not known
        else explain(key, first, second, primary, other, fit, models),
    }


def explain(
    key: Mapping[str, Any],
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    primary: str,
    other: str,
    fit: pd.DataFrame,
    models: Mapping[str, MediationModel],
) -> str:
    """Say in words what differs between two engines on one effect.

    Every clause is computed from the two results: rows used, boundary, convergence, and what the engines do
    differently at this level with this model.
    """
    reasons = []
    if int(first["n_clients"]) != int(second["n_clients"]):
        reasons.append(
            f"{int(first['n_clients'])} against {int(second['n_clients'])} clients: full information against "
            "complete rows"
        )
    rows = {name: _fit_of(fit, str(key["model"]), name) for name in (primary, other)}
    for name, row in rows.items():
        if row is not None and not bool(row["converged"]):
            reasons.append(f"{name} did not converge")
    model = models[str(key["model"])]
    boundary = rows[primary] is not None and bool(rows[primary]["boundary"])
    if {primary, other} == {"twolevel", "mixedlm"}:
        reasons += _two_level_reasons(str(key["level"]), boundary, model)
    elif other == "mixedlm":
        reasons.append(
            "REML with random therapist intercepts: generalized least squares weighs differences within and "
            "between therapists unlike plain least squares"
        )
    return "; ".join(reasons) or "unexplained"


def _two_level_reasons(level: str, boundary: bool, model: MediationModel) -> list[str]:
    if level == "between":
        return ["latent therapists' parts against observed therapists' means"]
    reasons = []
    if boundary:
        reasons.append(
            "therapists' covariance matrix at the boundary: maximum likelihood borrows information from "
            "differences between therapists, the fixed-effects estimate does not"
        )
    else:
        reasons.append(
            "maximum likelihood of both levels at once against REML per equation, with unequal cluster sizes"
        )
    if model.covariates and model.covariate_level == "within":
        reasons.append("covariates undivided against centred on therapists' means")
    if model.moderator:
        reasons.append("moderator undivided against centred on therapists' means")
    return reasons


def _fit_of(fit: pd.DataFrame, model: str, engine: str) -> Any:
    rows = fit[(fit["model"] == model) & (fit["engine"] == engine) & (fit["variant"] == "partial")]
    return rows.iloc[0] if len(rows) else None
