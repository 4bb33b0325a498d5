"""What is odd and legal in an export: shown, written to ``data/warnings.csv``, and never refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.findings import Finding
from fortems.data.mapping import Mapped
from fortems.study.instruments import Instrument
from fortems.study.scoring import reverse

FEWEST_CLIENTS = 20  # below, an item's sign or an unused answer says little
SAMPLE = 50_000  # clients whose answers tell the sign of an item
COMMON = (
    0.1  # share of answers next to an unused end of the range from which that is no matter of few extremes
)
FEWEST_ITEMS = 10  # a shorter row of equal answers is common
AGES = (16, 100)
TOLERANCE = 0.5  # a total that differs from the sum of its parts by more was not made from them


def odd(mapped: Mapped, instruments: Mapping[str, Instrument]) -> list[Finding]:
    """List what looks wrong and may be right.

    Parameters
    ----------
    mapped : Mapped
        A valid export in our columns, with reversed items as the key expects them.
    instruments : mapping of str to Instrument
        Of the run.
    """
    found = list(mapped.oddities)
    for instrument in mapped.naming.items.values():
        answers = mapped.frame[list(instrument.columns())]
        found += _unvarying(answers, instrument)
        found += _constant(answers, instrument)
        found += _shifted(answers, instrument)
        every = len(answers) // SAMPLE + 1
        found += _wrong_signs(answers.iloc[::every].to_numpy(dtype=float), instrument, mapped)
    found += _totals(mapped, instruments)
    return found + _ages(mapped) + _lone_therapists(mapped)


def _unvarying(answers: pd.DataFrame, instrument: Instrument) -> list[Finding]:
    """Items that nobody answered, or that all answered alike: more often a slip of the export than of the clients."""
    kinds = answers.nunique().to_numpy()
    several = (answers.notna().sum() >= FEWEST_CLIENTS).to_numpy()
    slips = (
        (
            kinds == 0,
            "no client answered",
            "no answers",
            "Check whether the export left them out; they count as unanswered items do",
        ),
        (
            (kinds == 1) & several,
            "every client gave the same answer to",
            "no variation",
            "Check the export; such items tell nothing about differences between clients",
        ),
    )
    found = []
    for which, what, kind, remedy in slips:
        numbers = [str(instrument.items[place]) for place in np.flatnonzero(which)]
        if numbers:
            named = f"item{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
            found.append(
                Finding(f"{what} {named} of {instrument.name}", "", instrument.name, hint=remedy, kind=kind)
            )
    return found


def _constant(answers: pd.DataFrame, instrument: Instrument) -> list[Finding]:
    """Clients with the same answer to every item; with reversed items such answers contradict each other."""
    lowest, highest = answers.min(axis=1).to_numpy(), answers.max(axis=1).to_numpy()
    answered = answers.notna().sum(axis=1).to_numpy()
    places = np.flatnonzero((lowest == highest) & (answered >= FEWEST_ITEMS))
    if not len(places):
        return []
    what = f"the same answer to all items of {instrument.name}"
    remedy = (
        "Reversed items make such answers contradict each other; consider whether they were read"
        if instrument.reversed
        else "Possible, with a ceiling of satisfaction; consider whether the items were read"
    )
    values = [f"{value:g}" for value in highest[places]]
    return [Finding(what, "", instrument.name, places, values, hint=remedy, kind="constant answers")]


def _shifted(answers: pd.DataFrame, instrument: Instrument) -> list[Finding]:
    """Answers that stop one short of an end of the range, with many of them there: coded from elsewhere?"""
    if len(answers) < FEWEST_CLIENTS:
        return []
    counts: Counter[float] = Counter()
    for column in answers:
        counts.update({float(str(v)): int(n) for v, n in answers[column].value_counts().items()})
    if not counts:
        return []
    low, high = instrument.low, instrument.high
    lowest, highest = min(counts), max(counts)
    if lowest == low + 1 and counts[lowest] >= COMMON * counts.total():
        where, end = "lowest", low
    elif highest == high - 1 and counts[highest] >= COMMON * counts.total():
        where, end = "highest", high
    else:
        return []
    span = f"{lowest:g} to {highest:g}"
    what = (
        f"no client gave the {where} answer {end:g} to any item of {instrument.name}; the answers run {span}"
    )
    remedy = (
        f"If the file codes them otherwise than {low:g} to {high:g}, declare data.values.{instrument.name}"
    )
    return [Finding(what, "", instrument.name, hint=remedy, kind="coding")]


def _wrong_signs(answers: np.ndarray, instrument: Instrument, mapped: Mapped) -> list[Finding]:
    """Items that run against the items of their subscale that the key does not reverse."""
    turned = reverse(answers, instrument)
    found = []
    for scale, items in instrument.subscales.items():
        straight = [item for item in items if item not in instrument.reversed]
        for item in items:
            rest = [other - 1 for other in straight if other != item]
            if not rest:
                continue
            r, n = _correlation(turned[:, item - 1], _row_means(turned[:, rest]))
            if n < FEWEST_CLIENTS or not r < -max(0.1, 1.96 / np.sqrt(n)):
                continue
            column = mapped.naming.sources[instrument.columns()[item - 1]]
            what = f"item {item} correlates {r:.2f} with the rest of {scale} after the key was applied"
            if item in instrument.reversed:
                remedy = (
                    "If the file holds it already reversed, declare "
                    f"data.already_reversed: {{{instrument.name}: [{item}]}}"
                )
            else:
                remedy = "Check the order of the items, and whether this one is coded the other way round"
            found.append(Finding(what, column, instrument.name, hint=remedy, kind="sign"))
    return found


def _row_means(answers: np.ndarray) -> np.ndarray:
    answered = (~np.isnan(answers)).sum(axis=1)
    return np.where(answered > 0, np.nansum(answers, axis=1) / np.maximum(answered, 1), np.nan)


def _correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
    """Pearson correlation of the complete pairs, NaN where one is constant, and their number."""
    both = ~(np.isnan(x) | np.isnan(y))
    n = int(both.sum())
    x, y = x[both], y[both]
    if n < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan, n
    return float(np.corrcoef(x, y)[0, 1]), n


def _totals(mapped: Mapped, instruments: Mapping[str, Instrument]) -> list[Finding]:
    """Totals that the file brings and that are not the sum of the parts it brings."""
    found = []
    for instrument in instruments.values():
        total, parts = instrument.total, list(instrument.subscales)
        if total is None or not {total, *parts} <= set(mapped.naming.scales):
            continue
        gap = (mapped.frame[total] - mapped.frame[parts].sum(axis=1, skipna=False)).abs()
        places = np.flatnonzero((gap > TOLERANCE).to_numpy())
        if len(places):
            what = f"{total} differs from the sum of {', '.join(parts)}"
            values = [f"{value:g}" for value in mapped.frame[total].to_numpy()[places]]
            remedy = "It is used as it stands; leave its column out to have the sum"
            found.append(
                Finding(what, mapped.naming.sources[total], "", places, values, hint=remedy, kind="total")
            )
    return found


def _ages(mapped: Mapped) -> list[Finding]:
    if "age" not in mapped.frame:
        return []
    ages = mapped.frame["age"]
    places = np.flatnonzero(((ages < AGES[0]) | (ages > AGES[1])).to_numpy())
    if not len(places):
        return []
    values = [f"{value:g}" for value in ages.to_numpy()[places]]
    what = f"age outside {AGES[0]} to {AGES[1]}"
    remedy = "Check them; inclusion: {age: {min: 18}} would exclude the youngest"
    return [Finding(what, mapped.naming.sources["age"], "", places, values, hint=remedy, kind="age")]


def _lone_therapists(mapped: Mapped) -> list[Finding]:
    counts: pd.Series = mapped.frame["therapist"].map(mapped.frame["therapist"].value_counts())
    places = np.flatnonzero((counts == 1).to_numpy())
    if not len(places):
        return []
    what = "therapist with one client"
    remedy = "Such therapists tell nothing about differences within therapists"
    values: Sequence[str] = [str(value) for value in mapped.frame["therapist"].to_numpy()[places]]
    source = mapped.naming.sources["therapist"]
    return [Finding(what, source, "", places, values, hint=remedy, kind="lone therapist")]


def warnings_frame(found: Sequence[Finding], mapped: Mapped) -> pd.DataFrame:
    """Return ``data/warnings.csv``: a row per place, or one for a warning of the whole file.

    It names clients and stays in ``data/``; ``warnings_text`` says the same without them.
    """
    clients = mapped.clients
    rows = []
    for finding in found:
        common: dict[str, Any] = {
            "kind": finding.kind,
            "column": finding.column,
            "instrument": finding.family,
        }
        words = {"what": finding.what, "remedy": finding.remedy}
        if not len(finding.places):
            rows.append({**common, "row": "", "client": "", "value": "", **words})
        for number, place in enumerate(finding.places):
            value = finding.values[number] if len(finding.values) else ""
            client = clients[place] if len(clients) else ""
            rows.append(
                {**common, "row": str(mapped.table.rows[place]), "client": client, "value": value, **words}
            )
    columns = ["kind", "column", "instrument", "row", "client", "value", "what", "remedy"]
    return pd.DataFrame(rows, columns=columns)


def warnings_text(found: Sequence[Finding]) -> str:
    """Return the warnings as text that names no client, row or value."""
    lines = []
    for finding in found:
        subject = f"{finding.column}: " if finding.column else ""
        count = f", {len(finding.places)} times" if len(finding.places) > 1 else ""
        lines.append(f"  - {subject}{finding.what}{count}. {finding.hint}".rstrip())
    if not lines:
        return ""
    return f"Odd and legal, {len(lines)} warning{'s' if len(lines) > 1 else ''}:\n" + "\n".join(lines)
