"""Estimate the reliability of every scale from its items."""

from fortems.run.job import job

with job(snakemake):
    from fortems.study.instruments import load_instruments
    from fortems.tables.reliability import reliability_table
    from fortems.tidy import read_csv, write_csv

    items = read_csv(snakemake.input.answers)
    instruments = load_instruments(snakemake.params.instruments)
    write_csv(reliability_table(items, instruments, snakemake.params.confidence), snakemake.output[0])
