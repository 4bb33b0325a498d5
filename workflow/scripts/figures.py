"""Draw all figures of the run."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.figures.base import Context
    from fortems.figures.build import build
    from fortems.presentation.results import Results
    from fortems.study.models import load_models

    folder = Path(snakemake.params.results)
    models = load_models(snakemake.input.models)
    results = Results(
        folder,
        files=snakemake.params.sources,
        config=snakemake.params.config,
        claims=snakemake.input.claims[0] if snakemake.input.claims else None,
    )
    build(snakemake.params.names, Context(results, models), folder / "figures", snakemake.threads)
