"""What the gate asks of a run's results.

Each check recomputes, by another road than the step that made the numbers, what two results must agree on, and
yields in words what it finds amiss.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.receipts import Receipt, edited, stale

if TYPE_CHECKING:
    import pandas as pd

CLOSE = 1e-7  # results carry ten significant digits
EFFECTS = (
    *("model", "engine", "level", "effect", "predictor", "mediator", "outcome", "at", "interval", "estimate"),
    *("se", "ci_low", "ci_high", "p", "standardized", "n_clients", "n_therapists"),
)
COLUMNS: dict[str, tuple[str, ...]] = {
    "data/scores.csv": ("client", "therapist"),
    "tables/descriptives.csv": ("variable", "n", "mean", "sd"),
    "tables/icc.csv": ("variable", "icc"),
    "tables/correlations.csv": ("x", "y", "level", "kind", "r", "n", "p", "ci_low", "ci_high"),
    "mediation/effects.csv": EFFECTS,
    "mediation/fit.csv": ("model", "engine", "variant", "loglik", "converged", "admissible", "boundary"),
    "claims.csv": (
        "claim",
        "estimand",
        "statistic",
        "judged",
        "estimate",
        "ci_low",
        "ci_high",
        "p",
        "verdict",
    ),
    "published.csv": ("id", "published", "computed", "verdict", "file", "row", "column"),
}


@dataclass(frozen=True)
class Evidence:
    """What the gate looks at.

    Attributes
    ----------
    paths : mapping of str to str
        Name within the run's folder → path, for every result that the run makes before the gate.
    tables : mapping of str to DataFrame
        Name → content of those that are CSV.
    receipts : mapping of str to Receipt
        Path → receipt of the step that wrote it.
    models : mapping
        Name → model, as configured.
    engines : sequence of str
        As configured.
    claims : mapping
        Name → claim, as configured.
    """

    paths: Mapping[str, str]
    tables: Mapping[str, pd.DataFrame]
    receipts: dict[str, Receipt]
    models: Mapping[str, Any]
    engines: Sequence[str]
    claims: Mapping[str, Any] = field(default_factory=dict)

    def has(self, *names: str) -> bool:
        """Return whether the run makes all of these."""
        return all(name in self.tables for name in names)


def _untouched(evidence: Evidence) -> Iterator[str]:
    yield from edited(evidence.paths.values(), evidence.receipts)


def _fresh(evidence: Evidence) -> Iterator[str]:
    yield from stale(evidence.paths.values(), evidence.receipts)


def _complete(evidence: Evidence) -> Iterator[str]:
    for name, table in evidence.tables.items():
        for column in COLUMNS.get(name, ()):
            if column not in table:
                yield f"{name} has no column {column}"
        if table.empty and name in COLUMNS:
            yield f"{name} has no rows"


def _clients(evidence: Evidence) -> Iterator[str]:
    scores = evidence.tables["data/scores.csv"]
    repeated = int(scores["client"].duplicated().sum())
    if repeated:
        yield f"{repeated} clients stand twice in data/scores.csv"
    without = int(scores["therapist"].isna().sum())
    if without:
        yield f"{without} clients have no therapist in data/scores.csv"


def _descriptives(evidence: Evidence) -> Iterator[str]:
    scores = evidence.tables["data/scores.csv"]
    for row in _rows(evidence.tables["tables/descriptives.csv"]):
        if row.variable in scores and not _named(getattr(row, "category", "")):
            values = scores[row.variable].dropna().to_numpy(float)
            for name, ours in (("n", len(values)), ("mean", values.mean()), ("sd", values.std(ddof=1))):
                theirs = getattr(row, name)
                if _known(theirs) and not _equal(theirs, ours):
                    yield f"{name} of {row.variable}: {theirs} in tables/descriptives.csv, {ours:.10g} from the scores"


def _correlations(evidence: Evidence) -> Iterator[str]:
    scores = evidence.tables["data/scores.csv"]
    for row in _rows(evidence.tables["tables/correlations.csv"]):
        if row.level == "between" or not _known(row.r):
            continue
        known = scores[["therapist", row.x, row.y]].dropna()
        pair = known[[row.x, row.y]].astype(float)
        if row.level == "within":
            pair = pair - pair.groupby(known["therapist"]).transform("mean")
        r = float(np.corrcoef(pair.to_numpy().T)[0, 1])
        if len(known) != row.n or not _equal(row.r, r):
            place = f"{row.x} and {row.y}, {row.level}"
            yield f"{place}: {row.r} (n = {row.n}) in tables/correlations.csv, {r:.10g} (n = {len(known)}) from the scores"


def _paths(evidence: Evidence) -> Iterator[str]:
    """Single-level least squares by numpy, for models of numeric variables without a moderator."""
    scores = evidence.tables["data/scores.csv"]
    effects = evidence.tables["mediation/effects.csv"]
    for name, model in evidence.models.items():
        columns = [*model.predictors, *model.covariates, *model.mediators, model.outcome]
        plain = model.moderator is None and model.measurement == "observed" and set(columns) <= set(scores)
        rows = effects[
            (effects["model"] == name) & (effects["engine"] == "regression") & (effects["level"] == "single")
        ]
        if not plain or rows.empty or any(scores[c].dtype.kind not in "if" for c in columns):
            continue
        known = scores[columns].dropna().astype(float)
        for mediator in model.mediators:
            slopes = _slopes(known, [*model.predictors, *model.covariates], mediator)
            for predictor in model.predictors:
                a = rows[
                    (rows["effect"] == "a")
                    & (rows["predictor"] == predictor)
                    & (rows["mediator"] == mediator)
                ]
                yield from _unequal(
                    a, slopes[predictor], len(known), f"{name}: a of {predictor} on {mediator}"
                )
        slopes = _slopes(known, [*model.predictors, *model.covariates, *model.mediators], model.outcome)
        for mediator in model.mediators:
            b = rows[(rows["effect"] == "b") & (rows["mediator"] == mediator)]
            yield from _unequal(b, slopes[mediator], len(known), f"{name}: b of {mediator}")
        for predictor in model.predictors:
            direct = rows[(rows["effect"] == "direct") & (rows["predictor"] == predictor)]
            yield from _unequal(
                direct, slopes[predictor], len(known), f"{name}: direct effect of {predictor}"
            )


def _products(evidence: Evidence) -> Iterator[str]:
    """Each indirect effect through one mediator is a times b of the same model, engine, level and value."""
    effects = evidence.tables["mediation/effects.csv"].copy()
    effects["at"] = effects["at"].fillna("").astype(str)
    for key, group in effects.groupby(["model", "engine", "level", "at"], sort=False):
        a = {(r.predictor, r.mediator): r.estimate for r in _rows(group[group["effect"] == "a"])}
        b = {r.mediator: r.estimate for r in _rows(group[group["effect"] == "b"])}
        for row in _rows(group[group["effect"] == "indirect"]):
            if (row.predictor, row.mediator) in a and row.mediator in b and _known(row.estimate):
                product = a[row.predictor, row.mediator] * b[row.mediator]
                if not _equal(row.estimate, product, 1e-6):
                    place = ", ".join(str(part) for part in key if part)
                    yield f"{place}, {row.interval}: indirect {row.estimate}, but a times b is {product:.10g}"


def _intervals(evidence: Evidence) -> Iterator[str]:
    for row in _rows(evidence.tables["mediation/effects.csv"]):
        place = f"{row.model}, {row.engine}, {row.level}, {row.effect}, {row.interval}"
        if _known(row.ci_low) and _known(row.ci_high):
            if row.ci_low > row.ci_high:
                yield f"{place}: interval from {row.ci_low} to {row.ci_high}"
            elif row.interval in ("wald", "delta") and not row.ci_low <= row.estimate <= row.ci_high:
                yield f"{place}: {row.estimate} lies outside its interval"
        if _known(row.p) and not 0 <= row.p <= 1:
            yield f"{place}: p is {row.p}"


def _models(evidence: Evidence) -> Iterator[str]:
    effects = evidence.tables["mediation/effects.csv"]
    fit = evidence.tables["mediation/fit.csv"]
    for name in sorted({str(m) for m in effects["model"]} - set(evidence.models)):
        yield f"mediation/effects.csv has the model {name}, which is not configured"
    for name in sorted(set(effects["engine"]) - set(evidence.engines)):
        yield f"mediation/effects.csv has the engine {name}, which is not configured"
    fitted = set(zip(fit["model"], fit["engine"], strict=True))
    for pair in sorted(set(zip(effects["model"], effects["engine"], strict=True)) - fitted):
        yield f"{pair[0]} by {pair[1]} stands in mediation/effects.csv and not in mediation/fit.csv"
    withheld = (
        set(evidence.tables["tables/withheld.csv"]["model"]) if evidence.has("tables/withheld.csv") else ()
    )
    for name, model in evidence.models.items():
        if model.measurement == "observed" and name not in set(fit["model"]) and name not in withheld:
            yield f"the model {name} is configured and stands in no row of mediation/fit.csv"


def _counts(evidence: Evidence) -> Iterator[str]:
    scores = evidence.tables["data/scores.csv"]
    effects = evidence.tables["mediation/effects.csv"]
    therapists = scores["therapist"].nunique()
    for name, group in effects.groupby("model"):
        model = evidence.models.get(str(name))
        if model is None or not set(model.variables) <= set(scores):
            continue
        complete = scores.dropna(subset=list(model.variables))
        for engine, rows in group.groupby("engine"):
            n = set(rows["n_clients"].dropna().astype(int))
            limit = len(scores) if engine == "twolevel" else len(complete)
            wrong = {k for k in n if k > limit or k < len(complete)}
            if wrong:
                yield f"{name} by {engine}: {sorted(wrong)} clients, of {len(scores)} with {len(complete)} complete"
            many = rows["n_therapists"].max()
            if _known(many) and many > therapists:
                yield f"{name} by {engine}: {many:g} therapists, of {therapists}"


def _claims(evidence: Evidence) -> Iterator[str]:
    claims = evidence.tables["claims.csv"]
    judged = claims[claims["judged"].astype(bool)]
    given = set(zip(judged["claim"], judged["estimand"], strict=True))
    wanted = {(name, level) for name, claim in evidence.claims.items() for level in claim.levels}
    for name, level in sorted(wanted - given):
        yield f"the claim {name} ({level}) is configured and has no verdict in claims.csv"
    for name, level in sorted(given - wanted):
        yield f"claims.csv judges {name} ({level}), which is not configured"
    for row in _rows(judged):
        claim = evidence.claims.get(row.claim)
        if claim is not None and claim.statistic in SOURCES:
            yield from SOURCES[claim.statistic](evidence, claim, row)


def _claimed_correlation(evidence: Evidence, claim: Any, row: Any) -> Iterator[str]:
    table = evidence.tables["tables/correlations.csv"]
    pair = ((table["x"] == claim.x) & (table["y"] == claim.y)) | (
        (table["x"] == claim.y) & (table["y"] == claim.x)
    )
    found = table[pair & (table["level"] == row.estimand) & (table["kind"] == row.test)]
    yield from _same_number(row, found, "r", "tables/correlations.csv")
    if _known(row.estimate) and _known(row.p) and claim.significant and claim.sides == 2:
        low, high = claim.band or (0.0, np.inf)
        sign = {"positive": row.estimate > 0, "negative": row.estimate < 0}.get(claim.direction, True)
        holds = row.p < claim.alpha and sign and low <= abs(row.estimate) < high
        if holds != (row.verdict == "reproduced"):
            yield f"{row.claim}: {row.verdict}, with r = {row.estimate} and p = {row.p}"


def _claimed_effect(evidence: Evidence, claim: Any, row: Any) -> Iterator[str]:
    table = evidence.tables["mediation/effects.csv"]
    effect = "indirect" if claim.statistic == "full_mediation" else claim.effect
    found = table[
        (table["model"] == claim.model) & (table["level"] == row.estimand) & (table["effect"] == effect)
    ]
    yield from _same_number(row, found, "estimate", "mediation/effects.csv")


def _same_number(row: Any, found: pd.DataFrame, column: str, name: str) -> Iterator[str]:
    if _known(row.estimate) and not any(_equal(value, row.estimate) for value in found[column].dropna()):
        yield f"{row.claim} ({row.estimand}): {row.estimate} in claims.csv stands nowhere in {name}"


SOURCES: dict[str, Callable[[Evidence, Any, Any], Iterator[str]]] = {
    "correlation": _claimed_correlation,
    "effect": _claimed_effect,
    "full_mediation": _claimed_effect,
}


def _ledger(evidence: Evidence) -> Iterator[str]:
    """Each computed number of the ledger stands where it says."""
    for row in _rows(evidence.tables["published.csv"]):
        if not _known(row.computed) or row.file not in evidence.tables:
            continue
        table = evidence.tables[row.file]
        for condition in filter(None, str(row.row if _named(row.row) else "").split(", ")):
            column, _, value = condition.partition("=")
            table = table[table[column].astype(str) == value]
        if len(table) != 1 or not _equal(float(table[row.column].iloc[0]), row.computed):
            found = f"{table[row.column].iloc[0]}" if len(table) == 1 else f"{len(table)} rows"
            yield f"{row.id}: {row.computed} in published.csv, {found} in {row.file}"


def _rows(table: pd.DataFrame) -> Iterator[Any]:
    yield from table.itertuples()


def _slopes(known: pd.DataFrame, predictors: Sequence[str], outcome: str) -> dict[str, float]:
    design = np.column_stack([np.ones(len(known)), known[list(predictors)]])
    return dict(zip(predictors, np.linalg.lstsq(design, known[outcome], rcond=None)[0][1:], strict=True))


def _unequal(rows: pd.DataFrame, ours: float, n: int, place: str) -> Iterator[str]:
    for row in _rows(rows):
        if row.n_clients == n and not _equal(row.estimate, ours):
            yield f"{place}: {row.estimate} in mediation/effects.csv, {ours:.10g} from the scores"


def _equal(theirs: float, ours: float, close: float = CLOSE) -> bool:
    return bool(abs(theirs - ours) <= close * max(1.0, abs(ours)))


def _known(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and bool(np.isfinite(value))


def _named(value: object) -> bool:
    return isinstance(value, str) and value != ""


Check = tuple[str, tuple[str, ...], Callable[[Evidence], Iterator[str]]]
CHECKS: dict[str, Check] = {
    "untouched": ("is every result what its step wrote?", (), _untouched),
    "fresh": ("is all that the steps read still what it was?", (), _fresh),
    "complete": ("has every table its columns and rows?", (), _complete),
    "clients": ("is each client there once, with a therapist?", ("data/scores.csv",), _clients),
    "descriptives": (
        "do the descriptives follow from the scores?",
        ("data/scores.csv", "tables/descriptives.csv"),
        _descriptives,
    ),
    "correlations": (
        "do the correlations follow from the scores?",
        ("data/scores.csv", "tables/correlations.csv"),
        _correlations,
    ),
    "models": (
        "are models and engines those of the configuration?",
        ("mediation/effects.csv", "mediation/fit.csv"),
        _models,
    ),
    "counts": (
        "are the clients of every model those of the scores?",
        ("data/scores.csv", "mediation/effects.csv"),
        _counts,
    ),
    "paths": (
        "do the single-level paths follow from the scores?",
        ("data/scores.csv", "mediation/effects.csv"),
        _paths,
    ),
    "products": ("is every indirect effect a times b?", ("mediation/effects.csv",), _products),
    "intervals": ("do intervals hold their estimates?", ("mediation/effects.csv",), _intervals),
    "claims": (
        "does every claim have a verdict that follows from the tables?",
        ("claims.csv", "tables/correlations.csv", "mediation/effects.csv"),
        _claims,
    ),
    "ledger": ("do the ledger's numbers stand where it says?", ("published.csv",), _ledger),
}
