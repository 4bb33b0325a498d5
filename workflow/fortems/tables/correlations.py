"""Correlations of the scores: over all clients, within therapists, and between therapists.

Levels and tests
----------------
total, ``pearson`` : r over all clients, t with N - 2 df, Fisher's z interval: clients as if independent.
total, ``robust`` : the same r, tested by the cluster jackknife of Fisher's z (fortems.stats.jackknife), t with J - 1 df:
    symmetric in its variables, interval within -1 to 1; what claims are judged by.
within, ``centred`` : r of scores centred at their therapist's mean, N - J - 1 df.
between, ``latent`` : r of the therapists' latent parts u_j (y_ij = mu + u_j + e_ij), from the between covariance
    matrix by the analysis of variance, (MSP_B - MSP_W) / n0. It is withheld when a between variance is not above 0
    or the ratio exceeds 1; an interval (leave-one-therapist-out jackknife of Fisher's z, t with J - 1 df) is given
    only where both variables' ICC has a lower end above 0.

In every pair x stands before y in the study's theory (predictor, then mediator, then outcome); no number
depends on it. Clients without either value are left out of a pair; n says how many remain.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from fortems.stats.arrays import Array
from fortems.stats.clusters import centre, cluster_codes, varies, varies_within
from fortems.stats.jackknife import jackknife_correlation
from fortems.stats.regression import cluster_products
from fortems.stats.student import t_quantile, two_sided_p
from fortems.study.definition import study
from fortems.tables.icc import OneWay, exact_interval

COLUMNS = (
    "x",
    "y",
    "level",
    "kind",
    "r",
    "n",
    "n_therapists",
    "df",
    "t",
    "p",
    "ci_low",
    "ci_high",
    "p_holm",
    "reason",
)


def correlations_table(scores: pd.DataFrame, variables: list[str], confidence: float = 0.95) -> pd.DataFrame:
    """All pairwise correlations at three levels.

    Parameters
    ----------
    scores : DataFrame
        With ``therapist`` and the variables.
    variables : list of str
        Numeric columns.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        Tidy, a row per pair, level and kind. ``p_holm`` is Holm's adjusted p within the paper's family, NA outside
        it. ``reason`` says why a number is missing.
    """
    ordered = in_theory(variables)
    rows: list[dict[str, object]] = []
    for x, y in combinations(ordered, 2):
        known = scores[["therapist", x, y]].dropna()
        cluster = cluster_codes(known["therapist"])
        for row in pair(known[x].to_numpy(float), known[y].to_numpy(float), cluster, confidence):
            rows.append({"x": x, "y": y, **row})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    in_family = pd.Series(list(zip(frame["x"], frame["y"], strict=True))).isin(list(study().family))
    for _, group in frame[in_family].groupby(["level", "kind"], sort=False):
        frame.loc[group.index, "p_holm"] = holm(group["p"].to_numpy(float))
    return frame


def in_theory(variables: Sequence[str]) -> list[str]:
    """Variables in the order in which a pair is taken: by theory, others last as they come."""
    theory = study().theory
    return [name for name in theory if name in variables] + [name for name in variables if name not in theory]


def pair(x: Array, y: Array, cluster: np.ndarray, confidence: float = 0.95) -> list[dict[str, object]]:
    """Correlation of two variables (N,) at every level and kind; clusters are numbered from 0."""
    n, clusters = len(x), int(cluster.max()) + 1 if len(cluster) else 0
    shared: dict[str, object] = {"n": n, "n_therapists": clusters, "reason": ""}
    if n < 4 or not varies(x) or not varies(y):
        why = "fewer than four clients" if n < 4 else "a variable does not vary"
        kinds = (("total", "pearson"), ("total", "robust"), ("within", "centred"), ("between", "latent"))
        return [{"level": level, "kind": kind, **shared, "reason": why} for level, kind in kinds]
    # What rounding leaves of a variable that is constant within therapists would correlate with anything.
    centred = tuple(centre(v, cluster) if varies_within(v, cluster) else np.zeros(n) for v in (x, y))
    return [
        {"level": "total", "kind": "pearson", **shared, **pearson(x, y, n - 2.0, confidence)},
        {"level": "total", "kind": "robust", **shared, **robust_correlation(x, y, cluster, confidence)},
        {
            **{"level": "within", "kind": "centred", **shared},
            **pearson(centred[0], centred[1], n - clusters - 1.0, confidence),
        },
        {"level": "between", "kind": "latent", **shared, **between(x, y, cluster, confidence)},
    ]


def robust_correlation(x: Array, y: Array, cluster: np.ndarray, confidence: float) -> dict[str, object]:
    """r of two variables (N,) tested by the cluster jackknife of Fisher's z."""
    scaled = [(v - v.mean()) / v.std() for v in (x, y)]
    columns = np.stack([np.ones(len(x)), *scaled], axis=-1)[None]
    found = jackknife_correlation(cluster_products(columns, cluster), 1, 2, confidence)
    one = {name: float(value[0]) for name, value in found.items()}
    reason = "" if one["p"] == one["p"] else "no interval: without one therapist there is no correlation"
    named = {name: one[name] for name in ("r", "df", "t", "p")}
    return {**named, "ci_low": one["low"], "ci_high": one["high"], "reason": reason}


def pearson(x: Array, y: Array, df: float, confidence: float) -> dict[str, object]:
    """r of two variables (N,) with df degrees of freedom: t test and Fisher's z interval."""
    x, y = x - x.mean(), y - y.mean()
    scale = np.sqrt((x @ x) * (y @ y))
    if not scale > 0:
        return {"reason": "a variable does not vary at this level"}
    if df < 1:
        return {"reason": "too few clients at this level"}
    r = np.clip(np.array([x @ y / scale]), -1.0, 1.0)
    low, high, p = (float(part[0]) for part in pearson_test(r, df, confidence))
    with np.errstate(divide="ignore"):
        t = float((r * np.sqrt(df / (1 - r**2)))[0])
    return {"r": float(r[0]), "df": df, "t": t, "p": p, "ci_low": low, "ci_high": high}


def pearson_test(r: Array, df: float, confidence: float) -> tuple[Array, Array, Array]:
    """Ends of Fisher's z interval (variance 1 / (df - 1)) and two-sided p of correlations (S,), t with df."""
    with np.errstate(divide="ignore", invalid="ignore"):
        p = two_sided_p(r * np.sqrt(df / (1 - r**2)), np.array(df))
        half = t_quantile(0.5 + confidence / 2, np.array(np.inf)) / np.sqrt(df - 1 if df > 1 else np.nan)
        z = np.arctanh(np.where(np.abs(r) < 1, r, np.nan))
    return np.tanh(z - half), np.tanh(z + half), p


def between(x: Array, y: Array, cluster: np.ndarray, confidence: float) -> dict[str, object]:
    """Latent correlation of the therapists' parts; withheld where it does not exist or has no interval."""
    one = OneWay.of(x, cluster), OneWay.of(y, cluster)
    if min(*one[0].df) < 1:
        return {"reason": "needs two therapists, one with two clients or more"}
    clusters = len(one[0].size)
    r = _between_r(x, y, cluster, np.ones(clusters))
    if np.isnan(r):
        return {"reason": "no variance between therapists in one of the two"}
    if abs(r) > 1:
        return {"reason": "the moments between therapists give no correlation (beyond 1)"}
    result: dict[str, object] = {"r": r}
    if min(exact_interval(o, confidence)[0] for o in one) <= 0:
        return result | {"reason": "no interval: the lower end of an ICC is not above 0"}
    left_out = np.array([_between_r(x, y, cluster, np.arange(clusters) != j) for j in range(clusters)])
    if np.isnan(left_out).any() or (np.abs(left_out) >= 1).any():
        return result | {"reason": "no interval: without one therapist there is no correlation"}
    z = np.arctanh(left_out)
    se = np.sqrt((clusters - 1) / clusters * ((z - z.mean()) ** 2).sum())
    df = clusters - 1.0
    half = float(t_quantile(0.5 + confidence / 2, np.array(df))) * se
    t = float(np.arctanh(r) / se) if se > 0 else float("nan")
    result |= {"df": df, "t": t, "p": float(two_sided_p(np.array(t), np.array(df)))}
    return result | {"ci_low": np.tanh(np.arctanh(r) - half), "ci_high": np.tanh(np.arctanh(r) + half)}


def _between_r(x: Array, y: Array, cluster: np.ndarray, keep: np.ndarray) -> float:
    """Latent between correlation by analysis of variance over the therapists kept; NaN without variance."""
    kept = np.asarray(keep, bool)[cluster]
    x, y, cluster = x[kept], y[kept], np.unique(cluster[kept], return_inverse=True)[1]
    size = np.bincount(cluster).astype(float)
    n, clusters = size.sum(), len(size)
    if clusters < 2 or n <= clusters:
        return float("nan")
    values = np.stack([x, y])
    means = np.stack([np.bincount(cluster, weights=v) / size for v in values])
    deviation, spread = values - means[:, cluster], means - values.mean(axis=1, keepdims=True)
    covariance = (spread * size) @ spread.T / (clusters - 1) - deviation @ deviation.T / (n - clusters)
    if min(covariance[0, 0], covariance[1, 1]) <= 0:
        return float("nan")
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))


def holm(p: Array) -> Array:
    """Holm's (1979) adjusted p of one family; missing ones stay missing and do not count."""
    adjusted = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    steps = (len(order) - np.arange(len(order))) * p[order]
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
