# The end of a run: its configuration as merged, and the list of all its files.
#
# needs  everything that `rule all` names
# makes  config.yaml, ro-crate-metadata.json and the Snakefile that it describes, manifest.json; of own data beside it data/manifest.json

from fortems.run.crate import METADATA, WORKFLOW
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


rule crate:
    input:
        files=all_but("disclosure.json", "manifest.json", METADATA, WORKFLOW),
        citation=from_here(ROOT / "CITATION.cff"),
        entry=from_here(ROOT / "Snakefile"),
        code=code("crate"),
    output:
        f"{RESULTS}/{METADATA}",
        f"{RESULTS}/{WORKFLOW}",
    log:
        f"{LOGS}/crate.log",
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards: RESULTS,
        own=config["data"]["source"] == "file",
        software=software("crate"),
    message:
        "Describe the run as an RO-Crate"
    script:
        "../scripts/crate.py"


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
