"""The manifest of a run: every file with its checksum, the rule that made it and what that rule read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NAME = "manifest.json"
PARTIAL = ".partial-"


def manifest(results: str, made_by: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the manifest of a run.

    Parameters
    ----------
    results : str
        The run's folder.
    made_by : mapping
        Path → ``{"rule": name, "inputs": [paths]}`` for every output of the workflow.

    Returns
    -------
    dict
        ``run``; ``files``: name within the folder → ``sha256``, ``bytes``, ``rule``, ``inputs`` (data and
        settings); ``code``: rule → library modules that it read besides; ``orphans``: names of files that no
        rule makes.
    """
    files, code = {}, {}
    for name in result_files(results):
        path = f"{results}/{name}"
        if path in made_by:
            rule, inputs = made_by[path]["rule"], sorted(made_by[path]["inputs"])
            files[name] = {
                "sha256": sha256(path),
                "bytes": os.path.getsize(path),
                "rule": rule,
                "inputs": [read for read in inputs if not read.endswith(".py")],
            }
            code[rule] = [read for read in inputs if read.endswith(".py")]
    return {
        "run": Path(results).name,
        "files": files,
        "code": code,
        "orphans": orphans(results, made_by.__contains__),
    }


def result_files(results: str) -> list[str]:
    """Return the names of all files of a run but the manifest, sorted; hidden files are not results."""
    found = []
    for folder, folders, names in os.walk(results):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(folder, n), results) for n in names if not n.startswith(".")]
    return sorted(Path(name).as_posix() for name in found if name != NAME)


def orphans(results: str, is_made: Callable[[str], bool]) -> list[str]:
    """Return the names of files of a run that no rule makes; ``is_made`` tells it of a path."""
    return [name for name in result_files(results) if not is_made(f"{results}/{name}")]


def tidy_up(results: str, is_made: Callable[[str], bool]) -> list[str]:
    """Remove what an earlier run left and this one does not make; return its names.

    That is: files that the folder's manifest lists and no rule makes any more (a model or a stage was switched
    off), and half-written files of a run that was killed. Files that the workflow never made are left alone.
    """
    removed = []
    for name in _listed(results):
        path = Path(results, name)
        if not is_made(f"{results}/{name}") and path.is_file():
            path.unlink()
            removed.append(name)
    for path in Path(results).rglob(f"{PARTIAL}*"):
        path.unlink(missing_ok=True)
    return removed


def sha256(path: str | os.PathLike[str]) -> str:
    """Return a file's SHA-256 as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _listed(results: str) -> list[str]:
    try:
        return list(json.loads(Path(results, NAME).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError):
        return []
