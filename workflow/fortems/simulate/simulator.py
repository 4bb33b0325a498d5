"""Draw studies from a calibrated scenario: a table of raw answers, or the scores of thousands of studies at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from fortems.simulate.background import background
from fortems.simulate.calibration import LatentModel, solve_latent
from fortems.simulate.latent import LatentScale
from fortems.simulate.moments import Population, stated_population, total_weights
from fortems.simulate.scenario import load_scenario
from fortems.simulate.stated import Scenario
from fortems.stats.normal import cluster_index, draw_normal
from fortems.study.instruments import Instrument, load_instruments
from fortems.study.scoring import reverse

#: Studies per block of a draw of scores. It bounds memory; it is part of what a seed gives, so it is fixed.
BLOCK = 64


def calibrate(scenario: Scenario, instruments: Mapping[str, Instrument] | None = None) -> Simulator:
    """Solve a scenario and return what draws from it.

    Parameters
    ----------
    scenario : Scenario
        As ``load_scenario`` gives it.
    instruments : mapping, optional
        The instruments to make items of, the study's own by default; those whose scales the scenario does not
        describe are left out.

    Raises
    ------
    ConfigError
        When a moment cannot be reached (``calibration.solve_latent``).
    """
    instruments = load_instruments() if instruments is None else instruments
    described = {
        name: instrument
        for name, instrument in instruments.items()
        if not scenario.scales.keys().isdisjoint(instrument.subscales)
    }
    return Simulator(scenario, described, solve_latent(scenario, described))


def by_name(files: Mapping[str, str]) -> Callable[[str], Simulator]:
    """Return what calibrates a scenario by its name for the instruments of these files; it keeps the last two."""
    instruments = load_instruments(files)
    return lru_cache(maxsize=2)(lambda name: calibrate(load_scenario(name, instruments), instruments))


@dataclass(frozen=True)
class Simulator:
    """A calibrated scenario.

    Attributes
    ----------
    scenario : Scenario
        What is stated.
    instruments : dict of str to Instrument
        Whose items are drawn.
    latent : LatentModel
        What it was solved for.
    """

    scenario: Scenario
    instruments: dict[str, Instrument]
    latent: LatentModel

    @property
    def names(self) -> tuple[str, ...]:
        """Scores in the order of the scores table, totals included."""
        return total_weights(tuple(self.latent.scales), self.instruments)[0]

    @property
    def stated(self) -> Population:
        """Moments as stated, with those of the totals."""
        return stated_population(self.scenario, self.instruments)

    @property
    def population(self) -> Population:
        """Moments of the scores that are drawn, by integration: the truth that estimates are held against."""
        return self.latent.population(self.instruments)

    def study(self, rng: np.random.Generator) -> pd.DataFrame:
        """Draw one study as a table of raw answers.

        Returns
        -------
        DataFrame
            One row per client: ``client``, ``therapist`` (text), ``age`` (years), ``gender``, ``sessions``,
            then the items of each instrument (``mlq_1`` ...), reversed items as a client would answer them,
            missing answers as NaN.
        """
        scenario = self.scenario
        cluster = cluster_index(scenario.cluster_sizes)
        columns: dict[str, object] = {
            "client": _numbered("c", np.arange(len(cluster))),
            "therapist": _numbered("t", cluster),
            **background(scenario, len(cluster), rng),
        }
        for name, answers in self.answers(rng, scenario.cluster_sizes).items():
            answers[rng.random(answers.shape) < scenario.missing] = np.nan
            columns |= dict(zip(self.instruments[name].columns(), answers.T, strict=True))
        return pd.DataFrame(columns)

    def answers(self, rng: np.random.Generator, cluster_sizes: Sequence[int]) -> dict[str, np.ndarray]:
        """Draw complete raw answers to every item.

        Returns
        -------
        dict of str to ndarray, shape (N, n_items)
            By instrument; clients of a therapist side by side; reversed items as a client would answer them;
            an item of no subscale is missing.
        """
        factors = self._factors(rng, 1, cluster_sizes)[0]
        places = {name: place for place, name in enumerate(self.latent.scales)}
        result = {}
        for name, instrument in self.instruments.items():
            answers = np.full((len(factors), instrument.n_items), np.nan)
            for subscale, items in instrument.subscales.items():
                scale, factor = self.latent.scales[subscale], factors[:, places[subscale]]
                for item, loading in zip(items, scale.loadings, strict=True):
                    answers[:, item - 1] = _answers(scale, loading, factor, rng.standard_normal(len(factor)))
            result[name] = reverse(answers, instrument)
        return result

    def scores(
        self, rng: np.random.Generator, studies: int, cluster_sizes: Sequence[int] | None = None
    ) -> tuple[np.ndarray, tuple[str, ...], np.ndarray]:
        """Draw the scores of many studies, answers complete.

        Parameters
        ----------
        rng : Generator
        studies : int
            Number of studies, S.
        cluster_sizes : sequence of int, optional
            Clients of each therapist; the scenario's by default. They sum to N.

        Returns
        -------
        ndarray, shape (S, N, V)
            Sum scores, clients of a therapist side by side.
        tuple of str, length V
            Their names, totals included.
        ndarray of int, shape (N,)
            Therapist of each client, from 0.
        """
        sizes = self.scenario.cluster_sizes if cluster_sizes is None else tuple(cluster_sizes)
        names, summing = total_weights(tuple(self.latent.scales), self.instruments)
        result = np.empty((studies, sum(sizes), len(names)))
        for start in range(0, studies, BLOCK):
            block = slice(start, min(start + BLOCK, studies))
            result[block] = self._subscales(rng, block.stop - start, sizes) @ summing.T
        return result, names, cluster_index(sizes)

    def _subscales(self, rng: np.random.Generator, studies: int, sizes: Sequence[int]) -> np.ndarray:
        """Subscale sums without the detour over raw answers, shape (S, N, V).

        Single precision halves the time; it moves an answer only where a latent value falls within 1e-7 of a
        threshold.
        """
        factors = self._factors(rng, studies, sizes)
        sums = np.empty(factors.shape)
        unique = np.empty(factors.shape[:2], dtype=np.float32)
        for place, scale in enumerate(self.latent.scales.values()):
            factor = np.ascontiguousarray(factors[..., place], dtype=np.float32)
            total = np.zeros_like(unique)
            for loading in scale.loadings:
                rng.standard_normal(dtype=np.float32, out=unique)
                total += _answers(scale, loading, factor, unique)
            sums[..., place] = total
        return sums

    def _factors(self, rng: np.random.Generator, studies: int, sizes: Sequence[int]) -> np.ndarray:
        """Factors of the subscales in the causal order of the scenario's story, shape (S, N, V)."""
        names = list(self.latent.scales)
        order = [names.index(name) for name in self.scenario.order]
        within, between = self.latent.factor_within, self.latent.factor_between
        return draw_normal(rng, studies, within, between, sizes, order=order)[0]


def _answers(scale: LatentScale, loading: float, factor: np.ndarray, unique: np.ndarray) -> np.ndarray:
    """Answers to one item, in the direction of its scale; ``unique`` is overwritten."""
    categories = scale.categories
    unique *= unique.dtype.type(categories.spread * np.sqrt(1 - loading**2))
    unique += unique.dtype.type(categories.spread * loading) * factor + unique.dtype.type(categories.location)
    np.rint(unique, out=unique)
    return np.clip(unique, categories.low, categories.high, out=unique)


def _numbered(letter: str, places: np.ndarray) -> list[str]:
    """Identifiers such as c07: letter and number from 1, of equal width."""
    width = len(str(int(places.max()) + 1))
    return [f"{letter}{place + 1:0{width}d}" for place in places]
