# Does meaning carry the effect of the alliance? All models by all engines, then what follows from them.
#
# needs  data/scores.csv, data/items.csv (measurement), the models file
# makes  mediation/{effects,fit,verdicts,derived,agreement,measurement}.csv

MEDIATION_SETTINGS = dict(
    seed=config["seed"],
    confidence=config["confidence"],
    intervals=config["intervals"],
    draws=config["montecarlo"]["draws"],
    replicates=config["bootstrap"]["replicates"] if config["bootstrap"] else 0,
)
# Two jobs of about the same length; each engine imports what it needs. A published matrix has a job of its own
# (published.smk).
MEDIATION_JOBS = {
    "resampling": [e for e in config["engines"] if e in ("twolevel", "regression")],
    "plain": [e for e in config["engines"] if e in ("semopy", "mixedlm")],
}
if config["data"]["source"] == "matrix":
    MEDIATION_JOBS = {"matrix": [e for e in config["engines"] if e in ("regression", "semopy")]}


rule mediation_engines:
    input:
        scores=f"{RESULTS}/data/scores.csv",
        models=config["models"],
        code=code("mediation_engines"),
    output:
        effects=temp(f"{RESULTS}/mediation/parts/{{part}}_effects.csv"),
        fit=temp(f"{RESULTS}/mediation/parts/{{part}}_fit.csv"),
        derived=temp(f"{RESULTS}/mediation/parts/{{part}}_derived.csv"),
    log:
        f"{LOGS}/mediation_{{part}}.log",
    benchmark:
        f"{BENCHMARKS}/mediation_{{part}}.tsv"
    wildcard_constraints:
        part="resampling|plain",
    conda:
        ENVIRONMENT
    params:
        engines=lambda wildcards: MEDIATION_JOBS[wildcards.part],
        settings=MEDIATION_SETTINGS,
        software=software("mediation_engines"),
    script:
        "../scripts/mediation_engines.py"


rule mediation:
    input:
        effects=expand(
            f"{RESULTS}/mediation/parts/{{part}}_effects.csv", part=MEDIATION_JOBS
        ),
        fit=expand(f"{RESULTS}/mediation/parts/{{part}}_fit.csv", part=MEDIATION_JOBS),
        derived=expand(
            f"{RESULTS}/mediation/parts/{{part}}_derived.csv", part=MEDIATION_JOBS
        ),
        models=config["models"],
        code=code("mediation"),
    output:
        effects=f"{RESULTS}/mediation/effects.csv",
        fit=f"{RESULTS}/mediation/fit.csv",
        verdicts=f"{RESULTS}/mediation/verdicts.csv",
        derived=f"{RESULTS}/mediation/derived.csv",
        agreement=f"{RESULTS}/mediation/agreement.csv",
    log:
        f"{LOGS}/mediation.log",
    conda:
        ENVIRONMENT
    params:
        settings=MEDIATION_SETTINGS,
        software=software("mediation"),
    script:
        "../scripts/mediation.py"
