"""The manifest of a run: every file with its checksum, the rule that made it and what that rule read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

NAME = "manifest.json"
#: Of own data the manifest of what stays: the checksum of a file of a few counts is that of no other counts.
STAYING = "data/manifest.json"
PARTIAL = ".partial-"
#: A name as fortems.tidy.atomic gives it: eight characters of tempfile's, and the suffix of the result.
HALF_WRITTEN = re.compile(re.escape(PARTIAL) + r"[a-z0-9_]{8}(\.[a-z0-9]+)?")


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


def divided(told: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a manifest of own data into that of what may leave and that of ``data/``, which stays there."""
    halves = []
    for stays in (False, True):
        files = {name: entry for name, entry in told["files"].items() if name.startswith("data/") == stays}
        rules = {entry["rule"] for entry in files.values()}
        orphans_ = [name for name in told["orphans"] if name.startswith("data/") == stays]
        code = {rule: read for rule, read in told["code"].items() if rule in rules}
        halves.append({**told, "files": files, "code": code, "orphans": orphans_})
    return halves[0], halves[1]


def result_files(results: str) -> list[str]:
    """Return the names of all files of a run but the manifests, sorted; hidden files are not results."""
    found = []
    for folder, folders, names in os.walk(results):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [os.path.relpath(os.path.join(folder, n), results) for n in names if not n.startswith(".")]
    return sorted(Path(name).as_posix() for name in found if name not in (NAME, STAYING))


def orphans(results: str, is_made: Callable[[str], bool]) -> list[str]:
    """Return the names of files of a run that no rule makes; ``is_made`` tells it of a path."""
    return [name for name in result_files(results) if not is_made(f"{results}/{name}")]


def tidy_up(results: str, is_made: Callable[[str], bool]) -> list[str]:
    """Remove what an earlier run left and this one does not make; return its names.

    That is: files that the folder's manifest lists and no rule makes any more (a model or a stage was switched
    off), and half-written files of a run that was killed. A manifest may come from anywhere, and its names lead
    anywhere: only what lies in the folder itself, is a file and no link, and has the very bytes that the manifest
    lists is removed (``kept`` names the rest).
    """
    removed = []
    for name, why_not in _no_longer_made(results, is_made).items():
        if not why_not:
            Path(results, name).unlink()
            removed.append(name)
    for path in Path(results).rglob(f"{PARTIAL}*"):
        if HALF_WRITTEN.fullmatch(path.name) and is_plain_file(path):
            path.unlink()
    return removed


def kept(results: str, is_made: Callable[[str], bool]) -> dict[str, str]:
    """Return what the folder's manifest lists, no rule makes and ``tidy_up`` leaves alone: name → why."""
    return {name: why for name, why in _no_longer_made(results, is_made).items() if why}


def read_manifest(results: str) -> dict[str, Any]:
    """Return the manifest that lies in a run's folder, with that of ``data/`` where it is apart.

    It is empty where there is none that can be read.
    """
    told, staying = _read(Path(results, NAME)), _read(Path(results, STAYING))
    parts = [files for half in (told, staying) if isinstance(files := half.get("files"), dict)]
    return (
        {**told, "files": {name: entry for files in parts for name, entry in files.items()}}
        if parts
        else told
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8")) if is_plain_file(path) else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def listed(told: Mapping[str, Any]) -> dict[str, object]:
    """Return name → checksum of the files that a manifest lists, wherever the names lead."""
    files = told.get("files")
    pairs = files.items() if isinstance(files, dict) else ()
    return {name: entry.get("sha256") for name, entry in pairs if isinstance(entry, dict)}


def leads_out(name: str) -> bool:
    """Return whether a name in a manifest leads, on any system, out of the run's folder."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return PurePosixPath(name).is_absolute() or PureWindowsPath(name).is_absolute() or ".." in parts


def is_plain_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is a regular file: no link, folder, pipe or device."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def sha256(path: str | os.PathLike[str]) -> str:
    """Return a file's SHA-256 as hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _no_longer_made(results: str, is_made: Callable[[str], bool]) -> dict[str, str]:
    """Names that the manifest lists and no rule makes → why they are not to be removed, empty where they are.

    Names are looked up among those that the folder has, so that none can lead out of it; what is listed, inside and
    gone is left out.
    """
    there = set(result_files(results))
    found = {}
    for name, digest in listed(read_manifest(results)).items():
        if name not in there:
            if leads_out(name):
                found[name] = "the name leads out of the run's folder"
            elif "\0" not in name and Path(results, name).is_file():
                found[name] = "it lies behind a link, or its name is spelled in another way"
        elif not is_made(f"{results}/{name}"):
            found[name] = _why_kept(Path(results, name), digest)
    return found


def _why_kept(path: Path, digest: object) -> str:
    if not is_plain_file(path):
        return "it is a link, or no file"
    try:
        return "" if sha256(path) == digest else "it is not the file that the manifest lists"
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
