"""Which results the manuscript reads. Light: the Snakefile reads it."""

from __future__ import annotations

#: Files within ``results/<run>/`` that sentences and tables draw on.
FILES: tuple[str, ...] = (
    "data/flow.csv",
    "data/calibration.csv",
    "data/codebook.csv",
    "data/missing_patterns.csv",
    "tables/reliability.csv",
    "tables/descriptives.csv",
    "tables/icc.csv",
    "tables/correlations.csv",
    "mediation/effects.csv",
    "mediation/fit.csv",
    "mediation/verdicts.csv",
    "mediation/derived.csv",
    "mediation/agreement.csv",
    "mediation/measurement.csv",
    "mediation/cfa.csv",
    "tables/matrix_source.csv",
    "tables/matrix_checks.csv",
    "tables/withheld.csv",
    "robustness/leave_one_out.csv",
    "robustness/clustering.csv",
    "robustness/between.csv",
    "robustness/rounding.csv",
    "design/diagnosticity.csv",
    "design/likelihood_ratios.csv",
    "design/power.csv",
    "design/coverage.csv",
    "design/recovery.csv",
    "design/posterior.csv",
    "design/forecast.csv",
    "design/forecast_sizes.csv",
    "design/surface_maximum.csv",
    "claims.csv",
    "published.csv",
)

#: What the workflow stores beside the three formats: the ledger of the text's numbers.
OUTPUTS: tuple[str, ...] = ("manuscript.html", "manuscript.pdf", "manuscript.docx", "numbers.csv")
