"""What a multiverse comes to: median, shares by sign and significance, and how much each choice moves the estimate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.robustness.choices import STATED, Choices
from fortems.robustness.joint import JOINT_COLUMNS
from fortems.robustness.specifications import SPECIFICATION_COLUMNS, Multiverse
from fortems.stats.arrays import Array

SUMMARY_COLUMNS = (
    "model",
    "estimand",
    "combinations",
    "forbidden",
    "same",
    "specifications",
    "failed",
    "inadmissible",
    "median_estimate",
    "lowest",
    "quarter",
    "three_quarters",
    "highest",
    "negative",
    "positive",
    "significant_negative",
    "significant_positive",
    "default",
    "default_rank",
)
CHOICE_COLUMNS = (
    "model",
    "choice",
    "option",
    "label",
    "specifications",
    "median_estimate",
    "significant",
    "share",
    "share_alone",
    "reason",
)
ALL = "all"


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of ``specifications.csv`` that count: with an estimate, admissible."""
    return table[table["estimate"].notna() & table["admissible"].astype(bool)]


def summary_table(multiverses: Sequence[Multiverse]) -> pd.DataFrame:
    """Return one row per model for all specifications and one per estimand (``multiverse.csv``).

    ``negative`` and the like are shares of the specifications that count; ``default_rank`` is the place of the package's own
    estimate among them, from the lowest.
    """
    rows = []
    for one in multiverses:
        for estimand in (ALL, *one.table["estimand"].unique()):
            rows.append(_summary(one, estimand))
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _summary(one: Multiverse, estimand: str) -> dict[str, Any]:
    mine = one.table if estimand == ALL else one.table[one.table["estimand"] == estimand]
    kept = counted(mine)
    row: dict[str, Any] = {"model": one.model, "estimand": estimand}
    if estimand == ALL:
        row |= {name: one.counts[name] for name in ("combinations", "forbidden", "same")}
    row |= {"specifications": len(kept), "failed": int(mine["estimate"].isna().sum())}
    row["inadmissible"] = int((mine["estimate"].notna() & ~mine["admissible"].astype(bool)).sum())
    if kept.empty:
        return row
    values = kept["estimate"].to_numpy(float)
    significant = kept["significant"].to_numpy(bool)
    names = ("lowest", "quarter", "median_estimate", "three_quarters", "highest")
    row |= dict(zip(names, np.quantile(values, [0, 0.25, 0.5, 0.75, 1]).tolist(), strict=True))
    row |= {"negative": float((values < 0).mean()), "positive": float((values > 0).mean())}
    row["significant_negative"] = float((significant & (values < 0)).mean())
    row["significant_positive"] = float((significant & (values > 0)).mean())
    own = kept[kept["default"].astype(bool)]
    if len(own):
        row["default"] = float(own["estimate"].iloc[0])
        row["default_rank"] = int((values < row["default"]).sum()) + 1
    return row


def choice_table(multiverses: Sequence[Multiverse], choices: Choices) -> pd.DataFrame:
    """Return a row per choice and one per option (``choices.csv``).

    A choice's ``share`` is the part of the variance of the estimates that the choice explains beside all others: what R² of a
    regression on indicators of every choice loses without it. ``share_alone`` is R² of the choice by itself. The product has
    gaps, so that the shares need not add up. Options that the data cannot give have a reason and no specifications.
    """
    rows: list[dict[str, Any]] = []
    for one in multiverses:
        kept = counted(one.table)
        shares = shares_of(kept, choices.declared)
        withheld: Mapping[tuple[str, str], str] = {
            (row["choice"], row["option"]): row["reason"] for row in one.withheld.to_dict("records")
        }
        for choice in choices.declared:
            beside, alone = shares[choice]
            rows.append(
                {
                    "model": one.model,
                    "choice": choice,
                    "option": "",
                    "label": STATED[choice][0],
                    "specifications": len(kept),
                    "share": beside,
                    "share_alone": alone,
                    "reason": "",
                }
            )
            for option in choices.options[choice]:
                mine = kept[kept[choice] == option]
                found = {
                    "model": one.model,
                    "choice": choice,
                    "option": option,
                    "label": choices.label(choice, option),
                    "specifications": len(mine),
                    "median_estimate": float(mine["estimate"].median()) if len(mine) else np.nan,
                    "significant": float(mine["significant"].astype(bool).mean()) if len(mine) else np.nan,
                    "reason": withheld.get((choice, option), ""),
                }
                if not len(mine) and not found["reason"]:
                    found["reason"] = "every estimate repeats one of another option, or failed"
                rows.append(found)
    return pd.DataFrame(rows, columns=list(CHOICE_COLUMNS))


def shares_of(table: pd.DataFrame, choices: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return choice → (what R² loses without it, R² of it alone); NaN where the estimates do not vary."""
    values = table["estimate"].to_numpy(float)
    if len(values) < 2 or not np.ptp(values) > 0:
        return dict.fromkeys(choices, (np.nan, np.nan))
    indicators = {choice: pd.get_dummies(table[choice]).to_numpy(float) for choice in choices}
    whole = _r_squared(values, list(indicators.values()))
    return {
        choice: (
            max(
                whole - _r_squared(values, [part for name, part in indicators.items() if name != choice]), 0.0
            ),
            _r_squared(values, [indicators[choice]]),
        )
        for choice in choices
    }


def _r_squared(values: Array, parts: Sequence[Array]) -> float:
    design = np.column_stack([np.ones(len(values)), *parts])
    centred = values - values.mean()
    residual = centred - design @ np.linalg.lstsq(design, centred, rcond=None)[0]
    return float(1 - residual @ residual / (centred @ centred))


def tables(
    multiverses: Sequence[Multiverse], joint: Sequence[pd.DataFrame], choices: Choices
) -> dict[str, pd.DataFrame]:
    """Return ``specifications, multiverse, choices, joint`` of all main models, in their order."""
    whole = [one.table for one in multiverses]
    return {
        "specifications": _together(whole, SPECIFICATION_COLUMNS),
        "multiverse": summary_table(multiverses),
        "choices": choice_table(multiverses, choices),
        "joint": _together(joint, JOINT_COLUMNS),
    }


def _together(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))
