"""Columns that look like a questionnaire's items under other names: the pattern that would find them."""

from __future__ import annotations

import re
from collections.abc import Collection

from fortems.data.identity import bare
from fortems.study.instruments import Instrument

NUMBERED = re.compile(r"[0-9]+")


def item_patterns(columns: Collection[str], instrument: Instrument) -> list[str]:
    """Return the patterns under which a file has all items of an instrument, such as ``t1_oq_{n}``.

    Parameters
    ----------
    columns : collection of str
        The file's, without those that are in use.
    instrument : Instrument

    Returns
    -------
    list of str
        Those with the instrument's name in them (several, where it was answered on several occasions); else the only
        one that has exactly as many columns as there are items.
    """
    found: dict[tuple[str, str], dict[int, str]] = {}
    for column in columns:
        for match in NUMBERED.finditer(column):
            frame = (column[: match.start()], column[match.end() :])
            found.setdefault(frame, {}).setdefault(int(match[0]), match[0])
    items = [int(item) for item in instrument.items]
    whole = {frame: numbers for frame, numbers in found.items() if set(items) <= set(numbers)}
    named = [frame for frame in whole if bare(instrument.name) in bare("".join(frame))]
    exact = [frame for frame, numbers in whole.items() if len(numbers) == len(items)]
    fitting = named or (exact if len(exact) == 1 else [])
    return [_pattern(*frame, [whole[frame][item] for item in items]) for frame in fitting]


def _pattern(before: str, after: str, written: list[str]) -> str:
    width = len(written[0])
    number = f"{{n:0{width}}}" if width > 1 and all(len(text) >= width for text in written) else "{n}"
    return f"{before}{number}{after}"
