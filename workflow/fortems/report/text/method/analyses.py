"""Method: how findings are judged, and which analyses go beyond the main ones."""

from __future__ import annotations

from fortems.presentation.choice import counted, levels, reordered_models
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.template import Report
from fortems.report.text.study import model_words, studys_models
from fortems.report.text.words import bare_name, joined, name
from fortems.report.variant import reason_absent
from fortems.study.definition import study
from fortems.study.engines import RESAMPLED
from fortems.study.estimands import computed_intervals
from fortems.study.roles import main_models, outcome_parts

FEW = 3  # models that a sentence names one by one


def each_scenario(report: Report) -> str:
    """From where studies were simulated: ``each of several scenarios``, or the one that the run has."""
    which = "each of several scenarios" if len(report.scenarios) > 1 else "one scenario"
    return f"{which}{report.see('tbl-scenarios')}"


def stated_checks(report: Report) -> str:
    """Where the findings to check stand."""
    apart = (
        "; the findings are not the article's, though the verdicts go by the same rules"
        if study().citation
        else ""
    )
    return (
        f"Each finding to check is stated with its statistic, test, level, sides and direction in a file of this run's own{apart}."
        if report.results.own_claims
        else f"Each finding of the {study().work} is stated as a check with its statistic, test, level, sides and direction, in a file that "
        "comes with the package."
    )


def claims_method(report: Report) -> str:
    """How the article's findings are judged."""
    if not report.has("claims.csv"):
        reason = reason_absent("claims.csv", report.results.config)
        return f"The {study().work}'s findings were not checked one by one in this run: {reason}."
    clustered = (
        "Correlations are judged over all clients with a cluster-robust test; the within-therapist and the plain correlation are shown alongside, not judged. "
        if not report.variant.matrix
        else "Correlations are judged over all clients. "
    )
    return (
        f"{stated_checks(report)} {clustered}A correlation is called moderate from {report.fact('moderate_low')} to below "
        f"{report.fact('moderate_high')} in size. Verdicts are *reproduced*, *not reproduced* and *not testable*; a finding of "
        "no significance that holds is called *consistent (weak)*, since a test that fails to reject supports little. "
        f"{_full_by_rule(report)}A size is judged by its whole interval, which often *cannot tell*. Whether the authors would have "
        "written the finding, by *p* and the estimate alone, is a column of its own in `claims.csv`. "
        f"*p* values adjusted for the family of the {study().work}'s correlations [@holm1979] stand beside the raw ones. Verdicts are computed from "
        "unrounded values."
    )


def judges_full(report: Report) -> bool:
    """Whether a finding says that mediation is full."""
    return any(claim.statistic == "full_mediation" for claim in report.results.claims.values())


def _full_by_rule(report: Report) -> str:
    """That full mediation by the article's rule is not reproduced by it, where findings say that mediation is full."""
    if not judges_full(report):
        return ""
    return (
        "Full mediation that is concluded from a direct path without significance "
        f"*matches the {study().work}'s rule*{by_contrast(report)}, which does not reproduce it. "
    )


def by_contrast(report: Report) -> str:
    """That a pattern of one aspect against others follows the article's rule too where their difference is not shown."""
    if not any(claim.contrasts for claim in report.results.claims.values()):
        return ""
    return ", as does a pattern of one aspect against others whose difference itself is not shown"


def sensitivity_method(report: Report) -> str:
    """The analyses beyond the main ones."""
    parts = []
    if report.variant.matrix:
        turned = reordered_models(report.results, report.models)
        more = ", those with the directions turned around included" if turned else ""
        parts.append(f"Every model that the printed variables allow was estimated{more}.")
    elif repeated := _repeated(report):
        whose = _of_predictor() if main_models(report.models) else ""
        parts.append(f"The models{whose} were repeated {listed(repeated)}.")
    if report.has("mediation/measurement.csv"):
        parts.append(
            "Measurement error was taken into account by latent variables or by correction for unreliability."
        )
    if report.has("robustness/leave_one_out.csv"):
        parts.append(_left_out(report))
    if report.has("design/diagnosticity.csv"):
        studies = report.bind.setting("design", "diagnosticity", "studies")
        parts.append(
            f"To see how well the pattern of findings tells accounts apart, {studies} studies were simulated "
            f"from {each_scenario(report)}, of the size that it states, and every finding was checked in every "
            "study by the code that checks this one. Each share of studies is given with its interval, which tells whether there "
            "were enough of them."
        )
    if report.has("design/power.csv"):
        studies = report.bind.setting("design", "power", "studies")
        parts.append(f"Power and precision were simulated over a grid of designs, {studies} studies each.")
    if report.has("design/coverage.csv"):
        parts.append(_covered(report))
    return joined(parts)


def _left_out(report: Report) -> str:
    """Which models were fitted again without each therapist, and which of those that were fitted were not."""
    models_ = {
        level: {row["model"] for row in report.results.rows("mediation/effects.csv", level=level)}
        for level in levels(report.results)
    }
    again = {
        level: {row["model"] for row in report.results.rows("robustness/leave_one_out.csv", level=level)}
        for level in models_
    }
    text = "Every model was fitted again without each therapist in turn"
    gaps = {
        level: [
            model
            for model in there - again[level]
            if report.models.get(model) is None or not report.models[model].moderator
        ]
        for level, there in models_.items()
    }
    most = max((len(found) for found in gaps.values()), default=0)
    if not most:
        return f"{text}."
    if most <= FEW:
        words = [
            f"{listed(model_words(report, model) for model in sorted(found))} {ESTIMAND_WORDS[level]}"
            for level, found in gaps.items()
            if found
        ]
        return f"{text}, save {listed(words)} (the reason is in `mediation/fit.csv`)."
    return (
        "Every model that can be fitted without any one of the therapists was fitted again without each in turn; which could not, and "
        "why, is in `mediation/fit.csv`."
    )


def _covered(report: Report) -> str:
    """From how many studies the coverage of the intervals was simulated."""
    coverage = ("design", "coverage")
    text = f"The coverage of the intervals was simulated from {report.bind.setting(*coverage, 'studies')} studies each"
    resampled = report.results.rows("design/coverage.csv", interval=RESAMPLED)
    if resampled and report.results.setting(*coverage, "bootstrap_studies"):
        text += f", that of resampled intervals from {report.bind.setting(*coverage, 'bootstrap_studies')}"
    return f"{text}."


def _of_predictor() -> str:
    """Whose models: ``of the X and its aspects``."""
    ours = study()
    return f" of the {bare_name(ours.predictors[0])}{' and its aspects' if ours.aspects else ''}"


def _repeated(report: Report) -> list[str]:
    """With what the main models were repeated, as far as this run's models and engines go."""
    fitted = studys_models(report).values()
    others = set(report.results.setting("engines", default=[])) - {
        engine for engine, _ in counted(report.results).values()
    }
    ways = {
        "with other engines": bool(others),
        "with other intervals": len(computed_intervals(report.results.setting("intervals", default=[]))) > 1,
        "with covariates": any(entry.covariates for entry in fitted),
        f"with parts of {name(study().outcome)} as the outcome": any(
            entry.outcome in outcome_parts() for entry in fitted
        ),
        f"with {name(study().rival)} as a rival mediator": any(
            study().rival in entry.mediators for entry in fitted
        ),
        "with the directions turned around": bool(reordered_models(report.results, report.models)),
    }
    return [words for words, there in ways.items() if there]


SENTENCES = (claims_method, sensitivity_method)
