"""The product of two independent t variates: its distribution function, quantiles and p by quadrature.

Notation
--------
A = a + s_a T_a and B = b + s_b T_b, T_a and T_b independent t variates with ν_a and ν_b degrees of freedom. In units of
s_a s_b the product is X Y with X = u + T_a, Y = v + T_b, u = a / s_a, v = b / s_b. Given X = x the event X Y ≤ q is
Y ≤ q / x for x > 0 and Y ≥ q / x for x < 0, so that with F the distribution functions of T

    G(q) = E[ F_b(sign(X) (q / X − v)) ],      G'(q) = E[ f_b(q / X − v) / |X| ].

The expectation is split at X = 0, where its integrand turns sharply while q is small: with F_a's probability as the
variable each side is an integral over (0, 1), for which the tanh-sinh rule (Takahasi & Mori, 1974) crowds its points
at both ends. Conditioning is on the variate with the larger ratio, in which the integrand is the smoother one.

At q = 0 no integral is needed: G(0) = P(X ≤ 0) P(Y ≥ 0) + P(X ≥ 0) P(Y ≤ 0), and two-sided p = 2 min(G(0), 1 − G(0)).
So an interval of confidence 1 − α leaves out 0 exactly where p < α.

References
----------
Craig, C. C. (1936). On the frequency function of xy. Annals of Mathematical Statistics, 7(1), 1-15.
Takahasi, H., & Mori, M. (1974). Double exponential formulas for numerical integration. Publications of the Research
Institute for Mathematical Sciences, 9(3), 721-741.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtri

from fortems.stats.arrays import Array, Bools, Ints
from fortems.stats.intervals import Interval
from fortems.stats.student import t_cdf, t_quantile

#: Step of the quadrature: errors of G below 1e-8 from 3 df on (``FINE``), below 5e-5 (``COARSE``: for thousands of studies).
FINE, COARSE = 0.05, 0.14
REACH = 3.5  # where the rule's weights end: 1e-22 of the whole
BLOCK = 4096  # studies held at once: bounds memory at some 10 MB an array
STEPS = 100  # at most; Newton takes about five
LONGEST = 2.0  # of Newton's steps, in SDs of the product
CLOSE = 1e-11  # relative to the SD of the product


def product_interval(
    a: ArrayLike,
    b: ArrayLike,
    var_a: ArrayLike,
    var_b: ArrayLike,
    df_a: ArrayLike,
    df_b: ArrayLike,
    confidence: float = 0.95,
    step: float = FINE,
) -> Interval:
    """Return interval and p of a·b from estimates whose errors are independent t variates.

    Parameters
    ----------
    a, b : array_like (S,)
        Estimates.
    var_a, var_b : array_like (S,)
        Their variances.
    df_a, df_b : array_like (S,)
        Degrees of freedom; infinite for normal errors.
    confidence : float
        Such as .95.
    step : float
        Of the quadrature.

    Returns
    -------
    Interval
        ``se`` is the SD of the product, infinite up to 2 df; NaN where an input is NaN, a variance is not positive or a df is not positive.
    """
    columns = _columns(a, b, var_a, var_b, df_a, df_b)
    found = np.full((4, len(columns[0])), np.nan)
    usable = _usable(columns)
    for rows in _blocks(usable):
        part = [column[rows] for column in columns]
        mixture = _Mixture.of(part, step)
        tail = (1.0 - confidence) / 2.0
        sd = np.sqrt(_variance(part))
        low = mixture.quantile(tail, part, sd)
        high = mixture.quantile(1.0 - tail, part, sd)
        found[:, rows] = np.stack([sd, low, high, _p(part)])
    return Interval(*found)


def product_cdf(
    q: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    var_a: ArrayLike,
    var_b: ArrayLike,
    df_a: ArrayLike,
    df_b: ArrayLike,
    step: float = FINE,
) -> Array:
    """Return P(A B ≤ q) (S,); NaN as in ``product_interval``."""
    points, *columns = _columns(q, a, b, var_a, var_b, df_a, df_b)
    found = np.full(len(points), np.nan)
    for rows in _blocks(_usable(columns) & ~np.isnan(points)):
        part = [column[rows] for column in columns]
        found[rows] = _Mixture.of(part, step).cdf(points[rows] / np.sqrt(part[2] * part[3]))
    return found


def product_p(
    a: ArrayLike, b: ArrayLike, var_a: ArrayLike, var_b: ArrayLike, df_a: ArrayLike, df_b: ArrayLike
) -> Array:
    """Return the two-sided p (S,) of a·b = 0, in closed form."""
    columns = _columns(a, b, var_a, var_b, df_a, df_b)
    usable = _usable(columns)
    found = np.full(len(columns[0]), np.nan)
    found[usable] = _p([column[usable] for column in columns])
    return found


def _columns(*values: ArrayLike) -> list[Array]:
    return list(np.broadcast_arrays(*(np.atleast_1d(np.asarray(value, float)) for value in values)))


def _usable(columns: list[Array]) -> Bools:
    known = np.logical_and.reduce([~np.isnan(column) for column in columns])
    return known & np.logical_and.reduce([column > 0 for column in columns[2:]])


def _blocks(usable: Bools) -> list[Ints]:
    rows = np.flatnonzero(usable)
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def _p(part: list[Array]) -> Array:
    a, b, var_a, var_b, df_a, df_b = part
    u, v = a / np.sqrt(var_a), b / np.sqrt(var_b)
    below_a, above_a, below_b, above_b = t_cdf(-u, df_a), t_cdf(u, df_a), t_cdf(-v, df_b), t_cdf(v, df_b)
    negative = below_a * above_b + above_a * below_b
    positive = below_a * below_b + above_a * above_b
    return np.minimum(1.0, 2.0 * np.minimum(negative, positive))


def _variance(part: list[Array]) -> Array:
    """a² Var B + b² Var A + Var A Var B."""
    a, b, var_a, var_b, df_a, df_b = part

    def inflated(variance: Array, df: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = np.where(np.isinf(df), 1.0, df / (df - 2.0))
        return np.where(df > 2, variance * factor, np.inf)

    of_a, of_b = inflated(var_a, df_a), inflated(var_b, df_b)
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(of_a) | np.isinf(of_b), np.inf, a**2 * of_b + b**2 * of_a + of_a * of_b)


@dataclass(frozen=True)
class _Mixture:
    """Points x and weights of the conditioning variate, (S, K), and what the other one is, (S, 1)."""

    x: Array
    weight: Array
    sign: Array
    shift: Array
    df: Array

    @classmethod
    def of(cls, part: list[Array], step: float) -> _Mixture:
        a, b, var_a, var_b, df_a, df_b = part
        u, v = a / np.sqrt(var_a), b / np.sqrt(var_b)
        swap = np.abs(v) > np.abs(u)
        u, v = np.where(swap, v, u), np.where(swap, u, v)
        df_x, df_y = np.where(swap, df_b, df_a)[:, None], np.where(swap, df_a, df_b)[:, None]
        share, weight = tanh_sinh(step)
        above, below = t_cdf(u[:, None], df_x), t_cdf(-u[:, None], df_x)
        with np.errstate(invalid="ignore"):
            positive = np.maximum(u[:, None] - t_quantile(share * above, df_x), 0.0)
            negative = np.minimum(u[:, None] + t_quantile(share * below, df_x), 0.0)
        side = np.repeat([1.0, -1.0], len(share))
        return cls(
            np.concatenate([positive, negative], axis=1),
            np.concatenate([above * weight, below * weight], axis=1),
            side,
            v[:, None],
            df_y,
        )

    def cdf(self, q: Array) -> Array:
        """G(q) (S,), q in units of s_a s_b."""
        return np.asarray((self.weight * t_cdf(self._argument(q), self.df)).sum(axis=1))

    def density(self, q: Array) -> Array:
        """G'(q) (S,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = self.weight * _density(self._argument(q), self.df) / np.abs(self.x)
        return np.asarray(np.where(np.isfinite(parts), parts, 0.0).sum(axis=1))

    def _argument(self, q: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(q[:, None] == 0, 0.0, q[:, None] / self.x)
        return np.asarray(self.sign * (ratio - self.shift))

    def quantile(self, probability: float, part: list[Array], sd: Array) -> Array:
        """Return the quantile in raw units: Newton's steps, halving where one leaves the bracket."""
        a, b, var_a, var_b, _, _ = part
        unit = np.sqrt(var_a * var_b)
        spread = np.where(np.isfinite(sd), sd, np.sqrt(a**2 * var_b + b**2 * var_a + var_a * var_b)) / unit
        centre = a * b / unit
        q, open_ = centre + float(ndtri(probability)) * spread, np.arange(len(centre))
        low, high = np.full(len(q), -np.inf), np.full(len(q), np.inf)
        for _ in range(STEPS):
            left = self._rows(open_)
            excess = left.cdf(q[open_]) - probability
            low[open_] = np.where(excess < 0, q[open_], low[open_])
            high[open_] = np.where(excess > 0, q[open_], high[open_])
            with np.errstate(divide="ignore", invalid="ignore"):
                move = -excess / left.density(q[open_])
            most = LONGEST * (spread[open_] + np.abs(q[open_]))
            move = np.clip(np.where(np.isnan(move), 0.0, move), -most, most)
            following = q[open_] + move
            done = np.abs(move) <= CLOSE * spread[open_]
            middle = (low[open_] + high[open_]) / 2
            outside = ~((following > low[open_]) & (following < high[open_])) & np.isfinite(middle) & ~done
            following = np.where(outside, middle, following)
            q[open_] = following
            open_ = open_[~done]
            if not len(open_):
                break
        return np.asarray(q * unit)

    def _rows(self, rows: Ints) -> _Mixture:
        if len(rows) == len(self.x):
            return self
        return _Mixture(self.x[rows], self.weight[rows], self.sign, self.shift[rows], self.df[rows])


@cache
def tanh_sinh(step: float) -> tuple[Array, Array]:
    """Points in (0, 1) and weights of the tanh-sinh rule."""
    place = np.arange(-int(REACH / step), int(REACH / step) + 1) * step
    angle = np.pi / 2 * np.sinh(place)
    share = 1.0 / (1.0 + np.exp(-2.0 * angle))
    weight = step * np.pi / 4 * np.cosh(place) / np.cosh(angle) ** 2
    return share, weight / weight.sum()


def _density(t: Array, df: Array) -> Array:
    infinite = np.isinf(df)
    safe = np.where(infinite, 1.0, df)
    constant = gammaln((safe + 1) / 2) - gammaln(safe / 2) - 0.5 * np.log(np.pi * safe)
    of_t = constant - (safe + 1) / 2 * np.log1p(t * t / safe)
    return np.exp(np.where(infinite, -t * t / 2 - 0.5 * np.log(2 * np.pi), of_t))
