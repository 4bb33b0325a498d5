"""Intraclass correlations of scores within therapists, from the one-way random-effects model.

Notation
--------
y_ij = mu + u_j + e_ij, var(u) = B, var(e) = W, J therapists with n_j clients, N in all. MSB and MSW are the mean
squares; n0 = (N - sum n_j^2 / N) / (J - 1). ICC(1) = B / (B + W).

- analysis of variance: B = (MSB - MSW) / n0, which can be negative;
- maximum likelihood, B >= 0: as in the two-level models;
- interval for the analysis of variance: exact for unequal clusters (Wald, 1940). For the true ratio
  g = B / W the weighted sum of squares S(g) = sum_j w_j (mean_j - mean_w)^2, w_j = 1 / (g + 1 / n_j), has S(g) /
  ((J - 1) MSW) distributed as F(J - 1, N - J); S falls in g, so that each end is one root.

References
----------
Wald, A. (1940). A note on the analysis of variance with unequal class frequencies. Annals of Mathematical
Statistics, 11(1), 96-100.
Searle, S. R., Casella, G., & McCulloch, C. E. (1992). Variance components. Wiley, section 3.6.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import brentq, minimize_scalar
from scipy.special import fdtr, fdtrc, fdtri

from fortems.stats.arrays import Array
from fortems.stats.clusters import cluster_codes, varies, varies_within
from fortems.study.variables import label

#: Why there is no more than the ICC itself: with nothing to vary within, there is no error to test against.
CONSTANT_WITHIN = "does not vary within therapists, so that all variance is between them"

COLUMNS = (
    *("variable", "label", "n_clients", "n_therapists", "n0", "icc", "ci_low", "ci_high", "icc_ml"),
    *("variance_between", "variance_within", "f", "df1", "df2", "p", "reason"),
)


@dataclass(frozen=True)
class OneWay:
    """Sufficient statistics of a one-way layout.

    Attributes
    ----------
    size, mean : ndarray (J,)
        Clients and mean of each therapist.
    within : float
        Sum of squares within therapists; 0 where only rounding is left of it.
    """

    size: Array
    mean: Array
    within: float

    @classmethod
    def of(cls, y: Array, cluster: np.ndarray) -> OneWay:
        """Summarise values y (N,) without missing ones, clusters numbered from 0."""
        size = np.bincount(cluster).astype(float)
        mean = np.bincount(cluster, weights=y) / size
        within = float(((y - mean[cluster]) ** 2).sum()) if varies_within(y, cluster) else 0.0
        return cls(size, mean, within)

    @property
    def n(self) -> float:
        """Number of clients."""
        return float(self.size.sum())

    @property
    def df(self) -> tuple[float, float]:
        """Degrees of freedom between and within."""
        return len(self.size) - 1.0, self.n - len(self.size)

    @property
    def mean_squares(self) -> tuple[float, float]:
        """Mean squares between and within."""
        grand = self.size @ self.mean / self.n
        between = float(self.size @ (self.mean - grand) ** 2)
        return between / self.df[0], self.within / self.df[1]

    @property
    def n0(self) -> float:
        """Clients per therapist as the analysis of variance weighs them."""
        return float((self.n - (self.size**2).sum() / self.n) / self.df[0])


def icc_table(scores: pd.DataFrame, variables: list[str], confidence: float = 0.95) -> pd.DataFrame:
    """ICC(1), its interval and test for each variable.

    Parameters
    ----------
    scores : DataFrame
        With ``therapist`` and the variables; clients without a value are left out, variable by variable.
    variables : list of str
        Columns.
    confidence : float
        Of the interval.

    Returns
    -------
    DataFrame
        A row per variable; ``icc`` by analysis of variance, unclipped, ``icc_ml`` by maximum likelihood; two-sided F test
        of no therapist differences, which agrees with the interval. ``reason`` says why numbers are missing, or why an
        interval does not hold its estimate.
    """
    rows = []
    for name in variables:
        known = scores[["therapist", name]].dropna()
        one = OneWay.of(known[name].to_numpy(float), cluster_codes(known["therapist"]))
        row = {"variable": name, "label": label(name), "n_clients": int(one.n), "n_therapists": len(one.size)}
        rows.append(row | icc(one, confidence))
    return pd.DataFrame(rows, columns=COLUMNS)


def icc(one: OneWay, confidence: float = 0.95) -> dict[str, object]:
    """ICC(1) with its exact interval, variance components, F test; a reason when there is nothing to compute."""
    if min(one.df) < 1:
        return {"reason": "needs two therapists, one with two clients or more"}
    if one.within == 0 and not varies(one.mean):
        return {"reason": "the values do not vary"}
    between, within = one.mean_squares
    component = (between - within) / one.n0
    if one.within == 0:
        variances = {"variance_between": component, "variance_within": 0.0}
        return {"n0": one.n0, "icc": 1.0, "icc_ml": 1.0, **variances, "reason": CONSTANT_WITHIN}
    estimate = component / (component + within)
    low, high = exact_interval(one, confidence)
    f = between / within
    return {
        "n0": one.n0,
        "icc": estimate,
        "ci_low": low,
        "ci_high": high,
        "icc_ml": icc_ml(one),
        "variance_between": component,
        "variance_within": within,
        "f": f,
        "df1": one.df[0],
        "df2": one.df[1],
        "p": min(1.0, 2 * min(float(fdtrc(*one.df, f)), float(fdtr(*one.df, f)))),
        "reason": outside(one, estimate, low, high),
    }


def outside(one: OneWay, estimate: float, low: float, high: float) -> str:
    """Say why an interval does not hold its own estimate; empty where it does."""
    if low <= estimate <= high:
        return ""
    largest = int(one.size.max())
    floor = -1 / (largest - 1)
    if estimate < floor:
        return (
            f"the estimate is below {floor:.2f}, the least that up to {largest} clients of one therapist can share "
            "(-1/(n - 1)), where the interval ends"
        )
    return "with unequal numbers of clients the interval weighs therapists differently from the estimate"


def exact_interval(one: OneWay, confidence: float) -> tuple[float, float]:
    """Wald's exact interval of ICC(1); an end at which the variance ratio has no root is that of the parameter.

    Without variance within therapists both ends are 1.
    """
    if one.within == 0:
        return 1.0, 1.0
    df1, df2 = one.df
    within = one.mean_squares[1]
    # S(g) is defined while all g + 1/n_j > 0, so that a lower end may be negative as the estimate may.
    floor = -1 / one.size.max()

    def excess(g: float, quantile: float) -> float:
        weight = 1 / (g + 1 / one.size)
        centre = weight @ one.mean / weight.sum()
        return float(weight @ (one.mean - centre) ** 2 / (df1 * within) - quantile)

    ends = []
    for probability in (0.5 + confidence / 2, 0.5 - confidence / 2):
        quantile = float(fdtri(df1, df2, probability))
        left, right = floor * (1 - 1e-9), 1.0
        while excess(right, quantile) > 0:
            right *= 4
        g = brentq(excess, left, right, args=(quantile,), xtol=1e-14) if excess(left, quantile) > 0 else floor
        ends.append(g / (1 + g))
    return ends[0], ends[1]


def icc_ml(one: OneWay) -> float:
    """Maximum-likelihood ICC(1) with a between variance of at least 0; the values vary within therapists."""

    def deviance(rho: float) -> float:
        # In units of the total variance: cluster mean has variance rho + (1 - rho) / n_j.
        ratio = 1 + (one.size - 1) * rho
        weight = one.size / ratio
        centre = weight @ one.mean / weight.sum()
        quadratic = weight @ (one.mean - centre) ** 2 + one.within / (1 - rho)
        return float(
            one.n * np.log(quadratic / one.n) + (one.n - len(one.size)) * np.log1p(-rho) + np.log(ratio).sum()
        )

    # The deviance can have a maximum between two minima: start from the best of a grid.
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 0.999, 60)])
    best = int(np.argmin([deviance(rho) for rho in grid]))
    bounds = (grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)])
    found = minimize_scalar(deviance, bounds=bounds, method="bounded", options={"xatol": 1e-10})
    return 0.0 if deviance(0.0) <= found.fun else float(found.x)
