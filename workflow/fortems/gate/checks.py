"""What the gate asks of a run's results.

Each check recomputes, by another road than the step that made the numbers, what two results must agree on, and
yields in words what it finds amiss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.privacy.limits import Limits
from fortems.data.privacy.subtraction import recoverable
from fortems.gate.snapshot import Snapshot, each_row, equal, is_number, is_text
from fortems.gate.verdicts import (
    CLAIMS,
    CORRELATIONS,
    EFFECTS,
    FIT,
    VERDICTS,
    check_claims,
    check_verdicts,
)
from fortems.run.catalogue import FILES, WITHHELD
from fortems.run.receipts import edited, stale
from fortems.study.definition import BEHIND
from fortems.study.engines import ENGINES
from fortems.study.estimands import PRIMARY, PRIMARY_INTERVAL
from fortems.tidy import having

SCORES, DESCRIPTIVES = "data/scores.csv", "tables/descriptives.csv"
CONFOUNDING, PUBLISHED = "robustness/confounding.csv", "published.csv"


def _untouched(evidence: Snapshot) -> Iterator[str]:
    yield from edited(evidence.paths.values(), evidence.receipts)


def _fresh(evidence: Snapshot) -> Iterator[str]:
    yield from stale(evidence.paths.values(), evidence.receipts)


def _complete(evidence: Snapshot) -> Iterator[str]:
    for name, table in evidence.tables.items():
        columns = FILES[name].columns if name in FILES else ()
        for column in columns:
            if column not in table:
                yield f"{name} has no column {column}"
        if table.empty and columns:
            yield f"{name} has no rows"


def _clients(evidence: Snapshot) -> Iterator[str]:
    scores = evidence.tables[SCORES]
    repeated = int(scores["client"].duplicated().sum())
    if repeated:
        yield f"{repeated} clients stand twice in data/scores.csv"
    without = int(scores["therapist"].isna().sum())
    if without:
        yield f"{without} clients have no therapist in data/scores.csv"


def _descriptives(evidence: Snapshot) -> Iterator[str]:
    scores = evidence.common
    for row in each_row(evidence.tables[DESCRIPTIVES]):
        if row.variable in scores and not is_text(getattr(row, "category", "")):
            values = scores[row.variable].dropna().to_numpy(float)
            for name, ours in (("n", len(values)), ("mean", values.mean()), ("sd", values.std(ddof=1))):
                theirs = getattr(row, name)
                if is_number(theirs) and not equal(theirs, ours):
                    yield f"{name} of {row.variable}: {theirs} in tables/descriptives.csv, {ours:.10g} from the scores"


def _correlations(evidence: Snapshot) -> Iterator[str]:
    scores = evidence.common
    therapist, _ = scores["therapist"].factorize()
    columns: dict[str, Any] = {}
    for row in each_row(evidence.tables[CORRELATIONS]):
        if row.level == "between" or not is_number(row.r):
            continue
        for name in {row.x, row.y} - columns.keys():
            columns[name] = scores[name].to_numpy(float)
        pair = np.stack([columns[row.x], columns[row.y]])
        known = np.isfinite(pair).all(axis=0) & (therapist >= 0)
        pair, cluster = pair[:, known], therapist[known]
        if row.level == "within":
            size = np.bincount(cluster)
            pair = pair - [
                (np.bincount(cluster, weights=values) / np.maximum(size, 1))[cluster] for values in pair
            ]
        r, n = float(np.corrcoef(pair)[0, 1]), int(known.sum())
        if n != row.n or not equal(row.r, r):
            place = f"{row.x} and {row.y}, {row.level}"
            yield f"{place}: {row.r} (n = {row.n}) in tables/correlations.csv, {r:.10g} (n = {n}) from the scores"


def _paths(evidence: Snapshot) -> Iterator[str]:
    """Single-level least squares by numpy, for models of numeric variables without a moderator."""
    scores = evidence.common
    effects = evidence.tables[EFFECTS]
    for name, model in evidence.models.items():
        columns = [*model.predictors, *model.covariates, *model.mediators, model.outcome]
        plain = model.moderator is None and model.measurement == "observed" and set(columns) <= set(scores)
        rows = having(effects, model=name, engine="regression", level="single")
        if not plain or rows.empty or any(scores[c].dtype.kind not in "if" for c in columns):
            continue
        known = scores[columns].dropna().astype(float)
        if len(known) < len(scores):  # full information, which least squares of the complete rows is not
            continue
        for order, mediator in enumerate(model.mediators):
            before = model.mediators[:order] if model.serial else ()
            slopes = _slopes(known, [*model.predictors, *model.covariates, *before], mediator)
            for predictor in (*model.predictors, *before):
                a = having(rows, effect="a", predictor=predictor, mediator=mediator)
                place = f"{name}: a of {predictor} on {mediator}"
                yield from _unequal(a, slopes[predictor], len(known), place)
        slopes = _slopes(known, [*model.predictors, *model.covariates, *model.mediators], model.outcome)
        for mediator in model.mediators:
            b = having(rows, effect="b", mediator=mediator)
            yield from _unequal(b, slopes[mediator], len(known), f"{name}: b of {mediator}")
        for predictor in model.predictors:
            direct = having(rows, effect="direct", predictor=predictor)
            place = f"{name}: direct effect of {predictor}"
            yield from _unequal(direct, slopes[predictor], len(known), place)


def _products(evidence: Snapshot) -> Iterator[str]:
    """Each indirect effect through one mediator is a times b of the same model, engine, level and value."""
    effects = evidence.tables[EFFECTS].fillna({"at": ""})
    rows = [((r.model, r.engine, r.level, str(r.at)), r) for r in each_row(effects)]
    a = {(key, r.predictor, r.mediator): r.estimate for key, r in rows if r.effect == "a"}
    b = {(key, r.mediator): r.estimate for key, r in rows if r.effect == "b"}
    for key, row in rows:
        if row.effect != "indirect" or not is_number(row.estimate):
            continue
        route = str(row.mediator).split(BEHIND)
        steps = [(key, start, end) for start, end in zip((row.predictor, *route[:-1]), route, strict=True)]
        onward = (key, route[-1])
        if not (set(steps) <= a.keys() and onward in b):
            continue
        product = math.prod(a[step] for step in steps) * b[onward]
        if not equal(row.estimate, product, 1e-6):
            place = ", ".join(part for part in key if part)
            yield f"{place}, {row.interval}: indirect {row.estimate}, but a times b is {product:.10g}"


def _intervals(evidence: Snapshot) -> Iterator[str]:
    for row in each_row(evidence.tables[EFFECTS]):
        place = f"{row.model}, {row.engine}, {row.level}, {row.effect}, {row.interval}"
        if is_number(row.ci_low) and is_number(row.ci_high):
            if row.ci_low > row.ci_high:
                yield f"{place}: interval from {row.ci_low} to {row.ci_high}"
            elif row.interval in ("wald", "delta") and not row.ci_low <= row.estimate <= row.ci_high:
                yield f"{place}: {row.estimate} lies outside its interval"
        if is_number(row.p) and not 0 <= row.p <= 1:
            yield f"{place}: p is {row.p}"


def _models(evidence: Snapshot) -> Iterator[str]:
    effects = evidence.tables[EFFECTS]
    fit = evidence.tables[FIT]
    for name in sorted({str(m) for m in effects["model"]} - set(evidence.models)):
        yield f"mediation/effects.csv has the model {name}, which is not configured"
    for name in sorted(set(effects["engine"]) - set(evidence.engines)):
        yield f"mediation/effects.csv has the engine {name}, which is not configured"
    fitted = set(zip(fit["model"], fit["engine"], strict=True))
    for pair in sorted(set(zip(effects["model"], effects["engine"], strict=True)) - fitted):
        yield f"{pair[0]} by {pair[1]} stands in mediation/effects.csv and not in mediation/fit.csv"
    withheld = set(evidence.tables[WITHHELD]["model"].dropna()) if evidence.has(WITHHELD) else ()
    for name, model in evidence.models.items():
        if model.measurement == "observed" and name not in set(fit["model"]) and name not in withheld:
            yield f"the model {name} is configured and stands in no row of mediation/fit.csv"


def _counts(evidence: Snapshot) -> Iterator[str]:
    scores, common = evidence.analysed, evidence.common
    effects = evidence.tables[EFFECTS]
    therapists = scores["therapist"].nunique()
    for name, group in effects.groupby("model"):
        model = evidence.models.get(str(name))
        if model is None or not set(model.variables) <= set(scores):
            continue
        complete = common.dropna(subset=list(model.variables))
        for engine, rows in group.groupby("engine"):
            n = set(rows["n_clients"].dropna().astype(int))
            limit = len(scores) if ENGINES[str(engine)].incomplete else len(complete)
            wrong = {k for k in n if k > limit or k < len(complete)}
            if wrong:
                yield f"{name} by {engine}: {sorted(wrong)} clients, of {len(scores)} with {len(complete)} complete"
            many = rows["n_therapists"].max()
            if is_number(many) and many > therapists:
                yield f"{name} by {engine}: {many:g} therapists, of {therapists}"


def _ledger(evidence: Snapshot) -> Iterator[str]:
    """Each computed number of the ledger stands where it says."""
    worded: dict[tuple[str, str], Any] = {}  # columns as text, each made once
    for row in each_row(evidence.tables[PUBLISHED]):
        if not is_number(row.computed) or row.file not in evidence.tables:
            continue
        table = evidence.tables[row.file]
        meets = np.ones(len(table), bool)
        for condition in filter(None, str(row.row if is_text(row.row) else "").split(", ")):
            column, _, value = condition.partition("=")
            key = (row.file, column)
            if key not in worded:
                worded[key] = table[column].astype(str).to_numpy(object)
            meets &= worded[key] == value
        found = table[row.column].to_numpy()[meets]
        if len(found) != 1 or not equal(float(found[0]), row.computed):
            shown = f"{found[0]}" if len(found) == 1 else f"{len(found)} rows"
            yield f"{row.id}: {row.computed} in published.csv, {shown} in {row.file}"


def _confounding(evidence: Snapshot) -> Iterator[str]:
    """Without a confounder the curve is at the report's own row, and where the sign is lost the effect is 0."""
    rows = having(evidence.tables[EFFECTS], effect="indirect", interval=PRIMARY_INTERVAL)
    own = {(r.model, r.level): r for r in each_row(rows) if r.engine in PRIMARY[r.level][:1]}
    for row in each_row(evidence.tables[CONFOUNDING]):
        place, ours = f"{row.model}, {row.level}", own.get((row.model, row.level))
        if row.kind == "curve" and row.rho == 0 and ours is not None:
            for name, theirs in (
                ("indirect", ours.estimate),
                ("ci_low", ours.ci_low),
                ("ci_high", ours.ci_high),
            ):
                value = getattr(row, name)
                if is_number(value) and is_number(theirs) and not equal(value, theirs, 1e-5):
                    yield f"{place}: {name} {value} without a confounder, {theirs} in mediation/effects.csv"
        if row.kind == "sign" and not abs(row.indirect) <= 1e-6 * max(abs(row.direct), 1e-6):
            yield f"{place}: where the sign is lost the indirect effect is {row.indirect}"


def _slopes(known: pd.DataFrame, predictors: Sequence[str], outcome: str) -> dict[str, float]:
    design = np.column_stack([np.ones(len(known)), known[list(predictors)]])
    return dict(zip(predictors, np.linalg.lstsq(design, known[outcome], rcond=None)[0][1:], strict=True))


def _unequal(rows: pd.DataFrame, ours: float, n: int, place: str) -> Iterator[str]:
    for row in each_row(rows):
        if row.n_clients == n and not equal(row.estimate, ours):
            yield f"{place}: {row.estimate} in mediation/effects.csv, {ours:.10g} from the scores"


def _few(evidence: Snapshot) -> Iterator[str]:
    yield from recoverable(evidence.released, Limits(evidence.min_cell))


Check = tuple[str, tuple[str, ...], Callable[[Snapshot], Iterator[str]]]
CHECKS: dict[str, Check] = {
    "untouched": ("is every result what its step wrote?", (), _untouched),
    "fresh": ("is all that the steps read still what it was?", (), _fresh),
    "complete": ("has every table its columns and rows?", (), _complete),
    "clients": ("is each client there once, with a therapist?", (SCORES,), _clients),
    "descriptives": ("do the descriptives follow from the scores?", (SCORES, DESCRIPTIVES), _descriptives),
    "correlations": ("do the correlations follow from the scores?", (SCORES, CORRELATIONS), _correlations),
    "models": ("are models and engines those of the configuration?", (EFFECTS, FIT), _models),
    "counts": ("are the clients of every model those of the scores?", (SCORES, EFFECTS), _counts),
    "paths": ("do the single-level paths follow from the scores?", (SCORES, EFFECTS), _paths),
    "products": ("is every indirect effect a times b?", (EFFECTS,), _products),
    "intervals": ("do intervals hold their estimates?", (EFFECTS,), _intervals),
    "claims": (
        "does every claim have a verdict that follows from the tables?",
        (CLAIMS, CORRELATIONS, EFFECTS),
        check_claims,
    ),
    "verdicts": (
        "does every verdict on mediation follow from effects and fits?",
        (VERDICTS, EFFECTS, FIT),
        check_verdicts,
    ),
    "confounding": (
        "do the curves of confounding start at the report's effects?",
        (CONFOUNDING, EFFECTS),
        _confounding,
    ),
    "ledger": ("do the ledger's numbers stand where it says?", (PUBLISHED,), _ledger),
}
#: Asked of runs on own data besides.
OWN_CHECKS: dict[str, Check] = {
    "few": ("can no few clients be worked out from what is told?", (), _few),
}
