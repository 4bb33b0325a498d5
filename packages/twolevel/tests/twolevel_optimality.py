"""Optimality conditions of a reported maximum, from a likelihood and derivatives of the tests' own.

The likelihood of x -> m -> y over a saturated between level is written down once more, in complex numbers: its
gradient is a complex step (exact to rounding), its Hessian differences of that gradient. Nothing of the library is used.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NAMES = ["x", "m", "y"]
LOWER = np.tril_indices(3)


@dataclass(frozen=True)
class Verdict:
    """What a maximum must satisfy.

    Attributes
    ----------
    gain : float
        log-likelihood that one more Newton step would promise.
    curvature : float
        Smallest eigenvalue of the Hessian of -log L, scaled to unit diagonal, rotations of the factor left out.
    multiplier : float
        Smallest eigenvalue of the derivative of -log L with respect to S_B.
    regular : bool
        Whether S_W and all S_W + n S_B are definite.
    """

    gain: float
    curvature: float
    multiplier: float
    regular: bool


class Study:
    """-log L of one data set without its constant, for many points at once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        groups = frame.groupby("cluster")[NAMES]
        self.n = groups.size().to_numpy(float)
        self.mean = groups.mean().to_numpy()
        deviation = frame[NAMES].to_numpy() - groups.transform("mean").to_numpy()
        self.within, self.df = deviation.T @ deviation, len(frame) - len(self.n)
        self.sizes, self.group = np.unique(self.n, return_inverse=True)

    def value(self, sw: np.ndarray, sb: np.ndarray, mu: np.ndarray) -> np.ndarray:
        """(P,) at moments (P, 3, 3), (P, 3, 3), (P, 3), real or complex."""
        inverse = np.linalg.inv(sw)
        total = self.df * np.log(np.linalg.det(sw)) + np.einsum("kij,ji->k", inverse, self.within)
        d = self.mean - mu[:, None]
        for s, n in enumerate(self.sizes):
            own = d[:, self.group == s]
            v = sw + n * sb
            total = total + own.shape[1] * np.log(np.linalg.det(v))
            total = total + n * np.einsum("kji,kil,kjl->k", own, np.linalg.inv(v), own)
        return 0.5 * total

    def gradient(self, points: np.ndarray, moments) -> np.ndarray:
        """(P, k) complex-step gradients at points (P, k)."""
        k = points.shape[1]
        moved = (points[:, None, :] + 1e-30j * np.eye(k)).reshape(-1, k)
        return (self.value(*moments(moved)).imag / 1e-30).reshape(points.shape)

    def hessian(self, point: np.ndarray, moments) -> np.ndarray:
        """(k, k) central differences of the gradient, a thousandth of each parameter's spread apart."""
        step = np.full(len(point), 1e-7)
        for _ in range(2):
            ahead, behind = (self.gradient(point + s * np.diag(step), moments) for s in (1, -1))
            hessian = (ahead - behind) / (2 * step[:, None])
            step = 1e-3 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1.0))
        return 0.5 * (hessian + hessian.T)


def _within(points: np.ndarray, direct: bool) -> np.ndarray:
    """S_W from a, b, (c', if direct) and log residual variances in the first columns."""
    b = np.zeros((len(points), 3, 3), dtype=points.dtype)
    b[:, 1, 0], b[:, 2, 1] = points[:, 0], points[:, 1]
    if direct:
        b[:, 2, 0] = points[:, 2]
    effects = np.linalg.inv(np.eye(3) - b)
    variance = np.exp(points[:, 2 + direct : 5 + direct])
    return np.einsum("kij,kj,klj->kil", effects, variance, effects)


def verdict(
    study: Study, sw: np.ndarray, sb: np.ndarray, mu: np.ndarray, bounded: bool, direct: bool
) -> Verdict:
    """Check a point reported as a maximum.

    Parameters
    ----------
    sw, sb, mu : ndarray (3, 3), (3, 3), (3,)
    bounded : bool
        Maximum over positive semi-definite S_B (on the face of its rank), or a regular unconstrained one.
    direct : bool
        Whether y ~ x is free at the within level.
    """
    a = sw[1, 0] / sw[0, 0]
    slopes = np.linalg.solve(sw[:2, :2], sw[:2, 2]) if direct else np.array([0.0, sw[1, 2] / sw[1, 1]])
    residual = np.array([sw[0, 0], sw[1, 1] - a * sw[0, 1], sw[2, 2] - slopes @ sw[:2, 2]])
    head = [a, slopes[1], *slopes[: int(direct)], *np.log(residual)]
    values, vectors = np.linalg.eigh(sb)
    rank = int((values > 1e-7).sum())
    between = (vectors[:, 3 - rank :] * np.sqrt(values[3 - rank :])).ravel() if bounded else sb[LOWER]
    point = np.array([*head, *between, *mu])

    def moments(points):
        part = points[:, len(head) : -3]
        if bounded:
            factor = part.reshape(len(points), 3, rank)
            out = np.einsum("kir,kjr->kij", factor, factor)
        else:
            out = np.zeros((len(points), 3, 3), dtype=points.dtype)
            out[:, LOWER[0], LOWER[1]] = out[:, LOWER[1], LOWER[0]] = part
        return _within(points, direct), out, points[:, -3:]

    def between_only(points):
        out = np.zeros((len(points), 3, 3), dtype=points.dtype)
        out[:, LOWER[0], LOWER[1]] = out[:, LOWER[1], LOWER[0]] = points
        shape = (len(points), 3)
        return np.broadcast_to(sw, (*shape, 3)), out, np.broadcast_to(mu, shape)

    gradient = study.gradient(point[None], moments)[0]
    hessian = study.hessian(point, moments)
    size = np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-6 * np.abs(np.diag(hessian)).max()))
    curvatures, axes = np.linalg.eigh(hessian / np.outer(size, size))
    rotations = rank * (rank - 1) // 2 if bounded else 0
    kept = np.sort(np.argsort(np.abs(curvatures))[rotations:])
    along = axes[:, kept].T @ (gradient / size)
    slope = study.gradient(sb[LOWER][None], between_only)[0] * np.where(LOWER[0] == LOWER[1], 1.0, 0.5)
    z = np.zeros((3, 3))
    z[LOWER] = z.T[LOWER] = slope
    regular = all(np.linalg.eigvalsh(sw + n * sb)[0] > 0 for n in (0.0, *study.sizes))
    return Verdict(
        float(0.5 * np.sum(along**2 / np.maximum(np.abs(curvatures[kept]), 1e-12))),
        float(curvatures[kept][0]),
        float(np.linalg.eigvalsh(z)[0]),
        regular,
    )
