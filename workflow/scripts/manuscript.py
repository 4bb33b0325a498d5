"""Write the manuscript and the ledger of its numbers."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.package import ROOT
    from fortems.presentation.results import Results
    from fortems.report.build import build
    from fortems.simulate.scenario import title_and_story

    folder = Path(snakemake.params.results)
    results = Results(
        folder,
        files=snakemake.params.sources,
        instruments=snakemake.params.instruments,
        claims=snakemake.input.claims[0] if snakemake.input.claims else None,
    )
    out = Path(snakemake.output.html).parent
    stories = [title_and_story(name) for name in snakemake.params.scenarios]
    build(
        results,
        Path(snakemake.input.models),
        ROOT / "manuscript",
        out,
        stories,
        sections=snakemake.params.sections,
        made=snakemake.params.made,
    )
