"""What each engine can do: one table, from which choices, lists and refusals follow."""

from __future__ import annotations

from dataclasses import dataclass

#: Intervals that come from resampling therapists.
RESAMPLED = ("percentile", "bca")


@dataclass(frozen=True)
class Engine:
    """What an engine can do.

    Attributes
    ----------
    levels : tuple of str
        At which it estimates paths: ``within``, ``between``, ``single``.
    intervals : tuple of str
        Of the indirect effect; ``robust`` needs client rows.
    incomplete : bool
        Whether clients with missing values enter, by full information; else complete rows alone do.
    matrix : bool
        Whether a matrix of covariances is enough for it, without client rows.
    """

    levels: tuple[str, ...]
    intervals: tuple[str, ...]
    incomplete: bool = False
    matrix: bool = False

    @property
    def resamples(self) -> bool:
        """Whether it is fitted again to resampled therapists, and without each in turn."""
        return bool(set(RESAMPLED) & set(self.intervals))


_NORMAL = ("delta", "montecarlo")
_ALL = ("robust", *_NORMAL, *RESAMPLED)

#: The engines, at each level the one that counts before those that stand in for it where it was not run.
ENGINES: dict[str, Engine] = {
    "twolevel": Engine(("within", "between"), _ALL, incomplete=True),
    "regression": Engine(("single",), (*_ALL, "cr2"), incomplete=True, matrix=True),
    "semopy": Engine(("single",), _NORMAL, matrix=True),
    "mixedlm": Engine(("within", "between", "single"), _NORMAL),
}

#: Those that resample therapists; those that a matrix is enough for.
RESAMPLING = tuple(name for name, engine in ENGINES.items() if engine.resamples)
FROM_MATRIX = tuple(name for name, engine in ENGINES.items() if engine.matrix)
