"""Full or partial mediation: verdicts, equivalence of the direct path, likelihood ratio, the article's rule."""

from __future__ import annotations

from fortems.presentation.choice import levels, own_models, with_verdict
from fortems.presentation.results import Row
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.story import rule
from fortems.report.text.study import model_at, model_words
from fortems.report.text.words import IS, joined, p, sentence
from fortems.study.roles import key_models, main_models

FIT = "mediation/fit.csv"
NOT_GIVEN = "Verdicts on full and partial mediation could not be given in this run."


def conclusions(report: Report, rows: list[Row]) -> list[str]:
    """One sentence for each conclusion, with the models that it is drawn of."""
    return [
        f"For {which_models(report, [row for row in rows if row['conclusion'] == conclusion])} the verdict is: {escape(conclusion)}."
        for conclusion in dict.fromkeys(row["conclusion"] for row in rows)
    ]


def full_mediation(report: Report) -> str:
    """Full against partial mediation for the key models and the run's own, by the verdict and by the paper's rule."""
    models = (*key_models(report.models).values(), *own_models(report.results, report.models))
    rows = with_verdict(report.results, models, "conclusion")
    if not rows:
        return NOT_GIVEN
    parts = conclusions(report, rows)
    tested = [row for row in rows if row.has("equivalence", "smallest_bound", "equivalence_bound")]
    parts.append(_equivalence(report, tested))
    parts.append(_fixed_at_zero(report))
    parts.append(_rule(report, [row for row in rows if row.has("paper_rule")]))
    return joined(parts)


def which_models(report: Report, rows: list[Row]) -> str:
    """The models of verdicts, with the estimand where it is not both."""
    have = levels(report.results)
    models = list(dict.fromkeys(row["model"] for row in rows))
    if all(len([row for row in rows if row["model"] == model]) == len(have) for model in models):
        both = " under both estimands" if len(have) > 1 else ""
        return f"{listed(model_words(report, model) for model in models)}{both}"
    return listed(model_at(report, row) for row in rows)


def _equivalence(report: Report, rows: list[Row]) -> str:
    """What the equivalence tests say, grouped by outcome, with the bounds and the numbers of clients needed."""
    if not rows:
        return ""
    bound = f"{report.bind.of(rows[0], 'equivalence_bound', 'r')} standard deviations"
    words = {
        "equivalent": f"the direct path is shown to be smaller than {bound} for",
        "inconclusive": f"that the direct path is smaller than {bound} is not shown for",
        "not attainable with data as noisy as these": f"with data as noisy as these no estimate could have shown the direct path to be smaller than {bound} for",
    }
    parts = []
    for outcome, text in words.items():
        same = [row for row in rows if row["equivalence"] == outcome]
        if same:
            parts.append(sentence(f"{text} {which_models(report, same)}"))
    bounds = report.bind.span(
        rows, "smallest_bound", "r", "bounds that the data support lie between {} and {}",
        "bound that the data support is {}",
    )  # fmt: skip
    parts.append(f"The smallest {bounds}.")
    short = [row for row in rows if row["equivalence"] != "equivalent" and row.has("n_for_80")]
    if short:
        span = report.bind.span(short, "n_for_80", same="about {}")
        parts.append(
            f"If the direct path were zero, it would take {span} clients to show it in four studies of five."
        )
    return joined(parts)


def _fixed_at_zero(report: Report) -> str:
    """What the likelihood ratio says of models without direct paths, within therapists."""
    rows = [
        row
        for model in (*main_models(report.models).values(), *own_models(report.results, report.models))
        for row in report.results.rows(FIT, "chi2", "df", "p", model=model, engine="twolevel", variant="full")
    ]
    if not rows:
        return ""

    def tested(which: list[Row]) -> str:
        return listed(
            f"{model_words(report, row['model'])} (χ²({report.bind.of(row, 'df', 'df')}){IS}"
            f"{report.bind.of(row, 'chi2', 'b')}, {p(report, row)})"
            for row in which
        )

    rejected, kept = [row for row in rows if row["p"] < 0.05], [row for row in rows if row["p"] >= 0.05]
    clauses = [f"is rejected for {tested(rejected)}"] if rejected else []
    if kept:
        clauses.append(f"is not rejected for {tested(kept)}, which does not show it to be zero")
    return f"By the likelihood ratio a direct path of zero within therapists {', and '.join(clauses)}."


def _rule(report: Report, rows: list[Row]) -> str:
    """What the paper's own rule would conclude."""
    clauses = []
    for kind in ("full", "partial", "none"):
        same = [row for row in rows if row["paper_rule"] == kind]
        if same:
            clauses.append(f"{'no' if kind == 'none' else kind} mediation for {which_models(report, same)}")
    if not clauses:
        return ""
    return (
        f"{rule(report)} would call this {'; '.join(clauses)}{report.see('tbl-verdicts', 'fig-equivalence')}. The rule "
        "takes a direct path that is not significant for an absent one, which the data need not support."
    )


SENTENCES = (full_mediation,)
