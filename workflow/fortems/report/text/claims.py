"""Verdicts on the article's findings."""

from __future__ import annotations

from fortems.report.bind import escape
from fortems.report.results import Row
from fortems.report.template import Report
from fortems.report.text.words import ESTIMAND_WORDS, joined, listed, plural

CLAIMS = "claims.csv"
ORDER = ("reproduced", "consistent (weak)", "not reproduced", "not testable")
WORDS = {
    "reproduced": ("is reproduced", "are reproduced"),
    "consistent (weak)": (
        "is consistent with the data, a weak verdict",
        "are consistent with the data, a weak verdict",
    ),
    "not reproduced": ("is not reproduced", "are not reproduced"),
    "not testable": ("cannot be tested", "cannot be tested"),
}


def findings(report: Report, estimand: str) -> list[Row]:
    """The article's findings that count at an estimand: its own and those of correlations, judged once."""
    rows = report.results.rows(CLAIMS, role="finding", judged=True)
    return [row for row in rows if row["estimand"] == estimand or row["estimand"] not in ("within", "single")]


def estimands(report: Report) -> list[str]:
    """The estimands at which the claims of effects were judged."""
    have = {row["estimand"] for row in report.results.rows(CLAIMS, judged=True)}
    return [name for name in ("within", "single") if name in have]


def tally(report: Report, rows: list[Row]) -> str:
    """``eight are reproduced, three are consistent ..., one is not reproduced``."""
    clauses = []
    for verdict in ORDER:
        found = [row for row in rows if row["verdict"] == verdict]
        if found:
            clauses.append(f"{report.bind.rows(found, 'verdict')} {plural(len(found), *WORDS[verdict])}")
    return listed(clauses)


def claims(report: Report) -> str:
    """All verdicts counted, the failing ones named, the whole pattern."""
    parts = []
    for estimand in estimands(report):
        rows = findings(report, estimand)
        parts.append(
            f"Of the article's {report.bind.rows(rows, 'verdict')} findings, with effects {_where(estimand)}, {tally(report, rows)}."
        )
        failed = [row for row in rows if row["verdict"] == "not reproduced"]
        if failed:
            parts.append(f"Not reproduced: {_texts(failed)}.")
        barred = [row for row in rows if row["verdict"] == "not testable" and row.has("reason")]
        if barred:
            parts.append(
                f"Not testable: {'; '.join(_text(row) + ' (' + escape(row['reason']) + ')' for row in barred)}."
            )
    parts.append(_patterns(report))
    if report.variant.simulated and parts:
        parts.append(
            "These are verdicts on one simulated study: they show what a study of this size may find when the scenario is true, "
            "and say nothing about the article's clients."
        )
    tables = report.see("tbl-claims", "fig-claims")
    return joined([*parts, f"Each verdict stands with its numbers{tables}." if tables else ""])


def _where(estimand: str) -> str:
    return ESTIMAND_WORDS[estimand]


def _text(row: Row) -> str:
    text = str(row["text"]).rstrip(".")
    return escape(text[:1].lower() + text[1:])


def _texts(rows: list[Row]) -> str:
    return "; ".join(dict.fromkeys(_text(row) for row in rows))


def _patterns(report: Report) -> str:
    clauses = []
    for key, words in (
        ("whole_pattern", "the whole pattern of findings"),
        ("bond_alone", "the finding that bond alone survives"),
    ):
        for row in report.results.rows(CLAIMS, claim=key, judged=True):
            if row.has("verdict"):
                where = f" {_where(row['estimand'])}" if row["estimand"] in ESTIMAND_WORDS else ""
                clauses.append(f"{words}{where} {WORDS[row['verdict']][0]}")
    return f"Taken together, {'; '.join(clauses)}." if clauses else ""


SENTENCES = {"claims": claims}
