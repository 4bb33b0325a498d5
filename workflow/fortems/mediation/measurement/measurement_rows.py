"""Rows of ``measurement.csv`` and what they are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fortems.study.instruments import Instrument
from fortems.study.models import MediationModel

MEASUREMENT_COLUMNS = (
    "model",
    "measurement",
    "engine",
    "level",
    "effect",
    "predictor",
    "mediator",
    "outcome",
    "interval",
    "estimate",
    "se",
    "ci_low",
    "ci_high",
    "p",
    "standardized",
    "ratio",
    "rel_predictor",
    "rel_mediator",
    "rel_outcome",
    "chi2",
    "df",
    "chi2_p",
    "n_clients",
    "n_therapists",
    "note",
)
#: Observed scores of the clients alone that a latent model rests on.
SAME_CLIENTS = "same clients"


@dataclass(frozen=True)
class Sources:
    """What measurement models are made from.

    Attributes
    ----------
    scores : DataFrame
    items : DataFrame or None
        Of the same clients; None where the data have scale scores only.
    reliability : DataFrame or None
        ``tables/reliability.csv``.
    instruments : mapping
    """

    scores: pd.DataFrame
    items: pd.DataFrame | None
    reliability: pd.DataFrame | None
    instruments: Mapping[str, Instrument]

    @classmethod
    def of(
        cls,
        scores: pd.DataFrame,
        items: pd.DataFrame | None,
        reliability: pd.DataFrame | None,
        instruments: Mapping[str, Instrument],
    ) -> Sources:
        """Put the items in the order of the scores, clients without scores left out."""
        if items is not None:
            items = scores[["client"]].merge(items, on="client", how="left", validate="one_to_one")
        return cls(scores, items, reliability, instruments)


def measurement_row(
    model: MediationModel, engine_name: str, level: str, effect: str, **values: Any
) -> dict[str, Any]:
    """Return a row of ``measurement.csv``; what is not given is NaN or empty."""
    row: dict[str, Any] = dict.fromkeys(MEASUREMENT_COLUMNS, np.nan)
    row |= model.named()
    return row | {
        "measurement": model.measurement,
        "engine": engine_name,
        "level": level,
        "effect": effect,
        "interval": "",
        "note": "",
        **values,
    }


def withheld(
    model: MediationModel, engine_name: str, level: str, reason: object, **values: Any
) -> dict[str, Any]:
    """Return the row that says why a model's effects are not given."""
    return measurement_row(model, engine_name, level, "indirect", note=f"withheld: {reason}", **values)
