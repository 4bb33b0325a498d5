"""Small parts of sentences: names, lists, intervals, tests."""

from __future__ import annotations

from collections.abc import Iterable

from fortems.presentation.results import Row
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.study.definition import study
from fortems.study.variables import bare, in_sentence

#: Keeps a symbol, its sign of equality and its number on one line.
NB = "\N{NO-BREAK SPACE}"
IS = f"{NB}={NB}"


def sentence(text: str) -> str:
    """Give a clause its capital and full stop."""
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def joined(sentences: Iterable[str]) -> str:
    """Join sentences, leaving out empty ones."""
    return " ".join(part for part in sentences if part)


def name(variable: str) -> str:
    """A variable within a sentence, escaped."""
    return escape(in_sentence(variable))


def bare_name(variable: str) -> str:
    """A variable after "more" and "less", escaped."""
    return escape(bare(variable))


def chain_names() -> list[str]:
    """The study's first predictor, its mediator and its outcome in bare words, escaped."""
    ours = study()
    return [bare_name(variable) for variable in (ours.predictors[0], ours.mediator, ours.outcome)]


def confidence(report: Report) -> str:
    """The intervals' name: ``95% CI``."""
    return f"{report.bind.setting('confidence', style='%')}{NB}CI"


def interval(report: Report, row: Row, low: str = "ci_low", high: str = "ci_high", style: str = "end") -> str:
    """``95% CI [−0.62, −0.11]``, or that there is none."""
    if not row.has(low, high):
        return "no interval"
    return (
        f"{confidence(report)} \\[{report.bind.of(row, low, style)},{NB}{report.bind.of(row, high, style)}\\]"
    )


def p(report: Report, row: Row, column: str = "p") -> str:
    """``*p* = .023``, or nothing where there is no p."""
    return f"*p*{NB}{report.bind.of(row, column, 'p=')}" if row.has(column) else ""


def clear(row: Row, low: str = "ci_low", high: str = "ci_high") -> bool | None:
    """Whether an interval leaves out zero; None where there is none."""
    if not row.has(low, high):
        return None
    return bool(row[low] > 0 or row[high] < 0)


def more_or_less(x: str, y: str) -> str:
    """What more of one variable is expected to go with, of the other: ``more`` or ``less``."""
    return "more" if study().expected(x, y) > 0 else "less"


def plural(count: int, one: str, many: str) -> str:
    """The form of a noun or verb that goes with a count."""
    return one if count == 1 else many
