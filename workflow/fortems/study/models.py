"""Mediation models as data: read from YAML, checked, and grouped where they cannot be told apart.

A model: predictors x → mediators m → outcome y, with direct paths x → y, covariates in every equation, and,
where there is a moderator w, products of w with every predictor and mediator.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.schema import load_checked
from fortems.study.definition import IDENTIFIERS, study

SERIAL = 2  # mediators one behind the other


#: Kinds of models that take measurement error into account.
ACCOUNTED = ("latent", "corrected")


@dataclass(frozen=True)
class MediationModel:
    """One mediation model.

    Attributes
    ----------
    name : str
    predictors, mediators : tuple of str
    outcome : str
    covariates : tuple of str
        In every equation; a category enters as indicators against its most frequent value.
    covariate_level : str
        ``both`` (default: split into within and between parts as all else; one that is constant within therapists has
        a between part only) or ``within``: without differences between therapists' means, which conflates the levels
        where these differ.
    between : str
        ``saturated`` (default) or ``structured``: the same paths among therapists' parts.
    moderator : str or None
        Moderates every path.
    measurement : str
        ``observed``, ``latent`` or ``corrected``; the last two go to ``measurement.csv``.
    auxiliary : tuple of str
        Columns that are no part of the model and help with its missing values; unused where no row is incomplete.
    serial : bool
        Whether the mediators stand one behind the other, each explained by those before it, instead of side by side.
    """

    name: str
    predictors: tuple[str, ...]
    mediators: tuple[str, ...]
    outcome: str
    covariates: tuple[str, ...] = ()
    covariate_level: str = "both"
    between: str = "saturated"
    moderator: str | None = None
    measurement: str = "observed"
    auxiliary: tuple[str, ...] = ()
    serial: bool = False

    @property
    def routes(self) -> tuple[tuple[str, ...], ...]:
        """The mediators of each indirect effect: one, or of serial mediators any of them in their order."""
        longest = len(self.mediators) if self.serial else 1
        return tuple(route for size in range(1, longest + 1) for route in combinations(self.mediators, size))

    @property
    def variables(self) -> tuple[str, ...]:
        """Every column that the model names, each once: predictors, mediators, outcome, covariates, moderator, auxiliary."""
        moderator = (self.moderator,) if self.moderator else ()
        return tuple(dict.fromkeys((*self.chain, *self.covariates, *moderator, *self.auxiliary)))

    @property
    def chain(self) -> tuple[str, ...]:
        """The variables of the paths, in causal order."""
        return (*self.predictors, *self.mediators, self.outcome)

    def named(self) -> dict[str, Any]:
        """Return the columns of a result that name a model of one predictor and one mediator, and its variables."""
        predictor, mediator, outcome = self.chain
        return {"model": self.name, "predictor": predictor, "mediator": mediator, "outcome": outcome}


def load_models(
    path: str | os.PathLike[str],
    columns: Collection[str] | None = None,
    scales: Collection[str] | None = None,
) -> dict[str, MediationModel]:
    """Read a file of mediation models.

    Parameters
    ----------
    path : path
        YAML: name → keys of DESIGN's contract ("A model").
    columns : collection of str, optional
        Columns that the scores have; names outside them are refused. None checks the form only.
    scales : collection of str, optional
        Scores that the run's instruments make; a latent or corrected model of others is refused. None does not ask.

    Returns
    -------
    dict
        In the order of the file.

    Raises
    ------
    ConfigError
        Listing every unknown key or variable (the nearest one named) and every contradiction in a model, and where
        all models correct for measurement error, so that none is left for the tables of effects and verdicts.
    """
    where = os.fspath(path)
    raw = load_checked(path, "models")
    models = models_of(raw)
    problems = _same_names(raw, where)
    problems += [problem for model in models.values() for problem in _contradictions(model, where, scales)]
    if columns is not None:
        problems += unknown_columns(models.values(), columns, where)
    if all(model.measurement != "observed" for model in models.values()):
        problems.append(
            Problem(
                where,
                "no model takes the scores as observed, so that there are no effects to judge",
                "at least one model with `measurement: observed`, which is the default",
                "Add each model a second time without `measurement`.",
            )
        )
    if problems:
        raise ConfigError(problems)
    return models


def _same_names(entries: Mapping[str, Mapping[str, Any]], where: str) -> list[Problem]:
    """List models whose names would be those of another model's outcomes."""
    names = [(str(entry), name) for entry in entries for name in one_outcome_each({entry: entries[entry]})]
    made = [name for _, name in names]
    return [
        Problem(f"{where}: {entry}", f"its model {name!r} has the name of another", "a name of its own")
        for entry, name in names
        if entry != name and made.count(name) > 1
    ]


def unknown_columns(
    models: Iterable[MediationModel], columns: Collection[str], where: str = "models"
) -> list[Problem]:
    """List the variables that models name and the scores do not have, the nearest column named."""
    found = []
    for model in models:
        for name in model.variables:
            if name not in columns:
                found.append(
                    Problem(
                        f"{where}: {model.name}",
                        f"there is no variable {name!r}",
                        ", ".join(map(str, columns)),
                        did_you_mean(name, columns),
                        column=name,
                    )
                )
    return found


def _names(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]


def models_of(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, MediationModel]:
    """Return the models of a file's entries, which its schema has allowed; several outcomes are a model each."""
    return {name: _model(name, entry) for name, entry in one_outcome_each(entries).items()}


def one_outcome_each(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the entries of a models file with one outcome each; one of several is ``<name>_<outcome>`` for each."""
    return {
        f"{name}_{outcome}" if len(outcomes) > 1 else str(name): {**entry, "outcome": outcome}
        for name, entry in entries.items()
        for outcomes in [_names(entry["outcome"])]
        for outcome in outcomes
    }


def _model(name: str, entry: Mapping[str, Any]) -> MediationModel:
    return MediationModel(
        name=name,
        predictors=_names(entry["predictor"]),
        mediators=_names(entry["mediator"]),
        outcome=entry["outcome"],
        covariates=_names(entry.get("covariates")),
        covariate_level=entry.get("covariate_level", "both"),
        between=entry.get("between", "saturated"),
        moderator=entry.get("moderator"),
        measurement=entry.get("measurement", "observed"),
        auxiliary=_names(entry.get("auxiliary")),
        serial=entry.get("serial", False),
    )


def _contradictions(model: MediationModel, where: str, scales: Collection[str] | None) -> list[Problem]:
    place = f"{where}: {model.name}"
    found = []
    moderator = (model.moderator,) if model.moderator else ()
    roles = (*model.chain, *model.covariates, *model.auxiliary, *moderator)
    for name in sorted({name for name in roles if roles.count(name) > 1}):
        found.append(Problem(place, f"{name!r} has two roles", "each variable in one role", column=name))
    for name in IDENTIFIERS:
        if name in roles:
            found.append(
                Problem(place, f"{name!r} is an identifier", "a variable of the scores", column=name)
            )
    for name in (*model.chain, *model.auxiliary):
        if name in study().categories:
            found.append(Problem(place, f"{name!r} is a category", "a numeric variable", column=name))
    found += _sums(model, place) + _one_behind_the_other(model, place)
    if model.measurement != "observed":
        found += _measured(model, place, scales)
    return found


def _one_behind_the_other(model: MediationModel, place: str) -> list[Problem]:
    if not model.serial:
        return []
    found = []
    if len(model.mediators) != SERIAL:
        found.append(Problem(place, f"serial with {len(model.mediators)} mediator(s)", f"a list of {SERIAL}"))
    if model.moderator:
        found.append(Problem(place, "serial mediators with a moderator", "no moderator"))
    return found


def _sums(model: MediationModel, place: str) -> list[Problem]:
    """A total beside all its parts is their exact sum; beside some of them it holds them twice."""
    found = []
    for total, its in study().totals.items():
        parts = set(its)
        present = parts & set(model.variables)
        if total in model.variables and (present == parts or (present and model.measurement == "corrected")):
            what = f"{total!r} contains {', '.join(sorted(present))}"
            found.append(Problem(place, what, "a total or its parts", f"Leave out {total} or its parts"))
    return found


def _measured(model: MediationModel, place: str, scales: Collection[str] | None) -> list[Problem]:
    found = []
    key = f"measurement: {model.measurement}"
    if len(model.predictors) > 1 or len(model.mediators) > 1:
        found.append(Problem(place, f"{key} with several predictors or mediators", "one of each"))
    if model.moderator:
        found.append(Problem(place, f"{key} with a moderator", "no moderator"))
    if model.covariates:
        found.append(Problem(place, f"{key} with covariates", "no covariates"))
    if model.auxiliary:
        found.append(Problem(place, f"{key} with auxiliary variables", "no auxiliary variables"))
    for name in model.chain:
        if scales is not None and name not in scales:
            what = f"{key} of {name!r}, which no instrument of this run scores"
            found.append(Problem(place, what, ", ".join(scales), did_you_mean(name, scales)))
    return found


def edges(model: MediationModel, variant: str) -> tuple[tuple[str, ...], frozenset[tuple[str, str]]]:
    """Return a model's variables in causal order and its directed edges, as one acyclic graph.

    Exogenous variables, and the residuals of parallel mediators, covary freely; directing those edges along
    the order changes no implied covariance.

    Parameters
    ----------
    model : MediationModel
    variant : str
        ``partial`` or ``full`` (no direct path).
    """
    exogenous = (*model.predictors, *model.covariates)
    order = (*exogenous, *model.mediators, model.outcome)
    all_edges = set(combinations(order, 2))
    if variant == "full":
        all_edges -= {(predictor, model.outcome) for predictor in model.predictors}
    return order, frozenset(all_edges)


def _signature(model: MediationModel, variant: str) -> tuple[object, ...] | None:
    """What decides the implied covariance: skeleton and colliders (Verma & Pearl, 1990).

    None for models whose covariance does not follow from such a graph of observed scores.
    """
    if model.moderator or model.measurement != "observed":
        return None
    order, directed = edges(model, variant)
    skeleton = frozenset(frozenset(edge) for edge in directed)
    colliders = frozenset(
        (child, frozenset((first, second)))
        for child in order
        for first, second in combinations([a for a, b in directed if b == child], 2)
        if frozenset((first, second)) not in skeleton
    )
    # Saturated between parts fit whatever a complete structure there does: the two differ in "full" only.
    between = model.between if variant == "full" else "saturated"
    within_only = frozenset(model.covariates) if model.covariate_level == "within" else frozenset()
    directed_between = (skeleton, colliders) if between == "structured" else ()
    return frozenset(order), skeleton, colliders, within_only, directed_between


def equivalent_models(models: Mapping[str, MediationModel], variant: str) -> dict[str, tuple[str, ...]]:
    """Return, for each model, the others that imply the same covariances: no data can choose between them.

    Parameters
    ----------
    models : mapping
    variant : str
        ``partial`` or ``full``.
    """
    signatures = {name: _signature(model, variant) for name, model in models.items()}
    return {
        name: tuple(
            other for other, its in signatures.items() if other != name and mine is not None and its == mine
        )
        for name, mine in signatures.items()
    }
