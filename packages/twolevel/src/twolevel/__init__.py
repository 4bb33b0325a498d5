"""Two-level structural equation models by maximum likelihood.

    import twolevel
    fit = twolevel.fit(model_text, data, cluster="therapist")
    print(fit.summary())

Stages apart: syntax -> model -> moments -> objective (ram, likelihood, fiml) -> optimize (starts, bounds,
trustregion) -> inference -> results.
"""

from .data.clusters import ClusterData
from .errors import TwoLevelError, TwoLevelWarning
from .fitting import Fit, fit
from .model.model import Model

__all__ = ["ClusterData", "Fit", "Model", "TwoLevelError", "TwoLevelWarning", "fit"]
