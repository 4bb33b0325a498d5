"""Have Snakemake look at a configuration file before it builds what the file asks for.

Snakemake builds the files of ``--configfile`` before it reads a line of the Snakefile, so that nothing there could
refuse one that stands for a thousand million values. It imports its plugins earlier still, found by their names, and
this is what makes this package one of them: it handles no messages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
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


if not hasattr(configfile.load_configfile, "__wrapped__"):
    configfile.load_configfile = types.load_configfile = guarded(configfile.load_configfile)
