"""A calm terminal: one line for each stage of a run, with the share that is done and the time left.

Snakemake's own words on every job stay in its log below ``.snakemake/log/``. Whoever asks for more (``--verbose``,
``--printshellcmds``, a dry run) or for less (``--quiet``) gets that instead.

Light: the Snakefile reads it.
"""

from __future__ import annotations

import csv
import logging
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fortems.run.usage import WHOLE, Usage, machine, recorded, write

#: Events of Snakemake's that the terminal does not show, and the beginnings of its other words.
HIDDEN_EVENTS = frozenset(
    (
        "run_info",
        "shellcmd",
        "job_info",
        "job_started",
        "job_finished",
        "group_info",
        "resources_info",
        "progress",
    )
)
FAILED_EVENTS = frozenset(("job_error", "group_error"))
HIDDEN_WORDS = (
    "Assuming unrestricted shared",
    "Building DAG",
    "Complete log(s)",
    "Conda environments: ignored",
    "Elapsed time",
    "Removing temporary output",
    "Select jobs to execute",
    "Singularity containers: ignored",
    "Using shell",
)
#: What Snakemake says of a failed step besides; the step's own words stand last on the terminal.
FAILURE_WORDS = (
    "RuleException:\nCalledProcessError",
    "Shutting down",
    "Exiting because a job execution failed",
    "Removing output files of failed job",
)
#: Seconds until a stage that is still under way is told of; each time twice as long.
PATIENCE = 60.0
SHARE = re.compile(r"(\d+)% done")
STANDARD_HANDLER = "DefaultStreamHandler"
#: The step that ends a whole run.
LAST = "manifest"
#: Of a warning's values, how many are told.
MOST_VALUES = 6
#: What a step counts that was never timed.
UNKNOWN_SECONDS = 2.0


class Hush(logging.Filter):
    """Lets through what the terminal shows of Snakemake's own words: warnings, errors, and that nothing is to do."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is shown; a failed job is told of by our own listener, without all that it read."""
        if str(getattr(record, "event", None)) in FAILED_EVENTS:
            return False
        if str(record.msg or "").startswith(FAILURE_WORDS):
            return False
        if record.levelno >= logging.WARNING:
            return True
        if str(getattr(record, "event", None)) in HIDDEN_EVENTS:
            return False
        return not str(record.msg or "").startswith(HIDDEN_WORDS)


@dataclass
class Step:
    """A job of the run: its stage, the seconds that it should take, its log, and when it began."""

    stage: str
    expected: float
    log: str = ""
    began: float | None = None
    ended: float | None = None

    def share(self, now: float) -> float:
        """Return how much of it is done, between 0 and 1: as its log tells, else by its time."""
        if self.ended is not None:
            return 1.0
        if self.began is None:
            return 0.0
        if told := _told_share(self.log):
            return told
        return min(0.95, (now - self.began) / max(self.expected, 0.1))


class Terminal(logging.Handler):
    """Listens to Snakemake's events and writes a line when a stage is done.

    Parameters
    ----------
    steps : mapping of int to Step
        Number of each job → what is known of it.
    cores : int
        Cores of the run.
    out : callable
        Takes a line.
    """

    def __init__(self, steps: Mapping[int, Step], cores: int, out: Callable[[str], None]):
        super().__init__(logging.INFO)
        self.steps, self.cores, self.out = dict(steps), max(1, cores), out
        self.left = Counter(step.stage for step in self.steps.values())
        self.start = self.told = time.monotonic()
        self.patience = PATIENCE
        self.timer: threading.Timer | None = None
        self.whole = False  # whether every step of the run is made in this one go

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of jobs that begin and end."""
        event = str(getattr(record, "event", ""))
        if event == "job_info" and (step := self.steps.get(record.jobid)):  # type: ignore[attr-defined]
            step.began = time.monotonic()
            step.log = next(iter(getattr(record, "log", None) or []), "")
        elif event == "job_finished" and (step := self.steps.get(record.job_id)):  # type: ignore[attr-defined]
            self.finish(step)
        elif event == "job_error":
            logs = ", ".join(getattr(record, "log", None) or [])
            self.out(f"       {getattr(record, 'rule_name', 'a step')} failed; its log: {logs}")

    def finish(self, step: Step) -> None:
        """Count a job as done, and tell of its stage if it was the last of it."""
        if step.ended is not None:
            return
        step.ended = time.monotonic()
        self.left[step.stage] -= 1
        if not self.left[step.stage]:
            took = [
                s.ended - s.began
                for s in self.steps.values()
                if s.stage == step.stage and s.began and s.ended
            ]
            self.tell(step.stage, duration(sum(took)))

    def tell(self, stage: str, words: str) -> None:
        """Write a line: share done, stage, and about how long it still takes."""
        now = time.monotonic()
        self.told = now
        share, left = self.done(now)
        more = f"about {duration(left)} left" if share < 1 else "done"
        self.out(f"{share:5.0%}  {stage:<11} {words:<12} {more}")

    def done(self, now: float) -> tuple[float, float]:
        """Return the share of the run that is done and the seconds left.

        What is left takes as much longer than expected as what is done did, on all cores, and no less than the
        longest step.
        """
        shares = [(step, step.share(now)) for step in self.steps.values()]
        whole = sum(step.expected for step in self.steps.values())
        done = sum(step.expected * share for step, share in shares)
        took = sum((step.ended or now) - step.began for step in self.steps.values() if step.began is not None)
        pace = took / done if done else 1.0
        rest = [step.expected * (1 - share) for step, share in shares]
        left = pace * max(sum(rest) / self.cores, max(rest, default=0.0))
        ended = not any(self.left.values())
        return (1.0 if ended else min(done / whole, 0.99) if whole else 0.0), 0.0 if ended else left

    def wait(self) -> None:
        """Tell of a stage that takes long, now and then."""
        if time.monotonic() - self.told >= self.patience:
            running = [s.stage for s in self.steps.values() if s.began is not None and s.ended is None]
            if running:
                self.tell(Counter(running).most_common(1)[0][0], "under way")
                self.patience *= 2
        self.timer = threading.Timer(PATIENCE / 6, self.wait)
        self.timer.daemon = True
        self.timer.start()


def hush(workflow: Any) -> bool:
    """Keep Snakemake's words on single jobs off the terminal; return whether ours take their place.

    Not for one who wants more or less than the profile says, in a job of a run, or as part of another workflow.
    """
    settings = workflow.output_settings
    quiet = {str(getattr(q, "name", q)).lower() for q in settings.quiet or ()}
    if settings.verbose or settings.printshellcmds or settings.dryrun or quiet & {"all", "rules", "progress"}:
        return False
    if not workflow.is_main_process or workflow.modifier.skip_configfile:
        return False
    for handler in _logger().handlers:
        if handler.name == STANDARD_HANDLER and not any(isinstance(f, Hush) for f in handler.filters):
            handler.addFilter(Hush())
    return True


def begin(workflow: Any, run: str, stage_of: Callable[[str], str]) -> Terminal:
    """Announce a run and listen to it.

    Parameters
    ----------
    workflow : object
        Snakemake's, its jobs lined up.
    run : str
        The run's name.
    stage_of : callable
        Path of a result → the stage that it belongs to.
    """
    known = expected(recorded(), run)
    steps = {
        job.jobid: Step(
            stage_of(str(job.output[0])) if job.output else "", known.get(job.rule.name, UNKNOWN_SECONDS)
        )
        for job in workflow.dag.needrun_jobs()
        if job.output
    }
    cores = workflow.resource_settings.cores or 1
    all_steps = {job.jobid for job in workflow.dag.jobs if job.output}
    listener = Terminal(steps, int(cores), lambda line: print(line, file=sys.stderr, flush=True))
    listener.whole = set(steps) == all_steps and any(job.rule.name == LAST for job in workflow.dag.jobs)
    _logger().addHandler(listener)
    stages = len({step.stage for step in steps.values()})
    words = f"results/{run}: {_many(len(steps), 'step')} in {_many(stages, 'stage')} on {_many(listener.cores, 'core')}"
    listener.out(
        f"{words}, about {duration(listener.done(time.monotonic())[1])}. What each step says: logs/{run}/"
    )
    listener.wait()
    return listener


def end(listener: Terminal, run: str, results: Path, logs: Path) -> None:
    """Leave what the run took, if all its steps were made in this one go."""
    (logs / f"{WHOLE}.usage").unlink(missing_ok=True)
    if listener.whole:
        took = round(time.monotonic() - listener.start, 1)
        size = sum(path.stat().st_size for path in results.rglob("*") if path.is_file()) / 1e6
        whole = Usage(
            run,
            WHOLE,
            len(listener.steps),
            took,
            size=round(size, 1),
            cores=listener.cores,
            machine=machine(),
        )
        write(whole, logs / f"{WHOLE}.usage")


def expected(table: Iterable[Usage], run: str) -> dict[str, float]:
    """Return rule → seconds a job, of the run of this name if it was timed, else of the full run or any."""
    rows: dict[str, dict[str, float]] = {}
    for one in table:
        rows.setdefault(one.run, {})[one.rule] = one.seconds
    return next((rows[name] for name in (run, "main", "ci", *rows) if name in rows), {})


def closing(results: str, whole: bool) -> str:
    """Return the last line of a run: where the report is and how to open it, or where the results are."""
    report = f"{results}/manuscript/manuscript.html"
    if not whole or not Path(report).is_file():
        return f"Done: what was asked for is in {results}/"
    opener = "open" if sys.platform == "darwin" else "xdg-open"
    return f"The report is {report}; open it in a browser, for instance: {opener} {report}"


def warnings_of(table: str) -> str:
    """Return the warnings on a person's own data, counted, each with its values, from ``data/warnings.csv``.

    For the terminal alone: values may be a client's.
    """
    found: dict[tuple[str, str, str], Counter[str]] = {}
    with suppress(OSError), open(table, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = (row["column"] or row["instrument"], row["what"], row["remedy"])
            found.setdefault(key, Counter()).update([row["value"]])
    if not found:
        return ""
    lines = [f"{_many(len(found), 'warning')} on the data, of which {table} has every row:"]
    for (subject, what, remedy), values in found.items():
        times = f", {values.total()} times" if values.total() > 1 else ""
        lines.append(f"  - {subject}: {what}{times}{_values(values)}. {remedy}".rstrip())
    return "\n".join(lines)


def _values(values: Counter[str]) -> str:
    told = [
        f"{value} ({count})" if count > 1 else value
        for value, count in values.most_common(MOST_VALUES)
        if value
    ]
    if not told:
        return ""
    return f" [{', '.join(told)}{', ...' if len(values) > MOST_VALUES else ''}]"


def duration(seconds: float) -> str:
    """Return a time in words, as rough as one reads it."""
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _told_share(log: str) -> float | None:
    with suppress(OSError), open(log, "rb") as file:
        file.seek(max(0, Path(log).stat().st_size - 400))
        told = SHARE.findall(file.read().decode(errors="replace"))
        return int(told[-1]) / 100 if told else None
    return None


def _logger() -> logging.Logger:
    return logging.getLogger("snakemake.logging")
