"""Put the specifications of all main models together."""

from fortems.run.job import job

with job(snakemake):
    from fortems.mediation.parts import read_parts
    from fortems.robustness.choices import load_choices
    from fortems.robustness.specifications_summary import tables
    from fortems.tidy import write_csv

    parts = read_parts(snakemake.input.parts)
    choices = load_choices(snakemake.input.choices[0])
    for name, table in tables(parts.get("multiverse", []), parts.get("joint", []), choices).items():
        write_csv(table, snakemake.output[name])
