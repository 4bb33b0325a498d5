"""What the defensible analyses come to, all of them: for cards and explorers, which name single ones beside it."""

from __future__ import annotations

from fortems.presentation.analyses import ALL, MULTIVERSE, SIDES, SPECIFICATIONS, some_withheld, usual_side
from fortems.presentation.results import Row
from fortems.report.page.table import Cell
from fortems.report.template import Report
from fortems.study.variables import in_sentence


def counted(report: Report, model: str | None = None) -> list[Row]:
    """The rows on all analyses of each main model that has any, or of one."""
    keys = {"estimand": ALL} | ({} if model is None else {"model": model})
    rows = report.results.rows(MULTIVERSE, "specifications", "negative", "positive", **keys)
    return [row for row in rows if row["specifications"]]


def clear(report: Report, row: Row) -> Cell:
    """In which share of the analyses the effect is on a side and its interval leaves out zero, for each side that has any."""
    have = [side for side in SIDES if row.get(f"significant_{side}", 0) > 0] or [usual_side(row)]
    parts: list[Cell | str] = []
    for side in have:
        parts += [" and " if parts else "", report.bind.cell(row, f"significant_{side}", "%"), f" are {side}"]
    return Cell.of(*parts, " with an interval that leaves out zero")


def not_typical(report: Report) -> list[Cell]:
    """What all analyses come to where only those on the run's own clients are told one by one; else nothing."""
    if not some_withheld(report.results.table(SPECIFICATIONS)):
        return []
    clauses: list[Cell | str] = []
    for row in counted(report):
        known = report.models.get(str(row["model"]))
        name = in_sentence(known.predictors[0] if known else str(row["model"]))
        clauses += [
            "; " if clauses else "", "of all ", report.bind.cell(row, "specifications", "n"), f" for {name}, ",
            report.bind.cell(row, usual_side(row), "%"), f" are {usual_side(row)}, and ", clear(report, row),
        ]  # fmt: skip
    lead = " Shown are the analyses on the same clients as the main analysis"
    return [Cell.of(f"{lead}, which need not be typical: ", *clauses, ".") if clauses else Cell(f"{lead}.")]
