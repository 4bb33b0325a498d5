"""New data from a fitted model, for checks of it and for planning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..data.published import SummaryData
from ..errors import ModelError
from ..fitted import Fitted
from .slopes import simulate_slopes

NEGATIVE = -1e-10  # a smallest eigenvalue above this share of the largest is zero but for rounding


def simulate(
    fit: Fitted, rng: np.random.Generator | None = None, sizes: Sequence[int] | None = None
) -> pd.DataFrame:
    """Draw one data set from a fitted model: ``y_ij = mu + u_j + e_ij``, ``u ~ N(0, S_B)``, ``e ~ N(0, S_W)``.

    Parameters
    ----------
    fit : Fit
    rng : numpy Generator, optional
        Give one for draws that can be repeated.
    sizes : sequence of int, optional
        Rows of each cluster; by default those of the data that were fitted. No value is missing.

    Returns
    -------
    DataFrame
        The observed variables of the model and the cluster's column (0, 1, ...), a row per client. With random slopes:
        the rows of the data whose covariates are known, those as they were, the modelled variables drawn anew.

    Raises
    ------
    ModelError
        The fit has no maximum, a covariance matrix of it is not positive semi-definite (``bounds="none"``), or a size
        is below 1.
    """
    if not fit.converged:
        raise ModelError("the fit has no maximum: there is no model to draw from")
    if fit.model.random:
        if sizes is not None:
            raise ModelError(
                "with random slopes new data have the rows and covariates of the fitted ones: no sizes"
            )
        return simulate_slopes(fit, np.random.default_rng() if rng is None else rng)
    counts = np.asarray(_sizes(fit) if sizes is None else sizes)
    if counts.ndim != 1 or not len(counts) or (counts < 1).any() or (counts != np.floor(counts)).any():
        raise ModelError("sizes are the rows of each cluster: whole numbers of 1 or more")
    counts = counts.astype(np.int64)
    rng = np.random.default_rng() if rng is None else rng
    implied, layout = fit.implied, fit.model.layout
    p, t = len(layout.y), len(layout.y) + len(layout.z)
    codes = np.repeat(np.arange(len(counts)), counts)
    between = rng.standard_normal((len(counts), t)) @ _root(implied.vb, "between").T + implied.mu
    values = between[codes]
    values[:, :p] += rng.standard_normal((len(codes), p)) @ _root(implied.sw, "within").T
    frame = pd.DataFrame(values, columns=list(fit.model.observed))
    frame["cluster" if isinstance(fit.data, SummaryData) else fit.data.cluster] = codes
    return frame


def _sizes(fit: Fitted) -> np.ndarray:
    if isinstance(fit.data, SummaryData):
        n, clusters = fit.data.n, fit.data.J
        return np.full(clusters, n // clusters) + (np.arange(clusters) < n % clusters)
    return np.unique(fit.data.codes[fit.data.codes >= 0], return_counts=True)[1]


def _root(matrix: np.ndarray, level: str) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < NEGATIVE * max(values[-1], 1e-300):
        raise ModelError(
            f"the {level} covariance matrix has a negative eigenvalue ({values[0]:.3g}); fit with bounds='psd'"
        )
    return np.asarray(vectors * np.sqrt(values.clip(min=0)))
