# What a study of this size can prove (diagnosticity, power, coverage, recovery), and what must be true for the pattern
# of findings to come about (surface, posterior, forecast, attempts).
#
# needs  the scenarios, the priors, the claims, models and published files, config/instruments; of the run's data only
#        that they passed their check
# makes  design/*.csv, those of the catalogue
#
# A chunk is one job. Results do not depend on the number of chunks (fortems.design.tasks).

from fortems.simulate.scenario import scenario_files
from fortems.package import from_here
from fortems.study.definition import file_of, study

# The article's account first.
DESIGN_SCENARIOS = list(
    dict.fromkeys(
        [
            *filter(None, [study().account]),
            *((config["design"] or {}).get("diagnosticity") or {}).get("scenarios", []),
        ]
    )
)
DESIGN_TABLES = stage("design")

if DESIGN_TABLES:
    DESIGN_SETTINGS = dict(
        seed=config["seed"],
        confidence=config["confidence"],
        design={k: v for k, v in config["design"].items() if k != "chunks"},
        claims=config["claims"],
        models=config["models"],
        instruments=config["data"]["instruments"],
        published=config["published"],
    )
    DESIGN_FILES = dict(
        scenarios=sorted({path for name in DESIGN_SCENARIOS for path in scenario_files(name)}),
        priors=[
            from_here(file_of("prior", name))
            for name in (config["design"]["posterior"] or {}).get("priors", [])
        ],
        claims=[config["claims"]] if config["claims"] else [],
        published=[config["published"]] if config["published"] else [],
        models=config["models"],
        instruments=list(config["data"]["instruments"].values()),
    )

    rule design_chunk:
        input:
            **DESIGN_FILES,
            # Nothing is written before own data have passed their check; their content does not matter here.
            # (Not `ancient`: a step behind an ancient input is not looked at when what makes that input is re-run.)
            checked=[] if config["data"]["source"] == "simulated" else checked_data(),
            code=code("design_chunk"),
        output:
            sums=temp(f"{RESULTS}/design/parts/{{chunk}}_of_{{chunks}}.csv"),
            kept=temp(f"{RESULTS}/design/parts/kept_{{chunk}}_of_{{chunks}}.csv"),
        log:
            f"{LOGS}/design_{{chunk}}_of_{{chunks}}.log",
        benchmark:
            f"{BENCHMARKS}/design_{{chunk}}_of_{{chunks}}.tsv"
        wildcard_constraints:
            chunk="[0-9]+",
            chunks="[0-9]+",
        conda:
            ENVIRONMENT
        resources:
            mem_mb=1500,
        params:
            settings=DESIGN_SETTINGS,
            software=software("design_chunk"),
        message:
            "Simulate studies, chunk {wildcards.chunk} of {wildcards.chunks}"
        script:
            "../scripts/design_chunk.py"

    rule design:
        input:
            **DESIGN_FILES,
            parts=[
                f"{RESULTS}/design/parts/{chunk}_of_{config['design']['chunks']}.csv"
                for chunk in range(1, config["design"]["chunks"] + 1)
            ],
            kept=[
                f"{RESULTS}/design/parts/kept_{chunk}_of_{config['design']['chunks']}.csv"
                for chunk in range(1, config["design"]["chunks"] + 1)
            ],
            code=code("design"),
        output:
            [shown(path.removeprefix(f"{RESULTS}/")) for path in DESIGN_TABLES],
        log:
            f"{LOGS}/design.log",
        conda:
            ENVIRONMENT
        params:
            settings=DESIGN_SETTINGS,
            software=software("design"),
        message:
            "Tabulate what a study of this size can prove"
        script:
            "../scripts/design.py"
