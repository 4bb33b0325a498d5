"""The multiverse: the indirect effect of a main model in every declared specification (``specifications.csv``).

No padding: two specifications that analyse the same values of the same clients in the same way are one, and so are two of
the same estimand whose paths agree to ``SAME``. Which of them stays is the one that comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from fortems.errors import DataError
from fortems.mediation.columns import build
from fortems.mediation.effects import effect_rows
from fortems.mediation.engines import twolevel_general as general
from fortems.mediation.engines import twolevel_paths
from fortems.mediation.run import engine
from fortems.mediation.slopes import Paths, Settings, Slopes, paths_at
from fortems.mediation.system import CannotFit, System, check_within, two_level_values
from fortems.robustness.choices import CHOICES, Choices, Specification, combinations
from fortems.robustness.specifications_data import Clients, Variant, unavailable, variant
from fortems.stats.arrays import Array
from fortems.stats.products import product_interval
from fortems.study.estimands import PRIMARY, PRIMARY_INTERVAL, counting
from fortems.study.models import MediationModel

SPECIFICATION_COLUMNS = (
    "model",
    "specification",
    "default",
    *CHOICES,
    "engine_run",
    "estimate",
    "interval",
    "ci_low",
    "ci_high",
    "p",
    "significant",
    "standardized",
    "a",
    "b",
    "direct",
    "n_clients",
    "n_therapists",
    "converged",
    "admissible",
    "reason",
)
#: To this share of themselves the paths of one and the same estimate agree. Engines end their search within 1e-5 of it; of
#: all pairs of the default run none lies between 1e-5 and 1e-4.
SAME = 3e-5
#: The interval of estimates that are not made again without each therapist: a and b with the engine's own errors.
OWN_ERRORS = "wald"


@dataclass(frozen=True)
class Multiverse:
    """All specifications of one main model.

    Attributes
    ----------
    model : str
    table : DataFrame
        ``SPECIFICATION_COLUMNS``, one row per specification, in the order of the product; those that failed have a reason and
        no estimate.
    withheld : DataFrame
        ``choice, option, reason``: options that the data cannot give.
    counts : dict
        ``combinations`` (with available options), ``forbidden``, ``same`` (left out as repeating another), ``failed``.
    """

    model: str
    table: pd.DataFrame
    withheld: pd.DataFrame
    counts: dict[str, int]


def multiverse(
    model: MediationModel,
    clients: Clients,
    choices: Choices,
    engines: Sequence[str],
    confidence: float = 0.95,
) -> Multiverse:
    """Estimate a model's indirect effect in every specification.

    Parameters
    ----------
    model : MediationModel
        With one predictor and one mediator.
    clients : Clients
    choices : Choices
    engines : sequence of str
        Of the run.
    confidence : float
        Of the intervals.
    """
    missing = unavailable(choices, model, clients, tuple(engines))
    allowed, forbidden = combinations(choices.without(missing))
    settings = Settings(0, confidence, 0, 0, ())
    data: dict[tuple[str, ...], Variant] = {}
    fits: dict[str, list[Slopes]] = {}
    seen: set[str] = set()
    estimates: dict[tuple[str, int], list[Array]] = {}
    rows: list[dict[str, Any]] = []
    same = 0
    for specification in allowed:
        chosen = _data_of(model, clients, choices, specification, data)
        mark = _mark(model, chosen, choices, specification)
        if mark in seen:
            same += 1
            continue
        seen.add(mark)
        row = _row(model, chosen, choices, specification, settings, fits)
        if not np.isnan(row["estimate"]):
            paths = np.array([row[name] for name in ("estimate", "a", "direct")])
            others = estimates.setdefault((row["estimand"], row["n_clients"]), [])
            if any(np.allclose(paths, other, rtol=SAME, atol=0) for other in others):
                same += 1
                continue
            others.append(paths)
        row |= {"model": model.name, "default": specification == choices.default}
        rows.append(row | {"specification": len(rows) + 1})
    table = pd.DataFrame(rows, columns=list(SPECIFICATION_COLUMNS))
    withheld = pd.DataFrame(
        [(choice, option, reason) for (choice, option), reason in missing.items()],
        columns=["choice", "option", "reason"],
    )
    counts = {
        "combinations": len(allowed) + sum(forbidden.values()),
        "forbidden": sum(forbidden.values()),
        "same": same,
        "failed": int(table["estimate"].isna().sum()),
    }
    return Multiverse(model.name, table, withheld, counts)


def _data_of(
    model: MediationModel,
    clients: Clients,
    choices: Choices,
    specification: Specification,
    made: dict[tuple[str, ...], Variant],
) -> Variant:
    """The data of a specification, made once for those that differ in the analysis alone."""
    names = ("covariates", "mediator", "missing", "outliers", "inclusion", "key")
    key = tuple(specification[name] for name in names)
    if key not in made:
        made[key] = variant(clients, model, choices, specification)
    return made[key]


def _mark(
    model: MediationModel,
    chosen: Variant,
    choices: Choices,
    specification: Specification,
    analysed: tuple[str, ...] = ("estimand", "engine", "between"),
) -> str:
    """What an analysis rests on: values, clients, therapists, and how they are analysed."""
    columns = [*model.chain, *choices.settings(specification, "covariates")["columns"]]
    part = chosen.frame[["therapist", *columns]]
    digest = hashlib.sha256(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes())
    analysis = [choices.settings(specification, name) for name in analysed]
    digest.update(repr((columns, len(part), [sorted(settings.items()) for settings in analysis])).encode())
    return digest.hexdigest()


def _row(
    model: MediationModel,
    chosen: Variant,
    choices: Choices,
    specification: Specification,
    settings: Settings,
    fits: dict[str, list[Slopes]],
) -> dict[str, Any]:
    """A row of the table; ``fits`` keeps what gives both estimands at once."""
    level = choices.settings(specification, "estimand")["level"]
    asked = choices.settings(specification, "engine")["engine"]
    name = PRIMARY[level][0] if asked == "primary" else asked
    empty = dict.fromkeys(("estimate", "ci_low", "ci_high", "p", "standardized", "a", "b", "direct"), np.nan)
    row: dict[str, Any] = {**specification, **empty, "engine_run": name, "interval": "", "significant": False}
    row |= {"n_clients": len(chosen.frame), "n_therapists": chosen.frame["therapist"].nunique()}
    row |= {"converged": False, "admissible": False, "reason": ""}
    its = replace(
        model,
        covariates=tuple(choices.settings(specification, "covariates")["columns"]),
        covariate_level=choices.settings(specification, "between")["covariate_level"],
    )
    incomplete = choices.settings(specification, "missing")["rule"] == "full_information"
    try:
        system = build(its, chosen.frame)
        both = _mark(model, chosen, choices, specification, ("engine", "between"))
        if name == "mixedlm" and both not in fits:
            fits[both] = engine(name)(system, settings)[0]
        found = _estimated(system, level, name, incomplete, settings, fits.get(both))
    except (CannotFit, DataError, ArithmeticError, np.linalg.LinAlgError) as reason:
        return row | {"reason": f"not fitted: {reason}"}
    row |= found | {"converged": True, "admissible": True}
    row["significant"] = bool(row["ci_low"] > 0 or row["ci_high"] < 0)
    if np.isnan(row["ci_low"]):
        row["reason"] = "no interval: a fit without one therapist failed"
    return row


def _estimated(
    system: System,
    level: str,
    name: str,
    incomplete: bool,
    settings: Settings,
    slopes: Sequence[Slopes] | None = None,
) -> dict[str, Any]:
    """Estimate, interval and paths at a level."""
    part: Slopes | None
    if slopes is None and name == PRIMARY["within"][0]:
        part = _full_information(system, name) if incomplete and system.n_missing else _within(system, name)
    else:
        slopes = engine(name)(system, settings)[0] if slopes is None else slopes
        part = next((each for each in slopes if each.level == level), None)
    if part is None:
        raise CannotFit("the likelihood has no maximum")
    paths = paths_at(system, part, system.conditions[0])
    predictor, mediator = system.model.predictors[0], system.model.mediators[0]
    a, b = paths.at("a", predictor, mediator), paths.at("b", "", mediator)
    direct = paths.at("direct", predictor, "")
    found: dict[str, Any] = {
        "a": paths.estimate[a],
        "b": paths.estimate[b],
        "direct": paths.estimate[direct],
        "n_clients": part.n_clients,
        "n_therapists": part.n_therapists,
    }
    if part.jackknife is not None:
        frame = pd.DataFrame(effect_rows(system, part, settings))
        row = counting(frame[frame["effect"] == "indirect"]).iloc[0]
        assert row["interval"] == PRIMARY_INTERVAL
        names = ("estimate", "interval", "ci_low", "ci_high", "p", "standardized")
        return found | {key: row[key] for key in names}
    return found | _by_own_errors(part, paths, a, b, settings.confidence)


def _by_own_errors(part: Slopes, paths: Paths, a: int, b: int, confidence: float) -> dict[str, Any]:
    """Product of two independent t variates with the engine's own variances."""
    variance = np.diag(paths.vcov)
    interval = product_interval(
        *(paths.estimate[a], paths.estimate[b], variance[a], variance[b]),
        *(paths.df[a], paths.df[b], confidence),
    )
    estimate = float(paths.estimate[a] * paths.estimate[b])
    (_, predictor, mediator) = paths.names[a]
    outcome = next(key[0] for key in part.keys if key[1] == mediator)
    return {
        "estimate": estimate,
        "interval": OWN_ERRORS,
        "ci_low": float(interval.low[0]),
        "ci_high": float(interval.high[0]),
        "p": float(interval.p[0]),
        "standardized": estimate * part.sd[predictor] / part.sd[outcome],
    }


def _within(system: System, name: str) -> Slopes:
    """Within slopes of complete rows, and those without each therapist, by the batch fits of the primary engine."""
    check_within(system)
    values, cluster, therapists = two_level_values(system)
    order = system.columns  # with one mediator and no products these are recursive
    fitted = twolevel_paths.sample_fit(system, order, values, cluster, vcov=True)
    fields = twolevel_paths.slopes_of(system, order, fitted, len(values), therapists)
    left_out = twolevel_paths.resampled(system, order, values, cluster, fitted, 1.0 - np.eye(therapists))
    return Slopes(engine=name, level="within", jackknife=left_out, **fields)


def _full_information(system: System, name: str) -> Slopes:
    """Within slopes from all rows, incomplete ones too, and those without each therapist, by the general engine."""
    with general.named(system):
        check_within(system)
        fitted = general.fitted(system, "partial", False, missing=True)
        if not fitted.converged:
            raise CannotFit("the likelihood has no maximum")
        fields = general.slopes_of(system, fitted, "within")
        return Slopes(engine=name, level="within", jackknife=general.jackknife(system, fitted), **fields)
