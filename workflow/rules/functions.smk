# Functions that rules call. They stand apart from the rules, as `snakemake --lint` asks.
#
# needs  config, RESULTS, LOGS (common.smk)
# makes  code(), software(), within_reach(), refuse()

import atexit
import sys

from fortems import imports
from fortems.config import switched_on


def code(script):
    """Library modules that workflow/scripts/<script>.py imports, directly or through others."""
    return imports.closure(f"workflow/scripts/{script}.py")


def software(script):
    """Lock entries of the packages that the script and its library modules import (for `params`)."""
    return lambda wildcards: imports.locked(
        f"workflow/scripts/{script}.py", "requirements.lock"
    )


def within_reach(*names):
    """Result files that the data source can give and the configuration has switched on, as paths."""
    return [f"{RESULTS}/{name}" for name in names if switched_on(name, config)]


def print_last(text):
    """Print a text after all that Snakemake still has to say."""
    if text:
        atexit.register(print, f"\n{text}", file=sys.stderr, flush=True)


def refuse(text):
    """End the run before any job, with the problems as the last thing on the terminal and no traceback."""
    print_last(text)
    raise SystemExit(1)
