"""-log L of a model with random slopes, as a function of its free parameters."""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from ..errors import UnsupportedError
from ..likelihood.layout import Layout
from ..likelihood.objective import Implied, Objective, total_sd
from ..likelihood.ram import MATRIX_A, MATRIX_S
from .between import flat_size, level_two, level_two_jacobian
from .moments import SlopeMoments, modelled, regressors
from .sums import all_clusters

# Nodes of the adaptive rule by the number of slopes that are integrated.
NODES = {0: 1, 1: 61, 2: 21, 3: 13}
# Of a first, quick search, whose end the full rule starts from.
COARSE = {1: 15, 2: 7, 3: 5}
# Least variance of a quadrature slope, in its units squared: below it is zero but for what derivatives need.
FLOOR = 1e-10


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

    @property
    def coarse(self) -> SlopeObjective | None:
        """The same with fewer nodes, to come near the maximum; None in closed form."""
        if not self.r or len(self.rule[0]) <= COARSE[self.r] ** self.r:
            return None
        return SlopeObjective(self.layout, self.own, COARSE[self.r])

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

        The Hessian is made of differences of the gradient: at order 2 one-sided ones, at order 3 central ones.
        """
        theta = np.ascontiguousarray(theta, dtype=float)
        value, gradient = self._value(theta, order > 0)
        if gradient is None or order < 2:
            return value, gradient, None
        if order == 3:
            return value, gradient, self.difference_hessian(theta)
        return value, gradient, self._one_sided(theta, gradient)

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

    def _difference_row(self, theta: np.ndarray, k: int, step: float) -> np.ndarray | None:
        """Central differences of the gradient; where they leave the domain (a slope without variance), those ahead."""
        row = super()._difference_row(theta, k, step)
        if row is not None or not self.r:
            return row
        found = []
        for times in (0.0, 1.0, 2.0):
            moved = theta.copy()
            moved[k] += times * step
            found.append(self._value(moved, True)[1])
        if found[0] is None or found[1] is None or found[2] is None:
            return None
        return np.asarray((4.0 * found[1] - 3.0 * found[0] - found[2]) / (2.0 * step))

    def _one_sided(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
        rows = np.empty((len(theta), len(theta)))
        for k, unit in enumerate(self.units):
            size = max(1e-6 * unit, 1e-7 * abs(theta[k]))
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
