"""Tables of the codebook: what each variable is, may be and was; what is missing together."""

from __future__ import annotations

from fortems.data.codebook import SUM_OF
from fortems.data.privacy.release import MARK
from fortems.presentation.numbers import ABSENT, DASH
from fortems.presentation.results import CODEBOOK, PATTERNS, Row
from fortems.report.page.table import Cell, Table
from fortems.report.template import Report
from fortems.report.text.method.instruments import instrument_label

LONGEST_SOURCE = 44  # letters of a list of columns that a cell of the table holds


def variables(report: Report) -> Table | None:
    """The variables with their columns, ranges, missing values and distribution; items are in the file."""
    rows = report.results.released_rows(CODEBOOK)
    if not rows:
        return None
    body = tuple(
        (
            report.bind.cell(row, "label", "text"),
            _source(report, row),
            _range(report, row, "lowest_possible", "highest_possible"),
            _observed(report, row),
            _cell(report, row, "n", "n"),
            _cell(report, row, "missing_share", "%1"),
            _cell(report, row, "mean", "m1"),
            _cell(report, row, "sd", "m1"),
            _cell(report, row, "median", "m1"),
        )
        for row in rows
    )
    notes: list[str | Cell] = ["*Mdn* = median."]
    if report.variant.has_items:
        notes[0] = (
            f"{notes[0]} Columns of scales with many items, and all single items, are listed in data/codebook.csv."
        )
    if report.variant.own:
        notes.append("Observed ranges are not told, since their ends are single clients.")
        if any(cell.text == MARK for line in body for cell in line):
            limit = report.bind.setting_cell("privacy", "min_cell")
            lead = f"A dash ({MARK}) stands for a count below "
            notes.append(Cell.of(lead, limit, ", or for one that would reveal it."))
    return Table(
        "tbl-codebook",
        "Codebook",
        ("Variable", "Columns", "Possible", "Observed", "*n*", "Missing", "*M*", "*SD*", "*Mdn*"),
        "llllrrrrr",
        body,
        tuple(notes),
        widths=(0.2, 0.19, 0.1, 0.15, 0.06, 0.09, 0.07, 0.07, 0.07),
        small=True,
    )


def patterns(report: Report) -> Table | None:
    """Which variables clients lack together; None where nobody lacks any, or all of it is withheld."""
    rows = report.results.released_rows(PATTERNS)
    if not any(row.has("missing") for row in rows) or all(row["share"] == MARK for row in rows):
        return None
    body = tuple(
        (
            report.bind.cell(row, "missing", "variables") if row.has("missing") else Cell("None"),
            _cell(report, row, "clients", "n"),
            _cell(report, row, "share", "%1"),
        )
        for row in rows
    )
    notes: tuple[str | Cell, ...] = ("Scale scores and background variables that the same clients lack.",)
    if report.variant.own:
        limit = report.bind.setting_cell("privacy", "min_cell")
        notes += (
            Cell.of(
                "Patterns of fewer than ", limit, " clients are counted together or withheld (", MARK, ")."
            ),
        )
    return Table(
        "tbl-patterns",
        "Patterns of Missing Values",
        ("Missing", "Clients", "Share"),
        "lrr",
        body,
        notes,
        widths=(0.7, 0.15, 0.15),
    )


def _cell(report: Report, row: Row, column: str, style: str) -> Cell:
    """A number, or the dash in place of a withheld one."""
    return Cell(MARK) if row.get(column) == MARK else report.bind.cell(row, column, style)


def _range(report: Report, row: Row, low: str, high: str) -> Cell:
    if not row.has(low, high):
        return Cell(ABSENT)
    return Cell.of(report.bind.cell(row, low, "number"), DASH, report.bind.cell(row, high, "number"))


def _observed(report: Report, row: Row) -> Cell:
    """The counts of a category, or the range of a number."""
    if row.has("values"):
        return report.bind.cell(row, "values", "text")
    return _range(report, row, "minimum", "maximum")


def _source(report: Report, row: Row) -> Cell:
    """The file's columns; of many, the instrument whose items they are."""
    if str(row.get("source") or "").startswith(SUM_OF):
        return Cell(f"{SUM_OF}its scales")
    if row.has("source", "instrument") and len(str(row["source"])) > LONGEST_SOURCE:
        key = str(row["instrument"])
        found = report.results.instruments.get(key)
        if found is not None and found.title == found.label:  # a form, which its name alone does not tell
            return Cell(f"items of {instrument_label(report, key)}")
        return Cell.of("items of the ", report.bind.cell(row, "instrument", "capitals"))
    return report.bind.cell(row, "source", "text")
