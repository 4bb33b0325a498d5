"""Descriptive statistics of the scores, with skew and the shares at the lowest and highest possible score."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from fortems.stats.clusters import varies
from fortems.study.definition import study
from fortems.study.variables import label

COLUMNS = (
    *("variable", "label", "category", "n", "missing", "share", "mean", "sd", "min", "max", "possible_min"),
    *("possible_max", "skew", "kurtosis", "floor", "ceiling", "reason"),
)


def numeric_variables(scores: pd.DataFrame) -> list[str]:
    """Columns that hold numbers: the study's own in their order, then the file's others."""
    found = [
        name
        for name in scores.columns
        if is_numeric_dtype(scores[name])
        and not is_bool_dtype(scores[name])
        and name not in ("client", "therapist", "gender")
    ]
    known = study().variables
    own = [name for name in known if name in found]
    return own + [name for name in found if name not in known]


def descriptives_table(scores: pd.DataFrame, ranges: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Describe every numeric variable, and count the categories of gender.

    Parameters
    ----------
    scores : DataFrame
        One row per client, missing as NaN.
    ranges : mapping of str to (low, high)
        Lowest and highest possible score, where there is one: what floor and ceiling mean.

    Returns
    -------
    DataFrame
        A row per variable, for gender one per category. SD has divisor n - 1; skew and excess kurtosis are the
        adjusted estimates G1 and G2 (Joanes & Gill, 1998). ``floor`` and ``ceiling`` are shares of n.
    """
    rows = [_numeric(scores[name], name, ranges.get(name)) for name in numeric_variables(scores)]
    if "gender" in scores:
        rows += _categories(scores["gender"], "gender")
    return pd.DataFrame(rows, columns=COLUMNS)


def _numeric(values: pd.Series, name: str, limits: tuple[float, float] | None) -> dict[str, object]:
    x = values.dropna().to_numpy(float)
    row: dict[str, object] = {"variable": name, "label": label(name), "reason": ""}
    row |= {"n": len(x), "missing": len(values) - len(x)}
    if len(x) == 0:
        return row | {"reason": "no client has a value"}
    row |= {"mean": x.mean(), "min": x.min(), "max": x.max()}
    if len(x) > 1:
        row["sd"] = x.std(ddof=1)
    row |= {"skew": skew(x), "kurtosis": kurtosis(x)}
    if limits is not None:
        row |= {"possible_min": limits[0], "possible_max": limits[1]}
        row |= {"floor": (x <= limits[0]).mean(), "ceiling": (x >= limits[1]).mean()}
    return row


def _categories(values: pd.Series, name: str) -> list[dict[str, object]]:
    counts = values.dropna().astype(str).value_counts()
    total = int(counts.sum())
    return [
        {"variable": name, "label": label(name), "category": category, "reason": ""}
        | {"n": int(counts[category]), "share": counts[category] / total, "missing": len(values) - total}
        for category in sorted(counts.index)
    ]


def skew(x: np.ndarray) -> float:
    """Adjusted skewness G1 of values (n,); NaN below three values or without spread."""
    n = len(x)
    if n < 3 or not varies(x):
        return float("nan")
    d = _deviations(x)
    m2 = (d**2).mean()
    return float((d**3).mean() / m2**1.5 * np.sqrt(n * (n - 1)) / (n - 2))


def _deviations(x: np.ndarray) -> np.ndarray:
    """Deviations from the mean in a unit in which their powers neither vanish nor overflow."""
    d = x - x.mean()
    return np.asarray(d / np.abs(d).max())


def kurtosis(x: np.ndarray) -> float:
    """Adjusted excess kurtosis G2 of values (n,); NaN below four values or without spread."""
    n = len(x)
    if n < 4 or not varies(x):
        return float("nan")
    d = _deviations(x)
    m2 = (d**2).mean()
    g2 = (d**4).mean() / m2**2 - 3
    return float((n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * g2 + 6))
