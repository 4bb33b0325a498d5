"""The joint test: could the specifications together look like this if there were no indirect effect?

Simonsohn, Simmons & Nelson (2020): the null is forced on the data of every specification, units are resampled jointly, all
specifications are estimated again, and the observed median is held against the medians under the null. Units are
therapists: each replicate draws them once, with replacement, for all specifications.

No effect through the mediator is b = 0 or a = 0. In specification s the outcome becomes y* = y − b̂ m, and beside it the
mediator m* = m − â x. Both are linear in the columns of saturated equations, so that a fit to forced data is the fit to the data as
they are, moved: resampling r gives a_r (b_r − b̂) and (a_r − â) b_r. One set of fits serves both nulls. The larger p counts:
the composite null ab = 0 is rejected only if both of its parts are. Where a = b = 0 the test is conservative by
construction.

References
----------
Simonsohn, U., Simmons, J. P., & Nelson, L. D. (2020). Specification curve analysis. Nature Human Behaviour, 4(11),
1208-1214.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fortems.errors import DataError
from fortems.mediation.columns import build
from fortems.mediation.engines import regression, twolevel_paths
from fortems.mediation.slopes import places_of_a_and_b
from fortems.mediation.system import CannotFit, System, check_within, two_level_values
from fortems.robustness.choices import Choices, Specification, joint_combinations
from fortems.robustness.specifications_data import Clients, unavailable, variant
from fortems.seeds import stream
from fortems.stats.arrays import Array
from fortems.stats.clusters import batch_weights
from fortems.study.models import MediationModel

JOINT_COLUMNS = (
    "model",
    "null",
    "statistic",
    "observed",
    "specifications",
    "failed_specifications",
    "resamples",
    "failed_fits",
    "as_extreme",
    "p",
    "reason",
)
MEDIAN, SAME_SIGN = "median", "same_sign"
NULLS = ("b", "a")
#: The null whose p counts: the larger of the two.
COMPOSITE = "a_or_b"
FEWEST = 10  # therapists; below, a cluster bootstrap is withheld


@dataclass(frozen=True)
class Resampled:
    """A specification and its resamples.

    Attributes
    ----------
    a, b : float
        Estimates.
    replicates : ndarray (R, 2)
        a and b in each resample; NaN where a fit failed.
    """

    a: float
    b: float
    replicates: Array

    def forced(self, null: str) -> Array:
        """Return the indirect effects (R,) of resamples of data on which a null is forced."""
        a, b = self.replicates.T
        return np.asarray(a * (b - self.b) if null == "b" else (a - self.a) * b)


def joint_test(
    model: MediationModel, clients: Clients, choices: Choices, resamples: int, seed: int
) -> pd.DataFrame:
    """Test a model's specifications jointly.

    Parameters
    ----------
    model : MediationModel
        With one predictor and one mediator.
    clients : Clients
    choices : Choices
        Its ``joint`` says over which choices.
    resamples : int
        B.
    seed : int
        Of the run.

    Returns
    -------
    DataFrame
        ``JOINT_COLUMNS``: for each null and for the larger of the two, the median indirect effect and the number of specifications
        with the median's sign, two-sided and one-sided.
    """
    missing = unavailable(choices, model, clients, ())
    specifications = joint_combinations(choices.without(missing))
    therapists = np.unique(clients.scores["therapist"].to_numpy(str))
    if len(therapists) < FEWEST:
        return _withheld(model, f"{len(therapists)} therapists are too few to resample")
    if not specifications:
        return _withheld(model, "the data give none of the specifications")
    weights = joint_weights(len(therapists), resamples, seed, model.name)
    found, failed = [], 0
    for specification in specifications:
        try:
            found.append(_resampled(model, clients, choices, specification, therapists, weights))
        except (CannotFit, DataError, ArithmeticError, np.linalg.LinAlgError):
            failed += 1
    if not found:
        return _withheld(model, "no specification could be fitted")
    rows = [
        {"model": model.name, "failed_specifications": failed, "reason": "", **row} for row in tests(found)
    ]
    return pd.DataFrame(rows, columns=list(JOINT_COLUMNS))


def joint_weights(therapists: int, resamples: int, seed: int, name: str) -> Array:
    """Return how often each therapist counts in each resample (B, J): the same draws for all specifications."""
    return batch_weights(therapists, resamples, stream(seed, "robustness", "joint", name))


def tests(found: Sequence[Resampled]) -> list[dict[str, Any]]:
    """Hold the observed specifications against those under each null.

    Parameters
    ----------
    found : sequence of Resampled
        One per specification, their resamples drawn jointly.

    Returns
    -------
    list of dict
        ``null, statistic, observed, specifications, resamples, failed_fits, as_extreme, p``; p = (k + 1) / (B + 1), B the resamples
        in which some specification was fitted, k those at least as extreme as the observed.
    """
    estimates = np.array([one.a * one.b for one in found])
    observed = {MEDIAN: float(np.median(estimates)), SAME_SIGN: _same_sign(estimates[None])[0]}
    rows = []
    for null in NULLS:
        forced = np.stack([one.forced(null) for one in found], axis=1)
        usable = np.isfinite(forced).any(axis=1)
        kept = forced[usable]
        # Where no resample has a fit, nothing is as extreme and nothing is said.
        under = {MEDIAN: np.abs(np.nanmedian(kept, axis=1)), SAME_SIGN: _same_sign(kept)}
        for statistic, values in under.items():
            at_least = int((values >= abs(observed[statistic]) - 1e-12).sum())
            rows.append(
                {
                    "null": null,
                    "statistic": statistic,
                    "observed": observed[statistic],
                    "specifications": len(found),
                    "resamples": int(usable.sum()),
                    "failed_fits": int((~np.isfinite(forced)).sum()),
                    "as_extreme": at_least,
                    "p": (at_least + 1) / (int(usable.sum()) + 1),
                }
            )
    for statistic in (MEDIAN, SAME_SIGN):
        pair = [row for row in rows if row["statistic"] == statistic]
        rows.append(max(pair, key=lambda row: row["p"]) | {"null": COMPOSITE})
    return rows


def _same_sign(values: Array) -> Array:
    """Number of specifications (R,) on the side that most are on."""
    return np.maximum((values > 0).sum(axis=1), (values < 0).sum(axis=1)).astype(float)


def _withheld(model: MediationModel, reason: str) -> pd.DataFrame:
    row = {"model": model.name, "null": COMPOSITE, "statistic": MEDIAN, "reason": reason}
    return pd.DataFrame([row], columns=list(JOINT_COLUMNS))


def _resampled(
    model: MediationModel,
    clients: Clients,
    choices: Choices,
    specification: Specification,
    therapists: NDArray[np.str_],
    weights: Array,
) -> Resampled:
    chosen = variant(clients, model, choices, specification).frame
    its = replace(model, covariates=tuple(choices.settings(specification, "covariates")["columns"]))
    system = build(its, chosen)
    # A therapist whose clients a specification leaves out is drawn all the same, and brings nobody.
    present = np.isin(therapists, np.unique(system.cluster[system.complete]))
    level = choices.settings(specification, "estimand")["level"]
    return resample(system, level, weights[:, present])


def resample(system: System, level: str, weights: Array) -> Resampled:
    """Estimate a and b in the sample and in resamples of its therapists.

    Parameters
    ----------
    system : System
        Of complete rows, one predictor and one mediator.
    level : str
        ``within`` or ``single``.
    weights : ndarray (R, J)
        How often each therapist counts, in sorted order of their names.

    Raises
    ------
    CannotFit
        When the sample has no maximum.
    """
    everyone = np.ones((1, weights.shape[1]))
    if level == "single":
        values, cluster, n_clusters = system.complete_values()
        scale = values.std(axis=0)
        products = regression.cross_products((values - values.mean(axis=0)) / scale, cluster, n_clusters)
        keys = system.keys()
        sample = regression.weighted_slopes(system, products, everyone, scale)
        replicates = regression.weighted_slopes(system, products, weights, scale)
    else:
        check_within(system)
        values, cluster, _ = two_level_values(system)
        order = system.columns
        fitted = twolevel_paths.sample_fit(system, order, values, cluster)
        keys, sample, _ = twolevel_paths.parallel(system, order, fitted)
        replicates = twolevel_paths.resampled(system, order, values, cluster, fitted, weights)
    places = places_of_a_and_b(keys, system.model)
    a, b = sample[0, places]
    return Resampled(float(a), float(b), replicates[:, places])
