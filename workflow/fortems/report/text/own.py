"""Models of a run that are not the study's: their indirect effects one by one, and where their figures stand."""

from __future__ import annotations

from fortems.presentation.choice import indirects, levels, own_models
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.covariates import as_covariates
from fortems.report.text.mediation import indirect_clause
from fortems.report.text.study import chain, model_words, others
from fortems.report.text.words import joined, name
from fortems.study.roles import key_models, main_models

#: More models than this are counted in the text and left to the tables.
MANY = 8


def own(report: Report) -> str:
    """The run's own models, counted and, where they are few, one by one."""
    models = own_models(report.results, report.models)
    if not models and key_models(report.models):
        return ""
    parts = [others(report)]
    if len(models) <= MANY:
        parts += [_one(report, model) for model in models]
    if models:
        parts.append(
            f"All numbers stand together{report.see('tbl-paths' if 'tbl-paths' in report.items else 'tbl-mediation')}."
        )
    return joined(parts)


def _one(report: Report, model: str) -> str:
    """A model's indirect effects under both estimands."""
    clauses = []
    for level in levels(report.results):
        rows = indirects(report.results, model, level)
        starts = [f"from {name(row['predictor'])}, " if len(rows) > 1 else "" for row in rows]
        effects = [f"{start}{indirect_clause(report, row)}" for start, row in zip(starts, rows, strict=True)]
        text = "; ".join(effects) or "the indirect effect was not estimated"
        clauses.append(f"{ESTIMAND_WORDS[level]}, {text}")
    given = f", {as_covariates(report, [model])[0]}" if report.models[model].covariates else ""
    paths = f"{escape(chain(report, model))}{given}"
    figure = report.see(f"fig-path_{model}")
    return f"For {model_words(report, model)} ({paths}): {'; '.join(clauses)}{figure}."


def path_figures(report: Report) -> str:
    """The places of the figures of the main models that the article does not show."""
    key = key_models(report.models).values() if "fig-paths" in report.items else ()
    return "".join(
        report.place(f"fig-path_{model}") for model in main_models(report.models).values() if model not in key
    )


def own_figures(report: Report) -> str:
    """The places of the figures of the run's own models."""
    models = own_models(report.results, report.models)
    return "".join(report.place(f"fig-path_{model}") for model in models) if len(models) <= MANY else ""


SENTENCES = (own, path_figures, own_figures)
