"""Compare each published number with this run's."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.published.ledger import compare, ledger_of_run
    from fortems.study.models import load_models
    from fortems.tidy import write_csv

    params = snakemake.params
    told = {f"data/{Path(path).name}": Path(path) for path in snakemake.input.told}
    entries = ledger_of_run(snakemake.input.published, load_models(snakemake.input.models))
    available = set(params.available)
    table = compare(entries, Path(params.results), available, params.source, snakemake.input.published, told)
    write_csv(table, snakemake.output[0])
