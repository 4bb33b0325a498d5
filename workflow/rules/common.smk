# Names that every stage uses.
#
# needs  config/config.yaml and what --configfile lays over it
# makes  RESULTS, LOGS, BENCHMARKS, ENVIRONMENT, CLIENTS, ANALYSED, ANSWERS, MODELS, TYPES, FIRST, SECOND, THIRD

from fortems.run.catalogue import WITHHELD
from fortems.run.config import (
    FULL,
    PROTECTED,
    complete,
    is_private,
    is_released,
    published_form,
    without_braces,
)
from fortems.errors import ConfigError, problems_text
from fortems.study.definition import use_labels, use_study
from fortems.run.job import (
    ForeignPackageError,
    cancel_timers,
    failures,
    forget_failures,
    steady_environment,
)

try:
    steady_environment()
except ForeignPackageError as error:
    refuse(problems_text(error))

# A job that a checked run starts does not check again.
try:
    config = whole(config)
    config = without_braces(checked(config) if workflow.is_main_process else complete(config))
except ConfigError as error:
    refuse(problems_text(error))

# Jobs inherit which study is in force.
use_study(config["study"])
LABELS = use_labels((config["report"] or {}).get("labels") or {}, config["run"])

RESULTS = f"results/{config['run']}"
LOGS = f"logs/{config['run']}"
BENCHMARKS = f"benchmarks/{config['run']}"
ENVIRONMENT = "../environment.yaml"

# What tables and models read: of own data the protected clients, and the models that these can carry.
PRIVATE = is_private(config)
if PRIVATE:
    CLIENTS, ANALYSED, ANSWERS, MODELS = [
        f"{RESULTS}/{PROTECTED}/{name}"
        for name in ("common.csv", "analysed.csv", "answers.csv", "models.yaml")
    ]
else:
    CLIENTS = ANALYSED = f"{RESULTS}/data/scores.csv"
    ANSWERS, MODELS = f"{RESULTS}/data/items.csv", config["models"]
TYPES = f"{RESULTS}/data/scores.schema.json"  # what each column of the scores is, read with them
RELEASED = {}  # of own data: result → how `snakemake --report` files it; filled by the rules (functions.smk)

# Priorities, so that no core is idle while the longest chain of steps runs: data, then what the longest steps wait
# for, then these.
FIRST, SECOND, THIRD = 3, 2, 1

# Whether a line a stage takes the place of Snakemake's words on every job.
CALM = terminal.hush(workflow)
