"""The result of a fit: frozen data, tidy frames, inference on demand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd

from .data.clusters import ClusterData
from .data.moments import Clusters, CompleteMoments, MissingMoments
from .data.published import SummaryData
from .errors import UnsupportedError
from .inference.covariance import (
    Covariance,
    Interval,
    StandardErrors,
    delta_method,
    monte_carlo,
)
from .inference.fitindices import FitIndices, fit_indices, information_criteria
from .inference.tables import parameter_table, standardized_table, unstandardized
from .likelihood.objective import Implied, Objective
from .model.functions import Function, Named
from .model.model import Model
from .model.syntax import BETWEEN, WITHIN
from .search.optimize import Bounds, estimate
from .search.verdict import Solution
from .slopes.choose import objective_for

_DEPENDS = "the variables' covariances depend on the covariates"


@dataclass(frozen=True)
class Fitted:
    """A fitted two-level model: what is known without further fits of restricted or resampled kinds.

    Attributes
    ----------
    model : Model
    data : ClusterData or SummaryData
    moments : CompleteMoments or MissingMoments
    bounds, missing, se : str
        As given to `fit`.
    solution : Solution
        The end point: theta, gradient, Hessian, face.
    covariance : Covariance
        Covariance matrix of the free parameters, its method and what it lacks.

    Notes
    -----
    Three separate verdicts: `converged` (a maximum was reached), `admissible` (no negative variance, every
    covariance matrix positive semi-definite) and `boundary` (some covariance matrix is singular).
    """

    model: Model
    data: ClusterData | SummaryData
    moments: CompleteMoments | MissingMoments
    bounds: Bounds
    missing: str
    se: StandardErrors
    solution: Solution
    covariance: Covariance

    def __getstate__(self) -> dict[str, object]:
        """What a pickle holds: the fit itself; what can be computed from it is computed again."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    # verdicts -----------------------------------------------------------------------------------------
    @property
    def converged(self) -> bool:
        """Whether the estimates are a maximum: regular and local (bounds none) or over the admissible set (psd)."""
        return self.solution.converged

    @property
    def admissible(self) -> bool:
        """Whether every covariance matrix of the model is positive semi-definite."""
        return self.solution.admissible

    @property
    def boundary(self) -> bool:
        """Whether a covariance matrix of the model is singular."""
        return self.solution.boundary

    @property
    def message(self) -> str:
        """What a reader must know of the maximum and of the standard errors; empty where there is nothing."""
        return "; ".join(dict.fromkeys(filter(None, (self.solution.message, self.covariance.message))))

    @property
    def se_method(self) -> str:
        """How standard errors were found, in words."""
        return self.covariance.method

    # numbers ------------------------------------------------------------------------------------------
    @property
    def loglik(self) -> float:
        """Log-likelihood, its constant included, in the units of the data."""
        return self.solution.loglik

    @property
    def n_parameters(self) -> int:
        """Free parameters, each of those set equal counted once, less the equations imposed on them."""
        return len(self.solution.theta) - self.model.layout.n_equations

    @property
    def n_clients(self) -> int:
        """Rows that were used."""
        return int(self.moments.n_clients)

    @property
    def n_clusters(self) -> int:
        """Clusters that were used."""
        return int(self.moments.n_clusters)

    @property
    def n_dropped(self) -> int:
        """Rows left out: incomplete ones (listwise), or those without any client-level value (ml).

        A value of a between-only variable on such a row is used all the same.
        """
        return self.data.n_rows - self.n_clients

    @cached_property
    def n_singletons(self) -> int:
        """Clusters of one client (allowed: they inform the sum of both levels)."""
        if isinstance(self.moments, CompleteMoments):
            return int(self.moments.counts[self.moments.sizes == 1].sum())
        clients = np.concatenate([[0.0], np.cumsum(self.moments.cell_n)])[self.moments.first]
        return int((np.diff(clients) == 1).sum())

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return information_criteria(self.loglik, self.n_parameters, self.n_clients)[0]

    @property
    def bic(self) -> float:
        """BIC with n = clients, as lavaan."""
        return information_criteria(self.loglik, self.n_parameters, self.n_clients)[1]

    @cached_property
    def coef(self) -> dict[str, float]:
        """Estimates of the free parameters by name (label, or `y~x`, `y~x.l2`)."""
        return dict(zip(self.model.names, self.solution.theta.tolist(), strict=True))

    @cached_property
    def vcov(self) -> pd.DataFrame:
        """Covariance matrix of the free parameters, named on both axes."""
        names = list(self.model.names)
        return pd.DataFrame(self.covariance.matrix, index=names, columns=names)

    @cached_property
    def objective(self) -> Objective:
        """The negative log-likelihood as a function of the free parameters."""
        return objective_for(self.model.layout, self.moments)

    @cached_property
    def implied(self) -> Implied:
        """Model-implied moments of both levels as arrays, in the order of the layout.

        Raises
        ------
        UnsupportedError
            The slopes are random: covariances then depend on the covariates.
        """
        implied = self.objective.implied(self.solution.theta)
        assert implied is not None
        return implied

    @cached_property
    def sigma_within(self) -> pd.DataFrame:
        """Model-implied S_W of the variables measured on clients."""
        names = list(self.model.layout.y)
        return pd.DataFrame(self.implied.sw, index=names, columns=names)

    @cached_property
    def sigma_between(self) -> pd.DataFrame:
        """Model-implied covariances between clusters of all variables (zero for within-only ones)."""
        names = list(self.model.observed)
        return pd.DataFrame(self.implied.vb, index=names, columns=names)

    @cached_property
    def means(self) -> pd.Series:
        """Model-implied means."""
        return pd.Series(self.implied.mu, index=list(self.model.observed), name="mean")

    @cached_property
    def icc(self) -> pd.Series:
        """Intraclass correlations of the variables at both levels, from the saturated model as in lavaan."""
        if self.model.random:
            raise UnsupportedError(f"no intraclass correlations with random slopes: {_DEPENDS}")
        level = self.model.layout.levels[BETWEEN]
        both = [n for n in self.model.layout.y if n in level.names]
        if self.saturated is None:
            return pd.Series(np.nan, index=both, name="icc")
        names = self.saturated.model.observed
        within, between = np.diag(self.saturated.implied.sw), np.diag(self.saturated.implied.vb)
        at = [names.index(n) for n in both]
        return pd.Series(between[at] / (between[at] + within[at]), index=both, name="icc")

    # frames -------------------------------------------------------------------------------------------
    @cached_property
    def values(self) -> dict[str, float]:
        """All named numbers: free parameters, every label (also of fixed or equal ones), defined parameters."""
        return {name: float(value) for name, value in Named(self.model, dict).everything(self.coef).items()}

    @cached_property
    def standardized(self) -> pd.DataFrame:
        """Standardized solution by level (lavaan's std.all): lhs, op, rhs, level, label, estimate.

        NaN throughout with random slopes, where the variances depend on the covariates.
        """
        if self.model.random:
            return unstandardized(self.model)
        return standardized_table(self.model, self.solution.theta, self.implied)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """One row per parameter, in the order of the model text, defined parameters last.

        Columns: lhs, op, rhs, level (within, between or empty), label, name, free, estimate, se, z, p, ci_low,
        ci_high (normal, 95 %), standardized (std.all). Fixed parameters have no standard error.
        """
        defined = [self.delta(entry.name) for entry in self.model.defined]
        standards = self.standardized["estimate"].to_numpy()
        return parameter_table(self.model, self.solution.theta, self.covariance.matrix, defined, standards)

    def row(self, name: str) -> pd.Series:
        """The row of `parameters` with this label or name."""
        frame = self.parameters
        found = frame[(frame["name"] == name) | (frame["label"] == name)]
        if found.empty:
            k = self.model.position(name)  # raises with the nearest name
            found = frame[[i == k for i in [*self.model.index, *([-2] * len(self.model.defined))]]]
        return found.iloc[0]

    # inference ----------------------------------------------------------------------------------------
    def delta(self, expression: str | Function) -> tuple[float, float]:
        """(value, delta-method standard error) of an expression of labels, or of a function of the named values."""
        function = Named(self.model, expression)
        names = self.model.names

        def at(theta: np.ndarray) -> float:
            return float(function(dict(zip(names, theta.tolist(), strict=True))))

        units = self.objective.units
        value, se, _ = delta_method(at, self.solution.theta, self.covariance.matrix, units)
        return value, se

    def monte_carlo(
        self,
        expression: str | Function,
        draws: int = 20_000,
        rng: np.random.Generator | None = None,
        df: float | None = None,
        level: float = 0.95,
    ) -> Interval:
        """Monte Carlo interval of an expression such as ``a*b`` from the joint covariance of the estimates.

        Parameters
        ----------
        expression : str or callable
            Of labels, or a function of a mapping name -> array of all named values.
        draws : int
        rng : numpy Generator
        df : float, optional
            Degrees of freedom of multivariate-t draws (few clusters: clusters - 1 or less); None: normal draws.
        level : float

        Returns
        -------
        Interval
            NaN where a parameter of the expression has no standard error.
        """
        function = Named(self.model, expression)
        # Only what the expression reads: other parameters may lack standard errors.
        used = function.reads(self.coef)
        keep = [self.model.names.index(n) for n in used]
        matrix = self.covariance.matrix[np.ix_(keep, keep)]
        if np.isnan(matrix).any() or not used:
            value = float(function(self.coef))
            return Interval(value, np.nan, np.nan, np.nan, level, "Monte Carlo: no standard errors", 0)
        rng = np.random.default_rng() if rng is None else rng
        return monte_carlo(function, used, self.coef, matrix, draws=draws, rng=rng, df=df, level=level)

    @cached_property
    def saturated(self) -> Self | None:
        """The saturated model under the same bounds; None where it has no maximum, or the slopes are random."""
        return None if self.model.random else self._relative(self.model.saturated)

    @cached_property
    def baseline(self) -> Self | None:
        """The independence model under the same bounds; None where it has no maximum, or the slopes are random."""
        return None if self.model.random else self._relative(self.model.baseline)

    def _relative(self, model: Model) -> Self | None:
        # The saturated table lists the variables by level; likelihoods need the same order of moments.
        data = self.data
        moments: CompleteMoments | MissingMoments
        if self.missing == "ml":
            moments = data.missing(model.layout.y, model.layout.z)
        else:
            moments = data.complete(model.layout.y, model.layout.z)
        solution = estimate(model, moments, self.bounds)
        if not solution.converged:
            return None
        k = len(solution.theta)  # saturated and independence models have no equations
        return replace(
            self,
            model=model,
            moments=moments,
            solution=solution,
            covariance=Covariance(np.full((k, k), np.nan), "none", "not asked for"),
        )

    @cached_property
    def fit_indices(self) -> FitIndices:
        """Chi-squared, CFI, TLI, RMSEA, SRMR by level, AIC, BIC (fits the saturated and the baseline model)."""
        h1, h0 = self.saturated, self.baseline
        if self.model.random:
            return self._no_indices()
        problems = [
            f"the {name} model has no maximum under bounds {self.bounds!r}"
            for name, found in (("saturated", h1), ("baseline", h0))
            if found is None
        ]
        if not self.converged:
            problems.append("the model has no maximum")
        order = [self.model.observed.index(n) for n in h1.model.observed] if h1 else []
        implied = self.implied
        if h1:
            p = len(self.model.layout.y)
            client, every = np.array(order[:p], dtype=int), np.array(order, dtype=int)
            implied = replace(
                implied,
                sw=implied.sw[np.ix_(client, client)],
                vb=implied.vb[np.ix_(every, every)],
                mu=implied.mu[every],
            )
        layout = h1.model.layout if h1 else self.model.layout
        return fit_indices(
            self.loglik,
            self.n_parameters,
            (h1.loglik, h1.n_parameters, h1.implied) if h1 and self.converged else None,
            (h0.loglik, h0.n_parameters) if h0 else None,
            implied,
            layout.levels[WITHIN].link[:, 1],
            layout.levels[BETWEEN].link[:, 1],
            self.n_clients,
            self.n_clusters,
            "; ".join(problems),
        )

    def _no_indices(self) -> FitIndices:
        empty = np.zeros((0, 0))
        nothing = Implied(
            empty, empty, np.zeros(0), ((empty, empty, np.zeros(0)), (empty, empty, np.zeros(0)))
        )
        none = np.zeros(0, dtype=int)
        return fit_indices(
            self.loglik, self.n_parameters, None, None, nothing, none, none, self.n_clients, self.n_clusters,
            "no saturated model with random slopes: compare fits by likelihood_ratio, aic or bic",
        )  # fmt: skip

    @property
    def conditional_on(self) -> tuple[str, ...]:
        """Covariates that the log-likelihood is conditional on (random slopes); empty: all variables are modelled."""
        return self.model.random.given

    @cached_property
    def clusters(self) -> Clusters | MissingMoments:
        """The clusters one by one."""
        if isinstance(self.moments, MissingMoments):
            return self.moments
        return self.data.clusters(self.model.layout.y, self.model.layout.z)
