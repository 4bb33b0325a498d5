"""Is a run's folder what its own manifest says? ``python -m fortems.run.check_run main`` tells it of ``results/main``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fortems.run.manifest import NAME, is_plain_file, leads_out, listed, read_manifest, result_files, sha256
from fortems.run.receipts import edited, read_receipts
from fortems.schema import load_schema, schema_problems

RESULTS, LOGS = Path("results"), Path("logs")


def check_run(results: Path, logs: Path) -> dict[str, str]:
    """Hold every file of a run's folder against the folder's manifest.

    Parameters
    ----------
    results : Path
        The run's folder; it may come from anywhere.
    logs : Path
        Where the run's steps left their receipts. With the one of the manifest, the manifest itself is held
        against it.

    Returns
    -------
    dict
        Name → what is wrong with it; empty when all is as listed. Hidden files are no results and not looked at.
    """
    told = read_manifest(str(results))
    files, there = listed(told), result_files(str(results))
    found = {name: words for name, digest in files.items() if (words := _wrong(results, name, digest, there))}
    found |= {name: "not in the manifest" for name in there if name not in files}
    if told.get("run") != results.name:
        found[NAME] = f"the manifest of a run called {told.get('run')!r}"
    if edited([f"{results}/{NAME}"], read_receipts(str(logs))):
        found[NAME] = "changed after the run wrote it"
    return found


def _wrong(results: Path, name: str, digest: object, there: Sequence[str]) -> str:
    if leads_out(name):
        return "leads out of the folder: not looked at"
    if name not in there:
        return "not there"
    if not is_plain_file(results / name):
        return "a link, or no file"
    return "" if sha256(results / name) == digest else "changed"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check runs from the command line; 0 when all is as listed, 1 when not, 2 when there is nothing to check."""
    parser = argparse.ArgumentParser(prog="python -m fortems.check_run", description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="name of a run, as in results/RUN")
    return max(_one(run) for run in parser.parse_args(arguments).runs)


def _one(run: str) -> int:
    if problems := schema_problems(run, load_schema("config")["properties"]["run"], "RUN"):
        print(problems[0], file=sys.stderr)
        return 2
    results = RESULTS / run
    files = listed(read_manifest(str(results)))
    if not files:
        print(f"{results}/{NAME} is not there, or lists no files: build the run first.", file=sys.stderr)
        return 2
    found = check_run(results, LOGS / run)
    for name, words in sorted(found.items()):
        print(f"{name if name.isprintable() else ascii(name)}: {words}")
    if found:
        print(f"\n{results} is not what its manifest lists: {len(found)} of its files, named above.")
        return 1
    print(f"{results} is what its manifest lists: all {len(files)} files have their checksums.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
