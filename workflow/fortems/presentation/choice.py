"""Which rows of a run's results figures, tables and sentences show: those that count (``study.estimands``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from fortems.presentation.results import Results, Row
from fortems.presentation.words import INTERVAL_WORDS, listed
from fortems.study import roles
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS, PRIMARY_INTERVAL, counting
from fortems.study.models import MediationModel
from fortems.study.roles import is_simple, key_models, main_models

EFFECTS = "mediation/effects.csv"
VERDICTS = "mediation/verdicts.csv"


def levels(results: Results) -> list[str]:
    """The estimands that this run has."""
    have = {row["level"] for row in results.rows(EFFECTS)}
    return [level for level in ESTIMANDS if level in have]


def counted(results: Results) -> dict[str, tuple[str, str]]:
    """Estimand → engine and interval of the indirect effects that count, those of most of them."""
    found = {}
    for level in levels(results):
        rows = results.chosen(EFFECTS, counting, level=level, effect="indirect")
        if pairs := Counter((row["engine"], row["interval"]) for row in rows):
            found[level] = pairs.most_common(1)[0][0]
    return found


def counted_words(results: Results) -> str:
    """The intervals of the indirect effect that count in this run, in words: ``cluster-jackknife``."""
    intervals = dict.fromkeys(interval for _, interval in counted(results).values())
    return listed(INTERVAL_WORDS[name] for name in intervals or [PRIMARY_INTERVAL])


def path(results: Results, model: str, level: str, effect: str, **keys: object) -> Row | None:
    """The row of an effect that counts; None where it was not estimated."""
    found = results.chosen(EFFECTS, counting, model=model, level=level, effect=effect, **keys)
    return next(iter(found), None)


def indirects(results: Results, model: str, level: str) -> list[Row]:
    """The indirect effects of a model that count, those through all mediators together left out."""
    rows = results.chosen(EFFECTS, counting, model=model, level=level, effect="indirect")
    return [row for row in rows if row.has("predictor", "mediator")]


def verdict(results: Results, model: str, level: str, **keys: object) -> Row | None:
    """The model's verdict at an estimand."""
    return results.first(VERDICTS, model=model, level=level, **keys)


def estimated(results: Results, model: str) -> dict[str, Row]:
    """Level → the row of a model's indirect effect that counts, where it was estimated."""
    rows = {level: path(results, model, level, "indirect") for level in levels(results)}
    return {level: row for level, row in rows.items() if row is not None and row.has("estimate")}


def with_verdict(results: Results, models: Iterable[str], column: str) -> list[Row]:
    """Rows of the verdicts on models at each level that have a column filled."""
    rows = [verdict(results, model, level) for model in models for level in levels(results)]
    return [row for row in rows if row is not None and row.has(column)]


def is_fitted(results: Results, model: str) -> bool:
    """Whether any engine gave an effect of a model."""
    return bool(results.rows(EFFECTS, model=model))


def fitted_models(results: Results, models: Mapping[str, MediationModel]) -> dict[str, MediationModel]:
    """Those of the models of which any engine gave an effect."""
    return {name: model for name, model in models.items() if is_fitted(results, name)}


def own_models(results: Results, models: Mapping[str, MediationModel]) -> list[str]:
    """Fitted models that the sections on the study's models would pass over.

    Those of variables that are not scales of the study; where neither key model is there, all but the main ones.
    Moderated models have no single indirect effect.
    """
    main = set(main_models(models).values())
    every = not key_models(models)
    return [
        name
        for name, model in fitted_models(results, models).items()
        if name not in main and not model.moderator and (every or not set(model.chain) <= set(study().scales))
    ]


def reordered_models(results: Results, models: Mapping[str, MediationModel]) -> dict[str, str]:
    """Fitted models of a main model's variables in another causal order → the part of the main one."""
    return {name: part for name, part in roles.reordered_models(models).items() if is_fitted(results, name)}


def shown_models(results: Results, models: Mapping[str, MediationModel]) -> list[str]:
    """The models that tables and figures show one by one: the study's main ones, then the run's own."""
    return [*main_models(models).values(), *own_models(results, models)]


def simple_models(results: Results, models: Mapping[str, MediationModel]) -> list[str]:
    """Those of ``shown_models`` with a single indirect effect, of which full and partial mediation are told apart."""
    return [name for name in shown_models(results, models) if is_simple(models[name])]
