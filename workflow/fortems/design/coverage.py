"""Do the intervals of the indirect effect cover what they claim? Seven designs around the paper's, four effects.

The population is that of ``fortems.design.power``: SD 1, one ICC, between correlations as within, no direct path. At two
designs the clients' parts are also drawn as normal theory does not have them: the outcome's residual variance .3 + .7 m²,
that of both equations so, or slopes that vary between therapists (SD .2, correlation .7). The bootstrap intervals, there for
comparison at two designs,  resample therapists (``fortems.mediation``): each replicate is a reweighting of the therapists'
sufficient statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fortems.design.paths import Sample
from fortems.design.power import NAMES, both, by_cell, intervals, population
from fortems.design.proportions import jeffreys, mean_error, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.intervals import bca_interval, percentile_interval
from fortems.stats.normal import draw_normal
from fortems.stats.regression import Array

if TYPE_CHECKING:
    import pandas as pd

PART, RESAMPLED = "coverage", "bootstrap"
BLOCK, RESAMPLED_BLOCK = 250, 25
TOLERANCE = 1e-4  # of the replicates' gradients: moves no limit by more than a thousandth of its width
SLOPE_SD, SLOPE_CORRELATION = 0.2, 0.7
PAPER_SIZES = (12, 10, 8, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1)

#: a and b: an effect as in meta-analyses, and the three ways in which there is none.
EFFECTS: dict[str, tuple[float, float]] = {
    "effect": (0.30, -0.35),
    "a = b = 0": (0.0, 0.0),
    "b = 0": (0.30, 0.0),
    "a = 0": (0.0, -0.35),
}


#: How the clients' parts are drawn.
NORMAL, OUTCOME, BOTH, SLOPES = (
    *("normal", "residual variance of the outcome rises with the mediator"),
    *("residual variances of both equations rise", "slopes vary between therapists"),
)


@dataclass(frozen=True)
class Population:
    """Standardized slopes, and how the clients' parts are drawn."""

    a: float
    b: float
    kind: str = NORMAL


POPULATIONS: dict[str, Population] = {
    **{name: Population(a, b) for name, (a, b) in EFFECTS.items()},
    **{
        f"{name}; {kind}": Population(a, b, kind)
        for kind in (OUTCOME, BOTH, SLOPES)
        for name, (a, b) in EFFECTS.items()
    },
}


@dataclass(frozen=True)
class Design:
    """Clients of each therapist, and the ICC of all three variables."""

    name: str
    sizes: tuple[int, ...]
    icc: float


#: The paper's size at three ICCs, one therapist with half the clients, and about as many with 5, 10 and 100 therapists.
DESIGNS: tuple[Design, ...] = (
    Design("23 therapists, ICC 0", PAPER_SIZES, 0.0),
    Design("23 therapists, ICC .05", PAPER_SIZES, 0.05),
    Design("23 therapists, ICC .10", PAPER_SIZES, 0.10),
    Design("23 therapists, one with half the clients", (48, 4, 4, 4, *[2] * 17, 1, 1), 0.05),
    Design("5 therapists, ICC .05", (25, 22, 19, 17, 13), 0.05),
    Design("10 therapists, ICC .05", (16, 14, 12, 11, 10, 9, 8, 7, 5, 4), 0.05),
    Design("100 therapists, ICC .05", (5,) * 30 + (4,) * 40 + (3,) * 30, 0.05),
)


#: Designs with all populations; designs with bootstrap intervals, in normal populations.
DEEPER = ("23 therapists, ICC 0", "10 therapists, ICC .05")
RESAMPLED_AT = ("23 therapists, ICC .05", "10 therapists, ICC .05")


def _cells() -> dict[str, tuple[Design, str]]:
    return {
        f"{design.name}; {name}": (design, name)
        for design in DESIGNS
        for name, population_ in POPULATIONS.items()
        if population_.kind == NORMAL or design.name in DEEPER
    }


def draw(
    rng: np.random.Generator, studies: int, chosen: Population, design: Design
) -> tuple[Array, NDArray[np.int64]]:
    """Draw studies (S, N, 3) of predictor, mediator and outcome, with the therapist of each client."""
    a, b, icc = chosen.a, chosen.b, design.icc
    within, between = population(a, b, icc)
    if chosen.kind == NORMAL:
        return draw_normal(rng, studies, within, between, design.sizes)
    data, cluster = draw_normal(rng, studies, np.zeros((3, 3)), between, design.sizes)
    x, first, second = np.moveaxis(rng.standard_normal((studies, len(cluster), 3)), -1, 0)
    slope_a, slope_b = np.full_like(x, a), np.full_like(x, b)
    if chosen.kind == SLOPES:
        own, other = np.moveaxis(rng.standard_normal((studies, len(design.sizes), 2)), -1, 0)
        slope_a += SLOPE_SD * own[:, cluster]
        joint = SLOPE_CORRELATION * own + np.sqrt(1 - SLOPE_CORRELATION**2) * other
        slope_b += SLOPE_SD * joint[:, cluster]
    spread = np.sqrt(0.3 + 0.7 * x**2) if chosen.kind == BOTH else 1.0
    m = slope_a * x + np.sqrt(1 - a**2) * spread * first
    spread = np.sqrt(0.3 + 0.7 * m**2) if chosen.kind in (OUTCOME, BOTH) else 1.0
    y = slope_b * m + np.sqrt(1 - b**2) * spread * second
    return data + np.sqrt(1 - icc) * np.stack([x, m, y], axis=-1), cluster


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all designs and populations, with and without bootstrap."""
    asked = settings.design.get("coverage")
    if not asked:
        return []
    found: list[Task] = []
    for cell, (design, name) in _cells().items():
        therapists = len(design.sizes)
        found += blocks(PART, cell, asked["studies"], BLOCK, 0.0015 + 5e-5 * therapists)
        if design.name not in RESAMPLED_AT or POPULATIONS[name].kind != NORMAL:
            continue
        resampling = 3.5e-5 * (asked["replicates"] + therapists) + 0.001
        found += blocks(RESAMPLED, cell, asked["bootstrap_studies"], RESAMPLED_BLOCK, resampling, bundle=5)
    return found


class _Runner:
    def __init__(self, settings: Settings):
        self.settings = settings
        self.cells = _cells()

    def __call__(self, task: Task) -> Iterator[Row]:
        design, name = self.cells[task.cell]
        rng = stream(self.settings.seed, task.part, task.cell, task.block)
        chosen = POPULATIONS[name]
        truth = chosen.a * chosen.b
        data, cluster = draw(rng, task.studies, chosen, design)
        if task.part == RESAMPLED:
            replicates = self.settings.design["coverage"]["replicates"]
            found = bootstrap_intervals(data, cluster, replicates, rng, self.settings.confidence)
            for (estimand, interval), (low, high) in found.items():
                for measure, value in _sums(low, high, truth).items():
                    yield estimand, interval, measure, value
            return
        for estimand, paths in both(Sample.of(data, NAMES, cluster)).items():
            yield estimand, "", "boundary", float(paths.boundary.sum())
            for interval, (low, high) in intervals(paths, self.settings.confidence).items():
                for measure, value in _sums(low, high, truth).items():
                    yield estimand, interval, measure, value


def runner(settings: Settings) -> _Runner:
    """Return what runs a block of either part."""
    return _Runner(settings)


def _sums(low: Array, high: Array, truth: float) -> dict[str, float]:
    """Sums over the studies that have an interval."""
    known = ~np.isnan(low)
    low, high, all_studies = low[known], high[known], len(low)
    width = high - low
    return {
        "studies": float(all_studies),
        "intervals": float(len(low)),
        "covers": float(((low <= truth) & (truth <= high)).sum()),
        "missed_below": float((truth < low).sum()),
        "missed_above": float((truth > high).sum()),
        "excludes_zero": float(((low > 0) | (high < 0)).sum()),
        "width": float(width.sum()),
        "width_squares": float((width**2).sum()),
    }


def bootstrap_intervals(
    data: Array, cluster: NDArray[np.int64], replicates: int, rng: np.random.Generator, confidence: float
) -> dict[tuple[str, str], tuple[Array, Array]]:
    """Percentile and BCa intervals of the indirect effect of studies (S, N, 3), therapists resampled.

    Returns
    -------
    dict of (estimand, interval) to (low, high), each (S,)
    """
    from twolevel import batch

    clusters = int(cluster.max()) + 1
    leave_out = 1.0 - np.eye(clusters)
    whole = np.ones((1, clusters))
    model = batch.PathModel.mediation("x", ["m"], "y")
    sample = Sample.of(data, NAMES, cluster)
    unit = sample.unit[:, 2] / sample.unit[:, 0]
    ends = {
        (e, i): np.full((2, len(data)), np.nan) for e in ("within", "single") for i in ("percentile", "bca")
    }
    for s, study in enumerate(data):
        drawn = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=replicates).astype(float)
        weights = np.concatenate([whole, drawn, leave_out])
        moments = batch.weighted_moments(study, cluster, weights)
        first = batch.fit(model, moments.take(slice(0, 1)), vcov=False)
        rest = batch.fit(model, moments.take(slice(1, None)), start=first, vcov=False, tolerance=TOLERANCE)
        values = {
            "within": np.concatenate([f.path("m", "x") * f.path("y", "m") for f in (first, rest)]),
            "single": _least_squares(sample.products[s], weights) * unit[s],
        }
        for estimand, value in values.items():
            estimate, replicate, jackknife = value[0], value[1 : replicates + 1], value[replicates + 1 :]
            if np.isnan(estimate):
                continue
            for name, interval in (
                ("percentile", percentile_interval(replicate, confidence)),
                ("bca", bca_interval(estimate, replicate, jackknife, confidence)),
            ):
                ends[estimand, name][:, s] = interval.low[0], interval.high[0]
    return {key: (low, high) for key, (low, high) in ends.items()}


def _least_squares(products: Array, weights: Array) -> Array:
    """a·b of every replicate (R,) from a study's cross-products (J, 4, 4) and weights (R, J), in SD units."""
    total = (weights @ products.reshape(len(products), -1)).reshape(-1, 4, 4)
    n, sums = total[:, 0, 0], total[:, 0, 1:]
    s = total[:, 1:, 1:] - sums[:, :, None] * sums[:, None, :] / n[:, None, None]
    xx, xm, mm, xy, my = s[:, 0, 0], s[:, 0, 1], s[:, 1, 1], s[:, 0, 2], s[:, 1, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = xm / xx * (my * xx - xy * xm) / (mm * xx - xm**2)
    return np.where(np.isfinite(value), value, np.nan)


COLUMNS = (
    *("design", "therapists", "n", "icc", "population", "a", "b", "estimand", "interval", "studies"),
    *("coverage", "ci_low", "ci_high", "missed_below", "missed_above", "width", "width_se"),
    *("excludes_zero", "excludes_zero_low", "excludes_zero_high", "boundary", "no_interval"),
)


def table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Coverage, width and share of intervals without 0, per design, population, estimand and interval.

    Returns
    -------
    DataFrame
        ``COLUMNS``. ``excludes_zero`` is the power where a and b differ from 0, the false-positive rate elsewhere.
        Shares are of the studies that have an interval; ``no_interval`` is the share that has none. ``boundary`` is the
        share of two-level solutions at the boundary. Proportions carry Jeffreys intervals.
    """
    import pandas as pd

    simple, resampled = by_cell(sums, PART), by_cell(sums, RESAMPLED)
    rows = []
    for cell, (design, name) in _cells().items():
        found = simple.get(cell, {}) | {k: v for k, v in resampled.get(cell, {}).items() if k[1]}
        order = {"robust": 0, "delta": 1, "montecarlo": 2, "percentile": 3, "bca": 4}
        for (estimand, interval), s in sorted(found.items(), key=lambda f: (f[0][0], order.get(f[0][1], 9))):
            if not interval:
                continue
            a, b = POPULATIONS[name].a, POPULATIONS[name].b
            low, high = jeffreys(s["covers"], s["intervals"], settings.confidence)
            zero_low, zero_high = jeffreys(s["excludes_zero"], s["intervals"], settings.confidence)
            boundary = simple.get(cell, {}).get((estimand, ""), {}).get("boundary", np.nan)
            studies = settings.design["coverage"]["studies"]
            rows.append(
                {
                    **{"design": design.name, "therapists": len(design.sizes), "n": sum(design.sizes)},
                    **{"icc": design.icc, "population": name, "a": a, "b": b, "estimand": estimand},
                    **{"interval": interval, "studies": int(s["studies"])},
                    **{"coverage": share(s["covers"], s["intervals"]), "ci_low": low, "ci_high": high},
                    **{k: share(s[k], s["intervals"]) for k in ("missed_below", "missed_above", "width")},
                    **{"width_se": mean_error(s["width"], s["width_squares"], s["intervals"])},
                    **{"excludes_zero": share(s["excludes_zero"], s["intervals"])},
                    **{"excludes_zero_low": zero_low, "excludes_zero_high": zero_high},
                    **{
                        "boundary": boundary / studies,
                        "no_interval": 1 - share(s["intervals"], s["studies"]),
                    },
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)
