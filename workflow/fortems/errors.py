"""Errors that a user can cause, each with where, what, what is allowed and the nearest valid choice."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LISTED = 40  # problems on a terminal


def nearest(word: object, choices: Iterable[object], cutoff: float = 0.5) -> str | None:
    """Return the choice that looks most like ``word``, or None when none comes close."""
    by_lower = {str(choice).lower(): str(choice) for choice in choices}
    found = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=cutoff)
    return by_lower[found[0]] if found else None


def did_you_mean(word: object, choices: Iterable[object], otherwise: str = "", cutoff: float = 0.5) -> str:
    """Return the hint at the choice that looks most like ``word``, or what else to do where none comes close."""
    near = nearest(word, choices, cutoff)
    return f"Did you mean {near}?" if near else otherwise


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input.

    Attributes
    ----------
    where : str
        The file, and within it the key, row or cell.
    what : str
        What was found there, the value included.
    allowed : str
        What would have been accepted.
    hint : str
        The nearest valid choice, or the remedy.
    row, client, column, value : str
        The place as separate fields, for ``logs/<run>/problems.csv``; empty where they do not apply.
    """

    where: str
    what: str
    allowed: str = ""
    hint: str = ""
    row: str = ""
    client: str = ""
    column: str = ""
    value: str = ""

    def __str__(self) -> str:
        parts = [f"{self.where}: {self.what}."]
        if self.allowed:
            parts.append(f"Allowed: {self.allowed}.")
        if self.hint:
            parts.append(self.hint if self.hint.endswith((".", "?")) else f"{self.hint}.")
        return " ".join(parts)


class FortemsError(Exception):
    """Base of all errors that a user can cause and mend."""


class ProblemsError(FortemsError):
    """An input that cannot be used, with every problem found in it.

    Parameters
    ----------
    problems : sequence of Problem, or a single Problem or text
        All problems, in the order of the file.
    """

    headline = "The input cannot be used"

    def __init__(self, problems: Sequence[Problem] | Problem | str):
        if isinstance(problems, str):
            problems = Problem(where=self.headline, what=problems.rstrip("."))
        if isinstance(problems, Problem):
            problems = [problems]
        self.problems = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigError(ProblemsError):
    """A configuration, model, claims, scenario or instrument file that cannot be used."""

    headline = "The configuration cannot be used"


class DataError(ProblemsError):
    """A data file that cannot be used."""

    headline = "The data cannot be used"


def problems_text(error: FortemsError) -> str:
    """Return the text of an error for the terminal: a headline and a line for each problem."""
    if not isinstance(error, ProblemsError):
        return str(error)
    if summary := getattr(error, "summary", ""):
        return str(summary)
    count = len(error.problems)
    lines = [f"{error.headline}: {count} problem{'s' if count > 1 else ''}."]
    lines += [f"  - {problem}" for problem in error.problems[:LISTED]]
    if count > LISTED:
        lines.append(f"  ... and {count - LISTED} more.")
    return "\n".join(lines)
