"""The models of a run in words: which one is meant, in how many an effect is shown."""

from __future__ import annotations

from fortems.presentation.choice import fitted_models, indirects, levels, own_models
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, labels, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import bare_name, clear, name
from fortems.study.definition import study
from fortems.study.models import MediationModel
from fortems.study.roles import TOGETHER, key_models, main_models

#: What follows the verb where a sentence is of one model.
ONE = " in the one model"


def absent() -> str:
    """That the study's key models were not run: ``The article's models of the ... are not``."""
    whose = listed(f"of the {bare_name(x)}" for x in study().predictors)
    return f"The {study().work}'s models {whose} are not among this run's"


def model_words(report: Report, model: str) -> str:
    """A model within a sentence: a main one by its predictor, a moderated one with its moderator, another by its name."""
    main = main_models(report.models)
    for part, found in main.items():
        if found == model:
            return "the three aspects together" if part == TOGETHER else name(part)
    entry = report.models.get(model)
    if entry is not None and entry.moderator:
        path = (entry.predictors, entry.mediators, entry.outcome)
        known = [report.models[each] for each in main.values()]
        if path in [(each.predictors, each.mediators, each.outcome) for each in known]:
            return f"{listed([name(each) for each in entry.predictors])} moderated by {name(entry.moderator)}"
    return f"the model *{escape(model)}*"


def model_at(report: Report, row: Row) -> str:
    """A row's model and estimand within a sentence: ``bond within therapists``."""
    return f"{model_words(report, row['model'])} {ESTIMAND_WORDS[row['level']]}"


def studys_models(report: Report) -> dict[str, MediationModel]:
    """The fitted models but for those that are the run's own."""
    own = own_models(report.results, report.models)
    fitted = fitted_models(report.results, report.models)
    return {model: entry for model, entry in fitted.items() if model not in own}


def chain(report: Report, model: str) -> str:
    """A model's variables, by their labels: ``X → M → Y``."""
    entry = report.models[model]
    return " → ".join(labels(part) for part in (entry.predictors, entry.mediators, (entry.outcome,)))


def in_how_many(report: Report, models: list[str], one: str = ONE) -> str:
    """In how many of a set of effects the primary interval leaves out zero, by estimand, with the verb that goes with the interval.

    ``leaves out zero in two of three models``; of a single model ``includes zero in the one model``, with
    ``one`` in place of the last words; empty without intervals.
    """
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for level in levels(report.results):
        known = [
            row
            for model in models
            for row in indirects(report.results, model, level)
            if clear(row) is not None
        ]
        if known:
            found[level] = ([row for row in known if clear(row)], known)
    if not found:
        return ""
    counts = {(len(shown), len(known)) for shown, known in found.values()}
    if all(len(known) == 1 for _, known in found.values()):
        return _of_one(report, {level: bool(shown) for level, (shown, _) in found.items()}, one)
    clauses = []
    for level, (shown, known) in found.items():
        where = (
            f" {ESTIMAND_WORDS[level]}" if len(counts) > 1 or len(found) < len(levels(report.results)) else ""
        )
        clauses.append(f"{share(report, shown, known)}{where}")
        if len(counts) == 1:
            break
    same = f" {_under(*next(iter(counts)))}" if len(counts) == 1 and len(found) > 1 else ""
    return f"leaves out zero {' and '.join(clauses)}{same}"


def _under(shown: int, known: int) -> str:
    """That the same number holds under each estimand, which need not be of the same models."""
    if shown == 0:
        return "under either estimand"
    return "under both estimands" if shown == known else "under each estimand"


def _of_one(report: Report, shown: dict[str, bool], one: str = ONE) -> str:
    """The same for a single effect: estimand → whether its interval leaves out zero."""
    verbs = {True: "leaves out zero", False: "includes zero"}
    if len(set(shown.values())) == 1:
        first, verb = next(iter(shown)), verbs[next(iter(shown.values()))]
        where = " under both estimands" if len(shown) > 1 else ""
        if len(shown) < len(levels(report.results)):
            where = f" {ESTIMAND_WORDS[first]}"
        return f"{verb}{one}{where}"
    clauses = [f"{verbs[value]} {ESTIMAND_WORDS[level]}" for level, value in shown.items()]
    return f"{one} {listed(clauses)}".strip()


def share(report: Report, shown: list[Row], known: list[Row]) -> str:
    """``in two of three models``, ``in all three models``; of a single model ``in the one model`` or ``not in the one model``."""
    if len(known) == 1:
        return "in the one model" if shown else "not in the one model"
    noun = "models" if len({row.get("model") for row in known}) == len(known) else "indirect effects"
    opening = "in" if noun == "models" else "for"
    if len(known) == 2 and len(shown) != 1:
        return f"{opening} {f'both {noun}' if shown else f'neither {noun[:-1]}'}"
    if len(shown) == len(known):
        return f"{opening} all {report.bind.rows(known, 'estimate')} {noun}"
    number = report.bind.rows(shown, "estimate") if shown else "none"
    return f"{opening} {number} of {report.bind.rows(known, 'estimate')} {noun}"


def others(report: Report) -> str:
    """What the models show that are not the article's: all there are where its key models are not among them."""
    models, key = own_models(report.results, report.models), key_models(report.models)
    text = in_how_many(report, models if key else [*main_models(report.models).values(), *models])
    if not text:
        return "" if key else f"{absent()}."
    if key:
        return f"With this run's own models the interval of the indirect effect {text}."
    return f"{absent()}; with those that were run the interval of the indirect effect {text}."
