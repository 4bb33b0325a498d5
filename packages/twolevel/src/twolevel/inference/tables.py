"""Tidy frames of a fit: the parameter table and the standardized solution."""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, isfinite, sqrt

import numpy as np
import pandas as pd

from ..likelihood.objective import Implied
from ..model.expression import Expression
from ..model.model import Model
from ..model.syntax import LEVELS

_NORMAL_975 = 1.959963984540054


def estimates(model: Model, theta: np.ndarray) -> list[float]:
    """The value of every row of the model's table, free or fixed."""
    return [
        float(theta[k]) if k >= 0 else float(r.fixed if r.fixed is not None else np.nan)
        for r, k in zip(model.rows, model.index, strict=True)
    ]


def standardized(model: Model, theta: np.ndarray, implied: Implied) -> list[float]:
    """Every row's value in standard deviations of its level, as lavaan's std.all; NaN where one is zero."""
    values = estimates(model, theta)
    sds: list[dict[str, float]] = []
    residual: list[dict[str, float]] = [{}, {}]
    for number, level in enumerate(model.layout.levels):
        variances = np.diag(implied.states[number][1])
        sds.append(
            {n: sqrt(v) if v > 0 else np.nan for n, v in zip(level.names, variances.tolist(), strict=True)}
        )
    for r, value in zip(model.rows, values, strict=True):
        if r.op == "~~" and r.lhs == r.rhs:
            residual[r.level][r.lhs] = value
    out = []
    for r, value in zip(model.rows, values, strict=True):
        sd, own = sds[r.level], residual[r.level]
        if r.op == "=~":
            unit = sd[r.rhs] / sd[r.lhs]
        elif r.op == "~":
            unit = sd[r.lhs] / sd[r.rhs]
        elif r.op == "~1":
            unit = sd[r.lhs]
        elif r.lhs == r.rhs:
            unit = sd[r.lhs] ** 2
        else:  # lavaan scales residual covariances to residual correlations
            unit = sqrt(abs(own.get(r.lhs, np.nan) * own.get(r.rhs, np.nan)))
        out.append(value / unit if unit > 0 else (0.0 if value == 0 else np.nan))
    return out


def standardized_table(model: Model, theta: np.ndarray, implied: Implied) -> pd.DataFrame:
    """See `Fit.standardized`."""
    values = standardized(model, theta, implied)
    pairs = list(zip(model.rows, values, strict=True))
    rows = [(r.lhs, r.op, r.rhs, LEVELS[r.level], r.label, value) for r, value in pairs]
    # A label used at both levels stands for its first place, as in lavaan.
    labels = {name: value for r, value in reversed(pairs) for name in (r.name, r.label) if name}
    for alias, target in model.equal.items():
        labels.setdefault(alias, labels[target])
    for entry in model.defined:
        labels[entry.name] = float(Expression(entry.expression)(labels))
        rows.append((entry.name, ":=", entry.expression, "", entry.name, labels[entry.name]))
    return pd.DataFrame(rows, columns=["lhs", "op", "rhs", "level", "label", "estimate"])


def unstandardized(model: Model) -> pd.DataFrame:
    """The frame of `standardized_table` without values: for random slopes."""
    rows = [(r.lhs, r.op, r.rhs, LEVELS[r.level], r.label, np.nan) for r in model.rows]
    rows += [(d.name, ":=", d.expression, "", d.name, np.nan) for d in model.defined]
    return pd.DataFrame(rows, columns=["lhs", "op", "rhs", "level", "label", "estimate"])


def parameter_table(
    model: Model,
    theta: np.ndarray,
    covariance: np.ndarray,
    defined: Sequence[tuple[float, float]],
    standards: np.ndarray,
) -> pd.DataFrame:
    """See `Fit.parameters`.

    Parameters
    ----------
    covariance : ndarray (k, k)
    defined : sequence of (value, standard error)
        Of the defined parameters.
    standards : ndarray
        Standardized values, the model's rows first, then the defined parameters.
    """
    se = np.sqrt(np.diag(covariance))
    rows: list[tuple[object, ...]] = []
    for r, k, value in zip(model.rows, model.index, estimates(model, theta), strict=True):
        error = float(se[k]) if k >= 0 else np.nan
        rows.append((r.lhs, r.op, r.rhs, LEVELS[r.level], r.label, r.name, k >= 0, value, error))
    for entry, (value, error) in zip(model.defined, defined, strict=True):
        rows.append((entry.name, ":=", entry.expression, "", entry.name, entry.name, False, value, error))
    frame = pd.DataFrame(
        rows, columns=["lhs", "op", "rhs", "level", "label", "name", "free", "estimate", "se"]
    )
    size, spread = frame["estimate"].to_numpy(dtype=float), frame["se"].to_numpy(dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(spread > 0, size / spread, np.nan)
    return frame.assign(
        z=z,
        p=[erfc(abs(v) / sqrt(2)) if isfinite(v) else np.nan for v in z.tolist()],
        ci_low=size - _NORMAL_975 * spread,
        ci_high=size + _NORMAL_975 * spread,
        standardized=standards,
    )
