"""Put together how each model changes when single therapists are left out."""

from fortems.workflow import job

with job(snakemake):
    from fortems.mediation.conclude import merged
    from fortems.mediation.models import load_models
    from fortems.tidy import read_csv, write_csv

    parts = [read_csv(path) for path in snakemake.input.influence]
    write_csv(merged(parts, load_models(snakemake.input.models)), snakemake.output[0])
