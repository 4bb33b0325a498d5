"""Answers to items that add up to given scores, hang together about as closely as is told, and are missing about as often."""

from __future__ import annotations

import numpy as np

from fortems.stats.arrays import Array, Ints
from fortems.study.instruments import Instrument
from fortems.study.scoring import reverse, score_array

SPREADS = np.geomspace(
    0.05, 4.0, 24
)  # of single answers about a client's own mean, in points of the response scale


def answers_to(
    instrument: Instrument, scores: dict[str, Array], alpha: dict[str, float], rng: np.random.Generator
) -> Array:
    """Return raw answers (n, items) that score as given.

    Parameters
    ----------
    instrument : Instrument
    scores : dict of str to ndarray (n,)
        Subscale → whole numbers in its range.
    alpha : dict of str to float
        Subscale → reliability that is told; where none is, .80.
    rng : Generator

    Returns
    -------
    ndarray (n, items)
        Reversed items as a client would answer them; an item of no subscale is missing.
    """
    n = len(next(iter(scores.values())))
    turned = np.full((n, instrument.n_items), np.nan)
    for name, items in instrument.subscales.items():
        places = np.asarray(items) - 1
        turned[:, places] = _of_scale(instrument, len(items), scores[name], alpha.get(name, 0.8), rng)
    return reverse(turned, instrument)


def with_gaps(
    answers: Array, instrument: Instrument, shares: dict[int, float], rng: np.random.Generator
) -> Array:
    """Return the answers without some of them, so that every score stays as it is.

    Parameters
    ----------
    answers : ndarray (n, items)
        Raw answers.
    instrument : Instrument
    shares : dict of int to float
        Item number → share of clients who lack it. A fraction of a client is one by chance.
    rng : Generator

    Notes
    -----
    A score is as before where its rule for missing answers fills in just what was left out. So an item is left out by a
    client with such an answer on its scale, exchanged with it beforehand where it is another item's. There may be fewer
    of these than are asked for. A client lacks one answer of a scale at most.
    """
    turned = reverse(answers, instrument)
    for scale in instrument.subscales.values():
        places = [item - 1 for item in scale]
        for item in rng.permutation(scale):
            wanted = int(shares.get(int(item), 0.0) * len(turned) + rng.random())
            for client in rng.permutation(len(turned)):
                if not wanted:
                    break
                if np.isnan(turned[client, places]).any():
                    continue
                row = _without(turned[client], int(item) - 1, rng.permutation(places), instrument)
                if row is not None:
                    turned[client] = row
                    wanted -= 1
    return reverse(turned, instrument)


def _without(row: Array, item: int, places: Array, instrument: Instrument) -> Array | None:
    """A client's turned answers without an item, and with the same scores; None where no answer of the scale allows it."""
    tried = np.tile(row, (len(places), 1))
    tried[np.arange(len(places)), places] = row[item]
    tried[:, item] = np.nan
    before, after = (score_array(reverse(own, instrument), instrument) for own in (row, tried))
    same = np.all([np.isclose(after[name], before[name], equal_nan=True) for name in before], axis=0)
    return tried[int(np.argmax(same))] if same.any() else None


def _of_scale(instrument: Instrument, k: int, sums: Array, alpha: float, rng: np.random.Generator) -> Array:
    """The spread whose answers come nearest to a reliability."""
    noise = rng.standard_normal((len(sums), k))
    order = rng.permuted(np.tile(np.arange(k), (len(sums), 1)), axis=1)
    found = [_adding_up(instrument, sums, spread * noise, order) for spread in SPREADS]
    distance = [abs(_alpha(answers) - alpha) for answers in found]
    return found[int(np.argmin(distance))]


def _adding_up(instrument: Instrument, sums: Array, noise: Array, order: Ints) -> Array:
    low, high = instrument.low, instrument.high
    answers = np.clip(np.rint(sums[:, None] / noise.shape[1] + noise), low, high)
    for client, row in enumerate(answers):
        step = 0
        while (rest := sums[client] - row.sum()) != 0:
            item = order[client, step % len(row)]
            row[item] = np.clip(row[item] + np.sign(rest), low, high)
            step += 1
    return answers


def _alpha(answers: Array) -> float:
    k = answers.shape[1]
    whole = answers.sum(axis=1).var(ddof=1)
    if k == 1 or whole == 0:
        return 1.0
    return float(k / (k - 1) * (1 - answers.var(axis=0, ddof=1).sum() / whole))
