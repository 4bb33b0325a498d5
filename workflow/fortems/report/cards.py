"""A card a finding: the article's sentence, its test, both verdicts, how surely it tells, what would overturn it."""

from __future__ import annotations

from typing import Any

from fortems.presentation.claims import reason
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report.overturn import overturned
from fortems.report.page import nodes
from fortems.report.page.table import Cell
from fortems.report.template import Report
from fortems.report.text.claims import judged
from fortems.report.text.design.diagnosticity import DIAGNOSTICITY
from fortems.study.definition import study

SECTION = "finding-cards"
#: How a verdict marks its card: what holds, what fails, what is open.
MARKS = {"reproduced": "holds", "consistent (weak)": "holds", "not reproduced": "fails", "differs": "fails"}
#: A term and what is told under it, each in a line of its own.
Line = tuple[str, list[Cell]]


def cards(report: Report) -> list[nodes.Node]:
    """The section of cards; nothing where no finding was judged."""
    rows = judged(report)
    names = list(dict.fromkeys(row["claim"] for row in rows if row["role"] != "part"))
    if not names:
        return []
    made = [_card(report, [row for row in rows if row["claim"] == name]) for name in names]
    often = any(_often(report, row) is not None for row in rows)
    told = (
        "how often a study gives this result where the account is true and where it is not, " if often else ""
    )
    lead = (
        f"Each card holds a finding, how it was tested, what the {study().work}'s authors would have written of these data, our own "
        f"verdict, {told}and what it takes to overturn it."
    )
    if not report.results.own_claims:
        lead = lead.replace("a finding, how", f"a finding of the {study().work}'s, how")
    return [
        {"t": "Header", "c": [2, nodes.attr(SECTION), nodes.words("A Card for Each Finding")]},
        nodes.para(nodes.words(lead)),
        nodes.div(made, classes=["cards"]),
    ]


def _card(report: Report, rows: list[Row]) -> nodes.Node:
    first = rows[0]
    lines: list[Line] = []
    for row in rows:
        where = f", {ESTIMAND_WORDS[row['estimand']]}" if row["estimand"] in ESTIMAND_WORDS else ""
        lines.append((f"Test{where}", [_test(report, row)]))
        lines.append((f"The authors would have written it{where}", [_article(row)]))
        lines.append((f"Verdict{where}", [_verdict(report, row)]))
        if often := _often(report, row):
            lines.append((f"How often it comes out{where}", [often]))
    if ways := overturned(report, rows):
        lines.append(("What overturns it", ways))
    marks = {MARKS.get(str(row["verdict"]), "open") for row in rows}
    kind = marks.pop() if len(marks) == 1 else "open"
    title = {
        "t": "Header",
        "c": [3, nodes.attr(f"card-{first['claim']}".replace("_", "-")), nodes.words(str(first["text"]))],
    }
    terms: Any = [
        [nodes.words(term), [[nodes.plain(cell.inlines())] for cell in cells]] for term, cells in lines
    ]
    return nodes.div([title, {"t": "DefinitionList", "c": terms}], classes=["card", kind])


def _test(report: Report, row: Row) -> Cell:
    """The statistic with its interval and p."""
    bind = report.bind
    correlation = row["statistic"] == "r"
    style, end = ("r", "rend") if correlation else ("end", "end")
    words = {
        "r": "correlation",
        "indirect": "indirect effect",
        "direct": "direct path",
        "joint": "joint test",
    }
    name = words.get(str(row["statistic"]), str(row["statistic"]))
    if not row.has("estimate") and not row.has("p"):
        return Cell("all its parts together" if row["role"] == "pattern" else f"{name}: not available")
    parts: list[Cell | str] = [name]
    if row.has("estimate"):
        parts += [" ", bind.cell(row, "estimate", style)]
    if row.has("ci_low", "ci_high"):
        parts += [", ", bind.setting_cell("confidence", style="%"), " CI ", bind.interval(row, style=end)]
    if row.has("p"):
        parts += [Cell(", *p*\N{NO-BREAK SPACE}", marked=True), bind.cell(row, "p", "p=")]
    return Cell.of(*parts)


def _article(row: Row) -> Cell:
    if not row.has("article"):
        return Cell("cannot be told")
    return Cell("yes" if str(row["article"]).lower() in ("true", "1", "1.0") else "no")


def _verdict(report: Report, row: Row) -> Cell:
    verdict = report.bind.cell(row, "verdict", "text")
    if not row.has("reason"):
        return verdict
    told = reason(report.results.claims, row)
    return Cell.of(verdict, ": ", report.bind.cell(row, "reason", "text") if told == row["reason"] else told)


def _often(report: Report, row: Row) -> Cell | None:
    """Share of simulated studies with the finding where the article's account is true, and where others are."""
    found = report.results.rows(DIAGNOSTICITY, gap=None, claim=row["claim"], estimand=row["estimand"])
    found = [each for each in found if each.has("probability")]
    true = [each for each in found if each["scenario"] == study().account]
    others = [each for each in found if each["scenario"] != study().account]
    if not true or not others:
        return None
    bind = report.bind
    low, high = (choose(others, key=lambda each: each["probability"]) for choose in (min, max))
    parts: list[Cell | str] = [
        "in ", bind.cell(true[0], "probability", "share"), f" of studies where the {study().work}'s account is true, in ",
        bind.cell(low, "probability", "share"),
    ]  # fmt: skip
    if high["probability"] != low["probability"]:
        parts += [" to ", bind.cell(high, "probability", "share")]
    return Cell.of(*parts, " where it is not")
