"""Verdicts on the article's findings."""

from __future__ import annotations

from collections.abc import Collection

from fortems.presentation.choice import levels
from fortems.presentation.claims import patterns, reason
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined, plural, sentence
from fortems.study.definition import study

CLAIMS = "claims.csv"
ORDER = (
    *("reproduced", "matches the article's rule", "consistent (weak)"),
    *("cannot tell", "not reproduced", "not testable"),
)
UNDECIDED = ("matches the article's rule", "cannot tell", "not testable")  # neither come out nor failed
NO_PROOF = ", which is no proof"
WORDS = {
    "reproduced": ("is reproduced", "are reproduced"),
    "consistent (weak)": (
        "is weakly consistent with the data",
        "are weakly consistent with the data",
    ),
    "matches the article's rule": (
        "matches the article's rule, which is no proof",
        "match the article's rule, which is no proof",
    ),
    "cannot tell": ("is neither shown nor excluded", "are neither shown nor excluded"),
    "not reproduced": ("is not reproduced", "are not reproduced"),
    "not testable": ("cannot be tested", "cannot be tested"),
}


def findings_word(report: Report) -> str:
    """``findings of the article``, or ``findings to check`` where they are a file's own."""
    return "findings to check" if report.results.own_claims else f"findings of the {study().work}"


def judged(report: Report, have: Collection[str] | None = None, **keys: str) -> list[Row]:
    """The verdicts on claims with these values: of effects those at some estimands, by default at the run's."""
    have = estimands(report) if have is None else have
    rows = report.results.rows(CLAIMS, judged=True, **keys)
    return [row for row in rows if row["estimand"] not in ESTIMAND_WORDS or row["estimand"] in have]


def findings(report: Report, estimand: str) -> list[Row]:
    """The findings that count at an estimand: its own and those of correlations, judged once."""
    return judged(report, [estimand], role="finding")


def estimands(report: Report) -> list[str]:
    """The estimands at which the claims of effects were judged."""
    have = {row["estimand"] for row in report.results.rows(CLAIMS, judged=True)}
    return [name for name in levels(report.results) if name in have]


def tally(report: Report, rows: list[Row]) -> str:
    """``eight are reproduced, three are consistent ..., one is not reproduced``."""
    clauses = []
    for verdict in ORDER:
        count = sum(row["verdict"] == verdict for row in rows)
        if count:
            clauses.append(f"{report.bind.among(rows, 'verdict', verdict)} {plural(count, *WORDS[verdict])}")
    return listed(clauses)


def first_tally(report: Report) -> str:
    """The findings counted by verdict at the first estimand."""
    first = estimands(report)[0]
    rows = findings(report, first)
    tail = f", with effects {ESTIMAND_WORDS[first]}," if len(estimands(report)) > 1 else ""
    return f"of {report.bind.rows(rows, 'verdict')} {findings_word(report)}{tail} {tally(report, rows).replace(NO_PROOF, '')}"


def tallies(report: Report) -> str:
    """The findings counted by verdict; once where both estimands give the same verdicts."""
    found = {estimand: findings(report, estimand) for estimand in estimands(report)}
    if not found:
        return ""
    first = next(iter(found.values()))
    whole = report.bind.rows(first, "verdict")
    same = all(
        [row["verdict"] for row in rows] == [row["verdict"] for row in first] for rows in found.values()
    )
    if same:
        tail = ", whichever estimand the effects are taken at" if len(found) > 1 else ""
        return f"of {whole} {findings_word(report)} {tally(report, first)}{tail}"
    clauses = [
        f"with effects {ESTIMAND_WORDS[estimand]}, {tally(report, rows)}" for estimand, rows in found.items()
    ]
    return f"of {whole} {findings_word(report)}, {'; '.join(clauses)}"


def claims(report: Report) -> str:
    """All verdicts counted, the failing ones named, the whole pattern."""
    if not estimands(report):
        return "No finding could be judged."
    parts = [sentence(tallies(report)), failures(report)]
    barred = [row for row in judged(report, role="finding", verdict="not testable") if row.has("reason")]
    if barred:
        reasons: dict[str, list[str]] = {}
        for row in barred:
            reasons.setdefault(_text(row), []).append(escape(reason(report.results.claims, row)))
        told = (f"that {text} ({'; '.join(dict.fromkeys(why))})" for text, why in reasons.items())
        parts.append(f"Not testable is {listed(told)}.")
    parts.append(_patterns(report))
    if report.variant.simulated:
        parts.append(
            "These are verdicts on one simulated study: they show what a study of this size may find when the scenario is true, "
            "and say nothing about people."
        )
    tables = report.see("tbl-claims")
    return joined([*parts, f"Each verdict stands with its numbers{tables}." if tables else ""])


def not_reproduced(report: Report, rows: list[Row]) -> list[str]:
    """The findings that are not reproduced, as that-clauses."""
    return _named(report, [row for row in rows if row["verdict"] == "not reproduced"])


def failures(report: Report) -> str:
    """The findings that are not reproduced, by name."""
    rows = [row for estimand in estimands(report) for row in findings(report, estimand)]
    failed = not_reproduced(report, rows)
    return f"Not reproduced is {listed(failed)}." if failed else ""


def _named(report: Report, rows: list[Row]) -> list[str]:
    """Findings as that-clauses, with the estimand where it failed at one of two only."""
    named = []
    for text in dict.fromkeys(_text(row) for row in rows):
        where = [row["estimand"] for row in rows if _text(row) == text and row["estimand"] in ESTIMAND_WORDS]
        tail = f" ({ESTIMAND_WORDS[where[0]]})" if len(where) == 1 and len(estimands(report)) > 1 else ""
        named.append(f"that {text}{tail}")
    return named


def _text(row: Row) -> str:
    text = str(row["text"]).rstrip(".")
    return escape(text[:1].lower() + text[1:])


def _patterns(report: Report) -> str:
    clauses = []
    for key, claim in patterns(report.results.claims).items():
        words = escape(claim.called)
        rows = [
            row
            for row in report.results.rows(CLAIMS, claim=key, judged=True)
            if row["estimand"] in estimands(report)
        ]
        if not rows:
            continue
        if len({row["verdict"] for row in rows}) == 1:
            negative = rows[0]["verdict"] in ("not reproduced", "not testable")
            both = "" if len(rows) == 1 else " under either estimand" if negative else " under both estimands"
            clauses.append(f"{words} {_judged(rows[0], both)}")
        else:
            each = [_judged(row, f" with effects {ESTIMAND_WORDS[row['estimand']]}") for row in rows]
            clauses.append(f"{words} {' and '.join(each)}")
    return f"Taken together, {'; '.join(clauses)}." if clauses else ""


def _judged(row: Row, where: str) -> str:
    """A verdict in words with its estimand, which stands before what the verdict is not."""
    words = WORDS[row["verdict"]][0]
    return f"{words.removesuffix(NO_PROOF)}{where}{NO_PROOF if words.endswith(NO_PROOF) else ''}"


def claims_title(report: Report) -> str:
    """The heading of the section on the findings."""
    return (
        "The Findings to Check, One by One"
        if report.results.own_claims
        else "The Article's Findings, One by One"
    )


def each_finding(report: Report) -> str:
    """A single finding within a sentence of the introduction."""
    return "finding to check" if report.results.own_claims else f"finding of the {study().work}"


def written_down(report: Report) -> str:
    """Where the findings to check come from; when a file of one's own was written the report cannot know."""
    if report.results.own_claims:
        return "stand in a file of this run's own"
    return "stand in a file that comes with the package"


SENTENCES = (written_down, claims, claims_title, each_finding)
