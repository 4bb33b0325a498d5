"""Try to work out few clients from what is published alone: by subtraction, from shares, from coefficients.

An attacker has the tables and nothing else, and so has this module: it asks neither the data nor the code that
withheld something. Whoever adds a table that tells too much is stopped here.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.privacy.limits import FEWEST_THERAPISTS, Limits
from fortems.data.privacy.suppression import WITHOUT_SOME, printed

#: Columns that count clients, and columns that must be empty: single clients, or estimates without some.
TOTALS = ("n", "n_clients")
SHARES = ("share", "floor", "ceiling", "missing_share")
EMPTY = {
    "tables/descriptives.csv": ("min", "max"),
    "tables/icc.csv": ("n0",),
}
#: Written by hand or for machines, not computed of clients.
EXACT = ("published", "low", "high")
LEVELS = ("received", "scored", "analysed")


def recoverable(
    tables: Mapping[str, pd.DataFrame], limits: Limits, simulated: Collection[str] = ()
) -> Iterator[str]:
    """Yield, in words, what can be worked out of few clients or therapists.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name within the run's folder → content, of everything that leaves.
    limits : Limits
    simulated : collection of str
        Names of tables outside ``design/`` that show simulated studies alone, whose counts are of nobody.
    """
    of_people = {
        name: table
        for name, table in tables.items()
        if not name.startswith("design/") and name not in simulated
    }
    totals = _totals(of_people)
    many = _therapists(of_people)
    for fewer, more in itertools.combinations(sorted(many), 2):
        if more - fewer < FEWEST_THERAPISTS:
            yield f"{fewer} and {more} therapists differ by few"
    for (first, here), (second, there) in itertools.combinations(totals.items(), 2):
        if limits.small(abs(first - second)):
            yield f"{here} counts {abs(first - second)} clients more or less than {there}"
    for name, table in of_people.items():
        yield from _small(name, table, limits)
        yield from _left(name, table, totals, limits)
        yield from _filled(name, table)
        if not name.startswith(("figures/", "manuscript/")):
            yield from _digits(name, table)
    yield from _indicators(of_people, limits)


def _therapists(tables: Mapping[str, pd.DataFrame]) -> set[int]:
    """Numbers of therapists that statistics rest on, and of those received."""
    found: set[int] = set()
    for table in tables.values():
        columns = [table["n_therapists"]] if "n_therapists" in table else []
        if {"step", "therapists"} <= set(table):
            columns.append(table.loc[table["step"].isin(LEVELS), "therapists"])
        found |= {int(value) for column in columns for value in column.dropna().unique()}
    return found - {0}


def _totals(tables: Mapping[str, pd.DataFrame]) -> dict[int, str]:
    """Numbers of clients that statistics rest on → where they stand."""
    found: dict[int, str] = {}
    for name, table in tables.items():
        rows = table
        if "category" in table:
            rows = table[table["category"].isna()]
        for column in TOTALS:
            if column in rows and rows[column].dtype.kind in "if":
                for value in rows[column].dropna().unique():
                    found.setdefault(int(value), f"{name}, {column}")
        if {"step", "clients"} <= set(table):
            for value in table.loc[table["step"].isin(LEVELS), "clients"].dropna().unique():
                found.setdefault(int(value), f"{name}, clients")
    return {value: place for value, place in found.items() if value > 0}


def _small(name: str, table: pd.DataFrame, limits: Limits) -> Iterator[str]:
    """Counts, and shares that are counts, of few."""
    for column in (*TOTALS, "clients", "missing", "n_missing"):
        if column in table and table[column].dtype.kind in "if":
            for value in table[column].dropna().unique():
                if limits.small(float(value)):
                    yield f"{name}, {column}: {value:g} clients"
    if "n_therapists" in table and table["n_therapists"].dtype.kind in "if":
        for value in table["n_therapists"].dropna().unique():
            if 0 < value < FEWEST_THERAPISTS:
                yield f"{name}: {value:g} therapists"
    n = table.get("n")
    for column in SHARES:
        if n is None or column not in table or table[column].dtype.kind not in "if":
            continue
        for value, size in zip(table[column], n, strict=True):
            # A category's share is of all, whose number stands elsewhere; its own count was looked at above.
            if np.isfinite(value) and np.isfinite(size) and column != "share":
                for count in (round(value * size), size - round(value * size)):
                    if limits.small(count):
                        yield f"{name}, {column}: {value:g} of {size:g} are {count:g} clients"


def _left(name: str, table: pd.DataFrame, totals: Iterable[int], limits: Limits) -> Iterator[str]:
    """What is left when the counts of all parts are taken from the whole."""
    parts: dict[Any, pd.Series] = {}
    if {"variable", "category", "n"} <= set(table):
        filled = table[table["category"].notna() & (table["category"].astype(str) != "")]
        parts = {key: group["n"] for key, group in filled.groupby("variable")}
    elif {"x", "y", "kind", "clients"} <= set(table):
        cells = table[table["kind"] == "cell"]
        parts = {key: group["clients"] for key, group in cells.groupby(["x", "y"])}
    for key, counts in parts.items():
        sum_, hidden = int(counts.sum()), int(counts.isna().sum())
        for whole in totals:
            if limits.small(whole - sum_):
                yield f"{name}, {key}: the parts leave {whole - sum_} of {whole} clients"
        if hidden == 1 and any(whole > sum_ for whole in totals):
            yield f"{name}, {key}: a single part is withheld, and the others give it"


def _filled(name: str, table: pd.DataFrame) -> Iterator[str]:
    empty = WITHOUT_SOME if name.startswith("robustness/") else EMPTY.get(name, ())
    for column in empty:
        if column in table and table[column].notna().any():
            yield f"{name}, {column}: an extreme, or an estimate without some clients"


def _digits(name: str, table: pd.DataFrame) -> Iterator[str]:
    """Numbers with more digits than are printed: ten digits of a mean give the sum, and sums give clients."""
    for column in table.columns:
        if table[column].dtype.kind != "f" or column in EXACT:
            continue
        for value in table[column].dropna():
            if abs(printed(float(value), str(column)) - value) > 1e-9 * max(abs(value), 1e-6):
                yield f"{name}, {column}: {value:.10g} has more digits than are printed"
                break


def _indicators(tables: Mapping[str, pd.DataFrame], limits: Limits) -> Iterator[str]:
    """Coefficients of categories whose clients are few, or whose number is not told.

    With the means that are published, the coefficient of an indicator of one client gives that client's outcome.
    """
    counted = tables.get("tables/descriptives.csv")
    terms = tables.get("tables/covariates.csv")
    if counted is None or terms is None or "category" not in counted:
        return
    rows = counted[counted["category"].notna()]
    told = {f"{row['variable']}_{row['category']}": row["n"] for row in rows.to_dict("records")}
    numeric = set(counted.loc[counted["category"].isna(), "variable"])
    for row in terms.to_dict("records"):
        term, estimate = str(row["term"]), row["estimate"]
        if term in numeric or term == "joint" or not np.isfinite(estimate):
            continue
        n = told.get(term, np.nan)
        if not np.isfinite(n) or n < limits.min_cell:
            yield f"tables/covariates.csv, {term}: a coefficient of a category whose clients are few or not told"
        if not np.isfinite(row["se"]):
            yield f"tables/covariates.csv, {term}: a coefficient without an error, known from one therapist"
