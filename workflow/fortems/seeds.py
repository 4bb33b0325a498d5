"""Random streams that depend on the seed and on the step's name, never on order, cores or chunks."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, *names: object) -> np.random.Generator:
    """Return the generator that belongs to a step.

    Parameters
    ----------
    seed : int
        The run's one seed.
    *names : object
        The step's name and, where it has parts, theirs (model, replicate block, scenario ...); their
        text forms identify the stream.
    """
    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 32, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([int(seed), *words])))
