"""Tables of what it would take to overturn the effects."""

from __future__ import annotations

from fortems.presentation.choice import levels
from fortems.presentation.words import ESTIMAND_LABELS, ESTIMAND_WORDS
from fortems.report.page.table import Cell, Section, Table
from fortems.report.tables.scales import _ci
from fortems.report.template import Report
from fortems.report.text.sensitivity import (
    BAYES,
    CONFOUNDING,
    DISTRIBUTION,
    FACTOR,
    STRENGTHS,
    SURVIVORS,
    models_looked_at,
)
from fortems.report.text.study import chain
from fortems.robustness.bayes.prior import INFORMED

Line = tuple[Cell | str, ...]
QUANTITIES = (
    *(("within", "indirect"), ("between", "indirect"), ("contextual", "a"), ("contextual", "b")),
    *(("within", "equivalence"), ("within", "bayes_factor")),
)
WHAT = {
    ("within", "indirect"): "Indirect effect within",
    ("between", "indirect"): "Indirect effect between",
    ("contextual", "a"): "Contextual effect of *a*",
    ("contextual", "b"): "Contextual effect of *b*",
    ("within", "equivalence"): "Probability that *c*′ is within the bound",
    ("within", "bayes_factor"): "Bayes factor for *c*′ of zero",
}


def overturn(report: Report) -> Table | None:
    """What it takes to overturn each indirect effect: a line a way, a column an estimand."""
    have = levels(report.results)
    body: list[Section | Line] = []
    for model in models_looked_at(report, CONFOUNDING):
        body.append(Section(chain(report, model)))
        columns = [ways(report, model, level) for level in have]
        names = dict.fromkeys(name for column in columns for name in column)
        for name in names:
            body.append((Cell(name, marked=True), *(column.get(name, Cell("–")) for column in columns)))
    if not body:
        return None
    return Table(
        "tbl-overturn",
        "What It Takes to Overturn the Indirect Effects",
        ("Way", *(ESTIMAND_LABELS[level].capitalize() for level in have)),
        "l" + "r" * len(have),
        tuple(body),
        (
            "ρ: residual correlation of mediator and outcome. RV: robustness value, the share of the variance of both ends that a "
            "confounder must explain; in brackets for the report's own interval (cluster-robust variant). Common factor: share of the "
            "variance of all ratings at which the effect vanishes, or beyond which no covariance matrix remains (then it cannot).",
        ),
        small=True,
    )


def ways(report: Report, model: str, level: str) -> dict[str, Cell]:
    """What it takes to overturn a model's indirect effect at an estimand: way → its numbers."""
    found: dict[str, Cell] = {}
    results, bind = report.results, report.bind
    for kind, words in (
        ("interval", "ρ at which the interval reaches zero"),
        ("sign", "ρ at which the sign is lost"),
    ):
        row = results.first(CONFOUNDING, model=model, level=level, kind=kind)
        already = kind == "interval" and row is not None and row.has("rho") and row["rho"] == 0
        found[words] = Cell("with zero already") if already else bind.cell(row, "rho", "r")
    for effect in ("a", "b"):
        row = results.first(STRENGTHS, model=model, level=level, effect=effect, kind="value", target="zero")
        cell = Cell.of(bind.cell(row, "rv", "%"), " (", bind.cell(row, "rv_alpha_robust", "%"), ")")
        found[f"RV of *{effect}*"] = cell
    for row in results.rows(FACTOR, model=model, level=level, first=True):
        ends = "no matrix beyond " if row["kind"] == "inadmissible" else f"{row['kind']} at "
        found[f"Common factor, {row['pattern']}"] = Cell.of(ends, bind.cell(row, "variance_share", "%"))
    rows = results.rows(SURVIVORS, "indirect", model=model, level=level)
    if rows:
        low, high = (min(rows, key=lambda r: r["indirect"]), max(rows, key=lambda r: r["indirect"]))
        found["Indirect effect had nobody dropped out"] = Cell.of(
            bind.cell(low, "indirect", "end"), " to ", bind.cell(high, "indirect", "end")
        )
    return found


def posterior(report: Report) -> Table | None:
    """The posterior under every prior."""
    priors = list(dict.fromkeys(str(row["prior"]) for row in report.results.rows(BAYES)))
    body: list[Section | Line] = []
    for model in models_looked_at(report, BAYES):
        body.append(Section(chain(report, model)))
        for level, quantity in QUANTITIES:
            cells: list[Cell | str] = [Cell(WHAT[level, quantity], marked=True)]
            for prior in priors:
                row = report.results.first(BAYES, model=model, prior=prior, level=level, quantity=quantity)
                style = {"equivalence": "%", "bayes_factor": "x"}.get(quantity, "b")
                cell = report.bind.cell(row, "estimate", style)
                if row is not None and row.has("ci_low", "ci_high"):
                    cell = Cell.of(cell, " ", report.bind.interval(row))
                cells.append(cell)
            body.append(tuple(cells))
    if not body:
        return None
    heads = [_prior_head(report, prior) for prior in priors]
    return Table(
        "tbl-bayes",
        "Posterior of the Two-Level Models Under Each Prior",
        ("Quantity", *heads),
        "l" + "r" * len(priors),
        tuple(body),
        (
            "Medians with equal-tailed intervals. Contextual: between less within. The Bayes factor is the posterior density of the "
            "standardized direct path at zero over its prior density there: above one, the data speak for none.",
        ),
        small=True,
    )


def _prior_head(report: Report, prior: str) -> Cell:
    if prior == INFORMED:
        return Cell("ICCs after Johns et al.")
    row = report.results.rows(BAYES, prior=prior)[0]
    return Cell.of(Cell("Half-*t*, scale ", marked=True), report.bind.cell(row, "scale", "number"))


def distribution(report: Report) -> Table | None:
    """How the report's own interval fares in populations like these data."""
    rows = report.results.rows(DISTRIBUTION, "coverage", kind="population")
    if not rows:
        return None
    body: list[Section | Line] = []
    bind, style = report.bind, report.variant.share_style
    for model in dict.fromkeys(str(row["model"]) for row in rows):
        body.append(Section(chain(report, model)))
        for row in rows:
            if row["model"] == model:
                body.append(
                    (
                        f"{str(row['check']).capitalize()}, {ESTIMAND_WORDS[row['level']]}",
                        bind.cell(row, "coverage", style),
                        bind.interval(row, "coverage_low", "coverage_high", style),
                        bind.cell(row, "width_ratio", "b"),
                        bind.cell(row, "bias", "b"),
                    )
                )
    return Table(
        "tbl-distribution",
        "The Report's Own Interval in Populations Like These Data",
        ("Population", "Coverage", _ci(report), "Width", "Bias"),
        "lrcrr",
        tuple(body),
        (
            "Width: relative to the normal population. Bias: mean error relative to the true effect, which for scores cut at the ends of their scales is that of scores without a cut.",
        ),
        small=True,
    )
