"""What it would take to overturn the effects: unmeasured causes, a common factor of the ratings."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.robustness.confounding.tables import tables
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    models, scores = load_models(snakemake.input.models), read_csv(snakemake.input.scores)
    made = tables(models, scores, snakemake.params.confidence, common=read_csv(snakemake.input.common))
    for path in snakemake.output:
        write_csv(made[Path(path).stem], path)
