"""What every script of the workflow shares: log file, steady surroundings, clean ends.

Light imports only: the Snakefile reads this module each time a job starts.
"""

from __future__ import annotations

import atexit
import errno
import gc
import os
import shlex
import site
import sys
import sysconfig
import threading
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fortems.errors import DataError, FortemsError, Problem, problems_text
from fortems.package import ROOT
from fortems.run import usage
from fortems.run.receipts import SUFFIX, checksums, write_receipt

# New objects between two searches for garbage in cycles: a step's imports make many and leave none behind.
RARELY = 100_000
FAILED = ".failed"
LOCAL = "local: it names rows and clients, keep it on this machine"

# The same bytes from any machine's settings. The date is the day the paper went online.
STEADY = {
    "TZ": "UTC",
    "LC_ALL": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "SOURCE_DATE_EPOCH": "1623283200",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
# Sums and exponentials of what x86-64 processors with AVX2 have in common: by default OpenBLAS and numpy take the
# widest instructions there are, and those round last digits otherwise. Who sets these keeps them.
COMMON_KERNELS = {
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}

# Where a run finds its own libraries, and its jobs too.
LIBRARIES = (str(ROOT / "workflow"), str(ROOT / "packages" / "twolevel" / "src"))

# What a full or closed disk says, in words that tell what to do.
DISK_WORDS = {
    errno.ENOSPC: "the disk is full. Make room and start again; what is finished is kept",
    errno.EDQUOT: "your disk quota is used up. Make room and start again; what is finished is kept",
    errno.EROFS: "the disk is read-only. Run in a folder that you may write to",
    errno.EACCES: "permission is denied. Run in a folder that you may write to",
    errno.EPERM: "permission is denied. Run in a folder that you may write to",
}


class ForeignPackageError(FortemsError):
    """A package that another folder gives than the environment which the lock describes."""


def steady_environment() -> None:
    """Set what all jobs of a run inherit: UTC, one language, hash seed, build date, one thread a job, kernels.

    This process looks for garbage in cycles rarely, as its jobs do. Packages come from its own environment alone.

    Raises
    ------
    ForeignPackageError
        When a package has been loaded already from where PYTHONPATH or the user's own packages are.
    """
    _collect_rarely()
    _leave_foreign_packages()
    os.environ.update(steady())
    _name_python_plainly()


def steady() -> dict[str, str]:
    """Return the settings of a job that do not depend on the machine's own."""
    kernels = COMMON_KERNELS if _has_common_kernels() else {}
    own = {"PYTHONPATH": os.pathsep.join(LIBRARIES), "PYTHONNOUSERSITE": "1"}
    return {**STEADY, **own, **{name: os.environ.get(name, value) for name, value in kernels.items()}}


def _leave_foreign_packages() -> None:
    """Look for no package where PYTHONPATH or the user's own packages are, which would shadow those of the lock."""
    named = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    foreign = {os.path.abspath(path) for path in (*named, *users)}
    foreign -= {os.path.abspath(path) for path in (*LIBRARIES, *sysconfig.get_paths().values())}
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) not in foreign]
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        place = next(
            (path for path in foreign if file and os.path.abspath(file).startswith(f"{path}{os.sep}")), None
        )
        if place and name not in ("__main__", "sitecustomize", "usercustomize"):
            raise ForeignPackageError(
                f"The package {name} comes from {place} and not from the environment of the lock. Unset PYTHONPATH, "
                "set PYTHONNOUSERSITE=1 and start again."
            )


def _name_python_plainly() -> None:
    """Let jobs find this Python by its name alone where its path has a space, an apostrophe or the like.

    Snakemake starts scripts by a shell and does not quote the interpreter's path.
    """
    folder, name = os.path.split(sys.executable)
    if folder and shlex.quote(sys.executable) != sys.executable:
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
        sys.executable = name


def _has_common_kernels() -> bool:
    """Whether this is Linux on an x86-64 processor with AVX2; forced on another, OpenBLAS would crash."""
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:
        flags = next((line for line in file if line.startswith("flags")), "")
        return {"avx2", "fma"} <= set(flags.split())
    return False


def _collect_rarely() -> None:
    """Look for garbage in cycles rarely, and not at the end, when the system takes all memory back anyway.

    At the end Python would go through all that the imports made, several times, to find nothing.
    """
    gc.set_threshold(RARELY)
    atexit.register(gc.freeze)


@contextmanager
def job(snakemake: Any) -> Iterator[None]:
    """Run a script's body: output into the rule's log, errors that a user can mend without a traceback.

    Parameters
    ----------
    snakemake : object
        What Snakemake gives a script. Its first log file takes all output; a log file named ``problems``
        takes the problems of a DataError as CSV.

    Notes
    -----
    A step that ends well leaves a receipt beside its log (fortems.run.receipts), which the gate reads.
    Snakemake deletes a failed job's outputs and keeps its logs; what went wrong is left beside the log with
    the suffix ``.failed``, where the Snakefile's ``onerror`` finds it and prints it last.
    """
    _collect_rarely()
    log = Path(snakemake.log[0])
    failed = log.with_suffix(FAILED)
    _redirect(log)
    failed.unlink(missing_ok=True)
    try:
        read = checksums(snakemake.input)
        yield
        write_receipt(log.with_suffix(SUFFIX), snakemake.rule, read, checksums(snakemake.output))
        usage.leave(log, snakemake.rule)
    except FortemsError as error:
        text = problems_text(error)
        logged = getattr(error, "anonymous", text)
        if isinstance(error, DataError) and "problems" in snakemake.log.keys():  # noqa: SIM118 (a Namedlist)
            write_problems(error.problems, snakemake.log.problems)
            text += f"\nEvery problem is listed in {snakemake.log.problems}, which is {LOCAL}."
        _remove_empty_folders(snakemake.output)
        _end(text, failed, logged)
    except OSError as error:
        words = DISK_WORDS.get(error.errno or 0)
        if words is None:
            _end_with_traceback(error, snakemake.rule, log, failed)
        _end(f"{error.filename or 'A result'} could not be written: {words}.", failed)
    except Exception as error:
        _end_with_traceback(error, snakemake.rule, log, failed)


def failures(logs: str) -> str:
    """Return what jobs of a run left behind when they failed, as text for the terminal."""
    return "\n\n".join(
        path.read_text(encoding="utf-8").rstrip() for path in sorted(Path(logs).rglob(f"*{FAILED}"))
    )


def forget_failures(logs: str) -> None:
    """Remove what failed jobs of an earlier run left behind."""
    for path in Path(logs).rglob(f"*{FAILED}"):
        path.unlink(missing_ok=True)


def may_write(folder: str) -> bool:
    """Return whether a folder, or the nearest one above it that is there, may be written to."""
    path = Path(folder)
    while not path.exists():
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK)


def cancel_timers() -> None:
    """At the end of a run: cancel the timers by which Snakemake would look for jobs again, a second's wait."""
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.cancel()


def write_problems(problems: Sequence[Problem], path: str | os.PathLike[str]) -> None:
    """Write problems as CSV, each line marked: the file names rows and clients."""
    import pandas as pd

    from fortems.tidy import write_csv

    fields = ("where", "row", "client", "column", "value", "what", "allowed", "hint")
    frame = pd.DataFrame([{f: getattr(p, f) for f in fields} for p in problems], columns=fields)
    write_csv(frame.assign(note=LOCAL), path)


def _redirect(log: Path) -> None:
    """Send what this process and its libraries print to the log, line by line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    stream = open(log, "w", buffering=1, encoding="utf-8")  # noqa: SIM115 (open as long as the process)
    for descriptor in (1, 2):
        os.dup2(stream.fileno(), descriptor)
    sys.stdout = sys.stderr = stream


def _remove_empty_folders(outputs: Iterable[str]) -> None:
    """Remove the folders that Snakemake made for a job that leaves nothing in them."""
    for folder in {Path(output).parent for output in outputs}:
        with suppress(OSError):
            os.removedirs(folder)


def _end(text: str, failed: Path, logged: str | None = None) -> None:
    """Say why the job ends, on the terminal through ``failed`` and in the log, and end it.

    ``logged`` is for the log where the text names clients, which no log does.
    """
    print(text if logged is None else logged, flush=True)
    failed.write_text(f"{text}\n", encoding="utf-8")
    sys.exit(1)


def _end_with_traceback(error: Exception, rule: str, log: Path, failed: Path) -> None:
    traceback.print_exc()
    words = " ".join(str(error).split())[:300]
    _end(
        f"The step {rule} stopped with {type(error).__name__}: {words}\nThe whole story is in {log}.", failed
    )
