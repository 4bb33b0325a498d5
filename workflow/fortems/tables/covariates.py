"""Do background variables go with the outcome? Slopes of the outcome on them, and their joint test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from fortems.stats.arrays import Array
from fortems.stats.clusters import centre, cluster_codes, varies_within
from fortems.stats.regression import ONCE, ols_cr2

COLUMNS = (
    *("outcome", "level", "term", "n_clients", "n_therapists", "estimate", "se", "df1", "df2", "statistic"),
    *("p", "ci_low", "ci_high", "reason"),
)


def covariates_table(
    scores: pd.DataFrame,
    outcome: str,
    names: Sequence[str],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Do background variables go with the outcome? Each one's slope given the others, and the joint test.

    Parameters
    ----------
    scores : DataFrame
        With ``therapist``, the outcome and the covariates; a text column enters as indicators against its most
        frequent value.
    outcome : str
        Column.
    names : sequence of str
        Covariates; those that the scores lack are left out.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        A row per level (``single``: all clients; ``within``: all columns centred at the therapist's mean) and
        term, and one with term ``joint``. Tests are cluster-robust (CR2): t with Satterthwaite df (``df2``),
        for the joint row approximate Hotelling F.
    """
    there = [name for name in names if name in scores]
    if outcome not in scores or not there:
        return pd.DataFrame(columns=COLUMNS)
    known = scores[["therapist", outcome, *there]].dropna()
    cluster = cluster_codes(known["therapist"])
    columns: dict[str, Array] = {}
    for name in there:
        if is_numeric_dtype(known[name]):
            columns[name] = known[name].to_numpy(float)
            continue
        text = known[name].astype(str)
        counts = text.value_counts()
        reference = min(counts.index[counts == counts.max()]) if len(counts) else ""
        for category in sorted(set(text) - {reference}):
            columns[f"{name}_{category}"] = np.asarray(text == category, dtype=float)
    shared = {"outcome": outcome, "n_clients": len(known), "n_therapists": int(cluster.max(initial=-1)) + 1}
    y = known[outcome].to_numpy(float)
    rows = []
    for level in ("single", "within"):
        for row in _covariate_rows(columns, y, cluster, level, confidence):
            rows.append(shared | {"level": level} | row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _covariate_rows(
    columns: dict[str, Array], y: Array, cluster: np.ndarray, level: str, confidence: float
) -> list[dict[str, object]]:
    groups = cluster if level == "within" else np.zeros(len(y), dtype=np.int64)
    where = " within therapists" if level == "within" else ""
    constant = [term for term, column in columns.items() if not varies_within(column, groups)]
    terms = [term for term in columns if term not in constant]
    rows: list[dict[str, object]] = [
        {"term": term, "reason": f"does not vary{where}"} for term in columns if term in constant
    ]

    nothing = "too few clients, or a covariate that does not vary apart from the others"
    if len(y) and not varies_within(y, groups):
        nothing = f"the outcome does not vary{where}"
    without: list[dict[str, object]] = [{"term": term, "reason": nothing} for term in (*terms, "joint")]
    if not terms or len(y) < len(terms) + 3 or not varies_within(y, groups):
        return [*rows, *without]
    x = np.column_stack([np.ones(len(y)), *(columns[term] for term in terms)])
    if level == "within":
        x, y = np.column_stack([centre(v, cluster) for v in x.T[1:]]), centre(y, cluster)
    fit = ols_cr2(x, y, cluster)
    if np.isnan(fit.coef).any():
        return [*rows, *without]
    low, high = fit.interval(confidence)
    offset = x.shape[1] - len(terms)
    for i, term in enumerate(terms, start=offset):
        rows.append(
            {
                **{
                    "term": term,
                    "estimate": fit.coef[0, i],
                    "se": fit.se[0, i],
                    "df1": 1,
                    "df2": fit.df[0, i],
                },
                **{"statistic": fit.t[0, i], "p": fit.p[0, i]},
                **{"ci_low": low[0, i], "ci_high": high[0, i]},
                "reason": f"{term} is {ONCE}" if fit.known_once[0, i] else "",
            }
        )
    f, df, p = (float(v[0]) for v in fit.joint_test(np.eye(x.shape[1])[offset:]))
    once = [term for i, term in enumerate(terms, start=offset) if fit.known_once[0, i]]
    reason = f"{' and '.join(once)}: {ONCE}" if once else ""
    if constant:
        left_out = f"without {', '.join(constant)}, which does not vary{where}"
        reason = f"{reason}; {left_out}" if reason else left_out
    rows.append({"term": "joint", "df1": len(terms), "df2": df, "statistic": f, "p": p, "reason": reason})
    return rows
