"""Fit all mediation models by some of the engines."""

from fortems.run.job import job

with job(snakemake):
    from fortems.mediation.parts import write_part
    from fortems.mediation.run import fit_all, settings_of
    from fortems.study.models import load_models
    from fortems.tidy import read_csv

    results = fit_all(
        load_models(snakemake.input.models),
        read_csv(snakemake.input.scores),
        snakemake.params.engines,
        settings_of(snakemake.params.settings),
        read_csv(snakemake.input.common) if snakemake.input.common != snakemake.input.scores else None,
    )
    write_part(results, snakemake.output[0])
