"""What a specification analyses: clients included, answers scored, mediator scored, missing values and outliers treated.

Steps in this order: key, mediator's score, missing answers, inclusion, outliers (which look at the clients that are then left).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.inclusion import fulfilled
from fortems.package import located
from fortems.robustness.choices import Choices, Specification
from fortems.stats.arrays import Array, Bools
from fortems.study.instruments import Instrument, load_instrument
from fortems.study.models import MediationModel
from fortems.study.scoring import reverse, score

FEWEST_ITEMS = 3  # that a factor is determined by
FLAT = 1e-8  # of the largest variance: far above rounding, far below what scores have


@dataclass(frozen=True)
class Clients:
    """The clients of a multiverse.

    Attributes
    ----------
    scores : DataFrame
        As included and scored by the run.
    answers : DataFrame or None
        Raw answers of the same clients in the same order; None where the data have scale scores only.
    instruments : mapping of str to Instrument
    """

    scores: pd.DataFrame
    answers: pd.DataFrame | None
    instruments: Mapping[str, Instrument]

    @classmethod
    def of(
        cls, scores: pd.DataFrame, answers: pd.DataFrame | None, instruments: Mapping[str, Instrument]
    ) -> Clients:
        """Put the answers in the order of the scores."""
        scores = scores.reset_index(drop=True)
        if answers is not None:
            answers = scores[["client"]].merge(answers, on="client", how="left", validate="one_to_one")
        return cls(scores, answers, instruments)

    def instrument_of(self, scale: str) -> Instrument | None:
        """Return the instrument that scores a scale from answers at hand; None where there is none."""
        for instrument in self.instruments.values():
            if scale in instrument.scales:
                there = self.answers is not None and set(instrument.columns()) <= set(self.answers.columns)
                return instrument if there else None
        return None


def unavailable(
    choices: Choices, model: MediationModel, clients: Clients, engines: tuple[str, ...]
) -> dict[tuple[str, str], str]:
    """Return the options that these data cannot give: (choice, option) → reason.

    Parameters
    ----------
    choices : Choices
    model : MediationModel
        With one predictor and one mediator.
    clients : Clients
    engines : tuple of str
        Of the run.
    """
    found: dict[tuple[str, str], str] = {}

    def mark(choice: str, option: str, reason: str) -> None:
        found.setdefault((choice, option), reason)

    columns = set(clients.scores.columns)
    for option, settings in choices.options["engine"].items():
        if settings["engine"] != "primary" and settings["engine"] not in engines:
            mark("engine", option, f"the run has no engine {settings['engine']}")
    for option, settings in choices.options["covariates"].items():
        for name in settings["columns"]:
            if name in model.chain:
                mark("covariates", option, f"{name} is part of the model")
            elif name not in columns:
                mark("covariates", option, f"{name} is not among the scores")
            elif clients.scores[name].nunique() < 2:
                mark("covariates", option, f"{name} does not vary")
    for option, settings in choices.options["inclusion"].items():
        for name in settings["rules"]:
            if name not in columns:
                mark("inclusion", option, f"{name} is not among the scores")
    no_answers = "the data have no answers to its items"
    mediator = model.mediators[0]
    own = clients.instrument_of(mediator)
    for option, settings in choices.options["mediator"].items():
        if settings["score"] == "sum" and not settings.get("without"):
            continue
        if own is None:
            mark("mediator", option, f"{mediator}: {no_answers}")
        elif absent := [i for i in settings.get("without", ()) if i not in own.scales[mediator]]:
            mark("mediator", option, f"{mediator} has no item {absent[0]}")
        elif len(_items(own, mediator, settings)) < FEWEST_ITEMS:
            mark("mediator", option, f"{mediator} has too few items")
    by_answers = [name for name in model.chain if clients.instrument_of(name) is not None]
    for option, settings in choices.options["missing"].items():
        if settings["rule"] != "manual" and len(by_answers) < len(model.chain):
            mark("missing", option, "not every scale of the model has answers to its items")
    for option, settings in choices.options["key"].items():
        for name in settings["instruments"]:
            if name not in clients.instruments:
                mark("key", option, f"the run has no instrument {name}")
            elif clients.instrument_of(next(iter(clients.instruments[name].scales))) is None:
                mark("key", option, f"{clients.instruments[name].label}: {no_answers}")
            elif clients.answers is not None:
                key = _key(clients, name, settings["instruments"][name])
                if key.n_items != clients.instruments[name].n_items or not set(key.scales) & set(model.chain):
                    mark("key", option, f"it is not a key of {clients.instruments[name].label}")
                    continue
                scales = [scale for scale in key.scales if scale in model.chain]
                against = [item for scale in scales for item in _against(clients.answers, key, scale)]
                if against:
                    mark("key", option, f"its reversed items {', '.join(against)} run against their scale")
    return found


def _items(instrument: Instrument, scale: str, settings: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(item for item in instrument.scales[scale] if item not in settings.get("without", ()))


@dataclass(frozen=True)
class Variant:
    """The data of a specification.

    Attributes
    ----------
    frame : DataFrame
        The scores' columns, rows of those who are analysed.
    left_out : int
        Clients left out as outliers.
    """

    frame: pd.DataFrame
    left_out: int = 0


def variant(
    clients: Clients, model: MediationModel, choices: Choices, specification: Specification
) -> Variant:
    """Make the data of a specification.

    Parameters
    ----------
    clients : Clients
    model : MediationModel
        The main model; its covariates are the specification's.
    choices : Choices
    specification : dict
        Available (``unavailable``) in all its options.
    """
    setting = {choice: choices.settings(specification, choice) for choice in specification}
    frame, keyed = _rekeyed(clients, model, setting["key"])
    mediator = model.mediators[0]
    scored = _mediator(keyed, mediator, setting["mediator"])
    if scored is not None:
        frame[mediator] = scored
    rule = setting["missing"]["rule"]
    if rule != "manual":
        for name in model.chain:
            frame.loc[~_answered(keyed, name, setting["mediator"] if name == mediator else {}), name] = np.nan
    columns = [*model.chain, *setting["covariates"]["columns"]]
    kept = frame["therapist"].notna().to_numpy().copy()
    for name, asked in setting["inclusion"]["rules"].items():
        kept &= fulfilled(frame[name], asked)
    complete = frame[columns].notna().all(axis=1).to_numpy()
    some = frame[list(model.chain)].notna().any(axis=1).to_numpy()
    kept &= some if rule == "full_information" else complete
    left_out = 0
    if setting["outliers"]["beyond"] is not None:
        far = kept.copy()
        far[kept] = beyond(frame.loc[kept, list(model.chain)].to_numpy(float), setting["outliers"]["beyond"])
        left_out = int(far.sum())
        kept &= ~far
    return Variant(frame[kept].reset_index(drop=True), left_out)


def _key(clients: Clients, name: str, path: str) -> Instrument:
    """Another key of the run's answers: which item belongs where and which is turned."""
    own = clients.instruments[name]
    return replace(load_instrument(located(path), name), low=own.low, high=own.high)


def _rekeyed(
    clients: Clients, model: MediationModel, setting: Mapping[str, Any]
) -> tuple[pd.DataFrame, Clients]:
    """Scores under another key, and the clients with that key."""
    frame = clients.scores.copy()
    if not setting["instruments"] or clients.answers is None:
        return frame, clients
    instruments = dict(clients.instruments)
    for name, path in setting["instruments"].items():
        own, key = clients.instruments[name], _key(clients, name, path)
        instruments[name] = key
        scores = score(clients.answers, key)
        for scale in model.chain:
            if scale in scores and _scored(key, scale) != _scored(own, scale):
                frame[scale] = scores[scale].to_numpy()
    return frame, Clients(frame, clients.answers, instruments)


def _scored(key: Instrument, scale: str) -> tuple[set[int], set[int]]:
    """Which items make a score, and which of them are turned."""
    items = set(key.scales[scale])
    return items, items & key.reversed


def _against(answers: pd.DataFrame, key: Instrument, scale: str) -> list[str]:
    """Items that the key turns and that correlate negatively with the rest of their scale once turned."""
    turned = reverse(answers[list(key.columns())].to_numpy(float, na_value=np.nan), key)
    items = key.scales[scale]
    found = []
    for item in sorted(set(items) & key.reversed):
        rest = turned[:, [other - 1 for other in items if other != item]].sum(axis=1)
        both = ~np.isnan(rest) & ~np.isnan(turned[:, item - 1])
        if both.sum() > 2 and np.corrcoef(turned[both, item - 1], rest[both])[0, 1] < 0:
            found.append(str(item))
    return found


def _mediator(clients: Clients, scale: str, setting: Mapping[str, Any]) -> Array | None:
    """The mediator's score; None for the sum that the scores hold already."""
    without = setting.get("without", [])
    if setting["score"] == "sum" and not without:
        return None
    own = clients.instrument_of(scale)
    assert own is not None and clients.answers is not None
    items = _items(own, scale, setting)
    part = replace(own, subscales={scale: items}, total=None)
    summed = score(clients.answers, part)[scale].to_numpy(float)
    if setting["score"] == "sum":
        return summed
    turned = reverse(clients.answers[list(own.columns())].to_numpy(float, na_value=np.nan), own)
    values = turned[:, [item - 1 for item in items]]
    factor = factor_scores(values)
    spread = np.nanstd(summed[~np.isnan(factor)], ddof=1) / np.nanstd(factor[~np.isnan(summed)], ddof=1)
    return np.where(np.isnan(summed), np.nan, factor * spread + np.nanmean(summed))


def factor_scores(values: Array) -> Array:
    """Return regression scores of one factor, loadings by maximum likelihood.

    Parameters
    ----------
    values : ndarray (n, items)
        Turned answers, NaN where missing. A missing answer takes the item's mean plus the client's mean deviation on the
        answered items (both in SDs); loadings rest on complete rows.

    Returns
    -------
    ndarray (n,)
        f = z R⁻¹ λ (Thomson, 1951), z standardized answers, R their correlations, λ the loadings; the sum's direction. NaN for
        clients without any answer.
    """
    from statsmodels.multivariate.factor import Factor

    complete = ~np.isnan(values).any(axis=1)
    mean, spread = values[complete].mean(axis=0), values[complete].std(axis=0, ddof=1)
    z = (values - mean) / spread
    correlations = np.corrcoef(z[complete].T)
    # The first principal component starts the search: left alone the library draws its start anew in every process.
    size, axis = np.linalg.eigh(correlations)
    start = np.sqrt(size[-1]) * axis[:, -1:]
    model = Factor(corr=correlations, n_factor=1, method="ml", nobs=int(complete.sum()))
    loadings = model.fit(start=(start, np.maximum(1 - start[:, 0] ** 2, 0.05))).loadings[:, 0]
    weights = np.linalg.solve(correlations, loadings)
    known = ~np.isnan(z)
    count = known.sum(axis=1)
    own = np.where(known, z, 0.0).sum(axis=1) / np.maximum(count, 1)
    filled = np.where(known, z, own[:, None])
    return np.where(count > 0, filled @ (weights * np.sign(loadings.sum())), np.nan)


def _answered(clients: Clients, scale: str, setting: Mapping[str, Any]) -> Bools:
    """Whether a client answered every item that a score rests on."""
    own = clients.instrument_of(scale)
    assert own is not None and clients.answers is not None
    names = [own.columns()[item - 1] for item in _items(own, scale, setting)]
    return np.asarray(clients.answers[names].notna().all(axis=1))


def beyond(values: Array, quantile: float) -> Bools:
    """Return which rows lie beyond a quantile of χ² by their robust distance.

    Parameters
    ----------
    values : ndarray (n, p)
        Complete.
    quantile : float
        Such as .99; df p.

    Notes
    -----
    Location and scatter by the deterministic search for the least covariance determinant, reweighted (Hubert, Rousseeuw &
    Verdonck, 2012).
    """
    from scipy.special import chdtri

    n, p = values.shape
    if n < 2 * p + 2 or not (values.std(axis=0) > 0).all():
        return np.zeros(n, bool)
    distances = _distances(np.ascontiguousarray(values).tobytes(), n, p)
    return np.asarray(distances > chdtri(p, 1 - quantile))


def _middle(values: Array) -> Array:
    """Medians, moved by next to nothing: from a point where a client stands the search has no direction to him or her."""
    return np.median(values, axis=0) + 1e-9 * (1 + np.arange(values.shape[1]))


def _spread(values: Array) -> Array:
    """Median absolute deviations, SDs where half of the clients agree, and 1 where all do."""
    from statsmodels.robust.scale import mad

    deviation, sd = mad(values), values.std(axis=0)
    return np.where(deviation > 0, deviation, np.where(sd > 0, sd, 1.0))


@lru_cache(maxsize=256)
def _distances(content: bytes, n: int, p: int) -> Array:
    """Squared distances (n,); the same clients come again under every covariate.

    Zeros where the search has no answer, as where half of the clients agree in a variable or, since sums of few items
    tie, lie in a plane: then nobody is far.
    """
    from statsmodels.robust.covariance import CovDetMCD

    values = np.frombuffer(content, float).reshape(n, p)
    standard = (values - np.median(values, axis=0)) / values.std(axis=0)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = CovDetMCD(standard).fit(
                h=None,
                mean_func=_middle,
                scale_func=_spread,
                options_start={"loc_func": _middle, "scale_func": _spread},
            )
        sizes = np.linalg.eigvalsh(np.asarray(found.cov))
    except (np.linalg.LinAlgError, ArithmeticError, ValueError):
        return np.zeros(n)
    # On some processors the search stops at a plane, on others it ends with a scatter that has no inverse, or one by
    # rounding alone: all of these are the same answer.
    if not sizes[0] > FLAT * sizes[-1]:
        return np.zeros(n)
    deviation = standard - np.asarray(found.mean)
    return np.einsum("ij,ij->i", deviation @ np.linalg.inv(found.cov), deviation)
