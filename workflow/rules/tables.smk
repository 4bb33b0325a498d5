# What the questionnaires measured, and how the scores hang together.
#
# needs  the clients' scores and answers (CLIENTS, ANSWERS: where the source has items), the instruments' files
# makes  tables/{reliability,descriptives,icc,correlations,covariates,raters}.csv

from fortems.run.config import kind

# A published matrix brings its own correlations (published.smk) and has no clients to describe.
if kind(config) != "matrix":

    rule tables:
        input:
            scores=CLIENTS,
            types=TYPES,
            instruments=list(config["data"]["instruments"].values()),
            code=code("tables"),
        output:
            descriptives=shown("tables/descriptives.csv"),
            icc=shown("tables/icc.csv"),
            correlations=shown("tables/correlations.csv"),
            covariates=shown("tables/covariates.csv"),
            raters=shown("tables/raters.csv"),
        log:
            f"{LOGS}/tables.log",
        conda:
            ENVIRONMENT
        params:
            confidence=config["confidence"],
            instruments=config["data"]["instruments"],
            software=software("tables"),
        message:
            "Describe the scores"
        script:
            "../scripts/tables.py"


if kind(config) == "items":

    rule reliability:
        input:
            answers=ANSWERS,
            instruments=list(config["data"]["instruments"].values()),
            code=code("reliability"),
        output:
            shown("tables/reliability.csv"),
        log:
            f"{LOGS}/reliability.log",
        priority: SECOND
        conda:
            ENVIRONMENT
        params:
            confidence=config["confidence"],
            instruments=config["data"]["instruments"],
            software=software("reliability"),
        message:
            "Estimate the reliabilities"
        script:
            "../scripts/reliability.py"
