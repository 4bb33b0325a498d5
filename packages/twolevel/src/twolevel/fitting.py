"""`fit`: from a model and data to a result that can be asked further."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, Never

import numpy as np
import pandas as pd

from .data.clusters import ClusterData
from .data.moments import CompleteMoments, MissingMoments
from .data.published import SummaryData
from .errors import (
    BetweenUnderdeterminedWarning,
    ModelError,
    NoMaximumWarning,
    UnsupportedError,
    nearest,
)
from .fitted import Fitted
from .inference.covariance import (
    Interval,
    LikelihoodRatio,
    StandardErrors,
    chi2_sf,
    cluster_scores,
    covariance,
)
from .model.model import Model as ParsedModel
from .model.syntax import KINDS
from .postestimation.diagram import diagram
from .postestimation.display import html, text
from .postestimation.nested import check_nested
from .postestimation.profile import ProfileTest, profile_interval, profile_test
from .postestimation.resample import Resampled, bootstrap, jackknife
from .postestimation.simulate import simulate
from .postestimation.slopes import average_indirect, slope_summary
from .postestimation.summary import summary
from .search.optimize import Bounds, estimate
from .slopes.choose import moments_for, objective_for
from .unsupported import MODIFICATION, SCALED, SCORES, refuse, refused

Missing = Literal["listwise", "ml"]
Slopes = Literal["within", "observed"]


class Fit(Fitted):
    """A fitted two-level model, with the tests, intervals and resamples that refit it.

    Attributes are those of `Fitted`.
    """

    def __repr__(self) -> str:
        """One screen: verdicts, and the parameters worth a first look."""
        return text(self)

    def _repr_html_(self) -> str:
        """What notebooks show."""
        return html(self)

    def likelihood_ratio(self, restricted: Fitted) -> LikelihoodRatio:
        """Test of a model nested in this one, fitted to the same data under the same bounds.

        Raises
        ------
        NotNestedError
            Different variables, rows, values or bounds, or not fewer parameters.
        """
        df = check_nested(self, restricted)
        statistic = 2 * (self.loglik - restricted.loglik)
        if not (self.converged and restricted.converged):
            return LikelihoodRatio(np.nan, df, np.nan)
        return LikelihoodRatio(statistic, df, chi2_sf(statistic, df))

    def profile(self, name: str, value: float = 0.0) -> ProfileTest:
        """Likelihood-ratio test of one parameter: the model refitted with it held at `value`, same bounds."""
        return profile_test(self, name, value)

    def profile_interval(self, name: str, level: float = 0.95) -> Interval:
        """Profile-likelihood interval of one parameter (Venzon & Moolgavkar, 1988)."""
        return profile_interval(self, name, level)

    def bootstrap(self, replicates: int, rng: np.random.Generator) -> Resampled:
        """Cluster bootstrap of all parameters: clusters drawn with replacement, by weights."""
        return bootstrap(self, replicates, rng)

    def jackknife(self) -> Resampled:
        """Estimates without each cluster in turn."""
        return jackknife(self)

    def modification_indices(self) -> Never:
        """Refused.

        Raises
        ------
        UnsupportedError
            Says what to do instead.
        """
        refused(MODIFICATION)

    def factor_scores(self) -> Never:
        """Refused.

        Raises
        ------
        UnsupportedError
            Says what to do instead.
        """
        refused(SCORES)

    def predict(self) -> Never:
        """Refused: see `factor_scores`.

        Raises
        ------
        UnsupportedError
            Says what to do instead.
        """
        refused(SCORES)

    def scaled_test(self) -> Never:
        """Refused.

        Raises
        ------
        UnsupportedError
            Says what to do instead.
        """
        refused(SCALED)

    def slope_moments(self) -> pd.DataFrame:
        """The random slopes: outcome, predictor, what they act on, mean over the clusters, SD and covariances.

        SDs and covariances are those given the covariates of level 2, from the fitted model.
        """
        return slope_summary(self)

    def average_indirect(
        self,
        a: str,
        b: str,
        *,
        draws: int = 5_000,
        rng: np.random.Generator | None = None,
        df: float | None = None,
        level: float = 0.95,
    ) -> Interval:
        """Average indirect effect under random slopes, E(a_j b_j) = E(a_j) E(b_j) + cov(a_j, b_j).

        Kenny, Korchmaros & Bolger (2003, Psychol. Methods 8, 115-128); Bauer, Preacher & Gil (2006, ibid. 11, 142-163).
        Where level 2 predicts the slopes, the product of the conditional means is averaged over the clusters.

        Parameters
        ----------
        a, b : str
            Names of random slopes; one of them may be a label or name of a fixed path.
        draws, rng, df
            Of the Monte Carlo interval, as in `monte_carlo`.

        Returns
        -------
        Interval
            With the delta-method standard error.
        """
        return average_indirect(self, a, b, draws, rng, df, level)

    def diagram(self, standardized: bool = False) -> str:
        """The path diagram of both levels as SVG text; `standardized` puts standardized estimates on the arrows."""
        return diagram(self, standardized)

    def simulate(
        self, rng: np.random.Generator | None = None, sizes: Sequence[int] | None = None
    ) -> pd.DataFrame:
        """New data from the fitted model; see `twolevel.simulate`."""
        return simulate(self, rng, sizes)

    def summary(self, fit_measures: bool = False) -> str:
        """A text that a lavaan user reads at sight; `fit_measures` adds CFI, TLI, RMSEA, SRMR."""
        return summary(self, fit_measures)


class Model(ParsedModel):
    """A two-level model, parsed once and fitted as often as one likes.

    Parameters and attributes are those of `twolevel.model.model.Model`.
    """

    def fit(
        self,
        data: pd.DataFrame | ClusterData | SummaryData,
        cluster: str | None = None,
        *,
        bounds: Bounds = "psd",
        missing: Missing = "listwise",
        se: StandardErrors = "information",
        **others: Any,
    ) -> Fit:
        """Fit the model; see `twolevel.fit`."""
        return fit(self, data, cluster, bounds=bounds, missing=missing, se=se, **others)


@lru_cache(maxsize=32)
def _read(text: str, slopes: Slopes) -> Model:
    """A model text, read once however often it is fitted: nothing changes a model."""
    return Model(text, slopes)


def _check_summary(model: ParsedModel, cluster: str | None, missing: str, se: str) -> None:
    """Refuse what matrices cannot give."""
    if cluster is not None:
        raise ModelError(f"cluster={cluster!r}: matrices have no cluster column; leave it out")
    wanted = {
        "missing='ml'": missing == "ml",
        "se='robust'": se == "robust",
        "random slopes": bool(model.random),
    }
    for what, asked in wanted.items():
        if asked:
            raise UnsupportedError(f"{what}: this needs the rows of the data, and matrices were given")


def fit(
    model: str | ParsedModel,
    data: pd.DataFrame | ClusterData | SummaryData,
    cluster: str | None = None,
    *,
    bounds: Bounds = "psd",
    missing: Missing = "listwise",
    se: StandardErrors = "information",
    slopes: Slopes = "within",
    **others: Any,
) -> Fit:
    """Fit a two-level structural equation model by maximum likelihood (normal theory, random x).

    Parameters
    ----------
    model : str or Model
        lavaan syntax with `level: 1` and `level: 2` blocks, or a parsed Model (quicker when fitted often).
    data : DataFrame, ClusterData or SummaryData
        One row per client; a ClusterData keeps its statistics from fit to fit; a SummaryData holds covariance matrices.
    cluster : str
        Column that names the clusters (not needed with a ClusterData).
    bounds : {"psd", "none"}
        psd: maximum over positive semi-definite covariance matrices. none: the regular local maximum of the
        unconstrained likelihood, as lavaan; the fit says "no maximum" where there is none.
    missing : {"listwise", "ml"}
        Complete rows only, or full information.
    se : {"information", "expected", "robust"}
        Observed information (lavaan's default), expected information, or the cluster-robust sandwich with the
        correction J / (J - 1).
    slopes : {"within", "observed"}
        What random slopes of a model text act on, where the text itself does not say: `rv("s")*x`. A predictor that
        is named at both levels has a latent cluster mean; "within" takes the deviation from it (quadrature over the
        slopes), "observed" the value as measured (closed form). A covariate of level 1 only is the same either way.
        With random slopes the log-likelihood is conditional on the covariates listed in `Fit.conditional_on`.

    Returns
    -------
    Fit

    others
        Refused by name, with what comes nearest: groups, categorical outcomes, scaled tests, three levels.

    Raises
    ------
    UnsupportedError
        What this version does not do.
    ModelSyntaxError, ModelError
        The model cannot be read or describes nothing estimable.
    DataProblemError
        One of its subclasses, for data that cannot carry the model.

    Warns
    -----
    NoMaximumWarning
        No maximum was reached; `Fit.converged` is False and `Fit.message` says why.
    BetweenUnderdeterminedWarning
        The between level has more parameters than there are clusters.
    """
    refuse(others)
    for name, value, allowed in (
        ("bounds", bounds, ("psd", "none")),
        ("missing", missing, ("listwise", "ml")),
        ("se", se, ("information", "expected", "robust")),
        ("slopes", slopes, KINDS),
    ):
        if value not in allowed:
            raise ModelError(f"{name}={value!r} is not one of {', '.join(allowed)}{nearest(value, allowed)}")
    if not isinstance(model, ParsedModel):
        if not isinstance(model, str):
            raise ModelError(f"the model is a {type(model).__name__}; give its text, or a twolevel.Model")
        model = _read(model, slopes)
    if se == "expected" and model.random:
        raise UnsupportedError(
            "se='expected' is for models without random slopes; use 'information' or 'robust'"
        )
    if se == "expected" and missing == "ml":
        raise ModelError("se='expected' is for complete data; use se='information' with missing='ml'")
    if isinstance(data, SummaryData):
        _check_summary(model, cluster, missing, se)
    elif not isinstance(data, ClusterData):
        if cluster is None:
            raise ModelError("name the cluster column: fit(model, data, cluster='therapist')")
        data = ClusterData(data, cluster)
    elif cluster is not None and cluster != data.cluster:
        raise ModelError(f"the data were prepared for cluster={data.cluster!r}, not {cluster!r}")
    layout = model.layout
    moments: CompleteMoments | MissingMoments
    moments = moments_for(data, layout, missing)
    between = len(set(layout.places[layout.places[:, 1] == 1, 0].tolist()))
    if between > moments.n_clusters:
        warnings.warn(
            f"{between} between-level parameters for {moments.n_clusters:.0f} clusters: the between part is hardly "
            "determined; simplify it or do not read it",
            BetweenUnderdeterminedWarning,
            stacklevel=2,
        )
    solution = estimate(model, moments, bounds)
    if not solution.converged:
        warnings.warn(f"{solution.message}; the numbers are no estimates", NoMaximumWarning, stacklevel=2)
    objective = objective_for(model.layout, moments)
    scores = None
    if se == "robust" and solution.converged:
        clusters = moments if isinstance(moments, MissingMoments) else data.clusters(layout.y, layout.z)
        scores = cluster_scores(objective, solution.theta, clusters)
    found = covariance(objective, solution, se, scores)
    return Fit(model, data, moments, bounds, missing, se, solution, found)
