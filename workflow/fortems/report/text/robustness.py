"""Agreement of engines, and numbers compared with published ones."""

from __future__ import annotations

from fortems.report.template import Report
from fortems.report.text.words import joined, listed

AGREEMENT = "mediation/agreement.csv"
PUBLISHED = "published.csv"


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


SENTENCES = {"agreement": agreement, "published": published}
