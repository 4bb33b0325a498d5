# The study from end to end. `rule all` is its table of contents; the stages are in workflow/rules/.
#
#   data -> tables -> mediation -> robustness, design -> claims, published -> gate -> figures -> manuscript -> manifest
#
# Run it with `make`, or in the environment with `snakemake --cores 4`.

from fortems.package import located
from snakemake.utils import min_version

min_version("9.13")


configfile: located("config/config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/functions.smk"
include: "workflow/rules/common.smk"


rule all:
    default_target: True
    input:
        # fortems/run/catalogue.py lists the files of each
        stage("data"),  # the clients and how they got here
        stage("tables"),  # what the questionnaires measured
        stage("mediation"),  # does the mediator carry the effect?
        stage("robustness"),  # and does that hold?
        stage("design"),  # what a study of this size can prove, and what must be true for the findings
        stage("claims.csv", "published.csv"),  # each finding of the paper, each published number
        stage("gate.json"),  # nothing is typeset before this holds
        stage("manuscript"),  # the report in three formats
        # what the run was
        stage(
            "config.yaml",
            "ro-crate-metadata.json",
            "Snakefile",
            "disclosure.json",
            "manifest.json",
        ),
    message:
        f"Everything is in {RESULTS}/"


include: "workflow/rules/data.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/mediation.smk"
include: "workflow/rules/robustness.smk"
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
    finish()


onerror:
    print_last(failures(LOGS))
    cancel_timers()
