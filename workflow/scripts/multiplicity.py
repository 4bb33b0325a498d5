"""Adjust for many tests; count the findings that come out by chance in each scenario."""

from fortems.run.job import job

with job(snakemake):
    from fortems.claims.claimfile import claims_of_run
    from fortems.robustness.multiplicity import multiplicity_table
    from fortems.robustness.multiplicity_chance import chance_table
    from fortems.study.instruments import load_instruments
    from fortems.study.models import load_models
    from fortems.tidy import read_csv, write_csv

    given = snakemake.input
    made = dict(snakemake.output.items())
    if "multiplicity" in made:
        table = multiplicity_table(
            read_csv(given.correlations),
            read_csv(given.effects),
            read_csv(given.claims[0]) if given.claims else None,
            load_models(given.models),
        )
        write_csv(table, made["multiplicity"])
    if "chance" in made:
        # Scenarios know all models, those too that own data cannot carry.
        models = load_models(given.all_models)
        claims = claims_of_run(given.stated[0], models) if given.stated else {}
        instruments = load_instruments(snakemake.params.instruments)
        write_csv(chance_table(read_csv(given.diagnosticity[0]), claims, models, instruments), made["chance"])
