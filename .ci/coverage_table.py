"""Branch coverage by room, as measured: ``coverage json`` to ``docs/coverage.csv`` (``make coverage``)."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs/coverage.csv"
COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")


def room(path: str) -> str:
    """Return the package and room that a file belongs to."""
    parts = Path(path).with_suffix("").parts
    start = next(
        (i for i, part in enumerate(parts) if part in ("fortems", "twolevel") and "src" not in parts[i:]), 0
    )
    inside = parts[start:]
    return ".".join(inside[:2]) if len(inside) > 2 else inside[0]


def by_room(measured: dict[str, dict[str, dict[str, int]]]) -> dict[str, Counter[str]]:
    """Add up what ``coverage json`` says of each file: room → counts, and the two packages whole."""
    found: dict[str, Counter[str]] = {}
    for path, entry in measured.items():
        counts = Counter({name: entry["summary"][name] for name in COUNTS})
        for name in {room(path), f"{room(path).partition('.')[0]} (whole)"}:
            found.setdefault(name, Counter()).update(counts)
    return dict(sorted(found.items()))


def share(counts: Counter[str]) -> float:
    """Return the share of lines and branches together that tests went through, as coverage counts it."""
    whole = counts["num_statements"] + counts["num_branches"]
    return (counts["covered_lines"] + counts["covered_branches"]) / whole if whole else 1.0


def main() -> int:
    """Read the data of the last measured tests and write the table."""
    told = subprocess.run(
        ["coverage", "json", "-q", "-o", "-"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    rooms = by_room(json.loads(told.stdout)["files"])
    with open(TABLE, "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["room", "statements", "covered", "branches", "covered_branches", "share"])
        for name, counts in rooms.items():
            table.writerow([name, *(counts[key] for key in COUNTS), f"{share(counts):.4f}"])
            print(f"{name}: {share(counts):.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
