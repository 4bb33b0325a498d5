"""Check an export or simulated clients, score them, and account for every exclusion."""

from pathlib import Path

from fortems.run.job import job

with job(snakemake):
    from fortems.data.preparation import prepare, write_prepared
    from fortems.data.privacy.limits import Limits
    from fortems.data.privacy.protection import protect, write_protected
    from fortems.data.settings import DataSettings
    from fortems.study.instruments import load_instruments
    from fortems.study.models import load_models

    Path(snakemake.log.problems).unlink(missing_ok=True)
    instruments = load_instruments(snakemake.params.instruments)
    models = load_models(snakemake.input.models)
    prepared = prepare(
        snakemake.input.data,
        DataSettings.from_config(snakemake.params.data),
        instruments,
        models,
        snakemake.params.inclusion,
        snakemake.params.two_level,
    )
    outputs = dict(snakemake.output.items())
    if snakemake.params.min_cell:
        own = protect(prepared.scores, models, instruments, Limits(snakemake.params.min_cell))
        write_protected(own, prepared, snakemake.input.models, outputs)
    write_prepared(prepared, outputs)
    print(prepared.message)
