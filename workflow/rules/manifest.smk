# The end of a run: its configuration as merged, and the list of all its files.
#
# needs  everything that `rule all` names
# makes  config.yaml, manifest.json


rule configuration:
    input:
        checked=checked_data(),
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
