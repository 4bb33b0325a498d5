"""What claims are judged by: estimates with their tests, of one study or of many at once.

The same frame holds a run's own results (S = 1, read from its tables) and simulated studies (S of them, computed in
batches), so that one piece of code judges both.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fortems.stats.regression import Array
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS, PRIMARY_INTERVAL, counting
from fortems.study.variables import in_sentence

#: Where an estimate is of, as reasons say it.
WHERE = {
    "total": "over all clients",
    "within": "within therapists",
    "single": "at the single level",
    "between": "between therapists",
}


class Key(NamedTuple):
    """Name of a piece of evidence.

    Attributes
    ----------
    statistic : str
        ``correlation``, ``a``, ``b``, ``direct``, ``indirect``, ``total``, ``covariate`` or ``contrast``.
    level : str
        ``total``, ``within`` or ``single``.
    test : str
        For correlations ``robust``, ``pearson`` or ``centred``; for contrasts what is compared, ``correlation`` or
        ``indirect``; empty otherwise.
    model : str
        For effects the model's name; for contrasts the variable that it is with; empty otherwise.
    x, y : str
        For correlations the two variables; for effects predictor and mediator; for covariates the term and the
        outcome; for contrasts the two sides. Empty where a model has only one.
    """

    statistic: str
    level: str
    test: str = ""
    model: str = ""
    x: str = ""
    y: str = ""


@dataclass(frozen=True)
class Estimate:
    """An estimate with its test in S studies.

    Attributes
    ----------
    value, low, high, p : ndarray (S,)
        Estimate, ends of its interval, two-sided p; NaN where a study gives none.
    source : str
        Engine or test that it comes from.
    reason : str
        Why it is missing, where it is missing in all studies.
    clients : float
        How many it rests on, in a run; NaN elsewhere.
    """

    value: Array
    low: Array
    high: Array
    p: Array
    source: str = ""
    reason: str = ""
    clients: float = math.nan

    @classmethod
    def missing(cls, studies: int, reason: str) -> Estimate:
        """Return an estimate that no study has, with the reason."""
        nothing = np.full(studies, np.nan)
        return cls(nothing, nothing, nothing, nothing, reason=reason)


@dataclass(frozen=True)
class Evidence:
    """All that is known of S studies.

    Attributes
    ----------
    studies : int
        S.
    confidence : float
        Of all intervals.
    estimates : dict of Key to Estimate
    withheld : dict of str to str
        Level to the reason why a run has nothing of it.
    lacking : dict of str to str
        Statistic to the reason why the source of a run can give none of its kind.
    """

    studies: int
    confidence: float
    estimates: Mapping[Key, Estimate]
    withheld: Mapping[str, str] = field(default_factory=dict)
    lacking: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: Key) -> Estimate:
        """Return an estimate; a missing one says why.

        x and y of a correlation may stand in either order; predictor and mediator of an effect may be left out
        where the model has only one.
        """
        found = self.estimates.get(key)
        if found is None and key.statistic == "correlation":
            found = self.estimates.get(key._replace(x=key.y, y=key.x))
        elif found is None:
            found = self._only_one(key)
        if found is not None:
            return found
        reason = self.withheld.get(key.level) or self.lacking.get(key.statistic) or self._reason(key)
        return Estimate.missing(self.studies, reason)

    def _only_one(self, key: Key) -> Estimate | None:
        """The one effect that a key without predictor or mediator can mean; None where it could mean several."""
        fitting = [
            estimate
            for other, estimate in self.estimates.items()
            if other[:4] == key[:4] and key.x in ("", other.x) and key.y in ("", other.y)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _reason(self, key: Key) -> str:
        if key.statistic == "correlation":
            return f"no correlation of {key.x} with {key.y} {WHERE.get(key.level, key.level)}"
        if key.statistic == "contrast":
            return f"{key.x} and {key.y} were not compared {WHERE.get(key.level, key.level)}"
        if key.statistic == "covariate":
            return f"no background variables beside {key.y} {WHERE.get(key.level, key.level)}"
        named = " ".join(word for word in (key.x, key.y) if word)
        of = f" ({named})" if named else ""
        return (
            f"no single {key.statistic} effect of the model {key.model}{of} {WHERE.get(key.level, key.level)}"
        )

    def terms(self, level: str, outcome: str) -> list[str]:
        """Return the covariates tested against an outcome, the joint test left out."""
        return [
            key.x
            for key in self.estimates
            if key.statistic == "covariate" and key.level == level and key.y == outcome and key.x != "joint"
        ]


def from_tables(
    correlations: pd.DataFrame,
    effects: pd.DataFrame,
    covariates: pd.DataFrame | None = None,
    confidence: float = 0.95,
    aspects: pd.DataFrame | None = None,
) -> Evidence:
    """Read a run's own tables as evidence.

    Parameters
    ----------
    correlations, effects, covariates : DataFrame
        ``tables/correlations.csv``, ``mediation/effects.csv``, ``tables/covariates.csv`` (None: not made).
    confidence : float
        Of the intervals in the tables.
    aspects : DataFrame, optional
        ``robustness/aspects.csv`` (None: not made).
    """
    estimates: dict[Key, Estimate] = {}
    for row in correlations.to_dict("records"):
        key = Key("correlation", row["level"], test=row["kind"], x=row["x"], y=row["y"])
        estimates[key] = _estimate_of(row, "r", row["kind"], _text(row.get("reason")))
    printed = "robust" not in set(correlations["kind"])
    if printed:  # a published matrix: clients as if independent is all there is
        for key, estimate in list(estimates.items()):
            if key.test == "pearson":
                estimates[key._replace(test="robust")] = estimate
    withheld: dict[str, str] = {}
    counted = counting(effects[effects["at"].map(_text).eq("")])
    for level in ESTIMANDS:
        found = counted[counted["level"] == level]
        if found.empty:
            withheld[level] = f"this run has no effects {WHERE.get(level, level)}"
        for row in found.to_dict("records"):
            names = {"x": _text(row["predictor"]), "y": _text(row["mediator"])}
            key = Key(row["effect"], row["level"], model=row["model"], **names)
            estimates[key] = _estimate_of(row, "estimate", row["engine"], "")
    if covariates is not None:
        for row in covariates.to_dict("records"):
            key = Key("covariate", row["level"], x=row["term"], y=row["outcome"])
            estimates[key] = _estimate_of(row, "estimate", "cr2", _text(row.get("reason")))
    if aspects is not None:
        contrasts = aspects[(aspects["interval"] == PRIMARY_INTERVAL) & (aspects["second"].map(_text) != "")]
        for row in contrasts.to_dict("records"):
            names = {"x": row["first"], "y": row["second"], "model": row["with"]}
            key = Key("contrast", row["level"], test=row["statistic"], **names)
            estimates[key] = _estimate_of(row, "estimate", "jackknife", _text(row.get("reason")))
    lacking = _not_printed({*correlations["x"], *correlations["y"]}) if printed else {}
    lacking = {
        kind: reason
        for kind, reason in lacking.items()
        if not any(key.statistic == kind for key in estimates)
    }
    return Evidence(1, confidence, estimates, withheld, lacking)


def _not_printed(variables: set[str]) -> dict[str, str]:
    """Statistic → why a printed table of these variables cannot give it."""
    absent = [in_sentence(name) for name in study().background if name not in variables]
    background = (
        "the test of background variables needs clients' answers, which a printed table does not hold"
    )
    if len(absent) == 2:
        background = f"the printed table has neither {' nor '.join(absent)}"
    elif absent:
        background = f"the printed table does not have {' or '.join(absent)}"
    return {
        "covariate": background,
        "contrast": "the test of this difference leaves out one therapist after another, which a printed table does not allow",
    }


def _estimate_of(row: Mapping[Hashable, Any], column: str, source: str, reason: str) -> Estimate:
    value, low, high, p = (np.array([row[name]], dtype=float) for name in (column, "ci_low", "ci_high", "p"))
    clients = row.get("n_clients", row.get("n", math.nan))
    return Estimate(value, low, high, p, source, reason, math.nan if clients is None else float(clients))


def _text(value: object) -> str:
    return "" if value is None or value != value else str(value)
