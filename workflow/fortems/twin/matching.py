"""Whole numbers whose means, SDs and correlations are told ones, over all clients and within therapists.

A draw from a normal distribution of the told moments is rounded and cut to the possible ranges. Then single values are moved by
one, two clients' values towards or from each other, values exchanged between clients, which keeps a variable's mean and SD, and
therapists swapped, which keeps all but what is within therapists: each time the move that brings the moments nearest. What is
minimized is the sum over all told numbers of the squared distance beyond ``CLOSE``, in units of the last digit that is told of
each; so a number is right once it rounds to what is printed. When nothing helps any more, it goes on for the moments over all
clients alone, to which those within therapists give way.

Two things cannot be had from whole numbers. A mean of n of them is a multiple of 1/n. And a total is the exact sum of its
parts here, while scores with prorated answers are not: what is told of such a total need not fit what is told of its parts.
There the parts go first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from fortems.stats.arrays import Array, Ints
from fortems.stats.clusters import WITHIN_SHARE
from fortems.twin.printed import Printed

UNIT = 0.01  # what is told has two decimals; a correlation that would be printed as 0 has three
CLOSE = 0.45  # of a unit: nearer rounds to the same
ROUNDS = 100
PATIENCE = 3  # rounds that gain less than ``GAIN``
GAIN = 0.01  # of the distance
PARTNERS = 40  # clients, drawn anew each time, with whom one is paired
SPREAD = 2.0  # SDs that a variable without a possible range may lie from its mean


@dataclass(frozen=True)
class _Weights:
    """How much a unit counts: of means and SDs, correlations of names, of totals, within therapists, and ICCs."""

    marginal: float = 5.0
    names: float = 30.0
    totals: float = 1.0
    within: float = 0.1
    icc: float = 0.02


ALL = _Weights()
OVER_ALL_CLIENTS = _Weights(within=0.0, icc=0.0)
CORRELATIONS = _Weights(marginal=100.0, names=1e5, totals=10.0, within=0.0, icc=0.0)


@dataclass(frozen=True)
class _Aims:
    """Printed numbers of the scores (W: names and totals) as arrays, NaN where nothing is printed."""

    mean: Array
    sd: Array
    total: Array
    within: Array
    icc: Array


def matched(printed: Printed, rng: np.random.Generator) -> tuple[Array, Ints]:
    """Return values (n, V) of the told names and each client's therapist (n,), as near to what is told as they get."""
    scores = (*printed.names, *printed.totals)
    summing = np.array(
        [[float(name in printed.totals.get(score, (score,))) for name in printed.names] for score in scores]
    )
    aims = _Aims(
        _reachable(np.array([printed.mean[name] for name in printed.names]), printed.n, len(scores)),
        np.array([printed.sd.get(score, np.nan) for score in scores]),
        _symmetric(printed.total, scores),
        _symmetric(printed.within, scores),
        np.array([printed.icc.get(score, np.nan) for score in scores]),
    )
    limits = _limits(printed)
    cluster = np.sort(np.arange(printed.n) % printed.therapists)
    state = _State(_start(printed, aims, limits, rng), cluster, summing, aims)
    for weights in (ALL, OVER_ALL_CLIENTS, CORRELATIONS):
        state.weigh(weights)
        _improve(state, limits, rng)
    return state.values, state.cluster


def _reachable(mean: Array, n: int, scores: int) -> Array:
    """The means of n whole numbers next to the told ones; those of totals follow from them and are no aim (NaN)."""
    return np.concatenate([np.rint(mean * n) / n, np.full(scores - len(mean), np.nan)])


def _symmetric(pairs: object, scores: tuple[str, ...]) -> Array:
    known = dict(pairs)  # type: ignore[call-overload]
    found = np.full((len(scores), len(scores)), np.nan)
    for (i, x), (j, y) in combinations(enumerate(scores), 2):
        found[i, j] = found[j, i] = known.get((x, y), known.get((y, x), np.nan))
    return found


def _limits(printed: Printed) -> tuple[Array, Array]:
    mean = np.array([printed.mean[name] for name in printed.names])
    sd = np.array([printed.sd[name] for name in printed.names])
    low = np.where(np.isfinite(printed.low), printed.low, np.maximum(np.ceil(mean - SPREAD * sd), 0))
    return low, np.where(np.isfinite(printed.high), printed.high, np.floor(mean + SPREAD * sd))


def _units(printed: Array) -> Array:
    """The last digit that is printed of each number."""
    whole = np.isclose(np.round(printed / UNIT) * UNIT, printed, rtol=0, atol=1e-9) | np.isnan(printed)
    return np.where(whole, UNIT, UNIT / 10)


def _start(printed: Printed, aims: _Aims, limits: tuple[Array, Array], rng: np.random.Generator) -> Array:
    size = len(printed.names)
    target = np.where(np.isnan(aims.total[:size, :size]), 0.0, aims.total[:size, :size])
    np.fill_diagonal(target, 1.0)
    values, vectors = np.linalg.eigh(target)
    root = vectors * np.sqrt(np.maximum(values, 1e-6))
    drawn = rng.standard_normal((printed.n, size))
    drawn -= drawn.mean(axis=0)
    if printed.n > size + 1:  # without correlations of its own
        drawn = drawn @ np.linalg.inv(np.linalg.cholesky(drawn.T @ drawn / (printed.n - 1))).T
    raw = aims.mean[:size] + (drawn @ root.T) * aims.sd[:size]
    return np.clip(np.rint(raw), *limits)


class _State:
    """Values, therapists and the sums of both, and how far what they give lies from what is printed.

    ``cross`` are the scores' cross-products, ``inside`` those of their deviations from therapists' means: a move changes both
    by a few outer products, so that many moves are tried at once.
    """

    def __init__(self, values: Array, cluster: Ints, summing: Array, aims: _Aims):
        self.values, self.cluster, self.summing, self.aims = values.copy(), cluster.copy(), summing, aims
        self.size = np.bincount(cluster).astype(float)
        self.scores = values @ summing.T
        self.sums = self.scores.sum(axis=0)
        self.cross = self.scores.T @ self.scores
        self.by = np.zeros((len(self.size), len(summing)))
        np.add.at(self.by, cluster, self.scores)
        self.inside = self.cross - (self.by / self.size[:, None]).T @ self.by
        self.upper = np.triu_indices(len(summing), 1)
        between = self.upper[1] >= values.shape[1]  # pairs with a total
        self.with_total = between
        self.unit = np.where(between, UNIT, _units(aims.total[self.upper]))
        self.weigh(ALL)

    def weigh(self, weights: _Weights) -> None:
        """Let other weights count from now on."""
        self.weights = weights
        self.loss = float(self.distance(self.sums[None], self.cross[None], self.inside[None])[0])

    def distance(self, sums: Array, cross: Array, inside: Array) -> Array:
        """Return the loss (K,) of sums (K, W) and products (K, W, W)."""
        n, therapists = len(self.values), len(self.size)
        mean = sums / n
        whole = cross - sums[:, :, None] * mean[:, None, :]
        spread, inner = (np.einsum("kii->ki", part) for part in (whole, inside))
        usable = ((spread > 0) & (inner > WITHIN_SHARE * spread)).all(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.sqrt(spread / (n - 1))
            total, within = (
                part / np.sqrt(variance[:, :, None] * variance[:, None, :])
                for part, variance in ((whole, spread), (inside, inner))
            )
            n0 = (n - (self.size**2).sum() / n) / (therapists - 1)
            own = inner / (n - therapists)
            between = ((spread - inner) / (therapists - 1) - own) / n0
            icc = between / (between + own)
        i, j = self.upper
        weights = self.weights
        names_or_totals = np.where(self.with_total, weights.totals, weights.names)
        parts = (
            ((mean - self.aims.mean) / UNIT, weights.marginal),
            ((sd - self.aims.sd) / UNIT, weights.marginal),
            ((total[:, i, j] - self.aims.total[i, j]) / self.unit, names_or_totals),
            ((within[:, i, j] - self.aims.within[i, j]) / UNIT, weights.within),
            ((icc - self.aims.icc) / UNIT, weights.icc),
        )
        found = sum(np.nansum(w * np.maximum(np.abs(d) - CLOSE, 0.0) ** 2, axis=1) for d, w in parts)
        return np.where(usable, found, np.inf)

    def _best(self, sums: Array, cross: Array, inside: Array) -> int | None:
        """Take the best of several moves where it brings the moments nearer."""
        if not len(sums):
            return None
        loss = self.distance(sums, cross, inside)
        best = int(np.argmin(loss))
        if not loss[best] < self.loss:
            return None
        self.loss, self.sums, self.cross, self.inside = (
            float(loss[best]),
            sums[best],
            cross[best],
            inside[best],
        )
        return best

    def move(self, client: int, steps: Array) -> None:
        """Add one of the steps (K, V) to a client's values."""
        home, changes = self.cluster[client], steps @ self.summing.T
        square = _outer(changes, changes)
        cross = _both(changes, self.scores[client]) + square
        by = (_both(changes, self.by[home]) + square) / self.size[home]
        best = self._best(self.sums + changes, self.cross + cross, self.inside + cross - by)
        if best is not None:
            self._add(client, steps[best], changes[best])

    def part(self, client: int, others: Ints, steps: Array) -> None:
        """Add one of the steps (K, V) to a client's values and take it from those of the client beside it (K,)."""
        changes = steps @ self.summing.T
        first, second = self.cluster[client], self.cluster[others]
        square = _outer(changes, changes)
        cross = _both(changes, self.scores[client] - self.scores[others]) + 2 * square
        by = (_both(changes, self.by[first]) + square) / self.size[first]
        by = by + (square - _both(changes, self.by[second])) / self.size[second][:, None, None]
        by[second == first] = 0.0
        sums = np.broadcast_to(self.sums, changes.shape)
        best = self._best(sums, self.cross + cross, self.inside + cross - by)
        if best is not None:
            self._add(client, steps[best], changes[best])
            self._add(others[best], -steps[best], -changes[best])

    def _add(self, client: int, step: Array, change: Array) -> None:
        self.values[client] += step
        self.scores[client] = self.scores[client] + change
        self.by[self.cluster[client]] = self.by[self.cluster[client]] + change

    def swap(self, client: int) -> None:
        """Let a client change therapists with the other client with whom that helps most."""
        home = self.cluster[client]
        others = np.flatnonzero(self.cluster != home)
        away = self.cluster[others]
        apart = self.scores[others] - self.scores[client]
        square = _outer(apart, apart)
        by = (_both(apart, self.by[home]) + square) / self.size[home]
        far = apart[:, :, None] * self.by[away][:, None, :]
        by = by + (square - far - far.swapaxes(1, 2)) / self.size[away][:, None, None]
        sums = np.broadcast_to(self.sums, apart.shape)
        best = self._best(sums, np.broadcast_to(self.cross, square.shape), self.inside - by)
        if best is not None:
            self.by[home] = self.by[home] + apart[best]
            self.by[away[best]] = self.by[away[best]] - apart[best]
            self.cluster[client], self.cluster[others[best]] = away[best], home


def _outer(a: Array, b: Array) -> Array:
    return a[:, :, None] * b[:, None, :]


def _both(changes: Array, vectors: Array) -> Array:
    """Outer products (K, W, W) of changes and a vector, or one each (K, W), both ways round."""
    one = changes[:, :, None] * np.atleast_2d(vectors)[:, None, :]
    return one + one.swapaxes(1, 2)


def _improve(state: _State, limits: tuple[Array, Array], rng: np.random.Generator) -> None:
    """Move values as long as that brings the moments nearer."""
    low, high = limits
    count, width = state.values.shape
    units = np.concatenate([np.eye(width), -np.eye(width)])
    idle = 0
    for _ in range(ROUNDS):
        before = state.loss
        if before == 0:
            return
        for client in rng.permutation(count):
            own = state.values[client]
            state.move(client, units[((own + units >= low) & (own + units <= high)).all(axis=1)])
            others = rng.permutation(np.delete(np.arange(count), client))[:PARTNERS]
            for steps, beside in (
                _exchanges(state.values, client, others),
                _apart(state.values, client, others, units, limits),
            ):
                state.part(client, beside, steps)
            state.swap(client)
        idle = idle + 1 if state.loss > (1 - GAIN) * before else 0
        if idle == PATIENCE:
            return


def _exchanges(values: Array, client: int, others: Ints) -> tuple[Array, Ints]:
    """Steps (K, V) that give a client another's value of one variable, and the others (K,)."""
    apart = values[others] - values[client]
    place, variable = np.nonzero(apart)
    steps = np.zeros((len(place), values.shape[1]))
    steps[np.arange(len(place)), variable] = apart[place, variable]
    return steps, others[place]


def _apart(
    values: Array, client: int, others: Ints, units: Array, limits: tuple[Array, Array]
) -> tuple[Array, Ints]:
    """Steps of one (K, V) that two clients can take in opposite directions, and the others (K,)."""
    low, high = limits
    here, there = values[client] + units, values[others][:, None] - units
    fits = ((here >= low) & (here <= high)).all(axis=1) & ((there >= low) & (there <= high)).all(axis=2)
    place, unit = np.nonzero(fits)
    return units[unit], others[place]
