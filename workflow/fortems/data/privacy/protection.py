"""Who and what of own data may enter tables and models, decided before anything is computed.

Tables and models of own data see the protected clients only: what few clients have is merged or left out
beforehand, so that no coefficient, count or difference of counts can be of few. The clients as scored stay in
``data/scores.csv``.

Two sets of clients, and no third: the analysed, and among them the common ones who have every value that any kept
model needs. All tables and all engines but the full-information one use the common clients. Where the two sets
would differ by few, only the common ones are kept.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from fortems.data.privacy.limits import Limits, codes
from fortems.data.privacy.release import codebook_of, flow_of
from fortems.errors import DataError, Problem
from fortems.schema import plain_yaml
from fortems.study.definition import IDENTIFIERS
from fortems.study.models import one_outcome_each
from fortems.tidy import write_csv, write_text

if TYPE_CHECKING:
    from fortems.data.preparation import Prepared
    from fortems.study.instruments import Instrument
    from fortems.study.models import MediationModel

OTHER = "other"
#: Mean and SD with n give the counts of so few distinct values, so that each must be of enough. Of scales skew,
#: kurtosis and the shares at both ends are told besides, and give those of so many.
FEW_VALUES, FEW_VALUES_OF_SCALE = 5, 7
#: Of all squared distances from the mean those of one client: with .5, M and SD place nobody nearer than 40 %.
LARGEST_SQUARE = 0.5


@dataclass(frozen=True)
class Protected:
    """What tables and models of own data are made from.

    Attributes
    ----------
    analysed : DataFrame
        The scores of the analysed clients, rare categories merged, variables that few have left out.
    common : ndarray of bool
        Which of them have every value that the kept models need.
    kept : ndarray of bool
        Which clients of the scores are analysed.
    models : tuple of str
        Names of the models that are kept.
    withheld : DataFrame
        ``model``, ``variable``, ``reason``: what is left out.
    """

    analysed: pd.DataFrame
    common: np.ndarray
    kept: np.ndarray
    models: tuple[str, ...]
    withheld: pd.DataFrame


def protect(
    scores: pd.DataFrame,
    models: Mapping[str, MediationModel],
    instruments: Mapping[str, Instrument],
    limits: Limits,
) -> Protected:
    """Decide which clients, variables, categories and models of own data may be told of.

    Parameters
    ----------
    scores : DataFrame
        ``data/scores.csv``.
    models : mapping of str to MediationModel
    instruments : mapping of str to Instrument
        A total stands with its parts: where a model needs one, all are needed.
    limits : Limits

    Raises
    ------
    DataError
        When too few clients or therapists are left for any model.
    """
    therapist = codes(scores["therapist"])
    scales = {name for instrument in instruments.values() for name in instrument.scales}
    left_out: dict[str, str] = {}
    gone: dict[str, str] = {}
    _insist(scores, therapist, limits)
    while True:
        needed = _needed(models, instruments, [name for name in scores.columns if name not in left_out], gone)
        common = scores[needed].notna().all(axis=1).to_numpy(dtype=bool)
        found, variable = _too_rare(scores, needed, common, therapist, left_out, scales, limits)
        if variable is None:
            break
        left_out[variable] = (
            f"known of {limits.words()}, or one of its values is, or one client makes up most of its variation"
        )
        for name, model in models.items():
            if variable in model.variables:
                gone.setdefault(name, f"{variable} is withheld: {left_out[variable]}")
        if len(gone) == len(models):
            raise DataError(
                Problem(
                    "privacy.min_cell",
                    f"no model is left: {'; '.join(dict.fromkeys(gone.values()))}",
                    hint="Leave out what few clients have, or gather more clients",
                )
            )
    # A therapist without any common client would be told by the difference of the two numbers of therapists.
    kept = np.isin(therapist, therapist[common])
    if not limits.apart(kept, common, therapist):
        kept = common
    left_out |= _extras(scores, needed, found, common, therapist, scales, limits)
    frame = scores.drop(columns=list(left_out)).assign(
        **{name: values for name, values in found.items() if name not in left_out}
    )
    rows = [{"model": name, "variable": "", "reason": reason} for name, reason in gone.items()]
    rows += [{"model": "", "variable": name, "reason": reason} for name, reason in left_out.items()]
    return Protected(
        frame[kept].reset_index(drop=True),
        common[kept],
        kept,
        tuple(name for name in models if name not in gone),
        pd.DataFrame(rows, columns=["model", "variable", "reason"]),
    )


def _insist(scores: pd.DataFrame, therapist: np.ndarray, limits: Limits) -> None:
    if not limits.enough(therapist):
        what = f"{len(scores)} clients are too few, or too many of them have one therapist, for anything to be told of them"
        raise DataError(
            Problem(
                "privacy.min_cell",
                what,
                f"no results of {limits.words()}",
                "Gather more clients, or set privacy.min_cell: 0 where nothing will leave this machine",
            )
        )


def _needed(
    models: Mapping[str, MediationModel],
    instruments: Mapping[str, Instrument],
    there: list[str],
    gone: Mapping[str, str],
) -> list[str]:
    """Variables of the kept models; a total's parts and a part's total with them, since they add up."""
    named = {
        variable for name, model in models.items() if name not in gone for variable in model.variables
    } & set(there)
    for instrument in instruments.values():
        family = {instrument.total, *instrument.subscales} if instrument.total else set()
        if named & family:
            named |= family & set(there)
    return [name for name in there if name in named]


def _too_rare(
    scores: pd.DataFrame,
    needed: list[str],
    common: np.ndarray,
    therapist: np.ndarray,
    left_out: Mapping[str, str],
    scales: Collection[str],
    limits: Limits,
) -> tuple[dict[str, pd.Series], str | None]:
    """Merged categories, and the first needed variable that few clients have or tell of."""
    merged: dict[str, pd.Series] = {}
    for name in needed:
        known = scores[name].notna().to_numpy()
        if not limits.enough(therapist[known]):
            return {}, name
    if not limits.enough(therapist[common]):
        # What most clients lack keeps the others from being told of.
        return {}, max(needed, key=lambda name: int(scores[name].isna().to_numpy().sum()))
    for name in scores.columns:
        if name in IDENTIFIERS or name in left_out or is_number(scores[name]):
            continue
        values = merge_categories(scores[name], common, therapist, limits)
        if values is not None:
            merged[name] = values
        elif name in needed:
            return {}, name
    for name in needed:
        if is_number(scores[name]) and not _spread(scores[name], common, therapist, scales, limits):
            return {}, name
    return merged, None


def is_number(values: pd.Series) -> bool:
    """Return whether a column enters models as it is."""
    return is_numeric_dtype(values) and not is_bool_dtype(values)


def merge_categories(
    values: pd.Series, there: np.ndarray, therapist: np.ndarray, limits: Limits
) -> pd.Series | None:
    """Return a category's values, those of few clients and those not stated merged; None where one value is left.

    Parameters
    ----------
    values : Series
        The category of each client.
    there : ndarray of bool, shape (n,)
        The clients whose counts will be told. A category that only others have is merged too.
    therapist : ndarray of int, shape (n,)
    limits : Limits

    Notes
    -----
    Rare categories go together as ``other``. While these are too few still, the smallest category goes with them
    and gives its name (``male or other``), so that no count and no difference of counts is of few.
    """
    text = values.astype(object).where(values.notna(), None)
    told = text[there]
    counts = told.dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda name: (counts[name], name))
    member = {name: there & (text.astype(str).to_numpy() == name) for name in order}
    rare = [name for name in order if not limits.enough(therapist[member[name]])]
    unstated = there & values.isna().to_numpy()
    if unstated.any() and limits.enough(therapist[unstated]):
        unstated = np.zeros_like(unstated)
    together = np.logical_or.reduce([unstated, *(member[name] for name in rare)])
    joined = []
    while together.any() and not limits.enough(therapist[together]):
        rest = [name for name in order if name not in rare]
        if not rest:
            return None
        rare.append(rest[0])
        joined += [] if rest[0] == OTHER else [rest[0]]
        together |= member[rest[0]]
    if len(order) - len(rare) + bool(together.any()) < 2:
        return None
    name = " or ".join([*joined, OTHER])
    if name in order and name not in rare:  # an "other" of the file's own that is not rare
        together |= member[name]
        rare.append(name)
    shown = set(order) - set(rare)
    found = text.map(lambda value: value if value is None or str(value) in shown else name)
    if unstated.any():
        found[unstated] = name
    if not together.any():  # nothing merged among those told of: what only others have is not stated
        found = found.where(found.isin(list(shown)), None)
    return found


def _spread(
    values: pd.Series, there: np.ndarray, therapist: np.ndarray, scales: Collection[str], limits: Limits
) -> bool:
    """Return whether mean and SD tell of nobody.

    Of few distinct values each must have enough clients: a mean of 0 and 1 is a count. Of more, no client may make
    up most of the variation: nobody of n is further from the mean than (n - 1) / sqrt(n) SDs (Samuelson, 1968), and who
    is nearly there is told by them.
    """
    numbers = values.to_numpy(float)
    known = there & ~np.isnan(numbers)
    distinct = np.unique(numbers[known])
    if len(distinct) > (FEW_VALUES_OF_SCALE if values.name in scales else FEW_VALUES):
        squares = (numbers[known] - numbers[known].mean()) ** 2
        return bool(squares.max() <= LARGEST_SQUARE * squares.sum())
    return all(limits.enough(therapist[known & (numbers == value)]) for value in distinct)


def _extras(
    scores: pd.DataFrame,
    needed: list[str],
    merged: Mapping[str, pd.Series],
    common: np.ndarray,
    therapist: np.ndarray,
    scales: Collection[str],
    limits: Limits,
) -> dict[str, str]:
    """Variables that no model needs and that may not be described."""
    left_out: dict[str, str] = {}
    sets = [common]
    for name in scores.columns:
        if name in needed or name in IDENTIFIERS:
            continue
        if not is_number(scores[name]):
            if name not in merged:
                left_out[name] = f"a category of it is of {limits.words()}"
                continue
            values, number = merged[name], False
        else:
            values, number = scores[name], True
        known = common & values.notna().to_numpy()
        shared = [known, *(known & other for other in sets)]
        if (
            not limits.enough(therapist[known])
            or (number and not _spread(scores[name], common, therapist, scales, limits))
            or not all(limits.apart(one, other, therapist) for one in shared for other in [*sets, *shared])
        ):
            left_out[name] = (
                f"known of {limits.words()}, or of nearly all others, or one client makes up most of its variation"
            )
        else:
            sets += [one for one in shared if not any(np.array_equal(one, other) for other in sets)]
    return left_out


def write_protected(
    protected: Protected,
    prepared: Prepared,
    models: str | os.PathLike[str],
    paths: Mapping[str, str | os.PathLike[str]],
) -> None:
    """Write what tables, models and report of own data are made from.

    Parameters
    ----------
    protected : Protected
    prepared : Prepared
        The clients as scored, with their codebook and flow.
    models : path
        The models file, of which the kept models are written.
    paths : mapping of str to path
        ``analysed``, ``common``, ``common_answers`` (where there are answers), ``told_flow``, ``told_codebook``,
        ``told_patterns``, ``kept_models``, ``withheld``.
    """
    import yaml

    common = protected.analysed[protected.common].reset_index(drop=True)
    answers = prepared.answers
    if answers is not None:
        answers = answers[protected.kept][protected.common].reset_index(drop=True)
        background = [name for name in answers.columns if name in common and name not in IDENTIFIERS]
        absent = [name for name in ("age", "gender", "sessions") if name in answers and name not in common]
        answers = answers.drop(columns=absent).assign(**{name: common[name] for name in background})
        write_csv(answers, paths["common_answers"])
    write_csv(protected.analysed, paths["analysed"])
    write_csv(common, paths["common"])
    write_csv(flow_of(prepared.flow, protected.analysed, common), paths["told_flow"])
    write_csv(codebook_of(prepared.codebook, common, answers), paths["told_codebook"])
    # Which values are missing together is told of nobody: every pattern is a count, and they add up.
    write_csv(prepared.missing_patterns.iloc[:0], paths["told_patterns"])
    entries = one_outcome_each(plain_yaml(Path(models)))
    kept = {name: entry for name, entry in entries.items() if name in protected.models}
    write_text(yaml.safe_dump(kept, sort_keys=False, allow_unicode=True), paths["kept_models"])
    write_csv(protected.withheld, paths["withheld"])
