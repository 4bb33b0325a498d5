"""What the likelihood needs to know of a model: variables, arrays of each level, places of the free parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Level:
    """RAM arrays of one level.

    Attributes
    ----------
    names : tuple of str
        Observed variables of the level, then its latent ones (m in all).
    n_observed : int
    a, s, mean : ndarray (m, m), (m, m), (m,)
        Fixed values; free places hold 0.
    link : ndarray (n_observed, 2) of int64
        (own index, index in moment space) of each observed variable.
    """

    names: tuple[str, ...]
    n_observed: int
    a: np.ndarray
    s: np.ndarray
    mean: np.ndarray
    link: np.ndarray


@dataclass(frozen=True)
class Slope:
    """A random slope.

    Attributes
    ----------
    name : str
        The variable of level 2.
    outcome, predictor : str
        Both observed, of level 1.
    kind : str
        `observed` or `within`: the part of the predictor that it acts on.
    """

    name: str
    outcome: str
    predictor: str
    kind: str


@dataclass(frozen=True)
class Random:
    """What makes a model one of random slopes.

    Attributes
    ----------
    slopes : tuple of Slope
    x, w : tuple of str
        Exogenous covariates of level 1 and of level 2 that are given: the likelihood is conditional on them.
    """

    slopes: tuple[Slope, ...] = ()
    x: tuple[str, ...] = ()
    w: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(slope.name for slope in self.slopes)

    @property
    def given(self) -> tuple[str, ...]:
        """All covariates that the likelihood is conditional on."""
        return (*self.x, *self.w)

    def __bool__(self) -> bool:
        return bool(self.slopes)


@dataclass(frozen=True, eq=False)
class Layout:
    """What the compiled functions need of a model; `places` rows are (parameter, level, matrix, i, j)."""

    y: tuple[str, ...]
    z: tuple[str, ...]
    levels: tuple[Level, Level]
    places: np.ndarray
    first: np.ndarray
    names: tuple[str, ...]
    random: Random = Random()
    equations: tuple[np.ndarray, np.ndarray] | None = None  # R, c of R theta = c, rows independent

    @property
    def n_parameters(self) -> int:
        return len(self.names)

    @property
    def n_equations(self) -> int:
        """How many parameters the equations take away."""
        return 0 if self.equations is None else len(self.equations[1])
