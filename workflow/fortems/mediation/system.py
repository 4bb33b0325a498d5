"""A model as equations and columns: which have parts within and between, complete rows, deviations within therapists.

An equation is a dependent variable and the columns on its right side. Slopes are keyed (dependent, column).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.clusters import WITHIN_SHARE, varies_within
from fortems.study.models import MediationModel

COLLINEAR = 1e-8  # smallest eigenvalue of the columns' correlations that still counts as independent
SHARE = 1e-4  # weight of a column in that eigenvector, above which it has a part in the combination
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
    auxiliary : tuple of str
        Columns of the frame that are in no equation and join the likelihood of incomplete rows.
    """

    model: MediationModel
    frame: pd.DataFrame
    cluster: NDArray[np.str_]
    covariates: tuple[str, ...]
    moderators: tuple[str, ...]
    conditions: tuple[Condition, ...]
    auxiliary: tuple[str, ...] = ()

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

    @cached_property
    def between_only(self) -> tuple[str, ...]:
        """Columns that are constant within every therapist, as far as their values are known: no part within.

        Products are not asked: they have no part between.
        """
        products = (*self.predictor_products, *self.mediator_products)
        return tuple(name for name in self.columns if name not in products and self._is_between_only(name))

    def _is_between_only(self, name: str) -> bool:
        known = self.frame[name].notna().to_numpy()
        repeated = int(known.sum()) > len(np.unique(self.cluster[known]))
        return repeated and not self.varies_within(name)

    def varies_within(self, name: str) -> bool:
        """Return whether a column varies within any therapist, as far as its values are known."""
        known = self.frame[name].notna().to_numpy()
        codes = np.unique(self.cluster[known], return_inverse=True)[1]
        return varies_within(self.frame[name].to_numpy(float)[known], codes)

    @cached_property
    def within_only(self) -> tuple[str, ...]:
        """Columns without a part between: products, the moderator, and covariates where ``within`` is asked for.

        A column that is constant within therapists has a part between in any case, since it has no other.
        """
        covariates = self.covariates if self.model.covariate_level == "within" else ()
        named = tuple(name for name in (*covariates, *self.moderators) if name not in self.between_only)
        return (*named, *self.predictor_products, *self.mediator_products)

    def has_part(self, name: str, level: str) -> bool:
        """Return whether a column has a part at a level: ``within`` or ``between`` therapists, or ``single``."""
        return name not in {"within": self.between_only, "between": self.within_only}.get(level, ())

    @property
    def carries_within(self) -> bool:
        """Whether a predictor, a mediator and the outcome have parts within therapists: an indirect effect there."""
        model = self.model
        return self.has_part(model.outcome, "within") and all(
            any(self.has_part(name, "within") for name in names)
            for names in (model.predictors, model.mediators)
        )

    @property
    def binary_note(self) -> str:
        """Which of the explained variables have two values only, and what their slopes are then."""
        explained = (*self.model.mediators, self.model.outcome)
        found = [name for name in explained if self.frame[name].nunique() == 2]
        if not found:
            return ""
        note = f"{', '.join(found)} has two values: slopes are differences in probability"
        spans = [float(self.frame[name].max() - self.frame[name].min()) for name in found]
        others = [f"{s:.10g} for {name}" for name, s in zip(found, spans, strict=True) if s != 1]
        return f"{note} times {', '.join(others)}" if others else note

    @property
    def constant_note(self) -> str:
        """Which columns have no part within therapists, and whether the model lacks its indirect effect for it."""
        if not self.between_only:
            return ""
        lacks = "" if self.carries_within else ", and no indirect effect there"
        return f"{', '.join(self.between_only)} does not vary within therapists: no part within{lacks}"

    def equations(self, variant: str = "partial", level: str = "single") -> dict[str, tuple[str, ...]]:
        """Return dependent → right side: mediators, their products, and the outcome last.

        Products of mediators get equations of their own, so that the joint likelihood of all columns leaves
        the outcome's equation what it is in regression. At the levels ``within`` and ``between`` columns without a
        part there are left out.
        """
        return {
            dependent: tuple(name for name in right if self.has_part(name, level))
            for dependent, right in self._all_equations(variant).items()
            if self.has_part(dependent, level)
        }

    def _all_equations(self, variant: str) -> dict[str, tuple[str, ...]]:
        first: dict[str, tuple[str, ...]] = {
            name: self.exogenous for name in (*self.model.mediators, *self.mediator_products)
        }
        if self.model.serial:
            first = {
                name: (*self.exogenous, *self.model.mediators[:place])
                for place, name in enumerate(self.model.mediators)
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
    def complete(self) -> Bools:
        """Rows without a missing value in any column."""
        return np.asarray(self.frame[list(self.columns)].notna().to_numpy().all(axis=1))

    @cached_property
    def some(self) -> Bools:
        """Rows with a value in any column."""
        return np.asarray(self.frame[list(self.columns)].notna().to_numpy().any(axis=1))

    @property
    def n_missing(self) -> int:
        """Incomplete rows that have at least one value."""
        return int((~self.complete & self.some).sum())

    def known_values(self) -> tuple[Array, Ints, int]:
        """Return rows with any value (n, columns and auxiliary ones), NaN where missing, their cluster codes, and J."""
        values = self.frame.loc[self.some, [*self.columns, *self.auxiliary]].to_numpy(float)
        labels, codes = np.unique(self.cluster[self.some], return_inverse=True)
        return values, codes.astype(np.int64), len(labels)

    @property
    def restricted_covariates(self) -> tuple[str, ...]:
        """Covariates that are denied a part between: a restriction that the data can reject."""
        return tuple(name for name in self.covariates if name in self.within_only)

    def complete_values(self) -> tuple[Array, Ints, int]:
        """Return complete rows (n, columns), their cluster codes 0 … J − 1, and J."""
        values = self.frame.loc[self.complete, list(self.columns)].to_numpy(float)
        labels, codes = np.unique(self.cluster[self.complete], return_inverse=True)
        return values, codes.astype(np.int64), len(labels)

    def position(self, name: str) -> int:
        """Return the place of a column in ``columns``."""
        return self.columns.index(name)

    def keys(self, level: str = "single") -> tuple[Key, ...]:
        """Return the slopes of the partial model at a level that effects are made of, by equation."""
        equations = self.equations(level=level)
        return tuple((dependent, column) for dependent, right in equations.items() for column in right)


def product(name: str, moderator: str) -> str:
    """Return the column name of a product."""
    return f"{name}_x_{moderator}"


def check_collinear(correlation: Array, columns: Sequence[str], where: str) -> None:
    """Refuse columns of which some are a linear combination of each other, and name those."""
    values, vectors = np.linalg.eigh(correlation)
    if values[0] < COLLINEAR:
        involved = [name for name, share in zip(columns, vectors[:, 0], strict=True) if abs(share) > SHARE]
        raise CannotFit(f"{where} {', '.join(involved)} are collinear")


def within_deviations(system: System, values: Array, cluster: Ints) -> Array:
    """Return rows (n, p) of ``columns`` as deviations from their therapists' means; a missing value stays missing.

    A product is that of the deviation with the moderator, itself centred: the product of the undivided score would
    mix in what the moderator does to differences between therapists, which centring the product does not undo. Where
    rows are incomplete, means are those of the values that are there, and a product lacks what its factors lack ("just
    another variable"; von Hippel, 2009).

    Parameters
    ----------
    values : ndarray (n, p)
    cluster : ndarray (n,)
        0 … J − 1.
    """
    clusters = int(cluster.max()) + 1

    def centred(column: Array) -> Array:
        known = ~np.isnan(column)
        sums = np.bincount(cluster[known], column[known], clusters)
        with np.errstate(invalid="ignore"):
            means = sums / np.bincount(cluster[known], minlength=clusters)
        return np.asarray(column - means[cluster])

    found = np.stack([centred(column) for column in values.T], axis=1)
    for name in (*system.model.predictors, *system.model.mediators):
        for w in system.moderators:
            moderated = found[:, system.position(name)] * values[:, system.position(w)]
            found[:, system.position(product(name, w))] = centred(moderated)
    return found


def two_level_values(system: System) -> tuple[Array, Ints, int]:
    """Return complete rows (n, columns), products taken within therapists, with cluster codes and J."""
    values, cluster, n_clusters = system.complete_values()
    products = [system.position(name) for name in (*system.predictor_products, *system.mediator_products)]
    if products:
        deviations = within_deviations(system, values, cluster)
        values = values.copy()
        values[:, products] = deviations[:, products]
    return values, cluster, n_clusters


def check_within(system: System) -> None:
    """Refuse what cannot be fitted within therapists, for the engines that split the levels.

    Raises
    ------
    CannotFit
        When columns are collinear within therapists; when among complete rows a column that has a part within does not
        vary there (a product with a column that is constant within therapists, or one that varies in incomplete
        rows only); when none has such a part.
    """
    values, cluster, _ = system.complete_values()
    columns = [name for name in system.columns if system.has_part(name, "within")]
    if not columns:
        raise CannotFit("none of the variables varies within therapists")
    inside = [system.position(name) for name in columns]
    deviations = within_deviations(system, values, cluster)[:, inside]
    squares = (deviations**2).sum(axis=0)
    total = ((values - values.mean(axis=0)) ** 2).sum(axis=0)[inside]
    names = zip(columns, squares, total, strict=True)
    constant = [name for name, inside, all_of_it in names if inside <= WITHIN_SHARE * all_of_it]
    if constant:
        raise CannotFit(f"{', '.join(constant)} does not vary within therapists")
    scale = np.sqrt(squares)
    check_collinear(deviations.T @ deviations / np.outer(scale, scale), columns, "within therapists")
