"""The study's story in words, from its file: for the passages of a study that brings none of its own."""

from __future__ import annotations

from collections.abc import Iterable

from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import bare_name, chain_names, name, plural
from fortems.study.definition import study

RATERS = "tables/raters.csv"


def story(report: Report) -> str:
    """What is asked: ``hope mediates between the total alliance and depression``."""
    return f"{name(study().mediator)} mediates {between(study().predictors)}"


def between(predictors: Iterable[str]) -> str:
    """Each predictor with the outcome: ``between bond and distress, and between goal agreement and distress``."""
    return ", and ".join(f"between {name(one)} and {name(study().outcome)}" for one in predictors)


def work(report: Report) -> str:
    """What reports the findings: ``article`` or ``study``."""
    return study().work


def hypotheses(report: Report) -> str:
    """The three links of the story."""
    ours = study()
    carries, results = name(ours.mediator), name(ours.outcome)
    predictors, goes = listed(map(name, ours.predictors)), plural(len(ours.predictors), "goes", "go")
    return f"(a) {predictors} {goes} with {carries}; (b) {carries} goes with {results}; (c) {story(report)}"


def behind(report: Report) -> str:
    """The three pairs that an unmeasured variable may lie behind."""
    first, second, last = chain_names()
    return f"{first} and {second}, {first} and {last}, or {second} and {last}"


def raters(report: Report) -> str:
    """Who rated what, and two ratings of one construct side by side where there are any."""
    named = chain_names()
    rows = report.results.rows(RATERS, "r_within", "mean_difference")
    if not rows:
        return (
            f"*One rater.* {listed(named).capitalize()} are ratings of one person on one day; a shared mood or style of answering adds to "
            "all correlations. Therapists' and observers' views are missing."
        )
    found = "; ".join(
        f"{name(str(row['first']))} and {name(str(row['second']))} correlate {report.bind.of(row, 'r_within', 'r')} within therapists, "
        f"and the second is {report.bind.of(row, 'mean_difference', 'end')} "
        f"{'points' if row['unit'] == 'score' else 'of the range'} higher on average"
        for row in rows
        if not set(study().totals) or str(row["first"]) in study().totals
    )
    return (
        f"*Raters.* {listed(named).capitalize()} of one client are ratings of one person on one day; a shared mood or style of answering "
        f"adds to their correlations. Two raters of one construct stand side by side{report.see('tbl-raters')}"
        + (f": {found}." if found else ".")
    )


def rule(report: Report) -> str:
    """Whose rule of full mediation is reported beside: of a study that is not published nobody can say what it used."""
    return f"The rule that the {study().work} seems to have used" if study().citation else "The common rule"


def keywords(report: Report) -> str:
    """The story's variables."""
    ours = study()
    names = dict.fromkeys((*ours.predictors, ours.mediator, ours.outcome))
    return ", ".join(bare_name(variable) for variable in names)


def method_keywords(report: Report) -> str:
    """What was done with the variables."""
    return (
        "mediation, re-analysis of a correlation matrix" if report.variant.matrix else "two-level mediation"
    )


def package_name() -> str:
    """What the report calls the package: ``package *name*``, or no name."""
    return f"package *{escape(study().package)}*" if study().package else "package"


SENTENCES = (story, work, hypotheses, keywords, method_keywords, behind, raters, rule)
