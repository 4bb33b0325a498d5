"""Check a published matrix and re-estimate what it gives."""

from fortems.run.job import job

with job(snakemake):
    from pathlib import Path

    from fortems.mediation.parts import write_part
    from fortems.mediation.slopes import Settings
    from fortems.published.tables import run_matrix
    from fortems.study.instruments import load_instruments
    from fortems.study.models import load_models
    from fortems.tidy import write_csv

    params = snakemake.params
    run = run_matrix(
        snakemake.input.matrix,
        load_models(snakemake.input.models),
        load_instruments(params.instruments),
        params.engines,
        Settings(**params.settings),
    )
    for name, frame in run.frames.items():
        write_csv(frame, Path(params.results) / name)
    analysis = run.analysis
    frames = {"effects": analysis.effects, "fit": analysis.fit, "derived": analysis.derived}
    write_part(frames, snakemake.output.part)
