# Would it survive? Other defensible analyses, single clients and therapists, many tests, what was not measured.
#
# needs  the clients' scores and answers (CLIENTS, ANSWERS), the models (MODELS), config/robustness.yaml, results of the stages before
# makes  robustness/*.csv, save what mediation.smk and published.smk make

from fortems.robustness.choices import files_of
from fortems.run.config import kind, switched_on
from fortems.simulate.scenario import scenario_files
from fortems.study.definition import study

if switched_on("robustness/confounding.csv", config):

    rule confounding:
        input:
            scores=ANALYSED,
            common=CLIENTS,
            types=TYPES,
            models=MODELS,
            code=code("confounding"),
        output:
            shown("robustness/confounding.csv"),
            shown("robustness/robustness_values.csv"),
            shown("robustness/common_factor.csv"),
        log:
            f"{LOGS}/confounding.log",
        benchmark:
            f"{BENCHMARKS}/confounding.tsv"
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            confidence=config["confidence"],
            software=software("confounding"),
        message:
            "Ask what unmeasured causes and a common factor would do"
        script:
            "../scripts/confounding.py"


if switched_on("robustness/survivors.csv", config):

    rule survivors:
        input:
            scores=CLIENTS,
            types=TYPES,
            models=MODELS,
            code=code("survivors"),
        output:
            shown("robustness/survivors.csv"),
        log:
            f"{LOGS}/survivors.log",
        benchmark:
            f"{BENCHMARKS}/survivors.tsv"
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            confidence=config["confidence"],
            dropout=config["robustness"]["survivors"],
            software=software("survivors"),
        message:
            "Ask what dropout before the sample would do"
        script:
            "../scripts/survivors.py"


if switched_on("robustness/bayes.csv", config):

    rule bayes:
        input:
            scores=CLIENTS,
            types=TYPES,
            models=MODELS,
            code=code("bayes"),
        output:
            shown("robustness/bayes.csv"),
        log:
            f"{LOGS}/bayes.log",
        benchmark:
            f"{BENCHMARKS}/bayes.tsv"
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            settings=dict(
                seed=config["seed"], confidence=config["confidence"], **config["robustness"]["bayes"]
            ),
            software=software("bayes"),
        message:
            "Sample the posterior of the two-level models"
        script:
            "../scripts/bayes.py"


if switched_on("robustness/distribution.csv", config):

    rule distribution:
        input:
            scores=CLIENTS,
            types=TYPES,
            models=MODELS,
            instruments=list(config["data"]["instruments"].values()),
            code=code("distribution"),
        output:
            shown("robustness/distribution.csv"),
        log:
            f"{LOGS}/distribution.log",
        benchmark:
            f"{BENCHMARKS}/distribution.tsv"
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            seed=config["seed"],
            confidence=config["confidence"],
            studies=config["robustness"]["distribution"]["studies"],
            instruments=config["data"]["instruments"],
            software=software("distribution"),
        message:
            "Ask what the data's distributions do to the interval"
        script:
            "../scripts/distribution.py"


if switched_on("robustness/specifications.csv", config):
    MULTIVERSE = config["robustness"]["multiverse"]

    # A job for each main model.
    rule multiverse:
        input:
            scores=CLIENTS,
            types=TYPES,
            answers=[ANSWERS] if kind(config) == "items" else [],
            choices=files_of(MULTIVERSE["choices"]),
            instruments=list(config["data"]["instruments"].values()),
            models=MODELS,
            code=code("multiverse"),
        output:
            temp(computed("robustness/parts/{part}.pkl")),
        log:
            f"{LOGS}/multiverse_{{part}}.log",
        benchmark:
            f"{BENCHMARKS}/multiverse_{{part}}.tsv"
        wildcard_constraints:
            part="|".join(study().predictors),
        priority: THIRD
        conda:
            ENVIRONMENT
        params:
            seed=config["seed"],
            confidence=config["confidence"],
            engines=config["engines"],
            resamples=MULTIVERSE["resamples"],
            instruments=config["data"]["instruments"],
            software=software("multiverse"),
        message:
            "Analyse {wildcards.part} in every defensible way"
        script:
            "../scripts/multiverse.py"

    rule specifications:
        input:
            parts=expand(computed("robustness/parts/{part}.pkl"), part=study().predictors),
            choices=files_of(MULTIVERSE["choices"]),
            code=code("specifications"),
        output:
            specifications=shown("robustness/specifications.csv"),
            multiverse=shown("robustness/multiverse.csv"),
            choices=shown("robustness/choices.csv"),
            joint=shown("robustness/joint.csv"),
        log:
            f"{LOGS}/specifications.log",
        conda:
            ENVIRONMENT
        params:
            software=software("specifications"),
        message:
            "Put the specifications together"
        script:
            "../scripts/specifications.py"


INFLUENCE_AND_ASPECTS = {
    name: shown(f"robustness/{name}.csv")
    for name in ("influence", "aspects")
    if switched_on(f"robustness/{name}.csv", config)
}

if INFLUENCE_AND_ASPECTS:

    rule influence:
        input:
            scores=CLIENTS,
            types=TYPES,
            effects=computed("mediation/effects.csv"),
            models=MODELS,
            code=code("influence"),
        output:
            **INFLUENCE_AND_ASPECTS,
        log:
            f"{LOGS}/influence.log",
        conda:
            ENVIRONMENT
        params:
            seed=config["seed"],
            confidence=config["confidence"],
            settings={name: config["robustness"][name] for name in INFLUENCE_AND_ASPECTS},
            software=software("influence"),
        message:
            "Look for the clients who carry the verdicts, and compare the aspects"
        script:
            "../scripts/influence.py"


MANY_TESTS = {
    name: shown(f"robustness/{name}.csv")
    for name in ("multiplicity", "chance")
    if switched_on(f"robustness/{name}.csv", config)
}

if MANY_TESTS:

    rule multiplicity:
        input:
            correlations=computed("tables/correlations.csv"),
            effects=computed("mediation/effects.csv"),
            claims=computed_of("claims.csv"),
            diagnosticity=within_reach("design/diagnosticity.csv"),
            stated=[config["claims"]] if config["claims"] else [],
            scenarios=sorted(
                {
                    path
                    for name in ((config["design"] or {}).get("diagnosticity") or {}).get("scenarios", [])
                    for path in scenario_files(name)
                }
            ),
            instruments=list(config["data"]["instruments"].values()),
            models=MODELS,
            all_models=config["models"],
            code=code("multiplicity"),
        output:
            **MANY_TESTS,
        log:
            f"{LOGS}/multiplicity.log",
        conda:
            ENVIRONMENT
        params:
            instruments=config["data"]["instruments"],
            software=software("multiplicity"),
        message:
            "Count the tests"
        script:
            "../scripts/multiplicity.py"
