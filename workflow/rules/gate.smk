# The gate before anything is typeset: results fresh, complete, consistent with each other.
#
# needs  data, tables, mediation, robustness, design, claims.csv, published.csv
# makes  gate.json


rule gate:
    input:
        results=before_gate(),
        models=MODELS,
        claims=[config["claims"]] if config["claims"] else [],
        code=code("gate"),
    output:
        f"{RESULTS}/gate.json",
    log:
        f"{LOGS}/gate.log",
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards: RESULTS,
        logs=LOGS,
        engines=config["engines"],
        min_cell=config["privacy"]["min_cell"] if PRIVATE else 0,
        software=software("gate"),
    message:
        "Check that the results are fresh, complete and consistent"
    script:
        "../scripts/gate.py"
