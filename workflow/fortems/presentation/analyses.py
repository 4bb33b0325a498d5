"""Which of the defensible analyses are told one by one: of private data only those on the run's own clients."""

from __future__ import annotations

import pandas as pd

from fortems.presentation.results import Row

SPECIFICATIONS = "robustness/specifications.csv"
MULTIVERSE = "robustness/multiverse.csv"
#: How the reason of a row begins of which nothing else is told.
WITHHELD = "withheld"
ALL = "all"
SIDES = ("negative", "positive")


def usual_side(row: Row) -> str:
    """Return on which side of zero more of a row's analyses lie; ``negative`` where as many lie on either."""
    return "positive" if row.get("positive", 0) > row.get("negative", 0) else "negative"


def some_withheld(specifications: pd.DataFrame | None) -> bool:
    """Whether ``specifications.csv`` has rows of which nothing is told but that they were made."""
    if specifications is None or not {"estimate", "reason"} <= set(specifications.columns):
        return False
    untold = specifications["estimate"].isna()
    return bool(specifications.loc[untold, "reason"].astype(str).str.startswith(WITHHELD).any())
