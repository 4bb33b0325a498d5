"""The third witness: each cluster's multivariate normal density, written out in full."""

import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal


def cluster_loglik(sw: np.ndarray, vb: np.ndarray, mu: np.ndarray, y: np.ndarray, z: np.ndarray) -> float:
    """log density of one cluster's values, missing ones (NaN) integrated out.

    Parameters
    ----------
    sw, vb, mu : ndarray (p, p), (p + q, p + q), (p + q,)
    y : ndarray (n, p)
    z : ndarray (q,)
    """
    n, p = y.shape
    yy = np.kron(np.eye(n), sw) + np.kron(np.ones((n, n)), vb[:p, :p])
    yz = np.kron(np.ones((n, 1)), vb[:p, p:])
    cov = np.block([[yy, yz], [yz.T, vb[p:, p:]]])
    values = np.concatenate([y.ravel(), z])
    seen = ~np.isnan(values)
    mean = np.concatenate([np.tile(mu[:p], n), mu[p:]])
    return float(multivariate_normal(mean[seen], cov[np.ix_(seen, seen)]).logpdf(values[seen]))


def cluster_logliks(implied, frame: pd.DataFrame, y: list[str], z: list[str], cluster: str) -> np.ndarray:
    """log density of every cluster at a model's implied moments."""
    return np.array(
        [
            cluster_loglik(
                implied.sw,
                implied.vb,
                implied.mu,
                rows[y].to_numpy(float),
                rows[z].to_numpy(float)[0] if z else np.zeros(0),
            )
            for _, rows in frame.groupby(cluster, sort=False)
        ]
    )
