"""Fit all mediation models by some of the engines."""

from fortems.mediation.models import load_models
from fortems.mediation.run import fit_all, settings_of
from fortems.tidy import read_csv, write_csv
from fortems.workflow import job

with job(snakemake):
    results = fit_all(
        load_models(snakemake.input.models),
        read_csv(snakemake.input.scores),
        snakemake.params.engines,
        settings_of(snakemake.params.settings),
    )
    for name, frame in zip(("effects", "fit", "derived"), results, strict=True):
        write_csv(frame, snakemake.output[name])
