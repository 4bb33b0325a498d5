"""Snakemake's command line in a process that has its libraries already: half of a dry run's time goes to imports."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LOADED = multiprocessing.get_context("forkserver")
LOADED.set_forkserver_preload(["snakemake.cli", "scipy.optimize"])


def _main(arguments: Sequence[str], folder: str, environment: Mapping[str, str], output: str) -> None:
    """Become the command ``snakemake`` in a folder, with its output and errors in one file."""
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[:0] = environment["PYTHONPATH"].split(os.pathsep)
    sys.argv = ["snakemake", *arguments]
    from snakemake.cli import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()  # multiprocessing's processes end without; problems are printed last there


def snakemake(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run ``snakemake`` as ``subprocess.run`` would, errors in the output."""
    with tempfile.NamedTemporaryFile() as output:
        process = LOADED.Process(target=_main, args=(arguments, str(folder), environment, output.name))
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(["snakemake", *arguments], timeout)
        text = Path(output.name).read_text(encoding="utf-8", errors="replace")
        return subprocess.CompletedProcess(["snakemake", *arguments], process.exitcode, text)
