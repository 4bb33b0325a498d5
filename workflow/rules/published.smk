# The article's own numbers: its matrix re-analysed (data.source: matrix), each published value compared.
#
# needs  data.path (matrix), the models file, config/instruments, the published-values file, all tables
# makes  tables/{matrix_source,correlations,descriptives,matrix_checks,withheld}.csv,
#        robustness/{clustering,between,rounding}.csv and the matrix's part of mediation/ (matrix); published.csv (all sources)

from fortems.run.catalogue import COMPARED, ROUNDING_FILE

if config["data"]["source"] == "matrix":

    rule matrix:
        input:
            matrix=config["data"]["path"],
            models=config["models"],
            instruments=config["data"]["instruments"].values(),
            code=code("matrix"),
        output:
            shown("tables/matrix_source.csv"),
            shown("tables/correlations.csv"),
            shown("tables/descriptives.csv"),
            shown("tables/matrix_checks.csv"),
            shown("tables/withheld.csv"),
            shown("robustness/between.csv"),
            shown("robustness/rounding.csv"),
            shown("robustness/clustering.csv"),
            part=temp(f"{RESULTS}/mediation/parts/matrix.pkl"),
        log:
            f"{LOGS}/matrix.log",
        conda:
            ENVIRONMENT
        params:
            results=lambda wildcards: RESULTS,
            instruments=config["data"]["instruments"],
            engines=config["engines"],
            settings=MEDIATION_SETTINGS,
            software=software("matrix"),
        message:
            "Check the published matrix and re-analyse it"
        script:
            "../scripts/matrix.py"


if config["published"]:

    rule published:
        input:
            published=config["published"],
            models=config["models"],
            told=told_data("data/flow.csv"),
            results=computed_of(*COMPARED, ROUNDING_FILE),
            code=code("published"),
        output:
            shown("published.csv"),
        log:
            f"{LOGS}/published.log",
        conda:
            ENVIRONMENT
        params:
            results=lambda wildcards: computed_folder(),
            source=config["data"]["source"],
            available=[name for name in (*COMPARED, ROUNDING_FILE) if switched_on(name, config)],
            software=software("published"),
        message:
            "Compare the published numbers"
        script:
            "../scripts/published.py"
