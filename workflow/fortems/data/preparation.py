"""From an export to ``data/scores.csv``: read, check, score, include, and account for every client."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.codebook import codebook, missing_patterns, missing_related
from fortems.data.findings import ExportError, Finding, listed
from fortems.data.inclusion import active, check_rules, check_values, finish, in_words_of, include, step
from fortems.data.likeness import item_patterns
from fortems.data.mapping import Mapped, map_table
from fortems.data.modelchecks import (
    check_models,
    fewer_than_parameters,
    of_two_values,
    unknown_variables,
    unvarying_covariates,
)
from fortems.data.naming import BACKGROUND, in_file
from fortems.data.occasions import Chosen, Occasion, choose, fill_down
from fortems.data.oddities import odd, warnings_frame, warnings_text
from fortems.data.reading.readers import read_table
from fortems.data.reading.table import Table
from fortems.data.settings import DataSettings
from fortems.data.strays import bare_rows, one_problem_each
from fortems.data.types import table_schema
from fortems.data.validation import check
from fortems.study.definition import IDENTIFIERS, study
from fortems.study.instruments import Instrument
from fortems.study.models import MediationModel
from fortems.study.scoring import score

CHUNK = 50_000  # rows scored in one go
FEWEST_THERAPISTS = 2


@dataclass(frozen=True)
class Prepared:
    """What ``prepare`` makes, each as its file in ``results/<run>/data/``.

    Attributes
    ----------
    scores : DataFrame
        Included clients in the order of the file; columns as the contract says.
    answers : DataFrame or None
        Items: raw answers of the included clients, reversed items not turned; None for an export of scores.
    flow, codebook, warnings, missing_patterns, missing_related : DataFrame
    types : dict
        What each column of the scores is, as a Frictionless table schema.
    message : str
        The warnings in words that name no client.
    """

    scores: pd.DataFrame
    answers: pd.DataFrame | None
    flow: pd.DataFrame
    codebook: pd.DataFrame
    warnings: pd.DataFrame
    missing_patterns: pd.DataFrame
    missing_related: pd.DataFrame
    types: dict[str, Any]
    message: str


def prepare(
    path: str | os.PathLike[str],
    settings: DataSettings,
    instruments: Mapping[str, Instrument],
    models: Mapping[str, MediationModel] | None = None,
    inclusion: Mapping[str, Mapping[str, Any] | None] | None = None,
    two_level: bool = True,
) -> Prepared:
    """Turn an export into scored clients, or refuse it with every problem.

    Parameters
    ----------
    path : path
        The export.
    settings : DataSettings
        How its columns, values and missing answers are named.
    instruments : mapping of str to Instrument
        The run's instruments.
    models : mapping of str to MediationModel, optional
        The run's models; what they name must be there, and vary.
    inclusion : mapping, optional
        Variable → rule of ``min``, ``max``, ``in``, or None.
    two_level : bool
        Whether an engine estimates both levels, which takes more parameters.

    Raises
    ------
    DataError
        With all problems of one stage: the file as such; its columns and values; the rules and models.
    """
    models = dict(models or {})
    rules = active(inclusion)
    wanted = [variable for model in models.values() for variable in model.variables]
    ranked = [
        name for name, rule in rules.items() if rule.get("min") is not None or rule.get("max") is not None
    ]
    numeric = {name for m in models.values() for name in m.chain}
    chosen, early = _rows_that_count(read_table(path, settings.sheet), settings)
    if early:
        raise ExportError(early, chosen.table.file, chosen.table.rows, ())
    mapped = map_table(chosen.table, settings, instruments, [*wanted, *rules], numeric | {*ranked})
    rules = in_words_of(rules, mapped.frame, mapped.meanings)
    absent, unused = check_values(rules, mapped.frame, mapped.categories)
    unused += bare_rows(mapped)
    steps = _received(chosen, settings, mapped)
    before = {name: rule for name, rule in rules.items() if name in mapped.frame}
    if not _bars_rules(mapped, before):  # else its rules cannot be trusted, and all is told
        kept, excluded = include(mapped.frame, before)
        steps += excluded
        if not kept.any():
            nobody = absent or _not_carried(chosen, mapped, before) or _too_few(mapped.frame, kept, steps)
            raise ExportError(nobody, mapped.table.file, mapped.table.rows, mapped.clients)
        mapped = mapped.taken(kept)

    table = mapped.table

    def refuse(problems: list[Finding]) -> None:
        if problems:
            raise ExportError(problems, table.file, table.rows, mapped.clients)

    problems = one_problem_each(check(mapped, instruments), mapped)
    available = available_columns(mapped, instruments)
    known = [*available, *mapped.naming.meant]
    problems += unknown_variables(models, known, list(table.columns), _where_items_are(mapped, instruments))
    of_items = {name for name in rules if name in mapped.frame and name not in known}
    asked = {name: rule for name, rule in rules.items() if name not in of_items}
    problems += check_rules(asked, known, [*mapped.categories, *IDENTIFIERS])
    refuse(problems + absent)
    oddities = chosen.oddities + odd(mapped, instruments) + unused + of_two_values(mapped, models)
    whole = score_table(mapped, instruments)
    kept, excluded = include(whole, {name: rule for name, rule in rules.items() if name not in before})
    steps += excluded
    refuse(_too_few(whole, kept, steps))
    scores = whole[kept].reset_index(drop=True)
    unusable = check_models(scores, models)
    constant, told = unvarying_covariates(scores, models)
    oddities += told
    unusable += constant
    refuse(unusable and (_several_rows(mapped, scores, models) or unusable))
    refuse(fewer_than_parameters(scores, models, mapped.categories, two_level))
    scores, emptied = _without_empty_scales(scores, instruments)
    oddities += emptied
    carried = [name for name in mapped.naming.extras if name in settings.columns or name in wanted]
    scores = scores[[c for c in scores.columns if c not in mapped.naming.extras or c in carried]]
    scales = [name for i in instruments.values() for name in i.scales if name in scores]
    answers = _take_answers(mapped, kept)
    return Prepared(
        scores=scores,
        answers=answers,
        flow=finish(scores, scales, steps),
        codebook=codebook(scores, answers, mapped.naming, instruments),
        warnings=warnings_frame(oddities, mapped),
        missing_patterns=missing_patterns(scores, [*BACKGROUND, *scales, *carried]),
        missing_related=missing_related(scores, answers),
        types=table_schema(scores, instruments),
        message=warnings_text(oddities),
    )


def _rows_that_count(table: Table, settings: DataSettings) -> tuple[Chosen, list[Finding]]:
    """Fill blanks from above where that is asked for, then keep the row of each client that counts."""
    below = [in_file(table, settings.columns.get(name, name)) for name in settings.fill_down]
    absent = [
        Finding(
            f"there is no column {name!r}, which data.fill_down names", name, allowed=listed(table.columns)
        )
        for name in below
        if name not in table.columns
    ]
    if absent:
        return Chosen(table), absent
    table = fill_down(table, below)
    occasion = Occasion.from_config(settings.occasion)
    if occasion is None:
        return Chosen(table), []
    columns = {name: in_file(table, column) for name, column in settings.columns.items()}
    columns |= {name: in_file(table, name) for name in (*IDENTIFIERS, *BACKGROUND) if name not in columns}
    chosen = choose(table, occasion, columns)
    return chosen, chosen.problems


def _received(chosen: Chosen, settings: DataSettings, mapped: Mapped) -> list[dict[str, Any]]:
    """Return the first steps of the flow: who was received, and of whom no row counts."""
    if "therapist" not in mapped.frame:
        return []
    occasion = Occasion.from_config(settings.occasion)
    first = step("received", "rows of the file", mapped.frame)
    if occasion is not None:
        rows = len(mapped.frame) + chosen.set_aside
        first["detail"] = (
            f"clients in {rows} rows of the file; {chosen.set_aside} rows of other occasions set aside"
        )
    if unread := sum(chosen.table.other_sheets.values()):
        first["detail"] += f"; {unread} rows on other sheets not read"
    if occasion is None:
        return [first]
    first["clients"] += len(chosen.without)
    if first["therapists"]:
        first["clients_per_therapist"] = first["clients"] / first["therapists"]
    gone = {"step": "excluded", "detail": f"no row that counts ({occasion.described()})"}
    return [first, gone | {"clients": len(chosen.without), "therapists": 0}] if chosen.without else [first]


def _not_carried(chosen: Chosen, mapped: Mapped, rules: Mapping[str, Any]) -> list[Finding]:
    """Rules of what no row that counts has, and other rows of the file do: it was asked once, and is to be carried."""
    sources = mapped.naming.sources
    names = [name for name in rules if sources.get(name) in chosen.elsewhere]
    if not names:
        return []
    told = " and ".join(names)
    what = f"no row that counts has {told}, which inclusion asks for; other rows of the file have"
    hint = f"Carry what was asked once: data.occasion.carry: [{', '.join(names)}, …]"
    return [Finding(what, sources[names[0]], allowed="a value for some clients at least", hint=hint)]


def _several_rows(
    mapped: Mapped, scores: pd.DataFrame, models: Mapping[str, MediationModel]
) -> list[Finding]:
    """Say that clients have several rows, where the rows that are left have nothing of what models need."""
    wanted = dict.fromkeys(variable for model in models.values() for variable in model.variables)
    empty = [name for name in wanted if name in scores and scores[name].isna().all()]
    if not mapped.several or not empty:
        return []
    hint = f"Say which counts in data.occasion: {{column: {mapped.several}, is: …, carry: […]}}"
    what = f"clients have several rows, which this column tells apart, and those that the rules leave have no {', '.join(empty)}"
    return [Finding(what, mapped.several, allowed="one row that counts for each client", hint=hint)]


def _bars_rules(mapped: Mapped, rules: Mapping[str, Any]) -> bool:
    """Return whether something is wrong with what the rules ask of, or with the file as a whole."""
    asked = {mapped.naming.sources[name] for name in rules}
    if check_rules(rules, [str(name) for name in mapped.frame], [*mapped.categories, *IDENTIFIERS]):
        return True
    bars = [finding for finding in mapped.problems if finding.column in asked or not len(finding.places)]
    return bool(bars) or not {"client", "therapist"} <= set(mapped.frame.columns)


def _where_items_are(mapped: Mapped, instruments: Mapping[str, Instrument]) -> dict[str, str]:
    """Return score → where the items seem to be that it is made of, for instruments of which the file brings none."""
    found: dict[str, str] = {}
    used = set(mapped.naming.sources.values())
    for name, instrument in instruments.items():
        if name in mapped.naming.items or set(instrument.scales) & set(mapped.naming.scales):
            continue
        free = [column for column in mapped.table.columns if column not in used]
        patterns = item_patterns(free, instrument)
        if patterns:
            told = " or ".join(patterns)
            hint = f'Its items look like {told}: data.items: {{{name}: "{patterns[0]}"}}'
            found |= dict.fromkeys(instrument.scales, hint)
        for sheet, names in mapped.table.other_names.items():
            if not patterns and item_patterns(names, instrument):
                hint = f"Its items seem to be on the sheet {sheet!r}; bring them to the clients' rows on one sheet"
                found |= dict.fromkeys(instrument.scales, hint)
    return found


def available_columns(mapped: Mapped, instruments: Mapping[str, Instrument]) -> list[str]:
    """Return the columns that the scores of an export will have, in the contract's order."""
    made = {scale for instrument in mapped.naming.items.values() for scale in instrument.scales}
    made |= set(mapped.naming.scales)
    for instrument in instruments.values():
        if instrument.total and set(instrument.subscales) <= made:
            made.add(instrument.total)
    own = [scale for instrument in instruments.values() for scale in instrument.scales]
    there = {*mapped.frame.columns, *made}
    order = dict.fromkeys((*study().score_columns, *own, *mapped.naming.extras))
    return [name for name in order if name in there]


def score_table(mapped: Mapped, instruments: Mapping[str, Instrument]) -> pd.DataFrame:
    """Return all rows of an export with their scores, in the contract's order of columns.

    Scores come from items where the file brings them, else as they stand; a total that is not brought is the
    sum of its parts, missing where a part is.
    """
    columns: dict[str, Any] = {
        name: mapped.frame[name]
        for name in (*IDENTIFIERS, *BACKGROUND, *mapped.naming.scales, *mapped.naming.extras)
        if name in mapped.frame
    }
    for instrument in mapped.naming.items.values():
        answers = mapped.frame[list(instrument.columns())]
        pieces = [
            score(answers.iloc[start : start + CHUNK], instrument) for start in range(0, len(answers), CHUNK)
        ]
        whole = pd.concat(pieces)
        columns |= {str(name): whole[name] for name in whole}
    for instrument in instruments.values():
        if instrument.total and instrument.total not in columns and set(instrument.subscales) <= set(columns):
            parts = [columns[part] for part in instrument.subscales]
            columns[instrument.total] = sum(parts[1:], parts[0])
    order = available_columns(mapped, instruments)
    return pd.DataFrame({name: columns[name] for name in order})


def _take_answers(mapped: Mapped, kept: np.ndarray) -> pd.DataFrame | None:
    """Return the raw answers of the included clients; they are moved out, so that none is held twice."""
    names = [column for instrument in mapped.naming.items.values() for column in instrument.columns()]
    if not names:
        return None
    columns = {n: mapped.frame[n].to_numpy()[kept] for n in (*IDENTIFIERS, *BACKGROUND) if n in mapped.frame}
    columns |= {name: mapped.frame.pop(name).to_numpy()[kept] for name in names}
    texts = {name: "str" for name in (*IDENTIFIERS, *mapped.categories) if name in columns}
    return pd.DataFrame(columns, copy=False).astype(texts)


def _too_few(whole: pd.DataFrame, kept: np.ndarray, steps: Sequence[Mapping[str, Any]]) -> list[Finding]:
    if not kept.any():
        rules = "; ".join(f"{s['detail']} ({s['clients']})" for s in steps if s["step"] == "excluded")
        return [
            Finding(
                f"all clients are excluded: {rules}", allowed="rules that leave clients", hint="See inclusion"
            )
        ]
    therapists = whole.loc[kept, "therapist"].nunique()
    if therapists < FEWEST_THERAPISTS:
        before = next((s["therapists"] for s in steps if s["step"] == "received"), therapists)
        what = "all clients have the same therapist; clients must be nested in several"
        hint = "Is data.columns.therapist right?"
        if before >= FEWEST_THERAPISTS:
            what = f"the rules leave the clients of one of {before} therapists"
            hint = "See inclusion: " + "; ".join(s["detail"] for s in steps if s["step"] == "excluded")
        return [Finding(what, allowed=f"at least {FEWEST_THERAPISTS} therapists", hint=hint)]
    return []


def _without_empty_scales(
    scores: pd.DataFrame, instruments: Mapping[str, Instrument]
) -> tuple[pd.DataFrame, list[Finding]]:
    """Leave out scales without a single score; no model names them."""
    scales = [name for instrument in instruments.values() for name in instrument.scales if name in scores]
    empty = [name for name in scales if scores[name].isna().all()]
    found = [
        Finding(
            f"{name} is missing for every client and left out", hint="Check its columns", kind="empty scale"
        )
        for name in empty
    ]
    return scores.drop(columns=empty), found


def write_prepared(prepared: Prepared, paths: Mapping[str, str | os.PathLike[str]]) -> None:
    """Write each part whose path is given (``scores``, ``answers``, ``flow`` …); other names are passed over."""
    from fortems.tidy import write_csv, write_json

    for part in fields(prepared):
        if part.name not in paths:
            continue
        path, made = paths[part.name], getattr(prepared, part.name)
        if made is None:
            raise ValueError(f"an export of scores has no {part.name}")
        (write_json if isinstance(made, dict) else write_csv)(made, Path(path))
