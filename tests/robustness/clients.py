"""Simulated clients with answers to items, from the package's own scenario."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from fortems.robustness.specifications_data import Clients
from fortems.study.instruments import load_instruments
from fortems.study.models import MediationModel
from fortems.study.scoring import score

MODEL = MediationModel("bond", ("bond",), ("meaning",), "distress")


@cache
def clients(missing: float = 0.02) -> Clients:
    """Draw 96 clients of 23 therapists whose answers depend on three factors; some answers are missing."""
    rng = np.random.default_rng(5)
    instruments = load_instruments()
    n = 96
    therapist = np.sort(np.concatenate([np.arange(23), rng.integers(0, 23, n - 23)]))
    alliance = rng.normal(size=n) + 0.4 * rng.normal(size=23)[therapist]
    meaning = 0.5 * alliance + rng.normal(size=n)
    distress = -0.6 * meaning + rng.normal(size=n)
    factors = {"wai": alliance, "mlq": meaning, "oq": distress}
    answers = {}
    for name, instrument in instruments.items():
        span = instrument.high - instrument.low
        for item, column in zip(instrument.items, instrument.columns(), strict=True):
            sign = -1 if item in instrument.reversed else 1
            latent = sign * factors[name] + rng.normal(size=n)
            cut = np.clip(np.round((latent / 6 + 0.5) * span), 0, span) + instrument.low
            answers[column] = np.where(rng.random(n) < missing, np.nan, cut)
    items = pd.DataFrame({"client": [f"c{i:03d}" for i in range(n)], **answers})
    scores = pd.DataFrame({"client": items["client"], "therapist": [f"t{t:02d}" for t in therapist]})
    scores["age"] = rng.integers(18, 70, n).astype(float)
    scores["gender"] = np.where(rng.random(n) < 0.6, "female", "male")
    scores["sessions"] = rng.integers(5, 30, n).astype(float)
    for instrument in instruments.values():
        scores = scores.join(score(items, instrument))
    return Clients.of(scores, items, instruments)
