"""Method: what is missing in the data, and what is not reported."""

from __future__ import annotations

from fortems.presentation.results import CODEBOOK, PATTERNS
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined, name, plural, sentence
from fortems.report.variant import reason_absent
from fortems.run.catalogue import FILES, WITHHELD
from fortems.study.engines import ENGINES


def missing(report: Report) -> str:
    """What was done about missing values, how many there are, and which go together."""
    return joined([_missing_scores(report), _missing_answers(report), _missing_together(report)])


def _missing_together(report: Report) -> str:
    """How many clients are complete, and where variables and patterns are listed."""
    if "tbl-codebook" not in report.items:
        return ""
    whole = next((row for row in report.results.released_rows(PATTERNS) if not row.has("missing")), None)
    parts = []
    if "tbl-patterns" in report.items:
        listed_in = f"which values are missing together is in {report.ref('tbl-patterns')}"
        parts.append(
            f"For {report.bind.of(whole, 'share', '%1')} of clients no score or background variable is missing; {listed_in}."
            if whole is not None
            else sentence(listed_in)
        )
    elif report.results.has(PATTERNS) and whole is None:
        parts.append(
            "Which values are missing together is withheld, since it would show counts of few clients."
        )
    parts.append(f"Each variable is described in the codebook ({report.ref('tbl-codebook')}).")
    return joined(parts)


def _missing_answers(report: Report) -> str:
    """How often single answers are missing; of own data only where no few clients could be told by it."""
    items = report.results.rows(CODEBOOK, "missing", "missing_share", kind="item")
    if not items:
        return ""
    limit = report.results.setting("privacy", "min_cell", default=5) if report.results.private else 0
    most = max(items, key=lambda row: row["missing"])
    if most["missing"] == 0:
        return "No single answer is missing."
    if most["missing"] < limit:
        return "Single answers are missing for fewer clients per item than may be counted here; the scores are prorated as told above."
    gaps = any(
        row.has("missing") and row["missing"] > 0
        for row in report.results.rows("tables/descriptives.csv")
        if not row.has("category")
    )
    size = f"an item for at most {report.bind.of(most, 'missing_share', '%1')} of clients"
    return f"Single answers are missing{' more often' if gaps else ''}, {size}; the scores are prorated as told above."


def _incomplete_rows(report: Report) -> str:
    """Which engines use clients who lack a score."""
    engines = list(report.results.setting("engines", default=[]))
    complete = [f"*{name_}*" for name_ in engines if not ENGINES[name_].incomplete]
    if len(complete) == len(engines):
        return "The models use clients without missing values."
    text = (
        "Clients with any score enter the models by full-information likelihood, which assumes values missing at random given "
        "the others"
    )
    if complete:
        text += f"; {listed(complete)} {plural(len(complete), 'uses', 'use')} complete rows"
    return f"{text}."


def _missing_scores(report: Report) -> str:
    if report.variant.matrix:
        return f"What was missing in the data of {report.variant.source_work}, and how it was treated, cannot be seen from a matrix."
    rows = [row for row in report.results.rows("tables/descriptives.csv") if not row.has("category")]
    gaps = [row for row in rows if row.has("missing") and row["missing"] > 0]
    how = _incomplete_rows(report)
    if report.results.private:
        return _missing_told(report, how)
    if not rows:
        return how
    if not gaps:
        return f"No client lacks a scale score. {how}"
    most = max(gaps, key=lambda row: row["missing"])
    size = f"{report.bind.of(most, 'missing', 'w')} {plural(int(most['missing']), 'client', 'clients')}"
    of_all = f"Of {report.bind.rows(rows, 'n')} scale scores and numeric background variables"
    if len(gaps) == 1:
        return f"{of_all} one has missing values, {name(most['variable'])} ({size}). {how}"
    count = report.bind.rows(gaps, "n")
    return f"{of_all} {count} have missing values, most of all {name(most['variable'])} ({size}). {how}"


def _missing_told(report: Report, how: str) -> str:
    """On which clients tables and models of own data rest, without telling how few are left out."""
    flow = {row["step"]: row for row in report.results.rows("data/flow.csv")}
    limit = report.results.setting("privacy", "min_cell", default=5)
    some, all_ = flow.get("scored"), flow.get("analysed")
    if some is None or all_ is None or all_["clients"] - some["clients"] < limit:
        return (
            "All tables and models rest on the same clients, those who have every value that the models need."
        )
    count = report.bind.of(some, "clients", "n")
    return f"Of the clients analysed, {count} have every value that the models need; the tables rest on these. {how}"


def withheld(report: Report) -> str:
    """What this run does not report, each with its reason."""
    reasons: dict[str, list[str]] = {}
    for file, words in ((file.name, file.absent) for file in FILES.values() if file.absent):
        if file == "data/flow.csv" and report.variant.matrix:
            continue
        if not report.results.has(file):
            reasons.setdefault(reason_absent(file, report.results.config), []).append(words)
    told = [f"{listed(found)} ({reason})" for reason, found in reasons.items()]
    parts = [f"Not reported in this run: {'; '.join(told)}."] if told else []
    return joined([*parts, _of_few(report)])


def _of_few(report: Report) -> str:
    """What of own data is withheld, since few clients could be told by it."""
    if not report.results.private:
        return ""
    limit = report.bind.setting("privacy", "min_cell", style="w")
    text = (
        f"Nothing is told of fewer than {limit} clients or of single therapists: rare categories are merged before any model is "
        "built, ranges are the possible ones, and of single therapists or clients who turn a result only the number is told."
    )
    rows = report.results.rows(WITHHELD)
    for column, words in (("variable", "variables"), ("model", "models")):
        names = [escape(str(row[column])) for row in rows if row.has(column)]
        if names:
            text += f" Withheld {plural(len(names), f'is the {column}', f'are the {words}')} {listed(names)} (`{WITHHELD}`)."
    return text


SENTENCES = (missing, withheld)
