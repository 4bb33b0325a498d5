"""-log L of a model with random slopes, as a function of its free parameters."""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from ..errors import UnsupportedError
from ..likelihood.layout import Layout
from ..likelihood.objective import LOCAL, Implied, Objective, total_sd
from ..likelihood.ram import MATRIX_A, MATRIX_S
from .between import flat_size, level_two, level_two_jacobian
from .moments import SlopeMoments, modelled, regressors
from .sums import all_clusters

# Nodes of the adaptive rule by the number of slopes that are integrated.
NODES = {0: 1, 1: 61, 2: 21, 3: 13}
# Of a first, quick search, whose end the full rule starts from.
COARSE = {1: 15, 2: 7, 3: 5}
# Iterations of one search by quadrature. One that finds its way takes some ten; a flat ridge takes any number.
SEARCH = 50
# Gradients by the full rule, for each parameter, after which no further search is begun.
WORK = 20
# Least variance of a quadrature slope, in its units squared: below it is zero but for what derivatives need.
FLOOR = 1e-10
# Step of the rough Hessian's differences, in the parameters' units.
STEP = 1e-6
# Of the precise one's beside a wall of the domain: the likelihood bends more there.
CLOSE = 3e-5


@lru_cache
def rule(r: int, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Product Gauss-Hermite rule for the standard normal of r dimensions: nodes, and log weight + x'x / 2."""
    if r == 0:
        return np.zeros((1, 0)), np.zeros(1)
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    points = np.array(list(product(x, repeat=r)))
    weights = np.array([sum(t) for t in product(np.log(w / np.sqrt(2 * np.pi)), repeat=r)])
    return points, weights + 0.5 * (points**2).sum(axis=1)


class SlopeObjective(Objective):
    """-log L (with its constant) given the covariates of `Random.given`.

    Parameters
    ----------
    layout : Layout
    moments : SlopeMoments
    nodes : int, optional
        Quadrature nodes in each dimension.
    """

    def __init__(self, layout: Layout, moments: SlopeMoments, nodes: int | None = None) -> None:
        super().__init__(layout, moments)
        self.own = moments
        random, (within, between) = layout.random, layout.levels
        own_y, own_z = modelled(layout)
        quadrature = moments.quadrature
        at = {n: k for k, n in enumerate(within.names)}
        above = {n: k for k, n in enumerate(between.names)}
        columns = [None, *regressors(layout, quadrature)]
        self.obs = np.array([at[n] for n in own_y], dtype=np.int64)
        self.x_at = np.array([at[n] for n in random.x], dtype=np.int64)
        self.z_at = np.array([above[n] for n in own_z], dtype=np.int64)
        self.w_at = np.array([above[n] for n in random.w], dtype=np.int64)
        integrated = [random.slopes[k] for k in quadrature]
        linear = [s for k, s in enumerate(random.slopes) if k not in quadrature]
        intercepts = [k for k, n in enumerate(own_y) if n in above]
        self.drawn = np.array(
            [above[s.name] for s in integrated]
            + [above[own_y[k]] for k in intercepts]
            + [above[s.name] for s in linear],
            dtype=np.int64,
        )
        self.c_index = np.array([*intercepts, *(at[s.outcome] for s in linear)], dtype=np.int64)
        self.c_kind = np.array([0] * len(intercepts) + [1] * len(linear), dtype=np.int64)
        self.c_col = np.array(
            [0] * len(intercepts) + [columns.index(s.predictor) for s in linear], dtype=np.int64
        )
        self.spots = np.array([(at[s.outcome], at[s.predictor]) for s in integrated], dtype=np.int64).reshape(
            -1, 2
        )
        self.observed_kind = np.array(
            [own_y.index(s.predictor) if s.kind == "observed" else -1 for s in integrated], dtype=np.int64
        )
        self.r = len(integrated)
        self.flat = flat_size(self.r, len(self.c_col), len(self.w_at), len(self.z_at))
        self.rule = rule(self.r, nodes or NODES[self.r])

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Natural SD of each variable per level; that of a slope: its outcome's over its predictor's."""
        within, between = super().scales
        between = between.copy()
        total = dict(zip((*self.layout.y, *self.layout.z), total_sd(self.own).tolist(), strict=True))
        for slope in self.layout.random.slopes:
            place = self.layout.levels[1].names.index(slope.name)
            between[place] = total[slope.outcome] / total[slope.predictor]
        return within, between

    @cached_property
    def coarse(self) -> SlopeObjective | None:
        """The same with fewer nodes, to come near the maximum; None in closed form."""
        if not self.r or len(self.rule[0]) <= COARSE[self.r] ** self.r:
            return None
        return SlopeObjective(self.layout, self.own, COARSE[self.r])

    def allowed(self, iterations: int) -> int:
        """Fewer where each takes a quadrature for every cluster."""
        return min(iterations, SEARCH) if self.coarse else iterations

    @property
    def spent(self) -> bool:
        """Whether the quadratures of all searches, those of few nodes by their share, have reached their limit."""
        quick = self.coarse
        if quick is None:
            return False
        share = len(quick.rule[0]) / len(self.rule[0])
        return self.evaluations + share * quick.evaluations > WORK * (len(self.units) + 2)

    @cached_property
    def floor(self) -> np.ndarray:
        """Least variances of the quadrature slopes, (r,)."""
        return FLOOR * self.scales[1][self.drawn[: self.r]] ** 2

    def implied(self, theta: np.ndarray) -> Implied | None:
        """Refused: with random slopes covariances depend on the covariates.

        Raises
        ------
        UnsupportedError
        """
        raise UnsupportedError(
            "with random slopes the covariances of the variables depend on the covariates: there is no one implied "
            "matrix; the parameters, slope_moments() and average_indirect() say what the model implies"
        )

    def level_two_at(self, theta: np.ndarray) -> np.ndarray | None:
        """The flat vector of level 2 at real parameters; None outside the domain."""
        out = np.zeros(self.flat, complex)
        own = self.layout.levels[1]
        inside = level_two(
            np.ascontiguousarray(theta, dtype=complex), self.layout.places, own.a, own.s, own.mean, self.drawn,
            self.z_at, self.w_at, self.r, self.floor, out,
        )  # fmt: skip
        return np.ascontiguousarray(out.real) if inside else None

    def __call__(
        self, theta: np.ndarray, order: int = 0
    ) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        """(-log L, its gradient if order >= 1, its Hessian if order >= 2); inf outside the domain.

        The Hessian is made of differences of the gradient: at order 2 one-sided ones, at order 3 central ones. At order
        2, which is for steps alone, the gradients are those of few nodes: right to some three digits, at a fifth of
        the time or less.
        """
        theta = np.ascontiguousarray(theta, dtype=float)
        value, gradient = self._value(theta, order > 0)
        if gradient is None or order < 2:
            return value, gradient, None
        if order == 3:
            return value, gradient, self.difference_hessian(theta)
        rough = self.coarse or self
        there = gradient if rough is self else rough._value(theta, True)[1]
        return value, gradient, None if there is None else rough._one_sided(theta, there)

    def _value(self, theta: np.ndarray, derive: bool) -> tuple[float, np.ndarray | None]:
        self.evaluations += 1
        flat = self.level_two_at(theta)
        if flat is None:
            return np.inf, None
        own = self.layout.levels[0]
        a, psi, alpha = own.a.copy(), own.s.copy(), own.mean.copy()
        places = self.layout.places
        for k, level, matrix, i, j in places:
            if level == 0:
                if matrix == MATRIX_A:
                    a[i, j] = theta[k]
                elif matrix == MATRIX_S:
                    psi[i, j] = psi[j, i] = theta[k]
                else:
                    alpha[i] = theta[k]
        size, data = len(a), self.own
        g_flat = np.zeros(self.flat)
        g_a, g_s, g_alpha = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
        value = all_clusters(
            a, psi, alpha, self.obs, self.x_at, self.c_index, self.c_kind, self.c_col, self.spots,
            self.observed_kind, data.own_patterns, data.own_first, data.own_cell, data.own_n, data.f, data.g, data.h,
            data.between, data.nz, flat, *self.rule, derive, g_flat, g_a, g_s, g_alpha,
        )  # fmt: skip
        value = 0.5 * (value + data.constant)
        if not derive or not np.isfinite(value):
            return value, None
        jacobian = np.zeros((len(theta), self.flat))
        above = self.layout.levels[1]
        if not level_two_jacobian(
            theta, places, above.a, above.s, above.mean, self.drawn, self.z_at, self.w_at, self.r, self.floor,
            jacobian,
        ):  # fmt: skip
            return value, None
        gradient = jacobian @ g_flat
        for k, level, matrix, i, j in places:
            if level == 0:
                if matrix == MATRIX_A:
                    gradient[k] += g_a[i, j]
                elif matrix == MATRIX_S:
                    gradient[k] += g_s[i, j] if i == j else g_s[i, j] + g_s[j, i]
                else:
                    gradient[k] += g_alpha[i]
        return value, 0.5 * gradient

    @cached_property
    def _inward(self) -> np.ndarray:
        """One unit more of every variance of an integrated slope, (k,): a direction that leads off the domain's walls."""
        out = np.zeros(len(self.units))
        integrated = self.drawn[: self.r]
        for k, level, matrix, i, j in self.layout.places:
            if level == 1 and matrix == MATRIX_S and i == j and i in integrated:
                out[k] = self.units[k]
        return out

    def _beside_wall(self, theta: np.ndarray, distance: float) -> bool:
        """Whether an integrated slope has less variance left, given the others, than `distance` units."""
        flat = self.level_two_at(theta)
        if not self.r or flat is None:
            return False
        width = self.own.between.shape[1]
        start = (self.r + len(self.c_col)) * (1 + width)
        pivots = flat[start : start + self.r**2].reshape(self.r, self.r).diagonal() ** 2
        return bool((pivots < distance * self.scales[1][self.drawn[: self.r]] ** 2).any())

    def difference_hessian(self, theta: np.ndarray, relative: float = 3e-4) -> np.ndarray | None:
        """As of any likelihood; beside a wall of the domain from inside it.

        An integrated slope has no likelihood with a negative variance, nor two with a correlation beyond one: where a
        variance is zero, no step of their covariances stays inside. The likelihood being smooth up to the wall, its
        Hessian there is twice that at a small distance less that at twice the distance.
        """
        distance = 4.0 * self.r * relative
        if not self._beside_wall(theta, distance):
            return super().difference_hessian(theta, relative)
        if relative > CLOSE:
            return self.difference_hessian(theta, CLOSE)
        found = [
            super(SlopeObjective, self).difference_hessian(theta + times * distance * self._inward, relative)
            for times in (1.0, 2.0)
        ]
        if found[0] is None or found[1] is None:
            return None
        bent = distance * np.sqrt(max(self._inward @ found[0] @ self._inward, 0.0))
        if bent > LOCAL:
            return self.difference_hessian(theta, 0.5 * relative * LOCAL / bent)
        return np.asarray(2.0 * found[0] - found[1])

    def _one_sided(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
        """Rough Hessian by steps ahead; beside a wall of the domain (see `difference_hessian`) that a little inside it."""
        distance = 4.0 * self.r * STEP
        if self._beside_wall(theta, distance):
            theta = theta + distance * self._inward
            inside = self._value(theta, True)[1]
            if inside is None:
                return None
            gradient = inside
        rows = np.empty((len(theta), len(theta)))
        for k, unit in enumerate(self.units):
            size = max(STEP * unit, 1e-7 * abs(theta[k]))
            for step in (size, -size):
                moved = theta.copy()
                moved[k] += step
                there = self._value(moved, True)[1]
                if there is not None:
                    break
            else:
                return None
            rows[k] = (there - gradient) / (moved[k] - theta[k])
        return 0.5 * (rows + rows.T)
