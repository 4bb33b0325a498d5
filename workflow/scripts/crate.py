"""Describe the run as an RO-Crate."""

from fortems.run.job import job

with job(snakemake):
    from importlib import metadata
    from pathlib import Path

    from fortems.package import ROOT
    from fortems.run.crate import METADATA, WORKFLOW, write_crate
    from fortems.run.manifest import result_files
    from fortems.schema import load_yaml

    results = Path(snakemake.params.results)
    write_crate(
        ROOT / "Snakefile",
        results,
        names=set(result_files(results)) - {METADATA, WORKFLOW, "disclosure.json", "manifest.json"},
        run=results.name,
        citation=load_yaml(snakemake.input.citation),
        snakemake=metadata.version("snakemake"),
        own=snakemake.params.own,
    )
