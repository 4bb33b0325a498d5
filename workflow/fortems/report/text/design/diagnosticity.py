"""Sentences on how well the findings tell accounts apart."""

from __future__ import annotations

from fortems.presentation.claims import aspects_pattern, claim_label, patterns, whole_pattern
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import bare_name, joined
from fortems.study.definition import lower, study
from fortems.study.estimands import ESTIMANDS
from fortems.study.variables import bare

DIAGNOSTICITY = "design/diagnosticity.csv"
RATIOS = "design/likelihood_ratios.csv"


def made_true(report: Report) -> str:
    """Which scenario makes the account true: the beginning of a sentence on it."""
    title, work = scenario_titles(report).get(study().account, study().account), study().work
    return (
        f"The scenario *{title}* makes the {work}'s account true; what the {work} does not say of it is assumed, the size of each "
        "correlation included. In this scenario"
    )


def scenario_titles(report: Report) -> dict[str, str]:
    """Scenario → its title, escaped."""
    rows = report.results.rows(DIAGNOSTICITY, gap=None)
    return {row["scenario"]: escape(str(row["title"]).lower()) for row in rows}


def share(report: Report, row: Row) -> str:
    """``12.3%, 95% CI [11.4%, 13.2%]`` of simulated studies."""
    return (
        f"{report.bind.of(row, 'probability', '%1')} \\[{report.bind.of(row, 'ci_low', '%1')}, "
        f"{report.bind.of(row, 'ci_high', '%1')}\\]"
    )


def pattern_share(report: Report) -> str:
    """For the abstract: how often the whole pattern shows where the article's account is made true."""
    clauses = [
        f"{report.bind.of(row, 'probability', '%1')} with effects {ESTIMAND_WORDS[level]}"
        for level in ESTIMANDS
        if (row := _reported(report, whole_pattern(report.results.claims), level)) is not None
    ]
    if not clauses:
        return ""
    return (
        f"Where the {study().work}'s account is made true, sizes assumed, the share of studies with the whole pattern is "
        f"{listed(clauses)}."
    )


def _reported(report: Report, claim: str, level: str) -> Row | None:
    return report.results.first(
        DIAGNOSTICITY, claim=claim, estimand=level, scenario=study().account, gap=None
    )


def diagnosticity(report: Report) -> str:
    """How often the patterns show, by scenario, and the likelihood ratios."""
    parts: list[str] = []
    for claim, pattern in patterns(report.results.claims).items():
        words = escape(pattern.called)
        clauses = []
        for level in ESTIMANDS:
            row = _reported(report, claim, level)
            if row is not None:
                clauses.append(f"in {share(report, row)} of studies with effects {ESTIMAND_WORDS[level]}")
        if clauses:
            parts.append(
                f"{made_true(report) if not parts else 'There'} {words} shows {' and '.join(clauses)}{report.see('fig-overview') if not parts else ''}."
            )
    single = _least_and_most(report)
    if single:
        parts.append(single)
    parts.append(next((text for level in ESTIMANDS if (text := _ratios(report, level))), ""))
    parts.append(_reversed(report))
    parts.append(_gaps(report))
    parts.append(_lost(report))
    return joined(parts) or "The simulated studies could test no pattern."


def _lost(report: Report) -> str:
    """How many simulated studies could not test a finding, for want of an estimate."""
    rows = report.results.rows(DIAGNOSTICITY, "studies", "testable")
    lost = [row for row in rows if row["testable"] < row["studies"]]
    if not rows:
        return ""
    if not lost:
        return "No study was lost: each could test every finding."
    worst = min(lost, key=lambda row: row["testable"] / row["studies"])
    return (
        f"In some studies a finding could not be tested, for want of an estimate; the one tested least often, in {report.bind.of(worst, 'testable', 'n')} "
        f"of {report.bind.of(worst, 'studies', 'n')}."
    )


def _least_and_most(report: Report) -> str:
    rows = report.results.rows(DIAGNOSTICITY, scenario=study().account, role="finding", gap=None)
    if len(rows) < 2:
        return ""
    least, most = min(rows, key=lambda row: row["probability"]), max(rows, key=lambda row: row["probability"])

    def named(row: Row) -> str:
        return f"“{escape(claim_label(report.results.claims, row['claim'], row['estimand']))}” ({report.bind.of(row, 'probability', '%1')})"

    missed = ""
    if least["probability"] < 0.5:
        missed = "; a study of the simulated size misses some of them more often than not"
    return f"Of the single findings the most frequent there is {named(most)}, the least frequent {named(least)}{missed}."


def _ratios(report: Report, level: str) -> str:
    titles, whole = scenario_titles(report), whole_pattern(report.results.claims)
    rows = [
        row
        for row in report.results.rows(
            RATIOS, claim=whole, estimand=level, scenario=study().account, gap=None, against_gap=None
        )
        if row["against"] in titles
    ]
    clauses = [_ratio(report, row, titles[row["against"]]) for row in rows]
    clauses = [clause for clause in clauses if clause]
    if not clauses:
        return ""
    return (
        f"With effects {ESTIMAND_WORDS[level]}, observing the whole pattern speaks for the {study().work}'s account with a likelihood ratio of "
        f"{listed(clauses)}{report.see('tbl-diagnosticity', 'fig-diagnosticity')}."
    )


def _ratio(report: Report, row: Row, against: str) -> str:
    if not row.has("ratio"):
        return ""
    value = report.bind.of(row, "ratio", "x")
    bound = {"≥": "at least ", "≤": "at most "}.get(row["relation"], "")
    if bound or not row.has("ci_low", "ci_high"):
        return f"{bound}{value} against *{against}*"
    inside = f"\\[{report.bind.of(row, 'ci_low', 'x')}, {report.bind.of(row, 'ci_high', 'x')}\\]"
    return f"{value} {inside} against *{against}*"


def _reversed(report: Report) -> str:
    rows = [
        row
        for row in report.results.rows(
            RATIOS,
            "ci_low",
            "ci_high",
            scenario=study().account,
            against=study().reordered,
            gap=None,
            against_gap=None,
            role="pattern",
        )
        if row["relation"] == "="
    ]
    if not rows:
        return ""
    if all(row["ci_low"] <= 1 <= row["ci_high"] for row in rows):
        return (
            f"Against the *reversed* scenario, in which {bare_name(study().outcome)} comes first and the covariances are the same, every ratio of the patterns is "
            "compatible with one: they cannot tell the directions apart."
        )
    return (
        "Against the *reversed* scenario, whose covariances are the same, a ratio differs from one by more than its error; since both "
        "scenarios imply the same data, this can only be chance."
    )


def _gaps(report: Report) -> str:
    claim = aspects_pattern(report.results.claims)
    rows = report.results.rows(DIAGNOSTICITY, "gap", claim=claim, estimand="within")
    if len(rows) < 2:
        return ""
    rows = sorted(rows, key=lambda row: row["gap"])
    first, last = rows[0], rows[-1]
    shows = escape(lower(claim_label(report.results.claims, claim)))
    even = (
        f"Even if the aspects do not differ at all, {shows}"
        if first["gap"] == 0
        else f"At the smallest gap looked at, {shows}"
    )
    return (
        f"{even} in {share(report, first)} of studies; with a gap of {report.bind.of(last, 'gap', 'r')} between its correlation with {bare(study().mediator)} and theirs, "
        f"in {share(report, last)} (effects within therapists). All of this is conditional on publication not depending on the result."
    )


MORE, LESS, UNCLEAR = "more", "less", "unclear"


def against_rivals(report: Report) -> dict[str, list[str]]:
    """Titles of the rivals by whether the whole pattern is more or less probable under the account than under them.

    A rival is one or the other where the ratio's interval says so at every estimand that has one, else unclear. Empty
    where no ratio has an end.
    """
    rows = report.results.rows(
        RATIOS,
        scenario=study().account,
        gap=None,
        against_gap=None,
        claim=whole_pattern(report.results.claims),
    )
    titles = scenario_titles(report)
    sides: dict[str, set[str]] = {}
    for row in rows:
        if not (row.has("ci_low") or row.has("ci_high")):  # one end only where a count is zero
            continue
        above, below = row.has("ci_low") and row["ci_low"] > 1, row.has("ci_high") and row["ci_high"] < 1
        sides.setdefault(row["against"], set()).add(MORE if above else LESS if below else UNCLEAR)
    found: dict[str, list[str]] = {}
    for rival, said in sides.items():
        side = next(iter(said)) if len(said) == 1 else UNCLEAR
        found.setdefault(side, []).append(f"*{titles.get(rival, escape(rival))}*")
    return found


def compared_with_rivals(found: dict[str, list[str]], account: str) -> str:
    """``more probable ACCOUNT than under *a*, less probable than under *b*, and not told apart from *c*``."""
    clauses = []
    if MORE in found:
        clauses.append(f"more probable {account} than under {listed(found[MORE])}")
    if LESS in found:
        than = "than" if clauses else f"{account} than"
        clauses.append(f"less probable {than} under {listed(found[LESS])}")
    if UNCLEAR in found:
        clauses.append(f"not told apart, in probability, from {listed(found[UNCLEAR])}")
    return listed(clauses)


def pattern_verdict(report: Report) -> str:
    """For the discussion: what the ratios allow to say."""
    found = against_rivals(report)
    if not found:
        return ""
    if set(found) == {UNCLEAR}:
        return (
            f"In the simulations the whole pattern is not shown to be more probable where the {study().work}'s account is true than "
            "under any of the rivals looked at."
        )
    compared = compared_with_rivals(found, f"where the {study().work}'s account is true")
    return f"In the simulations the whole pattern is {compared}."


SENTENCES = (diagnosticity,)
