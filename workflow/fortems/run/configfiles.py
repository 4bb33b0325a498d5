"""What must be looked at before Snakemake reads what ``--configfile`` names: files that it could not read, or never end.

Snakemake reads what ``--configfile`` names before it looks at the Snakefile, and says of a file that is no YAML in
UTF-8 neither which it is nor where. The default profile, which it reads first, calls ``check``.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fortems.errors import ConfigError, Problem, problems_text
from fortems.schema import configuration_problems

OPTIONS = ("--configfile", "--configfiles")


def named(arguments: Sequence[str]) -> list[str]:
    """Return the files that a command line names as configuration."""
    found: list[str] = []
    taking = False
    for argument in arguments:
        option, _, value = argument.partition("=")
        if option in OPTIONS:
            found += [value] if value else []
            taking = not value
        elif argument.startswith("-"):
            taking = False
        elif taking:
            found.append(argument)
    return found


def problem(path: str) -> Problem | None:
    """Say why Snakemake must not build a configuration file; None where it may, or where there is none.

    A key that stands twice is told later, with all else that is wrong.
    """
    return next(iter(configuration_problems(path, once=False)), None)


def find_room() -> None:
    """Give Snakemake a folder for what it keeps, until it ends, where there is no home that it could use."""
    try:
        kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "snakemake")
        if not kept.is_absolute():
            raise OSError
        kept.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=kept).close()
    except (OSError, RuntimeError):  # a RuntimeError where nobody has a home under this user's number
        folder = tempfile.mkdtemp(prefix="snakemake-")
        os.environ["XDG_CACHE_HOME"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)


def check(arguments: Sequence[str] | None = None) -> None:
    """End the program with what is wrong with the configuration files of a command line; find room for the rest."""
    find_room()
    files = named(sys.argv[1:] if arguments is None else arguments)
    problems = [found for path in files if (found := problem(path)) is not None]
    if problems:
        print(problems_text(ConfigError(problems)), file=sys.stderr)
        raise SystemExit(1)
