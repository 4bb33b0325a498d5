"""Do the intervals cover what they claim? Seven designs around the paper's, four effects, five kinds of populations.

The primary interval of each path, of the indirect effect and of the correlations, and the others of the indirect effect,
in the populations of ``fortems.design.populations``. The bootstrap intervals, there for comparison at two designs, resample
therapists (``fortems.mediation``): each replicate is a reweighting of the therapists' sufficient statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.design.paths import Paths, Sample
from fortems.design.populations import (
    NORMAL,
    ORDINAL,
    PAIRS,
    POPULATIONS,
    Design,
    Population,
    cells,
    draw,
    truths,
)
from fortems.design.power import NAMES, both, by_cell, intervals
from fortems.design.proportions import jeffreys, mean_error, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints
from fortems.stats.clusters import batch_weights
from fortems.stats.intervals import bca_interval, percentile_interval
from fortems.stats.jackknife import jackknife_correlation

PART, RESAMPLED = "coverage", "bootstrap"
BLOCK, RESAMPLED_BLOCK = 250, 25
TOLERANCE = 1e-4  # of the replicates' gradients: moves no limit by more than a thousandth of its width
#: Designs with bootstrap intervals, in normal populations.
RESAMPLED_AT = ("23 therapists, ICC .05", "10 therapists, ICC .05")


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all designs and populations, with and without bootstrap."""
    asked = settings.design.get("coverage")
    if not asked:
        return []
    found: list[Task] = []
    for cell, (design, name) in cells().items():
        therapists = len(design.sizes)
        found += blocks(PART, cell, asked["studies"], BLOCK, 0.0015 + 5e-5 * therapists)
        if design.name not in RESAMPLED_AT or POPULATIONS[name].kind != NORMAL:
            continue
        resampling = 3.5e-5 * (asked["replicates"] + therapists) + 0.001
        found += blocks(RESAMPLED, cell, asked["bootstrap_studies"], RESAMPLED_BLOCK, resampling, bundle=5)
    return found


class Runner:
    """Runs a block of either part."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.cells = cells()

    def __call__(self, task: Task) -> Iterator[Row]:
        design, name = self.cells[task.cell]
        rng = stream(self.settings.seed, task.part, task.cell, task.block)
        chosen = POPULATIONS[name]
        truth = _indirect(chosen, design.icc)
        data, cluster = draw(rng, task.studies, chosen, design)
        if task.part == RESAMPLED:
            replicates = self.settings.design["coverage"]["replicates"]
            found = bootstrap_intervals(data, cluster, replicates, rng, self.settings.confidence)
            for (estimand, interval), (low, high) in found.items():
                for measure, value in _sums(low, high, truth[estimand]).items():
                    yield estimand, interval, measure, value
            return
        sample, aimed = Sample.of(data, NAMES, cluster), truths(chosen, design.icc)
        for estimand, paths in both(sample).items():
            yield estimand, "", "boundary", float(paths.boundary.sum())
            for interval, (low, high) in _of_product(estimand, paths, self.settings.confidence).items():
                for measure, value in _sums(low, high, truth[estimand]).items():
                    yield estimand, interval, measure, value
            for effect in ("a", "b", "direct"):
                ends = paths.of_path(effect, confidence=self.settings.confidence)
                for measure, value in _sums(ends.low, ends.high, aimed[estimand][effect]).items():
                    yield estimand, effect, measure, value
        for name, pair in PAIRS.items():
            tested = jackknife_correlation(
                sample.products, 1 + pair[0], 1 + pair[1], self.settings.confidence
            )
            for measure, value in _sums(tested["low"], tested["high"], aimed["single"][name]).items():
                yield "single", name, measure, value


def _indirect(chosen: Population, icc: float) -> dict[str, float]:
    """The indirect effect per estimand: the product of the slopes, of ordinal scores that of their own slopes."""
    if chosen.kind == ORDINAL:
        return {estimand: found["indirect"] for estimand, found in truths(chosen, icc).items()}
    return dict.fromkeys(("within", "single"), chosen.a * chosen.b)


def _of_product(estimand: str, paths: Paths, confidence: float) -> dict[str, tuple[Array, Array]]:
    """Ends (S,) of the intervals of the indirect effect that need no resampling; CR2's is least squares', ``single``."""
    found = intervals(paths, confidence)
    if estimand == "single":
        cr2 = paths.own_errors(0, confidence)
        found["cr2"] = cr2.low, cr2.high
    return found


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
    data: Array, cluster: Ints, replicates: int, rng: np.random.Generator, confidence: float
) -> dict[tuple[str, str], tuple[Array, Array]]:
    """Percentile and BCa intervals of the indirect effect of studies (S, N, 3), therapists resampled.

    Returns
    -------
    dict of (estimand, interval) to (low, high), each (S,)
    """
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
        drawn = batch_weights(clusters, replicates, rng)
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
    simple, resampled = by_cell(sums, PART), by_cell(sums, RESAMPLED)
    rows = []
    for cell, (design, name) in cells().items():
        found = simple.get(cell, {}) | {k: v for k, v in resampled.get(cell, {}).items() if k[1]}
        order = {"robust": 0, "delta": 1, "montecarlo": 2, "cr2": 3, "percentile": 4, "bca": 5}
        for (estimand, interval), s in sorted(found.items(), key=lambda f: (f[0][0], order.get(f[0][1], 9))):
            if interval not in order:
                continue
            a, b = POPULATIONS[name].a, POPULATIONS[name].b
            boundary = simple.get(cell, {}).get((estimand, ""), {}).get("boundary", np.nan)
            rows.append(
                _covered(design, name, s, settings.confidence)
                | {"a": a, "b": b, "estimand": estimand, "interval": interval}
                | {"boundary": boundary / settings.design["coverage"]["studies"]}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _covered(design: Design, population: str, s: Mapping[str, float], confidence: float) -> dict[str, Any]:
    """What both tables tell of an interval: where it was tried, and how often it covers, misses and leaves out 0."""
    n = s["intervals"]
    low, high = jeffreys(s["covers"], n, confidence)
    zero_low, zero_high = jeffreys(s["excludes_zero"], n, confidence)
    return {
        **{"design": design.name, "therapists": len(design.sizes), "n": sum(design.sizes), "icc": design.icc},
        **{"population": population, "studies": int(s["studies"])},
        **{"coverage": share(s["covers"], n), "ci_low": low, "ci_high": high},
        **{k: share(s[k], n) for k in ("missed_below", "missed_above", "width", "excludes_zero")},
        **{"width_se": mean_error(s["width"], s["width_squares"], n), "excludes_zero_low": zero_low},
        **{"excludes_zero_high": zero_high, "no_interval": 1 - share(n, s["studies"])},
    }


PATH_COLUMNS = (
    *("design", "therapists", "n", "icc", "population", "estimand", "effect", "truth", "studies", "coverage"),
    *("ci_low", "ci_high", "missed_below", "missed_above", "width", "width_se", "excludes_zero"),
    *("excludes_zero_low", "excludes_zero_high", "no_interval"),
)


def paths_table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The same of the primary intervals of each path, and of the total correlations (``single``).

    Returns
    -------
    DataFrame
        ``PATH_COLUMNS``; ``truth`` is what the interval should cover, in SDs (raw units of the scores where these are
        ordinal), correlations as such. ``excludes_zero`` is the false-positive rate where it is 0.
    """
    simple = by_cell(sums, PART)
    rows = []
    for cell, (design, name) in cells().items():
        aimed = truths(POPULATIONS[name], design.icc)
        for estimand, of in aimed.items():
            for effect, truth in of.items():
                s = simple.get(cell, {}).get((estimand, effect))
                if s is None:
                    continue
                rows.append(
                    _covered(design, name, s, settings.confidence)
                    | {"estimand": estimand, "effect": effect, "truth": truth}
                )
    return pd.DataFrame(rows, columns=PATH_COLUMNS)
