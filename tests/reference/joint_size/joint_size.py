"""Size of the joint test in simulated single-level studies in which there is no indirect effect.

    python tests/reference/joint_size/joint_size.py            # writes joint_size.csv and joint_size.svg beside itself

Each study has 96 clients of 23 therapists, as many each as in the shipped scenario; predictor, mediator and outcome each with 5 %
of their variance between therapists, two covariates, a second score of the mediator (correlated .9 with the first) and a number of
sessions. Specifications: covariates (none, one, both) x mediator's score (2) x inclusion (all, more sessions): 12, at the single level.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from fortems.mediation.columns import build
from fortems.robustness.joint import COMPOSITE, MEDIAN, resample, tests
from fortems.seeds import stream
from fortems.stats.clusters import batch_weights
from fortems.study.models import MediationModel
from fortems.tidy import write_csv

HERE = Path(__file__).parent
STUDIES, RESAMPLES, SEED = 500, 500, 20210610
#: Null → slopes a and b, all variables in SDs.
NULLS = {"a = 0": (0.0, -0.35), "b = 0": (0.30, 0.0), "a = b = 0": (0.0, 0.0)}
LEVELS = (0.01, 0.05, 0.10, 0.20, 0.50)
SIZES = np.array([4, 4, 4, 4, 4, 4, 4, 4, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 7])
ICC, DIRECT = 0.05, -0.10


def study(a: float, b: float, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one study."""
    therapist = np.repeat(np.arange(len(SIZES)), SIZES)
    n = len(therapist)

    def noise(variance: float = 1.0) -> np.ndarray:
        between = rng.normal(size=len(SIZES))[therapist] * np.sqrt(ICC)
        return np.sqrt(variance) * (between + rng.normal(size=n) * np.sqrt(1 - ICC))

    one, two, sessions = rng.normal(size=n), rng.normal(size=n), rng.poisson(12, size=n)
    x = 0.2 * one + noise(0.96)
    m = a * x + 0.1 * two + noise(0.99 - a * a)
    y = b * m + DIRECT * x + noise()
    second = 0.9 * m + np.sqrt(0.19) * rng.normal(size=n)
    columns = {"therapist": [f"t{t:02d}" for t in therapist], "x": x, "m": m, "second": second, "y": y}
    return pd.DataFrame({**columns, "one": one, "two": two, "sessions": sessions})


def p_values(a: float, b: float, rng: np.random.Generator, resamples: int) -> dict[str, float]:
    """Return null → p of the joint test of one study."""
    frame = study(a, b, rng)
    weights = batch_weights(len(SIZES), resamples, rng)
    therapists = np.unique(frame["therapist"].to_numpy(str))
    found = []
    for covariates, mediator, fewest in product(((), ("one",), ("one", "two")), ("m", "second"), (0, 9)):
        part = frame[frame["sessions"] >= fewest].reset_index(drop=True)
        system = build(MediationModel("joint", ("x",), (mediator,), "y", covariates=covariates), part)
        present = np.isin(therapists, np.unique(system.cluster))
        found.append(resample(system, "single", weights[:, present]))
    return {row["null"]: row["p"] for row in tests(found) if row["statistic"] == MEDIAN}


def simulate(null: str, studies: range, resamples: int = RESAMPLES) -> np.ndarray:
    """Return p (S,) of the composite null in studies of one null."""
    a, b = NULLS[null]
    return np.array(
        [p_values(a, b, stream(SEED, "joint size", null, s), resamples)[COMPOSITE] for s in studies]
    )


def main() -> None:
    """Simulate, tabulate and draw."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows, drawn = [], {}
    for null in NULLS:
        p = simulate(null, range(STUDIES))
        drawn[null] = np.sort(p)
        for level in LEVELS:
            share = float((p <= level).mean())
            error = float(np.sqrt(level * (1 - level) / STUDIES))
            rows.append((null, STUDIES, RESAMPLES, level, share, error))
    columns = ["null", "studies", "resamples", "level", "rejected", "standard_error"]
    write_csv(pd.DataFrame(rows, columns=columns), HERE / "joint_size.csv")
    plt.rcParams.update({"svg.hashsalt": "joint", "font.size": 8})
    figure, axes = plt.subplots(figsize=(3.6, 3.4))
    level = np.linspace(0, 1, 201)
    band = 2 * np.sqrt(level * (1 - level) / STUDIES)
    axes.fill_between(level, level - band, level + band, color="0.85", label="nominal ± 2 SE")
    for (null, p), style in zip(drawn.items(), ("-", "--", ":"), strict=True):
        axes.step(p, np.arange(1, len(p) + 1) / len(p), style, where="post", color="black", label=null)
    axes.set(xlim=(0, 0.3), ylim=(0, 0.33), xlabel="nominal level", ylabel="share of studies rejected")
    axes.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(HERE / "joint_size.svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
