"""Look through what may leave a run for clients, therapists and their rows."""

from fortems.workflow import job

with job(snakemake):
    from fortems.door.confidential import of_export, paths_of, secrets, words_of
    from fortems.door.disclosure import look_through, report
    from fortems.door.readers import read_table
    from fortems.door.settings import DataSettings
    from fortems.tidy import read_csv, write_json

    params = snakemake.params
    if params.simulated:
        found = report("simulated")
    else:
        settings = DataSettings.from_config(params.data)
        identifiers, texts, names = of_export(read_table(snakemake.input.data, settings.sheet), settings)
        secret = secrets(
            read_csv(snakemake.input.scores),
            read_csv(snakemake.input.answers[0]) if snakemake.input.answers else None,
            identifiers,
            texts,
            words_of(snakemake.input.known),
            names,
            paths_of(snakemake.input.data),
        )
        found = look_through(params.results, secret)
    write_json(found, snakemake.output[0])
