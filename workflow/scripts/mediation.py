"""Put the engines' results together; verdicts, derived quantities and agreement follow from them."""

from fortems.workflow import job

with job(snakemake):
    from fortems.mediation.conclude import conclude
    from fortems.mediation.models import load_models
    from fortems.tidy import read_csv, write_csv

    parts = {name: [read_csv(p) for p in snakemake.input[name]] for name in ("effects", "fit", "derived")}
    for name, frame in conclude(**parts, models=load_models(snakemake.input.models)).items():
        write_csv(frame, snakemake.output[name])
