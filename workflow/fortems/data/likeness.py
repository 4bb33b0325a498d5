"""Columns that look like a questionnaire's items under other names: the pattern that would find them."""

from __future__ import annotations

import re
from collections.abc import Collection

from fortems.study.instruments import Instrument

NUMBERED = re.compile(r"[0-9]+")


def item_pattern(columns: Collection[str], instrument: Instrument) -> str:
    """Return the pattern under which a file has all items of an instrument, such as ``t1_oq_{n}``.

    Parameters
    ----------
    columns : collection of str
        The file's, without those that are in use.
    instrument : Instrument

    Returns
    -------
    str
        Empty where none or several fit. Of patterns that fit, one with the instrument's name in it is taken before
        one that has exactly as many columns as there are items; other columns may be anything.
    """
    found: dict[tuple[str, str], dict[int, str]] = {}
    for column in columns:
        for match in NUMBERED.finditer(column):
            frame = (column[: match.start()], column[match.end() :])
            found.setdefault(frame, {}).setdefault(int(match[0]), match[0])
    items = [int(item) for item in instrument.items]
    whole = {frame: numbers for frame, numbers in found.items() if set(items) <= set(numbers)}
    named = [frame for frame in whole if _bare(instrument.name) in _bare("".join(frame))]
    exact = [frame for frame, numbers in whole.items() if len(numbers) == len(items)]
    fitting = named or exact
    if len(fitting) != 1:
        return ""
    before, after = fitting[0]
    written = whole[fitting[0]]
    width = len(written[items[0]])
    padded = width > 1 and all(len(written[item]) >= width for item in items)
    return f"{before}{{n:0{width}}}{after}" if padded else f"{before}{{n}}{after}"


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
