"""What it would take to overturn the effects: unmeasured confounders, a common factor, dropout."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.robustness.confounding.tables import tables
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    params = snakemake.params
    made = tables(
        load_models(snakemake.input.models),
        read_csv(snakemake.input.scores),
        params.confidence,
        grid=params.dropout,
    )
    for path in snakemake.output:
        write_csv(made[Path(path).stem], path)
