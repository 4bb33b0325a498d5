# The end of a run: its configuration as merged, and the list of all its files.
#
# needs  everything that `rule all` names
# makes  config.yaml, manifest.json; of own data beside it data/manifest.json

from fortems.run.manifest import STAYING


rule configuration:
    input:
        checked=checked_data(),
        analysed=[ANALYSED] if PRIVATE else [],
        code=code("configuration"),
    output:
        f"{RESULTS}/config.yaml",
    log:
        f"{LOGS}/configuration.log",
    conda:
        ENVIRONMENT
    params:
        config=published_form(config),
        software=software("configuration"),
    message:
        "Write out the configuration"
    script:
        "../scripts/configuration.py"


rule manifest:
    input:
        files=all_but("manifest.json"),
        code=code("manifest"),
    output:
        f"{RESULTS}/manifest.json",
        [f"{RESULTS}/{STAYING}"] if PRIVATE else [],
    log:
        f"{LOGS}/manifest.log",
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards: RESULTS,
        logs=lambda wildcards: LOGS,
        made_by=lambda wildcards: provenance(),
        software=software("manifest"),
    message:
        "List all files"
    script:
        "../scripts/manifest.py"
