"""Is the environment what its lock installed? ``python -I environment.py LOCK...`` names what is gone or altered.

Each package lists its files with their checksums. A file that was touched since the last look is read and held
against its checksum; all others are as they were. Standard library alone: it must run where packages are damaged.
"""

from __future__ import annotations

import base64
import csv
import email
import hashlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path

#: Says when all was last as it should be; hidden, beside the environment's other stamps.
LOOKED = ".looked"


def locked(locks: Sequence[Path]) -> dict[str, str]:
    """Read name → version of the packages that locks name for this Python and system."""
    found = {}
    for lock in locks:
        for line in lock.read_text(encoding="utf-8").splitlines():
            told = re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)(?: *; *([^\\]*))?", line)
            if told and _applies(told[3] or ""):
                found[_plain(told[1])] = told[2].strip()
    return found


def _applies(marker: str) -> bool:
    if not marker.strip():
        return True
    from pip._vendor.packaging.markers import Marker

    return bool(Marker(marker.strip()).evaluate())


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def damaged(wanted: dict[str, str], site: Path, since: float) -> dict[str, str]:
    """Return package → what is wrong with it.

    Parameters
    ----------
    wanted : dict
        Name → version.
    site : Path
        The folder of installed packages.
    since : float
        Seconds since 1970: files whose state changed later are read.
    """
    there = _installed(site)
    found = {}
    for name, version in wanted.items():
        if name not in there:
            found[name] = "gone"
            continue
        installed, package = there[name]
        if installed != version:
            found[name] = f"version {installed} in place of {version}"
        elif wrong := next(_wrong(package, site, since), ""):
            found[name] = wrong
    return found


def _installed(site: Path) -> dict[str, tuple[str, metadata.Distribution]]:
    """Return name → version and package of what a folder holds.

    Packages that Python's own finder sees: others that a process may have (importlib_metadata brings one) raise where
    a package lost its description.
    """
    context = metadata.DistributionFinder.Context(path=[str(site)])
    found: dict[str, tuple[str, metadata.Distribution]] = {}
    for package in metadata.MetadataPathFinder.find_distributions(context):
        description = email.message_from_string(package.read_text("METADATA") or "")
        if description["Name"]:
            found[_plain(description["Name"])] = (str(description["Version"]), package)
    return found


def _wrong(package: metadata.Distribution, site: Path, since: float) -> Iterator[str]:
    text = package.read_text("RECORD")
    if not text:
        yield "its list of files is gone"
        return
    for name, digest, _size in csv.reader(text.splitlines()):
        if not digest or name.startswith("../"):
            continue  # what pip itself compiles or writes for this machine
        path = site / name
        try:
            told = os.stat(path)
        except OSError:
            yield f"{name} is gone"
            continue
        if told.st_ctime > since and _checksum(path, digest.partition("=")[0]) != digest.partition("=")[2]:
            yield f"{name} was altered"


def _checksum(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return base64.urlsafe_b64encode(hashlib.file_digest(file, kind).digest()).rstrip(b"=").decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Name damaged packages: their names on standard output for a repair, the reasons on standard error.

    0 when all is as locked, 1 when not.
    """
    locks = [Path(name) for name in (sys.argv[1:] if arguments is None else arguments)]
    looked, now = Path(sys.prefix) / LOOKED, time.time()
    since = looked.stat().st_mtime if looked.is_file() else 0.0
    site = Path(metadata.distribution("pip").locate_file(""))  # type: ignore[arg-type]
    found = damaged(locked(locks), site, since)
    for name, words in found.items():
        print(f"In {Path(sys.prefix).name}, {name}: {words}. It is installed anew.", file=sys.stderr)
        print(name)
    if not found:
        looked.touch()
        os.utime(looked, (now, now))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
