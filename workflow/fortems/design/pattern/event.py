"""The pattern as an event: the article's statements, posed of a study's correlations.

A statement is a claim (``config/claims.yaml``) as the article has it: p below or above its alpha, with its sign, the
point estimate in its band. At the single level with Pearson and least-squares tests each is a bound on a correlation
or a partial correlation. Mediation is "a and b each significant, ab with its sign" (``joint``) or "the exact product
interval leaves out 0" (``product``), with p of the direct path at least alpha.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fortems.claims.claimfile import Claim
from fortems.design.pattern import kernel
from fortems.errors import ConfigError, Problem
from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.student import t_quantile, two_sided_p
from fortems.study.definition import Study
from fortems.study.models import MediationModel

TABLE = 20001  # points of the tables of one-sided p over |r|
TESTS = ("joint", "product")
POINT, DIRECTIONS = 2.0, {"positive": 1, "negative": -1, "any": 0}
MOST = 62  # statements, one bit each


class NoEventError(Exception):
    """The pattern cannot be posed of a population of scores; the message says why."""


@dataclass(frozen=True)
class Roles:
    """What the variables of the pattern are to each other.

    Attributes
    ----------
    total : str
        The predictor that is the sum of the aspects.
    aspects : tuple of str
        Of a study that compares none, the predictor itself.
    mediator, outcome : str
    """

    total: str
    aspects: tuple[str, ...]
    mediator: str
    outcome: str

    @property
    def predictors(self) -> tuple[str, ...]:
        """The total and its aspects, each once."""
        return tuple(dict.fromkeys((self.total, *self.aspects)))

    @property
    def base(self) -> tuple[str, ...]:
        """The variables that all others are sums of, in the order of correlation matrices."""
        return (*self.aspects, self.mediator, self.outcome)

    @property
    def columns(self) -> tuple[str, ...]:
        """The order in which a study is drawn: what most statements speak of first; the last aspect follows from the total."""
        return (self.mediator, self.outcome, *self.predictors)

    def weights(self) -> Array:
        """Columns in terms of the base variables (C, p); aspects have equal SDs, so the total weighs them alike."""
        place = {name: i for i, name in enumerate(self.base)}
        rows = np.zeros((len(self.columns), len(place)))
        for row, name in zip(rows, self.columns, strict=True):
            for part in self.aspects if name == self.total else (name,):
                row[place[part]] = 1.0
        return rows


@dataclass(frozen=True)
class Statement:
    """One condition on a study.

    Attributes
    ----------
    name : str
    kind : int
        Of ``kernel``: ``SIMPLE, PARTIAL, FULL, INDIRECT`` and their negations.
    x, m, y : str
        Variables; m is what a partial correlation is given, or the mediator.
    sign : int
        1, -1, or 0 for any.
    alpha, sides : float, int
    band : (float, float)
        low <= |r| < high of a correlation.
    """

    name: str
    kind: int
    x: str
    m: str
    y: str
    sign: int = 0
    alpha: float = 0.05
    sides: int = 2
    band: tuple[float, float] = (0.0, POINT)

    @property
    def significant(self) -> bool:
        """Whether it says that something is significant (besides other things)."""
        return self.kind in (kernel.SIMPLE, kernel.PARTIAL, kernel.FULL, kernel.INDIRECT)


@dataclass(frozen=True)
class Event:
    """Statements that hold together, with what the kernel needs to judge them.

    Attributes
    ----------
    roles : Roles
    statements : tuple of Statement
    sizes : tuple of int
        Clients of each therapist.
    test : str
        ``joint`` or ``product``: when an indirect effect counts as significant.
    left_out : mapping of str to str
        Claims of the pattern that cannot be posed, with the reason.
    """

    roles: Roles
    statements: tuple[Statement, ...]
    sizes: tuple[int, ...]
    test: str
    left_out: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the statements; bit i of a study's failures is statement i."""
        return tuple(statement.name for statement in self.statements)

    @property
    def clients(self) -> int:
        """Number of clients."""
        return sum(self.sizes)

    @cached_property
    def basis(self) -> Array:
        """The p variables that are drawn in terms of the base variables."""
        return np.ascontiguousarray(self.roles.weights()[: len(self.roles.base)])

    @cached_property
    def combos(self) -> Array:
        """All columns in terms of those that are drawn."""
        return np.ascontiguousarray(np.round(self.roles.weights() @ np.linalg.inv(self.basis), 12))

    @cached_property
    def counts(self) -> tuple[Array, Array]:
        """Distinct cluster sizes and how many clusters have each."""
        size, many = np.unique(self.sizes, return_counts=True)
        return size.astype(float), many.astype(float)

    @cached_property
    def arguments(self) -> tuple[object, ...]:
        """``combos, needs, stat, limits, stat_needs, tables, product`` of the kernel."""
        needs = np.array([1 + int(np.flatnonzero(row).max()) for row in self.combos])
        place = {name: i for i, name in enumerate(self.roles.columns)}
        stat = np.array([(s.kind, place[s.x], place[s.m], place[s.y], s.sign) for s in self.statements])
        n = self.clients
        limits = np.array(
            [
                (*(critical(s.alpha, s.sides, df) for df in (n - 2, n - 3)), *s.band, s.alpha)
                for s in self.statements
            ]
        )
        stat_needs = needs[stat[:, 1:4]].max(axis=1)
        tables = np.stack([one_sided_table(df) for df in (n - 2, n - 3)])
        return self.combos, needs, stat, limits, stat_needs, tables, self.test == "product"

    def studies(
        self, rng: np.random.Generator, correlations: Array, icc: Array, may_fail: Sequence[int] = (0,)
    ) -> tuple[Ints, Array]:
        """Draw one study from each population and judge it.

        Parameters
        ----------
        rng : Generator
        correlations : ndarray (D, p, p)
            Of the base variables, total; between and within correlations are equal.
        icc : ndarray (D,)
            Of all variables.
        may_fail : sequence of int
            Sets of statements, as bits, that may fail together; studies in which others fail are left unfinished.

        Returns
        -------
        failed : ndarray (D,) of int
            Bits of failing statements; ``kernel.STOPPED`` or ``kernel.NOT_DEFINITE``.
        products : ndarray (D, p (p + 1) / 2)
            Lower triangle of the cross-products of what is drawn (``basis``), of finished studies.
        """
        p, draws = len(self.basis), len(icc)
        failed = np.empty(draws, np.int64)
        kept = np.zeros((draws, p * (p + 1) // 2))
        kernel.studies(
            rng, np.ascontiguousarray(correlations), np.ascontiguousarray(icc, float), self.basis, *self.counts,
            *self.arguments, np.array(may_fail, np.int64), failed, kept,
        )  # fmt: skip
        return failed, kept

    def judge(self, covariances: Array) -> Ints:
        """Bits (D,) of the statements that fail in studies with these covariances (D, C, C) of all columns."""
        _, _, stat, limits, _, tables, product = self.arguments
        failed = np.empty(len(covariances), np.int64)
        kernel.judge_all(np.ascontiguousarray(covariances), stat, limits, tables, product, failed)
        return failed

    def covariances(self, products: Array) -> Array:
        """Cross-products of all columns (D, C, C) from those that were drawn (D, p (p + 1) / 2)."""
        p = len(self.basis)
        whole = np.zeros((len(products), p, p))
        rows, cols = np.tril_indices(p)
        whole[:, rows, cols] = whole[:, cols, rows] = products
        return np.asarray(self.combos @ whole @ self.combos.T)

    def of_size(self, clients: int, therapists: int) -> Event:
        """The same statements for another number of clients and therapists, spread as evenly as they can be."""
        least, more = divmod(clients, therapists)
        return replace(self, sizes=(least + 1,) * more + (least,) * (therapists - more))

    @property
    def every(self) -> int:
        """All statements, as bits."""
        return (1 << len(self.statements)) - 1

    def bits(self, names: Iterable[str]) -> int:
        """Some of the statements, as bits."""
        return sum(1 << self.names.index(name) for name in dict.fromkeys(names))

    def only(self, names: Iterable[str]) -> Event:
        """The event of some of the statements."""
        chosen = set(names)
        return replace(self, statements=tuple(s for s in self.statements if s.name in chosen))


def critical(alpha: float, sides: int, df: float) -> float:
    """|r| (partial or not) above which p < alpha, with df degrees of freedom of its t."""
    if alpha <= 0:
        return 1.0
    t = float(t_quantile(1 - alpha / sides, np.array(df)))
    return t / math.sqrt(df + t * t)


def one_sided_table(df: float) -> Array:
    """One-sided p of |r| at ``TABLE`` equally spaced values from 0 to 1."""
    r = np.linspace(0, 1, TABLE)
    with np.errstate(divide="ignore"):
        t = r * np.sqrt(df / (1 - r**2))
    return two_sided_p(np.where(np.isfinite(t), t, 1e300), np.array(df)) / 2


def roles_of(known: Study) -> Roles:
    """Take aspects, total, mediator and outcome from what the study is; without aspects its predictor stands alone.

    Raises
    ------
    NoEventError
        When its aspects are not the parts of one total.
    """
    if not known.aspects:
        return Roles(known.focus, (known.focus,), known.mediator, known.outcome)
    for total, parts in known.totals.items():
        if set(parts) == set(known.aspects) and len(parts) > 1:
            return Roles(total, known.aspects, known.mediator, known.outcome)
    raise NoEventError("the study's aspects are not all the parts of one total")


def event_of(
    pattern: Claim,
    claims: Mapping[str, Claim],
    models: Mapping[str, MediationModel],
    roles: Roles,
    sizes: Sequence[int],
    test: str = "joint",
) -> Event:
    """Turn a pattern of claims into an event.

    Parameters
    ----------
    pattern : Claim
        An ``all_of``.
    claims, models : mapping
    roles : Roles
    sizes : sequence of int
        Clients of each therapist.
    test : str
        ``joint`` or ``product``.

    Raises
    ------
    NoEventError
        When too little of it can be posed of scores.
    ConfigError
        When statements contradict each other.
    """
    parts = [claims[name] for name in pattern.parts]
    found: list[Statement] = []
    left_out: dict[str, str] = {}
    for claim in parts:
        try:
            found.append(_statement(claim, models, roles))
        except NoEventError as reason:
            left_out[claim.name] = str(reason)
    if not found:
        raise NoEventError("none of its claims can be posed of simulated scores")
    if len(found) > MOST:
        raise NoEventError(f"it has {len(found)} claims, more than the {MOST} that can be judged together")
    if problems := contradictions(found):
        raise ConfigError(problems)
    return Event(roles, tuple(found), tuple(sizes), test, left_out)


def _statement(claim: Claim, models: Mapping[str, MediationModel], roles: Roles) -> Statement:
    if claim.statistic == "correlation":
        shape = claim.x, claim.y, claim.y
        kind = kernel.SIMPLE if claim.significant else kernel.SIMPLE_NOT
    elif claim.statistic in ("effect", "full_mediation"):
        kind, shape = _of_model(claim, models)
    else:
        raise NoEventError("background variables are not simulated")
    unknown = [name for name in shape if name not in roles.columns]
    if unknown:
        raise NoEventError(f"{unknown[0]} is none of {', '.join(roles.columns)}")
    sign = DIRECTIONS[claim.direction] if claim.significant or claim.sides == 1 else 0
    band = claim.band or (0.0, POINT)
    return Statement(claim.name, kind, *shape, sign, claim.alpha, claim.sides, band)


def _of_model(claim: Claim, models: Mapping[str, MediationModel]) -> tuple[int, tuple[str, str, str]]:
    """Kind and variables of a statement on a model's effect."""
    model = models.get(claim.model)
    if model is None:
        raise NoEventError(f"there is no model {claim.model} here")
    plain = len(model.predictors) == len(model.mediators) == 1 and not model.covariates
    if not plain or model.moderator or model.measurement != "observed":
        raise NoEventError(f"the model {model.name} is not one of one predictor and one mediator")
    if claim.band is not None:
        raise NoEventError("its band is in units of the scores, which a population of correlations lacks")
    x, m, y = model.predictors[0], model.mediators[0], model.outcome
    if claim.statistic == "full_mediation":
        return kernel.FULL, (x, m, y)
    yes, no, shape = {
        "indirect": (kernel.INDIRECT, kernel.INDIRECT_NOT, (x, m, y)),
        "a": (kernel.SIMPLE, kernel.SIMPLE_NOT, (x, m, m)),
        "total": (kernel.SIMPLE, kernel.SIMPLE_NOT, (x, y, y)),
        "b": (kernel.PARTIAL, kernel.PARTIAL_NOT, (m, x, y)),
        "direct": (kernel.PARTIAL, kernel.PARTIAL_NOT, (x, m, y)),
    }[claim.effect]
    return yes if claim.significant else no, shape


def contradictions(statements: Sequence[Statement]) -> list[Problem]:
    """Name pairs of statements on one correlation that no study can show together."""
    problems = []
    for i, first in enumerate(statements):
        for second in statements[:i]:
            if _pair(first) and _pair(first) == _pair(second) and not _together(first, second):
                what = f"{second.name} and {first.name} contradict each other: no correlation of {' with '.join(sorted(_pair(first)))} fits both"
                problems.append(Problem("claims", what, "statements that one study can show"))
    return problems


def _pair(statement: Statement) -> frozenset[str]:
    """The correlation that a statement bounds by itself."""
    if statement.kind in (kernel.SIMPLE, kernel.SIMPLE_NOT):
        return frozenset((statement.x, statement.y))
    return (
        frozenset((statement.x, statement.m))
        if statement.kind in (kernel.FULL, kernel.INDIRECT)
        else frozenset()
    )


def _together(first: Statement, second: Statement) -> bool:
    """Whether some r in (-1, 1) fits both; looked for at the ends of their bounds, for 96 clients or any number."""
    r = np.linspace(-0.9995, 0.9995, 4001)
    return bool((_fits(first, r) & _fits(second, r)).any())


def _fits(statement: Statement, r: Array) -> Bools:
    bound = critical(statement.alpha, statement.sides, 94.0)
    if statement.kind == kernel.SIMPLE_NOT:
        return np.asarray((np.abs(r) <= bound) | (r * statement.sign < 0)) & _in_band(statement, r)
    sign = statement.sign if statement.kind == kernel.SIMPLE else 0
    return np.asarray((np.abs(r) > bound) & (r * sign >= 0)) & _in_band(statement, r)


def _in_band(statement: Statement, r: Array) -> Bools:
    return np.asarray((np.abs(r) >= statement.band[0]) & (np.abs(r) < statement.band[1]))
