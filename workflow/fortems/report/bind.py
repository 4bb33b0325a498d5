"""Bind every number of the text to the results file, row and column that it comes from.

A bound number is written into the Markdown as a span that carries its position in a ledger. The ledger is
stored beside the manuscript (``manuscript/numbers.csv``), so that anyone, and a test, can look each number up
again: ``check`` does that against a rendered page.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from fortems.errors import FortemsError
from fortems.package import ROOT
from fortems.presentation import numbers
from fortems.presentation.results import RELEASED, Results, Row
from fortems.report.page import nodes
from fortems.report.page.table import Cell
from fortems.schema import plain_yaml

CONFIG = "config.yaml"
SOFTWARE = "software"
INSTRUMENT = "instrument"
IS = "is "
ROWS = "rows "
FACTS = "manuscript/facts.yaml"
FACT = "fact"
SIZE = "size"
COLUMNS = ("number", "text", "file", "line", "key", "column", "rule", "style")


class NumberError(FortemsError):
    """Numbers of the text that differ from the results that they are bound to."""


@dataclass(frozen=True)
class Bound:
    """A number in the text and where it comes from.

    Attributes
    ----------
    text : str
        As printed.
    file, line, key, column : str, int, str, str
        The file, its data row (from 0; −1 for a value of all rows), what identifies the row, and the column.
    rule : str
        ``cell``, ``released`` (a cell of what may be told of a file in ``data/``), or how the value follows from the
        column: ``min``, ``max``, ``rows``, ``distinct``, ``is VALUE | VALUE``, ``size`` (a cell without its sign);
        ``instrument``: of an instrument's file, which the key names by its name in the configuration and the column by what
        was asked (``highest SCALE``); ``fact``: of the literature, by its name among the facts.
    style : str
        The format's name in ``numbers.STYLES``.
    """

    text: str
    file: str
    line: int
    key: str
    column: str
    rule: str
    style: str


def aggregate(values: Iterable[Any], rule: str) -> Any:
    """Reduce a column's filled cells to one value: ``min``, ``max``, ``rows``, ``distinct``, or how many are one of some."""
    filled = [value for value in values if not numbers.is_absent(value)]
    if rule.startswith(IS):
        return sum(str(value) in rule.removeprefix(IS).split(" | ") for value in filled)
    if rule == "rows":
        return len(filled)
    if rule == "distinct":
        return len(set(filled))
    if rule == SIZE:
        return abs(filled[0])
    return {"min": min, "max": max}[rule](filled)


class Binder:
    """Writes numbers of a run into text and keeps the ledger."""

    def __init__(self, results: Results):
        self.results = results
        self.ledger: list[Bound] = []

    def _span(self, bound: Bound) -> str:
        self.ledger.append(bound)
        text = bound.text if bound.style in numbers.WORDS else bound.text.replace(" ", "\N{NO-BREAK SPACE}")
        return f'[{escape(text)}]{{.n data-n="{len(self.ledger) - 1}"}}'

    def of(self, row: Row, column: str, style: str) -> str:
        """Write a cell of a row.

        Raises
        ------
        LookupError
            When the cell is empty: a sentence must ask before it names a number.
        """
        if not row.has(column):
            raise LookupError(f"{row.file}: no {column} for {row.key}")
        text = numbers.write(row[column], style)
        return self._span(Bound(text, row.file, row.line, row.key, column, row.rule, style))

    def n(self, file: str, column: str, style: str, **keys: Any) -> str:
        """Write the cell of the one row with these keys."""
        return self.of(self.results.row(file, **keys), column, style)

    def cell(self, row: Row | None, column: str, style: str) -> Cell:
        """Return a cell of a row for a table; an em dash where it is empty."""
        if row is None or not row.has(column):
            return Cell(numbers.ABSENT)
        text = numbers.write(row[column], style)
        self.ledger.append(Bound(text, row.file, row.line, row.key, column, row.rule, style))
        together = text.replace(" ", "\N{NO-BREAK SPACE}") if style == "p=" else text
        return Cell(together, number=len(self.ledger) - 1)

    def setting_cell(self, *path: str, style: str = "n") -> Cell:
        """Return a value of the run's configuration for a table."""
        self.setting(*path, style=style)
        return Cell(self.ledger[-1].text, number=len(self.ledger) - 1)

    def interval(
        self, row: Row | None, low: str = "ci_low", high: str = "ci_high", style: str = "end"
    ) -> Cell:
        """Return ``[low, high]`` for a table; an em dash where an end is empty."""
        if row is None or not row.has(low, high):
            return Cell(numbers.ABSENT)
        return Cell.of("[", self.cell(row, low, style), ", ", self.cell(row, high, style), "]")

    def over(self, rows: list[Row], column: str, rule: str, style: str = "n") -> str:
        """Write a value of several rows of one file: ``min``, ``max``, ``rows`` or ``distinct``.

        Raises
        ------
        LookupError
            When there are no rows, and so no file: a sentence must ask before it counts.
        """
        if not rows:
            raise LookupError(f"no rows to take the {rule} of {column} from")
        value = aggregate((row.values.get(column) for row in rows), rule)
        lines = ",".join(str(row.line) for row in rows)
        return self._span(
            Bound(numbers.write(value, style), rows[0].file, -1, f"{ROWS}{lines}", column, rule, style)
        )

    def span(
        self, rows: list[Row], column: str, style: str = "n", words: str = "{} to {}", same: str = "{}"
    ) -> str:
        """Write the range of a column over rows of one file: ``LOW to HIGH``; one value where both are written alike.

        Parameters
        ----------
        rows : list of Row
            As in ``over``.
        column, style : str
            As in ``over``.
        words, same : str
            What stands around the two ends, and around a single value.
        """
        ends = [aggregate((row.values.get(column) for row in rows), rule) for rule in ("min", "max")]
        if len({numbers.write(value, style) for value in ends}) == 1:
            return same.format(self.over(rows, column, "min", style))
        return words.format(*(self.over(rows, column, rule, style) for rule in ("min", "max")))

    def rows(self, rows: list[Row], column: str, word: bool = True) -> str:
        """Write how many rows there are, below ten in words; ``column`` must be filled in them."""
        if word and len(rows) < 10:
            return numbers.count_word(len(rows))
        return self.over(rows, column, "rows", "n")

    def among(self, rows: list[Row], column: str, *values: str) -> str:
        """Write how many of the rows have one of these values, below ten in words: ``none``, ``one``, ``two``."""
        return self.over(rows, column, IS + " | ".join(values), "of")

    def setting(self, *path: str, style: str = "n") -> str:
        """Write a value of the run's configuration."""
        value = self.results.setting(*path)
        if value is None:
            raise LookupError(f"{CONFIG}: no {'.'.join(path)}")
        key = ".".join(path)
        return self._span(Bound(numbers.write(value, style), CONFIG, -1, key, key, "cell", style))

    def instrument(self, key: str, what: str, style: str = "n") -> str:
        """Write a number of an instrument's file: ``items``, ``low``, ``high``, ``most``, or one of a scale."""
        value = self.results.instruments[key].measured(what)
        file = str(self.results.setting("data", "instruments", key))
        return self._span(Bound(numbers.write(value, style), file, -1, key, what, INSTRUMENT, style))

    def fact(self, name: str, text: str) -> str:
        """Write a number of the literature, which the list of facts holds under this name."""
        self.ledger.append(Bound(text, FACTS, -1, name, "text", FACT, "text"))
        return f'[{escape(text)}]{{.fact data-fact="{name}" data-n="{len(self.ledger) - 1}"}}'

    def drawn(self, file: str, lines: str, column: str, rule: str, style: str, text: str) -> Cell:
        """Return a number that a figure's reading takes from the figure's data, or from the configuration.

        Parameters
        ----------
        file : str
            The figure's CSV.
        lines : str
            Its rows, joined by commas; empty for a value of the configuration, which ``column`` names by its path.
        column, rule, style, text : str
            As in ``Bound``.
        """
        if not lines:
            return self.setting_cell(*column.split("."), style=style)
        one = rule == "cell"
        line, key = (int(lines), "") if one else (-1, f"{ROWS}{lines}")
        self.ledger.append(Bound(text, file, line, key, column, rule, style))
        return Cell(text, number=len(self.ledger) - 1)

    def software(self, package: str) -> str:
        """Write the version of an installed package."""
        from importlib.metadata import version

        return self._span(Bound(version(package), SOFTWARE, -1, package, "version", "cell", "text"))

    def version_cell(self, package: str) -> Cell:
        """Return the version of an installed package for a table."""
        self.software(package)
        return Cell(self.ledger[-1].text, number=len(self.ledger) - 1)

    def frame(self) -> pd.DataFrame:
        """Return the ledger as a frame."""
        records = [{"number": i, **vars(bound)} for i, bound in enumerate(self.ledger)]
        return pd.DataFrame(records, columns=list(COLUMNS))


def escape(text: object) -> str:
    """Escape a text for Markdown, so that a value of the data can never act as markup; quotation marks are those of the prose."""
    plain = nodes.curly(str(text).replace("\n", " "))
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~^$@\"':/=&%])", r"\\\1", plain)


def value_of(bound: Bound, results: Results) -> Any:
    """Look a ledger entry up again in the results.

    Raises
    ------
    LookupError
        When the file or the row is not there.
    """
    if bound.file == CONFIG:
        return results.setting(*bound.key.split("."))
    if bound.file == SOFTWARE:
        from importlib.metadata import version

        return version(bound.key)
    if bound.rule == FACT:
        return facts()[bound.key]["text"]
    if bound.rule == INSTRUMENT:
        return results.instruments[bound.key].measured(bound.column)
    frame = results.released(bound.file) if bound.rule == RELEASED else results.table(bound.file)
    if frame is None:
        raise LookupError(f"{bound.file} is not there")
    column = frame[bound.column]
    if bound.rule in ("cell", RELEASED):
        return column.loc[int(bound.line)]
    return aggregate((column.iat[line] for line in lines_of(bound)), bound.rule)


def looked_up(bound: Bound, results: Results) -> str:
    """Look a ledger entry up again in the results and format it anew.

    Raises
    ------
    LookupError
        As ``value_of``.
    """
    return numbers.write(value_of(bound, results), bound.style)


def lines_of(bound: Bound) -> list[int]:
    """The data rows that an entry is of, from 0; none where it is of no row."""
    if int(bound.line) >= 0:
        return [int(bound.line)]
    if not str(bound.key).startswith(ROWS):
        return []
    return [int(line) for line in str(bound.key).removeprefix(ROWS).split(",") if line]


@cache
def facts() -> dict[str, Any]:
    """The literature's numbers with their sources, by name."""
    return plain_yaml(ROOT / FACTS)


_SPAN = re.compile(
    r'<span\s+class="(?:n|fact)"(?:\s+data-fact="[^"]*")?\s+data-n="(\d+)">(.*?)</span>', re.DOTALL
)


def check(page: str, ledger: pd.DataFrame, results: Results) -> list[str]:
    """Compare every bound number on a rendered HTML page with the results; return what does not agree."""
    problems = []
    records = ledger.astype(object).where(ledger.notna(), "").to_dict("records")
    entries = {int(record["number"]): record for record in records}
    for number, shown in _SPAN.findall(page):
        if int(number) not in entries:
            problems.append(f"number {number}: the ledger does not have it")
            continue
        bound = Bound(**{name: entries[int(number)][name] for name in COLUMNS[1:]})
        printed = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", shown))).strip()
        try:
            wanted = looked_up(bound, results)
        except (LookupError, KeyError) as error:
            problems.append(f"number {number} ({printed}): {error}")
            continue
        # Quotation marks are the page's, straight in the results.
        if nodes.curly(printed.replace("\N{NO-BREAK SPACE}", " ")) != nodes.curly(wanted):
            where = f"{bound.file} [{bound.key}] {bound.column}"
            problems.append(f"number {number}: the page says {printed}, {where} says {wanted}")
    return problems


def require_agreement(page: str, ledger: pd.DataFrame, results: Results) -> None:
    """Compare every bound number on a rendered HTML page with the results.

    Raises
    ------
    NumberError
        Naming each number that differs, and where it should come from.
    """
    problems = check(page, ledger, results)
    if problems:
        raise NumberError("the manuscript does not agree with the results: " + "; ".join(problems))
