"""The first page: three answers with what they rest on, and what may not be concluded."""

from __future__ import annotations

from fortems.package import NAME
from fortems.presentation.choice import levels, with_verdict
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.design.diagnosticity import (
    DIAGNOSTICITY,
    MORE,
    UNCLEAR,
    against_rivals,
    compared_with_rivals,
)
from fortems.report.text.discussion import shown
from fortems.report.text.offset import offset_answer
from fortems.report.text.relations import total
from fortems.report.text.story import package_name
from fortems.report.text.study import absent
from fortems.report.text.words import IS, bare_name, chain_names, name, p, plural
from fortems.study.definition import study
from fortems.study.roles import key_models

NOT_ATTAINABLE = "not attainable with data as noisy as these"


def answers(report: Report) -> str:
    """Three sentences: does the mediator carry the relation, is it all of it, does the pattern tell the accounts apart."""
    told = (_carries(report), _fully(report), _tells(report))
    return "\n\n".join(f"{number}. {text}" for number, text in enumerate(told, start=1))


def _whose(report: Report) -> str:
    if report.variant.simulated:
        return "In these simulated clients "
    if report.variant.matrix:
        return "By the printed correlations "
    return "In these clients "


def _carries(report: Report) -> str:
    """For each key model whether the indirect effect is shown, and whether there is a relation to be carried."""
    key = key_models(report.models)
    if not key:
        return f"**Does {bare_name(study().mediator)} carry the relation?** {absent()}, so that this run does not say."
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for role in key:
        groups.setdefault(tuple(shown(report, role).items()), []).append(role)
    clauses = []
    for states, roles in groups.items():
        whose = f"through {name(study().mediator)} from {listed(name(role) for role in roles)} to {name(study().outcome)}"
        clauses.append(_stated(whose, dict(states), levels(report.results)))
    text = f"{_whose(report)}{'; '.join(clauses)}{_unrelated(report, list(key))}{offset_answer(report)} ([](#r-paths))."
    return f"**Does {bare_name(study().mediator)} carry the relation?** {text}"


def _stated(whose: str, states: dict[str, str], have: list[str]) -> str:
    if not states:
        return f"an indirect effect {whose} could not be estimated"
    sure = [level for level, state in states.items() if state == "yes"]
    other = [level for level, state in states.items() if state == "against"]
    if other:
        return f"an indirect effect {whose} of the opposite sign is shown {listed(ESTIMAND_WORDS[level] for level in other)}"
    if not sure:
        return f"an indirect effect {whose} is not shown, which does not rule it out"
    if len(sure) == len(have) and len(have) > 1:
        return f"an indirect effect {whose} is shown under both estimands"
    only = "" if len(have) == 1 else " only"
    return f"an indirect effect {whose} is shown {ESTIMAND_WORDS[sure[0]]}{only}"


def _unrelated(report: Report, roles: list[str]) -> str:
    """Which predictors are not shown to go with the outcome at all, so that little is there to be carried."""
    rows: dict[str, Row | None] = {role: total(report, role, study().outcome) for role in roles}
    weak = {role: row for role, row in rows.items() if row is not None and row.has("p") and row["p"] >= 0.05}
    if not weak:
        return ""
    each = listed(
        f"{name(role)} (*r*{IS}{report.bind.of(row, 'r', 'r')}, {p(report, row)})"
        for role, row in weak.items()
    )
    return f", though a relation with {name(study().outcome)} itself is not shown for {each}"


def _fully(report: Report) -> str:
    """What the verdicts on full mediation come to."""
    lead = "**Is the mediation full?**"
    rows = with_verdict(report.results, key_models(report.models).values(), "equivalence")
    if not rows:
        return f"{lead} This run does not say."
    if all(row["equivalence"] == "equivalent" for row in rows):
        return f"{lead} The direct paths are shown to be too small to matter, which full mediation requires ([](#r-full))."
    opening = (
        "It could not have been shown with data as noisy as these"
        if all(row["equivalence"] == NOT_ATTAINABLE for row in rows)
        else "It is not shown"
    )
    return (
        f"{lead} {opening}: direct paths as large as {report.bind.span(rows, 'smallest_bound', 'r')} standard deviations are compatible with the data; that a direct path is not "
        "significant does not make it absent ([](#r-full))."
    )


def _tells(report: Report) -> str:
    """From which rivals the pattern of findings tells the article's account."""
    lead = "**Does the pattern of findings tell this account from its rivals?**"
    found = against_rivals(report)
    if not found and report.has(DIAGNOSTICITY):
        return f"{lead} Too few of the simulated studies showed it to say ([](#r-pattern))."
    if not found:
        return f"{lead} This was not simulated in this run; three variables measured at once cannot tell one order from another."
    if set(found) == {MORE}:
        return f"{lead} From those looked at, {listed(found[MORE])}, it does ([](#r-pattern))."
    if set(found) == {UNCLEAR}:
        return f"{lead} From none of those looked at: it is not shown to be more probable under the account than under {plural(len(found[UNCLEAR]), 'the scenario', 'the scenarios')} {listed(found[UNCLEAR])} ([](#r-pattern))."
    compared = compared_with_rivals(found, "under the account")
    return f"{lead} {'Only in part' if MORE in found else 'No'}: the pattern is {compared} ([](#r-pattern))."


def no_conclusions(report: Report) -> str:
    """What may not be concluded, as a list."""
    variant, ours = report.variant, study()
    first, through, outcome = chain_names()
    items = []
    if variant.simulated:
        none = f", and no number is the {ours.work}'s" if ours.citation else ""
        items.append(f"Anything about people: the clients are made up{none}.")
    elif variant.invented:
        items.append("Anything about people: the article whose table this is, is invented.")
    items += [
        f"That {through} is the cause: nobody was assigned to it, and whatever lies behind {first}, {through} and {outcome} is in all of them.",
        f"That {first} comes first and {outcome} last: all was measured once, and every other order fits equally well.",
        "That mediation is full because a direct path is not significant.",
        f"That {'aspects' if study().aspects else 'findings'} differ because one is significant and another is not.",
    ]
    if variant.matrix:
        items.append("Anything about clients of the same therapist: a matrix does not separate the levels.")
    return "\n".join(f"- {text}" for text in items)


def author_note(report: Report) -> str:
    """Who made the report, and of which run it tells."""
    return (
        f"Made by the {package_name()}, version {report.bind.software(NAME)}, from the run "
        f"*{escape(report.results.setting('run'))}* with the seed {report.bind.setting('seed', style='text')}."
    )


SENTENCES = (answers, no_conclusions, author_note)
