"""Type I error and coverage of two-level mediation at the paper's size, by intraclass correlation.

    python packages/twolevel/benchmarks/operating_characteristics.py            # print the table
    python packages/twolevel/benchmarks/operating_characteristics.py --write    # and store it in packages/twolevel/benchmarks/operating_characteristics.md

x, m, y have total variances 1 and the same intraclass correlation; the between level has the paths of the within level
("same") or none; 96 clients of 23 therapists. All studies of a condition are fitted in one batch.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from engine import SIZES
from twolevel import batch

STUDIES = 2000
DRAWS = 2000
ICCS = (0.0, 0.05, 0.10)
CRITICAL = {"z": 1.959963984540054, "t": 2.0738730679040147}  # t: 22 degrees of freedom, therapists - 1
TABLE = Path(__file__).with_suffix(".md")

# a, b, c' within: everything there is, no direct effect, no first path; and whether the between level has them too.
WORLDS = (
    ((0.30, -0.35, -0.20), "same"),
    ((0.30, -0.35, -0.20), "none"),
    ((0.30, -0.35, 0.0), "same"),
    ((0.0, -0.35, -0.20), "same"),
)
PATHS = {"a": ("m", "x"), "b": ("y", "m"), "c'": ("y", "x")}


def draw(
    rng: np.random.Generator, studies: int, icc: float, paths: tuple[float, float, float], between: str
) -> np.ndarray:
    """(studies, clients, 3): x, m, y."""
    a, b, c = paths
    xy = c + a * b
    root = np.linalg.cholesky(np.array([[1, a, xy], [a, 1, b + a * c], [xy, b + a * c, 1]]))
    cluster = np.repeat(np.arange(len(SIZES)), SIZES)
    common = rng.standard_normal((studies, len(SIZES), 3)) @ (root.T if between == "same" else np.eye(3))
    own = rng.standard_normal((studies, len(cluster), 3)) @ root.T
    return np.sqrt(icc) * common[:, cluster] + np.sqrt(1 - icc) * own


def likelihood_ratio_p(data: np.ndarray, cluster: np.ndarray, path: str, value: float) -> np.ndarray:
    """p of the likelihood-ratio test that a path equals `value`, per study (NaN without maximum).

    Taking `value` times the regressor from the dependent variable shifts the path and leaves the rest of the model
    as it is, so that the test is that of a path of zero.
    """
    model = batch.PathModel.saturated(["x", "m", "y"])
    dependent, regressor = (model.index(name) for name in PATHS[path])
    shifted = data.copy()
    shifted[:, :, dependent] -= value * data[:, :, regressor]
    return batch.likelihood_ratio(model, batch.study_moments(shifted, cluster), PATHS[path]).p


def product_covers(fits: batch.BatchFit, truth: float, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Whether Monte Carlo intervals of a b cover, from normal and from t draws of (a, b)."""
    pairs = fits.model.paths
    at = [pairs.index((1, 0)), pairs.index((2, 1))]
    assert fits.vcov is not None
    covariance = fits.vcov[:, at][:, :, at]
    estimate = np.stack([fits.path("m", "x"), fits.path("y", "m")], axis=1)
    normal = rng.standard_normal((len(estimate), DRAWS, 2)) @ np.linalg.cholesky(covariance).transpose(
        0, 2, 1
    )
    chi2 = rng.chisquare(len(SIZES) - 1, (len(estimate), DRAWS, 1)) / (len(SIZES) - 1)
    found = {}
    for name, deviation in (("z", normal), ("t", normal / np.sqrt(chi2))):
        product = (estimate[:, None] + deviation).prod(axis=2)
        low, high = np.quantile(product, [0.025, 0.975], axis=1)
        found[name] = (low <= truth) & (truth <= high)
    return found


def rates(studies: int = STUDIES) -> Iterator[dict[str, object]]:
    """Rows of the table: share of studies, of those with a maximum, in which a 95 % interval covers."""
    cluster = np.repeat(np.arange(len(SIZES)), SIZES)
    model = batch.PathModel.saturated(["x", "m", "y"])
    for icc in ICCS:
        for number, (paths, between) in enumerate(WORLDS):
            rng = np.random.default_rng([int(100 * icc), number])
            data = draw(rng, studies, icc, paths, between)
            fits = batch.fit(model, batch.study_moments(data, cluster))
            shared = {
                "ICC": icc,
                "between": between,
                "direct": paths[2],
                "first": paths[0],
                "failed": fits.failed,
                "boundary": float(fits.boundary.mean()),
            }
            for path, value in zip(PATHS, paths, strict=True):
                error = (fits.path(*PATHS[path]) - value) / fits.se(*PATHS[path])
                p = likelihood_ratio_p(data, cluster, path, value)
                yield shared | {
                    "effect": path,
                    "value": value,
                    "z": float((np.abs(error[fits.converged]) <= CRITICAL["z"]).mean()),
                    "t": float((np.abs(error[fits.converged]) <= CRITICAL["t"]).mean()),
                    "likelihood ratio": float((p[np.isfinite(p)] >= 0.05).mean()),
                }
            truth = paths[0] * paths[1] + 0.0  # no negative zero
            covers = product_covers(fits, truth, rng)
            yield shared | {
                "effect": "a b",
                "value": truth,
                **{name: float(hit[fits.converged].mean()) for name, hit in covers.items()},
                "likelihood ratio": np.nan,
            }


def report(frame: pd.DataFrame, studies: int = STUDIES) -> str:
    """Both tables as Markdown."""
    ways = ["z", "t", "likelihood ratio"]
    null = frame["value"] == 0
    everything = (frame["direct"] != 0) & (frame["first"] != 0)
    error = float(np.sqrt(0.05 * 0.95 / studies))

    def table(rows: pd.DataFrame) -> str:
        names = [
            "ICC",
            "effect",
            "value",
            "at the boundary",
            "without maximum",
            "z",
            "t(22)",
            "likelihood ratio",
        ]
        lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
        for row in rows.to_dict("records"):
            cells = [f"{row['ICC']:.2f}", row["effect"], f"{row['value']:.3f}", f"{row['boundary']:.3f}"]
            cells += [str(row["failed"]), *("" if np.isnan(row[w]) else f"{row[w]:.3f}" for w in ways)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)

    return (
        "\n\n".join(
            [
                "# Type I error and coverage at the paper's size",
                f"Written by `python packages/twolevel/benchmarks/operating_characteristics.py --write`: {studies:,} simulated studies per row "
                f"(Monte Carlo error {error:.4f} at .05), 96 clients of 23 therapists, S_B bounded to be positive semi-definite.",
                "z and t: estimate over its standard error (observed information, on the active face at the boundary); for "
                "a b the Monte Carlo interval from normal and from t-scaled draws of (a, b). Likelihood ratio: the profile "
                "likelihood at the true value.",
                "## Coverage of 95 % intervals, the same paths between",
                table(frame[everything & (frame["between"] == "same")]),
                "## Coverage of 95 % intervals, no association between",
                "At the boundary the within estimates borrow from the between level, which differs here.",
                table(frame[everything & (frame["between"] == "none")]),
                "## Type I error at .05",
                "Of a b where a = 0: how often its interval leaves out zero.",
                table(frame[null].assign(**{w: 1 - frame[w] for w in ways})),
            ]
        )
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.name}")
    options = parser.parse_args()
    text = report(pd.DataFrame(rates()))
    print(text)
    if options.write:
        TABLE.write_text(text)


if __name__ == "__main__":
    main()
