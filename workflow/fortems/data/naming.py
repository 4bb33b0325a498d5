"""Which of the file's columns is which of ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fortems.data.findings import Finding, listed
from fortems.data.likeness import item_patterns
from fortems.data.reading.table import Table, as_text
from fortems.data.settings import PATTERN, DataSettings
from fortems.errors import did_you_mean, nearest
from fortems.study.definition import IDENTIFIERS
from fortems.study.instruments import Instrument

BACKGROUND = ("age", "gender", "sessions")
MOST_ABOVE = 5  # rows above the names of the columns that are looked through


@dataclass(frozen=True)
class Naming:
    """Where each of our columns comes from.

    Attributes
    ----------
    sources : dict of str to str
        Ours → the file's, in the order of the prepared table.
    items : dict of str to Instrument
        Instruments whose items the file brings.
    scales : dict of str to str
        Scale scores that the file brings → instrument.
    extras : tuple of str
        Further columns carried along.
    meant : tuple of str
        What the file should bring and does not, each the subject of a problem already.
    problems, oddities : list of Finding
    """

    sources: dict[str, str]
    items: dict[str, Instrument]
    scales: dict[str, str]
    extras: tuple[str, ...]
    meant: tuple[str, ...]
    problems: list[Finding]
    oddities: list[Finding]

    def family(self, name: str) -> str:
        """Return the instrument whose item a column is, or an empty text."""
        for instrument in self.items.values():
            if name in instrument.columns():
                return instrument.name
        return ""


def resolve(
    table: Table, settings: DataSettings, instruments: Mapping[str, Instrument], wanted: Sequence[str]
) -> Naming:
    """Find the columns of the file that a run uses.

    Parameters
    ----------
    table : Table
    settings : DataSettings
    instruments : mapping of str to Instrument
    wanted : sequence of str
        What the models and the inclusion rules name.

    Notes
    -----
    A name that is not mapped is taken as it stands. An instrument of which no column is there is left out,
    unless the configuration names its items.
    """
    problems: list[Finding] = []
    oddities: list[Finding] = []
    sources: dict[str, str] = {}
    for name in (*IDENTIFIERS, *BACKGROUND):
        column = in_file(table, settings.columns.get(name, name))
        if column in table.columns:
            sources[name] = column
        elif name in settings.columns:
            problems.append(_absent(table, column, f"data.columns.{name}"))
        elif name in IDENTIFIERS:
            problems.append(_unnamed(table, name))
        elif alike := [column for column in table.columns if column.casefold() == name.casefold()]:
            what = f"{' and '.join(map(repr, alike))} differ in case alone, and either may be {name}"
            hint = f"Say which in data.columns: {{{name}: {alike[0]}}}"
            problems.append(Finding(what, alike[0], allowed="one column", hint=hint))
        elif alike := [c for c in table.columns if name in re.split(r"[\W_]+", c.casefold())]:
            what = f"there is no column {name!r}, and the run does without"
            hint = f"If it is meant: data.columns: {{{name}: {alike[0]}}}"
            oddities.append(Finding(what, alike[0], hint=hint, kind="mapping"))
    named = [name for name in wanted if name not in (*IDENTIFIERS, *BACKGROUND)]
    own = any(settings.columns.get(name, name) in table.columns for name in named)
    items, scales, broken = _instruments(table, settings, instruments, sources, problems, own)
    known = {*sources, *IDENTIFIERS, *BACKGROUND}
    known |= {name for i in instruments.values() for name in (*i.scales, *i.columns())}
    extras = [name for name in settings.columns if name not in known]
    named = [n for n in dict.fromkeys(wanted) if n not in known and n not in extras]
    extras += [n for n in named if in_file(table, n) in table.columns]
    for name in extras:
        column = in_file(table, settings.columns.get(name, name))
        if column in table.columns:
            sources[name] = column
        else:
            problems.append(_absent(table, column, f"data.columns.{name}"))
        carried = name in settings.columns and name not in wanted
        if carried and (hint := did_you_mean(name, known, cutoff=0.85)):
            what = f"data.columns.{name} is carried along as a variable of its own"
            oddities.append(Finding(what, column, hint=hint, kind="mapping"))
    problems += _twice(sources)
    problems += _unused_keys(settings, table, sources, instruments)
    elsewhere = [] if set(IDENTIFIERS) & set(sources) else _names_elsewhere(table, settings)
    if not elsewhere and table.other_sheets and not set(IDENTIFIERS) <= set(sources):
        problems.insert(0, _other_sheets(table))
    extras = [name for name in extras if name in sources]
    if not items and not scales and not own:
        broken = list(instruments)
    meant = [scale for name in broken for scale in instruments[name].scales]
    meant += [name for name in (*IDENTIFIERS, *settings.columns) if name not in sources]
    if elsewhere:  # all else follows from it
        problems, meant = elsewhere, [*meant, *wanted]
    return Naming(sources, items, scales, tuple(extras), tuple(meant), problems, oddities)


def _instruments(
    table: Table,
    settings: DataSettings,
    instruments: Mapping[str, Instrument],
    sources: dict[str, str],
    problems: list[Finding],
    own: bool,
) -> tuple[dict[str, Instrument], dict[str, str], list[str]]:
    """Add item and scale columns to ``sources``; return the instruments whose items the file brings, the scales
    that it brings, and the instruments of which it lacks items. ``own``: the file brings scores that the models name,
    so that it may lack all of the instruments'."""
    broken = []
    items: dict[str, Instrument] = {}
    scales: dict[str, str] = {}
    for name, instrument in instruments.items():
        if settings.format == "items":
            found, wrong = _item_columns(table, settings, instrument)
            problems += wrong
            broken += [name] if wrong else []
            if found:
                items[name] = instrument
                sources.update(found)
            if found or wrong:
                problems += [
                    Finding(
                        f"data.columns.{scale} names a column, and the items of {name} make this score",
                        settings.columns[scale],
                        hint=f"Leave out data.columns.{scale}",
                    )
                    for scale in instrument.scales
                    if scale in settings.columns
                ]
                continue
        for scale in instrument.scales:
            column = in_file(table, settings.columns.get(scale, scale))
            if column in table.columns:
                sources[scale] = column
                scales[scale] = name
            elif scale in settings.columns:
                problems.append(_absent(table, column, f"data.columns.{scale}"))
    if settings.format == "items" and not items and not problems:
        first = next(iter(instruments.values()))
        allowed = f"columns such as {first.columns()[0]} … {first.columns()[-1]}"
        hint = "Set data.format: scores" if scales else "Name them in data.items"
        there = {name: item_patterns(list(table.columns), i) for name, i in instruments.items()}
        if alike := {name: " or ".join(patterns) for name, patterns in there.items() if patterns}:
            told = ", ".join(f'{name}: "{pattern}"' for name, pattern in alike.items())
            hint = f"These look like them: data.items: {{{told}}}"
        problems.append(Finding("no instrument's items were found", allowed=allowed, hint=hint))
    elif not items and not scales and not problems and not own:
        allowed = ", ".join(scale for instrument in instruments.values() for scale in instrument.scales)
        hint = "Name them in data.columns, or set data.format: items"
        problems.append(Finding("no scale score was found", allowed=f"columns such as {allowed}", hint=hint))
    return items, scales, broken


def _item_columns(
    table: Table, settings: DataSettings, instrument: Instrument
) -> tuple[dict[str, str], list[Finding]]:
    """Return our item columns → the file's, or what is wrong with them; both empty when none is there."""
    ours = instrument.columns()
    asked = settings.items.get(instrument.name)
    key = f"data.items.{instrument.name}"
    pattern = asked if isinstance(asked, str) else "" if asked else f"{instrument.name}_{{n}}"
    theirs = settings.columns_of(instrument)
    if len(theirs) != len(ours):
        what = f"{key} lists {len(theirs)} columns, {instrument.label} has {len(ours)} items"
        return {}, [Finding(what, allowed=f"{len(ours)} columns in item order")]
    if len(set(theirs)) != len(theirs):
        return {}, [Finding(f"{key} names the same column for several items", allowed="a pattern with {n}")]
    theirs = [
        in_file(table, settings.columns.get(own, column)) for own, column in zip(ours, theirs, strict=True)
    ]
    mapped = any(own in settings.columns for own in ours)
    absent = [column for column in theirs if column not in table.columns]
    if len(absent) == len(theirs) and asked is None and not mapped:
        return {}, []
    if len(absent) == len(theirs):
        near = " or ".join(item_patterns(list(table.columns), instrument)) or nearest(
            theirs[0], table.columns
        )
        hint = f"Did you mean {near}?" if near else ""
        what = f"no column fits {key} ({asked})" if isinstance(asked, str) else f"no column of {key} is there"
        return {}, [Finding(what, allowed=_some(table.columns), hint=hint)]
    beyond = [column for column in _beyond(pattern, table) if column not in theirs] if pattern else []
    if absent and beyond and (written := _zeros(pattern, table, ours)):
        what = f"{key} is {pattern}, and the file writes its numbers as in {written[0]}"
        hint = f"Write it as {PATTERN.sub(f'{{n:0{written[1]}}}', pattern)}"
        return {}, [Finding(what, allowed=f"a pattern that fits {len(ours)} columns", hint=hint)]
    if beyond:
        return {}, [_more_items(beyond, pattern, key, instrument)]
    if absent:
        used = {column for column in theirs if column in table.columns}
        alike = {_letters(column) for column in theirs}
        free = [column for column in table.columns if column not in used and _letters(column) in alike]
        return {}, [_absent(table, column, key, free, instrument.name) for column in absent]
    return dict(zip(ours, theirs, strict=True)), []


def in_file(table: Table, name: str) -> str:
    """Return a column as the file spells it: as it stands, or the one column that differs in case alone."""
    if name in table.columns:
        return name
    alike = [column for column in table.columns if column.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else name


def _beyond(pattern: str, table: Table) -> list[str]:
    """Columns that a pattern fits, whatever their number, in order of these."""
    before, _, after = PATTERN.sub("\0", pattern).partition("\0")
    fits = re.compile(f"{re.escape(before)}0*([0-9]+){re.escape(after)}", re.IGNORECASE)
    found = {column: int(match[1]) for column in table.columns if (match := fits.fullmatch(column))}
    return sorted(found, key=lambda column: found[column])


def _letters(column: str) -> str:
    return "".join(filter(str.isalpha, column.casefold()))


def _zeros(pattern: str, table: Table, ours: Sequence[str]) -> tuple[str, int] | None:
    """Return a column and its number of digits where the pattern with zeros before its numbers finds all items."""
    before, _, after = PATTERN.sub("\0", pattern).partition("\0")
    for width in (2, 3):
        names = [in_file(table, f"{before}{n:0{width}}{after}") for n in range(1, len(ours) + 1)]
        if all(name in table.columns for name in names):
            return names[0], width
    return None


def _more_items(beyond: list[str], pattern: str, key: str, instrument: Instrument) -> Finding:
    """More columns fit than the key has items: another version of the questionnaire, of which only a part would be scored."""
    more = f"{len(beyond)} more columns fit" if len(beyond) > 1 else "1 more column fits"
    what = f"{more} {pattern!r} than the {instrument.n_items} items of {instrument.label}: {_some(beyond, 6)}"
    hint = (
        f"If this is another version, give its key in data.instruments.{instrument.name}; if these are the right ones, list "
        f"their columns in {key}"
    )
    return Finding(what, allowed=f"{instrument.n_items} columns for {instrument.label}", hint=hint)


def _some(names: Collection[str], most: int = 30) -> str:
    """Column names for a message."""
    shown = list(names)[:most]
    return ", ".join(shown) + (", …" if len(names) > most else "")


def _absent(
    table: Table, column: str, key: str, choices: Collection[str] | None = None, family: str = ""
) -> Finding:
    hint = did_you_mean(column, table.columns if choices is None else choices)
    what = f"there is no column {column!r}, which {key} names"
    return Finding(what, column, family, allowed=_some(table.columns), hint=hint)


def _unnamed(table: Table, name: str) -> Finding:
    near = nearest(name, table.columns)
    example = f"{{{name}: {near or 'the file’s column'}}}"
    what = f"there is no column {name!r}"
    return Finding(
        what, name, allowed=_some(table.columns), hint=f"Map it in data.columns, such as {example}"
    )


def _other_sheets(table: Table) -> Finding:
    """The sheet that was read has no clients: another may."""
    found = f"The workbook's other sheets are {', '.join(table.other_sheets)}."
    return Finding(
        "only the first sheet that is not empty is read", hint="Name another in data.sheet", found=found
    )


def _names_elsewhere(table: Table, settings: DataSettings) -> list[Finding]:
    """Say that the names of clients and therapists stand on another sheet, or in a lower row; empty where they do not."""
    asked = {settings.columns.get(name, name).casefold() for name in IDENTIFIERS}
    sheets = [s for s, names in table.other_names.items() if asked <= {name.casefold() for name in names}]
    if sheets:
        what = "only the first sheet that is not empty is read, and it names no clients and therapists"
        found = (
            f"The workbook's other sheets are {listed(table.other_names)}. Name {' or '.join(map(repr, sheets))} in "
            f"data.sheet, which has the columns {' and '.join(sorted(asked))}."
        )
        return [Finding(what, allowed="data.sheet", found=found)]
    for place in range(min(MOST_ABOVE, len(table.rows))):
        texts = {as_text(column[place]).casefold() for column in table.columns.values()}
        if asked <= texts:
            what = f"the names of the columns seem to stand in row {table.rows[place]}, below another row"
            return [Finding(what, allowed="the names in the first row", hint="Remove what stands above them")]
    return []


def _twice(sources: Mapping[str, str]) -> list[Finding]:
    """A column of the file that stands for two of ours."""
    owners: dict[str, list[str]] = {}
    for ours, theirs in sources.items():
        owners.setdefault(theirs, []).append(ours)
    return [
        Finding(f"stands for {' and '.join(ours)}", theirs, allowed="each column for one thing")
        for theirs, ours in owners.items()
        if len(ours) > 1
    ]


def _unused_keys(
    settings: DataSettings,
    table: Table,
    sources: Mapping[str, str],
    instruments: Mapping[str, Instrument],
) -> list[Finding]:
    """Keys of data.values and data.missing_codes that name no column, and wrong already_reversed items."""
    problems = []
    by_column = settings.missing_codes if isinstance(settings.missing_codes, Mapping) else {}
    items = {column for instrument in instruments.values() for column in instrument.columns()}
    ours = [*(name for name in sources if name not in items), *instruments]
    for section, keys in (("values", settings.values), ("missing_codes", by_column)):
        for key in keys:
            if in_file(table, key) not in (*sources, *instruments, *table.columns):
                problems.append(
                    Finding(
                        f"data.{section}.{key} names no column and no instrument",
                        allowed=f"{', '.join(ours)} or a column of the file",
                        hint=did_you_mean(key, ours) or did_you_mean(key, (*sources, *table.columns)),
                    )
                )
    for key, numbers in settings.already_reversed.items():
        turned = sorted(instruments[key].reversed) if key in instruments else []
        allowed = f"all, or a list of {', '.join(map(str, turned))}" if turned else ", ".join(instruments)
        wrong = [] if numbers == "all" else [n for n in numbers if n not in turned]
        if key not in instruments:
            problems.append(Finding(f"data.already_reversed.{key} names no instrument", allowed=allowed))
        elif wrong:
            what = f"data.already_reversed.{key} names {', '.join(map(str, wrong))}, not reversed by the key"
            problems.append(Finding(what, allowed=allowed))
    return problems
