"""Check that the results are fresh, complete and consistent before anything is typeset from them."""

from fortems.run.job import job

with job(snakemake):
    from fortems.gate.gate import collect, gate, require
    from fortems.tidy import write_json

    given, params = snakemake.input, snakemake.params
    claims = given.claims[0] if given.claims else None
    evidence = collect(
        given.results,
        params.results,
        params.logs,
        given.models,
        params.engines,
        claims,
        params.min_cell,
    )
    result = gate(evidence)
    require(result)
    write_json(result, snakemake.output[0])
