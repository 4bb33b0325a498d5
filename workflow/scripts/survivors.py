"""What dropout before the sample would do to the effects."""

from fortems.run.job import job

with job(snakemake):
    from fortems.robustness.confounding.tables import survivors_table
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    params = snakemake.params
    models, scores = load_models(snakemake.input.models), read_csv(snakemake.input.scores)
    write_csv(survivors_table(models, scores, params.dropout, params.confidence), snakemake.output[0])
