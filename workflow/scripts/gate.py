"""Check that the results are fresh, complete and consistent before anything is typeset from them."""

from fortems.workflow import job

with job(snakemake):
    from fortems.gate import collect, gate, require
    from fortems.tidy import write_json

    params = snakemake.params
    evidence = collect(
        snakemake.input.results, params.results, params.logs, snakemake.input.models, params.engines
    )
    result = gate(evidence)
    require(result)
    write_json(result, snakemake.output[0])
