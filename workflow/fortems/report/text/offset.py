"""Where the direct path points the other way than a shown indirect effect, so that hardly a relation is left to be carried."""

from __future__ import annotations

from fortems.presentation.choice import levels, path
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.template import Report
from fortems.report.text.words import IS, clear, name
from fortems.study.roles import key_models

#: The share of an indirect effect that a total effect may keep at most to be called little.
LITTLE = 0.5


def offset(report: Report, model: str, level: str) -> tuple[Row, Row] | None:
    """The direct path and the total effect where they leave little of a shown indirect effect.

    Parameters
    ----------
    report : Report
        The report.
    model, level : str
        A model of one predictor, and an estimand.

    Returns
    -------
    tuple of Row or None
        The direct path and the total effect, if the direct path has the other sign than the indirect effect and the
        total effect is smaller than half of it; else None.
    """
    indirect, direct, total = (
        path(report.results, model, level, effect) for effect in ("indirect", "direct", "total")
    )
    if indirect is None or direct is None or total is None or not clear(indirect):
        return None
    if not (indirect.has("estimate") and direct.has("estimate") and total.has("estimate")):
        return None
    ab, rest, whole = (float(row["estimate"]) for row in (indirect, direct, total))
    return (direct, total) if ab * rest < 0 and abs(whole) < LITTLE * abs(ab) else None


def _sizes(report: Report, rows: tuple[Row, Row]) -> tuple[str, str]:
    direct, total = (report.bind.of(row, "estimate", "end") for row in rows)
    return f"*c′*{IS}{direct}", total


def offset_clause(report: Report, model: str, level: str) -> str:
    """The same as a clause that goes with an indirect effect; else empty."""
    rows = offset(report, model, level)
    if rows is None:
        return ""
    direct, total = _sizes(report, rows)
    return (
        f"the estimated direct path points the other way, {direct}, and offsets it, which leaves a total effect of {total} and so "
        "little relation to carry"
    )


def offset_answer(report: Report) -> str:
    """The same of all key models, for the answer on whether the mediator carries the relation."""
    clauses = []
    for role, model in key_models(report.models).items():
        for level in levels(report.results):
            if (rows := offset(report, model, level)) is not None:
                direct, total = _sizes(report, rows)
                clauses.append(f"for {name(role)} {ESTIMAND_WORDS[level]} ({direct}, total effect {total})")
    if not clauses:
        return ""
    return (
        f"; yet the estimated direct path points the other way and offsets the indirect effect {listed(clauses)}, so that there is little relation "
        "to carry"
    )


def offset_reminder(report: Report) -> str:
    """The same without numbers, for the discussion, as a sentence."""
    clauses = [
        f"for {name(role)} {ESTIMAND_WORDS[level]}"
        for role, model in key_models(report.models).items()
        for level in levels(report.results)
        if offset(report, model, level) is not None
    ]
    if not clauses:
        return ""
    return (
        f"Yet the estimated direct path points the other way and offsets the indirect effect {listed(clauses)}, so that there is little "
        "relation to carry."
    )


def offset_roles(report: Report) -> list[str]:
    """The predictors of key models whose every shown indirect effect is offset."""
    found = []
    for role, model in key_models(report.models).items():
        shown = [
            level
            for level in levels(report.results)
            if (row := path(report.results, model, level, "indirect")) is not None and clear(row)
        ]
        if shown and all(offset(report, model, level) is not None for level in shown):
            found.append(role)
    return found
