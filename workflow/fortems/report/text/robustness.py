"""Agreement of engines, measurement error, influence of therapists, numbers compared with published ones."""

from __future__ import annotations

from fortems.presentation.choice import levels, shown_models
from fortems.presentation.results import Row
from fortems.presentation.words import ESTIMAND_WORDS, MEASURED_INTERVALS, listed
from fortems.report.bind import escape
from fortems.report.template import Report
from fortems.report.text.study import model_at
from fortems.report.text.words import IS, clear, joined, name, p, plural
from fortems.study.definition import study
from fortems.study.instruments import compared
from fortems.study.models import ACCOUNTED
from fortems.study.roles import key_models
from fortems.study.variables import bare

AGREEMENT = "mediation/agreement.csv"
PUBLISHED = "published.csv"
MEASUREMENT = "mediation/measurement.csv"
FACTORS = "mediation/cfa.csv"
SAME_CLIENTS = "same clients"
BASE = ("predictor", "mediator", "outcome")
INFLUENCE = "robustness/leave_one_out.csv"


def agreement(report: Report) -> str:
    """How far engines differ from the primary one, in its standard errors, and why."""
    parts = []
    larger: list[Row] = []
    for level, words in (("within", "Within therapists"), ("single", "At the single level")):
        rows = report.results.rows(AGREEMENT, "difference", level=level)
        if not rows:
            continue
        close = [row for row in rows if row["agrees"]]
        larger += [row for row in rows if not row["agrees"]]
        names = [f"*{name_}*" for name_ in dict.fromkeys(row["engine"] for row in rows)]
        whole = report.bind.over(rows, "difference", "rows")
        text = f"{words} {listed(names)} {plural(len(names), 'was', 'were')} compared with *{rows[0]['primary']}* on {whole} effects; "
        if len(close) == len(rows):
            text += "all differ by less than a tenth of a standard error."
        else:
            largest = max(rows, key=lambda row: abs(row["difference"]))
            near = report.bind.over(close, "difference", "rows") if close else "none"
            text += (
                f"{near} differ by less than a tenth of a standard error, and the largest difference is "
                f"{report.bind.of(largest, 'difference', 'b')} standard errors."
            )
        parts.append(text)
    if not parts:
        return "A single engine was run at each level, so that there is nothing to compare."
    unexplained = [row for row in larger if row.get("explanation", "") == "unexplained"]
    if unexplained:
        parts.append(
            f"For {report.bind.rows(unexplained, 'difference')} of the larger differences no cause is known."
        )
    elif larger:
        parts.append(
            "Each larger difference has a stated cause, mostly that the engines weigh differences within and between therapists "
            "differently."
        )
    parts.append(
        f"The comparison effect by effect is in `mediation/agreement.csv`{report.see('fig-agreement')}."
    )
    return joined(parts)


def comparable(report: Report) -> list[Row]:
    """Published numbers that were compared and mean the same here: of another sample not its size and its background.

    Of a simulated run none: it was told the numbers of the design, and can give no others.
    """
    rows = [row for row in report.results.rows(PUBLISHED) if row["verdict"] != "not attempted"]
    if report.variant.simulated:
        return []
    if report.variant.matrix:
        return rows
    return [row for row in rows if str(row["file"]) != "data/flow.csv" and not _background(str(row["row"]))]


def _background(keys: str) -> bool:
    """Whether a row of a table of descriptives is of no scale."""
    named = dict(pair.split("=", 1) for pair in keys.split(", ") if "=" in pair).get("variable", "")
    return bool(named) and named not in study().scales


def published(report: Report) -> str:
    """Published numbers compared with computed ones."""
    rows = report.results.rows(PUBLISHED)
    tried = comparable(report)
    if report.variant.simulated:
        return (
            "Numbers of a simulated run are not compared with published ones: those of the design are what the simulation was told, the "
            f"others are no estimates of the {study().work}'s. `published.csv` lists them."
        )
    if not tried:
        return f"No published number could be compared: the {study().work}'s tables were not typed in, or this source cannot give the numbers."
    clauses = []
    rounded = "by no more than the rounding of what was printed explains"
    for verdict, words in (
        ("equal", ("equals the computed one", "equal the computed ones")),
        ("rounding", (f"differs {rounded}", f"differ {rounded}")),
        ("differs", ("differs", "differ")),
    ):
        count = sum(row["verdict"] == verdict for row in tried)
        if count:
            clauses.append(f"{report.bind.among(tried, 'verdict', verdict)} {plural(count, *words)}")
    many = plural(len(tried), "number", "numbers")
    what = (
        f"{many} printed in {report.variant.source_work}" if report.variant.invented else f"published {many}"
    )
    text = f"Of {report.bind.rows(tried, 'verdict')} {what} that could be compared, {listed(clauses)}{report.see('tbl-published')}."
    left = len(rows) - len(tried)
    if left:
        text += (
            " The others could not be: the sources at hand do not give them, or this run has no counterpart."
        )
    return text


def measurement(report: Report) -> str:
    """What taking measurement error into account changes, model by model."""
    parts = []
    for base in measured_models(report):
        for level in levels(report.results):
            plain_row, latent, same = (
                next(iter(measured_rows(report, **base, measurement=kind, level=level)), None)
                for kind in ("observed", "latent", SAME_CLIENTS)
            )
            plain_row = same or plain_row
            if latent is None or not latent.has("standardized"):
                continue
            size = f"{report.bind.of(latent, 'standardized', 'end')} in standard deviations"
            shown = clear(latent)
            clients = " of the same clients" if same is not None else ""
            beside = (
                f" against {report.bind.of(plain_row, 'standardized', 'end')} with observed scores{clients}"
                if plain_row is not None and plain_row.has("standardized")
                else ""
            )
            verdict = {
                True: "its interval leaves out zero",
                False: "its interval includes zero",
                None: "no interval could be given",
            }[shown]
            parts.append(
                f"With {latent_words(base)} {ESTIMAND_WORDS[level]}, the indirect effect is {size}{beside}; {verdict}."
                f"{_misfit(report, latent)}"
            )
    corrected = report.results.rows(MEASUREMENT, "ratio", measurement="corrected", effect="indirect")
    if corrected:
        parts.append(
            f"Correcting the scores for unreliability multiplies the indirect effect by {report.bind.span(corrected, 'ratio', 'b')}."
        )
    if parts:
        parts.append(
            f"Models and intervals stand together{report.see('tbl-measurement', 'fig-measurement')}."
        )
        if report.results.has(FACTORS):
            usual = report.results.first(FACTORS, model="three factors") is not None
            which = "one factor, two and three fit" if usual else "factor models fit"
            whose = compared(report.results.instruments)
            of = escape(whose.title) if whose else "questionnaire"
            parts.append(f"How well {which} the answers to the {of} is in `{FACTORS}`.")
    return joined(parts) or "No model that takes measurement error into account gave an estimate."


def _misfit(report: Report, row: Row) -> str:
    """That a latent model does not fit, where its χ² says so: what it estimates is then of a model that is wrong."""
    if not row.has("chi2", "df", "chi2_p") or row["chi2_p"] >= 0.05:
        return ""
    test = f"χ²({report.bind.of(row, 'df', 'df')}){IS}{report.bind.of(row, 'chi2', 'b')}"
    return f" This model does not reproduce its indicators' covariances ({test}, {p(report, row, 'chi2_p')})."


def measured_models(report: Report) -> list[dict[str, str]]:
    """Predictor, mediator and outcome of each model that takes measurement error into account, each once."""
    bases = [{key: str(row[key]) for key in BASE} for row in report.results.rows(MEASUREMENT)]
    return [base for number, base in enumerate(bases) if base not in bases[:number]]


def latent_words(base: dict[str, str]) -> str:
    """A latent model by its predictor; by all three variables where mediator and outcome are not the study's."""
    if (base["mediator"], base["outcome"]) == (study().mediator, study().outcome):
        return f"{name(base['predictor'])} as a latent variable"
    return f"{listed(name(variable) for variable in base.values())} as latent variables"


def accounts_for_error(report: Report) -> bool:
    """Whether a model that takes measurement error into account gave an estimate."""
    return any(measured_rows(report, measurement=kind) for kind in ACCOUNTED)


def measured_rows(report: Report, **keys: str) -> list[Row]:
    """A row an indirect effect, with the interval that comes first: that of the other tables where there is one."""
    found: dict[tuple[str, ...], Row] = {}
    for interval in MEASURED_INTERVALS:
        for row in report.results.rows(MEASUREMENT, effect="indirect", interval=interval, **keys):
            if row.has("estimate"):
                found.setdefault(tuple(row[key] for key in (*BASE, "measurement", "level")), row)
    order = [row["model"] for row in report.results.rows(MEASUREMENT)]
    return sorted(found.values(), key=lambda row: (order.index(row["model"]), row.line))


def influence(report: Report) -> str:
    """How far the main effects move without each therapist in turn; of own data how often their sign turns."""
    main = key_models(report.models)
    wanted = list(main.values()) or shown_models(report.results, report.models)
    if report.results.private:
        return _turns(report, wanted)
    rows = report.results.rows(
        INFLUENCE, "largest_shift", "lowest", "highest", effect="indirect", model=wanted, at=None
    )
    if not rows:
        which = (
            f"The models of {listed(bare(x) for x in study().predictors)}"
            if main
            else "The models of this run"
        )
        return f"{which} could not be fitted without single therapists."
    clauses = []
    for row in rows:
        ends = f"{report.bind.of(row, 'lowest', 'end')} to {report.bind.of(row, 'highest', 'end')}"
        clauses.append(f"{ends} for {model_at(report, row)}")
    parts = [
        f"Over the fits that leave out one therapist the indirect effect ranges from {'; from '.join(clauses)}."
    ]
    turning = [row for row in rows if row["sign_changes"] > 0]
    if turning:
        which = listed(model_at(report, row) for row in turning)
        parts.append(f"Its sign changes in some of them for {which}.")
    else:
        parts.append("Its sign never changes in these models.")
    largest = max(rows, key=lambda row: abs(row["largest_shift"]))
    parts.append(
        f"The largest shift among these is {report.bind.of(largest, 'largest_shift', 'b')} standard errors; every path of every model, "
        f"those of more predictors among them, is in `{INFLUENCE}`{report.see('fig-leave_one_out')}."
    )
    return joined(parts)


def _turns(report: Report, models: list[str]) -> str:
    """For how many therapists the sign of an indirect effect turns without their clients."""
    rows = report.results.rows(INFLUENCE, "sign_changes", effect="indirect", model=models, at=None)
    if not rows:
        return ""
    told = (
        "Estimates without single therapists are not shown, since these could be told by "
        f"them{report.see('fig-leave_one_out')}."
    )
    turning = [row for row in rows if row["sign_changes"] > 0]
    if not turning:
        return f"Whichever therapist is left out, the indirect effect keeps its sign in these models. {told}"
    clauses = [
        f"{report.bind.of(row, 'sign_changes', 'n')} of the therapists for {model_at(report, row)}"
        for row in turning
    ]
    return f"The sign of the indirect effect turns without the clients of {listed(clauses)}. {told}"


SENTENCES = (agreement, published, measurement, influence)
