"""Power and precision of the indirect effect over designs: therapists, clients per therapist, effect, ICC.

The population: predictor, mediator and outcome have SD 1 over all clients and the same ICC; the correlations between
therapists equal those within, so that both estimands have the same standardized paths a = √|ab| and b = -√|ab|, and
no direct path. Every therapist has the same number of clients.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from fortems.design.paths import Paths, Sample, single_paths, within_paths
from fortems.design.proportions import jeffreys, mean_error, share
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.normal import draw_normal
from fortems.study.estimands import PRIMARY_INTERVAL

PART = "power"
BLOCK = 250
NAMES = ("x", "m", "y")
TARGETS = (0.80, 0.90)
INTERVAL_NAMES = {PRIMARY_INTERVAL: "cluster-jackknife", "montecarlo": "Monte Carlo", "delta": "delta"}


@dataclass(frozen=True)
class Cell:
    """A design and a population.

    Attributes
    ----------
    therapists, clients : int
        Therapists, and clients of each.
    indirect : float
        Size of the standardized indirect effect, a·b = -indirect.
    icc : float
        Of all three variables.
    """

    therapists: int
    clients: int
    indirect: float
    icc: float

    @property
    def name(self) -> str:
        """The cell's name among the tasks."""
        return f"{self.therapists}x{self.clients} ab={self.indirect:g} icc={self.icc:g}"


def cells(settings: Settings) -> list[Cell]:
    """The grid of the configuration."""
    asked = settings.design.get("power")
    if not asked:
        return []
    return [
        Cell(*values)
        for values in product(*(asked[key] for key in ("therapists", "clients", "indirect", "icc")))
    ]


def tasks(settings: Settings) -> list[Task]:
    """Blocks of all cells."""
    found: list[Task] = []
    for cell in cells(settings):
        cost = 0.0012 + 5e-5 * cell.therapists
        found += blocks(PART, cell.name, settings.design["power"]["studies"], BLOCK, cost)
    return found


def population(a: float, b: float, icc: float) -> tuple[Array, Array]:
    """Within and between covariance matrices of x, m, y with SD 1 over all clients, m = a x, y = b m (no direct)."""
    correlation = np.array([[1.0, a, a * b], [a, 1.0, b], [a * b, b, 1.0]])
    return (1 - icc) * correlation, icc * correlation


class Runner:
    """Runs a block."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.cells = {cell.name: cell for cell in cells(settings)}

    def __call__(self, task: Task) -> Iterator[Row]:
        cell = self.cells[task.cell]
        rng = stream(self.settings.seed, PART, task.cell, task.block)
        a = math.sqrt(cell.indirect)
        within, between = population(a, -a, cell.icc)
        data, cluster = draw_normal(rng, task.studies, within, between, [cell.clients] * cell.therapists)
        for estimand, paths in both(Sample.of(data, NAMES, cluster)).items():
            yield estimand, "", "boundary", float(paths.boundary.sum())
            for interval, (low, high) in intervals(paths, self.settings.confidence).items():
                for measure, value in _sums(paths.indirect[:, 0], low, high, -cell.indirect).items():
                    yield estimand, interval, measure, value


def both(sample: Sample) -> dict[str, Paths]:
    """Paths of x, m, y at both estimands."""
    return {
        "within": within_paths(sample, ("x",), "m", "y"),
        "single": single_paths(sample, ("x",), "m", "y"),
    }


def intervals(paths: Paths, confidence: float) -> dict[str, tuple[Array, Array]]:
    """Ends of the primary, the delta and the Monte Carlo interval of the indirect effect."""
    primary = paths.primary(0, confidence)
    low, high, _ = paths.monte_carlo(0, confidence)
    found = {PRIMARY_INTERVAL: (primary.low, primary.high)}
    return found | {"delta": paths.delta(0, confidence), "montecarlo": (low, high)}


def _sums(estimate: Array, low: Array, high: Array, truth: float) -> dict[str, float]:
    """Sums over the studies of a block; a study without an interval counts as not significant."""
    known = ~np.isnan(low)
    with np.errstate(invalid="ignore"):
        significant = (low > 0) | (high < 0)
    width = (high - low)[known]
    found = {
        "studies": len(estimate),
        "intervals": known.sum(),
        "significant": significant.sum(),
        "width": width.sum(),
        "width_squares": (width**2).sum(),
        "wrong_sign": (significant & (np.sign(estimate) != np.sign(truth))).sum() if truth else 0,
    }
    if truth:
        exaggeration = np.abs(estimate[significant] / truth)
        found |= {"exaggeration": exaggeration.sum(), "exaggeration_squares": (exaggeration**2).sum()}
    return {measure: float(value) for measure, value in found.items()}


COLUMNS = (
    *("therapists", "clients", "n", "indirect", "icc", "estimand", "interval", "studies", "power"),
    *("ci_low", "ci_high", "width", "width_se", "type_s", "type_s_low", "type_s_high", "type_m", "type_m_se"),
    *("boundary", "no_interval"),
)


def table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Power, width, type S and type M errors of every cell, estimand and interval.

    Returns
    -------
    DataFrame
        ``COLUMNS``. ``power`` with its Jeffreys interval; ``width`` is the mean width of the interval; ``type_s`` the
        share of significant estimates with the wrong sign, ``type_m`` the mean factor by which they exaggerate (Gelman &
        Carlin, 2014); ``boundary`` the share of studies at the boundary, ``no_interval`` of those without one.
    """
    found = by_cell(sums, PART)
    rows = []
    for cell in cells(settings):
        for (estimand, interval), s in sorted(found[cell.name].items()):
            if not interval:
                continue
            power_low, power_high = jeffreys(s["significant"], s["studies"], settings.confidence)
            sign_low, sign_high = jeffreys(s["wrong_sign"], s["significant"], settings.confidence)
            rows.append(
                {
                    **{"therapists": cell.therapists, "clients": cell.clients},
                    **{"n": cell.therapists * cell.clients, "indirect": -cell.indirect, "icc": cell.icc},
                    **{"estimand": estimand, "interval": interval, "studies": int(s["studies"])},
                    **{
                        "power": share(s["significant"], s["studies"]),
                        "ci_low": power_low,
                        "ci_high": power_high,
                    },
                    **{"width": share(s["width"], s["intervals"])},
                    **{"width_se": mean_error(s["width"], s["width_squares"], s["intervals"])},
                    **{"type_s": share(s["wrong_sign"], s["significant"])},
                    **{"type_s_low": sign_low, "type_s_high": sign_high},
                    **_type_m(s),
                    **{"boundary": share(found[cell.name][estimand, ""]["boundary"], s["studies"])},
                    **{"no_interval": 1 - share(s["intervals"], s["studies"])},
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _type_m(s: Mapping[str, float]) -> dict[str, float]:
    if "exaggeration" not in s:
        return {}
    squares, count = s["exaggeration_squares"], s["significant"]
    return {
        "type_m": share(s["exaggeration"], count),
        "type_m_se": mean_error(s["exaggeration"], squares, count),
    }


def by_cell(sums: pd.DataFrame, part: str) -> dict[str, dict[tuple[str, str], dict[str, float]]]:
    """cell → (estimand, item) → measure → sum, of one part."""
    found: dict[str, dict[tuple[str, str], dict[str, float]]] = {}
    for row in sums[sums["part"] == part].to_dict("records"):
        place = found.setdefault(row["cell"], {}).setdefault((row["estimand"], row["item"]), {})
        place[row["measure"]] = row["value"]
    return found


SMALLEST_COLUMNS = (
    *("estimand", "interval", "indirect", "icc", "target", "therapists", "clients", "n", "power"),
    *("ci_low", "ci_high", "width", "sentence"),
)


def smallest_table(power: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """The design of the grid with the fewest clients (then therapists) that reaches each target.

    Parameters
    ----------
    power : DataFrame
        As ``table`` gives it.
    confidence : float
        Of its intervals.

    Returns
    -------
    DataFrame
        ``SMALLEST_COLUMNS``; without numbers where no design of the grid reaches the target. ``sentence`` is what a
        grant application needs.
    """
    rows = []
    for keys, group in power.groupby(["estimand", "interval", "indirect", "icc"], sort=False):
        estimand, interval, indirect, icc = keys
        for target in TARGETS:
            enough = group[group["power"] >= target].sort_values(["n", "therapists"], kind="stable")
            row = {
                "estimand": estimand,
                "interval": interval,
                "indirect": indirect,
                "icc": icc,
                "target": target,
            }
            if len(enough):
                best = enough.iloc[0]
                shown = ("therapists", "clients", "n", "power", "ci_low", "ci_high", "width")
                row |= {name: best[name] for name in shown}
            rows.append(row | {"sentence": sentence(row, group, confidence)})
    return pd.DataFrame(rows, columns=SMALLEST_COLUMNS)


def sentence(row: Mapping[str, object], group: pd.DataFrame, confidence: float = 0.95) -> str:
    """Say a row of the table of smallest designs in words."""
    what = (
        f"a standardized indirect effect of {row['indirect']:.2f} (intraclass correlation {row['icc']:.2f})"
    )
    level = "within therapists" if row["estimand"] == "within" else "at the single level"
    name = INTERVAL_NAMES[str(row["interval"])]
    if "n" not in row:
        most = int(group["n"].max())
        return (
            f"None of the designs looked at, up to {most} clients, detects {what} {level} with a power of "
            f"{row['target']:.0%} ({name} interval)."
        )
    return (
        f"To detect {what} {level} with a power of at least {row['target']:.0%}, {row['therapists']:.0f} therapists "
        f"with {row['clients']:.0f} clients each ({row['n']:.0f} clients) are needed: simulated power is "
        f"{row['power']:.0%} ({100 * confidence:g} % interval of the simulation {row['ci_low']:.0%} to {row['ci_high']:.0%}, "
        f"{name} interval)."
    )
