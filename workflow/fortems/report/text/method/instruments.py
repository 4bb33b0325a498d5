"""Method: the instruments as this run scored them, in the words and numbers of their files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fortems.presentation.choice import own_models
from fortems.presentation.results import CODEBOOK
from fortems.presentation.words import listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.words import joined, name, plural, sentence
from fortems.study.definition import study
from fortems.study.instruments import IN_BRACES, Instrument

DESCRIPTIVES = "tables/descriptives.csv"
CORRELATIONS = "tables/correlations.csv"
#: Shares of a scale's items that prose has a word for.
SHARES = {0.25: "a quarter", 0.5: "half"}


def instrument_label(report: Report, key: str) -> str:
    """An instrument as headings call it, of two alike with who answers; one that this run has no file of by its name."""
    found = report.results.instruments.get(key)
    if found is None:
        return key
    alike = sum(each.title == found.title for each in report.results.instruments.values()) > 1
    return re.sub("[*^~]", "", found.title) + (f", {found.rater}'s rating" if alike and found.rater else "")


def assumed_keys(report: Report) -> list[Instrument]:
    """The instruments that this run scores by a key that is an assumption."""
    found = report.results.instruments.values() if report.variant.has_items else ()
    return [instrument for instrument in found if instrument.assumption]


def _present(report: Report) -> set[str]:
    """The variables of this run."""
    rows = report.results.rows(CORRELATIONS)
    found = {row[key] for row in rows for key in ("x", "y")}
    for file, column in ((DESCRIPTIVES, "variable"), (CODEBOOK, "variable")):
        found |= {row[column] for row in report.results.rows(file)}
    return found


def _as_printed(report: Report, instrument: Instrument) -> bool:
    """Whether a matrix prints scores in the instrument's range, as far as it tells."""
    for scale, (low, high) in instrument.ranges().items():
        row = report.results.first(DESCRIPTIVES, variable=scale)
        if row is None:
            continue
        stated = row.has("possible_min", "possible_max")
        if stated and (row["possible_min"], row["possible_max"]) != (low, high):
            return False
        if row.has("mean") and not low <= row["mean"] <= high:
            return False
    return True


def _ordered(found: Iterable[Instrument]) -> list[Instrument]:
    """Instruments in the order of the study's variables, then others."""
    order = list(study().variables)

    def place(instrument: Instrument) -> int:
        return min((order.index(scale) for scale in instrument.scales if scale in order), default=len(order))

    return sorted(found, key=place)


def instruments(report: Report) -> str:
    """A paragraph an instrument, and what is not of any."""
    present = _present(report)
    run = _ordered(report.results.instruments.values())
    paragraphs = [
        _printed(report, instrument) if report.variant.matrix else _scored(report, instrument)
        for instrument in run
        if set(instrument.scales) & present
    ]
    known = {*study().scales, *(scale for instrument in run for scale in instrument.scales)}
    used = dict.fromkeys(
        variable
        for model in own_models(report.results, report.models)
        for variable in report.models[model].chain
    )
    strange = [variable for variable in used if variable not in known]
    if strange:
        it, their = ("it", "its") if len(strange) == 1 else ("them", "their")
        source = "printed" if report.variant.matrix else f"the file holds {it}"
        words = sentence(listed(name(variable) for variable in strange)).removesuffix(".")
        paragraphs.append(
            f"**Other variables.** {words}, as {source}; nothing more is known of {their} measurement here."
        )
    return "\n\n".join(paragraphs)


def _heading(instrument: Instrument) -> str:
    return escape(instrument.heading or re.sub(r"\s*\(.*?\)", "", instrument.label)).strip()


def _scored(report: Report, instrument: Instrument) -> str:
    """An instrument in the words of its file, or by its items, range and scales."""
    body = _described(report, instrument) if instrument.description else _measured(report, instrument)
    return joined(
        [f"**{_heading(instrument)}.** {body}", instrument.assumption if report.variant.has_items else ""]
    )


def _printed(report: Report, instrument: Instrument) -> str:
    """An instrument of a printed matrix, with possible scores where the print is compatible with them."""
    if not instrument.assumption and _as_printed(report, instrument):
        return _scored(report, instrument)
    cite = f" [@{instrument.citation}]" if instrument.citation else ""
    return f"**{_heading(instrument)}.** The {escape(instrument.title)}{cite}; scores are as printed."


def _described(report: Report, instrument: Instrument) -> str:
    """The description of an instrument's file, the numbers in braces bound to the file."""

    def number(found: re.Match[str]) -> str:
        what, _, style = found[1].partition(":")
        return report.bind.instrument(instrument.name, what, style or "n")

    return IN_BRACES.sub(number, instrument.description)


def _measured(report: Report, instrument: Instrument) -> str:
    """Items, answers and scales of an instrument whose file has no description."""

    def of(what: str, style: str = "n") -> str:
        return report.bind.instrument(instrument.name, what, style)

    scores = [
        f"{name(scale)} ({of(f'items {scale}', 'w')} {plural(len(items), 'item', 'items')}, from {of(f'lowest {scale}')} to "
        f"{of(f'highest {scale}')})"
        for scale, items in instrument.scales.items()
    ]
    cite = f" [@{instrument.citation}]" if instrument.citation else ""
    return (
        f"{escape(instrument.label)}{cite}: {of('items', 'w')} items, answered from {of('low')} to {of('high')}. "
        f"{plural(len(scores), 'Its score is', 'Its scores are')} {listed(scores)}."
    )


def scoring(report: Report) -> str:
    """How scores come from answers, and what is done about missing ones."""
    if not report.variant.has_items:
        if report.variant.own:
            return "The file brings scale scores, so that scoring and the treatment of missing items lie with those who made it."
        return ""
    alike: dict[tuple[object, ...], list[Instrument]] = {}
    for instrument in _ordered(report.results.instruments.values()):
        rule = instrument.missing_rule, instrument.missing_most
        key = (*rule, bool(instrument.called)) if rule[0] == "prorate" else (instrument.name,)
        alike.setdefault(key, []).append(instrument)
    return joined(
        [
            "Scale scores are sums of items after reversal.",
            *(_rule(report, group) for group in alike.values()),
        ]
    )


def _rule(report: Report, group: list[Instrument]) -> str:
    """The rule for missing answers that instruments share."""
    first = group[0]
    if not first.called:
        return joined(f"{escape(one.label)}: {_rule_of(report, one)}." for one in group)
    if first.missing_rule == "subscale_mean":
        return f"For {escape(first.called)} {_rule_of(report, first)}."
    *before, last = (f"of {escape(one.called)}" for one in group)
    whose = f"A scale {', '.join(before)}{' or ' if before else ''}{last}"
    if first.missing_most == 0:
        return f"{whose} with a missing item has no score."
    share = SHARES.get(first.missing_most) or report.bind.instrument(first.name, "most", "%")
    return f"{whose} with at most {share} of its items missing is prorated, else missing."


def _rule_of(report: Report, instrument: Instrument) -> str:
    """An instrument's rule for missing answers."""
    if instrument.missing_rule == "subscale_mean":
        limit = report.bind.instrument(instrument.name, "limit", "w")
        noun = plural(int(instrument.measured("limit")), "item", "items")
        return (
            f"a missing item takes the rounded mean of the others of its subscale; from {limit} missing {noun} on, the client has "
            "no score"
        )
    if instrument.missing_most == 0:
        return "a scale with a missing item has no score"
    most = report.bind.instrument(instrument.name, "most", "%")
    return f"a scale with at most {most} of its items missing is prorated, else missing"


SENTENCES = (instruments, scoring)
