"""Priors: what may be true of the population before the article is read (``config/priors/``).

K aspects of equal SD make up the total; with m the mediator and y the outcome and s² = K + 2 Σ r(aspects), the SD of their
sum,

    r(aspect k, m) = r(total, m) s / K + g_k - mean(g),    r(aspect k, y) likewise with gaps of its own,

so that Σ_k r(aspect k, m) / s = r(total, m) whatever the gaps. Beliefs are normal distributions, cut to positive definite
matrices: what is not is drawn and thrown away (the kernel sees to it).

``uniform`` beliefs make every positive definite matrix as probable as any other (LKJ with shape 1). Write the aspects'
matrix as A = LL', a_m = L u_m and a_y = L u_y for their correlations with m and y: positive definite says |u_m| < 1,
|u_y| < 1 and r(m, y) = u_m'u_y + q √((1 - |u_m|²)(1 - |u_y|²)) with q in (-1, 1). The volume element is
|A| √(1 - |u_m|²) √(1 - |u_y|²) du_m du_y dq: u has density ∝ √(1 - |u|²), so |u|² ~ Beta(K / 2, 3 / 2) and a uniform
direction; q is uniform; A has its own density times |A|, drawn by accepting A with probability |A|. Uniform A times |A|
is LKJ with shape 2, drawn by partial correlations along a C-vine (Lewandowski, Kurowicka & Joe, 2009, section 2.4).
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.package import from_here
from fortems.schema import load_checked
from fortems.stats.arrays import Array
from fortems.study.definition import file_of

RELATIONS = ("total_mediator", "total_outcome", "mediator_outcome")
TRIED, LEAST = 4000, 1e-3  # draws of a check, and the smallest share of them that must be positive definite


@dataclass(frozen=True)
class Belief:
    """A normal distribution of a correlation or gap; uniform over what is positive definite where ``sd`` is infinite."""

    mean: float
    sd: float

    @property
    def uniform(self) -> bool:
        """Whether it is no normal distribution."""
        return math.isinf(self.sd)


@dataclass(frozen=True)
class Prior:
    """A prior over correlation matrices of K aspects, mediator and outcome, and over the therapists' ICC.

    Attributes
    ----------
    name, title, text : str
    warning : bool
        Shown as a warning only.
    aspects, gaps : Belief
    relations : mapping of str to Belief
        ``RELATIONS``.
    icc : (float, float)
        The two shapes of a beta distribution.
    """

    name: str
    title: str
    text: str
    warning: bool
    aspects: Belief
    gaps: Belief
    relations: Mapping[str, Belief]
    icc: tuple[float, float]

    @property
    def uniform(self) -> bool:
        """Whether the relations are uniform, so that there are no parameters to weight by."""
        return self.relations["total_mediator"].uniform

    def draw(self, rng: np.random.Generator, draws: int, aspects: int) -> tuple[Array, Array]:
        """Draw populations.

        Parameters
        ----------
        rng : Generator
        draws, aspects : int
            D and K.

        Returns
        -------
        correlations : ndarray (D, K + 2, K + 2)
            Aspects, mediator, outcome; not always positive definite.
        icc : ndarray (D,)
        """
        found = self._draw_uniform(rng, draws, aspects) if self.uniform else None
        if found is None:
            found = matrices(self.parameters(rng, draws, aspects), aspects)
        return found, rng.beta(*self.icc, draws)

    def matrices(self, parameters: Array, aspects: int) -> Array:
        """Correlation matrices (D, K + 2, K + 2) of parameters."""
        if not self.uniform:
            return matrices(parameters, aspects)
        return from_pairs(parameters, aspects + 2)

    def beliefs(self, aspects: int) -> list[Belief]:
        """The belief on each parameter that is normal, in the order of ``parameters``."""
        pairs = aspects * (aspects - 1) // 2
        return (
            [self.aspects] * pairs
            + [self.relations[name] for name in RELATIONS]
            + [self.gaps] * (2 * aspects)
        )

    def parameters(self, rng: np.random.Generator, draws: int, aspects: int) -> Array:
        """Draw parameters (D, P).

        Correlations of the aspects, ``RELATIONS``, gaps towards m, gaps towards y; where relations are uniform all
        correlations of the matrix, row by row.
        """
        if self.uniform:
            i, j = np.triu_indices(aspects + 2, 1)
            return np.asarray(self._draw_uniform(rng, draws, aspects)[:, i, j])
        beliefs = self.beliefs(aspects)
        mean, sd = np.array([b.mean for b in beliefs]), np.array([b.sd for b in beliefs])
        return np.asarray(mean + sd * rng.standard_normal((draws, len(beliefs))))

    def log_density(self, parameters: Array, aspects: int) -> Array:
        """Log density (D,) of parameters; for normal beliefs before they are cut to positive definite."""
        if self.uniform:
            return self._log_uniform(parameters, aspects)
        return _log_normal(parameters, self.beliefs(aspects))

    def _log_uniform(self, parameters: Array, aspects: int) -> Array:
        i, j = np.triu_indices(aspects + 2, 1)
        own = parameters[:, (i < aspects) & (j < aspects)]
        # Volume of what a_m, a_y and r(m, y) can be given A: |A| times this squared, times 2.
        ball = math.pi ** (aspects / 2) * math.gamma(1.5) / math.gamma(aspects / 2 + 1.5)
        constant = math.log(2) + 2 * math.log(ball) + math.log(self._mean_determinant(aspects))
        if self.aspects.uniform:
            return np.full(len(parameters), -constant)
        return _log_normal(own, [self.aspects] * own.shape[1]) - constant

    def _mean_determinant(self, aspects: int) -> float:
        """Integral of |A| over the aspects' own (not cut) density, or over all matrices where they are uniform."""
        rng = np.random.default_rng(0)
        pairs, uniform = aspects * (aspects - 1) // 2, self.aspects.uniform
        size = (TRIED * 50, pairs)
        values = rng.uniform(-1, 1, size) if uniform else rng.normal(self.aspects.mean, self.aspects.sd, size)
        found = from_pairs(values, aspects)
        usable = np.linalg.eigvalsh(found)[:, 0] > 0
        return float((np.linalg.det(found) * usable).mean()) * (2.0**pairs if uniform else 1.0)

    def _draw_uniform(self, rng: np.random.Generator, draws: int, aspects: int) -> Array:
        own = np.empty((0, aspects, aspects))
        while len(own) < draws:
            own = np.concatenate([own, self._aspects(rng, 2 * draws, aspects)])
        own = own[:draws]
        root = np.linalg.cholesky(own)
        vectors = [_in_ball(rng, draws, aspects) for _ in range(2)]
        spare = [np.sqrt(1 - (u**2).sum(axis=1)) for u in vectors]
        found = np.tile(np.eye(aspects + 2), (draws, 1, 1))
        found[:, :aspects, :aspects] = own
        for place, u in zip((aspects, aspects + 1), vectors, strict=True):
            found[:, :aspects, place] = found[:, place, :aspects] = np.einsum("dij,dj->di", root, u)
        q = rng.uniform(-1, 1, draws)
        r = (vectors[0] * vectors[1]).sum(axis=1) + q * spare[0] * spare[1]
        found[:, aspects, aspects + 1] = found[:, aspects + 1, aspects] = r
        return found

    def _aspects(self, rng: np.random.Generator, draws: int, aspects: int) -> Array:
        """Matrices of the aspects with their own density times their determinant; fewer than asked for."""
        if self.aspects.uniform:
            return lkj(rng, draws, aspects, 2.0)
        pairs = aspects * (aspects - 1) // 2
        found = from_pairs(rng.normal(self.aspects.mean, self.aspects.sd, (draws, pairs)), aspects)
        found = found[rng.uniform(size=draws) < np.linalg.det(found)]
        return np.asarray(found[np.linalg.eigvalsh(found)[:, 0] > 1e-9])


def from_pairs(values: Array, size: int) -> Array:
    """Return correlation matrices (D, size, size) of their pairs (D, P), row by row of the upper triangle."""
    found = np.tile(np.eye(size), (len(values), 1, 1))
    i, j = np.triu_indices(size, 1)
    found[:, i, j] = found[:, j, i] = values
    return found


def _log_normal(parameters: Array, beliefs: Sequence[Belief]) -> Array:
    mean, sd = np.array([b.mean for b in beliefs]), np.array([b.sd for b in beliefs])
    constant = np.log(sd).sum() + len(beliefs) / 2 * math.log(2 * math.pi)
    return np.asarray(-0.5 * (((parameters - mean) / sd) ** 2).sum(axis=1) - constant)


def _in_ball(rng: np.random.Generator, draws: int, size: int) -> Array:
    """Vectors of density ∝ √(1 - |u|²) in the unit ball."""
    direction = rng.standard_normal((draws, size))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return np.asarray(direction * np.sqrt(rng.beta(size / 2, 1.5, draws))[:, None])


def lkj(rng: np.random.Generator, draws: int, size: int, shape: float) -> Array:
    """Correlation matrices (D, size, size) of density ∝ determinant^(shape - 1), along a C-vine."""
    partial = np.zeros((draws, size, size))
    found = np.tile(np.eye(size), (draws, 1, 1))
    for k in range(size - 1):
        beta = shape + (size - 2 - k) / 2
        for i in range(k + 1, size):
            partial[:, k, i] = r = 2 * rng.beta(beta, beta, draws) - 1
            for j in range(k - 1, -1, -1):
                a, b = partial[:, j, i], partial[:, j, k]
                r = r * np.sqrt((1 - a**2) * (1 - b**2)) + a * b
            found[:, k, i] = found[:, i, k] = r
    return found


def matrices(parameters: Array, aspects: int) -> Array:
    """Correlation matrices (D, K + 2, K + 2) of parameters as ``Prior.parameters`` has them."""
    draws, pairs = len(parameters), aspects * (aspects - 1) // 2
    found = np.tile(np.eye(aspects + 2), (draws, 1, 1))
    found[:, :aspects, :aspects] = from_pairs(parameters[:, :pairs], aspects)
    spread = np.sqrt(np.maximum(aspects + 2 * parameters[:, :pairs].sum(axis=1), 0.0))
    total = parameters[:, pairs : pairs + 2] * spread[:, None] / aspects
    gaps = parameters[:, pairs + 3 :].reshape(draws, 2, aspects)
    gaps = gaps - gaps.mean(axis=2, keepdims=True)
    for place in (0, 1):
        values = total[:, place, None] + gaps[:, place]
        found[:, :aspects, aspects + place] = found[:, aspects + place, :aspects] = values
    found[:, aspects, aspects + 1] = found[:, aspects + 1, aspects] = parameters[:, pairs + 2]
    return found


def load_prior(name: str | os.PathLike[str], aspects: int = 3) -> Prior:
    """Read a prior and check it.

    Parameters
    ----------
    name : str or path
        A file of ``config/priors/`` (the suffix may be left out) or a path.
    aspects : int
        How many aspects it will be drawn for.

    Raises
    ------
    ConfigError
        With every problem: keys and values against the schema, unknown sources, beliefs that are neither normal nor
        uniform or mix both, an ICC with no such beta distribution, no positive definite draw.
    """
    path = Path(from_here(file_of("prior", os.fspath(name))))
    raw = load_checked(path, "prior")
    where = os.fspath(path)
    entries = {f"correlations.{key}": entry for key, entry in raw["correlations"].items()} | {
        "icc": raw["icc"]
    }
    problems = []
    for key, entry in entries.items():
        place = f"{where}: {key}"
        if entry["source"] not in raw["sources"]:
            what, known = f"there is no source {entry['source']!r}", ", ".join(raw["sources"])
            hint = did_you_mean(entry["source"], raw["sources"])
            problems.append(Problem(f"{place}.source", what, known, hint))
        if key != "icc" and ("uniform" in entry) == ("mean" in entry and "sd" in entry):
            problems.append(Problem(place, "is neither one nor the other", "mean and sd, or uniform: true"))
    problems += [] if problems else _mixed(raw["correlations"], where)
    mean, sd = raw["icc"]["mean"], raw["icc"]["sd"]
    size = mean * (1 - mean) / sd**2 - 1
    if size <= 0:
        most = f"a mean of {mean:g} allows an sd below {math.sqrt(mean * (1 - mean)):.3g}"
        problems.append(Problem(f"{where}: icc.sd", f"no beta distribution has the sd {sd:g}", most))
    if problems:
        raise ConfigError(problems)
    beliefs = {key: _belief(entry) for key, entry in raw["correlations"].items()}
    prior = Prior(
        name=path.stem,
        title=raw["title"],
        text=raw["text"],
        warning=raw["warning"],
        aspects=beliefs["aspects"],
        gaps=beliefs.get("gaps", Belief(0.0, math.inf)),
        relations={key: beliefs[key] for key in RELATIONS},
        icc=(mean * size, (1 - mean) * size),
    )
    if not prior.uniform:
        tried = matrices(prior.parameters(np.random.default_rng(0), TRIED, aspects), aspects)
        usable = np.linalg.eigvalsh(tried)[:, 0] > 0
        if usable.mean() < LEAST:
            what = f"only {int(usable.sum())} of {TRIED} draws are positive definite"
            allowed = "correlations that one population can have"
            raise ConfigError(Problem(f"{where}: correlations", what, allowed, _closest(prior, aspects)))
    return prior


def _belief(entry: Mapping[str, Any]) -> Belief:
    return Belief(0.0, math.inf) if entry.get("uniform") else Belief(float(entry["mean"]), float(entry["sd"]))


def _mixed(entries: Mapping[str, Any], where: str) -> list[Problem]:
    """Uniform relations come together and leave no gaps."""
    uniform = [key for key in RELATIONS if entries[key].get("uniform")]
    place = f"{where}: correlations"
    if uniform and len(uniform) < len(RELATIONS):
        others = ", ".join(key for key in RELATIONS if key not in uniform)
        return [
            Problem(
                place, f"{', '.join(uniform)} uniform, {others} not", "all three, or none, of them uniform"
            )
        ]
    if uniform and "gaps" in entries:
        return [Problem(f"{place}.gaps", "uniform relations have no gaps", "no key gaps")]
    if not uniform and ("gaps" not in entries or entries["gaps"].get("uniform")):
        return [Problem(f"{place}.gaps", "the gaps have no mean and sd", "mean and sd")]
    if not uniform and entries["aspects"].get("uniform"):
        return [Problem(f"{place}.aspects", "uniform aspects beside normal relations", "mean and sd")]
    return []


def _closest(prior: Prior, aspects: int) -> str:
    """How far the means would have to move: the share of them that is just positive definite."""
    mean = np.array([belief.mean for belief in prior.beliefs(aspects)])
    shares = [
        share
        for share in np.linspace(1, 0, 101)
        if np.linalg.eigvalsh(matrices(share * mean[None], aspects))[0, 0] > 0
    ]
    return f"Means at {shares[0]:.0%} of these would do" if shares else ""
