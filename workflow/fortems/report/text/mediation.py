"""Mediation models: paths, indirect effects, full or partial, covariates, rivals, reversed directions."""

from __future__ import annotations

from fortems.presentation.choice import (
    estimated,
    indirects,
    is_fitted,
    levels,
    path,
    reordered_models,
    verdict,
)
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.offset import offset_clause
from fortems.report.text.study import in_how_many, studys_models
from fortems.report.text.words import IS, bare_name, clear, interval, joined, name, p, sentence
from fortems.study.definition import study
from fortems.study.roles import TOGETHER, key_models, main_models, outcome_parts
from fortems.study.variables import label

#: What counts as the standard deviation unit of an equivalence bound is told in the method.
LEAVES_OUT = {True: "leaves out zero", False: "includes zero"}


def estimate(report: Report, row: Row, symbol: str) -> str:
    """``*a* = 0.41, 95% CI [0.12, 0.70], *p* = .006``."""
    text = f"{symbol}{IS}{report.bind.of(row, 'estimate', 'end')}, {interval(report, row)}"
    test = p(report, row)
    return f"{text}, {test}" if test else text


def path_clause(report: Report, row: Row | None, source: str, target: str, symbol: str) -> str:
    """A path as a clause: shown with its sign, not shown, or without an interval; never more than that."""
    if row is None or not row.has("estimate"):
        return f"the path from {name(source)} to {name(target)} was not estimated"
    shown = clear(row)
    if shown is None:
        return (
            f"for the path from {name(source)} to {name(target)} no interval could be given "
            f"({symbol}{IS}{report.bind.of(row, 'estimate', 'end')})"
        )
    numbers = estimate(report, row, symbol)
    if not shown:
        return f"a path from {name(source)} to {name(target)} is not shown, {numbers}"
    more = "more" if row["estimate"] > 0 else "less"
    return f"more {bare_name(source)} goes with {more} {bare_name(target)}, {numbers}"


def indirect_clause(report: Report, row: Row | None) -> str:
    """The indirect effect as a clause: shown with its sign, or not shown."""
    if row is None or not row.has("estimate"):
        return "the indirect effect was not estimated"
    shown = clear(row)
    if shown is None:
        return f"no interval of the indirect effect could be given (*ab*{IS}{report.bind.of(row, 'estimate', 'end')})"
    size = f"*ab*{IS}{report.bind.of(row, 'estimate', 'end')}, {interval(report, row)}"
    if row.has("standardized"):
        size += f", {report.bind.of(row, 'standardized', 'end')} in standard deviations"
    if not shown:
        return f"an indirect effect through {name(row['mediator'])} is not shown, {size}"
    sign = "positive" if row["estimate"] > 0 else "negative"
    return f"the indirect effect through {name(row['mediator'])} is {sign}, {size}"


def mediation(report: Report, role: str) -> str:
    """A main model's paths and indirect effect under both estimands."""
    model = main_models(report.models).get(role, "")
    if not model or not is_fitted(report.results, model):
        return "This model is not among those that were run."
    predictor, mediator, outcome = report.models[model].chain
    parts = []
    for level in levels(report.results):
        rows = {
            effect: path(report.results, model, level, effect)
            for effect in ("a", "b", "direct", "indirect", "total")
        }
        if rows["indirect"] is None:
            parts.append(f"{ESTIMAND_WORDS[level].capitalize()} the model was not estimated.")
            continue
        parts.append(
            sentence(
                f"{ESTIMAND_WORDS[level].capitalize()}, "
                f"{path_clause(report, rows['a'], predictor, mediator, '*a*')}; "
                f"{path_clause(report, rows['b'], mediator, outcome, '*b*')}"
            )
        )
        direct = rows["direct"]
        if direct is not None and direct.has("estimate"):
            shown = clear(direct)
            word = {
                True: "A direct path is shown alongside",
                False: "A direct path is not shown",
                None: "The direct path has no interval",
            }
            parts.append(f"{word[shown]}, {estimate(report, direct, '*c′*')}.")
        parts.append(sentence(indirect_clause(report, rows["indirect"])))
        if offset := offset_clause(report, model, level):
            parts.append(sentence(offset))
        parts.append(_boundary(report, model, level))
    parts.append(_both(report, model))
    tables = report.see(
        "tbl-paths" if "tbl-paths" in report.items else "tbl-mediation", _figure_of(report, model)
    )
    if tables:
        parts.append(f"All numbers stand together{tables}.")
    if role == study().focus and "fig-scatter" in report.items:
        parts.append(f"{report.ref('fig-scatter')} shows the clients' scores behind them.")
    return joined(parts)


def _figure_of(report: Report, model: str) -> str:
    """The figure with a model's paths: of a key model the article's."""
    together = model in key_models(report.models).values() and "fig-paths" in report.items
    return "fig-paths" if together else f"fig-path_{model}"


def mediations(report: Report) -> str:
    """Each key model in a paragraph of its own, then the aspects."""
    parts = [f"**{escape(label(role))}.** {mediation(report, role)}" for role in key_models(report.models)]
    if others := aspects(report):
        parts.append(f"**Aspects.** {others}")
    return "\n\n".join(parts) or f"The {study().work}'s models are not among those that were run."


def _boundary(report: Report, model: str, level: str) -> str:
    row = verdict(report.results, model, level)
    if level != "within" or row is None or not row.get("boundary", False):
        return ""
    text = (
        "The therapists' covariance matrix lies at the boundary, so that this estimate borrows from differences between "
        "therapists"
    )
    if row.has("fixed_effects_indirect", "fixed_effects_low", "fixed_effects_high"):
        inside = interval(report, row, "fixed_effects_low", "fixed_effects_high")
        return f"{text}; the fixed-effects estimate, which does not, is {report.bind.of(row, 'fixed_effects_indirect', 'end')}, {inside}."
    return f"{text}."


def _both(report: Report, model: str) -> str:
    """Whether the two estimands agree on the indirect effect."""
    found = {level: path(report.results, model, level, "indirect") for level in levels(report.results)}
    shown = {level: clear(row) for level, row in found.items() if row is not None and clear(row) is not None}
    if len(shown) < 2:
        return ""
    if all(shown.values()):
        return "Both estimands show the indirect effect."
    if not any(shown.values()):
        return "Neither estimand shows an indirect effect."
    where = next(level for level, value in shown.items() if value)
    other = next(level for level, value in shown.items() if not value)
    return (
        f"The indirect effect is shown {ESTIMAND_WORDS[where]} only; {ESTIMAND_WORDS[other]} the interval includes zero, which "
        "is no proof of a difference between the two."
    )


def effects_of(report: Report, role: str, model: str, where: str = "") -> str:
    """The indirect effects of a role's model as a sentence, an estimand each, which ends with ``where`` they are drawn."""
    clauses = [
        ", while ".join(filter(None, (effect, offset_clause(report, model, level))))
        for level, row in estimated(report.results, model).items()
        if (effect := f"{ESTIMAND_WORDS[level]}, {indirect_clause(report, row)}")
    ]
    return f"For {name(role)}: {'; '.join(clauses)}{where}." if clauses else ""


def aspects(report: Report) -> str:
    """The other aspects alone, and all together."""
    main = main_models(report.models)
    alone = [
        effects_of(report, role, main[role], report.see(f"fig-path_{main[role]}"))
        for role in study().aspects[1:]
        if role in main
    ]
    return joined([*alone, _together(report)])


def _together(report: Report) -> str:
    model = main_models(report.models).get(TOGETHER, "")
    if not model or not is_fitted(report.results, model):
        return ""
    parts = []
    for level in levels(report.results):
        rows = [
            row
            for predictor in report.models[model].predictors
            if (row := path(report.results, model, level, "indirect", predictor=predictor)) is not None
        ]
        known = [row for row in rows if clear(row) is not None]
        if not known:
            continue
        alone = [name(row["predictor"]) for row in known if clear(row)]
        text = f"the indirect effect of {listed(alone)} remains"
        none = "no aspect has an indirect effect whose interval leaves out zero"
        parts.append(f"{ESTIMAND_WORDS[level]} {text if alone else none}")
    if not parts:
        return ""
    return f"With the three aspects in one model, each controlling for the others, {'; '.join(parts)}{report.see(f'fig-path_{model}')}."


def further(report: Report) -> str:
    """Parts of the outcome as outcomes, the rival in the place of the mediator and beside it."""
    parts = []
    entries = studys_models(report)  # others are told of in a section of their own
    text = in_how_many(
        report, [model for model, entry in entries.items() if entry.outcome in outcome_parts()]
    )
    if text:
        parts.append(
            f"With the parts of {name(study().outcome)} as outcomes the interval of the indirect effect "
            f"{text}{report.see('fig-indirect')}."
        )
    text = in_how_many(
        report, [model for model, entry in entries.items() if entry.mediators == (study().rival,)]
    )
    if text:
        parts.append(f"With {name(study().rival)} in the place of {name(study().mediator)} it {text}.")
    beside = {
        model: entry
        for model, entry in entries.items()
        if set(entry.mediators) == {study().mediator, study().rival} and not entry.moderator
    }
    clauses = []
    for model, entry in beside.items():
        whose = "" if len(beside) == 1 else f"of {listed(name(x) for x in entry.predictors)} "
        clauses += [
            f"{whose}{ESTIMAND_WORDS[level]} its interval {LEAVES_OUT[bool(clear(row))]}"
            for level in levels(report.results)
            for row in indirects(report.results, model, level)
            if row["mediator"] == study().mediator and clear(row) is not None
        ]
    if clauses:
        parts.append(
            f"With both mediators side by side, the indirect effect through {name(study().mediator)}: {'; '.join(clauses)}."
        )
    return joined(parts)


def reversed_(report: Report) -> str:
    """Equivalent models: same fit, other stories."""
    models = list(reordered_models(report.results, report.models))
    if not models:
        return ""
    text = in_how_many(report, models)
    found = (
        f"With the directions turned around the interval of the indirect effect {text}"
        if text
        else "Indirect effects with the directions turned around are listed without intervals"
    )
    return (
        "Three variables measured at once can be ordered in any way, and all orders with all paths fit equally well; no "
        f"result of this design can prefer one. {found}{report.see('tbl-reversed')}."
    )


SENTENCES = (mediations, further, reversed_)
