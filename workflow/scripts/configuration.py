"""Write out the configuration that the run used, as merged and completed."""

from fortems.run.job import job

with job(snakemake):
    import yaml
    from fortems.tidy import write_text

    write_text(
        yaml.safe_dump(snakemake.params.config, sort_keys=False, allow_unicode=True), snakemake.output[0]
    )
