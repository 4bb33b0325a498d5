"""Models that are in the file of models and not, or not wholly, in the results: which, by which engines, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fortems.presentation.results import Row
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined

#: How ``fit.csv`` says so (``System.constant_note``).
NO_INDIRECT = "no indirect effect there"
TWO_VALUES = re.compile(
    r"(?:^|; )([^;]+) has two values: slopes are differences in probability(?: times ([^;]+))?"
)
FIT, EFFECTS = "mediation/fit.csv", "mediation/effects.csv"


def unfitted(report: Report) -> str:
    """Each model that no engine, or not every engine, could fit, and each that has no effect within therapists."""
    sentences: list[str] = []
    for model in report.models:
        rows = report.results.rows(FIT, model=model, variant="partial")
        failed = [row for row in rows if not row["converged"]]
        if failed:
            sentences.append(_failed(report, model, failed, everywhere=len(failed) == len(rows)))
        sentences += _without_within(report, model, [row for row in rows if row["converged"]])
    return joined([*sentences, *_linear_probability(report)])


def _linear_probability(report: Report) -> list[str]:
    """Models of an outcome or a mediator with two values, and how their slopes read."""
    told = {
        model: found
        for model in report.models
        for row in report.results.rows(FIT, model=model, variant="partial")
        if (found := TWO_VALUES.search(str(row["message"])))
    }
    if not told:
        return []
    variables = listed(
        dict.fromkeys(escape(name) for found in told.values() for name in found[1].split(", "))
    )
    distances = dict.fromkeys(part for found in told.values() if found[2] for part in found[2].split(", "))
    times = [part.partition(" for ") for part in distances]
    coded = listed(f"{size} for {escape(name)}" for size, _, name in times)
    unit = f", times the distance of its values, which are not coded zero and one ({coded})" if times else ""
    return [
        f"Of {variables} there are two values only. The models {listed(f'`{model}`' for model in told)} are linear all the same "
        "(linear probability models): a path to such a variable is a difference in probability (a risk difference) for one "
        f"unit{unit}, an indirect effect through or on it likewise, and of the intervals the cluster-robust ones are to be "
        "read, since its variance cannot be constant."
    ]


def _failed(report: Report, model: str, rows: Sequence[Row], everywhere: bool) -> str:
    each = {str(row["message"]): row for row in reversed(rows)}
    reasons = "; ".join(_reason(report, row) for row in reversed(each.values()))
    if everywhere:
        return f"The model `{model}` was not fitted ({reasons})."
    engines = listed(escape(str(row["engine"])) for row in rows)
    return f"The model `{model}` was not fitted by {engines} ({reasons})."


def _reason(report: Report, row: Row) -> str:
    if not row.has("message"):
        return "no maximum was found"
    return report.bind.of(row, "message", "reason")


def _without_within(report: Report, model: str, fitted: Sequence[Row]) -> list[str]:
    """A model whose predictor or mediator is the therapist's has its indirect effect between therapists alone."""
    if not any(NO_INDIRECT in str(row["message"]) for row in fitted):
        return []
    between = report.results.rows(EFFECTS, model=model, level="between")
    where = (
        "what there is between therapists is in `mediation/effects.csv`"
        if between
        else "nor is an effect between therapists identified"
    )
    return [
        f"The model `{model}` has no indirect effect within therapists, since a variable of it does not vary "
        f"there; {where}."
    ]
