"""Reliability of the scales: Cronbach's alpha and omega total, over all clients and within therapists.

Notation
--------
A scale is a sum of p items with covariance matrix C. Alpha = p/(p-1) (1 - tr C / 1'C1). Omega total
(McDonald, 1999) is 1 - sum_i s_i^2 (1 - h_i^2) / 1'C1, with h_i^2 the communality of item i in a factor
analysis of the correlations by least squares (minres; Harman & Jones, 1966), as R's psych computes it: one factor
for a subscale, and for a total as many factors as it has subscales.

Intervals: delete-one-therapist jackknife of ln(1 - coefficient) (the scale on which alpha is close to normal;
Bonett, 2002), t with J - 1 degrees of freedom, so that clients of one therapist are not counted as
independent. Missing answers: each covariance from the clients who answered both items.

References
----------
Bonett, D. G. (2002). Sample size requirements for testing and estimating coefficient alpha. Journal of Educational
and Behavioral Statistics, 27(4), 335-340.
Harman, H. H., & Jones, W. H. (1966). Factor analysis by minimizing residuals (minres). Psychometrika, 31, 351-368.
McDonald, R. P. (1999). Test theory: A unified treatment. Erlbaum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fortems.stats.arrays import Array
from fortems.stats.clusters import cluster_codes, one_hot
from fortems.stats.student import t_quantile
from fortems.study.instruments import Instrument
from fortems.study.scoring import reverse

SWEEPS = 2000
TOLERANCE = 1e-7
COLUMNS = (
    *("scale", "instrument", "level", "n_items", "factors", "n_clients", "n_therapists"),
    *("alpha", "alpha_low", "alpha_high", "omega", "omega_low", "omega_high", "reason"),
)


def reliability_table(
    items: pd.DataFrame, instruments: Mapping[str, Instrument], confidence: float = 0.95
) -> pd.DataFrame:
    """Reliability of every scale of every instrument.

    Parameters
    ----------
    items : DataFrame
        Raw answers in canonical columns (``mlq_1`` ...), and ``therapist``.
    instruments : mapping of str to Instrument
        The scoring keys.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        A row per scale and level: ``total`` (all clients) and ``within`` (items centred at their therapist's
        mean). ``reason`` says why a number is missing.
    """
    therapist = cluster_codes(items["therapist"])
    rows = []
    for name, instrument in instruments.items():
        answers = reverse(items[list(instrument.columns())].to_numpy(float, na_value=np.nan), instrument)
        for scale, numbers in instrument.scales.items():
            factors = len(instrument.subscales) if scale == instrument.total else 1
            products = Products.of(answers[:, np.asarray(numbers) - 1], therapist)
            for level in ("total", "within"):
                found = _scale(products, level, factors, confidence)
                rows.append({"scale": scale, "instrument": name, "level": level, "factors": factors, **found})
    return pd.DataFrame(rows, columns=COLUMNS)


def _scale(products: Products, level: str, factors: int, confidence: float) -> dict[str, object]:
    whole = products.covariance(level)
    start = loadings(_correlation(whole), factors)
    left_out = np.stack([products.without(j).covariance(level)[0] for j in range(products.clusters)])
    row: dict[str, object] = {
        "n_items": products.items,
        "n_clients": products.answered,
        "n_therapists": products.clusters,
        "reason": "",
    }
    estimates = {
        "alpha": (alpha(whole)[0], alpha(left_out)),
        "omega": (
            omega_total(whole, factors, start)[0],
            omega_total(left_out, factors, np.broadcast_to(start, (len(left_out), *start.shape[1:]))),
        ),
    }
    for name, (estimate, replicates) in estimates.items():
        low, high = jackknife_interval(estimate, replicates, confidence)
        row |= {name: estimate, f"{name}_low": low, f"{name}_high": high}
        if np.isnan(estimate):
            row["reason"] = "an item does not vary, or there are too few items for its factors"
    return row


@dataclass(frozen=True)
class Products:
    """Sums of products of items by cluster, answered pairs only: what every covariance matrix needs.

    Attributes
    ----------
    cross, first, count : ndarray (J, p, p)
        For items q and r over the clients of a cluster who answered both: sum of x_q x_r, sum of x_q, number.
    answered : int
        Clients with any answer.
    """

    cross: Array
    first: Array
    count: Array
    answered: int

    @classmethod
    def of(cls, answers: Array, cluster: np.ndarray) -> Products:
        """Collect the products of answers (N, p) with missing as NaN, for clusters numbered from 0."""
        there = ~np.isnan(answers)
        # Centring changes no covariance and keeps digits.
        centre = np.where(there, answers, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        x, mask, member = np.where(there, answers - centre, 0.0), there.astype(float), one_hot(cluster)
        cross, first, count = (
            np.einsum("nj,nq,nr->jqr", member, left, right, optimize=True)
            for left, right in ((x, x), (x, mask), (mask, mask))
        )
        return cls(cross, first, count, int(there.any(axis=1).sum()))

    @property
    def items(self) -> int:
        """Number of items."""
        return self.cross.shape[1]

    @property
    def clusters(self) -> int:
        """Number of clusters with any client."""
        return self.cross.shape[0]

    def without(self, j: int) -> Products:
        """Return the products with one cluster left out."""
        kept = np.arange(self.clusters) != j
        return Products(self.cross[kept], self.first[kept], self.count[kept], self.answered)

    def covariance(self, level: str) -> Array:
        """Covariance matrix (1, p, p) over all clients (``total``) or pooled within clusters (``within``)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if level == "total":
                cross, first, count = self.cross.sum(axis=0), self.first.sum(axis=0), self.count.sum(axis=0)
                return ((cross - first * first.T / count) / (count - 1))[None]
            mean_part = self.first * np.swapaxes(self.first, 1, 2) / np.where(self.count > 0, self.count, 1.0)
            freedom = np.maximum(self.count - 1, 0.0).sum(axis=0)
            return ((self.cross - mean_part).sum(axis=0) / freedom)[None]


def alpha(covariance: Array) -> Array:
    """Cronbach's alpha of covariance matrices (..., p, p)."""
    p = covariance.shape[-1]
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return p / (p - 1) * (1 - trace / covariance.sum(axis=(-2, -1)))


def omega_total(covariance: Array, factors: int, start: Array | None = None) -> Array:
    """Omega total of covariance matrices (R, p, p); NaN where the factors are not identified.

    Parameters
    ----------
    covariance : ndarray (R, p, p)
        Of the items.
    factors : int
        Number of factors.
    start : ndarray (R, p, factors), optional
        Loadings to start from.
    """
    found = loadings(_correlation(covariance), factors, start)
    unique = 1 - np.einsum("rpk,rpk->rp", found, found)
    variances = np.diagonal(covariance, axis1=-2, axis2=-1)
    return 1 - np.einsum("rp,rp->r", variances, unique) / covariance.sum(axis=(-2, -1))


def loadings(correlation: Array, factors: int, start: Array | None = None) -> Array:
    """Least-squares factor loadings (minres) of correlation matrices, unrotated.

    Parameters
    ----------
    correlation : ndarray (R, p, p)
    factors : int
    start : ndarray (R, p, factors), optional

    Returns
    -------
    ndarray (R, p, factors)
        NaN for a matrix with missing cells, or with fewer cells than loadings. A communality never exceeds 1.

    Notes
    -----
    Item by item, its loadings are the least-squares solution given the others' (Harman & Jones, 1966); sweeps over
    the items go on until no communality changes by more than 1e-7.
    """
    replicates, p, _ = correlation.shape
    free = p * factors - factors * (factors - 1) // 2
    usable = np.asarray(np.isfinite(correlation).all(axis=(1, 2)))
    if free > p * (p - 1) // 2 or not usable.any():
        return np.full((replicates, p, factors), np.nan)
    r = np.where(usable[:, None, None], correlation, np.eye(p))
    found = _principal(r, factors) if start is None or np.isnan(start).any() else np.array(start, float)
    ridge = 1e-12 * np.eye(factors)
    gram = np.einsum("rpk,rpl->rkl", found, found)
    before = np.einsum("rpk,rpk->rp", found, found)
    for _ in range(SWEEPS):
        for i in range(p):
            mine = found[:, i]
            gram -= mine[:, :, None] * mine[:, None, :]
            target = np.einsum("rpk,rp->rk", found, r[:, :, i]) - mine * r[:, i, i, None]
            new = np.linalg.solve(gram + ridge, target[..., None])[..., 0]
            new /= np.maximum(np.sqrt(np.einsum("rk,rk->r", new, new)), 1.0)[:, None]
            found[:, i] = new
            gram += new[:, :, None] * new[:, None, :]
        now = np.einsum("rpk,rpk->rp", found, found)
        if np.abs(now - before).max() < TOLERANCE:
            break
        before = now
    return np.where(usable[:, None, None], found, np.nan)


def _principal(correlation: Array, factors: int) -> Array:
    """Principal-axis loadings, shrunken a little, to start from."""
    values, vectors = np.linalg.eigh(correlation)
    return vectors[..., -factors:] * np.sqrt(np.maximum(values[:, None, -factors:] - 0.5, 0.1))


def _correlation(covariance: Array) -> Array:
    sd = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            covariance / np.where(sd > 0, sd, np.nan)[:, :, None] / np.where(sd > 0, sd, np.nan)[:, None, :]
        )


def jackknife_interval(estimate: float, left_out: Array, confidence: float) -> tuple[float, float]:
    """Interval of a reliability from leave-one-cluster-out values (J,), on the scale ln(1 - coefficient)."""
    clusters = len(left_out)
    if clusters < 3 or np.isnan(left_out).any() or not estimate < 1 or (left_out >= 1).any():
        return float("nan"), float("nan")
    values = np.log(1 - left_out)
    se = np.sqrt((clusters - 1) / clusters * ((values - values.mean()) ** 2).sum())
    half = float(t_quantile(0.5 + confidence / 2, np.array(clusters - 1.0))) * se
    centre = np.log(1 - estimate)
    return float(1 - np.exp(centre + half)), float(1 - np.exp(centre - half))
