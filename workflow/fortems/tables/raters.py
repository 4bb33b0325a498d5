"""Two ratings of one construct side by side: how they go together within therapists, and by how much they differ.

Every client has both ratings, the client's own and, say, the therapist's. Correlations are those of the scores centred at
their therapist's mean (N - J - 1 df) and over all clients (cluster jackknife of Fisher's z, J - 1 df). The mean difference,
second rating less first, is tested by the cluster jackknife, J - 1 df: differences of one therapist's clients hang together.
Its SD within therapists (divisor N - J) and the share of its variance between therapists (ICC, analysis of variance) say how
far single clients lie from it. Where the two ratings have different possible ranges, differences are of shares of the range.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from fortems.stats.arrays import Array
from fortems.stats.clusters import centre, cluster_codes, varies, varies_within
from fortems.stats.jackknife import left_out_interval
from fortems.study.instruments import Instrument, constructs
from fortems.tables.correlations import pearson, robust_correlation
from fortems.tables.icc import OneWay

SCORE, SHARE = "score", "share of the possible range"
COLUMNS = (
    *("construct", "first", "second", "n_clients", "n_therapists"),
    *(
        "r_within",
        "r_within_low",
        "r_within_high",
        "r_within_p",
        "r_total",
        "r_total_low",
        "r_total_high",
        "r_total_p",
    ),
    *("unit", "mean_difference", "se", "ci_low", "ci_high", "p", "sd_within", "icc", "reason"),
)


def raters_table(
    scores: pd.DataFrame, instruments: Mapping[str, Instrument], confidence: float = 0.95
) -> pd.DataFrame:
    """Compare every two scores of one construct.

    Parameters
    ----------
    scores : DataFrame
        With ``therapist`` and the scores.
    instruments : mapping of str to Instrument
        The run's.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        One row a pair, clients with both ratings; none where each construct has one measure. ``reason`` says why numbers
        are missing.
    """
    ranges = {score: i.ranges()[score] for i in instruments.values() for score in i.scales}
    rows = []
    for construct, measures in constructs(instruments).items():
        there = [score for _, score in measures if score in scores]
        for first, second in combinations(there, 2):
            known = scores[["therapist", first, second]].dropna()
            pair = known[[first, second]].to_numpy(float)
            same = ranges[first] == ranges[second]
            if not same:
                low, high = np.array([ranges[first], ranges[second]], dtype=float).T
                pair = (pair - low) / (high - low)
            named = {
                "construct": construct,
                "first": first,
                "second": second,
                "unit": SCORE if same else SHARE,
            }
            rows.append(
                named | compared(pair[:, 0], pair[:, 1], cluster_codes(known["therapist"]), confidence)
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def compared(first: Array, second: Array, cluster: np.ndarray, confidence: float) -> dict[str, object]:
    """Compare two ratings (N,) in one unit; clusters (N,) are numbered from 0."""
    n, clusters = len(first), int(cluster.max()) + 1 if len(cluster) else 0
    found: dict[str, object] = {"n_clients": n, "n_therapists": clusters, "reason": ""}
    if n < 4 or clusters < 3 or n <= clusters + 2:
        return found | {"reason": "too few clients or therapists"}
    if not (varies(first) and varies(second)):
        return found | {"reason": "a rating does not vary"}
    total = robust_correlation(first, second, cluster, confidence)
    found |= {"r_total": total["r"], "r_total_low": total["ci_low"], "r_total_high": total["ci_high"]}
    found["r_total_p"] = total["p"]
    if varies_within(first, cluster) and varies_within(second, cluster):
        inside = pearson(centre(first, cluster), centre(second, cluster), n - clusters - 1.0, confidence)
        ends = {"r_within": "r", "r_within_low": "ci_low", "r_within_high": "ci_high", "r_within_p": "p"}
        found |= {ours: inside.get(theirs, np.nan) for ours, theirs in ends.items()}
    else:
        found["reason"] = "a rating does not vary within therapists"
    return found | _difference(second - first, cluster, confidence)


def _difference(difference: Array, cluster: np.ndarray, confidence: float) -> dict[str, object]:
    layout = OneWay.of(difference, cluster)
    mean = float(difference.mean())
    left_out = (difference.sum() - layout.size * layout.mean) / (layout.n - layout.size)
    inside = layout.within / layout.df[1]
    between = (layout.mean_squares[0] - inside) / layout.n0
    total = between + inside
    return {
        "mean_difference": mean,
        **left_out_interval(mean, left_out, confidence).row(),
        "sd_within": float(np.sqrt(inside)),
        "icc": float(between / total) if total > 0 else np.nan,
    }
