"""What of the results of own data may be told: counts of few taken out, numbers with the digits that are printed.

The full results stay in ``data/full/``. What is released from them has no more digits than the report prints, since
ten digits of a sum over clients give the clients; no extremes; no numbers of clients that differ by few; and of
the influence of single therapists only how often a verdict flips.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fortems.data.privacy.limits import Limits
from fortems.presentation.numbers import ALPHA, MOST_DECIMALS, SMALLEST_P, rounded
from fortems.run.catalogue import WITHHELD

DECIMALS = 2
#: Columns with other decimals than that, as the report prints them.
OTHER_DECIMALS = {"share": 3, "floor": 3, "ceiling": 3, "df": 1, "df1": 1, "df2": 1}
P_DECIMALS = 3
#: Columns of tables of robustness that hold estimates without some clients.
WITHOUT_SOME = (
    "lowest",
    "quarter",
    "median",
    "three_quarters",
    "highest",
    "largest_shift",
    "n_fits",
    "n_failed",
    "set_estimate",
    "set_p",
)
#: Choices of a multiverse whose options are other clients: how many of their estimates are significant is not told.
OTHER_CLIENTS = ("missing", "outliers", "inclusion")
_P = re.compile(r"(?:.*_)?p(?:_holm)?")
_CLIENTS = ("n", "n_clients")


@dataclass(frozen=True)
class Clients:
    """How many clients the results of own data rest on.

    Attributes
    ----------
    common, analysed : int
        Clients of tables and complete rows; of full information.
    therapists : frozenset of int
        Therapists of the two.
    """

    common: int
    analysed: int
    therapists: frozenset[int]

    @classmethod
    def of(cls, common: pd.DataFrame, analysed: pd.DataFrame) -> Clients:
        """Count the clients and therapists of the two sets."""
        counts = frozenset(int(frame["therapist"].nunique()) for frame in (common, analysed))
        return cls(len(common), len(analysed), counts)


def suppressed(name: str, frame: pd.DataFrame, clients: Clients, limits: Limits) -> pd.DataFrame:
    """Return what may be told of a result.

    Parameters
    ----------
    name : str
        Its path within ``results/<run>/``.
    frame : DataFrame
        As computed.
    clients : Clients
    limits : Limits

    Returns
    -------
    DataFrame
        The same columns; what is withheld is empty.
    """
    shown = frame.copy()
    if name.startswith("robustness/"):
        shown = _influence(shown)
    if name in _PARTS:
        shown = _PARTS[name](shown, limits)
    # Tables of variables were looked at one by one before (protection); models have other clients by their items.
    shown = _without_few(shown, clients, limits, strict=name.startswith("mediation/"))
    for column in shown.columns:
        if shown[column].dtype.kind == "f" and not _whole(shown[column]):
            shown[column] = [printed(value, str(column)) for value in shown[column]]
        elif name != WITHHELD and column in ("message", "note", "explanation", "reason"):
            shown[column] = _without_numbers(shown[column], clients)
    return shown


def printed(value: float, column: str) -> float:
    """Return a number with the digits that are printed of it.

    Parameters
    ----------
    value : float
    column : str
        Tells p values and shares from the rest. A number that would round onto zero, and a p onto .05, keeps
        the digits that tell it apart, as the report does.
    """
    if not np.isfinite(value):
        return value
    if _P.fullmatch(column):
        if value < SMALLEST_P:
            return float(f"{value:.0e}")
        return _apart(value, ALPHA, P_DECIMALS)
    return _apart(value, 0.0, OTHER_DECIMALS.get(column, DECIMALS))


def _apart(value: float, landmark: float, decimals: int) -> float:
    while decimals < MOST_DECIMALS and value != landmark and rounded(value, decimals) == landmark:
        decimals += 1
    return rounded(value, decimals)


def _whole(values: pd.Series) -> bool:
    known = values.dropna()
    return bool((known == known.round()).all())


def _without_few(frame: pd.DataFrame, clients: Clients, limits: Limits, strict: bool) -> pd.DataFrame:
    """Withhold numbers of clients that differ by few from those of the run, and what would give them.

    Where ``strict``, all that are not those of the run: they could differ by few from each other.
    """
    sizes = {clients.common, clients.analysed}
    for column in _CLIENTS:
        if column not in frame or frame[column].dtype.kind not in "if":
            continue
        few = np.array(
            [
                np.isfinite(n)
                and n not in sizes
                and (strict or limits.small(n) or any(limits.small(abs(n - size)) for size in sizes))
                for n in frame[column]
            ],
            dtype=bool,
        )
        if not few.any():
            continue
        # BIC less AIC gives n by the number of parameters.
        gone = [name for name in (column, "n_therapists", "bic") if name in frame]
        frame[gone] = frame[gone].astype(float)
        frame.loc[few, gone] = np.nan
    if "n_therapists" in frame:
        known = frame["n_therapists"].isin([*clients.therapists, 0])
        frame["n_therapists"] = frame["n_therapists"].astype(float).where(known)
    return frame


def _without_numbers(texts: pd.Series, clients: Clients) -> pd.Series:
    """Take counts of clients out of remarks, save those of the run."""
    allowed = {str(clients.common), str(clients.analysed)}

    def without(match: re.Match[str]) -> str:
        return match.group() if match.group(1) in allowed else match.group(2)

    return texts.map(
        lambda text: (
            re.sub(r"\b([0-9]+) ((?:against [0-9]+ )?(?:incomplete|complete|clients|rows)\b)", without, text)
            if isinstance(text, str)
            else text
        )
    )


def _share_of_few(shares: pd.Series, sizes: pd.Series, limits: Limits) -> np.ndarray:
    """Whether a share is of few clients, or of all but few."""
    counts = zip((shares * sizes).round(), sizes, strict=True)
    return np.array([limits.small(c) or limits.small(n - c) for c, n in counts], dtype=bool)


def _descriptives(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    frame[["min", "max"]] = np.nan
    # Of a variable without a highest value one extreme client sets the higher moments.
    free = frame["possible_max"].isna()
    frame.loc[free, ["skew", "kurtosis"]] = np.nan
    for end in ("floor", "ceiling"):
        frame.loc[_share_of_few(frame[end], frame["n"], limits), end] = np.nan
    few = [limits.small(n) for n in frame["n"]]
    frame.loc[
        few, [name for name in frame if name not in ("variable", "label", "possible_min", "possible_max")]
    ] = np.nan
    return frame


def _icc(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    frame["n0"] = np.nan  # with the clients and the therapists it gives the sum of the squared cluster sizes
    return frame


def _covariates(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Of a slope that one therapist's clients set nothing is told."""
    alone = frame["se"].isna() & frame["estimate"].notna()
    frame.loc[alone, "estimate"] = np.nan
    frame.loc[alone, "reason"] = "withheld"
    return frame


def _influence(frame: pd.DataFrame) -> pd.DataFrame:
    """Take out what estimates are without some clients, which with all of them would give these."""
    frame[[name for name in WITHOUT_SOME if name in frame]] = np.nan
    return frame


def _specifications(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Of a specification of other clients than the run's own nothing is told but that it was made."""
    own = frame["model"].map(frame[frame["default"].astype(bool)].groupby("model")["n_clients"].first())
    other = frame["n_clients"] != own
    for name in frame.columns:
        if (
            name in ("significant", "interval", "converged")
            or frame[name].dtype.kind == "f"
            or name in _CLIENTS
        ):
            frame[name] = frame[name].astype(object).where(~other).infer_objects()
    frame.loc[other, "n_therapists"] = np.nan
    frame.loc[other, "reason"] = "withheld: other clients than the run's own"
    return frame


def _medians(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """A median of specifications is the estimate of one of them, or between two: perhaps one without some clients."""
    if "median_estimate" in frame:
        frame["median_estimate"] = np.nan
    if "statistic" in frame:
        frame.loc[frame["statistic"] == "median", "observed"] = np.nan
    return frame


def _choices(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    frame = _medians(frame, limits)
    frame.loc[frame["choice"].isin(OTHER_CLIENTS), "significant"] = np.nan
    return frame


def _benchmarks(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Of a benchmark that other clients lack than the model's variables nothing is told: its n would say how many."""
    own = frame.groupby(["model", "level"])["n_clients"].transform("first")  # values stand before benchmarks
    other = (frame["kind"] == "benchmark") & frame["n_clients"].notna() & (frame["n_clients"] != own)
    for name in frame.columns:
        if name == "includes_zero" or frame[name].dtype.kind in "if":
            frame[name] = frame[name].where(~other)
    frame.loc[other, "note"] = "withheld"
    return frame


def _distribution(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    """Shares at the ends of a scale are counts, as in the descriptives."""
    at_end = frame["check"].isin(["floor", "ceiling"])
    frame.loc[at_end & _share_of_few(frame["value"], frame["n_clients"], limits), "value"] = np.nan
    return frame


def _published(frame: pd.DataFrame, limits: Limits) -> pd.DataFrame:
    extremes = frame["column"].isin(["min", "max"]) & frame["computed"].notna()
    frame.loc[extremes, ["computed"]] = np.nan
    frame.loc[extremes, "verdict"] = "not attempted"
    frame.loc[extremes, "reason"] = "an observed extreme is one client's"
    return frame


_PARTS: dict[str, Callable[[pd.DataFrame, Limits], pd.DataFrame]] = {
    "tables/descriptives.csv": _descriptives,
    "tables/icc.csv": _icc,
    "tables/covariates.csv": _covariates,
    "robustness/specifications.csv": _specifications,
    "robustness/choices.csv": _choices,
    "robustness/multiverse.csv": _medians,
    "robustness/joint.csv": _medians,
    "robustness/robustness_values.csv": _benchmarks,
    "robustness/distribution.csv": _distribution,
    "published.csv": _published,
}
