"""Who is analysed: inclusion rules, one after the other, each with its count."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fortems.data.findings import Finding, listed
from fortems.data.numbers import looks_numeric, normal
from fortems.data.reading.table import as_text
from fortems.data.settings import spellings
from fortems.errors import did_you_mean, nearest

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


def _forms(value: Any) -> set[str]:
    """Return the forms in which a value of a rule and one of the file are compared: in any case, 3 as 3.0 and 03."""
    return {normal(text).casefold() for text in spellings(value)}


def _asked(value: Any) -> str:
    """Return a value of a rule for a message; YAML has made true of yes and on, and false of no and off."""
    return as_text(value) if not isinstance(value, bool) else "yes (true)" if value else "no (false)"


def in_words_of(
    rules: Mapping[str, Rule], frame: pd.DataFrame, meanings: Mapping[str, Mapping[str, str]] | None = None
) -> dict[str, Rule]:
    """Return the rules with the words of the prepared table in ``in``.

    YAML has made true of yes, and case does not matter. A word of the file that a value map or a value label turns
    into another stands for that one, unless other words of the file become the same.

    Parameters
    ----------
    rules : mapping
    frame : DataFrame
        The export in our columns.
    meanings : mapping, optional
        Column → the file's text → what it became.
    """
    found: dict[str, Rule] = {}
    for name, rule in rules.items():
        found[name] = rule
        if rule.get("in") is None or name not in frame:
            continue
        there = [as_text(value) for value in sorted(frame[name].dropna().unique())]
        words: list[Any] = []
        for value in rule["in"]:
            alike = [text for text in there if normal(text).casefold() in _forms(value)]
            words += alike or _of_the_file(value, (meanings or {}).get(name, {})) or [value]
        found[name] = {**rule, "in": list(dict.fromkeys(words))}
    return found


def _of_the_file(value: Any, meanings: Mapping[str, str]) -> list[str]:
    """Return what a word of the file became, where all that became the same is asked for."""
    own = {text for text in meanings if normal(text).casefold() in _forms(value)}
    became = {meanings[text] for text in own}
    return sorted(became) if all(text in own for text, target in meanings.items() if target in became) else []


def check_rules(
    rules: Mapping[str, Rule], columns: Sequence[str], categories: Sequence[str]
) -> list[Finding]:
    """List rules that name no variable, or ask of what is no number that it be large."""
    problems = []
    for name, rule in rules.items():
        if name not in columns:
            off = f"Switch the rule off with inclusion: {{{name}: null}}"
            hint = did_you_mean(name, columns, off, cutoff=0.7)
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
        folded = {normal(text).casefold() for text in there}
        absent = [_asked(v) for v in rule["in"] if not _forms(v) & folded]
        if not there or not absent:
            continue
        what = f"inclusion.{name} names {listed(map(repr, absent))}, which no client has"
        near = next(filter(None, (did_you_mean(word, there) for word in absent)), "")
        found = f"The values are {listed(there)}. {near}".rstrip()
        asked = {form for value in rule["in"] for form in _forms(value)}
        rest = [text for text in there if normal(text).casefold() not in asked]
        slip = len(absent) == len(rule["in"]) or any(
            nearest(word, rest) for word in absent if not looks_numeric(word)
        )
        if name in categories and slip:
            hint = f"Leave it out where it is right; data.values.{name} gives the file's values other names"
            if "" in absent:
                hint = "A client whose value is missing fulfils no rule"
            problems.append(Finding(what, hint=hint, found=found))
        else:
            every = len(absent) == len(rule["in"])
            hint = "Write them as the file does" if every else "Right, where nobody happens to have it"
            kept = problems if every else oddities
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
        allowed = {form for value in rule["in"] for form in _forms(value)}
        distinct = {value: normal(as_text(value)).casefold() in allowed for value in values.dropna().unique()}
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
