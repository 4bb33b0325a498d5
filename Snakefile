# The study from end to end. `rule all` is its table of contents; the stages are in workflow/rules/.
#
#   data -> tables -> mediation -> robustness, design -> claims, published -> gate -> figures -> manuscript -> manifest
#
# Run it with `make`, or in the environment with `snakemake --cores 4`.

from fortems.package import located
from snakemake.utils import min_version

min_version("9.13")


configfile: located("config/config.yaml")


include: "workflow/rules/functions.smk"
include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        # the clients and how they got here
        within_reach(
            "data/items.csv",
            "data/scores.csv",
            "data/scores.schema.json",
            "data/flow.csv",
            "data/codebook.csv",
            "data/warnings.csv",
            "data/missing_patterns.csv",
            "data/missing_related.csv",
            "data/calibration.csv",
        ),
        # what the questionnaires measured
        within_reach(
            "tables/reliability.csv",
            "tables/descriptives.csv",
            "tables/icc.csv",
            "tables/correlations.csv",
            "tables/covariates.csv",
            "tables/matrix_source.csv",
            "tables/matrix_checks.csv",
            "tables/withheld.csv",
        ),
        # does meaning carry the effect of the alliance?
        within_reach(
            "mediation/effects.csv",
            "mediation/fit.csv",
            "mediation/verdicts.csv",
            "mediation/derived.csv",
            "mediation/agreement.csv",
            "mediation/measurement.csv",
            "mediation/cfa.csv",
        ),
        within_reach(
            "robustness/leave_one_out.csv",
            "robustness/between.csv",
            "robustness/clustering.csv",
            "robustness/rounding.csv",
        ),
        # what a study of this size can prove
        within_reach(
            "design/diagnosticity.csv",
            "design/likelihood_ratios.csv",
            "design/power.csv",
            "design/smallest_designs.csv",
            "design/coverage.csv",
            "design/recovery.csv",
        ),
        # what must be true for the pattern of findings to come about
        within_reach(
            "design/surface.csv",
            "design/surface_ratios.csv",
            "design/surface_maximum.csv",
            "design/pattern.csv",
            "design/posterior.csv",
            "design/statements.csv",
            "design/information.csv",
            "design/forecast.csv",
            "design/forecast_sizes.csv",
            "design/attempts.csv",
        ),
        # each finding of the paper, each published number
        within_reach("claims.csv", "published.csv"),
        # nothing is typeset before this holds
        within_reach("gate.json"),
        within_reach(
            "manuscript/manuscript.html",
            "manuscript/manuscript.pdf",
            "manuscript/manuscript.docx",
        ),
        within_reach("config.yaml", "disclosure.json", "manifest.json"),
    message:
        f"Everything is in {RESULTS}/"


include: "workflow/rules/data.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/mediation.smk"
include: "workflow/rules/design.smk"
include: "workflow/rules/claims.smk"
include: "workflow/rules/published.smk"
include: "workflow/rules/release.smk"
include: "workflow/rules/gate.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/manuscript.smk"
include: "workflow/rules/manifest.smk"


distrust()
name_orphans()


onstart:
    start()


onsuccess:
    cancel_timers()


onerror:
    print_last(failures(LOGS))
    cancel_timers()
