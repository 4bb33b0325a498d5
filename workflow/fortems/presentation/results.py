"""Read a run's results: tables by name, single rows by key, and why something is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fortems import tidy
from fortems.claims.claimfile import Claim, load_claims
from fortems.package import located
from fortems.presentation.numbers import is_absent
from fortems.run.config import PROTECTED
from fortems.schema import plain_yaml
from fortems.study.instruments import Instrument, load_instruments

#: What a row of results is measured in; every other column identifies it.
MEASURES = frozenset(
    [
        "estimate",
        "se",
        "ci_low",
        "ci_high",
        "p",
        "p_holm",
        "standardized",
        "statistic",
        "df",
        "n",
        "n_clients",
        "n_therapists",
        "verdict",
        "reason",
        "message",
        "mcse",
        "note",
        "value",
        "mean",
        "sd",
        "values",  # counts of a category, which on own data may have to be withheld
        "source",
    ]
)


#: How a cell of what may be told of a file in ``data/`` is looked up.
RELEASED = "released"
CODEBOOK = "data/codebook.csv"
PATTERNS = "data/missing_patterns.csv"
#: Of own data the report knows the clients whom tables and models use, and no others.
TOLD = {"data/scores.csv": "common.csv"}
#: The file that states the article's findings.
ARTICLES = "config/claims.yaml"


@dataclass(frozen=True)
class Row:
    """One row of a results file, with where it stands.

    Attributes
    ----------
    file : str
        The file within the run's folder.
    line : int
        The row's position among the data rows, from 0.
    key : str
        The values that identify the row, for a reader: ``model=NAME; level=within``.
    values : dict
        Column to value.
    rule : str
        ``cell``: of the file itself; ``released``: of what may be told of it.
    """

    file: str
    line: int
    key: str
    values: dict[str, Any]
    rule: str = "cell"

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def get(self, column: str, default: Any = None) -> Any:
        """Return a cell, or the default where the column is not there or the cell is empty."""
        value = self.values.get(column, default)
        return default if is_absent(value) else value

    def has(self, *columns: str) -> bool:
        """Whether all these cells are there and filled."""
        return all(not is_absent(self.values.get(column)) for column in columns)


class Results:
    """A run's results, as the report and the figures read them.

    Parameters
    ----------
    root : path
        The run's folder.
    files : iterable of str, optional
        The files that may be read, within the folder; by default whatever is there. The workflow passes the
        files that this run makes, so that a leftover of an earlier configuration is never read.
    config : mapping, optional
        The run's configuration or the part of it that is needed; by default ``config.yaml`` in the folder.
    instruments : mapping of str to path, optional
        The instruments' files; by default as the configuration names them, which in the folder does not tell the
        whole path of what lies beside own data.
    claims : path, optional
        The file of claims; by default as the configuration names it, as with the instruments.
    """

    def __init__(
        self,
        root: str | Path,
        files: Any = None,
        config: Mapping[str, Any] | None = None,
        instruments: Mapping[str, str | Path] | None = None,
        claims: str | Path | None = None,
    ):
        self.root = Path(root)
        self._config = config
        self.instrument_files = instruments
        self.claims_file = claims
        self.files = None if files is None else frozenset(str(name) for name in files)
        self._tables: dict[str, pd.DataFrame | None] = {}
        self._read: dict[str, list[Row]] = {}
        self._released: dict[str, pd.DataFrame | None] = {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """The run's merged configuration."""
        if self._config is not None:
            return dict(self._config)
        return plain_yaml(self.root / "config.yaml") or {}

    @cached_property
    def instruments(self) -> dict[str, Instrument]:
        """The run's questionnaires by their names."""
        return load_instruments(self.instrument_files or self.setting("data", "instruments"))

    @cached_property
    def claims(self) -> dict[str, Claim]:
        """The run's claims by their names; none where they are switched off."""
        return load_claims(self.claims_path) if self.claims_path else {}

    @property
    def claims_path(self) -> str:
        """The file of the run's claims; empty where they are switched off."""
        told = self.setting("claims")
        return str(self.claims_file or (located(told) if told else ""))

    def setting(self, *path: str, default: Any = None) -> Any:
        """Return a configuration value by its path of keys."""
        value: Any = self.config
        for key in path:
            if not isinstance(value, dict) or value.get(key) is None:
                return default
            value = value[key]
        return value

    @property
    def private(self) -> bool:
        """Whether the results are of own clients, of whom not all may be told."""
        own = self.setting("data", "source") == "file"
        return bool(own and self.setting("privacy", "min_cell", default=5))

    @property
    def own_claims(self) -> bool:
        """Whether the findings to check are others than the article's."""
        return bool(self.setting("claims", default=ARTICLES) != ARTICLES)

    def table(self, name: str) -> pd.DataFrame | None:
        """Return a results table, or None where this run does not make it or it has no rows."""
        if name not in self._tables:
            path = self.root / name
            if (
                self.private
                and name.startswith("data/")
                and (told := self.root / PROTECTED / TOLD.get(name, path.name)).is_file()
            ):
                path = told
            listed = self.files is None or name in self.files
            frame = tidy.read_csv(path) if listed and path.is_file() else None
            self._tables[name] = None if frame is None or frame.empty else frame
        return self._tables[name]

    def has(self, name: str) -> bool:
        """Whether the table is there and has rows."""
        return self.table(name) is not None

    def rows(self, name: str, *filled: str, **keys: Any) -> list[Row]:
        """Return the rows of a table whose columns have these values; a list or tuple means any of its values.

        A column that the table lacks matches nothing, unless the value asked for is None or empty. Of columns that are
        named without a value the cells must be filled.
        """
        found = _with(self._rows(name), keys)
        return [row for row in found if row.has(*filled)] if filled else found

    def chosen(self, name: str, choose: Callable[[pd.DataFrame], pd.DataFrame], **keys: Any) -> list[Row]:
        """Return those of ``rows`` that a choice keeps, a function of the whole table."""
        key = f"{name} {choose.__name__}"
        if key not in self._read:
            frame, rows = self.table(name), self._rows(name)
            self._read[key] = (
                [] if frame is None else [rows[line] for line in choose(frame.reset_index(drop=True)).index]
            )
        return _with(self._read[key], keys)

    def _rows(self, name: str) -> list[Row]:
        if name not in self._read:
            frame = self.table(name)
            records = [] if frame is None else frame.to_dict("records")
            self._read[name] = [
                Row(name, line, _key(record), {str(column): value for column, value in record.items()})
                for line, record in enumerate(records)
            ]
        return self._read[name]

    def released(self, name: str) -> pd.DataFrame | None:
        """Return what the report may tell of the codebook or the missing patterns, or None where there is none."""
        if name not in self._released:
            from fortems.data.privacy.release import codebook_table, patterns_table

            frame = self.table(name)
            source = str(self.setting("data", "source"))
            limit = int(self.setting("privacy", "min_cell", default=5)) if source == "file" else 0
            if frame is None:
                self._released[name] = None
            elif name == CODEBOOK:
                self._released[name] = codebook_table(frame, source, limit)
            else:
                self._released[name] = patterns_table(frame, limit)
        return self._released[name]

    def released_rows(self, name: str) -> list[Row]:
        """Return the rows of what the report may tell of a file; a withheld cell holds a dash."""
        frame = self.released(name)
        records = [] if frame is None else frame.to_dict("records")
        lines = [] if frame is None else frame.index.tolist()  # of the file, where the rows are its own
        identity = "variable" if name == CODEBOOK else "missing"
        return [
            Row(
                name, line, f"{identity}={record[identity]}", {str(k): v for k, v in record.items()}, RELEASED
            )
            for line, record in zip(lines, records, strict=True)
        ]

    def row(self, name: str, **keys: Any) -> Row:
        """Return the one row with these values.

        Raises
        ------
        LookupError
            When no row or more than one has them.
        """
        found = self.rows(name, **keys)
        if len(found) != 1:
            wanted = ", ".join(f"{key}={value}" for key, value in keys.items())
            raise LookupError(f"{name}: {len(found)} rows with {wanted}; one was expected")
        return found[0]

    def first(self, name: str, **keys: Any) -> Row | None:
        """Return the first row with these values, or None."""
        return next(iter(self.rows(name, **keys)), None)

    def __iter__(self) -> Iterator[str]:
        names = self.files or (str(path.relative_to(self.root)) for path in self.root.rglob("*.csv"))
        return iter(sorted(names))


def _with(found: list[Row], keys: Mapping[str, Any]) -> list[Row]:
    """The rows that have these values."""
    for column, wanted in keys.items():
        allowed = wanted if isinstance(wanted, (list, tuple, set, frozenset)) else (wanted,)
        filled = [value for value in allowed if not is_absent(value)]
        empty = len(filled) < len(allowed)
        found = [
            row
            for row in found
            if (value := row.values.get(column)) in filled or (empty and is_absent(value))
        ]
    return found


def _key(record: dict[Any, Any]) -> str:
    """What identifies a row, for a reader."""
    return "; ".join(
        f"{column}={value}"
        for column, value in record.items()
        if column not in MEASURES and isinstance(value, str) and not is_absent(value)
    )
