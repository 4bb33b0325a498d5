"""Is the sampler right? Simulation-based calibration of the posterior of the two-level model.

Parameters are drawn from a prior, a study of the paper's size from them, and its posterior is sampled under the same prior: then
the rank of the true value among the posterior's draws is uniform (Talts, Betancourt, Simpson, Vehtari & Gelman, 2018). A wrong
density, a wrong prior or a chain that does not move shows as ranks that are not.

References
----------
Talts, S., Betancourt, M., Simpson, D., Vehtari, A., & Gelman, A. (2018). Validating Bayesian inference algorithms with
simulation-based calibration. arXiv:1804.06788.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from fortems.design.populations import PAPER_SIZES
from fortems.design.power import by_cell
from fortems.design.tasks import Row, Settings, Task, blocks
from fortems.seeds import stream

if TYPE_CHECKING:
    from fortems.robustness.bayes.prior import Prior

PART = "sbc"
BLOCK, BINS, RANKS = 10, 10, 99
SCALE, ETA = 0.5, 2.0
VARIABLES = 3

COLUMNS = (
    *("prior", "eta", "level", "quantity", "studies", "mean_rank", "chi2", "df", "p"),
    *("inside_50", "inside_90", *(f"bin_{k + 1}" for k in range(BINS))),
)


def _priors() -> dict[str, Prior]:
    """The informed prior, and the middle one of those on SDs."""
    from fortems.robustness.bayes.prior import priors

    return {prior.name: prior for prior in priors([SCALE], ETA)}


def tasks(settings: Settings) -> list[Task]:
    """Blocks of the studies of each prior."""
    asked = settings.design.get("sbc")
    if not asked:
        return []
    cost = 4e-6 * 1.25 * asked["steps"]
    return [t for name in _priors() for t in blocks(PART, name, asked["studies"], BLOCK, cost)]


class Runner:
    """Runs a block."""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.priors = _priors()

    def __call__(self, task: Task) -> Iterator[Row]:
        rng = stream(self.settings.seed, PART, task.cell, task.block)
        for _ in range(task.studies):
            found = ranks(rng, self.priors[task.cell], PAPER_SIZES, self.settings.design["sbc"]["steps"])
            for (level, quantity), rank in found.items():
                yield level, quantity, "studies", 1.0
                yield level, quantity, "rank", float(rank)
                yield level, quantity, f"bin_{rank * BINS // (RANKS + 1) + 1}", 1.0
                share = (rank + 0.5) / (RANKS + 1)
                yield level, quantity, "inside_50", float(abs(share - 0.5) < 0.25)
                yield level, quantity, "inside_90", float(abs(share - 0.5) < 0.45)


def ranks(
    rng: np.random.Generator, prior: Prior, sizes: tuple[int, ...], steps: int
) -> dict[tuple[str, str], int]:
    """Draw parameters and a study, sample its posterior, and rank the truth among ``RANKS`` of its draws.

    Parameters
    ----------
    rng : Generator
    prior : Prior
    sizes : tuple of int
        Clients of each therapist.
    steps : int
        Of one chain, after a warm-up of a quarter of them.

    Returns
    -------
    dict
        (level, quantity) → rank from 0 to ``RANKS``.
    """
    from fortems.robustness.bayes.posterior import Statistics, chain, covariances, quantities
    from fortems.stats.normal import draw_normal

    unit = np.ones(VARIABLES)
    truth = prior.draw(rng, 1, VARIABLES)
    within, between = covariances(truth, VARIABLES, unit)
    data, cluster = draw_normal(rng, 1, within[0], between[0], sizes)
    drawn = chain(Statistics.of(data[0], cluster), prior, rng, steps // 4, steps, thin=steps // RANKS)
    posterior = quantities(*covariances(drawn[:RANKS], VARIABLES, unit))
    true = quantities(within, between)
    return {key: int((values < true[key][0]).sum()) for key, values in posterior.items()}


def table(sums: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Return how uniform the ranks of each quantity are.

    Returns
    -------
    DataFrame
        ``COLUMNS``: ranks as shares of the largest one (mean .5 where calibrated), χ² of equal counts in ten bins, share of truths
        inside the central 50 % and 90 % intervals, and the counts.
    """
    from scipy.special import chdtrc

    rows = []
    for name, prior in _priors().items():
        for (level, quantity), s in by_cell(sums, PART).get(name, {}).items():
            n = s["studies"]
            counts = np.array([s.get(f"bin_{k + 1}", 0.0) for k in range(BINS)])
            chi2 = float(((counts - n / BINS) ** 2 / (n / BINS)).sum())
            rows.append(
                {
                    **{"prior": name, "eta": prior.eta, "level": level, "quantity": quantity},
                    **{"studies": int(n), "mean_rank": s["rank"] / n / RANKS},
                    **{"chi2": chi2, "df": BINS - 1, "p": float(chdtrc(BINS - 1, chi2))},
                    **{key: s.get(key, 0.0) / n for key in ("inside_50", "inside_90")},
                    **{f"bin_{k + 1}": int(count) for k, count in enumerate(counts)},
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))
