"""Populations and designs that intervals are tried on: normal ones, and such as normal theory does not have them.

SD 1, one ICC, between correlations as within, no direct path (``fortems.design.power.population``). Beside normal ones the
clients' parts have an outcome whose residual variance is .3 + .7 m², both equations' so, or slopes that vary between
therapists (SD .2, correlation .7). ``ORDINAL`` populations are normal ones as questionnaires score them: z becomes the
number g(z) of thresholds below it, with a ceiling on the predictor (one in seven at the highest score), a lighter one on
the mediator, and a skew outcome.

Moments of ordinal scores, with c_k = E[g(Z) He_k(Z)] = Σ_s φ(t_s) He_{k-1}(t_s) over the thresholds t_s (integration by parts):

    Cov(g_i(Z_1), g_j(Z_2)) = Σ_{k ≥ 1} c_ik c_jk ρ^k / k!,   ρ = Cov(Z_1, Z_2)

(Mehler's expansion; Kendall & Stuart, 1977, 26.27), for Z of one client at the total, of two clients of one therapist at the
between level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from fortems.design.power import population
from fortems.stats.arrays import Array, Ints
from fortems.stats.normal import draw_normal

SLOPE_SD, SLOPE_CORRELATION = 0.2, 0.7
PAPER_SIZES = (12, 10, 8, 7, 6, 6, 5, 5, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1)
ORDER = 60  # of the expansion; |ρ| < .6 leaves less than 1e-13

#: a and b: an effect as in meta-analyses, and the three ways in which there is none.
EFFECTS: dict[str, tuple[float, float]] = {
    "effect": (0.30, -0.35),
    "a = b = 0": (0.0, 0.0),
    "b = 0": (0.30, 0.0),
    "a = 0": (0.0, -0.35),
}

#: How the clients' parts are drawn.
NORMAL, OUTCOME, BOTH, SLOPES, ORDINAL = (
    *("normal", "residual variance of the outcome rises with the mediator"),
    *("residual variances of both equations rise", "slopes vary between therapists"),
    "ordinal scores with ceiling and skew",
)


@dataclass(frozen=True)
class Population:
    """Standardized slopes (of the normal variables below ordinal scores), and how the clients' parts are drawn."""

    a: float
    b: float
    kind: str = NORMAL


POPULATIONS: dict[str, Population] = {
    **{name: Population(a, b) for name, (a, b) in EFFECTS.items()},
    **{
        f"{name}; {kind}": Population(a, b, kind)
        for kind in (OUTCOME, BOTH, SLOPES, ORDINAL)
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

#: Correlations by name: places of the two variables.
PAIRS: dict[str, tuple[int, int]] = {"r(x, m)": (0, 1), "r(m, y)": (1, 2), "r(x, y)": (0, 2)}

#: Designs with all populations; the others have the normal ones.
DEEPER = ("23 therapists, ICC 0", "10 therapists, ICC .05")


def cells() -> dict[str, tuple[Design, str]]:
    """Designs and the names of their populations, by the name of the cell."""
    return {
        f"{design.name}; {name}": (design, name)
        for design in DESIGNS
        for name, chosen in POPULATIONS.items()
        if chosen.kind == NORMAL or design.name in DEEPER
    }


def draw(rng: np.random.Generator, studies: int, chosen: Population, design: Design) -> tuple[Array, Ints]:
    """Draw studies (S, N, 3) of predictor, mediator and outcome, with the therapist of each client."""
    a, b, icc = chosen.a, chosen.b, design.icc
    within, between = population(a, b, icc)
    if chosen.kind == NORMAL:
        return draw_normal(rng, studies, within, between, design.sizes)
    if chosen.kind == ORDINAL:
        latent, cluster = draw_normal(rng, studies, within, between, design.sizes)
        scores = [
            np.searchsorted(t, latent[..., i], side="left").astype(float) for i, t in enumerate(THRESHOLDS)
        ]
        return np.stack(scores, axis=-1), cluster
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
    return np.asarray(data + np.sqrt(1 - icc) * np.stack([x, m, y], axis=-1), float), cluster


def _steps(lowest: int, highest: int, mean: float, sd: float) -> Array:
    return np.asarray((np.arange(lowest + 1, highest + 1) - 0.5 - mean) / sd, float)


def _skew_steps(highest: int, mean: float, sd: float, sigma: float) -> Array:
    """Thresholds of scores 0 … highest that are lognormal but for rounding: skewness .61 at σ = .2."""
    unit = math.sqrt(math.expm1(sigma**2) * math.exp(sigma**2))
    inside = math.exp(sigma**2 / 2) + unit * _steps(0, highest, mean, sd)
    return np.asarray(np.log(inside[inside > 0]) / sigma)


#: Of predictor (4 items of 1–5, mean 16.2 before the ceiling, SD 3.2), mediator (5 of 1–7) and outcome (45 of 0–4, skew).
THRESHOLDS: tuple[Array, Array, Array] = (
    _steps(4, 20, 16.2, 3.2),
    _steps(5, 35, 24.0, 6.5),
    _skew_steps(180, 70.0, 25.0, 0.2),
)


def ordinal_covariance(first: Array, second: Array, rho: float) -> float:
    """Return Cov(g_1(Z_1), g_2(Z_2)) of two numbers of thresholds passed, Z standard normal with correlation ρ < 1."""
    return float((_hermite(first) * _hermite(second) * rho ** np.arange(1, ORDER + 1)).sum())


def _hermite(thresholds: Array) -> Array:
    """c_k / √k! for k = 1 … ``ORDER``, by normalized Hermite polynomials h_k = He_k / √k!."""
    density = np.exp(-(thresholds**2) / 2) / math.sqrt(2 * math.pi)
    before, now = np.zeros_like(thresholds), np.ones_like(thresholds)
    found = []
    for k in range(1, ORDER + 1):
        found.append(float((density * now).sum()) / math.sqrt(k))
        before, now = now, (thresholds * now - math.sqrt(k - 1) * before) / math.sqrt(k)
    return np.array(found)


def _ordinal_variance(thresholds: Array) -> float:
    above = ndtr(-thresholds)
    mean = above.sum()
    return float(((2 * np.arange(len(above)) + 1) * above).sum() - mean**2)


def moments(chosen: Population, icc: float) -> tuple[Array, Array]:
    """Return the covariances (3, 3) of predictor, mediator and outcome, total and within therapists."""
    within, between = population(chosen.a, chosen.b, icc)
    if chosen.kind == ORDINAL:
        total, shared = np.empty((3, 3)), np.empty((3, 3))
        for i, first in enumerate(THRESHOLDS):
            for j, second in enumerate(THRESHOLDS):
                rho = float((within + between)[i, j])
                total[i, j] = _ordinal_variance(first) if i == j else ordinal_covariance(first, second, rho)
                shared[i, j] = ordinal_covariance(first, second, float(between[i, j]))
        return total, total - shared
    client = within / (1 - icc)
    if chosen.kind == SLOPES:
        client = _varying(chosen.a, chosen.b)
    within = (1 - icc) * client
    return within + between, within


def _varying(a: float, b: float) -> Array:
    """Covariances over all therapists where slopes vary: m = a_j x + …, y = b_j m + …, (a_j, b_j) bivariate normal."""
    v, c = SLOPE_SD**2, SLOPE_CORRELATION * SLOPE_SD**2
    mm = 1 + v
    squares = (a**2 + v) * (b**2 + v) + 4 * a * b * c + 2 * c**2  # E[a_j² b_j²]
    xy, my = a * b + c, b * mm + 2 * a * c
    yy = squares + (b**2 + v) * (1 - a**2) + 1 - b**2
    return np.array([[1, a, xy], [a, mm, my], [xy, my, yy]])


def truths(chosen: Population, icc: float) -> dict[str, dict[str, float]]:
    """What intervals should cover, per estimand: least-squares paths of the population, total correlations (``single``).

    Where slopes vary between therapists these are the paths of all clients together, a little off the mean slopes.
    """
    total, within = moments(chosen, icc)
    found = {}
    for estimand, s in (("within", within), ("single", total)):
        a = s[0, 1] / s[0, 0]
        b, direct = np.linalg.solve(s[[1, 0]][:, [1, 0]], s[[1, 0], 2])
        found[estimand] = {"a": a, "b": b, "direct": direct, "indirect": a * b}
    sd = np.sqrt(np.diag(total))
    for name, (i, j) in PAIRS.items():
        found["single"][name] = total[i, j] / (sd[i] * sd[j])
    return {e: {name: float(value) + 0.0 for name, value in of.items()} for e, of in found.items()}
