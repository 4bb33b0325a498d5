"""Whole numbers whose means, SDs and correlations are told ones, over all clients and within therapists.

A draw from a normal distribution of the told moments is rounded and cut to the possible ranges; then single values are moved by
one, two clients' values towards or from each other, and therapists swapped between clients, as long as that brings the moments nearer. What is minimized is the sum over all told
numbers of the squared distance beyond ``CLOSE`` of each, a number's unit being the last digit that is told of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fortems.stats.regression import WITHIN_SHARE
from fortems.twin.told import Told

Array = NDArray[np.float64]

UNIT = 0.01  # what is told has two decimals
CLOSE = 0.35  # of a unit: nearer is as good as equal; half a unit rounds to the same
ROUNDS = 100
PATIENCE = 3  # rounds that gain less than ``GAIN``
GAIN = 0.002  # of the distance
TOTAL_WEIGHT, WITHIN_WEIGHT, ICC_WEIGHT = 10.0, 0.1, 0.02
SPREAD = 2.0  # SDs that a variable without a possible range may lie from its mean


@dataclass
class _Aims:
    """Told numbers of the scores (W: names and totals) as arrays, NaN where nothing is told."""

    mean: Array
    sd: Array
    total: Array
    within: Array
    icc: Array


def matched(told: Told, rng: np.random.Generator) -> tuple[Array, NDArray[np.int64]]:
    """Return values (n, V) of the told names and each client's therapist (n,), as near to what is told as they get."""
    scores = (*told.names, *told.totals)
    summing = np.array(
        [[float(name in told.totals.get(score, (score,))) for name in told.names] for score in scores]
    )
    aims = _Aims(
        np.array([told.mean.get(score, np.nan) for score in scores]),
        np.array([told.sd.get(score, np.nan) for score in scores]),
        _symmetric(told.total, scores),
        _symmetric(told.within, scores),
        np.array([told.icc.get(score, np.nan) for score in scores]),
    )
    low, high = _limits(told)
    cluster = np.sort(np.arange(told.n) % told.therapists)
    values = _start(told, aims, low, high, rng)
    return _improved(values, cluster, summing, aims, (low, high), rng)


def _symmetric(pairs: object, scores: tuple[str, ...]) -> Array:
    known = dict(pairs)  # type: ignore[call-overload]
    found = np.full((len(scores), len(scores)), np.nan)
    for (i, x), (j, y) in combinations(enumerate(scores), 2):
        found[i, j] = found[j, i] = known.get((x, y), known.get((y, x), np.nan))
    return found


def _limits(told: Told) -> tuple[Array, Array]:
    mean = np.array([told.mean[name] for name in told.names])
    sd = np.array([told.sd[name] for name in told.names])
    low = np.where(np.isfinite(told.low), told.low, np.maximum(np.ceil(mean - SPREAD * sd), 0))
    return low, np.where(np.isfinite(told.high), told.high, np.floor(mean + SPREAD * sd))


def _start(told: Told, aims: _Aims, low: Array, high: Array, rng: np.random.Generator) -> Array:
    size = len(told.names)
    target = np.where(np.isnan(aims.total[:size, :size]), 0.0, aims.total[:size, :size])
    np.fill_diagonal(target, 1.0)
    values, vectors = np.linalg.eigh(target)
    root = vectors * np.sqrt(np.maximum(values, 1e-6))
    drawn = rng.standard_normal((told.n, size))
    drawn -= drawn.mean(axis=0)
    if told.n > size + 1:  # without correlations of its own
        drawn = drawn @ np.linalg.inv(np.linalg.cholesky(drawn.T @ drawn / (told.n - 1))).T
    raw = aims.mean[:size] + (drawn @ root.T) * aims.sd[:size]
    return np.clip(np.rint(raw), low, high)


class _State:
    """Values with their sums, and how far what they give lies from what is told.

    ``cross`` are the scores' cross-products, ``inside`` those of their deviations from therapists' means: a move changes both
    by a few outer products, so that many moves are tried at once.
    """

    def __init__(self, values: Array, cluster: NDArray[np.int64], summing: Array, aims: _Aims):
        self.values, self.cluster, self.aims = values, cluster, aims
        self.size = np.bincount(cluster).astype(float)
        self.scores = values @ summing.T
        self.sums = self.scores.sum(axis=0)
        self.cross = self.scores.T @ self.scores
        self.by = np.zeros((len(self.size), len(summing)))
        np.add.at(self.by, cluster, self.scores)
        self.inside = self.cross - (self.by / self.size[:, None]).T @ self.by
        self.upper = np.triu_indices(len(summing), 1)
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
        parts = (
            (mean - self.aims.mean, 1.0),
            (sd - self.aims.sd, 1.0),
            (total[:, i, j] - self.aims.total[i, j], TOTAL_WEIGHT),
            (within[:, i, j] - self.aims.within[i, j], WITHIN_WEIGHT),
            (icc - self.aims.icc, ICC_WEIGHT),
        )
        found = sum(
            weight * np.nansum(np.maximum(np.abs(d) / UNIT - CLOSE, 0.0) ** 2, axis=1) for d, weight in parts
        )
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

    def move(self, client: int, changes: Array) -> int | None:
        """Add one of the changes (K, W) to a client's scores."""
        home = self.cluster[client]
        square = _outer(changes, changes)
        cross = _both(changes, self.scores[client]) + square
        by = (_both(changes, self.by[home]) + square) / self.size[home]
        best = self._best(self.sums + changes, self.cross + cross, self.inside + cross - by)
        if best is not None:
            self.scores[client] = self.scores[client] + changes[best]
            self.by[home] = self.by[home] + changes[best]
        return best

    def part(self, one: int, other: int, changes: Array) -> int | None:
        """Add one of the changes (K, W) to a client's scores and take it from another's."""
        first, second = self.cluster[one], self.cluster[other]
        square = _outer(changes, changes)
        cross = _both(changes, self.scores[one] - self.scores[other]) + 2 * square
        by = np.zeros_like(cross)
        if first != second:
            by = (_both(changes, self.by[first]) + square) / self.size[first]
            by = by + (square - _both(changes, self.by[second])) / self.size[second]
        sums = np.broadcast_to(self.sums, changes.shape)
        best = self._best(sums, self.cross + cross, self.inside + cross - by)
        if best is not None:
            for client, change in ((one, changes[best]), (other, -changes[best])):
                self.scores[client] = self.scores[client] + change
                self.by[self.cluster[client]] = self.by[self.cluster[client]] + change
        return best

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


def _both(changes: Array, vector: Array) -> Array:
    """Outer products (K, W, W) of changes and a vector, both ways round."""
    one = changes[:, :, None] * vector
    return one + one.swapaxes(1, 2)


def _improved(
    values: Array,
    cluster: NDArray[np.int64],
    summing: Array,
    aims: _Aims,
    limits: tuple[Array, Array],
    rng: np.random.Generator,
) -> tuple[Array, NDArray[np.int64]]:
    state = _State(values.copy(), cluster.copy(), summing, aims)
    low, high = limits
    count, width = values.shape
    units = np.concatenate([np.eye(width), -np.eye(width)])
    idle = 0
    for _ in range(ROUNDS):
        before = state.loss
        for client in rng.permutation(count):
            own = state.values[client]
            steps = units[((own + units >= low) & (own + units <= high)).all(axis=1)]
            if (best := state.move(client, steps @ summing.T)) is not None:
                state.values[client] += steps[best]
            other = int(rng.integers(count))
            if other != client:
                there, own = state.values[other], state.values[client]
                fits = (
                    (own + units >= low)
                    & (own + units <= high)
                    & (there - units >= low)
                    & (there - units <= high)
                )
                steps = units[fits.all(axis=1)]
                if (best := state.part(client, other, steps @ summing.T)) is not None:
                    state.values[client] += steps[best]
                    state.values[other] -= steps[best]
            state.swap(client)
        idle = idle + 1 if state.loss > (1 - GAIN) * before else 0
        if state.loss == 0 or idle == PATIENCE:
            break
    return state.values, state.cluster
