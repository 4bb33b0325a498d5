"""Summary input: covariance matrices within and between clusters, as an article prints them, in place of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..errors import (
    CollinearVariablesError,
    DataProblemError,
    NoReplicationError,
    OneClusterError,
    UnknownVariableError,
    UnsupportedError,
    nearest,
)
from .checks import check_collinear
from .moments import Clusters, CompleteMoments, MissingMoments


class SummaryData:
    """Two-level data known by their covariance matrices, the number of rows and the number of clusters.

    The likelihood is that of J clusters of n / J rows each: exact where all clusters are equally large, and otherwise
    the approximation of Muthen (1994, Sociol. Methods Res. 22, 376-398), a mean size for all.

    Parameters
    ----------
    within : DataFrame (p, p)
        Pooled covariance matrix of the rows about their clusters' means, n - J degrees of freedom; named on both axes.
    between : DataFrame (t, t)
        Covariance matrix of the clusters' means, J - 1 degrees of freedom: all variables of `within`, and between-only
        variables. A matrix of mean squares (n / J times that) is divided by n / J first: see `scaled`.
    n, J : int
        Rows and clusters.
    means : mapping or Series, optional
        Means of the variables; zero where they are not known, and then not to be read.
    scaled : bool
        Whether `between` holds mean squares between clusters, as Mplus' S_B (the variables of `within` alone are scaled:
        their covariances with between-only variables by the root of n / J).

    Raises
    ------
    DataProblemError

    Examples
    --------
    >>> import pandas as pd
    >>> names = ["x", "y"]
    >>> within = pd.DataFrame([[1.0, 0.3], [0.3, 1.0]], names, names)
    >>> between = pd.DataFrame([[0.4, 0.1], [0.1, 0.5]], names, names)
    >>> data = SummaryData(within, between, n=200, J=40)
    >>> data.complete(["x", "y"], []).sizes.tolist()
    [5.0]
    """

    cluster = "clusters of equal size"

    def __init__(
        self,
        within: pd.DataFrame,
        between: pd.DataFrame,
        n: int,
        J: int,
        means: pd.Series | dict[str, float] | None = None,
        *,
        scaled: bool = False,
    ) -> None:
        if J < 2:
            raise OneClusterError(f"J={J}: a two-level model needs at least 2 clusters")
        if n <= J:
            raise NoReplicationError(f"n={n} rows in J={J} clusters: the levels cannot be told apart")
        self.within, self.between = _square(within, "within"), _square(between, "between")
        missing = [name for name in self.within.columns if name not in self.between.columns]
        if missing:
            raise UnknownVariableError(
                f"{missing[0]!r} stands in `within` and not in `between`{nearest(missing[0], self.between.columns)}; the "
                "clusters' means of every variable are needed (of one that has no variance between, its within "
                "variance over the cluster size)"
            )
        if scaled:
            size = n / J
            root = np.array([np.sqrt(size) if name in self.within.columns else 1.0 for name in self.between])
            self.between = self.between.div(root, axis=0).div(root, axis=1)
        self.n, self.J = int(n), int(J)
        self.means = pd.Series(0.0, index=self.between.columns)
        self.has_means = means is not None
        if means is not None:
            given = pd.Series(means, dtype=float)
            for name in self.between.columns:
                if name not in given.index:
                    raise UnknownVariableError(f"`means` lacks {name!r}{nearest(name, given.index)}")
            self.means = given[self.between.columns]

    @property
    def n_rows(self) -> int:
        return self.n

    def complete(self, y: Sequence[str], z: Sequence[str]) -> CompleteMoments:
        """Sufficient statistics of J clusters of n / J rows."""
        names = [*y, *z]
        for name in names:
            if name not in self.between.columns:
                raise UnknownVariableError(
                    f"variable {name!r} of the model is not in the matrices{nearest(name, self.between.columns)}"
                )
        for name in y:
            if name not in self.within.columns:
                raise UnknownVariableError(
                    f"variable {name!r} is named at level 1 and stands in `between` only; name it at level 2 only"
                )
        df = float(self.n - self.J)
        within = self.within.loc[list(y), list(y)].to_numpy(float) * df
        cross = self.between.loc[names, names].to_numpy(float) * (self.J - 1.0)
        check_collinear(within, tuple(y), "within clusters")
        if z:
            if len(z) >= self.J:
                raise CollinearVariablesError(
                    f"{len(z)} between-only variables need more than {len(z)} clusters"
                )
            check_collinear(cross[len(y) :, len(y) :], tuple(z), "between clusters")
        return CompleteMoments(
            np.array([self.n / self.J]),
            np.array([float(self.J)]),
            self.means[names].to_numpy(float)[None, :].copy(),
            np.ascontiguousarray(cross[None]),
            np.ascontiguousarray(within),
            df,
            len(y),
            len(z),
        )

    def missing(self, y: Sequence[str], z: Sequence[str]) -> MissingMoments:
        """Refused: matrices have no missing values.

        Raises
        ------
        UnsupportedError
        """
        raise UnsupportedError(
            "missing='ml' needs the rows of the data; with matrices leave `missing` as it is"
        )

    def clusters(self, y: Sequence[str], z: Sequence[str]) -> Clusters:
        """Refused: single clusters cannot be told apart in matrices.

        Raises
        ------
        UnsupportedError
        """
        raise UnsupportedError(
            "resampling and cluster-robust standard errors need the rows of the data; from matrices take the "
            "information, profiles or monte_carlo()"
        )


def _square(matrix: pd.DataFrame, which: str) -> pd.DataFrame:
    if not isinstance(matrix, pd.DataFrame):
        raise DataProblemError(
            f"`{which}` is a data frame with the variables' names on both axes, not {type(matrix).__name__}"
        )
    if list(matrix.index) != list(matrix.columns):
        if set(matrix.index) != set(matrix.columns) or not matrix.index.is_unique:
            raise DataProblemError(f"`{which}` has different names on its rows and columns")
        matrix = matrix.loc[matrix.columns]
    if not matrix.columns.is_unique:
        raise DataProblemError(f"`{which}` names a variable twice")
    values = matrix.to_numpy(dtype=float)
    if not np.isfinite(values).all():
        raise DataProblemError(f"`{which}` has missing or infinite entries")
    size = np.sqrt(np.maximum(np.diag(values), 0.0))
    if np.abs(values - values.T).max() > 1e-6 * max(float(size.max()), 1e-300) ** 2:
        raise DataProblemError(f"`{which}` is not symmetric")
    values = 0.5 * (values + values.T)
    if (np.diag(values) <= 0).any():
        name = matrix.columns[int(np.argmin(np.diag(values)))]
        raise DataProblemError(f"`{which}`: the variance of {name!r} is not positive")
    if np.linalg.eigvalsh(values / np.outer(size, size))[0] < -1e-8:
        raise DataProblemError(
            f"`{which}` is no covariance matrix: it has a negative eigenvalue (rounded or misprinted entries?)"
        )
    return pd.DataFrame(values, index=matrix.columns, columns=matrix.columns)
