"""Where a printed number stands and what made it: ``make trace N=-0.31``.

``manuscript/numbers.csv`` of a run knows of every printed number its place, file, row, column and rule; the rule's script
and the functions that the script takes from the package follow from the sources.
"""

from __future__ import annotations

import argparse
import ast
import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from fortems.archive.replication import script_of
from fortems.errors import nearest
from fortems.package import ROOT

RESULTS = Path("results")
LEDGER = "manuscript/numbers.csv"
MOST = 25
GROUND = ("fortems.tidy", "fortems.run.", "fortems.seeds", "fortems.errors", "fortems.schema")


def plain(text: str) -> str:
    """Return a number as one types it: a plain minus, no zero before the point, no blanks."""
    found = text.strip().replace("\N{MINUS SIGN}", "-").replace("\N{NO-BREAK SPACE}", " ")
    for before, after in (("-0.", "-."), ("0.", ".")):
        if found.startswith(before):
            return after + found[len(before) :]
    return found


def fits(asked: str, row: Mapping[str, str]) -> bool:
    """Whether a number was printed so, or has this value at the decimals that were asked for."""
    if plain(asked) == plain(row["text"]):
        return True
    try:
        wanted, value = float(plain(asked)), float(row["value"])
    except ValueError:
        return False
    decimals = len(asked.partition(".")[2])
    return decimals > 0 and f"{value:.{decimals}f}" == f"{wanted:.{decimals}f}"


def functions_of(script: str) -> list[str]:
    """Return the functions that a script calls of the package, as ``module.function``; what only reads and writes left out."""
    tree = ast.parse((ROOT / script).read_text(encoding="utf-8"))
    taken = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fortems")
        for alias in node.names
    }
    called = [
        node.func.value.id if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        else node.func.id if isinstance(node.func, ast.Name) else ""
        for node in ast.walk(tree) if isinstance(node, ast.Call)
    ]  # fmt: skip
    found = [taken[name] for name in called if name in taken and not taken[name].startswith(GROUND)]
    return list(dict.fromkeys(found))


def places_of(row: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines on one number."""
    yield f"{row['text']}  {row['place']}"
    if row["source"]:
        yield f"    from the literature: {row['source']}"
        return
    if row["file"]:
        where = f", row {int(row['line']) + 2}" if row["line"].isdigit() else ""
        key = f" ({row['key']})" if row["key"] else ""
        value = f" = {row['value']}" if row["value"] else ""
        yield f"    {row['file']}{where}, column {row['column']}{value}{key}"
    if row["made_by"]:
        script = script_of(row["made_by"])
        made = f"; {script}: {', '.join(functions_of(script))}" if script else ""
        yield f"    made by rule {row['made_by']}{made}"


def main(arguments: Sequence[str] | None = None) -> int:
    """List where a number of a run stands; 0 when it was found, 1 when not, 2 when there is no run."""
    parser = argparse.ArgumentParser(prog="make trace", description=__doc__.split("\n")[0])
    parser.add_argument("run", help="name of a run, as in results/RUN")
    parser.add_argument("number", help="as printed, or as a value: -0.31")
    options = parser.parse_args(arguments)
    path = RESULTS / options.run / LEDGER
    if not path.is_file():
        print(f"{path} is not there: build the run first.", file=sys.stderr)
        return 2
    rows = _rows(path)
    found = [row for row in rows if fits(options.number, row)]
    if not found:
        near = nearest(plain(options.number), [plain(row["text"]) for row in rows])
        hint = f" The nearest that is: {near}" if near else ""
        print(f"{options.number} is not printed in the report of {options.run}.{hint}", file=sys.stderr)
        return 1
    for row in found[:MOST]:
        print("\n".join(places_of(row)))
    if len(found) > MOST:
        print(f"… and {len(found) - MOST} more places: see {path}")
    return 0


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    sys.exit(main())
