"""Tables of the mediation models: paths and indirect effects, verdicts, turned directions."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from fortems.presentation.choice import (
    counted,
    counted_words,
    levels,
    path,
    reordered_models,
    shown_models,
    simple_models,
    verdict,
)
from fortems.presentation.results import Row
from fortems.presentation.words import (
    ESTIMAND_LABELS,
    ESTIMAND_WORDS,
    MEASURED_INTERVALS,
    METHOD_WORDS,
    listed,
    model_label,
)
from fortems.report.page.table import Cell, Section, Table
from fortems.report.tables.scales import ICC, _ci
from fortems.report.template import Report
from fortems.report.text.robustness import measured_models, measured_rows
from fortems.report.text.study import chain
from fortems.report.text.words import IS, NB
from fortems.study.definition import BEHIND, study
from fortems.study.engines import ENGINES
from fortems.study.models import ACCOUNTED, MediationModel
from fortems.study.roles import key_models, main_models
from fortems.study.variables import label

WHAT = {
    "observed": "Observed scores",
    "same clients": "Observed scores, same clients",
    "latent": "Latent variables",
    "corrected": "Corrected for unreliability",
}
MOST = 4  # models in the table of an article whose own models were not run
EFFECT_WORDS = {"a": "*a*", "b": "*b*", "direct": "*c*′", "indirect": "*ab*"}


def mediation(report: Report) -> Table | None:
    """Paths and indirect effects of the article's own models; else of the first ones of this run."""
    return _paths(report, "tbl-mediation", "Paths and Indirect Effects", _foremost(report))


def every_path(report: Report) -> Table | None:
    """The same of all models that are shown one by one, where these are more."""
    models = shown_models(report.results, report.models)
    if set(models) <= set(_foremost(report)):
        return None
    return _paths(report, "tbl-paths", "Paths and Indirect Effects of Every Main Model", models)


def _foremost(report: Report) -> list[str]:
    """The models that the article's table shows."""
    return list(key_models(report.models).values()) or shown_models(report.results, report.models)[:MOST]


def _paths(report: Report, name: str, title: str, models: list[str]) -> Table | None:
    have = levels(report.results)
    body: list[Section | tuple[Cell | str, ...]] = []
    for model in models:
        lines = _lines(report, model, have)
        if lines:
            body += [Section(chain(report, model)), *lines]
    if not body:
        return None
    ci = _ci(report)
    per_level = ("Estimate", ci, "*p*", "Std.")
    return Table(
        name,
        title,
        ("Path", *(per_level * len(have))),
        "l" + "rcrr" * len(have),
        tuple(body),
        (_note(report), *_clustering(report)),
        spanners=(("", 1), *((ESTIMAND_LABELS[level].capitalize(), 4) for level in have)),
        small=True,
    )


def _lines(report: Report, model: str, have: list[str]) -> list[tuple[Cell | str, ...]]:
    lines: list[tuple[Cell | str, ...]] = []
    for effect, keys, tail in _wanted(report.models[model]):
        rows = [path(report.results, model, level, effect, **keys) for level in have]
        if not any(rows):
            continue
        cells: list[Cell | str] = [Cell(f"{EFFECT_WORDS[effect]}{tail}", marked=True)]
        for row in rows:
            bind = report.bind
            cells += [
                bind.cell(row, "estimate", "end"),
                bind.interval(row),
                bind.cell(row, "p", "p"),
                bind.cell(row, "standardized", "b"),
            ]
        lines.append(tuple(cells))
    return lines


def _wanted(model: MediationModel) -> list[tuple[str, dict[str, str], str]]:
    """The paths of a model in their order: effect, what tells it from others, and what its line adds to the symbol."""
    predictors, mediators = model.predictors, model.mediators
    through = mediators if len(mediators) > 1 else ("",)

    def wanted(effect: str, predictor: str = "", mediator: str = "") -> tuple[str, dict[str, str], str]:
        keys = {"predictor": predictor, "mediator": mediator}
        tails = [predictor if len(predictors) > 1 or predictor in mediators else "", mediator]
        tail = "".join(f", {label(variable).lower()}" for variable in tails if variable)
        return effect, {key: variable for key, variable in keys.items() if variable}, tail

    second = [wanted("b", mediator=mediator) for mediator in through]
    found = second if len(predictors) > 1 else []
    for predictor in predictors:
        found = found + [wanted("a", predictor, mediator) for mediator in through]
        found += [wanted("a", *pair) for pair in (combinations(mediators, 2) if model.serial else ())]
        found += second if len(predictors) == 1 else []
        found.append(wanted("direct", predictor))
        routes = [BEHIND.join(route) for route in model.routes] if len(mediators) > 1 else [""]
        found += [wanted("indirect", predictor, route) for route in routes]
    return found


def _note(report: Report) -> str:
    words = []
    for level, (engine, _) in counted(report.results).items():
        how, full = METHOD_WORDS[engine, level], ENGINES[engine].incomplete
        if report.variant.matrix:
            how += " from the printed correlations"
        elif level == "single" and full:
            how += ", with full information where values are missing"
        elif not full:
            how += ", clients without missing values"
        words.append(f"{ESTIMAND_LABELS[level].capitalize()}: {how}.")
    return (
        "*a*: predictor to mediator; *b*: mediator to outcome; *c*′: direct path; *ab*: indirect effect with its "
        f"{counted_words(report.results)} interval; Std.: in standard deviations of the level. {' '.join(words)}"
    )


def _clustering(report: Report) -> list[Cell]:
    """How many clients of how many therapists, and how alike clients of one therapist are."""
    models = shown_models(report.results, report.models)
    names = list(dict.fromkeys(name for model in models for name in report.models[model].chain))
    rows = {name: report.results.first(ICC, variable=name) for name in names}
    known = {name: row for name, row in rows.items() if row is not None and row.has("icc")}
    outcome = known.get(study().outcome) or next(iter(known.values()), None)
    if outcome is None:
        return []
    bind = report.bind
    parts: list[Cell | str] = [
        *(bind.cell(outcome, "n_clients", "n"), " clients of ", bind.cell(outcome, "n_therapists", "n")),
        " therapists. Share of variance between therapists, ICC(1): ",
    ]
    for number, (name, row) in enumerate(known.items()):
        parts += [", " if number else "", f"{label(name).lower()} ", bind.cell(row, "icc", "r")]
    return [Cell.of(*parts, ".")]


def verdicts(report: Report) -> Table | None:
    """Full or partial: indirect and direct intervals, equivalence, the paper's rule."""
    published = bool(study().citation)
    whose = f"{study().work.capitalize()}'s rule" if published else "Common rule"
    concluded = f", as the {study().work} seems to have concluded" if published else ""
    whose_spread = " within therapists for both estimands" if len(levels(report.results)) > 1 else ""
    found = [
        row
        for model in simple_models(report.results, report.models)
        for level in levels(report.results)
        if (row := verdict(report.results, model, level)) is not None
    ]
    if not found:
        return None
    bind = report.bind
    body = tuple(
        (
            f"{model_label(report.models, row['model'])}, {_where(row)}",
            bind.interval(row, "indirect_low", "indirect_high"),
            bind.interval(row, "direct_low", "direct_high"),
            bind.cell(row, "direct_standardized", "b"),
            bind.cell(row, "smallest_bound", "r"),
            bind.cell(row, "n_for_80", "n"),
            bind.cell(row, "equivalence", "text"),
            bind.cell(row, "paper_rule", "text"),
        )
        for row in found
    )
    bound = bind.cell(found[0], "equivalence_bound", "r")
    return Table(
        "tbl-verdicts",
        "Full or Partial Mediation: What the Data Support",
        (
            "Model, estimand",
            "Indirect",
            "Direct",
            "Direct, std.",
            "Smallest bound",
            "Clients needed",
            "Equivalence",
            whose,
        ),
        "lccrrrll",
        body,
        (
            Cell.of(
                "Intervals as in the text. Equivalence: is the direct path smaller than ",
                bound,
                " standard deviations? Smallest bound: the smallest for which the answer would be yes. Clients needed: for the test to "
                f"succeed in four studies of five if the direct path were zero. {whose}: full if the indirect interval excludes zero "
                f"and the direct path is not significant{concluded}. Std.: in standard deviations{whose_spread}.",
            ),
        ),
        widths=(0.19, 0.13, 0.13, 0.07, 0.09, 0.09, 0.21, 0.09),
        small=True,
    )


def reordered(report: Report) -> Table | None:
    """The turned directions beside the assumed one."""
    models = reordered_models(report.results, report.models)
    if not models:
        return None
    main = main_models(report.models)
    assumed = [main[role] for role in dict.fromkeys(models.values()) if role in main]
    have = levels(report.results)
    body: list[tuple[Cell | str, ...]] = []
    for model in [*assumed, *models]:
        cells: list[Cell | str] = [chain(report, model)]
        for level in have:
            row = path(report.results, model, level, "indirect")
            cells += [
                report.bind.cell(row, "estimate", "end"),
                report.bind.interval(row),
                report.bind.cell(row, "p", "p"),
            ]
        body.append(tuple(cells))
    ci = _ci(report)
    return Table(
        "tbl-reversed",
        "Indirect Effects With the Directions Turned Around",
        ("Order", *(("*ab*", ci, "*p*") * len(have))),
        "l" + "rcr" * len(have),
        tuple(body),
        (
            "*ab*: indirect effect, in units of the outcome for one unit of the predictor, so that sizes cannot be compared between orders. All "
            "orders fit equally well.",
        ),
        spanners=(("", 1), *((ESTIMAND_LABELS[level].capitalize(), 3) for level in have)),
        small=True,
    )


def measurement(report: Report) -> Table | None:
    """Indirect effects with measurement error ignored and taken into account."""
    rows = measured_rows(report)
    body: list[Section | tuple[Cell | str, ...]] = []
    bind = report.bind
    for base in measured_models(report):
        found = [row for row in rows if all(row[key] == value for key, value in base.items())]
        if found:
            body.append(Section(_chain(base)))
        for row in found:
            body.append(
                (
                    f"{WHAT.get(row['measurement'], str(row['measurement']))}, {_where(row)}",
                    bind.cell(row, "estimate", "end"),
                    bind.interval(row),
                    bind.cell(row, "standardized", "b"),
                    bind.cell(row, "ratio", "b"),
                    bind.cell(row, "n_clients", "n"),
                )
            )
    if not any(row["measurement"] in ACCOUNTED for row in rows):  # what ignores it stands in the other tables
        return None
    how = {row["measurement"]: MEASURED_INTERVALS[row["interval"]] for row in rows}
    ways: dict[str, list[str]] = {}
    for kind, words in how.items():
        if words:
            ways.setdefault(words, []).append(WHAT[kind].lower())
    kinds = (
        list(ways) if len(ways) == 1 else [f"{words} for {listed(found)}" for words, found in ways.items()]
    )
    corrected = (
        ["; for corrected scores the range of the estimate over the intervals of the reliabilities"]
        if "corrected" in how
        else []
    )
    latent: list[Cell | str] = (
        [" Latent variables rest on clients without missing indicators."] if "latent" in how else []
    )
    for row in rows:
        if row["measurement"] == "latent" and row.has("chi2", "df", "chi2_p"):
            latent += [
                f" {label(str(row['predictor']))}, {_where(row)}: χ²(",
                bind.cell(row, "df", "df"),
                f"){IS}",
                bind.cell(row, "chi2", "b"),
                Cell(f", *p*{NB}", marked=True),
                bind.cell(row, "chi2_p", "p="),
                ".",
            ]
    return Table(
        "tbl-measurement",
        "Indirect Effects With Measurement Error Ignored and Taken Into Account",
        ("Model", "Estimate", "Interval", "Std.", "Ratio", "Clients"),
        "lrcrrr",
        tuple(body),
        (
            Cell.of(
                "Interval: ",
                report.bind.setting_cell("confidence", style="%"),
                f" confidence interval ({'; '.join(kinds)})",
                *corrected,
                ". Ratio: to the estimate from observed scores, of latent variables to that of the same clients. Std.: in standard deviations of the level.",
                *latent,
            ),
        ),
        small=True,
    )


def _chain(base: Mapping[str, str]) -> str:
    """The variables of a latent or corrected model, in causal order."""
    first, *more = (label(variable) for variable in base.values())
    return " → ".join([first, *(f"{words[:1].lower()}{words[1:]}" for words in more)])


def _where(row: Row) -> str:
    return ESTIMAND_WORDS.get(row["level"], str(row["level"])).removeprefix("at the ")
