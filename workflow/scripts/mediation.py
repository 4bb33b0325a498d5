"""Put the engines' results together; verdicts, derived quantities and agreement follow from them."""

from fortems.workflow import job

with job(snakemake):
    from fortems.mediation.conclude import conclude
    from fortems.mediation.models import load_models
    from fortems.mediation.parts import read_parts
    from fortems.tidy import write_csv

    parts = read_parts(snakemake.input.parts)
    models = load_models(snakemake.input.models)
    for name, frame in conclude(parts["effects"], parts["fit"], parts["derived"], models).items():
        write_csv(frame, snakemake.output[name])
