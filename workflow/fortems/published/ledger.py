"""Each published number beside the computed one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fortems.errors import ConfigError, Problem, did_you_mean
from fortems.published.matrix import Printed, printed
from fortems.run.catalogue import COMPARED, ROUNDING_FILE
from fortems.schema import load_checked
from fortems.study.counterparts import name_in_run
from fortems.study.definition import study
from fortems.study.models import MediationModel

EQUAL, ROUNDING, DIFFERS, NOT_ATTEMPTED = "equal", "rounding", "differs", "not attempted"
COLUMNS = (
    "id",
    "what",
    "place",
    "grade",
    "published",
    "decimals",
    "low",
    "high",
    "computed",
    "verdict",
    "reason",
    "file",
    "row",
    "column",
)
EMPTY_SLOT = "the article's value has not been typed in"
ROUNDED_MATRIX = "the published matrix is rounded: matrices that round to it give the printed number"
TOLD = "the simulation was told this number"
SIMULATED = "simulated data cannot reproduce a published estimate"


@dataclass(frozen=True)
class Entry:
    """One published number and where its counterpart stands.

    Attributes
    ----------
    id, what, place, grade : str
        Name in the file; meaning; page or table; grade of the source.
    value : Printed or None
        None: a slot that waits for the article.
    design : bool
        A number of the study's design, which a simulation is told.
    file, column : str
        Results file below ``results/<run>/`` and its column.
    where : dict
        Conditions that leave one row.
    """

    id: str
    what: str
    place: str
    grade: str
    value: Printed | None
    design: bool
    file: str
    column: str
    where: dict[str, Any] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """The conditions as text."""
        return ", ".join(f"{key}={value}" for key, value in self.where.items())


def load_ledger(path: str | Path) -> list[Entry]:
    """Read the published values.

    Raises
    ------
    ConfigError
        With every problem: unknown key, a value that is not a number, a row name that does not fill ``by``.
    """
    raw = load_checked(path, "published")
    problems: list[Problem] = []
    entries = list(_entries(raw, str(path), problems))
    if problems:
        raise ConfigError(problems)
    return entries


def ledger_of_run(path: str | Path, models: Mapping[str, MediationModel]) -> list[Entry]:
    """Read the published values and call their models as a run does, whose models these are."""
    return [
        replace(
            entry, where=entry.where | {"model": name_in_run(entry.where["model"], path, "published", models)}
        )
        if "model" in entry.where
        else entry
        for entry in load_ledger(path)
    ]


def _entries(raw: dict[str, Any], path: str, problems: list[Problem]) -> Iterator[Entry]:
    decimals = raw.get("decimals", 2)

    def problem(place: str, what: str, allowed: str, hint: str = "") -> None:
        problems.append(Problem(f"{path}: {place}", what, allowed, hint))

    def number(place: str, value: Any) -> Printed | None:
        if value is None:
            return None
        try:
            return printed(value, 0 if isinstance(value, int) else decimals)
        except ValueError as error:
            problem(place, str(error), "a number as printed, or nothing")
            return None

    for name, item in (raw.get("values") or {}).items():
        result = item["result"]
        yield Entry(
            id=name,
            what=item["what"],
            place=item.get("place", ""),
            grade=item.get("grade", ""),
            value=number(f"values.{name}", item.get("value")),
            design=item.get("design", False),
            file=result["file"],
            column=result["column"],
            where=dict(result.get("where") or {}),
        )
    for name, table in (raw.get("tables") or {}).items():
        for row, cells in table["rows"].items():
            keys = [part.strip() for part in str(row).split("~")]
            if len(keys) != len(table["by"]):
                what = f"{len(keys)} parts where `by` has {len(table['by'])}"
                problem(f"tables.{name}.rows: {row}", what, " ~ ".join(table["by"]))
                continue
            for column in cells or {}:
                if column not in table["columns"]:
                    where, allowed = f"tables.{name}.rows.{row}: {column}", ", ".join(table["columns"])
                    hint = did_you_mean(column, table["columns"])
                    problem(where, "is not one of the table's columns", allowed, hint)
            for column, ours in table["columns"].items():
                yield Entry(
                    id=f"{name}/{row}/{column}",
                    what=f"{table['what']}: {row}, {column}",
                    place=table.get("place", ""),
                    grade=table.get("grade", ""),
                    value=number(f"tables.{name}.rows.{row}.{column}", (cells or {}).get(column)),
                    design=False,
                    file=table["file"],
                    column=ours,
                    where=dict(table.get("where") or {}) | dict(zip(table["by"], keys, strict=True)),
                )


def compare(
    entries: list[Entry],
    results: Path,
    available: set[str],
    source: str,
    path: str,
    elsewhere: Mapping[str, Path] | None = None,
) -> pd.DataFrame:
    """Compare every entry with this run's results.

    Parameters
    ----------
    entries : list of Entry
    results : Path
        ``results/<run>``.
    available : set of str
        Files below it that a run of this source makes.
    source : str
        ``simulated``, ``file`` or ``matrix``.
    path : str
        The published-values file, for messages.
    elsewhere : mapping of str to Path, optional
        Files of ``available`` that stand elsewhere than below ``results``.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``. ``low`` to ``high`` is the rounding interval. ``equal``: the computed number
        rounds to the printed one; ``rounding``: it misses it by less than one unit of the last printed
        decimal, which rounded intermediate results explain, or a matrix that rounds to the published one gives
        the printed number; ``differs``; ``not attempted`` with the reason.

    Raises
    ------
    ConfigError
        When an entry points to a file, row or column that no such run makes.
    """
    lookup = _Lookup(results, available, path, elsewhere or {})
    rows = [_row(entry, lookup, source) for entry in entries]
    if lookup.problems:
        raise ConfigError(lookup.problems)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(entry: Entry, lookup: _Lookup, source: str) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(entry, name, None) for name in COLUMNS}
    computed, reason = lookup.value(entry)
    row["computed"] = computed
    if entry.value is None:
        return row | {"verdict": NOT_ATTEMPTED, "reason": EMPTY_SLOT}
    published, half = entry.value.value, entry.value.half_width
    row |= {"published": published, "decimals": entry.value.decimals}
    row |= {"low": published - half, "high": published + half}
    if reason or computed is None:
        row |= {"verdict": NOT_ATTEMPTED, "reason": reason}
    elif source == "simulated" and not entry.design:
        row |= {"verdict": NOT_ATTEMPTED, "reason": SIMULATED}
    else:
        row |= {"verdict": verdict(entry.value, computed), "reason": TOLD if source == "simulated" else ""}
        reach = lookup.reach(entry)
        if row["verdict"] == DIFFERS and reach and row["low"] <= reach[1] and reach[0] <= row["high"]:
            row |= {"verdict": ROUNDING, "reason": ROUNDED_MATRIX}
    return row


def verdict(value: Printed, computed: float) -> str:
    """Classify a computed number against a printed one (see ``compare``)."""
    distance = abs(computed - value.value)
    slack = 1e-9 * max(1.0, abs(value.value))
    if distance <= value.half_width + slack:
        return EQUAL
    return ROUNDING if distance < 2 * value.half_width - slack else DIFFERS


class _Lookup:
    """Finds entries in the results and gathers those that point nowhere."""

    def __init__(self, results: Path, available: set[str], path: str, elsewhere: Mapping[str, Path]):
        self.results, self.available, self.path, self.elsewhere = results, available, path, elsewhere
        self.problems: list[Problem] = []
        self._frames: dict[str, pd.DataFrame] = {}
        self._records: dict[str, list[dict[Any, Any]]] = {}  # rows are looked up many times

    def value(self, entry: Entry) -> tuple[float | None, str]:
        """Return the computed number, or the reason why there is none."""
        if entry.file not in self.available:
            if entry.file in COMPARED:
                return None, f"this source gives no {entry.file}"
            self._problem(entry, entry.file, f"no run makes {entry.file}", COMPARED)
            return None, ""
        rows = self._rows(entry.file)
        columns = tuple(self._frame(entry.file).columns)
        for name in (entry.column, *entry.where):
            if name not in columns:
                self._problem(entry, name, f"{entry.file} has no column {name!r}", columns)
                return None, ""
        for name, wanted in entry.where.items():
            text = str(wanted)
            kept = [row for row in rows if str(row[name]) == text and not pd.isna(row[name])]
            if not kept:
                if (
                    entry.value is None or text in study().variables
                ):  # no slip of the pen: these data do not hold it
                    return None, f"no {name} {wanted} in {entry.file}"
                choices = tuple(dict.fromkeys(str(row[name]) for row in rows if not pd.isna(row[name])))
                self._problem(entry, wanted, f"{entry.file} has no row with {entry.row}", choices)
                return None, ""
            rows = kept
        if len(rows) > 1:
            self._problem(entry, "", f"{len(rows)} rows of {entry.file} fit {entry.row}", ())
            return None, ""
        found = rows[0][entry.column]
        return (None, "the run gives no number here") if pd.isna(found) else (float(found), "")

    def reach(self, entry: Entry) -> tuple[float, float] | None:
        """Range of a path over all matrices that round to the published one; None in runs on client rows."""
        ends = {"estimate": ("estimate_low", "estimate_high"), "standardized": ("low", "high")}
        if ROUNDING_FILE not in self.available or entry.column not in ends:
            return None
        table = self._frame(ROUNDING_FILE)
        model, effect = entry.where.get("model"), entry.where.get("effect")
        found = table[(table["model"] == model) & (table["effect"] == effect)]
        if found.empty:
            return None
        low, high = found.iloc[0][list(ends[entry.column])]
        return float(low), float(high)

    def _frame(self, name: str) -> pd.DataFrame:
        from fortems.tidy import read_csv

        if name not in self._frames:
            self._frames[name] = read_csv(self.elsewhere.get(name, self.results / name))
        return self._frames[name]

    def _rows(self, name: str) -> list[dict[Any, Any]]:
        if name not in self._records:
            self._records[name] = self._frame(name).to_dict("records")
        return self._records[name]

    def _problem(self, entry: Entry, word: object, what: str, choices: tuple[str, ...]) -> None:
        hint = did_you_mean(word, choices)
        self.problems.append(Problem(f"{self.path}: {entry.id}", what, ", ".join(choices[:12]), hint))


def summary(ledger: pd.DataFrame) -> str:
    """Say in data editors' words how the comparison went."""
    counts = ledger["verdict"].value_counts()
    done = ledger[ledger["verdict"] != NOT_ATTEMPTED]
    waiting = int((ledger["reason"] == EMPTY_SLOT).sum())
    tail = f" {waiting} named slots wait for the article's own tables." if waiting else ""
    if done.empty:
        return f"No published number was compared.{tail}"
    equal, close, off = (int(counts.get(word, 0)) for word in (EQUAL, ROUNDING, DIFFERS))
    if off:
        head = "partially reproduced" if off < len(done) else "not reproduced"
    else:
        head = "reproduced within rounding" if close else "fully reproduced"
    told = " (numbers of the design, which the simulation was told)" if (done["reason"] == TOLD).all() else ""
    numbers = f"{len(done)} published number{'s' if len(done) != 1 else ''}{told}"
    return f"{numbers} compared: {head}; {equal} equal, {close} within rounding, {off} different.{tail}"
