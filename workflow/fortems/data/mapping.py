"""Translate a file into our columns: value labels, value maps, missing codes and numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from fortems.data.column import Column
from fortems.data.findings import Finding, listed
from fortems.data.naming import Naming, in_file, resolve
from fortems.data.numbers import decimal_mark
from fortems.data.reading.table import Table
from fortems.data.settings import DataSettings
from fortems.data.valuemaps import Use, unanswered
from fortems.study.definition import IDENTIFIERS
from fortems.study.instruments import Instrument, score_ranges

UNREAD = "Give it a name in the first row if the study needs it"
MOST_OCCASIONS = 50  # values of a column that tells the rows of a client apart


@dataclass(frozen=True)
class Mapped:
    """An export in our columns, before any rule is applied.

    Attributes
    ----------
    frame : DataFrame
        ``client`` and ``therapist`` as text, numbers as floats, categories as text; missing as NaN. One row
        per record of the file, in its order.
    table : Table
        The file as read, without its cells.
    naming : Naming
        Where each column comes from.
    categories : tuple of str
        The columns that hold categories.
    problems, oddities : list of Finding
    several : str
        Where clients have more than one row: the file's column that tells these apart, or empty.
    meanings : dict of str to dict
        Category → the file’s text → what its value map or its value labels made of it.
    """

    frame: pd.DataFrame
    table: Table
    naming: Naming
    categories: tuple[str, ...]
    problems: list[Finding]
    oddities: list[Finding]
    several: str = ""
    meanings: dict[str, dict[str, str]] = field(default_factory=dict)

    def taken(self, kept: np.ndarray) -> Mapped:
        """Return the export with some of its rows, and what is wrong or odd in these."""
        new = np.cumsum(kept) - 1

        def still(findings: list[Finding]) -> list[Finding]:
            found = []
            for finding in findings:
                here = kept[finding.places] if len(finding.places) else np.empty(0, dtype=bool)
                if len(here) and not here.any():
                    continue
                values = [v for v, stays in zip(finding.values, here, strict=False) if stays]
                found.append(replace(finding, places=new[finding.places[here]], values=values))
            return found

        frame = self.frame[kept].reset_index(drop=True)
        table = replace(self.table, rows=self.table.rows[kept])
        return replace(
            self, frame=frame, table=table, problems=still(self.problems), oddities=still(self.oddities)
        )

    @property
    def clients(self) -> np.ndarray:
        """The client of each row as text, empty where the file names none."""
        if "client" not in self.frame:
            return np.empty(0, dtype=object)
        return self.frame["client"].fillna("").to_numpy(dtype=object)


def map_table(
    table: Table,
    settings: DataSettings,
    instruments: Mapping[str, Instrument],
    wanted: Sequence[str] = (),
    numeric: Collection[str] = (),
) -> Mapped:
    """Translate a file into our columns.

    Parameters
    ----------
    table : Table
    settings : DataSettings
    instruments : mapping of str to Instrument
    wanted : sequence of str
        What models and inclusion rules name.
    numeric : collection of str
        Of these, what must be a number (a model's predictors, mediators and outcome, rules with min or max).
    """
    settings = _keys_as_in_file(settings, table)
    naming = resolve(table, settings, instruments, wanted)
    problems, oddities = list(naming.problems), list(naming.oddities)
    translated = {
        ours: Column(ours, theirs, table, settings, naming.family(ours))
        for ours, theirs in naming.sources.items()
    }
    categories = tuple(
        ours
        for ours, column in translated.items()
        if ours == "gender"
        or (ours in naming.extras and ours not in numeric and not column.numeric(oddities))
    )
    numbers = [ours for ours in translated if ours not in IDENTIFIERS and ours not in categories]
    mark, marks = decimal_mark(
        {translated[n].source: translated[n].cells() for n in numbers}, table.separator
    )
    problems += marks
    problems += _merged_cells(table, settings, naming)
    oddities += _left_sheets(table) + _passed_over(table) + _hidden_rows(table)
    limits = score_ranges(instruments) | {"age": (0, 120), "sessions": (0, 10_000)}
    limits |= {c: (i.low, i.high) for i in instruments.values() for c in i.columns()}
    columns: dict[str, np.ndarray] = {}
    for ours, column in translated.items():
        if ours in numbers:
            columns[ours] = column.numbers(mark, problems, float32=bool(naming.family(ours)))
            oddities += column.doubtful_codes(mark, limits.get(ours))
        else:
            columns[ours] = column.texts(problems, oddities)
    uses = [
        Use(column.key, column.source, column.family, column.distinct, column.labels, ours in numbers)
        for ours, column in translated.items()
        if column.key is not None
    ]
    for found, told in zip(unanswered(uses, settings.values), (problems, oddities), strict=True):
        told += found
    _turn_back(columns, settings, naming)
    frame = pd.DataFrame(columns, copy=False)
    texts = [n for n in columns if n not in numbers]
    frame[texts] = frame[texts].astype("str")
    several = _occasion_column(table, naming)
    meanings = {name: translated[name].meanings for name in categories}
    return Mapped(frame, table.emptied(), naming, categories, problems, oddities, several, meanings)


def _occasion_column(table: Table, naming: Naming) -> str:
    """Return the column of few values that tells a client's rows apart, or nothing.

    The first of which no client has a value twice; else, where an instrument was repeated within an event, the first
    without blanks of which every client with several rows has several values.
    """
    if "client" not in naming.sources:
        return ""
    client = np.asarray(table.columns[naming.sources["client"]].codes)
    if len(np.unique(client)) == len(client):
        return ""
    rows = np.bincount(client[client >= 0])
    second = ""
    for name, column in table.columns.items():
        if name == naming.sources["client"] or not 1 < len(column.categories) <= MOST_OCCASIONS:
            continue
        codes = np.asarray(column.codes)
        if (codes < 0).any():
            continue
        pairs = np.unique(np.stack([client, codes]), axis=1)
        if len(pairs.T) == len(codes):
            return name
        kinds = np.bincount(pairs[0][pairs[0] >= 0])
        second = second or (name if (kinds[rows > 1] > 1).all() else "")
    return second


def _keys_as_in_file(settings: DataSettings, table: Table) -> DataSettings:
    """Spell the columns that values and missing codes name as the file does."""
    values = {in_file(table, key): given for key, given in settings.values.items()}
    codes = settings.missing_codes
    if isinstance(codes, Mapping):
        codes = {in_file(table, key): given for key, given in codes.items()}
    return replace(settings, values=values, missing_codes=codes)


def _left_sheets(table: Table) -> list[Finding]:
    """Sheets of a workbook that were not read, with the rows that they have."""
    if not table.other_sheets:
        return []
    counts = listed(f"{name} ({rows} rows)" for name, rows in table.other_sheets.items())
    what = f"other sheets of the workbook were not read: {counts}"
    return [Finding(what, hint="Name the sheets that count in data.sheet", kind="sheet")]


def _merged_cells(table: Table, settings: DataSettings, naming: Naming) -> list[Finding]:
    """Merged cells that hide values of columns in use; who a row is of is told where it is missed."""
    filled = {in_file(table, settings.columns.get(name, name)) for name in settings.fill_down}
    hidden: dict[str, list[str]] = {}
    for ours, theirs in naming.sources.items():
        if theirs in table.merged and theirs not in filled and ours not in IDENTIFIERS:
            hidden.setdefault(table.merged[theirs], []).append(ours)
    found = []
    for cells, names in hidden.items():
        what = f"cells are merged ({cells}, …), of which the first alone has a value"
        hint = f"Unmerge them and give each its own; data.fill_down: [{', '.join(names)}] gives each blank the value above it"
        theirs = listed(naming.sources[name] for name in names)
        found.append(Finding(what, theirs, allowed="a value in each cell", hint=hint))
    return found


def _passed_over(table: Table) -> list[Finding]:
    """What of the file the reader passed over."""
    found = []
    for what, cells in table.unread.items():
        error = what.startswith("the error")
        told = (
            f"{what} is read as missing, in {cells} cells"
            if error
            else f"not read: {what}, {cells} cells with values"
        )
        hint = "Mend its formula where the value is known" if error else UNREAD
        found.append(Finding(told, hint=hint, kind="not read"))
    return found


def _hidden_rows(table: Table) -> list[Finding]:
    """Rows that a filter of the workbook hides: who filtered clients away may take them for left out."""
    if not table.hidden_rows:
        return []
    rows = (
        "1 row that the workbook hides is"
        if table.hidden_rows == 1
        else f"{table.hidden_rows} rows that the workbook hides are"
    )
    hint = "If they are not to count, delete them, or leave them out by a rule of inclusion"
    return [Finding(f"{rows} read like all others", hint=hint, kind="hidden")]


def _turn_back(columns: dict[str, np.ndarray], settings: DataSettings, naming: Naming) -> None:
    """Undo the reversal of items that the file holds already turned, so that the key applies to all."""
    for name, numbers in settings.already_reversed.items():
        if instrument := naming.items.get(name):
            turned = sorted(instrument.reversed) if numbers == "all" else numbers
            for number in turned:
                column = instrument.columns()[int(number) - 1] if int(number) in instrument.reversed else None
                if column in columns:
                    columns[column] = instrument.low + instrument.high - columns[column]
