"""The models of a run in words: which one is meant, in how many an effect is shown."""

from __future__ import annotations

from fortems.presentation.choice import indirects, levels, own_models
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, labels, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import clear, name
from fortems.study.definition import study
from fortems.study.roles import TOGETHER, key_models, main_models
from fortems.study.variables import bare


def absent() -> str:
    """That the study's key models were not run: ``The article's models of the ... are not``."""
    whose = listed(f"of the {escape(bare(x))}" for x in study().predictors)
    return f"The {study().work}'s models {whose} are not among this run's"


def model_words(report: Report, model: str) -> str:
    """A model within a sentence: a main one by its predictor, another by its name."""
    for part, found in main_models(report.models).items():
        if found == model:
            return "the three aspects together" if part == TOGETHER else name(part)
    return f"the model *{escape(model)}*"


def chain(report: Report, model: str) -> str:
    """A model's variables, by their labels: ``X → M → Y``."""
    entry = report.models[model]
    return " → ".join(labels(part) for part in (entry.predictors, entry.mediators, (entry.outcome,)))


def in_how_many(report: Report, models: list[str]) -> str:
    """In how many of a set of effects the primary interval leaves out zero, by estimand: ``in two of three models``."""
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
    counts = {(len(shown), len(known)) for shown, known in found.values()}
    clauses = []
    for level, (shown, known) in found.items():
        where = (
            f" {ESTIMAND_WORDS[level]}" if len(counts) > 1 or len(found) < len(levels(report.results)) else ""
        )
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
    models, key = own_models(report.results, report.models), key_models(report.models)
    text = in_how_many(report, models if key else [*main_models(report.models).values(), *models])
    if not text:
        return "" if key else f"{absent()}."
    one = text.startswith("not ") and " and " not in text
    found = f"does not leave out zero {text.removeprefix('not ')}" if one else f"leaves out zero {text}"
    if key:
        return f"With this run's own models the interval of the indirect effect {found}."
    return f"{absent()}; with those that were run the interval of the indirect effect {found}."
