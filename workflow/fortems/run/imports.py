"""What a script depends on, read from its imports: library modules as files, packages as lock entries.

Snakemake does not notice that a module which a script imports has changed; naming the modules as inputs and the
lock entries as params makes an edit re-run exactly what depends on it. Nothing is imported to find out.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from functools import cache
from importlib import metadata
from pathlib import Path

from fortems.package import ROOT, from_here

# Library → the folder that holds it.
LIBRARIES = {"fortems": "workflow", "twolevel": "packages/twolevel/src"}

# Import statements are found by their look: each start of a run would wait half a second for syntax trees of all files.
_NAME = r"[\w.]+(?:[ \t]+as[ \t]+\w+)?"
_NAMES = rf"{_NAME}(?:[ \t]*,[ \t]*{_NAME})*"
_IMPORT = re.compile(
    r"(?:^|[;:])[ \t]*(?:from[ \t]+([\w.]+)[ \t]+)?import(?:[ \t]*\(([^)]*)\)"
    rf"|[ \t]+({_NAMES}|\*)[ \t]*(?=$|;))",
    re.MULTILINE,
)
_NO_CODE = re.compile(r"#.*|\\\n")  # comments, and ends of lines that go on
_FOR_TYPE_CHECKERS = re.compile(
    r"^([ \t]*)if (?:\w+\.)?TYPE_CHECKING:[^\n]*\n(?:(?:\1[ \t]+[^\n]*|[ \t]*)(?:\n|\Z))*", re.MULTILINE
)


def closure(script: str) -> list[str]:
    """Return the library modules that a script imports, directly or through others.

    Parameters
    ----------
    script : str
        Path of a Python file.

    Returns
    -------
    list of str
        Sorted paths, relative to the working directory where they lie below it. A package's ``__init__``
        counts with each of its modules; imports inside functions count, those for type checkers do not.
    """
    return list(_closure(script))


def locked(script: str, lock: str) -> dict[str, str]:
    """Return the lock entries of the packages that a script needs.

    Parameters
    ----------
    script : str
        Path of a Python file.
    lock : str
        Path of the lock, in pip's format with hashes.

    Returns
    -------
    dict
        Package → its version in the lock and a digest of its hashes there, for the packages that the script or
        its library modules import, and for what those require in turn.
    """
    entries = _lock_entries(lock)
    providers = _providers(lock)
    wanted: set[str] = set()
    pending = {
        name
        for path in (Path(script), *_modules(Path(script)))
        for name in _imported(path)
        if "." not in name
    }
    queue = [package for name in pending for package in providers.get(name, ())]
    while queue:
        package = queue.pop()
        if package not in wanted and package in entries:
            wanted.add(package)
            queue += _requirements(package)
    return {package: entries[package] for package in sorted(wanted)}


@cache
def _closure(script: str) -> tuple[str, ...]:
    return tuple(from_here(path) for path in sorted(_modules(Path(script))))


@cache
def _modules(script: Path) -> frozenset[Path]:
    found: set[Path] = set()
    queue = [script]
    while queue:
        for name in _imported(queue.pop()):
            path = _module_file(name)
            if path and path not in found:
                found.add(path)
                queue.append(path)
    return frozenset(found)


@cache
def _imported(path: Path) -> frozenset[str]:
    """Dotted names that a file imports, each with all its parents; ``from a import b`` may name a module a.b."""
    names: set[str] = set()
    text = _NO_CODE.sub(" ", path.read_text(encoding="utf-8"))
    for found in _IMPORT.finditer(_FOR_TYPE_CHECKERS.sub("", text)):
        base, *listed = found.groups()
        each = [part.split()[0] for part in "".join(filter(None, listed)).split(",") if part.strip()]
        if base is None:
            names.update(each)
        else:
            base = _absolute(base, path)
            names.add(base)
            names.update(f"{base}.{name}" for name in each if name != "*")
    return frozenset(".".join(parts[: i + 1]) for parts in map(_parts, names) for i in range(len(parts)))


def _parts(name: str) -> list[str]:
    return name.split(".")


def _absolute(name: str, path: Path) -> str:
    """The module that a ``from`` names, which may begin with dots."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    if not level:
        return name
    above = [ROOT / place for place in LIBRARIES.values() if path.is_relative_to(ROOT / place)]
    package = path.relative_to(above[0] if above else ROOT).parts[:-level]
    return ".".join([*package, *([relative] if relative else [])])


@cache
def _module_file(name: str) -> Path | None:
    library = name.partition(".")[0]
    if library not in LIBRARIES:
        return None
    base = ROOT.joinpath(LIBRARIES[library], *name.split("."))
    for path in (base / "__init__.py", base.with_suffix(".py")):
        if path.is_file():
            return path
    return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def _providers(lock: str) -> dict[str, list[str]]:
    """Import name → packages of the lock that provide it.

    ``metadata.packages_distributions`` says the same of all that is installed, in a time that each start of a run
    would feel.
    """
    found: dict[str, list[str]] = {}
    for package in _lock_entries(lock):
        for name in _provided(package):
            found.setdefault(name, []).append(package)
    return found


def _provided(package: str) -> set[str]:
    """Names at the top of what a package has installed."""
    try:
        installed = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return set()  # the lock has packages for other systems too
    if listed := (installed.read_text("top_level.txt") or "").split():
        return set(listed)
    heads = {
        re.split("[/,]", line, maxsplit=1)[0] for line in (installed.read_text("RECORD") or "").splitlines()
    }
    return {inspect.getmodulename(head) or head for head in heads}


@cache
def _requirements(package: str) -> tuple[str, ...]:
    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return ()
    plain = (line for line in lines if "extra ==" not in line)
    return tuple(_normal(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in plain)


@cache
def _lock_entries(lock: str) -> dict[str, str]:
    text = Path(lock).read_text(encoding="utf-8").replace("\\\n", " ")
    entries: dict[str, str] = {}  # of a package locked in several versions each counts
    for line in text.splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        if match:
            # One digest for all hashes: Snakemake keeps this with every result, and compares it at every start.
            hashes = " ".join(sorted(re.findall(r"sha256:\w+", line)))
            digest = hashlib.sha256(hashes.encode()).hexdigest()[:16]
            name, entry = _normal(match[1]), f"{line.split()[0]} sha256:{digest}"
            entries[name] = f"{entries[name]}, {entry}" if name in entries else entry
    return entries
