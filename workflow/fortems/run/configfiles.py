"""Configuration files that Snakemake could not read, refused by name and line before it tries.

Snakemake reads what ``--configfile`` names before it looks at the Snakefile, and says of a file that is no YAML in
UTF-8 neither which it is nor where. The default profile, which it reads first, calls ``check``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from fortems.errors import Problem
from fortems.schema import LOADER, unreadable

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
    """Say why a configuration file is no YAML in UTF-8; None where it is, or is not there, which Snakemake says itself."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return unreadable(path, error)
    except OSError:
        return None
    try:
        json.loads(text)  # Snakemake takes JSON too, with tabs
    except ValueError:
        try:
            yaml.load(text, Loader=LOADER)
        except yaml.YAMLError as error:
            return unreadable(path, error)
    return None


def check(arguments: Sequence[str] | None = None) -> None:
    """End the program with all that is wrong with the configuration files of a command line."""
    files = named(sys.argv[1:] if arguments is None else arguments)
    problems = [found for path in files if (found := problem(path)) is not None]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [f"The configuration cannot be used: {count}.", *(f"  - {found}" for found in problems)]
        print("\n".join(lines), file=sys.stderr)
        raise SystemExit(1)
