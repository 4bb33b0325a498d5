"""A published matrix: what was wrong with it, what it leaves open."""

from __future__ import annotations

from fortems.presentation.choice import own_models
from fortems.presentation.words import listed
from fortems.published.findings import IMPOSSIBLE, UNINFORMATIVE
from fortems.published.lacks import CLIENTS, DUPLICATE, PARTS, VARIABLES
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.study import model_words
from fortems.report.text.words import joined, plural
from fortems.run.catalogue import WITHHELD
from fortems.study.roles import key_models

CHECKS = "tables/matrix_checks.csv"
CLUSTERING = "robustness/clustering.csv"
BETWEEN = "robustness/between.csv"
ROUNDING = "robustness/rounding.csv"


def matrix_checks(report: Report) -> str:
    """How many checks of the printed cells passed."""
    rows = report.results.rows(CHECKS)
    if not rows:
        return ""
    silent = [row for row in rows if row["verdict"] == UNINFORMATIVE]
    odd = [row for row in rows if row["verdict"] == IMPOSSIBLE]
    whole = report.bind.over(rows, "name", "rows")
    mute = (
        f" ({report.bind.rows(silent, 'name')} could decide nothing, since print is too coarse at this number of clients)"
        if silent
        else ""
    )
    if not odd:
        return (
            f"None of {whole} checks of single cells and of the whole table found an impossible value{mute}."
        )
    accepted = [row for row in odd if row.get("accepted")]
    cells = listed(dict.fromkeys(escape(row["cell"]) for row in odd))
    kept = plural(len(odd), "It was", "They were")
    tail = f" {kept} kept as printed, by an explicit entry." if len(accepted) == len(odd) else ""
    return (
        f"Of {whole} checks {report.bind.rows(odd, 'name')} found {plural(len(odd), 'an impossible value', 'impossible values')}: "
        f"{cells}{mute}.{tail}"
    )


def left_open(report: Report) -> str:
    """The ranges that clustering, therapist shares and rounding leave."""
    parts = []
    for model in (*key_models(report.models).values(), *own_models(report.results, report.models)):
        clauses = [
            clause
            for clause in (_clustering(report, model), _between(report, model), _rounding(report, model))
            if clause
        ]
        if clauses:
            parts.append(f"For {model_words(report, model)}: {'; '.join(clauses)}.")
    return joined([*parts, _withheld(report)])


_UNPRINTED = "variables that the table does not print"
#: Why a printed table cannot give models, as a clause after their number: of one model, of several.
LACKS = {
    VARIABLES: (f"needs {_UNPRINTED}", f"need {_UNPRINTED}"),
    CLIENTS: ("needs clients' answers", "need clients' answers"),
    DUPLICATE: ("is the same as a model reported here", "are the same as models reported here"),
    PARTS: ("holds a total beside its own parts", "hold totals beside their own parts"),
}


def _withheld(report: Report) -> str:
    """How many models of the models file the table cannot give, by what they lack."""
    held = report.results.rows(WITHHELD) if report.variant.matrix else []
    if not held:
        return ""
    by_kind = {kind: [row for row in held if row.get("lacks") == kind] for kind in LACKS}
    clauses = [
        f"{report.bind.among(held, 'lacks', kind)} {plural(len(rows), *LACKS[kind])}"
        for kind, rows in by_kind.items()
        if rows
    ]
    number = report.bind.rows(held, "model")
    told = f"Of the models file {number} {plural(len(held), 'model', 'models')} could not be estimated"
    return f"{told}{f': {listed(clauses)}' if clauses else ''} (`{WITHHELD}`)."


def _clustering(report: Report, model: str) -> str:
    rows = report.results.rows(CLUSTERING, "factor", "ci_low", "ci_high", model=model, effect=["a", "b"])
    if not rows:
        return ""
    clear = [row for row in rows if row["ci_low"] > 0 or row["ci_high"] < 0]
    verdict = (
        "the intervals of *a* and *b* leave out zero in every case"
        if len(clear) == len(rows)
        else "the interval of *a* or *b* includes zero in some cases"
    )
    return (
        "if clients of one therapist resemble each other to the degrees supposed, variances of the slopes change by a factor of up to "
        f"{report.bind.over(rows, 'factor', 'max', 'b')}, and {verdict}"
    )


def _between(report: Report, model: str) -> str:
    row = report.results.first(BETWEEN, model=model)
    if row is None or not row.has("within_low", "within_high"):
        return ""
    return (
        f"over the supposed shares of therapists the within-therapist indirect effect that fits the matrix runs from "
        f"{report.bind.of(row, 'within_low', 'end')} to {report.bind.of(row, 'within_high', 'end')} in standard deviations"
    )


def _rounding(report: Report, model: str) -> str:
    row = report.results.first(ROUNDING, model=model, effect="indirect")
    if row is None or not row.has("low", "high"):
        return ""
    return f"rounding alone leaves it open between {report.bind.of(row, 'low', 'r3')} and {report.bind.of(row, 'high', 'r3')} in standard deviations"


SENTENCES = (matrix_checks, left_open)
