"""From a model and the scores to equations and columns: indicators, products, complete rows.

An equation is a dependent variable and the columns on its right side. Slopes are keyed (dependent, column).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fortems.errors import DataError, Problem
from fortems.mediation.models import MediationModel, unknown_columns

Array = NDArray[np.float64]
COLLINEAR = 1e-9  # smallest eigenvalue of the columns' correlations that still counts as independent
Key = tuple[str, str]


class CannotFit(Exception):
    """These data cannot carry this model; the reason is for ``fit.csv``, and the other models go on."""


@dataclass(frozen=True)
class Condition:
    """A value of the moderator.

    Attributes
    ----------
    at : str
        As ``effects.csv`` shows it; empty without a moderator.
    weights : dict
        Moderator column → its value there, as a deviation from what that column is centred at.
    """

    at: str = ""
    weights: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """Columns and equations of one model.

    Attributes
    ----------
    model : MediationModel
    frame : DataFrame
        Numeric columns of the model, rows as in the scores; missing values are kept.
    cluster : ndarray (N,) of str
        Therapist of each row.
    covariates : tuple of str
        Columns that stand for the covariates (indicators for categories).
    moderators : tuple of str
        Columns that stand for the moderator.
    conditions : tuple of Condition
        One without a moderator; else mean and mean ± 1 SD, or each category.
    """

    model: MediationModel
    frame: pd.DataFrame
    cluster: NDArray[np.str_]
    covariates: tuple[str, ...]
    moderators: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @cached_property
    def predictor_products(self) -> tuple[str, ...]:
        """Columns predictor x moderator."""
        return tuple(product(name, w) for name in self.model.predictors for w in self.moderators)

    @cached_property
    def mediator_products(self) -> tuple[str, ...]:
        """Columns mediator x moderator."""
        return tuple(product(name, w) for name in self.model.mediators for w in self.moderators)

    @cached_property
    def exogenous(self) -> tuple[str, ...]:
        """Columns that no equation explains."""
        return (*self.model.predictors, *self.predictor_products, *self.moderators, *self.covariates)

    @cached_property
    def direct_columns(self) -> tuple[str, ...]:
        """Columns of the direct path, which full mediation fixes to 0."""
        return (*self.model.predictors, *self.predictor_products)

    def equations(self, variant: str = "partial") -> dict[str, tuple[str, ...]]:
        """Return dependent → right side: mediators, their products, and the outcome last.

        Products of mediators get equations of their own, so that the joint likelihood of all columns leaves
        the outcome's equation what it is in regression.
        """
        first: dict[str, tuple[str, ...]] = {
            name: self.exogenous for name in (*self.model.mediators, *self.mediator_products)
        }
        dropped = self.direct_columns if variant == "full" else ()
        kept = tuple(name for name in self.exogenous if name not in dropped)
        outcome = (*self.model.mediators, *self.mediator_products, *kept)
        return {**first, self.model.outcome: outcome}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """All numeric columns, exogenous first, the outcome last."""
        return (*self.exogenous, *self.model.mediators, *self.mediator_products, self.model.outcome)

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Rows without a missing value in any column."""
        return np.asarray(self.frame[list(self.columns)].notna().to_numpy().all(axis=1))

    @property
    def n_missing(self) -> int:
        """Rows that listwise deletion leaves out."""
        return int((~self.complete).sum())

    def complete_values(self) -> tuple[Array, NDArray[np.int64], int]:
        """Return complete rows (n, columns), their cluster codes 0 … J − 1, and J."""
        values = self.frame.loc[self.complete, list(self.columns)].to_numpy(float)
        labels, codes = np.unique(self.cluster[self.complete], return_inverse=True)
        return values, codes.astype(np.int64), len(labels)

    def position(self, name: str) -> int:
        """Return the place of a column in ``columns``."""
        return self.columns.index(name)

    def keys(self) -> tuple[Key, ...]:
        """Return the slopes of the partial model that effects are made of, by equation."""
        return tuple((dependent, column) for dependent, right in self.equations().items() for column in right)


def product(name: str, moderator: str) -> str:
    """Return the column name of a product."""
    return f"{name}_x_{moderator}"


def build(model: MediationModel, scores: pd.DataFrame) -> System:
    """Make the columns and equations of a model from the scores.

    Parameters
    ----------
    model : MediationModel
    scores : DataFrame
        The contract's scores table, with ``therapist`` where there is one.

    Returns
    -------
    System

    Raises
    ------
    DataError
        When a column is missing, or not numeric where it must be.
    CannotFit
        When a column does not vary, a category has one value, complete rows are too few, or columns are exactly
        collinear among them.
    """
    problems = unknown_columns([model], list(scores.columns))
    if problems:
        raise DataError(problems)
    numeric = (*model.predictors, *model.mediators, model.outcome)
    frame = pd.DataFrame({name: _numeric(model, scores, name) for name in numeric})
    covariates = _add_background(model, scores, model.covariates, frame)
    moderators: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = (Condition(),)
    if model.moderator:
        moderators = _add_background(model, scores, (model.moderator,), frame)
        conditions = _conditions(model.moderator, scores, frame, moderators)
        if _is_numeric(scores[model.moderator]):
            frame[moderators[0]] = frame[moderators[0]] - frame[moderators[0]].mean()
        for name in (*model.predictors, *model.mediators):
            centred = frame[name] - frame[name].mean()
            for w in moderators:
                frame[product(name, w)] = centred * frame[w]
    cluster = scores["therapist"] if "therapist" in scores else pd.Series(np.arange(len(scores)))
    system = System(model, frame, cluster.to_numpy(str), covariates, moderators, conditions)
    _check_carries(system)
    return system


def _check_carries(system: System) -> None:
    n, columns = int(system.complete.sum()), len(system.columns)
    if n < columns + 2:
        raise CannotFit(f"{n} complete rows for {columns} columns")
    values = system.frame.loc[system.complete, list(system.columns)].to_numpy(float)
    spread = values.std(axis=0)
    constant = [name for name, sd in zip(system.columns, spread, strict=True) if not sd > 0]
    if constant:
        raise CannotFit(f"among complete rows {', '.join(constant)} does not vary")
    if np.linalg.eigvalsh(np.corrcoef(values.T))[0] < COLLINEAR:
        raise CannotFit("among complete rows the columns are exactly collinear")


def within_deviations(system: System) -> Array:
    """Return complete rows (n, columns) as deviations from their therapists' means.

    A product is that of the deviation with the moderator, itself centred: the product of the undivided score would
    mix in what the moderator does to differences between therapists, which centring the product does not undo.
    """
    values, cluster, n_clusters = system.complete_values()
    sizes = np.bincount(cluster, minlength=n_clusters)

    def centred(column: Array) -> Array:
        return column - (np.bincount(cluster, column, n_clusters) / sizes)[cluster]

    found = np.stack([centred(column) for column in values.T], axis=1)
    for name in (*system.model.predictors, *system.model.mediators):
        for w in system.moderators:
            moderated = found[:, system.position(name)] * values[:, system.position(w)]
            found[:, system.position(product(name, w))] = centred(moderated)
    return found


def check_within(system: System) -> None:
    """Refuse what cannot be fitted within therapists, for the engines that split the levels.

    Raises
    ------
    CannotFit
        When among complete rows a column does not vary within any therapist (a rare category may not), or
        columns are exactly collinear there.
    """
    values, _, _ = system.complete_values()
    deviations = within_deviations(system)
    squares = (deviations**2).sum(axis=0)
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)
    names = zip(system.columns, squares, total, strict=True)
    constant = [name for name, inside, all_of_it in names if inside <= COLLINEAR * all_of_it]
    if constant:
        raise CannotFit(f"{', '.join(constant)} does not vary within therapists")
    scale = np.sqrt(squares)
    if np.linalg.eigvalsh(deviations.T @ deviations / np.outer(scale, scale))[0] < COLLINEAR:
        raise CannotFit("within therapists the columns are exactly collinear")


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numeric(model: MediationModel, scores: pd.DataFrame, name: str) -> Array:
    column = scores[name]
    where = f"models: {model.name}"
    if not _is_numeric(column):
        raise DataError(Problem(where, f"{name!r} is not numeric", "a numeric column", column=name))
    values = column.to_numpy(float, na_value=np.nan)
    if np.isnan(values).all() or not np.nanstd(values) > 0:
        raise CannotFit(f"{name} does not vary")
    return values


def _add_background(
    model: MediationModel, scores: pd.DataFrame, names: Sequence[str], frame: pd.DataFrame
) -> tuple[str, ...]:
    """Add covariates or a moderator to the frame: numbers as they are, categories as indicators."""
    added = []
    for name in names:
        column = scores[name]
        if _is_numeric(column):
            frame[name] = _numeric(model, scores, name)
            added.append(name)
            continue
        reference, *others = categories(column)
        if not others:
            raise CannotFit(f"{name} has one value, {reference}")
        for value in others:
            frame[f"{name}_{value}"] = np.where(column.isna(), np.nan, (column == value).astype(float))
            added.append(f"{name}_{value}")
    return tuple(added)


def categories(column: pd.Series) -> list[str]:
    """Return the categories of a column, the most frequent (the reference) first, then by name."""
    counts = column.dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda value: (-counts[value], value))
    if not order:
        raise CannotFit(f"{column.name} is empty")
    return order[:1] + sorted(order[1:])


def _conditions(
    name: str, scores: pd.DataFrame, frame: pd.DataFrame, columns: tuple[str, ...]
) -> tuple[Condition, ...]:
    if _is_numeric(scores[name]):
        mean, sd = float(frame[name].mean()), float(frame[name].std(ddof=1))
        return tuple(Condition(f"{mean + step * sd:.4g}", {name: step * sd}) for step in (-1, 0, 1))
    values = categories(scores[name])
    return tuple(
        Condition(value, {column: float(column == f"{name}_{value}") for column in columns})
        for value in values
    )
