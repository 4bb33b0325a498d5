"""What must be true for the article's pattern of findings: posterior and what it rests on, forecast, surface, attempts."""

from __future__ import annotations

import math

from fortems.presentation.claims import claim_label, whole_pattern
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined, name
from fortems.study.definition import study
from fortems.study.estimands import ESTIMANDS
from fortems.study.variables import in_sentence

POSTERIOR = "design/posterior.csv"
FORECAST = "design/forecast.csv"
SIZES = "design/forecast_sizes.csv"
MAXIMUM = "design/surface_maximum.csv"
RATIOS = "design/surface_ratios.csv"
STATEMENTS = "design/statements.csv"
INFORMATION = "design/information.csv"
ATTEMPTS = "design/attempts.csv"
WHOLE = "whole pattern"
FULL = "exactly full mediation"  # the limit of the search, as the design stage calls it
FIGURES = ("fig-posterior", "fig-surface")
CLEAR = 2.0  # likelihood ratio from which a pattern speaks for something
NOTHING = 0.05  # a probability that moves by less has hardly moved
SURE = 2.0  # Monte Carlo errors by which either must hold, so that another seed says the same
FEWEST = 20  # draws kept, below which a share of them says nothing
TRIES = 5  # attempts that are told of, where the run looked at so many
#: Groups of statements that are left out together.
GROUPS = {
    "significant totals": "the significant relations with {outcome}",
    "not significant": "the findings that are not significant",
    "mediation": "the verdicts on mediation",
}
PATHS = {"direct": "direct path", "indirect": "indirect effect", "b": "path *b* beside it"}
NUMBERS = {"correlation": "the correlation of {0} with {1}", "SD": "the standard deviation of {0}"}


def posterior(report: Report) -> str:
    """All sentences of the section; they point to each of its figures."""
    told = joined(
        [
            speaks_for(report), rests_on(report), confirmed(report), repeated(report), likeliest(report), tried(report),
            would_tell(report),
        ]
    )  # fmt: skip
    unseen = [name for name in FIGURES if name in report.items and report.ref(name) not in told]
    if not told:
        return f"No simulated study showed the pattern{report.see(*unseen)}."
    return f"{told.removesuffix('.')}{report.see(*unseen)}."


def speaks_for(report: Report) -> str:
    """What the pattern alone makes more probable, and what it leaves as it was."""
    rows = _probabilities(report)
    for_, beside = (
        [
            f"{_what(row)} ({report.bind.of(row, 'prior_mean', 'r')} before, {report.bind.of(row, 'posterior', 'r')} after)"
            for row in chosen
        ]
        for chosen in (raised(rows), unmoved(rows))
    )
    parts = []
    if for_:
        parts.append(
            f"Under a prior of {escape(str(rows[0]['title']).lower())} correlations, the pattern alone speaks for this: {listed(for_)}."
        )
    if beside:
        parts.append(f"It says next to nothing about whether {' or '.join(beside)}.")
    if parts:
        parts[-1] = f"{parts[-1].removesuffix('.')}{report.see('fig-posterior')}."
    return joined(parts)


def _probabilities(report: Report) -> list[Row]:
    """Probabilities under the headline prior, by plain rejection and the plain tests."""
    found = report.results.rows(POSTERIOR, method="rejection", test="pearson")
    if not found:
        return []
    first = found[0]["prior"]
    kinds = ("beats", "small_direct", "mostly_mediated")
    return [
        row
        for row in found
        if row["prior"] == first and row["kind"] in kinds and row.has("posterior", "prior_mean")
    ]


def raised(rows: list[Row]) -> list[Row]:
    """What the pattern speaks for: its odds surely at least doubled."""
    return [row for row in rows if _odds(row["posterior"] - _error(row)) >= CLEAR * _odds(row["prior_mean"])]


def unmoved(rows: list[Row]) -> list[Row]:
    """What it says next to nothing about: surely hardly moved."""
    still = [row for row in rows if abs(row["posterior"] - row["prior_mean"]) + _error(row) < NOTHING]
    return [row for row in still if row not in raised(rows)]


def _error(row: Row) -> float:
    """The Monte Carlo error that a statement allows for."""
    return SURE * float(row.get("mc_se", 0.0))


def _odds(probability: float) -> float:
    probability = min(max(probability, 0.0), 1.0)
    return probability / (1 - probability) if probability < 1 else math.inf


def rests_on(report: Report) -> str:
    """Which statement carries each probability that the pattern raises, and which keep the others from rising."""
    rows = _probabilities(report)
    carried, kept = [], []
    for row in raised(rows):
        without = [
            one for one in _without(report, row) if one["statements"] == 1 and one["change"] < -NOTHING
        ]
        if without:
            most = min(without, key=lambda one: one["change"])
            words = f"“{escape(claim_label(report.results.claims, most['left_out']))}”"
            carried.append(
                f"without {words} the probability that {_what(row)} is {report.bind.of(most, 'without_it', 'r')} in place of "
                f"{report.bind.of(most, 'with_it', 'r')}"
            )
    for row in unmoved(rows)[:1]:
        without = [
            one for one in _without(report, row) if one["left_out"] in GROUPS and one["change"] > NOTHING
        ]
        if without:
            most = max(without, key=lambda one: one["change"])
            group = GROUPS[most["left_out"]].format(outcome=in_sentence(study().outcome))
            kept.append(
                f"What keeps it from being more probable that {_what(row)} is {group}: without them it is "
                f"{report.bind.of(most, 'without_it', 'r')}."
            )
    first = f"Much of this rests on single statements: {listed(carried)}." if carried else ""
    return joined([first, *kept])


def _without(report: Report, row: Row) -> list[Row]:
    """What is left of a probability without some of the statements, under the same prior."""
    found = report.results.rows(STATEMENTS, prior=row["prior"], quantity=row["quantity"])
    return [one for one in found if one.has("with_it", "without_it", "change")]


def confirmed(report: Report) -> str:
    """The same by the package's own tests, with Monte Carlo errors."""
    clauses = []
    for row in raised(_probabilities(report)):
        own = [
            one
            for level in ESTIMANDS
            if (
                one := report.results.first(
                    POSTERIOR, prior=row["prior"], test="package", estimand=level, quantity=row["quantity"]
                )
            )
            is not None
            and one.has("posterior", "mc_se", "kept")
            and one["kept"] >= FEWEST
        ]
        each = [
            f"{report.bind.of(one, 'posterior', 'r')} ± {report.bind.of(one, 'mc_se', 'r')} {ESTIMAND_WORDS[one['estimand']]} (draws kept: "
            f"{report.bind.of(one, 'kept', 'n')})"
            for one in own
        ]
        if each:
            clauses.append(f"that {_what(row)}, {listed(each)}")
    if not clauses:
        return ""
    return f"By the package's own tests in place of Pearson's and least squares', the probability is, {'; '.join(clauses)}."


def _what(row: Row) -> str:
    x = name(row["x"])
    if row["kind"] == "beats":
        return f"{x} relates more closely to {name(study().mediator)} than {name(row['y'])} does"
    if row["kind"] == "small_direct":
        return f"the direct path of {x} is smaller than a tenth"
    return f"more than half of the relation of {x} is mediated"


def repeated(report: Report) -> str:
    """How often a replication of the same size would repeat the whole pattern, and whether any size would."""
    rows = report.results.rows(FORECAST, finding=WHOLE)
    if not rows:
        return ""
    first = rows[0]
    text = (
        f"Given the pattern, a replication with {report.bind.of(first, 'clients', 'n')} clients repeats the whole of it in "
        f"{report.bind.of(first, 'probability', '%1')} of cases"
    )
    size = report.results.first(SIZES, finding=WHOLE)
    if size is not None and size["relation"] == "none":
        text += f", and no number of clients brings this to {report.bind.of(size, 'target', '%')}"
    return f"{text}."


def likeliest(report: Report) -> str:
    """The largest probability that any correlations give the pattern."""
    rows = report.results.rows(MAXIMUM)
    if not rows:
        return ""
    text = f"Over all correlations the largest share of studies of the simulated size that the search found to show it is {report.bind.of(rows[0], 'probability', '%1')}"
    full = report.results.rows(MAXIMUM, limit=FULL)
    if full:
        text += f", and with exactly full mediation {report.bind.of(full[0], 'probability', '%1')}"
    return joined([f"{text}{report.see('fig-surface')}.", _averaged(report)])


def _averaged(report: Report) -> str:
    """Full mediation against partial, averaged over the grid of the surface."""
    row = report.results.first(
        RATIOS, pattern=whole_pattern(report.results.claims), tests="pearson", hypothesis="no direct part",
        against="a direct part beside a mediated one",
    )  # fmt: skip
    if row is None or not row.has("ratio", "ci_low", "ci_high"):
        return ""
    ends = f"\\[{report.bind.of(row, 'ci_low', 'x')}, {report.bind.of(row, 'ci_high', 'x')}\\]"
    return (
        f"Averaged over the grid with equal weights, full mediation makes the whole pattern {report.bind.of(row, 'ratio', 'x')} {ends} times as "
        "probable as partial mediation does."
    )


def tried(report: Report) -> str:
    """How much several attempts raise the pattern's probability where the account is true."""
    row = report.results.first(ATTEMPTS, population=study().account, attempts=TRIES)
    if row is None or not row.has("best_of_samples", "analyses_high"):
        return ""
    bind = report.bind
    return (
        f"Where the {study().work}'s account is made true, sizes assumed, a study shows it with probability {bind.of(row, 'probability', 'r3')}; the best of "
        f"{bind.of(row, 'attempts', 'w')} independent samples with {bind.of(row, 'best_of_samples', 'r3')}, the best of as many analyses of one sample with "
        f"at most {bind.of(row, 'analyses_high', 'r3')}."
    )


def would_tell(report: Report) -> str:
    """Which number of the article, not known here, would move each of these probabilities most."""
    rows = _probabilities(report)
    clauses = []
    for row in (*raised(rows), *unmoved(rows)):
        best = report.results.first(INFORMATION, quantity=row["quantity"], rank=1)
        if best is not None and best.has("explained") and (words := _number(str(best["number"]))):
            clauses.append(
                f"for whether {_what(row)}, {words} ({report.bind.of(best, 'explained', '%')} of the variance)"
            )
    return (
        f"The one number of the {study().work} that would tell most is, {'; '.join(clauses)}."
        if clauses
        else ""
    )


def _number(number: str) -> str:
    """A number of the table of information in words; nothing where it is of none of the kinds that are known."""
    kind, *of = number.split(" ")
    if kind == "path" and of[-1] in PATHS:
        return f"the standardized {PATHS[of[-1]]} of {in_sentence(of[0])}"
    return NUMBERS[kind].format(*map(in_sentence, of)) if kind in NUMBERS else ""


SENTENCES = (posterior,)
