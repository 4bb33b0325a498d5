"""Check an export or simulated clients, score them, and account for every exclusion."""

from pathlib import Path

from fortems.run.job import job

with job(snakemake):
    from fortems.data.preparation import prepare, write_prepared
    from fortems.data.settings import DataSettings
    from fortems.study.instruments import load_instruments
    from fortems.study.models import load_models

    Path(snakemake.log.problems).unlink(missing_ok=True)
    prepared = prepare(
        snakemake.input.data,
        DataSettings.from_config(snakemake.params.data),
        load_instruments(snakemake.params.instruments),
        load_models(snakemake.input.models),
        snakemake.params.inclusion,
        snakemake.params.two_level,
    )
    write_prepared(prepared, dict(snakemake.output.items()))
    print(prepared.message)
