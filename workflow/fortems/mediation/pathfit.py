"""Fit of single-level path models: closed-form maximum likelihood, likelihood ratio, fit indices.

Notation
--------
S (p x p), divisor n : covariance of all columns, means free. Exogenous columns covary freely, the residuals of
the mediators' equations too, and the outcome's residual is independent of all that precedes it. Every
mediator's equation has all exogenous columns on its right side, so least squares per equation is the maximum
likelihood solution, and with B the slopes and Ψ the residual covariances

    Σ = (I − B)⁻¹ Ψ (I − B)⁻ᵀ,     −2 log L = n (p log 2π + log|Σ| + tr(S Σ⁻¹)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import chdtrc

from fortems.stats.arrays import Array

FIT_COLUMNS = (
    "model",
    "engine",
    "variant",
    "loglik",
    "n_parameters",
    "chi2",
    "df",
    "p",
    "aic",
    "bic",
    "cfi",
    "tli",
    "rmsea",
    "srmr_within",
    "srmr_between",
    "converged",
    "admissible",
    "boundary",
    "se_method",
    "message",
)


def implied_covariance(
    sample: Array, columns: Sequence[str], equations: Mapping[str, Sequence[str]]
) -> tuple[Array, Array]:
    """Return Σ (p, p) and the slopes B (p, p), B[dependent, column], at the maximum of the likelihood.

    Parameters
    ----------
    sample : ndarray (p, p)
        S.
    columns : sequence of str
        Names of its rows, exogenous first, the outcome last.
    equations : mapping
        Dependent → right side.
    """
    place = {name: i for i, name in enumerate(columns)}
    p = len(columns)
    slopes = np.zeros((p, p))
    for dependent, right in equations.items():
        index = [place[name] for name in right]
        solved = np.linalg.solve(sample[np.ix_(index, index)], sample[index, place[dependent]])
        slopes[place[dependent], index] = solved
    remove = np.eye(p) - slopes
    residual = remove @ sample @ remove.T
    *firsts, outcome = (place[name] for name in equations)
    exogenous = [i for i in range(p) if i not in (*firsts, outcome)]
    psi = np.zeros((p, p))
    for block in (exogenous, firsts, [outcome]):
        psi[np.ix_(block, block)] = residual[np.ix_(block, block)]
    back = np.linalg.inv(remove)
    return back @ psi @ back.T, slopes


def loglik(sample: Array, implied: Array, n: int) -> float:
    """Return the normal log-likelihood of n rows with covariance ``sample`` (divisor n), means free."""
    p = len(sample)
    value = p * np.log(2 * np.pi) + np.linalg.slogdet(implied)[1] + np.trace(np.linalg.solve(implied, sample))
    return float(-0.5 * n * value)


def fit_measures(
    sample: Array,
    implied: Array,
    n: int,
    n_exogenous: int,
    df: int,
) -> dict[str, float]:
    """Return likelihood, test and fit indices of a single-level model.

    Parameters
    ----------
    sample, implied : ndarray (p, p)
        S and Σ, exogenous columns first.
    n : int
        Rows.
    n_exogenous : int
        Columns whose covariances the baseline model leaves free.
    df : int
        Degrees of freedom; up to 1 the indices are NaN.

    Returns
    -------
    dict
        ``loglik, n_parameters, chi2, df, p, aic, bic, cfi, tli, rmsea, srmr_within`` (the SRMR of the one
        level stands there); means count as parameters.
    """
    size = len(sample)
    saturated = loglik(sample, sample, n)
    value = loglik(sample, implied, n)
    measures = likelihood_measures(value, size + size * (size + 1) // 2 - df, saturated, df, n)
    independent = sample.copy()
    independent[n_exogenous:, :] = 0.0
    independent[:, n_exogenous:] = 0.0
    independent[np.diag_indices(size)] = np.diag(sample)
    base_chi2 = 2 * (saturated - loglik(sample, independent, n))
    base_df = size * (size - 1) // 2 - n_exogenous * (n_exogenous - 1) // 2
    residual = srmr(sample, implied) if df > 0 else np.nan
    return {**measures, **indices(measures["chi2"], df, base_chi2, base_df, n), "srmr_within": residual}


def likelihood_measures(value: float, parameters: int, top: float, df: int, n: int) -> dict[str, float]:
    """Return ``loglik, n_parameters, chi2, df, p, aic, bic`` of a fit.

    Parameters
    ----------
    value : float
        Its log-likelihood.
    parameters : int
    top : float
        Log-likelihood of the model without its restrictions.
    df : int
        How many these are; without any, p is NaN.
    n : int
        Clients.
    """
    chi2 = max(2 * (top - value), 0.0) if df > 0 else 0.0
    return {
        "loglik": value,
        "n_parameters": parameters,
        "chi2": chi2,
        "df": df,
        "p": float(chdtrc(df, chi2)) if df > 0 else np.nan,
        "aic": 2 * parameters - 2 * value,
        "bic": np.log(n) * parameters - 2 * value,
    }


def indices(chi2: float, df: int, base_chi2: float, base_df: int, n: int) -> dict[str, float]:
    """Return CFI, TLI (Bentler, 1990; Tucker & Lewis, 1973) and RMSEA (Steiger, 1990).

    NaN at df 0, where they say nothing, and at df 1, where only the likelihood-ratio test is read (Kenny,
    Kaniskan & McCoach, 2015).
    """
    if df <= 1:
        return {"cfi": np.nan, "tli": np.nan, "rmsea": np.nan}
    excess, base_excess = max(chi2 - df, 0.0), max(base_chi2 - base_df, chi2 - df, 0.0)
    base_ratio = base_chi2 / base_df
    return {
        "cfi": 1.0 - excess / base_excess if base_excess > 0 else 1.0,
        "tli": (base_ratio - chi2 / df) / (base_ratio - 1.0) if base_ratio != 1.0 else np.nan,
        "rmsea": float(np.sqrt(excess / (df * n))),
    }


def srmr(sample: Array, implied: Array) -> float:
    """Return the standardized root mean square residual, variances included (Bentler, 1995)."""
    sd = np.sqrt(np.diag(sample))
    residual = (sample - implied) / np.outer(sd, sd)
    lower = np.tril_indices(len(sample))
    return float(np.sqrt(np.mean(residual[lower] ** 2)))


def fit_row(model: str, engine: str, variant: str, **values: Any) -> dict[str, Any]:
    """Return a row of ``fit.csv``; what is not given is NaN or empty."""
    row: dict[str, Any] = dict.fromkeys(FIT_COLUMNS, np.nan)
    row |= {"model": model, "engine": engine, "variant": variant, "se_method": "", "message": ""}
    unknown = set(values) - set(FIT_COLUMNS)
    if unknown:
        raise KeyError(f"not columns of fit.csv: {sorted(unknown)}")
    return row | values


def unfitted_row(model: str, engine: str, variant: str, reason: str) -> dict[str, Any]:
    """Return the row of ``fit.csv`` of a fit that there is not."""
    verdicts = {"converged": False, "admissible": False, "boundary": False}
    return fit_row(model, engine, variant, message=reason, **verdicts)


def joined_notes(*notes: str) -> str:
    """Return what is to be said of a fit as one message, empty notes left out."""
    return "; ".join(note for note in notes if note)
