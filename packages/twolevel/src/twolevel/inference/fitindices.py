"""Global fit: chi-squared against the saturated model, CFI, TLI, RMSEA, SRMR by level, AIC and BIC.

Definitions as lavaan 0.6 reports them for two-level models: N counts clients, the baseline model has
variances and means only, the saturated model has free covariances at both levels, and all three are fitted under
the same bounds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..likelihood.objective import Implied
from .covariance import chi2_sf


@dataclass(frozen=True)
class FitIndices:
    """Global fit of a model; NaN where an index is undefined (always so at df 0).

    Attributes
    ----------
    loglik, loglik_saturated, loglik_baseline : float
    n_parameters : int
    chi2, df, p : float, int, float
        Likelihood-ratio test against the saturated model. At df 1 read this alone.
    baseline_chi2, baseline_df : float, int
    cfi, tli, rmsea : float
    srmr_within, srmr_between : float
    aic, bic, bic_clusters : float
        `bic` with the number of clients, as in lavaan; `bic_clusters` with that of clusters.
    message : str
    """

    loglik: float
    loglik_saturated: float
    loglik_baseline: float
    n_parameters: int
    chi2: float
    df: int
    p: float
    baseline_chi2: float
    baseline_df: int
    cfi: float
    tli: float
    rmsea: float
    srmr_within: float
    srmr_between: float
    aic: float
    bic: float
    bic_clusters: float
    message: str

    def as_dict(self) -> dict[str, float | int | str]:
        return asdict(self)


def information_criteria(loglik: float, k: int, n: float) -> tuple[float, float]:
    """(AIC, BIC) of a log-likelihood with k parameters and n units."""
    return -2 * loglik + 2 * k, -2 * loglik + k * float(np.log(n))


def srmr(model: np.ndarray, saturated: np.ndarray) -> float:
    """Root mean squared difference of correlations, over the lower triangle with its (zero) diagonal.

    Parameters
    ----------
    model, saturated : ndarray (v, v)
        Implied covariances of one level's observed variables; NaN is returned where a variance is (next to) zero.
    """
    size = np.maximum(np.diag(model), np.diag(saturated))
    if (np.minimum(np.diag(model), np.diag(saturated)) <= 1e-6 * size).any() or (size <= 0).any():
        return np.nan
    difference = _correlation(saturated) - _correlation(model)
    v = len(model)
    return float(np.sqrt((np.tril(difference) ** 2).sum() / (v * (v + 1) / 2)))


def _correlation(matrix: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.diag(matrix))
    return matrix / np.outer(sd, sd)


def fit_indices(
    loglik: float,
    k: int,
    saturated: tuple[float, int, Implied] | None,
    baseline: tuple[float, int] | None,
    implied: Implied,
    within: np.ndarray,
    between: np.ndarray,
    n_clients: float,
    n_clusters: float,
    message: str = "",
) -> FitIndices:
    """Assemble the indices.

    Parameters
    ----------
    saturated : (log L, parameters, implied moments) or None
        None if the saturated model has no maximum under the same bounds.
    baseline : (log L, parameters) or None
    within, between : ndarray of int
        Moment-space indices of each level's observed variables.
    """
    aic, bic = information_criteria(loglik, k, n_clients)
    bic_clusters = information_criteria(loglik, k, n_clusters)[1]
    nan = np.nan
    chi2, df, p, cfi, tli, rmsea, srmr_w, srmr_b = nan, 0, nan, nan, nan, nan, nan, nan
    chi2_0, df_0 = nan, 0
    if saturated is not None:
        log_1, k_1, implied_1 = saturated
        chi2, df = 2 * (log_1 - loglik), k_1 - k
        p = chi2_sf(chi2, df)
        if df > 0:
            rmsea = float(np.sqrt(max(chi2 - df, 0.0) / (df * n_clients)))
            srmr_w = srmr(implied.sw[np.ix_(within, within)], implied_1.sw[np.ix_(within, within)])
            srmr_b = srmr(implied.vb[np.ix_(between, between)], implied_1.vb[np.ix_(between, between)])
        if baseline is not None:
            chi2_0, df_0 = 2 * (log_1 - baseline[0]), k_1 - baseline[1]
            if df > 0 and df_0 > 0:
                excess, excess_0 = max(chi2 - df, 0.0), max(chi2_0 - df_0, chi2 - df, 0.0)
                cfi = 1.0 - excess / excess_0 if excess_0 > 0 else 1.0
                tli = 1.0 if chi2_0 == df_0 else 1.0 - (chi2 - df) / df / ((chi2_0 - df_0) / df_0)
    return FitIndices(
        loglik, saturated[0] if saturated else nan, baseline[0] if baseline else nan, k, chi2, df, p,
        chi2_0, df_0, cfi, tli, rmsea, srmr_w, srmr_b, aic, bic, bic_clusters, message,
    )  # fmt: skip
