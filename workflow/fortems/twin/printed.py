"""What a run on own data tells of them, in the form that a twin is made from: nothing here reads a client's row."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.privacy.release import codebook_table, missing_answers
from fortems.errors import ConfigError, Problem
from fortems.stats.arrays import Array
from fortems.study.instruments import Instrument
from fortems.tidy import read_csv

#: Released tables of a run; of the codebook of the protected clients what the report prints.
DESCRIPTIVES, CORRELATIONS = "tables/descriptives.csv", "tables/correlations.csv"
ICC, RELIABILITY, CODEBOOK = "tables/icc.csv", "tables/reliability.csv", "data/protected/codebook.csv"
TABLES = (DESCRIPTIVES, CORRELATIONS, ICC)


@dataclass(frozen=True)
class Printed:
    """Suppressed statistics of own data.

    Attributes
    ----------
    n, therapists : int
        Clients and therapists.
    names : tuple of str, length V
        Numeric variables that are no totals of others.
    low, high : ndarray (V,)
        Possible ranges; infinite where there is none.
    totals : dict of str to tuple of str
        Total → the names that it sums.
    mean, sd : dict of str to float
        Of names and totals.
    total, within : dict of (str, str) to float
        Correlations over all clients and within therapists.
    icc, alpha : dict of str to float
    categories : dict of str to dict of str to float
        Variable → category → share.
    missing : dict of str to float
        Variable → share of missing values, where it is told and not 0.
    gaps : dict of str to float
        Item column → share of missing answers as far as it is printed.
    """

    n: int
    therapists: int
    names: tuple[str, ...]
    low: Array
    high: Array
    totals: Mapping[str, tuple[str, ...]]
    mean: Mapping[str, float]
    sd: Mapping[str, float]
    total: Mapping[tuple[str, str], float]
    within: Mapping[tuple[str, str], float]
    icc: Mapping[str, float]
    alpha: Mapping[str, float]
    categories: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, float]
    gaps: Mapping[str, float] = field(default_factory=dict)


def read_printed(
    results: str | os.PathLike[str],
    instruments: Mapping[str, Instrument],
    min_cell: int,
    rules: Mapping[str, Mapping[str, Any] | None] | None = None,
) -> Printed:
    """Read what a run tells of its clients.

    Parameters
    ----------
    results : path
        ``results/<run>``.
    instruments : mapping of str to Instrument
    min_cell : int
        ``privacy.min_cell``: of the codebook smaller counts are left out.
    rules : mapping, optional
        ``inclusion``: who was not included is not in the twin.

    Raises
    ------
    ConfigError
        When a table is missing: the run has not been made.
    """
    folder = Path(results)
    absent = [name for name in (*TABLES, CODEBOOK) if not (folder / name).is_file()]
    if absent:
        raise ConfigError(
            Problem(
                str(folder),
                f"{', '.join(absent)} are not there",
                "the results of a run on own data with privacy.min_cell above 0",
                "Make the run first, as `make twin CONFIG=...` does",
            )
        )
    described = read_csv(folder / DESCRIPTIVES)
    # A released number of clients may be withheld with what rests on it; the run's is that of most variables.
    numbers = described[described["mean"].notna() & described["sd"].gt(0)].set_index("variable")
    made = {i.total: tuple(i.subscales) for i in instruments.values() if i.total}
    sums = {total: parts for total, parts in made.items() if {total, *parts} <= set(numbers.index)}
    names = tuple(str(name) for name in numbers.index if name not in sums)
    icc = read_csv(folder / ICC)
    correlations = read_csv(folder / CORRELATIONS)
    codebook = read_csv(folder / CODEBOOK)
    shares, missing = _of_codebook(codebook_table(codebook, "file", min_cell))
    return Printed(
        n=int(numbers["n"].mode().iloc[0]),
        therapists=int(icc["n_therapists"].max()),
        names=names,
        low=_limits(numbers, names, rules or {}, "possible_min", "min", -np.inf),
        high=_limits(numbers, names, rules or {}, "possible_max", "max", np.inf),
        totals=sums,
        mean=_by_name(numbers["mean"]),
        sd=_by_name(numbers["sd"]),
        total=_pairs(correlations, "total", "pearson"),
        within=_pairs(correlations, "within", "centred"),
        icc=_by_name(icc.dropna(subset=["icc"]).set_index("variable")["icc"]),
        alpha=_alphas(folder / RELIABILITY),
        categories=shares,
        missing=missing,
        gaps=missing_answers(codebook, instruments, min_cell),
    )


def _limits(
    numbers: pd.DataFrame,
    names: tuple[str, ...],
    rules: Mapping[str, Mapping[str, Any] | None],
    column: str,
    rule: str,
    open_end: float,
) -> Array:
    """The possible ends, those of the rules of inclusion where they are nearer."""
    ends = numbers[column].reindex(names).fillna(open_end).to_numpy(float)
    asked = np.array([float((rules.get(name) or {}).get(rule, open_end)) for name in names])
    return np.maximum(ends, asked) if rule == "min" else np.minimum(ends, asked)


def _by_name(column: pd.Series) -> dict[str, float]:
    return {str(name): float(value) for name, value in column.items()}


def _pairs(table: pd.DataFrame, level: str, kind: str) -> dict[tuple[str, str], float]:
    rows = table[(table["level"] == level) & (table["kind"] == kind) & table["r"].notna()]
    return {(str(x), str(y)): float(r) for x, y, r in zip(rows["x"], rows["y"], rows["r"], strict=True)}


def _alphas(path: Path) -> dict[str, float]:
    if not path.is_file():
        return {}
    table = read_csv(path)
    rows = table[(table["level"] == "total") & table["alpha"].notna()]
    return {str(scale): float(alpha) for scale, alpha in zip(rows["scale"], rows["alpha"], strict=True)}


def _of_codebook(table: pd.DataFrame) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    shares: dict[str, dict[str, float]] = {}
    missing: dict[str, float] = {}
    for row in table.to_dict("records"):
        name = str(row["variable"])
        if row["kind"] == "category":
            counts = _counts(str(row["values"]))
            if counts:
                shares[name] = {value: count / sum(counts.values()) for value, count in counts.items()}
        share = _number(row["missing_share"])
        if share > 0:
            missing[name] = share
    return shares, missing


def _counts(text: str) -> dict[str, int]:
    """``female: 37; male or other: 16`` as a map; values whose count is withheld are left out."""
    found = {}
    for part in text.split("; "):
        value, _, count = part.rpartition(": ")
        if count.isdigit():
            found[value] = int(count)
    return found


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0
