"""Do tests notice a changed line? Mutates what decides, by cosmic-ray's operators, and runs the tests of it.

``python .ci/mutants.py [--each N] [--only NAME]`` takes a fixed sample of N mutations of each module, tries every one in a
copy of the package, and writes ``docs/mutants.csv``: a row a mutation, killed or survived. A mutation that lives either
shows a test that is missing, or changes nothing that can be seen (an equivalent one). With ``--again`` it tries the first N
of those that were noticed then, and fails where one is no longer (continuous integration).
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from cosmic_ray.ast import get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/mutants.csv"
COLUMNS = ("name", "module", "operator", "occurrence", "line", "before", "after", "outcome")
SEED = 20210610
LONGEST = 900  # seconds for the tests as they are
SLOWER = 3  # times as long as they took; a mutation that makes tests hang is noticed, too

#: What decides → the module, and the tests that have to notice.
DECIDES = {
    "scoring": ("workflow/fortems/study/scoring.py", ["tests/study/test_scoring.py"]),
    "likelihood": (
        "packages/twolevel/src/twolevel/likelihood/complete.py",
        ["packages/twolevel/tests/test_likelihood.py"],
    ),
    "intervals": ("workflow/fortems/stats/intervals.py", ["tests/stats/test_intervals.py"]),
    "claims": ("workflow/fortems/claims/judge.py", ["tests/claims/test_claims.py"]),
    "privacy": ("workflow/fortems/data/privacy/subtraction.py", ["tests/data/test_subtraction.py"]),
    "gate": ("workflow/fortems/gate/verdicts.py", ["tests/gate"]),
}
#: Mutations that say nothing of a test (annotations are not evaluated), and those that want to be told of variables.
UNTOLD = ("core/ReplaceBinaryOperator_BitOr", "core/Variable")


def mutations(source: str) -> Iterator[tuple[str, int]]:
    """Yield operator and occurrence of every mutation of a source."""
    tree = get_ast(source)
    for name in sorted(operator_names()):
        if name.startswith(UNTOLD):
            continue
        operator = get_operator(name)()
        count = sum(1 for node in _nodes(tree) for _ in operator.mutation_positions(node))
        for occurrence in range(count):
            yield name, occurrence


def _nodes(node: object) -> Iterator[object]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _nodes(child)


def sample(source: str, name: str, each: int) -> list[tuple[str, int]]:
    """Return a fixed choice of mutations: the same for the same source, whatever else is asked for."""
    every = list(mutations(source))
    return sorted(random.Random(f"{SEED}:{name}").sample(every, min(each, len(every))))


def changed_line(before: str, after: str) -> tuple[int, str, str]:
    """Return number and text of the first line that differs."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    for number, (old, new) in enumerate(pairs, start=1):
        if old != new:
            return number, old.strip(), new.strip()
    return 0, "", ""


def copied(folder: Path) -> Path:
    """Copy the package to a folder that may be changed."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv", ".snakemake", "logs", "results", "*_cache", ".hypothesis", "benchmarks"
    )
    return Path(shutil.copytree(ROOT, folder / "package", ignore=left_out, symlinks=True))


def tried(copy: Path, tests: list[str], longest: float = LONGEST) -> str:
    """Run tests in a copy; ``survived`` when they pass within ``longest`` seconds, else ``killed``."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(copy / p) for p in ("workflow", "packages/twolevel/src")),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NUMBA_CACHE_DIR": str(copy / ".numba"),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=longest, check=False
        )
    except subprocess.TimeoutExpired:
        return "killed"
    return "survived" if done.returncode == 0 else "killed"


def stored() -> list[dict[str, str]]:
    """Read the mutations of the last measurement."""
    if not TABLE.is_file():
        return []
    with open(TABLE, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measured(copy: Path, name: str, chosen: list[tuple[str, int]]) -> Iterator[dict[str, str]]:
    """Try mutations of one module, one after the other: a row each.

    Raises
    ------
    SystemExit
        When the module's tests fail without any mutation.
    """
    module, tests = DECIDES[name]
    path, source = copy / module, (ROOT / module).read_text(encoding="utf-8")
    begun = time.monotonic()
    if tried(copy, tests) == "killed":
        raise SystemExit(f"{name}: its tests fail as it is")
    longest = SLOWER * (time.monotonic() - begun) + 30
    for operator, occurrence in chosen:
        after = mutate_code(source, get_operator(operator)(), occurrence)
        path.write_text(after, encoding="utf-8")
        outcome = tried(copy, tests, longest)
        path.write_text(source, encoding="utf-8")
        line, old, new = changed_line(source, after)
        print(f"{name}, line {line}: {outcome}: {new}", flush=True)
        values = (name, module, operator, str(occurrence), str(line), old, new, outcome)
        yield dict(zip(COLUMNS, values, strict=True))


def noticed_before(name: str, each: int) -> list[tuple[str, int]]:
    """Return the first stored mutations of a module that its tests noticed and that still change the line they changed.

    Raises
    ------
    SystemExit
        When the module has changed so much that none does.
    """
    source = (ROOT / DECIDES[name][0]).read_text(encoding="utf-8")
    found = []
    for row in stored():
        place = row["operator"], int(row["occurrence"])
        if row["name"] != name or row["outcome"] != "killed" or place not in set(mutations(source)):
            continue
        after = mutate_code(source, get_operator(place[0])(), place[1])
        if changed_line(source, after)[1:] == (row["before"], row["after"]):
            found.append(place)
    if not found:
        raise SystemExit(f"{name}: no stored mutation is of the module as it is; measure anew: make mutants")
    return found[:each]


def write(rows: list[dict[str, str]]) -> None:
    """Write the table, in the order of what decides."""
    with open(TABLE, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(sorted(rows, key=lambda row: list(DECIDES).index(row["name"])))


def main() -> int:
    """Measure and write, or try stored mutations again; 1 when one of these is no longer noticed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--each", type=int, default=10, help="mutations of each module")
    parser.add_argument("--only", choices=DECIDES, action="append", help="one of what decides")
    parser.add_argument(
        "--again", action="store_true", help="try those that were noticed before, write nothing"
    )
    options = parser.parse_args()
    chosen = options.only or list(DECIDES)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        copy = copied(Path(folder))
        for name in chosen:
            source = (ROOT / DECIDES[name][0]).read_text(encoding="utf-8")
            few = noticed_before(name, options.each) if options.again else sample(source, name, options.each)
            rows += measured(copy, name, few)
    if not options.again:
        write([row for row in stored() if row["name"] not in chosen] + rows)
    for name in chosen:
        counts = Counter(row["outcome"] for row in rows if row["name"] == name)
        print(f"{name}: {counts['killed']} of {counts.total()} noticed")
    return int(options.again and any(row["outcome"] == "survived" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
