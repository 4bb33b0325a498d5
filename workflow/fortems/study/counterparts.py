"""What a file calls a model, found among a run's models by what it relates, whatever the run calls it."""

from __future__ import annotations

import os
from collections.abc import Mapping

from fortems.errors import ConfigError
from fortems.package import located
from fortems.schema import load_schema
from fortems.study.models import MediationModel, load_models
from fortems.study.roles import counterpart


def name_in_run(
    name: str, path: str | os.PathLike[str], key: str, models: Mapping[str, MediationModel]
) -> str:
    """Return how a run calls the model that a file of claims or of published values means.

    The package's own file means the package's own models: of those the run's counterpart counts, and a model that only
    bears the name does not. Another file means the run's models, and the package's where it names one that the run has
    not.

    Parameters
    ----------
    name : str
    path, key : path, str
        The file, and the key of the configuration that names it.
    models : mapping
        The run's, by name.
    """
    own = os.path.samefile(path, located(_default(key)))
    meant = package_models().get(name) if own or name not in models else None
    if meant is None:
        return name
    found = counterpart(meant, models)
    if found is None and name in models:  # of that name, and another
        return f"{name} of {_default('models')}"
    return found or name


def package_models() -> dict[str, MediationModel]:
    """Return the models of the package's own file; none where it is not as it should be."""
    try:
        return load_models(located(_default("models")))
    except ConfigError:
        return {}


def _default(key: str) -> str:
    return str(load_schema("config")["properties"][key]["default"])
