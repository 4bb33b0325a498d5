"""What a run's steps took: time and memory, left by each step beside its log, and the tracked table of them.

``python -m fortems.run.usage main`` (``make times``) renews the rows of a run in ``docs/times.csv``.

Light: every job and the Snakefile read it.
"""

from __future__ import annotations

import csv
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import get_type_hints

from fortems.package import ROOT

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in what getrusage counts memory in

SUFFIX = ".usage"
#: The file that the whole run leaves, and its name in the table.
WHOLE = "all"
TABLE = ROOT / "docs/times.csv"
START = time.monotonic()


@dataclass(frozen=True)
class Usage:
    """What the jobs of a rule took.

    Attributes
    ----------
    run, rule : str
        The run's name and the rule's; ``all`` for the whole run from its first job to its last.
    jobs : int
        How many jobs it was.
    seconds : float
        Wall time; of several jobs that of the longest.
    processor : float
        Processor seconds, of all its jobs.
    memory : float
        Most memory at once in a job, MB of 10^6 bytes; 0 for the whole run, where it is not measured.
    size : float
        MB of results, of the whole run; 0 in a rule's record.
    cores : int
        Cores that the run was given; 0 in a job's own record.
    machine : str
        Processors, system and Python; empty in a job's own record.
    """

    run: str
    rule: str
    jobs: int = 1
    seconds: float = 0.0
    processor: float = 0.0
    memory: float = 0.0
    size: float = 0.0
    cores: int = 0
    machine: str = ""


def leave(log: Path, rule: str) -> None:
    """Write beside a job's log what its process has taken so far, its children's share included."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    memory = max(_peak(own.ru_maxrss), children.ru_maxrss * UNIT)
    taken = Usage(
        log.parent.name,
        rule,
        seconds=round(time.monotonic() - START, 2),
        processor=round(own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime, 2),
        memory=round(memory / 1e6, 1),
    )
    write(taken, log.with_suffix(SUFFIX))


def _peak(told: int) -> int:
    """Most memory of this process in bytes; ``told`` is what getrusage says, where the system has nothing better.

    On Linux that is never less than what the process that started this one held when it did.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024
    return told * UNIT


def write(usage: Usage, path: Path) -> None:
    """Write one record; a disk that refuses it is no reason to fail a step."""
    with suppress(OSError):
        path.write_text(json.dumps(asdict(usage)), encoding="utf-8")


def by_rule(records: Iterable[Usage]) -> dict[str, Usage]:
    """Add up the jobs of each rule."""
    found: dict[str, Usage] = {}
    for one in records:
        old = found.get(one.rule)
        found[one.rule] = one if old is None else replace(
            one,
            jobs=old.jobs + one.jobs,
            seconds=max(old.seconds, one.seconds),
            processor=round(old.processor + one.processor, 2),
            memory=max(old.memory, one.memory),
        )  # fmt: skip
    return found


def of_run(logs: Path) -> dict[str, Usage]:
    """Read what the steps of a run left beside their logs: rule → usage.

    Raises
    ------
    FileNotFoundError
        When the run has left none, or was not made in one go.
    """
    records = [
        Usage(**json.loads(path.read_text(encoding="utf-8"))) for path in sorted(logs.glob(f"*{SUFFIX}"))
    ]
    found = by_rule(records)
    if WHOLE not in found:
        raise FileNotFoundError(
            f"{logs} tells of no run that was made from its first step to its last in one go"
        )
    return found


def recorded(path: Path = TABLE) -> list[Usage]:
    """Read the tracked table; none where it is not there."""
    if not path.is_file():
        return []
    kinds = get_type_hints(Usage)
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Usage(**{name: kind(row[name]) for name, kind in kinds.items()}) for row in rows]


def renew(runs: Sequence[str], logs: Path, path: Path = TABLE) -> None:
    """Put the usage of some runs into the table in place of what it says of them."""
    kept = [one for one in recorded(path) if one.run not in runs]
    for run in runs:
        whole = (found := of_run(logs / run))[WHOLE]
        kept += [replace(one, run=run, cores=whole.cores, machine=whole.machine) for one in found.values()]
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(field.name for field in fields(Usage))
        for one in sorted(kept, key=lambda one: (one.run, one.rule)):
            table.writerow(asdict(one).values())


def machine() -> str:
    """Return what times depend on: processors, system, Python."""
    return f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Renew from the command line: ``RUN...``; 0, or 2 where a run has left no times."""
    runs = list(sys.argv[1:] if arguments is None else arguments)
    try:
        renew(runs, Path("logs"))
    except FileNotFoundError as error:
        print(f"{error}: make it anew, from nothing.", file=sys.stderr)
        return 2
    print(f"{TABLE.relative_to(ROOT)} now has the times of {', '.join(runs)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
