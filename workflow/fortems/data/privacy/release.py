"""What the report may tell of ``data/``: the same tables, with what is of single clients taken out."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fortems.data.codebook import described
from fortems.data.inclusion import step
from fortems.data.privacy.limits import FEWEST_THERAPISTS
from fortems.data.privacy.privacy import SHOWN, displays, withheld
from fortems.study.definition import IDENTIFIERS

if TYPE_CHECKING:
    from fortems.study.instruments import Instrument

MARK = "–"
_ENDS = ("q05", "q25", "q75", "q95")


def codebook_table(codebook: pd.DataFrame, source: str, min_cell: int) -> pd.DataFrame:
    """Return the codebook without items and identifiers, for the report.

    Parameters
    ----------
    codebook : DataFrame
        ``data/codebook.csv``.
    source : str
        ``simulated`` or ``file``.
    min_cell : int
        On own data, small counts of a category or of missing values are withheld, and the observed range is
        not told: its ends are clients.

    Returns
    -------
    DataFrame
        With the index of ``codebook``, so that a number of the report can name its row in the file.
    """
    shown = codebook[~codebook["kind"].isin(["item", "identifier"])].copy()
    shown["values"] = shown["values"].fillna("").astype(object)
    if displays(source)["extremes"].form == SHOWN:
        return shown
    shown[["minimum", "maximum", *_ENDS]] = np.nan
    missing = shown["missing"].fillna(0).to_numpy(dtype=int)
    hidden = (missing > 0) & (missing < min_cell)
    for column in ("n", "missing", "missing_share"):
        shown[column] = shown[column].astype(object).where(~hidden, MARK)
    shown["values"] = [_category_counts(text, min_cell) for text in shown["values"]]
    return shown


def missing_answers(
    codebook: pd.DataFrame, instruments: Mapping[str, Instrument], min_cell: int
) -> dict[str, float]:
    """Return what may be told of missing answers: the share of each item, 0 where nothing is told of it.

    Parameters
    ----------
    codebook : DataFrame
        ``data/codebook.csv`` with its items.
    instruments : mapping of str to Instrument
    min_cell : int
        An item's share is told where as many clients lack it, and as many do not. All other missing answers of an
        instrument are told of together, spread evenly over its items, where no fewer clients can be behind them: each
        lacks at most as many as its rule for missing answers allows, where no score is missing.

    Returns
    -------
    dict of str to float
        Column → share.
    """
    rows = codebook.set_index("variable")
    found: dict[str, float] = {}
    for instrument in instruments.values():
        items = rows[(rows["kind"] == "item") & (rows["instrument"] == instrument.name)]
        if items.empty:
            continue
        missing, n = items["missing"].to_numpy(dtype=int), items["n"].to_numpy(dtype=int)
        known = (missing >= min_cell) & (n >= min_cell)
        shares = np.where(known, missing / np.maximum(missing + n, 1), 0.0)
        rest = int(missing[~known].sum())
        scored = rows["missing"].reindex(list(instrument.scales)).eq(0).all()
        if scored and rest > (min_cell - 1) * instrument.most_missing:
            shares[~known] = rest / (missing + n)[~known].sum()
        found |= dict(zip((str(name) for name in items.index), shares.tolist(), strict=True))
    return found


def _category_counts(text: str, min_cell: int) -> str:
    """Withhold small counts in ``female: 60; male: 36``; a category of few clients is not even named."""
    pairs = re.findall(r"(.*?): ([0-9]+)(?:; |$)", text)
    if not pairs:
        return text
    counts = np.array([int(count) for _, count in pairs])
    hidden = withheld(counts, min_cell)
    words = [f"{name}: {count}" for (name, count), hide in zip(pairs, hidden, strict=True) if not hide]
    if hidden.any():
        words.append(f"{int(hidden.sum())} further values: {MARK}")
    return "; ".join(words)


def patterns_table(patterns: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Return the patterns of missing values as text; rare ones together, or withheld.

    Parameters
    ----------
    patterns : DataFrame
        ``data/missing_patterns.csv``.
    min_cell : int
    """
    counts = patterns["clients"].to_numpy(dtype=int)
    hidden = withheld(counts, min_cell)
    shown = patterns[~hidden].astype(object)
    if hidden.any():
        words = f"{int(hidden.sum())} further pattern{'s' if hidden.sum() > 1 else ''}"
        clients: object = int(counts[hidden].sum())
        share: object = clients / counts.sum()  # type: ignore[operator]
        if hidden.sum() == len(counts) or int(counts[hidden].sum()) < min_cell:
            clients = share = MARK
        rest = {"missing": words, "n_missing": "", "clients": clients, "share": share}
        shown = pd.concat([shown, pd.DataFrame([rest]).astype(object)], ignore_index=True)
    return shown.reset_index(drop=True)


def codebook_of(codebook: pd.DataFrame, scores: pd.DataFrame, items: pd.DataFrame | None) -> pd.DataFrame:
    """Return the codebook of the clients whom tables and models use.

    Parameters
    ----------
    codebook : DataFrame
        ``data/codebook.csv``: what each variable is.
    scores, items : DataFrame
        The common clients; variables that they lack are left out.
    """
    rows = []
    for row in codebook.to_dict("records"):
        name = str(row["variable"])
        frame = items if row["kind"] == "item" else scores
        if frame is None or name not in frame:
            continue
        possible = (row["lowest_possible"], row["highest_possible"])
        limits = None if any(pd.isna(end) for end in possible) else possible
        kept = {key: row[key] for key in ("variable", "label", "instrument", "source")}
        found = kept | described(name, frame[name], limits)
        rows.append(found | ({"kind": "item"} if row["kind"] == "item" else {}))
    return pd.DataFrame(rows, columns=list(codebook.columns))


def flow_of(flow: pd.DataFrame, analysed: pd.DataFrame, common: pd.DataFrame) -> pd.DataFrame:
    """Return the flow of participants to the analysed and the common clients.

    Parameters
    ----------
    flow : DataFrame
        ``data/flow.csv``.
    analysed, common : DataFrame
        As protected.
    """
    steps = flow[flow["step"].isin(["received", "excluded"])].copy()
    # A rule that asks for some values names those that few have.
    steps["detail"] = steps["detail"].str.replace(r": (?:.*, )?one of .*", ": one of some values", regex=True)
    before = flow.loc[flow["step"] == "received", "clients"].sum()
    before -= flow.loc[flow["step"] == "excluded", "clients"].sum()
    rows: list[dict[str, object]] = []
    if left := int(before) - len(analysed):
        rows.append(
            {"step": "excluded", "detail": "a value that the models need is missing", "clients": left}
        )
    if len(common) < len(analysed):
        rows.append(step("scored", "every value that the models need", common))
        rows.append(step("analysed", "any value that the models need", analysed))
    else:
        rows.append(step("analysed", "every value that the models need", analysed))
    if 0 < steps["therapists"].max() - analysed["therapist"].nunique() < FEWEST_THERAPISTS:
        # How many therapists were left out is told by their numbers before and after; a ratio gives its parts.
        steps[["therapists", "clients_per_therapist"]] = np.nan
    return pd.concat([steps, pd.DataFrame(rows, columns=flow.columns)], ignore_index=True)


def told_settings(config: Mapping[str, Any], analysed: pd.DataFrame) -> dict[str, Any]:
    """Return the configuration of a run on own data without the categories that few clients have.

    Parameters
    ----------
    config : mapping
        As published.
    analysed : DataFrame
        The protected clients. Of the values that are mapped or asked for, those are told that some of them have.
    """
    told = copy.deepcopy(dict(config))
    people = {*IDENTIFIERS, *((told["data"].get("columns") or {}).get(name) for name in IDENTIFIERS)}

    def some(column: str, value: object) -> bool:
        if column in people:
            return False  # who was renamed, or asked for by name
        return column in analysed and str(value) in set(analysed[column].dropna().astype(str))

    values = told["data"].get("values") or {}
    for column, named in values.items():
        if isinstance(named, dict):
            values[column] = {key: value for key, value in named.items() if some(column, value)}
    for column, rule in (told.get("inclusion") or {}).items():
        if rule and rule.get("in") is not None:
            rule["in"] = [value for value in rule["in"] if some(column, value)]
    return told
