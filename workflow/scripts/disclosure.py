"""Look through what may leave a run for clients, therapists and their rows."""

from fortems.run.job import job

with job(snakemake):
    from fortems.data.privacy.confidential import of_export, paths_of, secrets, words_of
    from fortems.data.privacy.disclosure import look_through, report
    from fortems.data.privacy.limits import Limits
    from fortems.data.reading.readers import read_table
    from fortems.data.settings import DataSettings
    from fortems.figures.catalog import of_simulated
    from fortems.tidy import read_csv, write_json

    params = snakemake.params
    if params.simulated:
        found = report("simulated")
    else:
        settings = DataSettings.from_config(params.data)
        identifiers, texts, names = of_export(
            read_table(snakemake.input.data, settings.sheet), settings, categories=bool(params.min_cell)
        )
        secret = secrets(
            read_csv(snakemake.input.scores),
            read_csv(snakemake.input.answers[0]) if snakemake.input.answers else None,
            identifiers,
            texts,
            words_of(snakemake.input.known),
            names,
            paths_of(snakemake.input.data),
        )
        limits = Limits(params.min_cell) if params.min_cell else None
        found = look_through(params.results, secret, limits, of_simulated())
    write_json(found, snakemake.output[0])
