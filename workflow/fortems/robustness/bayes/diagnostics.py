"""Whether chains have converged, and how many independent draws they are worth.

Rank-normalized split R̂ and bulk effective sample size (Vehtari, Gelman, Simpson, Carpenter & Bürkner, 2021), the latter by
Geyer's (1992) initial monotone sequence.

References
----------
Geyer, C. J. (1992). Practical Markov chain Monte Carlo. Statistical Science, 7(4), 473-483.
Vehtari, A., Gelman, A., Simpson, D., Carpenter, B., & Bürkner, P.-C. (2021). Rank-normalization, folding, and localization: An
improved R̂ for assessing convergence of MCMC. Bayesian Analysis, 16(2), 667-718.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from fortems.stats.arrays import Array


def _split(chains: Array) -> Array:
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, -half:]])


def _rank_normal(chains: Array) -> Array:
    flat = chains.ravel()
    order = np.argsort(flat, kind="stable")
    ranks = np.empty(len(flat))
    ranks[order] = np.arange(1, len(flat) + 1)
    return np.asarray(ndtri((ranks - 0.375) / (len(flat) + 0.25)).reshape(chains.shape))


def _ratio(chains: Array) -> float:
    n = chains.shape[1]
    within = chains.var(axis=1, ddof=1).mean()
    between = n * chains.mean(axis=1).var(ddof=1)
    return float(np.sqrt(((n - 1) / n * within + between / n) / within))


def rhat(chains: Array) -> float:
    """Return the larger of the rank-normalized split R̂ and that of the folded draws.

    Parameters
    ----------
    chains : ndarray (C, n)
        Draws of one quantity.
    """
    halves = _split(chains)
    folded = np.abs(halves - np.median(halves))
    return max(_ratio(_rank_normal(halves)), _ratio(_rank_normal(folded)))


def ess(chains: Array) -> float:
    """Return the bulk effective sample size of draws (C, n) of one quantity."""
    return _ess(_rank_normal(_split(chains)))


def mean_ess(chains: Array) -> float:
    """Return the effective sample size of the mean of draws (C, n), such as of an indicator."""
    halves = _split(chains)
    return _ess(halves) if np.ptp(halves) > 0 else float(halves.size)


def _ess(chains: Array) -> float:
    count, n = chains.shape
    centred = chains - chains.mean(axis=1, keepdims=True)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[:, :n] / n
    within = (covariance[:, 0] * n / (n - 1)).mean()
    pooled = within * (n - 1) / n + chains.mean(axis=1).var(ddof=1)
    if not pooled > 0:
        return float(count * n)
    rho = 1.0 - (within - covariance.mean(axis=0)) / pooled
    rho[0] = 1.0
    pairs = rho[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs < 0)
    pairs = np.minimum.accumulate(pairs[: negative[0] if len(negative) else len(pairs)])
    length = max(-1.0 + 2.0 * pairs.sum(), 1.0 / np.log10(count * n))
    return float(min(count * n / length, count * n * np.log10(count * n)))
