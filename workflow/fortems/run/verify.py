"""Does a run equal what the release ships? Bytes first, then numbers within declared tolerances.

``python -m fortems.run.verify main`` compares ``results/main`` with ``results/reference/main``;
``python -m fortems.run.verify --renew main`` makes the run the new reference.

The reference holds a run's CSV and JSON files without client rows. All other files are compared by the checksums in
the reference's manifest. Figures, the report and the crate count as within tolerance when every table does, for they
are made from the tables; client rows and the configuration must be the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from fortems.run.crate import METADATA
from fortems.run.job import steady
from fortems.run.manifest import NAME, result_files, sha256
from fortems.schema import load_schema, schema_problems

RESULTS = Path("results")
REFERENCE = RESULTS / "reference"
MACHINE = "machine.json"
SHIPPED_DATA = ("data/calibration.csv", "data/flow.csv")
SHIPPED_BYTES = 1_000_000
# What is made of other files: figures and the report of tables; the crate lists checksums and sizes of everything.
DRAWN = ("figures/", "manuscript/", METADATA)
IDENTICAL, WITHIN, DIFFERS, MISSING, EXTRA = "identical", "within tolerance", "differs", "missing", "extra"
SHOWN_CELLS = 3
# Libraries choose their kernels when they are loaded, so a process with the settings of a step is asked.
ASK_LIBRARIES = """
import json, numpy, threadpoolctl
wide = numpy.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
print(json.dumps([" ".join([numpy.__version__, *wide]), threadpoolctl.threadpool_info()]))
"""


@dataclass(frozen=True)
class Tolerance:
    """How far numbers of some files may lie apart: ``|x − y| ≤ absolute + relative·max(|x|, |y|)``."""

    pattern: str
    relative: float
    absolute: float
    why: str


# The first pattern that fits counts.
TOLERANCES = (
    Tolerance(
        "design/*", 1e-3, 0.01, "shares of simulated studies: one at a threshold may fall the other way"
    ),
    Tolerance("mediation/*", 1e-4, 1e-6, "maxima of likelihoods and resampled quantiles"),
    Tolerance("robustness/bayes.csv", 0.05, 0.05, "random walks, in which one step may fall the other way"),
    Tolerance("robustness/*", 1e-4, 1e-6, "maxima of likelihoods"),
    Tolerance("tables/icc.csv", 1e-4, 1e-6, "maxima of likelihoods"),
    Tolerance("figures/*", 1e-3, 0.01, "drawn from all of these"),
    Tolerance("*", 1e-6, 1e-9, "closed forms"),
)


@dataclass(frozen=True)
class Compared:
    """The outcome for one file: its name, one of the five verdicts, and where it differs."""

    name: str
    verdict: str
    detail: str = ""


def verify(results: Path, reference: Path) -> list[Compared]:
    """Compare a run with a reference, file by file.

    Parameters
    ----------
    results, reference : Path
        Folders of the run and of its reference.

    Returns
    -------
    list of Compared
        One for each file of either, in the order of their names.
    """
    shipped = json.loads((reference / NAME).read_text(encoding="utf-8"))["files"]
    here = set(result_files(str(results)))
    compared = [_compare(name, results, reference, shipped) for name in sorted(here & set(shipped))]
    tables_agree = all(c.verdict in (IDENTICAL, WITHIN) for c in compared if (reference / c.name).is_file())
    compared = [_excused(c) if tables_agree else c for c in compared]
    compared += [Compared(name, MISSING) for name in set(shipped) - here]
    compared += [Compared(name, EXTRA) for name in here - set(shipped)]
    return sorted(compared, key=lambda c: c.name)


def verdict(compared: Sequence[Compared], reference: Path) -> str:
    """Return the verdict in words."""
    counts = Counter(c.verdict for c in compared)
    total = len(compared)
    if counts[IDENTICAL] == total:
        return f"Identical: all {total} files equal the reference byte for byte."
    told = ", ".join(
        f"{counts[word]} {word}" for word in (IDENTICAL, WITHIN, DIFFERS, MISSING, EXTRA) if counts[word]
    )
    if counts[IDENTICAL] + counts[WITHIN] == total:
        return (
            f"Reproduced: of {total} files {told}. Only last digits, or what is drawn from them, differ.\n"
            f"  here:      {_machine_text(machine())}\n"
            f"  reference: {_machine_text(_read_json(reference / MACHINE))}"
        )
    return f"Not reproduced: of {total} files {told}."


def renew(results: Path, reference: Path) -> list[str]:
    """Make a run the new reference; return the names of the files that it ships."""
    kept = [name for name in result_files(str(results)) if _ships(name, results)]
    shutil.rmtree(reference, ignore_errors=True)
    for name in [*kept, NAME]:
        (reference / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(results / name, reference / name)
    text = json.dumps(machine(), indent=1, sort_keys=True)
    (reference / MACHINE).write_text(f"{text}\n", encoding="utf-8")
    return kept


def machine() -> dict[str, str]:
    """Return what last digits depend on in a run's steps: processor, Python, BLAS and numpy with their kernels."""
    environment = {**os.environ, **steady()}
    told = subprocess.run(
        [sys.executable, "-c", ASK_LIBRARIES], env=environment, capture_output=True, text=True, check=True
    )
    numpy, pools = json.loads(told.stdout)
    blas = [i for i in pools if i.get("user_api") == "blas"]
    names = [f"{i['internal_api']} {i.get('version')} {i.get('architecture', '')}".strip() for i in blas]
    return {
        "processor": _processor(),
        "blas": ", ".join(dict.fromkeys(names)) or "unknown",
        "python": platform.python_version(),
        "numpy": numpy,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare or renew from the command line; 0 when reproduced, 1 when not, 2 when there is nothing to compare."""
    parser = argparse.ArgumentParser(prog="python -m fortems.run.verify", description=__doc__.split("\n")[0])
    parser.add_argument("runs", nargs="+", metavar="RUN", help="name of a run, as in results/RUN")
    parser.add_argument("--renew", action="store_true", help="make the run the new reference")
    options = parser.parse_args(arguments)
    return max(_one(run, options.renew) for run in options.runs)


def _one(run: str, renewing: bool) -> int:
    if problems := schema_problems(run, load_schema("config")["properties"]["run"], "RUN"):
        print(problems[0], file=sys.stderr)
        return 2
    results, reference = RESULTS / run, REFERENCE / run
    if not (results / NAME).is_file():
        print(f"{results}/{NAME} is not there. {_how_to_build(run)}", file=sys.stderr)
        return 2
    if renewing:
        kept = renew(results, reference)
        print(
            f"{reference} now holds {len(kept)} files of {results}. See the change: git diff --stat {reference}"
        )
        return 0
    if not (reference / NAME).is_file():
        print(f"{reference} is not there: no reference is shipped for the run {run!r}.", file=sys.stderr)
        return 2
    compared = verify(results, reference)
    print(verdict(compared, reference))
    told = [c for c in compared if c.verdict != IDENTICAL]
    for c in told:
        print(
            f"  {c.name:<{max(len(t.name) for t in told)}}  {c.verdict}{f': {c.detail}' if c.detail else ''}"
        )
    return 0 if all(c.verdict in (IDENTICAL, WITHIN) for c in compared) else 1


def _how_to_build(run: str) -> str:
    """Say which commands build what can be compared: of the runs with a reference, and which of them are there."""
    shipped = sorted(path.parent.name for path in REFERENCE.glob(f"*/{NAME}"))
    built = [name for name in shipped if (RESULTS / name / NAME).is_file()]
    commands = {
        "main": "make (the full run)",
        "ci": "make ci (the reduced one, minutes), then make verify RUN=ci",
    }
    words = f"Build it first: {' or '.join(commands[n] for n in ('main', 'ci') if n == run or n in shipped)}."
    others = [f"make verify RUN={name}" for name in built if name != run]
    return f"{words} What is there can be compared: {', '.join(others)}." if others else words


def _ships(name: str, results: Path) -> bool:
    if not name.endswith((".csv", ".json")) or name.startswith(DRAWN):
        return False
    if name.startswith("data/") and name not in SHIPPED_DATA:
        return False
    return (results / name).stat().st_size <= SHIPPED_BYTES


def _compare(name: str, results: Path, reference: Path, shipped: dict[str, Any]) -> Compared:
    if sha256(results / name) == shipped[name]["sha256"]:
        return Compared(name, IDENTICAL)
    if not (reference / name).is_file():
        return Compared(name, DIFFERS, "other bytes")
    tolerance = next(t for t in TOLERANCES if fnmatch(name, t.pattern))
    reader = _csv_cells if name.endswith(".csv") else _json_cells
    ours, theirs = dict(reader(results / name)), dict(reader(reference / name))
    if ours.keys() != theirs.keys():
        return Compared(name, DIFFERS, _shape_words(ours, theirs))
    off = [key for key in ours if not _close(ours[key], theirs[key], tolerance)]
    if off:
        cells = "; ".join(f"{key}: {ours[key]} here, {theirs[key]} there" for key in off[:SHOWN_CELLS])
        more = f"; {len(off) - SHOWN_CELLS} more" if len(off) > SHOWN_CELLS else ""
        return Compared(name, DIFFERS, cells + more)
    return Compared(name, WITHIN, f"{tolerance.relative:g} relative, {tolerance.absolute:g} absolute")


def _excused(compared: Compared) -> Compared:
    """What is drawn from tables that agree may differ in its bytes (last digits, versions of the fonts)."""
    if compared.verdict != DIFFERS or not compared.name.startswith(DRAWN):
        return compared
    return Compared(compared.name, WITHIN, "other bytes, drawn from tables that agree")


def _csv_cells(path: Path) -> Iterator[tuple[str, object]]:
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    for number, row in enumerate(rows[1:], start=2):
        for column, cell in zip(rows[0], row, strict=True):
            yield f"row {number}, {column}", cell
    yield "columns", ",".join(rows[0]) if rows else ""


def _json_cells(path: Path) -> Iterator[tuple[str, object]]:
    def walk(value: object, place: str) -> Iterator[tuple[str, object]]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from walk(item, f"{place}.{key}" if place else key)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from walk(item, f"{place}[{index}]")
        else:
            yield place, value

    yield from walk(_read_json(path), "")


def _close(ours: object, theirs: object, tolerance: Tolerance) -> bool:
    if ours == theirs:
        return True
    try:
        x, y = float(str(ours)), float(str(theirs))
    except ValueError:
        return False
    return math.isclose(
        x, y, rel_tol=0, abs_tol=tolerance.absolute + tolerance.relative * max(abs(x), abs(y))
    )


def _shape_words(ours: dict[str, object], theirs: dict[str, object]) -> str:
    words = []
    for label, only in (
        ("only here", ours.keys() - theirs.keys()),
        ("only there", theirs.keys() - ours.keys()),
    ):
        if only:
            first = next(key for key in (*ours, *theirs) if key in only)
            words.append(f"{len(only)} cells {label}, first {first}")
    return "; ".join(words)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _machine_text(facts: dict[str, str]) -> str:
    return "; ".join(
        f"{key} {facts[key]}" for key in ("processor", "blas", "python", "numpy") if key in facts
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
