"""What every engine hands back, and the linear step from slopes to the paths a, b and c'."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from fortems.mediation.system import Condition, Key, System, product
from fortems.stats.arrays import Array
from fortems.stats.jackknife import jackknife_variance
from fortems.study.engines import RESAMPLED
from fortems.study.models import MediationModel

Route = tuple[str, ...]  # mediators one behind the other
Routes = tuple[Route, ...]  # whose indirect effects are summed


@dataclass(frozen=True)
class Settings:
    """Inference settings of a run.

    Attributes
    ----------
    seed : int
    confidence : float
    draws : int
        Monte Carlo draws.
    replicates : int
        Bootstrap replicates.
    intervals : tuple of str
        Of the indirect effect, of those that engines can give; the primary one is computed without being named.
    """

    seed: int
    confidence: float = 0.95
    draws: int = 20_000
    replicates: int = 5_000
    intervals: tuple[str, ...] = ("delta", "montecarlo", *RESAMPLED)

    @property
    def bootstraps(self) -> bool:
        """Whether any interval needs replicates."""
        return bool(set(RESAMPLED) & set(self.intervals))


@dataclass(frozen=True)
class Slopes:
    """Slopes of one model at one level, by one engine.

    Attributes
    ----------
    engine, level : str
    keys : tuple of (dependent, column)
    estimate, df : ndarray (K,)
        Slopes in raw units and their degrees of freedom (infinite: normal).
    vcov : ndarray (K, K)
    sd : dict
        Variable → SD at this level, for standardized effects.
    n_clients, n_therapists : int
    within_sd : dict
        Variable → SD within therapists (the unit of the equivalence test); empty where there are no therapists.
    totals : dict
        Predictor → (estimate, se, df), where the total effect has a regression of its own (no moderator).
    profile : dict
        Key → p of the profile-likelihood test, where Wald tests do not hold.
    contrast_df : callable or None
        Weights (K,) → df of that combination; None takes the smallest df involved.
    replicates, jackknife : ndarray (R, K), (J, K) or None
        Bootstrap replicates and leave-one-therapist-out estimates of the slopes.
    r_squared : dict
        Dependent → share of its variance at this level that its equation explains.
    context : dict
        Key → (estimate, se, df) of the contextual effect, between minus within, where both are identified.
    """

    engine: str
    level: str
    keys: tuple[Key, ...]
    estimate: Array
    vcov: Array
    df: Array
    sd: dict[str, float]
    n_clients: int
    n_therapists: int
    within_sd: dict[str, float] = field(default_factory=dict)
    totals: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    profile: dict[Key, float] = field(default_factory=dict)
    contrast_df: Callable[[Array], float] | None = None
    replicates: Array | None = None
    jackknife: Array | None = None
    r_squared: dict[str, float] = field(default_factory=dict)
    context: dict[Key, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Paths:
    """The paths of a model at one value of the moderator: ``a[p, m]``, ``b[m]``, ``direct[p]`` in one vector.

    Attributes
    ----------
    names : tuple
        ("a", predictor, mediator), ("b", "", mediator), ("direct", predictor, ""); the path from a mediator to the next
        of serial ones is an "a" too.
    estimate, df, p : ndarray (k,)
        p is NaN where the t test with ``df`` is meant.
    vcov : ndarray (k, k)
    replicates, jackknife : ndarray (R, k), (J, k) or None
    cr2 : bool
        Whether ``vcov`` and ``df`` are CR2's and Satterthwaite's.
    """

    names: tuple[tuple[str, str, str], ...]
    estimate: Array
    vcov: Array
    df: Array
    p: Array
    replicates: Array | None
    jackknife: Array | None
    cr2: bool = False

    def at(self, effect: str, predictor: str = "", mediator: str = "") -> int:
        """Return the place of a path."""
        return self.names.index((effect, predictor, mediator))

    def along(self, predictor: str, route: Route) -> list[int]:
        """Return the places of the paths from a predictor through mediators one behind the other to the outcome."""
        steps = zip((predictor, *route[:-1]), route, strict=True)
        return [*(self.at("a", start, end) for start, end in steps), self.at("b", "", route[-1])]

    def carries(self, predictor: str, routes: Routes) -> bool:
        """Return whether all paths from a predictor along these routes are there."""
        try:
            return all(self.along(predictor, route) for route in routes)
        except ValueError:
            return False

    @property
    def se(self) -> Array:
        """Standard errors (k,)."""
        return np.sqrt(np.clip(np.diag(self.vcov), 0.0, None))

    @property
    def robust_variance(self) -> Array:
        """Cluster-jackknife variances (k,); only where there are leave-one-therapist-out estimates."""
        assert self.jackknife is not None
        return jackknife_variance(self.estimate, self.jackknife)

    @property
    def robust_df(self) -> float:
        """Degrees of freedom that go with them, J − 1."""
        assert self.jackknife is not None
        return len(self.jackknife) - 1.0


def path_names(system: System, keys: tuple[Key, ...]) -> tuple[tuple[str, str, str], ...]:
    """Return the paths of a model in the order of the tables, as far as these slopes hold them.

    At a level at which a variable has no part its paths are not there.
    """
    model = system.model
    paths = (
        *(("a", x, m) for x in model.predictors for m in model.mediators),
        *(("a", m, n) for m, n in (combinations(model.mediators, 2) if model.serial else ())),
        *(("b", "", m) for m in model.mediators),
        *(("direct", x, "") for x in model.predictors),
    )
    return tuple(path for path in paths if slope_of(system, *path) in keys)


def slope_of(system: System, effect: str, predictor: str, mediator: str) -> Key:
    """Return the slope, dependent and column, that a path is where nothing moderates it."""
    return (mediator if effect == "a" else system.model.outcome, mediator if effect == "b" else predictor)


def places_of_a_and_b(keys: Sequence[Key], model: MediationModel) -> list[int]:
    """Return where a and b of a model of one predictor and one mediator stand among slopes."""
    predictor, mediator, outcome = model.chain
    return [keys.index((mediator, predictor)), keys.index((outcome, mediator))]


def path_map(system: System, condition: Condition, keys: tuple[Key, ...]) -> Array:
    """Return L (k, K): paths = L slopes, given the moderator's value.

    A path moderated by w is slope + Σ_w (slope of the product with w) · w.
    """
    place = {key: i for i, key in enumerate(keys)}
    rows = []
    for path in path_names(system, keys):
        row = np.zeros(len(keys))
        dependent, column = slope_of(system, *path)
        row[place[dependent, column]] = 1.0
        for w, value in condition.weights.items():
            row[place[dependent, product(column, w)]] = value
        rows.append(row)
    return np.array(rows)


def paths_at(system: System, slopes: Slopes, condition: Condition) -> Paths:
    """Return the paths of a fitted model at a value of the moderator."""
    matrix = path_map(system, condition, slopes.keys)

    def df_of(weights: Array) -> float:
        involved = np.flatnonzero(weights)
        if slopes.contrast_df is not None and len(involved) > 1:
            return slopes.contrast_df(weights)
        return float(slopes.df[involved].min())

    p = [
        slopes.profile.get(slopes.keys[int(np.flatnonzero(row)[0])], np.nan)
        if np.count_nonzero(row) == 1
        else np.nan
        for row in matrix
    ]
    return Paths(
        names=path_names(system, slopes.keys),
        estimate=matrix @ slopes.estimate,
        vcov=_mapped_covariance(slopes.vcov, matrix),
        df=np.array([df_of(row) for row in matrix]),
        p=np.array(p, float),
        replicates=None if slopes.replicates is None else combined(slopes.replicates, matrix),
        jackknife=None if slopes.jackknife is None else combined(slopes.jackknife, matrix),
        cr2=slopes.contrast_df is not None,
    )


def combined(values: Array, matrix: Array) -> Array:
    """Return combinations (R, k) of slopes (R, K); a slope that is missing and not involved does no harm."""
    return np.stack([values[:, row != 0] @ row[row != 0] for row in matrix], axis=1)


def _mapped_covariance(vcov: Array, matrix: Array) -> Array:
    """Return L V L' (k, k); a variance that is missing and not involved does no harm."""
    missing, involved = ~np.isfinite(vcov), (matrix != 0).astype(float)
    found = matrix @ np.where(missing, 0.0, vcov) @ matrix.T
    return np.where(involved @ missing @ involved.T > 0, np.nan, found)


def explained(
    keys: tuple[Key, ...], estimate: Array, covariance: Array, columns: tuple[str, ...]
) -> dict[str, float]:
    """Return R² of each equation: β' S_xx β / s_yy, with the covariances of the slopes' level.

    Parameters
    ----------
    keys : tuple of (dependent, column)
    estimate : ndarray (K,)
    covariance : ndarray (p, p)
        Of ``columns``.
    columns : tuple of str
    """
    found = {}
    for dependent in dict.fromkeys(key[0] for key in keys):
        mine = [i for i, key in enumerate(keys) if key[0] == dependent]
        index = [columns.index(keys[i][1]) for i in mine]
        beta, own = estimate[mine], columns.index(dependent)
        found[dependent] = float(beta @ covariance[np.ix_(index, index)] @ beta / covariance[own, own])
    return found
