"""What must happen before Snakemake reads a line of the Snakefile.

Snakemake builds the files of ``--configfile`` first, so that nothing in the Snakefile could refuse one that stands for a
thousand million values, and it ends with a traceback where the home folder cannot be written to. It imports its
plugins earlier still, found by their names, and this is what makes this package one of them: it handles no messages.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from fortems.errors import ConfigError
from fortems.run.job import problems_text
from fortems.schema import configuration_problems
from snakemake.common import configfile
from snakemake.settings import types
from snakemake_interface_logger_plugins.base import LogHandlerBase


class LogHandler(LogHandlerBase):
    """What a plugin must have: the messages go where they would without it."""


def guarded(load: Callable[[Any], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """Return Snakemake's own reader of configuration files, which ends the run at an unfit one by name."""

    @wraps(load)
    def load_configfile(path: Any) -> dict[str, Any]:
        if problems := configuration_problems(path, once=False):  # that is told with all else
            sys.exit(f"\n{problems_text(ConfigError(problems))}")
        return load(path)

    return load_configfile


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


find_room()
if not hasattr(configfile.load_configfile, "__wrapped__"):
    configfile.load_configfile = types.load_configfile = guarded(configfile.load_configfile)
