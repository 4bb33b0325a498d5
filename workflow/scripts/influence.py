"""How few clients carry a verdict, and whether the aspects differ."""

from fortems.run.job import job

with job(snakemake):
    from fortems.robustness.aspects import aspect_table
    from fortems.robustness.influence import influence_table
    from fortems.study.models import load_models
    from fortems.study.roles import key_models
    from fortems.tidy import read_csv, write_csv

    params = snakemake.params
    models = load_models(snakemake.input.models)
    scores = read_csv(snakemake.input.scores)
    if "influence" in params.settings:
        main = {name: models[name] for name in key_models(models).values()}
        table = influence_table(main, scores, params.confidence, params.settings["influence"]["most"])
        write_csv(table, snakemake.output.influence)
    if "aspects" in params.settings:
        effects = read_csv(snakemake.input.effects)
        resamples = params.settings["aspects"]["resamples"]
        table = aspect_table(scores, effects, models, resamples, params.seed, params.confidence)
        write_csv(table, snakemake.output.aspects)
