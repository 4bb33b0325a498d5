"""Put the fitting jobs' parts together, and draw verdicts, shares and agreement from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fortems.errors import DataError, Problem
from fortems.mediation.agreement import agreement
from fortems.mediation.derived import share_mediated
from fortems.mediation.effects import COLUMNS
from fortems.mediation.parts import merged
from fortems.mediation.verdicts import verdicts
from fortems.study.models import MediationModel

NONE = "the data hold the variables of none of the models"


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

    Raises
    ------
    DataError
        When no engine could fit any model, with the reason for each.
    """
    all_effects = merged(effects, models)
    all_fit = merged(fit, models)
    if all_effects.empty:
        reasons = dict.fromkeys(zip(all_fit["model"], all_fit["message"].astype(str), strict=True))
        allowed = "data that can carry at least one of the models"
        raise DataError(
            [Problem(*reason, allowed) for reason in reasons] or [Problem("models", NONE, allowed)]
        )
    share = share_mediated(all_effects)
    return {
        "effects": all_effects[list(COLUMNS)],
        "fit": all_fit,
        "verdicts": verdicts(all_effects, all_fit, models),
        "derived": merged([*derived, share], models),
        "agreement": agreement(all_effects, all_fit, models),
    }
