"""One scoring function for every instrument: reversal, sums, and the instrument's missing-item rule."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fortems.errors import DataError, Problem, did_you_mean
from fortems.study.instruments import Instrument


def score(items: pd.DataFrame, instrument: Instrument, prefix: str | None = None) -> pd.DataFrame:
    """Score a table of raw answers.

    Parameters
    ----------
    items : DataFrame
        One row per client; raw answers (reversed items not yet turned), missing as NaN, in the columns
        ``<prefix>1`` to ``<prefix>n``. Further columns are ignored.
    instrument : Instrument
        The key.
    prefix : str, optional
        What the item columns start with; ``<instrument name>_`` by default.

    Returns
    -------
    DataFrame
        One float column per scale, subscales before the total, with the index of ``items``.

    Raises
    ------
    DataError
        When an item column is missing (the nearest column named).
    """
    columns = list(instrument.columns(prefix))
    absent = [column for column in columns if column not in items.columns]
    if absent:
        spare = [name for name in items.columns if name not in columns]
        raise DataError(
            [
                Problem(
                    where=f"items of {instrument.label}",
                    what=f"the column {column!r} is missing",
                    allowed=f"{columns[0]} to {columns[-1]}",
                    hint=did_you_mean(column, spare),
                    column=column,
                )
                for column in absent
            ]
        )
    return pd.DataFrame(
        score_array(items[columns].to_numpy(dtype=float, na_value=np.nan), instrument), index=items.index
    )


def score_array(answers: np.ndarray, instrument: Instrument) -> dict[str, np.ndarray]:
    """Score raw answers of any leading shape.

    Parameters
    ----------
    answers : ndarray, shape (..., n_items)
        Raw answers in item order, missing as NaN.
    instrument : Instrument
        The key. Its missing-item rule is either ``prorate`` (a scale with at most the stated share of its
        items missing is the mean of the answered times the number of items, each scale by itself), or
        ``subscale_mean`` (OQ-45 manual: a missing item becomes the rounded mean, halves up, of the
        answered items of its subscale; with more missing items than stated nothing is scored; a subscale
        without any answer is missing, and with it the total).

    Returns
    -------
    dict of str to ndarray, shape (...)
        Sum score per scale, subscales before the total; NaN where the rule gives none.

    Raises
    ------
    ValueError
        When the last dimension is not the number of items.
    """
    answers = np.asarray(answers, dtype=float)
    if answers.shape[-1:] != (instrument.n_items,):
        raise ValueError(
            f"{instrument.name} has {instrument.n_items} items, the last dimension is {answers.shape[-1:]}"
        )
    turned = reverse(answers, instrument)
    if instrument.missing_rule == "prorate":
        return {
            name: _prorated(turned[..., _index(of)], instrument.missing_most)
            for name, of in instrument.scales.items()
        }
    return _filled_sums(turned, instrument)


def reverse(answers: np.ndarray, instrument: Instrument) -> np.ndarray:
    """Turn the reversed items, so that each runs with its subscale; the same call turns them back.

    Parameters
    ----------
    answers : ndarray, shape (..., n_items)
        Answers in item order.
    instrument : Instrument
        The key.
    """
    turned = np.array(answers)
    against = _index(sorted(instrument.reversed))
    turned[..., against] = instrument.low + instrument.high - turned[..., against]
    return turned


def _index(items: tuple[int, ...] | list[int]) -> np.ndarray:
    return np.asarray(items, dtype=int) - 1


def _prorated(items: np.ndarray, most: float) -> np.ndarray:
    """Mean of the answered items times their number, where the share of missing ones is at most ``most``."""
    n_items = items.shape[-1]
    missing = np.isnan(items)
    n_missing = missing.sum(axis=-1)
    total = np.where(missing, 0.0, items).sum(axis=-1)
    # Complete rows stay integer sums: the quotient is applied only where something is missing.
    factor = n_items / np.maximum(n_items - n_missing, 1)
    allowed = n_missing <= np.floor(most * n_items + 1e-9)
    return np.where(allowed, total * factor, np.nan)


def _filled_sums(turned: np.ndarray, instrument: Instrument) -> dict[str, np.ndarray]:
    """Subscale sums with missing items filled by the subscale's rounded mean, and the total of these sums."""
    scored = _index([item for items in instrument.subscales.values() for item in items])
    valid = np.isnan(turned[..., scored]).sum(axis=-1) <= instrument.missing_most
    sums = {}
    for name, of in instrument.subscales.items():
        items = turned[..., _index(of)]
        missing = np.isnan(items)
        answered = len(of) - missing.sum(axis=-1)
        total = np.where(missing, 0.0, items).sum(axis=-1)
        # floor((2 sum + n) / 2n) rounds the mean with halves up and stays exact for integer answers.
        fill = np.floor((2 * total + answered) / (2 * np.maximum(answered, 1)))
        sums[name] = np.where(answered > 0, total + (len(of) - answered) * fill, np.nan)
    if instrument.total is not None:
        sums[instrument.total] = np.sum(list(sums.values()), axis=0)
    return {name: np.where(valid, value, np.nan) for name, value in sums.items()}
