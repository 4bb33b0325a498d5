"""A claim on a correlation stands in the table's row of its own pair, in either order, and of no other pair."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest
from fortems.gate.verdicts import CORRELATIONS, _correlation_stands

CLAIM = SimpleNamespace(x="bond", y="meaning")
PAIRS = {
    ("meaning", "bond"): 0.4,
    ("meaning", "alliance"): 0.5,
    ("meaning", "search"): 0.6,
    ("task", "bond"): 0.7,
}


def complaints(value):
    rows = [
        {"x": x, "y": y, "level": "total", "kind": "robust", "r": r, "ci_low": r - 0.1, "ci_high": r + 0.1, "p": 0.01}
        for (x, y), r in PAIRS.items()
    ]  # fmt: skip
    told = {"claim": "c", "estimand": "total", "test": "robust", "statistic": "r", "p": 0.01}
    row = SimpleNamespace(estimate=value, ci_low=value - 0.1, ci_high=value + 0.1, **told)
    evidence = SimpleNamespace(tables={CORRELATIONS: pd.DataFrame(rows)})
    return list(_correlation_stands(evidence, CLAIM, row, pd.DataFrame()))


@pytest.mark.parametrize("pair", PAIRS)
def test_only_the_number_of_its_own_pair_stands(pair):
    assert bool(complaints(PAIRS[pair])) == (set(pair) != {"bond", "meaning"})
