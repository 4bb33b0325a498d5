"""Compare each published number with this run's."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.published.ledger import compare, load_ledger
    from fortems.tidy import write_csv

    params = snakemake.params
    told = {f"data/{Path(path).name}": Path(path) for path in snakemake.input.told}
    entries = load_ledger(snakemake.input.published)
    available = set(params.available)
    table = compare(entries, Path(params.results), available, params.source, snakemake.input.published, told)
    write_csv(table, snakemake.output[0])
