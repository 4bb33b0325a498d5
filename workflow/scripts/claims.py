"""Judge each finding of the paper by this run's results."""

from fortems.run.job import job

with job(snakemake):
    from fortems.claims.claimfile import claims_of_run
    from fortems.claims.evidence import from_tables
    from fortems.claims.judge import claims_table
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    covariates, aspects = (
        next((read_csv(path) for path in snakemake.input.get(name, [])), None)
        for name in ("covariates", "aspects")
    )
    evidence = from_tables(
        read_csv(snakemake.input.correlations),
        read_csv(snakemake.input.effects),
        covariates,
        snakemake.params.confidence,
        aspects,
    )
    claims = claims_of_run(snakemake.input.claims, load_models(snakemake.input.models))
    write_csv(claims_table(claims, evidence), snakemake.output[0])
