"""Draw all figures of the run."""

from fortems.workflow import job

with job(snakemake):
    from pathlib import Path

    import yaml
    from fortems.figures.base import Context
    from fortems.figures.build import build
    from fortems.report.results import Results

    folder = Path(snakemake.params.results)
    models = yaml.safe_load(Path(snakemake.input.models).read_text(encoding="utf-8-sig"))
    results = Results(folder, files=snakemake.params.sources, config=snakemake.params.config)
    build(snakemake.params.names, Context(results, {"models": models}), folder / "figures", snakemake.threads)
