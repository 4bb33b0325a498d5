"""Single-level mediation paths from a covariance matrix, in closed form.

Each equation is the least-squares regression that the raw data would give: with S the covariance matrix of
predictors z and y, β = S_zz⁻¹ s_zy, σ² = (s_yy − β's_zy)(n − 1)/(n − k − 1), Var(β) = σ² S_zz⁻¹/(n − 1).
Residuals of the mediator and of the outcome equation are uncorrelated, so Cov(a, b) = 0 (Sobel, 1982).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Equation:
    """A regression from moments.

    Attributes
    ----------
    outcome : str
    predictors : tuple of str
    coef : ndarray, shape (k,)
        Slopes in the units of the covariance matrix.
    vcov : ndarray, shape (k, k)
        Their covariance matrix under independent clients.
    df : float
        n − k − 1.
    residual_variance : float
        Unbiased.
    r_squared : float
    """

    outcome: str
    predictors: tuple[str, ...]
    coef: np.ndarray
    vcov: np.ndarray
    df: float
    residual_variance: float
    r_squared: float

    def slope(self, predictor: str) -> tuple[float, float]:
        """Return a slope and its standard error."""
        i = self.predictors.index(predictor)
        return float(self.coef[i]), float(np.sqrt(self.vcov[i, i]))


def regress(
    covariance: np.ndarray, names: Sequence[str], outcome: str, predictors: Sequence[str], n: int
) -> Equation:
    """Regress ``outcome`` on ``predictors`` by their covariance matrix.

    Parameters
    ----------
    covariance : ndarray, shape (variables, variables)
        With divisor n − 1, in the order of ``names``.
    names : sequence of str
    outcome, predictors : str, sequence of str
    n : int
        Clients.

    Returns
    -------
    Equation
    """
    index = [list(names).index(name) for name in predictors]
    target = list(names).index(outcome)
    szz, szy = covariance[np.ix_(index, index)], covariance[index, target]
    coef = np.linalg.solve(szz, szy)
    explained = float(coef @ szy)
    df = n - len(index) - 1
    residual = float(covariance[target, target] - explained) * (n - 1) / df
    return Equation(
        outcome=outcome,
        predictors=tuple(predictors),
        coef=coef,
        vcov=residual * np.linalg.inv(szz) / (n - 1),
        df=df,
        residual_variance=residual,
        r_squared=explained / float(covariance[target, target]),
    )


def indirect(
    covariances: np.ndarray, predictor: int, mediator: int, outcome: int, others: Sequence[int] = ()
) -> np.ndarray:
    """Return a·b for a stack of covariance matrices.

    Parameters
    ----------
    covariances : ndarray, shape (..., variables, variables)
    predictor, mediator, outcome : int
        Their rows.
    others : sequence of int
        Rows of what else predicts mediator and outcome.

    Returns
    -------
    ndarray, shape (...,)
    """
    first = [predictor, *others]
    second = [mediator, predictor, *others]
    a = _slopes(covariances, first, mediator)[..., 0]
    b = _slopes(covariances, second, outcome)[..., 0]
    return a * b


def _slopes(covariances: np.ndarray, predictors: list[int], outcome: int) -> np.ndarray:
    szz = covariances[..., predictors, :][..., predictors]
    szy = covariances[..., predictors, outcome]
    return np.linalg.solve(szz, szy[..., None])[..., 0]
