"""Two-level structural equation models by maximum likelihood.

    import twolevel
    fit = twolevel.fit(model_text, data, cluster="therapist")
    print(fit.summary())

Stages apart: model (text to parameters) -> data (clusters, moments) -> likelihood -> search -> inference ->
postestimation. `twolevel.batch` fits many path models at once.
"""

from importlib import import_module
from types import ModuleType

from . import errors
from .data.clusters import ClusterData
from .data.published import SummaryData
from .errors import TwoLevelError, TwoLevelWarning
from .fitting import Fit, Model, fit
from .postestimation.simulate import simulate

__version__ = "1.0.0"  # semantic versioning: see CHANGELOG.md

__all__ = [
    "ClusterData",
    "Fit",
    "Model",
    "SummaryData",
    "TwoLevelError",
    "TwoLevelWarning",
    "__version__",
    "batch",
    "errors",
    "fit",
    "simulate",
]


def __dir__() -> list[str]:
    """The public names alone: internal modules are there, and not for use."""
    return list(__all__)


def __getattr__(name: str) -> ModuleType:
    """`twolevel.batch` is loaded when it is first used: a single fit does not need it."""
    if name == "batch":
        return import_module("twolevel.batch")
    raise AttributeError(f"module 'twolevel' has no attribute {name!r}")
