# The gate before anything is typeset: results fresh, complete, consistent with each other.
#
# needs  data, tables, mediation, robustness, design, claims.csv, published.csv
# makes  gate.json


rule gate:
    input:
        results=before_gate(),
        models=config["models"],
        claims=[config["claims"]] if config["claims"] else [],
        code=code("gate"),
    output:
        f"{RESULTS}/gate.json",
    params:
        results=RESULTS,
        logs=LOGS,
        engines=config["engines"],
        claims=config["claims"],
        software=software("gate"),
    log:
        f"{LOGS}/gate.log",
    conda:
        ENVIRONMENT
    script:
        "../scripts/gate.py"
