"""What a published number would add to the pattern, and what the typed ones do add.

Information: the studies of the kept draws have all the numbers that an article could print. How far the posterior mean of
a quantity would move if one of them were known is the SD of E[quantity | number] over the predictive distribution:
the root of the explained variance of a cubic regression (adjusted for its three terms).

Conditioning: with sample Fisher z's approximately N(ζ, Γ), Γ = Ψ / (ν - 2) of the population's correlations (Olkin & Siotani,
1976) and ν = (Σ λ)² / Σ λ² for cross-products Σ λ_k w_k w_k' of clustered clients (Satterthwaite, 1946), a typed number
h(z) = v, rounded to a unit of w, has density N(v; h(ζ), S), S = GΓG' + w² / 12, G = ∂h/∂z. A population is weighted by it; its
study, drawn exactly, is moved to the typed numbers, z + ΓG'S⁻¹(v - h(z) - ε), ε ~ N(0, w² / 12) (the conditional draw by
Matheron's rule, exact for normal z), and then judged by the statements. So numbers that follow from each other do no harm.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.population import (
    Quantity,
    correlate,
    effects,
    quantities,
    standing_out,
    values,
    whole,
)
from fortems.design.pattern.posterior import before_and_after, described, named_prior, odds_ratio
from fortems.design.pattern.priors import from_pairs, load_prior
from fortems.design.pattern.sampling import Kept, Proposal
from fortems.design.tasks import Settings
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints

PUBLISHED = "typed numbers"
PART = "typed"
BLOCK = 5000
FEWEST = 100  # kept draws that a regression needs
PATHS = ("a", "b", "direct", "indirect", "total")
PAIR, PATH, SPREAD, PARTIAL, MEAN = (
    "correlation",
    "path",
    "SD",
    "partial correlation",
    "mean correlation of parts",
)


@dataclass(frozen=True)
class Number(Quantity):
    """A number that an article may print, as a function of a study.

    Attributes
    ----------
    kind : str
        ``correlation`` (of x and y), ``path`` (standardized, single level, predictor x; y is its name of ``PATHS``), ``SD``,
        ``partial correlation`` (of the two ends of path y, given the third variable), ``mean correlation of parts`` (of x).
    x, y : str
    """

    def of(self, r: Array, event: Event) -> Array:
        """Its value (D,) in studies with these correlations (D, C, C) of all columns."""
        place = event.roles.columns.index
        if self.kind == PAIR:
            return np.asarray(r[:, place(self.x), place(self.y)])
        if self.kind == MEAN:
            parts = [place(name) for name in event.roles.aspects]
            return np.asarray(np.mean([r[:, i, j] for i, j in itertools.combinations(parts, 2)], axis=0))
        m, y = place(event.roles.mediator), place(event.roles.outcome)
        if self.kind == PARTIAL:
            first, given = (m, place(self.x)) if self.y == "b" else (place(self.x), m)
            left = (1 - r[:, first, given] ** 2) * (1 - r[:, y, given] ** 2)
            return np.asarray((r[:, first, y] - r[:, first, given] * r[:, y, given]) / np.sqrt(left))
        a, b, direct = effects(r, place(self.x), m, y)
        return np.asarray(
            {"a": a, "b": b, "direct": direct, "indirect": a * b, "total": a * b + direct}[self.y]
        )


def candidates(event: Event) -> list[Number]:
    """Numbers of an article's tables that speak of the pattern's variables."""
    roles = event.roles
    names = (*roles.predictors, roles.mediator, roles.outcome)
    found = [Number(PAIR, x, y) for i, x in enumerate(names) for y in names[i + 1 :]]
    paths = [path for path in PATHS if path not in ("a", "total")]  # those two are correlations
    found += [Number(PATH, x, path) for x in roles.predictors for path in paths]
    return found + [Number(SPREAD, x) for x in names]


INFORMATION_COLUMNS = (
    "quantity",
    "kind",
    "x",
    "y",
    "number",
    "posterior",
    "sd",
    "moves",
    "explained",
    "rank",
)


def information_table(event: Event, kept: Kept) -> pd.DataFrame:
    """How far each single published number would move each posterior mean, the furthest first.

    Returns
    -------
    DataFrame
        ``INFORMATION_COLUMNS``: ``sd`` is the quantity's posterior SD, ``moves`` the SD of its posterior mean once the
        number is known, ``explained`` the share of variance. Empty where fewer than ``FEWEST`` draws were kept.
    """
    rows: list[dict[str, Any]] = []
    if len(kept) >= FEWEST:
        covariances = event.covariances(kept.products)
        r = correlate(covariances)
        spread = np.sqrt(np.einsum("dii->di", covariances))
        place = event.roles.columns.index
        studies = {
            n.name: spread[:, place(n.x)] if n.kind == SPREAD else n.of(r, event) for n in candidates(event)
        }
        asked = [
            q
            for q in quantities(event)
            if q.is_probability or q.x in (event.roles.total, *standing_out(event))
        ]
        found = values(kept.correlations, event, asked)
        for quantity, q in zip(asked, found.T, strict=True):
            own = [(name, explained(q, x, kept.weight)) for name, x in studies.items()]
            sd = float(q.std())
            for rank, (name, part) in enumerate(sorted(own, key=lambda pair: -pair[1]), 1):
                rows.append(
                    quantity.named
                    | {"number": name, "posterior": float(np.average(q, weights=kept.weight)), "sd": sd}
                    | {"moves": sd * math.sqrt(part), "explained": part, "rank": rank}
                )
    return pd.DataFrame(rows, columns=INFORMATION_COLUMNS)


def explained(q: Array, x: Array, weight: Array) -> float:
    """Share of the variance of q that a cubic in x explains, adjusted; 0 where that is negative or q is constant."""
    if q.std() == 0 or x.std() == 0:
        return 0.0
    z = (x - x.mean()) / x.std()
    design = np.stack([np.ones_like(z), z, z**2, z**3], axis=1) * np.sqrt(weight)[:, None]
    y = q * np.sqrt(weight)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    mean = np.average(q, weights=weight)
    left = ((y - design @ coefficients) ** 2).sum() / (weight * (q - mean) ** 2).sum()
    n = len(q)
    return max(0.0, 1 - float(left) * (n - 1) / (n - 4))


def against(event: Event, numbers: Sequence[tuple[Number, float, float]]) -> list[str]:
    """Statements that a typed correlation contradicts whatever else is true."""
    found = []
    columns = event.roles.columns
    for number, low, high in numbers:
        if number.kind != PAIR:
            continue
        r = np.clip(np.linspace(low, high, 21), -0.9999, 0.9999)
        cov = np.tile(np.eye(len(columns)), (len(r), 1, 1))
        i, j = columns.index(number.x), columns.index(number.y)
        cov[:, i, j] = cov[:, j, i] = r
        failed = event.judge(cov)
        for place, s in enumerate(event.statements):
            simple = s.kind in (kernel.SIMPLE, kernel.SIMPLE_NOT) and {s.x, s.y} == {number.x, number.y}
            if simple and ((failed >> place) & 1).all():
                found.append(s.name)
    return found


def effective_df(sizes: Sequence[int], icc: Array) -> Array:
    """ν (D,) of the cross-products: the squared trace of the clients' covariance about the mean over that of its square.

    C = (1 - icc) I + icc ZZ' and H = I - 11'/N: tr(HC) and tr(HCHC) in closed form from the cluster sizes.
    """
    n = np.asarray(sizes, float)
    total, second, third = n.sum(), (n**2).sum(), (n**3).sum()
    # ZZ' has row sums n_j: tr(H ZZ') = N - Σn²/N, tr((H ZZ')²) = Σn² - 2 Σn³/N + (Σn²)²/N².
    first = (1 - icc) * (total - 1) + icc * (total - second / total)
    square = (1 - icc) ** 2 * (total - 1) + 2 * icc * (1 - icc) * (total - second / total)
    square = square + icc**2 * (second - 2 * third / total + second**2 / total**2)
    return np.asarray(first**2 / square)


def z_covariance(r: Array, pairs: tuple[Ints, Ints]) -> Array:
    """Ψ of Fisher z's (D, P, P): asymptotic covariances times degrees of freedom, of correlations (D, C, C)."""
    i, j = pairs
    a, b = i[:, None], j[:, None]
    c, d = i[None, :], j[None, :]
    ij, kl = r[:, a, b], r[:, c, d]
    ik, il, jk, jl = r[:, a, c], r[:, a, d], r[:, b, c], r[:, b, d]
    psi = 0.5 * ij * kl * (ik**2 + il**2 + jk**2 + jl**2) + ik * jl + il * jk
    psi -= ij * ik * il + ij * jk * jl + ik * jk * kl + il * jl * kl
    scale = 1 - r[:, i, j] ** 2
    return np.asarray(psi / scale[:, :, None] / scale[:, None, :])


def conditioned(
    event: Event,
    numbers: Sequence[tuple[Number, float, float]],
    draw: Callable[[int], tuple[Array, Array, Array]],
    rng: np.random.Generator,
    draws: int,
) -> tuple[Array, Array]:
    """Populations (K, p, p) and weights (K,) given typed numbers and the pattern.

    Parameters
    ----------
    event : Event
    numbers : sequence of (Number, low, high)
    draw : callable
        Number of draws → correlations (D, p, p), icc (D,), weights (D,).
    rng : Generator
    draws : int
    """
    kept, weights = [], []
    pairs = np.triu_indices(len(event.roles.columns), 1)
    as_z = np.array([number.kind == PAIR for number, _, _ in numbers])
    ends = np.array([[n[1], n[2]] for n in numbers])
    ends[as_z] = np.arctanh(np.clip(ends[as_z], -0.9999999, 0.9999999))
    value, noise = ends.mean(axis=1), np.ptp(ends, axis=1) ** 2 / 12
    for start in range(0, draws, BLOCK):
        correlations, icc, weight = draw(min(BLOCK, draws - start))
        failed, products = event.studies(rng, correlations, icc, [event.every])
        ok = failed != kernel.NOT_DEFINITE
        correlations, icc, weight, products = correlations[ok], icc[ok], weight[ok], products[ok]
        population = whole(correlations, event.roles)
        sample = correlate(event.covariances(products))
        gamma = z_covariance(population, pairs) / (effective_df(event.sizes, icc) - 2)[:, None, None]
        centre, slope = _linear(population, pairs, numbers, event)
        at_sample, _ = _linear(sample, pairs, numbers, event, slopes=False)
        cross = np.einsum("dpq,dkq->dpk", gamma, slope)
        spread = np.einsum("dkp,dpl->dkl", slope, cross) + np.diag(noise)
        off = value - centre
        solved = np.linalg.solve(spread, off[..., None])[..., 0]
        sign, log_det = np.linalg.slogdet(spread)
        density = np.where(sign > 0, np.exp(-0.5 * ((off * solved).sum(axis=1) + log_det)), 0.0)
        rounding = np.sqrt(noise) * rng.standard_normal(at_sample.shape)
        step = np.linalg.solve(spread, (value - at_sample - rounding)[..., None])
        z = np.arctanh(np.clip(sample[:, pairs[0], pairs[1]], -0.9999999, 0.9999999)) + (cross @ step)[..., 0]
        shows = event.judge(from_pairs(np.tanh(z), len(event.roles.columns))) == 0
        kept.append(correlations[shows])
        weights.append((weight * density)[shows])
    return np.concatenate(kept), np.concatenate(weights)


def _linear(
    r: Array,
    pairs: tuple[Ints, Ints],
    numbers: Sequence[tuple[Number, float, float]],
    event: Event,
    slopes: bool = True,
) -> tuple[Array, Array]:
    """Numbers (D, k) at correlations (D, C, C), those of pairs as Fisher z, and their derivatives (D, k, P) by each z."""

    def at(r: Array) -> Array:
        columns = [number.of(r, event) for number, _, _ in numbers]
        limited = [np.clip(column, -0.9999999, 0.9999999) for column in columns]
        return np.stack(
            [
                np.arctanh(limited[k]) if numbers[k][0].kind == PAIR else columns[k]
                for k in range(len(columns))
            ],
            axis=1,
        )

    centre = at(r)
    slope = np.zeros((len(r), len(numbers), len(pairs[0])))
    for place, (i, j) in enumerate(zip(*pairs, strict=True)) if slopes else ():
        step = 1e-5
        moved = r.copy()
        moved[:, i, j] = moved[:, j, i] = r[:, i, j] + step
        slope[:, :, place] = (at(moved) - centre) / step * (1 - r[:, i, j] ** 2)[:, None]
    return centre, slope


def conditioned_rows(
    settings: Settings, event: Event, numbers: Sequence[tuple[Number, float, float]]
) -> Iterator[dict[str, Any]]:
    """Posterior of every quantity given the pattern and the typed numbers, under the headline prior."""
    asked_for = settings.design["posterior"]
    name, draws = asked_for["priors"][0], max(asked_for["importance"], 1)
    size = len(event.roles.aspects)
    prior = load_prior(name, size)
    rng = stream(settings.seed, PART, name)
    proposal = Proposal(prior, event, stream(settings.seed, PART, name, "pilot"))

    def draw(count: int) -> tuple[Array, Array, Array]:
        if proposal.usable:
            correlations, weights = proposal.draw(rng, count)
            return correlations, rng.beta(*prior.icc, count), weights
        correlations, icc = prior.draw(rng, count, size)
        return correlations, icc, np.ones(count)

    correlations, weights = conditioned(event, numbers, draw, rng, draws)
    asked, before = described(settings, name, event)
    after = values(correlations, event, asked)
    for column, quantity in enumerate(asked):
        row = named_prior(name) | {
            "estimand": "single",
            "test": "pearson",
            "method": PUBLISHED,
            "kept": len(weights),
        }
        row |= quantity.named
        row |= before_and_after(quantity, before[:, column], after[:, column], weights)
        yield row | _mean(quantity, before[:, column], after[:, column], weights)


def _mean(quantity: Quantity, before: Array, after: Array, weights: Array) -> dict[str, float]:
    if not weights.sum():
        return {}
    mean = float(np.average(after, weights=weights))
    error = math.sqrt(float((weights**2 * (after - mean) ** 2).sum())) / float(weights.sum())
    ratio = odds_ratio(mean, float(before.mean())) if quantity.is_probability else math.nan
    return {"posterior": mean, "mc_se": error, "ratio": ratio}
