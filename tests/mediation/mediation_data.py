"""Made-up studies for the tests of mediation: population known, no scale in mind."""

import numpy as np
import pandas as pd


def study(
    n=96,
    therapists=23,
    seed=1,
    icc=0.05,
    a=0.4,
    b=-0.4,
    direct=-0.1,
    missing=0.0,
    within_a=None,
    between_a=None,
):
    """Scores of one study: alliance → meaning → distress with slopes a, b, direct in SD units of alliance and meaning.

    ``within_a`` and ``between_a`` let the first path differ by level.
    """
    rng = np.random.default_rng(seed)
    cluster = np.sort(np.concatenate([np.arange(therapists), rng.integers(0, therapists, n - therapists)]))
    u = rng.normal(size=(therapists, 3)) * np.sqrt(icc)
    e = rng.normal(size=(n, 3)) * np.sqrt(1 - icc)
    a_w = a if within_a is None else within_a
    a_b = a if between_a is None else between_a
    x = u[cluster, 0] + e[:, 0]
    m = a_b * u[cluster, 0] + u[cluster, 1] + a_w * e[:, 0] + e[:, 1]
    y = b * m + direct * x + u[cluster, 2] + e[:, 2]
    noise = rng.normal(size=(n, 9))
    frame = pd.DataFrame(
        {
            "client": [f"c{i:04d}" for i in range(n)],
            "therapist": [f"t{j:03d}" for j in cluster],
            "age": np.round(38 + 12 * rng.normal(size=n)),
            "gender": rng.choice(["female", "male", "other"], n, p=[0.6, 0.3, 0.1]),
            "sessions": 5 + rng.poisson(8, n),
            "bond": 16 + 2 * (0.8 * x + 0.6 * noise[:, 0]),
            "task": 15 + 2 * (0.8 * x + 0.6 * noise[:, 1]),
            "goal": 15 + 2 * (0.8 * x + 0.6 * noise[:, 2]),
            "alliance": 46 + 6 * x,
            "meaning": 21 + 6 * m,
            "search": 23 + 6 * (-0.3 * m + noise[:, 3]),
            "symptom_distress": 40 + 14 * (0.9 * y + 0.4 * noise[:, 4]),
            "interpersonal_relations": 15 + 5 * (0.7 * y + 0.7 * noise[:, 5]),
            "social_role": 12 + 4 * (0.7 * y + 0.7 * noise[:, 6]),
            "distress": 67 + 20 * y,
        }
    )
    if missing:
        for name in ("alliance", "meaning", "distress"):
            frame.loc[rng.random(n) < missing, name] = np.nan
    return frame
