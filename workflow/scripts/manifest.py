"""List every file of the run with its checksum, rule and inputs."""

from fortems.manifest import manifest
from fortems.tidy import write_json
from fortems.workflow import job

with job(snakemake):
    write_json(manifest(snakemake.params.results, snakemake.params.made_by), snakemake.output[0])
