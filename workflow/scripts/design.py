"""Put the chunks of the design stage together and make its tables."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.design.stage import settings_of, tables
    from fortems.tidy import read_csv, write_csv

    settings = settings_of(snakemake.params.settings)
    made = tables(settings, map(read_csv, snakemake.input.parts), map(read_csv, snakemake.input.kept))
    for path in snakemake.output:
        write_csv(made[Path(path).stem], path)
