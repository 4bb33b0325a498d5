"""Release what of the results of own data may be told."""

from fortems.run.job import job

with job(snakemake):
    from fortems.data.privacy.limits import Limits
    from fortems.data.privacy.suppression import Clients, suppressed
    from fortems.tidy import read_csv, write_csv

    params = snakemake.params
    clients = Clients.of(read_csv(snakemake.input.common), read_csv(snakemake.input.analysed))
    for name, full, path in zip(params.names, snakemake.input.full, snakemake.output, strict=True):
        write_csv(suppressed(name, read_csv(full), clients, Limits(params.min_cell)), path)
