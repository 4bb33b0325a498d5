"""Sentences on power, coverage and recovery."""

from __future__ import annotations

import math

from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, INTERVAL_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import IS, joined, plural
from fortems.study.estimands import ESTIMANDS, PRIMARY_INTERVAL

POWER = "design/power.csv"
COVERAGE = "design/coverage.csv"
COVERAGE_OF_PATHS = "design/coverage_paths.csv"
#: What the table of paths calls each, in words.
OF_PATHS = {"a": "*a*", "b": "*b*", "direct": "*c*′"}
RECOVERY = "design/recovery.csv"


def power(report: Report) -> str:
    """The design nearest to this run's, and what is significant where power is low."""
    parts: list[str] = []
    near = _nearest(report, report.results.rows(POWER, interval=PRIMARY_INTERVAL))
    several = len({row["icc"] for row in near if row["icc"] > 0}) > 1

    def effect(row: Row) -> str:
        """The indirect effect; with the ICC where the grid has several above zero."""
        text = report.bind.of(row, "indirect", "b")
        return f"{text} (ICC{IS}{report.bind.of(row, 'icc', 'r')})" if several else text

    told, size = [], ""
    for level in ESTIMANDS:
        own = sorted(
            (row for row in near if row["estimand"] == level),
            key=lambda row: (abs(row["indirect"]), row["icc"]),
        )
        rows = [row for row in own if row["icc"] > 0] or own
        if rows:
            clauses = [f"{report.bind.of(row, 'power', 'r')} for {effect(row)}" for row in rows]
            told.append(f"{ESTIMAND_WORDS[level]} {listed(clauses)}")
            size = f"{report.bind.of(rows[0], 'therapists', 'n')} therapists of {report.bind.of(rows[0], 'clients', 'w')} clients each"
    if told:
        parts.append(
            f"With {size}, of the designs simulated the nearest to this sample, the power to detect a standardized indirect effect is, "
            f"{'; '.join(told)}."
        )
    rows = report.results.rows(POWER, interval=PRIMARY_INTERVAL)
    exaggerated = [row for row in near if row.has("type_m") and row["type_m"] > 1.2]
    if exaggerated:
        worst = max(exaggerated, key=lambda row: row["type_m"])
        parts.append(
            "Where power is low, the effects that come out significant are too large: for a true effect of "
            f"{effect(worst)} they are {report.bind.of(worst, 'type_m', 'b')} times as large on average."
        )
    if rows:
        parts.append(f"The whole grid of designs is in `design/power.csv`{report.see('fig-power')}.")
    return joined(parts) or "Power was not simulated for the primary interval."


def _nearest(report: Report, rows: list[Row]) -> list[Row]:
    """The rows of the design whose numbers of therapists and of clients of each come nearest to this run's, in proportion."""
    flow = report.results.first("data/flow.csv", step="analysed")
    if flow is not None and flow.has("clients", "therapists"):
        size = [float(flow["therapists"]), float(flow["clients"]) / float(flow["therapists"])]
    else:
        printed = report.results.first("tables/correlations.csv")
        size = [float(printed["n"]) if printed is not None else 1.0]

    def far(row: Row) -> float:
        its = [float(row["therapists"]), float(row["clients"])]
        ours = its if len(size) == 2 else [its[0] * its[1]]  # a printed table does not separate the two
        return sum(abs(math.log(one / other)) for one, other in zip(ours, size, strict=True))

    least = min(map(far, rows), default=0.0)
    return [row for row in rows if far(row) == least]


def coverage(report: Report) -> str:
    """Which intervals cover as often as they say."""
    rows = report.results.rows(COVERAGE, "coverage", "ci_low", "ci_high", population="effect")
    if not rows:
        return "Coverage could not be simulated."
    nominal = float(report.results.setting("confidence", default=0.95))
    size = report.bind.setting("confidence", style="%")
    parts = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        if not found:
            continue
        below = [row for row in found if row["ci_high"] < nominal]
        where = _where(found, rows)
        depends = ", depending on design" if where else ", depending on design and estimand"
        text = f"The {words} interval covers the true indirect effect{where} in {report.bind.span(found, 'coverage', '%1')} of studies"
        text += depends if len({row["coverage"] for row in found}) > 1 else ""
        if below:
            text += (
                f"; in {report.bind.rows(below, 'coverage')} of {report.bind.rows(found, 'coverage')} cases the whole interval of this share lies "
                f"below the nominal {size}"
            )
        else:
            text += f"; nowhere is it shown to fall below the nominal {size}"
        parts.append(f"{text}.")
    row = rows[0]
    if row.has("a", "b"):
        truth = f"*a*{IS}{report.bind.of(row, 'a', 'b')} and *b*{IS}{report.bind.of(row, 'b', 'b')}"
        parts.insert(
            0, f"The first numbers are for a population with an indirect effect ({truth}, standardized)."
        )
    parts.append(_beyond_normal(report))
    parts.append(_null(report, nominal))
    parts.append(_of_paths(report, nominal, size))
    return joined([*parts, f"Each design is in `design/coverage.csv`{report.see('fig-coverage')}."])


def _where(found: list[Row], rows: list[Row]) -> str:
    """At which estimand an interval was tried, where that is not each of those tried: CR2's is least squares' alone."""
    own, every = ({row["estimand"] for row in of} for of in (found, rows))
    return "" if own == every else f" {listed(ESTIMAND_WORDS[name] for name in ESTIMANDS if name in own)}"


def _beyond_normal(report: Report) -> str:
    """Coverage where residual variances rise, slopes vary or scores are ordinal, interval by interval."""
    every = report.results.rows(COVERAGE, "coverage")
    rows = [row for row in every if str(row["population"]).startswith("effect;")]
    clauses = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        if found:
            where = _where(found, rows)
            share = report.bind.span(found, "coverage", "%1")
            clauses.append(f"the {words} interval{where and f' ({where.strip()})'} in {share}")
    if not clauses:
        return ""
    return (
        "Where residual variances rise with the variable before, slopes vary between therapists, or scores have a ceiling and skew, the true "
        "effect is covered by "
        f"{listed(clauses)} of studies."
    )


def _null(report: Report, nominal: float) -> str:
    """Coverage where the indirect effect is zero because one path is."""
    every = report.results.rows(COVERAGE, "coverage", "ci_high", "a", "b")
    rows = [row for row in every if (row["a"] == 0) != (row["b"] == 0)]
    clauses = []
    for kind, words in INTERVAL_WORDS.items():
        found = [row for row in rows if row["interval"] == kind]
        below = [row for row in found if row["ci_high"] < nominal]
        if below:
            least = min(found, key=lambda row: row["coverage"])
            clauses.append(
                f"the {words} interval in {report.bind.rows(below, 'coverage')} of {report.bind.rows(found, 'coverage')} cases{_where(found, rows)} (down to "
                f"{report.bind.of(least, 'coverage', '%1')})"
            )
    if not rows:
        return ""
    if not clauses:
        return "Where one of the two paths is zero, no interval is shown to cover less than it says."
    return f"Where one of the two paths is zero, {listed(clauses)} {plural(len(clauses), 'is', 'are')} shown to cover less than the nominal share."


def _of_paths(report: Report, nominal: float, size: str) -> str:
    """Coverage of single paths and of correlations, whatever it is, and how often they are taken for something where they are zero."""
    rows = report.results.rows(COVERAGE_OF_PATHS, "coverage", "ci_high", "truth", "excludes_zero")
    paths = [row for row in rows if row["effect"] in OF_PATHS]
    correlations = [row for row in rows if row["effect"] not in OF_PATHS]
    told = [
        f"{report.bind.span(found, 'coverage', '%1')} of studies for {words}"
        for found, words in ((paths, listed(OF_PATHS.values())), (correlations, "correlations"))
        if found
    ]
    if not told:
        return ""
    below = [row for row in rows if row["ci_high"] < nominal]
    text = f"The primary interval contains the truth in {listed(told)}"
    if below:
        least = min(below, key=lambda row: row["coverage"])
        text += (
            f"; in {report.bind.rows(below, 'coverage')} of {report.bind.rows(rows, 'coverage')} cases it is shown to do so less often than the "
            f"nominal {size}, least in the design “{report.bind.of(least, 'design', 'text')}”"
        )
    else:
        text += f"; nowhere is it shown to do so less often than the nominal {size}"
    zero = [row for row in rows if row["truth"] == 0]
    if zero:
        text += f". Where the truth is zero, it leaves out zero in {report.bind.span(zero, 'excludes_zero', '%1')} of studies"
    return f"{text} (`{COVERAGE_OF_PATHS}`)."


def recovery(report: Report) -> str:
    """Bias of the estimates against the scenarios' true values."""
    every = [row for row in report.results.rows(RECOVERY, "bias", "bias_se") if row["bias_se"] > 0]
    rows = [row for row in every if row["parameter"] == "indirect"]
    if not rows:
        return "Parameter recovery could not be judged."
    biased = _biased(rows)
    others = _others(report, [row for row in every if row["parameter"] != "indirect"])
    text = (
        f"Indirect effects were compared with the true ones in {report.bind.rows(rows, 'bias')} {plural(len(rows), 'combination', 'combinations')} of scenario, engine, model and "
        "estimand. "
    )
    if not biased:
        return f"{text}No bias of an indirect effect exceeds three of its Monte Carlo errors. {others}"
    worst = max(biased, key=lambda row: abs(row["bias"] / row["bias_se"]))
    return (
        f"{text}In {report.bind.rows(biased, 'bias')} the bias exceeds three of its Monte Carlo errors, most surely for *{escape(worst['engine'])}* "
        f"in the scenario *{escape(str(worst['scenario']).replace('_', ' '))}* (bias {report.bind.of(worst, 'bias', 'end')}, root mean square "
        f"error {report.bind.of(worst, 'rmse', 'end')}). {others}"
    )


def _biased(rows: list[Row]) -> list[Row]:
    """Rows whose bias exceeds three of its Monte Carlo errors."""
    return [row for row in rows if abs(row["bias"]) > 3 * row["bias_se"]]


def _others(report: Report, rows: list[Row]) -> str:
    """Bias of the parameters other than indirect effects."""
    biased = _biased(rows)
    every = "All parameters are in `design/recovery.csv`."
    if not biased:
        return every
    text = f"Of {report.bind.rows(rows, 'bias')} {plural(len(rows), 'comparison', 'comparisons')} of other parameters {report.bind.rows(biased, 'bias')} {plural(len(biased), 'exceeds', 'exceed')} three of their Monte Carlo errors"
    if all("variance" in row["parameter"] for row in biased):
        text += ", all of them variances and covariances"
        within = [row for row in biased if row["parameter"].startswith("residual variance")]
        between = [row for row in biased if row["parameter"].startswith("between variance")]
        if all(row["bias"] < 0 for row in within) and all(row["bias"] > 0 for row in between):
            text += (
                ": with few therapists maximum likelihood makes variances within therapists a little too small and, since none can be "
                "negative, those between them too large"
            )
    return f"{text}. {every}"


SENTENCES = (power, coverage, recovery)
