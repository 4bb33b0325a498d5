"""Compare each published number with this run's."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.published.ledger import compare, load_ledger
    from fortems.tidy import write_csv

    results = Path(snakemake.params.results)
    available = {str(Path(path).relative_to(results)) for path in snakemake.params.available}
    entries = load_ledger(snakemake.input.published)
    table = compare(entries, results, available, snakemake.params.source, snakemake.input.published)
    write_csv(table, snakemake.output[0])
