"""Many fits at once: path models of observed variables from sufficient statistics of clusters."""

from .fit import SE_METHODS, STATUSES, BatchFit, BatchTest, PathModel, fit, likelihood_ratio
from .moments import BatchMoments, study_moments, weighted_moments

__all__ = [
    "SE_METHODS",
    "STATUSES",
    "BatchFit",
    "BatchMoments",
    "BatchTest",
    "PathModel",
    "fit",
    "likelihood_ratio",
    "study_moments",
    "weighted_moments",
]
