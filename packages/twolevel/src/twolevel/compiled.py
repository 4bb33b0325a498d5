"""Ahead-of-use compilation with a cache that knows every source file that went in.

numba renews a cached function when the function's own file or a variable it closes over changes, but not when a
function of another file that is compiled into it does: it would go on running the old code. `compiled` therefore
lets each function close over a hash of all those files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import CellType, FunctionType
from typing import Any

from numba import config, njit


def compiled(signature: str | list[str], **options: Any) -> Callable[[Any], Any]:
    """Decorate a function of a module: compile it for `signature` now, or read it from the cache.

    Parameters
    ----------
    signature : str or list of str
        As numba's, several for functions of several types; without it nothing would be cached before the first call.
    options
        Of `numba.njit`. No fastmath and no threads anywhere: the same bytes on every run. A division by zero gives
        what numpy's gives, infinity or nothing, unless `error_model` says otherwise: numba's own default raises.

    Notes
    -----
    Helpers in other files must be imported by name (``from .linalg import multiply``): that is how they are found.
    """

    def decorate(function: Any) -> Any:
        if config.DISABLE_JIT:
            return function
        asked = {"error_model": "numpy", **options}
        mark = fingerprint(function) + repr(
            sorted(asked.items())
        )  # the cache does not know the options either
        return njit(signature, cache=True, **asked)(_closing_over(function, mark))

    return decorate


def fingerprint(function: Any) -> str:
    """Hash of the source files of a function and of all compiled functions that it calls, directly or not."""
    digests = [_digest(file) for file in sorted(_sources(function))]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _sources(function: Any) -> set[str]:
    seen, queue = set(), [function]
    while queue:
        python = queue.pop()
        if python not in seen:
            seen.add(python)
            named = (python.__globals__.get(name) for name in python.__code__.co_names)
            queue += [value.py_func for value in named if hasattr(value, "py_func")]
    return {python.__code__.co_filename for python in seen}


@lru_cache
def _digest(file: str) -> str:
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def _closing_over(function: FunctionType, value: str) -> FunctionType:
    """The function with one more variable in its closure, which it does not read."""
    code = function.__code__.replace(co_freevars=(*function.__code__.co_freevars, "fingerprint"))
    closure = (*(function.__closure__ or ()), CellType(value))
    return FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure)
