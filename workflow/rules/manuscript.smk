# The manuscript: text filled from results only, article and supplement in three formats, with one ledger of its numbers.
#
# needs  results (those that the catalogue calls reported), figures, config.yaml, the models, claims and instruments files, the simulated scenarios,
#        manuscript/
# makes  manuscript/{manuscript,supplement}.{html,pdf,docx}, manuscript/numbers.csv

from fortems.figures import catalog
from fortems.run import catalogue
from fortems.simulate.scenario import scenario_files

TOLD_SCENARIOS = DESIGN_SCENARIOS if switched_on("design/diagnosticity.csv", config) else []


rule manuscript:
    input:
        results=within_reach(*catalogue.REPORTED, *catalogue.EXPLORED),
        told=told_data(*catalogue.REPORTED),
        gate=within_reach("gate.json"),
        figures=[f"{RESULTS}/{name}" for name in catalog.files(config)],
        config=f"{RESULTS}/config.yaml",
        models=MODELS,
        claims=[config["claims"]] if config["claims"] else [],
        instruments=list(config["data"]["instruments"].values()),
        scenarios=sorted({path for name in TOLD_SCENARIOS for path in scenario_files(name)}),
        templates=manuscript_sources(),
        code=code("manuscript"),
    output:
        html=report(
            f"{RESULTS}/manuscript/manuscript.html",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "HTML"},
        ),
        pdf=report(
            f"{RESULTS}/manuscript/manuscript.pdf",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "PDF"},
        ),
        docx=report(
            f"{RESULTS}/manuscript/manuscript.docx",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "Word"},
        ),
        supplement_html=report(
            f"{RESULTS}/manuscript/supplement.html",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "supplement, HTML"},
        ),
        supplement_pdf=report(
            f"{RESULTS}/manuscript/supplement.pdf",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "supplement, PDF"},
        ),
        supplement_docx=report(
            f"{RESULTS}/manuscript/supplement.docx",
            caption="../report/manuscript.rst",
            category="Report",
            labels={"format": "supplement, Word"},
        ),
        numbers=report(
            f"{RESULTS}/manuscript/numbers.csv",
            caption="../report/numbers.rst",
            category="Report",
            labels={"format": "ledger of numbers"},
        ),
    log:
        f"{LOGS}/manuscript.log",
    benchmark:
        f"{BENCHMARKS}/manuscript.tsv"
    conda:
        ENVIRONMENT
    params:
        results=lambda wildcards: RESULTS,
        sources=[
            *(*catalogue.REPORTED, *catalogue.EXPLORED, catalog.INDEX),
            *(name for name in catalog.files(config) if name.endswith(".csv")),
        ],
        made=lambda wildcards: origins(),
        instruments=config["data"]["instruments"],
        scenarios=TOLD_SCENARIOS,
        sections=(config["report"] or {}).get("sections"),
        software=software("manuscript"),
    message:
        "Write the report"
    script:
        "../scripts/manuscript.py"
