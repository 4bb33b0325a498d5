"""Probabilities from counts of simulated studies, their Monte Carlo intervals, and ratios of two of them."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import betaincinv, ndtri


def jeffreys(hits: float, studies: float, confidence: float = 0.95) -> tuple[float, float]:
    """Jeffreys interval of a probability: quantiles of Beta(hits + 1/2, misses + 1/2).

    The lower end is 0 without hits, the upper 1 without misses (Brown, Cai & DasGupta, 2001).
    """
    if studies <= 0:
        return math.nan, math.nan
    tail = (1 - confidence) / 2
    a, b = hits + 0.5, studies - hits + 0.5
    low = 0.0 if hits <= 0 else float(betaincinv(a, b, tail))
    high = 1.0 if hits >= studies else float(betaincinv(a, b, 1 - tail))
    return low, high


def ratio(
    hits: float, studies: float, other_hits: float, other_studies: float, confidence: float = 0.95
) -> dict[str, object]:
    """Likelihood ratio of an event between two populations, from counts in simulated studies.

    Returns
    -------
    dict
        ``ratio, ci_low, ci_high, relation``. The interval is that of the log ratio with half a count added
        (Walter, 1975). Where the event never happened in the second population the ratio is at least the
        interval's lower end (relation ``≥``), where it never happened in the first at most its upper end (``≤``);
        where in neither there is no ratio (``none``).
    """
    if studies <= 0 or other_studies <= 0 or (hits <= 0 and other_hits <= 0):
        return {"ratio": math.nan, "ci_low": math.nan, "ci_high": math.nan, "relation": "none"}
    first, second = (hits + 0.5) / (studies + 0.5), (other_hits + 0.5) / (other_studies + 0.5)
    variance = 1 / (hits + 0.5) - 1 / (studies + 0.5) + 1 / (other_hits + 0.5) - 1 / (other_studies + 0.5)
    half = float(ndtri(0.5 + confidence / 2)) * math.sqrt(max(variance, 0.0))
    centre = math.log(first / second)
    low, high = math.exp(centre - half), math.exp(centre + half)
    if other_hits <= 0:
        return {"ratio": low, "ci_low": low, "ci_high": math.nan, "relation": "≥"}
    if hits <= 0:
        return {"ratio": high, "ci_low": math.nan, "ci_high": high, "relation": "≤"}
    return {
        "ratio": hits / studies / (other_hits / other_studies),
        "ci_low": low,
        "ci_high": high,
        "relation": "=",
    }


def share(total: float, count: float) -> float:
    """total / count, NaN for a count of 0."""
    return total / count if count else math.nan


def mean_error(total: float, squares: float, count: float) -> float:
    """Monte Carlo standard error of a mean from sums of values and squares over ``count`` studies."""
    if count < 2:
        return math.nan
    return float(np.sqrt(max(squares / count - (total / count) ** 2, 0.0) / (count - 1)))
