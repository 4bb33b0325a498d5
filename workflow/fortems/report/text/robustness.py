"""Agreement of engines, measurement error, influence of therapists, numbers compared with published ones."""

from __future__ import annotations

from fortems.report.results import Row
from fortems.report.template import Report
from fortems.report.text.words import ESTIMAND_WORDS, clear, joined, levels, listed, name

AGREEMENT = "mediation/agreement.csv"
PUBLISHED = "published.csv"
MEASUREMENT = "mediation/measurement.csv"
INFLUENCE = "robustness/leave_one_out.csv"


def agreement(report: Report) -> str:
    """How far engines differ from the primary one, in its standard errors, and why."""
    parts = []
    for level, words in (("within", "Within therapists"), ("single", "At the single level")):
        rows = [row for row in report.results.rows(AGREEMENT, level=level) if row.has("difference")]
        if not rows:
            continue
        close = [row for row in rows if row["agrees"]]
        engines = listed(dict.fromkeys(f"*{row['engine']}*" for row in rows))
        whole, near = (
            report.bind.over(rows, "difference", "rows"),
            report.bind.over(close, "difference", "rows"),
        )
        largest = max(rows, key=lambda row: abs(row["difference"]))
        text = f"{words} {engines} {'was' if engines.count('*') == 2 else 'were'} compared with *{rows[0]['primary']}* on {whole} effects; "
        if len(close) == len(rows):
            text += "all differ by less than a tenth of a standard error."
        else:
            text += (
                f"{near} differ by less than a tenth of a standard error, and the largest difference is "
                f"{report.bind.of(largest, 'difference', 'b')} standard errors."
            )
            unexplained = [
                row for row in rows if not row["agrees"] and row.get("explanation", "") == "unexplained"
            ]
            text += (
                " Each larger difference has a stated cause, mostly that the engines weigh differences within and between therapists "
                "differently."
                if not unexplained
                else f" For {report.bind.rows(unexplained, 'difference')} of the larger ones no cause is known."
            )
        parts.append(text)
    if parts:
        parts.append(
            f"The comparison effect by effect is in `mediation/agreement.csv`{report.see('fig-agreement')}."
        )
    return joined(parts) or "A single engine was run, so that there is nothing to compare."


def published(report: Report) -> str:
    """Published numbers compared with computed ones."""
    rows = report.results.rows(PUBLISHED)
    tried = [row for row in rows if row["verdict"] != "not attempted"]
    if not tried:
        return "No published number could be compared: the article's tables were not typed in, or this source cannot give the numbers."
    clauses = []
    for verdict, words in (
        ("equal", "equal the computed ones"),
        ("rounding", "differ by rounding only"),
        ("differs", "differ"),
    ):
        found = [row for row in tried if row["verdict"] == verdict]
        if found:
            clauses.append(f"{report.bind.rows(found, 'verdict')} {words}")
    text = f"Of {report.bind.rows(tried, 'verdict')} published numbers that could be compared, {listed(clauses)}{report.see('tbl-published')}."
    left = len(rows) - len(tried)
    if left:
        text += " The others wait for the article's tables or cannot be given by this source."
    if report.variant.simulated:
        text += (
            " In a simulated run only the numbers of the design are compared, which the scenario was told."
        )
    return text


def measurement(report: Report) -> str:
    """What taking measurement error into account changes, model by model."""
    parts = []
    for predictor in ("alliance", "bond"):
        for level in levels(report):
            plain_row = _measured(report, predictor, "observed", level)
            latent = _measured(report, predictor, "latent", level)
            if latent is None or not latent.has("standardized"):
                continue
            size = f"{report.bind.of(latent, 'standardized', 'end')} in standard deviations"
            shown = clear(latent)
            beside = (
                f" against {report.bind.of(plain_row, 'standardized', 'end')} with observed scores"
                if plain_row is not None and plain_row.has("standardized")
                else ""
            )
            verdict = {
                True: "its interval leaves out zero",
                False: "its interval includes zero",
                None: "no interval could be given",
            }[shown]
            parts.append(
                f"With {name(predictor)} as a latent variable {ESTIMAND_WORDS[level]}, the indirect effect is {size}{beside}; {verdict}."
            )
    corrected = [
        row
        for row in report.results.rows(MEASUREMENT, measurement="corrected", effect="indirect")
        if row.has("ratio")
    ]
    if corrected:
        low, high = min(corrected, key=lambda row: row["ratio"]), max(corrected, key=lambda row: row["ratio"])
        parts.append(
            f"Correcting the scores for unreliability multiplies the indirect effect by {report.bind.of(low, 'ratio', 'b')} to "
            f"{report.bind.of(high, 'ratio', 'b')}."
        )
    if parts:
        parts.append(
            f"Models and intervals stand together{report.see('tbl-measurement', 'fig-measurement')}."
        )
    return joined(parts) or "No model that takes measurement error into account gave an estimate."


def _measured(report: Report, predictor: str, measurement_: str, level: str) -> Row | None:
    rows = report.results.rows(
        MEASUREMENT, predictor=predictor, measurement=measurement_, level=level, effect="indirect"
    )
    for interval in ("montecarlo", "reliability", "delta", "percentile"):
        for row in rows:
            if row["interval"] == interval:
                return row
    return None


def influence(report: Report) -> str:
    """How far the main effects move without each therapist in turn."""
    rows = [
        row
        for row in report.results.rows(INFLUENCE, effect="indirect", model=["alliance", "bond"], at=None)
        if row.has("largest_shift", "lowest", "highest")
    ]
    if not rows:
        return "The models of alliance and bond could not be fitted without single therapists."
    parts = []
    for row in rows:
        turns = (
            "its sign never changes"
            if row["sign_changes"] == 0
            else f"its sign changes in {report.bind.of(row, 'sign_changes', 'n')} of {report.bind.of(row, 'n_fits', 'n')} fits"
        )
        parts.append(
            f"For {name(row['model'])} {ESTIMAND_WORDS[row['level']]} the indirect effect ranges from {report.bind.of(row, 'lowest', 'end')} to "
            f"{report.bind.of(row, 'highest', 'end')} over the fits that leave out one therapist; {turns}."
        )
    largest = max(rows, key=lambda row: abs(row["largest_shift"]))
    parts.append(
        f"The largest shift is {report.bind.of(largest, 'largest_shift', 'b')} standard errors{report.see('fig-leave_one_out')}."
    )
    return joined(parts)


SENTENCES = {
    "agreement": agreement,
    "published": published,
    "measurement": measurement,
    "influence": influence,
}
