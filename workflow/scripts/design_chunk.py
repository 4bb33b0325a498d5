"""Run one chunk of the design stage's simulated studies; progress goes to the log, where the run's terminal reads it."""

from functools import partial

from fortems.run.job import job

with job(snakemake):
    from fortems.design.stage import run_chunk, settings_of
    from fortems.tidy import write_csv

    chunk, chunks = int(snakemake.wildcards.chunk), int(snakemake.wildcards.chunks)
    settings = settings_of(snakemake.params.settings)
    sums, kept = run_chunk(settings, chunk - 1, chunks, partial(print, flush=True))
    write_csv(sums, snakemake.output.sums)
    write_csv(kept, snakemake.output.kept)
