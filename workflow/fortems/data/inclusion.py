"""Who is analysed: inclusion rules, one after the other, each with its count."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.data.findings import Finding, listed
from fortems.data.numbers import looks_numeric
from fortems.data.reading.table import as_text
from fortems.data.settings import spellings
from fortems.errors import nearest

if TYPE_CHECKING:
    import pandas as pd

Rule = Mapping[str, Any]


def active(rules: Mapping[str, Rule | None] | None) -> dict[str, Rule]:
    """Return the rules that are not switched off by null."""
    return {str(name): rule for name, rule in (rules or {}).items() if rule}


def describe(name: str, rule: Rule) -> str:
    """Return a rule in words, such as ``sessions: at least 5``."""
    parts = []
    if rule.get("min") is not None:
        parts.append(f"at least {as_text(rule['min'])}")
    if rule.get("max") is not None:
        parts.append(f"at most {as_text(rule['max'])}")
    if rule.get("in") is not None:
        parts.append("one of " + ", ".join(as_text(value) for value in rule["in"]))
    return f"{name}: " + ", ".join(parts)


def in_words_of(rules: Mapping[str, Rule], frame: pd.DataFrame) -> dict[str, Rule]:
    """Return the rules with the file's own words in ``in``: YAML has made true of yes, and case does not matter."""
    found: dict[str, Rule] = {}
    for name, rule in rules.items():
        found[name] = rule
        if rule.get("in") is None or name not in frame:
            continue
        there = [as_text(value) for value in sorted(frame[name].dropna().unique())]
        words: list[Any] = []
        for value in rule["in"]:
            folded = {text.casefold() for text in spellings(value)}
            words += [text for text in there if text.casefold() in folded] or [value]
        found[name] = {**rule, "in": list(dict.fromkeys(words))}
    return found


def check_rules(
    rules: Mapping[str, Rule], columns: Sequence[str], categories: Sequence[str]
) -> list[Finding]:
    """List rules that name no variable, or ask of what is no number that it be large."""
    problems = []
    for name, rule in rules.items():
        if name not in columns:
            near = nearest(name, columns, cutoff=0.7)
            hint = (
                f"Did you mean {near}?" if near else f"Switch the rule off with inclusion: {{{name}: null}}"
            )
            what = f"inclusion.{name} needs {name!r}, which the file does not bring"
            problems.append(Finding(what, allowed=", ".join(columns), hint=hint))
        elif name in categories and (rule.get("min") is not None or rule.get("max") is not None):
            what = f"inclusion.{name} has min or max, and {name} is no number"
            problems.append(Finding(what, allowed="in: [a list of values]"))
    return problems


def check_values(
    rules: Mapping[str, Rule], frame: pd.DataFrame, categories: Collection[str]
) -> tuple[list[Finding], list[Finding]]:
    """List values of ``in`` that no client has, which would exclude those who were meant.

    Parameters
    ----------
    rules : mapping
        Variable → rule.
    frame : DataFrame
        The export in our columns.
    categories : collection of str
        Columns that hold categories.

    Returns
    -------
    problems, oddities : list of Finding
        A word near one that is there and not named is a slip, as is a list of which nothing is there; others may be
        values that nobody happens to have.
    """
    problems: list[Finding] = []
    oddities: list[Finding] = []
    for name, rule in rules.items():
        if rule.get("in") is None or name not in frame:
            continue
        values = sorted(frame[name].dropna().unique())
        there = [as_text(value) for value in values]
        folded = {text.casefold() for text in there}
        absent = [as_text(v) for v in rule["in"] if not {t.casefold() for t in spellings(v)} & folded]
        if not there or not absent:
            continue
        near = next(filter(None, (nearest(word, there) for word in absent)), None)
        what = f"inclusion.{name} names {listed(map(repr, absent))}, which no client has"
        found = f"The values are {listed(there)}." + (f" Did you mean {near}?" if near else "")
        asked = {text.casefold() for value in rule["in"] for text in spellings(value)}
        rest = [text for text in there if text.casefold() not in asked]
        slip = len(absent) == len(rule["in"]) or any(
            nearest(word, rest) for word in absent if not looks_numeric(word)
        )
        if name in categories and slip:
            hint = f"Leave it out where it is right; data.values.{name} gives the file's values other names"
            problems.append(Finding(what, hint=hint, found=found))
        else:
            hint = "Right, where nobody happens to have it"
            kept = problems if len(absent) == len(rule["in"]) else oddities
            kept.append(Finding(what, hint=hint, found=found, kind="inclusion"))
    return problems, oddities


def fulfilled(values: pd.Series, rule: Rule) -> np.ndarray:
    """Return which values fulfil a rule; a missing value fulfils none."""
    fits = values.notna().to_numpy()
    if rule.get("min") is not None:
        fits = fits & (values >= rule["min"]).fillna(False).to_numpy(dtype=bool)
    if rule.get("max") is not None:
        fits = fits & (values <= rule["max"]).fillna(False).to_numpy(dtype=bool)
    if rule.get("in") is not None:
        allowed = {text.casefold() for value in rule["in"] for text in spellings(value)}
        distinct = {value: as_text(value).casefold() in allowed for value in values.dropna().unique()}
        fits = fits & values.map(distinct).fillna(False).to_numpy(dtype=bool)
    return fits


def include(frame: pd.DataFrame, rules: Mapping[str, Rule]) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Apply rules in their order.

    Parameters
    ----------
    frame : DataFrame
        With ``client``, ``therapist`` and what the rules name.
    rules : mapping
        Variable → rule of ``min``, ``max`` and ``in``, limits included.

    Returns
    -------
    kept : ndarray of bool, shape (n_rows,)
    steps : list of dict
        Rows of ``data/flow.csv`` for those excluded: ``step``, ``detail``, ``clients``, ``therapists``; those whom
        this rule takes out, therapists being out when none of their clients is left.
    """
    kept = np.ones(len(frame), dtype=bool)
    steps: list[dict[str, Any]] = []
    for name, rule in rules.items():
        missing = frame[name].isna().to_numpy()
        fits = fulfilled(frame[name], rule)
        for detail, out in ((f"{name}: missing", missing), (describe(name, rule), ~fits & ~missing)):
            left = kept & ~out
            if detail.endswith(": missing") and not (kept & out).any():
                continue
            gone = set(frame["therapist"][kept]) - set(frame["therapist"][left])
            steps.append(
                {
                    "step": "excluded",
                    "detail": detail,
                    "clients": int((kept & out).sum()),
                    "therapists": len(gone),
                }
            )
            kept = left
    return kept, steps


def finish(scores: pd.DataFrame, scales: Sequence[str], steps: list[dict[str, Any]]) -> pd.DataFrame:
    """Return ``data/flow.csv``: the steps so far, then who has every score and who has any."""
    import pandas as pd

    answered = scores[list(scales)].notna()
    complete, some = answered.all(axis=1), answered.any(axis=1)
    steps = [*steps, step("scored", "a score of every scale", scores[complete])]
    steps.append(step("analysed", "a score of at least one scale", scores[some]))
    return pd.DataFrame(steps, columns=["step", "detail", "clients", "therapists", "clients_per_therapist"])


def step(name: str, detail: str, frame: pd.DataFrame) -> dict[str, Any]:
    """Return a row of ``data/flow.csv`` for the clients of a frame."""
    clients, therapists = len(frame), int(frame["therapist"].nunique())
    return {
        "step": name,
        "detail": detail,
        "clients": clients,
        "therapists": therapists,
        "clients_per_therapist": clients / therapists if therapists else None,
    }
