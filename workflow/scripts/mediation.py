"""Put the engines' results together; verdicts, derived quantities, agreement and influence follow."""

from fortems.run.job import job

with job(snakemake):
    from fortems.mediation.conclude import conclude
    from fortems.mediation.parts import merged, read_parts
    from fortems.study.models import load_models
    from fortems.tidy import write_csv

    parts = read_parts(snakemake.input.parts)
    models = load_models(snakemake.input.models)
    for name, frame in conclude(parts["effects"], parts["fit"], parts["derived"], models).items():
        write_csv(frame, snakemake.output[name])
    if "influence" in snakemake.output.keys():  # noqa: SIM118 (a Namedlist)
        write_csv(merged(parts["influence"], models), snakemake.output.influence)
