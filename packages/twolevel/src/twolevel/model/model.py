"""A two-level model: its parameter table with lavaan::sem()'s defaults, and the RAM arrays it compiles to.

Defaults (lavaan 0.6, sem() with fixed.x = FALSE): first loading 1, the only indicator's residual variance 0;
variances free; covariances free among exogenous observed, among exogenous latent, and among terminal endogenous
variables; intercepts of observed variables free at level 2, and at level 1 for variables named only there;
means of latent variables 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np

from ..errors import ModelError, UnknownParameterError, nearest
from ..likelihood.layout import Layout, Level, Random
from ..likelihood.ram import MATRIX_A, MATRIX_MEAN, MATRIX_S
from .equality import check_labels, hold, representatives
from .equations import Equation, equations, matrix, settle
from .expression import Expression
from .rows import Row
from .slopes import random_slopes
from .syntax import BETWEEN, KINDS, LEVELS, WITHIN, Defined, Parsed, Term, parse


class Model:
    """A two-level structural equation model, parsed once and reusable.

    Parameters
    ----------
    syntax : str
        Model text in lavaan's syntax with the blocks `level: 1` (within) and `level: 2` (between).
    slopes : {"within", "observed"}
        What random slopes act on, where the text does not say (see slopes.py).

    Attributes
    ----------
    rows : tuple of Row
        The parameter table, the user's rows first.
    defined : tuple of Defined
    equations : tuple of Equation
        Linear equations of several free labels that hold.
    random : Random
        The random slopes and the covariates given; empty without any.
    layout : Layout

    Raises
    ------
    ModelSyntaxError, ModelError

    Examples
    --------
    >>> model = Model('''
    ... level: 1
    ...   m ~ a*x
    ...   y ~ b*m + x
    ... level: 2
    ...   x ~~ m + y
    ...   m ~~ y
    ... indirect := a*b
    ... ''')
    >>> model.layout.n_parameters
    15
    """

    def __init__(self, syntax: str, slopes: Literal["within", "observed"] = "within") -> None:
        if slopes not in KINDS:
            raise ModelError(f"slopes={slopes!r} is not one of {', '.join(KINDS)}{nearest(slopes, KINDS)}")
        parsed = parse(syntax)
        (rows, random), equal = _table(parsed, slopes), representatives(parsed.equal)
        labels, defined = [row.label for row in rows if row.label], [d.name for d in parsed.defined]
        check_labels(parsed.equal, labels, defined)
        imposed = equations(parsed.equations, labels, defined)
        self._build(hold(rows, equal), parsed.defined, equal, random, imposed)

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Row],
        defined: tuple[Defined, ...] = (),
        equal: Mapping[str, str] | None = None,
        random: Random | None = None,
        imposed: Sequence[Equation] = (),
    ) -> Model:
        """A model from a complete parameter table (no defaults are added)."""
        model = cls.__new__(cls)
        model._build(tuple(rows), defined, dict(equal or {}), random or Random(), imposed)
        return model

    def _build(
        self,
        rows: tuple[Row, ...],
        defined: tuple[Defined, ...],
        equal: dict[str, str],
        random: Random,
        imposed: Sequence[Equation],
    ) -> None:
        rows, self.equations = settle(rows, equal, imposed)
        self.rows = rows
        self.random = random
        self.defined = defined
        self.equal = equal
        names: list[str] = []
        index: list[int] = []
        for row in rows:
            if row.fixed is not None:
                index.append(-1)
                continue
            name = equal.get(row.name, row.name)
            if name not in names:
                names.append(name)
            index.append(names.index(name))
        if not names:
            raise ModelError("every parameter is fixed: nothing to estimate")
        self.index = tuple(index)
        self.names = tuple(names)
        known = set(names) | set(equal) | {row.label for row in rows if row.label}
        for entry in defined:
            for label in Expression(entry.expression).names:
                if label not in known:
                    raise UnknownParameterError(
                        f"{entry.name} := {entry.expression} names {label!r}, which is no label of the model"
                        f"{nearest(label, known)}"
                    )
            known.add(entry.name)
        layout = _layout(rows, self.index, self.names, random)
        self.layout = (
            replace(layout, equations=matrix(self.equations, self.names)) if self.equations else layout
        )

    @property
    def observed(self) -> tuple[str, ...]:
        """All observed variables: measured on clients, then between-only."""
        return (*self.layout.y, *self.layout.z)

    @cached_property
    def fixed_labels(self) -> dict[str, float]:
        """Values of labelled parameters that are fixed."""
        return {row.label: row.fixed for row in self.rows if row.label and row.fixed is not None}

    def position(self, name: str) -> int:
        """Index of the free parameter called `name` (a label, or a name such as `y~x` or `y~x.l2`).

        Raises
        ------
        UnknownParameterError
        """
        name = self.equal.get(name, name)
        if name in self.names:
            return self.names.index(name)
        for row, k in zip(self.rows, self.index, strict=True):
            if k >= 0 and (
                row.key == name or (row.op == "~~" and replace(row, lhs=row.rhs, rhs=row.lhs).key == name)
            ):
                return k
        known = [*self.names, *(row.key for row, k in zip(self.rows, self.index, strict=True) if k >= 0)]
        raise UnknownParameterError(f"{name!r} is no free parameter of the model{nearest(name, known)}")

    def fix(self, values: Mapping[str, float]) -> Model:
        """The same model with the named free parameters held at the given values."""
        held = {self.position(name): float(value) for name, value in values.items()}
        rows = [
            replace(row, fixed=held[k]) if k in held else row
            for row, k in zip(self.rows, self.index, strict=True)
        ]
        return Model.from_rows(rows, self.defined, self.equal, self.random, self.equations)

    @cached_property
    def saturated(self) -> Model:
        """H1: free covariances among the observed variables of each level, free means."""
        return Model.from_rows(_unstructured(self.layout, covariances=True))

    @cached_property
    def baseline(self) -> Model:
        """The independence model: variances at each level and means, as lavaan's baseline."""
        return Model.from_rows(_unstructured(self.layout, covariances=False))

    def __repr__(self) -> str:
        return (
            f"Model({self.layout.n_parameters} parameters; y: {self.layout.y}; between only: {self.layout.z})"
        )


def _table(parsed: Parsed, kind: str) -> tuple[tuple[Row, ...], Random]:
    drawn = {t.random for t in parsed.terms if t.random}
    observed = [_observed([t for t in parsed.terms if t.level == level]) for level in (WITHIN, BETWEEN)]
    observed[BETWEEN] = [n for n in observed[BETWEEN] if n not in drawn]
    both = set(observed[WITHIN]) & set(observed[BETWEEN])
    random = random_slopes(parsed.terms, both, kind)
    rows: list[Row] = []
    for level in (WITHIN, BETWEEN):
        terms = [t for t in parsed.terms if t.level == level]
        if not observed[level]:
            raise ModelError(f"no observed variable at level {level + 1}: a variance (y ~~ y) is enough")
        rows += _level_rows(terms, level, observed[level], both, random)
    return tuple(rows), random


def _latent(terms: list[Term]) -> list[str]:
    return list(dict.fromkeys(t.lhs for t in terms if t.op == "=~"))


def _observed(terms: list[Term]) -> list[str]:
    """Observed variables of a level in lavaan's order: indicators, endogenous, exogenous, others."""
    latent = _latent(terms)
    names = [t.rhs for t in terms if t.op == "=~"] + [t.lhs for t in terms if t.op == "~"]
    names += [t.rhs for t in terms if t.op == "~"]
    names += [t.lhs for t in terms if t.op == "~~"] + [t.rhs for t in terms if t.op == "~~"]
    names += [t.lhs for t in terms if t.op == "~1"]
    return [n for n in dict.fromkeys(names) if n not in latent]


def _level_rows(
    terms: list[Term], level: int, observed: list[str], both: set[str], random: Random
) -> list[Row]:
    """The user's rows of a level, then the defaults (lavaan's lav_partable_flat).

    Random slopes are latent variables of level 2 with a mean; covariates that are given have neither mean nor variance.
    """
    slopes = random.names if level == BETWEEN else ()
    given = random.w if level == BETWEEN else random.x
    latent = [*_latent(terms), *slopes]
    indicators = {t.rhs for t in terms if t.op == "=~"}
    endogenous = {t.lhs for t in terms if t.op == "~"}
    predictors = {t.rhs for t in terms if t.op == "~"}
    mentioned = {n for t in terms if t.op in ("~~", "~1") for n in (t.lhs, t.rhs)}
    exogenous = [
        n
        for n in observed
        if n in predictors and n not in indicators | endogenous and n not in mentioned and n not in given
    ]
    latent_exogenous = [n for n in latent if n not in indicators | endogenous]
    terminal = [n for n in [*latent, *observed] if n in endogenous and n not in indicators | predictors]

    rows: list[Row] = []
    marked: set[str] = set()
    for t in terms:
        if t.random:
            continue
        fixed = t.fixed
        if t.op == "=~" and t.lhs not in marked:
            marked.add(t.lhs)
            if fixed is None and not t.free:
                fixed = 1.0
        rows.append(Row(level, t.lhs, t.op, t.rhs, t.label, None if t.free else fixed, t.start))

    named = {(r.lhs, r.op, r.rhs) for r in rows} | {(r.rhs, r.op, r.lhs) for r in rows if r.op == "~~"}

    def default(lhs: str, op: str, rhs: str, fixed: float | None = None) -> None:
        if (lhs, op, rhs) not in named:
            rows.append(Row(level, lhs, op, rhs, fixed=fixed))

    single = _single_indicators(terms)
    for name in [*(n for n in observed if n not in exogenous and n not in given), *latent]:
        default(name, "~~", name, 0.0 if name in single else None)
    for left, right in [*combinations(latent_exogenous, 2), *combinations(terminal, 2)]:
        default(left, "~~", right)
    for k, left in enumerate(exogenous):
        for right in exogenous[k:]:
            default(left, "~~", right)
    for name in observed:
        if name not in given:
            default(name, "~1", "", 0.0 if level == WITHIN and name in both else None)
    for name in latent:
        default(name, "~1", "", None if name in slopes else 0.0)
    return rows


def _single_indicators(terms: list[Term]) -> set[str]:
    """Indicators that are the only one of their latent variable and load on nothing else."""
    loadings = [(t.lhs, t.rhs) for t in terms if t.op == "=~"]
    factors, items = [f for f, _ in loadings], [i for _, i in loadings]
    return {i for f, i in loadings if factors.count(f) == 1 and items.count(i) == 1}


def _unstructured(layout: Layout, *, covariances: bool) -> list[Row]:
    rows = []
    for level in (WITHIN, BETWEEN):
        own = layout.levels[level]
        names = own.names[: own.n_observed]
        pairs = [(i, j) for j in range(len(names)) for i in range(j + 1) if covariances or i == j]
        rows += [Row(level, names[i], "~~", names[j]) for i, j in pairs]
    between = set(layout.levels[BETWEEN].names[: layout.levels[BETWEEN].n_observed])
    for name in (*layout.y, *layout.z):
        rows.append(Row(BETWEEN if name in between else WITHIN, name, "~1", ""))
    return rows


def _layout(rows: tuple[Row, ...], index: tuple[int, ...], names: tuple[str, ...], random: Random) -> Layout:
    variables: list[tuple[list[str], list[str]]] = []
    for level in (WITHIN, BETWEEN):
        own = [r for r in rows if r.level == level]
        latent = list(dict.fromkeys(r.lhs for r in own if r.op == "=~"))
        seen = dict.fromkeys(n for r in own for n in (r.lhs, r.rhs) if n)
        if level == WITHIN:
            seen |= dict.fromkeys(n for slope in random.slopes for n in (slope.outcome, slope.predictor))
        else:
            latent += random.names
        variables.append(([n for n in seen if n not in latent], latent))
    y = variables[WITHIN][0]
    z = [n for n in variables[BETWEEN][0] if n not in y]
    moment_index = {n: k for k, n in enumerate([*y, *z])}
    for name in (*variables[WITHIN][1], *variables[BETWEEN][1]):
        if name in moment_index:
            raise ModelError(f"{name!r} is latent (=~) at one level and observed at the other; rename one")

    levels = []
    places: list[tuple[int, int, int, int, int]] = []
    for level in (WITHIN, BETWEEN):
        observed, latent = variables[level]
        own_names = [*observed, *latent]
        at = {n: k for k, n in enumerate(own_names)}
        m = len(own_names)
        a, s, mean = np.zeros((m, m)), np.zeros((m, m)), np.zeros(m)
        for row, k in zip(rows, index, strict=True):
            if row.level != level:
                continue
            i = at[row.lhs]
            j = at[row.rhs] if row.rhs else i
            if row.op == "=~":
                matrix, i, j = MATRIX_A, j, i
            elif row.op == "~":
                matrix = MATRIX_A
            else:
                matrix = MATRIX_S if row.op == "~~" else MATRIX_MEAN
            if row.op in ("~", "=~") and i == j:
                raise ModelError(f"{row.lhs!r} cannot predict itself ({LEVELS[level]})")
            if k >= 0:
                places.append((k, level, matrix, i, j))
            elif matrix == MATRIX_A:
                a[i, j] = row.fixed
            elif matrix == MATRIX_S:
                s[i, j] = s[j, i] = row.fixed
            else:
                mean[i] = row.fixed
        link = np.array([(at[n], moment_index[n]) for n in observed], dtype=np.int64).reshape(-1, 2)
        levels.append(Level(tuple(own_names), len(observed), a, s, mean, link))
    table = np.array(sorted(places), dtype=np.int64)
    first = np.searchsorted(table[:, 0], np.arange(len(names) + 1)).astype(np.int64)
    return Layout(tuple(y), tuple(z), (levels[0], levels[1]), table, first, names, random)
