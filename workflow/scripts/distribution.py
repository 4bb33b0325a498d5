"""What departs from normal theory in these data, and what that does to the interval."""

from fortems.run.job import job

with job(snakemake):
    from fortems.robustness.distribution.table import table
    from fortems.study.instruments import load_instruments, score_ranges
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    params = snakemake.params
    made = table(
        load_models(snakemake.input.models),
        read_csv(snakemake.input.scores),
        score_ranges(load_instruments(params.instruments)),
        params.studies,
        params.seed,
        params.confidence,
    )
    write_csv(made, snakemake.output[0])
