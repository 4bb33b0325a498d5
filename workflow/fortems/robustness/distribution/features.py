"""What of the data departs from normal theory: residuals' shape and spread, scores at the ends of their scales."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fortems.mediation.system import System
from fortems.stats.arrays import Array, Ints

FEWEST = 20  # residuals for the tests of their shape


@dataclass(frozen=True)
class Residuals:
    """Residuals of the two equations at a level.

    Attributes
    ----------
    level : str
    x, m : ndarray (n,)
        Predictor and mediator as they enter: deviations from means at that level.
    of_m, of_y : ndarray (n,)
    """

    level: str
    x: Array
    m: Array
    of_m: Array
    of_y: Array

    @property
    def equations(self) -> Iterator[tuple[str, Array, Array]]:
        """Which variable is explained (``mediator``, ``outcome``), its residuals, and what explains it (n, k)."""
        yield "mediator", self.of_m, self.x[:, None]
        yield "outcome", self.of_y, np.column_stack([self.m, self.x])


def residuals(values: Array, cluster: Ints, level: str) -> Residuals | None:
    """Return least-squares residuals of rows (n, 3) of predictor, mediator and outcome; None where too few are left.

    Within therapists rows are deviations from the therapist's mean, times √(n_j / (n_j − 1)) so that their variance is that of
    clients, and therapists with one client say nothing.
    """
    if level == "within":
        n = np.bincount(cluster)
        means = np.stack([np.bincount(cluster, column) for column in values.T], axis=1) / n[:, None]
        size = n[cluster]
        kept = size > 1
        rows = (values - means[cluster])[kept] * np.sqrt(size[kept] / (size[kept] - 1))[:, None]
    else:
        rows = values - values.mean(axis=0)
    if len(rows) < 5 or not (rows.std(axis=0) > 0).all():
        return None
    x, m, y = rows.T
    both = np.column_stack([m, x])
    of_m = m - x * (x @ m) / (x @ x)
    of_y = y - both @ np.linalg.lstsq(both, y, rcond=None)[0]
    return Residuals(level, x, m, of_m, of_y)


def breusch_pagan(residual: Array, columns: Array) -> tuple[float, float]:
    """Return Koenker's (1981) n R² of squared residuals on columns (n, k), and its p by χ² with k df.

    References
    ----------
    Koenker, R. (1981). A note on studentizing a test for heteroscedasticity. Journal of Econometrics, 17(1), 107-112.
    """
    from scipy.special import chdtrc

    design = np.column_stack([np.ones(len(columns)), columns])
    squares = residual**2
    rest = squares - design @ np.linalg.lstsq(design, squares, rcond=None)[0]
    statistic = len(squares) * (1 - (rest @ rest) / (len(squares) * squares.var()))
    return float(statistic), float(chdtrc(columns.shape[1], statistic))


def rows(found: Residuals) -> list[dict[str, Any]]:
    """Return ``check, variable, value, p`` of the residuals' skewness, excess kurtosis and heteroscedasticity."""
    from scipy import stats

    made = []
    for role, residual, columns in found.equations:
        for check, measure, test in (
            ("skewness", stats.skew, stats.skewtest),
            ("kurtosis", stats.kurtosis, stats.kurtosistest),
        ):
            p = float(test(residual).pvalue) if len(residual) >= FEWEST else np.nan
            value = float(measure(residual, bias=False))
            made.append({"check": check, "variable": role, "value": value, "p": p})
        statistic, p = breusch_pagan(residual, columns)
        made.append({"check": "heteroscedasticity", "variable": role, "value": statistic, "p": p})
    return made


def ends(system: System, ranges: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """Return the shares of the model's scores at the lowest and the highest possible score, where these are known."""
    made = []
    for role, name in zip(("predictor", "mediator", "outcome"), system.model.chain, strict=True):
        if name not in ranges:
            continue
        known = system.frame[name].dropna().to_numpy()
        for check, end in zip(("floor", "ceiling"), ranges[name], strict=True):
            share = float(np.isclose(known, end).mean())
            made.append({"check": check, "variable": role, "value": share, "n_clients": len(known)})
    return made
