"""How few clients carry a verdict: main models again without each therapist, each client, and without sets of clients.

The verdict is whether the primary interval of the indirect effect leaves out zero, which it does exactly where p < 1 − confidence
(``fortems.stats.products``). Every set that is told of was refitted, leave-one-therapist-out fits included: a set is proven, that
there is no smaller one is not.

Searches, of which the smallest set counts. (1) Clients in the order of what leaving out each alone does to p, and beside it
in the order of what it does to the estimate (clients who hide each other do little to p one by one), refitted after each further
one (the additive approximation of Broderick, Giordano & Meager, 2020). (2) Step by step: of all clients that are left, the one
whose leaving moves p the furthest.

References
----------
Broderick, T., Giordano, R., & Meager, R. (2020). An automatic finite-sample robustness metric: When can dropping a little data
make a big difference? arXiv 2011.14999.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from twolevel import batch

from fortems.mediation.columns import build
from fortems.mediation.engines import regression, twolevel_paths
from fortems.mediation.slopes import places_of_a_and_b
from fortems.mediation.system import CannotFit, System, check_within, two_level_values
from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.jackknife import jackknife_variance
from fortems.stats.products import product_p
from fortems.study.estimands import ESTIMANDS
from fortems.study.models import MediationModel

INFLUENCE_COLUMNS = (
    "model",
    "level",
    "predictor",
    "mediator",
    "outcome",
    "estimate",
    "p",
    "excludes_zero",
    "n_clients",
    "n_therapists",
    "therapists_flip",
    "therapists_sign",
    "clients_flip",
    "clients_sign",
    "largest_shift",
    "set_clients",
    "set_share",
    "set_estimate",
    "set_p",
    "search",
    "searched_to",
    "reason",
)
FEWEST_LEFT = 3  # therapists
ADDITIVE, STEPWISE = "additive", "stepwise"


@dataclass(frozen=True)
class Verdict:
    """An indirect effect and its p; NaN where there was no fit."""

    estimate: float
    p: float


class Refit:
    """Verdicts of one model at one level for any set of its clients.

    Parameters
    ----------
    system : System
        Of complete rows, one predictor and one mediator.
    level : str
    """

    def __init__(self, system: System, level: str):
        self.level = level
        self.system = system
        if level == "within":
            check_within(system)
            self.values, self.cluster, self.therapists = two_level_values(system)
        else:
            self.values, self.cluster, self.therapists = system.complete_values()
        self.order = system.columns
        self.model = twolevel_paths.path_model(system, self.order)
        self.start: batch.BatchFit | None = None

    @property
    def n(self) -> int:
        """Clients."""
        return len(self.values)

    def verdict(self, kept: Bools) -> Verdict:
        """Return the verdict of some clients (n,), made as the run makes its own."""
        values, labels = self.values[kept], self.cluster[kept]
        codes = np.unique(labels, return_inverse=True)[1].astype(np.int64)
        clusters = int(codes.max(initial=-1)) + 1
        if clusters < FEWEST_LEFT or not (values.std(axis=0) > 0).all():
            return Verdict(np.nan, np.nan)
        weights = np.vstack([np.ones(clusters), 1.0 - np.eye(clusters)])
        paths = (
            self._single(values, codes, weights)
            if self.level == "single"
            else self._within(values, codes, weights)
        )
        (a, b), left_out = paths[0], paths[1:]
        variance = jackknife_variance(paths[0], left_out)
        df = clusters - 1.0
        return Verdict(float(a * b), float(product_p(a, b, variance[0], variance[1], df, df)[0]))

    def _single(self, values: Array, codes: Ints, weights: Array) -> Array:
        scale = values.std(axis=0)
        products = regression.cross_products((values - values.mean(axis=0)) / scale, codes, weights.shape[1])
        slopes = regression.weighted_slopes(self.system, products, weights, scale)
        return self._paths(self.system.keys(), slopes)

    def _within(self, values: Array, codes: Ints, weights: Array) -> Array:
        moments = batch.weighted_moments(values, codes, weights)
        fits = batch.fit(
            self.model, moments, start=self.start, vcov=False, tolerance=twolevel_paths.TOLERANCE
        )
        if self.start is None and fits.converged[0]:
            whole = batch.weighted_moments(values, codes)
            self.start = batch.fit(self.model, whole, vcov=False, tolerance=twolevel_paths.TOLERANCE)
        keys, slopes, _ = twolevel_paths.parallel(self.system, self.order, fits)
        return self._paths(keys, slopes)

    def _paths(self, keys: tuple[tuple[str, str], ...], slopes: Array) -> Array:
        return slopes[:, places_of_a_and_b(keys, self.system.model)]


def influence_table(
    models: Mapping[str, MediationModel], scores: pd.DataFrame, confidence: float, most: float
) -> pd.DataFrame:
    """Return what single therapists, single clients and sets of clients do to the verdicts.

    Parameters
    ----------
    models : mapping
        The main models, each with one predictor and one mediator.
    scores : DataFrame
    confidence : float
        Of the interval that decides.
    most : float
        Share of the clients up to which a set is searched for.

    Returns
    -------
    DataFrame
        ``INFLUENCE_COLUMNS``, one row per model and estimand. ``therapists_flip`` and ``clients_flip`` count those whose leaving alone
        turns the verdict, ``..._sign`` the estimate's sign; ``set_clients`` is the size of the smallest set found (empty where none
        was, up to ``searched_to``).
    """
    rows = []
    for model in models.values():
        for level in ESTIMANDS:
            base = model.named() | {"level": level, "reason": ""}
            try:
                complete = scores.dropna(subset=list(model.chain)).reset_index(drop=True)
                refit = Refit(build(model, complete), level)
            except CannotFit as reason:
                rows.append(base | {"reason": f"not fitted: {reason}"})
                continue
            rows.append(base | _influence(refit, 1.0 - confidence, most))
    return pd.DataFrame(rows, columns=list(INFLUENCE_COLUMNS))


def _influence(refit: Refit, alpha: float, most: float) -> dict[str, Any]:
    everyone = np.ones(refit.n, bool)
    own = refit.verdict(everyone)
    if np.isnan(own.p):
        return {"reason": "no interval"}
    excludes = own.p < alpha
    alone = [refit.verdict(_without(everyone, [i])) for i in range(refit.n)]
    therapists = [refit.verdict(refit.cluster != j) for j in range(refit.therapists)]
    limit = max(1, int(most * refit.n))
    orders = [_order(alone, excludes), *_by_estimate(alone, own, excludes)]
    sets = [(ADDITIVE, _additive(refit, order, excludes, alpha, limit)) for order in orders]
    sets.append((STEPWISE, _stepwise(refit, alone, excludes, alpha, limit)))
    found = [(search, which) for search, which in sets if which is not None]
    search, smallest = min(found, key=lambda pair: len(pair[1])) if found else ("", None)
    shifts = np.array([one.estimate for one in alone]) - own.estimate
    row: dict[str, Any] = {
        "estimate": own.estimate,
        "p": own.p,
        "excludes_zero": bool(excludes),
        "n_clients": refit.n,
        "n_therapists": refit.therapists,
        "therapists_flip": _flips(therapists, excludes, alpha),
        "therapists_sign": sum(one.estimate * own.estimate < 0 for one in therapists),
        "clients_flip": _flips(alone, excludes, alpha),
        "clients_sign": sum(one.estimate * own.estimate < 0 for one in alone),
        "largest_shift": float(shifts[np.nanargmax(np.abs(shifts))]),
        "search": search,
        "searched_to": limit,
    }
    if smallest is not None:
        after = refit.verdict(_without(everyone, smallest))
        row |= {"set_clients": len(smallest), "set_share": len(smallest) / refit.n}
        row |= {"set_estimate": after.estimate, "set_p": after.p}
    return row


def _without(kept: Bools, clients: list[int]) -> Bools:
    left = kept.copy()
    left[clients] = False
    return left


def _flipped(verdict: Verdict, excludes: bool, alpha: float) -> bool:
    return bool(np.isfinite(verdict.p) and (verdict.p < alpha) != excludes)


def _flips(verdicts: list[Verdict], excludes: bool, alpha: float) -> int:
    return sum(_flipped(one, excludes, alpha) for one in verdicts)


def _order(verdicts: list[Verdict], excludes: bool) -> list[int]:
    """Clients by what leaving them out does to p: towards the other verdict first; without a fit last."""
    p = np.array([one.p for one in verdicts])
    towards = np.where(np.isnan(p), np.inf, -p if excludes else p)
    return [int(i) for i in np.argsort(towards, kind="stable")]


def _by_estimate(alone: list[Verdict], own: Verdict, excludes: bool) -> list[list[int]]:
    """Clients by how far leaving each out moves the estimate: towards zero, or, where it is not told from zero, either way."""
    estimate = np.array([one.estimate for one in alone])
    signs = [np.sign(own.estimate)] if excludes else [1.0, -1.0]
    return [
        [int(i) for i in np.argsort(np.where(np.isnan(estimate), np.inf, sign * estimate), kind="stable")]
        for sign in signs
    ]


def _additive(refit: Refit, order: list[int], excludes: bool, alpha: float, limit: int) -> list[int] | None:
    everyone = np.ones(refit.n, bool)
    for size in range(1, limit + 1):
        if _flipped(refit.verdict(_without(everyone, order[:size])), excludes, alpha):
            return order[:size]
    return None


def _stepwise(
    refit: Refit, alone: list[Verdict], excludes: bool, alpha: float, limit: int
) -> list[int] | None:
    kept, gone, verdicts = np.ones(refit.n, bool), list[int](), alone
    there = list(range(refit.n))
    while len(gone) < limit:
        best = _order(verdicts, excludes)[0]
        chosen = there[best]
        gone.append(chosen)
        kept[chosen] = False
        if _flipped(verdicts[best], excludes, alpha):
            return gone
        there = [int(i) for i in np.flatnonzero(kept)]
        verdicts = [refit.verdict(_without(kept, [i])) for i in there]
    return None
