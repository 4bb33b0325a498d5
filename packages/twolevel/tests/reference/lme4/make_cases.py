"""Draw the data sets and list the cases of this folder.

    python make_cases.py        # then: Rscript fit_lme4.R

Every data set has its own fixed seed. Data are rounded to three decimals; the rounded values are what is fitted.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent

# seed, clusters, smallest and largest cluster, SDs of intercept, slope of x, slope of t, their correlation, effect of w
RECIPES = {
    "moderate": (1, 60, 3, 12, 0.7, 0.4, 0.3, 0.4, 0.3),
    "small_clusters": (2, 90, 1, 5, 0.6, 0.5, 0.3, -0.3, 0.2),
    "no_slope_variance": (3, 40, 2, 8, 0.6, 0.0, 0.2, 0.0, 0.0),
    "large_clusters": (4, 20, 40, 80, 0.8, 0.3, 0.2, 0.6, 0.4),
    "paper_size": (5, 23, 1, 8, 0.3, 0.3, 0.0, 0.7, 0.0),
}

# name: (lme4 formula, text of this library)
MODELS = {
    "one_slope": (
        "y ~ x + (1 + x | cluster)",
        'level: 1\n  y ~ rv("s")*x\nlevel: 2\n  s ~~ y\n',
    ),
    "uncorrelated": (
        "y ~ x + (1 | cluster) + (0 + x | cluster)",
        'level: 1\n  y ~ rv("s")*x\nlevel: 2\n  y ~~ y\n  s ~~ s\n',
    ),
    "cross_level": (
        "y ~ x * w + (1 + x | cluster)",
        'level: 1\n  y ~ rv("s")*x\nlevel: 2\n  y ~ w\n  s ~ w\n  s ~~ y\n',
    ),
    "fixed_and_random": (
        "y ~ x + t + w + (1 + x | cluster)",
        'level: 1\n  y ~ rv("s")*x + t\nlevel: 2\n  y ~ w\n  s ~~ y\n',
    ),
    "two_slopes": (
        "y ~ x + t + (1 + x + t | cluster)",
        'level: 1\n  y ~ rv("s")*x + rv("r")*t\nlevel: 2\n  s ~~ r + y\n  r ~~ y\n',
    ),
    "two_slopes_moderated": (
        "y ~ x * w + t * w + (1 + x + t | cluster)",
        'level: 1\n  y ~ rv("s")*x + rv("r")*t\nlevel: 2\n  y ~ w\n  s ~ w\n  r ~ w\n  s ~~ r + y\n  r ~~ y\n',
    ),
}


def draw(recipe: tuple[float, ...]) -> pd.DataFrame:
    """x, t and y of level 1, w of level 2; every ninth y and every eleventh row's t is missing in the copies `_holes`."""
    seed, clusters, low, high, sd_u, sd_s, sd_r, r, effect = recipe
    rng = np.random.default_rng(int(seed))
    sizes = rng.integers(int(low), int(high) + 1, int(clusters))
    code = np.repeat(np.arange(len(sizes)), sizes)
    cov = (
        np.diag([sd_u, sd_s, sd_r])
        @ np.array([[1, r, 0.2], [r, 1, 0.1], [0.2, 0.1, 1]])
        @ np.diag([sd_u, sd_s, sd_r])
    )
    values, vectors = np.linalg.eigh(cov)
    u = rng.standard_normal((len(sizes), 3)) @ (vectors * np.sqrt(values.clip(min=0))).T
    w = rng.standard_normal(len(sizes))
    x = rng.standard_normal(len(code)) + 0.3 * w[code]
    t = rng.standard_normal(len(code)) + 0.5 * x
    y = 2 + effect * w[code] + u[code, 0] + (0.4 + u[code, 1] + effect * w[code]) * x + (u[code, 2] - 0.2) * t
    y = y + rng.standard_normal(len(code))
    frame = pd.DataFrame({"cluster": code + 1, "x": x, "t": t, "y": y, "w": w[code]})
    return frame.round(3)


def main() -> None:
    (HERE / "data").mkdir(exist_ok=True)
    for name, recipe in RECIPES.items():
        frame = draw(recipe)
        frame.to_csv(HERE / "data" / f"{name}.csv", index=False, lineterminator="\n")
        holes = frame.copy()
        holes.loc[holes.index % 9 == 4, "y"] = np.nan
        holes.loc[holes.index % 11 == 5, "t"] = np.nan
        if name == "moderate":
            holes.to_csv(HERE / "data" / "moderate_holes.csv", index=False, lineterminator="\n")
    with open(HERE / "cases.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "data", "formula", "text"])
        for data in [*RECIPES, "moderate_holes"]:
            for model, (formula, text) in MODELS.items():
                writer.writerow([f"{data}__{model}", data, formula, text.replace("\n", ";")])


if __name__ == "__main__":
    main()
