"""Method: design, estimation, intervals, claims, sensitivity analyses, missing data, software."""

from __future__ import annotations

from fortems.package import NAME
from fortems.presentation.choice import counted, is_fitted, levels, own_models, reordered_models
from fortems.presentation.results import CODEBOOK, PATTERNS
from fortems.presentation.words import ESTIMAND_WORDS, METHOD_WORDS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.mediation import as_covariates, moderators
from fortems.report.text.story import package_name
from fortems.report.text.study import model_words
from fortems.report.text.unfitted import unfitted
from fortems.report.text.words import joined, name, plural, sentence
from fortems.report.variant import reason_absent
from fortems.run.catalogue import FILES, SOURCE_FILE, WITHHELD
from fortems.study.definition import study
from fortems.study.engines import ENGINES, RESAMPLED, RESAMPLING
from fortems.study.estimands import PRIMARY, PRIMARY_INTERVAL, STAND_IN, computed_intervals
from fortems.study.roles import main_models, outcome_parts
from fortems.study.variables import bare

FEW = 3  # models that a sentence names one by one
LIBRARIES = {"semopy": "semopy [@igolkina2020]", "mixedlm": "statsmodels [@seabold2010]"}
ENGINE_WORDS = {
    "twolevel": "a two-level maximum-likelihood engine of our own",
    "regression": "least squares with cluster-robust (CR2) standard errors",
    "semopy": f"single-level path models in {LIBRARIES['semopy']}",
    "mixedlm": f"linear mixed models in {LIBRARIES['mixedlm']}",
}


def design(report: Report) -> str:
    """Where the data come from."""
    variant, bind = report.variant, report.bind
    if variant.simulated:
        moments = ""
        if report.has("data/calibration.csv"):
            moments = (
                " Item answers come from a graded measurement model per questionnaire whose thresholds, loadings and "
                "covariances are solved so that the *scored* scales have the assumed moments; what was set and what was "
                "achieved stand side by side in `data/calibration.csv`."
            )
        return (
            f"All data are simulated, client by client and item by item, from the scenario *{escape(variant.scenario)}*. A "
            "scenario states means, standard deviations, reliabilities, correlations and therapist shares of the "
            "subscales, each with its source and a grade of how well it is known. The article's own coefficients were not "
            f"available, so that none of them is among these values.{moments} The seed is {bind.setting('seed', style='text')}."
        )
    if variant.own:
        level = "single answers to the questionnaires" if variant.has_items else "scale scores"
        return (
            f"The data are an export of {level} from the file *{escape(variant.file)}*. Clients are nested in therapists; "
            "all measures were taken once, so that the design is cross-sectional, as in the article. Columns were "
            "mapped to the study's names, checked against their possible range, and every exclusion counted."
        )
    row = report.results.first(SOURCE_FILE)
    source = f" ({bind.of(row, 'source', 'text')})" if row is not None and row.has("source") else ""
    invented = (
        " No such study exists: the article was invented as a worked example." if variant.invented else ""
    )
    return (
        f"The data are the means, standard deviations and correlations of a published table{source}, typed into the file "
        f"*{escape(variant.file)}*.{invented} Before any computing each cell was checked against what is possible: its sign and "
        "stars, the range of the scale, and whether all correlations can occur together."
    )


def count_of_models(report: Report) -> str:
    """The number of models in the models file, bound to the models that verdicts or measurement list."""
    rows = report.results.rows("mediation/effects.csv")
    return report.bind.over(rows, "model", "distinct", "w")


def model_roles(report: Report) -> str:
    """What predictor, mediator and outcome are: named where all models are of the study's variables."""
    if own_models(report.results, report.models):
        return "a predictor $x$, a mediator $m$ and an outcome $y$"
    ours = study()
    aspect = " or an aspect of it" if ours.aspects else ""
    return (
        f"a predictor $x$ (the {escape(bare(ours.predictors[0]))}{aspect}), the mediator $m$ ({name(ours.mediator)}) and the outcome "
        f"$y$ ({name(ours.outcome)})"
    )


def models(report: Report) -> str:
    """How many models, their kinds, and those that are not, or not wholly, in the results."""
    return joined([_fitted_models(report), unfitted(report)])


def _fitted_models(report: Report) -> str:
    rows = report.results.rows("mediation/effects.csv")
    if not rows:
        return ""
    fitted = [model for model in report.models if any(row["model"] == model for row in rows)]
    adjusted = [model for model in fitted if report.models[model].covariates]
    moderated = moderators(report, fitted)
    extra = [f"with {as_covariates(report, adjusted)}"] if adjusted else []
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
            "matrices of therapists and clients. At the size of the article the maximum mostly lies at the boundary, where a "
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
            "Satterthwaite degrees of freedom are shown beside [@bell2002; @pustejovsky2018]."
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
                "The Monte Carlo interval of normal theory, scaled to *t*, is shown beside, from "
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
            "The delta-method interval is shown beside; it is symmetric, which the distribution of a product is not [@mackinnon2004]."
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


def stated_checks(report: Report) -> str:
    """Where the findings to check stand."""
    return (
        "Each finding to check is stated with its statistic, test, level, sides and direction in a file of this run's own; the "
        "findings are not the article's, though the verdicts go by the same rules."
        if report.results.own_claims
        else "Each finding of the article is stated as a check with its statistic, test, level, sides and direction, in a file that "
        "comes with the package."
    )


def claims_method(report: Report) -> str:
    """How the article's findings are judged."""
    if not report.has("claims.csv"):
        reason = reason_absent("claims.csv", report.results.config)
        return f"The article's findings were not checked one by one in this run: {reason}."
    clustered = (
        "Correlations are judged over all clients with a cluster-robust test; the within-therapist and the plain correlation are shown beside, not judged. "
        if not report.variant.matrix
        else "Correlations are judged over all clients. "
    )
    return (
        f"{stated_checks(report)} {clustered}A correlation is called moderate from {report.fact('moderate_low')} to below "
        f"{report.fact('moderate_high')} in size. Verdicts are *reproduced*, *not reproduced* and *not testable*; a finding of "
        "no significance that holds is called *consistent (weak)*, since a test that fails to reject supports little. Full "
        "mediation that is concluded from a direct path without significance *matches the article's rule*, which does not "
        "reproduce it; a size is judged by its whole interval, which often *cannot tell*. Whether the authors would have "
        "written the finding, by *p* and the estimate alone, is a column of its own in `claims.csv`. "
        "*p* values adjusted for the family of the article's correlations [@holm1979] stand beside the raw ones. Verdicts are computed from "
        "unrounded values."
    )


def sensitivity_method(report: Report) -> str:
    """The analyses beyond the main ones."""
    repeated = _repeated(report)
    parts = (
        [
            f"The models{f' of the {escape(bare(study().predictors[0]))} and its aspects' if main_models(report.models) else ''} were repeated {listed(repeated)}."
        ]
        if repeated
        else []
    )
    if report.variant.matrix:
        parts = ["Every model that the printed variables allow was estimated."]
        if reordered_models(report.results, report.models):
            parts = [f"{parts[0][:-1]}, those with the directions turned around included."]
    if report.has("mediation/measurement.csv"):
        parts.append(
            "Measurement error was taken into account by latent variables or by correction for unreliability."
        )
    if report.has("robustness/leave_one_out.csv"):
        parts.append(_left_out(report))
    if report.has("design/diagnosticity.csv"):
        studies = report.bind.setting("design", "diagnosticity", "studies")
        parts.append(
            f"To see how well the published pattern tells accounts apart, {studies} studies of the article's size were simulated "
            f"from each of several scenarios{report.see('tbl-scenarios')}, and every finding was checked in every "
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
        f"{text} that can be fitted without any of them; which could not, and why, is in `mediation/fit.csv`."
    )


def _covered(report: Report) -> str:
    """From how many studies the coverage of the intervals was simulated."""
    coverage = ("design", "coverage")
    text = f"The coverage of the intervals was simulated from {report.bind.setting(*coverage, 'studies')} studies each"
    resampled = report.results.rows("design/coverage.csv", interval=RESAMPLED)
    if resampled and report.results.setting(*coverage, "bootstrap_studies"):
        text += f", that of resampled intervals from {report.bind.setting(*coverage, 'bootstrap_studies')}"
    return f"{text}."


def _repeated(report: Report) -> list[str]:
    """With what the main models were repeated, as far as this run's models and engines go."""
    own = own_models(report.results, report.models)
    fitted = {
        name_: entry
        for name_, entry in report.models.items()
        if name_ not in own and is_fitted(report.results, name_)
    }
    engines = list(report.results.setting("engines", default=[]))
    ways = {
        "with other engines": len(engines) > 1,
        "with other intervals": len(computed_intervals(report.results.setting("intervals", default=[]))) > 1,
        "with covariates": any(entry.covariates for entry in fitted.values()),
        f"with parts of {name(study().outcome)} as the outcome": any(
            entry.outcome in outcome_parts() for entry in fitted.values()
        ),
        f"with {name(study().rival)} as a rival mediator": any(
            study().rival in entry.mediators for entry in fitted.values()
        ),
        "with the directions turned around": bool(reordered_models(report.results, report.models)),
    }
    return [words for words, there in ways.items() if there]


def missing(report: Report) -> str:
    """What was done about missing values, how many there are, and which go together."""
    return joined([_missing_scores(report), _missing_answers(report), _missing_together(report)])


def _missing_together(report: Report) -> str:
    """How many clients are complete, and where variables and patterns are listed."""
    if "tbl-codebook" not in report.items:
        return ""
    whole = next((row for row in report.results.released_rows(PATTERNS) if not row.has("missing")), None)
    parts = []
    if "tbl-patterns" in report.items:
        listed_in = f"which values are missing together is in {report.ref('tbl-patterns')}"
        parts.append(
            f"For {report.bind.of(whole, 'share', '%1')} of clients no score or background variable is missing; {listed_in}."
            if whole is not None
            else sentence(listed_in)
        )
    elif report.results.has(PATTERNS) and whole is None:
        parts.append(
            "Which values are missing together is withheld, since it would show counts of few clients."
        )
    parts.append(f"Each variable is described in the codebook ({report.ref('tbl-codebook')}).")
    return joined(parts)


def _missing_answers(report: Report) -> str:
    """How often single answers are missing; of own data only where no few clients could be told by it."""
    items = [row for row in report.results.rows(CODEBOOK, kind="item") if row.has("missing", "missing_share")]
    if not items:
        return ""
    limit = report.results.setting("privacy", "min_cell", default=5) if report.results.private else 0
    most = max(items, key=lambda row: row["missing"])
    if most["missing"] == 0:
        return "No single answer is missing."
    if most["missing"] < limit:
        return "Single answers are missing for fewer clients an item than may be counted here; the scores are prorated as told above."
    return (
        f"Single answers are missing more often, an item for at most {report.bind.of(most, 'missing_share', '%1')} of clients; the "
        "scores are prorated as told above."
    )


def _incomplete_rows(report: Report) -> str:
    """Which engines use clients who lack a score."""
    engines = list(report.results.setting("engines", default=[]))
    complete = [f"*{name_}*" for name_ in engines if not ENGINES[name_].incomplete]
    if len(complete) == len(engines):
        return "The models use clients without missing values."
    text = (
        "Clients with any score enter the models by full-information likelihood, which assumes values missing at random given "
        "the others"
    )
    return (
        f"{text}; {listed(complete)} {plural(len(complete), 'uses', 'use')} complete rows."
        if complete
        else f"{text}."
    )


def _missing_scores(report: Report) -> str:
    if report.variant.matrix:
        return "What was missing in the article's data, and how it was treated, cannot be seen from a matrix."
    rows = [row for row in report.results.rows("tables/descriptives.csv") if not row.has("category")]
    gaps = [row for row in rows if row.has("missing") and row["missing"] > 0]
    how = _incomplete_rows(report)
    if report.results.private:
        return _missing_told(report, how)
    if not rows:
        return how
    if not gaps:
        return f"No client lacks a scale score. {how}"
    most = max(gaps, key=lambda row: row["missing"])
    size = f"{report.bind.of(most, 'missing', 'w')} {plural(int(most['missing']), 'client', 'clients')}"
    of_all = f"Of {report.bind.rows(rows, 'n')} scale scores and numeric background variables"
    if len(gaps) == 1:
        return f"{of_all} one has missing values, {name(most['variable'])} ({size}). {how}"
    count = report.bind.rows(gaps, "n")
    return f"{of_all} {count} have missing values, most of all {name(most['variable'])} ({size}). {how}"


def _missing_told(report: Report, how: str) -> str:
    """On which clients tables and models of own data rest, without telling how few are left out."""
    flow = {row["step"]: row for row in report.results.rows("data/flow.csv")}
    limit = report.results.setting("privacy", "min_cell", default=5)
    some, all_ = flow.get("scored"), flow.get("analysed")
    if some is None or all_ is None or all_["clients"] - some["clients"] < limit:
        return (
            "All tables and models rest on the same clients, those who have every value that the models need."
        )
    count = report.bind.of(some, "clients", "n")
    return f"Of the clients analysed, {count} have every value that the models need; the tables rest on these. {how}"


def software(report: Report) -> str:
    """The package, its parts, how to repeat the run."""
    bind = report.bind
    return (
        f"The {package_name()} (version {bind.software(NAME)}) ran every step in one workflow "
        f"(Snakemake {bind.software('snakemake')}) [@molder2021] with Python libraries at locked versions "
        f"({report.ref('tbl-software')}). One command repeats it; the same seed gives the same bytes. Data, scenarios and "
        "findings to check are plain files beside the code."
    )


def withheld(report: Report) -> str:
    """What this run does not report, each with its reason."""
    reasons: dict[str, list[str]] = {}
    for file, words in ((file.name, file.absent) for file in FILES.values() if file.absent):
        if file == "data/flow.csv" and report.variant.matrix:
            continue
        if not report.results.has(file):
            reasons.setdefault(reason_absent(file, report.results.config), []).append(words)
    told = [f"{listed(found)} ({reason})" for reason, found in reasons.items()]
    parts = [f"Not reported in this run: {'; '.join(told)}."] if told else []
    return joined([*parts, _of_few(report)])


def _of_few(report: Report) -> str:
    """What of own data is withheld, since few clients could be told by it."""
    if not report.results.private:
        return ""
    limit = report.bind.setting("privacy", "min_cell")
    text = (
        f"Nothing is told of fewer than {limit} clients or of single therapists: rare categories are merged before any model is "
        "built, ranges are the possible ones, and what single therapists or clients do to a result is not shown."
    )
    rows = report.results.rows(WITHHELD)
    for column, words in (("variable", "variables"), ("model", "models")):
        names = [escape(str(row[column])) for row in rows if row.has(column)]
        if names:
            text += f" Withheld {plural(len(names), f'is the {column}', f'are the {words}')} {listed(names)} (`{WITHHELD}`)."
    return text


SENTENCES = {
    function.__name__: function
    for function in (
        design, model_roles, models, estimation, intervals, claims_method, sensitivity_method, missing, software, withheld,
    )
}  # fmt: skip
