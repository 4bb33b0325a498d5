"""Whether models can be estimated from the scores of an export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from fortems.data.findings import Finding
from fortems.data.mapping import Mapped
from fortems.errors import did_you_mean
from fortems.study.models import MediationModel


def unknown_variables(
    models: Mapping[str, MediationModel],
    available: Sequence[str],
    columns: Sequence[str],
    likely: Mapping[str, str] | None = None,
) -> list[Finding]:
    """Variables that models name and the data do not have, each once; ``likely`` says where one may come from."""
    namers: dict[str, list[str]] = {}
    for name, model in models.items():
        for variable in model.variables:
            if variable not in available:
                namers.setdefault(variable, []).append(name)
    problems = []
    for variable, names in namers.items():
        who = (
            f"the model {names[0]} names" if len(names) == 1 else f"{len(names)} models ({names[0]}, …) name"
        )
        others = [column for column in (*available, *columns) if column != variable]
        what = "which the data do not have"
        hint = did_you_mean(variable, others, "Map a column to it, or leave these models out")
        if likely and variable in likely:
            hint = likely[variable]
        elif variable in columns:
            what, hint = (
                "a column of the file that is no score or background variable",
                "Name the score that it is part of",
            )
        problems.append(Finding(f"{who} {variable!r}, {what}", "", allowed=", ".join(available), hint=hint))
    return problems


def check_models(scores: pd.DataFrame, models: Mapping[str, MediationModel]) -> list[Finding]:
    """List what keeps models from being estimated from the scores of the included clients."""
    numeric = {name for m in models.values() for name in m.chain}
    problems = []
    wanted = {variable: name for name, m in reversed(list(models.items())) for variable in m.variables}
    for variable in (v for v in scores.columns if v in wanted):
        answered = scores[variable].dropna()
        if answered.empty:
            what = f"{variable} is missing for every client, and the model {wanted[variable]} needs it"
            problems.append(Finding(what, variable, allowed="a score or value for some clients at least"))
        elif answered.nunique() == 1 and variable in numeric:
            what = (
                f"{variable} is the same for every client, and the model {wanted[variable]} needs it to vary"
            )
            problems.append(Finding(what, variable, allowed="a variable that differs between clients"))
    return problems


def unvarying_covariates(
    scores: pd.DataFrame, models: Mapping[str, MediationModel]
) -> tuple[list[Finding], list[Finding]]:
    """Covariates and moderators with one value: their models cannot be fitted.

    Returns
    -------
    problems, oddities : list of Finding
        A problem where no model is left.
    """
    users: dict[str, list[str]] = {}
    for name, model in models.items():
        for variable in {*model.covariates, *((model.moderator,) if model.moderator else ())}:
            if variable in scores and scores[variable].nunique() == 1:
                users.setdefault(variable, []).append(name)
    found = []
    for variable, names in users.items():
        blank = int(scores[variable].isna().sum())
        what = f"{variable} has one value, so that the model {', '.join(names)} cannot be fitted with it"
        hint = "Take it out of the model"
        if blank:
            hint = f"It is blank for the other clients: if blank means no, write no in the file; else {hint[0].lower()}{hint[1:]}"
        found.append(
            Finding(
                what, variable, allowed="a variable that differs between clients", hint=hint, kind="one value"
            )
        )
    left = set(models) - {name for names in users.values() for name in names}
    return ([], found) if left or not found else (found, [])


def of_two_values(mapped: Mapped, models: Mapping[str, MediationModel]) -> list[Finding]:
    """Outcomes and mediators with two values: their models are linear, which is to be said."""
    found = []
    explained = {name: m.name for m in models.values() for name in (*m.mediators, m.outcome)}
    for name, model in explained.items():
        if name in mapped.frame and mapped.frame[name].nunique() == 2:
            low, high = mapped.frame[name].min(), mapped.frame[name].max()
            times = "" if high - low == 1 else f" times {high - low:.10g}; code it 0 and 1"
            what = f"has two values, and the model {model} is linear: its slopes are differences in probability{times}"
            hint = "Read them so (a linear probability model); the standard errors that count are robust"
            found.append(Finding(what, mapped.naming.sources[name], hint=hint, kind="two values"))
    return found


def n_parameters(model: MediationModel, levels: Mapping[str, int], two_level: bool) -> int:
    """Count a model's parameters: intercepts, slopes and residual variances of its equations, and with two
    levels the covariances of therapists' parts.

    Parameters
    ----------
    model : MediationModel
    levels : mapping
        Category → number of its values; a category enters as one indicator fewer.
    two_level : bool
    """

    def width(names: Sequence[str]) -> int:
        return sum(max(levels.get(name, 2) - 1, 1) for name in names)

    moderated = 2 if model.moderator else 1
    own = width((model.moderator,)) if model.moderator else 0
    exogenous = moderated * len(model.predictors) + width(model.covariates) + own
    mediators = len(model.mediators) * (exogenous + 2)
    mediators += len(model.mediators) * (len(model.mediators) - 1) // 2 if model.serial else 0
    outcome = exogenous + moderated * len(model.mediators) + 2
    split = len(model.predictors) + len(model.mediators) + 1
    return mediators + outcome + (split * (split + 1) // 2 if two_level else 0)


def fewer_than_parameters(
    scores: pd.DataFrame, models: Mapping[str, MediationModel], categories: Sequence[str], two_level: bool
) -> list[Finding]:
    """Models of which fewer clients have all variables than there are parameters (``n_parameters``)."""
    levels = {name: int(scores[name].nunique()) for name in categories if name in scores}
    problems = []
    for name, model in models.items():
        n = int(scores[list(model.variables)].notna().all(axis=1).sum())
        needed = n_parameters(model, levels, two_level)
        if n < needed:
            what = f"{n} clients have all variables of the model {name}, which has {needed} parameters"
            hint = "Leave the model out, or gather more clients"
            problems.append(Finding(what, allowed="no fewer clients than parameters", hint=hint))
    return problems
