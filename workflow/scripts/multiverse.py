"""Analyse one main model in every defensible way, and test the analyses jointly."""

from fortems.run.job import job

with job(snakemake):
    from fortems.mediation.parts import write_part
    from fortems.robustness.choices import load_choices
    from fortems.robustness.joint import joint_test
    from fortems.robustness.specifications import multiverse
    from fortems.robustness.specifications_data import Clients
    from fortems.study.instruments import load_instruments
    from fortems.study.models import load_models
    from fortems.study.roles import key_models
    from fortems.tidy import read_csv

    params = snakemake.params
    models = load_models(snakemake.input.models)
    part = {}
    if name := key_models(models).get(snakemake.wildcards.part):
        answers = read_csv(snakemake.input.answers[0]) if snakemake.input.answers else None
        clients = Clients.of(read_csv(snakemake.input.scores), answers, load_instruments(params.instruments))
        choices = load_choices(snakemake.input.choices[0])
        part = {
            "multiverse": multiverse(models[name], clients, choices, params.engines, params.confidence),
            "joint": joint_test(models[name], clients, choices, params.resamples, params.seed),
        }
    write_part(part, snakemake.output[0])
