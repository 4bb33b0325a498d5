"""Correlations: total, within and between therapists."""

from __future__ import annotations

from fortems.presentation.results import Row
from fortems.presentation.words import listed
from fortems.report.template import Report
from fortems.report.text.words import IS, interval, joined, name, p, sentence
from fortems.study.definition import study

CORRELATIONS = "tables/correlations.csv"


def total(report: Report, x: str, y: str) -> Row | None:
    """The total correlation of a pair by the test that counts: cluster-robust, or the printed one of a matrix."""
    for kind in ("robust", "pearson"):
        for pair in ((x, y), (y, x)):
            row = report.results.first(CORRELATIONS, x=pair[0], y=pair[1], level="total", kind=kind)
            if row is not None and row.has("r"):
                return row
    return _of_pair(report, x, y)


def at_level(report: Report, x: str, y: str, level: str) -> Row | None:
    """The correlation of a pair at another level."""
    return _of_pair(report, x, y, level=level)


def _of_pair(report: Report, x: str, y: str, **keys: str) -> Row | None:
    rows = report.results.rows(CORRELATIONS, "r", **keys)
    return next((row for row in rows if {row["x"], row["y"]} == {x, y}), None)


def words(report: Report, row: Row) -> str:
    """``*r* = .28, 95% CI [.08, .46], *p* = .007``."""
    text = f"*r*{IS}{report.bind.of(row, 'r', 'r')}"
    if row.has("ci_low", "ci_high"):
        text += f", {interval(report, row, style='rend')}"
    if row.has("p"):
        text += f", {p(report, row)}"
    return text


def correlation(report: Report, row: Row, x: str, y: str) -> str:
    """One correlation as a clause that follows its sign and its test; without a test only described."""
    sign = "positively" if row["r"] > 0 else "negatively"
    if row.has("p") and row["p"] >= 0.05:
        return f"a correlation of {name(x)} with {name(y)} is not shown, {words(report, row)}"
    return f"{name(x)} correlates {sign} with {name(y)}, {words(report, row)}"


def correlations(report: Report) -> str:
    """The paper's family of correlations, in its order."""
    ours, parts = study(), []
    first = ours.predictors[0]
    for x, y in ((first, ours.mediator), (first, ours.outcome), (ours.mediator, ours.outcome)):
        row = total(report, x, y)
        if row is not None:
            parts.append(sentence(correlation(report, row, x, y)))
    for y in (ours.mediator, ours.outcome):
        found = [(x, total(report, x, y)) for x in ours.aspects]
        clauses = [correlation(report, row, x, y) for x, row in found if row is not None]
        if clauses:
            parts.append(sentence("; ".join(clauses)))
    parts.append(_holm(report))
    parts.append(_levels(report))
    if "fig-correlations" in report.items:
        where = "as printed" if report.variant.matrix else "at each level"
        parts.append(f"{report.ref('fig-correlations')} draws the correlations of all scales {where}.")
    return joined(parts)


def _holm(report: Report) -> str:
    rows = [
        row
        for row in (total(report, x, y) for x, y in study().family)
        if row is not None and row.has("p", "p_holm")
    ]
    raw = [row for row in rows if row["p"] < 0.05]
    kept = [row for row in raw if row["p_holm"] < 0.05]
    if not rows or not raw:
        return "None of these correlations is significant." if rows else ""
    count, whole = report.bind.rows(raw, "p"), report.bind.rows(rows, "p")
    if len(kept) == len(raw) == len(rows) > 1:
        return f"Each of these {whole} correlations is significant by itself and after adjustment for the whole family."
    if len(kept) == len(raw):
        tail = "all of which remain so" if len(raw) > 1 else "which remains so"
    elif kept:
        tail = f"of which {report.bind.rows(kept, 'p')} remain{'s' if len(kept) == 1 else ''} so"
    else:
        tail = "none of which remains so" if len(raw) > 1 else "which does not remain so"
    verb = "is" if len(raw) == 1 else "are"
    return f"Of these {whole} correlations {count} {verb} significant one by one, {tail} after adjustment for the whole family."


def _levels(report: Report) -> str:
    pairs = [(x, y, at_level(report, x, y, "within")) for x, y in study().family]
    rows = [(x, y, row) for x, y, row in pairs if row is not None and row.has("p")]
    if not rows:
        return ""
    differing = []
    for x, y, row in rows:
        whole = total(report, x, y)
        if whole is not None and whole.has("p") and (whole["p"] < 0.05) != (row["p"] < 0.05):
            differing.append(f"{name(x)} with {name(y)} ({words(report, row)})")
    between = report.results.rows(CORRELATIONS, "ci_low", level="between")
    tail = (
        " No interval is given between therapists, since no scale surely differs between them."
        if not between
        else " Between therapists an interval is given only where both scales surely differ between them."
    )
    if not differing:
        return f"Within therapists the same correlations are significant{report.see('tbl-levels')}.{tail}"
    return f"Within therapists the verdict changes for {listed(differing)}{report.see('tbl-levels')}.{tail}"


SENTENCES = (correlations,)
