"""The files of a run, each once: what it holds, which data give it, what switches it on, and who reads it.

Light: the Snakefile reads it. Figures and what the report is written to have lists of their own
(``figures.catalog``): they follow from the models.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What the data of a run are; own data that are kept from telling of few clients are ``private`` besides.
SIMULATED, ITEMS, SCORES, MATRIX, PRIVATE = "simulated", "items", "scores", "matrix", "private"
ANY = (SIMULATED, ITEMS, SCORES, MATRIX)
CLIENTS = (SIMULATED, ITEMS, SCORES)
ANSWERS = (SIMULATED, ITEMS)


@dataclass(frozen=True)
class File:
    """A result.

    Attributes
    ----------
    name : str
        Path within ``results/<run>/``.
    label : str
        What it holds, for the workflow's report; empty for what that does not show.
    given : tuple of str
        The kinds of data that give it, any of them.
    key : str
        The configuration's key that switches it on, dotted; empty for what every run makes.
    columns : tuple of str
        Those that it must have, for the gate; where some are listed it must have rows as well.
    reported : bool
        Whether sentences and tables of the report draw on it.
    absent : str
        How the report calls it where a run lacks it; empty for what it does not miss.
    compared : bool
        Whether an entry of the published values may point to it.
    """

    name: str
    label: str = ""
    given: tuple[str, ...] = ANY
    key: str = ""
    columns: tuple[str, ...] = ()
    reported: bool = False
    absent: str = ""
    compared: bool = False

    @property
    def stage(self) -> str:
        """The folder that it stands in, or its own name at the top of a run."""
        return self.name.partition("/")[0]

    @property
    def stem(self) -> str:
        """The file's name without folder and suffix."""
        return self.name.rpartition("/")[2].partition(".")[0]


#: What of a study must be known when a table is withheld; which matrix was printed; how its rounding moves paths.
WITHHELD = "tables/withheld.csv"
SOURCE_FILE = "tables/matrix_source.csv"
ROUNDING_FILE = "robustness/rounding.csv"

_EFFECTS = (
    *("model", "engine", "level", "effect", "predictor", "mediator", "outcome", "at", "interval", "estimate"),
    *("se", "ci_low", "ci_high", "p", "standardized", "n_clients", "n_therapists"),
)
_FIT = ("model", "engine", "variant", "loglik", "converged", "admissible", "boundary")
_VERDICTS = ("model", "level", "engine", "paper_rule", "equivalence", "conclusion")
_CORRELATIONS = ("x", "y", "level", "kind", "r", "n", "p", "ci_low", "ci_high")
_CLAIMS = ("claim", "estimand", "statistic", "judged", "estimate", "ci_low", "ci_high", "p", "verdict")
_PUBLISHED = ("id", "published", "computed", "verdict", "file", "row", "column")

_ALL = (
    # the clients and how they got here
    File("data/items.csv", given=ANSWERS),
    File("data/scores.csv", given=CLIENTS, columns=("client", "therapist")),
    File("data/scores.schema.json", given=CLIENTS),
    File("data/flow.csv", given=CLIENTS, reported=True, absent="the flow of participants", compared=True),
    File("data/codebook.csv", given=CLIENTS, reported=True, absent="the codebook"),
    File("data/warnings.csv", given=CLIENTS),
    File("data/missing_patterns.csv", given=CLIENTS, reported=True),
    File("data/missing_related.csv", given=CLIENTS),
    File("data/calibration.csv", "calibration: stated and achieved moments", (SIMULATED,), reported=True),
    # what the questionnaires measured
    File(
        "tables/reliability.csv", "reliability", ANSWERS, reported=True, absent="reliabilities", compared=True
    ),
    File(
        "tables/descriptives.csv",
        "descriptive statistics",
        columns=("variable", "n", "mean", "sd"),
        reported=True,
        compared=True,
    ),
    File(
        "tables/icc.csv",
        "share of variance between therapists",
        CLIENTS,
        columns=("variable", "icc"),
        reported=True,
        absent="intraclass correlations",
        compared=True,
    ),
    File(
        "tables/correlations.csv",
        "correlations at three levels",
        columns=_CORRELATIONS,
        reported=True,
        compared=True,
    ),
    File("tables/covariates.csv", "background variables", CLIENTS),
    File("tables/raters.csv", "two ratings of one construct", CLIENTS, reported=True),
    File(SOURCE_FILE, "source of the printed matrix", (MATRIX,), reported=True),
    File("tables/matrix_checks.csv", "checks of the printed matrix", (MATRIX,), reported=True),
    File(WITHHELD, "what is withheld", (MATRIX, PRIVATE), reported=True),
    # does the mediator carry the effect?
    File(
        "mediation/effects.csv", "paths and indirect effects", columns=_EFFECTS, reported=True, compared=True
    ),
    File("mediation/fit.csv", "fit", columns=_FIT, reported=True, compared=True),
    File("mediation/verdicts.csv", "full or partial: verdicts", columns=_VERDICTS, reported=True),
    File("mediation/derived.csv", "what follows from the effects", reported=True, compared=True),
    File("mediation/agreement.csv", "agreement of the engines", reported=True),
    File(
        "mediation/measurement.csv",
        "measurement error",
        CLIENTS,
        reported=True,
        absent="models that take measurement error into account",
    ),
    File("mediation/cfa.csv", given=ANSWERS, reported=True),
    File(
        "robustness/leave_one_out.csv",
        "influence of single therapists",
        CLIENTS,
        "robustness.leave_one_out",
        reported=True,
        absent="the influence of single therapists",
    ),
    File(
        "robustness/confounding.csv",
        "residual correlation of mediator and outcome",
        CLIENTS,
        "robustness.confounding",
        reported=True,
        absent="what an unmeasured confounder would do",
    ),
    File(
        "robustness/robustness_values.csv",
        "robustness values and benchmarks",
        CLIENTS,
        "robustness.confounding",
        reported=True,
    ),
    File(
        "robustness/common_factor.csv",
        "a common factor of the ratings",
        CLIENTS,
        "robustness.confounding",
        reported=True,
    ),
    File(
        "robustness/survivors.csv",
        "dropout before the sample",
        CLIENTS,
        "robustness.survivors",
        reported=True,
        absent="what dropout before the sample would do",
    ),
    File(
        "robustness/distribution.csv",
        "distributions and what they do to the interval",
        CLIENTS,
        "robustness.distribution",
        reported=True,
        absent="what the data's distributions do to the interval",
    ),
    File(
        "robustness/bayes.csv",
        "posterior of the two-level models",
        CLIENTS,
        "robustness.bayes",
        reported=True,
        absent="the posterior of effects between therapists",
    ),
    File(
        "robustness/specifications.csv",
        "every defensible analysis",
        CLIENTS,
        "robustness.multiverse",
        reported=True,
        absent="other defensible analyses",
    ),
    File(
        "robustness/multiverse.csv",
        "what the analyses come to",
        CLIENTS,
        "robustness.multiverse",
        reported=True,
    ),
    File(
        "robustness/choices.csv",
        "how much each choice matters",
        CLIENTS,
        "robustness.multiverse",
        reported=True,
    ),
    File(
        "robustness/joint.csv", "joint test of the analyses", CLIENTS, "robustness.multiverse", reported=True
    ),
    File(
        "robustness/influence.csv",
        "how few clients carry a verdict",
        CLIENTS,
        "robustness.influence",
        reported=True,
    ),
    File("robustness/aspects.csv", "the aspects compared", CLIENTS, "robustness.aspects", reported=True),
    File("robustness/multiplicity.csv", "many tests", key="robustness.multiplicity", reported=True),
    File("robustness/chance.csv", "findings by chance", key="design.diagnosticity", reported=True),
    File("robustness/between.csv", "supposed therapist shares", (MATRIX,), reported=True),
    File("robustness/clustering.csv", "supposed clustering", (MATRIX,), reported=True),
    File(ROUNDING_FILE, "rounding of the printed matrix", (MATRIX,), reported=True),
    # what a study of this size can prove
    File(
        "design/diagnosticity.csv",
        "how often each finding shows",
        key="design.diagnosticity",
        reported=True,
        absent="the diagnosticity of the pattern of findings",
    ),
    File("design/likelihood_ratios.csv", "likelihood ratios", key="design.diagnosticity", reported=True),
    File(
        "design/power.csv",
        "power and precision",
        key="design.power",
        reported=True,
        absent="power and precision",
    ),
    File("design/smallest_designs.csv", "smallest sufficient designs", key="design.power"),
    File(
        "design/coverage.csv",
        "coverage of the intervals",
        key="design.coverage",
        reported=True,
        absent="the coverage of the intervals",
    ),
    File(
        "design/coverage_paths.csv",
        "coverage of paths and correlations",
        key="design.coverage",
        reported=True,
    ),
    File(
        "design/recovery.csv",
        "parameter recovery",
        key="design.recovery",
        reported=True,
        absent="parameter recovery",
    ),
    File(
        "design/sbc.csv",
        "calibration of the posterior",
        key="design.sbc",
        reported=True,
        absent="the calibration of the posterior",
    ),
    # what must be true for the pattern of findings to come about
    File("design/surface.csv", "where the pattern is likely", key="design.surface"),
    File("design/surface_ratios.csv", "ratios of composite hypotheses", key="design.surface", reported=True),
    File("design/surface_maximum.csv", "where the pattern is likeliest", key="design.surface", reported=True),
    File("design/pattern.csv", "how probable the pattern is", key="design.posterior"),
    File(
        "design/posterior.csv",
        "what must be true",
        key="design.posterior",
        reported=True,
        absent="what must be true for the pattern",
    ),
    File("design/statements.csv", "what each statement contributes", key="design.posterior", reported=True),
    File("design/information.csv", "what would change the posterior", key="design.posterior", reported=True),
    File("design/forecast.csv", "forecast of a replication", key="design.forecast", reported=True),
    File("design/forecast_sizes.csv", "sizes for a replication", key="design.forecast", reported=True),
    File("design/attempts.csv", "the best of several attempts", key="design.attempts", reported=True),
    # each finding of the paper, each published number
    File(
        "claims.csv",
        "the article's findings and verdicts",
        key="claims",
        columns=_CLAIMS,
        reported=True,
        absent="the check of the paper's findings",
    ),
    File(
        "published.csv",
        "published and computed numbers",
        key="published",
        columns=_PUBLISHED,
        reported=True,
        absent="the comparison with published numbers",
    ),
    # nothing is typeset before this holds
    File("gate.json"),
    File("manuscript/manuscript.html"),
    File("manuscript/manuscript.pdf"),
    File("manuscript/manuscript.docx"),
    File("manuscript/supplement.html"),
    File("manuscript/supplement.pdf"),
    File("manuscript/supplement.docx"),
    File("config.yaml"),
    File("ro-crate-metadata.json"),
    File("Snakefile"),
    File("disclosure.json", given=CLIENTS),
    File("manifest.json"),
)

#: Name → file, in the order of the stages.
FILES: dict[str, File] = {file.name: file for file in _ALL}
#: What the report and the published values draw on.
REPORTED: tuple[str, ...] = tuple(file.name for file in _ALL if file.reported)
#: What the explorers of the page read besides.
EXPLORED: tuple[str, ...] = ("design/surface.csv",)
COMPARED: tuple[str, ...] = tuple(file.name for file in _ALL if file.compared)
#: Where the tables of findings and of the rest of a run stand in the workflow's report.
CATEGORIES = {"claims.csv": "Findings", "published.csv": "Findings"}


def of_stages(*stages: str) -> list[str]:
    """Return the files of some stages, in order."""
    return [file.name for file in _ALL if file.stage in stages]


def category(name: str) -> str:
    """Return the heading under which the workflow's report shows a result."""
    return CATEGORIES.get(name, FILES[name].stage.capitalize())
