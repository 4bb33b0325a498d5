"""Priors of the two-level model, and draws from them.

Variables in units of their total SD. SDs within: half-t(3) of scale 1. SDs between: half-t(3) of scale .25, .5 and 1, side
by side; or, informed, every ICC by Beta(1, 19): mean .05 with 95 % between .001 and .18, after Johns et al. (2019), whose
studies of therapists' shares of outcome range from .002 to .29 about a weighted mean of .05. (That these hold for the predictor and
the mediator too is an assumption.) Correlations at both levels: LKJ(η). Means: flat.

The prior of the standardized direct effect within, c' = (r_xy − r_xm r_my) / (1 − r_xm²), is the one that the LKJ prior
induces. In SDs within therapists, the units of the equivalence test: in other units its density at 0 would hold the
expectation of 1 / SD, which is infinite under a half-t.

References
----------
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis, 1(3), 515-534.
Johns, R. G., Barkham, M., Kellett, S., & Saxon, D. (2019). A systematic review of therapist effects. Clinical Psychology
Review, 67, 78-93.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fortems.stats.arrays import Array

NU = 3.0
WITHIN_SCALE = 1.0
#: Beta of every ICC in the informed prior: mean .05.
JOHNS = (1.0, 19.0)
INFORMED = "johns_2019"


@dataclass(frozen=True)
class Prior:
    """A prior.

    Attributes
    ----------
    name : str
    scale : float
        Of the half-t on SDs between; NaN where ICCs have the informed prior.
    eta : float
        Of LKJ, at both levels.
    icc : (float, float)
        Beta of the ICCs; (0, 0) for the half-t.
    """

    name: str
    scale: float
    eta: float
    icc: tuple[float, float] = (0.0, 0.0)

    def numbers(self) -> Array:
        """What the sampler is told: scale within, scale between, ν, η, a and b of the ICCs' Beta."""
        scale = self.scale if self.scale == self.scale else 1.0
        return np.array([WITHIN_SCALE, scale, NU, self.eta, *self.icc])

    def draw(self, rng: np.random.Generator, n: int, p: int) -> Array:
        """Return n draws (n, p(p + 1)) of the parameters in the sampler's order."""
        within = np.abs(rng.standard_t(NU, (n, p))) * WITHIN_SCALE
        if self.icc[1] > 0:
            icc = rng.beta(*self.icc, (n, p))
            between = within * np.sqrt(icc / (1 - icc))
        else:
            between = np.abs(rng.standard_t(NU, (n, p))) * self.scale
        both = [partial_correlations(rng, n, p, self.eta) for _ in range(2)]
        return np.concatenate([np.log(within), between, *(np.arctanh(r) for r in both)], axis=1)


def priors(scales: Sequence[float], eta: float) -> list[Prior]:
    """Return the informed prior, which comes first, and those of the scales."""
    return [
        Prior(INFORMED, np.nan, eta, JOHNS),
        *(Prior(f"half_t_{scale:g}", float(scale), eta) for scale in scales),
    ]


def partial_correlations(rng: np.random.Generator, n: int, p: int, eta: float) -> Array:
    """Return canonical partial correlations (n, p(p − 1)/2) under LKJ(eta), row by row of the lower triangle."""
    found = []
    for i in range(p):
        for j in range(i):
            shape = eta + 0.5 * (p - 2 - j)
            found.append(2.0 * rng.beta(shape, shape, n) - 1.0)
    return np.stack(found, axis=1)


def correlations(partial: Array, p: int) -> Array:
    """Return correlation matrices (n, p, p) of canonical partial correlations (n, p(p − 1)/2)."""
    factor = np.zeros((len(partial), p, p))
    place = 0
    for i in range(p):
        left = np.ones(len(partial))
        for j in range(i):
            factor[:, i, j] = partial[:, place] * np.sqrt(left)
            left = left * (1 - partial[:, place] ** 2)
            place += 1
        factor[:, i, i] = np.sqrt(left)
    return factor @ factor.swapaxes(1, 2)


def direct_density_at_zero(rng: np.random.Generator, eta: float, draws: int) -> tuple[float, float]:
    """Return the prior density of the standardized direct effect at 0, by simulation, and its Monte Carlo error.

    With the mediator first, c' = r_xy·m √((1 − r_my²) / (1 − r_xm²)), where r_xy·m is independent of the other two. Given these the
    density at 0 is that of r_xy·m at 0 times √((1 − r_xm²) / (1 − r_my²)), whose mean over draws is wanted.
    """
    from scipy.special import beta

    first, second = (2.0 * rng.beta(eta + 0.5, eta + 0.5, draws) - 1.0 for _ in range(2))
    at_zero = 0.5 ** (2 * eta - 1) / beta(eta, eta)
    values = at_zero * np.sqrt((1 - first**2) / (1 - second**2))
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(draws))
