"""Clients with columns x, m and y, and a therapist's trait w, of a population with therapist effects: `clients.csv`."""

import numpy as np
import pandas as pd

rng = np.random.default_rng(11)
sizes = rng.integers(4, 11, 50)
therapist = np.repeat(np.arange(50), sizes)
between, within = rng.normal(size=(50, 4)) * 0.7, rng.normal(size=(len(therapist), 3))
w = between[:, 3]
bx, bm = between[:, 0], 0.4 * between[:, 0] + 0.5 * w + 0.6 * between[:, 1]
by = 0.3 * bm + 0.2 * w + 0.6 * between[:, 2]
x = bx[therapist] + within[:, 0]
m = bm[therapist] + 0.4 * within[:, 0] + 0.9 * within[:, 1]
y = by[therapist] - 0.4 * (0.4 * within[:, 0] + 0.9 * within[:, 1]) - 0.15 * within[:, 0] + 0.8 * within[:, 2]
frame = pd.DataFrame(
    {"client": [f"c{i:03d}" for i in range(len(x))], "therapist": [f"t{j:02d}" for j in therapist]}
)
for name, values in {"x": x, "m": m, "y": y, "w": w[therapist]}.items():
    frame[name] = (10 + 3 * values).round(3)
frame.to_csv("clients.csv", index=False)
