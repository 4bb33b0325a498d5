"""Many tests: adjusted p values in the article's families, and how many findings come out by chance (``multiplicity.csv``).

Families: the correlations that the study file lists; the effects a, b, direct and indirect of the main models, each
estimand by itself; the claims of the article that say "significant". Holm (1979) bounds the chance of any false finding whatever the
dependence, Benjamini & Hochberg (1995) the expected share of false ones among the findings (under independence or positive
dependence).

Expected by chance: m tests of true nulls give m α findings in the long run, dependent or not. How many come in a
scenario is counted by the design stage (``chance.csv``).

References
----------
Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics, 6(2), 65-70.
Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of the Royal Statistical Society B, 57(1),
289-300.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fortems.stats.arrays import Array
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS, counting
from fortems.study.models import MediationModel
from fortems.study.roles import main_models
from fortems.tables.correlations import holm

ALPHA = 0.05
MULTIPLICITY_COLUMNS = (
    "family",
    "test",
    "x",
    "y",
    "model",
    "level",
    "effect",
    "predictor",
    "estimate",
    "p",
    "p_holm",
    "p_bh",
    "significant",
    "significant_holm",
    "significant_bh",
    "tests",
    "expected_by_chance",
)
EFFECTS = ("a", "b", "direct", "indirect")


def benjamini_hochberg(p: ArrayLike) -> Array:
    """Return Benjamini and Hochberg's adjusted p values (m,); NaN stay NaN and are not counted as tests."""
    values = np.asarray(p, float)
    found = np.full(len(values), np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    m = len(order)
    steps = np.minimum.accumulate((values[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    found[order] = np.minimum(steps, 1.0)
    return found


def multiplicity_table(
    correlations: pd.DataFrame,
    effects: pd.DataFrame,
    claims: pd.DataFrame | None,
    models: Mapping[str, MediationModel],
) -> pd.DataFrame:
    """Return the tests of every family with their adjusted p values.

    Parameters
    ----------
    correlations, effects : DataFrame
        ``tables/correlations.csv``, ``mediation/effects.csv``.
    claims : DataFrame or None
        ``claims.csv``.
    models : mapping
        Of the run; the main ones make the families of effects.
    """
    families = [
        _correlations(correlations),
        *(_effects(effects, models, level) for level in ESTIMANDS),
    ]
    if claims is not None:
        families += [_claims(claims, level) for level in ESTIMANDS]
    parts = [_with_adjusted(family) for family in families if len(family)]
    if not parts:
        return pd.DataFrame(columns=list(MULTIPLICITY_COLUMNS))
    return pd.concat(parts, ignore_index=True).reindex(columns=list(MULTIPLICITY_COLUMNS))


def _with_adjusted(family: pd.DataFrame) -> pd.DataFrame:
    found = family.copy()
    p = found["p"].to_numpy(float)
    found["p_holm"], found["p_bh"] = holm(p), benjamini_hochberg(p)
    for name, column in (("significant", "p"), ("significant_holm", "p_holm"), ("significant_bh", "p_bh")):
        found[name] = found[column] < ALPHA
    found["tests"] = int((~np.isnan(p)).sum())
    found["expected_by_chance"] = ALPHA * found["tests"]
    return found


def _correlations(table: pd.DataFrame) -> pd.DataFrame:
    """The study's family, by the test that counts."""
    kinds = [kind for kind in ("robust", "pearson") if (table["kind"] == kind).any()]
    if not kinds:
        return pd.DataFrame()
    rows = table[(table["level"] == "total") & (table["kind"] == kinds[0])]
    found = []
    for one, other in study().family:
        mine = rows[((rows["x"] == one) & (rows["y"] == other)) | ((rows["x"] == other) & (rows["y"] == one))]
        for row in mine.head(1).to_dict("records"):
            its = {"family": "correlations", "test": f"{one} - {other}", "x": one, "y": other}
            found.append(its | {"level": "total", "estimate": row["r"], "p": row["p"]})
    return pd.DataFrame(found)


def _effects(table: pd.DataFrame, models: Mapping[str, MediationModel], level: str) -> pd.DataFrame:
    """All paths and indirect effects of the main models at an estimand."""
    rows = counting(table)
    found = []
    for name in main_models(models).values():
        mine = rows[(rows["model"] == name) & (rows["level"] == level) & rows["effect"].isin(EFFECTS)]
        for row in mine.to_dict("records"):
            of = row["predictor"] if isinstance(row["predictor"], str) else ""
            words = " ".join(part for part in (name, row["effect"], of) if part)
            its = {"family": f"effects, {level}", "test": words, "model": name, "level": level}
            found.append(
                its | {"effect": row["effect"], "predictor": of, "estimate": row["estimate"], "p": row["p"]}
            )
    return pd.DataFrame(found)


def _claims(table: pd.DataFrame, level: str) -> pd.DataFrame:
    """The findings that a p value decides, correlations with the effects of one estimand; parts of patterns repeat them."""
    rows = table[(table["judged"].astype(str).str.lower() == "true") & (table["role"] == "finding")]
    rows = rows[rows["estimand"].isin(["total", level]) & rows["p"].notna() & rows["estimate"].notna()]
    found = [
        {
            "family": f"claims, {level}",
            "test": row["claim"],
            "level": row["estimand"],
            "estimate": row["estimate"],
            "p": row["p"],
        }
        for row in rows.drop_duplicates("claim").to_dict("records")
    ]
    return pd.DataFrame(found)
