"""Where the package's own files lie, whatever folder a run works in.

A run works in the package's folder, in another one (``--directory``), or in that of a workflow that uses this one as a
module. Relative paths are of the working directory; what is not there is looked for in the package.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: As its distribution is called.
NAME = "meaning-mediation"


def located(path: str) -> str:
    """Return where a file that a configuration names lies: in the working directory, else in the package.

    Parameters
    ----------
    path : str
        Absolute, or relative as ``config/models.yaml``; ``~`` is the home folder.

    Returns
    -------
    str
        The path as it stands if the file is in the working directory or nowhere, else the package's, absolute.
    """
    path = os.path.expanduser(path)
    own = ROOT / path
    return str(own) if not os.path.exists(path) and os.path.exists(own) else path


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path as results may tell it: of the package's own files the same, whatever folder a run works in."""
    whole = Path(path)
    return str(whole.relative_to(ROOT)) if whole.is_absolute() and whole.is_relative_to(ROOT) else str(path)


def from_here(path: Path) -> str:
    """Return an absolute path relative to the working directory where it lies below that."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
