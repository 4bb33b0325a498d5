"""Put the engines' results together; verdicts, derived quantities and agreement follow from them."""

from fortems.mediation.models import load_models
from fortems.mediation.run import conclude
from fortems.tidy import read_csv, write_csv
from fortems.workflow import job

with job(snakemake):
    parts = {name: [read_csv(p) for p in snakemake.input[name]] for name in ("effects", "fit", "derived")}
    for name, frame in conclude(**parts, models=load_models(snakemake.input.models)).items():
        write_csv(frame, snakemake.output[name])
