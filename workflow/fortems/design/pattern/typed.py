"""What the article prints, once typed into the file of published values, as numbers that a study of the pattern has.

Correlations and standardized single-level paths stand for themselves. A p says how large its t is, |t| = F⁻¹(1 - p / 2), and so,
with the sign that the estimate beside it has or the pattern states, what its correlation (df = n - 2) or partial correlation
(b and direct path, df = n - 3) is: r = t / √(df + t²). It is read as that of the plain tests, which the posterior
rests on. SDs of the aspects and of their total T say how the aspects correlate with each other,

    T² = Σ_k s_k² + 2 Σ_{k<l} s_k s_l r_kl,   mean r = (T² - Σ s_k²) / (2 Σ_{k<l} s_k s_l),

if the total is their sum; other SDs say nothing of correlations. A number that is typed twice counts once: a correlation before
the p that follows from it, else the finer rounding.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from fortems.design.pattern import kernel
from fortems.design.pattern.event import Event
from fortems.design.pattern.numbers import MEAN, PAIR, PARTIAL, PATH, Number
from fortems.published.ledger import Entry
from fortems.stats.student import t_quantile

Typed = tuple[Number, float, float]
LEAST = 1e-12  # the p that is printed as zero


def typed(entries: Sequence[Entry], event: Event, predictors: Mapping[str, str]) -> list[Typed]:
    """Numbers of the article that have been typed and that the pattern's variables have: value's lower and upper end.

    Parameters
    ----------
    entries : sequence of Entry
    event : Event
    predictors : mapping of str to str
        Model → its predictor, of models of the pattern's mediator and outcome.
    """
    filled = [entry for entry in entries if entry.value is not None]
    found: dict[Number, tuple[float, float]] = {}
    for number, *ends in (*_printed(filled, event, predictors), *_of_sds(filled, event)):
        _finer(found, number, (ends[0], ends[1]))
    of_p: dict[Number, tuple[float, float]] = {}
    for number, *ends in _of_p(filled, event, predictors):
        _finer(of_p, number, (ends[0], ends[1]))
    beside = {
        number: ends for number, ends in of_p.items() if number not in found and _path(number) not in found
    }
    return [(number, *ends) for number, ends in (found | beside).items()]


def _finer(found: dict[Number, tuple[float, float]], number: Number, ends: tuple[float, float]) -> None:
    """Keep the finer of two roundings."""
    if number not in found or ends[1] - ends[0] < found[number][1] - found[number][0]:
        found[number] = ends


def _path(number: Number) -> Number:
    """The standardized path that a partial correlation says the same of."""
    return Number(PATH, number.x, number.y)


def _printed(filled: Iterable[Entry], event: Event, predictors: Mapping[str, str]) -> Iterator[Typed]:
    """Correlations and standardized paths."""
    for entry in filled:
        number = None
        if entry.column == "r":
            number = _pair_of(entry, event)
        elif entry.column == "standardized":
            number = _effect_of(entry, event, predictors, PATH)
        if number is not None and entry.value is not None:
            yield (
                number,
                entry.value.value - entry.value.half_width,
                entry.value.value + entry.value.half_width,
            )


def _pair_of(entry: Entry, event: Event) -> Number | None:
    """The correlation over all clients that an entry is of."""
    if entry.where.get("level", "total") != "total":
        return None
    return _pair(event, str(entry.where.get("x")), str(entry.where.get("y")))


def _pair(event: Event, x: str, y: str) -> Number | None:
    names = (event.roles.total, *event.roles.base)
    if x == y or not {x, y} <= set(names):
        return None
    first, second = sorted((x, y), key=names.index)
    return Number(PAIR, first, second)


def _effect_of(entry: Entry, event: Event, predictors: Mapping[str, str], kind: str) -> Number | None:
    """The single-level path that an entry is of; a and the total effect are correlations."""
    x, path = predictors.get(str(entry.where.get("model")), ""), str(entry.where.get("effect"))
    if entry.where.get("level") != "single" or x not in (event.roles.total, *event.roles.aspects):
        return None
    other = {"a": event.roles.mediator, "total": event.roles.outcome}.get(path)
    if other:
        return _pair(event, x, other)
    return Number(kind, x, path) if path in ("b", "direct") or (kind == PATH and path == "indirect") else None


def _of_p(filled: Sequence[Entry], event: Event, predictors: Mapping[str, str]) -> Iterator[Typed]:
    """Correlations and partial correlations of what has a p and a sign."""
    estimates = {
        _place(entry): entry.value.value for entry in filled if entry.column == "estimate" and entry.value
    }
    for entry in filled:
        if entry.column != "p" or entry.value is None:
            continue
        number = (
            _pair_of(entry, event)
            if "model" not in entry.where
            else _effect_of(entry, event, predictors, PARTIAL)
        )
        sign = np.sign(estimates.get(_place(entry), 0.0)) or (_stated(event, number) if number else 0)
        if number is None or not sign:
            continue
        df = event.clients - (2 if number.kind == PAIR else 3)
        p, half = entry.value.value, entry.value.half_width
        sizes = [_size(min(max(end, LEAST), 1.0), df) for end in (p + half, p - half)]
        yield number, *sorted(float(sign * size) for size in sizes)  # type: ignore[misc]


def _place(entry: Entry) -> tuple[str, ...]:
    return entry.file, *(f"{key}={value}" for key, value in sorted(entry.where.items()))


def _stated(event: Event, number: Number) -> int:
    """The sign that the pattern states of a correlation; 0 where it states none."""
    for s in event.statements:
        if number.kind == PAIR and s.kind == kernel.SIMPLE and {s.x, s.y} == {number.x, number.y}:
            return s.sign
    return 0


def _size(p: float, df: float) -> float:
    """|r| with this two-sided p."""
    t = float(t_quantile(1 - p / 2, np.array(df)))
    return t / math.sqrt(df + t * t)


def _of_sds(filled: Iterable[Entry], event: Event) -> Iterator[Typed]:
    """The aspects' mean correlation, where all their SDs and that of the total are typed."""
    roles = event.roles
    sds = {
        str(entry.where.get("variable")): entry.value
        for entry in filled
        if entry.column == "sd" and "variable" in entry.where and entry.value is not None
    }
    if not {roles.total, *roles.aspects} <= set(sds):
        return

    def mean_r(side: int) -> float:
        total = sds[roles.total].value + side * sds[roles.total].half_width
        parts = [sds[name].value - side * sds[name].half_width for name in roles.aspects]
        products = 2 * sum(a * b for a, b in itertools.combinations(parts, 2))
        return (total**2 - sum(s**2 for s in parts)) / products

    low, high = mean_r(-1), mean_r(1)
    # Parts of one total go together: if they seem not to, it is printed in another unit than their sum.
    if low > 0 and high < 1:
        yield Number(MEAN, roles.total), low, high
