"""Tables of verdicts: the article's findings, published and computed numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from fortems.presentation.choice import counted_words
from fortems.presentation.claims import aspects_pattern, claim_label, patterns, reason
from fortems.presentation.numbers import rounded
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, INTERVAL_WORDS, listed
from fortems.report.page.table import Cell, Section, Table
from fortems.report.tables.scales import _ci
from fortems.report.template import Report
from fortems.report.text.claims import CLAIMS, estimands, judged
from fortems.report.text.design.diagnosticity import DIAGNOSTICITY, RATIOS
from fortems.report.text.robustness import comparable
from fortems.study.definition import lower, study
from fortems.study.variables import in_sentence, label

PUBLISHED = "published.csv"


def claims(report: Report) -> Table | None:
    """Every finding with its number and verdict, effects at the first estimand; what differs at the other is noted."""
    have = estimands(report)
    found = _claims(report, "tbl-claims", have[:1])
    if found is None or len(have) < 2:
        return found
    return replace(found, notes=(*found.notes, _other_estimand(report, have)))


def every_claim(report: Report) -> Table | None:
    """The same at every estimand, where there are several."""
    have = estimands(report)
    return _claims(report, "tbl-findings", have) if len(have) > 1 else None


def _other_estimand(report: Report, have: list[str]) -> str:
    """How the verdicts at the second estimand compare with those at the first."""
    first, other = have[:2]
    verdicts = {
        level: {row["claim"]: row for row in report.results.rows(CLAIMS, judged=True, estimand=level)}
        for level in (first, other)
    }
    differing = [
        f"“{row['text'].rstrip('.')}” is {row['verdict']}"
        for claim, row in verdicts[other].items()
        if claim in verdicts[first] and row["verdict"] != verdicts[first][claim]["verdict"]
    ]
    where = f"{ESTIMAND_WORDS[other][:1].upper()}{ESTIMAND_WORDS[other][1:]}"
    if not differing:
        return f"{where} every verdict is the same; the numbers are in the supplement."
    return f"{where} the verdicts are the same, save that {listed(differing)}; the numbers are in the supplement."


def _claims(report: Report, name: str, have: list[str]) -> Table | None:
    rows = judged(report, have)
    if not rows:
        return None
    body: list[Section | tuple[Cell | str, ...]] = []
    groups = [("Correlations", [row for row in rows if row["estimand"] not in ("within", "single")])]
    groups += [
        (
            f"Effects {ESTIMAND_WORDS[level]}",
            [row for row in rows if row["estimand"] == level and row["role"] != "pattern"],
        )
        for level in have
    ]
    groups.append(("Patterns", [row for row in rows if row["role"] == "pattern"]))
    shared = _told_once(report, rows)
    for title, found in groups:
        if found:
            body.append(Section(title))
            body += [_line(report, row, title == "Patterns", shared) for row in found]
    return Table(
        name,
        (
            "The Findings to Check"
            if report.results.own_claims
            else f"The {study().work.capitalize()}'s Findings"
        )
        + (" Under Both Estimands" if name == "tbl-findings" else " and the Verdict on Each"),
        ("Finding", "Estimate", _ci(report), "*p*", "Verdict"),
        "lrcrl",
        tuple(body),
        (
            _claims_note(report)
            + (f" *Not testable*, where no reason stands beside it: {shared}." if shared else ""),
        ),
        widths=(0.42, 0.12, 0.16, 0.08, 0.22),
        small=True,
    )


def _claims_note(report: Report) -> str:
    effects = f"effects: indirect effect with its {counted_words(report.results)} interval."
    if report.results.own_claims:
        effects += (
            " *Consistent (weak)*: no significance was expected and there is none, which supports little."
        )
    else:
        effects += f" *Consistent (weak)*: the {study().work} reports no significance and there is none, which supports little."
    if report.variant.matrix:
        return f"{effects[:1].upper()}{effects[1:]}"
    text = f"Correlations: cluster-robust test over all clients; {effects}"
    if report.results.own_claims:
        return text
    if any(claim.statistic == "contrast" for claim in report.results.claims.values()):
        text += " One aspect against another: the difference of the two, of indirect effects in standard deviations, therapists left out jointly."
    return (
        f"{text} {_parts_of(report)} not findings of the {study().work}'s own. {_background()}: *p* of {'both' if len(study().background) == 2 else 'all'} together. The "
        "*p* of a mediation is that of its indirect effect; its verdict looks at the direct path as well."
    )


def _parts_of(report: Report) -> str:
    """Whose parts are told beside the findings: ``The parts of “...” are``."""
    claims = report.results.claims
    name = aspects_pattern(claims)
    whose = f"“{lower(claim_label(claims, name))}”" if name else "patterns"
    return f"The parts of {whose} are"


def _background() -> str:
    names = listed(in_sentence(name) for name in study().background)
    return f"{names[:1].upper()}{names[1:]}"


def _told_once(report: Report, rows: list[Row]) -> str:
    """The reason that most of the untestable findings share, for the note in place of a narrow column; or empty."""
    reasons = Counter(
        _reason(report, row) for row in rows if row["verdict"] == "not testable" and row.has("reason")
    )
    most, times = reasons.most_common(1)[0] if reasons else ("", 0)
    return most if times > 1 else ""


def _line(report: Report, row: Row, pattern: bool, shared: str) -> tuple[Cell | str, ...]:
    bind = report.bind
    style, ends = ("r", "rend") if row["statistic"] == "r" else ("end", "end")
    style = "r3" if style == "r" and _prints_as_a_bound(report, row) else style
    text = str(row["text"])
    if pattern and row["estimand"] in ESTIMAND_WORDS:
        text = f"{text.rstrip('.')} ({ESTIMAND_WORDS[row['estimand']]})."
    verdict = bind.cell(row, "verdict", "text")
    if row["verdict"] in ("not testable", "not reproduced") and row.has("reason"):
        why = _reason(report, row)
        if row["verdict"] == "not reproduced" or why != shared:
            verdict = Cell.of(verdict, f": {why}")
    return (
        text,
        bind.cell(row, "estimate", style),
        bind.interval(row, style=ends),
        bind.cell(row, "p", "p"),
        verdict,
    )


def _prints_as_a_bound(report: Report, row: Row) -> bool:
    """Whether a size would print as an end of the band that it is judged by, which it is not."""
    claim = report.results.claims.get(str(row["claim"]))
    if claim is None or claim.band is None or not row.has("estimate"):
        return False
    size = abs(float(row["estimate"]))
    return any(size != end and rounded(size, 2) == rounded(end, 2) for end in claim.band)


def _reason(report: Report, row: Row) -> str:
    failed, undecided = (str(row["reason"]).count(words) for words in (" does not hold", " is not decided"))
    if failed > 1:
        return "more than one part does not hold"
    if failed + undecided > 1:
        return (
            "one part does not hold, others are not decided"
            if failed
            else "more than one part is not decided"
        )
    return reason(report.results.claims, row)


def scenarios(report: Report) -> Table | None:
    """What is true in each population that studies were simulated from."""
    if not report.scenarios:
        return None
    return Table(
        "tbl-scenarios",
        "Scenarios of the Simulated Studies",
        ("Scenario", "What is true in it"),
        "ll",
        tuple(report.scenarios),
        (
            "Every mean, correlation and share of variance of a scenario stands with its source and grade in config/scenarios; none is a number "
            f"of the {study().work}.",
        ),
        widths=(0.22, 0.78),
        small=True,
        studies=True,
    )


def diagnosticity(report: Report) -> Table | None:
    """Probability of the patterns by scenario, and the likelihood ratio of the article's account against each."""
    rows = report.results.rows(DIAGNOSTICITY, gap=None, role="pattern")
    if not rows:
        return None
    bind = report.bind
    have = [level for level in ESTIMAND_WORDS if any(row["estimand"] == level for row in rows)]
    body: list[Section | tuple[Cell | str, ...]] = []
    for claim, pattern in patterns(report.results.claims).items():
        words = pattern.called
        found = [row for row in rows if row["claim"] == claim]
        if found:
            body.append(Section(f"{words[0].upper()}{words[1:]}"))
        for scenario in dict.fromkeys(row["scenario"] for row in found):
            own = {row["estimand"]: row for row in found if row["scenario"] == scenario}
            cells: list[Cell | str] = [str(next(iter(own.values()))["title"])]
            for level in have:
                ratio = report.results.first(
                    RATIOS,
                    claim=claim,
                    estimand=level,
                    scenario=study().account,
                    against=scenario,
                    gap=None,
                    against_gap=None,
                )
                inside = ratio is not None and ratio["relation"] == "="
                cells += [
                    bind.cell(own.get(level), "probability", "share"),
                    _ratio(report, ratio),
                    bind.interval(ratio, style="x") if inside else "—",
                ]
            body.append(tuple(cells))
    return Table(
        "tbl-diagnosticity",
        f"How Often the Patterns Show, and How Strongly They Speak for the {study().work.capitalize()}'s Account",
        ("Scenario", *(("Studies", "Ratio", _ci(report)) * len(have))),
        "l" + "rrc" * len(have),
        tuple(body),
        (
            "Studies: share of simulated studies, of the size that the scenario states, in which the pattern shows. Ratio: likelihood ratio, the probability of the pattern "
            f"where the {study().work}'s account is true over its probability in the scenario; ≥ and ≤ are bounds where it never showed on one side, an "
            "em dash where it showed on neither.",
        ),
        spanners=(("", 1), *((f"Effects {ESTIMAND_WORDS[level]}", 3) for level in have)),
        small=True,
        studies=True,
    )


def _ratio(report: Report, row: Row | None) -> Cell:
    if row is None or not row.has("ratio"):
        return Cell("—")
    sign = {"≥": "≥ ", "≤": "≤ "}.get(row["relation"], "")
    return Cell.of(sign, report.bind.cell(row, "ratio", "x")) if sign else report.bind.cell(row, "ratio", "x")


#: How an effect is called in a list of published numbers.
EFFECTS = {"direct": "c′", "indirect": "ab", "total": "total effect"}


def _published_number(what: str) -> str:
    """A published number in words: variables by their labels, effects by their symbols, kinds of intervals left out."""
    title, _, cell = what.rpartition(": ")
    row, comma, column = cell.rpartition(", ")
    parts = (row if comma else column).split("~")
    known = study().variables
    told = [
        label(part) if part in known else EFFECTS.get(part, part)
        for part in parts
        if part not in {"wald", *INTERVAL_WORDS}
    ]
    text = " – ".join(told)
    return f"{f'{title}: ' if title else ''}{text}{f', {column}' if comma and column != 'estimate' else ''}"


def published(report: Report) -> Table | None:
    """Published beside computed numbers, where there is something to compare."""
    rows = comparable(report)
    if not rows:
        return None
    bind = report.bind
    body = tuple(
        (
            _published_number(str(row["what"])),
            bind.cell(row, "published", "number"),
            bind.cell(row, "computed", "number"),
            bind.cell(row, "verdict", "text"),
            str(row.get("place", "")),
        )
        for row in rows
    )
    return Table(
        "tbl-published",
        "Published and Computed Numbers",
        ("Number", "Published", "Computed", "Verdict", "Place"),
        "lrrll",
        body,
        (
            "*Equal*: the computed number rounds to the printed one; *rounding*: it misses it by less than one unit of the last printed "
            "decimal, or a matrix that rounds to the printed one gives the printed number.",
            *(
                [f"Published numbers and their places are those of {report.variant.source_work}."]
                if report.variant.invented
                else []
            ),
        ),
        small=True,
    )
