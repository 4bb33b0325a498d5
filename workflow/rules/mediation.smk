# Does meaning carry the effect of the alliance? All models by all engines, then what follows from them.
#
# needs  the clients' scores (ANALYSED, CLIENTS) and the models (MODELS); ANSWERS, tables/reliability.csv (measurement); for a published
#        matrix its own part of the models (published.smk)
# makes  mediation/{effects,fit,verdicts,derived,agreement,measurement,cfa}.csv, robustness/leave_one_out.csv

from fortems.run.config import kind, switched_on
from fortems.study.engines import ENGINES

MEDIATION_SETTINGS = dict(
    seed=config["seed"],
    confidence=config["confidence"],
    intervals=config["intervals"],
    draws=config["montecarlo"]["draws"],
    replicates=config["bootstrap"]["replicates"] if config["bootstrap"] else 0,
)
# Two jobs of about the same length; each imports only what its engines need.
MEDIATION_JOBS = {
    part: chosen
    for part, resamples in (("resampling", True), ("plain", False))
    if (chosen := [engine for engine in config["engines"] if ENGINES[engine].resamples == resamples])
}
INFLUENCE = {}
if switched_on("robustness/leave_one_out.csv", config):
    INFLUENCE["influence"] = shown("robustness/leave_one_out.csv")
MEDIATION_PARTS = ["matrix"] if kind(config) == "matrix" else list(MEDIATION_JOBS)


if kind(config) != "matrix":

    rule mediation_engines:
        input:
            scores=ANALYSED,
            types=TYPES,
            common=CLIENTS,
            models=MODELS,
            code=code("mediation_engines"),
        output:
            temp(computed("mediation/parts/{part}.pkl")),
        log:
            f"{LOGS}/mediation_{{part}}.log",
        benchmark:
            f"{BENCHMARKS}/mediation_{{part}}.tsv"
        wildcard_constraints:
            part="|".join(MEDIATION_JOBS),
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            engines=lambda wildcards: MEDIATION_JOBS[wildcards.part],
            settings=MEDIATION_SETTINGS,
            software=software("mediation_engines"),
        message:
            "Fit the mediation models ({wildcards.part})"
        script:
            "../scripts/mediation_engines.py"

    rule measurement:
        input:
            scores=CLIENTS,
            types=TYPES,
            answers=[ANSWERS] if kind(config) == "items" else [],
            reliability=computed_of("tables/reliability.csv"),
            instruments=list(config["data"]["instruments"].values()),
            models=MODELS,
            code=code("measurement"),
        output:
            [unfiled("mediation/cfa.csv")] if switched_on("mediation/cfa.csv", config) else [],
            measurement=shown("mediation/measurement.csv"),
        log:
            f"{LOGS}/measurement.log",
        benchmark:
            f"{BENCHMARKS}/measurement.tsv"
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            instruments=config["data"]["instruments"],
            engines=config["engines"],
            settings=MEDIATION_SETTINGS,
            latent=config["bootstrap"]["latent"] if config["bootstrap"] else 0,
            software=software("measurement"),
        message:
            "Fit the models with measurement error"
        script:
            "../scripts/measurement.py"


rule mediation:
    input:
        parts=expand(computed("mediation/parts/{part}.pkl"), part=MEDIATION_PARTS),
        models=MODELS,
        code=code("mediation"),
    output:
        **INFLUENCE,
        effects=shown("mediation/effects.csv"),
        fit=shown("mediation/fit.csv"),
        verdicts=shown("mediation/verdicts.csv"),
        derived=shown("mediation/derived.csv"),
        agreement=shown("mediation/agreement.csv"),
    log:
        f"{LOGS}/mediation.log",
    priority: FIRST
    conda:
        ENVIRONMENT
    params:
        software=software("mediation"),
    message:
        "Draw the verdicts on mediation"
    script:
        "../scripts/mediation.py"
