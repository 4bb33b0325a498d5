# Would it survive? Other defensible analyses, single clients and therapists, many tests, what was not measured.
#
# needs  the clients' scores and answers (CLIENTS, ANSWERS), the models (MODELS), config/robustness.yaml, results of the stages before
# makes  robustness/*.csv, save what mediation.smk and published.smk make

from fortems.run.config import switched_on

if switched_on("robustness/confounding.csv", config):

    rule confounding:
        input:
            scores=ANALYSED,
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
            scores=ANALYSED,
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
            scores=ANALYSED,
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
