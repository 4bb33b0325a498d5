"""What would overturn a finding: of what the tables of robustness looked at, that which can, each in a sentence of its own."""

from __future__ import annotations

from fortems.presentation.analyses import SIDES, SPECIFICATIONS, some_withheld
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS
from fortems.report import analyses
from fortems.report.page.table import Cell
from fortems.report.template import Report
from fortems.report.text.claims import estimands, judged
from fortems.report.text.sensitivity import CONFOUNDING, FACTOR, STRENGTHS, SURVIVORS
from fortems.robustness.confounding.factor import INADMISSIBLE
from fortems.study.counterparts import name_in_run

INFLUENCE = "robustness/leave_one_out.csv"
#: Points of the table of confounding that would overturn an effect.
CROSSINGS = {"interval": "takes the interval to zero", "sign": "takes the effect to zero"}
WEAK, UNDECIDED = "consistent (weak)", "cannot tell"


def overturned(report: Report, rows: list[Row]) -> list[Cell]:
    """What the tables of robustness say of the model or pair that a claim is about; of a pattern, of its parts without a card."""
    cells = _of_model(report, str(rows[0]["claim"]))
    cells += _of_parts(report, str(rows[0]["claim"]))
    return cells or _by_sampling(report, rows)


def _of_model(report: Report, claim: str) -> list[Cell]:
    """What the tables of robustness say of the model that a claim is about."""
    model = _model_in_run(report, claim)
    if not model:
        return []
    found = [*_by_therapist(report, model), *_by_confounder(report, model)]
    for level in estimands(report):
        for way in (_by_strength, _by_factor, _by_dropout):
            found += way(report, model, level)
    return [*found, *_by_choice(report, model)]


def _of_parts(report: Report, pattern: str) -> list[Cell]:
    """Of each part of a pattern that has no card: its own interval, and what an unmeasured common cause does to it."""
    claims, found = report.results.claims, []
    claim = claims.get(pattern)
    for name in () if claim is None else (*claim.parts, *claim.contrasts):
        rows = judged(report, claim=name, role="part")
        if not rows:
            continue
        cells = _by_sampling(report, rows)
        if model := _model_in_run(report, name):
            cells += _by_confounder(report, model)
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
                    f"{where}another sample of this size may well do so: no test without significance rules an influence out"
                )
            )
    return found


def _by_interval(report: Report, row: Row, where: str) -> list[Cell]:
    if row["ci_low"] <= 0 <= row["ci_high"]:
        return [Cell(f"{where}another sample of this size may well do so: the interval includes zero")]
    end = "ci_low" if row["ci_low"] > 0 else "ci_high"
    lead = f"{where}an error of sampling larger than the interval allows for: it leaves out zero and ends at "
    error = Cell.of(lead, report.bind.cell(row, end, "rend" if row["statistic"] == "r" else "end"))
    if row["verdict"] != UNDECIDED:
        return [error]
    return [
        Cell(f"{where}another sample of this size may decide on its size, which the interval leaves open"),
        error,
    ]


def _by_therapist(report: Report, model: str) -> list[Cell]:
    """The estimands at which leaving out a single therapist turns the sign."""
    return [
        Cell.of(
            f"leaving out one therapist turns the indirect effect's sign {ESTIMAND_WORDS[row['level']]}: it runs from ",
            report.bind.cell(row, "lowest", "end"), " to ", report.bind.cell(row, "highest", "end"),
        )
        for row in report.results.rows(INFLUENCE, "sign_changes", "lowest", "highest", model=model, effect="indirect")
        if row["level"] in estimands(report) and float(row["sign_changes"]) > 0
    ]  # fmt: skip


def _by_confounder(report: Report, model: str) -> list[Cell]:
    """How strongly an unmeasured common cause must tie mediator and outcome: where the sign or the interval is lost."""
    rows = [
        row
        for row in report.results.rows(CONFOUNDING, "rho", model=model)
        if row.get("level") in ESTIMAND_WORDS and row.get("kind") in CROSSINGS
    ]
    already = [row for row in rows if row["kind"] == "interval" and row["rho"] == 0]
    parts: list[Cell | str] = []
    for row in rows:
        if row in already:
            continue
        parts += [
            "; " if parts else "",
            report.bind.cell(row, "rho", "r"),
            f" {CROSSINGS[row['kind']]} {ESTIMAND_WORDS[row['level']]}",
        ]
    found = [
        Cell(f"nothing more is needed {ESTIMAND_WORDS[row['level']]}: its interval includes zero already")
        for row in already
    ]
    if parts:
        lead = "an unmeasured common cause of mediator and outcome whose residual correlation is "
        found.append(Cell.of(lead, *parts))
    return found


def _by_strength(report: Report, model: str, level: str) -> list[Cell]:
    """How much of the variance of both ends of a path a confounder must explain to take the path, or its interval, to zero."""
    bind, found = report.bind, []
    for effect in ("a", "b"):
        row = report.results.first(
            STRENGTHS, model=model, level=level, effect=effect, kind="value", target="zero"
        )
        if row is None or not row.has("rv"):
            continue
        path = Cell(f"path *{effect}*", marked=True)
        parts: list[Cell | str] = [
            f"{ESTIMAND_WORDS[level]}, a confounder that explains ", bind.cell(row, "rv", "%"), " of the variance of both ends of ", path,
        ]  # fmt: skip
        if row.has("rv_alpha_robust") and row["rv_alpha_robust"] > 0:
            parts += [" (", bind.cell(row, "rv_alpha_robust", "%"), " for its interval to reach zero)"]
        elif row.has("rv_alpha_robust"):
            parts += [", whose interval includes zero already"]
        found.append(Cell.of(*parts))
    return found


def _by_factor(report: Report, model: str, level: str) -> list[Cell]:
    """The common factors of all ratings that can make nothing of the effect: not those that no covariance matrix allows before."""
    return [
        Cell.of(
            f"{ESTIMAND_WORDS[level]}, a common factor of {row['pattern']} that explains ",
            report.bind.cell(row, "variance_share", "%"), " of the variance of all ratings",
        )
        for row in report.results.rows(FACTOR, "variance_share", model=model, level=level, first=True)
        if row["kind"] != INADMISSIBLE
    ]  # fmt: skip


def _by_dropout(report: Report, model: str, level: str) -> list[Cell]:
    """Dropout before the sample, where some of what was looked at changes the sign or loses the interval."""
    rows = report.results.rows(SURVIVORS, "indirect", "ci_low", "ci_high", model=model, level=level)
    lead, bind = f"{ESTIMAND_WORDS[level]}, dropout before the sample, ", report.bind
    if not rows:
        return []
    low, high = (choose(rows, key=lambda row: row["indirect"]) for choose in (min, max))
    if low["indirect"] < 0 < high["indirect"]:
        ends = (bind.cell(low, "indirect", "end"), " to ", bind.cell(high, "indirect", "end"))
        return [Cell.of(f"{lead}without which the indirect effect would have been ", *ends)]
    lost = [row for row in rows if row["ci_low"] <= 0 <= row["ci_high"]]
    if not lost or len(lost) == len(rows):
        return []
    of = (_rows_cell(report, lost, "indirect"), " of ", _rows_cell(report, rows, "indirect"))
    return [Cell.of(f"{lead}without which the interval would include zero in ", *of, " cases looked at")]


def _by_choice(report: Report, model: str) -> list[Cell]:
    """In what share of all defensible analyses the interval leaves out zero; their range where every one may be told."""
    rows = analyses.counted(report, model)
    if not rows:
        return []
    row, bind = rows[0], report.bind
    if max(row.get(f"significant_{side}", 0) for side in SIDES) >= 1:
        return []  # whatever is chosen, the effect is there, on the same side
    parts: list[Cell | str] = [
        "another defensible analysis: of ", bind.cell(row, "specifications", "n"), " looked at, ", analyses.clear(report, row),
    ]  # fmt: skip
    if row.has("lowest", "highest") and not some_withheld(report.results.table(SPECIFICATIONS)):
        parts += [
            "; the estimates of all of them run from ", bind.cell(row, "lowest", "end"), " to ", bind.cell(row, "highest", "end"),
        ]  # fmt: skip
    return [Cell.of(*parts)]


def _rows_cell(report: Report, rows: list[Row], column: str) -> Cell:
    """How many rows there are, bound to them."""
    report.bind.over(rows, column, "rows", "n")
    return Cell(report.bind.ledger[-1].text, number=len(report.bind.ledger) - 1)
