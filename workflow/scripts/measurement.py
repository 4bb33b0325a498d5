"""Mediation with measurement error taken into account, and the factor structure of the measure whose aspects are compared."""

from fortems.run.job import job

with job(snakemake):
    from fortems.mediation.measurement.cfa import factor_table
    from fortems.mediation.measurement.measurement import Sources, measurement_table
    from fortems.mediation.run import settings_of
    from fortems.study.instruments import compared, load_instruments
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    instruments = load_instruments(snakemake.params.instruments)
    scores = read_csv(snakemake.input.scores)
    answers = read_csv(snakemake.input.answers[0]) if snakemake.input.answers else None
    reliability = read_csv(snakemake.input.reliability[0]) if snakemake.input.reliability else None
    sources = Sources.of(scores, answers, reliability, instruments)
    table = measurement_table(
        load_models(snakemake.input.models),
        sources,
        snakemake.params.engines,
        settings_of(snakemake.params.settings),
        snakemake.params.latent,
    )
    write_csv(table, snakemake.output.measurement)
    if sources.items is not None:
        factors = factor_table(sources.items, compared(instruments), scores["therapist"])
        write_csv(factors, snakemake.output[0])
