"""Sample the posterior of the two-level models under several priors."""

from fortems.run.job import job

with job(snakemake):
    from fortems.robustness.bayes.posterior import Settings, table
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    models, scores = load_models(snakemake.input.models), read_csv(snakemake.input.scores)
    write_csv(table(models, scores, Settings(**snakemake.params.settings)), snakemake.output[0])
