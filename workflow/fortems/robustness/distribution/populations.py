"""Populations that are as these data are in one respect and normal in all others, and how the report's interval fares in them.

Clients' parts are x, m = a x + e_m and y = b m + c' x + e_y with the slopes and residual variances of the two-level fit,
therapists' parts normal with its Σ_B. In turn

- ``normal``: all normal, the comparison;
- ``shapes as found``: x, e_m, e_y are drawn from this study's own residuals within therapists;
- ``variances as found``: log residual variances are linear in what explains the variable, as these data have it (Harvey, 1976);
- ``scales as found``: normal, then cut at the ends of the scales.

The true effect is that of the uncut parts. Studies have this study's therapists and clients.

References
----------
Harvey, A. C. (1976). Estimating regression models with multiplicative heteroscedasticity. Econometrica, 44(3), 461-465.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from twolevel import batch

from fortems.robustness.covariances import slopes
from fortems.robustness.distribution.features import Residuals
from fortems.stats.arrays import Array, Ints
from fortems.stats.jackknife import jackknife_variance
from fortems.stats.leave_out import single_left_out, within_left_out
from fortems.stats.products import COARSE, product_interval
from fortems.stats.regression import cluster_products

NORMAL, SHAPES, VARIANCES, SCALES = "normal", "shapes as found", "variances as found", "scales as found"
MOST_RATIO = 20.0  # of residual variances in a population, either way
BLOCK = 100  # studies at a time


@dataclass(frozen=True)
class Population:
    """What studies are drawn from.

    Attributes
    ----------
    within, between : ndarray (3, 3)
        Σ_W and Σ_B of predictor, mediator and outcome.
    mean : ndarray (3,)
    sizes : ndarray (J,)
    residuals : Residuals
        Within therapists.
    ranges : sequence of (low, high) or None
        Ends of the scales of the three variables, where known.
    """

    within: Array
    between: Array
    mean: Array
    sizes: Ints
    residuals: Residuals
    ranges: Sequence[tuple[float, float] | None]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The populations that these data give."""
        return (NORMAL, SHAPES, VARIANCES, *((SCALES,) if any(self.ranges) else ()))

    def truth(self, level: str) -> float:
        """The indirect effect at a level."""
        sigma = self.within if level == "within" else self.within + self.between
        a, b, _ = slopes(sigma[None])
        return float(a[0] * b[0])

    def draw(self, rng: np.random.Generator, studies: int, kind: str) -> tuple[Array, Ints]:
        """Return studies (S, N, 3) and the therapist of each client."""
        cluster = np.repeat(np.arange(len(self.sizes)), self.sizes)
        a, b, direct = (float(part[0]) for part in slopes(self.within[None]))
        variance = np.array(
            [
                self.within[0, 0],
                self.within[1, 1] - a**2 * self.within[0, 0],
                self.within[2, 2] - b * self.within[1, 2] - direct * self.within[0, 2],
            ]
        )
        shape = (studies, len(cluster))
        own = self.residuals
        if kind == SHAPES:
            x, e_m, e_y = (rng.choice(_standard(v), shape) for v in (own.x, own.of_m, own.of_y))
        else:
            x, e_m, e_y = (rng.standard_normal(shape) for _ in range(3))
        x = x * np.sqrt(variance[0])
        spread = np.sqrt(variance[1])
        if kind == VARIANCES:
            e_m = e_m * _spread(own.of_m, own.x[:, None], x[..., None])
        m = a * x + spread * e_m
        if kind == VARIANCES:
            e_y = e_y * _spread(own.of_y, np.column_stack([own.m, own.x]), np.stack([m, x], axis=-1))
        y = b * m + direct * x + np.sqrt(variance[2]) * e_y
        values, vectors = np.linalg.eigh(self.between)
        root = vectors * np.sqrt(np.clip(values, 0.0, None))
        therapists = rng.standard_normal((studies, len(self.sizes), 3)) @ root.T
        data = self.mean + therapists[:, cluster] + np.stack([x, m, y], axis=-1)
        if kind == SCALES:
            for i, ends in enumerate(self.ranges):
                if ends is not None:
                    data[..., i] = np.clip(data[..., i], *ends)
        return data, cluster


def _standard(values: Array) -> Array:
    return (values - values.mean()) / values.std()


def _spread(residual: Array, columns: Array, at: Array) -> Array:
    """Relative residual SDs at points (..., k), mean square about 1, by Harvey's regression of log squares."""
    design = np.column_stack([np.ones(len(columns)), columns])
    logs = np.log(residual**2 + 1e-6 * residual.var())
    slope = np.linalg.lstsq(design, logs, rcond=None)[0][1:]
    log_ratio = np.clip(at @ slope, -np.log(MOST_RATIO), np.log(MOST_RATIO))
    ratio = np.exp(log_ratio)
    return np.asarray(np.sqrt(ratio / ratio.mean()))


@dataclass(frozen=True)
class Intervals:
    """Indirect effects of studies with the report's own interval, each (S,).

    Attributes
    ----------
    estimate, low, high : ndarray (S,)
        NaN where there is none.
    """

    estimate: Array
    low: Array
    high: Array


def intervals(data: Array, cluster: Ints, confidence: float) -> dict[str, Intervals]:
    """Return the report's own interval at both estimands in studies (S, N, 3)."""
    parts: dict[str, list[Array]] = {"within": [], "single": []}
    for start in range(0, len(data), BLOCK):
        for level, found in _block(data[start : start + BLOCK], cluster, confidence).items():
            parts[level].append(found)
    return {level: Intervals(*np.concatenate(found, axis=1)) for level, found in parts.items()}


def _block(data: Array, cluster: Ints, confidence: float) -> dict[str, Array]:
    centred = data - data.mean(axis=1, keepdims=True)
    unit = centred.std(axis=1)
    columns = np.concatenate([np.ones((*data.shape[:2], 1)), centred / unit[:, None, :]], axis=-1)
    products = cluster_products(columns, cluster)
    total = products.sum(axis=1)
    ratio = unit[:, 1] / unit[:, 0], unit[:, 2] / unit[:, 1]
    a, b, _ = slopes(total[:, 1:, 1:])
    a_out, b_out, _ = single_left_out(products, [1], 2, 3)
    full = a * ratio[0], b * ratio[1]
    found = {
        "single": _limits(*full, a_out[..., 0] * ratio[0][:, None], b_out * ratio[1][:, None], confidence)
    }
    model = batch.PathModel.mediation("x", ["m"], "y")
    fitted = batch.fit(model, batch.study_moments(data, cluster), vcov=False)
    coef = np.where(fitted.converged[:, None, None], fitted.coef, np.nan)
    out = within_left_out(products, unit, np.bincount(cluster), fitted)
    found["within"] = _limits(coef[:, 1, 0], coef[:, 2, 1], out[:, :, 1, 0], out[:, :, 2, 1], confidence)
    return found


def _limits(a: Array, b: Array, a_out: Array, b_out: Array, confidence: float) -> Array:
    df = a_out.shape[1] - 1.0
    var_a, var_b = jackknife_variance(a, a_out, axis=1), jackknife_variance(b, b_out, axis=1)
    found = product_interval(a, b, var_a, var_b, df, df, confidence, COARSE)
    return np.stack([a * b, found.low, found.high])
