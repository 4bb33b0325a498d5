# Names that every stage uses.
#
# needs  config/config.yaml and what --configfile lays over it
# makes  RESULTS, LOGS, BENCHMARKS, ENVIRONMENT, FIRST, SECOND, THIRD

from fortems.run.config import complete, published_form
from fortems.errors import ConfigError
from fortems.run.job import (
    cancel_timers,
    failures,
    forget_failures,
    problems_text,
    steady_environment,
)

steady_environment()

# A job that a checked run starts does not check again.
try:
    config = checked(config) if workflow.is_main_process else complete(config)
except ConfigError as error:
    refuse(problems_text(error))

RESULTS = f"results/{config['run']}"
LOGS = f"logs/{config['run']}"
BENCHMARKS = f"benchmarks/{config['run']}"
ENVIRONMENT = "../environment.yaml"

# Priorities, so that no core is idle while the longest chain of steps runs: data, then what the longest steps wait
# for, then these.
FIRST, SECOND, THIRD = 3, 2, 1
