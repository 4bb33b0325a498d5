"""The admissible set: every covariance matrix S of a level positive semi-definite.

Each connected block of S whose entries are all free is written S = L L' with a full square L. A second-order
stationary point in L with a rank-deficient L satisfies the optimality conditions of the semi-definite problem
(Burer & Monteiro, 2005, Math. Program. 103, 427-444; Journee et al., 2010, SIAM J. Optim. 20, 2327-2351), so the
boundary needs no active-set logic. A lone variance is s^2. A block with fixed or shared entries among its
covariances ("constrained") keeps its entries as they are; attempt.py adds a barrier where it would leave the cone.

On the boundary the derivatives along the face of constant rank give the standard errors: with N a basis of the
block's null space and Y = N' (dF/dS) N its multiplier, directions obey N' dS N = 0 and the curvature of F along
the face is d'H d + 2 tr(Y N' dS S+ dS N), which is the Hessian in L (p x r) with its rotations removed.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from ..compiled import compiled
from ..likelihood.layout import Layout
from ..likelihood.objective import parameter_units
from ..likelihood.ram import MATRIX_S

# An eigenvalue of S below this share of the variables' total variance is zero.
ZERO = 1e-7


@compiled("void(i8[:,::1], f8[::1], f8[::1])")
def sum_products(triples, phi, theta):
    """theta_k += phi_i phi_j for each row (k, i, j)."""
    for row in range(triples.shape[0]):
        theta[triples[row, 0]] += phi[triples[row, 1]] * phi[triples[row, 2]]


@compiled("void(i8[:,::1], f8[::1], f8[:,::1])")
def product_jacobian(triples, phi, out):
    """Derivatives of `sum_products`."""
    for row in range(triples.shape[0]):
        k, i, j = triples[row, 0], triples[row, 1], triples[row, 2]
        out[k, i] += phi[j]
        out[k, j] += phi[i]


@compiled("void(i8[:,::1], f8[::1], f8[:,::1])")
def add_products(triples, gradient, hessian):
    """Second derivatives of `sum_products`, weighted by the gradient."""
    for row in range(triples.shape[0]):
        k, i, j = triples[row, 0], triples[row, 1], triples[row, 2]
        hessian[i, j] += gradient[k]
        hessian[j, i] += gradient[k]


@dataclass(frozen=True)
class Block:
    """A connected block of S at one level.

    Attributes
    ----------
    level : int
    members : ndarray of int
        RAM variables of the block.
    parameter : ndarray (m, m) of int
        Free parameter of each entry, -1 where fixed.
    fixed : ndarray (m, m)
        Values of the fixed entries.
    factored : bool
        Whether the block is written as L L'.
    """

    level: int
    members: np.ndarray
    parameter: np.ndarray
    fixed: np.ndarray
    factored: bool

    def matrix(self, theta: np.ndarray) -> np.ndarray:
        return np.where(self.parameter >= 0, theta[self.parameter], self.fixed)

    def directions(self, n_parameters: int) -> np.ndarray:
        """dS / d theta_k, (k, m, m)."""
        out = np.zeros((n_parameters, *self.parameter.shape))
        i, j = np.nonzero(self.parameter >= 0)
        out[self.parameter[i, j], i, j] = 1.0
        return out


@lru_cache(maxsize=64)
def blocks(layout: Layout) -> tuple[Block, ...]:
    """All connected blocks of both levels' S that hold a free parameter."""
    found = []
    shared = np.diff(layout.first) > 1
    bound = np.zeros(layout.n_parameters, dtype=bool)  # by an equation
    if layout.equations is not None:
        bound = (layout.equations[0] != 0).any(axis=0)
    for number, level in enumerate(layout.levels):
        m = len(level.names)
        parameter = np.full((m, m), -1)
        for k, own, matrix, i, j in layout.places:
            if own == number and matrix == MATRIX_S:
                parameter[i, j] = parameter[j, i] = k
        linked = (parameter >= 0) | (level.s != 0)
        unseen = set(range(m))
        while unseen:
            members, queue = [], [min(unseen)]
            unseen -= set(queue)
            while queue:
                i = queue.pop()
                members.append(i)
                more = [j for j in sorted(unseen) if linked[i, j]]
                unseen -= set(more)
                queue += more
            index = np.array(sorted(members))
            own_parameter = parameter[np.ix_(index, index)]
            if (own_parameter < 0).all():
                continue
            free = own_parameter[np.tril_indices(len(index))]
            factored = bool((free >= 0).all()) and (len(index) == 1 or not shared[free].any())
            factored = factored and not bound[free].any()
            found.append(Block(number, index, own_parameter, level.s[np.ix_(index, index)], factored))
    return tuple(found)


@lru_cache(maxsize=64)
def _factors(
    layout: Layout, factored: bool
) -> tuple[tuple[tuple[Block, np.ndarray], ...], np.ndarray, np.ndarray]:
    """(blocks and the places of their factors, products (k, i, j), parameters that are none), whatever the data."""
    plain = np.ones(layout.n_parameters, dtype=bool)
    triples: list[tuple[int, int, int]] = []
    factors: list[tuple[Block, np.ndarray]] = []
    roots: set[int] = set()
    count = 0
    for block in blocks(layout) if factored else ():
        m = len(block.members)
        if not block.factored or (m == 1 and int(block.parameter[0, 0]) in roots):
            continue  # or a variance shared with another block
        index = count + np.arange(m * m).reshape(m, m)
        count += m * m
        for i in range(m):
            for j in range(i + 1):
                row = int(block.parameter[i, j])
                plain[row] = False
                triples += [(row, int(index[i, c]), int(index[j, c])) for c in range(m)]
        if m == 1:
            roots.add(int(block.parameter[0, 0]))
        factors.append((block, index))
    return tuple(factors), np.array(triples, dtype=np.int64).reshape(-1, 3), np.flatnonzero(plain)


@dataclass
class Transform:
    """theta(phi) = linear part + quadratic part: theta_k = phi_i or a sum of products phi_i phi_j.

    With `factored` false it is the identity (bounds none).
    """

    layout: Layout
    scales: tuple[np.ndarray, np.ndarray]
    factored: bool
    blocks: tuple[Block, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.blocks = blocks(self.layout)
        self.theta_units = theta_units = parameter_units(self.layout, self.scales)
        self.factors, self.triples, self.plain = _factors(self.layout, self.factored)
        units = [np.repeat(self.scales[b.level][b.members], len(b.members)) for b, _ in self.factors]
        first = sum(map(len, units))
        # Equations: the plain parameters, each in its unit, are origin + basis psi (no parameter of a factored block
        # is in an equation).
        self.basis, self.origin = None, np.zeros(len(self.plain))
        if self.layout.equations is not None:
            rows, constants = self.layout.equations
            scaled = rows[:, self.plain] * theta_units[self.plain]
            self.origin = np.linalg.lstsq(scaled, constants, rcond=None)[0]
            self.basis = np.linalg.svd(scaled)[2][len(constants) :].T
        count = len(self.plain) if self.basis is None else self.basis.shape[1]
        self.plain_index = first + np.arange(count)
        self.units = np.concatenate(
            [*units, theta_units[self.plain] if self.basis is None else np.ones(count)]
        )
        self.size = len(self.units)

    @property
    def tangent(self) -> np.ndarray:
        """Basis, in parameter units, of the directions that the equations leave, (k, d)."""
        if self.layout.equations is None:
            return np.diag(self.theta_units)
        scaled = self.layout.equations[0] * self.theta_units
        return np.asarray(self.theta_units[:, None] * np.linalg.svd(scaled)[2][len(scaled) :].T)

    def theta(self, phi: np.ndarray) -> np.ndarray:
        out = np.zeros(self.layout.n_parameters)
        own = phi[self.plain_index]
        if self.basis is not None:
            own = self.theta_units[self.plain] * (self.origin + self.basis @ own)
        out[self.plain] = own
        sum_products(self.triples, phi, out)
        return out

    def phi(self, theta: np.ndarray) -> np.ndarray:
        """A preimage of `theta` (negative eigenvalues of a block are cut to zero)."""
        out = np.zeros(self.size)
        own = theta[self.plain]
        if self.basis is not None:  # the nearest point at which the equations hold
            own = self.basis.T @ (own / self.theta_units[self.plain] - self.origin)
        out[self.plain_index] = own
        for block, index in self.factors:
            scale = self.scales[block.level][block.members]
            values, vectors = np.linalg.eigh(block.matrix(theta) / np.outer(scale, scale))
            out[index] = scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0))
        return out

    def on_face(self, theta: np.ndarray) -> Transform:
        """The same with what is singular at `theta` held singular: factor columns of zero stay zero.

        `phi(theta)` of either is a point of both.
        """
        phi, lost = self.phi(theta), np.zeros(self.size, dtype=bool)
        for block, index in self.factors:
            scale = self.scales[block.level][block.members]
            lost[index] = ((phi[index] / scale[:, None]) ** 2).sum(axis=0) < ZERO
        held = copy(self)
        held.triples = self.triples[~lost[self.triples[:, 1]]]
        return held

    def jacobian(self, phi: np.ndarray) -> np.ndarray:
        """d theta / d phi, (k, size)."""
        out = np.zeros((self.layout.n_parameters, self.size))
        if self.basis is None:
            out[self.plain, self.plain_index] = 1.0
        else:
            out[np.ix_(self.plain, self.plain_index)] = self.theta_units[self.plain][:, None] * self.basis
        product_jacobian(self.triples, phi, out)
        return out

    def pull(
        self, phi: np.ndarray, gradient: np.ndarray, hessian: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Gradient and Hessian in phi from those in theta."""
        if not len(self.triples) and self.basis is None:  # theta is phi in the order of `plain`
            return gradient[self.plain], None if hessian is None else hessian[np.ix_(self.plain, self.plain)]
        jacobian = self.jacobian(phi)
        if hessian is None:
            return jacobian.T @ gradient, None
        out = jacobian.T @ hessian @ jacobian
        add_products(self.triples, gradient, out)
        return jacobian.T @ gradient, out


@dataclass(frozen=True)
class Face:
    """The face of the admissible set on which a point lies.

    Attributes
    ----------
    ranks : tuple of (Block, rank, size)
        Blocks at the boundary.
    tangent : ndarray (k, d)
        Orthonormal basis (in parameter units) of the directions that keep the ranks.
    curvature : ndarray (k, k)
        Second-order term of the curved face, to be added to the Hessian.
    multiplier : float
        Smallest eigenvalue of the multipliers, in -log L per unit of total variance; >= 0 at a maximum.
    worst : tuple (Block, ndarray) or None
        Where that eigenvalue is negative: the block and the direction (in own units) to grow along.
    smallest : float
        Smallest eigenvalue of all blocks, per unit of total variance.
    """

    ranks: tuple[tuple[Block, int, int], ...]
    tangent: np.ndarray
    curvature: np.ndarray
    multiplier: float
    worst: tuple[Block, np.ndarray] | None
    smallest: float


def face(transform: Transform, theta: np.ndarray, gradient: np.ndarray, zero: float = ZERO) -> Face:
    """Find the blocks at the boundary, their multipliers and tangent space.

    Parameters
    ----------
    gradient : ndarray (k,)
        Of -log L with respect to theta.
    """
    k = len(theta)
    units = transform.theta_units
    curvature = np.zeros((k, k))
    rows: list[np.ndarray] = []
    ranks = []
    multiplier, worst, smallest = np.inf, None, np.inf
    for block in transform.blocks:
        scale = transform.scales[block.level][block.members]
        if len(scale) == 1:
            own_variance = float(block.matrix(theta)[0, 0]) / scale[0] ** 2
            smallest = min(smallest, own_variance)
            if own_variance >= zero:
                continue
        outer = np.outer(scale, scale)
        values, vectors = np.linalg.eigh(block.matrix(theta) / outer)
        smallest = min(smallest, float(values[0]))
        null = values < zero
        if not null.any():
            continue
        n = vectors[:, null]
        ranks.append((block, int((~null).sum()), len(values)))
        d_s = block.directions(k) / outer * units[:, None, None]  # per unit of each parameter
        projected = np.einsum("ia,kij,jb->kab", n, d_s, n)
        upper = np.triu_indices(n.shape[1])
        rows += list(projected[:, upper[0], upper[1]].T)
        own = np.unique(block.parameter[block.parameter >= 0])
        if block.factored and len(block.members) > 1:
            symmetric = np.zeros_like(outer)
            for i in range(len(values)):
                for j in range(len(values)):
                    share = 1.0 if i == j else 0.5
                    symmetric[i, j] = share * gradient[block.parameter[i, j]] * outer[i, j]
            y = n.T @ symmetric @ n
        else:
            # Shared or fixed entries: the multiplier that balances the gradient of the block's parameters.
            basis = projected[own][:, upper[0], upper[1]] * np.where(upper[0] == upper[1], 1.0, 2.0)
            if transform.layout.equations is not None:  # those have multipliers of their own
                basis = np.hstack([basis, (transform.layout.equations[0] * units)[:, own].T])
            solution = np.linalg.lstsq(basis, (gradient * units)[own], rcond=None)[0]
            y = np.zeros((n.shape[1], n.shape[1]))
            y[upper] = solution[: len(upper[0])]
            y = y + np.triu(y, 1).T
        y_values, y_vectors = np.linalg.eigh(y)
        if y_values[0] < multiplier:
            multiplier = float(y_values[0])
            worst = (block, scale * (n @ y_vectors[:, 0]))
        kept = ~null
        if kept.any():
            half = np.einsum("ia,kij,jb->kab", n, d_s, vectors[:, kept] / np.sqrt(values[kept]))
            curvature += 2.0 * np.einsum("ab,kbr,lar->kl", y, half, half)
    if transform.layout.equations is not None:
        rows += list(transform.layout.equations[0] * units)
    if rows:
        constraint = np.array(rows)
        _, singular, right = np.linalg.svd(constraint)
        rank = int((singular > 1e-10 * max(singular[0], 1e-300)).sum())
        tangent = right[rank:].T
    else:
        tangent = np.eye(k)
    tangent = tangent * units[:, None]
    curvature = 0.5 * (curvature + curvature.T) / np.outer(units, units)
    return Face(tuple(ranks), tangent, curvature, multiplier, worst if multiplier < 0 else None, smallest)
