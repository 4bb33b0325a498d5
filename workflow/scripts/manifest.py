"""List every file of the run with its checksum, rule and inputs."""

from fortems.run.job import job

with job(snakemake):
    from fortems.run.manifest import manifest
    from fortems.run.receipts import require_trusted
    from fortems.tidy import write_json

    require_trusted(snakemake.input.files, snakemake.params.logs)
    write_json(manifest(snakemake.params.results, snakemake.params.made_by), snakemake.output[0])
