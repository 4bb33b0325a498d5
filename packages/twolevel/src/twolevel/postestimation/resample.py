"""Cluster bootstrap and leave-one-cluster-out by weights on the clusters' statistics, for any model.

The slow road, one warm-started fit a replicate; batch.py has the quick one for recursive observed models.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.moments import Clusters, CompleteMoments, MissingMoments
from ..data.variation import check_complete, check_missing, magnitudes
from ..errors import DataProblemError, ModelError
from ..fitted import Fitted
from ..model.functions import Named
from ..search.optimize import estimate


@dataclass(frozen=True)
class Resampled:
    """Estimates over resampled data.

    Attributes
    ----------
    estimates : DataFrame (R, k)
        Free and defined parameters; rows that did not converge are NaN, those included whose data `fit` would refuse (a
        variable constant among the clusters drawn, collinear variables, one cluster only). A defined parameter that has no value (a division by zero) is NaN alone.
    converged : ndarray (R,) of bool
    n_failed : int
        Rows that did not converge: to be reported with any interval made from the others.
    """

    estimates: pd.DataFrame
    converged: np.ndarray

    @property
    def n_failed(self) -> int:
        return int((~self.converged).sum())

    def percentile(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Percentile interval of a parameter over the converged rows."""
        values = self.estimates[name].dropna()
        low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)


def bootstrap(fit: Fitted, replicates: int, rng: np.random.Generator) -> Resampled:
    """See `Fit.bootstrap`."""
    j = fit.n_clusters
    return _resample(fit, (np.bincount(rng.integers(0, j, j), minlength=j) for _ in range(replicates)))


def jackknife(fit: Fitted) -> Resampled:
    """See `Fit.jackknife`."""
    return _resample(fit, 1 - np.eye(fit.n_clusters, dtype=np.int64))


def _resample(fit: Fitted, weights: Iterable[np.ndarray]) -> Resampled:
    clusters = fit.clusters
    y, z = fit.model.layout.y, fit.model.layout.z
    magnitude = magnitudes(clusters)
    names = [*fit.model.names, *(d.name for d in fit.model.defined)]
    named = Named(fit.model, dict)
    rows, converged = [], []
    for weight in weights:
        distinct = int(np.count_nonzero(weight))
        moments: CompleteMoments | MissingMoments
        try:  # what `fit` would refuse as data is no replicate
            if isinstance(clusters, Clusters):
                moments = clusters.moments(weight)
                check_complete(moments, magnitude, distinct, y, z)
            else:
                moments = clusters.weighted(weight)
                # A cluster drawn twice adds rows and no rank.
                check_missing(clusters.weighted(weight > 0), magnitude, distinct, y, z)
            solution = estimate(fit.model, moments, fit.bounds, starts=[fit.solution.theta], thorough=False)
        except (DataProblemError, ModelError):
            rows.append(np.full(len(names), np.nan))
            converged.append(False)
            continue
        values = dict(zip(fit.model.names, solution.theta.tolist(), strict=True))
        everything = named.everything(values, strict=False)
        row = np.array([*solution.theta, *(float(everything[d.name]) for d in fit.model.defined)])
        rows.append(row if solution.converged else np.full(len(names), np.nan))
        converged.append(solution.converged)
    return Resampled(pd.DataFrame(rows, columns=names), np.array(converged))
