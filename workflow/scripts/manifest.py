"""List every file of the run with its checksum, rule and inputs."""

from fortems.run.job import job

with job(snakemake):
    from fortems.run.manifest import divided, manifest
    from fortems.run.receipts import require_trusted
    from fortems.tidy import write_json

    require_trusted(snakemake.input.files, snakemake.params.logs)
    told = manifest(snakemake.params.results, snakemake.params.made_by)
    for half, path in zip(
        divided(told) if len(snakemake.output) > 1 else [told], snakemake.output, strict=True
    ):
        write_json(half, path)
