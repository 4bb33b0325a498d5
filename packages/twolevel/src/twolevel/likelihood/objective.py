"""-log L of a model on given moments, as a function of its free parameters.

Joins the model's layout (ram.py) with the likelihood in moment space: complete data (likelihood.py) or
data with missing values (fiml.py). One object serves optimizer, standard errors, scores and tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data.moments import CompleteMoments, MissingMoments
from .complete import complete_gradient, complete_tangents
from .differences import forward_differences
from .fiml import missing_gradient
from .layout import Layout
from .ram import level_forward, level_tangents, pull_gradient, pull_hessian, scatter, scatter_all


@dataclass(frozen=True)
class Implied:
    """Model-implied moments and what their derivatives need, per level (B, sigma, nu)."""

    sw: np.ndarray
    vb: np.ndarray
    mu: np.ndarray
    states: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Jacobian:
    """Derivatives of the moments with respect to each parameter (first axis k)."""

    sw: np.ndarray
    vb: np.ndarray
    mu: np.ndarray
    states: tuple[tuple[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


# A step of a difference, at most, in standard deviations of the parameter with all others held.
LOCAL = 0.05


class Objective:
    """-log L (with its constant) of a layout on moments.

    Parameters
    ----------
    layout : Layout
    moments : CompleteMoments or MissingMoments
    """

    def __init__(self, layout: Layout, moments: CompleteMoments | MissingMoments) -> None:
        self.layout = layout
        self.moments = moments
        self.p, self.t = len(layout.y), len(layout.y) + len(layout.z)
        self.evaluations = 0

    @property
    def coarse(self) -> Objective | None:
        """A quicker approximation of the same to start by; None where there is none."""
        return None

    def allowed(self, iterations: int) -> int:
        """How many of the iterations asked for a search may take."""
        return iterations

    @property
    def spent(self) -> bool:
        """Whether the searches so far have cost what they may: no further one is begun."""
        return False

    def implied(self, theta: np.ndarray) -> Implied | None:
        """Moments at `theta`; None where I - A of a level is singular."""
        p, t, layout = self.p, self.t, self.layout
        sw, vb, mu, padding = np.zeros((p, p)), np.zeros((t, t)), np.zeros(t), np.zeros(t)
        states = []
        for number, level in enumerate(layout.levels):
            ok, b, sigma, nu = level_forward(theta, layout.places, number, level.a, level.s, level.mean)
            if not ok:
                return None
            scatter(sigma, nu, level.link, vb if number else sw, padding)
            states.append((b, sigma, nu))
        mu += padding
        return Implied(sw, vb, mu, (states[0], states[1]))

    def jacobian(self, implied: Implied) -> Jacobian:
        """Derivatives of the moments, (k, p, p), (k, t, t), (k, t), and of each level's B, sigma, nu."""
        k, p, t = self.layout.n_parameters, self.p, self.t
        dsw, dvb, dmu = np.zeros((k, p, p)), np.zeros((k, t, t)), np.zeros((k, t))
        states = []
        for number, level in enumerate(self.layout.levels):
            m = len(level.names)
            db, dsigma, dnu = np.empty((k, m, m)), np.empty((k, m, m)), np.empty((k, m))
            level_tangents(self.layout.places, number, *implied.states[number], db, dsigma, dnu)
            scatter_all(dsigma, dnu, level.link, dvb if number else dsw, dmu)
            states.append((db, dsigma, dnu))
        return Jacobian(dsw, dvb, dmu, (states[0], states[1]))

    def __call__(
        self, theta: np.ndarray, order: int = 0
    ) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        """(-log L, its gradient if order >= 1, its Hessian if order >= 2); inf outside the domain.

        With missing values the Hessian is made of differences of the gradient: at order 2 one-sided ones (right to
        about four digits: enough to step by), at order 3 central ones with a Richardson step.
        """
        theta = np.ascontiguousarray(theta, dtype=float)
        if isinstance(self.moments, MissingMoments):
            return self._missing(theta, order)
        return self._complete(theta, order)

    def _complete(self, theta: np.ndarray, order: int) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        implied = self.implied(theta)
        self.evaluations += 1
        if implied is None:
            return np.inf, None, None
        data, p, t = self.moments, self.p, self.t
        assert isinstance(data, CompleteMoments)
        s = len(data.sizes)
        gw, gb, gmu = np.empty((p, p)), np.empty((t, t)), np.empty(t)
        wi, wp, r = np.empty((p, p)), np.empty((p, p)), np.empty((s, t))
        vi, vp = np.empty((s, t, t)), np.empty((s, t, t))
        value = complete_gradient(
            implied.sw, implied.vb, implied.mu, data.sizes, data.counts, data.means, data.cross, data.within,
            data.within_df, gw, gb, gmu, wi, wp, vi, vp, r,
        )  # fmt: skip
        value = 0.5 * (value + data.constant)
        if order == 0 or not np.isfinite(value):
            return value, None, None
        gradient = self.pull(implied, gw, gb, gmu)
        if order == 1:
            return value, gradient, None
        jacobian = self.jacobian(implied)
        k = self.layout.n_parameters
        dgw, dgb, dgmu = np.empty((k, p, p)), np.empty((k, t, t)), np.empty((k, t))
        complete_tangents(
            jacobian.sw, jacobian.vb, jacobian.mu, data.sizes, data.counts, data.within_df,
            wi, wp, vi, vp, r, dgw, dgb, dgmu,
        )  # fmt: skip
        hessian = np.zeros((k, k))
        for number, level in enumerate(self.layout.levels):
            g, dg = (gb, dgb) if number else (gw, dgw)
            pull_hessian(
                self.layout.places, number, level.link, *implied.states[number], g, gmu,
                *jacobian.states[number], dg, dgmu, hessian,
            )  # fmt: skip
        return value, gradient, 0.25 * (hessian + hessian.T)

    def pull(self, implied: Implied, gw: np.ndarray, gb: np.ndarray, gmu: np.ndarray) -> np.ndarray:
        """Gradient of -log L from the derivatives of -2 log L in moment space."""
        gradient = np.zeros(self.layout.n_parameters)
        for number, level in enumerate(self.layout.levels):
            pull_gradient(
                self.layout.places,
                number,
                level.link,
                *implied.states[number],
                gb if number else gw,
                gmu,
                gradient,
            )
        return 0.5 * gradient

    def _missing(self, theta: np.ndarray, order: int) -> tuple[float, np.ndarray | None, np.ndarray | None]:
        implied = self.implied(theta)
        self.evaluations += 1
        if implied is None:
            return np.inf, None, None
        data, p, t = self.moments, self.p, self.t
        assert isinstance(data, MissingMoments)
        gw, gb, gmu = np.empty((p, p)), np.empty((t, t)), np.empty(t)
        value = missing_gradient(
            implied.sw, implied.vb, implied.mu, data.patterns, data.pattern_n, data.pattern_ssp, data.first,
            data.cell_pattern, data.cell_n, data.cell_mean, data.z, data.z_seen, gw, gb, gmu,
        )  # fmt: skip
        value = 0.5 * (value + data.constant)
        if order == 0 or not np.isfinite(value):
            return value, None, None
        gradient = self.pull(implied, gw, gb, gmu)
        if order == 1:
            return value, gradient, None
        hessian = self.difference_hessian(theta) if order == 3 else self._rough_hessian(theta, gradient)
        return value, gradient, hessian

    def _rough_hessian(self, theta: np.ndarray, gradient: np.ndarray) -> np.ndarray | None:
        data, layout = self.moments, self.layout
        assert isinstance(data, MissingMoments)
        rows = np.empty((len(theta), len(theta)))
        levels = [part for level in layout.levels for part in (level.a, level.s, level.mean, level.link)]
        inside = forward_differences(
            theta, gradient, 1e-6 * self.units, layout.places, *levels, data.patterns, data.pattern_n,
            data.pattern_ssp, data.first, data.cell_pattern, data.cell_n, data.cell_mean, data.z, data.z_seen, rows,
        )  # fmt: skip
        return 0.5 * (rows + rows.T) if inside else None

    def difference_hessian(self, theta: np.ndarray, relative: float = 3e-4) -> np.ndarray | None:
        """Hessian by central differences of the analytic gradient, with one Richardson step.

        The error is of order h^4 and of the gradient's rounding over h. Beside a singular covariance matrix the
        steps shrink until they stay inside the domain; None if even tiny ones leave it. They shrink too where the
        likelihood bends within a step: the variance of a predictor of next to no variance.
        """
        hessian = np.empty((len(theta), len(theta)))
        for k, unit in enumerate(np.maximum(self.units, 1e-3 * np.abs(theta))):
            row = self._local_row(theta, k, relative * unit)
            if row is None:
                return None
            hessian[k] = row
        return 0.5 * (hessian + hessian.T)

    def _local_row(self, theta: np.ndarray, k: int, step: float) -> np.ndarray | None:
        """Differences by the longest step, at most the given one, that stays inside the domain and close by."""
        row = None
        for _ in range(6):
            found = self._difference_row(theta, k, step)
            if found is None:
                step *= 0.1
                continue
            row = found
            longest = LOCAL / np.sqrt(max(abs(found[k]), 1e-300))
            if step <= longest:
                break
            step = 0.5 * longest
        return row

    def _difference_row(self, theta: np.ndarray, k: int, step: float) -> np.ndarray | None:
        differences = []
        for h in (step, 2 * step):
            ahead, behind = theta.copy(), theta.copy()
            ahead[k] += h
            behind[k] -= h
            up, down = self(ahead, 1)[1], self(behind, 1)[1]
            if up is None or down is None:
                return None
            differences.append((up - down) / (2 * h))
        return (4 * differences[0] - differences[1]) / 3

    @cached_property
    def units(self) -> np.ndarray:
        """A natural size of each parameter: products and ratios of the variables' total SDs, (k,)."""
        return parameter_units(self.layout, self.scales)

    @cached_property
    def scales(self) -> tuple[np.ndarray, np.ndarray]:
        """Natural SD of each RAM variable per level: observed from the data, latent from its marker."""
        total = total_sd(self.moments)
        found = []
        for level in self.layout.levels:
            scale = np.ones(len(level.names))
            scale[level.link[:, 0]] = total[level.link[:, 1]]
            # Second-order latent variables take their scale from markers that are latent themselves.
            for _ in range(2):
                for i in range(level.n_observed, len(level.names)):
                    markers = np.flatnonzero(level.a[:, i])
                    if len(markers):
                        scale[i] = scale[markers[0]] / abs(level.a[markers[0], i])
                    elif level.s[i, i] > 0:
                        scale[i] = np.sqrt(level.s[i, i])
            found.append(scale)
        return found[0], found[1]


def total_sd(moments: CompleteMoments | MissingMoments) -> np.ndarray:
    """Total SD of each variable, y then z, (t,)."""
    if isinstance(moments, CompleteMoments):
        p = moments.p
        n, j = moments.n_clients, moments.n_clusters
        weight = moments.counts[:, None] * np.where(
            np.arange(moments.means.shape[1]) < p, moments.sizes[:, None], 1
        )
        mean = (weight * moments.means).sum(axis=0) / weight.sum(axis=0)
        ratio = weight / moments.counts[:, None]
        ss = (ratio * np.einsum("sii->si", moments.cross)).sum(axis=0)
        ss += (weight * (moments.means - mean) ** 2).sum(axis=0)
        ss[:p] += np.diag(moments.within)
        ss[:p] /= n
        ss[p:] /= j
        return np.sqrt(ss)
    p = moments.p
    seen = moments.patterns[moments.cell_pattern] * moments.cell_n[:, None]
    mean = (seen * moments.cell_mean).sum(axis=0) / seen.sum(axis=0)
    ss = np.einsum("sii->i", moments.pattern_ssp) + (seen * (moments.cell_mean - mean) ** 2).sum(axis=0)
    z_count = moments.z_seen.sum(axis=0)
    z_mean = moments.z.sum(axis=0) / z_count
    z_ss = (moments.z_seen * (moments.z - z_mean) ** 2).sum(axis=0)
    return np.sqrt(np.concatenate([ss / seen.sum(axis=0), z_ss / z_count]))


def parameter_units(layout: Layout, scales: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Unit of each parameter from the variables' scales: ratio (A), product (S) or the scale itself (means)."""
    both = np.concatenate(scales)
    start = np.array([0, len(scales[0])])[layout.places[:, 1]]
    top, side = both[start + layout.places[:, 3]], both[start + layout.places[:, 4]]
    size = np.choose(layout.places[:, 2], [top / side, top * side, top])
    return size[layout.first[:-1]]
