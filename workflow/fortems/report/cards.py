"""A card a finding: the article's sentence, its test, both verdicts, how surely it tells, what would overturn it."""

from __future__ import annotations

from typing import Any

from fortems.presentation.analyses import SPECIFICATIONS, some_withheld
from fortems.presentation.claims import reason
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report import analyses
from fortems.report.page import nodes
from fortems.report.page.table import Cell
from fortems.report.tables.sensitivity import ways
from fortems.report.template import Report
from fortems.report.text.claims import CLAIMS, estimands
from fortems.report.text.design.diagnosticity import DIAGNOSTICITY
from fortems.study.counterparts import name_in_run
from fortems.study.definition import study

SECTION = "finding-cards"
INFLUENCE = "robustness/leave_one_out.csv"
CONFOUNDING = "robustness/confounding.csv"
STRENGTHS = "robustness/robustness_values.csv"
#: How a verdict marks its card: what holds, what fails, what is open.
MARKS = {"reproduced": "holds", "consistent (weak)": "holds", "not reproduced": "fails", "differs": "fails"}
#: Points of the table of confounding that would overturn an effect.
CROSSINGS = {"interval": "takes the interval to zero", "sign": "takes the effect to zero"}
WEAK, UNDECIDED = "consistent (weak)", "cannot tell"
Line = tuple[str, Cell]


def cards(report: Report) -> list[nodes.Node]:
    """The section of cards; nothing where no finding was judged."""
    rows = [
        row
        for row in report.results.rows(CLAIMS, judged=True)
        if row["estimand"] not in ESTIMAND_WORDS or row["estimand"] in estimands(report)
    ]
    names = list(dict.fromkeys(row["claim"] for row in rows if row["role"] != "part"))
    if not names:
        return []
    made = [_card(report, [row for row in rows if row["claim"] == name]) for name in names]
    lead = (
        f"Each card holds a finding, how it was tested, what the {study().work}'s authors would have written of these data, our own "
        "verdict, how often such data come out whether or not the finding's account is true, and what it takes to overturn it."
    )
    if not report.results.own_claims:
        lead = lead.replace("a finding, how", f"a finding of the {study().work}'s, how")
    return [
        {"t": "Header", "c": [2, nodes.attr(SECTION), nodes.words("Claim Cards")]},
        nodes.para(nodes.words(lead)),
        nodes.div(made, classes=["cards"]),
    ]


def _card(report: Report, rows: list[Row]) -> nodes.Node:
    first = rows[0]
    lines: list[Line] = []
    for row in rows:
        where = f", {ESTIMAND_WORDS[row['estimand']]}" if row["estimand"] in ESTIMAND_WORDS else ""
        lines.append((f"Test{where}", _test(report, row)))
        lines.append((f"The authors would have written it{where}", _article(row)))
        lines.append((f"Verdict{where}", _verdict(report, row)))
        if often := _often(report, row):
            lines.append((f"How often it comes out{where}", often))
    lines += [("What overturns it", cell) for cell in _overturned(report, rows)]
    marks = {MARKS.get(str(row["verdict"]), "open") for row in rows}
    kind = marks.pop() if len(marks) == 1 else "open"
    title = {
        "t": "Header",
        "c": [3, nodes.attr(f"card-{first['claim']}".replace("_", "-")), nodes.words(str(first["text"]))],
    }
    terms: Any = [[nodes.words(term), [[nodes.plain(cell.inlines())]]] for term, cell in lines]
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
        parts += [", p ", bind.cell(row, "p", "p=")]
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


def _overturned(report: Report, rows: list[Row]) -> list[Cell]:
    """What the tables of robustness say of the model or pair that a claim is about; of a pattern, of its parts without a card."""
    cells = _of_model(report, str(rows[0]["claim"]))
    cells += _of_parts(report, str(rows[0]["claim"]))
    return cells or _by_sampling(report, rows)


def _of_model(report: Report, claim: str) -> list[Cell]:
    """What the tables of robustness say of the model that a claim is about."""
    model = _model_in_run(report, claim)
    found = [_by_therapist(report, model), _by_confounder(report, model)]
    found += [*_by_other_ways(report, model), _by_choice(report, model)]
    return [cell for cell in found if cell is not None]


def _of_parts(report: Report, pattern: str) -> list[Cell]:
    """Of each part of a pattern that has no card: its own interval, and what an unmeasured common cause does to it."""
    claims, found = report.results.claims, []
    claim = claims.get(pattern)
    for name in () if claim is None else (*claim.parts, *claim.contrasts):
        rows = [
            row
            for row in report.results.rows(CLAIMS, judged=True, claim=name, role="part")
            if row["estimand"] not in ESTIMAND_WORDS or row["estimand"] in estimands(report)
        ]
        if not rows:
            continue
        cells = _by_sampling(report, rows)
        confounder = _by_confounder(report, _model_in_run(report, name))
        cells += [confounder] if confounder is not None else []
        found += [Cell.of(f"{claims[name].label}: ", cell) for cell in cells]
    return found


def _model_in_run(report: Report, name: str) -> str:
    """How the run calls the model that a claim is about; empty where it is about none."""
    claim, path = report.results.claims.get(name), report.results.claims_path
    if claim is None or not claim.model or not path:
        return ""
    return name_in_run(claim.model, path, "claims", report.models)


def _by_sampling(report: Report, rows: list[Row]) -> list[Cell]:
    """Whether the interval itself already overturns a verdict, or how near to zero it comes; that it leaves out zero is no promise.

    A finding that is barely significant is found again by few studies of its size, so that nothing is said of how likely another
    sample is to agree.
    """
    found = []
    for row in rows:
        where = f"{ESTIMAND_WORDS[row['estimand']]}, " if row["estimand"] in ESTIMAND_WORDS else ""
        if row.has("ci_low", "ci_high"):
            found += _by_interval(report, row, where)
        elif row.has("p") and row["verdict"] == WEAK:
            found.append(
                Cell(
                    f"{where}another sample of this size may: no test without significance rules an influence out"
                )
            )
    return found


def _by_interval(report: Report, row: Row, where: str) -> list[Cell]:
    correlation = row["statistic"] == "r"
    if row["ci_low"] <= 0 <= row["ci_high"]:
        nothing = "no correlation at all" if correlation else "zero"
        return [Cell(f"{where}another sample of this size may: the interval includes {nothing}")]
    end = "ci_low" if row["ci_low"] > 0 else "ci_high"
    found = [
        Cell.of(
            f"{where}an error of sampling larger than the interval allows for: it leaves out zero and ends at ",
            report.bind.cell(row, end, "rend" if correlation else "end"),
        )
    ]
    if row["verdict"] == UNDECIDED:
        found.insert(
            0,
            Cell(
                f"{where}another sample of this size may decide on its size, which the interval leaves open"
            ),
        )
    return found


def _by_therapist(report: Report, model: str) -> Cell | None:
    """The single therapist whose clients matter most."""
    rows = [
        row
        for row in report.results.rows(
            INFLUENCE, "sign_changes", "lowest", "highest", model=model, effect="indirect"
        )
        if row["level"] in estimands(report)
    ]
    if not model or not rows:
        return None
    bind = report.bind
    parts: list[Cell | str] = ["leaving out one therapist "]
    for row in rows:
        crossing = float(row["sign_changes"]) > 0
        does = "turns" if crossing else "does not turn"
        parts += [
            "; " if len(parts) > 1 else "", f"{ESTIMAND_WORDS[row['level']]} {does} the indirect effect's sign, from ",
            bind.cell(row, "lowest", "end"), " to ", bind.cell(row, "highest", "end"),
        ]  # fmt: skip
    return Cell.of(*parts)


def _by_confounder(report: Report, model: str) -> Cell | None:
    """How strongly an unmeasured common cause must tie mediator and outcome: where the sign or the interval is lost."""
    rows = [
        row
        for row in report.results.rows(CONFOUNDING, "rho", model=model)
        if row.get("level") in ESTIMAND_WORDS and row.get("kind") in CROSSINGS
    ]
    if not model or not rows:
        return None
    parts: list[Cell | str] = []
    for row in rows:
        where = f" {ESTIMAND_WORDS[row['level']]}"
        parts += [
            "; " if parts else "",
            report.bind.cell(row, "rho", "r"),
            f" {CROSSINGS[row['kind']]}{where}",
        ]
    return Cell.of(
        "an unmeasured common cause of mediator and outcome whose residual correlation is ", *parts
    )


def _by_other_ways(report: Report, model: str) -> list[Cell]:
    """Robustness values of the paths, a common factor of the ratings, dropout before the sample: a sentence an estimand."""
    found = []
    for level in estimands(report):
        if not model or not report.results.rows(STRENGTHS, model=model, level=level):
            continue
        parts: list[Cell | str] = [f"{ESTIMAND_WORDS[level]}: "]
        for name, cell in ways(report, model, level).items():
            if not name.startswith("ρ"):  # those stand above
                parts += ["; " if len(parts) > 1 else "", Cell(name, marked=True), " ", cell]
        found.append(Cell.of(*parts))
    return found


def _by_choice(report: Report, model: str) -> Cell | None:
    """In what share of all defensible analyses the interval leaves out zero; their range where every one may be told."""
    rows = analyses.counted(report, model) if model else []
    if not rows:
        return None
    row, bind = rows[0], report.bind
    parts: list[Cell | str] = [
        "of ", bind.cell(row, "specifications", "n"), " defensible analyses ", analyses.clear(report, row),
    ]  # fmt: skip
    if row.has("lowest", "highest") and not some_withheld(report.results.table(SPECIFICATIONS)):
        parts += [
            "; the estimates of all of them run from ", bind.cell(row, "lowest", "end"), " to ", bind.cell(row, "highest", "end"),
        ]  # fmt: skip
    return Cell.of(*parts)
