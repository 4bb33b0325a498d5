"""What data must be for two levels to be estimated; each refusal names the variable and a remedy."""

from __future__ import annotations

import numpy as np

from ..errors import (
    BetweenVariableVariesError,
    CollinearVariablesError,
    ConstantVariableError,
    NoReplicationError,
    ScaleError,
)

# Below this share of a variable's variance a pivot counts as a linear combination: what is left of the variance is
# then known to fewer digits than the likelihood's maximum is sought to (correlations above 1 - 5e-8).
COLLINEAR = 1e-7

# Standard deviations that are fitted as they are; beyond these the likelihood loses its digits to the units.
SCALES = (1e-12, 1e12)


def check_scale(values: np.ndarray, names: tuple[str, ...]) -> None:
    """Refuse variables in units in which their variance cannot be worked with; missing values are passed over."""
    with np.errstate(over="ignore"):
        for name, column in zip(names, values.T, strict=True):
            size = float(np.nanmax(np.abs(column - np.nanmean(column))))
            if size and not SCALES[0] <= size <= SCALES[1]:
                raise ScaleError(
                    f"variable {name!r} differs from its mean by at most {size:.3g}; multiply it by a power of ten so "
                    f"that its values lie between {SCALES[0]:g} and {SCALES[1]:g} of their mean, near 1 at best"
                )


def check_between_only(deviation: np.ndarray, values: np.ndarray, z: tuple[str, ...]) -> None:
    """Refuse between-only variables that differ from their cluster's mean (`deviation`) by more than rounding."""
    for k, name in enumerate(z):
        scale = np.abs(deviation[:, k]).max(initial=0.0)
        if scale > 1e-9 * np.abs(values[:, k]).max(initial=0.0):
            raise BetweenVariableVariesError(
                f"{name!r} is named at level 2 only but varies within clusters (by up to {scale:.3g}); "
                "name it at level 1 too, or use its cluster mean"
            )


def check_variation(
    sizes: np.ndarray,
    means: np.ndarray,
    ssp: np.ndarray,
    values: np.ndarray,
    y: tuple[str, ...],
    z: tuple[str, ...],
) -> None:
    """Refuse complete data that cannot carry two levels (`sizes` (J,), `means` (J, t), `ssp` (J, p, p))."""
    p = len(y)
    df = sizes.sum() - len(sizes)
    total = values.var(axis=0)
    for k, name in enumerate((*y, *z)):
        if total[k] <= 1e-20 * max(np.abs(values[:, k]).max() ** 2, 1e-300):
            raise ConstantVariableError(
                f"variable {name!r} is constant in the rows used; leave it out of the model"
            )
    if df < p:
        raise NoReplicationError(
            f"{sizes.sum():.0f} clients in {len(sizes)} clusters leave {df:.0f} degrees of freedom within "
            f"clusters for {p} variables: the levels cannot be told apart (are most clusters singletons?)"
        )
    within = ssp.sum(axis=0)
    for k in range(p):
        if within[k, k] <= 1e-16 * total[k] * len(values):
            raise ConstantVariableError(
                f"variable {y[k]!r} does not vary within clusters; name it at level 2 only"
            )
    check_collinear(within, y, "within clusters")
    between = means[:, p:] - means[:, p:].mean(axis=0)
    if len(z):
        if len(sizes) <= len(z):
            raise CollinearVariablesError(
                f"{len(z)} between-only variables need more than {len(z)} clusters, not {len(sizes)}"
            )
        check_collinear(between.T @ between, z, "between clusters")


def check_missing_variation(values: np.ndarray, codes: np.ndarray, y: tuple[str, ...]) -> None:
    """Refuse incomplete data in which a variable does not vary, or not within clusters."""
    for k, name in enumerate(y):
        rows = ~np.isnan(values[:, k])
        column, cluster = values[rows, k], codes[rows]
        if np.ptp(column) == 0:
            raise ConstantVariableError(
                f"variable {name!r} is constant in the rows used; leave it out of the model"
            )
        count = np.bincount(cluster)
        if (count - 1).clip(min=0).sum() < 1:
            raise NoReplicationError(
                f"no cluster has two clients with a value of {name!r}: its levels cannot be told apart"
            )
        centred = column - column.mean()
        mean = np.bincount(cluster, centred) / np.maximum(count, 1)
        if ((centred - mean[cluster]) ** 2).sum() <= 1e-16 * (centred**2).sum():
            raise ConstantVariableError(
                f"variable {name!r} does not vary within clusters; name it at level 2 only"
            )


def check_collinear(cross: np.ndarray, names: tuple[str, ...], where: str) -> None:
    """Raise if a variable is a linear combination of those before it, exactly or nearly (Cholesky pivots)."""
    scale = np.sqrt(np.diag(cross))
    if (scale == 0).any():
        name = names[int(np.argmin(scale))]
        raise ConstantVariableError(f"variable {name!r} does not vary {where}; leave it out at that level")
    correlation = cross / np.outer(scale, scale)
    done: list[int] = []
    for k in range(len(names)):
        others = correlation[np.ix_(done, done)]
        pivot = correlation[k, k] - correlation[k, done] @ np.linalg.solve(others, correlation[done, k])
        if pivot < COLLINEAR:
            weights = np.linalg.solve(others, correlation[done, k])
            partners = [names[d] for d, w in zip(done, weights, strict=True) if abs(w) > 1e-6]
            raise CollinearVariablesError(
                f"{names[k]!r} is a linear combination of {', '.join(partners)} {where}, or nearly so; drop one of them"
            )
        done.append(k)
