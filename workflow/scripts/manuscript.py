"""Write the manuscript and the ledger of its numbers."""

from fortems.workflow import job

with job(snakemake):
    from pathlib import Path

    from fortems.report.build import build
    from fortems.report.results import Results

    folder = Path(snakemake.params.results)
    results = Results(folder, files=snakemake.params.sources)
    build(results, Path(snakemake.input.models), Path("manuscript"), Path(snakemake.output.html).parent)
