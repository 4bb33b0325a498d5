"""A model's columns out of the scores: numbers as they are, categories as indicators, products with the moderator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fortems.errors import DataError, Problem
from fortems.mediation.system import CannotFit, Condition, System, check_collinear, product
from fortems.stats.arrays import Array
from fortems.stats.clusters import varies
from fortems.study.models import MediationModel, unknown_columns


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
    frame = pd.DataFrame({name: _numeric(model, scores, name) for name in model.chain})
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
    auxiliary: tuple[str, ...] = ()
    if frame.isna().any(axis=None):
        auxiliary = tuple(name for name in model.auxiliary if scores[name].nunique() > 1)
        for name in auxiliary:
            frame[name] = _numeric(model, scores, name)
    cluster = scores["therapist"] if "therapist" in scores else pd.Series(np.arange(len(scores)))
    system = System(model, frame, cluster.to_numpy(str), covariates, moderators, conditions, auxiliary)
    _check_carries(system)
    return system


def _check_carries(system: System) -> None:
    n, columns = int(system.complete.sum()), len(system.columns)
    if n < columns + 2:
        raise CannotFit(f"{n} complete rows for {columns} columns")
    values = system.frame.loc[system.complete, list(system.columns)].to_numpy(float)
    constant = [name for name, column in zip(system.columns, values.T, strict=True) if not varies(column)]
    if constant:
        raise CannotFit(f"among complete rows {', '.join(constant)} does not vary")
    check_collinear(np.corrcoef(values.T), system.columns, "among complete rows")


def _is_numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _numeric(model: MediationModel, scores: pd.DataFrame, name: str) -> Array:
    column = scores[name]
    where = f"models: {model.name}"
    if not _is_numeric(column):
        raise DataError(Problem(where, f"{name!r} is not numeric", "a numeric column", column=name))
    values = column.to_numpy(float, na_value=np.nan)
    if not varies(values[~np.isnan(values)]):
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
