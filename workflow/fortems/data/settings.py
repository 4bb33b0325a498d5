"""How the configuration's ``data`` section names an export's columns, values and missing answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fortems.data.reading.table import as_text
from fortems.study.instruments import Instrument

PATTERN = re.compile(r"\{n(?::0?([0-9]+)d?)?\}")


@dataclass(frozen=True)
class DataSettings:
    """The ``data`` section for a file.

    Attributes
    ----------
    format : str
        ``items`` or ``scores``.
    columns : dict
        Canonical name → the file's column.
    items : dict
        Instrument → pattern with ``{n}``, or its columns in item order.
    values : dict
        Column, canonical name or instrument → {the file's value: ours}.
    missing_codes : list or dict
        Values that mean missing, for all columns, or by column, canonical name or instrument.
    already_reversed : dict
        Instrument → numbers of reversed items that the file holds already turned, or ``all``.
    sheet : str or list of str, optional
        For a workbook: the sheet, or several with the same columns.
    occasion : str or dict, optional
        Of several rows a client: which counts, and what is carried to it (``occasions.Occasion``).
    fill_down : list of str
        Columns, canonical or the file's, whose blanks have the value above them.
    """

    format: str = "items"
    columns: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    values: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    missing_codes: Sequence[Any] | Mapping[str, Sequence[Any]] = ()
    already_reversed: Mapping[str, Sequence[int] | str] = field(default_factory=dict)
    sheet: str | Sequence[str] | None = None
    occasion: str | Mapping[str, Any] | None = None
    fill_down: Sequence[str] = ()

    @classmethod
    def from_config(cls, data: Mapping[str, Any]) -> DataSettings:
        """Read the configuration's ``data`` section; keys that are null count as absent."""

        def given(key: str) -> dict[str, Any]:
            return {as_text(k): v for k, v in (data.get(key) or {}).items() if v is not None}

        codes = data.get("missing_codes") or ()
        return cls(
            format=data.get("format") or "items",
            columns={name: as_text(column) for name, column in given("columns").items()},
            items={
                name: as_text(columns)
                if isinstance(columns, str)
                else [as_text(column) for column in columns]
                for name, columns in given("items").items()
            },
            values=given("values"),
            missing_codes=given("missing_codes") if isinstance(codes, Mapping) else tuple(codes),
            already_reversed=given("already_reversed"),
            sheet=_sheets(data.get("sheet")),
            occasion=data.get("occasion"),
            fill_down=[as_text(name) for name in data.get("fill_down") or ()],
        )

    def columns_of(self, instrument: Instrument) -> list[str]:
        """Return what the file calls an instrument's items, in their order: by its pattern, its list, or as we do."""
        asked = self.items.get(instrument.name, f"{instrument.name}_{{n}}")
        return pattern_columns(asked, instrument) if isinstance(asked, str) else [str(name) for name in asked]


def _sheets(given: Any) -> str | list[str] | None:
    """Read ``data.sheet``: sheets are often named by years, which YAML makes numbers."""
    if given is None or isinstance(given, str):
        return given
    return [str(sheet) for sheet in given] if isinstance(given, (list, tuple)) else str(given)


def pattern_columns(pattern: str, instrument: Instrument) -> list[str]:
    """Return the columns that a pattern names, ``{n}`` being the item number and ``{n:02}`` with zeros."""
    return [
        PATTERN.sub(lambda found, item=item: str(item).zfill(int(found[1] or 0)), pattern)  # type: ignore[misc]
        for item in instrument.items
    ]


def spellings(key: object) -> tuple[str, ...]:
    """Return the texts that a value of the configuration stands for; YAML turns yes, no, on and off into true and
    false."""
    if isinstance(key, bool):
        return ("true", "yes", "on") if key else ("false", "no", "off")
    return (as_text(key),)


def value_map(given: Mapping[Any, Any]) -> dict[str, str]:
    """Return a value map as texts.

    A value that becomes null becomes missing (the empty text).
    """
    found: dict[str, str] = {}
    for key, value in given.items():
        for text in spellings(key):
            found.setdefault(text, "" if value is None else as_text(value))
    return found
