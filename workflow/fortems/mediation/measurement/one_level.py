"""Models of one level: maximum likelihood of a covariance matrix by the two-level engine, whose level 2 holds nothing.

With S a covariance matrix of divisor n, n independent rows are two clusters of n/2 rows whose means differ by chance
alone: n S is the sum of (n − 2) W, W = n S/(n − 1) the covariances within, and of n/2 times B, B = 2 S/(n − 1) those of
the two means. Without variance between clusters the likelihood is then that of n rows,

    log L(Σ) = −(n/2) (p log 2π + log|Σ| + tr(S Σ⁻¹)),

highest at Σ = S; the likelihood ratio against it is the χ² of Jöreskog (1969, Psychometrika 34, 183-202).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import twolevel
from twolevel.errors import DataProblemError, ModelError
from twolevel.search.optimize import estimate

from fortems.stats.arrays import Array


class OneLevel:
    """A model of one level, read once and fitted as often as one likes.

    Parameters
    ----------
    text : str
        Loadings and paths in lavaan's syntax.
    names : sequence of str (p,)
        The observed variables.

    Attributes
    ----------
    model : twolevel.Model
    names : tuple of str
    df : int
        Degrees of freedom: covariances less parameters, means aside.
    """

    def __init__(self, text: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.model = twolevel.Model(f"level: 1\n{text}\nlevel: 2\n{names[0]} ~~ 0*{names[0]}")
        p = len(names)
        self.df = p * (p + 1) // 2 - (len(self.model.names) - p)

    def fit(self, matrix: Array, n: int) -> twolevel.Fit:
        """Fit the model, variances free to be negative, standard errors from the expected information.

        Parameters
        ----------
        matrix : ndarray (p, p)
            Covariances, of divisor n.
        n : int
            At least 3.

        Raises
        ------
        DataProblemError
            The matrix is singular.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", twolevel.TwoLevelWarning)
            return twolevel.fit(self.model, self._summary(matrix, n), bounds="none", se="expected")

    def chi2(self, fit: twolevel.Fit, matrix: Array, n: int) -> float:
        """Twice the log-likelihood that the covariances themselves are ahead of the model's."""
        highest = -n / 2 * (len(matrix) * (np.log(2 * np.pi) + 1) + np.linalg.slogdet(matrix)[1])
        return float(2 * (highest - fit.loglik))

    def again(self, matrix: Array, n: int, start: Array) -> dict[str, float] | None:
        """Return the estimates by name for other covariances, searched from `start`; None where there is no maximum.

        Parameters
        ----------
        matrix, n
            As in ``fit``.
        start : ndarray
            Estimates in the order of ``model.names``.
        """
        layout = self.model.layout
        try:
            moments = self._summary(matrix, n).complete(layout.y, layout.z)
            found = estimate(self.model, moments, "none", [start], thorough=False)
        except (DataProblemError, ModelError):
            return None
        return dict(zip(self.model.names, found.theta.tolist(), strict=True)) if found.converged else None

    def _summary(self, matrix: Array, n: int) -> twolevel.SummaryData:
        table = pd.DataFrame(matrix, self.names, self.names)
        return twolevel.SummaryData(table * (n / (n - 1)), table * (2 / (n - 1)), n=n, J=2)
