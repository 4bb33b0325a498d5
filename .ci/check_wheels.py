"""Ask the package index whether each locked package installs without a compiler: `make check-wheels`.

For every supported Python and platform, each package of the locks must have a wheel, or a source archive that is pure
Python. pip resolves, nothing is installed. It needs the network, so it is run when locks are renewed, not by the tests.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
LINUX = [f"manylinux_2_{minor}" for minor in range(28, 4, -1)] + [
    "manylinux2014",
    "manylinux2010",
    "manylinux1",
]
# Name → pip's platform tags, newest first, and the values that markers in the locks are judged by.
PLATFORMS = {
    "Linux x86-64": ([f"{tag}_x86_64" for tag in LINUX], "linux", "x86_64"),
    "Linux aarch64": ([f"{tag}_aarch64" for tag in LINUX], "linux", "aarch64"),
    "macOS arm64": (["macosx_14_0_arm64"], "darwin", "arm64"),
}
COMPILED = re.compile(r"\.(c|cc|cpp|cxx|f|f90|pyx|pyd|rs|go)$")
# What is in C and yet installs without a compiler, because `make env` builds it without that part.
WITHOUT_ITS_C = {"immutables": "has a Python twin of its C part"}


def entries(lock: str) -> Iterator[tuple[Requirement, str]]:
    """Yield each requirement of a lock and its text with hashes, without its marker."""
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        head, *hashes = entry.split(" \\\n")
        requirement = Requirement(head)
        yield requirement, " ".join([f"{requirement.name}{requirement.specifier}", *map(str.strip, hashes)])


def wanted(lock: str, python: str, system: str, machine: str) -> str:
    """Return the lock as it is on another machine: pip judges markers by the Python that it runs on."""
    there = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": "Darwin" if system == "darwin" else "Linux",
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return "\n".join(text for r, text in entries(lock) if not r.marker or r.marker.evaluate(there)) + "\n"


def pip(*arguments: str) -> None:
    """Run pip and show what it says only if it fails."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.strip() or done.stdout.strip())


def archives(lock: str, python: str, platform: str, folder: Path) -> list[tuple[str, str]]:
    """Return (name, url) of what pip would install."""
    tags, system, machine = PLATFORMS[platform]
    requirements, report = folder / "wanted.lock", folder / "report.json"
    requirements.write_text(wanted(lock, python, system, machine), encoding="utf-8")
    pip(
        *("install", "--dry-run", "--ignore-installed", "--no-deps", "--require-hashes", "--prefer-binary"),
        *("--no-build-isolation", "--target", str(folder / "none"), "--report", str(report)),
        *("--python-version", python, "--implementation", "cp"),
        # pip holds what it found against the Python that it runs on itself, not against the one asked for
        "--ignore-requires-python",
        *(f"--platform={tag}" for tag in tags),
        *("-r", str(requirements)),
    )
    found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return [(item["metadata"]["name"].lower(), item["download_info"]["url"]) for item in found]


def compiled_sources(name: str, version: str, folder: Path) -> list[str]:
    """Return the files of a source archive that would need a compiler."""
    pip(
        *("download", "--no-deps", "--no-build-isolation", "--no-binary", name),
        *("--dest", str(folder), f"{name}=={version}"),
    )
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        return [member for member in tar.getnames() if COMPILED.search(member)]


def main() -> int:
    """Print a line for each Python and platform; return 1 if a package cannot be installed there."""
    pure: dict[str, list[str]] = {}
    bad = 0
    for python in sys.argv[1:] or PYTHONS:
        for platform in PLATFORMS:
            with tempfile.TemporaryDirectory() as folder:
                lock = "".join((ROOT / name).read_text(encoding="utf-8") for name in LOCKS[1:])
                found = dict(archives(unique(lock), python, platform, Path(folder)))
            sources = {n: u.rsplit("/", 1)[1] for n, u in found.items() if not u.endswith(".whl")}
            for name, file in sources.items():
                if file not in pure:
                    version = file.removesuffix(".tar.gz").rsplit("-", 1)[1]
                    with tempfile.TemporaryDirectory() as folder:
                        pure[file] = compiled_sources(name, version, Path(folder))
            faults = [n for n, file in sources.items() if pure[file] and n not in WITHOUT_ITS_C]
            bad += len(faults)
            told = f"{len(found) - len(sources)} wheels, source archives: {', '.join(sorted(sources))}"
            print(
                f"{python} on {platform}: {told}{'; NEED A COMPILER: ' if faults else ''}{', '.join(faults)}"
            )
    return int(bad > 0)


def unique(lock: str) -> str:
    """Return locks joined, each version of a package once."""
    seen: dict[str, str] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        seen.setdefault(entry.split(" \\\n")[0], entry)
    return "\n".join(seen.values())


if __name__ == "__main__":
    sys.exit(main())
