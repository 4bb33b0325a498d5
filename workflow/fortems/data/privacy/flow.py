"""What of the flow of participants may be shown."""

from __future__ import annotations

import re

import pandas as pd

ORDER = ("received", "excluded", "analysed", "scored")


def told_detail(detail: str, hidden: bool, min_cell: int) -> str:
    """Return what was read, in words, without counts of rows that are of few or that would give a hidden number.

    Parameters
    ----------
    detail : str
        Of the step ``received``, such as ``clients in 92 rows of the file; 2 rows of other occasions set aside``.
    hidden : bool
        Whether the number of clients received is not shown.
    min_cell : int
    """
    few = any(0 < int(count) < min_cell for count in re.findall(r"[0-9]+", detail))
    return re.sub(r"[0-9]+ (?=rows)", "", detail) if hidden or few else detail


def shown_flow(flow: pd.DataFrame, min_cell: int) -> pd.DataFrame:
    """Return the flow with small counts taken out, and with them whatever would give them away.

    Parameters
    ----------
    flow : DataFrame
        ``data/flow.csv``.
    min_cell : int
        Counts of clients from 1 to below this are suppressed; 0 suppresses nothing.

    Returns
    -------
    DataFrame
        The steps in their order, exclusions of nobody left out, with ``shown`` in place of suppressed counts.
        Where an exclusion is suppressed, so is the number received, which would give it by subtraction; the
        same for the clients with every score.
    """
    import numpy as np

    frame = flow.copy()
    frame["shown"] = ""
    frame["rank"] = frame["step"].map({step: rank for rank, step in enumerate(ORDER)})
    frame = frame.sort_values("rank", kind="stable").drop(columns="rank")
    frame = frame[(frame["step"] != "excluded") | (frame["clients"] > 0)].reset_index(drop=True)
    frame["clients"] = frame["clients"].astype(float)
    frame["therapists"] = frame["therapists"].astype(float)
    count = {step: frame.loc[frame["step"] == step, "clients"].sum() for step in ORDER}

    def hide(rows: pd.Series, words: str) -> None:
        # A ratio and one of its parts would give the other.
        counts = [c for c in ("clients", "therapists", "clients_per_therapist") if c in frame]
        frame.loc[rows, counts] = np.nan
        frame.loc[rows, "shown"] = words

    excluded = frame["step"] == "excluded"
    small = excluded & (frame["clients"] < min_cell)
    if small.any():
        hide(excluded, f"suppressed (counts below {min_cell} are not shown)")
        hide(frame["step"] == "received", "not shown, since it would give the count excluded")
    received = frame["step"] == "received"
    frame.loc[received, "detail"] = [
        told_detail(str(detail), bool(small.any()), min_cell) for detail in frame.loc[received, "detail"]
    ]
    if 0 < count["analysed"] - count["scored"] < min_cell:
        hide(frame["step"] == "scored", f"not shown (a difference below {min_cell})")
    return frame
