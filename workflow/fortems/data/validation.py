"""Check an export against the instruments: every problem of the file at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fortems.data.findings import MOST_ROWS, Finding
from fortems.data.mapping import Mapped
from fortems.study.definition import IDENTIFIERS, study
from fortems.study.instruments import FOLDER, Instrument, load_instrument, score_ranges

CHUNK = 20_000  # rows that pandera looks at in one go; bounds the size of its list of failures
AGE = (0, 120)
SESSIONS = (0, 10_000)
WHOLE = "not a whole number"
RANGE = "out of range"
#: What a number under age may be instead: a year, days since 1900 as Excel counts them, or a date without marks.
BIRTHS = {
    (1900, 2100): "year of birth",
    (3_000, 60_000): "date of birth as Excel counts days",
    (1.9e7, 2.1e7): "date of birth",
}
BLOCKS = 0.2  # share of blanks from which they look like blocks of which the first row alone is filled


def check(mapped: Mapped, instruments: Mapping[str, Instrument]) -> list[Finding]:
    """List every problem of an export.

    Parameters
    ----------
    mapped : Mapped
        The export in our columns.
    instruments : mapping of str to Instrument
        Of the run; they give the possible answers and scores.

    Returns
    -------
    list of Finding
        Those of the mapping first; empty when the export can be used.
    """
    problems = [*mapped.problems, *_identifiers(mapped)]
    limits = _limits(mapped, instruments)
    problems += _values(mapped, limits, instruments)
    return problems


def _limits(mapped: Mapped, instruments: Mapping[str, Instrument]) -> dict[str, tuple[float, float, bool]]:
    """Return lowest value, highest value and whether it must be whole, for each column that has limits."""
    limits: dict[str, tuple[float, float, bool]] = {"age": (*AGE, False), "sessions": (*SESSIONS, True)}
    for instrument in mapped.naming.items.values():
        limits |= {column: (instrument.low, instrument.high, True) for column in instrument.columns()}
    # A prorated score need not be whole.
    limits |= {
        scale: (*span, False)
        for scale, span in score_ranges(instruments).items()
        if scale in mapped.naming.scales
    }
    return {name: limit for name, limit in limits.items() if name in mapped.frame}


def schema(limits: Mapping[str, tuple[float, float, bool]]) -> Any:
    """Return the pandera schema of a prepared table: who is who, and the values that each column may hold.

    Parameters
    ----------
    limits : mapping
        Column → (lowest, highest, must be whole).
    """
    import pandera.pandas as pa

    columns = {}
    for name, (low, high, whole) in limits.items():
        checks = [pa.Check.in_range(low, high, error=RANGE)]
        if whole:
            checks.append(pa.Check(lambda values: values == np.floor(values), error=WHOLE))
        columns[name] = pa.Column(checks=checks, nullable=True)
    return pa.DataFrameSchema(columns)


def _values(
    mapped: Mapped, limits: dict[str, tuple[float, float, bool]], instruments: Mapping[str, Instrument]
) -> list[Finding]:
    """Run the schema over the table and turn its failures into findings, one a column and kind."""
    import pandera.errors

    if not limits:
        return []
    rules = schema(limits)
    frame = mapped.frame[list(limits)]
    failures: dict[tuple[str, str], list[np.ndarray]] = {}
    found = 0
    for start in range(0, len(frame), CHUNK):
        try:
            rules.validate(frame.iloc[start : start + CHUNK], lazy=True)
        except pandera.errors.SchemaErrors as errors:
            cases = errors.failure_cases
            for (column, kind), rows in cases.groupby(["column", "check"], sort=False)["index"]:
                failures.setdefault((column, kind), []).append(rows.to_numpy(dtype=np.int64))
            found += len(cases)
        if found > MOST_ROWS:
            break
    problems = []
    order = {name: number for number, name in enumerate(limits)}
    for (column, kind), pieces in sorted(failures.items(), key=lambda item: order[item[0][0]]):
        places = np.sort(np.concatenate(pieces))
        values = frame[column].to_numpy()[places]
        if kind == WHOLE:
            low, high, _ = limits[column]
            inside = (values >= low) & (values <= high)
            places, values = places[inside], values[inside]
            if not len(places):
                continue
        problems.append(_finding(mapped, column, kind, places, values, limits[column], instruments))
    return problems


def _finding(
    mapped: Mapped,
    column: str,
    kind: str,
    places: np.ndarray,
    values: np.ndarray,
    limit: tuple[float, float, bool],
    instruments: Mapping[str, Instrument],
) -> Finding:
    low, high, whole = limit
    words = "whole numbers" if whole else "numbers"
    family = mapped.naming.family(column)
    hint = _range_hint(mapped, column, family, low, high, instruments) if kind == RANGE else ""
    found = ""
    shown = [f"{value:.10g}" for value in values]
    source = mapped.naming.sources[column]
    labels = mapped.table.labels.get(source, {})
    if kind == RANGE and all(text in labels for text in shown):
        codes = list(dict.fromkeys(shown))
        told = ", ".join(f"{code} is {labels[code]!r}" for code in codes)
        hint = f"If they mean missing: data.missing_codes: {{{family or column}: [{', '.join(codes)}]}}"
        found = f"By its label {told}."
    return Finding(kind, source, family, places, shown, f"{words} {low:g} to {high:g}", hint, found=found)


def _range_hint(
    mapped: Mapped, column: str, family: str, low: float, high: float, instruments: Mapping[str, Instrument]
) -> str:
    """Guess why values are out of range: codes that start elsewhere, means in place of sums, a birth year."""
    if family:
        instrument = instruments[family]
        answers = mapped.frame[list(instrument.columns())].to_numpy()
        lowest, highest = np.nanmin(answers), np.nanmax(answers)
        for shift in (1, -1):
            if lowest >= low + shift and highest <= high + shift:
                codes = ", ".join(f"{low + shift + n:g}: {low + n:g}" for n in range(int(high - low) + 1))
                return (
                    f"The answers look coded {low + shift:g} to {high + shift:g}; "
                    f"then declare data.values.{family}: {{{codes}}}"
                )
        other = _key_with_range(instrument, float(lowest), float(highest))
        if other:
            return f"{other} has this range: data.instruments: {{{family}: {other}}}"
        return "Codes for missing answers belong into data.missing_codes"
    values = mapped.frame[column]
    if column == "age" and values.median() > AGE[1]:
        return _birth_hint(float(values.median()))
    if column in study().variables and column in mapped.naming.scales:
        instrument = instruments[mapped.naming.scales[column]]
        inside = values.between(instrument.low, instrument.high) | values.isna()
        if inside.all():
            return "This looks like the mean of the items; scores here are sums of items"
    return "Codes for missing values belong into data.missing_codes"


def _birth_hint(middle: float) -> str:
    """Say what numbers far above any age may be: years of birth, dates of birth as 19800301, or days as Excel counts them."""
    for (low, high), what in BIRTHS.items():
        if low <= middle <= high:
            return f"This looks like a {what}; give age in years at intake"
    return "Codes for missing values belong into data.missing_codes"


def _key_with_range(instrument: Instrument, lowest: float, highest: float) -> str:
    """Return the file beside the study's own keys whose items make the same scores in the range of these answers."""
    for path in sorted(FOLDER.glob("*.yaml")):
        key = load_instrument(path, instrument.name)
        alike = key.n_items == instrument.n_items and set(key.scales) == set(instrument.scales)
        if alike and key.low <= lowest and highest <= key.high:
            return f"config/instruments/{path.name}"
    return ""


def _identifiers(mapped: Mapped) -> list[Finding]:
    """Clients and therapists: each row has both, each client has one row."""
    frame = mapped.frame
    problems = []
    for name in IDENTIFIERS:
        if name in frame and (gone := frame[name].isna().to_numpy()).any():
            source = mapped.naming.sources[name]
            if gone.all():
                problems.append(
                    Finding(f"names no {name} in any row", source, allowed=f"the {name} of each row")
                )
                continue
            hint = _blank_hint(mapped, name, source, gone)
            what = "client missing" if name == "client" else "client without therapist"
            problems.append(
                Finding(what, source, places=np.flatnonzero(gone), allowed="one in each row", hint=hint)
            )
    if "client" not in frame:
        return problems
    repeated = (frame["client"].duplicated(keep=False) & frame["client"].notna()).to_numpy()
    if repeated.any():
        problems += _repeated(mapped, np.flatnonzero(repeated))
    return problems


def _blank_hint(mapped: Mapped, name: str, source: str, gone: np.ndarray) -> str:
    """Say why an identifier may be blank: merged cells, one value a block, the other rows of a client, a missing code."""
    fill = f"data.fill_down: [{name}] gives each row the value above it"
    if source in mapped.table.merged:
        return f"Cells are merged there ({mapped.table.merged[source]}, …): unmerge them, or {fill}"
    if name == "therapist" and "client" in mapped.frame:
        known = set(mapped.frame["client"][~gone].dropna())
        if known and mapped.frame["client"][gone].isin(known).all():
            return "Other rows of these clients have it: data.occasion with carry: [therapist] takes it from there"
    runs = np.flatnonzero(np.diff(gone.astype(int)) == 1)
    if not gone[0] and len(runs) > 1 and gone.mean() > BLOCKS:
        return f"If it stands in the first row of each block only: {fill}"
    return "data.missing_codes may hold a real identifier; else ask whoever made the file"


def _repeated(mapped: Mapped, places: np.ndarray) -> list[Finding]:
    """Clients with more than one row: with one therapist, or with several."""
    rows = mapped.frame.iloc[places]
    two = np.zeros(len(places), dtype=bool)
    if "therapist" in rows:
        two = (rows.groupby("client")["therapist"].transform("nunique") > 1).to_numpy()
    source = mapped.naming.sources["client"]
    values = rows["client"].to_numpy(dtype=object)
    hint = f", as in data.occasion: {{column: {mapped.several}, is: …}}" if mapped.several else ""
    problems = []
    cases: list[tuple[np.ndarray, str, str]] = [
        (two, "client with two therapists", f"Keep the therapist whom the client's answers are about{hint}"),
        (~two, "client in more than one row", f"Say in data.occasion which row of a client counts{hint}"),
    ]
    for which, what, hint in cases:
        if which.any():
            shown = [str(value) for value, here in zip(values, which, strict=True) if here]
            problems.append(Finding(what, source, "", places[which], shown, "one row per client", hint))
    return problems
