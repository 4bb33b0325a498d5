# Each finding of the paper: reproduced, consistent, not reproduced or not testable.
#
# needs  tables/{correlations,covariates}.csv, mediation/effects.csv, robustness/aspects.csv, the claims and the models file
# makes  claims.csv

if config["claims"]:

    rule claims:
        input:
            claims=config["claims"],
            models=config["models"],
            correlations=computed("tables/correlations.csv"),
            covariates=computed_of("tables/covariates.csv"),
            effects=computed("mediation/effects.csv"),
            aspects=computed_of("robustness/aspects.csv"),
            code=code("claims"),
        output:
            shown("claims.csv"),
        log:
            f"{LOGS}/claims.log",
        conda:
            ENVIRONMENT
        params:
            confidence=config["confidence"],
            software=software("claims"),
        message:
            "Judge the claims"
        script:
            "../scripts/claims.py"
