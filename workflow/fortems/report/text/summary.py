"""Abstract and the summary in plain words."""

from __future__ import annotations

from fortems.presentation.choice import counted, counted_words, estimated, indirects, levels, own_models
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, METHOD_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.claims import (
    UNDECIDED,
    estimands,
    failures,
    findings,
    findings_word,
    first_tally,
    not_reproduced,
)
from fortems.report.text.design.diagnosticity import pattern_share
from fortems.report.text.discussion import DIAGNOSTICITY, support
from fortems.report.text.offset import offset_roles
from fortems.report.text.study import absent, others
from fortems.report.text.words import (
    NB,
    bare_name,
    chain_names,
    clear,
    joined,
    more_or_less,
    name,
    plural,
    sentence,
)
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS
from fortems.study.roles import key_models, main_models
from fortems.study.variables import bare, with_article


def _size(report: Report) -> str:
    row = report.results.first("data/flow.csv", step="analysed")
    if row is not None:
        return f"{report.bind.of(row, 'clients', 'n')} clients of {report.bind.of(row, 'therapists', 'n')} therapists"
    row = report.results.first("tables/correlations.csv")
    return f"{report.bind.of(row, 'n', 'n')} clients" if row is not None else "the clients"


def abstract_method(report: Report) -> str:
    """Data, measures, models, estimands."""
    opening = {
        "simulated": f"Item answers of {_size(report)} were simulated from the assumed values of the scenario {{}}"
        + (f"; no value is the {study().work}'s." if study().citation else "."),
        "items": f"Item-level questionnaire data of {_size(report)} were scored and analysed.",
        "scores": f"Scale scores of {_size(report)} were analysed.",
        "matrix": f"The correlations of an invented article, printed for {_size(report)}, were checked and re-analysed."
        if report.variant.invented
        else f"The printed correlations of {_size(report)} were checked and re-analysed.",
    }[report.variant.kind]
    opening = opening.replace("{}", f"*{escape(report.variant.scenario)}*")
    if report.variant.matrix:
        return f"{opening} The indirect effect was estimated at the single level, the only one that a matrix gives, with {counted_words(report.results)} intervals."
    stated = (
        "The findings to check stand in a file of this run's own."
        if report.results.own_claims
        else f"Each finding of the {study().work} was checked{registered(report)}."
    )
    ways = {level: METHOD_WORDS[engine, level] for level, (engine, _) in counted(report.results).items()}
    within, single = (ways.get(level, "not estimated in this run") for level in ESTIMANDS)
    both = "both with " if len(ways) > 1 else "with "
    return (
        f"{opening} Two estimands are co-primary: the indirect effect among clients of the same therapist "
        f"({within}) and at the single level ({single}), {both}{counted_words(report.results)} intervals. {stated}"
    )


def registered(report: Report) -> str:
    """That the study was registered, where the configuration says when and where; the report cannot know it otherwise."""
    date = report.results.setting("report", "registration", "date")
    return (
        f", registered on {report.bind.setting('report', 'registration', 'date', style='text')}"
        if date
        else ""
    )


def abstract_results(report: Report) -> str:
    """The indirect effects of the key predictors, raw and in standard deviations, what failed, and the tally."""
    prefix = "In the simulated data, " if report.variant.simulated else ""
    parts: list[str] = []
    for role, model in key_models(report.models).items():
        clauses = [
            f"{_short_effect(report, row)} {ESTIMAND_WORDS[level]}"
            for level, row in estimated(report.results, model).items()
        ]
        if clauses:
            text = f"the indirect effect of {escape(with_article(role))} is {listed(clauses)}"
            parts.append(sentence(f"{prefix}{text}" if not parts else text))
    parts.append(others(report))
    if estimands(report):
        parts.append(sentence(first_tally(report)))
        parts.append(failures(report))
    if report.variant.simulated:
        parts.append(pattern_share(report))
    return joined(parts) or "No indirect effect could be estimated."


def _short_effect(report: Report, row: Row) -> str:
    """``−1.21 [−2.02, −0.51] (−0.17 SD)``."""
    bind = report.bind
    text = bind.of(row, "estimate", "end")
    if row.has("ci_low", "ci_high"):
        text += f" \\[{bind.of(row, 'ci_low', 'end')},{NB}{bind.of(row, 'ci_high', 'end')}\\]"
    return f"{text} ({bind.of(row, 'standardized', 'end')} *SD*)" if row.has("standardized") else text


def abstract_conclusion(report: Report) -> str:
    """What may be concluded, by variant."""
    if report.variant.invented:
        return "The printed table comes from an invented article: its correlations show how a printed table is checked and re-analysed, and are no evidence for or against the hypothesis."
    if report.variant.simulated:
        what = "the rebuilt analysis runs from answers to verdicts"
        if report.has(DIAGNOSTICITY):
            what = "they show what a cross-sectional study of this size can tell"
        return f"Simulated clients are no evidence for or against the hypothesis; {what}."
    key = list(key_models(report.models))
    key_words = [bare_name(x) for x in key]
    through, outcome = bare_name(study().mediator), name(study().outcome)
    if not key:
        return f"{absent()}, so that nothing follows for its account. Cross-sectional data cannot tell one order of variables from another."
    relation = " and ".join(key_words)
    state = [support(report, role) for role in key]
    tail = "Cross-sectional data cannot tell this order of the variables from others."
    if "against" in state:
        return (
            f"The data speak against {through} as a carrier of the relation of {relation} with {outcome}: an indirect effect of the "
            f"opposite sign is shown. {tail}"
        )
    if state and all(value == "both" for value in state):
        return (
            f"The data agree with {through} as a carrier of the relation of {relation} with {outcome}. {tail}"
        )
    if any(value in ("both", "one") for value in state):
        return f"The data agree only in part with {through} as a carrier of the relation of {relation} with {outcome}. {tail}"
    if state and all(value == "unknown" for value in state):
        return f"The indirect effects could not be estimated. {tail}"
    return f"The data do not show {through} to carry the relation of {' or '.join(key_words)} with {outcome}, nor do they exclude it. {tail}"


def plain_method(report: Report) -> str:
    """For clinicians: what was done."""
    return {
        "simulated": f"A computer made up {_size(report)}, with answers as the {study().work}'s story would have them, and the whole study was run on "
        "these answers. This tests the study, not the story.",
        "items": f"The same analysis as in the {study().work} was run on the questionnaires of {_size(report)}.",
        "scores": f"The same analysis as in the {study().work} was run on the questionnaire scores of {_size(report)}.",
        "matrix": f"A table of correlations{' from an invented article' if report.variant.invented else ''}, printed for {_size(report)}, was checked and analysed again.",
    }[report.variant.kind]


def plain_results(report: Report) -> str:
    """For clinicians: what came out, without statistics."""
    whose = "made-up clients" if report.variant.made_up else "clients"
    ours, through = study(), bare(study().mediator)
    states: dict[str, list[str]] = {}
    for predictor in ours.predictors:
        states.setdefault(support(report, predictor), []).append(escape(ours.variable(predictor).plain))
    told = {
        "both": f"the numbers fit the idea: {_found(whose, states.get('both', []))}, and those with more {through} had "
        f"{more_or_less(ours.mediator, ours.outcome)} {bare_name(ours.outcome)}",
        "one": "it depends on how one counts: one of two reasonable ways fits the idea, the other leaves it open",
        "against": f"the numbers speak against the idea: the link through {through} goes the other way",
        "none": f"the numbers leave the question open: a link through {through} is not shown, and not ruled out",
    }
    parts = [f"For {listed(states[state])} {words}." for state, words in told.items() if state in states]
    if offset := offset_roles(report):
        which = listed(escape(ours.variable(predictor).plain) for predictor in offset)
        parts.append(
            f"For {which}, though, the rest of the link, which does not run through {escape(through)}, points the other way, so that in all "
            "hardly a link is left to explain."
        )
    parts += [_plain_others(report), _plain_tally(report)]
    return joined(parts) or "The question could not be answered with these data."


def _found(whose: str, predictors: list[str]) -> str:
    """What went with the predictor where the indirect effect is as expected: ``clients who rated it higher had more M``."""
    ours = study()
    more = more_or_less(ours.predictors[0], ours.mediator)
    it = "it" if len(predictors) == 1 else "them"
    return f"{whose} who rated {it} higher had {more} {bare_name(ours.mediator)}"


def _plain_others(report: Report) -> str:
    """Where the article's models were not run: how many of the other links there are that stand out."""
    if key_models(report.models):
        return ""
    opening = f"The {study().work}'s own models were not among those of this run."
    links: dict[tuple[str, ...], list[Row]] = {}
    for model in (*main_models(report.models).values(), *own_models(report.results, report.models)):
        for level in levels(report.results):
            for row in indirects(report.results, model, level):
                if clear(row) is not None:
                    links.setdefault((model, row["predictor"], row["mediator"]), []).append(row)
    if not links:
        return opening
    first = [rows[0] for rows in links.values()]
    sure = [rows[0] for rows in links.values() if all(clear(row) for row in rows)]
    half = [rows[0] for rows in links.values() if {bool(clear(row)) for row in rows} == {True, False}]
    number = report.bind.rows(sure, "estimate") if sure else "none"
    text = f"Of {report.bind.rows(first, 'estimate')} {plural(len(first), 'link', 'links')} by way of a third variable that {plural(len(first), 'was', 'were')} looked at instead, {number} {plural(max(len(sure), 1), 'is', 'are')} shown"
    if half:
        text += f", {report.bind.rows(half, 'estimate')} more in one of two reasonable ways of counting"
    return f"{opening} {text}."


def _plain_tally(report: Report) -> str:
    for estimand in ESTIMANDS:
        rows = findings(report, estimand) if estimand in estimands(report) else []
        if rows:
            good = report.bind.among(rows, "verdict", "reproduced")
            weak = report.bind.among(rows, "verdict", "consistent (weak)")
            whole = report.bind.rows(rows, "verdict")
            where = (
                f", with links through {bare_name(study().mediator)} looked at among clients of the same therapist"
                if estimand == "within"
                else ""
            )
            own = report.results.own_claims
            came = "came out as expected" if own else "came out the same way"
            text = f"Of {whole} {findings_word(report)} {good} {came}{where}"
            if any(row["verdict"] == "consistent (weak)" for row in rows):
                as_ = "as expected" if own else f"as in the {study().work}"
                text += f"; in {weak} more nothing was found, {as_}, which says little"
            if failed := not_reproduced(report, rows):
                text += f". {plural(len(failed), 'This one', 'These')} did not: {listed(failed)}"
            if any(row["verdict"] in UNDECIDED for row in rows):
                text += f". The other {report.bind.among(rows, 'verdict', *UNDECIDED)} cannot be decided with these data"
            return f"{text}."
    return ""


def plain_meaning(report: Report) -> str:
    """For clinicians: what it means for practice."""
    if report.variant.invented:
        return "For practice it means nothing: the table comes from an article that was invented to show how a printed table can be checked."
    if report.variant.simulated:
        return "For practice it means nothing yet: made-up clients tell how well such a study works, not how people are."
    if not key_models(report.models):
        return (
            f"Nothing as to the {study().work}'s question, since its models are not among those of this run."
        )
    ours = study()
    first, through, outcome = chain_names()
    known = {support(report, predictor) for predictor in ours.predictors}
    if known == {"both"} and len(levels(report.results)) > 1:
        return (
            f"How much {through} clients have may deserve a place in the conversation about how therapy is going. That more {first} "
            f"brings {more_or_less(ours.predictors[0], ours.mediator)} {through}, or more {through} "
            f"{more_or_less(ours.mediator, ours.outcome)} {outcome}, is not shown."
        )
    return (
        f"These data give no reason to change practice. They do not show that {through} plays no part either."
    )


SENTENCES = (
    abstract_method, abstract_results, abstract_conclusion, plain_method, plain_results, plain_meaning,
)  # fmt: skip
