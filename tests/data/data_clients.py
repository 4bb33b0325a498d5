"""Made-up clients for the door's tests."""

import numpy as np
import pandas as pd

RULES = {"sessions": {"min": 5}}


def draw_clients(instruments, n=60, therapists=12, seed=1):
    """Answers with one common cause, so that no item runs against its scale; whole numbers, none missing."""
    rng = np.random.default_rng(seed)
    cause = rng.normal(size=n)
    columns = {
        "client": [f"c{number:03d}" for number in range(1, n + 1)],
        "therapist": [f"th{number % therapists:02d}" for number in range(n)],
        "age": rng.integers(18, 70, n),
        "gender": rng.choice(["female", "male"], n),
        "sessions": rng.integers(5, 25, n),
    }
    for name, instrument in instruments.items():
        direction = -1 if name == "oq" else 1
        for item, column in zip(instrument.items, instrument.columns(), strict=True):
            sign = -1 if item in instrument.reversed else 1
            middle, spread = (instrument.low + instrument.high) / 2, (instrument.high - instrument.low) / 4
            answer = middle + spread * (sign * direction * cause + rng.normal(size=n)) / 1.4
            columns[column] = np.clip(np.round(answer), instrument.low, instrument.high).astype(int)
    return pd.DataFrame(columns)
