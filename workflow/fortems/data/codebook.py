"""The codebook: what each variable is, may be and was; and the pattern of what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.naming import Naming
from fortems.study.definition import IDENTIFIERS
from fortems.study.instruments import Instrument, score_ranges
from fortems.study.variables import label

SUM_OF = "sum of "  # before the columns of a total's scales
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}
COLUMNS = (
    "variable",
    "label",
    "kind",
    "instrument",
    "source",
    "lowest_possible",
    "highest_possible",
    "minimum",
    "maximum",
    "n",
    "missing",
    "missing_share",
    "distinct",
    "mean",
    "sd",
    *QUANTILES,
    "values",
)
FEWEST_MISSING = 5  # with fewer missing or present values, what missingness goes with is chance


def codebook(
    scores: pd.DataFrame, items: pd.DataFrame | None, naming: Naming, instruments: Mapping[str, Instrument]
) -> pd.DataFrame:
    """Describe each variable of the scores, then each item.

    Parameters
    ----------
    scores : DataFrame
        Included clients.
    items : DataFrame or None
        Their raw answers.
    naming : Naming
        Where each column comes from.
    instruments : mapping of str to Instrument

    Returns
    -------
    DataFrame
        A row per variable. ``source`` names the file's columns; ``values`` counts the values of a category.
        Identifiers get counts only.
    """
    rows = []
    limits: dict[str, tuple[float, float]] = dict(score_ranges(instruments))
    owner = {scale: i for i in instruments.values() for scale in i.scales}
    for name in scores.columns:
        instrument = owner.get(name)
        row = {"variable": name, "label": label(name), "instrument": instrument.name if instrument else ""}
        row["source"] = _source(name, naming, instrument)
        rows.append(row | described(name, scores[name], limits.get(name)))
    if items is not None:
        rows += _item_rows(items, naming)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _item_rows(items: pd.DataFrame, naming: Naming) -> list[dict[str, Any]]:
    rows = []
    for instrument in naming.items.values():
        home = {item: scale for scale, numbers in instrument.subscales.items() for item in numbers}
        for number, column in zip(instrument.items, instrument.columns(), strict=True):
            against = ", reversed" if number in instrument.reversed else ""
            words = f"Item {number} of {instrument.name.upper()} ({home.get(number, 'not scored')}{against})"
            row = {"variable": column, "label": words, "instrument": instrument.name}
            row["source"] = naming.sources[column]
            found = described(column, items[column], (instrument.low, instrument.high))
            rows.append(row | found | {"kind": "item"})
    return rows


def _source(name: str, naming: Naming, instrument: Instrument | None) -> str:
    if name in naming.sources:
        return naming.sources[name]
    if instrument is None:
        return ""
    if instrument.name in naming.items:
        columns = [naming.sources[instrument.columns()[item - 1]] for item in instrument.scales[name]]
        return ", ".join(columns)
    return SUM_OF + ", ".join(naming.sources[part] for part in instrument.subscales)


def described(name: str, values: pd.Series, limits: tuple[float, float] | None) -> dict[str, Any]:
    """Return what the codebook tells of a variable's values.

    Parameters
    ----------
    name : str
    values : Series
    limits : tuple of float or None
        Lowest and highest possible value, where there are.
    """
    known = values.dropna()
    found: dict[str, Any] = {
        "n": len(known),
        "missing": int(values.isna().sum()),
        "missing_share": values.isna().mean() if len(values) else np.nan,
        "distinct": int(known.nunique()),
    }
    if limits:
        found |= {"lowest_possible": limits[0], "highest_possible": limits[1]}
    if name in IDENTIFIERS:
        return found | {"kind": "identifier"}
    if not pd.api.types.is_numeric_dtype(values):
        counts = known.value_counts().sort_index()
        listed = "; ".join(f"{value}: {count}" for value, count in counts.items())
        return found | {"kind": "category", "values": listed}
    found["kind"] = "score" if limits else "number"
    if len(known):
        numbers = known.to_numpy(dtype=float)
        found |= {"minimum": numbers.min(), "maximum": numbers.max(), "mean": numbers.mean()}
        found["sd"] = numbers.std(ddof=1) if len(numbers) > 1 else np.nan
        found |= dict(zip(QUANTILES, np.quantile(numbers, list(QUANTILES.values())), strict=True))
    return found


def missing_patterns(scores: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Count the combinations of variables that clients lack.

    Parameters
    ----------
    scores : DataFrame
    names : sequence of str
        Variables that count; those that the scores do not have are passed over.

    Returns
    -------
    DataFrame
        ``missing`` (variables, joined by ``; ``, empty for complete clients), ``n_missing``, ``clients``,
        ``share``; the most frequent pattern first.
    """
    there = [name for name in names if name in scores]
    gone = scores[there].isna()
    counts = gone.value_counts().reset_index() if there else gone
    rows: list[dict[str, Any]] = []
    for record in counts.to_dict("records"):
        lacking = [name for name in there if record[name]]
        count = int(record["count"])
        rows.append(
            {
                "missing": "; ".join(lacking),
                "n_missing": len(lacking),
                "clients": count,
                "share": count / len(scores),
            }
        )
    rows.sort(key=lambda row: (-row["clients"], row["n_missing"], row["missing"]))
    return pd.DataFrame(rows, columns=["missing", "n_missing", "clients", "share"])


def missing_related(scores: pd.DataFrame, items: pd.DataFrame | None) -> pd.DataFrame:
    """Correlate what is missing with what is known.

    Parameters
    ----------
    scores : DataFrame
    items : DataFrame or None
        With items, the share of unanswered items of each instrument is a further row.

    Returns
    -------
    DataFrame
        ``missing`` (variable, or ``items of <instrument>``), ``related_to``, ``r`` (Pearson, point-biserial for
        a variable), ``p`` (two-sided, clients taken as independent), ``n``, ``n_missing``; a hint, no test of
        the mechanism. Variables with fewer than five missing or five known values are left out.
    """
    numbers = {
        name: scores[name].to_numpy(dtype=float)
        for name in scores.columns
        if name not in IDENTIFIERS and pd.api.types.is_numeric_dtype(scores[name])
    }
    for name in scores.columns:
        if name not in IDENTIFIERS and name not in numbers and scores[name].notna().any():
            top = scores[name].mode().iloc[0]
            numbers[f"{name}: {top}"] = np.where(scores[name].isna(), np.nan, scores[name] == top).astype(
                float
            )
    lacking = {name: scores[name].isna().to_numpy(dtype=float) for name in scores.columns}
    if items is not None:
        for prefix in dict.fromkeys(
            c.rpartition("_")[0] for c in items.columns if c.rpartition("_")[2].isdigit()
        ):
            columns = [c for c in items.columns if c.rpartition("_")[0] == prefix]
            lacking[f"items of {prefix}"] = items[columns].isna().to_numpy().mean(axis=1)
    rows = []
    for name, gone in lacking.items():
        n_missing = int((gone > 0).sum())
        if min(n_missing, len(gone) - n_missing) < FEWEST_MISSING:
            continue
        for other, values in numbers.items():
            if other.partition(":")[0] != name:
                r, p, n = _correlation(gone, values)
                if np.isfinite(r):
                    rows.append(
                        {"missing": name, "related_to": other, "r": r, "p": p, "n": n, "n_missing": n_missing}
                    )
    return pd.DataFrame(rows, columns=["missing", "related_to", "r", "p", "n", "n_missing"])


def _correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, float, int]:
    from scipy.special import stdtr

    known = ~np.isnan(y)
    n = int(known.sum())
    if n < 2 * FEWEST_MISSING or np.ptp(x[known]) == 0 or np.ptp(y[known]) == 0:
        return np.nan, np.nan, n
    r = float(np.clip(np.corrcoef(x[known], y[known])[0, 1], -1.0, 1.0))
    with np.errstate(divide="ignore"):
        t = r * np.sqrt((n - 2) / np.float64(1 - r**2))
    return r, float(2 * stdtr(n - 2, -abs(t))), n
