"""Other defensible analyses, who carries the verdicts, many tests, the aspects compared."""

from __future__ import annotations

from fortems.presentation.analyses import usual_side
from fortems.presentation.choice import levels
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.study import model_at, model_words
from fortems.report.text.words import clear, joined, p
from fortems.study.definition import study
from fortems.study.estimands import PRIMARY_INTERVAL
from fortems.study.variables import in_sentence

MULTIVERSE = "robustness/multiverse.csv"
CHOICES = "robustness/choices.csv"
JOINT = "robustness/joint.csv"
INFLUENCE = "robustness/influence.csv"
ASPECTS = "robustness/aspects.csv"
MULTIPLICITY = "robustness/multiplicity.csv"
CHANCE = "robustness/chance.csv"
DECISIVE = (
    0.5  # difference of two options' shares of intervals without zero from which a choice decides the verdict
)


def specifications_brief(report: Report) -> str:
    """How many defensible analyses show the effect, and the joint test: a sentence for each main model."""
    parts = []
    for row in report.results.rows(MULTIVERSE, estimand="all"):
        if not row["specifications"]:
            continue
        bind = report.bind
        median = ""  # withheld where the data are the user's own
        if row.has("median_estimate"):
            median = f"the median is {bind.of(row, 'median_estimate', 'end')}, "
        side = usual_side(row)
        text = (
            f"Of the indirect effects in {bind.of(row, 'specifications', 'n')} defensible analyses of {model_words(report, row['model'])}, "
            f"{median}{bind.of(row, side, '%')} are {side}, and "
            f"{bind.of(row, f'significant_{side}', '%')} are {side} with an interval that leaves out zero"
        )
        joint = report.results.first(JOINT, model=row["model"], null="a_or_b", statistic="median")
        if joint is not None and joint.has("p"):
            text += f" (joint test of {bind.of(joint, 'specifications', 'n')} of them, {p(report, joint)})"
        decisive = _decisive(report, row["model"])
        if decisive is not None:
            options = [row for row in report.results.rows(CHOICES, model=row["model"]) if row.has("option")]
            most = (
                "above all" if all(one.has("significant") for one in options) else "much"
            )  # of own data some are withheld
            text += f"; whether it does depends {most} on the choice on {decisive['label']}: it does in {_by_option(report, decisive)}"
        parts.append(f"{text}.")
    if not parts:
        return ""
    return f"{joined(parts)[:-1]}{report.see('fig-specification')}."


def specifications(report: Report) -> str:
    """The analyses, what moves the estimate most, and what the joint test does and does not cover."""
    lead = specifications_brief(report)
    if not lead:
        return "No main model was fitted, so that there are no other analyses of it."
    parts = [lead]
    for row in report.results.rows(MULTIVERSE, estimand="all"):
        shares = [one for one in report.results.rows(CHOICES, "share", model=row["model"]) if not one.has("option")]  # fmt: skip
        if shares:
            most, decisive = max(shares, key=lambda one: one["share"]), _decisive(report, row["model"])
            told = decisive is not None and decisive["choice"] == most["choice"]
            options = "" if told or len(_options(report, most)) < 2 else _by_option(report, most)
            intervals = f"; an interval without zero is found in {options}" if options else ""
            parts.append(
                f"Of the choices, the one on {most['label']} moves the estimate for {model_words(report, row['model'])} most "
                f"({report.bind.of(most, 'share', '%')} of the variance between analyses beside all other choices){intervals}."
            )
    for row in report.results.rows(MULTIVERSE, estimand="all"):
        if row.has("failed") and row["failed"] > 0:
            count = report.bind.of(row, "failed", "n")
            parts.append(f"Analyses of {model_words(report, row['model'])} that gave no estimate: {count}.")
    if report.results.rows(JOINT):
        parts.append(
            "The joint test [@simonsohn2020] forces the null on the data of every analysis, no path *b* and beside it no path *a*, and resamples "
            "therapists for all at once; the larger *p* counts, so that where neither path exists it is conservative. It covers the "
            "choices that can be resampled in batches; the others stand outside its *p*."
        )
    return joined(parts)


def _decisive(report: Report, model: str) -> Row | None:
    """The choice on which it depends most whether an interval leaves out zero; none where no choice does so for half of the analyses."""

    def spread(choice: Row) -> float:
        shares = [row["significant"] for row in _options(report, choice)]
        return max(shares) - min(shares) if len(shares) > 1 else 0.0

    rows = [row for row in report.results.rows(CHOICES, model=model) if not row.has("option")]
    most = max(rows, key=spread, default=None)
    return most if most is not None and spread(most) >= DECISIVE else None


def _options(report: Report, choice: Row) -> list[Row]:
    own = {"model": choice["model"], "choice": choice["choice"]}
    return [row for row in report.results.rows(CHOICES, "significant", **own) if row.has("option")]


def _by_option(report: Report, choice: Row) -> str:
    """In what share of the analyses with each option of a choice the interval leaves out zero."""
    return listed(
        f"{report.bind.of(row, 'significant', '%')}{'' if k else ' of the analyses'} {_option(row)}"
        for k, row in enumerate(_options(report, choice))
    )


def _option(row: Row) -> str:
    """An option within a sentence: an estimand as everywhere, another in quotation marks, since its label is a heading's."""
    words = ESTIMAND_WORDS.get(row["option"]) if row["choice"] == "estimand" else None
    return words or f"with “{escape(row['label'])}”"


def carried_by(report: Report) -> str:
    """The smallest sets of clients found that turn the verdicts; where one client is enough, how many could be that one."""
    rows = report.results.rows(INFLUENCE, "p")
    if not rows:
        return ""
    single = [row for row in rows if row.has("set_clients") and row["set_clients"] == 1]
    clauses = "; ".join(_carried(report, row) for row in rows)
    if len(single) == len(rows):
        return (
            "Leaving out a single client can turn the verdict on whether the interval of the indirect effect leaves out zero, as refitting "
            f"proves: {clauses}."
        )
    smaller = any(row.has("set_clients") and row["set_clients"] > 1 for row in rows)
    return (
        "How few clients can turn a verdict, whether the interval of the indirect effect leaves out zero, was searched and proven by "
        f"refitting without them: {clauses}.{' A smaller set may exist.' if smaller else ''}"
    )


def _carried(report: Report, row: Row) -> str:
    """Who can turn one verdict: ``for bond within therapists 6 of 96 clients can``."""
    bind = report.bind
    where = f"for {model_at(report, row)}"
    if not row.has("set_clients"):
        return f"{where} no set of up to {bind.of(row, 'searched_to', 'n')} clients was found"
    if row["set_clients"] > 1 or not row.has("clients_flip"):
        return f"{where} {bind.of(row, 'set_clients', 'n')} of {bind.of(row, 'n_clients', 'n')} clients can"
    clients = f"each of {bind.of(row, 'clients_flip', 'n')} of the {bind.of(row, 'n_clients', 'n')} clients"
    if not row.has("therapists_flip", "n_therapists"):
        return f"{where} {clients} can"
    therapists = (
        f"{bind.of(row, 'therapists_flip', 'n')} of the {bind.of(row, 'n_therapists', 'n')} therapists"
    )
    return f"{where} {clients} can, and so can the clients of each of {therapists}"


def _aspects(report: Report, *statistics: str) -> list[Row]:
    rows = report.results.rows(ASPECTS, interval=PRIMARY_INTERVAL)
    return [row for row in rows if row["statistic"] in statistics and row.has("estimate", "ci_low")]


def aspects_brief(report: Report) -> str:
    """Whether the first aspect's indirect effect differs from the others': the difference itself, not two verdicts."""
    clauses = [_contrast(report, row) for row in _aspects(report, "indirect")]
    return f"Tested against each other, {'; '.join(clauses)}." if clauses else ""


def aspects_compared(report: Report) -> str:
    """Whether the first aspect differs from the others, and the largest direct path of all together."""
    contrasts = _aspects(report, "correlation", "indirect")
    if not contrasts:
        return ""
    clauses = [_contrast(report, row) for row in contrasts]
    parts = [
        "That one aspect is significant and another is not is no difference between them; the difference itself was tested, therapists left "
        f"out jointly: {'; '.join(clauses)}."
    ]
    largest = [row for row in _aspects(report, "direct") if row["largest"]]
    for row in largest:
        parts.append(
            f"With all aspects in one model the largest direct path {ESTIMAND_WORDS[row['level']]} is that of {in_sentence(str(row['first']))}, "
            f"{report.bind.of(row, 'estimate', 'end')} standard deviations ({p(report, row)})."
        )
    return joined(parts)


def _contrast(report: Report, row: Row) -> str:
    pair = f"{in_sentence(str(row['first']))} and {in_sentence(str(row['second']))}"
    what = (
        f"in the correlation with {in_sentence(str(row['with']))}"
        if row["statistic"] == "correlation"
        else f"in the standardized indirect effect {ESTIMAND_WORDS[row['level']]}"
    )
    differs = "differ" if clear(row) else "are not shown to differ"
    return f"{pair} {differs} {what} ({report.bind.of(row, 'estimate', 'end')}, {p(report, row)})"


def _family(name: str) -> str:
    """A family of tests within a sentence: ``claims, within`` are findings within therapists."""
    kind, _, level = name.partition(", ")
    kind = "findings" if kind == "claims" else kind
    return f"{kind} {ESTIMAND_WORDS[level]}" if level else kind


def many_tests(report: Report) -> str:
    """How many findings survive adjustment, and how many come out by chance."""
    parts = []
    rows = report.results.rows(MULTIPLICITY)
    families = dict.fromkeys(row["family"] for row in rows)
    clauses: list[str] = []
    for family in families:
        if family.endswith(", within") and "within" not in levels(report.results):
            continue  # a printed table has no such effects
        its = [row for row in rows if row["family"] == family and row.has("p")]
        bind = report.bind
        counts = [bind.among(its, column, "True") if any(row[column] for row in its) else "none"
                  for column in ("significant", "significant_holm", "significant_bh")]  # fmt: skip
        source = "" if clauses else " [-@benjamini1995]"
        clauses.append(
            f"{_family(family)}: {counts[0]} of {bind.rows(its, 'p')} with *p* below .05, {counts[1]} after Holm, {counts[2]} after Benjamini and Hochberg{source}"
        )
    if clauses:
        parts.append(f"By family of tests, {'; '.join(clauses)}.")
    chance = report.results.rows(CHANCE)
    if chance:
        most = max(chance, key=lambda row: row["expected_by_chance"])
        parts.append(
            f"In simulated studies some of the {study().work}'s findings show although what they say is not so there: "
            f"{report.bind.span(chance, 'expected_by_chance', 'x')} of "
            f"{report.bind.of(most, 'findings', 'n')} on average, by scenario."
        )
    return joined(parts)


def many_title(report: Report) -> str:
    """The heading of the section on who carries the verdicts, on the aspects compared and on many tests, as far as it has them."""
    parts = {"Few Clients": INFLUENCE, "Compared Aspects": ASPECTS, "Many Tests": MULTIPLICITY}
    return ", ".join(words for words, file in parts.items() if report.has(file))


SENTENCES = (specifications_brief, specifications, carried_by, aspects_compared, many_tests, many_title)
