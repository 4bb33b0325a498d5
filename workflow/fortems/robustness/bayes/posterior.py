"""Posterior of a model's paths within and between therapists (``robustness/bayes.csv``).

Where the maximum lies at the boundary of Σ_B the report withholds effects between therapists and contextual effects: no
standard error exists there. The posterior has them, as wide as they are. Slopes between are ratios with a variance in the denominator that may
be near 0; so medians and equal-tailed intervals are given, and no means.

The Bayes factor of c' = 0 against c' ≠ 0 is the posterior density of c' at 0 over its prior density there (Savage–Dickey; Dickey,
1971): above 1 the data speak for no direct effect.

References
----------
Dickey, J. M. (1971). The weighted likelihood ratio, linear hypotheses on normal location parameters. Annals of Mathematical
Statistics, 42(1), 204-223.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fortems.mediation.columns import build
from fortems.mediation.system import CannotFit, System, check_within
from fortems.mediation.verdicts import BOUND
from fortems.robustness.bayes import kernel
from fortems.robustness.bayes.diagnostics import ess, mean_ess, rhat
from fortems.robustness.bayes.prior import Prior, correlations, direct_density_at_zero, priors
from fortems.robustness.covariances import X, Y, examined, slopes
from fortems.seeds import stream
from fortems.stats.arrays import Array, Ints
from fortems.study.models import MediationModel

THIN = 10
PRIOR_DRAWS = 200_000
FEWEST_NEAR = 30  # draws within a bandwidth of 0 that a density there needs

COLUMNS = (
    *("model", "predictor", "mediator", "outcome", "prior", "scale", "eta", "level", "quantity", "variable"),
    *(
        "estimate",
        "ci_low",
        "ci_high",
        "negative",
        "mcse",
        "rhat",
        "ess",
        "note",
        "n_clients",
        "n_therapists",
    ),
)


@dataclass(frozen=True)
class Settings:
    """Sizes of the sampling.

    Attributes
    ----------
    seed : int
    confidence : float
    steps, chains : int
        Of the random walk after a warm-up of a fifth of them, for each chain.
    scales : sequence of float
        Of the half-t on SDs between.
    lkj : float
        η of LKJ.
    """

    seed: int
    confidence: float = 0.95
    steps: int = 100_000
    chains: int = 4
    scales: Sequence[float] = (0.25, 0.5, 1.0)
    lkj: float = 2.0


@dataclass(frozen=True)
class Statistics:
    """Sufficient statistics of complete rows about 0, as the engine's kernel takes them.

    Attributes
    ----------
    sizes, count : ndarray (K,)
    sums, cross : ndarray (K, p), (K, p, p)
        Of therapists' means.
    within : ndarray (p, p)
    df : float
    """

    sizes: Ints
    count: Array
    sums: Array
    cross: Array
    within: Array
    df: float

    @classmethod
    def of(cls, values: Array, cluster: Ints) -> Statistics:
        """Sum up rows (n, p) in the units of the priors, with their therapists 0 … J − 1."""
        n = np.bincount(cluster)
        means = np.stack([np.bincount(cluster, column) for column in values.T], axis=1) / n[:, None]
        rest = values - means[cluster]
        sizes, group = np.unique(n, return_inverse=True)
        member = (group == np.arange(len(sizes))[:, None]).astype(float)
        return cls(
            sizes.astype(np.int64),
            member.sum(axis=1),
            np.ascontiguousarray(member @ means),
            np.ascontiguousarray(np.einsum("kj,jp,jq->kpq", member, means, means)),
            np.ascontiguousarray(rest.T @ rest),
            float(len(values) - len(n)),
        )

    def arguments(self) -> tuple[Any, ...]:
        """As the kernel takes them."""
        return self.sizes, self.count, self.sums, self.cross, self.within, self.df

    def start(self, rng: np.random.Generator) -> Array:
        """A point to start from: pooled SDs within, small SDs between, no correlations, all jittered."""
        p = len(self.within)
        spread = np.sqrt(np.diag(self.within) / max(self.df, 1.0))
        pairs = p * (p - 1)
        centre = np.concatenate([np.log(spread), 0.3 * spread, np.zeros(pairs)])
        scale = np.concatenate([np.full(p, 0.1), 0.1 * spread, np.full(pairs, 0.1)])
        return np.asarray(centre + scale * rng.standard_normal(len(centre)))


def chain(
    statistics: Statistics, prior: Prior, rng: np.random.Generator, warmup: int, steps: int, thin: int = THIN
) -> Array:
    """Return the kept draws (steps // thin, p(p + 1)) of one chain, SDs between as sizes."""
    p = len(statistics.within)
    out = np.empty((steps // thin, p * (p + 1)))
    normal, uniform = rng.standard_normal((warmup + steps, p * (p + 1))), rng.random(warmup + steps)
    start = statistics.start(rng)
    kernel.sample(start, *statistics.arguments(), prior.numbers(), normal, uniform, warmup, thin, out)
    out[:, p : 2 * p] = np.abs(out[:, p : 2 * p])
    return out


def covariances(draws: Array, p: int, unit: Array) -> tuple[Array, Array]:
    """Return Σ_W and Σ_B (n, p, p) of draws (n, p(p + 1)), in the variables' own units."""
    pairs = p * (p - 1) // 2
    parts = draws[:, 2 * p : 2 * p + pairs], draws[:, 2 * p + pairs :]
    spreads = np.exp(draws[:, :p]) * unit, draws[:, p : 2 * p] * unit
    found = [
        correlations(np.tanh(part), p) * spread[:, :, None] * spread[:, None, :]
        for part, spread in zip(parts, spreads, strict=True)
    ]
    return found[0], found[1]


def quantities(within: Array, between: Array) -> dict[tuple[str, str], Array]:
    """Return what is reported of draws of Σ_W and Σ_B: (level, quantity) → (n,)."""
    found: dict[tuple[str, str], Array] = {}
    parts = {"within": slopes(within), "between": slopes(between)}
    for level, (a, b, direct) in parts.items():
        found |= {(level, "a"): a, (level, "b"): b, (level, "direct"): direct, (level, "indirect"): a * b}
    for i, name in enumerate(("a", "b", "direct")):
        found["contextual", name] = parts["between"][i] - parts["within"][i]
    found["within", "direct_standardized"] = parts["within"][2] * np.sqrt(within[:, X, X] / within[:, Y, Y])
    for i, name in enumerate(("icc_predictor", "icc_mediator", "icc_outcome")):
        found["between", name] = between[:, i, i] / (between[:, i, i] + within[:, i, i])
    return found


def table(
    models: Mapping[str, MediationModel],
    scores: pd.DataFrame,
    settings: Settings,
    bound: float = BOUND,
) -> pd.DataFrame:
    """Return the posterior of the models that this room looks at.

    Parameters
    ----------
    models : mapping
    scores : DataFrame
        Complete rows are used; where others are left out a remark says so.
    settings : Settings
    bound : float
        δ of P(|c'| < δ), in SDs within therapists.
    """
    rows: list[dict[str, Any]] = []
    for model in examined(models).values():
        try:
            system = build(model, scores)
            check_within(system)
        except CannotFit:
            continue
        if system.covariates or system.between_only:
            continue
        for prior in priors(settings.scales, settings.lkj):
            rows += _rows(system, prior, settings, bound)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _rows(system: System, prior: Prior, settings: Settings, bound: float) -> list[dict[str, Any]]:
    model = system.model
    values, cluster, n_clusters = system.complete_values()
    if n_clusters in (1, len(values)):
        return []
    unit = values.std(axis=0)
    statistics = Statistics.of((values - values.mean(axis=0)) / unit, cluster)
    p = len(unit)
    chains = [
        chain(
            statistics,
            prior,
            stream(settings.seed, "robustness", "bayes", model.name, prior.name, number),
            settings.steps // 5,
            settings.steps,
        )
        for number in range(settings.chains)
    ]
    draws = np.stack(chains)
    found = quantities(*covariances(draws.reshape(-1, draws.shape[-1]), p, unit))
    base = model.named() | {
        "prior": prior.name,
        "scale": prior.scale,
        "eta": prior.eta,
        "variable": "",
        "note": "complete rows only" if system.n_missing else "",
        "n_clients": len(values),
        "n_therapists": n_clusters,
    }
    tail = (1 - settings.confidence) / 2
    rows = []
    for (level, quantity), drawn in found.items():
        by_chain = drawn.reshape(settings.chains, -1)
        low, middle, high = np.quantile(drawn, [tail, 0.5, 1 - tail])
        role = quantity.removeprefix("icc_") if quantity.startswith("icc_") else ""
        rows.append(
            base
            | {
                "level": level,
                "quantity": "icc" if role else quantity,
                "variable": base[role] if role else "",
                "estimate": float(middle),
                "ci_low": float(low),
                "ci_high": float(high),
                "negative": float((drawn < 0).mean()),
                "rhat": rhat(by_chain),
                "ess": ess(by_chain),
            }
        )
    direct = found["within", "direct_standardized"].reshape(settings.chains, -1)
    return rows + [base | {"level": "within"} | row for row in _direct_rows(direct, prior, settings, bound)]


def _direct_rows(direct: Array, prior: Prior, settings: Settings, bound: float) -> list[dict[str, Any]]:
    """P(|c'| < δ), the densities at 0 and the Bayes factor, from draws (C, n) of the standardized direct effect."""
    inside = (np.abs(direct) < bound).astype(float)
    share, size = float(inside.mean()), mean_ess(inside)
    rng = stream(settings.seed, "robustness", "bayes", "prior density", prior.eta)
    before, before_error = direct_density_at_zero(rng, prior.eta, PRIOR_DRAWS)
    after, after_error, note = density_at_zero(direct)
    factor = after / before
    error = factor * float(np.hypot(before_error / before, after_error / after if after else 0.0))
    rows = [
        {"quantity": "equivalence", "estimate": share, "mcse": float(np.sqrt(share * (1 - share) / size))},
        {"quantity": "prior_density", "estimate": before, "mcse": before_error},
        {"quantity": "posterior_density", "estimate": after, "mcse": after_error},
        {"quantity": "bayes_factor", "estimate": factor, "mcse": error},
    ]
    rows[0]["ess"] = size
    return [
        row | ({"note": note} if note and row["quantity"] in ("posterior_density", "bayes_factor") else {})
        for row in rows
    ]


def density_at_zero(draws: Array) -> tuple[float, float, str]:
    """Return the density at 0 of draws (C, n) by a normal kernel, its Monte Carlo error, and a remark.

    The bandwidth is Silverman's (1986) from the effective number of draws; the error is that of chains among each other.
    """
    flat = draws.ravel()
    spread = min(float(flat.std(ddof=1)), float(np.subtract(*np.quantile(flat, [0.75, 0.25]))) / 1.349)
    width = 0.9 * spread * max(ess(draws), 2.0) ** -0.2
    heights = np.exp(-0.5 * (draws / width) ** 2) / (width * np.sqrt(2 * np.pi))
    means = heights.mean(axis=1)
    error = float(means.std(ddof=1) / np.sqrt(len(means))) if len(means) > 1 else np.nan
    near = int((np.abs(flat) < width).sum())
    note = "few draws near 0: no more than an order of size" if near < FEWEST_NEAR else ""
    return float(means.mean()), error, note
