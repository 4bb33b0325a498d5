"""What it would take to overturn the effects: unmeasured confounders, a common factor, dropout, distributions, priors."""

from __future__ import annotations

from collections.abc import Callable

from fortems.presentation.choice import levels
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, listed
from fortems.report.template import Report
from fortems.report.text.study import model_words
from fortems.report.text.words import NB, joined
from fortems.robustness.bayes.prior import INFORMED
from fortems.study.definition import study
from fortems.study.variables import in_sentence

CONFOUNDING = "robustness/confounding.csv"
STRENGTHS = "robustness/robustness_values.csv"
FACTOR = "robustness/common_factor.csv"
SURVIVORS = "robustness/survivors.csv"
DISTRIBUTION = "robustness/distribution.csv"
BAYES = "robustness/bayes.csv"
SBC = "design/sbc.csv"
FEWEST_DRAWS = 400  # effective, below which a posterior is not to be relied on (Vehtari et al., 2021)
SMALL = 0.05  # below, a test of a distribution is named


def models_looked_at(report: Report, file: str) -> list[str]:
    """The models that a table of this kind is about, in its order."""
    return list(dict.fromkeys(str(row["model"]) for row in report.results.rows(file)))


def each(report: Report, file: str) -> list[tuple[str, str]]:
    """Each model and estimand that a table is about."""
    return [
        (model, level)
        for model in models_looked_at(report, file)
        for level in levels(report.results)
        if report.results.rows(file, model=model, level=level)
    ]


def _where(report: Report, model: str, level: str) -> str:
    return f"for {model_words(report, model)} {ESTIMAND_WORDS[level]}"


def by_correlation(report: Report, model: str, level: str) -> str:
    """Where the interval reaches zero and where the sign is lost, as a clause."""
    sign = report.results.first(CONFOUNDING, model=model, level=level, kind="sign")
    limit = report.results.first(CONFOUNDING, model=model, level=level, kind="interval")
    if sign is None or not sign.has("rho"):
        return ""
    lost = f"its sign is lost at {report.bind.of(sign, 'rho', 'r')}"
    if limit is None or not limit.has("rho"):
        return lost
    if limit["rho"] == 0:
        return f"its interval includes zero without any, and {lost}"
    return f"its interval reaches zero at a residual correlation of {report.bind.of(limit, 'rho', 'r')}, and {lost}"


def by_factor(report: Report, model: str, level: str) -> str:
    """What a common factor does first, as a clause."""
    parts = []
    for row in report.results.rows(FACTOR, "variance_share", model=model, level=level, first=True):
        share = report.bind.of(row, "variance_share", "%")
        if row["kind"] == "inadmissible":
            parts.append(f"one of {row['pattern']} cannot explain it away, as none above {share} is possible")
        else:
            parts.append(f"one of {row['pattern']} does so at {share} of the variance of all ratings")
    return "; ".join(parts)


def by_dropout(report: Report, model: str, level: str) -> str:
    """The range over the grid of dropout, as a clause."""
    rows = report.results.rows(SURVIVORS, "indirect", "ci_low", model=model, level=level)
    if not rows:
        return ""
    clear = [row for row in rows if row["ci_low"] > 0 or row["ci_high"] < 0]
    shown = report.bind.rows(clear, "indirect") if clear else "none"
    return f"it is {report.bind.span(rows, 'indirect', 'end')}, and its interval leaves out zero in {shown} of {report.bind.rows(rows, 'indirect')} cases"


def confounding(report: Report) -> str:
    """What an unmeasured cause would have to be, at each estimand."""
    clauses = _of_each(report, CONFOUNDING, by_correlation)
    if not clauses:
        return "No model of one predictor and one mediator was fitted, so that nothing can be said on unmeasured causes."
    return joined(
        [
            "Mediation supposes that mediator and outcome share no cause that was not measured. The correlation of their residuals "
            "says how far it may be otherwise [@imai2010]: "
            f"{'; '.join(clauses)}{report.see('tbl-overturn', 'fig-confounding')}. The first value is the one to judge by: an effect "
            "whose sign holds further may have lost its interval long before."
        ]
    )


def strengths(report: Report) -> str:
    """Robustness values, and whether measured variables reach them."""
    values = report.results.rows(
        STRENGTHS, "rv", "rv_alpha_robust", kind="value", target="zero", effect=("a", "b")
    )
    if not values:
        return ""
    parts = [
        "Robustness values [@cinelli2020] say how much of the variance of both ends of a path a confounder must explain: "
        f"{report.bind.span(values, 'rv', '%')} to bring *a* or *b* to zero, {report.bind.span(values, 'rv_alpha_robust', '%')} to bring the report's own interval there (the "
        f"cluster-robust variant){report.see('fig-robustness_values')}."
    ]
    tried = report.results.rows(STRENGTHS, "includes_zero", kind="benchmark", effect=("a", "b"))
    if tried:
        names = listed(dict.fromkeys(in_sentence(str(row["benchmark"])) for row in tried))
        reached = report.bind.among(tried, "includes_zero", "True")
        parts.append(
            f"A confounder as strong as a measured variable ({names}) would leave an interval with zero in {reached} of "
            f"{report.bind.rows(tried, 'includes_zero')} cases."
        )
    bound = report.results.rows(STRENGTHS, "rv", kind="value", target="equivalence bound")
    if bound:
        text = f"To move a direct path to the bound of the equivalence test it takes {report.bind.span(bound, 'rv', '%')}"
        if max(row["rv"] for row in bound) < min(row["rv"] for row in values):
            text += ": little is needed for that verdict to change"
        parts.append(f"{text}.")
    return joined(parts)


def _of_each(report: Report, file: str, clause: Callable[[Report, str, str], str]) -> list[str]:
    """What a clause says of each model and level of a table, headed by which they are."""
    return [
        f"{_where(report, model, level)} {text}"
        for model, level in each(report, file)
        if (text := clause(report, model, level))
    ]


def common_factor(report: Report) -> str:
    """Which comes first: that the effect vanishes, or that no matrix remains."""
    clauses = _of_each(report, FACTOR, by_factor)
    if not clauses:
        return ""
    return (
        f"All scores of these models are one client's ratings. A factor that runs through all of them, {_kinds()}, can make an indirect effect of "
        "nothing, unless no covariance matrix remains before: "
        f"{'; '.join(clauses)}{report.see('fig-common_factor')}."
    )


def _kinds() -> str:
    """The common factors looked at, with what each does to the study's variables."""
    ours = study()
    parts = {"predictor": 1, "mediator": ours.expected(ours.predictors[0], ours.mediator)}
    parts["outcome"] = ours.expected(ours.predictors[0], ours.outcome)
    down = [part for part, sign in parts.items() if sign < 0]
    if not down:
        return "of halo or of acquiescence (all up, the one like the other)"
    up = listed(part for part, sign in parts.items() if sign > 0)
    return f"of halo ({up} up, {listed(down)} down) or of acquiescence (all up)"


def survivors(report: Report) -> str:
    """What dropout before the sample would do."""
    clauses = _of_each(report, SURVIVORS, by_dropout)
    if not clauses:
        return ""
    return (
        "Clients who stayed are survivors of dropout. What the indirect effect of all would have been, those who left included, was "
        "computed under normal theory over a grid, stated in the configuration, of how staying depends on predictor and outcome: "
        f"{'; '.join(clauses)}{report.see('fig-survivors')}."
    )


def distributions(report: Report) -> str:
    """What departs from normal theory, and what that does to the interval."""
    features = report.results.rows(DISTRIBUTION, "p", kind="feature")
    if not features:
        return ""
    low = [row for row in features if row["p"] < SMALL]
    parts = [
        f"Of {report.bind.over(features, 'p', 'rows', 'n')} tests of residuals (skewness, tails, unequal variances) "
        f"{report.bind.rows(low, 'p') if low else 'none'} had *p* below .05."
    ]
    fares = report.results.rows(DISTRIBUTION, "coverage", kind="population")
    kinds = dict.fromkeys(row["check"] for row in fares)
    clauses = []
    for kind in kinds:
        same = [row for row in fares if row["check"] == kind]
        span = report.bind.span(same, "coverage", "%")
        clauses.append(
            f"{span} where populations are {'normal' if kind == 'normal' else f'like these data in their {kind}'}"
        )
    if clauses:
        parts.append(
            "In simulated studies with the same therapists and clients the report's own interval contains the true effect in "
            f"{'; '.join(clauses)}{report.see('tbl-distribution')}.".replace("shapes as found", "shapes")
            .replace("variances as found", "variances")
            .replace("scales as found", "ends of scales")
        )
    return joined(parts)


def _posterior(report: Report, model: str, level: str, quantity: str) -> Row | None:
    return report.results.first(BAYES, model=model, prior=INFORMED, level=level, quantity=quantity)


def posterior_effects(report: Report) -> str:
    """Effects between therapists with their uncertainty, the direct path against the bound, the Bayes factor."""
    parts = []
    for model in models_looked_at(report, BAYES):
        between = _posterior(report, model, "between", "indirect")
        inside = _posterior(report, model, "within", "equivalence")
        factor = _posterior(report, model, "within", "bayes_factor")
        prior = _posterior(report, model, "within", "prior_density")
        if between is None or inside is None or factor is None or prior is None:
            continue
        bind = report.bind
        parts.append(
            f"For {model_words(report, model)} the posterior of the indirect effect between therapists has the median "
            f"{bind.of(between, 'estimate', 'b')} and runs from {bind.of(between, 'ci_low', 'end')} to {bind.of(between, 'ci_high', 'end')}; "
            f"the direct path within lies inside the bound of the equivalence test with a probability of {bind.of(inside, 'estimate', '%')}, and "
            f"the Bayes factor for no direct path is {bind.of(factor, 'estimate', 'x')} (prior density at zero{NB}{bind.of(prior, 'estimate', 'b')})."
        )
    if not parts:
        return "The posterior of the two-level models could not be sampled."
    chains = report.results.rows(BAYES, "rhat", "ess")
    worst = f"The largest *R̂* is {report.bind.over(chains, 'rhat', 'max', 'r3')}, the smallest effective number of draws {report.bind.over(chains, 'ess', 'min', 'n')}."
    lead = (
        "Where the therapists' covariance matrix is at its boundary, maximum likelihood gives no standard errors between therapists. A "
        "posterior does, with a prior of the therapists' shares after @johns2019 and, beside it, weaker ones of their standard deviations."
    )
    if max(row["rhat"] for row in chains) > 1.01 or min(row["ess"] for row in chains) < FEWEST_DRAWS:
        worst += " **The chains are too short: no number of the posterior is to be relied on.**"
    return joined(
        [
            lead,
            *parts,
            worst,
            _calibrated(report),
            f"All priors stand side by side{report.see('tbl-bayes', 'fig-bayes')}.",
        ]
    )


def _calibrated(report: Report) -> str:
    rows = report.results.rows(SBC, "p")
    if not rows:
        return ""
    low = [row for row in rows if row["p"] < SMALL]
    return (
        f"In simulation-based calibration with {report.bind.of(rows[0], 'studies', 'n')} studies a prior, "
        f"{report.bind.rows(low, 'p') if low else 'none'} of {report.bind.rows(rows, 'p')} quantities had ranks that differ from "
        "uniform ones at .05."
    )


SENTENCES = (confounding, strengths, common_factor, survivors, distributions, posterior_effects)
