"""Where priors are kept. Light: the Snakefile reads it."""

from __future__ import annotations

import os
from pathlib import Path

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.package import from_here
from fortems.study.definition import study_folder

FOLDER = Path(__file__).resolve().parents[3] / "config" / "priors"


def prior_files() -> list[str]:
    """Names of the study's and the package's own priors."""
    return sorted({path.stem for folder in (_own(), FOLDER) for path in folder.glob("*.yaml")})


def _own() -> Path:
    """The folder of the study's priors."""
    return study_folder() / "priors"


def path_of(name: str | os.PathLike[str]) -> Path:
    """Return the file of a prior: a name in ``priors/`` beside the study file or in ``config/priors``, or a path.

    Raises
    ------
    ConfigError
        When there is none (the nearest named).
    """
    text = os.fspath(name)
    for folder in (_own(), Path("config", "priors"), FOLDER, Path()):
        for suffix in ("", ".yaml"):
            if (folder / f"{text}{suffix}").is_file():
                return Path(from_here(folder / f"{text}{suffix}"))
    hint = did_you_mean(Path(text).stem, prior_files())
    raise ConfigError(Problem(f"prior {text}", "there is no such file", ", ".join(prior_files()), hint))
