"""What the fits say of themselves: convergence, admissibility, the boundary, global and local fit, explained variance."""

from __future__ import annotations

from fortems.presentation.choice import counted, levels
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.study import model_at, model_words
from fortems.report.text.words import IS, joined, name, p, plural
from fortems.study.roles import key_models

FIT, DERIVED = "mediation/fit.csv", "mediation/derived.csv"
SHOWN = 6  # models whose fit is told one by one; the rest stand in the file

#: Local fit of saturated models.
LOCAL = (
    "Local fit, the single residual covariances, is perfect by construction in the saturated models and is not read as support; "
    "for the restricted ones it is summed up by the SRMR."
)


def fit(report: Report) -> str:
    """Convergence and admissibility, global and local fit, explained variance, the share that is mediated."""
    return joined([_converged(report), _global(report), LOCAL, _explained(report), _share(report)])


def _converged(report: Report) -> str:
    """How many fits converged, are admissible, and lie at the boundary."""
    rows = report.results.rows(FIT, "converged", variant="partial")
    if not rows:
        return f"What each fit says of itself is in `{FIT}`."
    good = [row for row in rows if row["converged"]]
    strange = [row for row in good if not row.get("admissible", True)]
    edge = [row for row in good if row.get("boundary", False)]
    bind = report.bind
    text = f"Of {bind.rows(rows, 'model')} fits (a model by an engine) {bind.among(rows, 'converged', 'True')} converged"
    text += f", {bind.rows(strange, 'model') if strange else 'none'} of them with an inadmissible solution"
    if edge:
        text += f"; {bind.rows(edge, 'model')} {plural(len(edge), 'lies', 'lie')} at the boundary, where a variance or a combination of variances between therapists is zero"
    return f"{text}. Each fit's own message is in `{FIT}`."


def _global(report: Report) -> str:
    """Fit of what restricts more than one covariance; one degree of freedom is told with the direct paths."""
    estimands = {engine: level for level, (engine, _) in counted(report.results).items()}
    rows = [
        row
        for row in report.results.rows(FIT, "chi2", "df", "p")
        if row["engine"] in estimands and row["df"] > 1
    ]
    opening = (
        "A model with all paths among one predictor, one mediator and one outcome has no degrees of freedom: its fit says nothing. "
        "With one degree of freedom only the likelihood ratio is read."
    )
    if not rows:
        return opening
    clauses = [_fit_of(report, row, estimands[str(row["engine"])]) for row in rows[:SHOWN]]
    return f"{opening} With more, the fits are: {'; '.join(clauses)}."


def _fit_of(report: Report, row: Row, level: str) -> str:
    bind = report.bind
    restricted = " with the direct paths at zero" if row["variant"] == "full" else ""
    parts = [f"χ²({bind.of(row, 'df', 'df')}){IS}{bind.of(row, 'chi2', 'b')}, {p(report, row)}"]
    for column, label_ in (("cfi", "CFI"), ("tli", "TLI"), ("rmsea", "RMSEA"), ("srmr_within", "SRMR")):
        if row.has(column):
            parts.append(f"{label_}{IS}{bind.of(row, column, 'r')}")
    return f"{model_words(report, row['model'])}{restricted} {ESTIMAND_WORDS[level]}, {', '.join(parts)}"


def _explained(report: Report) -> str:
    """Explained variance of the key models."""
    clauses = []
    for model in key_models(report.models).values():
        for level in levels(report.results):
            engine = counted(report.results).get(level, ("", ""))[0]
            rows = report.results.rows(
                DERIVED, "estimate", model=model, level=level, engine=engine, quantity="r_squared"
            )
            if rows:
                each = listed(
                    f"{report.bind.of(row, 'estimate', 'r')} of {name(row['outcome'])}" for row in rows
                )
                clauses.append(f"for {model_words(report, model)} {ESTIMAND_WORDS[level]} {each}")
    return f"Explained variance (*R*²) is, {'; '.join(clauses)}." if clauses else ""


def _share(report: Report) -> str:
    """The share of the total effect that is mediated, or why it is withheld."""
    main = list(key_models(report.models).values())
    engines = {level: engine for level, (engine, _) in counted(report.results).items()}
    rows = [
        row
        for row in report.results.rows(DERIVED, model=main, quantity="share_mediated")
        if engines.get(row["level"]) == row["engine"]
    ]
    given = [row for row in rows if row.has("estimate")]
    withheld = [row for row in rows if not row.has("estimate")]
    parts = []
    if given:
        each = listed(f"{report.bind.of(row, 'estimate', '%')} for {model_at(report, row)}" for row in given)
        parts.append(f"The share of the total effect that is mediated is {each}.")
    if withheld:
        reasons = listed(
            dict.fromkeys(escape(str(row.get("note", "")).removeprefix("withheld: ")) for row in withheld)
        )
        which = listed(model_at(report, row) for row in withheld)
        what = "it" if given else "the share of the total effect that is mediated"
        parts.append(f"For {which} {what} is withheld: {reasons}.")
    return joined(parts)


SENTENCES = (fit,)
