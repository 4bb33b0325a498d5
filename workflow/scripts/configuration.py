"""Write out the configuration that the run used, as merged and completed."""

from fortems.run.job import job

with job(snakemake):
    import yaml
    from fortems.data.privacy.release import told_settings
    from fortems.tidy import read_csv, write_text

    config = snakemake.params.config
    if snakemake.input.analysed:
        config = told_settings(config, read_csv(snakemake.input.analysed[0]))
    write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), snakemake.output[0])
