# Figures, each in three formats beside the data that it draws, with text alternatives in an index.
#
# needs  what catalog.py lists for each figure, the models and claims files
# makes  figures/NAME.{svg,pdf,png,csv}, figures/index.csv

from fortems.figures import catalog


rule figures:
    input:
        results=within_reach(*catalog.sources(config)),
        told=told_data(*catalog.sources(config)),
        gate=within_reach("gate.json"),
        models=MODELS,
        claims=[config["claims"]] if config["claims"] else [],
        code=code("figures"),
    output:
        drawings=[
            shown(f"figures/{name}.svg", "Figures", name.replace("_", " ")) for name in catalog.names(config)
        ],
        others=[f"{RESULTS}/{name}" for name in catalog.files(config) if not name.endswith(".svg")],
    log:
        f"{LOGS}/figures.log",
    benchmark:
        f"{BENCHMARKS}/figures.tsv"
    conda:
        ENVIRONMENT
    threads: 4
    params:
        results=lambda wildcards: RESULTS,
        names=catalog.names(config),
        sources=catalog.sources(config),
        config={
            "data": {key: config["data"][key] for key in ("source", "scenario", "format")},
            "engines": config["engines"],
            "confidence": config["confidence"],
            "privacy": config["privacy"],
            "claims": published_form(config)["claims"],
        },
        software=software("figures"),
    message:
        "Draw the figures"
    script:
        "../scripts/figures.py"
