"""Models with covariates and with moderators: which there are, and what becomes of the indirect effect."""

from __future__ import annotations

from fortems.presentation.choice import fitted_models, levels
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.mediation import LEAVES_OUT
from fortems.report.text.study import in_how_many
from fortems.report.text.words import clear, joined, name, plural
from fortems.study.definition import study


def covariates(report: Report) -> str:
    """With age and gender as covariates; as moderators."""
    fitted = fitted_models(report.results, report.models)
    adjusted = [model for model, entry in fitted.items() if entry.covariates]
    parts = [with_covariates(report, adjusted, report.see("fig-indirect"))]
    beside_outcome = [claim for claim, its in report.results.claims.items() if its.statistic == "covariates"]
    claims = [row for row in report.results.rows("claims.csv", claim=beside_outcome, judged=True)]
    background = [name(variable) for variable in study().background]
    beside, none = listed(background), f"None of {listed(background)}, each given the others"
    if len(background) == 2:
        none = f"Neither {' nor '.join(background)}, each given the other"
    significant = [row for row in claims if row["verdict"] == "not reproduced"]
    weak = [row for row in claims if row["verdict"] == "consistent (weak)"]
    if significant:
        parts.append(
            f"That {beside} do not influence {name(study().outcome)} is not reproduced: at least one of them is significant."
        )
    elif weak:
        parts.append(
            f"{none}, is a significant predictor of {name(study().outcome)}, which agrees with the {study().work} but is weak support "
            "for no influence."
        )
    moderated = report.results.rows("mediation/derived.csv", "ci_low", quantity="moderated_mediation")
    if moderated:
        shown = [row for row in moderated if clear(row)]
        across = listed(
            escape(study().variable(moderator).plural)
            for moderator in moderators(report, [row["model"] for row in moderated])
        )
        if len(moderated) == 1:
            parts.append(
                f"The interval of the difference of the indirect effect across {across} {LEAVES_OUT[bool(shown)]}."
            )
        else:
            number = report.bind.rows(shown, "estimate") if shown else "none"
            parts.append(
                f"Of {report.bind.rows(moderated, 'estimate')} comparisons of the indirect effect across {across} "
                f"{number} {plural(max(len(shown), 1), 'has', 'have')} an interval that leaves out zero."
            )
    return joined(parts)


def covariate_sets(report: Report, models: list[str]) -> dict[str, list[str]]:
    """Models by what they have as covariates, so that no sentence counts unlike models together.

    Parameters
    ----------
    report : Report
        The report.
    models : list of str
        Models with covariates.

    Returns
    -------
    dict of str to list of str
        ``age and gender as covariates`` or ``age alone as a covariate`` → the models with these and no others.
    """
    sets: dict[tuple[frozenset[str], bool], list[str]] = {}
    for model in models:
        entry = report.models[model]
        within = entry.covariate_level == "within" and "within" in levels(report.results)
        sets.setdefault((frozenset(entry.covariates), within), []).append(model)
    found = {}
    for (variables, within), its in sets.items():
        alone = " alone" if any(variables < other for other, _ in sets) else ""
        noun = "a covariate" if len(variables) == 1 else "covariates"
        split = " (in two-level models within therapists only)" if within else ""
        whole = listed(name(variable) for variable in dict.fromkeys(report.models[its[0]].covariates))
        found[f"{whole}{alone} as {noun}{split}"] = its
    return found


def as_covariates(report: Report, models: list[str]) -> list[str]:
    """What these models have as covariates, a set a text: ``with age and gender as covariates``."""
    return [f"with {words}" for words in covariate_sets(report, models)]


def with_covariates(report: Report, models: list[str], place: str = "") -> str:
    """In how many models the indirect effect is shown, a sentence for each set of covariates; ``place`` ends the last."""
    parts = []
    for words, its in covariate_sets(report, models).items():
        if len(its) == 1 and (text := in_how_many(report, its, one="")):
            whose = listed(name(variable) for variable in report.models[its[0]].predictors)
            parts.append(
                f"In the one model with {words}, that of {whose}, the interval of the indirect effect {text}"
            )
        elif text := in_how_many(report, its):
            parts.append(f"With {words} the interval of the indirect effect {text}")
    return f"{'. '.join(parts)}{place}." if parts else ""


def moderators(report: Report, models: list[str]) -> list[str]:
    """The moderators of these models."""
    found = (report.models[model].moderator for model in models if model in report.models)
    return list(dict.fromkeys(moderator for moderator in found if moderator))


def covariates_title(report: Report) -> str:
    """The heading of the section on covariates and moderators."""
    found = {
        variable
        for entry in fitted_models(report.results, report.models).values()
        for variable in (*entry.covariates, entry.moderator)
        if variable
    }
    return "Age and Gender" if found <= {"age", "gender"} else "Covariates and Moderators"


SENTENCES = (covariates, covariates_title)
