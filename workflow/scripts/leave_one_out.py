"""Put together how each model changes when single therapists are left out."""

from fortems.workflow import job

with job(snakemake):
    from fortems.mediation.models import load_models
    from fortems.mediation.parts import merged, read_parts
    from fortems.tidy import write_csv

    influence = read_parts(snakemake.input.parts)["influence"]
    write_csv(merged(influence, load_models(snakemake.input.models)), snakemake.output[0])
