"""Method: the instruments as this run scored them; the study's own in the words of their sources."""

from __future__ import annotations

import re

from fortems.presentation.results import CODEBOOK
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.study import own_models, path_variables
from fortems.report.text.words import joined, listed, name, sentence
from fortems.study.instruments import Instrument
from fortems.study.variables import SCALES

#: How the study's own instruments are called and the lowest and highest score of their scales.
STUDY: dict[str, tuple[str, dict[str, tuple[int, int]]]] = {
    "wai": (
        "Working Alliance Inventory, short revised",
        {"bond": (4, 20), "task": (4, 20), "goal": (4, 20), "alliance": (12, 60)},
    ),
    "mlq": ("Meaning in Life Questionnaire", {"meaning": (5, 35), "search": (5, 35)}),
    "oq": (
        "Outcome Questionnaire",
        {
            "symptom_distress": (0, 100),
            "interpersonal_relations": (0, 44),
            "social_role": (0, 36),
            "distress": (0, 180),
        },
    ),
}
#: Rule for missing answers that the study's sentences tell.
RULES = {"wai": ("prorate", 0.25), "mlq": ("prorate", 0.25), "oq": ("subscale_mean", 4)}
HEADINGS = {"wai": "Therapeutic alliance", "mlq": "Meaning in life", "oq": "Distress"}
DESCRIPTIVES = "tables/descriptives.csv"
CORRELATIONS = "tables/correlations.csv"


def is_of_the_study(instrument: Instrument) -> bool:
    """Whether an instrument is the one of the study: same name, same scales with the same possible scores."""
    label, ranges = STUDY.get(instrument.name, ("", {}))
    return bool(label) and instrument.label.startswith(label) and instrument.ranges() == ranges


def is_inventory(instrument: Instrument | None) -> bool:
    """Whether an instrument is a form of the Working Alliance Inventory, whose key for the article is assumed."""
    return instrument is not None and "Working Alliance Inventory" in instrument.label


def instrument_label(report: Report, key: str, usual: str) -> str:
    """An instrument as headings call it: the study's by its usual name, another by that of its file."""
    found = report.results.instruments.get(key)
    if found is None or is_of_the_study(found):
        return usual
    return re.sub("[*^~]", "", found.label)


def _present(report: Report) -> set[str]:
    """The variables of this run."""
    rows = report.results.rows(CORRELATIONS)
    found = {row[key] for row in rows for key in ("x", "y")}
    for file, column in ((DESCRIPTIVES, "variable"), (CODEBOOK, "variable")):
        found |= {row[column] for row in report.results.rows(file)}
    return found


def _as_printed(report: Report, key: str) -> bool:
    """Whether a matrix prints scores of the study's instrument in their usual range, as far as it tells."""
    for scale, (low, high) in STUDY[key][1].items():
        row = report.results.first(DESCRIPTIVES, variable=scale)
        if row is None:
            continue
        told = row.has("possible_min", "possible_max")
        if told and (row["possible_min"], row["possible_max"]) != (low, high):
            return False
        if row.has("mean") and not low <= row["mean"] <= high:
            return False
    return True


def instruments(report: Report) -> str:
    """A paragraph an instrument, and what is not of any."""
    present = _present(report)
    paragraphs = []
    told: set[str] = set()
    for key, instrument in report.results.instruments.items():
        scales = set(STUDY[key][1]) if report.variant.matrix and key in STUDY else set(instrument.scales)
        told |= scales
        if not scales & present:
            continue
        if report.variant.matrix:
            paragraphs.append(_printed(report, key) if key in STUDY else "")
        elif is_of_the_study(instrument):
            paragraphs.append(_usual(report, key))
        else:
            paragraphs.append(_other(report, instrument))
    paragraphs = _ordered(report, paragraphs)
    used = dict.fromkeys(
        variable for model in own_models(report) for variable in path_variables(report.models[model])
    )
    strange = [variable for variable in used if variable not in told and variable not in SCALES]
    if strange:
        it, their = ("it", "its") if len(strange) == 1 else ("them", "their")
        source = "printed" if report.variant.matrix else f"the file holds {it}"
        words = sentence(listed(name(variable) for variable in strange)).removesuffix(".")
        paragraphs.append(
            f"**Other variables.** {words}, as {source}; nothing more is known of {their} measurement here."
        )
    return "\n\n".join(part for part in paragraphs if part)


def _ordered(report: Report, paragraphs: list[str]) -> list[str]:
    """Alliance, meaning, distress, then others."""
    titles = [f"**{title}.**" for title in HEADINGS.values()]

    def place(text: str) -> int:
        return next((at for at, title in enumerate(titles) if text.startswith(title)), len(titles))

    return sorted(paragraphs, key=place)


def _usual(report: Report, key: str) -> str:
    """An instrument of the study, in the words and numbers of its source."""
    fact = report.fact
    return {
        "wai": f"**Therapeutic alliance.** {fact('wai_items')} items of the Working Alliance Inventory in its short "
        f"revised form [@hatcher2006], {fact('wai_scale_items')} for each of bond, goal and task; the total ranges from "
        f"{fact('wai_low')} to {fact('wai_high')}. {DUTCH}",
        "mlq": "**Meaning in life.** The Meaning in Life Questionnaire [@steger2006], "
        f"{fact('mlq_presence_items')} items each for presence of and search for meaning; sums range from {fact('mlq_low')} to "
        f"{fact('mlq_high')}.",
        "oq": f"**Distress.** The Outcome Questionnaire [@lambert1996], {fact('oq_items')} items with a total from zero to "
        f"{fact('oq_high')}: symptom distress ({fact('oq_symptom_items')} items), interpersonal relations "
        f"({fact('oq_interpersonal_items')}) and social role ({fact('oq_role_items')}). Higher is worse.",
    }[key]


DUTCH = (
    "The article used the Dutch version of the inventory [@stinckens2009], whose item key we did not find published; the key is "
    "therefore an assumption, kept in a file that can be swapped."
)


def _printed(report: Report, key: str) -> str:
    """An instrument of a printed matrix, with possible scores where the print is compatible with them."""
    if key == "wai":
        return f"**Therapeutic alliance.** The Working Alliance Inventory, with bond, goal and task. {DUTCH}"
    if _as_printed(report, key):
        return _usual(report, key)
    label, cite = {
        "mlq": ("Meaning in Life Questionnaire", "steger2006"),
        "oq": ("Outcome Questionnaire", "lambert1996"),
    }[key]
    return f"**{HEADINGS[key]}.** The {label} [@{cite}]; scores are as printed."


def _other(report: Report, instrument: Instrument) -> str:
    """An instrument that is not the study's, from its file."""

    def of(what: str, style: str = "n") -> str:
        return report.bind.instrument(instrument.name, what, style)

    alike = set(instrument.scales) & set(STUDY.get(instrument.name, ("", {}))[1])
    heading = (
        HEADINGS[instrument.name] if alike else escape(re.sub(r"\s*\(.*?\)", "", instrument.label)).strip()
    )
    scores = [
        f"{name(scale)} ({of(f'items {scale}', 'w')} {'item' if len(items) == 1 else 'items'}, from {of(f'lowest {scale}')} to "
        f"{of(f'highest {scale}')})"
        for scale, items in instrument.scales.items()
    ]
    text = (
        f"**{heading}.** {escape(instrument.label)}: {of('items', 'w')} items, answered from {of('low')} to {of('high')}. "
        f"{'Its score is' if len(scores) == 1 else 'Its scores are'} {listed(scores)}."
    )
    return f"{text} {DUTCH}" if is_inventory(instrument) else text


def scoring(report: Report) -> str:
    """How scores come from answers, and what is done about missing ones."""
    if not report.variant.has_items:
        if report.variant.own:
            return "The file brings scale scores, so that scoring and the treatment of missing items lie with those who made it."
        return ""
    found = report.results.instruments
    usual = all(
        key in found and (found[key].missing_rule, found[key].missing_most) == rule
        for key, rule in RULES.items()
    )
    opening = "Scale scores are sums of items after reversal."
    if usual and set(found) == set(RULES) and _is_oq(found["oq"]):
        return (
            f"{opening} A scale of the alliance or of meaning with at most a quarter of its items missing is prorated, else "
            "missing. For the Outcome Questionnaire a missing item takes the rounded mean of the others of its subscale; from "
            f"{report.fact('oq_missing_limit')} missing items on, the client has no score."
        )
    return joined([opening, *(_rule(report, instrument) for instrument in found.values())])


def _is_oq(instrument: Instrument) -> bool:
    return instrument.label.startswith(STUDY["oq"][0])


def _rule(report: Report, instrument: Instrument) -> str:
    """An instrument's rule for missing answers."""
    of = escape(instrument.label)
    if instrument.missing_rule == "subscale_mean":
        most = report.bind.instrument(instrument.name, "most", "w")
        noun = "item" if instrument.missing_most == 1 else "items"
        return (
            f"{of}: a missing item takes the rounded mean of the others of its subscale; with more than {most} missing {noun} the "
            "client has no score."
        )
    if instrument.missing_most == 0:
        return f"{of}: a scale with a missing item has no score."
    most = report.bind.instrument(instrument.name, "most", "%")
    return f"{of}: a scale with at most {most} of its items missing is prorated, else missing."


SENTENCES = {"instruments": instruments, "scoring": scoring}
