"""Two-level structural equation models by maximum likelihood.

    import twolevel
    fit = twolevel.fit(model_text, data, cluster="therapist")
    print(fit.summary())

Stages apart: syntax -> model -> moments -> objective (ram, likelihood, fiml) -> optimize (starts, bounds,
trustregion) -> inference -> results.
"""

from .errors import TwoLevelError, TwoLevelWarning
from .fitting import fit
from .model import Model
from .moments import ClusterData
from .results import Fit

__all__ = ["ClusterData", "Fit", "Model", "TwoLevelError", "TwoLevelWarning", "fit"]
