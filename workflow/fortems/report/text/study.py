"""The study's main models, found by what they relate whatever their names, and the run's own ones beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fortems.presentation.results import Row
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import EFFECTS, ESTIMAND_WORDS, clear, engine_of, levels, name
from fortems.study.definition import study
from fortems.study.variables import label

MEDIATOR, OUTCOME = "meaning", "distress"
#: Main model → its predictors; all have the same mediator and outcome.
ROLES: dict[str, tuple[str, ...]] = {
    "alliance": ("alliance",),
    "bond": ("bond",),
    "goal": ("goal",),
    "task": ("task",),
    "aspects": ("bond", "goal", "task"),
}
#: The two models that the article's account is about.
KEY = ("alliance", "bond")
ABSENT = "The article's models of the alliance and of the bond are not among this run's"


def named(entry: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The variables of a key of a model, one or several."""
    value = entry.get(key) or ()
    return (value,) if isinstance(value, str) else tuple(value)


def is_plain(entry: Mapping[str, Any]) -> bool:
    """Whether a model has observed scores, no covariates, no moderator and therapists' parts that covary freely."""
    return (
        entry.get("measurement", "observed") == "observed"
        and entry.get("between", "saturated") == "saturated"
        and not entry.get("covariates")
        and not entry.get("moderator")
    )


def main_models(report: Report) -> dict[str, str]:
    """Main model of the study → its name in this run, those that the models file has."""
    found = {}
    for role, predictors in ROLES.items():
        for model, entry in report.models.items():
            if (
                is_plain(entry)
                and sorted(named(entry, "predictor")) == sorted(predictors)
                and named(entry, "mediator") == (MEDIATOR,)
                and named(entry, "outcome") == (OUTCOME,)
            ):
                found[role] = model
                break
    return found


def key_models(report: Report) -> dict[str, str]:
    """The models of the total alliance and of the bond, those that the models file has."""
    return {role: model for role, model in main_models(report).items() if role in KEY}


def model_words(report: Report, model: str) -> str:
    """A model within a sentence: a main one by its predictor, another by its name."""
    for role, found in main_models(report).items():
        if found == model:
            return "the three aspects together" if role == "aspects" else name(role)
    return f"the model *{escape(model)}*"


def own_models(report: Report) -> list[str]:
    """Fitted models that the sections on the study's models would pass over.

    Those of variables that are not scales of the study; where neither key model is there, all but the main ones.
    Moderated models have no single indirect effect.
    """
    main = set(main_models(report).values())
    every = not key_models(report)
    return [
        model
        for model, entry in report.models.items()
        if model not in main
        and not entry.get("moderator")
        and (every or not set(path_variables(entry)) <= set(study().scales))
        and report.results.rows(EFFECTS, model=model)
    ]


def path_variables(entry: Mapping[str, Any]) -> list[str]:
    """The variables of a model's paths, in causal order."""
    return [variable for key in ("predictor", "mediator", "outcome") for variable in named(entry, key)]


def chain(report: Report, model: str) -> str:
    """A model's variables, by their labels: ``Bond → Presence of meaning → Distress (total)``."""
    entry = report.models[model]
    parts = [
        " + ".join(label(variable) for variable in named(entry, key))
        for key in ("predictor", "mediator", "outcome")
    ]
    return " → ".join(parts)


def turned_models(report: Report) -> dict[str, str]:
    """Models of the variables of a main model in another order → the predictor of the main one."""
    found = {}
    for model, entry in report.models.items():
        order = path_variables(entry)
        if not is_plain(entry) or len(order) != 3 or not report.results.rows(EFFECTS, model=model):
            continue
        for role, (first, *more) in ROLES.items():
            assumed = [first, MEDIATOR, OUTCOME]
            if not more and order != assumed and sorted(order) == sorted(assumed):
                found[model] = role
    return found


def indirects(report: Report, model: str, level: str) -> list[Row]:
    """The indirect effects of a model by the engine and interval that count."""
    keys = {"model": model, "level": level, "engine": engine_of(report, level), "effect": "indirect"}
    rows = report.results.rows(EFFECTS, interval="montecarlo", **keys) or report.results.rows(
        EFFECTS, interval="delta", **keys
    )
    return [row for row in rows if row.has("predictor", "mediator")]


def in_how_many(report: Report, models: list[str]) -> str:
    """In how many of a set of effects the primary interval leaves out zero, by estimand: ``in two of three models``."""
    found: dict[str, tuple[list[Row], list[Row]]] = {}
    for level in levels(report):
        known = [row for model in models for row in indirects(report, model, level) if clear(row) is not None]
        if known:
            found[level] = ([row for row in known if clear(row)], known)
    counts = {(len(shown), len(known)) for shown, known in found.values()}
    clauses = []
    for level, (shown, known) in found.items():
        where = f" {ESTIMAND_WORDS[level]}" if len(counts) > 1 or len(found) < len(levels(report)) else ""
        clauses.append(f"{share(report, shown, known)}{where}")
        if len(counts) == 1:
            break
    if not clauses:
        return ""
    same = len(counts) == 1 and len(found) > 1
    return f"{' and '.join(clauses)}{', under both estimands' if same else ''}"


def share(report: Report, shown: list[Row], known: list[Row]) -> str:
    """``in two of three models``; of a single model ``in the one model`` or ``not in the one model``."""
    if len(known) == 1:
        return "in the one model" if shown else "not in the one model"
    number = "none" if not shown else report.bind.rows(shown, "estimate")
    noun = "models" if len({row.get("model") for row in known}) == len(known) else "indirect effects"
    return f"{'in' if noun == 'models' else 'for'} {number} of {report.bind.rows(known, 'estimate')} {noun}"


def others(report: Report) -> str:
    """What the models show that are not the article's: all there are where its key models are not among them."""
    models, key = own_models(report), key_models(report)
    text = in_how_many(report, models if key else [*main_models(report).values(), *models])
    if not text:
        return "" if key else f"{ABSENT}."
    one = text.startswith("not ") and " and " not in text
    found = f"does not leave out zero {text.removeprefix('not ')}" if one else f"leaves out zero {text}"
    if key:
        return f"With this run's own models the interval of the indirect effect {found}."
    return f"{ABSENT}; with those that were run the interval of the indirect effect {found}."
