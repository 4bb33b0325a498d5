"""Method: models, their estimation and the intervals."""

from __future__ import annotations

from fortems.presentation.choice import counted, own_models
from fortems.presentation.words import ESTIMAND_WORDS, METHOD_WORDS, listed
from fortems.report.template import Report
from fortems.report.text.covariates import as_covariates, moderators
from fortems.report.text.unfitted import unfitted
from fortems.report.text.words import bare_name, joined, name
from fortems.study.definition import study
from fortems.study.engines import RESAMPLING
from fortems.study.estimands import PRIMARY, PRIMARY_INTERVAL, STAND_IN

LIBRARIES = {"semopy": "semopy [@igolkina2020]", "mixedlm": "statsmodels [@seabold2010]"}
ENGINE_WORDS = {
    "twolevel": "a two-level maximum-likelihood engine of our own",
    "regression": "least squares with cluster-robust (CR2) standard errors",
    "semopy": f"single-level path models in {LIBRARIES['semopy']}",
    "mixedlm": f"linear mixed models in {LIBRARIES['mixedlm']}",
}


def model_roles(report: Report) -> str:
    """What predictor, mediator and outcome are: named where all models are of the study's variables."""
    if own_models(report.results, report.models):
        return "a predictor $x$, a mediator $m$ and an outcome $y$"
    ours = study()
    aspect = " or an aspect of it" if ours.aspects else ""
    return (
        f"a predictor $x$ (the {bare_name(ours.predictors[0])}{aspect}), the mediator $m$ ({name(ours.mediator)}) and the outcome "
        f"$y$ ({name(ours.outcome)})"
    )


def models(report: Report) -> str:
    """How many models, their kinds, and those that are not, or not wholly, in the results."""
    return joined([_fitted_models(report), unfitted(report)])


def count_of_models(report: Report) -> str:
    """The number of models in the models file, bound to the models that verdicts or measurement list."""
    rows = report.results.rows("mediation/effects.csv")
    return report.bind.over(rows, "model", "distinct", "w")


def _fitted_models(report: Report) -> str:
    rows = report.results.rows("mediation/effects.csv")
    if not rows:
        return ""
    fitted = [model for model in report.models if any(row["model"] == model for row in rows)]
    adjusted = [model for model in fitted if report.models[model].covariates]
    moderated = moderators(report, fitted)
    extra = as_covariates(report, adjusted)
    if moderated:
        extra.append(f"with {' or '.join(name(variable) for variable in moderated)} moderating every path")
    kinds = f", among them models {listed(extra)}" if extra else ""
    if len({row["model"] for row in rows}) == 1:
        return (
            f"In all, {count_of_models(report)} model was fitted{f', {listed(extra)}' if extra else ''}; it is reported as it is "
            "specified."
        )
    return (
        f"In all, {count_of_models(report)} models were fitted{kinds}; all are reported as they are "
        "specified."
    )


def estimation(report: Report) -> str:
    """The engines that were run and what each does."""
    engines = list(report.results.setting("engines", default=[]))
    if report.variant.matrix:
        return (
            "The paths follow from the printed correlations by least squares in closed form, with normal-theory standard errors "
            "for the printed number of clients. They assume independent clients: a matrix says nothing of the "
            "clustering. With three variables the model is saturated, so that fit indices say nothing."
        )
    parts = []
    if "twolevel" in engines:
        parts.append(
            "The within effect is estimated by normal-theory maximum likelihood over positive semi-definite covariance "
            "matrices of therapists and clients. With few clients of each therapist the maximum often lies at the boundary, where a "
            "therapist variance or a combination of them is zero [@self1987]; standard errors then come from the information "
            "on the face of the boundary, and the estimate borrows "
            "information from differences between therapists, so that the fixed-effects estimate is given beside it. "
            "Converged, admissible and at the boundary are three separate verdicts. The engine was checked against lavaan "
            "[@rosseel2012]."
        )
    if "regression" in engines:
        parts.append(
            "The single-level effect is estimated by least squares; where a client lacks a value, by full-information maximum "
            "likelihood, as within therapists, so that both estimands rest on the same clients. Standard errors of type CR2 with "
            "Satterthwaite degrees of freedom are shown alongside [@bell2002; @pustejovsky2018]."
        )
    parts += _stand_ins(report)
    counting = {engine for engine, _ in counted(report.results).values()}
    others = [words for engine, words in ENGINE_WORDS.items() if engine in {*engines} - counting]
    if others:
        parts.append(f"The same models were run by {listed(others)}; only equal levels are compared.")
    parts.append(
        "A model of one predictor, one mediator and one outcome is saturated within: global and local fit are perfect by "
        "construction and are not read as support. Each model is also fitted with its direct paths fixed at zero, and the two are "
        "compared by the likelihood ratio; what each fit says of itself is in `mediation/fit.csv`."
    )
    return joined(parts)


def _stand_ins(report: Report) -> list[str]:
    """Estimands whose own engine was not run: by what they are estimated instead."""
    return [
        f"The {'within' if level == 'within' else 'single-level'} effect is estimated by {METHOD_WORDS[engine, level]} "
        f"({LIBRARIES[engine]}), since the engine meant for it was not run."
        for level, (engine, _) in counted(report.results).items()
        if engine != PRIMARY[level][0]
    ]


def intervals(report: Report) -> str:
    """The intervals that were computed."""
    asked = list(report.results.setting("intervals", default=[]))
    bind = report.bind
    parts = []
    draws = bind.setting("montecarlo", "draws")
    found = counted(report.results)
    kinds = {kind for _, kind in found.values()} or {PRIMARY_INTERVAL}
    if report.variant.matrix:
        parts.append(
            "The primary interval of the indirect effect is the Monte Carlo interval from the joint "
            f"distribution of *a* and *b*, scaled to *t*, from {draws} draws [@preacher2012]."
        )
    elif PRIMARY_INTERVAL in kinds:
        parts.append(
            "The primary interval and test of every effect rest on its estimates without each therapist in turn: variances by the "
            "cluster jackknife about the full estimate [@mackinnon2023], *t* with one degree of freedom less than therapists; the "
            "indirect effect is the product of *a* and *b* as independent *t* variates [@craig1936], its quantiles by quadrature. It "
            "needs neither normal nor equally variable residuals, and it alone decides."
        )
        if "montecarlo" in asked and kinds == {PRIMARY_INTERVAL}:
            parts.append(
                "The Monte Carlo interval of normal theory, scaled to *t*, is shown alongside, from "
                f"{draws} draws [@preacher2012]."
            )
    if not report.variant.matrix and kinds != {PRIMARY_INTERVAL}:
        where = " and ".join(ESTIMAND_WORDS[level] for level, (_, kind) in found.items() if kind == STAND_IN)
        parts.append(
            f"The engine that counts {where} is not fitted again without each therapist; its standard errors give the tests, and the "
            "Monte Carlo interval from the joint distribution of *a* and *b*, scaled to *t*, from "
            f"{draws} draws, decides on the indirect effect [@preacher2012]."
        )
    if "delta" in asked:
        parts.append(
            "The delta-method interval is shown alongside; it is symmetric, which the distribution of a product is not [@mackinnon2004]."
        )
    resampled = [word for key, word in (("percentile", "percentile"), ("bca", "BCa")) if key in asked]
    engines = set(report.results.setting("engines", default=[])) & set(RESAMPLING)
    if (
        resampled
        and engines
        and report.results.setting("bootstrap", "replicates")
        and not report.variant.matrix
    ):
        cite = " [@efron1987]" if "bca" in asked else ""
        noun = "intervals" if len(resampled) > 1 else "interval"
        parts.append(
            f"The cluster bootstrap resamples whole therapists, {bind.setting('bootstrap', 'replicates')} times, for the "
            f"{listed(resampled)} {noun}{cite}; with few therapists these are known to be too short, which is why they are not primary."
        )
    level = bind.setting("confidence", style="%")
    parts.append(f"All intervals have the level {level}; all tests are two-sided.")
    return joined(parts)


SENTENCES = (model_roles, models, estimation, intervals)
