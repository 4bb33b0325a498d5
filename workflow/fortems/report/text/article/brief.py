"""What the supplement tells at length, in few words: measures, estimation, paths, sensitivity, design."""

from __future__ import annotations

from fortems.presentation.choice import counted, fitted_models, levels, path, reordered_models, with_verdict
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, METHOD_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.covariates import with_covariates
from fortems.report.text.design.diagnosticity import pattern_share, pattern_verdict
from fortems.report.text.design.pattern import repeated, speaks_for
from fortems.report.text.full import NOT_GIVEN, conclusions
from fortems.report.text.mediation import effects_of
from fortems.report.text.method.analyses import (
    by_contrast,
    claims_method,
    each_scenario,
    judges_full,
    stated_checks,
)
from fortems.report.text.method.people import RELIABILITY
from fortems.report.text.multiverse import INFLUENCE, aspects_brief, specifications_brief
from fortems.report.text.relations import _holm, total
from fortems.report.text.robustness import accounts_for_error
from fortems.report.text.sensitivity import by_correlation
from fortems.report.text.study import in_how_many, model_words
from fortems.report.text.words import IS, chain_names, clear, joined, name, p, plural, sentence
from fortems.study.definition import study
from fortems.study.estimands import PRIMARY_INTERVAL
from fortems.study.roles import TOGETHER, key_models, main_models


def measures_brief(report: Report) -> str:
    """The instruments by name, their reliability, and where the rest stands."""
    present = {row[key] for row in report.results.rows("tables/correlations.csv") for key in ("x", "y")}
    used = [one for one in report.results.instruments.values() if set(one.scales) & present]
    names = listed(f"the {escape(one.title)}{f' [@{one.citation}]' if one.citation else ''}" for one in used)
    rows = report.results.rows(RELIABILITY, "alpha", level="total")
    reliable = ""
    if rows:
        set_ = ", as the scenario set it" if report.variant.simulated else ""
        reliable = f"Cronbach's alpha is {report.bind.span(rows, 'alpha', 'r')}{set_}{report.see('tbl-reliability')}."
    opening = f"Scores are those of {names}." if names else ""
    return joined(
        [
            opening,
            reliable,
            f"{'Items, keys, ranges and the treatment of missing answers' if report.variant.has_items else 'The scales and their ranges'} "
            "are in the supplement ([](#s-measures)).",
        ]
    )


def inference_brief(report: Report) -> str:
    """The estimators and the interval that counts."""
    ways = {level: METHOD_WORDS[engine, level] for level, (engine, _) in counted(report.results).items()}
    kinds = {kind for _, kind in counted(report.results).values()}
    level = report.bind.setting("confidence", style="%")
    parts = []
    if report.variant.matrix:
        parts.append(
            "Paths follow from the printed correlations by least squares, as if clients were independent."
        )
    elif ways:
        each = (f"effects {ESTIMAND_WORDS[key]} are estimated by {how}" for key, how in ways.items())
        parts.append(sentence("; ".join(each)))
    if PRIMARY_INTERVAL in kinds:
        parts.append(
            f"Intervals ({level}) and tests rest on the estimates without each therapist in turn [cluster jackknife&semi; @mackinnon2023]; the "
            "indirect effect is the product of *a* and *b* as independent *t* variates [@craig1936]. They need neither normal nor "
            "equally variable residuals, and they alone decide."
        )
    else:
        parts.append(
            f"The interval ({level}) of the indirect effect is the Monte Carlo interval from the joint distribution of *a* and *b* [@preacher2012]."
        )
    parts.append("Other engines and intervals are in the supplement ([](#s-estimation), [](#s-intervals)).")
    return joined(parts)


def correlations_brief(report: Report) -> str:
    """The family of correlations: which are significant, which are not, and after adjustment."""
    rows = [(x, y, total(report, x, y)) for x, y in study().family]
    known = [(x, y, row) for x, y, row in rows if row is not None and row.has("p")]
    shown: list[str] = []
    others: list[str] = []
    for x, y, row in known:
        text = f"{name(x)} with {name(y)} (*r*{IS}{report.bind.of(row, 'r', 'r')}, {p(report, row)})"
        (shown if row["p"] < 0.05 else others).append(text)
    parts = []
    if shown:
        parts.append(
            f"{plural(len(shown), 'A correlation is', 'Correlations are')} shown of {listed(shown)}."
        )
    if others:
        parts.append(f"A correlation is not shown of {listed(others)}.")
    return joined(
        [*parts, _holm(report), f"Means and all correlations stand together{report.see('tbl-correlations')}."]
    )


def paths_brief(report: Report) -> str:
    """The key models under both estimands, and the aspects side by side."""
    parts = [effects_of(report, role, model) for role, model in key_models(report.models).items()]
    parts += [_other_aspects(report), aspects_brief(report), _direct_beside(report)]
    more = ["tbl-paths"] if "tbl-paths" in report.items else []
    tables = report.see("tbl-mediation", "fig-paths", *more)
    return (
        joined([*parts, f"All paths stand together{tables}." if tables else ""])
        or f"No model of the {study().work} was run."
    )


def _other_aspects(report: Report) -> str:
    main = main_models(report.models)
    models = [main[role] for role in study().aspects[1:] if role in main and role not in study().predictors]
    text = in_how_many(report, models)
    whose = listed(name(role) for role in study().aspects[1:] if role in main)
    return f"For {whose} alone the interval of the indirect effect {text}." if text else ""


def _direct_beside(report: Report) -> str:
    """The largest direct path with all aspects in one model."""
    model = main_models(report.models).get(TOGETHER, "")
    rows: list[Row] = []
    for level in levels(report.results):
        for predictor in report.models[model].predictors if model else ():
            row = path(report.results, model, level, "direct", predictor=predictor)
            if row is not None and row.has("standardized", "p"):
                rows.append(row)
    if not rows:
        return ""
    largest = max(rows, key=lambda row: abs(row["standardized"]))
    shown = "is shown" if clear(largest) else "is not shown to differ from zero"
    return (
        f"With the aspects in one model the largest direct path is that of {name(largest['predictor'])} {ESTIMAND_WORDS[largest['level']]} "
        f"({report.bind.of(largest, 'estimate', 'end')}, {report.bind.of(largest, 'standardized', 'end')} in standard deviations, "
        f"{p(report, largest)}); it {shown}, and it does not run through {name(study().mediator)}."
    )


def full_brief(report: Report) -> str:
    """The verdicts on the key models, and the article's rule beside."""
    rows = with_verdict(report.results, key_models(report.models).values(), "conclusion")
    if not rows:
        return NOT_GIVEN
    parts = conclusions(report, rows)
    bounds = report.bind.span(
        rows, "smallest_bound", "r", "bounds on the direct path that the data support are {} to {}",
        "bound on the direct path that the data support is {}",
    )  # fmt: skip
    parts.append(f"The smallest {bounds} standard deviations{report.see('tbl-verdicts')}.")
    return joined(parts)


def sensitivity_brief(report: Report) -> str:
    """In how many of the varied models the indirect effect is shown, and where the rest is told."""
    parts = []
    fitted = fitted_models(report.results, report.models)
    adjusted = [model for model, entry in fitted.items() if entry.covariates and not entry.moderator]
    parts.append(with_covariates(report, adjusted))
    if text := specifications_brief(report):
        parts.append(text)
    turned = list(reordered_models(report.results, report.models))
    if text := in_how_many(report, turned):
        parts.append(
            f"With the directions turned around the interval of the indirect effect {text}{report.see('tbl-reversed')}."
        )
    parts.append(_unmeasured(report))
    where = [
        ("s-measurement", "measurement error", accounts_for_error(report)),
        ("s-agreement", "other engines", report.has("mediation/agreement.csv")),
        (
            "s-influence",
            "single therapists",
            report.has("robustness/leave_one_out.csv") and not report.results.private,
        ),
    ]
    found = [f"{words} ([](#{key}))" for key, words, there in where if there]
    if found:
        one = [key for key, _, there in where if there] == ["s-measurement"]  # the other words are plurals
        parts.append(
            f"The supplement tells what {listed(found)} {'does' if one else 'do'} to the indirect effects."
        )
    if report.results.private and report.results.rows(
        INFLUENCE, "p"
    ):  # what single ones do is not shown of own data
        told = "there as well" if found else "in the supplement"
        parts.append(f"How few clients can turn a verdict is told {told} ([](#s-many)).")
    return joined(parts)


def _unmeasured(report: Report) -> str:
    """How strong an unmeasured cause of mediator and outcome must be to overturn each key model's indirect effect."""
    clauses = [
        f"for {model_words(report, model)} {ESTIMAND_WORDS[level]} {text}"
        for model in key_models(report.models).values()
        for level in levels(report.results)
        if (text := by_correlation(report, model, level))
    ]
    if not clauses:
        return ""
    return (
        f"If something unmeasured made mediator and outcome correlate beyond their path, the indirect effect would vanish: {'; '.join(clauses)}"
        f"{report.see('fig-confounding')}."
    )


def causal(report: Report) -> str:
    """The assumed order in words, and the figure of it."""
    return f"The assumed order is {listed(chain_names())}{report.see('fig-causal')}."


def claims_brief(report: Report) -> str:
    """How findings are judged, in few words."""
    if not report.has("claims.csv"):
        return claims_method(report)
    clustered = " with a test robust to clustering" if not report.variant.matrix else ""
    return (
        f"{stated_checks(report)} Correlations are judged over all clients{clustered}, effects by the interval above. A finding is "
        "*reproduced* or *not reproduced*; a finding of no significance that holds is *consistent (weak)*, since a test that "
        f"fails to reject supports little;{_by_rule(report)} a size is judged by its whole interval, which often *cannot tell* ([](#s-claims))."
    )


def _by_rule(report: Report) -> str:
    """That full mediation by the article's rule is no proof, where findings say that mediation is full."""
    if not judges_full(report):
        return ""
    return (
        f" full mediation that rests on a direct path without significance *matches the {study().work}'s rule*{by_contrast(report)}, which "
        "is no proof;"
    )


def varied(report: Report) -> str:
    """What was varied and simulated, in a sentence each."""
    ways = [words for words, there in _ways(report) if there]
    parts = [f"The analysis was varied by {listed(ways)} ([](#s-sensitivity))."] if ways else []
    if report.has("design/diagnosticity.csv"):
        parts.append(
            f"How well the pattern tells accounts apart was simulated with {report.bind.setting('design', 'diagnosticity', 'studies')} studies "
            f"from {each_scenario(report)}."
        )
    known = {"power": "power", "coverage": "the coverage of the intervals", "recovery": "parameter recovery"}
    if designs := [words for file, words in known.items() if report.has(f"design/{file}.csv")]:
        parts.append(sentence(f"{listed(designs)} {plural(len(designs), 'was', 'were')} simulated as well"))
    return joined(parts) or "No further analysis was run."


def _ways(report: Report) -> list[tuple[str, bool]]:
    entries = fitted_models(report.results, report.models).values()
    return [
        ("adding covariates", any(entry.covariates for entry in entries)),
        ("adding moderators", any(entry.moderator for entry in entries)),
        ("turning the directions around", bool(reordered_models(report.results, report.models))),
        ("taking measurement error into account", accounts_for_error(report)),
        ("using other engines", report.has("mediation/agreement.csv")),
        ("leaving out single therapists", report.has("robustness/leave_one_out.csv")),
    ]


def missing_brief(report: Report) -> str:
    """What was done about missing values."""
    if report.variant.matrix:
        return f"What was missing in the data of {report.variant.source_work} cannot be seen from a matrix."
    return "Both estimands use the same clients; what is missing, and how it was treated, is in the supplement ([](#s-missing))."


def pattern_brief(report: Report) -> str:
    """How often the whole pattern shows, what it is told apart from, and what must be true for it."""
    parts = [pattern_share(report), pattern_verdict(report)]
    parts += [speaks_for(report), repeated(report)]
    tables = report.see("tbl-diagnosticity")
    return joined([*parts, f"Each scenario stands with its ratios{tables}." if tables else ""])


SENTENCES = (
    measures_brief, inference_brief, correlations_brief, paths_brief, full_brief, sensitivity_brief, causal,
    claims_brief, varied, missing_brief, pattern_brief,
)  # fmt: skip
