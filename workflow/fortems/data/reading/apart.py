"""Reading a file in a process of its own, limited in memory and time: a damaged one can ask for any amount of both.

Libraries in C and Rust crash on damaged files, fill the memory or never end. Here only the process that reads does, and
it ends when the one that asked does.
"""

from __future__ import annotations

import ctypes
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from fortems.errors import DataError, Problem

# What reading takes at least, and what it takes of each byte of the file at most.
MEMORY, MEMORY_A_BYTE = 700 << 20, 60
SECONDS, SECONDS_A_BYTE = 10.0, 4e-6
# Forked, so that neither libraries are loaded again nor the script that asks is run again.
FORKED = multiprocessing.get_context("fork")
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux

Value = TypeVar("Value")


def apart(
    read: Callable[..., Value], path: str | os.PathLike[str], *arguments: Any, kind: str, allowed: str
) -> Value:
    """Return what ``read(path, *arguments)`` returns, read in a process of its own.

    Parameters
    ----------
    read : callable
        Its value must be picklable.
    path : path
        The file; how large it is says how much memory and time reading may take.
    kind, allowed : str
        What the file is taken for and what could have been read, for messages.

    Raises
    ------
    DataError
        Its own; or when it crashes, takes more memory or time than any sound file of this size, or fails otherwise.
    """
    size = os.stat(path).st_size
    seconds, memory = SECONDS + SECONDS_A_BYTE * size, MEMORY + MEMORY_A_BYTE * size
    receive, send = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=_child, args=(send, seconds, memory, os.getpid(), read, path, arguments))
    process.start()
    send.close()
    try:
        if not receive.poll(seconds):
            what = "takes longer to read than any sound file of its size"
            raise DataError(Problem(Path(path).name, what, allowed, "Export it again"))
        outcome, value = receive.recv()
    except EOFError:
        outcome, value = "failed", None
    finally:
        process.kill()
        process.join()
        receive.close()
    if outcome == "read":
        return value
    if outcome == "refused":
        raise DataError(value)
    if outcome == "memory":
        what = "takes more memory to read than any sound file of its size"
        raise DataError(Problem(Path(path).name, what, allowed, "Export it again, or as CSV"))
    raise DataError(
        Problem(Path(path).name, f"is a corrupt or unreadable {kind}", allowed, "Export it again")
    )


def _child(
    send: Connection,
    seconds: float,
    memory: int,
    parent: int,
    read: Callable[..., Any],
    path: str | os.PathLike[str],
    arguments: tuple[Any, ...],
) -> None:
    """Read within the limits and send what came of it; what libraries print when they crash goes nowhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        return
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 5, int(seconds) + 5))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + memory
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        send.send(("read", read(path, *arguments)))
    except DataError as error:
        send.send(("refused", error.problems))
    except MemoryError:
        send.send(("memory", None))
    except Exception:  # each library has errors of its own for a damaged file
        send.send(("failed", None))
