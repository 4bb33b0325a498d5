"""Survivors: what the effect would be had nobody dropped out before the sessions that the inclusion asks for.

Whoever is in the data stayed. Suppose that staying follows a probit of the predictor and the outcome, in SDs of those who
stayed: s* = g'z + e, e ~ N(0, 1), and a share p of all stayed (s* above its quantile). If predictor, mediator and outcome are
normal before dropout, those who stayed have the covariance matrix (Pearson, 1903; Lawley, 1943)

    Σ_stayed = Σ − κ c c' / v,   c = Σ g,  v = g'Σg + 1,  κ = h (h − τ),  τ = Φ⁻¹(1 − p),  h = φ(τ) / p.

Given Σ_stayed this is solved in closed form: with q = g'Σg and q_s = g'Σ_stayed g,

    (1 − κ) q² + (1 − q_s) q − q_s = 0,   c = Σ_stayed g / (1 − κ q / (1 + q)),   Σ = Σ_stayed + κ c c' / (1 + q).

At the single level staying depends on the scores, within therapists on their deviations from the therapist's mean. Which
slopes hold cannot be learnt from those who stayed: the grid is declared beforehand, in the configuration.

References
----------
Lawley, D. N. (1943). A note on Karl Pearson's selection formulae. Proceedings of the Royal Society of Edinburgh A, 62(1), 28-30.
Pearson, K. (1903). On the influence of natural selection on the variability and correlation of organs. Philosophical
Transactions of the Royal Society A, 200, 1-66.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from fortems.robustness.covariances import Level, X, Y, indirect_of, slopes
from fortems.stats.arrays import Array

COLUMNS = (
    *("model", "level", "predictor", "mediator", "outcome", "dropout", "by_predictor", "by_outcome"),
    *("a", "b", "direct", "indirect", "ci_low", "ci_high", "p", "ratio", "n_clients", "n_therapists"),
)


def before_dropout(stayed: Array, weights: Array, dropout: float) -> Array:
    """Return the covariance matrices before dropout of those who stayed.

    Parameters
    ----------
    stayed : ndarray (R, p, p)
    weights : ndarray (p,)
        g: probit slopes of staying in the variables' own units.
    dropout : float
        Share of all that dropped out, in [0, 1).

    Returns
    -------
    ndarray (R, p, p)
    """
    from scipy.special import ndtri

    if dropout == 0 or not np.any(weights):
        return stayed.copy()
    p = 1.0 - dropout
    tau = ndtri(dropout)
    h = np.exp(-0.5 * tau**2) / np.sqrt(2 * np.pi) / p
    kappa = h * (h - tau)
    own = stayed @ weights
    q_s = own @ weights
    q = (q_s - 1 + np.sqrt((1 - q_s) ** 2 + 4 * (1 - kappa) * q_s)) / (2 * (1 - kappa))
    c = own / (1 - kappa * q / (1 + q))[:, None]
    return np.asarray(stayed + kappa * c[:, :, None] * c[:, None, :] / (1 + q)[:, None, None])


def rows(level: Level, grid: Mapping[str, Sequence[float]], confidence: float) -> list[dict[str, Any]]:
    """Return the rows of ``robustness/survivors.csv`` of a model at a level.

    Parameters
    ----------
    level : Level
    grid : mapping
        ``dropout`` (shares), ``predictor`` and ``outcome`` (probit slopes of staying per SD of those who stayed).
    confidence : float
    """
    core, rest = level.core[None], level.core_left_out
    sd = np.sqrt(np.diag(core[0]))
    here = float(np.prod([part[0] for part in slopes(core)[:2]]))
    found = []
    for dropout, by_x, by_y in product(grid["dropout"], grid["predictor"], grid["outcome"]):
        weights = np.zeros(3)
        weights[[X, Y]] = by_x / sd[X], by_y / sd[Y]
        full = slopes(before_dropout(core, weights, dropout))
        left_out = slopes(before_dropout(rest, weights, dropout))
        effect = indirect_of(full, tuple(part[:, None] for part in left_out), confidence)  # type: ignore[arg-type]
        row = level.names() | {"dropout": dropout, "by_predictor": by_x, "by_outcome": by_y} | effect.row(0)
        found.append(row | {"ratio": row["indirect"] / here} | level.sizes())
    return found
