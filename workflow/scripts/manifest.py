"""List every file of the run with its checksum, rule and inputs."""

from fortems.workflow import job

with job(snakemake):
    from fortems.manifest import manifest
    from fortems.tidy import write_json

    write_json(manifest(snakemake.params.results, snakemake.params.made_by), snakemake.output[0])
